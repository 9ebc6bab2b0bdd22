/*
 * The ways out of a shared folder, each tried: "..", links of every kind, links that appear
 * between a look and a use, renames over the border, hard links, devices; then random requests,
 * some sensible and some not, through the server and through a driver's rings. What is outside
 * must be as it was.
 */
#define _GNU_SOURCE
#include "test/unit/machine_client.h"
#include "test/unit/machine_driver.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct client c;

#define EXPECT(error, ...) assert_int_equal(call(&c, __VA_ARGS__), error)
#define OK(...)            EXPECT(0, __VA_ARGS__)
/* Whatever the error is, it must be one. */
#define REFUSED(...) assert_int_not_equal(call(&c, __VA_ARGS__), 0)

/* "outer/name", one of four buffers. */
static const char *outside(const char *name)
{
	static char path[4][512];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", c.outer, name);
	return path[next];
}

static int start(void **state)
{
	client_start(&c, true);
	write_file(outside("secret"), "SECRET");
	assert_int_equal(chmod(outside("secret"), 0604), 0);
	assert_int_equal(mkdir(outside("out"), 0755), 0);
	write_file(outside("out/f"), "OUTSIDE");
	return 0;
}

static unsigned count_names(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

static void assert_content(const char *path, const char *want)
{
	char text[32] = {0};
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_int_equal(fread(text, 1, sizeof(text) - 1, f), strlen(want));
	assert_string_equal(text, want);
	fclose(f);
}

/* What was outside is there, and is as it was. */
static int stop(void **state)
{
	struct stat st;

	assert_int_equal(count_names(c.outer), 3);
	assert_int_equal(count_names(outside("out")), 1);
	assert_content(outside("secret"), "SECRET");
	assert_content(outside("out/f"), "OUTSIDE");
	assert_int_equal(stat(outside("secret"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	assert_int_equal(st.st_nlink, 1);
	client_stop(&c);
	return 0;
}

/* -- one way after the other -------------------------------------------------------------- */

static void up(void **state)
{
	struct share_info top, info;
	static const char *const paths[] = {
	    "..", "../secret", "/", "/etc/passwd", "d/../../secret", "./../secret", "d/../../in/d"};
	int64_t handle;

	OK(P9_MKDIR, "4s44", 0, "d", 0755, 0);
	assert_int_equal(walk_to(&c, 0, 1, ".."), 0);
	assert_int_equal(walk_to(&c, 1, 2, "secret"), ENOENT);
	assert_int_equal(walk_to(&c, 1, 2, "in"), ENOENT);
	assert_int_equal(walk_to(&c, 0, 2, "d/../../../secret"), ENOENT);

	/* The host's part alone, as if the server had let them through. */
	assert_int_equal(c.server->share.ops->info(&c.share, "", &top), 0);
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct share_ops *ops = c.server->share.ops;

		assert_int_not_equal(ops->info(&c.share, paths[i], &info), 0);
		assert_int_not_equal(ops->open(&c.share, paths[i], SHARE_READ, 0, &handle), 0);
		assert_int_not_equal(ops->create(&c.share, paths[i], SHARE_WRITE, 0644, 0, &handle),
				     0);
		assert_int_not_equal(ops->remove(&c.share, paths[i], false, 0), 0);
		assert_int_not_equal(ops->rename(&c.share, "d", paths[i], 0), 0);
		assert_int_not_equal(ops->rename(&c.share, paths[i], "x", 0), 0);
	}
}

/* The guest follows links, never the host: not even those that stay inside. */
static void links_that_stay_inside(void **state)
{
	const struct share_ops *ops = c.server->share.ops;
	struct share_info info;
	int64_t handle;

	assert_int_equal(mkdir(in_folder(&c, "d"), 0755), 0);
	write_file(in_folder(&c, "d/f"), "f");
	assert_int_equal(symlink("d", in_folder(&c, "l")), 0);
	assert_int_equal(symlink("d/f", in_folder(&c, "m")), 0);
	assert_int_equal(ops->info(&c.share, "l/f", &info), ELOOP);
	assert_int_equal(ops->open(&c.share, "l/f", SHARE_READ, 0, &handle), ELOOP);
	assert_int_equal(ops->open(&c.share, "m", SHARE_READ, 0, &handle), ELOOP);
	assert_int_equal(ops->create(&c.share, "l/g", SHARE_WRITE, 0644, 0, &handle), ENOTDIR);
	assert_int_equal(ops->remove(&c.share, "l/f", false, 0), ENOTDIR);
	assert_int_equal(ops->info(&c.share, "m", &info), 0);
	assert_true(S_ISLNK(info.mode));
}

/* Requests by a name in the folder that fid 5 is; each must fail. */
static void try_all(void)
{
	REFUSED(P9_LCREATE, "4s444", 5, "new", O_RDWR, 0644, 0);
	REFUSED(P9_LCREATE, "4s444", 5, "f", O_RDWR | O_TRUNC, 0644, 0);
	REFUSED(P9_MKDIR, "4s44", 5, "new", 0755, 0);
	REFUSED(P9_SYMLINK, "4ss4", 5, "new", "x", 0);
	REFUSED(P9_LINK, "44s", 5, 1, "new");
	REFUSED(P9_RENAMEAT, "4s4s", 5, "f", 0, "stolen");
	REFUSED(P9_RENAMEAT, "4s4s", 0, "mine", 5, "new");
	REFUSED(P9_RENAME, "44s", 1, 5, "new");
	REFUSED(P9_UNLINKAT, "4s4", 5, "f", 0);
	REFUSED(P9_UNLINKAT, "4s4", 5, "out", AT_REMOVEDIR);
	REFUSED(P9_LOPEN, "44", 5, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(walk_to(&c, 5, 6, "f"), 0);
	assert_int_not_equal(walk_to(&c, 5, 6, "secret"), 0);
}

static void links(void **state)
{
	const char *const targets[] = {outside("out"),    "../out",          "..",
				       "../secret",       outside("secret"), "/",
				       "/proc/self/root", "/proc/self/cwd",  "/proc/self/fd/0"};
	char paths[9][512];

	for (unsigned i = 0; i < 9; i++)
		strcpy(paths[i], targets[i]);
	write_file(in_folder(&c, "mine"), "mine");
	assert_int_equal(walk_to(&c, 0, 1, "mine"), 0);
	for (unsigned i = 0; i < 9; i++) {
		OK(P9_SYMLINK, "4ss4", 0, "l", paths[i], 0);
		assert_int_equal(walk_to(&c, 0, 5, "l"), 0);
		try_all();
		REFUSED(P9_LOPEN, "44", 5, O_RDONLY);
		REFUSED(P9_LOPEN, "44", 5, O_RDWR | O_TRUNC);
		REFUSED(P9_SETATTR, "4444488888", 5, 8, 0, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull);
		REFUSED(P9_SETATTR, "4444488888", 5, 1, 0777, 0, 0, 0ull, 0ull, 0ull, 0ull, 0ull);
		REFUSED(P9_LCREATE, "4s444", 0, "l", O_RDWR | O_TRUNC, 0644, 0);
		call(&c, P9_SETATTR, "4444488888", 5, 0x120, 0, 0, 0, 0ull, 0ull, 0ull, 9ull, 9ull);
		/* A second name of a link is one of the link, not of what it points to. */
		OK(P9_LINK, "44s", 0, 5, "m");
		assert_int_equal(walk_to(&c, 0, 6, "m"), 0);
		OK(P9_READLINK, "4", 6);
		OK(P9_CLUNK, "4", 6);
		OK(P9_UNLINKAT, "4s4", 0, "m", 0);
		OK(P9_REMOVE, "4", 5);
	}
}

/* A fid of a folder, in whose place a link appears: the fid's kind is no longer true. */
static void links_in_place_of_folders(void **state)
{
	static const char *const targets[] = {"../out", ".."};

	write_file(in_folder(&c, "mine"), "mine");
	assert_int_equal(walk_to(&c, 0, 1, "mine"), 0);
	for (unsigned i = 0; i < 2; i++) {
		OK(P9_MKDIR, "4s44", 0, "d", 0755, 0);
		OK(P9_MKDIR, "4s44", 0, "d2", 0755, 0);
		assert_int_equal(walk_to(&c, 0, 5, "d"), 0);
		assert_int_equal(walk_to(&c, 0, 7, "d2"), 0);
		OK(P9_LOPEN, "44", 7, O_RDONLY);
		assert_int_equal(rmdir(in_folder(&c, "d")), 0);
		assert_int_equal(rmdir(in_folder(&c, "d2")), 0);
		assert_int_equal(symlink(targets[i], in_folder(&c, "d")), 0);
		assert_int_equal(symlink(targets[i], in_folder(&c, "d2")), 0);
		try_all();
		REFUSED(P9_READDIR, "484", 7, 0ull, 1000);
		OK(P9_CLUNK, "4", 5);
		OK(P9_CLUNK, "4", 7);
		OK(P9_UNLINKAT, "4s4", 0, "d", 0);
		OK(P9_UNLINKAT, "4s4", 0, "d2", 0);
	}

	/* And a folder that is moved out takes no fid with it. */
	OK(P9_MKDIR, "4s44", 0, "d", 0755, 0);
	assert_int_equal(walk_to(&c, 0, 5, "d"), 0);
	assert_int_equal(rename(in_folder(&c, "d"), outside("moved")), 0);
	try_all();
	assert_int_equal(rmdir(outside("moved")), 0);
}

static void not_files(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	EXPECT(EPERM, P9_MKNOD, "4s4444", 0, "n", S_IFCHR | 0666, 1, 8, 0);
	EXPECT(EPERM, P9_MKNOD, "4s4444", 0, "n", S_IFBLK | 0666, 8, 0, 0);
	assert_int_equal(mkfifo(in_folder(&c, "pipe"), 0666), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", in_folder(&c, "socket"));
	assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)!mknod(in_folder(&c, "device"), S_IFCHR | 0666, 1 << 8 | 3); /* only as root */
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"pipe", "socket", "device"};

		if (access(in_folder(&c, names[i]), F_OK))
			continue;
		assert_int_equal(walk_to(&c, 0, 1, names[i]), 0);
		EXPECT(ENXIO, P9_LOPEN, "44", 1, O_RDONLY);
		EXPECT(ENXIO, P9_LOPEN, "44", 1, O_RDWR);
		REFUSED(P9_LCREATE, "4s444", 0, names[i], O_RDWR, 0644, 0);
		OK(P9_GETATTR, "48", 1, ~0ull);
		p9_take(&c.answer, 8);
		c.answer.at += 13 + 4 + 4 + 4 + 8;
		assert_int_equal(p9_take8(&c.answer), 0); /* no device number */
		OK(P9_CLUNK, "4", 1);
	}
	close(s);
}

/* -- a race ------------------------------------------------------------------------------- */

static volatile bool racing;

/* Swaps a folder and a link to what is outside, as fast as it can. */
static void *swap(void *arg)
{
	while (racing)
		renameat2(AT_FDCWD, in_folder(&c, "d"), AT_FDCWD, in_folder(&c, "l"),
			  RENAME_EXCHANGE);
	return NULL;
}

static void links_that_come_and_go(void **state)
{
	pthread_t thread;
	unsigned opened = 0, refused = 0;

	assert_int_equal(mkdir(in_folder(&c, "d"), 0755), 0);
	write_file(in_folder(&c, "d/f"), "INSIDE");
	assert_int_equal(symlink("../out", in_folder(&c, "l")), 0);
	assert_int_equal(walk_to(&c, 0, 5, "d"), 0);
	racing = true;
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	for (unsigned i = 0; i < 20000 && (i < 2000 || !opened || !refused); i++) {
		call(&c, P9_MKDIR, "4s44", 5, "n", 0755, 0);
		call(&c, P9_RENAMEAT, "4s4s", 5, "n", 5, "o");
		call(&c, P9_UNLINKAT, "4s4", 5, "o", AT_REMOVEDIR);
		call(&c, P9_UNLINKAT, "4s4", 5, "n", AT_REMOVEDIR);
		if (walk_to(&c, 5, 6, "f") || call(&c, P9_LOPEN, "44", 6, O_RDWR)) {
			refused++;
			call(&c, P9_CLUNK, "4", 6);
			continue;
		}
		opened++;
		OK(P9_READ, "484", 6, 0ull, 100);
		assert_int_equal(p9_take4(&c.answer), 6);
		assert_memory_equal(c.answer.at, "INSIDE", 6);
		OK(P9_CLUNK, "4", 6);
	}
	racing = false;
	pthread_join(thread, NULL);
	assert_true(opened);
}

/* -- random requests ---------------------------------------------------------------------- */

static const char *any_name(void)
{
	static const char *const names[] = {"a",  "b", "c", "d", "e",      "f",   "l",        "m",
					    "..", ".", "",  "/", "secret", "out", "../secret"};

	return names[driver_random() % (driver_random() % 4 ? 8 : 15)];
}

static uint32_t any_fid(void)
{
	return driver_random() % 32 ? driver_random() % 8 : driver_random();
}

static uint64_t any_number(void)
{
	switch (driver_random() % 4) {
	case 0: return driver_random();
	case 1: return (uint64_t)driver_random() << 32 | driver_random();
	default: return driver_random() % 100;
	}
}

static void one_request(void)
{
	static const char *const targets[] = {"..", "a", "../secret", "/", "../out", "."};
	static const uint32_t flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC};
	uint32_t f = any_fid(), g = any_fid(), n = driver_random() % 200;
	uint32_t how = flags[driver_random() % 4];

	switch (driver_random() % 20) {
	case 0: call(&c, P9_WALK, "442ss", f, g, 2, any_name(), any_name()); break;
	case 1:
	case 2: call(&c, P9_WALK, "442s", f, g, 1, any_name()); break;
	case 3: call(&c, P9_WALK, "442", f, g, 0); break;
	case 4: call(&c, P9_LOPEN, "44", f, how); break;
	case 5: call(&c, P9_LCREATE, "4s444", f, any_name(), how, 0600, 0); break;
	case 6: call(&c, P9_READ, "484", f, any_number(), n); break;
	case 7: call(&c, P9_WRITE, "4844", f, (uint64_t)n, 4, n); break;
	case 8: call(&c, P9_CLUNK, "4", f); break;
	case 9: call(&c, P9_REMOVE, "4", f); break;
	case 10: call(&c, P9_MKDIR, "4s44", f, any_name(), 0700, 0); break;
	case 11:
		call(&c, P9_SYMLINK, "4ss4", f, any_name(), targets[driver_random() % 6], 0);
		break;
	case 12: call(&c, P9_LINK, "44s", f, g, any_name()); break;
	case 13: call(&c, P9_RENAME, "44s", f, g, any_name()); break;
	case 14: call(&c, P9_RENAMEAT, "4s4s", f, any_name(), g, any_name()); break;
	case 15:
		call(&c, P9_UNLINKAT, "4s4", f, any_name(), driver_random() % 2 ? AT_REMOVEDIR : 0);
		break;
	case 16: call(&c, P9_GETATTR, "48", f, any_number()); break;
	case 17:
		call(&c, P9_SETATTR, "4444488888", f, driver_random() & 0x1ff, 0700 | n, 0, 0,
		     (uint64_t)n, any_number(), any_number(), any_number(), (uint64_t)n);
		break;
	case 18: call(&c, P9_READDIR, "484", f, (uint64_t)n % 10, n * 4); break;
	case 19: call(&c, P9_ATTACH, "44ss4", f, P9_NO_FID, "user", "", 0); break;
	}
}

static void random_requests(void **state)
{
	for (unsigned i = 0; i < 30000; i++) {
		one_request();
		if (i % 3000 == 0) {
			call(&c, P9_VERSION, "4s", CLIENT_MSIZE, "9P2000.L");
			call(&c, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "", 0);
		}
	}
}

/* Sensible requests with a few bytes changed, or cut off, or of random bytes altogether. */
static void damaged_requests(void **state)
{
	for (unsigned i = 0; i < 60000; i++) {
		uint32_t len = 7 + driver_random() % 80, said = len;

		message_begin(&c, driver_random() % 128);
		while (c.in_len < len) {
			uint32_t word = driver_random() % 4 ? driver_random() % 8 : driver_random();

			message_put(&c, &word, driver_random() % 2 ? 4 : 1);
		}
		if (driver_random() % 4 == 0)
			said = driver_random() % 200;
		memcpy(c.in, &said, 4);
		if (c.in[4] == P9_VERSION)
			c.in[4] = P9_WALK;
		message_send(&c, len);
		if (i % 100 == 0) {
			assert_true(p9_check(c.server));
			call(&c, P9_ATTACH, "44ss4", 0, P9_NO_FID, "user", "", 0);
		}
	}
}

/* -- through the rings -------------------------------------------------------------------- */

static struct driver d;

static void plausible(uint8_t *buffers, size_t len)
{
	static const uint8_t types[] = {12, 14, 24, 40, 72, 76, 100, 104, 110, 116, 118, 120};
	static const uint8_t version[] = "\x15\0\0\0\x64\0\0\0\0\1\0\x08\0"
					 "9P2000.L";

	for (unsigned i = 0; i < 64; i++) {
		uint8_t *at = buffers + 0x100 * i;

		for (unsigned k = 0; k < 64; k++)
			at[k] = (uint8_t)(driver_random() % 4);
		at[0] = (uint8_t)(7 + driver_random() % 60);
		at[1] = at[2] = at[3] = 0;
		at[4] = types[driver_random() % sizeof(types)];
		if (driver_random() % 8 == 0)
			memcpy(at, version, sizeof(version) - 1);
	}
}

static void rings(void **state)
{
	struct share share;
	struct machine_share attached;
	const char *why;
	uint64_t hash;

	board_init(&d.b, DRIVER_RAM, 1);
	assert_true(share_open(&share, c.folder, "hello", true, &attached, &why));
	assert_null(machine_attach_share(d.b.m, &attached));
	driver_start(&d, 1, 1);
	assert_int_equal(board_get(&d.b, d.mmio + 8, 4), 9);
	board_put(&d.b, d.mmio + 0x14, 4, 0);
	assert_int_equal(board_get(&d.b, d.mmio + 0x10, 4), 1);
	assert_int_equal(board_get(&d.b, d.mmio + 0x100, 2), 5);
	assert_int_equal(board_get(&d.b, d.mmio + 0x102, 1), 'h');
	assert_int_equal(board_get(&d.b, d.mmio + 0x106, 1), 'o');

	/* A version, cut into pieces; the answer into pieces too. */
	driver_put(&d, DRIVER_BUFFER,
		   "\x15\0\0\0\x64\xff\xff\0\x20\0\0\x08\0"
		   "9P2000.L",
		   21);
	driver_piece(&d, DRIVER_BUFFER, 5, false);
	driver_piece(&d, DRIVER_BUFFER + 5, 16, false);
	driver_piece(&d, DRIVER_BUFFER + 64, 3, true);
	driver_piece(&d, DRIVER_BUFFER + 67, 100, true);
	assert_int_equal(driver_ring(&d), 21);
	assert_int_equal(driver_get(&d, DRIVER_BUFFER + 64, 5), 0x6500000015);
	assert_int_equal(driver_get(&d, DRIVER_BUFFER + 64 + 13, 8), 0x4c2e303030325039);
	hash = machine_state_hash(d.b.m);
	driver_put(&d, DRIVER_BUFFER, "\7\0\0\0\x68\1\0", 7);
	driver_piece(&d, DRIVER_BUFFER, 7, false); /* no room for an answer */
	assert_int_equal(driver_ring(&d), 0);
	assert_false(driver_broken(&d));
	assert_int_not_equal(machine_state_hash(d.b.m), hash);

	for (unsigned round = 0; round < 2000; round++)
		driver_nonsense(&d, 1, 1, plausible);
	machine_state_hash(d.b.m);
	driver_start(&d, 1, 1); /* what is open is closed */
	share_close(&share);
	board_fini(&d.b);
}

static void refuses_wrong_tags_and_folders(void **state)
{
	struct share share;
	struct machine_share attached;
	const char *why;

	assert_true(share_open(&share, c.folder, "", false, &attached, &why));
	assert_non_null(machine_attach_share(c.b.m, &attached));
	attached.tag = "a tag that is one byte too long.";
	assert_non_null(machine_attach_share(c.b.m, &attached));
	attached.tag++;
	assert_null(machine_attach_share(c.b.m, &attached));
	share_close(&share);
	assert_false(share_open(&share, outside("none"), "tag", false, &attached, &why));
	assert_string_equal(why, strerror(ENOENT));
	assert_false(share_open(&share, outside("secret"), "tag", false, &attached, &why));
	assert_string_equal(why, strerror(ENOTDIR));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
	    TEST(up),
	    TEST(links_that_stay_inside),
	    TEST(links),
	    TEST(links_in_place_of_folders),
	    TEST(not_files),
	    TEST(links_that_come_and_go),
	    TEST(random_requests),
	    TEST(damaged_requests),
	    TEST(rings),
	    TEST(refuses_wrong_tags_and_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
