/*
 * Timers.
 *
 * Each hart has a queue of the timers that were set on it, a tree ordered by
 * time. The hart's clock is set for the first of them, or for the end of the
 * running thread's slice if that is earlier (sched.c); when it strikes, all
 * timers that are due are taken off the queue and fire, in order of time.
 *
 * Invariants
 *   I1  a timer is in the tree of queue `hart` exactly while is_set
 *   I2  `first` is the time of the leftmost timer, or UINT64_MAX
 *
 * Locks. queue.lock is held while a timer fires, so that who has cancelled a
 * timer may free it. A function that fires may take locks of signals and run
 * queues; so timers are set and cancelled with none of these held.
 */
#include "kernel/proc/timer.h"
#include "kernel/arch/arch.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/proc/sched.h"

static struct queue {
	struct spinlock lock;
	struct avl_tree tree;
	uint64_t first;
} queues[SCHED_MAX_HARTS];

static struct timer *timer_of(struct avl_node *n)
{
	return container_of(n, struct timer, node);
}

void timer_init(void)
{
	for (unsigned i = 0; i < SCHED_MAX_HARTS; i++) {
		avl_init(&queues[i].tree, NULL);
		queues[i].first = UINT64_MAX;
	}
}

static void first_update(struct queue *q)
{
	q->first = q->tree.root ? timer_of(avl_first(&q->tree))->at_ns : UINT64_MAX;
}

void timer_set_locked(struct timer *t, uint64_t at_ns)
{
	struct queue *q = &queues[arch_hart()];
	struct avl_node **link, *parent = NULL;

	t->at_ns = at_ns;
	t->hart = arch_hart();
	for (link = &q->tree.root; *link;) {
		parent = *link;
		link = at_ns < timer_of(parent)->at_ns ? &parent->left : &parent->right;
	}
	avl_insert(&q->tree, &t->node, parent, link);
	t->is_set = true;
	if (at_ns < q->first) {
		q->first = at_ns;
		sched_clock_update();
	}
}

void timer_set(struct timer *t, uint64_t at_ns)
{
	struct queue *q = &queues[arch_hart()];

	if (at_ns == UINT64_MAX)
		return;
	spin_lock(&q->lock);
	timer_set_locked(t, at_ns);
	spin_unlock(&q->lock);
}

void timer_cancel(struct timer *t)
{
	struct queue *q = &queues[t->hart];

	spin_lock(&q->lock);
	if (t->is_set) {
		avl_remove(&q->tree, &t->node);
		t->is_set = false;
		first_update(q);
	}
	spin_unlock(&q->lock);
}

uint64_t timer_next(void)
{
	return queues[arch_hart()].first;
}

uint64_t timer_run(uint64_t now_ns)
{
	struct queue *q = &queues[arch_hart()];

	spin_lock(&q->lock);
	while (q->first <= now_ns) {
		struct timer *t = timer_of(avl_first(&q->tree));

		avl_remove(&q->tree, &t->node);
		t->is_set = false;
		first_update(q);
		t->fire(t);
	}
	spin_unlock(&q->lock);
	return q->first;
}
