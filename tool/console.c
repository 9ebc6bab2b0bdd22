/*
 * The serial port on standard input and output.
 *
 * From a terminal, keys are read whenever there is time (console_pump), and kept until the guest
 * asks; Ctrl-a is ours (terminal.c). While the guest idles, limpid sleeps as long as the guest
 * means to, or until a key is typed.
 *
 * A file or a pipe is read when the guest asks, to the byte: the machine waits until the bytes or
 * the end are there, so a run with the same input is the same run. (A program that talks with the
 * guest through a pipe would have to know beforehand what to say; such a one needs a terminal.)
 * While the guest idles, its time is skipped.
 */
#define _GNU_SOURCE
#include "tool/console.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "tool/host.h"

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

void console_pump(struct console *c)
{
	flush(c);
	if (c->terminal.streams)
		terminal_read(&c->terminal, 0);
}

/* -- what the machine asks ---------------------------------------------------------------- */

static long key_read(struct console *c, uint8_t *buf, size_t len)
{
	size_t n;

	console_pump(c);
	n = terminal_keys(&c->terminal, buf, len);
	return n == 0 && c->terminal.ended ? -1 : (long)n;
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

	return c->terminal.streams ? key_read(c, buf, len) : pipe_read(c, buf, len);
}

static uint64_t idle(void *ctx, uint64_t ns, bool input)
{
	struct console *c = ctx;

	flush(c);
	return terminal_idle(&c->terminal, ns, input);
}

void console_init(struct console *c, struct machine_host *out)
{
	memset(c, 0, sizeof(*c));
	c->ended = !host_has_stream(STREAM_STDIN);
	terminal_init(&c->terminal, c->ended ? 0 : 1);
	c->terminal.keeps_lines = true; /* firmware and kernels of all kinds write here */
	if (c->terminal.streams)
		terminal_take(&c->terminal);
	out->uart_read = uart_read;
	out->idle = c->terminal.streams ? idle : NULL;
}

void console_fini(struct console *c)
{
	flush(c);
	terminal_restore();
}
