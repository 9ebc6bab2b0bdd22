/*
 * Files and folders as they lie in the tree. Theory and locks: inode.c.
 */
#ifndef KERNEL_INODE_H
#define KERNEL_INODE_H

#include "kernel/lib/types.h"
#include "abi/linux.h"

struct cred;
struct dirent;
struct file_ops;
struct mobj;

struct inode {
	uint64_t ino;   /* unique, in order of creation; 0 is none */
	uint32_t refs;  /* entries that name it, open files, walks in progress */
	uint32_t mode;  /* S_IFMT type and permission bits */
	uint32_t nlink; /* names; for a folder 2 + subfolders */
	uint32_t uid, gid;
	uint64_t rdev; /* device number, of S_IFCHR */
	struct linux_timespec atime, mtime, ctime;

	struct mobj *data; /* S_IFREG: its contents */
	char *target;      /* S_IFLNK: where it points */

	/* S_IFDIR: its entries in order of creation, and the folder above (the root's is itself).
	 */
	struct dirent *first, **last;
	struct inode *parent;

	const struct file_ops *ops; /* S_IFCHR, S_IFIFO: what an open file of it does */
	void *ctx;                  /* for ops */

	/* Contents that are made when asked for: a link's target, a file's text; NULL: stored. */
	ssize_t (*make_target)(char *buf, size_t size);
	struct mobj *(*make_data)(void);
};

/* One name in a folder; holds a reference to its inode. */
struct dirent {
	struct dirent *next;
	struct inode *inode;
	uint64_t cookie; /* position for getdents: grows along the list */
	uint8_t len;     /* of name, without NUL */
	char name[];
};

static inline bool inode_is_dir(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFDIR;
}

static inline bool inode_is_link(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFLNK;
}

static inline bool inode_is_regular(const struct inode *i)
{
	return (i->mode & S_IFMT) == S_IFREG;
}

/* The tree's lock: guards names, links and parents of all folders. */
void tree_lock(void);
void tree_unlock(void);

/* Creates the root folder. => 0 or -ENOMEM. */
int tree_init(void);
struct inode *tree_root(void); /* borrowed */

/* => a new inode with one reference, the caller's, and no name; NULL: no memory. */
struct inode *inode_create(uint32_t mode, uint32_t uid, uint32_t gid);
void inode_get(struct inode *i);
void inode_put(struct inode *i); /* NULL is allowed */

/* => whether `cred` may do all of want (R_OK, W_OK, X_OK bits): 0 or -EACCES. */
int inode_access(const struct inode *i, const struct cred *cred, unsigned want);

void inode_stat(const struct inode *i, struct linux_stat *st);
void inode_touch(struct inode *i); /* contents changed: mtime and ctime are now */

/* Tree locked, all of them. => dir is a folder. */

/* => the inode of that name, borrowed, or NULL. */
struct inode *dir_find(const struct inode *dir, const char *name, size_t len);
/* => 0 or -ENOMEM; takes a reference. The name is new in dir; 0 < len <= NAME_MAX. */
int dir_add(struct inode *dir, const char *name, size_t len, struct inode *i);
/* => the name exists. Gives up the entry's reference. */
void dir_remove(struct inode *dir, const char *name, size_t len);

/* Absolute path of a folder. => length with its NUL, -ERANGE, -ENOENT (it has been removed). */
ssize_t tree_path(const struct inode *dir, char *buf, size_t size);

/* Finds or creates folders along an absolute path, for the kernel's own use. NULL: no memory. */
struct inode *tree_make_dirs(const char *path);

#endif
