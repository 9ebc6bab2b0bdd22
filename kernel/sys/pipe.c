/*
 * System calls that make files without a name: pipe, eventfd.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/event.h"
#include "kernel/fs/pipe.h"

int sys_fd_install(struct file *f, uint32_t flags)
{
	struct proc *p = proc_current();
	int fd = fd_install(p->fds, f, 0, p->rlimits[RLIMIT_NOFILE].cur, (flags & O_CLOEXEC) != 0);

	if (fd < 0)
		file_put(f);
	return fd;
}

int64_t sys_pipe2(const uint64_t *a)
{
	struct fdtable *t = proc_current()->fds;
	uint32_t flags = (uint32_t)a[1];
	struct file *end[2];
	int fd[2];

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	int error = pipe_open(flags & ~(uint32_t)O_CLOEXEC, &end[0], &end[1]);
	if (error)
		return error;
	fd[0] = sys_fd_install(end[0], flags);
	if (fd[0] < 0) {
		file_put(end[1]);
		return fd[0];
	}
	fd[1] = sys_fd_install(end[1], flags);
	if (fd[1] < 0) {
		fd_close(t, fd[0]);
		return fd[1];
	}
	if (arch_copy_to_user(VADDR(a[0]), fd, sizeof fd) != 0) {
		fd_close(t, fd[0]);
		fd_close(t, fd[1]);
		return -EFAULT;
	}
	return 0;
}

#define EFD_SEMAPHORE 1

int64_t sys_eventfd2(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[1];

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	struct file *f =
	    event_open((uint32_t)a[0], (flags & EFD_SEMAPHORE) != 0, O_RDWR | (flags & O_NONBLOCK));
	return f ? sys_fd_install(f, flags) : -ENOMEM;
}
