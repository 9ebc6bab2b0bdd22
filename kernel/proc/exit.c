/*
 * The end of threads and processes, and who asks about it.
 *
 *	thread_exit   the thread's own: what its program is told (tid cleared, robust
 *	              futexes), then it leaves its process
 *	    last?     the process's: files, memory; its children go to the first process
 *	              (or the nearest subreaper); it is a zombie, and its parent is told
 *	proc_exit     has all threads of the process do that
 *	proc_wait     looks through the children; takes the number of a zombie away (reaps)
 *
 * A thread cannot free the stack that it runs on: whom it switches to does
 * (sched.c). A process whose parent ignores SIGCHLD is reaped by itself.
 *
 * The first process ends last: it kills all others, waits until they are gone,
 * and takes the machine with it.
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/pidref.h"
#include "kernel/proc/proc.h"

bool proc_is_shutting_down;
uint64_t proc_past_minflt, proc_past_majflt;
static struct waitq gone_wait = {.waiters = {&gone_wait.waiters, &gone_wait.waiters}};

/* => the finisher's code for a wait status: what a shell shows in `$?`, and how it came. */
static unsigned shutdown_code(int status)
{
	int signo = status & 0x7f;

	return signo ? (128 + (unsigned)signo) | FINISHER_SIGNALED : (status >> 8) & 0xff;
}

/* -- telling the parent -------------------------------------------------------------------- */

static void child_info(struct linux_siginfo *info, const struct proc *p, int signo, int code,
		       int status)
{
	uint64_t tick = NS_PER_SECOND / CLOCKS_PER_SECOND;

	*info = (struct linux_siginfo){.signo = signo, .code = code};
	info->pid = (int32_t)p->pid;
	info->uid = p->cred.uid;
	info->status = status;
	info->utime = (int64_t)(proc_ran_ns_locked(p) / tick);
}

/* Tree locked. A stop or continuation: p's parent hears of it. */
void proc_tell_stop_locked(struct proc *p, int code, int status)
{
	struct linux_siginfo info;
	struct proc *parent = p->parent;

	p->stop_report = status;
	if (code == CLD_STOPPED && p->pid == proc_outer_group)
		proc_outer_stopped();
	if (!parent)
		return;
	if (!(parent->sighand->action[SIGCHLD].flags & SA_NOCLDSTOP)) {
		child_info(&info, p, SIGCHLD, code,
			   code == CLD_CONTINUED ? SIGCONT : p->stop_signal);
		signal_send_proc(parent, &info);
	}
	waitq_wake_all(&parent->child_wait);
}

/* Takes a zombie out of the tree; its numbers may be given again. Tree locked. */
static void reap_locked(struct proc *p)
{
	if (p->parent)
		list_remove(&p->sibling);
	list_remove(&p->all);
	p->is_reaped = true;
	thread_reap_locked(p->leader);
	proc_free(p);
}

/* Tree locked. p has become a zombie. => its parent does not want to be asked. */
static bool tell_end_locked(struct proc *p)
{
	struct proc *parent = p->parent;
	int status = p->exit_status, signo = status & 0x7f, code;
	const struct linux_sigaction *a = &parent->sighand->action[SIGCHLD];
	bool unwanted =
	    p->exit_signal == SIGCHLD && (a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT));
	struct linux_siginfo info;

	code = !signo ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED;
	if (p->exit_signal && !(unwanted && a->handler == SIG_IGN)) {
		child_info(&info, p, p->exit_signal, code, signo ? signo : status >> 8 & 0xff);
		signal_send_proc(parent, &info);
	}
	waitq_wake_all(&parent->child_wait);
	pidref_end_locked(p->leader);
	return unwanted;
}

/* -- the end of a process ------------------------------------------------------------------ */

/* A group that has just lost its last tie to the session: who is stopped in it would stay so. */
static void group_orphaned_locked(uint32_t pgid)
{
	bool has_stopped = false;

	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		has_stopped |= p->pgid == pgid && p->is_stopped && !p->is_zombie;
	}
	if (!has_stopped)
		return;
	signal_send_group_locked(pgid, &(struct linux_siginfo){.signo = SIGHUP, .code = SI_KERNEL});
	signal_send_group_locked(pgid,
				 &(struct linux_siginfo){.signo = SIGCONT, .code = SI_KERNEL});
}

static struct proc *new_parent_locked(const struct proc *p)
{
	for (struct proc *up = p->parent; up; up = up->parent)
		if (up->is_subreaper && !up->is_zombie)
			return up;
	return proc_find_locked(1);
}

static void orphans_locked(struct proc *p)
{
	struct proc *to = new_parent_locked(p);

	while (!list_is_empty(&p->children)) {
		struct proc *c = container_of(p->children.next, struct proc, sibling);

		list_remove(&c->sibling);
		c->parent = to;
		c->ppid = to->pid;
		c->is_adopted = to->pid == 1;
		c->exit_signal = SIGCHLD;
		list_add_tail(&to->children, &c->sibling);
		if (c->pdeath_signal && !c->is_zombie)
			signal_kernel(c, c->pdeath_signal);
		if (c->is_zombie && tell_end_locked(c))
			reap_locked(c);
		else if (c->pgid != p->pgid && !c->is_zombie &&
			 proc_group_is_orphaned_locked(c->pgid, NULL))
			group_orphaned_locked(c->pgid);
	}
	if (p->parent && !p->is_adopted && p->parent->pgid != p->pgid && p->parent->sid == p->sid &&
	    proc_group_is_orphaned_locked(p->pgid, p))
		group_orphaned_locked(p->pgid);
}

/* => whether a process other than the first has threads. Tree locked. */
static bool others_live(const struct proc *first)
{
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p != first && !p->is_zombie)
			return true;
	}
	return false;
}

static void kill_others(struct proc *first)
{
	const struct linux_siginfo info = {.signo = SIGKILL, .code = SI_KERNEL};

	spin_lock(&proc_tree_lock);
	proc_is_shutting_down = true;
	list_for_each (it, &proc_all) {
		struct proc *p = container_of(it, struct proc, all);

		if (p != first && !p->is_zombie)
			signal_send_proc(p, &info);
	}
	while (others_live(first))
		waitq_sleep(&gone_wait, &proc_tree_lock, UINT64_MAX, false);
	spin_unlock(&proc_tree_lock);
}

/* The last thread of its process, which has left it. */
static _Noreturn void process_end(struct proc *p)
{
	bool is_first = p->pid == 1;
	struct aspace *as = p->as;
	int status = p->exit_status;

	if (is_first)
		kill_others(p);
	itimers_end(p, false);
	/* The event comes first: whoever listens sees the memory of the process as it was. */
	TRACE(TRACE_PROC_EXIT, p->pid, status, as->id, 0, 0, 0);
	if (p->release_files)
		p->release_files(p);
	spin_lock(&proc_tree_lock);
	p->dead_maxrss = as->resident_peak;
	p->as = NULL;
	spin_unlock(&proc_tree_lock);
	if (FRAME_DEBUG)
		system_check(as);
	aspace_put(as);
	if (is_first)
		arch_shutdown(shutdown_code(status));
	spin_lock(&proc_tree_lock);
	orphans_locked(p);
	p->is_zombie = true;
	if (tell_end_locked(p))
		reap_locked(p);
	if (proc_is_shutting_down)
		waitq_wake_all(&gone_wait);
	spin_unlock(&proc_tree_lock);
	sched_die();
}

_Noreturn void thread_exit(int status)
{
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	bool last;

	futex_exit(t);
	if (t->clear_child_tid && (p->nlive > 1 || p->as->refs > 1)) {
		const uint32_t zero = 0;

		if (arch_copy_to_user(VADDR(t->clear_child_tid), &zero, sizeof zero) == 0)
			futex_wake(t->clear_child_tid, 1);
	}
	/* From here on this hart needs nothing of the program's memory, which may go at any time.
	 */
	aspace_switch(NULL);
	vfork_done(t);
	spin_lock(&proc_tree_lock);
	if (t->is_leader)
		p->exit_status = status;
	spin_lock(&p->sighand->lock);
	t->is_exiting = true;
	if (p->is_ending)
		p->exit_status = p->end_status;
	signal_queue_flush(&t->pending);
	signal_retarget_locked(t);
	spin_unlock(&p->sighand->lock);
	p->dead_ns += sched_ran_ns(t);
	p->dead_minflt += t->minor_faults;
	p->dead_majflt += t->major_faults;
	proc_past_minflt += t->minor_faults;
	proc_past_majflt += t->major_faults;
	p->dead_io.rchar += t->io.rchar;
	p->dead_io.wchar += t->io.wchar;
	p->dead_io.syscr += t->io.syscr;
	p->dead_io.syscw += t->io.syscw;
	p->nvoluntary += t->sched.nvoluntary;
	p->nforced += t->sched.nforced;
	last = --p->nlive == 0;
	if (!last) {
		uint32_t tid = t->tid, pid = p->pid;

		if (!t->is_leader)
			thread_unlink_locked(t);
		else
			pidref_end_locked(t);
		waitq_wake_all(&p->exec_wait);
		spin_unlock(&proc_tree_lock);
		TRACE(TRACE_THREAD_EXIT, tid, pid, status, 0, 0, 0);
		sched_die();
	}
	if (!t->is_leader)
		thread_unlink_locked(t);
	spin_unlock(&proc_tree_lock);
	process_end(p);
}

/* Tree and sighand locked. All threads but `but` are to end, wherever they are. */
static void end_threads_locked(struct proc *p, const struct thread *but)
{
	list_for_each (it, &p->threads) {
		struct thread *t = container_of(it, struct thread, link);

		if (t == but || t->is_exiting)
			continue;
		thread_work(t, WORK_SIGNAL);
		thread_wake_from(t, THREAD_ASLEEP | THREAD_KILLABLE | THREAD_STOPPED);
	}
}

void proc_end_locked(struct proc *p, int status)
{
	if (p->is_ending)
		return;
	p->is_ending = true;
	p->is_stopped = false;
	p->end_status = status;
	end_threads_locked(p, NULL);
}

_Noreturn void proc_exit(int status)
{
	struct proc *p = proc_current();

	spin_lock(&proc_tree_lock);
	spin_lock(&p->sighand->lock);
	if (!p->execing) /* else exec has won: only this thread ends */
		proc_end_locked(p, status);
	spin_unlock(&p->sighand->lock);
	spin_unlock(&proc_tree_lock);
	thread_exit(status);
}

int proc_become_single(void)
{
	struct thread *t = thread_current(), *leader;
	struct proc *p = t->proc;
	int error = 0;

	if (p->nthreads == 1)
		return 0;
	spin_lock(&proc_tree_lock);
	spin_lock(&p->sighand->lock);
	if (p->is_ending || p->execing)
		error = -EAGAIN;
	else {
		p->execing = t;
		end_threads_locked(p, t);
	}
	spin_unlock(&p->sighand->lock);
	while (!error && p->nlive > 1) {
		waitq_sleep(&p->exec_wait, &proc_tree_lock, UINT64_MAX, false);
		if (p->is_ending)
			error = -EAGAIN;
	}
	leader = p->leader;
	if (!error && leader != t) {
		/* The process keeps its number, so this thread gets the leader's. */
		pidref_move_locked(leader, t);
		thread_reap_locked(leader);
		thread_renumber_locked(t, p->pid);
		leader->is_leader = false;
		t->is_leader = true;
		p->leader = t;
	}
	spin_lock(&p->sighand->lock);
	if (p->execing == t)
		p->execing = NULL;
	spin_unlock(&p->sighand->lock);
	spin_unlock(&proc_tree_lock);
	return error;
}

/* -- asking -------------------------------------------------------------------------------- */

/* => whether the request is about child c at all. */
static bool is_asked(const struct wait_request *req, const struct proc *c, const struct proc *p)
{
	bool is_clone = c->exit_signal != SIGCHLD;

	if (!(req->options & W_ALL) && is_clone != !!(req->options & W_CLONE))
		return false;
	switch (req->type) {
	case P_PID: return c->pid == req->id;
	case P_PGID: return c->pgid == (req->id ? req->id : p->pgid);
	case P_PIDFD: return c->leader->pidref == req->ref;
	default: return true;
	}
}

static void result_fill(struct wait_result *out, const struct proc *c, int status)
{
	out->pid = c->pid;
	out->uid = c->cred.uid;
	out->status = status;
	out->ran_ns = proc_ran_ns_locked(c) + c->child_user_ns;
	out->minflt = c->dead_minflt + c->child_minflt;
	out->majflt = c->dead_majflt + c->child_majflt;
	out->maxrss = c->dead_maxrss > c->child_maxrss ? c->dead_maxrss : c->child_maxrss;
}

/* Tree locked. => whether child c has something to tell, and has told it. */
static bool ask(const struct wait_request *req, struct proc *p, struct proc *c,
		struct wait_result *out)
{
	bool keep = req->options & WNOWAIT;

	if (c->is_zombie) {
		if (!(req->options & WEXITED))
			return false;
		result_fill(out, c, c->exit_status);
		if (!keep) {
			p->child_user_ns += out->ran_ns;
			p->child_minflt += out->minflt;
			p->child_majflt += out->majflt;
			if (out->maxrss > p->child_maxrss)
				p->child_maxrss = out->maxrss;
			reap_locked(c);
		}
		return true;
	}
	if (!c->stop_report || !(req->options & (c->stop_report == 0xffff ? WCONTINUED : WSTOPPED)))
		return false;
	result_fill(out, c, c->stop_report);
	if (!keep)
		c->stop_report = 0;
	return true;
}

int64_t proc_wait(const struct wait_request *req, struct wait_result *out)
{
	struct proc *p = proc_current();
	int64_t result;

	spin_lock(&proc_tree_lock);
	for (;;) {
		bool any = false, found = false;

		list_for_each (it, &p->children) {
			struct proc *c = container_of(it, struct proc, sibling);

			if (!is_asked(req, c, p))
				continue;
			any = true;
			found = ask(req, p, c, out);
			if (found)
				break;
		}
		result = found ? (int64_t)out->pid : !any ? -ECHILD : 0;
		if (result || req->options & WNOHANG)
			break;
		result = waitq_sleep(&p->child_wait, &proc_tree_lock, UINT64_MAX, true);
		if (result)
			break;
	}
	spin_unlock(&proc_tree_lock);
	return result;
}
