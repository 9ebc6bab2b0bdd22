/*
 * What one program leaves behind, the next never sees. Children fill all kinds of memory with a
 * secret and end; then others look through everything that is fresh to them: memory, files, pipes,
 * what system calls write, signal frames, and all that a new program begins with. On a kernel that
 * poisons what is free the poison is looked for as well.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE    4096UL
#define RW      (PROT_READ | PROT_WRITE)
#define ANON    (MAP_PRIVATE | MAP_ANONYMOUS)
#define LEFT    (2UL << 20) /* bytes that each child leaves */
#define BUF_LEN 4096

static volatile uint64_t half = 0x5ec2e7; /* the secret is nowhere whole before it is made */

static uint64_t secret(void)
{
	return half << 40 | half << 16 | 0xbeef;
}

static int found;

/* => whether the word is a secret, or what a freed frame, object or stack holds. */
static int is_leak(uint64_t word)
{
	uint64_t ones = half / half * 0x0101010101010101;

	return word == secret() || word == ones * 0xdd || word == ones * 0xa5;
}

static void scan(const char *what, const void *at, size_t len)
{
	const unsigned char *p = at;

	for (size_t i = 0; i + 8 <= len; i++) {
		uint64_t word;

		memcpy(&word, p + i, sizeof word);
		if (!is_leak(word))
			continue;
		found++;
		printf("%s: byte %zu of %zu holds %#lx\n", what, i, len, (unsigned long)word);
		return;
	}
}

/* Of memory that must be empty: all of it is zero. */
static void scan_empty(const char *what, const void *at, size_t len)
{
	const unsigned char *p = at;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == 0)
			continue;
		found++;
		printf("%s: byte %zu of %zu is %#x, not 0\n", what, i, len, p[i]);
		return;
	}
}

static void fill(void *at, size_t len)
{
	uint64_t *p = at, word = secret();

	for (size_t i = 0; i < len / sizeof *p; i++)
		p[i] = word;
}

/* -- leaving secrets ----------------------------------------------------------------------- */

static __attribute__((noinline)) void fill_stack(void)
{
	volatile uint64_t room[8192];

	for (unsigned i = 0; i < 8192; i++)
		room[i] = secret();
	__asm__ volatile("" ::"r"(room) : "memory");
}

static void leave(unsigned n)
{
	static uint64_t words[BUF_LEN / 8];
	char name[32];
	int pipes[2], fd;

	fill(words, sizeof words);
	fill(mmap(NULL, LEFT, RW, ANON, -1, 0), LEFT);
	fill(mmap(NULL, LEFT / 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), LEFT / 4);
	fill(sbrk(0x10000), 0x10000);
	fill_stack();
	if (pipe(pipes) == 0)
		for (int i = 0; i < 8; i++)
			if (write(pipes[1], words, sizeof words) < 0)
				break;
	snprintf(name, sizeof name, "/tmp/secret.%u", n);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < 16; i++)
		if (write(fd, words, sizeof words) < 0)
			break;
	unlink(name);
	/* Names and values that go through the kernel's own memory. */
	((char *)words)[sizeof words - 1] = 0;
	open((char *)words, O_RDONLY);
	char *args[] = {"secrets", "nothing", (char *)words, NULL};
	execve("/proc/self/exe", args, args);
	_exit(1);
}

/* -- looking for them ---------------------------------------------------------------------- */

static unsigned char buf[BUF_LEN];

/* Runs a call that writes into buf, filled with a mark before; then looks at all that it wrote. */
#define LOOK(what, call)                                                                           \
	do {                                                                                       \
		memset(buf, 0x11, sizeof buf);                                                     \
		(void)!(call);                                                                     \
		scan(what, buf, sizeof buf);                                                       \
	} while (0)

static void on_signal(int signo, siginfo_t *info, void *context)
{
	/* From here to the end of the frame, all of it, and what lies below. */
	unsigned char *low = (unsigned char *)__builtin_frame_address(0) - 256;

	(void)signo;
	scan("siginfo", info, sizeof *info);
	scan("ucontext", context, sizeof(ucontext_t));
	scan("the signal's frame", low, (size_t)((unsigned char *)context - low) + 1024);
}

static void look_memory(void)
{
	char *p = mmap(NULL, 2 * LEFT, RW, ANON, -1, 0), name[] = "/tmp/hole";
	int fd, pipes[2];

	scan_empty("mmap", p, 2 * LEFT);
	munmap(p, 2 * LEFT);
	p = mmap(NULL, LEFT, RW, ANON, -1, 0);
	for (size_t i = 0; i < LEFT; i += PAGE) /* written first: another way of the fault */
		p[i] = 0;
	scan_empty("mmap, written", p, LEFT);
	p = mmap(NULL, LEFT, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	scan_empty("mmap, shared", p, LEFT);
	p = sbrk(0x20000);
	scan_empty("brk", p, 0x20000);
	p = mmap(NULL, LEFT / 2, RW, ANON | MAP_POPULATE, -1, 0);
	scan_empty("mmap, populated", p, LEFT / 2);
	p = mremap(p, LEFT / 2, LEFT, MREMAP_MAYMOVE);
	scan_empty("mremap", p, LEFT);
	madvise(p, LEFT, MADV_DONTNEED);
	scan_empty("MADV_DONTNEED", p, LEFT);

	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (write(fd, "x", 1) != 1 || ftruncate(fd, 64 * PAGE) ||
	    pwrite(fd, "y", 1, 70 * PAGE) != 1)
		exit(1);
	p = mmap(NULL, 80 * PAGE, RW, MAP_SHARED, fd, 0);
	scan_empty("a file's hole, mapped", p + 1, 70 * PAGE - 1);
	scan_empty("behind a file's end", p + 70 * PAGE + 1, PAGE - 1);
	for (off_t at = 1; at < (off_t)(70 * PAGE); at += BUF_LEN) {
		ssize_t n = pread(fd, buf, BUF_LEN, at);

		scan_empty("a file's hole, read", buf,
			   at + n > (off_t)(70 * PAGE) ? 70 * PAGE - (size_t)at : (size_t)n);
	}
	unlink(name);
	if (pipe(pipes) == 0 && write(pipes[1], "abc", 3) == 3)
		LOOK("a pipe", read(pipes[0], buf, sizeof buf));
}

static void look_calls(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	static const char *const folders[] = {"/", "/tmp", "/dev", "/proc", "/proc/self", "."};
	static const char *const texts[] = {"stat",    "status", "maps",    "statm",     "cmdline",
					    "environ", "limits", "../stat", "../meminfo"};
	int file = open("/proc/self/exe", O_RDONLY), status;
	char path[64];
	pid_t pid;

	LOOK("stat", syscall(SYS_newfstatat, AT_FDCWD, "/", buf, 0));
	LOOK("fstat", syscall(SYS_fstat, file, buf));
	LOOK("statx", syscall(SYS_statx, AT_FDCWD, "/tmp", 0, STATX_ALL, buf));
	LOOK("statfs", syscall(SYS_statfs, "/tmp", buf));
	LOOK("uname", syscall(SYS_uname, buf));
	LOOK("sysinfo", syscall(SYS_sysinfo, buf));
	LOOK("times", syscall(SYS_times, buf));
	LOOK("getrusage", syscall(SYS_getrusage, RUSAGE_SELF, buf));
	LOOK("getcwd", syscall(SYS_getcwd, buf, sizeof buf));
	LOOK("readlink", syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", buf, sizeof buf));
	LOOK("rt_sigaction", syscall(SYS_rt_sigaction, SIGUSR1, 0, buf, 8));
	LOOK("sigaltstack", syscall(SYS_sigaltstack, 0, buf));
	LOOK("getitimer", syscall(SYS_getitimer, ITIMER_REAL, buf));
	LOOK("clock_gettime", syscall(SYS_clock_gettime, CLOCK_REALTIME, buf));
	LOOK("prlimit64", syscall(SYS_prlimit64, 0, RLIMIT_STACK, 0, buf));
	LOOK("sched_getaffinity", syscall(SYS_sched_getaffinity, 0, sizeof buf, buf));
	LOOK("sched_getattr", syscall(SYS_sched_getattr, 0, buf, 56, 0));
	LOOK("get_robust_list", syscall(SYS_get_robust_list, 0, buf, buf + 8));
	LOOK("mincore", syscall(SYS_mincore, (uintptr_t)buf & ~(PAGE - 1), PAGE, buf));
	LOOK("pipe2", syscall(SYS_pipe2, buf, 0));
	LOOK("capget", syscall(SYS_capget, (unsigned[]){0x20080522, 0}, buf));
	LOOK("getgroups", syscall(SYS_getgroups, 64, buf));
	LOOK("timer_create", syscall(SYS_timer_create, CLOCK_MONOTONIC, 0, buf));
	LOOK("timer_gettime", syscall(SYS_timer_gettime, 0, buf));
	LOOK("prctl, the name", syscall(SYS_prctl, 16, buf, 0, 0, 0));
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		int fd = open(folders[i], O_RDONLY | O_DIRECTORY);

		LOOK("getdents64", syscall(SYS_getdents64, fd, buf, sizeof buf));
		close(fd);
	}
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		snprintf(path, sizeof path, "/proc/self/%s", texts[i]);
		int fd = open(path, O_RDONLY);

		LOOK(path, read(fd, buf, sizeof buf));
		close(fd);
	}

	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	pid = fork();
	if (pid == 0)
		_exit(3);
	LOOK("waitid", syscall(SYS_waitid, P_PID, pid, buf, WEXITED | WNOWAIT, buf + 256));
	memset(buf, 0x11, sizeof buf);
	LOOK("wait4", syscall(SYS_wait4, pid, buf, 0, buf + 64));
	waitpid(pid, &status, WNOHANG);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	LOOK("rt_sigtimedwait", syscall(SYS_rt_sigtimedwait, &set, buf, 0, 8));
	close(file);
}

/* All that can be read in this address space, as it is when a program begins. */
static void look_at_all(void)
{
	static struct {
		unsigned long start, end;
		char label[32];
	} range[64];
	char line[512], rights[8];
	FILE *f = fopen("/proc/self/maps", "r");
	size_t n = 0;

	while (f && n < 64 && fgets(line, sizeof line, f)) {
		range[n].label[0] = 0;
		if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %31s", &range[n].start, &range[n].end,
			   rights, range[n].label) < 3 ||
		    rights[0] != 'r' || strncmp(range[n].label, "[vv", 3) == 0 ||
		    strcmp(range[n].label, "[vsyscall]") == 0)
			continue;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		scan(range[i].label, (void *)range[i].start, range[i].end - range[i].start);
	check("the program's space was seen", n >= 4);
}

static void child(void (*fn)(unsigned), unsigned n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn(n);
		exit(found > 0);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		found++;
		printf("child %u: status %#x\n", n, (unsigned)status);
	}
}

static void look(unsigned n)
{
	(void)n;
	look_memory();
	look_calls();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	if (argc > 1 && strcmp(argv[1], "all") == 0) {
		look_at_all();
		return found > 0;
	}
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned n = 0; n < 4; n++)
			child(leave, n);
		child(look, round);
	}
	check("nobody saw what was another's", found == 0);
	char *args[] = {argv[0], "all", NULL}, *env[] = {NULL};
	execve("/proc/self/exe", args, env);
	return 1;
}
