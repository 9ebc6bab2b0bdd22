/*
 * New threads and processes: clone(2).
 *
 * Everything that can fail is made first; then, under the tree's lock, the child
 * appears with a number, and a failure is no longer possible.
 *
 *	flags              address space   files       dispositions   process
 *	0 (fork)           copy-on-write   copied      copied         new
 *	VM                 shared          copied      copied         new
 *	FILES, FS          -               shared      -              -
 *	SIGHAND            -               -           shared         -
 *	THREAD             shared          shared      shared         the same
 *
 * The child begins in child_begin(), on its own kernel stack, with a copy of its
 * parent's registers and 0 as the result of the call. A vfork parent waits until
 * the child has a program of its own or is gone.
 */
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/pidref.h"
#include "kernel/proc/proc.h"

#define REG_SP 2
#define REG_TP 4
#define REG_A0 10

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

static int check(const struct clone_request *req)
{
	uint64_t f = req->flags;

	if ((f & CLONE_FS && f & (CLONE_NEWNS | CLONE_NEWUSER)) ||
	    (f & CLONE_THREAD && f & (CLONE_NEWUSER | CLONE_NEWPID)) ||
	    (f & CLONE_PIDFD && f & CLONE_DETACHED) ||
	    ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND)) ||
	    ((f & CLONE_SIGHAND) && !(f & CLONE_VM)) ||
	    ((f & CLONE_CLEAR_SIGHAND) && (f & CLONE_SIGHAND)) ||
	    ((f & CLONE_PARENT) && !proc_current()->parent))
		return -EINVAL;
	if (f & NAMESPACES)
		return -EPERM;
	return 0;
}

static void child_begin(void)
{
	struct thread *t = thread_current();

	sched_begin();
	if (t->child_tid) {
		uint32_t tid = t->tid;

		arch_copy_to_user(VADDR(t->child_tid), &tid, sizeof tid);
		t->child_tid = 0;
	}
	if (t->work)
		thread_do_work();
	arch_user_enter(&t->arch);
}

/* => whether the user has as many threads as it may have; tree locked. */
static bool is_at_limit(const struct proc *parent)
{
	uint64_t limit = parent->rlimits[RLIMIT_NPROC].cur;
	uint32_t uid = parent->cred.uid;
	unsigned n = 0;

	if (uid == 0 || thread_count() < limit)
		return false;

	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->cred.uid == uid)
			n += p->nthreads;
	}
	return n >= limit;
}

/* => a process without a thread and a place in the tree; NULL with *error. */
static struct proc *process_copy(const struct clone_request *req, struct proc *parent, int *error)
{
	struct proc *p = proc_alloc();

	*error = -ENOMEM;
	if (!p)
		return NULL;
	p->cred = parent->cred;
	if (p->cred.groups)
		__atomic_fetch_add(&p->cred.groups->refs, 1, __ATOMIC_RELAXED);
	spin_lock(&parent->lock);
	memcpy(p->rlimits, parent->rlimits, sizeof p->rlimits);
	spin_unlock(&parent->lock);
	/* A limit of processor time: the first check is at once. */
	p->cpu_armed = p->rlimits[RLIMIT_CPU].cur != RLIM_INFINITY ||
		       p->rlimits[RLIMIT_CPU].max != RLIM_INFINITY;
	p->no_new_privs = parent->no_new_privs;
	p->dumpable = parent->dumpable;
	p->keep_caps = parent->keep_caps;
	p->thp_disabled = parent->thp_disabled;
	p->cap_dropped = parent->cap_dropped;
	p->personality = parent->personality;
	p->exit_signal = req->flags & CLONE_PARENT ? parent->exit_signal : req->exit_signal;
	if (req->flags & CLONE_SIGHAND) {
		p->sighand = parent->sighand;
		__atomic_fetch_add(&p->sighand->refs, 1, __ATOMIC_RELAXED);
	} else {
		p->sighand = sighand_create(parent->sighand);
	}
	if (p->sighand && (req->flags & CLONE_CLEAR_SIGHAND))
		for (int signo = 1; signo <= SIGMAX; signo++)
			if (p->sighand->action[signo].handler != SIG_IGN)
				p->sighand->action[signo] = (struct linux_sigaction){0};
	if (req->flags & CLONE_VM) {
		p->as = parent->as;
		aspace_get(p->as);
	} else {
		p->as = aspace_fork(parent->as);
	}
	if (p->sighand && p->as)
		*error =
		    req->fork_files(p, parent, req->flags & CLONE_FILES, req->flags & CLONE_FS);
	if (!*error)
		return p;
	proc_free(p);
	return NULL;
}

/* The child's own state, copied from the current thread. */
static void thread_copy(struct thread *t, const struct clone_request *req)
{
	struct thread *from = thread_current();
	struct trapframe *tf;

	arch_thread_copy_user(&t->arch, &from->arch);
	tf = t->arch.user;
	tf->x[REG_A0] = 0;
	if (req->stack)
		tf->x[REG_SP] = req->stack;
	if (req->flags & CLONE_SETTLS)
		tf->x[REG_TP] = req->tls;
	memcpy(t->comm, from->comm, COMM_LEN);
	t->sigmask = from->sigmask;
	/* Its area is in a copy of the memory, or its own to register. */
	if (!(req->flags & CLONE_VM)) {
		t->rseq = from->rseq;
		t->rseq_len = from->rseq_len;
		t->rseq_signature = from->rseq_signature;
		t->rseq_hart = from->rseq_hart;
	}
	t->timer_slack_ns = from->timer_slack_ns;
	t->ioprio = from->ioprio;
	/* A vfork child runs on its parent's alternate stack, if on any; a thread has none. */
	if (!(req->flags & CLONE_VM) || (req->flags & CLONE_VFORK))
		t->altstack = from->altstack;
	if (req->flags & CLONE_CHILD_SETTID)
		t->child_tid = req->child_tid;
	if (req->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = req->child_tid;
}

/* Tree locked. Puts the child where it belongs. => 0 or -errno: nothing happened. */
static int enter(const struct clone_request *req, struct proc *parent, struct proc *p,
		 struct thread *t)
{
	bool is_process = p != parent;
	struct proc *above = req->flags & CLONE_PARENT ? parent->parent : parent;

	if (is_at_limit(parent) || proc_is_shutting_down)
		return -EAGAIN;
	/* As on Linux, a signal that is due comes first, so that none is lost between two. */
	if (signal_is_due(thread_current()))
		return -ERESTARTNOINTR;
	if (req->set_tid) {
		if (proc_tid_is_used_locked((uint32_t)*req->set_tid))
			return -EEXIST;
		t->tid = (uint32_t)*req->set_tid;
	}
	t->is_leader = is_process;
	if (is_process)
		p->leader = t;
	thread_link_locked(t);
	if (!is_process)
		return 0;
	p->pid = t->tid;
	p->ppid = above->pid;
	p->parent = above;
	p->is_adopted = above != parent && parent->is_adopted;
	p->pgid = parent->pgid;
	p->sid = parent->sid;
	p->tty = parent->tty;
	list_add_tail(&above->children, &p->sibling);
	list_add_tail(&proc_all, &p->all);
	return 0;
}

static struct vfork *vfork_create(void)
{
	struct vfork *v = kmalloc(sizeof *v);

	if (!v)
		return NULL;
	v->refs = 2;
	v->done = false;
	spin_init(&v->lock);
	waitq_init(&v->wait);
	return v;
}

static void vfork_put(struct vfork *v)
{
	if (__atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kfree(v);
}

/* Until the child is off this program's stack, or this program is to end itself. */
static void vfork_wait(struct vfork *v)
{
	int error = 0;

	spin_lock(&v->lock);
	while (!v->done && !error)
		error = waitq_sleep(&v->wait, &v->lock, UINT64_MAX, SLEEP_KILLABLE);
	spin_unlock(&v->lock);
	vfork_put(v);
}

void vfork_done(struct thread *t)
{
	struct vfork *v = t->vfork;

	if (!v)
		return;
	t->vfork = NULL;
	spin_lock(&v->lock);
	v->done = true;
	waitq_wake_all(&v->wait);
	spin_unlock(&v->lock);
	vfork_put(v);
}

int64_t proc_clone(const struct clone_request *req)
{
	struct proc *parent = proc_current(), *p = parent;
	int error = check(req), pidfd = -1;
	struct vfork *vfork = NULL;
	struct thread *t;
	uint32_t tid;

	if (error)
		return error;
	/* Asked before the copying, which is long, and again by enter(). */
	spin_lock(&proc_tree_lock);
	error = is_at_limit(parent) ? -EAGAIN : 0;
	spin_unlock(&proc_tree_lock);
	if (error)
		return error;
	if (!(req->flags & CLONE_THREAD)) {
		p = process_copy(req, parent, &error);
		if (!p)
			return error;
	}
	t = thread_create(p, child_begin);
	if (!t) {
		error = -EAGAIN;
		goto fail;
	}
	thread_copy(t, req);
	if (req->flags & CLONE_VFORK) {
		vfork = t->vfork = vfork_create();
		error = vfork ? 0 : -ENOMEM;
	}
	if (!error && req->flags & CLONE_PIDFD) {
		pidfd = req->pidfd_make(t, req->flags & CLONE_THREAD, req->pidfd);
		error = pidfd < 0 ? pidfd : 0;
	}
	spin_lock(&proc_tree_lock);
	if (!error)
		error = enter(req, parent, p, t);
	tid = t->tid;
	if (error)
		pidref_gone_locked(t);
	spin_unlock(&proc_tree_lock);
	if (error) {
		kfree(vfork);
		if (pidfd >= 0)
			req->pidfd_drop(pidfd);
		thread_free(t);
		goto fail;
	}
	if (p != parent)
		TRACE(TRACE_PROC_START, p->pid, p->ppid, p->as->id, parent->pid, 0, 0);
	else
		TRACE(TRACE_THREAD_START, tid, p->pid, 0, 0, 0, 0);
	if (req->flags & CLONE_PARENT_SETTID)
		arch_copy_to_user(VADDR(req->parent_tid), &tid, sizeof tid);
	sched_start(t);
	/* here: the child may have ended already; t is not to be touched */
	if (req->flags & CLONE_VFORK)
		vfork_wait(vfork);
	return tid;

fail:
	if (p != parent) {
		p->release_files(p);
		proc_free(p);
	}
	return error;
}
