/*
 * A thread or process that may go while somebody still means it: pidfds. Theory: pidref.c.
 */
#ifndef KERNEL_PIDREF_H
#define KERNEL_PIDREF_H

#include "kernel/proc/wait.h"

struct thread;

struct pidref {
	uint32_t refs;         /* atomic; the thread's own is one of them */
	struct thread *thread; /* NULL: reaped. Tree locked */
	struct waitq wait;     /* its end, and its reaping */
};

/* Tree locked. => t's reference, for the caller; NULL: no memory. */
struct pidref *pidref_of_locked(struct thread *t);
void pidref_put(struct pidref *r);

/* Tree locked. t has ended; t is about to be unlinked for ever; `to` takes t's place. */
void pidref_end_locked(struct thread *t);
void pidref_gone_locked(struct thread *t);
void pidref_move_locked(struct thread *t, struct thread *to);

/* => whether it has ended, and its process too unless `only_thread`; *gone: it is reaped. */
bool pidref_has_ended(struct pidref *r, bool only_thread, bool *gone);

#endif
