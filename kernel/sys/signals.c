/*
 * System calls on signals. What a signal does is kernel/proc/signal.c's matter.
 */
#include "kernel/sys/sys.h"

#define BIT(signo)  ((uint64_t)1 << ((signo)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
#define SIGSET_LEN  8

int64_t sys_rt_sigaction(const uint64_t *a)
{
	struct proc *p = proc_current();
	int signo = (int)a[0];
	struct linux_sigaction new, old;

	if (a[3] != SIGSET_LEN)
		return -EINVAL;
	if (a[1] && arch_copy_from_user(&new, VADDR(a[1]), sizeof new) != 0)
		return -EFAULT;
	if (signo < 1 || signo > SIGMAX || (a[1] && (signo == SIGKILL || signo == SIGSTOP)))
		return -EINVAL;
	spin_lock(&p->lock);
	old = p->sigactions[signo];
	if (a[1]) {
		new.mask &= ~UNBLOCKABLE;
		p->sigactions[signo] = new;
		signal_drop_ignored(thread_current(), signo);
	}
	spin_unlock(&p->lock);
	if (a[2] && arch_copy_to_user(VADDR(a[2]), &old, sizeof old) != 0)
		return -EFAULT;
	return 0;
}

int64_t sys_rt_sigprocmask(const uint64_t *a)
{
	struct thread *t = thread_current();
	uint64_t old = t->sigmask, set;

	if (a[3] != SIGSET_LEN)
		return -EINVAL;
	if (a[1]) {
		if (arch_copy_from_user(&set, VADDR(a[1]), sizeof set) != 0)
			return -EFAULT;
		set &= ~UNBLOCKABLE;
		switch ((int)a[0]) {
		case SIG_BLOCK: t->sigmask |= set; break;
		case SIG_UNBLOCK: t->sigmask &= ~set; break;
		case SIG_SETMASK: t->sigmask = set; break;
		default: return -EINVAL;
		}
	}
	if (a[2] && arch_copy_to_user(VADDR(a[2]), &old, sizeof old) != 0)
		return -EFAULT;
	return 0;
}

int64_t sys_rt_sigpending(const uint64_t *a)
{
	const struct thread *t = thread_current();
	uint64_t set = t->pending & t->sigmask;

	if (a[1] > SIGSET_LEN)
		return -EINVAL;
	return arch_copy_to_user(VADDR(a[0]), &set, a[1]) != 0 ? -EFAULT : 0;
}

int64_t sys_sigaltstack(const uint64_t *a)
{
	struct thread *t = thread_current();
	struct linux_sigaltstack old = t->altstack, new;

	if (a[0]) {
		if (arch_copy_from_user(&new, VADDR(a[0]), sizeof new) != 0)
			return -EFAULT;
		uint32_t mode = (uint32_t) new.flags & ~SS_AUTODISARM;
		if (mode != 0 && mode != SS_ONSTACK && mode != SS_DISABLE)
			return -EINVAL;
		if (mode == SS_DISABLE) {
			new.sp = 0;
			new.size = 0;
		} else if (new.size < MINSIGSTKSZ) {
			return -ENOMEM;
		}
		new.pad = 0;
		t->altstack = new;
	}
	if (a[1] && arch_copy_to_user(VADDR(a[1]), &old, sizeof old) != 0)
		return -EFAULT;
	return 0;
}

/* Signal 0 only asks whether it could be sent. */
static int64_t send(struct thread *t, int signo, int code)
{
	if (signo < 0 || signo > SIGMAX)
		return -EINVAL;
	if (signo > 0)
		signal_send(t, signo, code);
	return 0;
}

/* pid 0 is the caller's group, which is itself alone. */
int64_t sys_kill(const uint64_t *a)
{
	struct proc *p = proc_current();
	int pid = (int)a[0];

	if ((int)a[1] < 0 || (int)a[1] > SIGMAX)
		return -EINVAL;
	if (pid != 0 && pid != (int)p->pid)
		return -ESRCH;
	return send(p->threads, (int)a[1], SI_USER);
}

static int64_t send_thread(int tgid, int tid, int signo)
{
	struct proc *p = proc_current();

	if (signo < 0 || signo > SIGMAX)
		return -EINVAL;
	if (tgid != (int)p->pid)
		return -ESRCH;
	for (struct thread *t = p->threads; t; t = t->next)
		if (t->tid == (uint32_t)tid)
			return send(t, signo, SI_TKILL);
	return -ESRCH;
}

int64_t sys_tkill(const uint64_t *a)
{
	if ((int)a[0] <= 0)
		return -EINVAL;
	return send_thread((int)proc_current()->pid, (int)a[0], (int)a[1]);
}

int64_t sys_tgkill(const uint64_t *a)
{
	if ((int)a[0] <= 0 || (int)a[1] <= 0)
		return -EINVAL;
	return send_thread((int)a[0], (int)a[1], (int)a[2]);
}
