/*
 * System calls on pidfds: making one, and taking a file of another process.
 */
#include "kernel/fs/pidfd.h"
#include "kernel/proc/pidref.h"
#include "kernel/sys/sys.h"

int64_t sys_pidfd_open(const uint64_t *a)
{
	int32_t pid = (int32_t)a[0];
	uint32_t flags = (uint32_t)a[1];
	struct pidref *r = NULL;
	struct thread *t;
	int64_t error = 0;

	if (flags & ~(uint32_t)(PIDFD_NONBLOCK | PIDFD_THREAD) || pid <= 0)
		return -EINVAL;
	spin_lock(&proc_tree_lock);
	t = thread_find_locked((uint32_t)pid);
	if (!t)
		error = -ESRCH;
	else if (!t->is_leader && !(flags & PIDFD_THREAD))
		error = -EINVAL;
	else
		r = pidref_of_locked(t);
	spin_unlock(&proc_tree_lock);
	if (error || !r)
		return error ? error : -ENOMEM;
	return pidfd_install(r, flags);
}

/* => the file that `number` is in the process of r, with a reference; 0 or -errno. */
static int64_t file_of(struct pidref *r, int number, struct file **out)
{
	struct fdtable *fds = NULL;
	struct proc *p;
	int64_t error = 0;

	spin_lock(&proc_tree_lock);
	p = r->thread ? r->thread->proc : NULL;
	if (!p)
		error = -ESRCH;
	else if (!sys_may_look(p))
		error = -EPERM;
	else {
		spin_lock(&p->lock);
		fds = p->fds;
		if (fds)
			fdtable_get(fds);
		else
			error = -ESRCH; /* it has ended */
		spin_unlock(&p->lock);
	}
	spin_unlock(&proc_tree_lock);
	if (error)
		return error;
	*out = fd_get(fds, number);
	fdtable_put(fds);
	return *out ? 0 : -EBADF;
}

int64_t sys_pidfd_getfd(const uint64_t *a)
{
	struct proc *self = proc_current();
	struct file *f, *taken = NULL;
	int64_t result;

	if ((uint32_t)a[2])
		return -EINVAL;
	f = sys_fd(a[0]);
	if (!f)
		return -EBADF;
	result = pidfd_ref(f) ? file_of(pidfd_ref(f), (int)a[1], &taken) : -EBADF;
	file_put(f);
	if (result)
		return result;
	result = fd_install(self->fds, taken, 0, self->rlimits[RLIMIT_NOFILE].cur, true);
	if (result < 0)
		file_put(taken);
	return result;
}
