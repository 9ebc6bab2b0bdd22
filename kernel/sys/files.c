/*
 * System calls on file descriptors.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/clock.h"
#include "abi/files.h"

/* -- reading and writing ------------------------------------------------------------------- */

typedef ssize_t transfer_fn(struct file *f, struct uio *u, uint64_t *pos);

static bool is_user_range(uint64_t base, uint64_t len)
{
	uint64_t end = arch_user_end().v;

	return base <= end && len <= end - base;
}

static int64_t transfer(uint64_t fd, uint64_t buf, uint64_t len, uint64_t *pos, transfer_fn *fn)
{
	struct linux_iovec iov;
	struct uio u;
	struct file *f = sys_fd(fd);
	int64_t n;

	if (!f)
		return -EBADF;
	if (pos && !f->ops->is_seekable) {
		n = -ESPIPE;
	} else if (fn == file_read ? !file_may_read(f) : !file_may_write(f)) {
		n = -EBADF;
	} else if (!is_user_range(buf, len)) {
		n = -EFAULT;
	} else {
		uio_init(&u, &iov, VADDR(buf), len < MAX_RW_COUNT ? len : MAX_RW_COUNT);
		n = fn(f, &u, pos);
	}
	file_put(f);
	return n;
}

int64_t sys_read(const uint64_t *a)
{
	return transfer(a[0], a[1], a[2], NULL, file_read);
}

int64_t sys_write(const uint64_t *a)
{
	return transfer(a[0], a[1], a[2], NULL, file_write);
}

int64_t sys_pread64(const uint64_t *a)
{
	uint64_t pos = a[3];

	return (int64_t)pos < 0 ? -EINVAL : transfer(a[0], a[1], a[2], &pos, file_read);
}

int64_t sys_pwrite64(const uint64_t *a)
{
	uint64_t pos = a[3];

	return (int64_t)pos < 0 ? -EINVAL : transfer(a[0], a[1], a[2], &pos, file_write);
}

int sys_iov_get(uint64_t user, uint64_t count, struct linux_iovec **out, uint64_t *total)
{
	struct linux_iovec *iov;

	if (count > IOV_MAX)
		return -EINVAL;
	iov = kmalloc((count ? count : 1) * sizeof *iov);
	if (!iov)
		return -ENOMEM;
	int error = arch_copy_from_user(iov, VADDR(user), count * sizeof *iov) ? -EFAULT : 0;
	*total = 0;
	for (uint64_t n = 0; n < count && !error; n++) {
		if ((int64_t)iov[n].len < 0)
			error = -EINVAL;
		else if (!is_user_range(iov[n].base, iov[n].len))
			error = -EFAULT;
		else if (iov[n].len > MAX_RW_COUNT - *total)
			iov[n].len = MAX_RW_COUNT - *total;
		if (!error)
			*total += iov[n].len;
	}
	if (error) {
		kfree(iov);
		return error;
	}
	*out = iov;
	return 0;
}

static int64_t transfer_vector(uint64_t fd, uint64_t user_iov, uint64_t count, uint64_t *pos,
			       transfer_fn *fn)
{
	struct file *f = sys_fd(fd);
	struct linux_iovec *iov;
	uint64_t total;
	int64_t n;

	if (!f)
		return -EBADF;
	if (pos && !f->ops->is_seekable) {
		file_put(f);
		return -ESPIPE;
	}
	n = sys_iov_get(user_iov, count, &iov, &total);
	if (n == 0) {
		struct uio u = {.iov = iov, .niov = (unsigned)count, .left = total};

		n = fn(f, &u, pos);
		kfree(iov);
	}
	file_put(f);
	return n;
}

int64_t sys_readv(const uint64_t *a)
{
	return transfer_vector(a[0], a[1], a[2], NULL, file_read);
}

int64_t sys_writev(const uint64_t *a)
{
	return transfer_vector(a[0], a[1], a[2], NULL, file_write);
}

int64_t sys_preadv(const uint64_t *a)
{
	uint64_t pos = a[3];

	return (int64_t)pos < 0 ? -EINVAL : transfer_vector(a[0], a[1], a[2], &pos, file_read);
}

int64_t sys_pwritev(const uint64_t *a)
{
	uint64_t pos = a[3];

	return (int64_t)pos < 0 ? -EINVAL : transfer_vector(a[0], a[1], a[2], &pos, file_write);
}

/*
 * The flags of preadv2 and pwritev2 ask for speed, or for durability that memory always has, but
 * for these two: to write at the end, or not to, whatever O_APPEND says.
 */
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND | RWF_NOAPPEND)

int64_t sys_preadv2(const uint64_t *a)
{
	if (a[5] & ~(uint64_t)(RWF_KNOWN & ~(RWF_APPEND | RWF_NOAPPEND)))
		return -EOPNOTSUPP;
	return (int64_t)a[3] == -1 ? sys_readv(a) : sys_preadv(a);
}

static ssize_t write_at_end(struct file *f, struct uio *u, uint64_t *pos)
{
	u->at_end = true;
	return file_write(f, u, pos);
}

static ssize_t write_in_place(struct file *f, struct uio *u, uint64_t *pos)
{
	u->not_at_end = true;
	return file_write(f, u, pos);
}

int64_t sys_pwritev2(const uint64_t *a)
{
	transfer_fn *fn = a[5] & RWF_APPEND     ? write_at_end
			  : a[5] & RWF_NOAPPEND ? write_in_place
						: file_write;
	uint64_t pos = a[3];

	if (a[5] & ~(uint64_t)RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((a[5] & RWF_APPEND) && (a[5] & RWF_NOAPPEND))
		return -EINVAL;
	if ((int64_t)pos == -1)
		return transfer_vector(a[0], a[1], a[2], NULL, fn);
	return (int64_t)pos < 0 ? -EINVAL : transfer_vector(a[0], a[1], a[2], &pos, fn);
}

int64_t sys_lseek(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t pos;

	if (!f)
		return -EBADF;
	pos = f->flags & O_PATH ? -EBADF
	      : (int)a[2] < SEEK_SET || (int)a[2] > SEEK_HOLE
		  ? -EINVAL
		  : file_seek(f, (int64_t)a[1], (int)a[2]);
	file_put(f);
	return pos;
}

/* -- descriptors --------------------------------------------------------------------------- */

uint64_t sys_fd_limit(void)
{
	return proc_current()->rlimits[RLIMIT_NOFILE].cur;
}

int64_t sys_close(const uint64_t *a)
{
	return fd_close(proc_current()->fds, (int)a[0]);
}

#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4

int64_t sys_close_range(const uint64_t *a)
{
	uint32_t first = (uint32_t)a[0], last = (uint32_t)a[1], flags = (uint32_t)a[2];

	if ((flags & ~(uint32_t)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) && fs_unshare(proc_current(), true, false) != 0)
		return -ENOMEM;
	struct fdtable *t = proc_current()->fds;
	uint32_t end = (uint32_t)fdtable_end(t);
	for (uint32_t fd = first; fd < end && fd <= last; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC)
			fd_set_flags(t, (int)fd, true);
		else
			fd_close(t, (int)fd);
	}
	return 0;
}

int64_t sys_dup(const uint64_t *a)
{
	return sys_fd_duplicate(a[0], 0, false);
}

int64_t sys_dup3(const uint64_t *a)
{
	struct proc *p = proc_current();

	if (((uint32_t)a[2] & ~(uint32_t)O_CLOEXEC) || (int)a[0] == (int)a[1])
		return -EINVAL;
	if ((int)a[1] < 0 || a[1] >= sys_fd_limit())
		return -EBADF;
	struct file *f = sys_fd(a[0]);
	if (!f)
		return -EBADF;
	int n = fd_replace(p->fds, (int)a[1], f, sys_fd_limit(), (a[2] & O_CLOEXEC) != 0);
	file_put(f);
	return n;
}

static int64_t bytes_waiting(struct file *f, uint64_t user)
{
	uint64_t size = f->data ? f->data->size : 0;
	int32_t n = size > f->pos ? (int32_t)(size - f->pos) : 0;

	if (file_is_pipe(f))
		n = (int32_t)pipe_level(f);
	else if (!f->data)
		return -ENOTTY;
	return arch_copy_to_user(VADDR(user), &n, sizeof n) != 0 ? -EFAULT : 0;
}

int64_t sys_ioctl(const uint64_t *a)
{
	struct fdtable *t = proc_current()->fds;
	struct file *f = sys_fd(a[0]);
	int64_t result;
	int32_t on;

	if (!f)
		return -EBADF;
	if (f->flags & O_PATH) {
		file_put(f);
		return -EBADF;
	}
	switch ((uint32_t)a[1]) {
	case FIOCLEX: result = fd_set_flags(t, (int)a[0], true); break;
	case FIONCLEX: result = fd_set_flags(t, (int)a[0], false); break;
	case FIONBIO:
		result = arch_copy_from_user(&on, VADDR(a[2]), sizeof on) != 0 ? -EFAULT : 0;
		if (!result)
			f->flags = on ? f->flags | O_NONBLOCK : f->flags & ~(uint32_t)O_NONBLOCK;
		break;
	case FIONREAD:
		if (!f->ops->ioctl) {
			result = bytes_waiting(f, a[2]);
			break;
		}
		/* fall through */
	default: result = f->ops->ioctl ? f->ops->ioctl(f, (uint32_t)a[1], a[2]) : -ENOTTY;
	}
	file_put(f);
	return result;
}

int64_t sys_fsync(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t result = !f || (f->flags & O_PATH)           ? -EBADF
			 : f->data || inode_is_dir(f->inode) ? inode_sync(f->inode)
							     : -EINVAL;

	if (f)
		file_put(f);
	return result;
}

int64_t sys_sync_file_range(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t offset = (int64_t)a[1], len = (int64_t)a[2], end, result = 0;

	if (!f || (f->flags & O_PATH))
		result = -EBADF;
	else if ((a[3] & ~7ull) || offset < 0 || len < 0 ||
		 __builtin_add_overflow(offset, len, &end))
		result = -EINVAL;
	else if (!f->data && !inode_is_dir(f->inode) && !inode_is_link(f->inode))
		result = -ESPIPE;
	else
		result = inode_sync(f->inode);
	if (f)
		file_put(f);
	return result;
}

int64_t sys_sync(const uint64_t *a)
{
	(void)a;
	fsys_sync_all();
	return 0;
}

int64_t sys_syncfs(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	struct fsys *fs;
	int64_t result = f && !(f->flags & O_PATH) ? 0 : -EBADF;

	fs = f ? f->inode->fs : NULL;
	if (result == 0 && fs && fs->ops->sync_all)
		result = fs->ops->sync_all(fs);
	if (f)
		file_put(f);
	return result;
}
