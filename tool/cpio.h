/*
 * An archive in the `newc` format of cpio, made in memory: what a kernel takes
 * as its first file tree.
 */
#ifndef TOOL_CPIO_H
#define TOOL_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpio {
	uint8_t *data;
	size_t len, size;
	uint32_t next_inode;
	bool failed; /* memory ran out, or an entry was too large for the format */
};

#define CPIO_PAGE 4096

/* `path` is absolute; `mode` has the permission bits only. Errors are kept in c->failed. */
void cpio_add_folder(struct cpio *c, const char *path, unsigned mode);

/*
 * => data of a page or more starts at a multiple of CPIO_PAGE in the archive, and only zeroes
 *    follow it up to the next one.
 */
void cpio_add_file(struct cpio *c, const char *path, unsigned mode, const void *data, size_t len);

/* Ends the archive. => !c->failed; c->data and c->len are the archive. */
bool cpio_finish(struct cpio *c);

void cpio_free(struct cpio *c);

#endif
