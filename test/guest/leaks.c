/*
 * Nothing leaks: after a process has ended, however it used memory and however it
 * ended, as many frames are free as before. A leak of one frame per process shows,
 * because each kind of process is run often; what a kernel keeps for the next one
 * (empty slabs, stacks) is kept once, in the first rounds.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE   4096UL
#define MiB    (1UL << 20)
#define ROUNDS 24
#define WARM   4
#define SLACK  12 /* pages: less than one a round */

static char *map(size_t len, int flags, int fd)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		_exit(99);
	return p;
}

static void touch(char *p, size_t len, size_t step)
{
	for (size_t i = 0; i < len; i += step)
		p[i] = (char)(i / PAGE + 1);
}

static void private_memory(void)
{
	touch(map(5 * MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1), 5 * MiB, PAGE);
}

static void sparse_memory(void)
{
	char *p = map(1UL << 32, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	touch(p, 1UL << 32, 33 * MiB);
	munmap(p + (1UL << 30), 1UL << 30);
	mprotect(p + (3UL << 30), MiB, PROT_NONE);
}

static void shared_memory(void)
{
	char *p = map(2 * MiB, MAP_SHARED | MAP_ANONYMOUS, -1);

	touch(p, 2 * MiB, PAGE);
	if (fork() == 0) {
		touch(p, 2 * MiB, 3 * PAGE);
		_exit(0);
	}
	wait(NULL);
}

static void a_file_without_a_name(void)
{
	int fd = memfd_create("leaks", 0);
	char *p;

	if (fd < 0 || ftruncate(fd, 2 * MiB))
		_exit(99);
	p = map(2 * MiB, MAP_SHARED, fd);
	touch(p, 2 * MiB, PAGE);
	touch(map(2 * MiB, MAP_PRIVATE, fd), 2 * MiB, 2 * PAGE);
	if (ftruncate(fd, MiB + 5))
		_exit(99);
}

static void a_family(void)
{
	char *p = map(4 * MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	touch(p, 4 * MiB, PAGE);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0)
			continue; /* a chain of children, each of which writes to some of it */
		touch(p, 4 * MiB, (size_t)(3 + i) * PAGE);
		wait(NULL);
		_exit(0);
	}
	mremap(p, MiB, 2 * MiB, MREMAP_MAYMOVE);
	madvise(p + 2 * MiB, MiB, MADV_DONTNEED);
}

static void *thread(void *p)
{
	touch(p, 64 * PAGE, PAGE);
	touch(map(MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1), MiB, PAGE);
	return NULL;
}

static void threads(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pthread_t t[6];

	for (int i = 0; i < 6; i++)
		if (pthread_create(&t[i], NULL, thread, p))
			_exit(99);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL); /* the others end with the process */
}

static void a_sudden_death(void)
{
	touch(map(MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1), MiB, PAGE);
	kill(getpid(), SIGKILL);
}

static void a_kill_of_a_family(void)
{
	touch(map(MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1), MiB, PAGE);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void pipes_full_of_bytes(void)
{
	int ends[2];

	for (int i = 0; i < 4; i++)
		if (pipe2(ends, O_NONBLOCK) || write(ends[1], environ, 1) < 0 ||
		    write(ends[1], map(MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1), MiB) < 0)
			_exit(99);
}

static void another_program(void)
{
	touch(map(MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1), MiB, PAGE);
	execl("/proc/self/exe", "leaks", "nothing", NULL);
	_exit(99);
}

static void a_stack(void)
{
	volatile char deep[3 * MiB];

	touch((char *)deep, sizeof deep, PAGE);
}

static void split_mappings(void)
{
	char *p = map(4 * MiB, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	for (size_t i = 0; i < 4 * MiB; i += 2 * PAGE)
		if (mprotect(p + i, PAGE, PROT_READ))
			_exit(99);
}

/* => free memory in KiB, when the kernel has let go of what a dead process had. */
static long free_kib(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemFree: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

static void run(const char *name, void (*scenario)(void))
{
	long before = 0, after;

	for (int i = 0; i < WARM + ROUNDS; i++) {
		if (i == WARM)
			before = free_kib();
		pid_t pid = fork();
		if (pid == 0) {
			setpgid(0, 0);
			scenario();
			_exit(0);
		}
		int status;
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
			printf("%s: could not be run\n", name);
	}
	after = free_kib();
	if (!name)
		return;
	if (before > 0 && before - after <= SLACK * 4)
		printf("%s: nothing is left\n", name);
	else
		printf("%s: %ld KiB were free and now are %ld\n", name, before, after);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return 0;
	(void)argv;
	setvbuf(stdout, NULL, _IONBF, 0);
	run(NULL, private_memory); /* the kernel's stores fill, and this program's own */
	run("private memory", private_memory);
	run("sparse memory", sparse_memory);
	run("shared memory", shared_memory);
	run("a file without a name", a_file_without_a_name);
	run("a family", a_family);
	run("threads", threads);
	run("a sudden death", a_sudden_death);
	run("a kill of a family", a_kill_of_a_family);
	run("pipes full of bytes", pipes_full_of_bytes);
	run("another program", another_program);
	run("a stack", a_stack);
	run("split mappings", split_mappings);
	return 0;
}
