/*
 * System calls on the length and the room of files: ftruncate, fallocate, advice.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/pipe.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/object/mobj.h"
#include "abi/files.h"

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

/* -- fallocate ----------------------------------------------------------------------------- */

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
	uint64_t size = f->data->size, pages;
	struct frame_stats stats;

	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > size &&
	    end > proc_current()->rlimits[RLIMIT_FSIZE].cur) {
		signal_send(thread_current(), SIGXFSZ, SI_KERNEL);
		return -EFBIG;
	}
	frame_stats(&stats);
	pages = (ROUND_UP(end, PAGE_SIZE) - ROUND_DOWN(offset, PAGE_SIZE)) >> PAGE_SHIFT;
	if (pages > stats.total)
		return -ENOSPC;
	if (end > size && f->inode->seals & F_SEAL_GROW)
		return -EPERM;
	if (mode & FALLOC_FL_KEEP_SIZE) {
		/* An object has no frames beyond its size: what lies there is allocated when it is
		 * written. */
		end = end < size ? end : size;
		return offset < end ? fill_holes(f->data, offset, end) : 0;
	}
	if (end > size) {
		int64_t error = sys_truncate_inode(f->inode, end);

		if (error)
			return error;
	}
	return fill_holes(f->data, offset, end);
}

/* Zeroes [from, to) of one page, if it is there. */
static void clear_part(struct mobj *o, uint64_t from, uint64_t to)
{
	spin_lock(&o->lock);
	struct frame *fr = mobj_lookup_locked(o, from >> PAGE_SHIFT);
	if (fr)
		memset((uint8_t *)frame_kva(fr) + (from & PAGE_MASK), 0, to - from);
	spin_unlock(&o->lock);
}

/* Frees whole pages of the range, and zeroes what else it touches. */
static void punch(struct file *f, uint64_t offset, uint64_t end)
{
	struct mobj *o = f->data;
	uint64_t first = ROUND_UP(offset, PAGE_SIZE), last = ROUND_DOWN(end, PAGE_SIZE);

	if (first > last) {
		clear_part(o, offset, end); /* here: all within one page */
	} else {
		if (offset < first)
			clear_part(o, offset, first);
		if (end > last)
			clear_part(o, last, end);
		if (first < last)
			sys_discard_pages(o, first >> PAGE_SHIFT, last >> PAGE_SHIFT);
	}
	inode_touch(f->inode);
}

static bool is_known_mode(uint64_t mode)
{
	return mode == 0 || mode == FALLOC_FL_KEEP_SIZE ||
	       mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
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
	else if (!is_known_mode(mode))
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
	else if ((mode & FALLOC_FL_PUNCH_HOLE) &&
		 (f->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		result = -EPERM;
	else if (mode & FALLOC_FL_PUNCH_HOLE)
		punch(f, (uint64_t)offset, (uint64_t)end);
	else
		result = allocate(f, mode, (uint64_t)offset, (uint64_t)end);
	file_put(f);
	return result;
}

/* -- advice, which changes nothing here ---------------------------------------------------- */

int64_t sys_fadvise64(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t result = !f || (f->flags & O_PATH)                 ? -EBADF
			 : file_is_pipe(f)                         ? -ESPIPE
			 : (int64_t)a[2] < 0 || (uint32_t)a[3] > 5 ? -EINVAL
								   : 0;

	if (f)
		file_put(f);
	return result;
}

int64_t sys_readahead(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t result = !f || !file_may_read(f) ? -EBADF : !f->data ? -EINVAL : 0;

	if (f)
		file_put(f);
	return result;
}
