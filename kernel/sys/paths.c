/*
 * System calls that look: open, stat, access, readlink, folders.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"

#define OPEN_FLAGS_OF_PATH (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Creates a regular file where a walk ended without one. => 0 with path->inode; or -errno. */
static int create_file(struct path *path, uint32_t mode)
{
	struct proc *p = proc_current();
	struct inode *i;
	int error = 0;

	if (path->wants_dir)
		return -EISDIR;
	if (path->dir->nlink == 0)
		return -ENOENT;
	if (inode_access(path->dir, &p->cred, W_OK | X_OK) != 0)
		return -EACCES;
	i = inode_create(S_IFREG | (mode & 07777 & ~p->fs->umask), p->cred.euid, p->cred.egid);
	if (!i)
		return -ENOMEM;
	tree_lock();
	struct inode *now = dir_find(path->dir, path->name, path->len);
	if (now)
		inode_get(now); /* here: somebody was faster */
	else
		error = dir_add(path->dir, path->name, path->len, i);
	tree_unlock();
	if (error || now) {
		inode_put(i);
		i = now;
	}
	path->inode = i;
	return error;
}

/* Checks flags against what is to be opened. => 0 or -errno. */
static int check_open(const struct path *path, uint32_t flags, bool created)
{
	const struct inode *i = path->inode;
	unsigned want = (flags & O_ACCMODE) == O_RDONLY   ? R_OK
			: (flags & O_ACCMODE) == O_WRONLY ? W_OK
							  : R_OK | W_OK;

	if (inode_is_link(i) && !(flags & O_PATH))
		return -ELOOP; /* here: O_NOFOLLOW */
	if ((flags & O_DIRECTORY) && !inode_is_dir(i))
		return -ENOTDIR;
	if (inode_is_dir(i) && ((want & W_OK) || (flags & O_CREAT)) && !(flags & O_PATH))
		return -EISDIR;
	if (created || (flags & O_PATH))
		return 0;
	return inode_access(i, &proc_current()->cred, want | (flags & O_TRUNC ? W_OK : 0));
}

static int open_path(struct path *path, uint32_t flags, uint32_t mode)
{
	struct proc *p = proc_current();
	bool created = !path->inode;
	struct file *f;
	int error = 0;

	if (created)
		error = create_file(path, mode);
	else if ((flags & O_CREAT) && (flags & O_EXCL))
		error = -EEXIST;
	if (!error)
		error = check_open(path, flags, created);
	if (error)
		return error;
	if ((flags & O_TRUNC) && path->inode->data && !path->inode->make_data) {
		sys_set_length(path->inode->data, 0);
		inode_touch(path->inode);
	}
	error = file_open(path->inode, flags | O_LARGEFILE, &f);
	if (error)
		return error;
	memcpy(f->name, path->name, path->len < sizeof f->name ? path->len : sizeof f->name);
	int fd = fd_install(p->fds, f, 0, p->rlimits[RLIMIT_NOFILE].cur, (flags & O_CLOEXEC) != 0);
	if (fd < 0)
		file_put(f);
	return fd;
}

int64_t sys_openat(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[2];
	unsigned walk = flags & O_NOFOLLOW ? 0 : WALK_FOLLOW;
	struct path path;

	if (flags & O_PATH)
		flags &= OPEN_FLAGS_OF_PATH;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EOPNOTSUPP;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	if (flags & O_CREAT)
		walk |= WALK_PARENT;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		walk &= ~(unsigned)WALK_FOLLOW;
	int result = sys_walk((int)a[0], a[1], walk, &path);
	if (result)
		return result;
	result = open_path(&path, flags, (uint32_t)a[3]);
	path_put(&path);
	return result;
}

/* -- stat ---------------------------------------------------------------------------------- */

/*
 * What a path, or with AT_EMPTY_PATH a descriptor, names. => 0 with a reference in *out.
 */
static int inode_at(int dirfd, uint64_t user_path, uint32_t flags, struct inode **out)
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
	error = inode_at((int)a[0], a[1], (uint32_t)a[3], &i);
	if (error)
		return error;
	inode_stat(i, &st);
	inode_put(i);
	return arch_copy_to_user(VADDR(a[2]), &st, sizeof st) != 0 ? -EFAULT : 0;
}

int64_t sys_fstat(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);
	struct linux_stat st;

	if (!f)
		return -EBADF;
	inode_stat(f->inode, &st);
	file_put(f);
	return arch_copy_to_user(VADDR(a[1]), &st, sizeof st) != 0 ? -EFAULT : 0;
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
	int error = inode_at((int)a[0], a[1], flags, &i);
	if (error)
		return error;
	inode_stat(i, &st);
	inode_put(i);

	struct linux_statx sx = {.mask = STATX_BASIC_STATS,
				 .blksize = (uint32_t)st.blksize,
				 .nlink = st.nlink,
				 .uid = st.uid,
				 .gid = st.gid,
				 .mode = (uint16_t)st.mode,
				 .ino = st.ino,
				 .size = (uint64_t)st.size,
				 .blocks = (uint64_t)st.blocks,
				 .atime = statx_time(st.atime),
				 .ctime = statx_time(st.ctime),
				 .mtime = statx_time(st.mtime),
				 .rdev_major = (uint32_t)(st.rdev >> 8),
				 .rdev_minor = (uint32_t)(st.rdev & 0xff),
				 .dev_minor = (uint32_t)st.dev};
	return arch_copy_to_user(VADDR(a[4]), &sx, sizeof sx) != 0 ? -EFAULT : 0;
}

static int64_t put_statfs(uint64_t user)
{
	struct frame_stats fs;

	frame_stats(&fs);
	struct linux_statfs s = {.type = TMPFS_MAGIC,
				 .bsize = PAGE_SIZE,
				 .blocks = fs.total,
				 .bfree = fs.free,
				 .bavail = fs.free,
				 .files = fs.total,
				 .ffree = fs.free,
				 .namelen = NAME_MAX,
				 .frsize = PAGE_SIZE};
	return arch_copy_to_user(VADDR(user), &s, sizeof s) != 0 ? -EFAULT : 0;
}

int64_t sys_statfs(const uint64_t *a)
{
	struct path path;
	int error = sys_walk(AT_FDCWD, a[0], WALK_FOLLOW, &path);

	if (error)
		return error;
	path_put(&path);
	return put_statfs(a[1]);
}

int64_t sys_fstatfs(const uint64_t *a)
{
	struct file *f = sys_fd(a[0]);

	if (!f)
		return -EBADF;
	file_put(f);
	return put_statfs(a[1]);
}

static int64_t access_at(int dirfd, uint64_t path, uint64_t mode, uint32_t flags)
{
	struct cred cred = proc_current()->cred;
	struct inode *i;

	if ((mode & ~(uint64_t)(R_OK | W_OK | X_OK)) ||
	    (flags & ~(uint32_t)(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	int error = inode_at(dirfd, path, flags, &i);
	if (error)
		return error;
	if (!(flags & AT_EACCESS)) {
		cred.euid = cred.uid;
		cred.egid = cred.gid;
	}
	error = inode_access(i, &cred, (unsigned)mode);
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
	int error = inode_at((int)a[0], a[1], AT_SYMLINK_NOFOLLOW, &i);
	if (error)
		return error;
	char *target = kmalloc(PATH_MAX);
	if (!target) {
		n = -ENOMEM;
	} else if (!inode_is_link(i)) {
		n = -EINVAL;
	} else if (i->make_target) {
		n = i->make_target(target, PATH_MAX);
	} else {
		n = (ssize_t)strnlen(i->target, PATH_MAX);
		memcpy(target, i->target, (size_t)n);
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
	if (inode_access(i, &p->cred, X_OK) != 0)
		return -EACCES;
	fs_context_enter(p->fs, i);
	return 0;
}

int64_t sys_chdir(const uint64_t *a)
{
	struct inode *i;
	int64_t error = inode_at(AT_FDCWD, a[0], 0, &i);

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
	error = inode_at(AT_FDCWD, a[0], 0, &i);
	if (error)
		return error;
	if (inode_is_dir(i))
		error = -EISDIR;
	else if (!i->data || i->make_data)
		error = -EINVAL;
	else
		error = inode_access(i, &proc_current()->cred, W_OK);
	if (!error) {
		sys_set_length(i->data, a[1]);
		inode_touch(i);
	}
	inode_put(i);
	return error;
}
