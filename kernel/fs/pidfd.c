/*
 * pidfds: files that stand for a process or a thread.
 *
 * Such a file can be waited for with poll (its end makes it readable, its reaping
 * hangs it up) and names the process to other calls; it cannot be read or
 * written. It holds a reference (kernel/proc/pidref.h), so it never comes to mean
 * another process that was given the same number.
 */
#include "kernel/fs/pidfd.h"
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/proc/pidref.h"
#include "kernel/proc/proc.h"

static unsigned pidfd_poll(struct file *f, struct poll_wait *pw)
{
	struct pidref *r = f->ctx;
	bool gone;

	poll_wait_add(pw, &r->wait);
	if (!pidref_has_ended(r, f->flags & PIDFD_THREAD, &gone))
		return 0;
	return gone ? POLLIN | POLLRDNORM | POLLHUP : POLLIN | POLLRDNORM;
}

static void pidfd_release(struct file *f)
{
	pidref_put(f->ctx);
}

static const struct file_ops pidfd_ops = {.poll = pidfd_poll, .release = pidfd_release};

int pidfd_install(struct pidref *r, uint32_t flags)
{
	struct proc *p = proc_current();
	struct file *f = file_create(0600, O_RDWR | flags, &pidfd_ops, r);
	int fd;

	if (!f) {
		pidref_put(r);
		return -ENOMEM;
	}
	fd = fd_install(p->fds, f, 0, p->rlimits[RLIMIT_NOFILE].cur, true);
	if (fd < 0)
		file_put(f);
	return fd;
}

struct pidref *pidfd_ref(const struct file *f)
{
	return f->ops == &pidfd_ops ? f->ctx : NULL;
}

int pidfd_clone(struct thread *t, bool is_thread, uint64_t user)
{
	struct pidref *r;
	int32_t fd;

	spin_lock(&proc_tree_lock);
	r = pidref_of_locked(t);
	spin_unlock(&proc_tree_lock);
	if (!r)
		return -ENOMEM;
	fd = pidfd_install(r, is_thread ? PIDFD_THREAD : 0);
	if (fd >= 0 && arch_copy_to_user(VADDR(user), &fd, sizeof fd) != 0) {
		fd_close(proc_current()->fds, fd);
		return -EFAULT;
	}
	return fd;
}

void pidfd_unclone(int fd)
{
	fd_close(proc_current()->fds, fd);
}
