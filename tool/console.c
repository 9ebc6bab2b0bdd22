/*
 * The serial port on standard input and output.
 *
 * From a terminal, keys are read whenever there is time (console_pump), and kept until the guest
 * asks. Ctrl-a is ours: Ctrl-a x leaves, Ctrl-a h helps, Ctrl-a twice is one for the guest. While
 * the guest idles, limpid sleeps as long as the guest means to, or until a key is typed.
 *
 * A file or a pipe is read when the guest asks, to the byte: the machine waits until the bytes or
 * the end are there, so a run with the same input is the same run. (A program that talks with the
 * guest through a pipe would have to know beforehand what to say; such a one needs a terminal.)
 * While the guest idles, its time is skipped.
 *
 * The terminal's settings are the process's, and so is what restores them.
 */
#define _GNU_SOURCE
#include "tool/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tool/host.h"
#include "tool/tool.h"

#define ESCAPE     1 /* Ctrl-a */
#define POLL_MAX_S 3600

static struct termios saved;
static volatile sig_atomic_t is_raw;

/* -- the terminal's settings -------------------------------------------------------------- */

static void restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	is_raw = 0;
}

static void on_signal(int signo)
{
	restore();
	signal(signo, SIG_DFL);
	raise(signo);
}

static void make_raw(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGABRT, SIGSEGV, SIGBUS};
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved))
		return;
	raw = saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* our own lines end with a newline alone */
	is_raw = 1;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], on_signal);
	atexit(restore);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* -- output ------------------------------------------------------------------------------- */

static void flush(struct console *c)
{
	size_t done = 0;

	while (done < c->out_len && !c->out_failed) {
		ssize_t n = write(STDOUT_FILENO, c->out + done, c->out_len - done);
		struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0 && errno != EINTR)
			c->out_failed = true;
	}
	c->out_len = 0;
}

long console_write(struct console *c, const void *buf, size_t len)
{
	const char *from = buf;

	for (size_t i = 0; i < len; i++) {
		c->out[c->out_len++] = from[i];
		if (c->out_len == sizeof(c->out))
			flush(c);
	}
	return c->out_failed ? -1 : (long)len;
}

/* -- keys --------------------------------------------------------------------------------- */

static void say_keys(void)
{
	complain("Ctrl-a x leaves, Ctrl-a h shows this, Ctrl-a Ctrl-a is Ctrl-a for the guest");
}

static void key(struct console *c, uint8_t byte)
{
	bool escape = c->escape;

	c->escape = false;
	if (!escape && byte == ESCAPE) {
		c->escape = true;
		return;
	}
	if (escape && byte == 'x') {
		c->quit = true;
		if (c->m)
			machine_request_stop(c->m);
		return;
	}
	if (escape && byte != ESCAPE) {
		say_keys();
		return;
	}
	if (c->keys_count < sizeof(c->keys))
		c->keys[(c->keys_head + c->keys_count++) % sizeof(c->keys)] = byte;
}

/* Reads what was typed, waiting up to `ns` for it. */
static void read_keys(struct console *c, uint64_t ns)
{
	struct pollfd p = {.fd = c->ended ? -1 : STDIN_FILENO, .events = POLLIN};
	struct timespec wait = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
	uint8_t bytes[64];
	ssize_t n;

	if (wait.tv_sec > POLL_MAX_S)
		wait.tv_sec = POLL_MAX_S;
	if (ppoll(&p, 1, &wait, NULL) <= 0 || !p.revents)
		return;
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		c->ended = true;
	for (ssize_t i = 0; i < n; i++)
		key(c, bytes[i]);
}

void console_pump(struct console *c)
{
	flush(c);
	if (c->terminal)
		read_keys(c, 0);
}

/* -- what the machine asks ---------------------------------------------------------------- */

static long terminal_read(struct console *c, uint8_t *buf, size_t len)
{
	size_t n = 0;

	console_pump(c);
	while (n < len && c->keys_count) {
		buf[n++] = c->keys[c->keys_head];
		c->keys_head = (c->keys_head + 1) % sizeof(c->keys);
		c->keys_count--;
	}
	return n == 0 && c->ended ? -1 : (long)n;
}

/* All of `len` bytes, or what there is before the end. */
static long pipe_read(struct console *c, uint8_t *buf, size_t len)
{
	size_t done = 0;

	flush(c);
	while (done < len && !c->ended) {
		ssize_t n = read(STDIN_FILENO, buf + done, len - done);
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n == 0 || errno != EINTR)
			c->ended = true;
	}
	return done ? (long)done : -1;
}

static long uart_read(void *ctx, void *buf, size_t len)
{
	struct console *c = ctx;

	return c->terminal ? terminal_read(c, buf, len) : pipe_read(c, buf, len);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t idle(void *ctx, uint64_t ns, bool input)
{
	struct console *c = ctx;
	uint64_t start = now_ns(), passed = 0;

	flush(c);
	while (passed < ns && !c->quit && !(input && c->keys_count)) {
		read_keys(c, ns - passed);
		passed = now_ns() - start;
		if (input && c->ended)
			break; /* the machine is to know */
	}
	return passed < ns ? passed : ns;
}

void console_init(struct console *c, struct machine_host *out)
{
	memset(c, 0, sizeof(*c));
	c->ended = !host_has_stream(STREAM_STDIN);
	c->terminal = !c->ended && isatty(STDIN_FILENO);
	if (c->terminal)
		make_raw();
	out->uart_read = uart_read;
	out->idle = c->terminal ? idle : NULL;
}

void console_fini(struct console *c)
{
	flush(c);
	restore();
}
