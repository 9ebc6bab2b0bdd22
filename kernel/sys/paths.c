/*
 * System calls that look: stat, access, readlink, folders.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"

/* -- stat ---------------------------------------------------------------------------------- */

/*
 * What a path, or with AT_EMPTY_PATH a descriptor, names. => 0 with a reference in *out.
 */
int sys_inode_at(int dirfd, uint64_t user_path, uint32_t flags, struct inode **out)
{
	struct path path;
	char first = 0;

	if (flags & AT_EMPTY_PATH) {
		/* Linux takes a null pointer for the empty path here since 6.11. */
		if (user_path && arch_copy_from_user(&first, VADDR(user_path), 1) != 0)
			return -EFAULT;
		if (!first) {
			struct file *f;

			if (dirfd == AT_FDCWD) {
				*out = sys_cwd();
				return 0;
			}
			f = sys_fd((uint64_t)dirfd);
			if (!f)
				return -EBADF;
			*out = f->inode;
			inode_get(*out);
			file_put(f);
			return 0;
		}
	}
	int error =
	    sys_walk(dirfd, user_path, flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW, &path);
	if (error)
		return error;
	*out = path.inode;
	inode_get(*out);
	path_put(&path);
	return 0;
}

int64_t sys_newfstatat(const uint64_t *a)
{
	struct linux_stat st;
	struct inode *i;
	int error;

	if ((uint32_t)a[3] &
	    ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	error = sys_inode_at((int)a[0], a[1], (uint32_t)a[3], &i);
	if (error)
		return error;
	error = inode_stat(i, &st);
	inode_put(i);
	return error ? error : arch_copy_to_user(VADDR(a[2]), &st, sizeof st) != 0 ? -EFAULT : 0;
}

int64_t sys_fstat(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	struct linux_stat st;

	if (!f)
		return -EBADF;
	int error = inode_stat(f->inode, &st);
	file_put(f);
	return error ? error : arch_copy_to_user(VADDR(a[1]), &st, sizeof st) != 0 ? -EFAULT : 0;
}

static struct linux_statx_timestamp statx_time(struct linux_timespec t)
{
	return (struct linux_statx_timestamp){.sec = t.sec, .nsec = (uint32_t)t.nsec};
}

int64_t sys_statx(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[2];
	struct linux_stat st;
	struct inode *i;

	if ((a[3] & STATX__RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE ||
	    (flags & ~(uint32_t)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH |
				 AT_STATX_SYNC_TYPE)))
		return -EINVAL;
	int error = sys_inode_at((int)a[0], a[1], flags, &i);
	if (error)
		return error;
	error = inode_stat(i, &st);
	struct linux_timespec birth = i->btime;
	bool has_birth = i->fs && i->fs->ops == &tmpfs_ops;
	uint64_t mount = i->fs ? i->fs->dev : PIPE_DEV;
	bool is_root = i->fs && i->fs->root == i;
	inode_put(i);
	if (error)
		return error;

	struct linux_statx sx = {
	    .mask = STATX_BASIC_STATS | STATX_MNT_ID | (has_birth ? STATX_BTIME : 0),
	    .attributes = is_root ? STATX_ATTR_MOUNT_ROOT : 0,
	    .attributes_mask = STATX_ATTR_MOUNT_ROOT,
	    .mnt_id = mount,
	    .blksize = (uint32_t)st.blksize,
	    .nlink = st.nlink,
	    .uid = st.uid,
	    .gid = st.gid,
	    .mode = (uint16_t)st.mode,
	    .ino = st.ino,
	    .size = (uint64_t)st.size,
	    .blocks = (uint64_t)st.blocks,
	    .atime = statx_time(st.atime),
	    .btime = statx_time(has_birth ? birth : (struct linux_timespec){0, 0}),
	    .ctime = statx_time(st.ctime),
	    .mtime = statx_time(st.mtime),
	    .rdev_major = (uint32_t)(st.rdev >> 8),
	    .rdev_minor = (uint32_t)(st.rdev & 0xff),
	    .dev_minor = (uint32_t)st.dev};
	return arch_copy_to_user(VADDR(a[4]), &sx, sizeof sx) != 0 ? -EFAULT : 0;
}

#define ST_RDONLY 1

static int64_t put_statfs(struct inode *i, uint64_t user)
{
	struct linux_statfs s = {.type = PIPEFS_MAGIC,
				 .bsize = PAGE_SIZE,
				 .namelen = NAME_MAX,
				 .frsize = PAGE_SIZE,
				 .flags = ST_VALID};

	if (i->fs) {
		s.type = i->fs->magic;
		s.fsid[0] = (int32_t)i->fs->dev;
		s.flags |= i->fs->read_only ? ST_RDONLY : 0;
	}
	int error = i->fs && i->fs->ops->room ? i->fs->ops->room(i, &s) : 0;
	if (error)
		return error;
	if (i->fs && i->fs->ops == &tmpfs_ops) {
		struct frame_stats fs;

		frame_stats(&fs);
		s.blocks = s.files = fs.total;
		s.bfree = s.bavail = s.ffree = fs.free;
	}
	return arch_copy_to_user(VADDR(user), &s, sizeof s) != 0 ? -EFAULT : 0;
}

int64_t sys_statfs(const uint64_t *a)
{
	struct path path;
	int64_t error = sys_walk(AT_FDCWD, a[0], WALK_FOLLOW, &path);

	if (error)
		return error;
	error = put_statfs(path.inode, a[1]);
	path_put(&path);
	return error;
}

int64_t sys_fstatfs(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);

	if (!f)
		return -EBADF;
	int64_t error = put_statfs(f->inode, a[1]);
	file_put(f);
	return error;
}

static int64_t access_at(int dirfd, uint64_t path, uint64_t mode, uint32_t flags)
{
	struct cred cred = proc_current()->cred;
	struct inode *i;

	if ((mode & ~(uint64_t)(R_OK | W_OK | X_OK)) ||
	    (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	int error = sys_inode_at(dirfd, path, flags, &i);
	if (error)
		return error;
	if (!(flags & AT_EACCESS)) {
		cred.euid = cred.uid;
		cred.egid = cred.gid;
	}
	error = inode_permits(i, &cred, (unsigned)mode);
	inode_put(i);
	return error;
}

int64_t sys_faccessat(const uint64_t *a)
{
	return access_at((int)a[0], a[1], (uint32_t)a[2], 0);
}

int64_t sys_faccessat2(const uint64_t *a)
{
	return access_at((int)a[0], a[1], (uint32_t)a[2], (uint32_t)a[3]);
}

int64_t sys_readlinkat(const uint64_t *a)
{
	struct inode *i;
	ssize_t n;

	if ((int)a[3] <= 0)
		return -EINVAL;
	/* The empty path means the descriptor, which must then be a link's; nobody needs a flag. */
	int error = sys_inode_at((int)a[0], a[1], AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, &i);
	if (error)
		return error;
	char *target = kmalloc(PATH_MAX);
	if (!target) {
		n = -ENOMEM;
	} else if (!inode_is_link(i)) {
		char first = 0;

		n = arch_copy_from_user(&first, VADDR(a[1]), 1) == 0 && !first ? -ENOENT : -EINVAL;
	} else if (i->fs->ops->read_link) {
		tree_lock();
		n = i->fs->ops->read_link(i, target, PATH_MAX);
		tree_unlock();
	} else {
		n = (ssize_t)strnlen(i->target, PATH_MAX);
		memcpy(target, i->target, (size_t)n);
		inode_accessed(i);
	}
	inode_put(i);
	if (n > (int)a[3])
		n = (int)a[3];
	if (n > 0 && arch_copy_to_user(VADDR(a[2]), target, (size_t)n) != 0)
		n = -EFAULT;
	kfree(target);
	return n;
}

/* -- folders ------------------------------------------------------------------------------- */

int64_t sys_getcwd(const uint64_t *a)
{
	char *buf = kmalloc(PATH_MAX);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	struct inode *cwd = sys_cwd();
	tree_lock();
	n = tree_path(cwd, buf, PATH_MAX);
	tree_unlock();
	inode_put(cwd);
	if (n > 0 && (uint64_t)n > a[1])
		n = -ERANGE;
	if (n > 0 && arch_copy_to_user(VADDR(a[0]), buf, (size_t)n) != 0)
		n = -EFAULT;
	kfree(buf);
	return n;
}

/* Takes over the caller's reference when it succeeds. => 0, -ENOTDIR or -EACCES. */
static int64_t enter_dir(struct inode *i)
{
	struct proc *p = proc_current();

	if (!inode_is_dir(i))
		return -ENOTDIR;
	int error = inode_access(i, &p->cred, X_OK);
	if (error)
		return error;
	fs_context_enter(p->fs, i);
	return 0;
}

int64_t sys_chroot(const uint64_t *a)
{
	struct proc *p = proc_current();
	struct inode *i;
	int64_t error = sys_inode_at(AT_FDCWD, a[0], 0, &i);

	if (error)
		return error;
	error = inode_is_dir(i) ? inode_access(i, &p->cred, X_OK) : -ENOTDIR;
	if (!error && p->cred.euid != 0)
		error = -EPERM;
	if (error)
		inode_put(i);
	else
		fs_context_confine(p->fs, i);
	return error;
}

int64_t sys_chdir(const uint64_t *a)
{
	struct inode *i;
	int64_t error = sys_inode_at(AT_FDCWD, a[0], 0, &i);

	if (error)
		return error;
	error = enter_dir(i);
	if (error)
		inode_put(i);
	return error;
}

int64_t sys_fchdir(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);

	if (!f)
		return -EBADF;
	inode_get(f->inode);
	int64_t error = enter_dir(f->inode);
	if (error)
		inode_put(f->inode);
	file_put(f);
	return error;
}

int64_t sys_getdents64(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	int64_t n;

	if (!f)
		return -EBADF;
	n = file_read_dir(f, VADDR(a[1]), (uint32_t)a[2]);
	file_put(f);
	return n;
}

int64_t sys_truncate(const uint64_t *a)
{
	struct inode *i;
	int error;

	if ((int64_t)a[1] < 0)
		return -EINVAL;
	error = sys_inode_at(AT_FDCWD, a[0], 0, &i);
	if (error)
		return error;
	if (inode_is_dir(i))
		error = -EISDIR;
	else if (!i->data)
		error = -EINVAL;
	else
		error = inode_access(i, &proc_current()->cred, W_OK);
	if (!error)
		error = sys_truncate_path(i, a[1]);
	inode_put(i);
	return error;
}
