/*
 * Ways out of a folder of the host that is shown and may be written: test/tool/escape.sh has put
 * `secret`, which begins with SECRET, beside the folder, and baits into it. Each way is one line:
 * `refused` with errno, or what was reached.
 *
 *   escape FOLDER     its absolute path; it is the current one
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "test/guest/say.h"

static char top[4096], path[9000];
static int ways;

/* A way that changes something, or fails. */
static void act(const char *what, long result)
{
	printf("%2d %s: %s\n", ++ways, what, result < 0 ? "refused" : "DONE");
	if (result < 0)
		printf("# %s\n", strerrorname_np(errno));
}

/* A way that opens something: only the secret counts. */
static void reach(const char *what, int fd)
{
	char text[6] = "";
	int error = errno;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	printf("%2d %s: %s\n", ++ways, what,
	       n == 6 && !memcmp(text, "SECRET", 6) ? "REACHED" : "refused");
	printf("# %s\n", fd < 0  ? strerrorname_np(error)
			 : n < 0 ? strerrorname_np(errno)
				 : "another file");
	if (fd >= 0)
		close(fd);
}

static int open_at(const char *fmt, const char *a, const char *b)
{
	snprintf(path, sizeof(path), fmt, a, b);
	return open(path, O_RDONLY | O_NONBLOCK);
}

static void reading(void)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
	int dir = open(".", O_RDONLY | O_DIRECTORY);
	char number[16], target[4096] = "";

	snprintf(number, sizeof(number), "%d", dir);
	reach("..", open("../secret", O_RDONLY));
	reach("many ..", open("../../../../../../../../../../secret", O_RDONLY));
	reach(".. through a folder", open("sub/../../secret", O_RDONLY));
	reach("its absolute path", open_at("%s/../secret", top, ""));
	reach("a relative link of the host", open("relative", O_RDONLY));
	reach("an absolute link of the host", open("absolute", O_RDONLY));
	reach("a link to ..", open("up/secret", O_RDONLY));
	reach("an absolute link to the folder above", open("above/secret", O_RDONLY));
	reach("a chain of links", open("chain", O_RDONLY));
	readlink("absolute", target, sizeof(target) - 1);
	reach("what a link says", open(target, O_RDONLY));
	reach("openat", openat(dir, "../secret", O_RDONLY));
	reach("openat2, in a root", (int)syscall(SYS_openat2, dir, "../secret", &how, sizeof(how)));
	reach("/proc/self/cwd", open("/proc/self/cwd/../secret", O_RDONLY));
	reach("/proc/self/root", open_at("/proc/self/root%s/../secret", top, ""));
	reach("/proc/self/fd", open_at("/proc/self/fd/%s/../secret", number, ""));
	reach("/proc/1/root", open_at("/proc/1/root%s/../secret", top, ""));
	reach("/proc/1/cwd", open("/proc/1/cwd/../secret", O_RDONLY));
	reach("/proc/self/exe", open("/proc/self/exe/../secret", O_RDONLY));
	reach("an encoded slash", open("..%2fsecret", O_RDONLY));
	reach("a backslash", open("..\\secret", O_RDONLY));
	reach("an overlong slash", open("..\300\257secret", O_RDONLY));
	reach("three dots", open(".../secret", O_RDONLY));
	reach("a NUL in a name", open("sub\0/../../secret", O_RDONLY));
	reach("a FIFO of the host", open("fifo", O_RDWR | O_NONBLOCK));
	reach("a socket of the host", open("socket", O_RDONLY));
	reach("a device of the host", open("device", O_RDONLY));
	memset(path, 'n', 256);
	strcpy(path + 256, "/../../secret");
	reach("a name of 256 bytes", open(path, O_RDONLY));
	memset(path, 'n', 8000);
	strcpy(path + 8000, "/../../secret");
	reach("a path of 8000 bytes", open(path, O_RDONLY));
	chdir("sub");
	reach("chdir and ..", open("../../secret", O_RDONLY));
	chdir("..");
	mkdir("sub/deep", 0700);
	chdir("sub/deep");
	rename("../deep", "../../moved");
	reach("a folder that moves up with us in it", open("../../secret", O_RDONLY));
	fchdir(dir);
	rmdir("moved");
	symlink("../secret", "mine");
	reach("a link of our own", open("mine", O_RDONLY));
	reach("... created through", open("mine", O_RDWR | O_CREAT, 0600));
	unlink("mine");
	snprintf(path, sizeof(path), "%s/../secret", top);
	symlink(path, "mine");
	reach("an absolute link of our own", open("mine", O_RDONLY));
	unlink("mine");
	close(dir);
}

static void changing(void)
{
	char *argv[] = {"x", NULL};
	struct stat st;

	close(open("file", O_WRONLY | O_CREAT, 0600));
	act("stat", stat("../secret", &st));
	act("stat through a link", stat("absolute", &st));
	act("create above", open("../planted", O_WRONLY | O_CREAT, 0600));
	act("create through a link to ..", open("up/planted", O_WRONLY | O_CREAT, 0600));
	act("mkdir above", mkdir("../planted", 0700));
	act("symlink above", symlink("x", "../planted"));
	act("mknod above", mknod("../planted", S_IFREG | 0600, 0));
	act("unlink above", unlink("../secret"));
	act("rmdir above", rmdir("../outside"));
	act("rename to above", rename("file", "../planted"));
	act("rename through a link to ..", rename("file", "up/planted"));
	act("rename from above", rename("../secret", "stolen"));
	act("exchange with above",
	    syscall(SYS_renameat2, AT_FDCWD, "file", AT_FDCWD, "../secret", 2));
	act("link to above", link("file", "../planted"));
	act("link from above", link("../secret", "stolen"));
	act("link of what a link leads to",
	    linkat(AT_FDCWD, "absolute", AT_FDCWD, "stolen", AT_SYMLINK_FOLLOW));
	act("truncate above", truncate("../secret", 0));
	act("truncate through a link", truncate("relative", 0));
	act("chmod through a link", chmod("relative", 0777));
	act("utimes through a link", utimensat(AT_FDCWD, "absolute", NULL, 0));
	act("chown through a link", chown("relative", 1000, 1000));
	act("xattr through a link", setxattr("relative", "user.x", "x", 1, 0));
	act("statfs through a link", statfs("relative", &(struct statfs){0}));
	chdir("above");
	reach("chdir through a link", open("secret", O_RDONLY));
	chdir(top);
	act("execve above", execve("../secret", argv, argv));
	act("execve through a link", execve("absolute", argv, argv));
	act("a device of our own", mknod("zero", S_IFCHR | 0600, 0x105));
	act("a disk of our own", mknod("disk", S_IFBLK | 0600, 0x800));
	act("a set-id file",
	    chmod("file", 06777) < 0 || stat("file", &st) < 0 || !(st.st_mode & 06000) ? -1 : 0);
	act("mount", mount(top, "sub", NULL, MS_BIND, NULL));
	act("chroot", chroot(".."));
	act("a handle of a file", syscall(SYS_open_by_handle_at, AT_FDCWD, path, O_RDONLY));
	unlink("file");
}

static volatile int stop;

/* Swaps a folder and a link to .. in one place. */
static void *swap(void *arg)
{
	while (!stop) {
		mkdir("place", 0700);
		rmdir("place");
		symlink("..", "place");
		unlink("place");
	}
	return arg;
}

static void races(void)
{
	int reached = 0;
	char text[6];
	pthread_t t;

	pthread_create(&t, NULL, swap, NULL);
	for (int n = 0; n < 300; n++) {
		int fd = open("place/secret", O_RDONLY);

		if (fd >= 0 && read(fd, text, 6) == 6 && !memcmp(text, "SECRET", 6))
			reached++;
		if (fd >= 0)
			close(fd);
		fd = open("place/planted", O_WRONLY | O_CREAT, 0600);
		if (fd >= 0)
			close(fd);
		unlink("place/planted");
	}
	stop = 1;
	pthread_join(t, NULL);
	errno = ENOENT;
	act("a folder and a link that change places", reached ? 0 : -1);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(top, sizeof(top), "%s", argv[1]);
	reading();
	changing();
	races();
	return 0;
}
