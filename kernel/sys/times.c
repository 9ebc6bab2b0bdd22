/*
 * System calls on clocks.
 */
#include "kernel/sys/sys.h"
#include "kernel/proc/clock.h"

#define CLOCK_RESOLUTION_NS 1

static int64_t put_timespec(uint64_t user, uint64_t ns)
{
	struct linux_timespec t = clock_timespec(ns);

	return arch_copy_to_user(VADDR(user), &t, sizeof t) != 0 ? -EFAULT : 0;
}

int64_t sys_clock_gettime(const uint64_t *a)
{
	uint64_t ns;
	int error = clock_read_ns((int)a[0], proc_current()->start_ns, &ns);

	return error ? error : put_timespec(a[1], ns);
}

int64_t sys_clock_getres(const uint64_t *a)
{
	uint64_t ns;
	int error = clock_read_ns((int)a[0], 0, &ns);

	return error ? error : a[1] ? put_timespec(a[1], CLOCK_RESOLUTION_NS) : 0;
}

int64_t sys_gettimeofday(const uint64_t *a)
{
	uint64_t now = clock_realtime_ns();
	struct linux_timeval tv = {(int64_t)(now / NS_PER_SECOND),
				   (int64_t)(now % NS_PER_SECOND / 1000)};
	const int32_t zone[2] = {0, 0};

	if (a[0] && arch_copy_to_user(VADDR(a[0]), &tv, sizeof tv) != 0)
		return -EFAULT;
	if (a[1] && arch_copy_to_user(VADDR(a[1]), zone, sizeof zone) != 0)
		return -EFAULT;
	return 0;
}

/* Nothing can interrupt a sleep, so the time that remains is never asked for. */
int64_t sys_nanosleep(const uint64_t *a)
{
	uint64_t ns;
	int error = sys_timespec_get(a[0], &ns);

	if (!error)
		clock_sleep_until(arch_time_ns() + ns);
	return error;
}

int64_t sys_clock_nanosleep(const uint64_t *a)
{
	uint64_t now, ns;
	int clock = (int)a[0];
	int error = clock_read_ns(clock, proc_current()->start_ns, &now);

	if (error)
		return error;
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	if (clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	error = sys_timespec_get(a[2], &ns);
	if (error)
		return error;
	if (a[1] & TIMER_ABSTIME)
		ns = ns > now ? ns - now : 0;
	clock_sleep_until(arch_time_ns() + ns);
	return 0;
}

#define NS_PER_CLOCK_TICK (NS_PER_SECOND / CLOCKS_PER_SECOND)

int64_t sys_times(const uint64_t *a)
{
	uint64_t now = arch_time_ns();
	struct linux_tms tms = {
	    .utime = (int64_t)((now - proc_current()->start_ns) / NS_PER_CLOCK_TICK)};

	if (a[0] && arch_copy_to_user(VADDR(a[0]), &tms, sizeof tms) != 0)
		return -EFAULT;
	return (int64_t)(now / NS_PER_CLOCK_TICK);
}
