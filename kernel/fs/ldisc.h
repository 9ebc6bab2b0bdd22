/*
 * The line discipline: what becomes of bytes between a terminal and programs. Theory: ldisc.c.
 */
#ifndef KERNEL_LDISC_H
#define KERNEL_LDISC_H

#include "kernel/lib/types.h"
#include "abi/termios.h"

#define LDISC_SIZE 4096 /* bytes of either ring, Linux's number; a power of two */

struct ldisc {
	struct linux_termios2 set;

	/* Input: positions only grow, modulo 2^32; a place in the ring is a remainder. */
	uint8_t in[LDISC_SIZE];
	uint64_t ends[LDISC_SIZE / 64]; /* bit n: in[n] ends a line */
	uint32_t tail, canon, head;
	bool quotes;  /* the next byte is data, whatever it is: VLNEXT came */
	bool erasing; /* a '\' was echoed, and its '/' is still to come: ECHOPRT */

	/* Output, ready for the terminal. */
	uint8_t out[LDISC_SIZE];
	uint32_t out_tail, out_head;
	uint32_t column, canon_column; /* of the cursor; where the line that is typed began */
	bool stopped;                  /* by VSTOP, or TCXONC */
	bool stopped_by_call;          /* by TCXONC: VSTART does not undo it */
};

void ldisc_init(struct ldisc *l);

/* -- from the terminal -------------------------------------------------------------------- */

/*
 * Takes in bytes that were typed, and echoes them.
 * => how many; fewer than n: there is no room, or *signo, else 0, is to be sent to the foreground
 *    group before the next one is looked at.
 */
size_t ldisc_receive(struct ldisc *l, const uint8_t *bytes, size_t n, int *signo);

/* => whether a read would get something now; for_poll: as much as poll(2) waits for. */
bool ldisc_has_input(const struct ldisc *l, bool for_poll);
size_t ldisc_input_len(const struct ldisc *l); /* FIONREAD */

/*
 * Moves input to a reader: at most one line, if there are lines. *more: the line is longer, and
 * the reader who has room for more, or none at all (n is 0), is to ask again.
 * => bytes; 0 may be the end of input, if ldisc_has_input().
 */
size_t ldisc_take(struct ldisc *l, uint8_t *to, size_t n, bool *more);

/* -- to the terminal ---------------------------------------------------------------------- */

/* Takes what a program writes. => bytes taken: fewer than n when the ring is full. */
size_t ldisc_put(struct ldisc *l, const uint8_t *bytes, size_t n);
/* As they are, past all settings: for VSTART and VSTOP that the program sends. */
void ldisc_put_raw(struct ldisc *l, uint8_t byte);

/* => how many bytes at *p wait for the terminal; 0 too while it is stopped. */
size_t ldisc_output(const struct ldisc *l, const uint8_t **p);
void ldisc_output_done(struct ldisc *l, size_t n); /* the terminal has taken n of them */
size_t ldisc_output_len(const struct ldisc *l);    /* TIOCOUTQ */
size_t ldisc_output_room(const struct ldisc *l);

/* -- settings ----------------------------------------------------------------------------- */

/* Settings change; what was typed before is read under the new ones. */
void ldisc_set(struct ldisc *l, const struct linux_termios2 *set);

void ldisc_flush_input(struct ldisc *l);
void ldisc_flush_output(struct ldisc *l);
void ldisc_stop(struct ldisc *l);  /* TCOOFF */
void ldisc_start(struct ldisc *l); /* TCOON: undoes that, and not VSTOP */

/* Bytes typed into a line that is not finished can still be edited; readers see the others. */
void ldisc_check(const struct ldisc *l);

#endif
