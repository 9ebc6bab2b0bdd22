/*
 * Open files.
 *
 * An open file is an inode with a position and a mode. What it can do is a table
 * of functions (struct file_ops), chosen when it is opened: by the inode's type,
 * or by the inode itself when it is a device.
 *
 *     fd 3 --> struct file (pos 512, O_RDONLY) --> struct inode --> struct mobj
 *     fd 4 --'                      data -----------------------------^
 *
 * Reads and writes of regular files move bytes straight between the frames of
 * the memory object and user memory. The frame is pinned for the time of the
 * copy, because the copy may fault and wait, and no lock may be held there.
 *
 * Locks. file.lock guards the position and is held during a transfer that uses
 * it, so that two writers of one file do not interleave. It comes before the
 * locks of mm/.
 */
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/proc.h"

/* Of a symbolic link, which only O_PATH can open: it takes part in nothing but names. */
static const struct file_ops path_ops = {.is_seekable = true};

int file_open(struct inode *i, uint32_t flags, struct file **out)
{
	struct file *f = kzalloc(sizeof *f);

	if (!f)
		return -ENOMEM;
	f->refs = 1;
	f->flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	f->inode = i;
	mutex_init(&f->lock);
	if (i->ops) {
		f->ops = i->ops;
	} else if (inode_is_dir(i)) {
		f->ops = &dir_ops;
	} else if (inode_is_regular(i)) {
		f->ops = &regular_ops;
		f->data = i->data;
		if (i->make_data) {
			f->data = i->make_data();
			if (!f->data) {
				kfree(f);
				return -ENOMEM;
			}
		} else {
			mobj_get(f->data);
		}
	} else if (flags & O_PATH) {
		f->ops = &path_ops;
	} else {
		kfree(f);
		return -ENXIO;
	}
	inode_get(i);
	*out = f;
	return 0;
}

void file_get(struct file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

void file_put(struct file *f)
{
	if (__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (f->data)
		mobj_put(f->data);
	inode_put(f->inode);
	kfree(f);
}

static bool may_read(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY && !(f->flags & O_PATH);
}

static bool may_write(const struct file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY && !(f->flags & O_PATH);
}

/* One transfer at *pos, or at the file's position, under its lock. */
static ssize_t transfer(struct file *f, struct uio *u, uint64_t *pos,
			ssize_t (*op)(struct file *, struct uio *, uint64_t *))
{
	ssize_t n;

	if (pos)
		return op(f, u, pos);
	mutex_lock(&f->lock);
	n = op(f, u, &f->pos);
	mutex_unlock(&f->lock);
	return n;
}

ssize_t file_read(struct file *f, struct uio *u, uint64_t *pos)
{
	if (!may_read(f))
		return -EBADF;
	if (inode_is_dir(f->inode))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	return transfer(f, u, pos, f->ops->read);
}

ssize_t file_write(struct file *f, struct uio *u, uint64_t *pos)
{
	if (!may_write(f))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	return transfer(f, u, pos, f->ops->write);
}

int64_t file_seek(struct file *f, int64_t offset, int whence)
{
	int64_t base, size = f->data ? (int64_t)f->data->size : 0, result;

	if (f->flags & O_PATH)
		return -EBADF;
	if (!f->ops->is_seekable)
		return -ESPIPE;
	mutex_lock(&f->lock);
	switch (whence) {
	case SEEK_SET: base = 0; break;
	case SEEK_CUR: base = (int64_t)f->pos; break;
	case SEEK_END: base = size; break;
	case SEEK_DATA:
	case SEEK_HOLE:
		/* A file counts as data throughout, with one hole at its end. */
		result = offset < 0 || offset >= size ? -ENXIO
			 : whence == SEEK_DATA        ? offset
						      : size;
		goto out;
	default: result = -EINVAL; goto out;
	}
	if (__builtin_add_overflow(base, offset, &result))
		result = -EOVERFLOW;
	else if (result < 0)
		result = -EINVAL;
out:
	if (result >= 0)
		f->pos = (uint64_t)result;
	mutex_unlock(&f->lock);
	return result;
}

unsigned file_poll(struct file *f)
{
	if (f->ops->poll)
		return f->ops->poll(f);
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

/* -- regular files ------------------------------------------------------------------------- */

/* => the frame of a page, pinned; NULL: a hole. */
static struct frame *pin_frame(struct mobj *o, uint64_t index)
{
	struct frame *fr;

	spin_lock(&o->lock);
	fr = mobj_lookup_locked(o, index);
	if (fr) {
		frame_get(fr);
		TRACE(TRACE_FRAME_PIN, frame_pfn(fr).v, 1, 0, 0, 0, 0);
	}
	spin_unlock(&o->lock);
	return fr;
}

static void unpin_frame(struct frame *fr)
{
	TRACE(TRACE_FRAME_PIN, frame_pfn(fr).v, -1, 0, 0, 0, 0);
	frame_put(fr);
}

static ssize_t regular_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct mobj *o = f->data;
	ssize_t total = 0;

	while (u->left > 0 && *pos < o->size) {
		uint64_t offset = *pos & PAGE_MASK, n = PAGE_SIZE - offset;
		struct frame *fr = pin_frame(o, *pos >> PAGE_SHIFT);
		size_t moved;

		if (n > o->size - *pos)
			n = o->size - *pos;
		if (n > u->left)
			n = u->left;
		if (fr) {
			moved = uio_put(u, (uint8_t *)frame_kva(fr) + offset, n);
			unpin_frame(fr);
		} else {
			moved = uio_put_zeroes(u, n);
		}
		*pos += moved;
		total += (ssize_t)moved;
		if (moved < n)
			return total > 0 ? total : -EFAULT;
	}
	return total;
}

/* => whether a write may go to this page: files leave a sixteenth of RAM to the program. */
static bool has_room(struct mobj *o, uint64_t pos)
{
	struct frame_stats stats;

	frame_stats(&stats);
	if (stats.free > stats.total / 16)
		return true;
	spin_lock(&o->lock);
	bool has_frame = mobj_lookup_locked(o, pos >> PAGE_SHIFT) != NULL;
	spin_unlock(&o->lock);
	return has_frame;
}

static ssize_t regular_write(struct file *f, struct uio *u, uint64_t *pos)
{
	struct mobj *o = f->data;
	uint64_t limit = proc_current()->rlimits[RLIMIT_FSIZE].cur;
	ssize_t total = 0;
	uint8_t *chunk;

	if (u->left == 0)
		return 0;
	if (f->flags & O_APPEND)
		*pos = o->size;
	if (*pos >= INT64_MAX - u->left)
		return -EFBIG;
	if (*pos >= limit) {
		signal_send(thread_current(), SIGXFSZ, SI_KERNEL);
		return -EFBIG;
	}
	chunk = kmalloc(PAGE_SIZE);
	if (!chunk)
		return -ENOMEM;
	while (u->left > 0 && *pos < limit) {
		uint64_t n = PAGE_SIZE - (*pos & PAGE_MASK);

		if (n > u->left)
			n = u->left;
		if (n > limit - *pos)
			n = limit - *pos;
		size_t got = uio_take(u, chunk, n);
		size_t moved = got > 0 && has_room(o, *pos) ? mobj_write(o, *pos, chunk, got) : 0;
		*pos += moved;
		total += (ssize_t)moved;
		if (moved < n) {
			if (total == 0)
				total = got < n ? -EFAULT : -ENOSPC;
			break;
		}
	}
	kfree(chunk);
	if (total > 0)
		inode_touch(f->inode);
	return total;
}

const struct file_ops regular_ops = {
    .read = regular_read, .write = regular_write, .is_seekable = true};

/* -- folders ------------------------------------------------------------------------------- */

const struct file_ops dir_ops = {.is_seekable = true};

#define COOKIE_DOT      1 /* entries begin above: cookies of names are inode-sized numbers */
#define COOKIE_DOTDOT   2
#define DIRENT_LEN(len) ROUND_UP(LINUX_DIRENT64_NAME + (len) + 1, 8)

static uint8_t dirent_type(const struct inode *i)
{
	return (uint8_t)((i->mode & S_IFMT) >> 12);
}

/* Appends an entry to buf. => false: no room. */
static bool put_dirent(uint8_t *buf, size_t size, size_t *at, const char *name, size_t len,
		       const struct inode *i, uint64_t cookie)
{
	size_t reclen = DIRENT_LEN(len);
	struct linux_dirent64 *d = (struct linux_dirent64 *)(buf + *at);

	if (reclen > size - *at)
		return false;
	memset(d, 0, reclen);
	d->ino = i->ino;
	d->off = (int64_t)cookie;
	d->reclen = (uint16_t)reclen;
	d->type = dirent_type(i);
	memcpy((char *)d + LINUX_DIRENT64_NAME, name, len);
	*at += reclen;
	return true;
}

/* Fills buf with entries after *pos. => bytes, or -EINVAL if not even one has room. Tree locked. */
static ssize_t fill_dirents(const struct inode *dir, uint64_t *pos, uint8_t *buf, size_t size)
{
	size_t at = 0;
	bool full = false;

	if (dir->nlink == 0)
		return -ENOENT;
	if (*pos < COOKIE_DOT) {
		full = !put_dirent(buf, size, &at, ".", 1, dir, COOKIE_DOT);
		if (!full)
			*pos = COOKIE_DOT;
	}
	if (!full && *pos < COOKIE_DOTDOT) {
		full = !put_dirent(buf, size, &at, "..", 2, dir->parent, COOKIE_DOTDOT);
		if (!full)
			*pos = COOKIE_DOTDOT;
	}
	for (const struct dirent *e = dir->first; e && !full; e = e->next) {
		if (e->cookie + COOKIE_DOTDOT <= *pos)
			continue;
		full = !put_dirent(buf, size, &at, e->name, e->len, e->inode,
				   e->cookie + COOKIE_DOTDOT);
		if (!full)
			*pos = e->cookie + COOKIE_DOTDOT;
	}
	return full && at == 0 ? -EINVAL : (ssize_t)at;
}

ssize_t file_read_dir(struct file *f, vaddr_t to, size_t len)
{
	size_t size = len < PAGE_SIZE ? len : PAGE_SIZE;
	ssize_t n;

	if (!may_read(f))
		return -EBADF;
	if (!inode_is_dir(f->inode))
		return -ENOTDIR;
	uint8_t *buf = kmalloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	mutex_lock(&f->lock);
	uint64_t pos = f->pos;
	tree_lock();
	n = fill_dirents(f->inode, &pos, buf, size);
	tree_unlock();
	if (n > 0 && arch_copy_to_user(to, buf, (size_t)n) != 0)
		n = -EFAULT;
	if (n >= 0)
		f->pos = pos;
	mutex_unlock(&f->lock);
	kfree(buf);
	return n;
}
