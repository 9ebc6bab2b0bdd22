/*
 * The kernel's half of the address space is closed to programs:
 *
 *     isolation addresses   loads, stores and jumps to it, and to what is nobody's, all over the
 *                           64 bits: each is SIGSEGV with the exact address
 *     isolation calls       every system call with pointers to there in each argument: no harm; and
 *                           where all else is right, EFAULT
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "test/guest/say.h"

#define LAST_CALL 480 /* somewhat above what Linux 6.12 has */

/* -- addresses ----------------------------------------------------------------------------- */

static sigjmp_buf back;
static volatile int got_signo;
static volatile uintptr_t got_address;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	got_signo = signo;
	got_address = (uintptr_t)info->si_addr;
	siglongjmp(back, 1);
}

enum access { LOAD, STORE, LOAD_WIDE, STORE_WIDE, JUMP };

/* => 1 if the access was refused as it should be. */
static int try_access(enum access kind, uintptr_t at)
{
	static const char *const names[] = {"load", "store", "wide load", "wide store", "jump"};

	got_signo = 0;
	got_address = 0;
	if (sigsetjmp(back, 1) == 0) {
		if (kind == LOAD)
			(void)*(volatile char *)at;
		else if (kind == STORE)
			*(volatile char *)at = 1;
		else if (kind == LOAD_WIDE)
			(void)*(volatile uint64_t *)at;
		else if (kind == STORE_WIDE)
			*(volatile uint64_t *)at = 1;
		else
			((void (*)(void))at)();
	}
	if (got_signo == SIGSEGV && got_address == at)
		return 1;
	printf("%s %#lx: signal %d, address %#lx\n", names[kind], (unsigned long)at, got_signo,
	       (unsigned long)got_address);
	return 0;
}

static int naddresses;
static int refused;

static void try_address(uintptr_t at)
{
	naddresses++;
	refused += try_access(LOAD, at) + try_access(STORE, at) + try_access(LOAD_WIDE, at) +
		   try_access(STORE_WIDE, at) + try_access(JUMP, at & ~3UL);
}

static void addresses(void)
{
	static char stack[1 << 16];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	const uintptr_t image = 0xffffffff80200000, gib = 1UL << 30;

	sigaltstack(&alt, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	/* The image: text, constants, data, page by page. */
	for (uintptr_t at = image; at < image + 0x60000; at += 4096)
		try_address(at + 8);
	/* The whole upper half: each GiB at its start, its middle, its end, and where RAM has
	 * firmware and image. */
	for (uintptr_t at = 0xffffffc000000000; at != 0; at += gib) {
		try_address(at);
		try_address(at + 0x200000);
		try_address(at + gib / 2);
		try_address(at + gib - 8);
	}
	/* Devices, as far as they are mapped in a row; RAM by the linear map in small steps. */
	for (uintptr_t at = 0xffffffff40000000; at < 0xffffffff40100000; at += 0x1000)
		try_address(at);
	for (uintptr_t at = 0xffffffc000000000; at < 0xffffffc008000000; at += 0x40000)
		try_address(at + 16);
	/* No address at all, in any paging mode; and the ends. */
	for (int bit = 38; bit < 64; bit++) {
		try_address(1UL << bit);
		try_address((1UL << bit) - 8);
		try_address(~(1UL << bit) - 7);
		try_address(-(1UL << bit) - 8);
	}
	for (uintptr_t at = 0; at < 64; at++) { /* misaligned, too */
		try_address(at);
		try_address(0x10000 - 64 + at);
	}
	try_address(0xfffffffffffffff8);
	check("each load, store and jump was refused", refused == 5 * naddresses);
}

/* -- calls --------------------------------------------------------------------------------- */

static uintptr_t unmapped, readonly, at_end;

/* Pointers that no call may follow. The last two can be read, but not at length, or not written. */
static size_t bad_pointers(uintptr_t out[16])
{
	size_t n = 0;

	out[n++] = 1;
	out[n++] = unmapped;
	out[n++] = 0xffffffff80200000; /* the image */
	out[n++] = 0xffffffff80240000; /* its data */
	out[n++] = 0xffffffc000300000; /* the linear map */
	out[n++] = 0xffffffff40000000; /* devices */
	out[n++] = 0xfffffffffffffff8; /* wraps around */
	out[n++] = 0x3ffffffff8;       /* the end of the user's half, with Sv39 */
	out[n++] = 0x8000000000000000; /* no address at all */
	return n;
}

static unsigned long excluded(long nr)
{
	switch (nr) {
	case SYS_exit:
	case SYS_exit_group:
	case SYS_clone:
#ifdef SYS_clone3
	case SYS_clone3:
#endif
	case SYS_kill:
	case SYS_tkill:
	case SYS_tgkill:
	case SYS_rt_sigqueueinfo:
	case SYS_rt_tgsigqueueinfo:
	case SYS_ptrace:
	case SYS_reboot:
	case SYS_setsid: return 1;
	default: return 0;
	}
}

/* One call with the pointer in all arguments, and then in each beside harmless numbers. */
static void call_with(long nr, uintptr_t p)
{
	static const long rest[6] = {0, 1, 64, 0, 0, 0};

	if (excluded(nr))
		return;
	syscall(nr, p, p, p, p, p, p);
	for (int i = 0; i < 6; i++) {
		long a[6];

		memcpy(a, rest, sizeof a);
		a[i] = (long)p;
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

/* Runs fn in a child of its own group. => it ended, by itself or when its time was over. */
static int in_child(void (*fn)(long, uintptr_t), long nr, uintptr_t p)
{
	struct timespec pause = {0, 2000000};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit none = {0, 0};

		setpgid(0, 0);
		setrlimit(RLIMIT_CORE, &none);
		close(1);
		open("/dev/null", O_WRONLY);
		fn(nr, p);
		_exit(0);
	}
	if (pid < 0)
		return 0;
	for (int i = 0; i < 50; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return 1;
		nanosleep(&pause, NULL);
	}
	/* Some wait for ever, and rightly so. */
	kill(pid, SIGKILL);
	return waitpid(pid, &status, 0) == pid;
}

/* All of one call's pointers in one child; if it dies on the way, the rest goes unasked. */
static void every_pointer(long nr, uintptr_t p)
{
	uintptr_t bad[16];
	size_t n = bad_pointers(bad);

	(void)p;
	for (size_t i = 0; i < n; i++)
		call_with(nr, bad[i]);
}

static uint64_t own_hash(const unsigned char *p, size_t len)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

#define ARGS(...)                                                                                  \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define P (-99L) /* stands for the pointer */

static int wrong;

/* A call in which all but one pointer is right: EFAULT. */
static void expect_fault(const char *what, long nr, const long args[6])
{
	uintptr_t bad[16];
	size_t n = bad_pointers(bad);

	for (size_t i = 0; i < n; i++) {
		long a[6];

		for (int k = 0; k < 6; k++)
			a[k] = args[k] == P ? (long)bad[i] : args[k];
		long got = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (got == -1 && errno == EFAULT)
			continue;
		wrong++;
		printf("%s with %#lx: %ld, %s\n", what, (unsigned long)bad[i], got,
		       got == -1 ? strerrorname_np(errno) : "");
	}
}

#define FAULT(nr, ...) expect_fault(#nr, SYS_##nr, (const long[6])ARGS(__VA_ARGS__))

static void exact_faults(void)
{
	long here = AT_FDCWD, file = open("/proc/self/exe", O_RDONLY);
	int pipes[2];
	struct timespec soon = {0, 1};
	struct iovec iov = {(void *)unmapped, 8};
	long time = (long)&soon, vector = (long)&iov;

	if (pipe(pipes) || write(pipes[1], "0123456789abcdef", 16) != 16)
		exit(1);
	FAULT(getcwd, P, 64);
	FAULT(openat, here, P, O_RDONLY);
	FAULT(mkdirat, here, P, 0700);
	FAULT(unlinkat, here, P, 0);
	FAULT(symlinkat, P, here, (long)"x");
	FAULT(linkat, here, P, here, (long)"x", 0);
	FAULT(renameat2, here, P, here, (long)"x", 0);
	FAULT(faccessat, here, P, 0);
	FAULT(fchmodat, here, P, 0600);
	FAULT(fchownat, here, P, -1, -1, 0);
	FAULT(chdir, P);
	FAULT(readlinkat, here, P, (long)&iov, 8);
	FAULT(readlinkat, here, (long)"/proc/self/exe", P, 64);
	FAULT(newfstatat, here, P, (long)&iov, 0);
	FAULT(newfstatat, here, (long)"/", P, 0);
	FAULT(fstat, file, P);
	FAULT(statfs, (long)"/", P);
	FAULT(fstatfs, file, P);
	FAULT(statx, here, (long)"/", 0, STATX_ALL, P);
	FAULT(truncate, P, 0);
	FAULT(getdents64, open("/proc", O_RDONLY | O_DIRECTORY), P, 4096);
	FAULT(read, file, P, 8);
	FAULT(read, pipes[0], P, 8);
	FAULT(write, pipes[1], P, 8);
	FAULT(pread64, file, P, 8, 0);
	FAULT(readv, file, P, 1);
	FAULT(writev, pipes[1], P, 1);
	FAULT(preadv, file, P, 1, 0, 0);
	FAULT(sendfile, pipes[1], file, P, 8);
	FAULT(pipe2, P, 0);
	FAULT(utimensat, here, (long)"/", P, 0);
	FAULT(execve, P, 0, 0);
	FAULT(execve, (long)"/proc/self/exe", P, 0);
	FAULT(execve, (long)"/proc/self/exe", 0, P);
	FAULT(uname, P);
	FAULT(sysinfo, P);
	FAULT(times, P);
	FAULT(getrusage, RUSAGE_SELF, P);
	FAULT(getrlimit, RLIMIT_STACK, P);
	FAULT(setrlimit, RLIMIT_STACK, P);
	FAULT(prlimit64, 0, RLIMIT_STACK, 0, P);
	FAULT(prlimit64, 0, RLIMIT_STACK, P, 0);
	FAULT(getrandom, P, 8, 0);
	FAULT(clock_gettime, CLOCK_MONOTONIC, P);
	FAULT(clock_getres, CLOCK_MONOTONIC, P);
	FAULT(clock_nanosleep, CLOCK_MONOTONIC, 0, P, 0);
	FAULT(nanosleep, P, 0);
	FAULT(gettimeofday, P, 0);
	FAULT(getitimer, ITIMER_REAL, P);
	FAULT(setitimer, ITIMER_REAL, P, 0);
	FAULT(rt_sigaction, SIGUSR1, P, 0, 8);
	FAULT(rt_sigaction, SIGUSR1, 0, P, 8);
	FAULT(rt_sigprocmask, SIG_BLOCK, P, 0, 8);
	FAULT(rt_sigprocmask, SIG_BLOCK, 0, P, 8);
	FAULT(rt_sigpending, P, 8);
	FAULT(rt_sigsuspend, P, 8);
	FAULT(rt_sigtimedwait, P, 0, time, 8);
	FAULT(sigaltstack, P, 0);
	FAULT(sigaltstack, 0, P);
	FAULT(sched_getaffinity, 0, 8, P);
	FAULT(sched_setaffinity, 0, 8, P);
	FAULT(sched_getparam, 0, P);
	FAULT(sched_rr_get_interval, 0, P);
	FAULT(ppoll, P, 1, time, 0, 0);
	FAULT(pselect6, 1, P, 0, 0, time, 0);
	FAULT(capget, P, P);
	FAULT(getresuid, P, P, P);
	FAULT(getresgid, P, P, P);
	FAULT(prctl, 16 /* PR_GET_NAME */, P, 0, 0, 0);
	FAULT(prctl, 15 /* PR_SET_NAME */, P, 0, 0, 0);
	FAULT(mincore, at_end - 4096, 4096, P);
	iov.iov_base = (void *)unmapped;
	FAULT(preadv, file, vector, 1, 0, 0);
	iov.iov_base = (void *)readonly;
	FAULT(readv, file, vector, 1, 0, 0, 0);
	close(file);
}

static void calls(void)
{
	static unsigned char own[65536];
	uint64_t before;
	long ended = 0;

	for (size_t i = 0; i < sizeof own; i++)
		own[i] = (unsigned char)(i * 7 + 1);
	before = own_hash(own, sizeof own);
	for (long nr = 0; nr < LAST_CALL; nr++)
		ended += in_child(every_pointer, nr, 0);
	check("a child for each call has ended", ended == LAST_CALL);
	check("memory is as it was", own_hash(own, sizeof own) == before);
	exact_faults();
	check("each wild pointer is EFAULT", wrong == 0);
	check("memory is as it was", own_hash(own, sizeof own) == before);
}

int main(int argc, char **argv)
{
	char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	setvbuf(stdout, NULL, _IONBF, 0);
	munmap(p + 4096, 4096);
	at_end = (uintptr_t)p + 4096;
	unmapped = at_end;
	readonly = (uintptr_t)p + 2 * 4096;
	mprotect((void *)readonly, 4096, PROT_READ);
	if (argc > 1 && strcmp(argv[1], "addresses") == 0)
		addresses();
	else
		calls();
	return 0;
}
