/*
 * System calls that open: openat, openat2.
 *
 * A path is walked to the file, or to the folder that a new one is to be in. Then, in Linux's
 * order: what must not be there (O_EXCL), what must be made, the kind of file, rights, O_TRUNC.
 * openat ignores what it does not know; openat2 refuses it.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/mm/object/mobj.h"
#include "abi/files.h"

#define OPEN_FLAGS_OF_PATH (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define OPEN_FLAGS                                                                                 \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |     \
	 O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC |     \
	 O_SYNC | O_PATH | O_TMPFILE)

struct open_request {
	uint32_t flags, mode; /* O_*; permissions of what is made */
	unsigned walk;        /* WALK_*, as openat2 asks */
};

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
	const struct cred *cred = &proc_current()->cred;
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
	int error = inode_access(i, cred, want | (flags & O_TRUNC ? W_OK : 0));
	if (!error && (flags & O_NOATIME) && cred->euid != 0 && cred->euid != i->uid)
		error = -EPERM;
	return error;
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
		error = sys_truncate_path(path->inode, 0);
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
	if (path->inode->fs->ops != &tmpfs_ops)
		return -EOPNOTSUPP;
	error = inode_access(path->inode, &p->cred, W_OK | X_OK);
	if (error)
		return error;
	i = inode_create(path->inode->fs, S_IFREG | (mode & 07777 & ~p->fs->umask), p->cred.euid,
			 p->cred.egid);
	if (!i)
		return -ENOMEM;
	i->may_get_name = !(flags & O_EXCL);
	error = file_open(i, flags | O_LARGEFILE, &f);
	inode_put(i);
	return error ? error : install(f, flags);
}

/* The part of both calls that comes after their own checks. */
static int64_t open_at(int dirfd, uint64_t user_path, struct open_request *r)
{
	uint32_t flags = r->flags;
	unsigned walk = r->walk | (flags & O_NOFOLLOW ? 0 : WALK_FOLLOW);
	bool is_tmpfile = (flags & O_TMPFILE) == O_TMPFILE;
	struct path path;

	if (!is_tmpfile && (flags & O_TMPFILE & ~(uint32_t)O_DIRECTORY))
		return -EINVAL;
	if (is_tmpfile && (flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return -EINVAL;
	if (flags & O_CREAT)
		walk |= WALK_PARENT;
	if ((flags & O_CREAT) && (flags & O_EXCL))
		walk &= ~(unsigned)WALK_FOLLOW;
	/* Without a number for it nothing is opened, and nothing made. */
	if (!fd_is_free(proc_current()->fds, sys_fd_limit()))
		return -EMFILE;
	int result = sys_walk(dirfd, user_path, walk, &path);
	if (result)
		return result;
	result =
	    is_tmpfile ? open_tmpfile(&path, flags, r->mode) : open_path(&path, flags, r->mode);
	path_put(&path);
	return result;
}

int64_t sys_openat(const uint64_t *a)
{
	struct open_request r = {.flags = (uint32_t)a[2], .mode = (uint32_t)a[3]};

	if (r.flags & O_PATH)
		r.flags &= OPEN_FLAGS_OF_PATH;
	return open_at((int)a[0], a[1], &r);
}

/* -- openat2 ------------------------------------------------------------------------------- */

/* Reads a structure that later versions may have made longer: what is beyond ours must be 0. */
static int how_get(uint64_t user, uint64_t size, struct linux_open_how *how)
{
	*how = (struct linux_open_how){0};
	if (size < sizeof *how)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (arch_copy_from_user(how, VADDR(user), sizeof *how) != 0)
		return -EFAULT;
	for (uint64_t at = sizeof *how; at < size; at++) {
		uint8_t byte;

		if (arch_copy_from_user(&byte, VADDR(user + at), 1) != 0)
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

/* => 0 and the request; -EINVAL; -EAGAIN. */
static int how_check(const struct linux_open_how *how, struct open_request *r)
{
	static const struct {
		uint64_t resolve;
		unsigned walk;
	} rules[] = {{RESOLVE_NO_XDEV, WALK_NO_XDEV},
		     {RESOLVE_NO_MAGICLINKS, WALK_NO_MAGICLINKS},
		     {RESOLVE_NO_SYMLINKS, WALK_NO_SYMLINKS | WALK_NO_MAGICLINKS},
		     {RESOLVE_BENEATH, WALK_BENEATH},
		     {RESOLVE_IN_ROOT, WALK_IN_ROOT},
		     {RESOLVE_CACHED, 0}}; /* what a walk needs is always here */
	bool makes = (how->flags & O_CREAT) || (how->flags & O_TMPFILE) == O_TMPFILE;
	uint64_t known = 0;

	for (size_t n = 0; n < ARRAY_SIZE(rules); n++) {
		known |= rules[n].resolve;
		if (how->resolve & rules[n].resolve)
			r->walk |= rules[n].walk;
	}
	if ((how->resolve & ~known) || (how->flags & ~(uint64_t)OPEN_FLAGS))
		return -EINVAL;
	if ((r->walk & WALK_BENEATH) && (r->walk & WALK_IN_ROOT))
		return -EINVAL;
	if (makes ? how->mode & ~07777ull : how->mode != 0)
		return -EINVAL;
	if ((how->flags & O_PATH) && (how->flags & ~(uint64_t)OPEN_FLAGS_OF_PATH))
		return -EINVAL;
	if ((how->resolve & RESOLVE_CACHED) && (makes || (how->flags & O_TRUNC)))
		return -EAGAIN;
	r->flags = (uint32_t)how->flags;
	r->mode = (uint32_t)how->mode;
	return 0;
}

int64_t sys_openat2(const uint64_t *a)
{
	struct linux_open_how how;
	struct open_request r = {0};
	int error = how_get(a[2], a[3], &how);

	if (!error)
		error = how_check(&how, &r);
	return error ? error : open_at((int)a[0], a[1], &r);
}
