/*
 * Nothing leaks of files: inodes, names, open files, locks, attributes, pages. Each kind of use is
 * made hundreds of times, and then as many frames are free as before; a leak of one small object in
 * each would take dozens.
 *
 *   spent           in a tmpfs
 *   spent FOLDER    in that folder, of the host
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "test/guest/say.h"

#define ROUNDS 600
#define SLACK  4 /* frames: an object of 32 bytes in each round would take more */

static char buf[9000];

static long free_kib(void)
{
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n > 0 ? n : 0] = 0;
	const char *at = strstr(buf, "MemFree:");
	return at ? atol(at + 8) : -1;
}

static int make(const char *name, size_t len)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, buf, len) != (ssize_t)len)
		exit(99);
	return fd;
}

static void files(void)
{
	close(make("f", 5000));
	link("f", "g");
	rename("g", "h");
	truncate("f", 10);
	unlink("h");
	unlink("f");
}

static void folders(void)
{
	mkdir("d", 0700);
	mkdir("d/e", 0700);
	close(make("d/e/f", 10));
	rename("d/e", "x");
	rename("x", "d/y");
	chdir("d/y");
	unlink("f");
	chdir("../..");
	rmdir("d/y");
	rmdir("d");
}

static void links(void)
{
	symlink("a/b/../c", "l");
	readlink("l", buf, 100);
	open("l", O_RDONLY);
	open("l/x", O_RDONLY);
	rename("l", "m");
	unlink("m");
}

static void missing(void)
{
	struct stat st;

	stat("no/such/file", &st);
	open("none", O_RDONLY);
	open(".", O_WRONLY);
	unlink("none");
	rename("none", "other");
	mkdir(".", 0700);
}

static void still_open(void)
{
	int fd = make("f", 8192);
	struct stat st;

	unlink("f");
	pread(fd, buf, 100, 50);
	fstat(fd, &st);
	close(fd);
}

static void replaced(void)
{
	int fd = make("f", 100);

	close(make("g", 5000));
	rename("g", "f");
	read(fd, buf, 10);
	close(fd);
	unlink("f");
}

static void mappings(void)
{
	int fd = make("f", 8192);
	char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	close(fd);
	if (shared == MAP_FAILED || private == MAP_FAILED)
		exit(98);
	shared[0] = private[4096] = 1;
	msync(shared, 4096, MS_SYNC);
	unlink("f");
	shared[4096] = private[0] = 2;
	munmap(shared, 8192);
	munmap(private, 8192);
}

static void locks(void)
{
	int fd = make("f", 100);
	struct flock l = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10},
		     middle = {.l_type = F_UNLCK, .l_start = 13, .l_len = 2};

	fcntl(fd, F_SETLK, &l);
	fcntl(fd, F_SETLK, &middle);
	flock(fd, LOCK_EX);
	close(fd);
	unlink("f");
}

static void lists(void)
{
	struct dirent *e;
	DIR *dir = opendir(".");

	while ((e = readdir(dir)))
		;
	closedir(dir);
}

static void nameless(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0)
		return;
	write(fd, buf, 5000);
	close(fd);
}

static void attributes(void)
{
	int fd = make("f", 1);

	setxattr("f", "user.a", buf, 500, 0);
	setxattr("f", "user.b", buf, 100, 0);
	setxattr("f", "user.a", buf, 200, 0);
	removexattr("f", "user.b");
	chmod("f", 0600);
	close(fd);
	unlink("f");
}

static void pipes(void)
{
	struct pollfd pf;
	int p[2], fd;

	pipe(p);
	write(p[1], buf, 5000);
	pf = (struct pollfd){p[0], POLLIN, 0};
	poll(&pf, 1, 0);
	splice(p[0], NULL, p[1], NULL, 10, SPLICE_F_NONBLOCK);
	close(dup(p[0]));
	close(p[0]);
	close(p[1]);
	close(eventfd(3, 0));
	if (mkfifo("p", 0600) == 0) {
		fd = open("p", O_RDWR);
		write(fd, buf, 100);
		close(fd);
		unlink("p");
	}
}

static void processes(void)
{
	char name[64];
	int fd = open("/proc/self/maps", O_RDONLY);

	read(fd, buf, 100);
	close(fd);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", 0);
	readlink(name, buf, 100);
	readlink("/proc/self/exe", buf, 100);
	open("/proc/self/cwd/none", O_RDONLY);
	open("/proc/999999/stat", O_RDONLY);
	close(open("/proc/self/task", O_RDONLY | O_DIRECTORY));
	close(open("/proc/sys/kernel/ostype", O_RDONLY));
}

static void inherited(void)
{
	int fd = make("f", 100);

	if (fork() == 0) {
		chdir("/");
		fchdir(open(".", O_RDONLY));
		_exit(0);
	}
	wait(NULL);
	close(fd);
	unlink("f");
}

static void round_of(const char *what, void (*use)(void), int rounds)
{
	long before = 0, after = 0;

	/* What is kept for the next time is kept once; a leak shows again. */
	for (int turn = 0; turn < 3 && (turn == 0 || before - after > 4 * SLACK); turn++) {
		for (int n = 0; n < rounds / 3; n++)
			use();
		before = free_kib();
		for (int n = 0; n < rounds; n++)
			use();
		after = free_kib();
	}
	if (before - after <= 4 * SLACK)
		printf("%s: nothing is left\n", what);
	else
		printf("%s: %ld frames are gone\n", what, (before - after) / 4);
}

int main(int argc, char **argv)
{
	char place[] = "/dev/shm/spent-XXXXXX";
	int rounds = argc > 1 ? ROUNDS / 3 : ROUNDS;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (chdir(argc > 1 ? argv[1] : mkdtemp(place)))
		return 97;
	round_of("files", files, rounds);
	round_of("folders", folders, rounds);
	round_of("links", links, rounds);
	round_of("missing ones", missing, rounds);
	round_of("files still open", still_open, rounds);
	round_of("files replaced", replaced, rounds);
	round_of("mappings", mappings, rounds);
	round_of("locks", locks, rounds);
	round_of("lists", lists, rounds);
	round_of("files without a name", nameless, rounds);
	round_of("attributes", attributes, rounds);
	round_of("pipes", pipes, rounds);
	round_of("/proc", processes, rounds);
	round_of("children", inherited, rounds / 3);
	return 0;
}
