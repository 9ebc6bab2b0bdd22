/*
 * A 9P client for tests: messages built field by field and handed to p9_serve, over a folder of
 * the host that lives as long as a test.
 *
 * Formats: 1, 2, 4, 8: an integer of so many bytes; s: a string; b: a string's bytes with an
 * explicit length before it (const void *, int), for names with NULs.
 */
#ifndef MACHINE_CLIENT_H
#define MACHINE_CLIENT_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "machine/dev/p9.h"
#include "test/unit/machine_board.h"
#include "tool/share.h"

enum {
	P9_STATFS = 8,
	P9_LOPEN = 12,
	P9_LCREATE = 14,
	P9_SYMLINK = 16,
	P9_MKNOD = 18,
	P9_RENAME = 20,
	P9_READLINK = 22,
	P9_GETATTR = 24,
	P9_SETATTR = 26,
	P9_XATTRWALK = 30,
	P9_READDIR = 40,
	P9_FSYNC = 50,
	P9_LOCK = 52,
	P9_GETLOCK = 54,
	P9_LINK = 70,
	P9_MKDIR = 72,
	P9_RENAMEAT = 74,
	P9_UNLINKAT = 76,
	P9_VERSION = 100,
	P9_AUTH = 102,
	P9_ATTACH = 104,
	P9_FLUSH = 108,
	P9_WALK = 110,
	P9_READ = 116,
	P9_WRITE = 118,
	P9_CLUNK = 120,
	P9_REMOVE = 122,
};

#define CLIENT_MSIZE 65536
#define CLIENT_ROOM  (CLIENT_MSIZE + 1024)

struct client {
	struct board b;
	struct share share;
	struct p9_server *server;
	char outer[64];  /* a folder with everything; deleted at the end */
	char folder[80]; /* what is shared: "in" within it */
	uint8_t *in;     /* exactly as long as the message: ASan sees a byte too far */
	uint32_t in_len;
	uint8_t *out;
	uint32_t out_len;
	struct p9_in answer; /* the fields */
};

static inline int client_delete(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

/* "folder/name", one of four buffers. */
static inline const char *in_folder(const struct client *c, const char *name)
{
	static char path[4][512];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", c->folder, name);
	return path[next];
}

static inline void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline void message_begin(struct client *c, unsigned type)
{
	c->in = malloc(CLIENT_ROOM);
	memset(c->in, 0, 7);
	c->in[4] = (uint8_t)type;
	c->in[5] = 0x34;
	c->in[6] = 0x12;
	c->in_len = 7;
}

static inline void message_put(struct client *c, const void *bytes, size_t len)
{
	assert_true(len <= CLIENT_ROOM - c->in_len);
	if (len)
		memcpy(c->in + c->in_len, bytes, len);
	c->in_len += (uint32_t)len;
}

static inline void message_fields(struct client *c, const char *format, va_list args)
{
	for (; *format; format++) {
		const char *text;
		uint64_t value;
		uint16_t len;

		switch (*format) {
		case 's':
			text = va_arg(args, const char *);
			len = (uint16_t)strlen(text);
			message_put(c, &len, 2);
			message_put(c, text, len);
			break;
		case 'b':
			text = va_arg(args, const char *);
			len = (uint16_t)va_arg(args, int);
			message_put(c, &len, 2);
			message_put(c, text, len);
			break;
		case '8':
			value = va_arg(args, uint64_t);
			message_put(c, &value, 8);
			break;
		default:
			value = va_arg(args, unsigned);
			message_put(c, &value, (size_t)(*format - '0'));
		}
	}
}

/* Sends what was built, `len` bytes of it. => 0, or the error's number; c->answer: the fields. */
static inline int message_send(struct client *c, uint32_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	memcpy(exact, c->in, len);
	free(c->in);
	c->out_len = p9_serve(c->server, exact, len, c->out, CLIENT_ROOM);
	free(exact);
	assert_in_range(c->out_len, 7, CLIENT_ROOM);
	c->answer = (struct p9_in){c->out, c->out + c->out_len, false};
	assert_int_equal(p9_take4(&c->answer), c->out_len);
	if (p9_take1(&c->answer) != 7) {
		p9_take2(&c->answer);
		return 0;
	}
	p9_take2(&c->answer);
	assert_int_equal(c->out_len, 11);
	return (int)p9_take4(&c->answer);
}

static inline int call(struct client *c, unsigned type, const char *format, ...)
{
	va_list args;
	int error;

	message_begin(c, type);
	va_start(args, format);
	message_fields(c, format, args);
	va_end(args);
	memcpy(c->in, &c->in_len, 4);
	error = message_send(c, c->in_len);
	assert_true(p9_check(c->server));
	return error;
}

/* Walks from `fid` to a path with `/` between its names. */
static inline int walk_to(struct client *c, uint32_t fid, uint32_t new_fid, const char *path)
{
	char copy[512], *name, *rest = copy;
	uint16_t n = 0;
	int error;

	message_begin(c, P9_WALK);
	message_put(c, &fid, 4);
	message_put(c, &new_fid, 4);
	message_put(c, &n, 2);
	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/"))) {
		uint16_t len = (uint16_t)strlen(name);

		if (!len)
			continue;
		message_put(c, &len, 2);
		message_put(c, name, len);
		n++;
	}
	memcpy(c->in + 15, &n, 2);
	memcpy(c->in, &c->in_len, 4);
	error = message_send(c, c->in_len);
	if (error)
		return error;
	return p9_take2(&c->answer) == n ? 0 : ENOENT;
}

/* Begins with a folder "in" in a new folder, shared; fid 0 is its top. */
static inline void client_start(struct client *c, bool writable)
{
	struct machine_share share;
	const char *why;

	memset(c, 0, sizeof(*c));
	board_init(&c->b, 1 << 20, 1);
	strcpy(c->outer, "/tmp/limpid-p9-XXXXXX");
	assert_non_null(mkdtemp(c->outer));
	snprintf(c->folder, sizeof(c->folder), "%s/in", c->outer);
	assert_int_equal(mkdir(c->folder, 0755), 0);
	assert_true(share_open(&c->share, c->folder, "tag", writable, &share, &why));
	c->server = machine_zalloc(c->b.m, sizeof(*c->server));
	assert_true(p9_init(c->server, c->b.m, &share));
	c->out = malloc(CLIENT_ROOM);
	assert_int_equal(call(c, P9_VERSION, "4s", CLIENT_MSIZE, "9P2000.L"), 0);
	assert_int_equal(call(c, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "", 0), 0);
}

static inline void client_stop(struct client *c)
{
	p9_end_session(c->server);
	assert_true(p9_check(c->server));
	share_close(&c->share);
	board_fini(&c->b);
	free(c->out);
	assert_int_equal(nftw(c->outer, client_delete, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif
