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
static int create_file(struct path *path, uint32_t mode, bool *created)
{
	struct proc *p = proc_current();
	struct inode_plan plan = {.mode = S_IFREG | (mode & 07777 & ~p->fs->umask),
				  .uid = p->cred.euid,
				  .gid = p->cred.egid};
	struct inode *dir = path->dir;
	int error;

	if (path->wants_dir)
		return -EISDIR;
	error = inode_access(dir, &p->cred, W_OK | X_OK);
	if (error)
		return error;
	tree_lock();
	if (dir->nlink == 0)
		error = -ENOENT;
	else if (!dir->fs->ops->create)
		error = -EACCES;
	else
		error = dir->fs->ops->lookup(dir, path->name, path->len, &path->inode);
	if (error == -ENOENT && dir->nlink != 0) {
		error = dir->fs->ops->create(dir, path->name, path->len, &plan, &path->inode);
		*created = !error;
	}
	tree_unlock();
	if (error)
		path->inode = NULL;
	return error;
}

/* Checks flags against what is to be opened. => 0 or -errno. */
static int check_open(const struct path *path, uint32_t flags, bool created)
{
	const struct inode *i = path->inode;
	unsigned acc = flags & O_ACCMODE;
	unsigned want = acc == O_RDONLY ? R_OK : acc == O_WRONLY ? W_OK : R_OK | W_OK;

	if (inode_is_link(i) && !(flags & O_PATH))
		return flags & O_DIRECTORY ? -ENOTDIR : -ELOOP; /* here: O_NOFOLLOW */
	if ((flags & O_DIRECTORY) && !inode_is_dir(i))
		return -ENOTDIR;
	if (flags & O_PATH)
		return 0;
	if (inode_is_dir(i) && ((want & W_OK) || (flags & (O_CREAT | O_TRUNC))))
		return -EISDIR;
	if (path->wants_dir && !inode_is_dir(i))
		return -ENOTDIR;
	if (created)
		return 0;
	return inode_access(i, &proc_current()->cred, want | (flags & O_TRUNC ? W_OK : 0));
}

/* => the number of the new descriptor, or -errno; takes over the file. */
static int install(struct file *f, uint32_t flags)
{
	struct proc *p = proc_current();
	int fd = fd_install(p->fds, f, 0, p->rlimits[RLIMIT_NOFILE].cur, (flags & O_CLOEXEC) != 0);

	if (fd < 0)
		file_put(f);
	return fd;
}

static int open_path(struct path *path, uint32_t flags, uint32_t mode)
{
	bool created = false;
	struct file *f;
	int error = 0;

	if (path->inode && (flags & O_CREAT) && (flags & O_EXCL))
		error = -EEXIST;
	else if (!path->inode)
		error = create_file(path, mode, &created);
	if (!error)
		error = check_open(path, flags, created);
	if (error)
		return error;
	if ((flags & O_TRUNC) && inode_is_regular(path->inode) && !created)
		error = sys_truncate_inode(path->inode, 0);
	if (!error)
		error = file_open(path->inode, flags & O_PATH ? flags : flags | O_LARGEFILE, &f);
	if (error)
		return error;
	error = file_set_name(f, path->dir, path->name, path->len);
	if (error) {
		file_put(f);
		return error;
	}
	return install(f, flags);
}

/* A file without a name, in the folder's file system. */
static int open_tmpfile(struct path *path, uint32_t flags, uint32_t mode)
{
	struct proc *p = proc_current();
	struct inode *i;
	struct file *f;
	int error;

	if (!inode_is_dir(path->inode))
		return -ENOTDIR;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	if (path->inode->fs->ops != &tmpfs_ops)
		return -EOPNOTSUPP;
	error = inode_access(path->inode, &p->cred, W_OK | X_OK);
	if (error)
		return error;
	i = inode_create(path->inode->fs, S_IFREG | (mode & 07777 & ~p->fs->umask), p->cred.euid,
			 p->cred.egid);
	if (!i)
		return -ENOMEM;
	error = file_open(i, flags | O_LARGEFILE, &f);
	inode_put(i);
	return error ? error : install(f, flags);
}

int64_t sys_openat(const uint64_t *a)
{
	uint32_t flags = (uint32_t)a[2];
	unsigned walk = flags & O_NOFOLLOW ? 0 : WALK_FOLLOW;
	struct path path;

	if (flags & O_PATH)
		flags &= OPEN_FLAGS_OF_PATH;
	bool is_tmpfile = (flags & O_TMPFILE) == O_TMPFILE;
	if (!is_tmpfile && (flags & O_TMPFILE & ~(uint32_t)O_DIRECTORY))
		return -EINVAL;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	if (flags & O_CREAT)
		walk |= WALK_PARENT;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		walk &= ~(unsigned)WALK_FOLLOW;
	int result = sys_walk((int)a[0], a[1], walk, &path);
	if (result)
		return result;
	result = is_tmpfile ? open_tmpfile(&path, flags, (uint32_t)a[3])
			    : open_path(&path, flags, (uint32_t)a[3]);
	path_put(&path);
	return result;
}

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
	uint64_t mount = i->fs ? i->fs->dev : PIPE_DEV;
	bool is_root = i->fs && i->fs->root == i;
	inode_put(i);
	if (error)
		return error;

	struct linux_statx sx = {.mask = STATX_BASIC_STATS | STATX_MNT_ID,
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
				 .ctime = statx_time(st.ctime),
				 .mtime = statx_time(st.mtime),
				 .rdev_major = (uint32_t)(st.rdev >> 8),
				 .rdev_minor = (uint32_t)(st.rdev & 0xff),
				 .dev_minor = (uint32_t)st.dev};
	return arch_copy_to_user(VADDR(a[4]), &sx, sizeof sx) != 0 ? -EFAULT : 0;
}

#define ST_RDONLY 1

static int64_t put_statfs(const struct inode *i, uint64_t user)
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
	}
	inode_put(i);
	if (n > (int)a[3])
		n = (int)a[3];
	if (n > 0 && arch_copy_to_user(VADDR(a[2]), target, (size_t)n) != 0)
		n = -EFAULT;
	kfree(target);
	return n;
}

/* -- extended attributes ------------------------------------------------------------------- */

/* No file has any, nor can have: what exists answers EOPNOTSUPP, and lists none. */
static int64_t no_xattr(uint64_t path, int64_t answer)
{
	struct inode *i;
	int error = sys_inode_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &i);

	if (error)
		return error;
	inode_put(i);
	return answer;
}

static int64_t no_xattr_fd(uint64_t fd, int64_t answer)
{
	struct file *f = sys_fd(fd);

	if (!f)
		return -EBADF;
	file_put(f);
	return answer;
}

int64_t sys_no_xattr(const uint64_t *a)
{
	return no_xattr(a[0], -EOPNOTSUPP);
}

int64_t sys_no_xattr_fd(const uint64_t *a)
{
	return no_xattr_fd(a[0], -EOPNOTSUPP);
}

int64_t sys_no_xattr_list(const uint64_t *a)
{
	return no_xattr(a[0], 0);
}

int64_t sys_no_xattr_list_fd(const uint64_t *a)
{
	return no_xattr_fd(a[0], 0);
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
		error = sys_truncate_inode(i, a[1]);
	inode_put(i);
	return error;
}
