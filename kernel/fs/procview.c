/*
 * Looking at processes from outside.
 *
 * A process can end while its text is written, so what is needed of it is taken with
 * references under the tree's lock (struct proc_handle), and what is only shown is
 * copied there (struct proc_view). No lock is held afterwards.
 *
 * Locks, in this order: proc_tree_lock, proc.lock; or proc_tree_lock, sighand's.
 */
#include "kernel/fs/procview.h"
#include "kernel/fs/context.h"
#include "kernel/fs/file.h"
#include "kernel/fs/tty.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"

int proc_find(uint32_t pid, struct proc_handle **out)
{
	struct proc_handle *h = kzalloc(sizeof *h);
	char *path = kmalloc(PATH_MAX);

	if (!h || !path) {
		kfree(h);
		kfree(path);
		return -ENOMEM;
	}
	spin_lock(&proc_tree_lock);
	struct proc *p = proc_find_locked(pid);
	if (p) {
		*h = (struct proc_handle){.pid = p->pid, .cred = p->cred, .start_ns = p->start_ns};
		h->cred.groups = NULL; /* no reference to them is taken */
		spin_lock(&p->lock);
		h->as = p->is_zombie ? NULL : p->as;
		h->fds = p->fds;
		h->fs = p->fs;
		h->exe = p->exe;
		h->no_new_privs = p->no_new_privs;
		memcpy(h->rlimits, p->rlimits, sizeof h->rlimits);
		if (h->as)
			aspace_get(h->as);
		if (h->fds)
			fdtable_get(h->fds);
		if (h->fs)
			fs_context_get(h->fs);
		if (h->exe)
			inode_get(h->exe);
		if (p->exe_path) {
			ksnprintf(path, PATH_MAX, "%s", p->exe_path);
			h->exe_path = path;
		}
		spin_unlock(&p->lock);
	}
	spin_unlock(&proc_tree_lock);
	if (!h->exe_path)
		kfree(path);
	if (!p) {
		kfree(h);
		return -ESRCH;
	}
	*out = h;
	return 0;
}

void proc_put(struct proc_handle *h)
{
	if (h->as)
		aspace_put(h->as);
	if (h->fds)
		fdtable_put(h->fds);
	if (h->fs)
		fs_context_put(h->fs);
	inode_put(h->exe);
	kfree(h->exe_path);
	kfree(h);
}

/* Tree locked. => thread tid of p; 0: its leader. */
static struct thread *thread_of(const struct proc *p, uint32_t tid)
{
	if (tid == 0)
		return p->leader;
	list_for_each (it, &p->threads) {
		struct thread *t = container_of(it, struct thread, link);

		if (t->tid == tid)
			return t;
	}
	return NULL;
}

static char state_of(const struct proc *p, const struct thread *t)
{
	if (p->is_zombie)
		return 'Z';
	if (t == thread_current())
		return 'R';
	switch (t->sched.state) {
	case THREAD_RUNNABLE: return 'R';
	case THREAD_ASLEEP: return 'S';
	case THREAD_WAITING: return 'D';
	case THREAD_STOPPED: return 'T';
	default: return 'X';
	}
}

static void look_signals(const struct proc *p, const struct thread *t, struct proc_view *out)
{
	spin_lock(&p->sighand->lock);
	out->pending = t->pending.set;
	out->shared_pending = p->pending.set;
	out->blocked = t->sigmask;
	for (int signo = 1; signo <= SIGMAX; signo++) {
		uint64_t handler = p->sighand->action[signo].handler;

		if (handler == SIG_IGN)
			out->ignored |= SIGBIT(signo);
		else if (handler != SIG_DFL)
			out->caught |= SIGBIT(signo);
	}
	spin_unlock(&p->sighand->lock);
}

static void io_add(struct io_counts *sum, const struct io_counts *c)
{
	sum->rchar += c->rchar;
	sum->wchar += c->wchar;
	sum->syscr += c->syscr;
	sum->syscw += c->syscw;
}

/* Tree locked. Of a thread, or of a process with all its threads. */
static void look_io(const struct proc *p, const struct thread *t, bool all, struct io_counts *out)
{
	*out = all ? p->dead_io : t->io;
	if (!all)
		return;
	list_for_each (it, &p->threads) {
		const struct thread *each = container_of(it, struct thread, link);

		if (!each->is_exiting)
			io_add(out, &each->io);
	}
}

bool proc_exists(uint32_t pid)
{
	spin_lock(&proc_tree_lock);
	bool exists = proc_find_locked(pid) != NULL;
	spin_unlock(&proc_tree_lock);
	return exists;
}

void proc_look(const struct proc_handle *h, uint32_t tid, struct proc_view *out)
{
	*out = (struct proc_view){.state = 'X', .tty_pgid = -1};
	if (h->fs)
		out->umask = h->fs->umask;
	spin_lock(&proc_tree_lock);
	struct proc *p = proc_find_locked(h->pid);
	struct thread *t = p ? thread_of(p, tid) : NULL;
	if (t) {
		memcpy(out->comm, t->comm, COMM_LEN);
		out->state = state_of(p, t);
		out->ppid = p->ppid;
		out->pgid = p->pgid;
		out->sid = p->sid;
		out->nthreads = p->nthreads;
		out->hart = t->sched.hart;
		out->nice = t->sched.nice;
		out->utime_ns = tid ? sched_ran_ns(t) : proc_ran_ns_locked(p);
		out->child_utime_ns = p->child_user_ns;
		out->nvcsw = t->sched.nvoluntary;
		out->nivcsw = t->sched.nforced;
		if (p->tty) {
			const struct tty *tty = p->tty;

			out->tty_dev = TTY_DEV;
			out->tty_pgid = (int32_t)tty->group;
		}
		look_io(p, t, tid == 0, &out->io);
		if (p->sighand)
			look_signals(p, t, out);
	}
	spin_unlock(&proc_tree_lock);
}

void proc_comm(const struct proc_handle *h, uint32_t tid, char out[COMM_LEN])
{
	struct proc_view v;

	proc_look(h, tid, &v);
	memcpy(out, v.comm, COMM_LEN);
}

void proc_totals(struct proc_totals *out)
{
	uint64_t switches, busy_ns;

	*out = (struct proc_totals){.running = sched_nrunnable()};
	for (unsigned h = 0; h < arch_harts(); h++) {
		sched_counts(h, &switches, &busy_ns);
		out->switches += switches;
	}
	spin_lock(&proc_tree_lock);
	out->threads = thread_count();
	out->started = thread_started();
	out->minor_faults = proc_past_minflt;
	out->major_faults = proc_past_majflt;
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->pid > out->last_pid)
			out->last_pid = p->pid;
		if (p->as) {
			out->mapped_files += p->as->pt.npages[FRAME_FILE];
			out->mapped_shared += p->as->pt.npages[FRAME_SHMEM];
		}
		list_for_each (each, &p->threads) {
			const struct thread *t = container_of(each, struct thread, link);

			if (t->is_exiting)
				continue;
			out->minor_faults += t->minor_faults;
			out->major_faults += t->major_faults;
		}
	}
	spin_unlock(&proc_tree_lock);
}

bool proc_has_thread(const struct proc_handle *h, uint32_t tid)
{
	return proc_next_thread(h, tid) == (int64_t)tid;
}

int64_t proc_next(uint32_t from)
{
	int64_t best = -1;

	spin_lock(&proc_tree_lock);
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->pid >= from && (best < 0 || p->pid < best))
			best = p->pid;
	}
	spin_unlock(&proc_tree_lock);
	return best;
}

int64_t proc_next_thread(const struct proc_handle *h, uint32_t from)
{
	int64_t best = -1;

	spin_lock(&proc_tree_lock);
	const struct proc *p = proc_find_locked(h->pid);
	if (p) {
		list_for_each (it, &p->threads) {
			const struct thread *t = container_of(it, struct thread, link);

			if (t->tid >= from && (best < 0 || t->tid < best))
				best = t->tid;
		}
	}
	spin_unlock(&proc_tree_lock);
	return best;
}
