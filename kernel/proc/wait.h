/*
 * Waiting: queues of threads, sleeping until a condition or a time. Theory: wait.c.
 *
 * A condition is waited for in a loop, under the spinlock that guards it:
 *
 *	spin_lock(&pipe->lock);
 *	while (pipe_is_empty(pipe)) {
 *		err = waitq_sleep(&pipe->readers, &pipe->lock, UINT64_MAX, true);
 *		if (err)
 *			break;
 *	}
 *	spin_unlock(&pipe->lock);
 *
 * Who makes the condition true calls waitq_wake_one() or _all(), with or without
 * that spinlock, in a thread or in an interrupt handler.
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"

struct thread;

/*
 * What a system call returns when a signal ended its sleep; programs see none of them:
 * ERESTARTSYS begins again unless a handler without SA_RESTART runs, which sees EINTR;
 * ERESTARTNOHAND begins again only when no handler runs; ERESTART_BLOCK goes on as
 * thread.restart says.
 */
#define ERESTARTSYS    512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_BLOCK 516

struct waitq {
	struct spinlock lock;
	struct list_node waiters; /* struct waiter */
};

/* One registration of a thread, or of a callback, with a queue. */
struct waiter {
	struct list_node link;
	struct waitq *q;               /* NULL: on none */
	struct thread *thread;         /* whom to wake, unless `call` */
	const struct mutex *mutex;     /* what it waits for, on a queue of mutexes */
	void (*call)(struct waiter *); /* called instead, queue locked: must only note and wake */
	bool is_exclusive;             /* one of these is enough for waitq_wake_one() */
	bool woken;
};

void waitq_init(struct waitq *q);

/*
 * Sleeps until woken; `lock` (NULL: none) is dropped for that and taken again.
 * => 0: woken, or by chance: look again. -ETIMEDOUT: arch_time_ns() reached deadline_ns
 *    (UINT64_MAX: never). -ERESTARTSYS: `how` is SLEEP_SIGNALS (or true), and a signal is to be
 *    acted on; or SLEEP_KILLABLE, and the process ends.
 */
int waitq_sleep(struct waitq *q, struct spinlock *lock, uint64_t deadline_ns, int how);

/* One sleeper, and all that only watch; or everyone. */
void waitq_wake_one(struct waitq *q);
void waitq_wake_all(struct waitq *q);
static inline bool waitq_is_empty(const struct waitq *q)
{
	return list_is_empty(&q->waiters);
}

/*
 * Waiting on several queues at once, for poll and select:
 *
 *	poll_wait_init(&pw);
 *	for (;;) {
 *		ask each file, which calls poll_wait_add(&pw, its queue) the first time around;
 *		if (any is ready) break;
 *		err = poll_wait_sleep(&pw, deadline, true);
 *		if (err) break;
 *	}
 *	poll_wait_fini(&pw);
 *
 * A wake-up after poll_wait_add() is never lost: the next sleep returns at once.
 */
#define POLL_WAIT_INLINE 8

struct poll_wait_block;
struct poll_wait {
	struct thread *thread;
	uint32_t woken;
	bool failed; /* no memory for a registration */
	unsigned n;  /* in use of `first` */
	struct poll_wait_block *more;
	struct poll_waiter {
		struct waiter w;
		struct poll_wait *pw;
	} first[POLL_WAIT_INLINE];
};

void poll_wait_init(struct poll_wait *pw);
/* => 0 or -ENOMEM. pw NULL: nothing is registered. q outlives pw. */
int poll_wait_add(struct poll_wait *pw, struct waitq *q);
/* => as waitq_sleep(). */
int poll_wait_sleep(struct poll_wait *pw, uint64_t deadline_ns, bool interruptible);
void poll_wait_fini(struct poll_wait *pw);

/* Registers w, whose `call` or `thread` is set, for as long as the caller likes: epoll. */
void waitq_add(struct waitq *q, struct waiter *w);
void waitq_remove(struct waiter *w);

#endif
