/*
 * What many system calls begin with: paths, folders to start from, times.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/clock.h"
#include "abi/files.h"

int sys_path_get(uint64_t user, char **out)
{
	char *path = kmalloc(PATH_MAX);

	if (!path)
		return -ENOMEM;
	ssize_t n = arch_strncpy_from_user(path, VADDR(user), PATH_MAX);
	if (n < 0) {
		kfree(path);
		return (int)n;
	}
	*out = path;
	return 0;
}

struct inode *sys_cwd(void)
{
	return fs_context_cwd(proc_current()->fs);
}

int sys_start_of(int dirfd, const char *path, struct inode **out)
{
	struct inode *start;

	if (*path == '/') {
		start = fs_root();
	} else if (dirfd == AT_FDCWD) {
		start = sys_cwd();
	} else {
		struct file *f = fd_get(proc_current()->fds, dirfd);

		if (!f)
			return -EBADF;
		start = f->inode;
		inode_get(start);
		file_put(f);
		if (!inode_is_dir(start)) {
			inode_put(start);
			return -ENOTDIR;
		}
	}
	*out = start;
	return 0;
}

int sys_walk(int dirfd, uint64_t user_path, unsigned flags, struct path *out)
{
	struct inode *start;
	char *path = NULL;
	int error = sys_path_get(user_path, &path);

	if (error)
		return error;
	/* With IN_ROOT an absolute path begins at the descriptor, too. */
	error = *path ? sys_start_of(dirfd, flags & WALK_IN_ROOT ? "." : path, &start) : -ENOENT;
	if (!error) {
		error = path_walk(start, path, flags, out);
		inode_put(start);
	}
	kfree(path);
	return error;
}

int sys_timespec_get(uint64_t user, uint64_t *ns)
{
	struct linux_timespec t;

	if (arch_copy_from_user(&t, VADDR(user), sizeof t) != 0)
		return -EFAULT;
	if (t.sec < 0 || t.nsec < 0 || t.nsec >= (int64_t)NS_PER_SECOND)
		return -EINVAL;
	/* Times beyond five centuries are as good as never. */
	*ns = t.sec > INT64_MAX / (int64_t)NS_PER_SECOND - 1
		  ? INT64_MAX
		  : (uint64_t)t.sec * NS_PER_SECOND + (uint64_t)t.nsec;
	return 0;
}

int sys_truncate_inode(struct inode *i, uint64_t size)
{
	if (size > i->data->size && size > proc_current()->rlimits[RLIMIT_FSIZE].cur) {
		signal_send(thread_current(), SIGXFSZ, SI_KERNEL);
		return -EFBIG;
	}
	if ((size < i->data->size && i->seals & F_SEAL_SHRINK) ||
	    (size > i->data->size && i->seals & F_SEAL_GROW))
		return -EPERM;
	if (i->fs && i->fs->ops->set_size) {
		int error = i->fs->ops->set_size(i, size);

		if (error)
			return error;
	}
	sys_set_length(i->data, size);
	inode_drop_setid(i);
	inode_touch(i);
	return 0;
}

int sys_truncate_path(struct inode *i, uint64_t size)
{
	int error = inode_write_get(i);

	if (error)
		return error;
	error = sys_truncate_inode(i, size);
	inode_write_put(i);
	return error;
}

bool sys_may_look(const struct proc *p)
{
	const struct proc *self = proc_current();
	const struct cred *c = &self->cred, *to = &p->cred;

	return p == self || c->euid == 0 ||
	       (p->dumpable && c->uid == to->uid && c->uid == to->euid && c->uid == to->suid &&
		c->gid == to->gid && c->gid == to->egid && c->gid == to->sgid);
}
