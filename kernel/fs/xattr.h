/*
 * Extended attributes of files in a tmpfs: names with values, a short list at the inode. Which
 * names there are, and who may use them, is the system calls' business (kernel/sys/xattr.c).
 */
#ifndef KERNEL_XATTR_H
#define KERNEL_XATTR_H

#include "kernel/lib/types.h"

struct inode;

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536
#define XATTR_LIST_MAX 65536

#define XATTR_CREATE  1 /* the name is new, or -EEXIST */
#define XATTR_REPLACE 2 /* it is there, or -ENODATA */

/* => 0; -EEXIST, -ENODATA, -ENOMEM, -ENOSPC: the inode has more than enough. */
int xattr_set(struct inode *i, const char *name, const void *value, size_t len, unsigned flags);
int xattr_remove(struct inode *i, const char *name); /* => 0 or -ENODATA */
/* => the value's length; -ENODATA; -ERANGE: size, which is not 0, is less. */
ssize_t xattr_get(struct inode *i, const char *name, void *value, size_t size);
/*
 * All names, each with its NUL; those that begin with "trusted." only for the privileged.
 * => bytes; -ERANGE: size, which is not 0, is less.
 */
ssize_t xattr_list(struct inode *i, bool privileged, char *names, size_t size);
void xattrs_free(struct inode *i);

#endif
