/*
 * Restartable sequences. Theory: rseq.c.
 */
#ifndef KERNEL_RSEQ_H
#define KERNEL_RSEQ_H

#include "kernel/lib/types.h"

struct thread;

/* Registers the current thread's area, or ends that. => 0 or -errno as rseq(2). */
int64_t rseq_register(uint64_t area, uint32_t len, uint32_t flags, uint32_t signature);

/* The current thread lost its hart, or came to another: before it goes back to its program. */
void rseq_resume(void);
/* It is about to run a handler: a sequence that it is in ends first. */
void rseq_abort(struct thread *t);

#endif
