/*
 * Standard streams and memory of this process, for the machine.
 *
 * A read loops until all bytes that were asked for are there, or the end: how
 * many arrive must not depend on how fast a pipe is written. A terminal is the
 * exception, where a line is what there is. A write loops until all is written.
 * Bytes are bytes: nothing is translated.
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
	bool shown;
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
	return s > STREAM_STDERR || !was_closed[s];
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

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			wait_for(STDIN_FILENO, POLLIN);
			continue;
		}
		if (n < 0)
			return done ? (long)done : -1;
		done += (size_t)n;
		if (n == 0 || isatty(STDIN_FILENO))
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
	fprintf(stderr, "limpid: kernel: %.*s\n", (int)h->uart_len, h->uart);
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
	if (s != STREAM_STDOUT && s != STREAM_STDERR)
		return -1;
	host_progress_clear();
	progress.last_output = host_progress_wanted() ? now() : 0;
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

void host_fini(struct host *h)
{
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

	if (t - progress.start < PROGRESS_AFTER || t - progress.last_output < PROGRESS_QUIET ||
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
