/*
 * Futexes: waiting at a word of user memory. Theory: futex.c.
 */
#ifndef KERNEL_FUTEX_H
#define KERNEL_FUTEX_H

#include "kernel/lib/types.h"

/* => 0: woken; -EAGAIN: the word is not `value`; -ETIMEDOUT, -ERESTARTSYS, -EFAULT. */
int futex_wait(uint64_t addr, bool is_private, uint32_t value, uint32_t bitset, uint64_t deadline);
/* => how many were woken, or -EFAULT. */
int futex_wake_bitset(uint64_t addr, bool is_private, unsigned n, uint32_t bitset);
/*
 * Wakes `n` at addr and moves up to `move` others to addr2. expected NULL: without comparing.
 * => how many were woken or moved (with expected) or woken; -EAGAIN, -EFAULT.
 */
int futex_requeue(uint64_t addr, uint64_t addr2, bool is_private, unsigned n, unsigned move,
		  const uint32_t *expected);
/* FUTEX_WAKE_OP. => how many were woken; -EFAULT, -ENOSYS. */
int futex_wake_op(uint64_t addr, uint64_t addr2, bool is_private, unsigned n, unsigned n2,
		  uint32_t op);

#endif
