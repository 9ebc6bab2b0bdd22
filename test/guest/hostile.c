/*
 * A hostile program: children that make random system calls with wild arguments, thousands of
 * them, and store to random addresses. They may end in any way, and must change nothing outside
 * themselves: neither the parent's memory, files and descriptors, nor what it can still do.
 *
 *     hostile [SEED [CHILDREN]]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "test/guest/say.h"

#define CALLS     40 /* of one child, at most: many end it */
#define LAST_CALL 480
#define OWN       (256 * 1024)

static uint64_t state;

static uint64_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* What would reach others by right, or only wait: signals, more processes, the machine. */
static int is_excluded(long nr)
{
	switch (nr) {
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case SYS_pidfd_send_signal:
	case SYS_process_vm_writev:
	case SYS_prlimit64:
	case SYS_setpriority:
	case SYS_sched_setaffinity:
	case SYS_sched_setparam:
	case SYS_sched_setscheduler:
	case SYS_sched_setattr:
	case SYS_setpgid:
	case SYS_ptrace:
	case SYS_clone:
#ifdef SYS_clone3
	case SYS_clone3:
#endif
	case SYS_reboot:
	case SYS_setsid: return 1;
	default: return 0;
	}
}

static char *room; /* of the child: readable and writable, then nothing */

static long argument(void)
{
	static const uint64_t edges[] = {0,
					 1,
					 4095,
					 4096,
					 0x7fffffff,
					 0x80000000,
					 0xffffffff,
					 0x3ffffff000,
					 0x3fffffffff,
					 0x4000000000,
					 0xffffffbfffffffff,
					 0xffffffc000000000,
					 0xffffffc000300000,
					 0xffffffff40000000,
					 0xffffffff80200000,
					 0xffffffff80248000,
					 0x7fffffffffffffff,
					 0x8000000000000000,
					 0xfffffffffffff000,
					 0xffffffffffffffff};

	switch (rnd() % 8) {
	case 0: return (long)edges[rnd() % (sizeof edges / sizeof edges[0])];
	case 1: return (long)(edges[rnd() % (sizeof edges / sizeof edges[0])] + rnd() % 64 - 32);
	case 2: return (long)rnd();
	case 3: return (long)(rnd() % 8);
	case 4: return (long)(uintptr_t)(room + rnd() % 16384);
	case 5: return (long)(uintptr_t)(room + 16384 - rnd() % 32);
	case 6: return 1L << rnd() % 64;
	default: return (long)(rnd() % 0x10000);
	}
}

static void be_hostile(void)
{
	struct rlimit none = {0, 0}, memory = {256 << 20, 256 << 20};

	setpgid(0, 0);
	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_AS, &memory);
	/* An open file's position would be the parent's, too. */
	for (int fd = 3; fd < 32; fd++)
		close(fd);
	for (int fd = 0; fd < 3; fd++) {
		close(fd);
		open("/dev/null", O_RDWR);
	}
	room = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(room + 16384, 16384);
	for (int i = 0; i < 16384; i += 8) {
		uint64_t word = rnd() % 4 ? rnd() % 4096 : rnd();

		memcpy(room + i, &word, sizeof word);
	}
	for (int n = 0; n < CALLS; n++) {
		long nr = (long)(rnd() % LAST_CALL), a[6];

		for (int i = 0; i < 6; i++)
			a[i] = argument();
		if (is_excluded(nr))
			continue;
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	/* At last a store, or a jump, to anywhere. */
	if (rnd() % 2)
		*(volatile long *)argument() = argument();
	else
		((void (*)(void))argument())();
	_exit(0);
}

static uint64_t hash(const unsigned char *p, size_t len)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

/* => the child has ended; one that waits too long is killed. */
static int reap(pid_t pid)
{
	struct timespec pause = {0, 1000000};
	int status;

	for (int i = 0; i < 40; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 1;
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid;
}

/* What a process can still do, when others did their worst. */
static int is_well(void)
{
	int pipes[2], status, fd = open("/tmp/mine", O_RDWR);
	char line[8] = "", back[8] = "";
	pid_t pid;

	if (fd < 0 || read(fd, line, 4) != 4 || memcmp(line, "mine", 4) != 0)
		return 0;
	close(fd);
	if (pipe(pipes) || write(pipes[1], "abc", 3) != 3 || read(pipes[0], back, 3) != 3)
		return 0;
	close(pipes[0]);
	close(pipes[1]);
	pid = fork();
	if (pid == 0)
		_exit(7);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	long children = argc > 2 ? atol(argv[2]) : 200, ended = 0;
	unsigned char *own = malloc(OWN);
	char cwd[512], cwd_after[512];
	struct rlimit limit, limit_after;
	mode_t mask = umask(022);
	uint64_t before;
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	umask(mask);
	for (size_t i = 0; i < OWN; i++)
		own[i] = (unsigned char)(i * 13 + seed);
	before = hash(own, OWN);
	fd = open("/tmp/mine", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, "mine", 4) != 4 || !getcwd(cwd, sizeof cwd) ||
	    getrlimit(RLIMIT_STACK, &limit))
		return 1;
	for (long n = 0; n < children; n++) {
		pid_t pid;

		state = (seed * 1000003 + (uint64_t)n + 1) * 0x9e3779b97f4a7c15;
		rnd();
		pid = fork();
		if (pid == 0)
			be_hostile();
		if (pid > 0)
			ended += reap(pid);
	}
	check("all children have ended", ended == children);
	check("memory is as it was", hash(own, OWN) == before);
	check("the folder is as it was",
	      getcwd(cwd_after, sizeof cwd_after) && !strcmp(cwd, cwd_after));
	check("limits are as they were",
	      getrlimit(RLIMIT_STACK, &limit_after) == 0 && limit.rlim_cur == limit_after.rlim_cur);
	check("the mask is as it was", umask(mask) == mask);
	check("the descriptor is as it was", lseek(fd, 0, SEEK_CUR) == 4);
	check("files, pipes and processes can be had", is_well());
	return 0;
}
