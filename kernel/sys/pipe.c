/*
 * System calls that make files without a name: pipe, eventfd, memfd.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/event.h"
#include "kernel/fs/pipe.h"

static int install(struct file *f, uint32_t flags)
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
	fd[0] = install(end[0], flags);
	if (fd[0] < 0) {
		file_put(end[1]);
		return fd[0];
	}
	fd[1] = install(end[1], flags);
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
	return f ? install(f, flags) : -ENOMEM;
}

#define MFD_CLOEXEC       1
#define MFD_ALLOW_SEALING 2
#define MFD_NOEXEC_SEAL   8
#define MFD_EXEC          16
#define MFD_NAME_MAX      249

/* A file that nothing names, in the first file system. */
int64_t sys_memfd_create(const uint64_t *a)
{
	const struct cred *cred = &proc_current()->cred;
	char name[MFD_NAME_MAX + 1];
	struct inode *i;
	struct file *f;

	if ((uint32_t)a[1] &
	    ~(uint32_t)(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL;
	ssize_t len = arch_strncpy_from_user(name, VADDR(a[0]), sizeof name);
	if (len < 0)
		return len == -ENAMETOOLONG ? -EINVAL : len;
	i = inode_create(tree_root()->fs, S_IFREG | 0777, cred->euid, cred->egid);
	if (!i)
		return -ENOMEM;
	int error = file_open(i, O_RDWR | O_LARGEFILE, &f);
	inode_put(i);
	return error ? error : install(f, a[1] & MFD_CLOEXEC ? O_CLOEXEC : 0);
}
