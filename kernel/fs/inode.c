/*
 * The file tree, in memory.
 *
 * An *inode* is a file: its type, owner, times, and contents. An *entry*
 * (struct dirent) is a name for one in a folder. Several entries may name the
 * same regular file; a folder has one name.
 *
 *     "/" inode 1 --first--> [ "bin" | inode 2 ] -> [ "etc" | inode 3 ] -> NULL
 *          ^                        |
 *          `------- parent ---------'
 *
 * Contents of a regular file are a memory object: read(), write() and mappings
 * all see its frames, there is no second copy.
 *
 * Invariants
 *   I1  an inode's refs = entries that name it + references handed out; at 0 it is freed
 *   I2  the parent of a folder holds an entry for it, until it is removed; then its nlink
 *       is 0 and nothing can be created in it
 *   I3  cookies grow along a folder's list, so that a reader of the folder can go on after
 *       any change to it
 *
 * Locks. One mutex guards names and links of the whole tree. It is taken before
 * any lock of mm/; user memory is not touched while it is held.
 */
#include "kernel/fs/inode.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/proc.h"

#define TREE_DEV  1   /* st_dev of everything here */
#define BLOCK_LEN 512 /* unit of st_blocks */

static struct mutex lock = MUTEX_INIT;
static struct inode *root;
static uint64_t last_ino;

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
	return root;
}

int tree_init(void)
{
	root = inode_create(S_IFDIR | 0755, 0, 0);
	if (!root)
		return -ENOMEM;
	root->parent = root;
	return 0;
}

struct inode *inode_create(uint32_t mode, uint32_t uid, uint32_t gid)
{
	struct inode *i = kzalloc(sizeof *i);

	if (!i)
		return NULL;
	if ((mode & S_IFMT) == S_IFREG) {
		i->data = mobj_create(MOBJ_FILE, 0);
		if (!i->data) {
			kfree(i);
			return NULL;
		}
	}
	i->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	i->refs = 1;
	i->mode = mode;
	i->nlink = inode_is_dir(i) ? 2 : 0;
	i->uid = uid;
	i->gid = gid;
	i->last = &i->first;
	i->atime = i->mtime = i->ctime = clock_timespec(clock_realtime_ns());
	return i;
}

void inode_get(struct inode *i)
{
	__atomic_fetch_add(&i->refs, 1, __ATOMIC_RELAXED);
}

void inode_put(struct inode *i)
{
	if (!i || __atomic_sub_fetch(&i->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (i->data)
		mobj_put(i->data);
	kfree(i->target);
	kfree(i);
}

int inode_access(const struct inode *i, const struct cred *cred, unsigned want)
{
	unsigned bits = i->mode;

	if (cred->euid == 0) {
		bool may_execute = inode_is_dir(i) || (i->mode & 0111);

		return (want & X_OK) && !may_execute ? -EACCES : 0;
	}
	if (cred->euid == i->uid)
		bits >>= 6;
	else if (cred->egid == i->gid)
		bits >>= 3;
	return (want & ~bits & 7) ? -EACCES : 0;
}

void inode_touch(struct inode *i)
{
	i->mtime = i->ctime = clock_timespec(clock_realtime_ns());
}

static int64_t inode_size(const struct inode *i)
{
	if (i->data)
		return (int64_t)i->data->size;
	return i->target ? (int64_t)strlen(i->target) : 0;
}

void inode_stat(const struct inode *i, struct linux_stat *st)
{
	*st = (struct linux_stat){.dev = TREE_DEV,
				  .ino = i->ino,
				  .mode = i->mode,
				  .nlink = i->nlink ? i->nlink : i->ops != NULL,
				  .uid = i->uid,
				  .gid = i->gid,
				  .rdev = i->rdev,
				  .size = inode_size(i),
				  .blksize = PAGE_SIZE,
				  .atime = i->atime,
				  .mtime = i->mtime,
				  .ctime = i->ctime};
	if (i->data)
		st->blocks = (int64_t)(i->data->nframes * (PAGE_SIZE / BLOCK_LEN));
}

struct inode *dir_find(const struct inode *dir, const char *name, size_t len)
{
	for (struct dirent *e = dir->first; e; e = e->next)
		if (e->len == len && memcmp(e->name, name, len) == 0)
			return e->inode;
	return NULL;
}

int dir_add(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	struct dirent *e = kmalloc(sizeof *e + len + 1);

	if (!e)
		return -ENOMEM;
	CHECK3(len - 1, <, NAME_MAX);
	e->next = NULL;
	e->inode = i;
	e->cookie = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	e->len = (uint8_t)len;
	memcpy(e->name, name, len);
	e->name[len] = 0;
	*dir->last = e;
	dir->last = &e->next;
	inode_get(i);
	if (inode_is_dir(i)) {
		i->parent = dir;
		dir->nlink++;
	} else {
		i->nlink++;
	}
	inode_touch(dir);
	return 0;
}

void dir_remove(struct inode *dir, const char *name, size_t len)
{
	for (struct dirent **link = &dir->first; *link; link = &(*link)->next) {
		struct dirent *e = *link;

		if (e->len != len || memcmp(e->name, name, len) != 0)
			continue;
		*link = e->next;
		if (dir->last == &e->next)
			dir->last = link;
		if (inode_is_dir(e->inode)) {
			e->inode->nlink = 0;
			dir->nlink--;
		} else {
			e->inode->nlink--;
		}
		inode_put(e->inode);
		kfree(e);
		inode_touch(dir);
		return;
	}
	panic("dir_remove: inode %lu has no entry %.*s", dir->ino, (int)len, name);
}

static const struct dirent *entry_of(const struct inode *dir, const struct inode *child)
{
	for (const struct dirent *e = dir->first; e; e = e->next)
		if (e->inode == child)
			return e;
	return NULL;
}

ssize_t tree_path(const struct inode *dir, char *buf, size_t size)
{
	size_t at = size; /* the path is built from its end */

	if (size < 2)
		return -ERANGE;
	buf[--at] = 0;
	for (const struct inode *i = dir; i != root; i = i->parent) {
		const struct dirent *e = entry_of(i->parent, i);

		if (!e)
			return -ENOENT;
		if (at < e->len + 1u)
			return -ERANGE;
		at -= e->len;
		memcpy(buf + at, e->name, e->len);
		buf[--at] = '/';
	}
	if (dir == root)
		buf[--at] = '/';
	memmove(buf, buf + at, size - at);
	return (ssize_t)(size - at);
}

struct inode *tree_make_dirs(const char *path)
{
	struct inode *dir = root;

	while (*path) {
		size_t len = 0;

		while (path[len] && path[len] != '/')
			len++;
		if (len > 0 && len <= NAME_MAX) {
			struct inode *child = dir_find(dir, path, len);

			if (!child) {
				child = inode_create(S_IFDIR | 0755, 0, 0);
				if (!child)
					return NULL;
				int error = dir_add(dir, path, len, child);
				inode_put(child);
				if (error)
					return NULL;
			}
			if (!inode_is_dir(child))
				return NULL;
			dir = child;
		}
		path += len + (path[len] == '/');
	}
	return dir;
}
