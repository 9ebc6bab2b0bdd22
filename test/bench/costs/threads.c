/*
 * Costs of threads, signals and pipes.
 */
#define _GNU_SOURCE
#include "costs.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARM  20
#define TIMES 1000

static volatile unsigned handled;
static char *page;

static void count(int signo)
{
	(void)signo;
	handled++;
}

static void open_up(int signo)
{
	(void)signo;
	handled++;
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

static void handle(int signo, void (*handler)(int))
{
	struct sigaction sa;

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = handler;
	die_if(sigaction(signo, &sa, NULL) != 0, "sigaction");
}

static void signal_self(void)
{
	pid_t self = getpid();
	uint64_t t = 0;

	handle(SIGUSR1, count);
	for (int i = 0; i < WARM + TIMES; i++) {
		if (i == WARM)
			t = now();
		kill(self, SIGUSR1);
	}
	report("signal", now() - t, TIMES);
	die_if(handled != WARM + TIMES, "signals");
}

/* With the mprotect that closes the page again. */
static void fault_signal(void)
{
	uint64_t t = 0;

	handled = 0;
	page = map(PAGE);
	touch(page, PAGE);
	handle(SIGSEGV, open_up);
	for (int i = 0; i < WARM + TIMES; i++) {
		if (i == WARM)
			t = now();
		mprotect(page, PAGE, PROT_READ);
		*(volatile char *)page = 1;
	}
	report("sigsegv", now() - t, TIMES);
	die_if(handled != WARM + TIMES, "SIGSEGV");
	signal(SIGSEGV, SIG_DFL);
	unmap(page, PAGE);
}

static void *body(void *arg)
{
	return arg;
}

static void thread(void)
{
	uint64_t t = 0;

	for (int i = 0; i < WARM + TIMES; i++) {
		pthread_t id;

		if (i == WARM)
			t = now();
		die_if(pthread_create(&id, NULL, body, NULL) != 0, "pthread_create");
		pthread_join(id, NULL);
	}
	report("thread", now() - t, TIMES);
}

static void pipes(void)
{
	int to[2], from[2];
	uint64_t t = 0;
	pid_t child;
	char c = 'x';

	die_if(pipe(to) != 0 || pipe(from) != 0, "pipe");
	child = fork();
	die_if(child < 0, "fork");
	if (child == 0) {
		close(to[1]);
		close(from[0]);
		while (read(to[0], &c, 1) == 1)
			write(from[1], &c, 1);
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	for (int i = 0; i < WARM + TIMES; i++) {
		if (i == WARM)
			t = now();
		die_if(write(to[1], &c, 1) != 1 || read(from[0], &c, 1) != 1, "pipe");
	}
	report("pipe", now() - t, TIMES);
	close(to[1]);
	close(from[0]);
	die_if(waitpid(child, NULL, 0) != child, "waitpid");
}

void measure_threads(void)
{
	signal_self();
	fault_signal();
	thread();
	pipes();
}
