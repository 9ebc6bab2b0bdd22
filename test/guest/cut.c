/* A file that shrinks while others map it: pages beyond its end are SIGBUS for all, read and
 * written. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "test/guest/place.h"

#define PAGE 4096

static sigjmp_buf back;

static void on_signal(int signo)
{
	siglongjmp(back, signo);
}

/* => 0, or the signal that reading a byte gives. */
static int touch(volatile char *at, int write)
{
	int signo = sigsetjmp(back, 1);

	if (signo == 0) {
		if (write)
			*at = 'w';
		else
			(void)*at;
	}
	return signo;
}

static void show(const char *who, char *map, int write)
{
	printf("%s:", who);
	for (int page = 0; page < 4; page++)
		printf(" %s", touch(map + page * PAGE, write) ? "SIGBUS" : "ok");
	putchar('\n');
}

int main(void)
{
	static char bytes[4 * PAGE];
	int fd, down[2], up[2];
	char *shared, *private, go;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	place_enter();
	signal(SIGBUS, on_signal);
	memset(bytes, 'x', sizeof(bytes));
	fd = open("f", O_RDWR | O_CREAT, 0600);
	write(fd, bytes, sizeof(bytes));
	shared = mmap(NULL, sizeof(bytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	private = mmap(NULL, sizeof(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	private[3 * PAGE] = 'p';
	show("before", shared, 0);
	pipe(down);
	pipe(up);
	if ((pid = fork()) == 0) {
		show("a child before", shared, 1);
		show("its private one", private, 0);
		write(up[1], "x", 1);
		read(down[0], &go, 1);
		show("a child, shared", shared, 0);
		show("... written", shared, 1);
		show("its private one", private, 0);
		check("the rest of the last page is zeroes",
		      shared[PAGE + 99] == 'x' && shared[PAGE + 100] == 0);
		write(up[1], "x", 1);
		read(down[0], &go, 1);
		show("a child, grown again", shared, 0);
		check("zeroes", shared[3 * PAGE] == 0 && private[3 * PAGE] == 0);
		fflush(stdout);
		_exit(0);
	}
	read(up[0], &go, 1);
	say("ftruncate", ftruncate(fd, PAGE + 100));
	show("the parent, shared", shared, 0);
	show("its private one", private, 0);
	write(down[1], "x", 1);
	read(up[0], &go, 1);
	say("ftruncate", ftruncate(fd, 4 * PAGE));
	write(down[1], "x", 1);
	wait(NULL);
	show("the parent, grown again", private, 1);
	say("a hole", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	check("is zeroes in the mapping", shared[0] == 0);
	say("unlink", unlink("f"));
	place_leave();
	return 0;
}
