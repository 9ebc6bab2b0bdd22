/*
 * The line to a terminal: what a driver offers to the terminal (kernel/fs/tty.c), and what the
 * terminal lets it call. A line carries bytes both ways, and the size of the window.
 */
#ifndef KERNEL_TTYPORT_H
#define KERNEL_TTYPORT_H

#include "kernel/lib/types.h"

struct ttyport;

struct ttyport_ops {
	/* The terminal is there: its calls, below, may be made from now on. */
	void (*attach)(struct ttyport *p);
	/* A program wants what is typed, or has changed how it is taken. May be told again. */
	void (*want)(struct ttyport *p);
	/* Never waits; calls do not overlap. => bytes taken, in order; fewer than n: `ready`
	 * follows */
	size_t (*send)(struct ttyport *p, const uint8_t *bytes, size_t n);
	/* All who use the terminal have stopped: whoever is at the other side may have it back,
	 * until `goes_on`. The tree of processes may be locked. */
	void (*release)(struct ttyport *p);
	/* The terminal, which did not take all of the input, has room again. */
	void (*resume)(struct ttyport *p);
};

/* In a thread or in an interrupt handler, without locks that a sender of signals would need. */
struct ttyport_calls {
	/* => bytes taken; fewer than n: the rest is to be given again after `resume`. */
	size_t (*input)(void *tty, const uint8_t *bytes, size_t n);
	void (*ready)(void *tty); /* `send` can take more */
	void (*resize)(void *tty, unsigned rows, unsigned cols);
	void (*goes_on)(void *tty); /* after release: those who stopped are to go on */
	void (*hangup)(void *tty);  /* the other side has gone for ever */
};

struct ttyport {
	const struct ttyport_ops *ops;
	const struct ttyport_calls *calls; /* set before attach */
	void *tty;
};

#endif
