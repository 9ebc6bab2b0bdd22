/*
 * Processes and threads: the tree, numbers, and their memory.
 *
 * A process is what programs share and what ends at once: an address space, a
 * table of files, limits, credentials, dispositions of signals. A thread is what
 * runs: registers, a kernel stack, a mask of signals, and its own number. Numbers
 * of threads and processes are drawn from one sequence; a process has the number
 * of its first thread, its *leader*.
 *
 *     pid 1 --children--> pid 2 --sibling--> pid 5 (zombie)
 *       |                   `-threads-> tid 2 (leader), tid 3, tid 4
 *       `-threads-> tid 1
 *
 * The first process is the program itself, with number 1: there is no other
 * program in the machine that could be its parent, and getppid() answers 0. When
 * it ends, all others are killed, and the machine ends with its status. It is
 * also the parent of every orphan; those that it has not asked about then are
 * zombies to its end, as under any init that does not wait.
 *
 *     created --> runs --> zombie: all threads gone, number kept --> reaped
 *                  exit.c     until its parent has asked (wait)
 *
 * Invariants (tree locked)
 *   I1  every thread is in the list of its process and in the table of numbers;
 *       the leader is there until its process is reaped
 *   I2  a process that is no zombie holds one reference to its address space
 *   I3  thread_current() on a hart is the thread whose address space is active there
 *   I4  every process but the first is in its parent's list of children
 *
 * Locks. proc_tree_lock guards the tree, numbers, groups and sessions. Inside it
 * a sighand's lock may be taken, and a run queue's inside that. proc.lock guards
 * limits; it is a leaf.
 */
#include "kernel/proc/proc.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/pidref.h"

_Static_assert(offsetof(struct thread, arch) == 0, "the seam finds it behind arch_current()");
_Static_assert(offsetof(struct thread, work) == sizeof(struct arch_thread), "and this behind it");

#define HASH_SIZE       1024
#define MAX_TID         4194303 /* Linux: pid_max - 1 */
#define FIRST_TID_AGAIN 300     /* Linux: lower ones are not given twice */
#define STACKS_KEPT     8 /* a fork or a thread a moment ago has left one: no need to find frames */

struct spinlock proc_tree_lock;
struct list_node proc_all = {&proc_all, &proc_all};

uint32_t proc_outer_group;
void (*proc_outer_stopped)(void);

static struct thread *by_tid[HASH_SIZE];
static uint32_t last_tid;
static bool tids_may_be_used; /* those to come: they came round, or were chosen */
static unsigned nthreads_total;
static uint64_t nstarted; /* threads, since boot */
static struct cache *thread_cache, *proc_cache;

static struct spinlock stacks_lock;
static void *stacks[STACKS_KEPT];
static unsigned nstacks;

/* What Linux gives its first process, where that does not depend on the size of memory. */
static const struct linux_rlimit default_limits[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_FSIZE] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_DATA] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_STACK] = {8 << 20, RLIM_INFINITY},
    [RLIMIT_CORE] = {0, RLIM_INFINITY},
    [RLIMIT_RSS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_NPROC] = {MAX_THREADS / 2, MAX_THREADS / 2},
    [RLIMIT_NOFILE] = {1024, 4096},
    [RLIMIT_MEMLOCK] = {8 << 20, 8 << 20},
    [RLIMIT_AS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_LOCKS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_SIGPENDING] = {MAX_THREADS / 2, MAX_THREADS / 2},
    [RLIMIT_MSGQUEUE] = {819200, 819200},
    [RLIMIT_NICE] = {0, 0},
    [RLIMIT_RTPRIO] = {0, 0},
    [RLIMIT_RTTIME] = {RLIM_INFINITY, RLIM_INFINITY},
};

/* -- numbers, tree locked ------------------------------------------------------------------ */

struct thread *thread_find_locked(uint32_t tid)
{
	struct thread *t = by_tid[tid % HASH_SIZE];

	while (t && t->tid != tid)
		t = t->hash_next;
	return t;
}

struct proc *proc_find_locked(uint32_t pid)
{
	struct thread *t = thread_find_locked(pid);

	return t && t->proc->pid == pid ? t->proc : NULL;
}

uint64_t thread_started(void)
{
	return nstarted;
}

unsigned thread_count(void)
{
	return nthreads_total;
}

static void hash_add(struct thread *t)
{
	t->hash_next = by_tid[t->tid % HASH_SIZE];
	by_tid[t->tid % HASH_SIZE] = t;
}

static void hash_remove(struct thread *t)
{
	struct thread **at = &by_tid[t->tid % HASH_SIZE];

	while (*at != t)
		at = &(*at)->hash_next;
	*at = t->hash_next;
}

/* => whether a number still names a thread, group or session. */
bool proc_tid_is_used_locked(uint32_t tid)
{
	if (thread_find_locked(tid))
		return true;
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->pgid == tid || p->sid == tid)
			return true;
	}
	return false;
}

void thread_link_locked(struct thread *t)
{
	struct proc *p = t->proc;

	if (!t->tid) {
		do {
			tids_may_be_used |= last_tid == MAX_TID;
			last_tid = last_tid == MAX_TID ? FIRST_TID_AGAIN : last_tid + 1;
		} while (tids_may_be_used && proc_tid_is_used_locked(last_tid));
		t->tid = last_tid;
	} else {
		tids_may_be_used = true;
	}
	hash_add(t);
	list_add_tail(&p->threads, &t->link);
	p->nthreads++;
	p->nlive++;
	nthreads_total++;
	nstarted++;
}

void thread_unlink_locked(struct thread *t)
{
	pidref_gone_locked(t);
	hash_remove(t);
	list_remove(&t->link);
	t->proc->nthreads--;
	nthreads_total--;
}

void thread_renumber_locked(struct thread *t, uint32_t tid)
{
	hash_remove(t);
	t->tid = tid;
	hash_add(t);
}

bool proc_group_exists_locked(uint32_t pgid, uint32_t sid)
{
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->pgid == pgid && p->sid == sid && !p->is_reaped)
			return true;
	}
	return false;
}

bool proc_group_is_orphaned_locked(uint32_t pgid, const struct proc *but)
{
	if (pgid == proc_outer_group)
		return false;
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->pgid != pgid || p == but || p->is_zombie || !p->parent || p->is_adopted)
			continue;
		if (p->parent->pgid != pgid && p->parent->sid == p->sid)
			return false;
	}
	return true;
}

/* -- memory -------------------------------------------------------------------------------- */

static bool caches_create(void)
{
	if (!thread_cache)
		thread_cache = cache_create("thread", sizeof(struct thread), 16);
	if (!proc_cache)
		proc_cache = cache_create("process", sizeof(struct proc), 16);
	return thread_cache && proc_cache;
}

static void *stack_alloc(void)
{
	void *stack = NULL;
	struct frame *f;

	spin_lock(&stacks_lock);
	if (nstacks > 0)
		stack = stacks[--nstacks];
	spin_unlock(&stacks_lock);
	if (!stack) {
		f = frame_alloc(THREAD_STACK_ORDER, TF_KALLOC, 0);
		if (!f)
			return NULL;
		stack = frame_kva(f);
	}
	*(uint64_t *)stack = STACK_CANARY;
	return stack;
}

static void stack_free(void *stack)
{
#if FRAME_DEBUG
	memset(stack, FRAME_POISON, THREAD_STACK_LEN);
#endif
	spin_lock(&stacks_lock);
	if (nstacks < STACKS_KEPT) {
		stacks[nstacks++] = stack;
		stack = NULL;
	}
	spin_unlock(&stacks_lock);
	if (stack)
		frame_free(frame_of(paddr_pfn(arch_pa(stack))), THREAD_STACK_ORDER);
}

struct thread *thread_create(struct proc *p, void (*entry)(void))
{
	struct thread *t, *from = thread_current();

	if (nthreads_total >= MAX_THREADS || !caches_create())
		return NULL;
	t = cache_alloc(thread_cache);
	if (!t)
		return NULL;
	memset(t, 0, sizeof *t);
	t->stack = stack_alloc();
	if (!t->stack) {
		cache_free(thread_cache, t);
		return NULL;
	}
	arch_thread_init(&t->arch, t->stack, THREAD_STACK_LEN, entry);
	sched_entity_init(&t->sched, from && from->proc ? &from->sched : NULL);
	t->proc = p;
	t->altstack.flags = SS_DISABLE;
	t->start_ns = arch_time_ns();
	return t;
}

void thread_free(struct thread *t)
{
	void *stack = t->stack;
	bool keep;

	/* A leader's number and record stay until its process is reaped; its stack need not. */
	spin_lock(&proc_tree_lock);
	t->stack = NULL;
	keep = t->is_leader && !t->is_reaped;
	spin_unlock(&proc_tree_lock);
	if (stack)
		stack_free(stack);
	if (!keep)
		cache_free(thread_cache, t);
}

void thread_reap_locked(struct thread *t)
{
	thread_unlink_locked(t);
	/* One that still runs, on its way out, is freed by whom it switches to. */
	t->is_reaped = true;
	if (!t->stack)
		cache_free(thread_cache, t);
}

struct proc *proc_alloc(void)
{
	struct proc *p;

	if (!caches_create())
		return NULL;
	p = cache_alloc(proc_cache);
	if (!p)
		return NULL;
	memset(p, 0, sizeof *p);
	p->start_ns = arch_time_ns();
	spin_init(&p->lock);
	mutex_init(&p->timer_lock);
	list_init(&p->children);
	list_init(&p->threads);
	waitq_init(&p->child_wait);
	waitq_init(&p->exec_wait);
	return p;
}

void cred_groups_put(struct cred_groups *g)
{
	if (g && __atomic_sub_fetch(&g->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(g);
}

bool cred_has_group(const struct cred *c, uint32_t gid)
{
	for (uint32_t n = 0; c->groups && n < c->groups->n; n++)
		if (c->groups->gid[n] == gid)
			return true;
	return c->egid == gid;
}

void proc_free(struct proc *p)
{
	cred_groups_put(p->cred.groups);
	if (p->as)
		aspace_put(p->as);
	if (p->sighand)
		sighand_put(p->sighand);
	signal_queue_flush(&p->pending);
	cache_free(proc_cache, p);
}

/* Of the kernel's own making: default limits, an ordinary user; group: 0, one of its own. */
static struct proc *create(struct proc *parent, uint32_t group, void (*entry)(void))
{
	struct proc *p = proc_alloc();
	struct thread *t = p ? thread_create(p, entry) : NULL;

	if (!t)
		return NULL;
	p->as = aspace_create();
	p->sighand = sighand_create(NULL);
	if (!p->as || !p->sighand)
		return NULL; /* here: memory ran out at boot, nothing will run */
	p->cred =
	    (struct cred){FIRST_UID, FIRST_UID, FIRST_UID, FIRST_UID, FIRST_UID, FIRST_UID, NULL};
	memcpy(p->rlimits, default_limits, sizeof default_limits);
	p->dumpable = true;
	p->as->stack_limit = p->rlimits[RLIMIT_STACK].cur;
	p->as->data_limit = p->rlimits[RLIMIT_DATA].cur;
	p->as->as_limit = p->rlimits[RLIMIT_AS].cur;
	p->leader = t;
	t->is_leader = true;
	p->parent = parent;
	p->exit_signal = SIGCHLD;
	spin_lock(&proc_tree_lock);
	thread_link_locked(t);
	p->pid = t->tid;
	p->pgid = group ? group : p->pid;
	p->sid = parent ? parent->sid : p->pid;
	list_add_tail(&proc_all, &p->all);
	if (parent) {
		p->ppid = parent->pid;
		p->is_adopted = true; /* here: the kernel's own is no shell, and continues nobody */
		list_add_tail(&parent->children, &p->sibling);
	}
	spin_unlock(&proc_tree_lock);
	TRACE(TRACE_PROC_START, p->pid, p->ppid, 0, 0, 0, 0);
	return p;
}

struct proc *proc_create_first(void (*entry)(void))
{
	return create(NULL, 0, entry);
}

struct proc *proc_create_program(uint32_t group, void (*entry)(void))
{
	return create(proc_current(), group, entry);
}

uint64_t proc_ran_ns_locked(const struct proc *p)
{
	uint64_t sum = p->dead_ns;

	list_for_each (it, &p->threads) {
		const struct thread *t = container_of(it, struct thread, link);

		if (!t->is_exiting)
			sum += sched_ran_ns(t);
	}
	return sum;
}
