/*
 * Standard streams and memory of this process, for the machine.
 *
 * A read loops until all bytes that were asked for are there, or the end: how
 * many arrive must not depend on how fast a pipe is written. A write loops until
 * all is written. Bytes are bytes: nothing is translated.
 *
 * Standard streams that are a terminal are one stream, STREAM_TTY, whose keys are
 * pushed (terminal.c). If keys and output are both the terminal's and limpid is in
 * the foreground, the guest has it from the start. Else another program may be
 * meant, a pager behind a pipe perhaps, and the guest gets it when it wants a key.
 *
 * State that belongs to the process, not to a machine, is static: which streams
 * were open at the start, and the progress line on its terminal.
 */
#define _GNU_SOURCE
#include "tool/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lens/text.h"
#include "tool/tool.h"

#define PROGRESS_AFTER 3.0 /* s: shorter waits need no explanation */
#define PROGRESS_QUIET 1.0 /* s since the program's last output */
#define PROGRESS_EVERY 0.5 /* s between updates */

static bool was_closed[3];
static struct {
	double start, last_output, last_shown;
	uint64_t instructions; /* when it was last shown */
	bool shown, is_off;
} progress;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void host_claim_streams(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		was_closed[fd] = true;
		/* here: 0 to fd - 1 are open, so open() gives fd; the wrong direction fails */
		(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	}
	signal(SIGPIPE, SIG_IGN);
}

bool host_has_stream(enum machine_stream s)
{
	return s == STREAM_UART || (s <= STREAM_STDERR && !was_closed[s]);
}

/* -- memory ------------------------------------------------------------------------------- */

static void *mem_alloc(void *ctx, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void mem_free(void *ctx, void *mem, size_t len)
{
	munmap(mem, len);
}

/* -- streams ------------------------------------------------------------------------------ */

/* Waits for a descriptor that was made non-blocking by someone who shares it. */
static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	poll(&p, 1, -1);
}

static long stream_read(void *ctx, enum machine_stream s, void *buf, size_t len)
{
	size_t done = 0;

	if (s != STREAM_STDIN)
		return 0;
	while (done < len) {
		ssize_t n = read(STDIN_FILENO, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR) {
			terminal_obey_signal();
			continue;
		}
		if (n < 0 && errno == EAGAIN) {
			wait_for(STDIN_FILENO, POLLIN);
			continue;
		}
		if (n < 0)
			return done ? (long)done : -1;
		done += (size_t)n;
		if (n == 0)
			break;
	}
	return (long)done;
}

/* => all was written. */
static bool write_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EAGAIN)
			wait_for(fd, POLLOUT);
		else if (n < 0 && errno != EINTR)
			return false;
		else if (n > 0)
			done += (size_t)n;
	}
	return true;
}

static void uart_flush(struct host *h)
{
	if (h->uart_len == 0)
		return;
	host_progress_clear();
	fprintf(stderr, "limpid: kernel: %.*s%s", (int)h->uart_len, h->uart, terminal_newline());
	h->uart_len = 0;
}

static void uart_write(struct host *h, const char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (buf[i] == '\n' || h->uart_len == sizeof h->uart)
			uart_flush(h);
		if (buf[i] != '\n' && buf[i] != '\r')
			h->uart[h->uart_len++] = buf[i];
	}
}

static long stream_write(void *ctx, enum machine_stream s, const void *buf, size_t len)
{
	struct host *h = ctx;

	if (s == STREAM_UART) {
		uart_write(h, buf, len);
		return (long)len;
	}
	host_progress_clear();
	progress.last_output = host_progress_wanted() ? now() : 0;
	if (s == STREAM_TTY)
		return terminal_write(&h->terminal, buf, len) ? (long)len : -1;
	if (s != STREAM_STDOUT && s != STREAM_STDERR)
		return -1;
	if (write_all(s == STREAM_STDOUT ? STDOUT_FILENO : STDERR_FILENO, buf, len))
		return (long)len;
	if (errno != EPIPE && !h->failed[s])
		h->failed[s] = errno;
	return -1;
}

void host_init(struct host *h, struct machine_host *out)
{
	*h = (struct host){0};
	*out = (struct machine_host){
	    .ctx = h,
	    .mem_alloc = mem_alloc,
	    .mem_free = mem_free,
	    .stream_read = stream_read,
	    .stream_write = stream_write,
	};
}

/* -- the terminal ------------------------------------------------------------------------- */

static long tty_read(void *ctx, void *buf, size_t len, enum tty_use use)
{
	struct host *h = ctx;
	uint8_t signal;
	size_t n;

	if (use == TTY_RELEASED) {
		host_progress_clear();
		terminal_stop();
		return 0;
	}
	signal = terminal_signal();
	if (signal) {
		*(uint8_t *)buf = signal;
		return 1;
	}
	if (use == TTY_WANTED)
		terminal_take(&h->terminal);
	terminal_read(&h->terminal, 0);
	n = terminal_keys(&h->terminal, buf, len);
	if (n > 0) {
		host_progress_clear();
		progress.is_off = true; /* somebody is at work here, and needs no news */
	}
	return n == 0 && h->terminal.ended ? -1 : (long)n;
}

static void tty_size(void *ctx, uint16_t *cols, uint16_t *rows)
{
	struct host *h = ctx;

	terminal_size(&h->terminal, cols, rows);
}

static uint64_t idle(void *ctx, uint64_t ns, bool input)
{
	struct host *h = ctx;

	if (h->skips && ns != UINT64_MAX)
		return ns;
	if (ns == UINT64_MAX) {
		host_progress_clear();
		progress.is_off = true; /* the guest waits for a key */
	}
	uint64_t passed = terminal_idle(&h->terminal, ns, input);
	/* Time that is skipped does not pass while a key is waited for; nor does the machine stop.
	 */
	if (h->skips && h->terminal.m)
		machine_request_stop(h->terminal.m);
	return h->skips ? 0 : passed;
}

void host_find_terminal(struct host *h, struct machine_host *out, enum host_idle how)
{
	unsigned open = 0;

	for (int fd = 0; fd < 3; fd++)
		open |= was_closed[fd] ? 0 : 1u << fd;
	terminal_init(&h->terminal, open);
	h->terminal.keeps_lines = !(h->terminal.streams & 2); /* others write there */
	h->skips = how == IDLE_SKIP;
	if (h->terminal.streams) {
		out->tty_read = tty_read;
		out->tty_size = tty_size;
		terminal_follow();
	}
	if (h->terminal.streams || how == IDLE_WAIT)
		out->idle = idle;
}

void host_start(struct host *h, struct machine *m, bool at_once)
{
	h->terminal.m = m;
	if (at_once && (h->terminal.streams & 3) == 3 && terminal_is_ours(&h->terminal))
		terminal_take(&h->terminal);
}

bool host_pump(struct host *h)
{
	terminal_read(&h->terminal, 0);
	return !h->terminal.quit;
}

void host_fini(struct host *h)
{
	terminal_restore();
	uart_flush(h);
	host_progress_clear();
	if (h->failed[STREAM_STDOUT])
		complain("standard output: %s; the program was told that its reader is gone",
			 strerror(h->failed[STREAM_STDOUT]));
}

/* -- progress ----------------------------------------------------------------------------- */

bool host_progress_wanted(void)
{
	static int tty = -1;

	if (tty < 0)
		tty = isatty(STDERR_FILENO);
	return tty;
}

void host_progress_start(void)
{
	progress.start = progress.last_shown = now();
}

void host_progress(uint64_t instructions)
{
	char buf[COMMAS_SIZE];
	double t = now();

	if (progress.is_off || t - progress.start < PROGRESS_AFTER ||
	    t - progress.last_output < PROGRESS_QUIET ||
	    (progress.shown && t - progress.last_shown < PROGRESS_EVERY))
		return;
	fprintf(stderr, "\r\033[Klimpid: %.0f s, %s million instructions, %.0f million per second",
		t - progress.start, commas(buf, instructions / 1000000),
		(double)(instructions - progress.instructions) / 1e6 / (t - progress.last_shown));
	fflush(stderr);
	progress.shown = true;
	progress.last_shown = t;
	progress.instructions = instructions;
}

void host_progress_clear(void)
{
	if (!progress.shown)
		return;
	progress.shown = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
