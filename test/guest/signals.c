/* Signals that a program sends to itself and does not die of; and time, names, limits, chance. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include "test/guest/say.h"

int main(void)
{
	sigset_t set, old;
	struct sigaction act;

	check("ignored", signal(SIGTERM, SIG_IGN) != SIG_ERR);
	say("raise SIGTERM", raise(SIGTERM));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	say("block SIGUSR1", sigprocmask(SIG_BLOCK, &set, &old));
	say("raise SIGUSR1", raise(SIGUSR1));
	sigset_t pending;
	say("sigpending", sigpending(&pending));
	check("it is pending", sigismember(&pending, SIGUSR1));
	signal(SIGUSR1, SIG_IGN);
	sigpending(&pending);
	check("ignoring it drops it", !sigismember(&pending, SIGUSR1));
	say("unblock", sigprocmask(SIG_SETMASK, &old, NULL));
	say("default ignored: SIGCHLD", raise(SIGCHLD));
	say("sigaction of SIGKILL", signal(SIGKILL, SIG_IGN) == SIG_ERR ? -1 : 0);
	say("sigaction reads back", sigaction(SIGTERM, NULL, &act));
	check("SIG_IGN", act.sa_handler == SIG_IGN);
	say("kill of signal 0", kill(getpid(), 0));
	say("kill of a bad signal", kill(getpid(), 99));
	say("kill of nobody", kill(123456, 0));

	struct timespec a, b, wait = {0, 2000000};
	say("clock_gettime", clock_gettime(CLOCK_MONOTONIC, &a));
	say("nanosleep", nanosleep(&wait, NULL));
	clock_gettime(CLOCK_MONOTONIC, &b);
	long ns = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
	check("at least 2 ms went by", ns >= 2000000);
	check("the date is after 2020", time(NULL) > 1577836800);
	say("clock_gettime, bad clock", clock_gettime(999, &a));
	wait.tv_nsec = 2000000000;
	say("nanosleep, bad time", nanosleep(&wait, NULL));

	struct utsname u;
	say("uname", uname(&u));
	printf("%s\n", u.sysname);
	uint64_t r[2] = {0, 0};
	check("getrandom", getrandom(r, 16, 0) == 16 && r[0] != r[1]);
	struct rlimit limit;
	say("getrlimit of a bad one", getrlimit((__rlimit_resource_t)99, &limit));
	limit.rlim_cur = 10, limit.rlim_max = 5;
	say("setrlimit, soft above hard", setrlimit(RLIMIT_NOFILE, &limit));
	check("getpid is not 0", getpid() > 0);
	check("gettid is getpid", gettid() == getpid());
	return 0;
}
