/* What files of /proc about one address space share. Theory: procspace.c. */
#ifndef KERNEL_PROCSPACE_H
#define KERNEL_PROCSPACE_H

#include "kernel/lib/types.h"

struct aspace;
struct frame;

/* => how many address spaces map f, which `as` has at va; its lock is held. */
uint64_t mapping_users(const struct aspace *as, uint64_t va, const struct frame *f);

#endif
