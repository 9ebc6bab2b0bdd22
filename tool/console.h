/*
 * The board's serial port on standard input and output: for `limpid boot`.
 */
#ifndef TOOL_CONSOLE_H
#define TOOL_CONSOLE_H

#include "tool/terminal.h"

struct console {
	struct terminal terminal; /* if standard input is one; its m: set by the caller */
	bool ended;               /* of a pipe: no more input */
	char out[4096];           /* written by the guest, and not yet by us */
	size_t out_len;
	bool out_failed;
};

/*
 * A terminal at standard input is made raw, until console_fini, also if a signal ends limpid.
 * => uart_read and, with a terminal, idle of *out are set; their ctx is to begin with *c, as is
 *    that of console_write.
 */
void console_init(struct console *c, struct machine_host *out);
void console_fini(struct console *c);

/* For machine_host.stream_write, of STREAM_UART. */
long console_write(struct console *c, const void *buf, size_t len);

/* Writes what waits, and reads keys. To be called often: it is what notices Ctrl-a x. */
void console_pump(struct console *c);

#endif
