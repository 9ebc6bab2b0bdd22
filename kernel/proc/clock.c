/*
 * Clocks. There is one source of time, arch_time_ns(); all others are it, moved.
 */
#include "kernel/proc/clock.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/vdso.h"
#include "kernel/proc/wait.h"

#define DEFAULT_EPOCH 1767225600UL /* 2026-01-01T00:00:00Z */

/* Linux's numbers of other threads' and processes' clocks: ~pid << 3 | kind, 2 being run time. */
#define CPUCLOCK_KIND      3
#define CPUCLOCK_PERTHREAD 4

static uint64_t epoch_ns = DEFAULT_EPOCH * NS_PER_SECOND; /* atomic */

void clock_set_epoch(uint64_t seconds)
{
	epoch_ns = seconds * NS_PER_SECOND;
}

void clock_set_realtime(uint64_t ns)
{
	__atomic_store_n(&epoch_ns, ns - arch_time_ns(), __ATOMIC_RELAXED);
	vdso_time_changed();
}

uint64_t clock_epoch_ns(void)
{
	return __atomic_load_n(&epoch_ns, __ATOMIC_RELAXED);
}

uint64_t clock_realtime_ns(void)
{
	return clock_epoch_ns() + arch_time_ns();
}

int clock_cpu_find(int clock, uint32_t *tid, bool *is_thread)
{
	const struct thread *t = thread_current();

	*is_thread = clock == CLOCK_THREAD_CPUTIME_ID || (clock < 0 && clock & CPUCLOCK_PERTHREAD);
	*tid = *is_thread ? t->tid : t->proc->pid;
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_PROCESS_CPUTIME_ID)
		return 0;
	if (clock >= 0 || (clock & CPUCLOCK_KIND) == CPUCLOCK_KIND)
		return -EINVAL;
	if (~(clock >> 3) != 0)
		*tid = (uint32_t) ~(clock >> 3);
	return 0;
}

static int cpu_read(uint32_t tid, bool is_thread, uint64_t *out)
{
	struct proc *self = proc_current();
	struct thread *t;
	int error = 0;

	spin_lock(&proc_tree_lock);
	t = thread_find_locked(tid);
	/* Another process's threads are its own affair; and a process has its leader's number. */
	if (!t || (is_thread ? t->proc != self : !t->is_leader && t->proc != self))
		error = -EINVAL;
	else
		*out = is_thread ? sched_ran_ns(t) : proc_ran_ns_locked(t->proc);
	spin_unlock(&proc_tree_lock);
	return error;
}

int clock_read(int clock, uint64_t *out)
{
	uint32_t tid;
	bool is_thread;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI: *out = clock_realtime_ns(); return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME: *out = arch_time_ns(); return 0;
	case CLOCK_THREAD_CPUTIME_ID: *out = sched_ran_ns(thread_current()); return 0;
	default: break;
	}
	return clock_cpu_find(clock, &tid, &is_thread) ? -EINVAL : cpu_read(tid, is_thread, out);
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
