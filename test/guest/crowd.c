/*
 * Many at once: 1,000 processes that wait, 10,000 threads that wait, and a fork
 * bomb under RLIMIT_NPROC that leaves its parent alive. argv[1] names one; `counted` does
 * all of them twice, and what is there afterwards must be the same both times: processes and
 * threads, zombies among them, open files, and free frames.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCS   1000
#define THREADS 10000

static void processes(void)
{
	static pid_t pids[PROCS];
	int n = 0, ended = 0, status;
	sigset_t set;

	/* Blocked from before the fork on, so that none is lost. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (; n < PROCS; n++) {
		pids[n] = fork();
		if (pids[n] < 0)
			break;
		if (pids[n] == 0) {
			int signo;

			sigwait(&set, &signo);
			_exit(signo == SIGUSR1 ? 0 : 1);
		}
	}
	printf("%d processes\n", n);
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGUSR1);
	while (wait(&status) > 0)
		ended += status == 0;
	printf("%d ended well\n", ended);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t go = PTHREAD_COND_INITIALIZER;
static int gone, released;

static void *waits(void *arg)
{
	pthread_mutex_lock(&lock);
	while (!released)
		pthread_cond_wait(&go, &lock);
	gone++;
	pthread_mutex_unlock(&lock);
	return arg;
}

static void threads(void)
{
	static pthread_t tids[THREADS];
	pthread_attr_t attr;
	int n = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (; n < THREADS; n++)
		if (pthread_create(&tids[n], &attr, waits, NULL) != 0)
			break;
	printf("%d threads\n", n);
	pthread_mutex_lock(&lock);
	released = 1;
	pthread_cond_broadcast(&go);
	pthread_mutex_unlock(&lock);
	for (int i = 0; i < n; i++)
		pthread_join(tids[i], NULL);
	printf("%d ended\n", gone);
}

/* Each process forks until it cannot; all but the first then wait to be killed. */
static void bomb(void)
{
	struct rlimit limit = {60, 60};
	pid_t child;
	int status;

	/* Root has no such limit: this is for a machine of its own, not for the host. */
	if (geteuid() == 0) {
		printf("not as root\n");
		return;
	}
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		setrlimit(RLIMIT_NPROC, &limit);
		for (int failed = 0; failed < 100;)
			failed += fork() < 0 && errno == EAGAIN;
		kill(0, SIGKILL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	printf("bomb: signal %d; alive\n", WTERMSIG(status));
	child = fork();
	if (child == 0)
		_exit(3);
	printf("a new child: %d\n",
	       waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
}

struct counts {
	long processes, threads, files, free_kib;
};

/* => the first number behind `what` in a file of /proc; -1: there is none. */
static long number_in(const char *path, const char *what)
{
	char line[256];
	long n = -1;
	FILE *f = fopen(path, "r");

	while (f && n < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, what, strlen(what)) == 0)
			n = atol(line + strlen(what));
	if (f)
		fclose(f);
	return n;
}

static struct counts count(void)
{
	struct counts c = {0};
	struct sysinfo si;
	struct dirent *e;
	DIR *d = opendir("/proc");

	while ((e = readdir(d)))
		c.processes += isdigit((unsigned char)e->d_name[0]) != 0;
	closedir(d);
	sysinfo(&si);
	c.threads = si.procs;
	c.files = number_in("/proc/sys/fs/file-nr", "");
	c.free_kib = number_in("/proc/meminfo", "MemFree:");
	return c;
}

/* Frames that a hart keeps at hand are not the same each time; a frame for each of the thousand
 * processes would be. */
#define SLACK_KIB 256

static void compare(const char *what, long before, long after, long slack)
{
	if (labs(before - after) <= slack)
		printf("%s: as before\n", what);
	else
		printf("%s: %ld, now %ld\n", what, before, after);
}

/* In a process of its own. This one is the first, so it asks about the orphans, too. */
static void alone(void (*what)(void))
{
	if (fork() == 0) {
		what();
		fflush(stdout);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

/* Once to have what a kernel keeps for the next time, and once to see that no more is kept. */
static void counted(void)
{
	struct counts before, after;

	for (int i = 0; i < 2; i++) {
		before = i ? after : count();
		alone(processes);
		alone(threads);
		alone(bomb);
		after = count();
	}
	printf("%ld process, %ld thread\n", after.processes, after.threads);
	compare("processes", before.processes, after.processes, 0);
	compare("threads", before.threads, after.threads, 0);
	compare("open files", before.files, after.files, 0);
	compare("free memory, KiB", before.free_kib, after.free_kib, SLACK_KIB);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "processes") == 0)
		processes();
	else if (strcmp(argv[1], "threads") == 0)
		threads();
	else if (strcmp(argv[1], "counted") == 0)
		counted();
	else
		bomb();
	return 0;
}
