/*
 * The 9P server over a real folder: what each request does, that answers are the same on every
 * host, and that damaged messages get an error.
 */
#define _GNU_SOURCE
#include "test/unit/machine_client.h"

static struct client c;

#define EXPECT(error, ...) assert_int_equal(call(&c, __VA_ARGS__), error)
#define OK(...)            EXPECT(0, __VA_ARGS__)

static int start_writable(void **state)
{
	client_start(&c, true);
	return 0;
}

static int start_read_only(void **state)
{
	client_start(&c, false);
	return 0;
}

static int stop(void **state)
{
	client_stop(&c);
	return 0;
}

struct attributes {
	uint64_t valid;
	struct p9_qid qid;
	uint32_t mode, uid, gid;
	uint64_t links, rdev, size, blksize, blocks, times[8], rest[2];
};

static struct p9_qid take_qid(void)
{
	struct p9_qid qid = {.type = p9_take1(&c.answer)};

	qid.version = p9_take4(&c.answer);
	qid.path = p9_take8(&c.answer);
	return qid;
}

static int attributes(uint32_t fid, struct attributes *a)
{
	int error = call(&c, P9_GETATTR, "48", fid, ~0ull);

	if (error)
		return error;
	a->valid = p9_take8(&c.answer);
	a->qid = take_qid();
	a->mode = p9_take4(&c.answer);
	a->uid = p9_take4(&c.answer);
	a->gid = p9_take4(&c.answer);
	a->links = p9_take8(&c.answer);
	a->rdev = p9_take8(&c.answer);
	a->size = p9_take8(&c.answer);
	a->blksize = p9_take8(&c.answer);
	a->blocks = p9_take8(&c.answer);
	for (unsigned i = 0; i < 8; i++)
		a->times[i] = p9_take8(&c.answer);
	for (unsigned i = 0; i < 2; i++)
		a->rest[i] = p9_take8(&c.answer);
	assert_true(p9_taken(&c.answer));
	return 0;
}

/* The text that a read gives. */
static const char *text_at(uint32_t fid, uint64_t at, uint32_t count)
{
	static char text[128];
	uint32_t n;

	OK(P9_READ, "484", fid, at, count);
	n = p9_take4(&c.answer);
	assert_true(n < sizeof(text));
	assert_int_equal(c.answer.end - c.answer.at, n);
	memcpy(text, c.answer.at, n);
	text[n] = 0;
	return text;
}

/* A writable share's clock: what is changed bears it. */
static uint64_t mtime_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(in_folder(&c, name), &st), 0);
	return (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
}

/* -- what each request does --------------------------------------------------------------- */

static void agrees_on_a_version(void **state)
{
	struct p9_string version;

	OK(P9_VERSION, "4s", 0xffffffff, "9P2000.L");
	assert_int_equal(p9_take4(&c.answer), P9_MSIZE_MAX);
	version = p9_take_string(&c.answer);
	assert_memory_equal(version.text, "9P2000.L", version.len);
	EXPECT(EBADF, P9_CLUNK, "4", 0); /* a new session has no fids */
	OK(P9_VERSION, "4s", 8192, "9P2000");
	assert_int_equal(p9_take4(&c.answer), 8192);
	version = p9_take_string(&c.answer);
	assert_memory_equal(version.text, "unknown", version.len);
	EXPECT(EINVAL, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "", 0);
	EXPECT(EINVAL, P9_VERSION, "4s", 255, "9P2000.L");
	OK(P9_VERSION, "4s", 256, "9P2000.L");
	EXPECT(EOPNOTSUPP, P9_AUTH, "4ss4", 1, "user", "", 0);
	EXPECT(EINVAL, P9_ATTACH, "44ss4", 0, 1, "user", "", 0);
	EXPECT(EINVAL, P9_ATTACH, "44ss4", P9_NO_FID, P9_NO_FID, "user", "", 0);
	EXPECT(ENOENT, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "/etc", 0);
	OK(P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "/", 0);
	EXPECT(EBADF, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "/", 0);
	OK(P9_FLUSH, "2", 1);
	OK(P9_STATFS, "4", 0);
	assert_int_equal(p9_take4(&c.answer), 0x01021997);
}

static void walks(void **state)
{
	struct p9_qid a, b;

	mkdir(in_folder(&c, "a"), 0755);
	write_file(in_folder(&c, "a/f"), "text");
	assert_int_equal(walk_to(&c, 0, 1, "a"), 0);
	a = take_qid();
	assert_int_equal(a.type, P9_QID_FOLDER);
	assert_int_equal(walk_to(&c, 1, 2, "f"), 0);
	b = take_qid();
	assert_int_equal(b.type, 0);
	assert_int_not_equal(a.path, b.path);
	assert_int_equal(walk_to(&c, 0, 3, "a/f"), 0);
	take_qid();
	assert_int_equal(take_qid().path, b.path);
	assert_int_equal(walk_to(&c, 2, 4, ""), 0); /* a copy */
	assert_int_equal(walk_to(&c, 4, 4, ""), 0);
	assert_int_equal(walk_to(&c, 1, 5, ".."), 0);
	assert_int_equal(take_qid().type, P9_QID_FOLDER);
	assert_int_equal(walk_to(&c, 0, 6, "x"), ENOENT);
	assert_int_equal(walk_to(&c, 0, 6, "a/x"), ENOENT); /* a walk that ends early */
	EXPECT(EBADF, P9_CLUNK, "4", 6);
	assert_int_equal(walk_to(&c, 0, 6, "a/f/x"), ENOENT);
	assert_int_equal(walk_to(&c, 2, 6, "x"), ENOTDIR);
	assert_int_equal(walk_to(&c, 0, 1, ""), EBADF); /* taken */
	assert_int_equal(walk_to(&c, 77, 7, ""), EBADF);
	assert_int_equal(walk_to(&c, 0, P9_NO_FID, ""), EINVAL);
	assert_int_equal(walk_to(&c, 0, 7, "a/../a/../a/../a/../a/../a/../a/../a/f"), 0);
	assert_int_equal(walk_to(&c, 0, 8, "a/../a/../a/../a/../a/../a/../a/../a/../a"), EINVAL);
	for (uint32_t fid = 1; fid <= 5; fid++)
		OK(P9_CLUNK, "4", fid);
	EXPECT(EBADF, P9_CLUNK, "4", 5);
}

static void reads_and_writes(void **state)
{
	uint64_t now = p9_now(c.server);
	struct attributes a;
	char text[32] = {0};
	FILE *f;

	OK(P9_LCREATE, "4s444", 0, "new", O_RDWR, 0640, 0);
	assert_int_equal(take_qid().type, 0);
	assert_int_equal(p9_take4(&c.answer), CLIENT_MSIZE - P9_IO_HEADER);
	message_begin(&c, P9_WRITE);
	message_put(&c, "\0\0\0\0\2\0\0\0\0\0\0\0\5\0\0\0hello", 21);
	memcpy(c.in, &c.in_len, 4);
	assert_int_equal(message_send(&c, c.in_len), 0);
	assert_int_equal(p9_take4(&c.answer), 5);
	f = fopen(in_folder(&c, "new"), "r");
	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text), f), 7);
	fclose(f);
	assert_memory_equal(text, "\0\0hello", 7);
	assert_int_equal(mtime_of("new"), now);
	assert_int_equal(mtime_of(""), now);

	assert_string_equal(text_at(0, 3, 3), "ell");
	assert_string_equal(text_at(0, 4, 100), "llo");
	assert_string_equal(text_at(0, 7, 100), "");
	assert_string_equal(text_at(0, 1000, 100), "");
	EXPECT(EINVAL, P9_READ, "484", 0, 1ull << 63, 1);
	EXPECT(EINVAL, P9_READ, "484", 0, ~0ull, 1);
	OK(P9_FSYNC, "4", 0);
	OK(P9_FSYNC, "44", 0, 1);
	assert_int_equal(attributes(0, &a), 0);
	assert_int_equal(a.mode, S_IFREG | 0640);
	assert_int_equal(a.size, 7);

	/* The file goes on to be there without its name. */
	assert_int_equal(unlink(in_folder(&c, "new")), 0);
	assert_string_equal(text_at(0, 2, 5), "hello");
	assert_int_equal(attributes(0, &a), 0);
	assert_int_equal(a.links, 0);
	/* size to 3, by the handle */
	OK(P9_SETATTR,
	   "444448"
	   "8888",
	   0, 8, 0, 0, 0, 3ull, 0ull, 0ull, 0ull, 0ull);
	assert_string_equal(text_at(0, 0, 5), "");
	assert_int_equal(attributes(0, &a), 0);
	assert_int_equal(a.size, 3);
}

static void opens_as_it_may(void **state)
{
	write_file(in_folder(&c, "f"), "content");
	mkdir(in_folder(&c, "d"), 0755);
	assert_int_equal(symlink("f", in_folder(&c, "l")), 0);
	assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
	EXPECT(EBADF, P9_READ, "484", 1, 0ull, 1); /* not open */
	EXPECT(EINVAL, P9_LOPEN, "44", 1, 3);
	EXPECT(ENOTDIR, P9_LOPEN, "44", 1, O_DIRECTORY);
	OK(P9_LOPEN, "44", 1, O_WRONLY | O_APPEND | 0100000);
	EXPECT(EBADF, P9_LOPEN, "44", 1, O_RDONLY);
	EXPECT(EBADF, P9_READ, "484", 1, 0ull, 1);
	assert_int_equal(walk_to(&c, 1, 2, ""), 0); /* a copy is not open */
	OK(P9_LOPEN, "44", 2, O_RDONLY);
	EXPECT(EBADF, P9_WRITE, "4841", 2, 0ull, 1, 'x');
	assert_string_equal(text_at(2, 0, 100), "content");
	assert_int_equal(walk_to(&c, 0, 3, "f"), 0);
	OK(P9_LOPEN, "44", 3, O_RDWR | O_TRUNC);
	assert_string_equal(text_at(2, 0, 100), "");
	assert_int_equal(walk_to(&c, 0, 4, "d"), 0);
	EXPECT(EISDIR, P9_LOPEN, "44", 4, O_RDWR);
	OK(P9_LOPEN, "44", 4, O_RDONLY | O_DIRECTORY);
	EXPECT(EISDIR, P9_READ, "484", 4, 0ull, 10);
	OK(P9_FSYNC, "4", 4);
	assert_int_equal(walk_to(&c, 0, 5, "l"), 0);
	assert_int_equal(take_qid().type, P9_QID_LINK);
	EXPECT(ELOOP, P9_LOPEN, "44", 5, O_RDONLY);
	OK(P9_READLINK, "4", 5);
	assert_int_equal(p9_take_string(&c.answer).len, 1);
	EXPECT(EINVAL, P9_READLINK, "4", 1);
	assert_int_equal(walk_to(&c, 0, 6, ""), 0);
	EXPECT(EEXIST, P9_LCREATE, "4s444", 6, "f", O_WRONLY | O_EXCL, 0644, 0);
	OK(P9_LCREATE, "4s444", 6, "f", O_RDONLY, 0644, 0); /* it exists: opened */
	EXPECT(ENOTDIR, P9_LCREATE, "4s444", 6, "g", O_RDONLY, 0644, 0);
	EXPECT(EBADF, P9_LCREATE, "4s444", 4, "g", O_RDONLY, 0644, 0);
	EXPECT(EOPNOTSUPP, P9_XATTRWALK, "44s", 1, 9, "user.x");
}

static void lists_in_order(void **state)
{
	static const char *const names[] = {"B", "a", "a.b", "aa", "c", "z"};
	char name[16];
	uint64_t offset = 0;
	unsigned seen = 0;

	for (unsigned i = 6; i-- > 0;)
		write_file(in_folder(&c, names[i]), "");
	OK(P9_LOPEN, "44", 0, O_RDONLY);
	EXPECT(EINVAL, P9_READDIR, "484", 0, 0ull, 20); /* no entry fits */
	for (;;) {
		OK(P9_READDIR, "484", 0, offset, 60); /* two entries or so */
		if (p9_take4(&c.answer) == 0)
			break;
		while (c.answer.at != c.answer.end) {
			struct p9_qid qid = take_qid();
			struct p9_string s;

			offset = p9_take8(&c.answer);
			assert_int_equal(p9_take1(&c.answer), seen < 2 ? DT_DIR : DT_REG);
			s = p9_take_string(&c.answer);
			snprintf(name, sizeof(name), "%.*s", (int)s.len, s.text);
			assert_string_equal(name, seen == 0   ? "."
						  : seen == 1 ? ".."
							      : names[seen - 2]);
			/* The top is looked up first, and is its own parent. */
			assert_int_equal(qid.path, seen < 2 ? 1 : seen);
			seen++;
		}
	}
	assert_int_equal(seen, 8);
	OK(P9_READDIR, "484", 0, 1000ull, 60);
	assert_int_equal(p9_take4(&c.answer), 0);
	unlink(in_folder(&c, "c")); /* a listing goes on over what is gone */
	OK(P9_READDIR, "484", 0, 5ull, 100);
	assert_int_equal(p9_take4(&c.answer), 24 + 2 + 24 + 1); /* aa, z */
	assert_int_equal(walk_to(&c, 0, 1, "a"), EBADF);
	OK(P9_CLUNK, "4", 0);
	EXPECT(EBADF, P9_READDIR, "484", 0, 0ull, 60);
}

/* Many names, by their thousands: the sort, and growth of what is remembered. */
static void lists_a_large_folder(void **state)
{
	uint64_t offset = 0;
	unsigned seen = 0;
	char name[32], last[32] = "";

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "file%u", i * 7919 % 3000);
		write_file(in_folder(&c, name), "");
	}
	OK(P9_LOPEN, "44", 0, O_RDONLY);
	for (;;) {
		OK(P9_READDIR, "484", 0, offset, 60000);
		if (p9_take4(&c.answer) == 0)
			break;
		while (c.answer.at != c.answer.end) {
			struct p9_string s;

			take_qid();
			offset = p9_take8(&c.answer);
			p9_take1(&c.answer);
			s = p9_take_string(&c.answer);
			snprintf(name, sizeof(name), "%.*s", (int)s.len, s.text);
			assert_true(strcmp(last, name) < 0);
			strcpy(last, name);
			seen++;
		}
	}
	assert_int_equal(seen, 3002);
}

static void changes_names(void **state)
{
	struct attributes a;
	uint64_t f_number;

	OK(P9_MKDIR, "4s44", 0, "d", 0750, 0);
	assert_int_equal(take_qid().type, P9_QID_FOLDER);
	EXPECT(EEXIST, P9_MKDIR, "4s44", 0, "d", 0750, 0);
	assert_int_equal(mtime_of("d"), p9_now(c.server));
	OK(P9_SYMLINK, "4ss4", 0, "l", "/etc/passwd", 0);
	assert_int_equal(take_qid().type, P9_QID_LINK);
	EXPECT(ENOENT, P9_SYMLINK, "4ss4", 0, "m", "", 0);
	EXPECT(EPERM, P9_MKNOD, "4s4444", 0, "p", S_IFIFO | 0644, 0, 0, 0);
	write_file(in_folder(&c, "f"), "f");
	assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
	f_number = take_qid().path;
	OK(P9_LINK, "44s", 0, 1, "g");
	assert_int_equal(walk_to(&c, 0, 2, "g"), 0);
	assert_int_equal(take_qid().path, f_number); /* two names of one file */
	assert_int_equal(attributes(2, &a), 0);
	assert_int_equal(a.links, 2);
	assert_int_equal(walk_to(&c, 0, 3, "d"), 0);
	EXPECT(EPERM, P9_LINK, "44s", 0, 3, "h");

	/* A rename moves the fids below. */
	OK(P9_RENAMEAT, "4s4s", 0, "g", 3, "inside");
	assert_int_equal(attributes(2, &a), 0);
	OK(P9_RENAMEAT, "4s4s", 0, "d", 0, "e");
	assert_int_equal(attributes(2, &a), 0);
	assert_int_equal(access(in_folder(&c, "e/inside"), F_OK), 0);
	OK(P9_RENAME, "44s", 2, 0, "outside");
	assert_int_equal(attributes(2, &a), 0);
	assert_int_equal(access(in_folder(&c, "outside"), F_OK), 0);
	OK(P9_RENAMEAT, "4s4s", 0, "f", 0, "outside"); /* one file: nothing happens */
	assert_int_equal(access(in_folder(&c, "f"), F_OK), 0);
	EXPECT(EINVAL, P9_RENAMEAT, "4s4s", 0, "e", 3, "self");
	EXPECT(ENOENT, P9_RENAMEAT, "4s4s", 0, "none", 0, "x");
	EXPECT(EBUSY, P9_RENAME, "44s", 0, 3, "top");

	/* Over another file: fids of that one have no path any more. */
	write_file(in_folder(&c, "other"), "other");
	assert_int_equal(walk_to(&c, 0, 4, "other"), 0);
	OK(P9_RENAMEAT, "4s4s", 0, "f", 0, "other");
	assert_int_equal(attributes(4, &a), ENOENT);
	assert_int_equal(attributes(1, &a), 0);
	assert_int_equal(a.qid.path, f_number);

	EXPECT(EISDIR, P9_UNLINKAT, "4s4", 0, "e", 0);
	EXPECT(ENOTDIR, P9_UNLINKAT, "4s4", 0, "other", AT_REMOVEDIR);
	EXPECT(EINVAL, P9_UNLINKAT, "4s4", 0, "other", 1);
	OK(P9_UNLINKAT, "4s4", 0, "e", AT_REMOVEDIR);
	assert_int_equal(attributes(3, &a), ENOENT);
	EXPECT(ENOENT, P9_MKDIR, "4s44", 3, "x", 0750, 0); /* in what is removed */
	OK(P9_REMOVE, "4", 1);
	EXPECT(EBADF, P9_CLUNK, "4", 1);
	EXPECT(ENOENT, P9_REMOVE, "4", 4); /* and the fid is gone */
	EXPECT(EBADF, P9_CLUNK, "4", 4);
	EXPECT(EBUSY, P9_REMOVE, "4", 0);
}

static void removed_numbers_do_not_return(void **state)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < 50; i++) {
		uint64_t number;

		write_file(in_folder(&c, "f"), "");
		assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
		number = take_qid().path;
		assert_true(number > last);
		last = number;
		OK(P9_REMOVE, "4", 1);
	}
}

static void sets_attributes(void **state)
{
	struct attributes a;
	struct stat st;

	write_file(in_folder(&c, "f"), "0123456789");
	assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
#define SET(error, valid, mode, uid, size, mtime)                                                  \
	EXPECT(error, P9_SETATTR, "4444488888", 1, valid, mode, uid, 0, (uint64_t)(size), 99ull,   \
	       0ull, (uint64_t)(mtime), 5ull)
	SET(0, 1, 06711, 0, 0, 0);
	assert_int_equal(stat(in_folder(&c, "f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711); /* never more than the lower nine bits */
	SET(0, 8, 0, 0, 4, 0);
	assert_int_equal(attributes(1, &a), 0);
	assert_int_equal(a.size, 4);
	assert_int_equal(mtime_of("f"), p9_now(c.server));
	SET(0, 0x120, 0, 0, 0, 1234);
	assert_int_equal(mtime_of("f"), 1234000000005);
	SET(0, 0x20, 0, 0, 0, 1234);
	assert_int_equal(mtime_of("f"), p9_now(c.server));
	SET(EPERM, 2, 0, 1000, 0, 0);
	SET(0, 2, 0, 0, 0, 0);
	SET(EFBIG, 8, 0, 0, 1ull << 63, 0);
	EXPECT(EISDIR, P9_SETATTR, "4444488888", 0, 8, 0, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull);
	EXPECT(EINVAL, P9_SETATTR, "4444488888", 1, 0x120, 0, 0, 0, 0ull, 0ull, 0ull, 0ull,
	       1000000000ull);
#undef SET
}

static void attributes_are_normal(void **state)
{
	struct timespec times[2] = {{111, 7}, {222, 8}};
	struct attributes a;

	write_file(in_folder(&c, "f"), "0123456789");
	assert_int_equal(chmod(in_folder(&c, "f"), 04755), 0);
	assert_int_equal(utimensat(AT_FDCWD, in_folder(&c, "f"), times, 0), 0);
	assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
	assert_int_equal(attributes(1, &a), 0);
	assert_int_equal(a.valid, 0x7ff);
	assert_int_equal(a.mode, S_IFREG | 0755);
	assert_int_equal(a.uid, 0);
	assert_int_equal(a.gid, 0);
	assert_int_equal(a.links, 1);
	assert_int_equal(a.rdev, 0);
	assert_int_equal(a.size, 10);
	assert_int_equal(a.blocks, 1);
	assert_int_equal(a.qid.path, 2);
	for (unsigned i = 0; i < 6; i += 2) {
		assert_int_equal(a.times[i], 222);
		assert_int_equal(a.times[i + 1], 8);
	}
	assert_int_equal(attributes(0, &a), 0);
	assert_int_equal(a.size, 4096);
	assert_int_equal(a.links, 1);
	assert_int_equal(a.qid.path, 1);
}

static void locks_are_free(void **state)
{
	assert_int_equal(walk_to(&c, 0, 1, ""), 0);
	OK(P9_LOCK, "414884s", 1, 1, 1, 0ull, 0ull, 77, "me");
	assert_int_equal(p9_take1(&c.answer), 0);
	OK(P9_GETLOCK, "41884s", 1, 1, 5ull, 6ull, 77, "me");
	assert_int_equal(p9_take1(&c.answer), 2);
	assert_int_equal(p9_take8(&c.answer), 5);
	EXPECT(EBADF, P9_LOCK, "414884s", 9, 1, 1, 0ull, 0ull, 77, "me");
}

static void read_only_refuses_changes(void **state)
{
	write_file(in_folder(&c, "f"), "f");
	assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
	EXPECT(EROFS, P9_LOPEN, "44", 1, O_WRONLY);
	EXPECT(EROFS, P9_LOPEN, "44", 1, O_RDONLY | O_TRUNC);
	EXPECT(EROFS, P9_LCREATE, "4s444", 0, "new", O_RDONLY, 0644, 0);
	EXPECT(EROFS, P9_MKDIR, "4s44", 0, "d", 0755, 0);
	EXPECT(EROFS, P9_SYMLINK, "4ss4", 0, "l", "f", 0);
	EXPECT(EROFS, P9_MKNOD, "4s4444", 0, "p", S_IFIFO | 0644, 0, 0, 0);
	EXPECT(EROFS, P9_LINK, "44s", 0, 1, "g");
	EXPECT(EROFS, P9_RENAME, "44s", 1, 0, "g");
	EXPECT(EROFS, P9_RENAMEAT, "4s4s", 0, "f", 0, "g");
	EXPECT(EROFS, P9_UNLINKAT, "4s4", 0, "f", 0);
	EXPECT(EROFS, P9_SETATTR, "4444488888", 1, 1, 0, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull);
	OK(P9_LOPEN, "44", 1, O_RDONLY);
	EXPECT(EBADF, P9_WRITE, "4841", 1, 0ull, 1, 'x');
	assert_string_equal(text_at(1, 0, 10), "f");
	EXPECT(EROFS, P9_REMOVE, "4", 1);
	EXPECT(EBADF, P9_CLUNK, "4", 1);
	assert_int_equal(access(in_folder(&c, "f"), F_OK), 0);
}

/* -- damaged messages --------------------------------------------------------------------- */

static void refuses_bad_names(void **state)
{
	static const struct {
		const char *bytes;
		int len;
	} names[] = {{"", 0},     {".", 1},    {"..", 2}, {"a/b", 3},  {"/", 1},
		     {"a\0b", 3}, {"../x", 4}, {"\0", 1}, {"/etc", 4}, {"a/", 2}};
	static char longest[300];

	memset(longest, 'n', sizeof(longest));
	write_file(in_folder(&c, "f"), "f");
	assert_int_equal(walk_to(&c, 0, 1, "f"), 0);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]) + 1; i++) {
		bool is_long = i == sizeof(names) / sizeof(names[0]);
		const char *b = is_long ? longest : names[i].bytes;
		int len = is_long ? 256 : names[i].len, error = is_long ? ENAMETOOLONG : EINVAL;

		if (len != 2 || memcmp(b, "..", 2)) /* in a walk, this is a step up */
			EXPECT(error, P9_WALK, "442b", 0, 5, 1, b, len);
		EXPECT(error, P9_LCREATE, "4b444", 0, b, len, O_RDWR, 0644, 0);
		EXPECT(error, P9_MKDIR, "4b44", 0, b, len, 0755, 0);
		EXPECT(error, P9_SYMLINK, "4bs4", 0, b, len, "x", 0);
		EXPECT(error, P9_LINK, "44b", 0, 1, b, len);
		EXPECT(error, P9_RENAME, "44b", 1, 0, b, len);
		EXPECT(error, P9_RENAMEAT, "4b4s", 0, b, len, 0, "g");
		EXPECT(error, P9_RENAMEAT, "4s4b", 0, "f", 0, b, len);
		EXPECT(error, P9_UNLINKAT, "4b4", 0, b, len, 0);
	}
	OK(P9_LCREATE, "4b444", 0, longest, 255, O_RDWR, 0644, 0);
	EXPECT(EINVAL, P9_SYMLINK, "4sb4", 1, "l", "a\0b", 3, 0);
}

/* A path that grows beyond what the host takes. */
static void refuses_long_paths(void **state)
{
	static char name[201];
	unsigned depth = 0;
	int error;

	memset(name, 'd', 200);
	do {
		error = call(&c, P9_MKDIR, "4s44", depth % 2, name, 0755, 0);
		if (error)
			break;
		if (depth)
			OK(P9_CLUNK, "4", (depth + 1) % 2);
		assert_int_equal(walk_to(&c, depth % 2, (depth + 1) % 2, name), 0);
		depth++;
	} while (depth < 100);
	assert_int_equal(error, ENAMETOOLONG);
	assert_in_range(depth, 19, 20);
}

/* Every request cut off everywhere, and with bytes behind its end. */
static void refuses_short_and_long_messages(void **state)
{
	static const uint8_t types[] = {8,  12, 14, 16, 20,  22,  24,  26,  40,  52,  54,
					70, 72, 74, 76, 100, 104, 108, 110, 116, 118, 120};
	uint32_t size;

	for (unsigned i = 0; i < sizeof(types); i++) {
		for (unsigned len = 0; len < 60; len++) {
			message_begin(&c, types[i]);
			message_put(&c, (uint8_t[200]){0}, 100);
			size = len < 7 ? 50 : len;
			memcpy(c.in, &size, 4);
			message_send(&c, len);
			assert_true(p9_check(c.server));
			if (types[i] == P9_CLUNK)
				call(&c, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "", 0);
		}
		message_begin(&c, types[i]);
		size = 8; /* more than there is */
		memcpy(c.in, &size, 4);
		assert_int_equal(message_send(&c, 7), EINVAL);
	}
	message_begin(&c, P9_CLUNK);
	message_put(&c, "\0\0\0\0\0", 5); /* a byte too many */
	memcpy(c.in, &c.in_len, 4);
	assert_int_equal(message_send(&c, c.in_len), EINVAL);
	EXPECT(EOPNOTSUPP, 0, "");
	EXPECT(EOPNOTSUPP, 255, "");
	assert_int_equal(p9_serve(c.server, (const uint8_t *)"", 0, c.out, 10), 0);
	assert_int_equal(p9_serve(c.server, (const uint8_t *)"", 0, c.out, 11), 11);
	EXPECT(EINVAL, P9_WRITE, "484", 0, 0ull, 0xffffffff);
}

int main(void)
{
#define TEST(name)           cmocka_unit_test_setup_teardown(name, start_writable, stop)
#define READ_ONLY_TEST(name) cmocka_unit_test_setup_teardown(name, start_read_only, stop)
	const struct CMUnitTest tests[] = {
	    TEST(agrees_on_a_version),
	    READ_ONLY_TEST(walks),
	    TEST(reads_and_writes),
	    TEST(opens_as_it_may),
	    READ_ONLY_TEST(lists_in_order),
	    READ_ONLY_TEST(lists_a_large_folder),
	    TEST(changes_names),
	    TEST(removed_numbers_do_not_return),
	    TEST(sets_attributes),
	    READ_ONLY_TEST(attributes_are_normal),
	    TEST(locks_are_free),
	    READ_ONLY_TEST(read_only_refuses_changes),
	    TEST(refuses_bad_names),
	    TEST(refuses_long_paths),
	    TEST(refuses_short_and_long_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
