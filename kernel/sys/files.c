/*
 * System calls on file descriptors.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/clock.h"

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

/* Copies a list of buffers and sums it up. => 0 with iov to be kfree'd; -EINVAL, -EFAULT, -ENOMEM.
 */
static int iov_get(uint64_t user, uint64_t count, struct linux_iovec **out, uint64_t *total)
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
	n = iov_get(user_iov, count, &iov, &total);
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

/* The flags of preadv2 ask for speed or durability that memory always has. */
int64_t sys_preadv2(const uint64_t *a)
{
	if (a[5] != 0)
		return -EOPNOTSUPP;
	return (int64_t)a[3] == -1 ? sys_readv(a) : sys_preadv(a);
}

int64_t sys_pwritev2(const uint64_t *a)
{
	if (a[5] != 0)
		return -EOPNOTSUPP;
	return (int64_t)a[3] == -1 ? sys_writev(a) : sys_pwritev(a);
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

/*
 * Moves bytes from one file to another through a chunk of kernel memory. Bytes that were read but
 * could not be written are given back by moving the input position.
 */
static int64_t copy_between(struct file *in, struct file *out, uint64_t *pos, uint64_t *to,
			    uint64_t count)
{
	uint8_t *chunk = kmalloc(PAGE_SIZE);
	int64_t total = 0, error = 0;

	if (!chunk)
		return -ENOMEM;
	while ((uint64_t)total < count && !error) {
		uint64_t want = count - (uint64_t)total;
		struct linux_iovec iov;
		struct uio u;

		uio_init_kernel(&u, &iov, chunk, want < PAGE_SIZE ? want : PAGE_SIZE);
		ssize_t got = file_read(in, &u, pos);
		if (got <= 0) {
			error = got;
			break;
		}
		uio_init_kernel(&u, &iov, chunk, (uint64_t)got);
		ssize_t put = file_write(out, &u, to);
		if (put < 0) {
			error = put;
			put = 0;
		}
		total += put;
		if (put < got) {
			if (pos)
				*pos -= (uint64_t)(got - put);
			else if (in->ops->is_seekable)
				file_seek(in, put - got, SEEK_CUR);
			break;
		}
	}
	kfree(chunk);
	return total > 0 ? total : error;
}

int64_t sys_sendfile(const uint64_t *a)
{
	struct file *out = sys_fd(a[0]), *in = sys_fd(a[1]);
	uint64_t pos, count = a[3] < MAX_RW_COUNT ? a[3] : MAX_RW_COUNT;
	int64_t n;

	if (!in || !out)
		n = -EBADF;
	else if (a[2] && arch_copy_from_user(&pos, VADDR(a[2]), sizeof pos) != 0)
		n = -EFAULT;
	else if (a[2] && !in->ops->is_seekable)
		n = -ESPIPE;
	else if (!in->data || (a[2] && (int64_t)pos < 0) || (out->flags & O_APPEND))
		n = -EINVAL;
	else
		n = copy_between(in, out, a[2] ? &pos : NULL, NULL, count);
	if (n >= 0 && a[2] && arch_copy_to_user(VADDR(a[2]), &pos, sizeof pos) != 0)
		n = -EFAULT;
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return n;
}

/* -- descriptors --------------------------------------------------------------------------- */

static uint64_t fd_limit(void)
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

static int64_t duplicate(uint64_t fd, int min, bool cloexec)
{
	struct proc *p = proc_current();
	struct file *f = sys_fd(fd);

	if (!f)
		return -EBADF;
	int n = fd_install(p->fds, f, min, fd_limit(), cloexec);
	if (n < 0)
		file_put(f);
	return n;
}

int64_t sys_dup(const uint64_t *a)
{
	return duplicate(a[0], 0, false);
}

int64_t sys_dup3(const uint64_t *a)
{
	struct proc *p = proc_current();

	if (((uint32_t)a[2] & ~(uint32_t)O_CLOEXEC) || (int)a[0] == (int)a[1])
		return -EINVAL;
	if ((int)a[1] < 0 || a[1] >= fd_limit())
		return -EBADF;
	struct file *f = sys_fd(a[0]);
	if (!f)
		return -EBADF;
	int n = fd_replace(p->fds, (int)a[1], f, fd_limit(), (a[2] & O_CLOEXEC) != 0);
	file_put(f);
	return n;
}

#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

int64_t sys_fcntl(const uint64_t *a)
{
	struct fdtable *t = proc_current()->fds;
	struct file *f = sys_fd(a[0]);
	int64_t result = 0;

	if (!f)
		return -EBADF;
	if ((f->flags & O_PATH) && (int)a[1] != F_DUPFD && (int)a[1] != F_DUPFD_CLOEXEC &&
	    (int)a[1] != F_GETFD && (int)a[1] != F_SETFD && (int)a[1] != F_GETFL) {
		file_put(f);
		return -EBADF;
	}
	switch ((int)a[1]) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result = (int)a[2] < 0 || a[2] >= fd_limit()
			     ? -EINVAL
			     : duplicate(a[0], (int)a[2], (int)a[1] == F_DUPFD_CLOEXEC);
		break;
	case F_GETFD: result = fd_flags(t, (int)a[0]); break;
	case F_SETFD: result = fd_set_flags(t, (int)a[0], (a[2] & FD_CLOEXEC) != 0); break;
	case F_GETFL: result = f->flags; break;
	case F_SETFL:
		f->flags = (f->flags & ~(uint32_t)SETTABLE_FLAGS) | (a[2] & SETTABLE_FLAGS);
		break;
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW: result = sys_record_lock(f, t, (int)a[1], a[2]); break;
	case F_GETPIPE_SZ: result = file_is_pipe(f) ? (int64_t)pipe_capacity(f) : -EBADF; break;
	case F_SETPIPE_SZ:
		result = file_is_pipe(f) ? pipe_resize(f, (uint32_t)a[2]) : -EBADF;
		break;
	case F_SETOWN:
	case F_SETSIG: break; /* no file here sends SIGIO */
	case F_GETOWN:
	case F_GETSIG: result = 0; break;
	default: result = -EINVAL;
	}
	file_put(f);
	return result;
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
			 : f->data || inode_is_dir(f->inode) ? 0
							     : -EINVAL;

	if (f)
		file_put(f);
	return result;
}

int64_t sys_sync(const uint64_t *a)
{
	(void)a;
	return 0;
}

int64_t sys_ftruncate(const uint64_t *a)
{
	struct file *f;
	int64_t result = 0;

	if ((int64_t)a[1] < 0)
		return -EINVAL;
	f = sys_fd(a[0]);
	if (!f)
		return -EBADF;
	if (f->flags & O_PATH) {
		result = -EBADF;
	} else if (!f->data || (f->flags & O_ACCMODE) == O_RDONLY) {
		result = -EINVAL;
	} else {
		result = sys_truncate_inode(f->inode, a[1]);
	}
	file_put(f);
	return result;
}

#define FALLOC_FL_KEEP_SIZE 1

/* Gives every page of the range that has none a frame. => 0 or -ENOSPC. */
static int64_t fill_holes(struct mobj *o, uint64_t offset, uint64_t end)
{
	for (uint64_t n = offset >> PAGE_SHIFT; n < ROUND_UP(end, PAGE_SIZE) >> PAGE_SHIFT; n++) {
		struct frame *f = frame_alloc(0, TF_FILE, FRAME_ZEROED);
		int error;

		if (!f)
			return -ENOSPC;
		spin_lock(&o->lock);
		error = mobj_lookup_locked(o, n) ? -EEXIST : mobj_insert_locked(o, n, f);
		spin_unlock(&o->lock);
		if (error)
			frame_put(f);
		if (error == -ENOMEM)
			return -ENOSPC;
	}
	return 0;
}

/* Later writes to the range cannot fail for want of memory. */
static int64_t allocate(struct file *f, uint64_t mode, uint64_t offset, uint64_t end)
{
	uint64_t size = f->data->size;

	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > size) {
		if (end > proc_current()->rlimits[RLIMIT_FSIZE].cur) {
			signal_send(thread_current(), SIGXFSZ, SI_KERNEL);
			return -EFBIG;
		}
		int64_t error = sys_truncate_inode(f->inode, end);
		if (error)
			return error;
	}
	return fill_holes(f->data, offset, end < f->data->size ? end : f->data->size);
}

int64_t sys_fallocate(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t offset = (int64_t)a[2], len = (int64_t)a[3], end, result = 0;
	uint64_t mode = (uint32_t)a[1];

	if (!f)
		return -EBADF;
	if (offset < 0 || len <= 0)
		result = -EINVAL;
	else if (mode & ~(uint64_t)FALLOC_FL_KEEP_SIZE)
		result = -EOPNOTSUPP;
	else if (!file_may_write(f))
		result = -EBADF;
	else if (file_is_pipe(f))
		result = -ESPIPE;
	else if (inode_is_dir(f->inode))
		result = -EISDIR;
	else if (!f->data)
		result = -ENODEV;
	else if (f->inode->fs->ops != &tmpfs_ops)
		result = -EOPNOTSUPP;
	else if (__builtin_add_overflow(offset, len, &end))
		result = -EFBIG;
	else
		result = allocate(f, mode, (uint64_t)offset, (uint64_t)end);
	file_put(f);
	return result;
}

/* -- copying in the kernel ------------------------------------------------------------------ */

static int copy_check(const struct file *in, const struct file *out)
{
	if (!file_may_read(in) || !file_may_write(out) || (out->flags & O_APPEND))
		return -EBADF;
	if (inode_is_dir(in->inode) || inode_is_dir(out->inode))
		return -EISDIR;
	return in->data && out->data ? 0 : -EINVAL;
}

int64_t sys_copy_file_range(const uint64_t *a)
{
	struct file *in = sys_fd(a[0]), *out = sys_fd(a[2]);
	uint64_t from = 0, to = 0, len = a[4] < MAX_RW_COUNT ? a[4] : MAX_RW_COUNT;
	int64_t n = 0;

	if (!in || !out)
		n = -EBADF;
	else if ((uint32_t)a[5] != 0)
		n = -EINVAL;
	if (n == 0 && a[1] && arch_copy_from_user(&from, VADDR(a[1]), sizeof from) != 0)
		n = -EFAULT;
	if (n == 0 && a[3] && arch_copy_from_user(&to, VADDR(a[3]), sizeof to) != 0)
		n = -EFAULT;
	if (n == 0)
		n = copy_check(in, out);
	if (n == 0) {
		from = a[1] ? from : in->pos;
		to = a[3] ? to : out->pos;
		if ((int64_t)from < 0 || (int64_t)to < 0)
			n = -EINVAL;
		else if (in->inode == out->inode && from < to + len && to < from + len)
			n = -EINVAL;
	}
	if (n == 0) {
		n = copy_between(in, out, &from, &to, len);
		if (n >= 0 && !a[1])
			in->pos = from;
		if (n >= 0 && !a[3])
			out->pos = to;
		if (n >= 0 && a[1] && arch_copy_to_user(VADDR(a[1]), &from, sizeof from) != 0)
			n = -EFAULT;
		if (n >= 0 && a[3] && arch_copy_to_user(VADDR(a[3]), &to, sizeof to) != 0)
			n = -EFAULT;
	}
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return n;
}

int64_t sys_fadvise64(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t result = !f ? -EBADF : !f->ops->is_seekable ? -ESPIPE : (int)a[3] > 5 ? -EINVAL : 0;

	if (f)
		file_put(f);
	return result;
}
