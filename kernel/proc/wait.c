/*
 * Waiting.
 *
 * A *waiter* stands on a queue for a thread (or a callback). A thread that sleeps
 * does so in this order, and every wake-up either comes before the test or finds
 * the thread asleep:
 *
 *	sleeper                               waker
 *	  puts its waiter on the queue          makes the condition true
 *	  says "I sleep" (thread.state)         takes the waiter off the queue
 *	  drops the condition's lock            makes the thread runnable again
 *	  gives up the hart, unless runnable    (which it is, if it had not gone yet)
 *
 * The condition is tested before, under its lock, which the waker held when it
 * changed it: so either the test sees it, or the waker comes after the waiter
 * was put on the queue.
 *
 * Mutexes sleep here too: a mutex that is waited for has the value 2, and its
 * waiters stand on one of a few queues chosen by its address.
 *
 * Invariants
 *   I1  a waiter is on a queue exactly while its q is not NULL
 *   I2  a waiter with `thread` belongs to a stack that lives until q is NULL again
 *
 * Locks. A queue's lock is taken inside any condition's lock, and a run queue's
 * inside it. Nothing here can fail but poll_wait_add().
 */
#include "kernel/proc/wait.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/sched.h"

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock);
	list_init(&q->waiters);
}

void waitq_add(struct waitq *q, struct waiter *w)
{
	spin_lock(&q->lock);
	w->q = q;
	w->woken = false;
	list_add_tail(&q->waiters, &w->link);
	spin_unlock(&q->lock);
}

void waitq_remove(struct waiter *w)
{
	struct waitq *q = w->q;

	/* here: only the owner registers a waiter, so q can only become NULL meanwhile */
	if (!q)
		return;
	spin_lock(&q->lock);
	if (w->q)
		list_remove(&w->link);
	w->q = NULL;
	spin_unlock(&q->lock);
}

/* Queue locked. A sleeper leaves the queue; one that watches stays. */
static void wake_locked(struct waiter *w)
{
	w->woken = true;
	if (w->call) {
		w->call(w);
		return;
	}
	list_remove(&w->link);
	thread_wake(w->thread);
	/* Last: from now on the sleeper's stack may be gone. */
	__atomic_store_n(&w->q, NULL, __ATOMIC_RELEASE);
}

static void wake(struct waitq *q, bool all)
{
	struct list_node *next;

	spin_lock(&q->lock);
	for (struct list_node *it = q->waiters.next; it != &q->waiters; it = next) {
		struct waiter *w = container_of(it, struct waiter, link);
		bool exclusive = w->is_exclusive;

		next = it->next;
		wake_locked(w);
		if (exclusive && !all)
			break;
	}
	spin_unlock(&q->lock);
}

void waitq_wake_one(struct waitq *q)
{
	if (!waitq_is_empty(q))
		wake(q, false);
}

void waitq_wake_all(struct waitq *q)
{
	if (!waitq_is_empty(q))
		wake(q, true);
}

int waitq_sleep(struct waitq *q, struct spinlock *lock, uint64_t deadline_ns, int how)
{
	struct waiter w = {.thread = thread_current(), .is_exclusive = true};
	int err;

	waitq_add(q, &w);
	thread_sleep_begin(how);
	if (lock)
		spin_unlock(lock);
	err = thread_sleep(deadline_ns, how);
	waitq_remove(&w);
	if (lock)
		spin_lock(lock);
	return w.woken ? 0 : err;
}

/* -- several queues ------------------------------------------------------------------------ */

struct poll_wait_block {
	struct poll_wait_block *next;
	unsigned n;
	struct poll_waiter entries[30]; /* with the header, about half a frame */
};

static void poll_woken(struct waiter *w)
{
	struct poll_wait *pw = container_of(w, struct poll_waiter, w)->pw;

	__atomic_store_n(&pw->woken, 1, __ATOMIC_RELEASE);
	thread_wake(pw->thread);
}

void poll_wait_init(struct poll_wait *pw)
{
	pw->thread = thread_current();
	pw->woken = 0;
	pw->failed = false;
	pw->n = 0;
	pw->more = NULL;
}

int poll_wait_add(struct poll_wait *pw, struct waitq *q)
{
	struct poll_wait_block *b;
	struct poll_waiter *e;

	if (!pw)
		return 0;
	if (pw->n < POLL_WAIT_INLINE) {
		e = &pw->first[pw->n++];
	} else {
		b = pw->more;
		if (!b || b->n == ARRAY_SIZE(b->entries)) {
			b = kmalloc(sizeof *b);
			if (!b) {
				pw->failed = true;
				return -ENOMEM;
			}
			b->n = 0;
			b->next = pw->more;
			pw->more = b;
		}
		e = &b->entries[b->n++];
	}
	e->pw = pw;
	e->w = (struct waiter){.call = poll_woken};
	waitq_add(q, &e->w);
	return 0;
}

int poll_wait_sleep(struct poll_wait *pw, uint64_t deadline_ns, bool interruptible)
{
	int err = 0;

	thread_sleep_begin(interruptible);
	if (__atomic_load_n(&pw->woken, __ATOMIC_ACQUIRE))
		thread_sleep_cancel();
	else
		err = thread_sleep(deadline_ns, interruptible);
	return __atomic_exchange_n(&pw->woken, 0, __ATOMIC_ACQUIRE) ? 0 : err;
}

void poll_wait_fini(struct poll_wait *pw)
{
	struct poll_wait_block *b;

	for (unsigned i = 0; i < pw->n; i++)
		waitq_remove(&pw->first[i].w);
	while ((b = pw->more)) {
		for (unsigned i = 0; i < b->n; i++)
			waitq_remove(&b->entries[i].w);
		pw->more = b->next;
		kfree(b);
	}
}

/* -- mutexes ------------------------------------------------------------------------------- */

#define MUTEX_QUEUES 32

static struct waitq mutex_queues[MUTEX_QUEUES];

static struct waitq *mutex_queue(const struct mutex *m)
{
	return &mutex_queues[((uintptr_t)m >> 4 ^ (uintptr_t)m >> 9) % MUTEX_QUEUES];
}

void wait_init(void)
{
	for (unsigned i = 0; i < MUTEX_QUEUES; i++)
		waitq_init(&mutex_queues[i]);
}

void mutex_lock_slow(struct mutex *m)
{
	struct waitq *q = mutex_queue(m);
	struct waiter w = {.thread = thread_current(), .mutex = m};

	if (!w.thread) { /* boot: nobody else runs */
		lock_wait(&m->locked);
		return;
	}
	while (__atomic_exchange_n(&m->locked, 2, __ATOMIC_ACQUIRE)) {
		waitq_add(q, &w);
		thread_sleep_begin(false);
		/* The holder may have left before it could see this waiter. */
		if (__atomic_load_n(&m->locked, __ATOMIC_SEQ_CST) == 2)
			thread_sleep(UINT64_MAX, false);
		else
			thread_sleep_cancel();
		waitq_remove(&w);
	}
}

/* One is enough: it takes the mutex with a 2, and so wakes the next when it is done. */
void mutex_unlock_slow(struct mutex *m)
{
	struct waitq *q = mutex_queue(m);

	spin_lock(&q->lock);
	list_for_each (it, &q->waiters) {
		struct waiter *w = container_of(it, struct waiter, link);

		if (w->mutex != m)
			continue;
		wake_locked(w);
		break;
	}
	spin_unlock(&q->lock);
}
