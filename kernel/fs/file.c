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
 * Locks. inode.writing is held during a write, file.lock before it. file.lock guards the position
 * and is held during a transfer that uses it, so that two writers of one file do not interleave. It
 * comes before the locks of mm/.
 */
#include "kernel/fs/file.h"
#include "kernel/fs/lock.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/proc.h"
#include "abi/files.h"

static struct cache *file_cache;

int files_init(void)
{
	file_cache = cache_create("file", sizeof(struct file), 8);
	return file_cache ? 0 : -ENOMEM;
}

static struct file *file_alloc(uint32_t flags)
{
	struct file *f = cache_alloc(file_cache);

	if (!f)
		return NULL;
	memset(f, 0, sizeof *f);
	f->refs = 1;
	f->flags = flags & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
	mutex_init(&f->lock);
	return f;
}

/* Chooses ops and data. => 0 or -errno. */
static int file_bind(struct file *f, struct inode *i)
{
	if (f->flags & O_PATH) {
		f->ops = &path_ops;
		return 0;
	}
	if (i->ops)
		f->ops = i->ops;
	else if (inode_is_dir(i))
		f->ops = &dir_ops;
	else if (inode_is_regular(i))
		f->ops = &regular_ops;
	else if (inode_is_fifo(i))
		f->ops = &pipe_ops;
	else
		return -ENXIO;
	if (i->fs && i->fs->ops->open) {
		int error = i->fs->ops->open(i, f->flags, f);

		if (error)
			return error;
	}
	if (inode_is_regular(i) && !f->data) {
		f->data = i->data;
		mobj_get(f->data);
	}
	if (inode_is_regular(i) && file_may_write(f)) {
		int error = inode_write_get(i);

		if (error)
			return error;
		f->is_writer = true;
	}
	return 0;
}

int file_open(struct inode *i, uint32_t flags, struct file **out)
{
	struct file *f = file_alloc(flags);
	int error;

	if (!f)
		return -ENOMEM;
	error = file_bind(f, i);
	if (!error) {
		inode_get(i);
		f->inode = i;
		f->flags |= flags & O_NOCTTY; /* for open alone */
		if (f->ops->open)
			error = f->ops->open(f);
		f->flags &= ~(uint32_t)O_NOCTTY;
	}
	if (error) {
		if (f->data)
			mobj_put(f->data);
		inode_put(f->inode);
		cache_free(file_cache, f);
		return error;
	}
	*out = f;
	return 0;
}

struct file *file_create(uint32_t mode, uint32_t flags, const struct file_ops *ops, void *ctx)
{
	const struct cred *cred = &proc_current()->cred;
	struct inode *i = inode_create(NULL, mode, cred->euid, cred->egid);
	struct file *f = file_alloc(flags);

	if (!i || !f) {
		inode_put(i);
		if (f)
			cache_free(file_cache, f);
		return NULL;
	}
	i->ops = ops;
	i->ctx = ctx;
	f->inode = i;
	f->ops = ops;
	f->ctx = ctx;
	return f;
}

uint64_t file_count(void)
{
	struct cache_info info;

	for (unsigned n = 0; cache_info(n, &info); n++)
		if (info.name && strcmp(info.name, "file") == 0)
			return info.used;
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
	if (f->inode->locks)
		file_locks_drop(f->inode->locks, f);
	if (f->is_writer)
		inode_write_put(f->inode);
	if (f->ops->release)
		f->ops->release(f);
	if (f->data)
		mobj_put(f->data);
	inode_put(f->inode);
	inode_put(f->dir);
	kfree(f->last);
	cache_free(file_cache, f);
}

int file_set_name(struct file *f, struct inode *dir, const char *name, size_t len)
{
	memcpy(f->name, name, len < sizeof f->name ? len : sizeof f->name);
	f->last = kmalloc(len + 1);
	if (!f->last)
		return -ENOMEM;
	memcpy(f->last, name, len);
	f->last[len] = 0;
	inode_get(dir);
	f->dir = dir;
	return 0;
}

/* What has no path is shown by its kind and number. */
static ssize_t nameless_path(const struct file *f, char *buf, size_t size)
{
	const struct inode *i = f->inode;

	if (inode_is_fifo(i))
		return ksnprintf(buf, size, "pipe:[%lu]", i->ino);
	if (inode_is_regular(i) && i->data->label)
		return ksnprintf(buf, size, "%s", i->data->label);
	if (i->fs && inode_is_regular(i))
		return ksnprintf(buf, size, "/#%lu (deleted)", i->ino);
	return ksnprintf(buf, size, "anon_inode:[eventfd]");
}

ssize_t file_path(struct file *f, char *buf, size_t size)
{
	struct inode *now = NULL;
	ssize_t n;

	if (inode_is_dir(f->inode)) {
		n = tree_path(f->inode, buf, size);
		return n > 0 ? n - 1 : n;
	}
	if (!f->dir)
		return nameless_path(f, buf, size);
	n = tree_path(f->dir, buf, size);
	if (n < 0)
		return n;
	bool is_gone = f->dir->fs->ops->lookup(f->dir, f->last, strlen(f->last), &now) != 0 ||
		       (now != f->inode && f->dir->fs->ops == &tmpfs_ops);
	inode_put(now);
	if (n == 2)
		n = 1; /* here: the root, whose slash is there already */
	return n - 1 +
	       ksnprintf(buf + n - 1, size - (size_t)n + 1, "/%s%s", f->last,
			 is_gone ? " (deleted)" : "");
}

void file_label_data(struct file *f)
{
	char *path = f->data->label ? NULL : kmalloc(PATH_MAX), *label;
	ssize_t n;

	if (!path)
		return;
	tree_lock();
	n = file_path(f, path, PATH_MAX - 1);
	tree_unlock();
	label = n > 0 ? kmalloc((size_t)n + 1) : NULL;
	if (label) {
		memcpy(label, path, (size_t)n);
		label[n] = 0;
		spin_lock(&f->data->lock);
		char *old = f->data->label;
		if (!old)
			f->data->label = label;
		spin_unlock(&f->data->lock);
		if (old)
			kfree(label);
	}
	kfree(path);
}

/* One transfer at *pos, or at the file's position, under its lock. */
static ssize_t transfer(struct file *f, struct uio *u, uint64_t *pos,
			ssize_t (*op)(struct file *, struct uio *, uint64_t *))
{
	ssize_t n;

	if (pos)
		return *pos + u->left > INT64_MAX ? -EINVAL : op(f, u, pos);
	if (!f->ops->is_seekable)
		return op(f, u, &f->pos); /* here: nobody looks at the position */
	mutex_lock(&f->lock);
	n = op(f, u, &f->pos);
	mutex_unlock(&f->lock);
	return n;
}

ssize_t file_read(struct file *f, struct uio *u, uint64_t *pos)
{
	if (!file_may_read(f))
		return -EBADF;
	if (inode_is_dir(f->inode))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	struct thread *t = thread_current();
	ssize_t n = transfer(f, u, pos, f->ops->read);
	t->io.rchar += n > 0 ? (uint64_t)n : 0;
	t->io.syscr++;
	return n;
}

ssize_t file_write(struct file *f, struct uio *u, uint64_t *pos)
{
	if (!file_may_write(f))
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	struct thread *t = thread_current();
	ssize_t n = transfer(f, u, pos, f->ops->write);
	t->io.wchar += n > 0 ? (uint64_t)n : 0;
	t->io.syscw++;
	return n;
}

/*
 * SEEK_DATA, SEEK_HOLE: pages that have a frame are data, others are holes, and so is the end. Of a
 * file whose contents are elsewhere all is data. => the position, or -ENXIO.
 */
static int64_t seek_contents(struct file *f, int64_t offset, int whence)
{
	int64_t size = f->data ? (int64_t)f->data->size : 0;
	uint64_t page = (uint64_t)offset >> PAGE_SHIFT, next = page;

	if (offset < 0 || offset >= size)
		return -ENXIO;
	if (!f->inode->fs || f->inode->fs->ops != &tmpfs_ops)
		return whence == SEEK_DATA ? offset : size;
	spin_lock(&f->data->lock);
	if (whence == SEEK_DATA) {
		if (!mobj_next_locked(f->data, &next, UINT64_MAX))
			next = INT64_MAX >> PAGE_SHIFT;
	} else {
		while ((int64_t)(next << PAGE_SHIFT) < size && mobj_lookup_locked(f->data, next))
			next++;
	}
	spin_unlock(&f->data->lock);
	int64_t at = next == page ? offset : (int64_t)(next << PAGE_SHIFT);
	if (at >= size)
		return whence == SEEK_DATA ? -ENXIO : size;
	return at;
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
	case SEEK_HOLE: result = seek_contents(f, offset, whence); goto out;
	default: result = -EINVAL; goto out;
	}
	if (__builtin_add_overflow(base, offset, &result) || result < 0)
		result = -EINVAL;
out:
	if (result >= 0)
		f->pos = (uint64_t)result;
	mutex_unlock(&f->lock);
	return result;
}

unsigned file_poll(struct file *f, struct poll_wait *pw)
{
	if (f->flags & O_PATH)
		return POLLNVAL;
	if (f->ops->poll)
		return f->ops->poll(f, pw);
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
		if (moved < n) {
			total = total > 0 ? total : -EFAULT;
			break;
		}
	}
	if (!(f->flags & O_NOATIME))
		inode_accessed(f->inode);
	return total;
}

/* => whether a write may go to this page: files leave a sixteenth of RAM to the program. */
static bool has_room(struct mobj *o, uint64_t pos)
{
	struct frame_stats stats;

	frame_stats(&stats);
	if (stats.free <= stats.total / 16 && fsys_shrink())
		frame_stats(&stats);
	if (stats.free > stats.total / 16)
		return true;
	spin_lock(&o->lock);
	bool has_frame = mobj_lookup_locked(o, pos >> PAGE_SHIFT) != NULL;
	spin_unlock(&o->lock);
	return has_frame;
}

/* What Linux asks for at once when it writes to memory: as much as one superpage can hold. */
#define WRITE_SPAN (2UL << 20)

/* => whether a seal forbids to write n bytes at pos. */
static bool is_sealed(const struct file *f, uint64_t pos, uint64_t n)
{
	uint32_t seals = f->inode->seals;

	return seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE) ||
	       (seals & F_SEAL_GROW && pos + n > f->data->size);
}

/* inode.writing held. */
static ssize_t write_contents(struct file *f, struct uio *u, uint64_t *pos)
{
	struct mobj *o = f->data;
	uint64_t limit = proc_current()->rlimits[RLIMIT_FSIZE].cur;
	ssize_t total = 0;
	uint8_t *chunk;

	if (u->left == 0)
		return 0;
	if (file_appends(f, u))
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
		uint64_t ahead = WRITE_SPAN - (*pos & (WRITE_SPAN - 1));

		ahead = u->left < ahead ? u->left : ahead;

		size_t got = uio_take(u, chunk, n);

		/* As on Linux, bytes that cannot be had come before a file that cannot take them.
		 */
		if (got > 0 && is_sealed(f, *pos, ahead)) {
			if (total == 0)
				total = -EPERM;
			break;
		}
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
	if (total > 0) {
		inode_drop_setid(f->inode);
		inode_touch(f->inode);
	}
	return total;
}

static ssize_t regular_write(struct file *f, struct uio *u, uint64_t *pos)
{
	mutex_lock(&f->inode->writing);
	ssize_t n = write_contents(f, u, pos);
	mutex_unlock(&f->inode->writing);
	return n;
}

const struct file_ops regular_ops = {
    .read = regular_read, .write = regular_write, .is_seekable = true};

/* -- folders ------------------------------------------------------------------------------- */

const struct file_ops dir_ops = {.is_seekable = true};

/* A descriptor of a place: it can be stat'ed and walked from, and nothing else. */
const struct file_ops path_ops = {.is_seekable = false};

#define COOKIE_DOT      1
#define DIRENT_LEN(len) ROUND_UP(LINUX_DIRENT64_NAME + (len) + 1, 8)

bool dir_emit(struct dir_sink *s, const char *name, size_t len, uint64_t ino, uint32_t mode,
	      uint64_t cookie)
{
	size_t reclen = DIRENT_LEN(len);
	struct linux_dirent64 *d = (struct linux_dirent64 *)(s->buf + s->at);

	if (s->hide && dir_find(s->hide, name, len))
		return true;
	if (reclen > s->size - s->at)
		return false;
	memset(d, 0, reclen);
	d->ino = ino;
	d->off = (int64_t)(cookie + s->base);
	d->reclen = (uint16_t)reclen;
	d->type = (uint8_t)((mode & S_IFMT) >> 12);
	memcpy((char *)d + LINUX_DIRENT64_NAME, name, len);
	s->at += reclen;
	return true;
}

/* => whether there is an entry after pos. */
static bool dir_has_more(struct inode *dir, uint64_t pos)
{
	uint8_t buf[DIRENT_LEN(NAME_MAX)] __attribute__((aligned(8)));
	struct dir_sink s = {.buf = buf, .size = sizeof buf};

	return pos < COOKIE_DOTDOT || (dir->fs->ops->list(dir, &pos, &s) == 0 && s.at > 0);
}

/* Fills s with entries after *pos. => 0; -EINVAL: not even one has room. Tree locked. */
static int list_dir(struct inode *dir, uint64_t *pos, struct dir_sink *s)
{
	const struct inode *up = inode_above(dir);
	uint64_t before = *pos;
	int error = 0;

	if (dir->nlink == 0)
		return -ENOENT;
	if (*pos < COOKIE_DOT && dir_emit(s, ".", 1, dir->ino, S_IFDIR, COOKIE_DOT))
		*pos = COOKIE_DOT;
	if (*pos == COOKIE_DOT && dir_emit(s, "..", 2, up->ino, S_IFDIR, COOKIE_DOTDOT))
		*pos = COOKIE_DOTDOT;
	if (*pos >= COOKIE_DOTDOT)
		error = dir->fs->ops->list(dir, pos, s);
	if (error)
		return error;
	/* The shortest entry needs 24 bytes: a buffer smaller than that can never be served. */
	return s->at == 0 && *pos == before && s->size < DIRENT_LEN(NAME_MAX) &&
		       dir_has_more(dir, *pos)
		   ? -EINVAL
		   : 0;
}

ssize_t file_read_dir(struct file *f, vaddr_t to, size_t len)
{
	size_t size = len < PAGE_SIZE ? len : PAGE_SIZE;
	ssize_t n;

	if (!file_may_read(f))
		return -EBADF;
	if (!inode_is_dir(f->inode))
		return -ENOTDIR;
	uint8_t *buf = kmalloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	struct dir_sink sink = {.buf = buf, .size = size};
	mutex_lock(&f->lock);
	uint64_t pos = f->pos;
	tree_lock();
	n = list_dir(f->inode, &pos, &sink);
	tree_unlock();
	if (n == 0)
		n = (ssize_t)sink.at;
	if (n > 0 && arch_copy_to_user(to, buf, (size_t)n) != 0)
		n = -EFAULT;
	if (n >= 0)
		f->pos = pos;
	mutex_unlock(&f->lock);
	if (!(f->flags & O_NOATIME))
		inode_accessed(f->inode);
	kfree(buf);
	return n;
}
