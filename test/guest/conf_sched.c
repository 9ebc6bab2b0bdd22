/* Scheduling: policies, priorities, nice, affinity, and what they do. */
#include "test/guest/conf.h"
#include <pthread.h>
#include <stdbool.h>

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
	uint64_t more[2];
};

static void policies(void)
{
	struct sched_param p = {0};
	struct timespec ts;

	T(sched_getscheduler(0));
	T(sched_getscheduler(-1));
	T(sched_getscheduler(0x3ffffe));
	T(syscall(SYS_sched_getparam, 0, &p));
	T(syscall(SYS_sched_getparam, -1, &p));
	T(syscall(SYS_sched_getparam, 0x3ffffe, &p));
	T(syscall(SYS_sched_getparam, 0, NULL));
	T(syscall(SYS_sched_getparam, 0, BAD));
	T(syscall(SYS_sched_setparam, 0, NULL));
	T(syscall(SYS_sched_setparam, 0, BAD));
	T(syscall(SYS_sched_setparam, -1, &p));
	T(syscall(SYS_sched_setparam, 0x3ffffe, &p));
	T(syscall(SYS_sched_setparam, 0, &p));
	for (int policy = -1; policy < 9; policy++) {
		/* Who is idle may not be otherwise again; and there are policies of newer systems.
		 */
		bool skip = policy == SCHED_IDLE || policy == 7;

		p.sched_priority = 0;
		printf("policy %d: ", policy);
		T(sched_get_priority_max(policy));
		T(sched_get_priority_min(policy));
		if (!skip)
			T(syscall(SYS_sched_setscheduler, 0, policy, &p));
		p.sched_priority = 1;
		if (!skip)
			T(syscall(SYS_sched_setscheduler, 0, policy, &p));
		p.sched_priority = 100;
		if (!skip)
			T(syscall(SYS_sched_setscheduler, 0, policy, &p));
		p.sched_priority = 0;
		T(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &p));
	}
	T(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &p));
	T(sched_getscheduler(0));
	say_status("inherited", CHILD(_exit(sched_getscheduler(0))));
	T(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH | SCHED_RESET_ON_FORK, &p));
	IS(sched_getscheduler(0) == (SCHED_BATCH | SCHED_RESET_ON_FORK));
	say_status("BATCH stays; the flag does not", CHILD(_exit(sched_getscheduler(0))));
	/* Once set, the flag is for the privileged to clear. */
	T(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &p));
	say_status(
	    "idle", CHILD({
		    T(syscall(SYS_sched_setscheduler, 0, SCHED_IDLE | SCHED_RESET_ON_FORK, &p));
		    IS(sched_getscheduler(0) == (SCHED_IDLE | SCHED_RESET_ON_FORK));
	    }));
	T(sched_rr_get_interval(0, &ts));
	T(sched_rr_get_interval(-1, &ts));
	T(sched_rr_get_interval(0x3ffffe, &ts));
	T(syscall(SYS_sched_rr_get_interval, 0, BAD));
	T(sched_yield());
}

static void attributes(void)
{
	struct attr a = {0};

	T(syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
	printf("size %u policy %u flags %d nice %d priority %u\n", a.size, a.policy, (int)a.flags,
	       a.nice, a.priority);
	T(syscall(SYS_sched_getattr, 0, &a, 48, 0));
	printf("size %u\n", a.size);
	T(syscall(SYS_sched_getattr, 0, &a, 47, 0));
	T(syscall(SYS_sched_getattr, 0, &a, 5000, 0));
	T(syscall(SYS_sched_getattr, 0, &a, 48, 1));
	T(syscall(SYS_sched_getattr, -1, &a, 48, 0));
	T(syscall(SYS_sched_getattr, 0x3ffffe, &a, 48, 0));
	T(syscall(SYS_sched_getattr, 0, NULL, 48, 0));
	T(syscall(SYS_sched_getattr, 0, BAD, 48, 0));
	memset(&a, 0, sizeof a);
	T(syscall(SYS_sched_setattr, 0, NULL, 0));
	T(syscall(SYS_sched_setattr, 0, BAD, 0));
	T(syscall(SYS_sched_setattr, 0, &a, 1));
	T(syscall(SYS_sched_setattr, -1, &a, 0));
	a.size = 47;
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	IS(a.size >= 48);
	a.size = 5000;
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a.size = sizeof a;
	a.more[0] = 1;
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){.size = 48};
	T(syscall(SYS_sched_setattr, 0x3ffffe, &a, 0));
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){.size = 48, .policy = 4};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){.size = 48, .priority = 1};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){.size = 48, .policy = SCHED_FIFO};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a.priority = 1;
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){.size = 48, .flags = 0x80};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a = (struct attr){.size = 48, .policy = SCHED_BATCH, .nice = 5, .flags = 1};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	memset(&a, 0, sizeof a);
	T(syscall(SYS_sched_getattr, 0, &a, 48, 0));
	printf("policy %u flags %d nice %d\n", a.policy, (int)a.flags, a.nice);
	T(getpriority(PRIO_PROCESS, 0));
	/* A child of RESET_ON_FORK keeps a nice that is no better than 0. */
	say_status("child", CHILD({
			   syscall(SYS_sched_getattr, 0, &a, 48, 0);
			   printf("policy %u flags %d nice %d\n", a.policy, (int)a.flags, a.nice);
		   }));
	a = (struct attr){.size = 48, .policy = SCHED_BATCH, .nice = 0, .flags = 1};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
	a.nice = 100;
	say_status("too nice", CHILD({
			   T(syscall(SYS_sched_setattr, 0, &a, 0));
			   printf("%d\n", getpriority(PRIO_PROCESS, 0));
		   }));
	a = (struct attr){.size = 48, .policy = SCHED_DEADLINE};
	T(syscall(SYS_sched_setattr, 0, &a, 0));
}

static void niceness(void)
{
	struct rlimit l;

	errno = 0;
	T(syscall(SYS_getpriority, PRIO_PROCESS, 0));
	T(syscall(SYS_getpriority, PRIO_PROCESS, 0x3ffffe));
	T(syscall(SYS_getpriority, PRIO_PGRP, 0x3ffffe));
	T(syscall(SYS_getpriority, PRIO_USER, 0x3ffffe));
	T(syscall(SYS_getpriority, 3, 0));
	T(syscall(SYS_getpriority, -1, 0));
	T(setpriority(3, 0, 0));
	T(setpriority(PRIO_PROCESS, 0x3ffffe, 0));
	T(setpriority(PRIO_PROCESS, 0, 0));
	T(setpriority(PRIO_PROCESS, 0, -1));
	T(setpriority(PRIO_PROCESS, getppid(), 5));
	T(setpriority(PRIO_PROCESS, getppid(), 4));
	say_status("nice", CHILD({
			   T(setpriority(PRIO_PROCESS, 0, 3));
			   T(setpriority(PRIO_PROCESS, 0, 2));
			   T(setpriority(PRIO_PROCESS, 0, 100));
			   T(getpriority(PRIO_PROCESS, 0));
			   say_status("inherited", CHILD(_exit(getpriority(PRIO_PROCESS, 0))));
			   l = (struct rlimit){25, 25};
			   T(setrlimit(RLIMIT_NICE, &l));
		   }));
	T(setpriority(PRIO_PGRP, 0, 1));
	T(getpriority(PRIO_PGRP, 0));
	T(nice(1));
}

static void affinity(void)
{
	unsigned long set[16] = {0};
	unsigned cpu = 99, node = 99;

	T(syscall(SYS_sched_getaffinity, 0, 7, set));
	T(syscall(SYS_sched_getaffinity, 0, 0, set));
	T(syscall(SYS_sched_getaffinity, 0, 12, set));
	IS(syscall(SYS_sched_getaffinity, 0, sizeof set, set) > 0);
	IS(set[0] & 1);
	T(syscall(SYS_sched_getaffinity, 0x3ffffe, sizeof set, set));
	T(syscall(SYS_sched_getaffinity, 0, sizeof set, BAD));
	T(syscall(SYS_sched_setaffinity, 0, sizeof set, BAD));
	unsigned long one[16] = {1}, none[16] = {0}, all[16];
	memset(all, 0xff, sizeof all);
	T(syscall(SYS_sched_setaffinity, 0x3ffffe, sizeof one, one));
	T(syscall(SYS_sched_setaffinity, 0, sizeof none, none));
	T(syscall(SYS_sched_setaffinity, 0, 0, one));
	T(syscall(SYS_sched_setaffinity, 0, 1, one));
	T(syscall(SYS_sched_setaffinity, 0, sizeof one, one));
	syscall(SYS_sched_getaffinity, 0, sizeof set, set);
	printf("%lx\n", set[0]);
	T(syscall(SYS_getcpu, &cpu, &node, NULL));
	printf("cpu %u node %u\n", cpu, node);
	T(syscall(SYS_getcpu, NULL, NULL, NULL));
	T(syscall(SYS_getcpu, BAD, NULL, NULL));
	say_status("inherited", CHILD({
			   syscall(SYS_sched_getaffinity, 0, sizeof set, set);
			   _exit((int)set[0]);
		   }));
	T(syscall(SYS_sched_setaffinity, 0, sizeof all, all));
	T(syscall(SYS_sched_setaffinity, getppid(), sizeof all, all));
	T(syscall(SYS_sched_setaffinity, -1, sizeof all, all));
}

/* How many milliseconds each of n children had of one processor that all of them wanted. */
static void race(int n, const int *nice_of, const int *policy_of, long ms, long *got)
{
	unsigned long one = 1;
	struct sched_param p = {0};
	struct rusage use;
	pid_t pids[8];

	syscall(SYS_sched_setaffinity, 0, sizeof one, &one);
	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			if (policy_of)
				syscall(SYS_sched_setscheduler, 0, policy_of[i], &p);
			if (nice_of)
				setpriority(PRIO_PROCESS, 0, nice_of[i]);
			kill(getpid(), SIGSTOP);
			for (;;)
				;
		}
		waitpid(pids[i], NULL, WUNTRACED);
	}
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGCONT);
	sleep_ms(ms);
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < n; i++) {
		wait4(pids[i], NULL, 0, &use);
		got[i] = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000 +
			 (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
	}
}

static void shares(void)
{
	static const int nice_of[] = {10, 15};
	static const int policy_of[] = {SCHED_OTHER, SCHED_IDLE};
	long got[4], sum = 0;

	race(4, NULL, NULL, 600, got);
	for (int i = 0; i < 4; i++)
		sum += got[i];
	for (int i = 0; i < 4; i++)
		check("a fair share of four", got[i] * 4 > sum * 3 / 4 && got[i] * 4 < sum * 5 / 4);
	/* Five steps of nice: 110 to 36. */
	race(2, nice_of, NULL, 600, got);
	check("five steps of nice are about 3", got[0] > got[1] * 5 / 2 && got[0] < got[1] * 4);
	race(2, NULL, policy_of, 600, got);
	check("SCHED_IDLE has next to nothing", got[0] > got[1] * 10);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {{"policies", policies},
					    {"attributes", attributes},
					    {"niceness", niceness},
					    {"affinity", affinity},
					    {"shares", shares}};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
