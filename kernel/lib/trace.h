/*
 * Static tracepoints: see abi/trace.h. One HINT, always executed.
 */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "kernel/lib/types.h"
#include "abi/trace.h"

#ifdef __riscv
#define TRACE(event, a, b, c, d, e, f)                                                             \
	do {                                                                                       \
		register uint64_t a0_ __asm__("a0") = (uint64_t)(a);                               \
		register uint64_t a1_ __asm__("a1") = (uint64_t)(b);                               \
		register uint64_t a2_ __asm__("a2") = (uint64_t)(c);                               \
		register uint64_t a3_ __asm__("a3") = (uint64_t)(d);                               \
		register uint64_t a4_ __asm__("a4") = (uint64_t)(e);                               \
		register uint64_t a5_ __asm__("a5") = (uint64_t)(f);                               \
		__asm__ volatile("slti zero, zero, %0" ::"i"(event), "r"(a0_), "r"(a1_), "r"(a2_), \
				 "r"(a3_), "r"(a4_), "r"(a5_));                                    \
	} while (0)
#else
#define TRACE(event, a, b, c, d, e, f)                                                             \
	do {                                                                                       \
		(void)(a), (void)(b), (void)(c), (void)(d), (void)(e), (void)(f);                  \
	} while (0)
#endif

#endif
