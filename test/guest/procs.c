/*
 * Processes, threads, signals and futexes, as their manual pages have them. Each
 * line says what was asked and what came; argv[1] names the part.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "test/guest/say.h"

static int *shared; /* a page that all children see */

static pid_t fork_exit(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	return pid;
}

static void waits(void)
{
	siginfo_t info;
	int status;
	pid_t pid;

	say("wait without children", wait(&status));
	say("wait4 bad options", syscall(SYS_wait4, -1, &status, 0x100, NULL));
	pid = fork_exit(7);
	check("waitpid gives the pid", waitpid(pid, &status, 0) == pid);
	say("status", status);
	pid = fork_exit(9);
	memset(&info, 0, sizeof info);
	say("waitid WNOWAIT", waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	check("its pid", info.si_pid == pid);
	say("its status", info.si_status);
	say("its code", info.si_code);
	check("still there", waitpid(pid, &status, 0) == pid);
	say("now not", waitpid(pid, &status, 0));
	say("waitid without an event", waitid(P_ALL, 0, &info, 0));
	signal(SIGCHLD, SIG_IGN);
	pid = fork_exit(1);
	say("SIGCHLD ignored: wait", waitpid(pid, &status, 0));
	signal(SIGCHLD, SIG_DFL);

	/* An orphan's parent is the first process, or another that takes it. */
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		if (fork() == 0) {
			while (getppid() == parent)
				usleep(100);
			shared[0] = 1;
			_exit(0);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	while (!((volatile int *)shared)[0])
		usleep(100);
	check("orphan has a new parent", 1);
}

static void stops(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	kill(pid, SIGSTOP);
	check("WUNTRACED", waitpid(pid, &status, WUNTRACED) == pid);
	say("stopped", WIFSTOPPED(status));
	say("by", WSTOPSIG(status));
	say("WNOHANG", waitpid(pid, &status, WNOHANG | WUNTRACED));
	kill(pid, SIGCONT);
	check("WCONTINUED", waitpid(pid, &status, WCONTINUED) == pid);
	say("continued", WIFCONTINUED(status));
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say("killed while stopped", WTERMSIG(status));
}

static volatile int hits, code, value, nested;
static volatile uintptr_t fault_at;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)context;
	hits++;
	code = info->si_code;
	value = info->si_value.sival_int;
	nested = signo;
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	code = info->si_code;
	fault_at = (uintptr_t)info->si_addr;
	mprotect((void *)(fault_at & ~4095ul), 4096, PROT_READ | PROT_WRITE);
}

static void act(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigaction(signo, &a, NULL);
}

static void handlers(void)
{
	struct timespec tick = {0, 20000000}, zero = {0, 0};
	union sigval v = {.sival_int = 42};
	sigset_t set, old;
	siginfo_t info;
	stack_t alt = {.ss_size = 65536}, now;
	char *page;
	double d = 1.25;

	act(SIGUSR1, on_signal, 0);
	kill(getpid(), SIGUSR1);
	say("kill: code", code);
	raise(SIGUSR1);
	say("raise: code", code);
	sigqueue(getpid(), SIGUSR1, v);
	say("sigqueue: code", code);
	say("sigqueue: value", value);
	check("registers of floating point survive", d * 2 == 2.5);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &old);
	hits = 0;
	for (int i = 0; i < 3; i++)
		kill(getpid(), SIGUSR1);
	act(SIGRTMIN, on_signal, 0);
	for (int i = 0; i < 3; i++) {
		v.sival_int = i;
		sigqueue(getpid(), SIGRTMIN, v);
	}
	say("sigtimedwait", sigtimedwait(&set, &info, &zero));
	check("first the lowest", info.si_signo == SIGUSR1);
	sigtimedwait(&set, &info, &zero);
	say("queued in order", info.si_value.sival_int);
	sigprocmask(SIG_SETMASK, &old, NULL);
	say("the other two", hits);
	say("last value", value);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say("nothing comes", sigtimedwait(&set, &info, &tick));
	sigprocmask(SIG_SETMASK, &old, NULL);

	page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	act(SIGSEGV, on_fault, 0);
	*(volatile char *)(page + 5) = 1;
	say("SEGV_ACCERR", code);
	check("its address", fault_at == (uintptr_t)page + 5);

	alt.ss_sp = malloc(alt.ss_size);
	say("sigaltstack", sigaltstack(&alt, NULL));
	act(SIGUSR2, on_signal, SA_ONSTACK | SA_RESETHAND);
	raise(SIGUSR2);
	sigaltstack(NULL, &now);
	say("off it again", now.ss_flags);
	check("SA_RESETHAND", signal(SIGUSR2, SIG_DFL) == SIG_DFL);

	/* Sleeping is cut short by a handler; reading a pipe with SA_RESTART is not. */
	struct itimerval it = {.it_value = {0, 50000}};
	struct timespec rest = {0, 0};
	act(SIGALRM, on_signal, 0);
	setitimer(ITIMER_REAL, &it, NULL);
	say("nanosleep", nanosleep(&(struct timespec){5, 0}, &rest));
	check("time is left", rest.tv_sec == 4);
	int fd[2];
	char c = 0;
	if (pipe(fd) == 0) {
		/* before the fork: the child's signal may come at any time */
		act(SIGALRM, on_signal, SA_RESTART);
		hits = 0;

		pid_t pid = fork();

		if (pid == 0) {
			usleep(3000);
			kill(getppid(), SIGALRM);
			usleep(3000);
			_exit(write(fd[1], "x", 1) != 1);
		}
		say("read begins again", read(fd[0], &c, 1));
		say("after the handler", hits);
		wait(NULL);
	}
	say("sigaction of SIGKILL", sigaction(SIGKILL, &(struct sigaction){0}, NULL));
	say("kill nobody", kill(0x3fffff, 0));
	say("kill bad signal", kill(getpid(), 65));
}

static long futex(int *at, int op, int val, void *arg, int *at2, int val3)
{
	return syscall(SYS_futex, at, op, val, arg, at2, val3);
}

static void futexes(void)
{
	struct timespec soon = {0, 1000000};
	pid_t pid;

	say("WAIT, other value", futex(shared, FUTEX_WAIT, 1, NULL, NULL, 0));
	say("WAIT, time", futex(shared, FUTEX_WAIT, 0, &soon, NULL, 0));
	say("WAIT, misaligned", syscall(SYS_futex, (char *)shared + 1, FUTEX_WAIT, 0, NULL));
	say("WAKE, nobody", futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0));
	say("WAIT_BITSET 0", futex(shared, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	say("LOCK_PI is not there or works", 0);
	pid = fork();
	if (pid == 0)
		_exit((int)futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0));
	while (futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
		usleep(100);
	int status;
	waitpid(pid, &status, 0);
	say("shared between processes", status);
	say("CMP_REQUEUE, other value",
	    futex(shared, FUTEX_CMP_REQUEUE, 1, (void *)1, shared + 1, 5));
	say("WAKE_OP", futex(shared, FUTEX_WAKE_OP, 1, (void *)1, shared + 1,
			     FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 0)));
	say("adds", shared[1]);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int sum, turn;
static __thread int own;

static void *adder(void *arg)
{
	int me = (int)(intptr_t)arg;

	own = me;
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&lock);
		while (turn % 4 != me)
			pthread_cond_wait(&cond, &lock);
		turn++;
		sum += own;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void *dies_with_lock(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void threads(void)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t robust;
	pthread_t t[4];
	void *result;
	int status;

	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, adder, (void *)(intptr_t)i);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &result);
		say("joined", (long)result);
	}
	say("sum", sum);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&robust, &attr);
	pthread_create(&t[0], NULL, dies_with_lock, &robust);
	pthread_join(t[0], NULL);
	say("owner died", pthread_mutex_lock(&robust) == EOWNERDEAD);
	/* A fork in a program with threads has one; its exit does not wait for others. */
	pid_t pid = fork_exit(4);
	waitpid(pid, &status, 0);
	say("fork beside threads", WEXITSTATUS(status));
	pid = fork();
	if (pid == 0) {
		turn = 1; /* never thread 0's turn: it waits for ever */
		pthread_create(&t[0], NULL, adder, (void *)0);
		usleep(1000);
		exit(6);
	}
	waitpid(pid, &status, 0);
	say("exit with a waiting thread", WEXITSTATUS(status));
}

static void groups(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		check("setsid", setsid() == getpid());
		check("own group", getpgrp() == getpid());
		say("again", setsid());
		say("setpgid of a leader", setpgid(0, 0));
		pid_t child = fork_exit(0);
		say("setpgid to a group that is not there", setpgid(child, 0x3ffff0));
		check("setpgid of a child", setpgid(child, child) == 0);
		check("it has it", waitpid(-child, &status, 0) == child);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say("status", status);
	say("getpgid of nobody", getpgid(0x3fffff));
	check("vfork", vfork() == 0 ? (_exit(0), 0) : wait(&status) > 0);
}

int main(int argc, char **argv)
{
	const char *part = argc > 1 ? argv[1] : "";

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (strcmp(part, "waits") == 0)
		waits();
	else if (strcmp(part, "stops") == 0)
		stops();
	else if (strcmp(part, "handlers") == 0)
		handlers();
	else if (strcmp(part, "futexes") == 0)
		futexes();
	else if (strcmp(part, "threads") == 0)
		threads();
	else if (strcmp(part, "groups") == 0)
		groups();
	else
		return 2;
	return 0;
}
