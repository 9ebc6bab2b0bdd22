/*
 * System calls that change the tree: names, owners, modes, times.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/clock.h"

/*
 * Walks to a name that is to be created. => 0 with *out, whose inode is NULL and whose folder may
 * be written; or -errno (-EEXIST).
 */
static int walk_new(int dirfd, uint64_t user_path, bool for_dir, struct path *out)
{
	int error = sys_walk(dirfd, user_path, WALK_PARENT, out);

	if (error)
		return error;
	if (out->inode)
		error = -EEXIST;
	else if (out->wants_dir && !for_dir)
		error = -ENOENT;
	else if (out->dir->nlink == 0)
		error = -ENOENT;
	else
		error = inode_access(out->dir, &proc_current()->cred, W_OK | X_OK);
	if (error)
		path_put(out);
	return error;
}

/* Enters i, whose reference stays the caller's, under the new name. => 0, -EEXIST or -ENOMEM. */
static int add_name(const struct path *at, struct inode *i)
{
	tree_lock();
	int error =
	    dir_find(at->dir, at->name, at->len) ? -EEXIST : dir_add(at->dir, at->name, at->len, i);
	tree_unlock();
	return error;
}

int64_t sys_mkdirat(const uint64_t *a)
{
	struct proc *p = proc_current();
	struct path at;
	int error = walk_new((int)a[0], a[1], true, &at);

	if (error)
		return error;
	struct inode *i = inode_create(S_IFDIR | ((uint32_t)a[2] & 01777 & ~p->fs->umask), p->cred.euid,
				       p->cred.egid);
	error = i ? add_name(&at, i) : -ENOMEM;
	inode_put(i);
	path_put(&at);
	return error;
}

int64_t sys_symlinkat(const uint64_t *a)
{
	struct proc *p = proc_current();
	struct inode *i = NULL;
	struct path at;
	char *target;
	int error = sys_path_get(a[0], &target);

	if (error)
		return error;
	error = *target ? walk_new((int)a[1], a[2], false, &at) : -ENOENT;
	if (error) {
		kfree(target);
		return error;
	}
	i = inode_create(S_IFLNK | 0777, p->cred.euid, p->cred.egid);
	size_t len = strlen(target) + 1;
	if (i)
		i->target = kmalloc(len);
	if (i && i->target) {
		memcpy(i->target, target, len);
		error = add_name(&at, i);
	} else {
		error = -ENOMEM;
	}
	inode_put(i);
	path_put(&at);
	kfree(target);
	return error;
}

int64_t sys_linkat(const uint64_t *a)
{
	struct path from, to;
	int error;

	if ((uint32_t)a[4] & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = sys_walk((int)a[0], a[1], a[4] & AT_SYMLINK_FOLLOW ? WALK_FOLLOW : 0, &from);
	if (error)
		return error;
	error = walk_new((int)a[2], a[3], false, &to);
	if (!error) {
		error = inode_is_dir(from.inode) ? -EPERM : add_name(&to, from.inode);
		path_put(&to);
	}
	path_put(&from);
	return error;
}

/* In a sticky folder only the owner of the file or of the folder may remove a name. */
static int may_remove(const struct path *at)
{
	const struct cred *cred = &proc_current()->cred;

	if (inode_access(at->dir, cred, W_OK | X_OK) != 0)
		return -EACCES;
	if ((at->dir->mode & S_ISVTX) && cred->euid != 0 && cred->euid != at->inode->uid &&
	    cred->euid != at->dir->uid)
		return -EPERM;
	return 0;
}

/* Names that are no entries cannot be removed; Linux says so before it looks at permissions. */
static int check_last_name(const struct path *at, bool rmdir)
{
	bool is_root = at->name[0] == '/', is_dot = strcmp(at->name, ".") == 0;

	if (!is_root && !is_dot && strcmp(at->name, "..") != 0)
		return 0;
	if (!rmdir)
		return -EISDIR;
	return is_root ? -EBUSY : is_dot ? -EINVAL : -ENOTEMPTY;
}

/* Tree locked. => whether the folder may go: 0 or -errno. */
static int check_rmdir_locked(const struct path *at)
{
	if (!inode_is_dir(at->inode))
		return -ENOTDIR;
	return at->inode->first ? -ENOTEMPTY : 0;
}

int64_t sys_unlinkat(const uint64_t *a)
{
	struct path at;
	int error;

	if ((uint32_t)a[2] & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	error = sys_walk((int)a[0], a[1], 0, &at);
	if (error)
		return error;
	error = check_last_name(&at, (a[2] & AT_REMOVEDIR) != 0);
	if (!error)
		error = may_remove(&at);
	tree_lock();
	if (!error && (a[2] & AT_REMOVEDIR))
		error = check_rmdir_locked(&at);
	else if (!error && inode_is_dir(at.inode))
		error = -EISDIR;
	if (!error && dir_find(at.dir, at.name, at.len) != at.inode)
		error = -ENOENT;
	if (!error)
		dir_remove(at.dir, at.name, at.len);
	tree_unlock();
	path_put(&at);
	return error;
}

/* Tree locked. => whether `dir` is `i` or lies below it. */
static bool is_within_locked(const struct inode *dir, const struct inode *i)
{
	for (;; dir = dir->parent) {
		if (dir == i)
			return true;
		if (dir == dir->parent)
			return false;
	}
}

/* Tree locked. Replaces `to` by the file of `from`. => 0 or -errno; nothing changed then. */
static int rename_locked(const struct path *from, const struct path *to, uint32_t flags)
{
	struct inode *i = from->inode, *old = dir_find(to->dir, to->name, to->len);

	if (dir_find(from->dir, from->name, from->len) != i)
		return -ENOENT;
	if (old && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (old == i)
		return 0;
	if (inode_is_dir(i) && is_within_locked(to->dir, i))
		return -EINVAL;
	if (old && inode_is_dir(old) && !inode_is_dir(i))
		return -EISDIR;
	if (old && !inode_is_dir(old) && inode_is_dir(i))
		return -ENOTDIR;
	if (!old && to->wants_dir && !inode_is_dir(i))
		return -ENOTDIR;
	if (old && inode_is_dir(old) && old->first)
		return -ENOTEMPTY;

	/* The new name first: it alone can fail, and then nothing has changed yet. */
	if (old)
		inode_get(old);
	if (old)
		dir_remove(to->dir, to->name, to->len);
	int error = dir_add(to->dir, to->name, to->len, i);
	if (!error) {
		struct inode *parent = i->parent;

		dir_remove(from->dir, from->name, from->len);
		if (inode_is_dir(i)) {
			i->parent = parent;
			i->nlink = 2;
			for (struct dirent *e = i->first; e; e = e->next)
				i->nlink += inode_is_dir(e->inode);
		}
	}
	inode_put(old);
	return error;
}

int64_t sys_renameat2(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[4];
	struct path from, to;
	int error;

	if (flags & ~(uint32_t)RENAME_NOREPLACE)
		return -EINVAL;
	error = sys_walk((int)a[0], a[1], 0, &from);
	if (error)
		return error;
	error = sys_walk((int)a[2], a[3], WALK_PARENT, &to);
	if (error) {
		path_put(&from);
		return error;
	}
	bool is_special = from.name[0] == '/' || to.name[0] == '/' || strcmp(from.name, ".") == 0 ||
			  strcmp(from.name, "..") == 0 || strcmp(to.name, ".") == 0 ||
			  strcmp(to.name, "..") == 0;
	error = is_special ? -EBUSY : may_remove(&from);
	if (!error)
		error = inode_access(to.dir, &proc_current()->cred, W_OK | X_OK);
	if (!error && to.inode)
		error = may_remove(&to);
	if (!error && to.dir->nlink == 0)
		error = -ENOENT;
	tree_lock();
	if (!error)
		error = rename_locked(&from, &to, flags);
	tree_unlock();
	path_put(&to);
	path_put(&from);
	return error;
}

/* -- attributes ---------------------------------------------------------------------------- */

static bool is_owner(const struct inode *i)
{
	const struct cred *cred = &proc_current()->cred;

	return cred->euid == 0 || cred->euid == i->uid;
}

static int64_t change_mode(struct inode *i, uint32_t mode)
{
	if (!is_owner(i))
		return -EPERM;
	i->mode = (i->mode & S_IFMT) | (mode & 07777);
	i->ctime = clock_timespec(clock_realtime_ns());
	return 0;
}

int64_t sys_fchmod(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);

	if (!f)
		return -EBADF;
	int64_t error = change_mode(f->inode, (uint32_t)a[1]);
	file_put(f);
	return error;
}

int64_t sys_fchmodat(const uint64_t *a)
{
	struct path at;
	int64_t error = sys_walk((int)a[0], a[1], WALK_FOLLOW, &at);

	if (error)
		return error;
	error = change_mode(at.inode, (uint32_t)a[2]);
	path_put(&at);
	return error;
}

/* -1 leaves an owner as it is; only root gives files away. */
static int64_t change_owner(struct inode *i, uint32_t uid, uint32_t gid)
{
	const struct cred *cred = &proc_current()->cred;
	bool changes_uid = uid != (uint32_t)-1 && uid != i->uid;
	bool changes_gid = gid != (uint32_t)-1 && gid != i->gid;

	if (cred->euid != 0 && (changes_uid || (changes_gid && gid != cred->egid) ||
				((uid & gid) != (uint32_t)-1 && !is_owner(i))))
		return -EPERM;
	if (changes_uid)
		i->uid = uid;
	if (changes_gid)
		i->gid = gid;
	i->ctime = clock_timespec(clock_realtime_ns());
	return 0;
}

int64_t sys_fchown(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);

	if (!f)
		return -EBADF;
	int64_t error = change_owner(f->inode, (uint32_t)a[1], (uint32_t)a[2]);
	file_put(f);
	return error;
}

int64_t sys_fchownat(const uint64_t *a)
{
	struct path at;
	int64_t error =
	    sys_walk((int)a[0], a[1], a[4] & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW, &at);

	if (error)
		return error;
	error = change_owner(at.inode, (uint32_t)a[2], (uint32_t)a[3]);
	path_put(&at);
	return error;
}

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

static int64_t set_times(struct inode *i, uint64_t user)
{
	struct linux_timespec now = clock_timespec(clock_realtime_ns()), t[2] = {now, now};
	struct linux_timespec *field[2] = {&i->atime, &i->mtime};

	if (user && arch_copy_from_user(t, VADDR(user), sizeof t) != 0)
		return -EFAULT;
	for (int n = 0; n < 2; n++)
		if (t[n].nsec != UTIME_NOW && t[n].nsec != UTIME_OMIT &&
		    (uint64_t)t[n].nsec >= NS_PER_SECOND)
			return -EINVAL;
	if (!is_owner(i) && (user != 0 || inode_access(i, &proc_current()->cred, W_OK) != 0))
		return user ? -EPERM : -EACCES;
	for (int n = 0; n < 2; n++)
		if (t[n].nsec != UTIME_OMIT)
			*field[n] = t[n].nsec == UTIME_NOW ? now : t[n];
	i->ctime = now;
	return 0;
}

int64_t sys_utimensat(const uint64_t *a)
{
	struct path at;
	int64_t error;

	if (!a[1]) {
		struct file *f = sys_fd(a[0]);

		if (!f)
			return -EBADF;
		error = set_times(f->inode, a[2]);
		file_put(f);
		return error;
	}
	if ((uint32_t)a[3] & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = sys_walk((int)a[0], a[1], a[3] & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW, &at);
	if (error)
		return error;
	error = set_times(at.inode, a[2]);
	path_put(&at);
	return error;
}
