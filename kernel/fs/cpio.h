/*
 * Reading cpio archives, as initial RAM disks are: pure functions over bytes. Theory: cpio.c.
 */
#ifndef KERNEL_CPIO_H
#define KERNEL_CPIO_H

#include "kernel/lib/types.h"

struct cpio {
	const uint8_t *start;
	size_t len, at; /* bytes; `at`: where the next entry begins, or zeroes before it */
};

struct cpio_entry {
	const char *name; /* in the archive, ends in NUL; no leading slash or "./" */
	size_t name_len;
	const uint8_t *data; /* in the archive */
	uint32_t size;       /* bytes of data */
	uint32_t mode, uid, gid, mtime, nlink, ino, rdev_major, rdev_minor;
};

void cpio_init(struct cpio *c, const void *start, size_t len);

/*
 * => 1 and the next entry; 0: the archive ends here, by its trailer or because only zeroes
 *    follow; -EINVAL: it is broken or cut off. All pointers lie within the archive.
 */
int cpio_next(struct cpio *c, struct cpio_entry *out);

#endif
