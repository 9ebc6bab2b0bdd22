/*
 * Job control: whose terminal it is, and who in the session may use it.
 *
 *	session --- leader, the process that began it (setsid)
 *	   |-- group 7    foreground: reads, and gets SIGINT, SIGQUIT, SIGTSTP, SIGWINCH
 *	   |-- group 8    background: SIGTTIN if it reads; SIGTTOU if it changes settings
 *	   `-- group 9    (or writes, under TOSTOP)
 *
 * A terminal is the *controlling* terminal of at most one session; the session's
 * leader gets it by opening it or asking for it, its children inherit it, and all lose
 * it when the leader ends, gives it up, or the other side hangs up. tty.group is the
 * group in the foreground; a shell moves it from job to job.
 *
 * A group whose members have no parent outside it in the session (an *orphaned* group)
 * has nobody who would continue it: it is refused (EIO) instead of being stopped.
 *
 * Invariants (tree locked)
 *   I1  p->tty is t exactly for processes whose session is t->session, if they have not
 *       given it up
 *   I2  t->session is 0 exactly if t->group is
 *
 * Locks. All of it is guarded by the tree's lock. POSIX.1-2017, chapter 11;
 * ioctl_tty(2); credentials(7).
 */
#include "kernel/fs/tty.h"
#include "kernel/fs/file.h"
#include "kernel/proc/proc.h"

static struct linux_siginfo from_kernel(int signo)
{
	return (struct linux_siginfo){.signo = signo, .code = SI_KERNEL};
}

static void send_group_locked(uint32_t group, int signo)
{
	const struct linux_siginfo info = from_kernel(signo);

	if (group)
		signal_send_group_locked(group, &info);
}

void tty_signal(struct tty *t, int signo)
{
	spin_lock(&proc_tree_lock);
	send_group_locked(t->group, signo);
	spin_unlock(&proc_tree_lock);
}

int tty_job_check(struct tty *t, int signo)
{
	struct proc *p = proc_current();
	int error = 0;

	if (p->tty != t || p->pgid == t->group)
		return 0; /* here: at worst a moment ago; the caller is the only one who cares */
	spin_lock(&proc_tree_lock);
	if (p->tty == t && t->group && p->pgid != t->group) {
		if (signal_is_blocked_or_ignored(signo))
			error = signo == SIGTTIN ? -EIO : 0;
		else if (proc_group_is_orphaned_locked(p->pgid, NULL))
			error = -EIO;
		else
			error = -ERESTARTSYS;
		if (error == -ERESTARTSYS)
			send_group_locked(p->pgid, signo);
	}
	spin_unlock(&proc_tree_lock);
	return error;
}

/* -- getting and losing it ----------------------------------------------------------------- */

/* No process of the session has a terminal any more. Tree locked. */
static void clear_session_locked(uint32_t session)
{
	list_for_each (it, &proc_all) {
		struct proc *p = container_of(it, struct proc, all);

		if (p->sid == session)
			p->tty = NULL;
	}
}

static void give_locked(struct tty *t, struct proc *p)
{
	t->session = p->sid;
	t->group = p->pgid;
	p->tty = t;
}

void tty_give(struct tty *t, struct proc *p)
{
	spin_lock(&proc_tree_lock);
	give_locked(t, p);
	spin_unlock(&proc_tree_lock);
}

int tty_adopt(struct tty *t, bool steal)
{
	struct proc *p = proc_current();
	int error = 0;

	spin_lock(&proc_tree_lock);
	if (p->sid == p->pid && t->session == p->sid) {
		/* here: it is the session's already */
	} else if (p->sid != p->pid || p->tty) {
		error = -EPERM;
	} else if (t->session && !(steal && p->cred.euid == 0)) {
		error = -EPERM;
	} else {
		if (t->session)
			clear_session_locked(t->session);
		give_locked(t, p);
	}
	spin_unlock(&proc_tree_lock);
	return error;
}

/* The leader p gives the terminal up for its whole session. Tree locked. */
static void release_locked(struct proc *p, bool goes_on)
{
	struct tty *t = p->tty;

	send_group_locked(t->group, SIGHUP);
	if (goes_on)
		send_group_locked(t->group, SIGCONT);
	t->session = t->group = 0;
	clear_session_locked(p->sid);
}

void tty_disown(void)
{
	struct proc *p = proc_current();

	spin_lock(&proc_tree_lock);
	if (p->tty && p->sid == p->pid)
		release_locked(p, true);
	p->tty = NULL;
	spin_unlock(&proc_tree_lock);
}

void tty_leave(struct proc *p)
{
	spin_lock(&proc_tree_lock);
	if (p->tty && p->sid == p->pid)
		release_locked(p, false);
	spin_unlock(&proc_tree_lock);
}

void tty_hang_up_session(struct tty *t)
{
	const struct linux_siginfo hup = from_kernel(SIGHUP), cont = from_kernel(SIGCONT);

	spin_lock(&proc_tree_lock);
	if (t->session) {
		struct proc *leader = proc_find_locked(t->session);

		if (leader && !leader->is_zombie) {
			signal_send_proc(leader, &hup);
			signal_send_proc(leader, &cont);
		}
		send_group_locked(t->group, SIGHUP);
		clear_session_locked(t->session);
		t->session = t->group = 0;
	}
	spin_unlock(&proc_tree_lock);
}

/* -- asking -------------------------------------------------------------------------------- */

int64_t tty_get_group(struct tty *t)
{
	int64_t result = -ENOTTY;

	spin_lock(&proc_tree_lock);
	if (proc_current()->tty == t)
		result = t->group;
	spin_unlock(&proc_tree_lock);
	return result;
}

int64_t tty_get_session(struct tty *t)
{
	int64_t result = -ENOTTY;

	spin_lock(&proc_tree_lock);
	if (proc_current()->tty == t && t->session)
		result = t->session;
	spin_unlock(&proc_tree_lock);
	return result;
}

/* => the session of a group; 0: there is no such group. Tree locked. */
static uint32_t session_of_locked(uint32_t group)
{
	list_for_each (it, &proc_all) {
		const struct proc *p = container_of(it, struct proc, all);

		if (p->pgid == group && !p->is_reaped)
			return p->sid;
	}
	return 0;
}

int64_t tty_set_group(struct tty *t, int32_t group)
{
	const struct proc *p = proc_current();
	int64_t error = tty_job_check(t, SIGTTOU);

	if (error)
		return error == -EIO ? -ENOTTY : error;
	spin_lock(&proc_tree_lock);
	if (p->tty != t || t->session != p->sid) {
		error = -ENOTTY;
	} else if (group < 0) {
		error = -EINVAL;
	} else {
		uint32_t session = session_of_locked((uint32_t)group);

		if (!session)
			error = -ESRCH;
		else if (session != p->sid)
			error = -EPERM;
		else
			t->group = (uint32_t)group;
	}
	spin_unlock(&proc_tree_lock);
	return error;
}
