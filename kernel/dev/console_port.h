/*
 * The inside of the console's driver, for console.c and console_tty.c.
 */
#ifndef KERNEL_CONSOLE_PORT_H
#define KERNEL_CONSOLE_PORT_H

#include "kernel/dev/stream.h"
#include "kernel/dev/virtio.h"

#define PORTS_MAX 32 /* QEMU's default is 31 */
#define NAME_LEN  16 /* of the names looked for, with NUL */

struct port {
	struct stream stream; /* first: a stream of ours is its port */
	struct console *console;
	uint32_t number;
	bool is_open, was_closed, was_opened; /* was_*: since whoever cares has looked */
	char name[NAME_LEN];
	struct virtq *rx, *tx;
	bool is_posted; /* a read buffer is with the device */
	bool has_size;  /* of a window; not yet told to whom it concerns */
	uint16_t cols, rows;
	struct console_tty *tty; /* NULL: it is no terminal */
};

struct console {
	struct virtio virtio;
	struct spinlock lock;
	struct virtq *control_rx, *control_tx;
	uint8_t *rx_bufs; /* VIRTQ_SIZE of CONTROL_LEN bytes: slot n's is the n-th */
	struct control *tx_msg;
	struct port *ports[PORTS_MAX];               /* NULL: not added */
	struct virtq *rx[PORTS_MAX], *tx[PORTS_MAX]; /* of port n; NULL: no memory */
	unsigned nports;
	struct console *next;
};

/* Tells the other side that somebody uses the port, or nobody does any more. */
void port_open(struct port *p, bool is_used);

/* The port becomes a line to a terminal. => false: no memory. console_tty.c */
bool console_tty_create(struct port *p);
/* Serves the line after an interrupt. */
void console_tty_serve(struct port *p);
struct ttyport *console_tty_line(struct port *p);

#endif
