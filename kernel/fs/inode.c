/*
 * The file tree.
 *
 * An *inode* is a file: its type, owner, times, and contents. Folders give inodes
 * names. A *file system* (struct fsys) is a tree of inodes of one kind, and is
 * mounted on a folder of another one, which it covers:
 *
 *     tmpfs  "/" --+-- "bin"                  proc  "/" --+-- "self"
 *                  `-- "proc" --mounted--------------^    `-- "1"
 *                         ^--------------------covered
 *
 * A walk that comes to a covered folder goes on in what covers it; ".." of the
 * root of a file system is ".." of what it covers. Mounts are made at boot and
 * stay. One file system may be put *under* the root instead: it shows through
 * where the tmpfs above has no entry of the name, so that mounts find their places
 * in a tree that nobody may change (tmpfs.c).
 *
 * How names lead to inodes is the file system's own business (fsys_ops): tmpfs has
 * them in memory, 9P asks a server, proc makes them up from processes. Contents of
 * a regular file are a memory object: read(), write() and mappings all see its
 * frames, there is no second copy.
 *
 * Invariants
 *   I1  an inode's refs = entries that name it + folders whose parent it is +
 *       references handed out; at 0 it is freed
 *   I2  a folder that has been removed has nlink 0 and no entry, and nothing can be
 *       created in it; its parent stays valid as long as itself
 *   I3  mounted and covered of a pair point at each other; so do under and upper
 *
 * Locks. One mutex guards names and links of the whole tree. It is taken before
 * any lock of mm/; user memory is not touched while it is held.
 */
#include "kernel/fs/context.h"
#include "kernel/fs/file.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/lock.h"
#include "kernel/fs/xattr.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/proc.h"
#include "abi/files.h"

#define BLOCK_LEN       512 /* unit of st_blocks */
#define DIRENT_BYTES    20  /* what a name counts in the size of a tmpfs's folder, as on Linux */
#define SECONDS_PER_DAY 86400

static struct mutex lock = MUTEX_INIT;
static struct fsys *first_fs, **last_fs = &first_fs;
static uint64_t last_ino, last_dev;
static struct cache *inode_cache;

void tree_lock(void)
{
	mutex_lock(&lock);
}

void tree_unlock(void)
{
	mutex_unlock(&lock);
}

struct inode *tree_root(void)
{
	return inode_over(first_fs->root);
}

uint64_t fsys_next_dev(void)
{
	return __atomic_add_fetch(&last_dev, 1, __ATOMIC_RELAXED);
}

struct fsys *fsys_first(void)
{
	return first_fs;
}

bool fsys_shrink(void)
{
	bool any = false;

	for (struct fsys *fs = first_fs; fs; fs = fs->next)
		if (fs->ops->shrink)
			any |= fs->ops->shrink(fs);
	return any;
}

void fsys_sync_all(void)
{
	for (struct fsys *fs = first_fs; fs; fs = fs->next)
		if (fs->ops->sync_all)
			fs->ops->sync_all(fs);
}

int fsys_mount(struct fsys *fs, struct inode *on)
{
	if (on) {
		on = inode_over(on);
		if (!inode_is_dir(on))
			return -ENOTDIR;
		inode_get(on);
		on->mounted = fs;
	}
	fs->covered = on;
	fs->root->parent = fs->root;
	*last_fs = fs;
	last_fs = &fs->next;
	return 0;
}

void fsys_put_under(struct fsys *fs)
{
	struct inode *root = first_fs->root;

	inode_get(root);
	fs->covered = root;
	fs->root->parent = fs->root;
	fs->root->upper = root;
	inode_get(fs->root);
	root->under = fs->root;
	*last_fs = fs;
	last_fs = &fs->next;
}

int tree_init(void)
{
	struct fsys *fs, *tmp;

	inode_cache = cache_create("inode", sizeof(struct inode), 8);
	fs = inode_cache ? tmpfs_create("rootfs", "rootfs", "rw", 0755) : NULL;
	if (!fs || fsys_mount(fs, NULL) != 0)
		return -ENOMEM;
	tmp = tmpfs_create("tmpfs", "tmpfs", "rw,nosuid,nodev", 01777);
	struct inode *on = tree_make_dirs("/tmp");
	return tmp && on ? fsys_mount(tmp, on) : -ENOMEM;
}

struct inode *inode_over(struct inode *dir)
{
	while (dir->mounted || dir->upper)
		dir = dir->mounted ? dir->mounted->root : dir->upper;
	return dir;
}

struct inode *inode_above(struct inode *dir)
{
	while (dir->fs && dir == dir->fs->root && dir->fs->covered)
		dir = dir->fs->covered;
	return inode_over(dir->parent);
}

struct inode *inode_create(struct fsys *fs, uint32_t mode, uint32_t uid, uint32_t gid)
{
	struct inode *i = cache_alloc(inode_cache);

	if (!i)
		return NULL;
	memset(i, 0, sizeof *i);
	if ((mode & S_IFMT) == S_IFREG) {
		i->data = mobj_create(MOBJ_FILE, 0);
		if (!i->data) {
			cache_free(inode_cache, i);
			return NULL;
		}
	}
	i->fs = fs;
	i->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	i->refs = 1;
	i->mode = mode;
	i->seals = F_SEAL_SEAL;
	if (i->data) {
		i->data->ino = i->ino;
		i->data->dev = fs ? fs->dev : PIPE_DEV;
	}
	i->nlink = inode_is_dir(i) ? 2 : 0;
	i->uid = uid;
	i->gid = gid;
	i->last = &i->first;
	mutex_init(&i->writing);
	i->atime = i->mtime = i->ctime = i->btime = clock_timespec(clock_realtime_ns());
	return i;
}

void inode_put(struct inode *i)
{
	while (i && __atomic_sub_fetch(&i->refs, 1, __ATOMIC_ACQ_REL) == 0) {
		struct inode *parent = i->parent != i ? i->parent : NULL;

		if (i->fs && i->fs->ops->free)
			i->fs->ops->free(i);
		if (i->data)
			mobj_put(i->data);
		if (i->under) {
			i->under->upper = NULL;
			inode_put(i->under);
		}
		file_locks_free(i->locks);
		xattrs_free(i);
		kfree(i->buckets);
		kfree(i->target);
		cache_free(inode_cache, i);
		i = parent; /* here: a folder that is gone lets go of the one above */
	}
}

/* Tells the lens a text, in as many events as it needs. */
void fs_trace_text(unsigned event, bool made, const char *text)
{
	size_t len = strlen(text) + 1;
	uint32_t pid = proc_current()->pid;

	for (size_t at = 0; at < len; at += 4 * sizeof(uint64_t)) {
		uint64_t w[4] = {0};

		memcpy(w, text + at, len - at < sizeof w ? len - at : sizeof w);
		if (event == TRACE_FILE_MISSING)
			TRACE(TRACE_FILE_MISSING, pid, made, w[0], w[1], w[2], w[3]);
		else
			TRACE(TRACE_FILE_REFUSED, pid, made, w[0], w[1], w[2], w[3]);
	}
}

int inode_access(const struct inode *i, const struct cred *cred, unsigned want)
{
	int error = inode_permits(i, cred, want);

	if (error == -EROFS)
		fs_trace_text(TRACE_FILE_REFUSED, false, i->fs->source);
	return error;
}

int inode_permits(const struct inode *i, const struct cred *cred, unsigned want)
{
	unsigned bits = i->mode;

	if ((want & W_OK) && i->fs && i->fs->read_only &&
	    (inode_is_regular(i) || inode_is_dir(i) || inode_is_link(i)))
		return -EROFS;
	if (cred->euid == 0) {
		bool may_execute = inode_is_dir(i) || (i->mode & 0111);

		return (want & X_OK) && !may_execute ? -EACCES : 0;
	}
	if (cred->euid == i->uid)
		bits >>= 6;
	else if (cred_has_group(cred, i->gid))
		bits >>= 3;
	return (want & ~bits & 7) ? -EACCES : 0;
}

int inode_write_get(struct inode *i)
{
	int32_t n = __atomic_load_n(&i->writers, __ATOMIC_RELAXED);

	do {
		if (n < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->writers, &n, n + 1, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return 0;
}

void inode_write_put(struct inode *i)
{
	int32_t before = __atomic_fetch_sub(&i->writers, 1, __ATOMIC_RELAXED);

	CHECK(before > 0);
}

int inode_run_get(struct inode *i)
{
	int32_t n = __atomic_load_n(&i->writers, __ATOMIC_RELAXED);

	do {
		if (n > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&i->writers, &n, n - 1, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	inode_get(i);
	return 0;
}

void inode_run_put(struct inode *i)
{
	if (!i)
		return;
	int32_t before = __atomic_fetch_add(&i->writers, 1, __ATOMIC_RELAXED);

	CHECK(before < 0);
	inode_put(i);
}

void inode_drop_setid(struct inode *i)
{
	uint32_t drop = S_ISUID | (i->mode & 010 ? S_ISGID : 0);

	if ((i->mode & drop) && inode_is_regular(i) && proc_current()->cred.euid != 0)
		i->mode &= ~drop;
}

static bool is_later(struct linux_timespec a, struct linux_timespec b)
{
	return a.sec > b.sec || (a.sec == b.sec && a.nsec > b.nsec);
}

void inode_accessed(struct inode *i)
{
	/* Only tmpfs has a time of its own for this; 9P has one time for all. */
	if (!i->fs || i->fs->ops != &tmpfs_ops)
		return;
	if (is_later(i->atime, i->mtime) && is_later(i->atime, i->ctime)) {
		uint64_t now = clock_realtime_ns();

		if ((int64_t)(now / NS_PER_SECOND) - i->atime.sec < SECONDS_PER_DAY)
			return;
	}
	i->atime = clock_timespec(clock_realtime_ns());
}

void inode_touch(struct inode *i)
{
	i->mtime = i->ctime = clock_timespec(clock_realtime_ns());
}

void inode_touch_ctime(struct inode *i)
{
	i->ctime = clock_timespec(clock_realtime_ns());
}

int inode_prepare(struct inode *i, bool write)
{
	if (!inode_is_regular(i))
		return -EACCES;
	return i->fs && i->fs->ops->prepare ? i->fs->ops->prepare(i, write) : 0;
}

int inode_sync(struct inode *i)
{
	return i->fs && i->fs->ops->sync ? i->fs->ops->sync(i) : 0;
}

static int64_t inode_size(const struct inode *i)
{
	if (i->data)
		return (int64_t)i->data->size;
	if (inode_is_dir(i) && i->fs && i->fs->ops->prepare)
		return PAGE_SIZE;
	if (inode_is_dir(i) && i->fs && i->fs->ops == &tmpfs_ops)
		return (2 + (int64_t)i->nentries) * DIRENT_BYTES;
	return i->target ? (int64_t)strlen(i->target) : 0;
}

int inode_stat(struct inode *i, struct linux_stat *st)
{
	int error = i->fs && i->fs->ops->refresh ? i->fs->ops->refresh(i) : 0;

	if (error)
		return error;
	*st = (struct linux_stat){.dev = i->fs ? i->fs->dev : PIPE_DEV,
				  .ino = i->ino,
				  .mode = i->mode,
				  .nlink = i->nlink || i->fs ? i->nlink : 1,
				  .uid = i->uid,
				  .gid = i->gid,
				  .rdev = i->rdev,
				  .size = inode_size(i),
				  .blksize = PAGE_SIZE,
				  .atime = i->atime,
				  .mtime = i->mtime,
				  .ctime = i->ctime};
	if (i->data && i->fs && i->fs->ops->prepare)
		st->blocks = (st->size + BLOCK_LEN - 1) / BLOCK_LEN;
	else if (i->data)
		st->blocks = (int64_t)(mobj_nframes(i->data) * (PAGE_SIZE / BLOCK_LEN));
	return 0;
}

ssize_t tree_path(struct inode *dir, char *buf, size_t size)
{
	static const char unreachable[] = "(unreachable)";
	size_t at = size; /* the path is built from its end */
	struct inode *i = dir, *root = fs_root(), *top = tree_root();

	inode_put(root); /* the process holds it */
	if (size < 2)
		return -ERANGE;
	buf[--at] = 0;
	while (i != root && i != top) {
		while (i == i->fs->root && i->fs->covered)
			i = i->fs->covered;
		const struct dirent *e = i->entry;

		if (i == root || i == top)
			break;
		if (!e)
			return -ENOENT;
		if (at < e->len + 1u)
			return -ERANGE;
		at -= e->len;
		memcpy(buf + at, e->name, e->len);
		buf[--at] = '/';
		i = inode_over(i->parent);
	}
	if (at == size - 1)
		buf[--at] = '/';
	if (i != root) { /* here: it lies outside the process's root */
		if (at < sizeof unreachable - 1)
			return -ERANGE;
		at -= sizeof unreachable - 1;
		memcpy(buf + at, unreachable, sizeof unreachable - 1);
	}
	memmove(buf, buf + at, size - at);
	return (ssize_t)(size - at);
}
