/*
 * The scheduler: fair shares of each hart, by virtual run time.
 *
 * Each hart has a *run queue*: the threads that want it, in a tree ordered by
 * their *virtual run time*, the time they had the hart, scaled by what a thread
 * of nice 0 weighs over what they weigh. The thread with the least is next, so
 * over time each gets a share in proportion to its weight (C. Waldspurger,
 * W. Weihl, Stride Scheduling, 1995; Linux's CFS). Weights are Linux's: a step
 * of nice changes a share by about a quarter.
 *
 * A thread that slept begins again a little behind the queue's least virtual
 * time, so that it soon runs, but cannot save up time by sleeping. A thread with
 * a real-time policy is ordered before all others, by its priority.
 *
 * Time is charged when a thread leaves the hart and when its slice ends. The
 * clock strikes only when somebody waits: at the end of a slice of SLICE_NS, or
 * for a timer. A hart without a thread waits for an interrupt.
 *
 *	 sched_start, thread_wake          schedule()
 *	      |                                |
 *	      v      least vruntime            v
 *	 [ run queue ] ----------------> runs ---> asleep, stopped, dead
 *	      ^                            |
 *	      `------ slice over, yield ---'
 *
 * Several harts. A thread wakes in the run queue where it slept. If that hart
 * is busy and another idles, the idle one is interrupted, and takes a thread
 * from the longest queue that has one to spare.
 *
 * The kernel is not preempted: a thread loses its hart on the way back to its
 * program (WORK_RESCHED), or where it sleeps. Interrupts are off in the kernel,
 * but in arch_wait().
 *
 * Invariants, of each run queue:
 *   I1  a thread is in the tree exactly while is_queued; then it is RUNNABLE,
 *       does not run, and its hart is this one
 *   I2  nqueued counts the tree; `current` runs here and is not in it
 *   I3  least is at most the vruntime of each thread in the tree, and never falls
 *
 * Locks. runq.lock guards all of that, and the state and hart of its threads.
 * It is taken inside all others but the frame allocator's and the console's,
 * and is handed over across a switch: the thread that comes releases it. Of two
 * run queues the second is only tried.
 */
#include "kernel/proc/sched.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/wait.h"

#define SLICE_NS       SCHED_SLICE_NS
#define CREDIT_NS      (SLICE_NS / 2) /* how far behind a sleeper may begin */
#define NICE_0         1024
#define IDLE_WEIGHT    3           /* of SCHED_IDLE, as on Linux: less than any nice */
#define STEAL_PATIENCE 1000        /* tries; longer than any section under a run queue's lock */
#define RT_BASE        (1UL << 62) /* vruntimes of real-time threads lie this far below */

/* Linux's table: each step is a factor of about 1.25. */
static const uint32_t weights[40] = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15,
};

static struct runq {
	struct spinlock lock;
	struct avl_tree tree;
	unsigned nqueued;
	bool is_idle;       /* its idle thread runs */
	uint64_t least;     /* ns */
	uint64_t slice_end; /* of current; UINT64_MAX: nobody else wants the hart */
	uint64_t cpu_end;   /* when current has used up its process's cpu_left; UINT64_MAX: never */
	struct thread *current, *idle;
	uint64_t nswitches, busy_ns;
	struct thread *dead; /* has just left its stack for ever */
	struct thread *away; /* has just left the hart, and may not come back to it */
} runqs[SCHED_MAX_HARTS];

static uint64_t harts_running; /* set; atomic */
static uint64_t harts_idle;    /* set; atomic; a hint */
static struct thread idle_threads[SCHED_MAX_HARTS];

static struct runq *runq_here(void)
{
	return &runqs[arch_hart()];
}

static struct thread *thread_of(struct avl_node *n)
{
	return container_of(n, struct thread, sched.node);
}

/* Locks the run queue of t, which may move meanwhile. */
static struct runq *runq_lock(const struct thread *t)
{
	for (;;) {
		unsigned hart = __atomic_load_n(&t->sched.hart, __ATOMIC_RELAXED);
		struct runq *rq = &runqs[hart];

		spin_lock(&rq->lock);
		if (t->sched.hart == hart)
			return rq;
		spin_unlock(&rq->lock);
	}
}

/* -- the tree, under the lock -------------------------------------------------------------- */

static bool is_realtime(const struct thread *t)
{
	return t->sched.policy == SCHED_FIFO || t->sched.policy == SCHED_RR;
}

/* Order in the tree; differences matter, so it may wrap. */
static int64_t key_of(const struct runq *rq, const struct thread *t)
{
	if (is_realtime(t))
		return -(int64_t)(RT_BASE + ((uint64_t)t->sched.rt_priority << 32));
	return (int64_t)(t->sched.vruntime - rq->least);
}

/* first: before those of the same order, as one that only made room for a better one. */
static void enqueue(struct runq *rq, struct thread *t, bool first)
{
	struct avl_node **link = &rq->tree.root, *parent = NULL;
	int64_t key = key_of(rq, t);

	while (*link) {
		parent = *link;
		link = key < key_of(rq, thread_of(parent)) + first ? &parent->left : &parent->right;
	}
	avl_insert(&rq->tree, &t->sched.node, parent, link);
	t->sched.is_queued = true;
	rq->nqueued++;
}

static void dequeue(struct runq *rq, struct thread *t)
{
	avl_remove(&rq->tree, &t->sched.node);
	t->sched.is_queued = false;
	rq->nqueued--;
}

static void least_advance(struct runq *rq, uint64_t vruntime)
{
	if ((int64_t)(vruntime - rq->least) > 0)
		rq->least = vruntime;
}

/* Charges the running thread for the time since it was last charged. */
static void charge(struct runq *rq, uint64_t now)
{
	struct thread *t = rq->current;
	uint64_t ran = now - t->sched.since_ns;

	if (t == rq->idle)
		return;
	t->sched.since_ns = now;
	t->sched.ran_ns += ran;
	rq->busy_ns += ran;
	if (t->sched.state == THREAD_DEAD)
		return; /* here: its process may be gone already */
	if (__builtin_expect(t->proc->cpu_armed, 0))
		__atomic_fetch_sub(&t->proc->cpu_left, (int64_t)ran, __ATOMIC_RELAXED);
	t->sched.vruntime += t->sched.weight == NICE_0 ? ran : ran * NICE_0 / t->sched.weight;
}

/* -- the clock ----------------------------------------------------------------------------- */

void sched_clock_update(void)
{
	const struct runq *rq = runq_here();
	uint64_t next = rq->slice_end, timer = timer_next();

	next = next < timer ? next : timer;
	arch_timer_set(next < rq->cpu_end ? next : rq->cpu_end);
}

/* => when t, which runs from `now` on, has used up what its process's timers have left. */
static uint64_t cpu_end_of(const struct thread *t, uint64_t now)
{
	int64_t left;

	if (!t->proc || __builtin_expect(!t->proc->cpu_armed, 1))
		return UINT64_MAX;
	left = __atomic_load_n(&t->proc->cpu_left, __ATOMIC_RELAXED);
	return left > 0 ? now + (uint64_t)left : now;
}

/* Somebody waits for this hart: the slice of who runs has an end. */
static void slice_limit(struct runq *rq)
{
	if (rq->slice_end == UINT64_MAX && rq->current != rq->idle && rq->nqueued > 0) {
		rq->slice_end = rq->current->sched.since_ns + SLICE_NS;
		sched_clock_update();
	}
}

/* -- waking -------------------------------------------------------------------------------- */

/* => harts that should look at the run queue of rq, where t has just been queued. */
static uint64_t tell_queued(struct runq *rq, struct thread *t)
{
	unsigned hart = t->sched.hart;
	struct thread *c = rq->current;
	uint64_t idle, bit = 1UL << hart, harts = 0;

	if (c == rq->idle)
		return bit;
	if (hart == arch_hart())
		slice_limit(rq);
	else if (rq->slice_end == UINT64_MAX)
		harts = bit;
	if (is_realtime(t) ? key_of(rq, t) < key_of(rq, c)
			   : !is_realtime(c) && (int64_t)(c->sched.vruntime - t->sched.vruntime) >
						    (int64_t)(SLICE_NS / 3)) {
		thread_work(c, WORK_RESCHED);
		harts = bit;
	}
	idle = __atomic_load_n(&harts_idle, __ATOMIC_RELAXED) & t->sched.affinity;
	return harts | (idle & -idle);
}

static void kick(uint64_t harts)
{
	for (harts &= ~(1UL << arch_hart()); harts; harts &= harts - 1)
		arch_ipi(lowest_bit(harts));
}

/* Queues t, which is runnable, where it may run. The lock of rq, its queue, is held; released. */
static void queue_and_unlock(struct runq *rq, struct thread *t)
{
	uint64_t tell, may = t->sched.affinity & sched_harts();

	if (!(may >> t->sched.hart & 1) && may) {
		struct runq *to = &runqs[lowest_bit(may)];

		t->sched.vruntime += to->least - rq->least;
		__atomic_store_n(&t->sched.hart, lowest_bit(may), __ATOMIC_RELAXED);
		spin_unlock(&rq->lock);
		/* here: nobody else touches t, which is runnable and on no queue */
		rq = to;
		spin_lock(&rq->lock);
	}
	enqueue(rq, t, false);
	tell = tell_queued(rq, t);
	spin_unlock(&rq->lock);
	kick(tell);
}

bool thread_wake_from(struct thread *t, unsigned states)
{
	struct runq *rq = runq_lock(t);
	bool was = t->sched.state & states;
	uint64_t harts = 0;

	if (was) {
		t->sched.state = THREAD_RUNNABLE;
		if (t != rq->current) {
			if ((int64_t)(rq->least - CREDIT_NS - t->sched.vruntime) > 0)
				t->sched.vruntime = rq->least - CREDIT_NS;
			queue_and_unlock(rq, t);
			return true;
		}
	}
	/* One that runs on another hart, in its program perhaps, looks at its work there. */
	if (t == rq->current && t->work)
		harts = 1UL << t->sched.hart;
	spin_unlock(&rq->lock);
	kick(harts);
	return was;
}

void thread_wake(struct thread *t)
{
	thread_wake_from(t, THREAD_ASLEEP | THREAD_WAITING | THREAD_KILLABLE);
}

/* -- switching ----------------------------------------------------------------------------- */

/* Takes a thread that may run here from the longest queue. Lock of rq held. => NULL: none. */
static struct thread *steal(struct runq *rq)
{
	unsigned here = arch_hart();
	uint64_t others = __atomic_load_n(&harts_running, __ATOMIC_RELAXED) & ~(1UL << here);
	struct runq *from = NULL;
	struct thread *t = NULL;

	for (; others; others &= others - 1) {
		struct runq *other = &runqs[lowest_bit(others)];

		if (other->nqueued > 0 && (!from || other->nqueued > from->nqueued))
			from = other;
	}
	/* A lock that stays taken may be its owner's, stealing from here. */
	for (unsigned tries = 0; from && !spin_trylock(&from->lock); tries++)
		if (tries == STEAL_PATIENCE)
			return NULL;
	if (!from)
		return NULL;
	for (struct avl_node *n = avl_first(&from->tree); n && !t; n = avl_next(n))
		if (thread_of(n)->sched.affinity >> here & 1)
			t = thread_of(n);
	if (t) {
		dequeue(from, t);
		t->sched.vruntime += rq->least - from->least;
		__atomic_store_n(&t->sched.hart, here, __ATOMIC_RELAXED);
	}
	spin_unlock(&from->lock);
	return t;
}

static struct thread *choose(struct runq *rq)
{
	struct avl_node *first = rq->tree.root ? avl_first(&rq->tree) : NULL;
	struct thread *t = first ? thread_of(first) : NULL;

	if (!t)
		return steal(rq);
	dequeue(rq, t);
	return t;
}

/* What the thread that comes does for the one that went. Lock held; releases it. */
static void switched(void)
{
	struct runq *rq = runq_here();
	struct thread *dead = rq->dead, *away = rq->away;

	rq->dead = rq->away = NULL;
	if (away)
		queue_and_unlock(rq, away);
	else
		spin_unlock(&rq->lock);
	if (dead)
		thread_free(dead);
}

/* Lock held. Gives the hart to who is next; comes back when this thread is chosen again. */
static void switch_to(struct runq *rq, struct thread *prev, struct thread *next)
{
	uint64_t now = arch_time_ns();
	struct aspace *as;

	CHECK(thread_stack_is_intact(prev));
	rq->nswitches++;
	rq->current = next;
	next->sched.since_ns = now;
	rq->slice_end = UINT64_MAX;
	if (next == rq->idle) {
		rq->is_idle = true;
		__atomic_fetch_or(&harts_idle, 1UL << arch_hart(), __ATOMIC_SEQ_CST);
	} else {
		if (rq->is_idle)
			__atomic_fetch_and(&harts_idle, ~(1UL << arch_hart()), __ATOMIC_SEQ_CST);
		rq->is_idle = false;
		least_advance(rq, next->sched.vruntime);
		if (rq->nqueued > 0)
			rq->slice_end = now + SLICE_NS;
	}
	rq->cpu_end = cpu_end_of(next, now);
	if (rq->slice_end != UINT64_MAX || rq->cpu_end != UINT64_MAX)
		sched_clock_update();
	if (prev->sched.state == THREAD_DEAD)
		rq->dead = prev;
	/* One that sleeps in a system call is in no restartable sequence. */
	if (prev->rseq && (prev->sched.state == THREAD_RUNNABLE || !arch_in_syscall(&prev->arch)))
		thread_work(prev, WORK_RSEQ);
	if (next->rseq && next->rseq_hart != arch_hart())
		thread_work(next, WORK_RSEQ);
	as = next->proc ? thread_space(next) : NULL;
	TRACE(TRACE_SWITCH, next->tid, prev->tid, as ? as->id : 0, prev->sched.state, 0, 0);
	arch_current_set(next);
	aspace_switch(as);
	arch_thread_switch(&prev->arch, &next->arch);
	/* here: prev runs again, maybe on another hart than before */
	switched();
}

/* Lets another thread run, if one should; the caller's state says what becomes of it. */
static void schedule(bool forced)
{
	struct runq *rq = runq_here();
	struct thread *prev, *next;

	spin_lock(&rq->lock);
	prev = rq->current;
	charge(rq, arch_time_ns());
	if (prev != rq->idle && prev->sched.state == THREAD_RUNNABLE) {
		if (prev->sched.affinity >> arch_hart() & 1)
			enqueue(rq, prev, forced && prev->sched.policy == SCHED_FIFO);
		else
			rq->away = prev;
	}
	next = choose(rq);
	if (!next)
		next = rq->idle;
	if (next == prev) {
		rq->slice_end = UINT64_MAX;
		slice_limit(rq);
		spin_unlock(&rq->lock);
		return;
	}
	if (forced)
		prev->sched.nforced++;
	else
		prev->sched.nvoluntary++;
	switch_to(rq, prev, next);
}

void sched_begin(void)
{
	switched();
}

void sched_resched(void)
{
	schedule(true);
}

void sched_yield_now(void)
{
	struct runq *rq = runq_here();
	struct thread *t = thread_current(), *last;

	if (rq->nqueued == 0)
		return;
	spin_lock(&rq->lock);
	charge(rq, arch_time_ns());
	/* It goes to the end: behind all that wait now. */
	last = rq->tree.root ? thread_of(avl_last(&rq->tree)) : NULL;
	if (last && !is_realtime(t) && (int64_t)(last->sched.vruntime - t->sched.vruntime) > 0)
		t->sched.vruntime = last->sched.vruntime;
	spin_unlock(&rq->lock);
	schedule(false);
}

/* -- sleeping ------------------------------------------------------------------------------ */

void thread_sleep_begin(int how)
{
	struct thread *t = thread_current();

	__atomic_store_n(&t->sched.state,
			 how == SLEEP_SIGNALS ? THREAD_ASLEEP
			 : how == SLEEP_DEAF  ? THREAD_WAITING
					      : THREAD_KILLABLE,
			 __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void thread_sleep_cancel(void)
{
	struct thread *t = thread_current();

	thread_wake(t);
}

/* => whether a sleep of that kind is over because of a signal. */
static bool is_disturbed(const struct thread *t, int how)
{
	/* here: whatever is due has WORK_SIGNAL set, and mostly nothing is */
	if (!(t->work & WORK_SIGNAL))
		return false;
	return how == SLEEP_SIGNALS ? signal_is_due(t)
				    : how == SLEEP_KILLABLE && signal_is_deadly(t);
}

static void sleep_over(struct timer *timer)
{
	struct thread *t = container_of(timer, struct thread, sched.timer);

	t->sched.timed_out = true;
	thread_wake(t);
}

int thread_sleep(uint64_t deadline_ns, int how)
{
	struct thread *t = thread_current();
	bool timed = deadline_ns != UINT64_MAX;

	if (is_disturbed(t, how)) {
		thread_sleep_cancel();
		return -ERESTARTSYS;
	}
	if (timed && arch_time_ns() >= deadline_ns) {
		thread_sleep_cancel();
		return -ETIMEDOUT;
	}
	if (timed) {
		t->sched.timed_out = false;
		t->sched.timer.fire = sleep_over;
		timer_set(&t->sched.timer, deadline_ns);
	}
	schedule(false);
	if (timed) {
		timer_cancel(&t->sched.timer);
		if (t->sched.timed_out)
			return -ETIMEDOUT;
	}
	return is_disturbed(t, how) ? -ERESTARTSYS : 0;
}

void sched_stop(const bool *stopped)
{
	struct thread *t = thread_current();

	__atomic_store_n(&t->sched.state, THREAD_STOPPED, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(stopped, __ATOMIC_SEQ_CST))
		schedule(false);
	else
		thread_wake_from(t, THREAD_STOPPED);
}

_Noreturn void sched_die(void)
{
	__atomic_store_n(&thread_current()->sched.state, THREAD_DEAD, __ATOMIC_SEQ_CST);
	schedule(false);
	panic("a dead thread runs");
}

/* -- beginning ----------------------------------------------------------------------------- */

static uint32_t weight_of(const struct sched_entity *e)
{
	return e->policy == SCHED_IDLE ? IDLE_WEIGHT : weights[e->nice + 20];
}

void sched_entity_init(struct sched_entity *e, const struct sched_entity *parent)
{
	memset(e, 0, sizeof *e);
	e->affinity = UINT64_MAX;
	e->hart = arch_hart();
	if (parent) {
		e->affinity = parent->affinity;
		e->nice = parent->nice;
		e->policy = parent->policy;
		e->rt_priority = parent->rt_priority;
	}
	if (parent && parent->reset_on_fork) {
		bool rt = e->policy == SCHED_FIFO || e->policy == SCHED_RR;

		e->policy = rt ? SCHED_OTHER : e->policy;
		e->nice = rt || e->nice < 0 ? 0 : e->nice;
		e->rt_priority = 0;
	}
	e->weight = weight_of(e);
}

void sched_start(struct thread *t)
{
	struct runq *rq = runq_here();

	spin_lock(&rq->lock);
	t->sched.hart = arch_hart();
	t->sched.vruntime = rq->least;
	if (rq->current != rq->idle) {
		charge(rq, arch_time_ns());
		if ((int64_t)(rq->current->sched.vruntime - rq->least) > 0)
			t->sched.vruntime = rq->current->sched.vruntime;
	}
	queue_and_unlock(rq, t);
}

void sched_init_hart(void)
{
	unsigned hart = arch_hart();
	struct runq *rq = &runqs[hart];
	struct thread *t = &idle_threads[hart];

	avl_init(&rq->tree, NULL);
	sched_entity_init(&t->sched, NULL);
	arch_thread_adopt(&t->arch);
	rq->slice_end = rq->cpu_end = UINT64_MAX;
	rq->current = rq->idle = t;
	arch_current_set(t);
	__atomic_fetch_or(&harts_running, 1UL << hart, __ATOMIC_SEQ_CST);
}

_Noreturn void sched_idle(void)
{
	struct runq *rq = runq_here();

	rq->is_idle = true;
	__atomic_fetch_or(&harts_idle, 1UL << arch_hart(), __ATOMIC_SEQ_CST);
	for (;;) {
		schedule(false);
		sched_clock_update();
		if (frame_pool_fill()) { /* time that nobody wants; and what is pending comes first
					  */
			arch_irq_restore(true);
			arch_irq_disable();
		} else {
			arch_wait();
		}
	}
}

void sched_tick(void)
{
	struct runq *rq = runq_here();
	uint64_t now = arch_time_ns();

	timer_run(now);
	if (rq->slice_end <= now) {
		rq->slice_end = UINT64_MAX;
		thread_work(rq->current, WORK_RESCHED);
	}
	if (rq->cpu_end <= now) {
		spin_lock(&rq->lock);
		charge(rq, now);
		rq->cpu_end = cpu_end_of(rq->current, now);
		if (rq->cpu_end <= now) {
			rq->cpu_end = UINT64_MAX; /* until somebody has looked */
			thread_work(rq->current, WORK_CPU_TIME);
		}
		spin_unlock(&rq->lock);
	}
	sched_clock_update();
}

void sched_ipi(void)
{
	struct runq *rq = runq_here();

	/* What there is to do was noted before the interrupt was sent; but the clock is this
	 * hart's. */
	spin_lock(&rq->lock);
	if (rq->nqueued > 0)
		slice_limit(rq);
	charge(rq, arch_time_ns());
	rq->cpu_end = cpu_end_of(rq->current, arch_time_ns());
	spin_unlock(&rq->lock);
	sched_clock_update();
}

void sched_cpu_watch(struct proc *p)
{
	uint64_t harts = sched_harts(), now = arch_time_ns();
	struct runq *rq = runq_here();

	spin_lock(&rq->lock);
	charge(rq, now);
	rq->cpu_end = cpu_end_of(rq->current, now);
	spin_unlock(&rq->lock);
	sched_clock_update();
	for (harts &= ~(1UL << arch_hart()); harts && p->nlive > 1; harts &= harts - 1) {
		const struct thread *t =
		    __atomic_load_n(&runqs[lowest_bit(harts)].current, __ATOMIC_RELAXED);

		/* A stale answer is put right by the switch that made it stale. t may be gone, but
		 * not its memory: it is a kernel's own. */
		if (t->proc == p)
			kick(1UL << lowest_bit(harts));
	}
}

/* -- attributes ---------------------------------------------------------------------------- */

struct sched_choice sched_get(const struct thread *t)
{
	const struct sched_entity *e = &t->sched;

	return (struct sched_choice){e->nice, e->policy, e->rt_priority, e->reset_on_fork};
}

void sched_set(struct thread *t, const struct sched_choice *c)
{
	struct runq *rq = runq_lock(t);
	struct sched_entity *e = &t->sched;
	bool queued = e->is_queued;
	uint64_t tell = 0;

	if (t == rq->current)
		charge(rq, arch_time_ns());
	if (queued)
		dequeue(rq, t);
	e->nice = c->nice;
	e->policy = c->policy;
	e->rt_priority = c->rt_priority;
	e->reset_on_fork = c->reset_on_fork;
	e->weight = weight_of(e);
	if (queued) {
		enqueue(rq, t, false);
		tell = tell_queued(rq, t);
	} else if (t == rq->current && rq->nqueued > 0) {
		/* It may have to make room. */
		thread_work(t, WORK_RESCHED);
		tell = 1UL << e->hart;
	}
	spin_unlock(&rq->lock);
	kick(tell);
}

int sched_set_affinity(struct thread *t, uint64_t harts)
{
	struct runq *rq;

	if (!(harts & sched_harts()))
		return -EINVAL;
	rq = runq_lock(t);
	t->sched.affinity = harts;
	if (t->sched.is_queued && !(harts >> t->sched.hart & 1)) {
		dequeue(rq, t);
		queue_and_unlock(rq, t);
		return 0;
	}
	if (t == rq->current && !(harts >> t->sched.hart & 1))
		thread_work(t, WORK_RESCHED);
	spin_unlock(&rq->lock);
	kick(1UL << t->sched.hart);
	return 0;
}

uint64_t sched_harts(void)
{
	return __atomic_load_n(&harts_running, __ATOMIC_RELAXED);
}

uint64_t sched_ran_ns(const struct thread *t)
{
	uint64_t ran = t->sched.ran_ns;

	if (t == thread_current())
		ran += arch_time_ns() - t->sched.since_ns;
	return ran;
}

void sched_counts(unsigned hart, uint64_t *switches, uint64_t *busy_ns)
{
	const struct runq *rq = &runqs[hart];

	*switches = rq->nswitches;
	*busy_ns = rq->busy_ns;
	if (hart == arch_hart())
		*busy_ns += arch_time_ns() - rq->current->sched.since_ns;
}

unsigned sched_nrunnable(void)
{
	uint64_t harts = sched_harts();
	unsigned n = 0;

	for (; harts; harts &= harts - 1) {
		const struct runq *rq = &runqs[lowest_bit(harts)];

		n += rq->nqueued + (rq->current != rq->idle);
	}
	return n;
}
