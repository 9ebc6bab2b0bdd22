/*
 * The registers of a trapped context, as entry.S saves them on the kernel
 * stack. Offsets are checked against entry.S by static assertions in trap.c.
 */
#ifndef KERNEL_TRAPFRAME_H
#define KERNEL_TRAPFRAME_H

#include "kernel/lib/types.h"

struct trapframe {
	uint64_t x[32]; /* x[0] unused; s0 to s11 are here only at times: entry.S */
	uint64_t pc, status, cause;
	uint64_t tval; /* stval; of a system call: a0 as it was, for beginning again */
};

#endif
