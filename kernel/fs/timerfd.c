/*
 * timerfd: a timer as a file. Each time that it expires it counts one more; a read
 * waits for the count to be more than 0, takes all of it and leaves 0.
 *
 * Invariants (lock held)
 *   I1  the timer is in a hart's queue exactly while at_ns is not 0
 *
 * Locks. `setting` is a mutex around changes of the timer, which may wait for its
 * function to be over; `lock` guards the rest and is taken inside a timer queue's.
 */
#include "kernel/fs/timerfd.h"
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/sched.h"
#include "kernel/proc/timer.h"
#include "kernel/proc/wait.h"

struct timerfd {
	struct mutex setting;
	struct spinlock lock;
	int clock;
	struct timer timer;
	uint64_t at_ns, interval_ns; /* arch_time_ns(); at 0: not set */
	uint64_t count;              /* expiries since the last read */
	struct waitq readers;
};

/* In an interrupt, the timer queue locked. */
static void expire(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	uint64_t now = arch_time_ns(), missed = 0, next = 0;

	spin_lock(&t->lock);
	if (t->interval_ns) {
		missed = (now - t->at_ns) / t->interval_ns;
		next = t->at_ns + (missed + 1) * t->interval_ns;
	}
	t->count += missed + 1;
	t->at_ns = next;
	spin_unlock(&t->lock);
	waitq_wake_all(&t->readers);
	if (next)
		timer_set_locked(&t->timer, next);
}

static ssize_t timerfd_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct timerfd *t = f->ctx;
	uint64_t count = 0;
	int error = 0;

	(void)pos;
	if (u->left < sizeof count)
		return -EINVAL;
	spin_lock(&t->lock);
	while (t->count == 0 && !error)
		error = f->flags & O_NONBLOCK
			    ? -EAGAIN
			    : waitq_sleep(&t->readers, &t->lock, UINT64_MAX, SLEEP_SIGNALS);
	if (!error) {
		count = t->count;
		t->count = 0;
	}
	spin_unlock(&t->lock);
	if (error)
		return error;
	return uio_put(u, &count, sizeof count) == sizeof count ? (ssize_t)sizeof count : -EFAULT;
}

static unsigned timerfd_poll(struct file *f, struct poll_wait *pw)
{
	struct timerfd *t = f->ctx;

	poll_wait_add(pw, &t->readers);
	return __atomic_load_n(&t->count, __ATOMIC_ACQUIRE) ? POLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->ctx;

	timer_cancel(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read, .poll = timerfd_poll, .release = timerfd_release};

struct file *timerfd_open(int clock, uint32_t flags)
{
	struct timerfd *t = kzalloc(sizeof *t);
	struct file *f;

	if (!t)
		return NULL;
	mutex_init(&t->setting);
	spin_init(&t->lock);
	waitq_init(&t->readers);
	t->clock = clock;
	t->timer.fire = expire;
	f = file_create(0600, O_RDWR | flags, &timerfd_ops, t);
	if (!f)
		kfree(t);
	return f;
}

bool is_timerfd(const struct file *f)
{
	return f->ops == &timerfd_ops;
}

static uint64_t remaining(const struct timerfd *t)
{
	uint64_t now = arch_time_ns();

	return t->at_ns == 0 ? 0 : t->at_ns > now ? t->at_ns - now : 1;
}

void timerfd_set(struct file *f, bool absolute, uint64_t value_ns, uint64_t interval_ns,
		 uint64_t *old_value, uint64_t *old_interval)
{
	struct timerfd *t = f->ctx;
	uint64_t now = arch_time_ns(), there = now, at = 0;

	if (absolute)
		clock_read(t->clock, &there);
	else
		there = 0;
	if (value_ns) {
		uint64_t left = value_ns > there ? value_ns - there : 0;

		at = left > INT64_MAX - now ? INT64_MAX : now + left;
		at = at ? at : 1;
	}
	mutex_lock(&t->setting);
	timer_cancel(&t->timer);
	spin_lock(&t->lock);
	*old_value = remaining(t);
	*old_interval = t->interval_ns;
	t->at_ns = at;
	t->interval_ns = interval_ns;
	t->count = 0;
	spin_unlock(&t->lock);
	if (at)
		timer_set(&t->timer, at);
	mutex_unlock(&t->setting);
}

void timerfd_get(struct file *f, uint64_t *value_ns, uint64_t *interval_ns)
{
	struct timerfd *t = f->ctx;

	spin_lock(&t->lock);
	*value_ns = remaining(t);
	*interval_ns = t->interval_ns;
	spin_unlock(&t->lock);
}
