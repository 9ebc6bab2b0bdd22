/*
 * System calls on clocks.
 */
#include "kernel/sys/sys.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/itimer.h"

#define CLOCK_RESOLUTION_NS 1

static int64_t put_timespec(uint64_t user, uint64_t ns)
{
	struct linux_timespec t = clock_timespec(ns);

	return arch_copy_to_user(VADDR(user), &t, sizeof t) != 0 ? -EFAULT : 0;
}

/* Linux's numbers of other threads' and processes' clocks: ~pid << 3 | kind, 2 being run time. */
#define CPUCLOCK_KIND      3
#define CPUCLOCK_PERTHREAD 4

/* => 0 with the time of a clock; -EINVAL. */
static int read_clock(int clock, uint64_t *ns)
{
	struct thread *t = thread_current();
	int error = 0;

	if (clock == CLOCK_THREAD_CPUTIME_ID) {
		*ns = sched_ran_ns(t);
		return 0;
	}
	if (clock != CLOCK_PROCESS_CPUTIME_ID && clock >= 0)
		return clock_read_ns(clock, 0, ns);
	if (clock < 0 && (clock & CPUCLOCK_KIND) == CPUCLOCK_KIND)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	if (clock < 0 && ~(clock >> 3) != 0) {
		t = thread_find_locked((uint32_t) ~(clock >> 3));
		if (t && clock & CPUCLOCK_PERTHREAD && t->proc != proc_current())
			t = NULL;
	}
	if (!t)
		error = -EINVAL;
	else if (clock < 0 && clock & CPUCLOCK_PERTHREAD)
		*ns = sched_ran_ns(t);
	else
		*ns = proc_ran_ns_locked(t->proc);
	spin_unlock(&proc_tree_lock);
	return error;
}

int64_t sys_clock_gettime(const uint64_t *a)
{
	uint64_t ns;
	int error = read_clock((int)a[0], &ns);

	return error ? error : put_timespec(a[1], ns);
}

int64_t sys_clock_getres(const uint64_t *a)
{
	uint64_t ns;
	int error = read_clock((int)a[0], &ns);

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

/* -- sleeping ------------------------------------------------------------------------------ */

/* args: deadline, where to write what remains (0: nowhere). */
static int64_t sleep_on(const uint64_t *args)
{
	struct thread *t = thread_current();
	struct waitq q; /* nobody wakes it: only time and signals do */
	uint64_t now;
	int error;

	waitq_init(&q);
	do
		error = waitq_sleep(&q, NULL, args[0], true);
	while (!error);
	if (error == -ETIMEDOUT)
		return 0;
	now = arch_time_ns();
	if (args[1] && put_timespec(args[1], args[0] > now ? args[0] - now : 0))
		return -EFAULT;
	if (args != t->restart_args) {
		t->restart = sleep_on;
		t->restart_args[0] = args[0];
		t->restart_args[1] = args[1];
	}
	return -ERESTART_BLOCK;
}

static uint64_t later(uint64_t ns)
{
	uint64_t now = arch_time_ns();

	return ns > INT64_MAX - now ? UINT64_MAX - 1 : now + ns;
}

int64_t sys_nanosleep(const uint64_t *a)
{
	uint64_t ns;
	int error = sys_timespec_get(a[0], &ns);

	return error ? error : sleep_on((const uint64_t[]){later(ns), a[1]});
}

int64_t sys_clock_nanosleep(const uint64_t *a)
{
	uint64_t now, ns;
	int clock = (int)a[0];
	int error = read_clock(clock, &now);
	int64_t result;

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
	if (!(a[1] & TIMER_ABSTIME))
		return sleep_on((const uint64_t[]){later(ns), a[3]});
	result = sleep_on((const uint64_t[]){later(ns > now ? ns - now : 0), 0});
	return result == -ERESTART_BLOCK ? -ERESTARTNOHAND : result;
}

int64_t sys_restart_syscall(const uint64_t *a)
{
	struct thread *t = thread_current();

	(void)a;
	return t->restart ? t->restart(t->restart_args) : -EINTR;
}

/* -- interval timers ----------------------------------------------------------------------- */

static int timeval_get(const struct linux_timeval *tv, uint64_t *ns)
{
	if (tv->sec < 0 || tv->usec < 0 || tv->usec >= 1000000)
		return -EINVAL;
	*ns = tv->sec > INT64_MAX / (int64_t)NS_PER_SECOND - 1
		  ? INT64_MAX
		  : (uint64_t)tv->sec * NS_PER_SECOND + (uint64_t)tv->usec * 1000;
	return 0;
}

static int64_t put_itimer(uint64_t user, uint64_t value, uint64_t interval)
{
	/* What remains is rounded up: a timer that is set never shows 0. */
	struct linux_itimerval it = {
	    {(int64_t)(interval / NS_PER_SECOND), (int64_t)(interval % NS_PER_SECOND / 1000)},
	    {(int64_t)((value + 999) / NS_PER_SECOND),
	     (int64_t)((value + 999) % NS_PER_SECOND / 1000)}};

	return arch_copy_to_user(VADDR(user), &it, sizeof it) != 0 ? -EFAULT : 0;
}

int64_t sys_setitimer(const uint64_t *a)
{
	struct linux_itimerval new = {0};
	uint64_t value, interval, old_value, old_interval;
	int64_t error;

	if (a[1] && arch_copy_from_user(&new, VADDR(a[1]), sizeof new) != 0)
		return -EFAULT;
	if (timeval_get(&new.value, &value) || timeval_get(&new.interval, &interval) ||
	    (int)a[0] < ITIMER_REAL || (int)a[0] > ITIMER_PROF)
		return -EINVAL;
	if ((int)a[0] != ITIMER_REAL)
		return value ? -EINVAL : a[2] ? put_itimer(a[2], 0, 0) : 0;
	error = itimer_set_real(value, interval, &old_value, &old_interval);
	return error ? error : a[2] ? put_itimer(a[2], old_value, old_interval) : 0;
}

int64_t sys_getitimer(const uint64_t *a)
{
	uint64_t value = 0, interval = 0;

	if ((int)a[0] < ITIMER_REAL || (int)a[0] > ITIMER_PROF)
		return -EINVAL;
	if ((int)a[0] == ITIMER_REAL)
		itimer_get_real(&value, &interval);
	return put_itimer(a[1], value, interval);
}

int64_t sys_timer_create(const uint64_t *a)
{
	struct linux_sigevent ev = {.notify = SIGEV_SIGNAL, .signo = SIGALRM};
	int32_t id32;
	int64_t id;

	if (a[1] && arch_copy_from_user(&ev, VADDR(a[1]), sizeof ev) != 0)
		return -EFAULT;
	id = itimer_create((int)a[0], &ev);
	if (id < 0)
		return id;
	id32 = (int32_t)id;
	if (arch_copy_to_user(VADDR(a[2]), &id32, sizeof id32) == 0)
		return 0;
	itimer_delete((int)id);
	return -EFAULT;
}

static int64_t put_itimerspec(uint64_t user, uint64_t value, uint64_t interval)
{
	struct linux_itimerspec it = {clock_timespec(interval), clock_timespec(value)};

	return arch_copy_to_user(VADDR(user), &it, sizeof it) != 0 ? -EFAULT : 0;
}

int64_t sys_timer_settime(const uint64_t *a)
{
	uint64_t value, interval, old_value, old_interval;
	int64_t error = sys_timespec_get(a[2], &interval);

	if (!error)
		error = sys_timespec_get(a[2] + sizeof(struct linux_timespec), &value);
	if (!error)
		error = itimer_set((int)a[0], a[1] & TIMER_ABSTIME, value, interval, &old_value,
				   &old_interval);
	return error ? error : a[3] ? put_itimerspec(a[3], old_value, old_interval) : 0;
}

int64_t sys_timer_gettime(const uint64_t *a)
{
	uint64_t value, interval;
	int64_t error = itimer_get((int)a[0], &value, &interval);

	return error ? error : put_itimerspec(a[1], value, interval);
}

int64_t sys_timer_getoverrun(const uint64_t *a)
{
	return itimer_overrun((int)a[0]);
}

int64_t sys_timer_delete(const uint64_t *a)
{
	return itimer_delete((int)a[0]);
}

#define NS_PER_CLOCK_TICK (NS_PER_SECOND / CLOCKS_PER_SECOND)

int64_t sys_times(const uint64_t *a)
{
	struct proc *p = proc_current();
	struct linux_tms tms = {0};

	spin_lock(&proc_tree_lock);
	tms.utime = (int64_t)(proc_ran_ns_locked(p) / NS_PER_CLOCK_TICK);
	tms.cutime = (int64_t)(p->child_user_ns / NS_PER_CLOCK_TICK);
	spin_unlock(&proc_tree_lock);
	if (a[0] && arch_copy_to_user(VADDR(a[0]), &tms, sizeof tms) != 0)
		return -EFAULT;
	return (int64_t)(arch_time_ns() / NS_PER_CLOCK_TICK);
}
