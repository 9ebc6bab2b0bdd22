/*
 * Interval timers of programs.
 *
 * A timer belongs to a process. Each time that it expires it sends its signal,
 * unless that of an earlier time is still pending: then it only counts an
 * overrun. The entry of the queue of signals is part of the timer, so that no
 * memory is needed in an interrupt.
 *
 * ITIMER_REAL is such a timer too, made with the first setitimer(); it sends a
 * plain SIGALRM. All clocks run with real time here; those of processor time
 * are refused (ITIMER_VIRTUAL, ITIMER_PROF count nothing: see doc/caveats.md).
 *
 * Invariants
 *   I1  a timer is freed only when it is not set and its entry is in no queue
 *
 * Locks. A timer's fields are guarded by its process's tree lock, but `entry` by
 * the sighand's. timer_set() and timer_cancel() are called without either.
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
	struct timer timer;
	uint64_t at_ns, interval_ns; /* at 0: not set */
	struct sigentry entry;
	uint32_t state; /* atomic: ENTRY_* */
	uint32_t overrun, last_overrun;
};

#define ENTRY_QUEUED  1u
#define ENTRY_DELETED 2u

void itimer_entry_done(struct itimer *t)
{
	uint32_t was = __atomic_fetch_and(&t->state, ~ENTRY_QUEUED, __ATOMIC_ACQ_REL);

	t->last_overrun = t->overrun;
	t->overrun = 0;
	if (was & ENTRY_DELETED)
		kfree(t);
}

/* In an interrupt, the timer queue locked. */
static void expire(struct timer *timer)
{
	struct itimer *t = container_of(timer, struct itimer, timer);
	struct thread *thread = NULL;
	uint64_t now = arch_time_ns();

	spin_lock(&proc_tree_lock);
	if (t->notify != SIGEV_NONE) {
		if (t->tid)
			thread = thread_find_locked(t->tid);
		if (thread && thread->proc != t->proc)
			thread = NULL;
		if (__atomic_fetch_or(&t->state, ENTRY_QUEUED, __ATOMIC_ACQ_REL) & ENTRY_QUEUED)
			t->overrun++;
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
	spin_unlock(&proc_tree_lock);
	if (t->at_ns)
		timer_set_locked(&t->timer, t->at_ns);
}

static struct itimer *create(int signo, int code)
{
	struct itimer *t = kzalloc(sizeof *t);

	if (!t)
		return NULL;
	t->proc = proc_current();
	t->timer.fire = expire;
	t->entry.info.signo = signo;
	t->entry.info.code = code;
	t->entry.timer = t;
	return t;
}

static void arm(struct itimer *t, uint64_t at_ns, uint64_t interval_ns, uint64_t *old_value,
		uint64_t *old_interval)
{
	uint64_t now = arch_time_ns();

	timer_cancel(&t->timer);
	*old_value = t->at_ns == 0 ? 0 : t->at_ns > now ? t->at_ns - now : 1;
	*old_interval = t->interval_ns;
	t->interval_ns = interval_ns;
	t->at_ns = at_ns;
	t->overrun = 0;
	if (at_ns)
		timer_set(&t->timer, at_ns);
}

static void destroy(struct itimer *t)
{
	timer_cancel(&t->timer);
	if (!(__atomic_fetch_or(&t->state, ENTRY_DELETED, __ATOMIC_ACQ_REL) & ENTRY_QUEUED))
		kfree(t);
}

/* -- ITIMER_REAL --------------------------------------------------------------------------- */

int64_t itimer_set_real(uint64_t value_ns, uint64_t interval_ns, uint64_t *old_value,
			uint64_t *old_interval)
{
	struct proc *p = proc_current();

	*old_value = *old_interval = 0;
	if (!p->real_timer) {
		if (!value_ns)
			return 0;
		p->real_timer = create(SIGALRM, SI_KERNEL);
		if (!p->real_timer)
			return -ENOMEM;
	}
	arm(p->real_timer, value_ns ? arch_time_ns() + value_ns : 0, interval_ns, old_value,
	    old_interval);
	return 0;
}

void itimer_get_real(uint64_t *value_ns, uint64_t *interval_ns)
{
	struct itimer *t = proc_current()->real_timer;
	uint64_t now = arch_time_ns();

	*value_ns = *interval_ns = 0;
	if (!t)
		return;
	*value_ns = t->at_ns == 0 ? 0 : t->at_ns > now ? t->at_ns - now : 1;
	*interval_ns = t->interval_ns;
}

/* -- timer_create -------------------------------------------------------------------------- */

static struct itimer *find(int id)
{
	struct itimer *t = proc_current()->timers;

	while (t && t->id != id)
		t = t->next;
	return t;
}

int64_t itimer_create(int clock, const struct linux_sigevent *ev)
{
	struct proc *p = proc_current();
	uint64_t now;
	struct itimer *t;
	int id = 0;

	if (clock_read_ns(clock, 0, &now) != 0 || clock == CLOCK_MONOTONIC_RAW ||
	    clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		return -EINVAL;
	if (ev->notify != SIGEV_NONE && (ev->signo < 1 || ev->signo > SIGMAX))
		return -EINVAL;
	t = create(ev->signo, SI_TIMER);
	if (!t)
		return -EAGAIN;
	switch (ev->notify) {
	case SIGEV_NONE:
	case SIGEV_SIGNAL:
	case SIGEV_THREAD: break;
	case SIGEV_SIGNAL | SIGEV_THREAD_ID: {
		struct thread *thread;

		spin_lock(&proc_tree_lock);
		thread = thread_find_locked((uint32_t)ev->tid);
		if (thread && thread->proc == p)
			t->tid = thread->tid;
		spin_unlock(&proc_tree_lock);
		if (t->tid)
			break;
	} /* fall through */
	default: kfree(t); return -EINVAL;
	}
	while (find(id))
		id++;
	t->id = id;
	t->clock = clock;
	t->notify = ev->notify;
	t->entry.info.timer_id = id;
	t->entry.info.timer_value = ev->value;
	t->next = p->timers;
	p->timers = t;
	return id;
}

int64_t itimer_set(int id, bool absolute, uint64_t value_ns, uint64_t interval_ns,
		   uint64_t *old_value, uint64_t *old_interval)
{
	struct itimer *t = find(id);
	uint64_t now, at;

	if (!t)
		return -EINVAL;
	clock_read_ns(t->clock, 0, &now);
	at = !value_ns ? 0 : arch_time_ns() + value_ns;
	if (value_ns && absolute)
		at = value_ns > now ? arch_time_ns() + (value_ns - now) : arch_time_ns();
	arm(t, at, interval_ns, old_value, old_interval);
	return 0;
}

int64_t itimer_get(int id, uint64_t *value_ns, uint64_t *interval_ns)
{
	struct itimer *t = find(id);
	uint64_t now = arch_time_ns();

	if (!t)
		return -EINVAL;
	*value_ns = t->at_ns == 0 ? 0 : t->at_ns > now ? t->at_ns - now : 1;
	*interval_ns = t->interval_ns;
	return 0;
}

int64_t itimer_overrun(int id)
{
	struct itimer *t = find(id);

	return t ? (int64_t)t->last_overrun : -EINVAL;
}

int64_t itimer_delete(int id)
{
	struct itimer **at = &proc_current()->timers, *t;

	for (; (t = *at); at = &t->next) {
		if (t->id != id)
			continue;
		*at = t->next;
		destroy(t);
		return 0;
	}
	return -EINVAL;
}

void itimers_end(struct proc *p, bool exec)
{
	struct itimer *t;

	while ((t = p->timers)) {
		p->timers = t->next;
		destroy(t);
	}
	if (!exec && p->real_timer) { /* an alarm survives exec */
		destroy(p->real_timer);
		p->real_timer = NULL;
	}
}
