/*
 * System calls on extended attributes. A tmpfs has them (kernel/fs/xattr.c), other file systems
 * do not: there setting and getting is EOPNOTSUPP, and a list is empty.
 *
 *	user.*      files and folders alone; the file's own rights decide
 *	trusted.*   the superuser's; nobody else sees them
 *	security.*  read by all, set by the superuser
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/xattr.h"
#include "kernel/mm/frame/slab.h"

/* What the calls of a family differ in: how they name the file. */
enum naming { PATH, LINK, DESCRIPTOR };

/* => the file, with a reference; 0, or what is wrong with its name. */
static int find(enum naming how, uint64_t file, struct inode **out)
{
	if (how != DESCRIPTOR)
		return sys_inode_at(AT_FDCWD, file, how == LINK ? AT_SYMLINK_NOFOLLOW : 0, out);

	struct file *f = sys_fd(file);
	if (!f)
		return -EBADF;
	int error = f->flags & O_PATH ? -EBADF : 0;
	if (!error) {
		*out = f->inode;
		inode_get(*out);
	}
	file_put(f);
	return error;
}

/* => 0 with the name in `out`; -EFAULT; -ERANGE: it is empty or too long. */
static int name_get(uint64_t user, char out[XATTR_NAME_MAX + 1])
{
	ssize_t n = arch_strncpy_from_user(out, VADDR(user), XATTR_NAME_MAX + 1);

	return n == -ENAMETOOLONG || n == 0 ? -ERANGE : n < 0 ? (int)n : 0;
}

static bool begins(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

/* => whether the current process may do that to an attribute of i: 0 or -errno. */
static int check(const struct inode *i, const char *name, bool write)
{
	const struct cred *cred = &proc_current()->cred;

	if (write && i->fs && i->fs->read_only)
		return -EROFS;
	if (begins(name, "user.")) {
		if (!inode_is_regular(i) && !inode_is_dir(i))
			return write ? -EPERM : -ENODATA;
		if (write && inode_is_dir(i) && (i->mode & S_ISVTX) && cred->euid != i->uid &&
		    cred->euid != 0)
			return -EPERM;
		int error = inode_access(i, cred, write ? W_OK : R_OK);
		if (error)
			return error;
	} else if (begins(name, "trusted.")) {
		if (cred->euid != 0)
			return write ? -EPERM : -ENODATA;
	} else if (begins(name, "security.")) {
		if (write && cred->euid != 0)
			return -EPERM;
	} else {
		return -EOPNOTSUPP;
	}
	if (!i->fs || i->fs->ops != &tmpfs_ops)
		return -EOPNOTSUPP;
	return strchr(name, '.')[1] ? 0 : -EINVAL;
}

/* file, name, value, len, flags */
static int64_t set(enum naming how, const uint64_t *a)
{
	char name[XATTR_NAME_MAX + 1];
	uint32_t flags = (uint32_t)a[4];
	struct inode *i;
	void *value;

	if (flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	int error = name_get(a[1], name);
	if (error)
		return error;
	if (a[3] > XATTR_SIZE_MAX)
		return -E2BIG;
	value = kmalloc(a[3] ? a[3] : 1);
	if (!value)
		return -ENOMEM;
	if (arch_copy_from_user(value, VADDR(a[2]), a[3]) != 0)
		error = -EFAULT;
	if (!error)
		error = find(how, a[0], &i);
	if (!error) {
		error = check(i, name, true);
		if (!error)
			error = xattr_set(i, name, value, a[3], flags);
		if (!error)
			inode_touch_ctime(i);
		inode_put(i);
	}
	kfree(value);
	return error;
}

/* file, name, value, size */
static int64_t get(enum naming how, const uint64_t *a)
{
	size_t size = a[3] < XATTR_SIZE_MAX ? a[3] : XATTR_SIZE_MAX;
	char name[XATTR_NAME_MAX + 1];
	struct inode *i;
	ssize_t n = name_get(a[1], name);

	if (n == 0)
		n = find(how, a[0], &i);
	if (n)
		return n;
	void *value = kmalloc(size ? size : 1);
	n = value ? check(i, name, false) : -ENOMEM;
	if (n == 0)
		n = xattr_get(i, name, value, size);
	if (n > 0 && size && arch_copy_to_user(VADDR(a[2]), value, (size_t)n) != 0)
		n = -EFAULT;
	kfree(value);
	inode_put(i);
	return n;
}

/* file, names, size */
static int64_t list(enum naming how, const uint64_t *a)
{
	size_t size = a[2] < XATTR_LIST_MAX ? a[2] : XATTR_LIST_MAX;
	struct inode *i;
	ssize_t n = find(how, a[0], &i);

	if (n)
		return n;
	char *names = kmalloc(size ? size : 1);
	n = names ? xattr_list(i, proc_current()->cred.euid == 0, names, size) : -ENOMEM;
	if (n > 0 && size && arch_copy_to_user(VADDR(a[1]), names, (size_t)n) != 0)
		n = -EFAULT;
	kfree(names);
	inode_put(i);
	return n;
}

/* file, name */
static int64_t drop(enum naming how, const uint64_t *a)
{
	char name[XATTR_NAME_MAX + 1];
	struct inode *i;
	int error = name_get(a[1], name);

	if (!error)
		error = find(how, a[0], &i);
	if (error)
		return error;
	error = check(i, name, true);
	if (!error)
		error = xattr_remove(i, name);
	if (!error)
		inode_touch_ctime(i);
	inode_put(i);
	return error;
}

int64_t sys_setxattr(const uint64_t *a)
{
	return set(PATH, a);
}

int64_t sys_lsetxattr(const uint64_t *a)
{
	return set(LINK, a);
}

int64_t sys_fsetxattr(const uint64_t *a)
{
	return set(DESCRIPTOR, a);
}

int64_t sys_getxattr(const uint64_t *a)
{
	return get(PATH, a);
}

int64_t sys_lgetxattr(const uint64_t *a)
{
	return get(LINK, a);
}

int64_t sys_fgetxattr(const uint64_t *a)
{
	return get(DESCRIPTOR, a);
}

int64_t sys_listxattr(const uint64_t *a)
{
	return list(PATH, a);
}

int64_t sys_llistxattr(const uint64_t *a)
{
	return list(LINK, a);
}

int64_t sys_flistxattr(const uint64_t *a)
{
	return list(DESCRIPTOR, a);
}

int64_t sys_removexattr(const uint64_t *a)
{
	return drop(PATH, a);
}

int64_t sys_lremovexattr(const uint64_t *a)
{
	return drop(LINK, a);
}

int64_t sys_fremovexattr(const uint64_t *a)
{
	return drop(DESCRIPTOR, a);
}
