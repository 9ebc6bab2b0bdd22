/*
 * The seam for tests: kernel/arch/arch.h on an ordinary computer. What only
 * tests may do with it. Theory: host.c.
 */
#ifndef KERNEL_HOST_H
#define KERNEL_HOST_H

#include "kernel/arch/arch.h"

/* Where the simulated RAM lies. */
#define HOST_RAM_START 0x80000000UL

/*
 * Gives the kernel `len` bytes of RAM and starts the frame allocator on it, the first `reserved`
 * bytes being the kernel's image. To be called once, before anything else.
 */
void host_init(size_t len, size_t reserved, uint64_t seed);

/* Starts anew with other RAM; only for tests of the frame allocator alone. */
void host_ram(size_t len);

/* Lets the access that a program would make happen. => false: no translation allows it. */
bool host_access(const struct arch_pt *pt, vaddr_t va, unsigned right, void **kva);

/* If set, panic() comes here instead of ending the test. */
extern void (*host_on_shutdown)(unsigned status);

#endif
