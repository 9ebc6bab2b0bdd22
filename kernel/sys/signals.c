/*
 * System calls on signals. What a signal does is kernel/proc/signal.c's matter.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/pidfd.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/pidref.h"

#define SIGSET_LEN 8

int64_t sys_rt_sigaction(const uint64_t *a)
{
	int signo = (int)a[0];
	struct linux_sigaction new, old;

	if (a[3] != SIGSET_LEN)
		return -EINVAL;
	if (a[1] && arch_copy_from_user(&new, VADDR(a[1]), sizeof new) != 0)
		return -EFAULT;
	if (signo < 1 || signo > SIGMAX || (a[1] && (signo == SIGKILL || signo == SIGSTOP)))
		return -EINVAL;
	old = signal_set_action(signo, a[1] ? &new : NULL);
	return a[2] && arch_copy_to_user(VADDR(a[2]), &old, sizeof old) != 0 ? -EFAULT : 0;
}

int64_t sys_rt_sigprocmask(const uint64_t *a)
{
	uint64_t old = thread_current()->sigmask, set;

	if (a[3] != SIGSET_LEN)
		return -EINVAL;
	if (a[1]) {
		if (arch_copy_from_user(&set, VADDR(a[1]), sizeof set) != 0)
			return -EFAULT;
		switch ((int)a[0]) {
		case SIG_BLOCK: set |= old; break;
		case SIG_UNBLOCK: set = old & ~set; break;
		case SIG_SETMASK: break;
		default: return -EINVAL;
		}
		signal_set_mask(set);
	}
	return a[2] && arch_copy_to_user(VADDR(a[2]), &old, sizeof old) != 0 ? -EFAULT : 0;
}

int64_t sys_rt_sigpending(const uint64_t *a)
{
	const struct thread *t = thread_current();
	uint64_t set = (t->pending.set | t->proc->pending.set) & t->sigmask;

	if (a[1] > SIGSET_LEN)
		return -EINVAL;
	return arch_copy_to_user(VADDR(a[0]), &set, a[1]) != 0 ? -EFAULT : 0;
}

int64_t sys_rt_sigsuspend(const uint64_t *a)
{
	struct waitq q; /* nobody wakes it: only signals do */
	uint64_t set;

	if (a[1] != SIGSET_LEN)
		return -EINVAL;
	if (arch_copy_from_user(&set, VADDR(a[0]), sizeof set) != 0)
		return -EFAULT;
	signal_set_temporary_mask(set);
	waitq_init(&q);
	while (waitq_sleep(&q, NULL, UINT64_MAX, true) == 0)
		;
	return -ERESTARTNOHAND;
}

int64_t sys_rt_sigtimedwait(const uint64_t *a)
{
	struct thread *t = thread_current();
	struct linux_siginfo info;
	uint64_t set, ns, deadline = UINT64_MAX;
	int signo, error = 0;

	if (a[3] != SIGSET_LEN)
		return -EINVAL;
	if (arch_copy_from_user(&set, VADDR(a[0]), sizeof set) != 0)
		return -EFAULT;
	if (a[2]) {
		error = sys_timespec_get(a[2], &ns);
		if (error)
			return error;
		deadline = arch_time_ns() + ns;
	}
	set &= ~SIG_UNBLOCKABLE;
	t->sigwait = set;
	while ((signo = signal_take(set, &info)) == 0 && !error) {
		thread_sleep_begin(true);
		if ((t->pending.set | t->proc->pending.set) & set)
			thread_sleep_cancel();
		else
			error = thread_sleep(deadline, true);
		if (error == -ERESTARTSYS && !signal_is_due(t))
			error = 0;
	}
	t->sigwait = 0;
	if (!signo)
		return error == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (a[1] && (arch_copy_to_user(VADDR(a[1]), &info, sizeof info) != 0 ||
		     arch_clear_user(VADDR(a[1] + sizeof info), SIGINFO_LEN - sizeof info) != 0))
		return -EFAULT;
	return signo;
}

int64_t sys_rt_sigreturn(const uint64_t *a)
{
	(void)a;
	return sigframe_pop();
}

int64_t sys_sigaltstack(const uint64_t *a)
{
	struct thread *t = thread_current();
	struct linux_sigaltstack old = sigframe_altstack(t), new;

	if (a[0]) {
		if (arch_copy_from_user(&new, VADDR(a[0]), sizeof new) != 0)
			return -EFAULT;
		uint32_t mode = (uint32_t) new.flags & ~SS_AUTODISARM;
		if (old.flags & SS_ONSTACK)
			return -EPERM;
		if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
			return -EINVAL;
		if (mode == SS_DISABLE) {
			new.sp = 0;
			new.size = 0;
		} else if (new.size < MINSIGSTKSZ) {
			return -ENOMEM;
		} else {
			new.flags &= ~SS_ONSTACK;
		}
		new.pad = 0;
		t->altstack = new;
	}
	return a[1] && arch_copy_to_user(VADDR(a[1]), &old, sizeof old) != 0 ? -EFAULT : 0;
}

/* -- sending ------------------------------------------------------------------------------- */

/* => whether the caller may send signo to p: 0 or -EPERM. */
static int may_send(const struct proc *p, int signo)
{
	const struct proc *self = proc_current();
	const struct cred *c = &self->cred, *to = &p->cred;

	if (c->euid == 0 || c->euid == to->uid || c->euid == to->suid || c->uid == to->uid ||
	    c->uid == to->suid || (signo == SIGCONT && p->sid == self->sid))
		return 0;
	return -EPERM;
}

static struct linux_siginfo info_of(int signo, int code)
{
	struct linux_siginfo info = {.signo = signo, .code = code};

	info.pid = (int32_t)proc_current()->pid;
	info.uid = proc_current()->cred.uid;
	return info;
}

/* Tree locked. Signal 0 only asks whether it could be sent. */
static int send_proc_locked(struct proc *p, const struct linux_siginfo *info)
{
	int error = info->signo < 0 || info->signo > SIGMAX ? -EINVAL : may_send(p, info->signo);

	return error || !info->signo ? error : signal_send_proc(p, info);
}

/* => as kill(2) for pid <= 0: a group (0: the caller's), or with -1 all but the first and itself.
 */
static int64_t send_many_locked(int32_t pid, const struct linux_siginfo *info)
{
	struct proc *self = proc_current();
	uint32_t pgid = pid == 0 ? self->pgid : (uint32_t)-pid;
	int64_t result = -ESRCH;

	list_for_each (it, &proc_all) {
		struct proc *p = container_of(it, struct proc, all);
		int error;

		if (pid == -1 ? p->pid == 1 || p == self : p->pgid != pgid)
			continue;
		error = send_proc_locked(p, info);
		if (!error || result == -ESRCH)
			result = error;
	}
	return result;
}

int64_t sys_kill(const uint64_t *a)
{
	int32_t pid = (int32_t)a[0];
	int signo = (int)a[1];
	struct linux_siginfo info = info_of(signo, SI_USER);
	struct proc *p;
	int64_t result;

	if (pid == INT32_MIN)
		return -ESRCH;
	spin_lock(&proc_tree_lock);
	if (pid > 0) {
		struct thread *t = thread_find_locked((uint32_t)pid);

		p = t ? t->proc : NULL;
		result = p ? send_proc_locked(p, &info) : -ESRCH;
	} else {
		result = send_many_locked(pid, &info);
	}
	spin_unlock(&proc_tree_lock);
	return result;
}

/* tgid 0: whichever. */
static int64_t send_thread(int tgid, int tid, const struct linux_siginfo *info)
{
	struct thread *t;
	int64_t error = 0;

	spin_lock(&proc_tree_lock);
	t = thread_find_locked((uint32_t)tid);
	if (!t || (tgid && t->proc->pid != (uint32_t)tgid) || t->is_exiting)
		error = -ESRCH;
	if (!error && (info->signo < 0 || info->signo > SIGMAX))
		error = -EINVAL;
	if (!error)
		error = may_send(t->proc, info->signo);
	if (!error && info->signo)
		error = signal_send_thread(t, info);
	spin_unlock(&proc_tree_lock);
	return error;
}

int64_t sys_tkill(const uint64_t *a)
{
	struct linux_siginfo info = info_of((int)a[1], SI_TKILL);

	return (int)a[0] <= 0 ? -EINVAL : send_thread(0, (int)a[0], &info);
}

int64_t sys_tgkill(const uint64_t *a)
{
	struct linux_siginfo info = info_of((int)a[2], SI_TKILL);

	if ((int)a[0] <= 0 || (int)a[1] <= 0)
		return -EINVAL;
	return send_thread((int)a[0], (int)a[1], &info);
}

/* => 0 with the information that a program made up for another; -EFAULT, -EPERM. */
static int info_get(struct linux_siginfo *info, uint64_t user, int signo, uint32_t to)
{
	if (arch_copy_from_user(info, VADDR(user), sizeof *info) != 0)
		return -EFAULT;
	info->signo = signo;
	/* Only the kernel and kill() may say that it was them. */
	if ((info->code >= 0 || info->code == SI_TKILL) && to != proc_current()->pid)
		return -EPERM;
	return 0;
}

int64_t sys_rt_sigqueueinfo(const uint64_t *a)
{
	int32_t pid = (int32_t)a[0];
	struct linux_siginfo info;
	struct proc *p;
	int64_t error = info_get(&info, a[2], (int)a[1], (uint32_t)pid);

	if (error)
		return error;
	spin_lock(&proc_tree_lock);
	p = pid > 0 ? proc_find_locked((uint32_t)pid) : NULL;
	error = p ? send_proc_locked(p, &info) : -ESRCH;
	spin_unlock(&proc_tree_lock);
	return error;
}

int64_t sys_rt_tgsigqueueinfo(const uint64_t *a)
{
	struct linux_siginfo info;
	int64_t error = info_get(&info, a[3], (int)a[2], (uint32_t)a[0]);

	if (error)
		return error;
	if ((int)a[0] <= 0 || (int)a[1] <= 0)
		return -EINVAL;
	return send_thread((int)a[0], (int)a[1], &info);
}

#define PIDFD_SIGNAL_THREAD        1
#define PIDFD_SIGNAL_THREAD_GROUP  2
#define PIDFD_SIGNAL_PROCESS_GROUP 4

/* Tree locked. scope: PIDFD_SIGNAL_*; 0: as the pidfd was opened. */
static int64_t send_ref_locked(struct pidref *r, uint32_t scope, bool is_thread,
			       const struct linux_siginfo *info)
{
	struct thread *t = r->thread;
	int64_t error;

	if (!t)
		return -ESRCH;
	if (scope == PIDFD_SIGNAL_PROCESS_GROUP)
		return send_many_locked(-(int32_t)t->tid, info);
	if (scope == PIDFD_SIGNAL_THREAD_GROUP || (!scope && !is_thread))
		return t->is_leader ? send_proc_locked(t->proc, info) : -ESRCH;
	error = may_send(t->proc, info->signo);
	return error || !info->signo ? error : signal_send_thread(t, info);
}

int64_t sys_pidfd_send_signal(const uint64_t *a)
{
	struct linux_siginfo info = info_of((int)a[1], SI_USER);
	uint32_t scope = (uint32_t)a[3];
	struct file *f;
	struct pidref *r;
	int64_t error = 0;

	if (scope & (scope - 1) || scope > PIDFD_SIGNAL_PROCESS_GROUP)
		return -EINVAL;
	f = sys_fd(a[0]);
	r = f ? pidfd_ref(f) : NULL;
	if (!r)
		error = -EBADF;
	else if (a[2] && arch_copy_from_user(&info, VADDR(a[2]), sizeof info) != 0)
		error = -EFAULT;
	else if (info.signo != (int)a[1] || info.signo < 0 || info.signo > SIGMAX)
		error = -EINVAL;
	else {
		if (!a[2] && (scope == PIDFD_SIGNAL_THREAD || (!scope && f->flags & PIDFD_THREAD)))
			info.code = SI_TKILL;
		spin_lock(&proc_tree_lock);
		/* Only to itself may a program pretend to be the kernel. */
		if (a[2] && (info.code >= 0 || info.code == SI_TKILL) &&
		    (!r->thread || r->thread != thread_current()))
			error = -EPERM;
		else
			error = send_ref_locked(r, scope, f->flags & PIDFD_THREAD, &info);
		spin_unlock(&proc_tree_lock);
	}
	if (f)
		file_put(f);
	return error;
}
