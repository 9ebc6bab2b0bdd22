/*
 * Interval timers of programs.
 *
 * A timer belongs to a process. Each time that it expires it sends its signal,
 * unless that of an earlier time is still pending: then it only counts an
 * overrun. The entry of the queue of signals is part of the timer, so that no
 * memory is needed in an interrupt. The three of setitimer() are such timers too,
 * each made when it is first set; they send plain signals.
 *
 * Two sorts of clock:
 *
 *	real time       the hart's timer queue calls expire() in an interrupt
 *	processor time  of a process or one of its threads. Nothing strikes when so much
 *	                is used up; instead the scheduler counts proc.cpu_left down while
 *	                threads of the process run, and when nothing is left one of them
 *	                calls itimers_check_cpu(), which looks at all such timers and at
 *	                RLIMIT_CPU, and computes anew how much there is until the next
 *
 *	cpu_left = the least, over all timers of processor time, of what is missing on
 *	           their clocks; a thread's clock is never faster than its process's, so
 *	           no timer is late, but the check may come too early and find nothing
 *
 * System time is not told apart from the program's own: ITIMER_VIRTUAL runs with
 * both, as ITIMER_PROF does.
 *
 * Invariants
 *   I1  a timer is freed only when it is not set and its entry is in no queue
 *   I2  a timer of processor time is never in a hart's timer queue
 *   I3  cpu_armed, if one of these is set or RLIMIT_CPU has a value
 *
 * Locks. proc.timer_lock guards the lists of a process and the fields of their
 * timers but these: at_ns, interval_ns and the counts of overruns of a timer that is
 * set are the tree lock's, `entry` is the sighand's. timer_set() and
 * timer_cancel() are called without either of the latter two.
 */
#include "kernel/proc/itimer.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/proc.h"

struct itimer {
	struct itimer *next;
	struct proc *proc;
	uint32_t tid; /* SIGEV_THREAD_ID; 0: the process */
	int id, clock, notify;
	bool is_cpu;
	uint32_t cpu_tid;      /* whose processor time; 0: the process's */
	struct thread *sleeps; /* clock_nanosleep: whom to wake instead of sending */
	struct timer timer;
	uint64_t at_ns, interval_ns; /* at 0: not set. arch_time_ns(), or processor time */
	struct sigentry entry;
	uint32_t state; /* atomic: ENTRY_* */
	uint32_t overrun, last_overrun;
};

#define ENTRY_QUEUED  1u
#define ENTRY_DELETED 2u
#define NO_ID         (-1)
#define OVERRUN_MAX   INT32_MAX /* DELAYTIMER_MAX */

int32_t itimer_entry_done(struct itimer *t)
{
	int32_t overrun = t->overrun > OVERRUN_MAX ? OVERRUN_MAX : (int32_t)t->overrun;
	uint32_t was;

	t->last_overrun = (uint32_t)overrun;
	t->overrun = 0;
	was = __atomic_fetch_and(&t->state, ~ENTRY_QUEUED, __ATOMIC_ACQ_REL);
	if (was & ENTRY_DELETED)
		kfree(t);
	return overrun;
}

/* -- expiring, tree locked ----------------------------------------------------------------- */

/* It is `now` on t's clock, and t's time has come. => t is set for its next time, or not set. */
static void expire_locked(struct itimer *t, uint64_t now)
{
	struct thread *thread = NULL;

	if (t->sleeps) {
		thread_wake(t->sleeps);
	} else if (t->notify != SIGEV_NONE) {
		if (t->tid)
			thread = thread_find_locked(t->tid);
		if (thread && thread->proc != t->proc)
			thread = NULL;
		if (__atomic_fetch_or(&t->state, ENTRY_QUEUED, __ATOMIC_ACQ_REL) & ENTRY_QUEUED)
			t->overrun++;
		else if (t->tid && !thread)
			itimer_entry_done(t); /* here: whom it was for has ended */
		else
			signal_send_timer(t->proc, thread, &t->entry, t);
	}
	if (t->interval_ns) {
		uint64_t missed = (now - t->at_ns) / t->interval_ns;

		t->overrun += (uint32_t)missed;
		t->at_ns += (missed + 1) * t->interval_ns;
	} else {
		t->at_ns = 0;
	}
}

/* In an interrupt, the timer queue locked. */
static void expire(struct timer *timer)
{
	struct itimer *t = container_of(timer, struct itimer, timer);

	spin_lock(&proc_tree_lock);
	expire_locked(t, arch_time_ns());
	spin_unlock(&proc_tree_lock);
	if (t->at_ns)
		timer_set_locked(&t->timer, t->at_ns);
}

/* => the processor time that t runs with; UINT64_MAX - 1: its thread has ended. */
static uint64_t cpu_now_locked(const struct itimer *t)
{
	const struct thread *thread = t->cpu_tid ? thread_find_locked(t->cpu_tid) : NULL;

	if (!t->cpu_tid)
		return proc_ran_ns_locked(t->proc);
	return thread && thread->proc == t->proc ? sched_ran_ns(thread) : UINT64_MAX - 1;
}

/* Looks at one timer of processor time. => what is missing; UINT64_MAX: it is not set. */
static uint64_t check_locked(struct itimer *t)
{
	uint64_t now;

	if (!t || !t->is_cpu || !t->at_ns)
		return UINT64_MAX;
	now = cpu_now_locked(t);
	if (now == UINT64_MAX - 1)
		return UINT64_MAX;
	if (now >= t->at_ns)
		expire_locked(t, now);
	return t->at_ns ? t->at_ns - now : UINT64_MAX;
}

/* RLIMIT_CPU: a warning every second from the soft limit on; the end at the hard one. */
static uint64_t check_limit_locked(struct proc *p)
{
	struct linux_rlimit *l = &p->rlimits[RLIMIT_CPU];
	uint64_t ran, left = UINT64_MAX;

	if (l->cur == RLIM_INFINITY && l->max == RLIM_INFINITY)
		return left;
	ran = proc_ran_ns_locked(p);
	if (l->max != RLIM_INFINITY && ran / NS_PER_SECOND >= l->max) {
		signal_kernel(p, SIGKILL);
		return left;
	}
	if (l->cur != RLIM_INFINITY && ran / NS_PER_SECOND >= l->cur) {
		signal_kernel(p, SIGXCPU);
		spin_lock(&p->lock);
		l->cur = ran / NS_PER_SECOND + 1;
		spin_unlock(&p->lock);
	}
	if (l->cur < UINT64_MAX / NS_PER_SECOND)
		left = l->cur * NS_PER_SECOND - ran;
	if (l->max < UINT64_MAX / NS_PER_SECOND && l->max * NS_PER_SECOND - ran < left)
		left = l->max * NS_PER_SECOND - ran;
	return left;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* timer_lock is held. */
static void check_cpu(struct proc *p)
{
	uint64_t left;

	spin_lock(&proc_tree_lock);
	left = check_limit_locked(p);
	for (int which = ITIMER_VIRTUAL; which <= ITIMER_PROF; which++)
		left = least(left, check_locked(p->interval[which]));
	for (struct itimer *t = p->timers; t; t = t->next)
		left = least(left, check_locked(t));
	__atomic_store_n(&p->cpu_left, (int64_t)least(left, INT64_MAX), __ATOMIC_RELAXED);
	__atomic_store_n(&p->cpu_armed, left != UINT64_MAX, __ATOMIC_RELAXED);
	spin_unlock(&proc_tree_lock);
	sched_cpu_watch(p);
}

void itimers_check_cpu(void)
{
	struct proc *p = proc_current();

	mutex_lock(&p->timer_lock);
	check_cpu(p);
	mutex_unlock(&p->timer_lock);
}

/* -- setting, timer_lock held -------------------------------------------------------------- */

static struct itimer *create(int signo, int code)
{
	struct itimer *t = kzalloc(sizeof *t);

	if (!t)
		return NULL;
	t->id = NO_ID;
	t->proc = proc_current();
	t->timer.fire = expire;
	t->entry.info.signo = signo;
	t->entry.info.code = code;
	t->entry.timer = t;
	return t;
}

/* => now, on the clock that t's times are of. */
static uint64_t now_of(const struct itimer *t)
{
	uint64_t now;

	if (!t->is_cpu)
		return arch_time_ns();
	spin_lock(&proc_tree_lock);
	now = cpu_now_locked(t);
	spin_unlock(&proc_tree_lock);
	return now;
}

/* => what is left until t expires; 0: it is not set. */
static uint64_t remaining(const struct itimer *t)
{
	uint64_t now = now_of(t);

	return t->at_ns == 0 ? 0 : t->at_ns > now ? t->at_ns - now : 1;
}

static void arm(struct itimer *t, uint64_t at_ns, uint64_t interval_ns, uint64_t *old_value,
		uint64_t *old_interval)
{
	if (!t->is_cpu)
		timer_cancel(&t->timer);
	*old_value = remaining(t);
	*old_interval = t->interval_ns;
	spin_lock(&proc_tree_lock);
	t->interval_ns = interval_ns;
	t->at_ns = at_ns;
	t->overrun = 0;
	spin_unlock(&proc_tree_lock);
	if (t->is_cpu)
		check_cpu(t->proc);
	else if (at_ns)
		timer_set(&t->timer, at_ns);
}

static void destroy(struct itimer *t)
{
	if (!t->is_cpu)
		timer_cancel(&t->timer);
	if (!(__atomic_fetch_or(&t->state, ENTRY_DELETED, __ATOMIC_ACQ_REL) & ENTRY_QUEUED))
		kfree(t);
}

/* => `at` plus `ns`, or almost never. */
static uint64_t after(uint64_t at, uint64_t ns)
{
	return ns > INT64_MAX - at ? INT64_MAX : at + ns;
}

/* -- setitimer ----------------------------------------------------------------------------- */

int64_t itimer_set_interval(int which, uint64_t value_ns, uint64_t interval_ns, uint64_t *old_value,
			    uint64_t *old_interval)
{
	static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};
	struct proc *p = proc_current();
	struct itimer *t;
	int64_t error = 0;

	*old_value = *old_interval = 0;
	mutex_lock(&p->timer_lock);
	t = p->interval[which];
	if (!t && value_ns) {
		t = create(signals[which], SI_KERNEL);
		error = t ? 0 : -ENOMEM;
		if (t)
			t->is_cpu = which != ITIMER_REAL;
		p->interval[which] = t;
	}
	if (t)
		arm(t, value_ns ? after(now_of(t), value_ns) : 0, value_ns ? interval_ns : 0,
		    old_value, old_interval);
	mutex_unlock(&p->timer_lock);
	return error;
}

void itimer_get_interval(int which, uint64_t *value_ns, uint64_t *interval_ns)
{
	struct proc *p = proc_current();
	struct itimer *t;

	mutex_lock(&p->timer_lock);
	t = p->interval[which];
	*value_ns = t ? remaining(t) : 0;
	*interval_ns = t ? t->interval_ns : 0;
	mutex_unlock(&p->timer_lock);
}

/* -- timer_create -------------------------------------------------------------------------- */

static struct itimer *find(int id)
{
	struct itimer *t = proc_current()->timers;

	if (id < 0)
		return NULL;
	while (t && t->id != id)
		t = t->next;
	return t;
}

/* Gives t the clock of that number. => 0; -EINVAL: there is none; -EOPNOTSUPP: not for timers. */
static int clock_attach(struct itimer *t, int clock)
{
	uint32_t tid;
	bool is_thread;

	t->clock = clock;
	if (clock_cpu_find(clock, &tid, &is_thread) == 0) {
		struct thread *thread;
		bool own;

		spin_lock(&proc_tree_lock);
		thread = thread_find_locked(tid);
		own = thread && thread->proc == t->proc;
		spin_unlock(&proc_tree_lock);
		t->is_cpu = true;
		t->cpu_tid = is_thread ? tid : 0;
		return own ? 0 : -EINVAL;
	}
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI: return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_REALTIME_COARSE: return -EOPNOTSUPP;
	default: return -EINVAL;
	}
}

/* => whether the event is one that a timer can send; a thread's number goes to t. */
static bool event_attach(struct itimer *t, const struct linux_sigevent *ev)
{
	const struct thread *thread;

	t->notify = ev->notify;
	if (ev->notify == SIGEV_NONE)
		return true;
	if (ev->signo < 1 || ev->signo > SIGMAX)
		return false;
	if (ev->notify == SIGEV_SIGNAL || ev->notify == SIGEV_THREAD)
		return true;
	if (ev->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
		return false;
	spin_lock(&proc_tree_lock);
	thread = thread_find_locked((uint32_t)ev->tid);
	if (thread && thread->proc == t->proc)
		t->tid = thread->tid;
	spin_unlock(&proc_tree_lock);
	return t->tid != 0;
}

int64_t itimer_create(int clock, const struct linux_sigevent *ev)
{
	struct itimer *t = create(ev ? ev->signo : SIGALRM, SI_TIMER);
	static const struct linux_sigevent plain = {.notify = SIGEV_SIGNAL, .signo = SIGALRM};
	struct proc *p = proc_current();
	int id = 0, error;

	if (!t)
		return -EAGAIN;
	error = clock_attach(t, clock);
	if (!error && !event_attach(t, ev ? ev : &plain))
		error = -EINVAL;
	if (error) {
		kfree(t);
		return error;
	}
	mutex_lock(&p->timer_lock);
	while (find(id))
		id++;
	t->id = id;
	t->entry.info.timer_id = id;
	t->entry.info.timer_value = ev ? ev->value : (uint64_t)id;
	t->next = p->timers;
	p->timers = t;
	mutex_unlock(&p->timer_lock);
	return id;
}

int64_t itimer_set(int id, bool absolute, uint64_t value_ns, uint64_t interval_ns,
		   uint64_t *old_value, uint64_t *old_interval)
{
	struct proc *p = proc_current();
	struct itimer *t;
	uint64_t now, there, at = 0;

	mutex_lock(&p->timer_lock);
	t = find(id);
	if (!t) {
		mutex_unlock(&p->timer_lock);
		return -EINVAL;
	}
	now = there = now_of(t);
	if (!t->is_cpu)
		clock_read(t->clock, &there);
	if (value_ns && absolute)
		at = value_ns > there ? after(now, value_ns - there) : now ? now : 1;
	else if (value_ns)
		at = after(now, value_ns);
	arm(t, at, value_ns ? interval_ns : 0, old_value, old_interval);
	mutex_unlock(&p->timer_lock);
	return 0;
}

int64_t itimer_get(int id, uint64_t *value_ns, uint64_t *interval_ns)
{
	struct proc *p = proc_current();
	struct itimer *t;

	mutex_lock(&p->timer_lock);
	t = find(id);
	if (t) {
		*value_ns = remaining(t);
		*interval_ns = t->interval_ns;
	}
	mutex_unlock(&p->timer_lock);
	return t ? 0 : -EINVAL;
}

int64_t itimer_overrun(int id)
{
	struct proc *p = proc_current();
	struct itimer *t;
	int64_t result;

	mutex_lock(&p->timer_lock);
	t = find(id);
	result = t ? (int64_t)t->last_overrun : -EINVAL;
	mutex_unlock(&p->timer_lock);
	return result;
}

/* Takes t out of the list, which it is in. */
static void unlink(struct proc *p, const struct itimer *t)
{
	struct itimer **at = &p->timers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

int64_t itimer_delete(int id)
{
	struct proc *p = proc_current();
	struct itimer *t;

	mutex_lock(&p->timer_lock);
	t = find(id);
	if (t) {
		unlink(p, t);
		destroy(t);
	}
	mutex_unlock(&p->timer_lock);
	return t ? 0 : -EINVAL;
}

int itimer_sleep_cpu(int clock, uint64_t at_ns)
{
	struct proc *p = proc_current();
	uint64_t old, old_interval;
	struct itimer *t = create(0, 0);
	int error;

	if (!t)
		return -ENOMEM;
	t->sleeps = thread_current();
	error = clock_attach(t, clock);
	if (error) {
		kfree(t);
		return error;
	}
	mutex_lock(&p->timer_lock);
	t->next = p->timers;
	p->timers = t;
	arm(t, at_ns ? at_ns : 1, 0, &old, &old_interval);
	mutex_unlock(&p->timer_lock);
	while (!error) {
		thread_sleep_begin(SLEEP_SIGNALS);
		if (!__atomic_load_n(&t->at_ns, __ATOMIC_SEQ_CST)) {
			thread_sleep_cancel();
			break;
		}
		error = thread_sleep(UINT64_MAX, SLEEP_SIGNALS);
	}
	mutex_lock(&p->timer_lock);
	unlink(p, t);
	destroy(t);
	mutex_unlock(&p->timer_lock);
	return error;
}

void itimers_end(struct proc *p, bool exec)
{
	struct itimer *t;

	mutex_lock(&p->timer_lock);
	while ((t = p->timers)) {
		p->timers = t->next;
		destroy(t);
	}
	for (int which = ITIMER_REAL; !exec && which <= ITIMER_PROF; which++) {
		if (p->interval[which])
			destroy(p->interval[which]); /* else they survive */
		p->interval[which] = NULL;
	}
	mutex_unlock(&p->timer_lock);
}
