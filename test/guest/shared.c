/*
 * A folder of the host, given by --write or --share: test/tool/share.sh runs this in it. Natively,
 * in an ordinary folder, it prints the same.
 *
 *   shared pages       read, write and mappings of a file are one thing
 *   shared store       stores through a mapping reach the file: of a child, by msync, by exit
 *   shared large FILE  reads a large file whole, and touches pages of it here and there
 *   shared changed     a file that the other side changes: it tells on standard output when to
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE 4096

static char buf[3 * PAGE];

static void pages(void)
{
	struct stat st;
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644), other;
	char *shared, *private;

	memset(buf, 'a', sizeof(buf));
	say("write", write(fd, buf, sizeof(buf)));
	shared = mmap(NULL, sizeof(buf), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, sizeof(buf), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	check("mapped", shared != MAP_FAILED && private != MAP_FAILED);
	check("it is there", shared[0] == 'a' && private[2 * PAGE] == 'a');
	say("pwrite", pwrite(fd, "bcd", 3, PAGE));
	check("both mappings see it",
	      !memcmp(shared + PAGE, "bcd", 3) && !memcmp(private + PAGE, "bcd", 3));
	memcpy(shared + 100, "store", 5);
	say("pread", pread(fd, buf, 5, 100));
	check("read sees a store", !memcmp(buf, "store", 5));
	check("so does the private mapping", !memcmp(private + 100, "store", 5));
	private[100] = 'P';
	check("but not the other way", shared[100] == 's');
	memcpy(shared + 100, "STORE", 5);
	check("a private page is its own now", private[100] == 'P' && private[101] == 't');
	other = open("file", O_RDONLY);
	say("pread of another", pread(other, buf, 5, 100));
	check("sees it", !memcmp(buf, "STORE", 5));
	say("fstat", fstat(other, &st));
	printf("%ld bytes\n", (long)st.st_size);
	say("still there", pread(other, buf, 5, 100));
	check("after stat, too", !memcmp(buf, "STORE", 5) && shared[100] == 'S');
	say("ftruncate", ftruncate(fd, PAGE + 10));
	check("zeroes in the rest of the page", shared[PAGE] == 'b' && shared[PAGE + 10] == 0);
	say("ftruncate", ftruncate(fd, 3 * PAGE));
	check("zeroes beyond", shared[2 * PAGE] == 0 && shared[PAGE + 20] == 0);
	say("munmap", munmap(shared, sizeof(buf)));
	say("pread", pread(fd, buf, 5, 100));
	check("the store has stayed", !memcmp(buf, "STORE", 5));
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	check("to write what is open to read", shared == MAP_FAILED && errno == EACCES);
	shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, other, 0);
	check("to read it", shared != MAP_FAILED);
	say("mprotect to write", mprotect(shared, PAGE, PROT_READ | PROT_WRITE));
	say("unlink", unlink("file"));
	check("mapped still", !memcmp(shared + 100, "STORE", 5));
	say("pread of what is gone", pread(other, buf, 5, PAGE));
	check("its bytes", !memcmp(buf, "bcd", 3));
	say("fstat of what is gone", fstat(other, &st));
	printf("%ld names\n", (long)st.st_nlink);
	say("open of what is gone", open("file", O_RDONLY));
}

static void stores(void)
{
	int fd = open("stored", O_RDWR | O_CREAT | O_TRUNC, 0644);
	char *map;

	say("ftruncate", ftruncate(fd, 3 * PAGE));
	map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	memcpy(map, "by msync", 8);
	say("msync", msync(map, PAGE, MS_SYNC));
	if (fork() == 0) {
		memcpy(map + PAGE, "by a child", 10);
		_exit(0);
	}
	wait(NULL);
	check("the parent sees it", !memcmp(map + PAGE, "by a child", 10));
	memcpy(map + 8, " and exit", 9);
	memcpy(map + 3 * PAGE - 4, "end\n", 4);
}

static void large(const char *name)
{
	int fd = open(name, O_RDONLY);
	uint64_t sum = 0, size = 0, seed = 1;
	struct rusage usage;
	struct stat st;
	ssize_t n;
	char *map;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i += 64)
			sum = sum * 31 + (unsigned char)buf[i];
		size += (uint64_t)n;
	}
	say("read to the end", n);
	printf("%lu bytes, sum %lx\n", size, sum);
	fstat(fd, &st);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	for (int i = 0; i < 200; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint64_t at = (seed >> 20) % (uint64_t)st.st_size;

		pread(fd, buf, 1, (off_t)at);
		if (buf[0] != map[at])
			printf("at %lu: read gives %d, the mapping %d\n", at, buf[0], map[at]);
		sum = sum * 31 + (unsigned char)map[at];
	}
	printf("sum %lx\n", sum);
	getrusage(RUSAGE_SELF, &usage);
	check("major faults are counted", usage.ru_majflt <= 10000);
}

static sigjmp_buf back;

static void on_bus(int signo)
{
	(void)signo;
	siglongjmp(back, 1);
}

/* Asks the other side for a change, and waits for it. */
static void ask(const char *what)
{
	char answer[3];

	printf("! %s\n", what);
	fflush(stdout);
	if (read(0, answer, 3) != 3)
		exit(3);
}

static void changed(void)
{
	int fd = open("c", O_RDONLY), dir = open(".", O_RDONLY | O_DIRECTORY);
	struct stat st;
	char *map;

	say("read", read(fd, buf, 5));
	ask("printf 'other' > c");
	say("pread", pread(fd, buf, 5, 0));
	fstat(fd, &st);
	say("pread after fstat", pread(fd, buf, 5, 0));
	check("the new bytes", !memcmp(buf, "other", 5));
	ask("printf ' and more' >> c");
	say("read on", read(fd, buf, 100));
	check("what was appended", !memcmp(buf, " and more", 9));
	ask("truncate -s 8192 c");
	fstat(fd, &st);
	map = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check("the first page", map[0] == 'o');
	ask("printf X | dd of=c conv=notrunc status=none");
	fstat(fd, &st); /* a change is known when it was asked about */
	check("changed under the mapping", map[0] == 'X');
	ask("truncate -s 2 c");
	fstat(fd, &st); /* a cut is known when it was asked about */
	signal(SIGBUS, on_bus);
	if (sigsetjmp(back, 1) == 0)
		printf("beyond the end: %d\n", map[PAGE]);
	else
		puts("beyond the end: SIGBUS");
	fstat(fd, &st);
	printf("%ld bytes\n", (long)st.st_size);
	say("pread at the end", pread(fd, buf, 5, 2));
	ask("rm c");
	say("pread of what was removed", pread(fd, buf, 2, 0));
	say("stat", stat("c", &st));
	say("open", open("c", O_RDONLY));
	say("unlink", unlink("c"));
	say("rename", rename("c", "d"));
	ask("mkdir c");
	say("open a folder that was a file", open("c", O_WRONLY));
	stat("c", &st);
	check("a folder", S_ISDIR(st.st_mode));
	ask("rmdir c; mkdir sub; echo x > sub/f");
	say("open", close(open("sub/f", O_RDONLY)));
	int sub = open("sub", O_RDONLY | O_DIRECTORY);
	ask("rm -r sub");
	say("openat", openat(sub, "f", O_RDONLY));
	say("create in it", openat(sub, "g", O_WRONLY | O_CREAT, 0600));
	say("stat of the folder", fstatat(dir, "sub", &st, 0));
	ask("mkdir sub; ln -s nowhere sub/f");
	say("openat of the old one", openat(sub, "f", O_RDONLY));
	say("open a link that leads nowhere", open("sub/f", O_RDONLY));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "pages") == 0)
		pages();
	else if (strcmp(argv[1], "store") == 0)
		stores();
	else if (strcmp(argv[1], "large") == 0 && argc > 2)
		large(argv[2]);
	else if (strcmp(argv[1], "changed") == 0)
		changed();
	else
		return 2;
	return 0;
}
