/*
 * Timers: a function called at a time, in an interrupt. Theory: timer.c.
 */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/lib/avl.h"
#include "kernel/lib/types.h"

struct timer {
	struct avl_node node;
	uint64_t at_ns; /* arch_time_ns() */
	unsigned hart;  /* whose queue it is on */
	bool is_set;    /* guarded by that queue's lock */
	void (*fire)(struct timer *t);
};

/* => t will fire once at at_ns, on this hart, or never if that is UINT64_MAX; it was not set. */
void timer_set(struct timer *t, uint64_t at_ns);

/* The same from t's own function. */
void timer_set_locked(struct timer *t, uint64_t at_ns);

/* => t is not set, and its function runs nowhere. */
void timer_cancel(struct timer *t);

/* For sched.c: fires what is due on this hart. => when the next one is; UINT64_MAX: none. */
uint64_t timer_run(uint64_t now_ns);
uint64_t timer_next(void);
void timer_init(void);

#endif
