/*
 * cpio archives in the `newc` format.
 *
 * An archive is a row of entries, each on a multiple of 4:
 *
 *     "070701" and 13 numbers of 8 hexadecimal digits    110 bytes
 *     name, NUL, zeroes to a multiple of 4
 *     data, zeroes to a multiple of 4
 *
 * and ends with an entry named "TRAILER!!!". "070702" is the same with a check
 * sum, which is not checked. Zeroes between entries are skipped, as Linux does:
 * that lets a writer put data on page boundaries, where it can be adopted
 * without being copied (initramfs.c).
 *
 * The archive is a stranger's: every length is compared with what is left before
 * it is used.
 */
#include "kernel/fs/cpio.h"
#include "kernel/lib/lib.h"
#include "abi/linux.h"

#define HEADER_LEN 110
#define TRAILER    "TRAILER!!!"

enum field {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_SIZE,
	F_DEV_MAJOR,
	F_DEV_MINOR,
	F_RDEV_MAJOR,
	F_RDEV_MINOR,
	F_NAMESIZE,
	F_CHECK,
	FIELDS
};

void cpio_init(struct cpio *c, const void *start, size_t len)
{
	*c = (struct cpio){start, len, 0};
}

static bool parse_fields(const uint8_t *p, uint32_t out[FIELDS])
{
	for (int f = 0; f < FIELDS; f++) {
		uint32_t v = 0;

		for (int i = 0; i < 8; i++, p++) {
			unsigned digit;

			if (*p >= '0' && *p <= '9')
				digit = *p - '0';
			else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
				digit = (*p | 0x20) - 'a' + 10u;
			else
				return false;
			v = v << 4 | digit;
		}
		out[f] = v;
	}
	return true;
}

/* Skips "/", "./" and repetitions of them, so that all names are relative to the root. */
static const char *relative_name(const char *name)
{
	for (;;) {
		if (*name == '/')
			name++;
		else if (name[0] == '.' && name[1] == '/')
			name += 2;
		else
			return name;
	}
}

int cpio_next(struct cpio *c, struct cpio_entry *out)
{
	uint32_t f[FIELDS];

	while (c->at < c->len && c->start[c->at] == 0)
		c->at++;
	if (c->at == c->len)
		return 0;

	const uint8_t *header = c->start + c->at;
	size_t left = c->len - c->at;
	if (left < HEADER_LEN || memcmp(header, "07070", 5) != 0 ||
	    (header[5] != '1' && header[5] != '2') || !parse_fields(header + 6, f))
		return -EINVAL;

	uint64_t data_at = ROUND_UP(c->at + HEADER_LEN + (uint64_t)f[F_NAMESIZE], 4);
	if (f[F_NAMESIZE] == 0 || data_at > c->len || f[F_SIZE] > c->len - data_at)
		return -EINVAL;
	const char *name = (const char *)header + HEADER_LEN;
	if (name[f[F_NAMESIZE] - 1] != 0)
		return -EINVAL;
	if (strcmp(name, TRAILER) == 0)
		return 0;

	name = relative_name(name);
	*out = (struct cpio_entry){.name = name,
				   .name_len = strlen(name),
				   .data = c->start + data_at,
				   .size = f[F_SIZE],
				   .mode = f[F_MODE],
				   .uid = f[F_UID],
				   .gid = f[F_GID],
				   .mtime = f[F_MTIME],
				   .nlink = f[F_NLINK],
				   .ino = f[F_INO],
				   .rdev_major = f[F_RDEV_MAJOR],
				   .rdev_minor = f[F_RDEV_MINOR]};
	/* The padding after the last entry's data may be cut off. */
	uint64_t next = ROUND_UP(data_at + f[F_SIZE], 4);
	c->at = next < c->len ? next : c->len;
	return 1;
}
