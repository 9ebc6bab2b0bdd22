/* clone, clone3, fork, vfork, threads by hand, pidfds, and set_tid_address. */
#include "test/guest/conf.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/prctl.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define SET_TID_MAX 32
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif
#define INTO_CGROUP       0x200000000ull
#define PIDFD_THREAD_FLAG O_EXCL

struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
	uint64_t more[4];
};

static volatile int *shared;

static long clone3(struct args *a, size_t size)
{
	return syscall(SYS_clone3, a, size);
}

/* The order of arguments after the stack differs between architectures. */
static long raw_clone(uint64_t flags, void *stack, volatile int *parent, volatile int *child,
		      uint64_t tls)
{
#ifdef __riscv
	return syscall(SYS_clone, flags, stack, parent, tls, child);
#else
	return syscall(SYS_clone, flags, stack, parent, child, tls);
#endif
}

static void flags(void)
{
	T(raw_clone(CLONE_THREAD, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_THREAD | CLONE_VM, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_THREAD | CLONE_SIGHAND, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_NEWUSER | CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, 0));
	T(raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, NULL, shared, NULL, 0));
	T(raw_clone(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, NULL, shared, NULL, 0));
	T(raw_clone(CLONE_PIDFD | SIGCHLD, NULL, BAD, NULL, 0));
	T(waitpid(-1, NULL, 0));
}

static void tids(void)
{
	int status;
	long pid;

	pid = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, shared,
			shared + 1, 0);
	if (pid == 0)
		_exit(shared[0] != getpid() || shared[1] != getpid());
	IS(shared[0] == pid);
	IS(waitpid((pid_t)pid, &status, 0) == pid);
	say_status("both are set", status);

	/* The child's exit clears the word of a shared mapping only if somebody shares the space.
	 */
	shared[2] = 77;
	pid = raw_clone(CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, shared + 2, 0);
	if (pid == 0)
		_exit(0);
	waitpid((pid_t)pid, &status, 0);
	printf("CLEARTID in an own space: %d\n", shared[2]);
	pid = raw_clone(CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, BAD, 0);
	if (pid == 0)
		_exit(0);
	IS(waitpid((pid_t)pid, &status, 0) == pid);
	say_status("CHILD_SETTID to nowhere", status);
	pid = raw_clone(CLONE_PARENT_SETTID | SIGCHLD, NULL, BAD, NULL, 0);
	if (pid == 0)
		_exit(0);
	IS(waitpid((pid_t)pid, &status, 0) == pid);

	/* Other exit signals. */
	pid = raw_clone(0, NULL, NULL, NULL, 0);
	if (pid == 0)
		_exit(1);
	T(waitpid((pid_t)pid, &status, 0));
	IS(syscall(SYS_wait4, pid, &status, __WCLONE, NULL) == pid);
	signal(SIGUSR2, SIG_IGN);
	pid = raw_clone(SIGUSR2, NULL, NULL, NULL, 0);
	if (pid == 0)
		_exit(2);
	T(waitpid((pid_t)pid, &status, WNOHANG));
	IS(syscall(SYS_wait4, pid, &status, __WALL, NULL) == pid);
	say_status("exit signal SIGUSR2", status);
	signal(SIGUSR2, SIG_DFL);
	IS(syscall(SYS_set_tid_address, NULL) == gettid());
}

static void parents(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		/* A sister: its parent is this process's. */
		long p = raw_clone(CLONE_PARENT | SIGUSR1, NULL, NULL, NULL, 0);

		if (p == 0)
			_exit(9);
		T(waitpid((pid_t)p, &status, 0));
		_exit(8);
	}
	waitpid(pid, &status, 0);
	say_status("child", status);
	/* Its signal is that of who made it: SIGCHLD, so no __WCLONE is needed. */
	IS(waitpid(-1, &status, 0) > 0);
	say_status("sister", status);
}

static void third(void)
{
	struct args a = {0};
	int status, handled;
	long pid;

	T(clone3(NULL, 64));
	T(clone3(&a, 0));
	T(clone3(&a, 63));
	T(clone3(&a, 4097));
	T(clone3(BAD, 64));
	a.more[0] = 1;
	T(clone3(&a, sizeof a));
	a.more[0] = 0;
#define WITH(field, value, size)                                                                   \
	do {                                                                                       \
		a = (struct args){.exit_signal = SIGCHLD};                                         \
		a.field = (value);                                                                 \
		say("clone3 with " #field " = " #value ", " #size, clone3(&a, size));              \
	} while (0)
	WITH(exit_signal, 65, 88);
	WITH(exit_signal, 0x100, 88);
	WITH(flags, SIGCHLD, 88);
	WITH(flags, CLONE_DETACHED, 88);
	WITH(flags, 1ull << 40, 88);
	WITH(flags, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, 88);
	WITH(flags, CLONE_PARENT, 88);
	WITH(flags, CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND, 88);
	WITH(flags, INTO_CGROUP, 64);
	WITH(stack, 4096, 88);
	WITH(stack_size, 4096, 88);
	WITH(set_tid, 4096, 88);
	WITH(set_tid_size, 1, 88);
	WITH(set_tid_size, 33, 88);
	pid_t want[2] = {12345, 0};
	a = (struct args){.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)want};
	a.set_tid_size = 1;
	T(clone3(&a, 80));
	want[0] = 0;
	T(clone3(&a, 80));
	want[0] = -5;
	T(clone3(&a, 80));
	a.set_tid = 16;
	T(clone3(&a, 80));
	T(waitpid(-1, &status, 0));

	a = (struct args){.exit_signal = SIGCHLD};
	pid = clone3(&a, 64);
	if (pid == 0)
		_exit(3);
	IS(waitpid((pid_t)pid, &status, 0) == pid);
	say_status("the plain one", status);
	pid = clone3(&a, sizeof a);
	if (pid == 0)
		_exit(4);
	IS(waitpid((pid_t)pid, &status, 0) == pid);
	say_status("a larger one", status);

	signal(SIGUSR1, _exit);
	signal(SIGUSR2, SIG_IGN);
	a.flags = CLONE_CLEAR_SIGHAND;
	pid = clone3(&a, 88);
	if (pid == 0) {
		handled = signal(SIGUSR1, SIG_DFL) == SIG_DFL;
		_exit(handled * 2 + (signal(SIGUSR2, SIG_DFL) == SIG_IGN));
	}
	waitpid((pid_t)pid, &status, 0);
	say_status("CLEAR_SIGHAND", status);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void vforks(void)
{
	int status;
	volatile int seen = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		seen = 1; /* the same memory, and the parent waits */
		usleep(2000);
		seen = 2;
		_exit(5);
	}
	printf("seen %d\n", seen);
	waitpid(pid, &status, 0);
	say_status("vfork", status);
	/* Files and dispositions are copies. */
	pid = vfork();
	if (pid == 0) {
		close(0);
		signal(SIGUSR1, SIG_IGN);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	IS(fcntl(0, F_GETFD) == 0);
	IS(signal(SIGUSR1, SIG_DFL) == SIG_DFL);
	/* A parent that waits for its vfork child can be killed. */
	shared[8] = 0;
	pid = fork();
	if (pid == 0) {
		if (vfork() == 0) {
			shared[8] = getpid();
			for (;;)
				pause();
		}
		_exit(0);
	}
	while (!shared[8])
		usleep(100);
	T(kill(pid, SIGKILL));
	IS(waitpid(pid, &status, 0) == pid);
	say_status("killed in vfork", status);
	T(kill(shared[8], SIGKILL));
	/* A handler waits until the child is gone. */
	shared[9] = 0;
	pid = fork();
	if (pid == 0) {
		signal(SIGTERM, _exit);
		if (vfork() == 0) {
			kill(getppid(), SIGTERM);
			usleep(3000);
			shared[9] = 1;
			_exit(0);
		}
		_exit(1);
	}
	waitpid(pid, &status, 0);
	printf("the child was first: %d, %d\n", shared[9], WEXITSTATUS(status));
}

static char stack[65536] __attribute__((aligned(16)));
static volatile int thread_ran, thread_tid;

static int thread_body(void *arg)
{
	thread_ran = arg == &stack;
	thread_tid = gettid() != getpid();
	return 0;
}

static void threads(void)
{
	volatile int tid = -1, parent = 0;
	int n = clone(thread_body, stack + sizeof stack,
		      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		      stack, (int *)&parent, NULL, (int *)&tid);

	IS(n > 0 && parent == n);
	while (tid)
		syscall(SYS_futex, &tid, FUTEX_WAIT, -1, NULL, NULL, 0);
	printf("ran %d, number of its own %d\n", thread_ran, thread_tid);
	T(waitpid(n, NULL, __WALL));
	/* A process in the same memory. */
	thread_ran = 0;
	n = clone(thread_body, stack + sizeof stack, CLONE_VM | SIGCHLD, stack);
	IS(waitpid(n, NULL, 0) == n);
	printf("ran %d, number of its own %d\n", thread_ran, thread_tid);
}

#ifdef SYS_pidfd_open
static long pidfd_send(int fd, int signo, siginfo_t *info, unsigned mode)
{
	return syscall(SYS_pidfd_send_signal, fd, signo, info, mode);
}

static void pidfds(void)
{
	struct args a = {.flags = CLONE_PIDFD, .exit_signal = SIGCHLD};
	struct pollfd p = {.events = POLLIN};
	int fd = -1, fd2, status, fds[2];
	siginfo_t info;
	char c = 0;
	long pid;

	T(syscall(SYS_pidfd_open, 0, 0));
	T(syscall(SYS_pidfd_open, -1, 0));
	T(syscall(SYS_pidfd_open, 0x3ffffe, 0));
	T(syscall(SYS_pidfd_open, getpid(), 0x10));
	T(pidfd_send(0, 0, NULL, 0));
	T(pidfd_send(999, 0, NULL, 0));
	a.pidfd = (uint64_t)(uintptr_t)&fd;
	pid = clone3(&a, 64);
	if (pid == 0)
		for (;;)
			pause();
	IS(fd > 2);
	T(fcntl(fd, F_GETFD));
	IS((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	T(read(fd, &c, 1));
	T(write(fd, &c, 1));
	p.fd = fd;
	T(poll(&p, 1, 0));
	fd2 = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
	IS(fd2 > fd);
	T(pidfd_send(fd, 0, NULL, 0));
	T(pidfd_send(fd, 65, NULL, 0));
	T(pidfd_send(fd, SIGTERM, NULL, 0x100));
	T(pidfd_send(fd, SIGTERM, BAD, 0));
	memset(&info, 0, sizeof info);
	info.si_signo = SIGUSR1;
	info.si_code = SI_QUEUE;
	T(pidfd_send(fd, SIGTERM, &info, 0));
	info.si_code = SI_USER;
	T(pidfd_send(fd, SIGUSR1, &info, 0));
	T(waitid(P_PIDFD, (id_t)fd2, &info, WEXITED));
	T(waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG));
	T(pidfd_send(fd, SIGKILL, NULL, 0));
	T(poll(&p, 1, -1));
	printf("revents %x\n", p.revents);
	T(pidfd_send(fd, 0, NULL, 0)); /* a zombie */
	T(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	IS(info.si_pid == pid && info.si_status == SIGKILL);
	T(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	T(pidfd_send(fd, 0, NULL, 0));
	T(poll(&p, 1, 0));
	printf("revents %x\n", p.revents);
	close(fd);
	close(fd2);

	/* A file of another process. */
	T(syscall(SYS_pidfd_getfd, 0, 0, 0));
	T(syscall(SYS_pidfd_getfd, 999, 0, 0));
	if (pipe(fds))
		return;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 50);
		shared[10] = 1;
		for (;;)
			pause();
	}
	while (!shared[10])
		usleep(100);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	T(syscall(SYS_pidfd_getfd, fd, 50, 1));
	T(syscall(SYS_pidfd_getfd, fd, 51, 0));
	fd2 = (int)syscall(SYS_pidfd_getfd, fd, 50, 0);
	IS(fd2 > 2 && fd2 != 50);
	T(fcntl(fd2, F_GETFD));
	T(write(fd2, "x", 1));
	T(read(fds[0], &c, 1));
	printf("%c\n", c);
	kill((pid_t)pid, SIGKILL);
	waitpid((pid_t)pid, &status, 0);
	T(syscall(SYS_pidfd_getfd, fd, 50, 0));
	close(fd);
}
#else
#define pidfds flags
#endif

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"flags", flags},  {"tids", tids},       {"parents", parents}, {"clone3", third},
	    {"vfork", vforks}, {"threads", threads}, {"pidfd", pidfds},
	};

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
