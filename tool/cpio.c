/*
 * The `newc` format: for each entry a header of 110 bytes in ASCII hexadecimal,
 * the name with its NUL, zeroes up to a multiple of 4, the data, zeroes up to a
 * multiple of 4; at the end an entry named TRAILER!!!.
 *
 * A kernel that finds the data of a file on page boundaries can use the archive's
 * own frames as the file's pages, without copying. So, for files of a page or
 * more:
 *
 *      | header | name NUL NUL ... NUL | data ...            | 0 0 0 | header
 *                                      ^ multiple of 4096            ^ multiple of 4096
 *
 * In front the name is padded with further NULs, counted in its length; readers
 * stop at the first. Behind, zeroes lie between two entries, which readers skip
 * (Linux silently; GNU cpio with a warning). A name may have 4096 bytes; when
 * the padding would take more, zeroes are put in front of the header instead.
 *
 * Owner, times and inode numbers are fixed: the same files give the same bytes.
 */
#include "tool/cpio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE   110
#define NAME_MAX_NEWC 4096 /* Linux skips an entry whose name is longer */

#define MODE_FOLDER  0040000
#define MODE_REGULAR 0100000

/* => a place for `len` bytes at the end, zeroed; NULL: failed. */
static uint8_t *append(struct cpio *c, size_t len)
{
	if (c->failed)
		return NULL;
	if (len > c->size - c->len) {
		size_t size = c->size ? c->size : 16 * CPIO_PAGE;
		while (size - c->len < len && size < SIZE_MAX / 2)
			size *= 2;
		uint8_t *data = len <= size - c->len ? realloc(c->data, size) : NULL;
		if (!data) {
			c->failed = true;
			return NULL;
		}
		memset(data + c->len, 0, size - c->len);
		c->data = data;
		c->size = size;
	}
	c->len += len;
	return c->data + c->len - len;
}

static size_t gap(size_t at, size_t multiple)
{
	return (multiple - at % multiple) % multiple;
}

/* `align`: the data starts at a multiple of CPIO_PAGE. */
static void add_entry(struct cpio *c, const char *name, unsigned mode, unsigned nlink,
		      const void *data, size_t len, bool align)
{
	char header[HEADER_SIZE + 1];
	size_t name_size = strlen(name) + 1;

	if (len > UINT32_MAX || name_size > NAME_MAX_NEWC)
		c->failed = true;
	if (align) {
		size_t pad = gap(c->len + HEADER_SIZE + name_size, CPIO_PAGE);

		if (name_size + pad <= NAME_MAX_NEWC) {
			name_size += pad;
		} else {
			/* here: pad is nearly a page, so what goes in front is a multiple of 4 */
			append(c, pad & ~(size_t)3);
			name_size += pad & 3;
		}
	}

	bool is_trailer = mode == 0;
	snprintf(header, sizeof header,
		 "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 is_trailer ? 0 : ++c->next_inode, mode, 0, 0, nlink, 0, (unsigned)len, 0, 0, 0, 0,
		 (unsigned)name_size, 0);

	uint8_t *at = append(c, HEADER_SIZE);
	if (at)
		memcpy(at, header, HEADER_SIZE);
	at = append(c, name_size);
	if (at)
		memcpy(at, name, strlen(name));
	append(c, gap(c->len, 4));
	at = append(c, len);
	if (at && len)
		memcpy(at, data, len);
	append(c, gap(c->len, align ? CPIO_PAGE : 4));
}

/* Names in an archive are relative to the root. */
static const char *relative(const char *path)
{
	while (*path == '/')
		path++;
	return path;
}

void cpio_add_folder(struct cpio *c, const char *path, unsigned mode)
{
	if (*relative(path))
		add_entry(c, relative(path), MODE_FOLDER | mode, 2, NULL, 0, false);
}

void cpio_add_file(struct cpio *c, const char *path, unsigned mode, const void *data, size_t len)
{
	add_entry(c, relative(path), MODE_REGULAR | mode, 1, data, len, len >= CPIO_PAGE);
}

bool cpio_finish(struct cpio *c)
{
	add_entry(c, "TRAILER!!!", 0, 1, NULL, 0, false);
	append(c, gap(c->len, 512)); /* whole blocks, as cpio itself writes */
	return !c->failed;
}

void cpio_free(struct cpio *c)
{
	free(c->data);
	*c = (struct cpio){0};
}
