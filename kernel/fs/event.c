/*
 * eventfd: a counter as a file.
 *
 * A write adds to the counter, and waits while the sum would pass the largest
 * value. A read takes all of it, or 1 if it is a semaphore, and waits while it is 0.
 *
 * Locks. event.lock guards the counter; user memory is touched before or after.
 */
#include "kernel/fs/event.h"
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/wait.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct event {
	struct spinlock lock;
	uint64_t count;
	bool is_semaphore;
	struct waitq readers, writers;
};

static ssize_t event_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct event *e = f->ctx;
	uint64_t value = 0;
	int error = 0;

	(void)pos;
	if (u->left < sizeof value)
		return -EINVAL;
	spin_lock(&e->lock);
	while (e->count == 0 && !error)
		error = f->flags & O_NONBLOCK
			    ? -EAGAIN
			    : waitq_sleep(&e->readers, &e->lock, UINT64_MAX, true);
	if (!error) {
		value = e->is_semaphore ? 1 : e->count;
		e->count -= value;
	}
	spin_unlock(&e->lock);
	if (error)
		return error;
	waitq_wake_all(&e->writers);
	return uio_put(u, &value, sizeof value) == sizeof value ? (ssize_t)sizeof value : -EFAULT;
}

static ssize_t event_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct event *e = f->ctx;
	uint64_t value;
	int error = 0;

	(void)pos;
	if (u->left < sizeof value)
		return -EINVAL;
	if (uio_take(u, &value, sizeof value) != sizeof value)
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	spin_lock(&e->lock);
	while (value > COUNT_MAX - e->count && !error)
		error = f->flags & O_NONBLOCK
			    ? -EAGAIN
			    : waitq_sleep(&e->writers, &e->lock, UINT64_MAX, true);
	if (!error)
		e->count += value;
	spin_unlock(&e->lock);
	if (error)
		return error;
	waitq_wake_all(&e->readers);
	return (ssize_t)sizeof value;
}

static unsigned event_poll(struct file *f, struct poll_wait *pw)
{
	struct event *e = f->ctx;
	unsigned mask = 0;

	poll_wait_add(pw, &e->readers);
	poll_wait_add(pw, &e->writers);
	spin_lock(&e->lock);
	if (e->count > 0)
		mask |= POLLIN;
	if (e->count < COUNT_MAX)
		mask |= POLLOUT;
	spin_unlock(&e->lock);
	return mask;
}

static void event_release(struct file *f)
{
	kfree(f->ctx);
}

static const struct file_ops event_ops = {
    .read = event_read, .write = event_write, .poll = event_poll, .release = event_release};

struct file *event_open(uint64_t count, bool is_semaphore, uint32_t flags)
{
	struct event *e = kzalloc(sizeof *e);
	struct file *f;

	if (!e)
		return NULL;
	spin_init(&e->lock);
	e->count = count;
	e->is_semaphore = is_semaphore;
	waitq_init(&e->readers);
	waitq_init(&e->writers);
	f = file_create(0600, flags, &event_ops, e);
	if (!f)
		kfree(e);
	return f;
}
