/*
 * System calls on processes: their beginning, their end, their numbers.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/fs/pidfd.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/rseq.h"

/* -- beginning ----------------------------------------------------------------------------- */

/* What clone() takes and what changes nothing here. */
#define CLONE_WITHOUT_EFFECT (CLONE_UNTRACED | CLONE_PTRACE | CLONE_IO | CLONE_SYSVSEM)
#define CLONE3_KNOWN         (0xffffff00u | CLONE_NEWTIME | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)
#define PID_NS_LEVELS        32 /* Linux's limit; here there is one */
#define PID_MAX              4194304

int64_t sys_clone(const uint64_t *a)
{
	struct clone_request req = {
	    .flags = (a[0] & 0xffffffff) & ~(uint64_t)CSIGNAL,
	    .exit_signal = (int)(a[0] & CSIGNAL),
	    .stack = a[1],
	    .parent_tid = a[2],
	    .tls = a[3],
	    .child_tid = a[4],
	    .pidfd = a[2],
	    .fork_files = fs_fork,
	    .pidfd_make = pidfd_clone,
	    .pidfd_drop = pidfd_unclone,
	};

	/* Both want the same word. */
	if ((req.flags & CLONE_PIDFD) && (req.flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	req.flags &= ~(uint64_t)CLONE_WITHOUT_EFFECT;
	return proc_clone(&req);
}

/* Reads the number that the child is to have. => 0 or -errno. */
static int64_t set_tid_get(const struct linux_clone_args *args, int32_t *tid)
{
	int32_t tids[PID_NS_LEVELS];

	if (args->set_tid_size > PID_NS_LEVELS || !args->set_tid != !args->set_tid_size)
		return -EINVAL;
	if (arch_copy_from_user(tids, VADDR(args->set_tid), args->set_tid_size * sizeof tids[0]))
		return -EFAULT;
	*tid = tids[0];
	return 0;
}

int64_t sys_clone3(const uint64_t *a)
{
	struct linux_clone_args args = {0};
	struct clone_request req = {
	    .fork_files = fs_fork, .pidfd_make = pidfd_clone, .pidfd_drop = pidfd_unclone};
	uint64_t len = a[1];
	int32_t tid = 0;
	int64_t error;

	if (len > PAGE_SIZE)
		return -E2BIG;
	if (len < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (arch_copy_from_user(&args, VADDR(a[0]), len < sizeof args ? len : sizeof args) != 0)
		return -EFAULT;
	/* What this kernel does not know must be zero. */
	for (uint64_t at = sizeof args; at < len; at++) {
		uint8_t byte;

		if (arch_copy_from_user(&byte, VADDR(a[0] + at), 1) != 0)
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	error = set_tid_get(&args, &tid);
	if (error)
		return error;
	if (args.flags & ~(uint64_t)CLONE3_KNOWN || args.flags & CLONE_DETACHED ||
	    args.exit_signal > SIGMAX || (args.stack == 0) != (args.stack_size == 0) ||
	    args.stack + args.stack_size < args.stack ||
	    args.stack + args.stack_size > arch_user_end().v ||
	    ((args.flags & (CLONE_THREAD | CLONE_PARENT)) && args.exit_signal))
		return -EINVAL;
	if (args.flags & CLONE_INTO_CGROUP)
		return len < sizeof args || args.cgroup > INT32_MAX ? -EINVAL : -EBADF;
	if (args.set_tid_size) {
		if (args.set_tid_size > 1 || tid < 1 || tid >= PID_MAX)
			return -EINVAL;
		if (proc_current()->cred.euid != 0)
			return -EPERM;
		req.set_tid = &tid;
	}
	req.flags = args.flags & ~(uint64_t)CLONE_WITHOUT_EFFECT;
	req.exit_signal = (int)args.exit_signal;
	req.stack = args.stack ? args.stack + args.stack_size : 0;
	req.tls = args.tls;
	req.child_tid = args.child_tid;
	req.parent_tid = args.parent_tid;
	req.pidfd = args.pidfd;
	return proc_clone(&req);
}

#define ROBUST_LIST_HEAD_LEN 24

int64_t sys_unshare(const uint64_t *a)
{
	uint64_t flags = a[0];

	if (flags & ~(uint64_t)(CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VM | CLONE_THREAD |
				CLONE_SYSVSEM))
		return flags & (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID |
				CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWCGROUP)
			   ? -EPERM
			   : -EINVAL;
	if (flags & (CLONE_SIGHAND | CLONE_VM | CLONE_THREAD) && proc_current()->nthreads > 1)
		return -EINVAL;
	return fs_unshare(proc_current(), flags & CLONE_FILES, flags & CLONE_FS);
}

/* -- ending, and asking about it ----------------------------------------------------------- */

int64_t sys_exit(const uint64_t *a)
{
	thread_exit((int)(a[0] & 0xff) << 8);
}

int64_t sys_exit_group(const uint64_t *a)
{
	proc_exit((int)(a[0] & 0xff) << 8);
}

/* A child's use of the machine, as far as it is counted. */
static void rusage_of(struct linux_rusage *r, const struct wait_result *w)
{
	*r = (struct linux_rusage){0};
	r->utime.sec = (int64_t)(w->ran_ns / NS_PER_SECOND);
	r->utime.usec = (int64_t)(w->ran_ns % NS_PER_SECOND / 1000);
	r->minflt = (int64_t)w->minflt;
	r->majflt = (int64_t)w->majflt;
	r->maxrss = (int64_t)(w->maxrss * (PAGE_SIZE / 1024));
}

int64_t sys_wait4(const uint64_t *a)
{
	int32_t pid = (int32_t)a[0];
	struct wait_request req = {.options = (uint32_t)a[2]};
	struct wait_result w = {0};
	struct linux_rusage r;
	int64_t result;

	if (req.options & ~(WNOHANG | WUNTRACED | WCONTINUED | W_NOTHREAD | W_CLONE | W_ALL))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	req.options |= WEXITED;
	req.type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
	req.id = pid > 0 ? (uint32_t)pid : pid < -1 ? (uint32_t)-pid : 0;
	result = proc_wait(&req, &w);
	if (result <= 0)
		return result;
	if (a[1] && arch_copy_to_user(VADDR(a[1]), &w.status, sizeof w.status) != 0)
		return -EFAULT;
	if (!a[3])
		return result;
	rusage_of(&r, &w);
	return arch_copy_to_user(VADDR(a[3]), &r, sizeof r) != 0 ? -EFAULT : result;
}

/* For the child that descriptor `id` stands for. */
static int64_t wait_pidfd(struct wait_request *req, struct wait_result *w)
{
	struct file *f = sys_fd(req->id);
	bool nonblock = f && f->flags & PIDFD_NONBLOCK;
	int64_t result = -EBADF;

	req->ref = f ? pidfd_ref(f) : NULL;
	if (req->ref) {
		req->options |= nonblock ? WNOHANG : 0;
		result = proc_wait(req, w);
		if (result == 0 && nonblock)
			result = -EAGAIN;
	}
	if (f)
		file_put(f);
	return result;
}

int64_t sys_waitid(const uint64_t *a)
{
	struct wait_request req = {
	    .type = (int)a[0], .id = (uint32_t)a[1], .options = (uint32_t)a[3]};
	struct linux_siginfo info = {0};
	struct wait_result w = {0};
	struct linux_rusage r;
	int64_t result;

	if (req.options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | W_NOTHREAD |
			    W_CLONE | W_ALL) ||
	    !(req.options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if ((req.type != P_ALL && req.type != P_PID && req.type != P_PGID && req.type != P_PIDFD) ||
	    (req.type == P_PID && (int32_t)req.id <= 0) ||
	    (req.type != P_ALL && (int32_t)req.id < 0))
		return -EINVAL;
	result = req.type == P_PIDFD ? wait_pidfd(&req, &w) : proc_wait(&req, &w);
	if (result < 0)
		return result;
	if (result > 0) {
		int signo = w.status & 0x7f;

		info.signo = SIGCHLD;
		info.pid = (int32_t)w.pid;
		info.uid = w.uid;
		if (w.status == 0xffff) {
			info.code = CLD_CONTINUED;
			info.status = SIGCONT;
		} else if (signo == 0x7f) {
			info.code = CLD_STOPPED;
			info.status = w.status >> 8;
		} else if (signo) {
			info.code = w.status & 0x80 ? CLD_DUMPED : CLD_KILLED;
			info.status = signo;
		} else {
			info.code = CLD_EXITED;
			info.status = w.status >> 8;
		}
	}
	if (a[4]) {
		rusage_of(&r, &w);
		if (arch_copy_to_user(VADDR(a[4]), &r, sizeof r) != 0)
			return -EFAULT;
	}
	/* As Linux, writes these fields alone. */
	return a[2] && arch_copy_to_user(VADDR(a[2]), &info,
					 offsetof(struct linux_siginfo, unused)) != 0
		   ? -EFAULT
		   : 0;
}

/* -- numbers ------------------------------------------------------------------------------- */

int64_t sys_set_tid_address(const uint64_t *a)
{
	struct thread *t = thread_current();

	t->clear_child_tid = a[0];
	return t->tid;
}

int64_t sys_set_robust_list(const uint64_t *a)
{
	if (a[1] != ROBUST_LIST_HEAD_LEN)
		return -EINVAL;
	thread_current()->robust_list = a[0];
	return 0;
}

int64_t sys_getpid(const uint64_t *a)
{
	(void)a;
	return proc_current()->pid;
}

int64_t sys_getppid(const uint64_t *a)
{
	(void)a;
	return __atomic_load_n(&proc_current()->ppid, __ATOMIC_RELAXED);
}

int64_t sys_gettid(const uint64_t *a)
{
	(void)a;
	return thread_current()->tid;
}

int64_t sys_get_robust_list(const uint64_t *a)
{
	const uint64_t len = ROBUST_LIST_HEAD_LEN;
	struct thread *t = thread_current();
	uint64_t list = 0;
	int64_t error = 0;

	spin_lock(&proc_tree_lock);
	if ((int)a[0] != 0)
		t = thread_find_locked((uint32_t)a[0]);
	if (!t)
		error = -ESRCH;
	else if (t->proc->cred.uid != proc_current()->cred.uid && proc_current()->cred.euid != 0)
		error = -EPERM;
	else
		list = t->robust_list;
	spin_unlock(&proc_tree_lock);
	if (error)
		return error;
	return arch_copy_to_user(VADDR(a[2]), &len, sizeof len) != 0 ||
		       arch_copy_to_user(VADDR(a[1]), &list, sizeof list) != 0
		   ? -EFAULT
		   : 0;
}

int64_t sys_rseq(const uint64_t *a)
{
	return rseq_register(a[0], (uint32_t)a[1], (uint32_t)a[2], (uint32_t)a[3]);
}

int64_t sys_umask(const uint64_t *a)
{
	struct fs_context *fs = proc_current()->fs;

	return (int64_t)__atomic_exchange_n(&fs->umask, (uint32_t)a[0] & 0777, __ATOMIC_RELAXED);
}

/* -- groups and sessions ------------------------------------------------------------------- */

int64_t sys_setpgid(const uint64_t *a)
{
	struct proc *self = proc_current(), *p = self;
	int32_t pid = (int32_t)a[0], pgid = (int32_t)a[1];
	int64_t error = 0;

	if (pid == 0)
		pid = (int32_t)self->pid;
	if (pgid == 0)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	if ((uint32_t)pid != self->pid)
		p = proc_find_locked((uint32_t)pid);
	if (!p || (p != self && p->parent != self))
		error = -ESRCH;
	else if (p != self && p->sid != self->sid)
		error = -EPERM;
	else if (p != self && p->did_exec)
		error = -EACCES;
	else if (p->sid == p->pid)
		error = -EPERM;
	if (!error && (uint32_t)pgid != p->pid &&
	    !proc_group_exists_locked((uint32_t)pgid, self->sid))
		error = -EPERM;
	if (!error)
		p->pgid = (uint32_t)pgid;
	spin_unlock(&proc_tree_lock);
	return error;
}

/* => the group, or session, of a process; -ESRCH. */
static int64_t number_of(uint32_t pid, bool session)
{
	struct proc *p = proc_current();
	int64_t result;

	spin_lock(&proc_tree_lock);
	if (pid != 0) {
		struct thread *t = thread_find_locked(pid);

		p = t ? t->proc : NULL;
	}
	result = !p ? -ESRCH : (int64_t)(session ? p->sid : p->pgid);
	spin_unlock(&proc_tree_lock);
	return result;
}

int64_t sys_getpgid(const uint64_t *a)
{
	return number_of((uint32_t)a[0], false);
}

int64_t sys_getsid(const uint64_t *a)
{
	return number_of((uint32_t)a[0], true);
}

int64_t sys_setsid(const uint64_t *a)
{
	struct proc *p = proc_current();
	int64_t result = p->pid;
	bool taken = p->sid == p->pid;

	(void)a;
	spin_lock(&proc_tree_lock);
	list_for_each (it, &proc_all)
		taken |= container_of(it, struct proc, all)->pgid == p->pid;
	if (taken) {
		result = -EPERM;
	} else {
		p->sid = p->pgid = p->pid;
		p->tty = NULL;
	}
	spin_unlock(&proc_tree_lock);
	return result;
}
