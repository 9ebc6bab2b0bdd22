/*
 * System calls that change the tree: names, owners, modes, times.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/clock.h"
#include "abi/files.h"

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

/* Creates what the plan says under a new name. Gives `at` back. => 0 or -errno. */
static int create_at(struct path *at, const struct inode_plan *plan)
{
	const struct fsys_ops *ops = at->dir->fs->ops;
	struct inode *i = NULL;
	int error;

	tree_lock();
	error = at->dir->nlink == 0 ? -ENOENT : ops->lookup(at->dir, at->name, at->len, &i);
	if (!error)
		error = -EEXIST;
	else if (error == -ENOENT && at->dir->nlink != 0)
		error = ops->create ? ops->create(at->dir, at->name, at->len, plan, &i) : -EPERM;
	tree_unlock();
	inode_put(i);
	path_put(at);
	return error;
}

static struct inode_plan plan_of(uint32_t mode)
{
	const struct proc *p = proc_current();

	return (struct inode_plan){
	    .mode = mode & ~p->fs->umask, .uid = p->cred.euid, .gid = p->cred.egid};
}

int64_t sys_mkdirat(const uint64_t *a)
{
	struct inode_plan plan = plan_of(S_IFDIR | ((uint32_t)a[2] & 01777));
	struct path at;
	int error = walk_new((int)a[0], a[1], true, &at);

	return error ? error : create_at(&at, &plan);
}

int64_t sys_mknodat(const uint64_t *a)
{
	uint32_t mode = (uint32_t)a[2], type = mode & S_IFMT;
	struct inode_plan plan = plan_of((type ? type : S_IFREG) | (mode & 07777));
	struct path at;

	if (type == S_IFDIR)
		return -EPERM;
	if (type != 0 && type != S_IFREG && type != S_IFIFO && type != S_IFCHR && type != S_IFBLK &&
	    type != S_IFSOCK)
		return -EINVAL;
	int error = walk_new((int)a[0], a[1], false, &at);
	if (error)
		return error;
	if (type == S_IFCHR || type == S_IFBLK) {
		path_put(&at);
		return -EPERM;
	}
	return create_at(&at, &plan);
}

int64_t sys_symlinkat(const uint64_t *a)
{
	struct inode_plan plan = plan_of(S_IFLNK);
	struct path at;
	char *target;
	int error = sys_path_get(a[0], &target);

	if (error)
		return error;
	plan.mode = S_IFLNK | 0777;
	plan.target = target;
	error = *target ? walk_new((int)a[1], a[2], false, &at) : -ENOENT;
	if (!error)
		error = create_at(&at, &plan);
	kfree(target);
	return error;
}

/* => whether the file may get another name there. */
static int check_link(const struct inode *i, const struct path *to)
{
	if (i->fs != to->dir->fs)
		return -EXDEV;
	if (inode_is_dir(i) || !i->fs->ops->link)
		return -EPERM;
	return i->nlink == 0 && !i->may_get_name ? -ENOENT : 0;
}

int64_t sys_linkat(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[4];
	struct inode *i, *there;
	struct path to;
	int error;

	if (flags & ~(uint32_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = sys_inode_at(
	    (int)a[0], a[1],
	    (flags & AT_EMPTY_PATH) | (flags & AT_SYMLINK_FOLLOW ? 0 : AT_SYMLINK_NOFOLLOW), &i);
	if (error)
		return error;
	error = walk_new((int)a[2], a[3], false, &to);
	if (!error) {
		error = check_link(i, &to);
		tree_lock();
		if (!error && to.dir->nlink == 0)
			error = -ENOENT;
		if (!error && to.dir->fs->ops->lookup(to.dir, to.name, to.len, &there) == 0) {
			inode_put(there);
			error = -EEXIST;
		}
		if (!error)
			error = to.dir->fs->ops->link(to.dir, to.name, to.len, i);
		if (!error)
			i->may_get_name = false;
		tree_unlock();
		path_put(&to);
	}
	inode_put(i);
	return error;
}

/* In a sticky folder only the owner of the file or of the folder may remove a name. */
static int may_remove(const struct path *at)
{
	const struct cred *cred = &proc_current()->cred;

	int error = inode_access(at->dir, cred, W_OK | X_OK);
	if (error)
		return error;
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

/* Tree locked. => whether the name still leads there: 0 or -ENOENT. */
static int check_name_locked(const struct path *at)
{
	struct inode *now;
	int error = at->dir->fs->ops->lookup(at->dir, at->name, at->len, &now);

	if (error)
		return error;
	bool same = now == at->inode;
	inode_put(now);
	return same ? 0 : -ENOENT;
}

/* Tree locked. */
static int unlink_locked(const struct path *at, bool rmdir)
{
	const struct fsys_ops *ops = at->dir->fs->ops;
	bool is_dir = inode_is_dir(at->inode);

	if (rmdir && !is_dir)
		return -ENOTDIR;
	if (!rmdir && is_dir)
		return -EISDIR;
	if (!rmdir && at->wants_dir)
		return -ENOTDIR;
	if (at->inode->fs != at->dir->fs)
		return -EBUSY; /* here: something is mounted there */
	int error = check_name_locked(at);
	if (error)
		return error;
	return ops->remove ? ops->remove(at->dir, at->name, at->len, at->inode) : -EPERM;
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
	if (!error) {
		tree_lock();
		error = unlink_locked(&at, (a[2] & AT_REMOVEDIR) != 0);
		tree_unlock();
	}
	path_put(&at);
	return error;
}

/* Tree locked. => whether `dir` is `i` or lies below it. */
static bool is_within_locked(struct inode *dir, const struct inode *i)
{
	for (;; dir = dir->parent) {
		if (dir == i)
			return true;
		if (dir == dir->parent)
			return false;
	}
}

/* Tree locked. A device 0:0 takes the name that has just gone: overlays know it as "nothing". */
static int leave_whiteout(const struct path *from)
{
	const struct cred *cred = &proc_current()->cred;
	const struct inode_plan plan = {.mode = S_IFCHR, .uid = cred->euid, .gid = cred->egid};
	struct inode *i;
	int error = tmpfs_ops.create(from->dir, from->name, from->len, &plan, &i);

	if (!error)
		inode_put(i);
	return error;
}

/* Tree locked. Gives the file of `from` the name `to`. => 0 or -errno; nothing changed then. */
static int rename_locked(const struct path *from, const struct path *to, uint32_t flags)
{
	struct inode *i = from->inode, *old = to->inode;
	bool exchange = flags & RENAME_EXCHANGE;
	int error;

	if (old && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (exchange && !old)
		return -ENOENT;
	if (from->dir->fs != to->dir->fs)
		return -EXDEV;
	if (i->fs != from->dir->fs || (old && old->fs != to->dir->fs))
		return -EBUSY;
	error = check_name_locked(from);
	if (!error && old)
		error = check_name_locked(to);
	if (error)
		return error;
	if (inode_is_dir(i) && is_within_locked(to->dir, i))
		return -EINVAL;
	if (old && inode_is_dir(old) && is_within_locked(from->dir, old))
		return exchange ? -EINVAL : -ENOTEMPTY;
	if (old == i)
		return 0;
	if ((from->wants_dir || to->wants_dir) && !inode_is_dir(i) && !exchange)
		return -ENOTDIR;
	if (!exchange && old && inode_is_dir(old) && !inode_is_dir(i))
		return -EISDIR;
	if (!exchange && old && !inode_is_dir(old) && inode_is_dir(i))
		return -ENOTDIR;
	/* A folder that moves gets another "..", which is a change of itself. */
	const struct cred *cred = &proc_current()->cred;
	if (from->dir != to->dir) {
		if (inode_is_dir(i))
			error = inode_access(i, cred, W_OK);
		if (!error && exchange && inode_is_dir(old))
			error = inode_access(old, cred, W_OK);
		if (error)
			return error;
	}
	if (!i->fs->ops->rename)
		return -EPERM;
	if ((flags & RENAME_WHITEOUT) && i->fs->ops != &tmpfs_ops)
		return -EINVAL;
	error = i->fs->ops->rename(from->dir, from->name, from->len, i, to->dir, to->name, to->len,
				   old, exchange);
	return error || !(flags & RENAME_WHITEOUT) ? error : leave_whiteout(from);
}

static bool is_no_entry(const struct path *p)
{
	return p->name[0] == '/' || strcmp(p->name, ".") == 0 || strcmp(p->name, "..") == 0;
}

int64_t sys_renameat2(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[4];
	struct path from, to;
	int error;

	if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) ||
	    ((flags & RENAME_EXCHANGE) && (flags & ~(uint32_t)RENAME_EXCHANGE)))
		return -EINVAL;
	/* Both folders are found before either name is looked at. */
	error = sys_walk((int)a[0], a[1], WALK_PARENT, &from);
	if (error)
		return error;
	error = sys_walk((int)a[2], a[3], WALK_PARENT, &to);
	if (error) {
		path_put(&from);
		return error;
	}
	if (is_no_entry(&from) || is_no_entry(&to))
		error = to.inode && (flags & RENAME_NOREPLACE) ? -EEXIST : -EBUSY;
	else if (!from.inode)
		error = -ENOENT;
	else
		error = may_remove(&from);
	if (!error)
		error = inode_access(to.dir, &proc_current()->cred, W_OK | X_OK);
	if (!error && to.inode && to.inode != from.inode)
		error = may_remove(&to);
	if (!error && to.dir->nlink == 0)
		error = -ENOENT;
	if (!error) {
		tree_lock();
		error = rename_locked(&from, &to, flags);
		tree_unlock();
	}
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

/* => 0: attributes of i may be set by its owner. */
static int64_t check_owner(const struct inode *i)
{
	if (i->fs && i->fs->read_only)
		return -EROFS;
	return is_owner(i) ? 0 : -EPERM;
}

static int64_t changed(struct inode *i, unsigned what)
{
	inode_touch_ctime(i);
	return i->fs && i->fs->ops->changed ? i->fs->ops->changed(i, what) : 0;
}

static int64_t change_mode(struct inode *i, uint32_t mode)
{
	const struct cred *cred = &proc_current()->cred;
	int64_t error = check_owner(i);

	if (error)
		return error;
	if (inode_is_link(i))
		return -EOPNOTSUPP;
	if (i->seals & F_SEAL_EXEC && (i->mode ^ mode) & 0111)
		return -EPERM;
	if ((mode & S_ISGID) && cred->euid != 0 && !cred_has_group(cred, i->gid))
		mode &= ~(uint32_t)S_ISGID;
	i->mode = (i->mode & S_IFMT) | (mode & 07777);
	return changed(i, INODE_SET_MODE);
}

int64_t sys_fchmod(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);

	if (!f)
		return -EBADF;
	int64_t error = f->flags & O_PATH ? -EBADF : change_mode(f->inode, (uint32_t)a[1]);
	file_put(f);
	return error;
}

static int64_t chmod_at(const uint64_t *a, uint32_t flags)
{
	struct inode *i;
	int64_t error;

	if (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = sys_inode_at((int)a[0], a[1], flags, &i);
	if (error)
		return error;
	error = change_mode(i, (uint32_t)a[2]);
	inode_put(i);
	return error;
}

int64_t sys_fchmodat(const uint64_t *a)
{
	return chmod_at(a, 0);
}

int64_t sys_fchmodat2(const uint64_t *a)
{
	return chmod_at(a, (uint32_t)a[3]);
}

/* -1 leaves an owner as it is; only root gives files away. */
static int64_t change_owner(struct inode *i, uint32_t uid, uint32_t gid)
{
	const struct cred *cred = &proc_current()->cred;
	if (i->fs && i->fs->read_only)
		return -EROFS;
	bool changes_uid = uid != (uint32_t)-1 && uid != i->uid;
	bool changes_gid = gid != (uint32_t)-1 && gid != i->gid;

	if (cred->euid != 0 && (changes_uid || (changes_gid && !cred_has_group(cred, gid)) ||
				((uid & gid) != (uint32_t)-1 && !is_owner(i))))
		return -EPERM;
	if (changes_uid)
		i->uid = uid;
	if (changes_gid)
		i->gid = gid;
	/* A program that changes hands loses what its owner had lent it. */
	if (inode_is_regular(i) && (uid & gid) != (uint32_t)-1)
		i->mode &= ~(uint32_t)(S_ISUID | (i->mode & 010 ? S_ISGID : 0));
	inode_touch_ctime(i);
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
	struct inode *i;
	int64_t error;

	if ((uint32_t)a[4] & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = sys_inode_at((int)a[0], a[1], (uint32_t)a[4], &i);
	if (error)
		return error;
	error = change_owner(i, (uint32_t)a[2], (uint32_t)a[3]);
	inode_put(i);
	return error;
}

#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

/* => times that a program gives; 0, -EFAULT; 1: neither is to be set. */
static int64_t times_get(uint64_t user, struct linux_timespec t[2])
{
	if (!user)
		return 0;
	if (arch_copy_from_user(t, VADDR(user), 2 * sizeof t[0]) != 0)
		return -EFAULT;
	return t[0].nsec == UTIME_OMIT && t[1].nsec == UTIME_OMIT;
}

/* is_given: t is what the program gave; else both are to be now. */
static int64_t set_times(struct inode *i, struct linux_timespec t[2], bool is_given)
{
	struct linux_timespec now = clock_timespec(clock_realtime_ns());
	struct linux_timespec *field[2] = {&i->atime, &i->mtime};

	if (!is_given)
		t[0].nsec = t[1].nsec = UTIME_NOW;
	for (int n = 0; n < 2; n++)
		if (t[n].nsec != UTIME_NOW && t[n].nsec != UTIME_OMIT &&
		    (uint64_t)t[n].nsec >= NS_PER_SECOND)
			return -EINVAL;
	if (i->fs && i->fs->read_only)
		return -EROFS;
	bool is_now = t[0].nsec == UTIME_NOW && t[1].nsec == UTIME_NOW;
	if (!is_owner(i) && (!is_now || inode_access(i, &proc_current()->cred, W_OK) != 0))
		return is_now ? -EACCES : -EPERM;
	for (int n = 0; n < 2; n++)
		if (t[n].nsec != UTIME_OMIT)
			*field[n] = t[n].nsec == UTIME_NOW ? now : t[n];
	return changed(i, INODE_SET_MTIME);
}

int64_t sys_utimensat(const uint64_t *a)
{
	struct linux_timespec t[2];
	bool is_given = a[2] != 0;
	struct inode *i;
	int64_t error = times_get(a[2], t);

	if (error)
		return error < 0 ? error : 0; /* here: the path is not even looked at */
	if (!a[1]) {
		if ((uint32_t)a[3] != 0)
			return -EINVAL;
		if ((int)a[0] == AT_FDCWD)
			return -EFAULT;
		struct file *f = sys_fd(a[0]);

		if (!f)
			return -EBADF;
		error = f->flags & O_PATH ? -EBADF : set_times(f->inode, t, is_given);
		file_put(f);
		return error;
	}
	if ((uint32_t)a[3] & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	error = sys_inode_at((int)a[0], a[1], (uint32_t)a[3], &i);
	if (error)
		return error;
	error = set_times(i, t, is_given);
	inode_put(i);
	return error;
}
