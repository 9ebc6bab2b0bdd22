/*
 * On a kernel that checks itself: each system call with its first, second, third ... allocation
 * failing, until it needs no more. It may fail with the errors that mean a lack of memory, and the
 * process may be killed for it; nothing may be left over, and nothing may stop.
 *
 * /proc/self/fail-nth is Linux's interface for this (fault injection).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE      4096L
#define RW        (PROT_READ | PROT_WRITE)
#define ANON      (MAP_PRIVATE | MAP_ANONYMOUS)
#define MOST      400 /* allocations of one call: more is a test that does not end */
#define MAX_KINDS 80

static int fail_nth;

static void arm(long n)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%ld", n);

	if (pwrite(fail_nth, text, (size_t)len, 0) != len)
		_exit(99);
}

/* => whether the allocation that was to fail has been asked for. */
static int has_failed(void)
{
	char text[24] = "";

	if (pread(fail_nth, text, sizeof text - 1, 0) <= 0)
		_exit(99);
	return atol(text) == 0;
}

/* -- what is tried: => the result of the call ---------------------------------------------- */

static char *big, *file_map;
static int a_file, a_pipe[2];

static void prepare(void)
{
	int fd = open("/tmp/failing", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char bytes[8 * PAGE];

	memset(bytes, 'x', sizeof bytes);
	if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || pipe(a_pipe))
		_exit(98);
	a_file = fd;
	big = mmap(NULL, 64 * PAGE, RW, ANON, -1, 0);
	file_map = mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE, fd, 0);
	for (long i = 0; i < 32; i++)
		big[i * PAGE] = 1;
}

static long try_mmap(void)
{
	return mmap(NULL, 16 * PAGE, RW, ANON | MAP_POPULATE, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long try_mmap_shared(void)
{
	return mmap(NULL, 16 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) ==
		       MAP_FAILED
		   ? -1
		   : 0;
}

static long try_mmap_file(void)
{
	return mmap(NULL, 8 * PAGE, RW, MAP_SHARED, a_file, 0) == MAP_FAILED ? -1 : 0;
}

static long try_munmap_middle(void)
{
	return munmap(big + 8 * PAGE, 8 * PAGE);
}

static long try_mprotect_middle(void)
{
	return mprotect(big + 8 * PAGE, 8 * PAGE, PROT_READ);
}

static long try_mremap(void)
{
	return mremap(big, 64 * PAGE, 128 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}

static long try_touch(void)
{
	for (long i = 0; i < 64; i++)
		((volatile char *)big)[i * PAGE] = 2;
	return 0;
}

static long try_touch_file(void)
{
	for (long i = 0; i < 8; i++)
		((volatile char *)file_map)[i * PAGE] = 2;
	return 0;
}

static long try_brk(void)
{
	char *p = sbrk(64 * PAGE);

	if (p == (void *)-1)
		return -1;
	p[40 * PAGE] = 1;
	return 0;
}

static long end(pid_t pid)
{
	int status;

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static long try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return end(pid);
}

static long try_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return end(pid);
}

static long try_fork_exec(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/proc/self/exe", "failing", "nothing", NULL);
		_exit(0);
	}
	return end(pid);
}

static long try_exec(void)
{
	return execl("/proc/self/exe", "failing", "nothing", NULL);
}

static int idle(void *arg)
{
	(void)arg;
	return 0;
}

static long try_thread(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t pid = clone(idle, stack + sizeof stack,
			  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL);
	struct timespec soon = {0, 1000000};

	nanosleep(&soon, NULL);
	return pid < 0 ? -1 : 0;
}

static long try_open_create(void)
{
	return open("/tmp/failing.new", O_RDWR | O_CREAT, 0600) < 0 ? -1 : 0;
}

static long try_open(void)
{
	return open("/tmp/failing", O_RDONLY) < 0 ? -1 : 0;
}

static long try_open_proc(void)
{
	char buf[256];
	int fd = open("/proc/self/maps", O_RDONLY);

	return fd < 0 ? -1 : read(fd, buf, sizeof buf) < 0 ? -1 : 0;
}

static long try_stat(void)
{
	struct stat st;

	return stat("/proc/self/fd/1", &st);
}

static long try_mkdir(void)
{
	return mkdir("/tmp/failing.dir", 0700);
}

static long try_symlink(void)
{
	return symlink("/tmp/failing/a/long/way/to/go", "/tmp/failing.link");
}

static long try_link(void)
{
	return link("/tmp/failing", "/tmp/failing.two");
}

static long try_rename(void)
{
	return rename("/tmp/failing", "/tmp/failing.three");
}

static long try_list(void)
{
	char buf[2048];
	int fd = open("/proc/self", O_RDONLY | O_DIRECTORY);

	return fd < 0 ? -1 : syscall(SYS_getdents64, fd, buf, sizeof buf) < 0 ? -1 : 0;
}

static long try_write(void)
{
	return pwrite(a_file, "yyyyyyyy", 8, 70 * PAGE) < 0 ? -1 : 0;
}

static long try_write_long(void)
{
	ssize_t n = pwrite(a_file, big, 32 * PAGE, 64 * PAGE);

	return n < 0 ? -1 : 0;
}

static long try_read(void)
{
	return pread(a_file, big, 8 * PAGE, 0) < 0 ? -1 : 0;
}

static long try_truncate(void)
{
	return ftruncate(a_file, 5 * PAGE + 100);
}

static long try_pipe(void)
{
	int fds[2];

	return pipe(fds);
}

static long try_pipe_write(void)
{
	return write(a_pipe[1], big, 8 * PAGE) < 0 ? -1 : 0;
}

static long try_pipe_size(void)
{
	return fcntl(a_pipe[0], F_SETPIPE_SZ, 1 << 19) < 0 ? -1 : 0;
}

static long try_dup(void)
{
	return dup2(1, 300) < 0 ? -1 : 0;
}

static long try_lock(void)
{
	struct flock l = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};

	return fcntl(a_file, F_SETLK, &l);
}

static long try_flock(void)
{
	return flock(a_file, LOCK_EX);
}

static long try_poll(void)
{
	struct pollfd p[40];

	for (int i = 0; i < 40; i++)
		p[i] = (struct pollfd){.fd = a_pipe[0], .events = POLLIN};
	return poll(p, 40, 1) < 0 ? -1 : 0;
}

static long try_select(void)
{
	struct timeval soon = {0, 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(a_pipe[0], &set);
	return select(a_pipe[0] + 1, &set, NULL, NULL, &soon) < 0 ? -1 : 0;
}

static long try_event(void)
{
	return eventfd(0, 0) < 0 ? -1 : 0;
}

static long try_sendfile(void)
{
	off_t at = 0;

	return syscall(SYS_sendfile, a_pipe[1], a_file, &at, 2 * PAGE) < 0 ? -1 : 0;
}

static long try_readv(void)
{
	struct iovec iov[40];

	for (int i = 0; i < 40; i++)
		iov[i] = (struct iovec){big + i * 16, 16};
	return preadv(a_file, iov, 40, 0) < 0 ? -1 : 0;
}

static void on_signal(int signo)
{
	(void)signo;
}

static long try_signal(void)
{
	signal(SIGUSR1, on_signal);
	return raise(SIGUSR1);
}

static long try_sigqueue(void)
{
	union sigval value = {.sival_int = 1};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sigqueue(getpid(), SIGRTMIN, value);
}

static long try_timer(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	timer_t timer;

	return timer_create(CLOCK_MONOTONIC, &e, &timer);
}

static long try_chdir(void)
{
	return chdir("/tmp");
}

static long try_getcwd(void)
{
	char buf[512];

	return syscall(SYS_getcwd, buf, sizeof buf) < 0 ? -1 : 0;
}

static long try_memfd(void)
{
	return syscall(SYS_memfd_create, "name", 0) < 0 ? -1 : 0;
}

static const struct {
	const char *name;
	long (*fn)(void);
} kinds[] = {
    {"mmap", try_mmap},
    {"mmap, shared", try_mmap_shared},
    {"mmap of a file", try_mmap_file},
    {"munmap in the middle", try_munmap_middle},
    {"mprotect in the middle", try_mprotect_middle},
    {"mremap", try_mremap},
    {"page faults", try_touch},
    {"page faults of a file", try_touch_file},
    {"brk", try_brk},
    {"fork", try_fork},
    {"vfork", try_vfork},
    {"fork and exec", try_fork_exec},
    {"exec", try_exec},
    {"clone of a thread", try_thread},
    {"open of a new file", try_open_create},
    {"open", try_open},
    {"open and read in /proc", try_open_proc},
    {"stat through a link of /proc", try_stat},
    {"mkdir", try_mkdir},
    {"symlink", try_symlink},
    {"link", try_link},
    {"rename", try_rename},
    {"getdents64", try_list},
    {"write", try_write},
    {"a long write", try_write_long},
    {"read", try_read},
    {"ftruncate", try_truncate},
    {"pipe", try_pipe},
    {"write to a pipe", try_pipe_write},
    {"F_SETPIPE_SZ", try_pipe_size},
    {"dup2", try_dup},
    {"F_SETLK", try_lock},
    {"flock", try_flock},
    {"poll", try_poll},
    {"select", try_select},
    {"eventfd", try_event},
    {"sendfile", try_sendfile},
    {"preadv", try_readv},
    {"a signal", try_signal},
    {"sigqueue", try_sigqueue},
    {"timer_create", try_timer},
    {"chdir", try_chdir},
    {"getcwd", try_getcwd},
    {"memfd_create", try_memfd},
};
#define NKINDS (sizeof kinds / sizeof kinds[0])

/* -- what is in use ------------------------------------------------------------------------ */

struct use {
	int n;
	struct {
		char name[32];
		long objects;
	} cache[MAX_KINDS];
};

/* => active objects of all caches. */
static void use_read(struct use *u)
{
	static char text[16384];
	int fd = open("/proc/slabinfo", O_RDONLY), len = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + len, sizeof text - 1 - (size_t)len)) > 0)
		len += (int)got;
	text[len] = 0;
	close(fd);
	u->n = 0;
	for (char *line = text; line && u->n < MAX_KINDS; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%31s %ld", u->cache[u->n].name, &u->cache[u->n].objects) == 2 &&
		    u->cache[u->n].name[0] != '#')
			u->n++;
		if (!*line)
			break;
	}
}

/* => whether more is in use than before; says what. */
static int use_grew(const struct use *before, const struct use *after)
{
	int grew = 0;

	for (int i = 0; i < after->n; i++) {
		long was = 0;

		for (int j = 0; j < before->n; j++)
			if (strcmp(before->cache[j].name, after->cache[i].name) == 0)
				was = before->cache[j].objects;
		if (after->cache[i].objects <= was)
			continue;
		printf("  %s: %ld objects more\n", after->cache[i].name,
		       after->cache[i].objects - was);
		grew = 1;
	}
	return grew || after->n == 0;
}

/* -- the sweep ----------------------------------------------------------------------------- */

enum { CALL_WELL = 10, CALL_ENOUGH, CALL_WRONG };

static void forget_files(void)
{
	static const char *const names[] = {"new", "link", "two", "three"};
	char path[64];

	unlink("/tmp/failing");
	rmdir("/tmp/failing.dir");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "/tmp/failing.%s", names[i]);
		unlink(path);
	}
}

/* In a child: the call with its n-th allocation failing. */
static _Noreturn void attempt(size_t kind, long n)
{
	long result;
	int error;

	prepare();
	arm(n);
	result = kinds[kind].fn();
	error = errno;
	if (!has_failed()) {
		arm(0);
		_exit(CALL_ENOUGH);
	}
	if (result == 0 || error == ENOMEM || error == EAGAIN || error == ENFILE ||
	    error == ENOSPC || error == EFAULT || error == ENOLCK)
		_exit(CALL_WELL);
	printf("  %s, allocation %ld: %s\n", kinds[kind].name, n, strerrorname_np(error));
	_exit(CALL_WRONG);
}

/* => 1: the call needs fewer than n allocations. -1: it did not end well. */
static int step(size_t kind, long n)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		attempt(kind, n);
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	while (waitpid(-1, NULL, 0) > 0) /* its children, if it was killed */
		;
	forget_files();
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSEGV ? 0 : -1;
	switch (WEXITSTATUS(status)) {
	case 0: /* exec: the other program has run */ return 1;
	case CALL_ENOUGH: return 1;
	case CALL_WELL: return 0;
	default: return -1;
	}
}

/* => the number of allocations that the call needs; -1: something was wrong. */
static long sweep(size_t kind)
{
	for (long n = 1; n < MOST; n++) {
		int result = step(kind, n);

		if (result)
			return result > 0 ? n - 1 : -1;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct use before, after;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && strcmp(argv[1], "nothing") == 0)
		return 0;
	fail_nth = open("/proc/self/fail-nth", O_RDWR);
	if (fail_nth < 0) {
		say("/proc/self/fail-nth", -1);
		return 1;
	}
	for (size_t kind = 0; kind < NKINDS; kind++) {
		long n = sweep(kind);

		/* here: what is made once, caches and tables that have grown, is there */
		use_read(&before);
		if (n >= 0)
			n = sweep(kind);
		use_read(&after);
		if (argc > 1)
			printf("%s: %ld allocations\n", kinds[kind].name, n);
		check(kinds[kind].name, n >= 0 && !use_grew(&before, &after));
	}
	return 0;
}
