/* The end of processes, and who hears of it: exit, wait4, waitid, orphans, groups, sessions. */
#include "test/guest/conf.h"
#include <sys/prctl.h>

static volatile int *shared;

static pid_t child_of(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	return pid;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	while (pid == 0)
		pause();
	return pid;
}

static void say_info(const char *what, const siginfo_t *i, pid_t pid)
{
	printf("%s: signo %d code %d status %d errno %d pid %s uid %s\n", what, i->si_signo,
	       i->si_code, i->si_status, i->si_errno, i->si_pid == pid ? "its" : "OTHER",
	       i->si_uid == getuid() ? "its" : "OTHER");
}

static void errors(void)
{
	siginfo_t info;
	int status;

	T(wait4(-1, &status, 0, NULL));
	T(wait4(-1, &status, WNOHANG, NULL));
	T(wait4(-1, &status, 0x100, NULL));
	T(wait4(-1, &status, WEXITED, NULL));
	T(wait4(-1, &status, WNOWAIT, NULL));
	T(wait4(INT32_MIN, &status, 0, NULL));
	T(wait4(getpid(), &status, 0, NULL));
	T(wait4(1, &status, 0, NULL));
	T(wait4(-getpgrp(), &status, 0, NULL));
	T(waitid(P_ALL, 0, &info, WEXITED));
	T(waitid(P_ALL, 0, &info, 0));
	T(waitid(P_ALL, 0, &info, WNOHANG));
	T(waitid(P_ALL, 0, &info, WEXITED | 0x100));
	T(waitid(P_ALL, 0, NULL, WEXITED));
	T(syscall(SYS_waitid, 17, 0, &info, WEXITED, NULL));
	T(waitid(P_PID, 0, &info, WEXITED));
	T(waitid(P_PID, -1, &info, WEXITED));
	T(waitid(P_PGID, -1, &info, WEXITED));
	T(waitid(P_PGID, 0, &info, WEXITED));
	T(syscall(SYS_waitid, P_PIDFD, 999, &info, WEXITED, NULL));
	T(syscall(SYS_waitid, P_PIDFD, -1, &info, WEXITED, NULL));
	T(syscall(SYS_waitid, P_PIDFD, 1, &info, WEXITED, NULL));
	child_of(1);
	T(wait4(-1, BAD, 0, NULL) == -1 ? -1 : 0);
	T(wait4(-1, &status, 0, NULL)); /* the failed one has taken it */
	child_of(1);
	T(waitid(P_ALL, 0, BAD, WEXITED));
	T(waitid(P_ALL, 0, &info, WEXITED));
	child_of(1);
	T(wait4(-1, &status, 0, BAD));
}

static void statuses(void)
{
	struct rusage use;
	siginfo_t info;
	int status = 0x55;
	pid_t pid;

	for (int code = 0; code < 3; code++) {
		pid = child_of(code * 127 + 1);
		IS(wait4(pid, &status, 0, &use) == pid);
		say_status("status", status);
	}
	pid = child_of(0x1234);
	IS(waitpid(-1, &status, 0) == pid);
	say_status("exit(0x1234)", status);
	pid = sleeper();
	kill(pid, SIGTERM);
	IS(waitpid(0, &status, 0) == pid);
	say_status("SIGTERM", status);
	pid = child_of(3);
	memset(&info, 0, sizeof info);
	T(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	say_info("WNOWAIT", &info, pid);
	memset(&info, 0, sizeof info);
	T(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG));
	say_info("and for good", &info, pid);
	T(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG));

	pid = sleeper();
	memset(&info, 0x55, sizeof info);
	T(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG));
	printf("nothing yet: signo %d pid %d code %d\n", info.si_signo, info.si_pid, info.si_code);
	status = 0x55;
	T(waitpid(pid, &status, WNOHANG));
	printf("status untouched: %x\n", status);
	kill(pid, SIGSTOP);
	T(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
	say_info("stopped, left", &info, pid);
	T(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	say_info("stopped", &info, pid);
	T(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG));
	kill(pid, SIGCONT);
	T(waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT));
	say_info("continued, left", &info, pid);
	T(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
	say_info("continued", &info, pid);
	kill(pid, SIGSTOP);
	IS(waitpid(pid, &status, WUNTRACED) == pid);
	say_status("stopped", status);
	kill(pid, SIGTERM); /* is pending while it is stopped */
	sleep_ms(5);
	T(waitpid(pid, &status, WNOHANG));
	kill(pid, SIGCONT);
	IS(waitpid(pid, &status, 0) == pid);
	say_status("then ended", status);
	pid = sleeper();
	kill(pid, SIGKILL);
	T(waitid(P_PGID, 0, &info, WEXITED));
	say_info("killed", &info, pid);
}

static volatile int chlds, chld_code, chld_status;
static volatile pid_t chld_pid;

static void on_chld(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)context;
	chlds++;
	chld_code = info->si_code;
	chld_status = info->si_status;
	chld_pid = info->si_pid;
}

static void chld_wait(int n)
{
	for (int i = 0; chlds < n && i < 2000; i++)
		usleep(1000);
}

static void sigchld(void)
{
	struct sigaction a = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO | SA_RESTART};
	int status;
	pid_t pid;

	sigaction(SIGCHLD, &a, NULL);
	pid = child_of(5);
	chld_wait(1);
	printf("exit: %d code %d status %d %d\n", chlds, chld_code, chld_status, chld_pid == pid);
	waitpid(pid, &status, 0);
	pid = sleeper();
	kill(pid, SIGSTOP);
	chld_wait(2);
	printf("stop: %d code %d status %d\n", chlds, chld_code, chld_status);
	kill(pid, SIGCONT);
	chld_wait(3);
	printf("cont: %d code %d status %d\n", chlds, chld_code, chld_status);
	kill(pid, SIGKILL);
	chld_wait(4);
	printf("kill: %d code %d status %d\n", chlds, chld_code, chld_status);
	waitpid(pid, &status, 0);

	a.sa_flags |= SA_NOCLDSTOP;
	sigaction(SIGCHLD, &a, NULL);
	chlds = 0;
	pid = sleeper();
	kill(pid, SIGSTOP);
	IS(waitpid(pid, &status, WUNTRACED) == pid);
	printf("SA_NOCLDSTOP: %d\n", chlds);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("its end: %d\n", chlds);

	a.sa_flags |= SA_NOCLDWAIT;
	sigaction(SIGCHLD, &a, NULL);
	chlds = 0;
	child_of(1);
	T(wait(&status));
	printf("SA_NOCLDWAIT: %d\n", chlds);

	signal(SIGCHLD, SIG_IGN);
	pid = child_of(1);
	child_of(2);
	T(waitpid(pid, &status, 0));
	T(wait(&status));
	/* A zombie from before stays one. */
	signal(SIGCHLD, SIG_DFL);
	pid = child_of(1);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	signal(SIGCHLD, SIG_IGN);
	IS(waitpid(pid, &status, 0) == pid);
	signal(SIGCHLD, SIG_DFL);
}

static void orphans(void)
{
	int status;
	pid_t pid, self = getpid();

	T(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	T(prctl(PR_GET_CHILD_SUBREAPER, &status, 0, 0, 0));
	printf("subreaper: %d\n", status);
	T(prctl(PR_GET_CHILD_SUBREAPER, BAD, 0, 0, 0));
	pid = fork();
	if (pid == 0) {
		status = -1;
		prctl(PR_GET_CHILD_SUBREAPER, &status, 0, 0, 0);
		shared[1] = status;
		if (fork() == 0) {
			pid_t parent = getpid();

			if (fork() == 0) { /* two levels down */
				while (getppid() == parent)
					usleep(100);
				shared[2] = getppid() == self;
				_exit(7);
			}
			_exit(6);
		}
		wait(&status);
		_exit(5);
	}
	waitpid(pid, &status, 0);
	say_status("child", status);
	printf("not inherited: %d\n", shared[1]);
	IS(wait(&status) > 0);
	say_status("adopted", status);
	printf("its new parent is the reaper: %d\n", shared[2]);
	T(wait(&status));
	T(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));

	/* PR_SET_PDEATHSIG */
	T(prctl(PR_SET_PDEATHSIG, 65, 0, 0, 0));
	T(prctl(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0));
	T(prctl(PR_GET_PDEATHSIG, &status, 0, 0, 0));
	printf("pdeathsig %d\n", status);
	shared[3] = -1;
	CHILD(prctl(PR_GET_PDEATHSIG, &status, 0, 0, 0); shared[3] = status);
	printf("in a child: %d\n", shared[3]);
	T(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
			shared[4] = 1;
			for (;;)
				pause();
		}
		while (!shared[4])
			usleep(100);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	wait(&status);
	say_status("its parent's death", status);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

static void groups(void)
{
	int status;
	pid_t pid = sleeper(), other;

	T(setpgid(-1, 0));
	T(setpgid(0, -1));
	T(setpgid(0x3ffffe, 0));
	T(setpgid(pid, 0x3ffffe));
	T(setpgid(pid, pid));
	IS(getpgid(pid) == pid);
	T(setpgid(pid, getpgrp()));
	IS(getpgid(pid) == getpgrp());
	T(setpgid(pid, 0));
	T(getpgid(-1));
	T(getpgid(0x3ffffe));
	T(getsid(-1));
	T(getsid(0x3ffffe));
	IS(getsid(pid) == getsid(0));
	other = sleeper();
	T(setpgid(other, pid));
	T(kill(-pid, SIGTERM));
	IS(waitpid(-pid, &status, 0) > 0);
	IS(waitpid(-pid, &status, 0) > 0);
	T(waitpid(-pid, &status, 0));
	T(kill(-pid, 0));

	say_status("sessions", CHILD({
			   IS(setsid() == getpid());
			   IS(getsid(0) == getpid());
			   IS(getpgrp() == getpid());
			   T(setsid());
			   T(setpgid(0, 0));
			   pid = sleeper();
			   IS(getsid(pid) == getpid());
			   T(setpgid(pid, 0));
			   T(setpgid(pid, getppid()));
			   kill(pid, SIGKILL);
			   waitpid(pid, &status, 0);
			   T(setpgid(pid, 0));
		   }));
	pid = fork();
	if (pid == 0) {
		setsid();
		shared[5] = 1;
		for (;;)
			pause();
	}
	while (!shared[5])
		usleep(100);
	T(setpgid(pid, 0));
	T(setpgid(pid, pid));
	kill(pid, SIGKILL);
	T(waitpid(-getpgrp(), &status, 0));
	IS(waitpid(pid, &status, 0) == pid);

	/* A group leader's session cannot be new. */
	say_status("leader", CHILD({
			   T(setpgid(0, 0));
			   T(setsid());
		   }));

	/* A stopped group that loses its tie to the session gets SIGHUP and SIGCONT. */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid = fork();
	if (pid == 0) {
		other = sleeper();
		shared[6] = other;
		setpgid(other, other);
		kill(other, SIGSTOP);
		waitpid(other, &status, WUNTRACED);
		setpgid(0, 0);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	say_status("parent", status);
	prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
	/* here: this process, in the same session, is its parent; so it is stopped still */
	T(waitpid(-1, &status, WNOHANG));
	kill(shared[6], SIGKILL);
	IS(wait(&status) == shared[6]);
}

static void usage(void)
{
	struct rusage use, before;
	int status;

	T(getrusage(RUSAGE_SELF, &use));
	T(getrusage(RUSAGE_CHILDREN, &before));
	T(getrusage(RUSAGE_THREAD, &use));
	T(getrusage(2, &use));
	T(getrusage(-2, &use));
	T(getrusage(RUSAGE_SELF, BAD));
	IS(use.ru_maxrss > 0);
	pid_t pid = fork();
	if (pid == 0) {
		burn_ms(30);
		_exit(0);
	}
	memset(&use, 0, sizeof use);
	IS(wait4(pid, &status, 0, &use) == pid);
	IS(use.ru_utime.tv_sec * 1000000 + use.ru_utime.tv_usec + use.ru_stime.tv_sec * 1000000 +
	       use.ru_stime.tv_usec >=
	   29000);
	IS(use.ru_minflt > 0);
	getrusage(RUSAGE_CHILDREN, &use);
	IS((use.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 + use.ru_utime.tv_usec -
	       before.ru_utime.tv_usec + (use.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
	       use.ru_stime.tv_usec - before.ru_stime.tv_usec >=
	   29000);
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 5; i++)
		sleep_ms(1);
	getrusage(RUSAGE_SELF, &use);
	IS(use.ru_nvcsw - before.ru_nvcsw >= 5);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"errors", errors},   {"statuses", statuses}, {"sigchld", sigchld},
	    {"orphans", orphans}, {"groups", groups},     {"usage", usage},
	};

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
