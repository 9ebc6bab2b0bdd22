/*
 * The page of code that the kernel gives every program. Theory: vdso.c.
 */
#ifndef KERNEL_VDSO_H
#define KERNEL_VDSO_H

#include "kernel/lib/types.h"

struct aspace;

int vdso_map(struct aspace *as);                  /* sets as->vdso. => 0 or -ENOMEM */
void vdso_time_changed(void);                     /* clock_epoch_ns() is another now */
uint64_t vdso_sigreturn(const struct aspace *as); /* address of the trampoline */

#endif
