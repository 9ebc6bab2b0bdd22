/*
 * Folders of the host, through 9P. Theory: p9fs.c.
 */
#ifndef KERNEL_P9FS_H
#define KERNEL_P9FS_H

#include "kernel/lib/types.h"

/*
 * Mounts what `spec` says: TAG[/FOLDER...],PATH[,rw], where %XX stands for the byte of that number.
 * => 0; -ENODEV: no device has that tag; -EINVAL: the spec is wrong; else what went wrong.
 */
int p9fs_mount(const char *spec, size_t len);
/* The same for TAG[/FOLDER...], which is put under the root: fsys_put_under(). */
int p9fs_put_under(const char *spec, size_t len);

#endif
