/* Names: mkdir, rmdir, link, unlink, rename, symlink, readlink, chdir, getcwd, getdents64. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "test/guest/place.h"

static char name[300], path[5000], *bad = (char *)8;

static void folders(void)
{
	struct stat st;

	say("mkdir", mkdir("d", 0777));
	stat("d", &st);
	printf("mode %o, %ld names, %ld bytes\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
	say("mkdir again", mkdir("d", 0777));
	say("mkdir of .", mkdir(".", 0777));
	say("mkdir of /", mkdir("/", 0777));
	say("mkdir of the empty path", mkdir("", 0777));
	say("mkdir below nothing", mkdir("no/d", 0777));
	say("mkdir with slashes", mkdir("d/e///", 0777));
	say("mkdir, sticky and set-id", mkdir("d/s", 07777));
	stat("d/s", &st);
	printf("mode %o\n", st.st_mode);
	stat("d", &st);
	printf("%ld names, %ld bytes\n", (long)st.st_nlink, (long)st.st_size);
	chmod("d/s", 02755);
	say("mkdir in a set-gid folder", mkdir("d/s/in", 0755));
	stat("d/s/in", &st);
	printf("mode %o\n", st.st_mode);
	say("rmdir of a full one", rmdir("d"));
	say("rmdir of d/.", rmdir("d/e/."));
	say("rmdir of d/..", rmdir("d/e/.."));
	say("rmdir of /", rmdir("/"));
	say("rmdir of nothing", rmdir("none"));
	close(make_file("f", "x"));
	say("rmdir of a file", rmdir("f"));
	say("rmdir below a file", rmdir("f/d"));
	say("unlink of a folder", unlink("d/e"));
	say("unlink of .", unlink("."));
	say("unlink of f/", unlink("f/"));
	say("unlinkat, bad flags", unlinkat(AT_FDCWD, "f", 0x1000));
	say("rmdir with slash", rmdir("d/e/"));
	int dir = open("d/s", O_RDONLY);
	say("rmdir of what is open", rmdir("d/s/in") | rmdir("d/s"));
	fstat(dir, &st);
	printf("%ld names\n", (long)st.st_nlink);
	say("create in it", openat(dir, "x", O_WRONLY | O_CREAT, 0600));
	say("mkdir in it", mkdirat(dir, "x", 0700));
	say("list it", syscall(SYS_getdents64, dir, path, sizeof(path)));
	say("its ..", fstatat(dir, "..", &st, 0));
	close(dir);
	say("clean", rmdir("d") | unlink("f"));
	chmod(".", 0500);
	say("mkdir in a folder not to be written", mkdir("q", 0700));
	say("... what is there", mkdir("/dev", 0700));
	chmod(".", 0700);
}

static void links(void)
{
	struct stat st;
	ssize_t n;
	int fd = make_file("f", "text");

	say("link", link("f", "g"));
	fstat(fd, &st);
	printf("%ld names\n", (long)st.st_nlink);
	say("link, there already", link("f", "g"));
	say("link of a folder", link(".", "h"));
	say("link of nothing", link("none", "h"));
	say("link to below nothing", link("f", "no/h"));
	say("link across", link("f", "/tmp/limpid-h"));
	say("link with slash", link("f", "h/"));
	say("linkat, bad flags", linkat(AT_FDCWD, "f", AT_FDCWD, "h", 1));
	say("symlink", symlink("f", "s"));
	say("link of a link", link("s", "s2"));
	lstat("s2", &st);
	check("is a link", S_ISLNK(st.st_mode) && st.st_nlink == 2 && st.st_size == 1);
	say("link followed", linkat(AT_FDCWD, "s", AT_FDCWD, "f3", AT_SYMLINK_FOLLOW));
	fstat(fd, &st);
	printf("%ld names\n", (long)st.st_nlink);
	say("link of a removed one", unlink("f") | unlink("g") | unlink("f3"));
	fstat(fd, &st);
	printf("%ld names\n", (long)st.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	say("... from /proc", linkat(AT_FDCWD, path, AT_FDCWD, "back", AT_SYMLINK_FOLLOW));
	n = readlink(path, name, sizeof(name) - 1);
	name[n > 0 ? n : 0] = 0;
	check("shown as deleted", strstr(name, "/f") && strstr(name, " (deleted)"));
	close(fd);
	fd = make_file("flink", "text");
	say("linkat of a descriptor", linkat(fd, "", AT_FDCWD, "again", AT_EMPTY_PATH));
	say("... without the flag", linkat(fd, "", AT_FDCWD, "no", 0));
	say("... and a path", linkat(fd, "x", AT_FDCWD, "no", AT_EMPTY_PATH));
	int dir = open(".", O_PATH);
	say("linkat of a folder's", linkat(dir, "", AT_FDCWD, "no", AT_EMPTY_PATH));
	close(dir);
	say("unlink", unlink("flink") | unlink("again"));
	say("linkat of what is gone", linkat(fd, "", AT_FDCWD, "no", AT_EMPTY_PATH));
	close(fd);
	say("readlink", readlink("s", path, 10));
	say("readlink, cut", symlink("longer", "l") ? -1 : readlink("l", path, 3));
	say("readlink, size 0", readlink("l", path, 0));
	say("readlink of a folder", readlink(".", path, 10));
	say("readlink of nothing", readlink("none", path, 10));
	say("readlink, bad buffer", readlink("l", bad, 10));
	say("readlink of the empty path", readlink("", path, 10));
	fd = open("l", O_PATH | O_NOFOLLOW);
	say("readlinkat of a descriptor", readlinkat(fd, "", path, 10));
	say("fstatat of it", fstatat(fd, "", &st, AT_EMPTY_PATH));
	check("is a link", S_ISLNK(st.st_mode));
	close(fd);
	say("symlink, there already", symlink("x", "l"));
	say("symlink with slash", symlink("x", "y/"));
	say("chmod of a link", fchmodat(AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW));
	say("clean", unlink("s") | unlink("s2") | unlink("l"));
}

static long rename2(const char *from, const char *to, unsigned flags)
{
	return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void renames(void)
{
	struct stat st, st2;

	close(make_file("a", "aa"));
	close(make_file("b", "b"));
	mkdir("d", 0755);
	mkdir("e", 0755);
	mkdir("e/in", 0755);
	say("rename", rename("a", "c"));
	say("gone", access("a", F_OK));
	say("over a file", rename("c", "b"));
	stat("b", &st);
	printf("%ld bytes\n", (long)st.st_size);
	say("to itself", rename("b", "b"));
	link("b", "b2");
	say("to another name of it", rename("b", "b2"));
	say("both are there", access("b", F_OK) | access("b2", F_OK));
	unlink("b2");
	say("a file over a folder", rename("b", "d"));
	say("a folder over a file", rename("d", "b"));
	say("a folder over a full one", rename("d", "e"));
	say("a folder over an empty one", rename("e", "d"));
	say("in it", access("d/in", F_OK));
	say("a folder into itself", rename("d", "d/in/x"));
	say("over what it is in", rename("d/in", "d"));
	say("nothing", rename("none", "x"));
	say("to below nothing", rename("b", "no/x"));
	say("to below a file", rename("d", "b/x"));
	say("a file, with slash", rename("b", "x/"));
	say("a folder, with slash", rename("d/", "x/"));
	say("back", rename("x", "d"));
	say("of .", rename(".", "x"));
	say("to ..", rename("d", ".."));
	say("across", rename("b", "/tmp/limpid-x"));
	say("NOREPLACE, there", rename2("b", "d", RENAME_NOREPLACE));
	say("NOREPLACE", rename2("b", "bb", RENAME_NOREPLACE));
	say("EXCHANGE with nothing", rename2("bb", "none", RENAME_EXCHANGE));
	say("EXCHANGE of file and folder", rename2("bb", "d", RENAME_EXCHANGE));
	stat("bb", &st);
	stat("d", &st2);
	check("exchanged", S_ISDIR(st.st_mode) && S_ISREG(st2.st_mode));
	say("EXCHANGE with what it is in", rename2("bb/in", "bb", RENAME_EXCHANGE));
	say("EXCHANGE and NOREPLACE", rename2("bb", "d", 3));
	say("WHITEOUT and EXCHANGE", rename2("bb", "d", 6));
	close(make_file("w", ""));
	say("WHITEOUT", rename2("w", "x", RENAME_WHITEOUT));
	lstat("w", &st);
	printf("leaves mode %o device %ld\n", st.st_mode, (long)st.st_rdev);
	say("unlink", unlink("w") | unlink("x"));
	say("unknown flag", rename2("bb", "d", 8));
	say("chmod", chmod("bb/in", 0500));
	say("a folder not to be written, elsewhere", rename("bb/in", "in"));
	say("a folder not to be written, here", rename("bb/in", "bb/out"));
	chmod("bb/out", 0700);
	chmod("bb", 0500);
	say("from a folder not to be written", rename("bb/out", "in"));
	say("into one", rename("d", "bb/d"));
	chmod("bb", 0700);
	memset(name, 'n', 256);
	say("to a name of 256 bytes", rename("d", name));
	say("clean", rmdir("bb/out") | rmdir("bb") | unlink("d"));
}

static void current(void)
{
	char at[4096];

	mkdir("d", 0700);
	say("chdir", chdir("d"));
	say("getcwd", getcwd(at, sizeof(at)) ? 0 : -1);
	check("is below ours",
	      strncmp(at, place, strlen(place)) == 0 && strcmp(at + strlen(place), "/d") == 0);
	say("getcwd, exact",
	    syscall(SYS_getcwd, at, strlen(at) + 1) == (long)strlen(at) + 1 ? 0 : -1);
	say("getcwd, one less", syscall(SYS_getcwd, at, strlen(at)));
	say("getcwd, bad buffer", syscall(SYS_getcwd, 8, 4096));
	say("remove it", rmdir("../d"));
	say("getcwd", syscall(SYS_getcwd, at, sizeof(at)));
	say("open .", close(open(".", O_RDONLY)));
	say("create", open("x", O_WRONLY | O_CREAT, 0600));
	say("chdir ..", chdir(".."));
	close(make_file("f", ""));
	say("chdir to a file", chdir("f"));
	say("chdir to nothing", chdir("none"));
	mkdir("n", 0600);
	say("chdir to what may not be searched", chdir("n"));
	int fd = open("n", O_RDONLY);
	say("fchdir to it", fchdir(fd));
	close(fd);
	fd = open("f", O_RDONLY);
	say("fchdir to a file", fchdir(fd));
	say("fchdir to 99", fchdir(99));
	say("chroot", chroot("."));
	close(fd);
	say("clean", unlink("f") | rmdir("n"));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lists(void)
{
	char *list[64], small[32];
	int n = 0, kinds[16] = {0};
	struct dirent *e;
	struct stat st;

	mkdir("d", 0755);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "d/file%d", i);
		close(make_file(name, ""));
	}
	mkdir("d/sub", 0755);
	say("symlink", symlink("x", "d/link"));
	say("fifo", mkfifo("d/fifo", 0600));
	DIR *dir = opendir("d");
	while ((e = readdir(dir)) && n < 64) {
		list[n++] = strdup(e->d_name);
		kinds[e->d_type & 15]++;
	}
	qsort(list, (size_t)n, sizeof(list[0]), by_name);
	for (int i = 0; i < n; i++)
		printf("%s%c", list[i], i == n - 1 ? '\n' : ' ');
	printf("%d files %d folders %d links %d fifos\n", kinds[DT_REG], kinds[DT_DIR],
	       kinds[DT_LNK], kinds[DT_FIFO]);
	rewinddir(dir);
	n = 0;
	while (readdir(dir))
		n++;
	printf("%d again\n", n);
	rewinddir(dir);
	n = 0;
	while ((e = readdir(dir))) {
		if (e->d_type != DT_REG)
			continue;
		snprintf(name, sizeof(name), "d/%s", e->d_name);
		n += unlink(name) == 0;
	}
	printf("%d removed while listing\n", n);
	closedir(dir);
	int fd = open("d", O_RDONLY);
	fstat(fd, &st);
	printf("%ld bytes\n", (long)st.st_size);
	say("getdents, too small", syscall(SYS_getdents64, fd, small, 16));
	say("getdents, bad buffer", syscall(SYS_getdents64, fd, 8, 4096) < 0 ? -1 : 0);
	say("getdents, small", syscall(SYS_getdents64, fd, small, sizeof(small)));
	say("lseek to the start", lseek(fd, 0, SEEK_SET));
	say("read", read(fd, small, 1));
	say("pread", pread(fd, small, 1, 0));
	say("write", write(fd, small, 1));
	say("lseek, negative", lseek(fd, -1, SEEK_SET));
	close(fd);
	fd = make_file("f", "");
	say("getdents of a file", syscall(SYS_getdents64, fd, small, sizeof(small)));
	say("getdents of 99", syscall(SYS_getdents64, 99, small, sizeof(small)));
	close(fd);
	say("clean",
	    unlink("f") | rmdir("d/sub") | unlink("d/link") | unlink("d/fifo") | rmdir("d"));
}

/* Pointers that lead nowhere, in every place for a path. */
static void faults(void)
{
	char *kernel = (char *)-4096L;
	struct stat st;

	say("mkdir", mkdir(bad, 0700));
	say("rmdir", rmdir(kernel));
	say("unlink", unlink(bad));
	say("link, first", link(bad, "x"));
	say("link, second", link(".", bad));
	say("symlink, target", symlink(bad, "x"));
	say("symlink, name", symlink("x", kernel));
	say("rename, first", rename(bad, "x"));
	say("rename, second", rename("x", bad));
	say("chdir", chdir(bad));
	say("chmod", chmod(kernel, 0));
	say("chown", chown(bad, 0, 0));
	say("access", access(bad, 0));
	say("truncate", truncate(bad, 0));
	say("utimensat", utimensat(AT_FDCWD, kernel, NULL, 0));
	say("utimensat, times", utimensat(AT_FDCWD, ".", (struct timespec *)bad, 0));
	say("mknod", mknod(bad, 0, 0));
	say("stat", stat(bad, &st));
	say("lstat", lstat(kernel, &st));
	say("statx", (int)syscall(SYS_statx, AT_FDCWD, bad, 0, 0, &st));
	say("execve", (int)syscall(SYS_execve, bad, NULL, NULL));
	say("readlink", readlink(bad, path, 10));
}

/* A reader of a folder that changes sees each old entry once, and no removed one twice. */
static void changing_list(void)
{
	char seen[100] = {0};
	struct dirent *e;
	int twice = 0, missing = 0, n;

	mkdir("d", 0700);
	for (n = 0; n < 100; n++) {
		snprintf(name, sizeof(name), "d/old%d", n);
		close(make_file(name, ""));
	}
	int fd = open("d", O_RDONLY);
	long len, at, got = 0;
	while ((len = syscall(SYS_getdents64, fd, path, 400)) > 0) {
		for (at = 0; at < len;) {
			e = (struct dirent *)(path + at);
			if (sscanf(e->d_name, "old%d", &n) == 1)
				twice += seen[n]++;
			at += e->d_reclen;
		}
		snprintf(name, sizeof(name), "d/new%ld", got++);
		close(make_file(name, ""));
		if (got > 1000)
			break;
	}
	for (n = 0; n < 100; n++)
		missing += !seen[n];
	printf("twice %d, missing %d\n", twice, missing);
	close(fd);
	DIR *dir = opendir("d");
	while ((e = readdir(dir))) {
		snprintf(name, sizeof(name), "d/%s", e->d_name);
		unlink(name);
	}
	closedir(dir);
	say("rmdir", rmdir("d"));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	place_enter();
	folders();
	links();
	renames();
	current();
	lists();
	faults();
	changing_list();
	place_leave();
	return 0;
}
