/* open, openat, openat2, creat: flags, permissions, kinds of files; close, close_range. */
#define _GNU_SOURCE
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "test/guest/place.h"

static char long_name[300], long_path[5000];

/* What opening says, with 0 for any descriptor, which is closed again. */
static void opens(const char *what, int fd)
{
	if (fd >= 0)
		close(fd);
	say(what, fd < 0 ? -1 : 0);
}

static int open2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};

	return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static void creation(void)
{
	struct stat st;
	int fd = open("new", O_WRONLY | O_CREAT, 07777);

	say("O_CREAT", fd < 0 ? -1 : 0);
	fstat(fd, &st);
	printf("mode %o, %ld bytes, %ld names\n", st.st_mode, (long)st.st_size, (long)st.st_nlink);
	say("read of what is open to write", read(fd, long_name, 1));
	close(fd);
	opens("O_CREAT of what is there", open("new", O_RDONLY | O_CREAT, 0));
	opens("O_CREAT | O_EXCL", open("new", O_RDONLY | O_CREAT | O_EXCL, 0600));
	umask(0);
	fd = creat("all", 0666);
	fstat(fd, &st);
	printf("creat without umask: mode %o\n", st.st_mode);
	close(fd);
	umask(0777);
	fd = open("none", O_RDWR | O_CREAT, 0666);
	fstat(fd, &st);
	printf("mode 0 may be created open: mode %o\n", st.st_mode);
	say("... and written", write(fd, "x", 1));
	close(fd);
	umask(022);
	opens("... but not opened again", open("none", O_RDONLY));
	opens("O_CREAT with a slash at the end", open("slash/", O_WRONLY | O_CREAT, 0600));
	opens("O_CREAT of a folder that is there", open(".", O_RDONLY | O_CREAT, 0600));
	opens("O_CREAT | O_DIRECTORY", open("x", O_RDONLY | O_CREAT | O_DIRECTORY, 0600));
	opens("O_CREAT below what is not there", open("no/such", O_WRONLY | O_CREAT, 0600));
	opens("O_CREAT below a file", open("new/such", O_WRONLY | O_CREAT, 0600));
	say("unlink", unlink("new") | unlink("all") | unlink("none"));
}

static void names(void)
{
	memset(long_name, 'n', 255);
	opens("a name of 255 bytes", open(long_name, O_RDWR | O_CREAT, 0600));
	say("unlink it", unlink(long_name));
	memset(long_name, 'n', 256);
	opens("a name of 256 bytes", open(long_name, O_RDWR | O_CREAT, 0600));
	for (size_t i = 0; i < sizeof(long_path) - 1; i++)
		long_path[i] = i % 2 ? '/' : '.';
	long_path[4095] = 0;
	opens("a path of 4095 bytes", open(long_path, O_RDONLY));
	long_path[4095] = '.';
	long_path[4096] = 0;
	opens("a path of 4096 bytes", open(long_path, O_RDONLY));
	opens("the empty path", open("", O_RDONLY));
	opens("a bad pointer", open((const char *)8, O_RDONLY));
	opens("/", open("/", O_RDONLY));
	opens("//./../.", open("//./../.", O_RDONLY | O_DIRECTORY));
	opens("a name with odd bytes", open("\377\1 \n", O_RDWR | O_CREAT, 0600));
	say("unlink it", unlink("\377\1 \n"));
}

static void links(void)
{
	char chain[2][16] = {"c0", ""};

	close(make_file("file", "text"));
	say("symlink", symlink("file", "link") | symlink("missing", "dangling") |
			   symlink("loop", "loop") | symlink("dir", "dirlink") |
			   mkdir("dir", 0755));
	opens("through a link", open("link", O_RDONLY));
	opens("O_NOFOLLOW of a link", open("link", O_RDONLY | O_NOFOLLOW));
	opens("O_NOFOLLOW of a link to a folder",
	      open("dirlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
	opens("O_NOFOLLOW of a link to a folder, slash", open("dirlink/", O_RDONLY | O_NOFOLLOW));
	opens("O_PATH | O_NOFOLLOW of a link", open("link", O_PATH | O_NOFOLLOW));
	opens("O_CREAT | O_NOFOLLOW of a link",
	      open("link", O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
	opens("O_CREAT | O_EXCL of a dangling link",
	      open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600));
	opens("a dangling link", open("dangling", O_RDONLY));
	opens("O_CREAT through a dangling link", open("dangling", O_WRONLY | O_CREAT, 0600));
	say("created its target", unlink("missing"));
	opens("a loop", open("loop", O_RDONLY));
	opens("below a loop", open("loop/x", O_RDONLY));
	opens("a link with a slash", open("link/", O_RDONLY));
	close(make_file(chain[0], ""));
	for (int n = 1; n <= 41; n++) {
		snprintf(chain[1], 16, "c%d", n);
		if (symlink(chain[0], chain[1]))
			abort();
		strcpy(chain[0], chain[1]);
	}
	opens("a chain of 40 links", open("c40", O_RDONLY));
	opens("a chain of 41 links", open("c41", O_RDONLY));
	for (int n = 0; n <= 41; n++) {
		snprintf(chain[1], 16, "c%d", n);
		unlink(chain[1]);
	}
	memset(long_path, 'p', 4095);
	long_path[4095] = 0;
	say("symlink to 4095 bytes", symlink(long_path, "far"));
	opens("through it", open("far", O_RDONLY));
	long_path[4095] = 'p';
	long_path[4096] = 0;
	say("symlink to 4096 bytes", symlink(long_path, "farther"));
	say("symlink to nothing", symlink("", "empty"));
	say("clean", unlink("far") | unlink("file") | unlink("link") | unlink("dangling") |
			 unlink("loop") | unlink("dirlink") | rmdir("dir"));
}

static void kinds(void)
{
	char path[64];
	struct stat st;
	int fd = make_file("file", "some text"), p;

	opens("a folder to write", open(".", O_RDWR));
	opens("a file as folder", open("file", O_RDONLY | O_DIRECTORY));
	opens("a file with a slash", open("file/", O_RDONLY));
	opens("O_TRUNC of a folder", open(".", O_RDONLY | O_TRUNC));
	opens("access mode 3", open("file", 3));
	opens("O_RDONLY | O_TRUNC", open("file", O_RDONLY | O_TRUNC));
	fstat(fd, &st);
	printf("... leaves %ld bytes\n", (long)st.st_size);
	say("a socket", mknod("socket", S_IFSOCK | 0600, 0));
	opens("open of it", open("socket", O_RDWR));
	say("a FIFO", mkfifo("fifo", 0600));
	opens("open to write, no reader", open("fifo", O_WRONLY | O_NONBLOCK));
	opens("open to read, not waiting", open("fifo", O_RDONLY | O_NONBLOCK));
	opens("open both ways", open("fifo", O_RDWR));
	say("a device, unprivileged", mknod("device", S_IFCHR | 0600, 0x103));
	say("mknod of a folder", mknod("folder", S_IFDIR | 0700, 0));
	say("mknod of a file", mknod("node", S_IFREG | 0640, 0));
	say("mknod again", mknod("node", 0, 0));
	say("mknod of a link", mknod("l", S_IFLNK | 0777, 0));
	p = open("file", O_PATH);
	say("O_PATH: read", read(p, path, 1));
	say("O_PATH: write", write(p, path, 1));
	say("O_PATH: fchmod", fchmod(p, 0600));
	say("O_PATH: ioctl", syscall(SYS_ioctl, p, 0x541b, path));
	say("O_PATH: mmap", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, p, 0) == MAP_FAILED ? -1 : 0);
	say("O_PATH: fstat", fstat(p, &st));
	say("O_PATH: lseek", lseek(p, 0, SEEK_SET));
	say("O_PATH: fcntl F_SETFL", fcntl(p, F_SETFL, 0));
	say("O_PATH: F_GETFL is O_PATH", fcntl(p, F_GETFL) == O_PATH ? 0 : -1);
	say("O_PATH: dup", close(dup(p)));
	say("O_PATH: fchdir of a file", fchdir(p));
	say("O_PATH: getdents", syscall(SYS_getdents64, p, path, 64));
	say("O_PATH: openat below", openat(p, "x", O_RDONLY));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p);
	opens("O_PATH: open again through /proc", open(path, O_RDWR));
	close(p);
	p = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC | O_RDWR | O_CREAT);
	opens("O_PATH ignores other flags", p < 0 ? p : openat(p, "file", O_RDONLY));
	opens("O_TMPFILE to read only", open(".", O_TMPFILE | O_RDONLY, 0600));
	opens("O_TMPFILE in a file", open("file", O_TMPFILE | O_RDWR, 0600));
	opens("O_TMPFILE nowhere", open("nowhere", O_TMPFILE | O_RDWR, 0600));
	int t = open(".", O_TMPFILE | O_RDWR, 0640);
	fstat(t, &st);
	printf("O_TMPFILE: mode %o, %ld names\n", st.st_mode, (long)st.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t);
	say("... gets a name", linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	fstat(t, &st);
	printf("... %ld names\n", (long)st.st_nlink);
	t = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0640);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", t);
	say("... not with O_EXCL", linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW));
	say("clean", unlink("file") | unlink("socket") | unlink("fifo") | unlink("node") |
			 unlink("named") | (access("other", F_OK) ? 0 : -1));
}

/* A copy of this program runs, and tries to open itself. */
static void running_program(void)
{
	char *argv[] = {"prog", "itself", NULL};
	int from = open("/proc/self/exe", O_RDONLY), to = open("prog", O_WRONLY | O_CREAT, 0755);
	ssize_t n;

	while ((n = read(from, long_path, sizeof(long_path))) > 0)
		if (write(to, long_path, (size_t)n) != n)
			abort();
	close(from);
	close(to);
	if (fork() == 0) {
		execve("./prog", argv, argv + 2);
		_exit(1);
	}
	wait(NULL);
	opens("when it has ended, to write", open("prog", O_WRONLY));
	say("unlink it", unlink("prog"));
}

static void itself(void)
{
	opens("a running program, to write", open("prog", O_RDWR));
	opens("... to read", open("prog", O_RDONLY));
	say("... truncated", truncate("prog", 0));
	opens("... O_TRUNC", open("prog", O_RDONLY | O_TRUNC));
}

static void rights(void)
{
	char *argv[] = {"prog", NULL};
	struct stat st;
	int fd;

	close(make_file("file", "text"));
	for (int mode = 0; mode <= 0700; mode += 0100) {
		char what[32];

		chmod("file", (mode_t)mode);
		for (int acc = O_RDONLY; acc <= O_RDWR; acc++) {
			snprintf(what, sizeof(what), "mode %03o, access mode %d", mode, acc);
			opens(what, open("file", acc));
		}
	}
	chmod("file", 0400);
	opens("O_TRUNC needs the right to write", open("file", O_RDONLY | O_TRUNC));
	chmod("file", 077);
	opens("the owner has the owner's rights only", open("file", O_RDONLY));
	mkdir("dir", 0700);
	close(make_file("dir/in", "x"));
	chmod("dir", 0600);
	opens("below a folder that may not be searched", open("dir/in", O_RDONLY));
	opens("nothing below it", open("dir/none", O_RDONLY));
	opens("it can be read", open("dir", O_RDONLY));
	chmod("dir", 0300);
	opens("it can not be read", open("dir", O_RDONLY));
	opens("but searched", open("dir/in", O_RDONLY));
	chmod("dir", 0500);
	opens("nothing new in it", open("dir/new", O_WRONLY | O_CREAT, 0600));
	opens("what is there can be written", open("dir/in", O_WRONLY | O_CREAT, 0600));
	say("and not removed", unlink("dir/in"));
	chmod("dir", 0700);
	opens("O_NOATIME of our own", open("dir/in", O_RDONLY | O_NOATIME));
	opens("O_NOATIME of another's", open("/dev/null", O_RDONLY | O_NOATIME));
	chmod("dir/in", 06755);
	fd = open("dir/in", O_WRONLY);
	say("a write", write(fd, "y", 1));
	fstat(fd, &st);
	printf("... takes set-id bits away: mode %o\n", st.st_mode);
	say("execve of what is open to write", execve("dir/in", argv, argv));
	close(fd);
	say("execve of no program", execve("dir/in", argv, argv));
	chmod("dir/in", 0644);
	say("execve of what may not be executed", execve("dir/in", argv, argv));
	say("execve of a folder", execve("dir", argv, argv));
	running_program();
	say("clean", unlink("dir/in") | rmdir("dir") | unlink("file"));
}

static void openat2_calls(void)
{
	struct {
		struct open_how how;
		uint64_t more;
	} big = {.how = {.flags = O_RDONLY}};
	int dir;

	mkdir("d", 0755);
	mkdir("d/e", 0755);
	close(make_file("d/file", "x"));
	close(make_file("out", "x"));
	say("links", symlink("file", "d/link") | symlink("../out", "d/up") |
			 symlink("/dev/null", "d/abs") | symlink("e", "d/elink"));
	dir = open("d", O_PATH | O_DIRECTORY);
	opens("openat2", open2(dir, "file", O_RDONLY, 0, 0));
	opens("unknown flag", open2(dir, "file", 1ull << 40, 0, 0));
	opens("mode without O_CREAT", open2(dir, "file", O_RDONLY, 0600, 0));
	opens("bad mode", open2(dir, "n", O_RDWR | O_CREAT, 010000, 0));
	opens("unknown resolve", open2(dir, "file", O_RDONLY, 0, 0x100));
	opens("BENEATH and IN_ROOT", open2(dir, "file", O_RDONLY, 0, 0x18));
	opens("O_PATH with O_RDWR", open2(dir, "file", O_PATH | O_RDWR, 0, 0));
	opens("O_PATH with O_CREAT", open2(dir, "file", O_PATH | O_CREAT, 0, 0));
	say("too small", syscall(SYS_openat2, dir, "file", &big, 8));
	opens("larger, with zeroes", (int)syscall(SYS_openat2, dir, "file", &big, sizeof(big)));
	big.more = 1;
	say("larger, with more", syscall(SYS_openat2, dir, "file", &big, sizeof(big)));
	say("larger than a page", syscall(SYS_openat2, dir, "file", &big, 4097));
	opens("BENEATH: a file", open2(dir, "file", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: ..", open2(dir, "..", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: e/..", open2(dir, "e/../file", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: e/../..", open2(dir, "e/../../d/file", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: absolute", open2(dir, "/dev/null", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: link up", open2(dir, "up", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: link out", open2(dir, "abs", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("BENEATH: link inside", open2(dir, "link", O_RDONLY, 0, RESOLVE_BENEATH));
	opens("IN_ROOT: absolute", open2(dir, "/file", O_RDONLY, 0, RESOLVE_IN_ROOT));
	opens("IN_ROOT: .. stays", open2(dir, "../../file", O_RDONLY, 0, RESOLVE_IN_ROOT));
	opens("IN_ROOT: absolute link", open2(dir, "abs", O_RDONLY, 0, RESOLVE_IN_ROOT));
	opens("IN_ROOT: /proc is none", open2(dir, "/proc/self", O_RDONLY, 0, RESOLVE_IN_ROOT));
	opens("NO_SYMLINKS: link", open2(dir, "link", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	opens("NO_SYMLINKS: between",
	      open2(dir, "elink/../file", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
	opens("NO_SYMLINKS: the link itself",
	      open2(dir, "link", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS));
	opens("NO_MAGICLINKS: plain link", open2(dir, "link", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	opens("NO_MAGICLINKS: /proc/self/fd/0",
	      open2(dir, "/proc/self/exe", O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
	opens("NO_XDEV: inside", open2(dir, "file", O_RDONLY, 0, RESOLVE_NO_XDEV));
	opens("NO_XDEV: other", open2(dir, "/proc", O_RDONLY, 0, RESOLVE_NO_XDEV));
	opens("bad descriptor", open2(77, "file", O_RDONLY, 0, 0));
	say("clean", unlink("d/link") | unlink("d/up") | unlink("d/abs") | unlink("d/elink") |
			 rmdir("d/e") | unlink("d/file") | rmdir("d") | unlink("out"));
}

static void descriptors(void)
{
	int fd = open(".", O_RDONLY), count = 0;
	struct rlimit r;

	opens("openat, bad descriptor", openat(99, "x", O_RDONLY));
	opens("openat, bad descriptor, absolute path", openat(99, "/", O_RDONLY));
	opens("openat of the empty path", openat(fd, "", O_RDONLY));
	say("close of -1", close(-1));
	say("close_range, bad flags", close_range(200, 300, 64));
	say("close_range, backwards", close_range(300, 200, 0));
	dup2(fd, 200);
	dup2(fd, 201);
	dup2(fd, 205);
	say("close_range, close on exec", close_range(200, 201, CLOSE_RANGE_CLOEXEC));
	say("200", fcntl(200, F_GETFD));
	say("205", fcntl(205, F_GETFD));
	say("close_range", close_range(200, ~0u, 0));
	say("200", fcntl(200, F_GETFD));
	dup2(fd, 210);
	if (fork() == 0) {
		say("close_range, unshare", close_range(210, 220, CLOSE_RANGE_UNSHARE));
		say("210", fcntl(210, F_GETFD));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	say("210", fcntl(210, F_GETFD));
	close_range(3, ~0u, 0);
	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = 10;
	setrlimit(RLIMIT_NOFILE, &r);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		count++;
	say("open, all descriptors taken", fd);
	printf("%d were free\n", count);
	say("pipe", pipe((int[2]){0, 0}));
	say("dup", dup(0));
	say("dup2 beyond", dup2(0, 10));
	say("O_CREAT makes it all the same", open("made", O_WRONLY | O_CREAT, 0600));
	say("... it is there", unlink("made"));
}

int main(int argc, char **argv)
{
	(void)argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		itself();
		return 0;
	}
	place_enter();
	creation();
	names();
	links();
	kinds();
	rights();
	openat2_calls();
	descriptors();
	place_leave();
	return 0;
}
