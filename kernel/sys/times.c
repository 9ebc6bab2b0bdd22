/*
 * System calls on clocks.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/timerfd.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/itimer.h"

#define CLOCK_RESOLUTION_NS  1
#define COARSE_RESOLUTION_NS 4000000 /* a tick of Linux's at 250 Hz; here they are exact too */

static int64_t put_timespec(uint64_t user, uint64_t ns)
{
	struct linux_timespec t = clock_timespec(ns);

	return arch_copy_to_user(VADDR(user), &t, sizeof t) != 0 ? -EFAULT : 0;
}

int64_t sys_clock_gettime(const uint64_t *a)
{
	uint64_t ns;
	int error = clock_read((int)a[0], &ns);

	return error ? error : put_timespec(a[1], ns);
}

int64_t sys_clock_getres(const uint64_t *a)
{
	int clock = (int)a[0];
	bool coarse = clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE;
	uint64_t ns;
	int error = clock_read(clock, &ns);

	if (error || !a[1])
		return error;
	return put_timespec(a[1], coarse ? COARSE_RESOLUTION_NS : CLOCK_RESOLUTION_NS);
}

static int64_t set_realtime(uint64_t ns)
{
	if (proc_current()->cred.euid != 0)
		return -EPERM;
	if (ns < arch_time_ns())
		return -EINVAL; /* Linux: the monotonic clock would be ahead of it */
	clock_set_realtime(ns);
	return 0;
}

int64_t sys_clock_settime(const uint64_t *a)
{
	uint32_t tid;
	bool is_thread;
	uint64_t ns;
	int error;

	if ((int)a[0] != CLOCK_REALTIME) {
		uint64_t now;

		/* Clocks of processor time exist, but nobody may set them. */
		if ((int)a[0] < 0 && clock_cpu_find((int)a[0], &tid, &is_thread) == 0)
			return clock_read((int)a[0], &now) ? -EINVAL : -EPERM;
		return -EINVAL;
	}
	error = sys_timespec_get(a[1], &ns);
	return error ? error : set_realtime(ns);
}

static int timeval_get(const struct linux_timeval *tv, uint64_t *ns)
{
	if (tv->sec < 0 || tv->usec < 0 || tv->usec >= 1000000)
		return -EINVAL;
	*ns = tv->sec > INT64_MAX / (int64_t)NS_PER_SECOND - 1
		  ? INT64_MAX
		  : (uint64_t)tv->sec * NS_PER_SECOND + (uint64_t)tv->usec * 1000;
	return 0;
}

int64_t sys_settimeofday(const uint64_t *a)
{
	struct linux_timeval tv;
	int32_t zone[2];
	uint64_t ns = 0;

	if (a[0] && arch_copy_from_user(&tv, VADDR(a[0]), sizeof tv) != 0)
		return -EFAULT;
	if (a[0] && timeval_get(&tv, &ns) != 0)
		return -EINVAL;
	if (a[1] && arch_copy_from_user(zone, VADDR(a[1]), sizeof zone) != 0)
		return -EFAULT;
	if (proc_current()->cred.euid != 0)
		return -EPERM;
	return a[0] ? set_realtime(ns) : 0;
}

/* What a clock says that nobody disciplines: Linux's values at boot. */
static int64_t adjust(int clock, uint64_t user)
{
	struct linux_timex tx;
	uint64_t now;

	if (arch_copy_from_user(&tx, VADDR(user), sizeof tx) != 0)
		return -EFAULT;
	if (clock != CLOCK_REALTIME)
		return clock_read(clock, &now) ? -EINVAL : -EOPNOTSUPP;
	/* ADJ_OFFSET_SS_READ only reads. */
	if (tx.modes && tx.modes != ADJ_OFFSET_SS_READ)
		return proc_current()->cred.euid != 0 ? -EPERM : -EOPNOTSUPP;
	now = clock_realtime_ns();
	tx = (struct linux_timex){.modes = tx.modes,
				  .maxerror = 16000000,
				  .esterror = 16000000,
				  .status = STA_UNSYNC,
				  .constant = 2,
				  .precision = 1,
				  .tolerance = 32768000,
				  .tick = 10000};
	tx.time.sec = (int64_t)(now / NS_PER_SECOND);
	tx.time.usec = (int64_t)(now % NS_PER_SECOND / 1000);
	return arch_copy_to_user(VADDR(user), &tx, sizeof tx) != 0 ? -EFAULT : TIME_ERROR;
}

int64_t sys_adjtimex(const uint64_t *a)
{
	return adjust(CLOCK_REALTIME, a[0]);
}

int64_t sys_clock_adjtime(const uint64_t *a)
{
	return adjust((int)a[0], a[1]);
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
	uint64_t now;
	int error = clock_sleep_until(args[0]);

	if (!error)
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

/* args: deadline, where to write what remains (0: nowhere), clock. */
static int64_t sleep_on_cpu(const uint64_t *args)
{
	struct thread *t = thread_current();
	int64_t error = itimer_sleep_cpu((int)args[2], args[0]);
	uint64_t now = 0;

	if (error != -ERESTARTSYS)
		return error;
	clock_read((int)args[2], &now);
	if (args[1] && put_timespec(args[1], args[0] > now ? args[0] - now : 0))
		return -EFAULT;
	if (args != t->restart_args) {
		t->restart = sleep_on_cpu;
		memcpy(t->restart_args, args, 3 * sizeof args[0]);
	}
	return -ERESTART_BLOCK;
}

int64_t sys_clock_nanosleep(const uint64_t *a)
{
	uint64_t now, ns;
	uint32_t tid;
	bool is_thread, absolute = a[1] & TIMER_ABSTIME;
	int clock = (int)a[0];
	int error = clock_read(clock, &now);
	int64_t result;

	if (error)
		return error;
	if (clock == CLOCK_THREAD_CPUTIME_ID || clock == CLOCK_MONOTONIC_RAW ||
	    clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		return -EOPNOTSUPP;
	error = sys_timespec_get(a[2], &ns);
	if (error)
		return error;
	if (clock_cpu_find(clock, &tid, &is_thread) == 0) {
		if (is_thread && tid == thread_current()->tid)
			return -EINVAL;
		result = sleep_on_cpu((const uint64_t[]){absolute ? ns : now + ns,
							 absolute ? 0 : a[3], (uint64_t)clock});
		return result == -ERESTART_BLOCK && absolute ? -ERESTARTNOHAND : result;
	}
	if (!absolute)
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
	error = itimer_set_interval((int)a[0], value, interval, &old_value, &old_interval);
	return error ? error : a[2] ? put_itimer(a[2], old_value, old_interval) : 0;
}

int64_t sys_getitimer(const uint64_t *a)
{
	uint64_t value = 0, interval = 0;

	if ((int)a[0] < ITIMER_REAL || (int)a[0] > ITIMER_PROF)
		return -EINVAL;
	itimer_get_interval((int)a[0], &value, &interval);
	return put_itimer(a[1], value, interval);
}

int64_t sys_timer_create(const uint64_t *a)
{
	struct linux_sigevent ev;
	int32_t id32;
	int64_t id;

	if (a[1] && arch_copy_from_user(&ev, VADDR(a[1]), sizeof ev) != 0)
		return -EFAULT;
	id = itimer_create((int)a[0], a[1] ? &ev : NULL);
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
	int64_t error = a[2] ? sys_timespec_get(a[2], &interval) : -EINVAL;

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

/* -- timers as files ----------------------------------------------------------------------- */

#define TFD_TIMER_CANCEL_ON_SET 2 /* accepted; nobody is told when root sets the clock */
#define CLOCK_REALTIME_ALARM    8
#define CLOCK_BOOTTIME_ALARM    9

int64_t sys_timerfd_create(const uint64_t *a)
{
	struct proc *p = proc_current();
	int clock = (int)a[0];
	uint32_t flags = (uint32_t)a[1];
	struct file *f;
	int fd;

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM)
		return p->cred.euid != 0 ? -EPERM : -EOPNOTSUPP; /* nothing here sleeps that deep */
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	f = timerfd_open(clock, flags & O_NONBLOCK);
	if (!f)
		return -ENOMEM;
	fd = fd_install(p->fds, f, 0, p->rlimits[RLIMIT_NOFILE].cur, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

/* => the timer of that descriptor, with a reference; 0, -EBADF or -EINVAL. */
static int64_t timerfd_of(uint64_t fd, struct file **out)
{
	*out = sys_fd(fd);
	if (!*out)
		return -EBADF;
	if (is_timerfd(*out))
		return 0;
	file_put(*out);
	return -EINVAL;
}

int64_t sys_timerfd_settime(const uint64_t *a)
{
	uint64_t value, interval, old_value, old_interval;
	int64_t error = sys_timespec_get(a[2], &interval);
	struct file *f;

	if (!error)
		error = sys_timespec_get(a[2] + sizeof(struct linux_timespec), &value);
	if (!error && (uint32_t)a[1] & ~(uint32_t)(TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		error = -EINVAL;
	if (!error)
		error = timerfd_of(a[0], &f);
	if (error)
		return error;
	timerfd_set(f, a[1] & TIMER_ABSTIME, value, interval, &old_value, &old_interval);
	file_put(f);
	return a[3] ? put_itimerspec(a[3], old_value, old_interval) : 0;
}

int64_t sys_timerfd_gettime(const uint64_t *a)
{
	uint64_t value, interval;
	struct file *f;
	int64_t error = timerfd_of(a[0], &f);

	if (error)
		return error;
	timerfd_get(f, &value, &interval);
	file_put(f);
	return put_itimerspec(a[1], value, interval);
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
