/*
 * Clocks that programs read. Time is the machine's own: it starts at 0 with the
 * machine, and the real-time clock is that plus an epoch given at boot.
 */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include "kernel/arch/arch.h"
#include "abi/linux.h"

#define NS_PER_SECOND 1000000000UL

void clock_set_epoch(uint64_t seconds);
uint64_t clock_realtime_ns(void);
uint64_t clock_epoch_ns(void); /* the real time at arch_time_ns() = 0 */

/* => 0; -EINVAL: no such clock. Clocks of processor time are the current thread's or process's, or
 * those that the number names. */
int clock_read(int clock, uint64_t *out);
/* => 0, and whose processor time a clock shows; -EINVAL: it is another clock, or none. */
int clock_cpu_find(int clock, uint32_t *tid, bool *is_thread);

/* The real-time clock shows this now. */
void clock_set_realtime(uint64_t ns);

static inline struct linux_timespec clock_timespec(uint64_t ns)
{
	return (struct linux_timespec){(int64_t)(ns / NS_PER_SECOND),
				       (int64_t)(ns % NS_PER_SECOND)};
}

/* Sleeps until arch_time_ns() reaches `deadline`. => 0; -ERESTARTSYS: a signal is due. */
int clock_sleep_until(uint64_t deadline);

#endif
