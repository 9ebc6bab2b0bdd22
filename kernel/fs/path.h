/*
 * From a path to a file. Theory: path.c.
 */
#ifndef KERNEL_PATH_H
#define KERNEL_PATH_H

#include "kernel/fs/inode.h"

#define WALK_FOLLOW 0x1 /* a symbolic link as the last component is followed */
#define WALK_PARENT 0x2 /* the last component need not exist */

/* How far a walk may go, as openat2(2) says it. */
#define WALK_NO_XDEV       0x10  /* not to another file system: -EXDEV */
#define WALK_NO_MAGICLINKS 0x20  /* through no link that leads straight to a file: -ELOOP */
#define WALK_NO_SYMLINKS   0x40  /* through no link at all: -ELOOP */
#define WALK_BENEATH       0x80  /* not above the start, nor by an absolute path: -EXDEV */
#define WALK_IN_ROOT       0x100 /* the start is the root, for links too */

/* Where a walk came to. */
struct path {
	struct inode *inode;     /* with a reference; NULL: no such name (only with WALK_PARENT) */
	struct inode *dir;       /* with a reference; the folder of the last component */
	char name[NAME_MAX + 1]; /* the last component; "." or ".." as given; "/" for the root */
	size_t len;              /* of name */
	bool wants_dir;          /* the path ended in a slash */
};

/*
 * Walks from `start`, or from the process's root when the path is absolute, as the current process.
 * => 0 with *out, to be given back with path_put(); or -ENOENT (also for an empty path),
 *    -ENOTDIR, -EACCES, -ELOOP, -EXDEV, -ENAMETOOLONG, -ENOMEM. The tree is not locked.
 */
int path_walk(struct inode *start, const char *path, unsigned flags, struct path *out);
void path_put(struct path *p);

#endif
