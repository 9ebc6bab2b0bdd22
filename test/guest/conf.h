/*
 * What the conformance programs share. Each says, line by line, what it asked and what came; the
 * same source compiled for the host and run there, and Debian 13's kernel under QEMU
 * (test/run-reference), say what is right.
 */
#ifndef TEST_GUEST_CONF_H
#define TEST_GUEST_CONF_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "test/guest/say.h"

#define BAD ((void *)16) /* an address where nothing is */

/* The text of a call, and what it gave. */
#define T(call)       say(#call, (long)(call))
#define IS(condition) check(#condition, condition)
#define ARRAY_LEN(a)  (sizeof(a) / sizeof *(a))

/* A child that does `what` and ends with 0; its wait status. */
#define CHILD(...)                                                                                 \
	({                                                                                         \
		int status_;                                                                       \
		fflush(stdout);                                                                    \
		pid_t pid_ = fork();                                                               \
		if (pid_ == 0) {                                                                   \
			__VA_ARGS__;                                                               \
			fflush(stdout);                                                            \
			_exit(0);                                                                  \
		}                                                                                  \
		waitpid(pid_, &status_, 0);                                                        \
		status_;                                                                           \
	})

static inline void say_status(const char *what, int status)
{
	if (WIFEXITED(status))
		printf("%s: exit %d\n", what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: signal %d\n", what, WTERMSIG(status));
	else if (WIFSTOPPED(status))
		printf("%s: stopped %d\n", what, WSTOPSIG(status));
	else
		printf("%s: continued\n", what);
}

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* Uses the processor for so long, by its own clock. */
static inline void burn_ms(long ms)
{
	uint64_t end = now_ns(CLOCK_THREAD_CPUTIME_ID) + (uint64_t)ms * 1000000;

	while (now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

/* Root of the host becomes the ordinary user that programs are in the machine. */
static inline void unprivileged(void)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		exit(99);
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

struct part {
	const char *name;
	void (*run)(void);
};

/* The parts run in a child with a group of its own: the first process of a machine is special. */
static inline int run_parts(int argc, char **argv, const struct part *parts, size_t n)
{
	int status;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	unprivileged();
	pid = fork();
	if (pid != 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	setpgid(0, 0);
	for (size_t i = 0; i < n; i++) {
		if (argc > 1 && strcmp(argv[1], parts[i].name) != 0)
			continue;
		printf("-- %s\n", parts[i].name);
		parts[i].run();
	}
	exit(0);
}

#endif
