/*
 * Clocks. There is one source of time, arch_time_ns(); all others are it, moved.
 */
#include "kernel/proc/clock.h"
#include "kernel/proc/wait.h"

#define DEFAULT_EPOCH 1767225600UL /* 2026-01-01T00:00:00Z */

static uint64_t epoch_seconds = DEFAULT_EPOCH;

void clock_set_epoch(uint64_t seconds)
{
	epoch_seconds = seconds;
}

uint64_t clock_realtime_ns(void)
{
	return epoch_seconds * NS_PER_SECOND + arch_time_ns();
}

int clock_read_ns(int clock, uint64_t start_ns, uint64_t *out)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI: *out = clock_realtime_ns(); return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: *out = arch_time_ns(); return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID: *out = arch_time_ns() - start_ns; return 0;
	default: return -EINVAL;
	}
}

int clock_sleep_until(uint64_t deadline)
{
	struct waitq q; /* nobody wakes it: only time and signals do */
	int error;

	waitq_init(&q);
	do
		error = waitq_sleep(&q, NULL, deadline, true);
	while (!error);
	return error == -ETIMEDOUT ? 0 : error;
}
