/* Limits and their enforcement; credentials, capabilities, prctl, personality, names. */
#include "test/guest/conf.h"
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/fsuid.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static volatile int *shared;
static volatile int hits, last;

static void on(int signo)
{
	hits++;
	last = signo;
}

static long prlimit_of(pid_t pid, int what, const void *new, void *old)
{
	return syscall(SYS_prlimit64, pid, what, new, old);
}

static void limits(void)
{
	struct rlimit l, before;

	T(prlimit_of(0, RLIM_NLIMITS, NULL, &l));
	T(prlimit_of(0, -1, NULL, &l));
	T(prlimit_of(0, RLIMIT_NOFILE, BAD, NULL));
	T(prlimit_of(0, RLIMIT_NOFILE, NULL, BAD));
	T(prlimit_of(0x3ffffe, RLIMIT_NOFILE, NULL, &l));
	T(prlimit_of(0, RLIMIT_NOFILE, NULL, NULL));
	T(prlimit_of(getpid(), RLIMIT_NOFILE, NULL, &before));
	T(syscall(SYS_getrlimit, RLIMIT_NOFILE, BAD));
	T(syscall(SYS_getrlimit, RLIM_NLIMITS, &l));
	T(syscall(SYS_setrlimit, RLIM_NLIMITS, &l));
	T(syscall(SYS_setrlimit, RLIMIT_NOFILE, NULL));
	T(syscall(SYS_setrlimit, RLIMIT_NOFILE, BAD));
	l = (struct rlimit){10, 5};
	T(setrlimit(RLIMIT_NOFILE, &l));
	l = (struct rlimit){before.rlim_cur, RLIM_INFINITY};
	T(setrlimit(RLIMIT_NOFILE, &l));
	l = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	T(setrlimit(RLIMIT_FSIZE, &l));
	say_status("down, not up", CHILD({
			   l = (struct rlimit){10, 20};
			   T(setrlimit(RLIMIT_RSS, &l));
			   l = (struct rlimit){20, 20};
			   T(setrlimit(RLIMIT_RSS, &l));
			   l = (struct rlimit){20, 21};
			   T(setrlimit(RLIMIT_RSS, &l));
			   T(getrlimit(RLIMIT_RSS, &l));
			   printf("%d %d\n", (int)l.rlim_cur, (int)l.rlim_max);
			   say_status("a child has them",
				      CHILD(getrlimit(RLIMIT_RSS, &l); _exit((int)l.rlim_cur)));
		   }));
	/* Another process of the same user. */
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	l = (struct rlimit){77, 88};
	T(prlimit_of(pid, RLIMIT_RSS, &l, &before));
	T(prlimit_of(pid, RLIMIT_RSS, NULL, &l));
	printf("%d %d\n", (int)l.rlim_cur, (int)l.rlim_max);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void enforced(void)
{
	char name[] = "/tmp/limitXXXXXX", buf[8192] = {0};
	struct rlimit l;
	int fd[2], file = mkstemp(name);

	unlink(name);
	say_status("NOFILE", CHILD({
			   l = (struct rlimit){10, 10};
			   T(setrlimit(RLIMIT_NOFILE, &l));
			   T(dup2(0, 9));
			   T(dup2(0, 10));
			   T(fcntl(0, F_DUPFD, 10));
			   T(fcntl(0, F_DUPFD, 11));
			   while (dup(0) >= 0)
				   ;
			   T(dup(0));
			   T(pipe(fd));
			   T(open("/", O_RDONLY));
			   T(syscall(SYS_dup3, 0, 10, 0));
		   }));
	say_status("FSIZE", CHILD({
			   signal(SIGXFSZ, on);
			   l = (struct rlimit){5000, 5000};
			   T(setrlimit(RLIMIT_FSIZE, &l));
			   T(write(file, buf, 4096));
			   T(write(file, buf, 4096));
			   printf("signals %d\n", hits);
			   T(write(file, buf, 1));
			   printf("signals %d, %d\n", hits, last);
			   T(ftruncate(file, 5001));
			   printf("signals %d\n", hits);
			   T(ftruncate(file, 5000));
			   T(pwrite(file, buf, 1, 6000));
			   printf("signals %d\n", hits);
			   T(pwrite(file, buf, 8, 4996));
			   signal(SIGXFSZ, SIG_DFL);
			   T(write(file, buf, 1));
			   printf("not reached\n");
		   }));
	say_status("AS", CHILD({
			   l = (struct rlimit){64 << 20, 64 << 20};
			   T(setrlimit(RLIMIT_AS, &l));
			   say("mmap", mmap(NULL, 65 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
					    -1, 0) == MAP_FAILED
					   ? -1
					   : 0);
			   T(fork() == 0 ? (_exit(0), 0) : wait(NULL) < 0 ? -1 : 0);
		   }));
	say_status("CPU: a warning, handled", CHILD({
			   signal(SIGXCPU, on);
			   l = (struct rlimit){1, 3};
			   T(setrlimit(RLIMIT_CPU, &l));
			   uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
			   while (!hits)
				   ;
			   IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start <= 1500000000);
			   while (hits < 2) /* again every second */
				   ;
			   getrlimit(RLIMIT_CPU, &l);
			   printf("signal %d, soft limit now %d\n", last, (int)l.rlim_cur);
			   fflush(stdout);
			   for (;;)
				   ;
		   }));
	say_status("CPU: unhandled", CHILD({
			   l = (struct rlimit){1, 4};
			   T(setrlimit(RLIMIT_CPU, &l));
			   fflush(stdout);
			   for (;;)
				   ;
		   }));
	say_status("SIGPENDING", CHILD({
			   sigset_t set;
			   union sigval v = {.sival_int = 1};
			   int n = 0;
			   sigfillset(&set);
			   sigprocmask(SIG_BLOCK, &set, NULL);
			   l = (struct rlimit){0, 0};
			   T(setrlimit(RLIMIT_SIGPENDING, &l));
			   while (sigqueue(getpid(), SIGRTMIN, v) == 0 && n < 5)
				   n++;
			   printf("%d queued\n", n);
			   T(sigqueue(getpid(), SIGRTMIN, v));
			   T(kill(getpid(), SIGRTMIN + 1));
			   T(kill(getpid(), SIGUSR1));
			   T(sigqueue(getpid(), SIGUSR2, v));
			   siginfo_t info;
			   int signo = sigwaitinfo(&set, &info);
			   printf("%d code %d its pid %d\n", signo, info.si_code,
				  info.si_pid == getpid());
		   }));
	say_status("NPROC", CHILD({
			   l = (struct rlimit){1, 1};
			   T(setrlimit(RLIMIT_NPROC, &l));
			   T(fork());
		   }));
	say_status("STACK", CHILD({
			   l = (struct rlimit){128 << 10, 128 << 10};
			   T(setrlimit(RLIMIT_STACK, &l));
			   volatile char deep[256 << 10];
			   for (size_t i = sizeof deep; i > 0; i -= 1024)
				   deep[i - 1] = 1;
		   }));
	close(file);
}

static void credentials(void)
{
	gid_t groups[4];
	uid_t r, e, s;

	T(getresuid(&r, &e, &s));
	printf("%d %d %d\n", r, e, s);
	T(syscall(SYS_getresuid, BAD, &e, &s));
	T(syscall(SYS_getresgid, &r, BAD, &s));
	T(setuid(0));
	T(setuid(1000));
	T(syscall(SYS_setuid, -1));
	T(setgid(0));
	T(setgid(1000));
	T(syscall(SYS_setreuid, -1, -1));
	T(syscall(SYS_setreuid, 0, -1));
	T(syscall(SYS_setreuid, -1, 0));
	T(syscall(SYS_setreuid, 1000, 1000));
	T(syscall(SYS_setregid, 0, -1));
	T(syscall(SYS_setregid, 1000, -1));
	T(syscall(SYS_setresuid, -1, -1, -1));
	T(syscall(SYS_setresuid, -1, -1, 0));
	T(syscall(SYS_setresuid, 1000, -1, 1000));
	T(syscall(SYS_setresgid, -1, 5, -1));
	T(setfsuid(0));
	T(setfsuid((uid_t)-1));
	T(setfsgid(5));
	T(getgroups(0, NULL));
	T(syscall(SYS_getgroups, -1, groups));
	T(getgroups(4, groups));
	T(setgroups(0, NULL));
	T(setgroups(1, groups));
	T(syscall(SYS_setgroups, 65537, groups));

	struct __user_cap_header_struct h = {.version = 0, .pid = 0};
	struct __user_cap_data_struct d[2];
	T(syscall(SYS_capget, &h, NULL));
	printf("version %x\n", h.version);
	h.version = 0;
	T(syscall(SYS_capget, &h, d));
	h.version = _LINUX_CAPABILITY_VERSION_3;
	T(syscall(SYS_capget, &h, d));
	printf("%x %x %x %x\n", d[0].effective, d[0].permitted, d[0].inheritable, d[1].effective);
	T(syscall(SYS_capget, BAD, d));
	T(syscall(SYS_capget, &h, BAD));
	h.pid = -1;
	T(syscall(SYS_capget, &h, d));
	h.pid = 0x3ffffe;
	T(syscall(SYS_capget, &h, d));
	h.pid = getppid();
	T(syscall(SYS_capget, &h, d));
	T(syscall(SYS_capset, &h, d));
	h.pid = 0;
	T(syscall(SYS_capset, &h, d));
	d[0].effective = 1;
	T(syscall(SYS_capset, &h, d));
	d[0].effective = 0;
	d[0].permitted = 1;
	T(syscall(SYS_capset, &h, d));
	T(syscall(SYS_capset, &h, BAD));
	h.version = _LINUX_CAPABILITY_VERSION_1;
	T(syscall(SYS_capget, &h, d));
	h.version = 1;
	T(syscall(SYS_capset, &h, d));
}

static void prctls(void)
{
	char name[17] = "0123456789abcdef";
	uint64_t v = 0;
	int i = 0;

	T(prctl(9999, 0, 0, 0, 0));
	T(prctl(PR_SET_NAME, "a name that is too long"));
	T(prctl(PR_GET_NAME, name));
	printf("%s\n", name);
	T(prctl(PR_SET_NAME, ""));
	T(prctl(PR_GET_NAME, name));
	printf("'%s'\n", name);
	T(prctl(PR_SET_NAME, BAD));
	T(prctl(PR_GET_NAME, BAD));
	T(prctl(PR_SET_DUMPABLE, 2));
	T(prctl(PR_SET_DUMPABLE, 0));
	T(prctl(PR_GET_DUMPABLE));
	T(prctl(PR_SET_DUMPABLE, 1));
	T(prctl(PR_GET_DUMPABLE));
	T(prctl(PR_SET_KEEPCAPS, 2));
	T(prctl(PR_SET_KEEPCAPS, 1));
	T(prctl(PR_GET_KEEPCAPS));
	T(prctl(PR_SET_KEEPCAPS, 0));
	T(prctl(PR_SET_TIMING, PR_TIMING_STATISTICAL));
	T(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP));
	T(prctl(PR_GET_TIMING));
	T(prctl(PR_CAPBSET_READ, 0));
	T(prctl(PR_CAPBSET_READ, 1000));
	T(prctl(PR_CAPBSET_DROP, 0));
	T(prctl(PR_GET_SECCOMP));
	T(prctl(PR_GET_SECUREBITS));
	T(prctl(PR_SET_SECUREBITS, 1));
	IS(prctl(PR_GET_TIMERSLACK) == 50000);
	T(prctl(PR_SET_TIMERSLACK, 100));
	T(prctl(PR_GET_TIMERSLACK));
	T(prctl(PR_SET_TIMERSLACK, 0));
	IS(prctl(PR_GET_TIMERSLACK) == 50000);
	T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	T(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
	T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	T(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	T(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	say_status("no_new_privs", CHILD({
			   T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
			   T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
			   say_status("inherited",
				      CHILD(_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))));
		   }));
	T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	T(prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0));
	T(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
	T(prctl(PR_SET_PDEATHSIG, -1));
	T(prctl(PR_GET_PDEATHSIG, BAD));
	T(prctl(PR_GET_PDEATHSIG, &i));
	T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0));
	T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 1000, 0, 0));
	T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0));
	T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, 0, 0, 0));
	T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	T(prctl(PR_CAP_AMBIENT, 77, 0, 0, 0));
	T(prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0));
	T(prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
	T(prctl(PR_TASK_PERF_EVENTS_DISABLE));
	T(prctl(PR_TASK_PERF_EVENTS_ENABLE));
	(void)v;
}

static void names(void)
{
	struct utsname u;
	struct sysinfo si;

	T(uname(&u));
	printf("%s\n", u.sysname);
	T(syscall(SYS_uname, BAD));
	T(sethostname("x", 1));
	T(syscall(SYS_setdomainname, "x", 1));
	T(sysinfo(&si));
	T(syscall(SYS_sysinfo, BAD));
	IS(si.totalram > 0 && si.freeram > 0 && si.freeram <= si.totalram);
	IS(si.procs > 0 && si.mem_unit > 0);
	T(personality(0xffffffff));
	T(personality(ADDR_NO_RANDOMIZE));
	printf("%x\n", personality(0xffffffff));
	say_status("inherited", CHILD(_exit(personality(0xffffffff) == ADDR_NO_RANDOMIZE)));
	printf("%x\n", personality(0));
	T(syscall(SYS_reboot, 0, 0, 0, 0));
	T(syscall(SYS_syslog, 100, NULL, 0));
	T(syscall(SYS_syslog, 3, NULL, 0));
	T(syscall(SYS_acct, NULL));
	T(syscall(SYS_swapon, "/", 0));
	T(syscall(SYS_swapoff, "/"));
	T(syscall(SYS_chroot, "/"));
	T(syscall(SYS_vhangup));
	T(syscall(SYS_unshare, 0));
	T(syscall(SYS_unshare, 1));
	T(syscall(SYS_unshare, CLONE_FS | CLONE_FILES));
	T(syscall(SYS_unshare, CLONE_NEWNS));
	T(syscall(SYS_ioprio_get, 1, 0));
	T(syscall(SYS_ioprio_get, 9, 0));
	T(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4));
	T(syscall(SYS_ioprio_get, 1, 0));
	T(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
	T(syscall(SYS_ioprio_set, 1, 0, 9 << 13));
	T(syscall(SYS_kcmp, 0x3ffffe, getpid(), 0, 0, 0));
	T(syscall(SYS_kcmp, getpid(), getpid(), 1, 0, 0));
	T(syscall(SYS_kcmp, getpid(), getpid(), 99, 0, 0));
	T(syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 999));
	T(syscall(5000));
	T(syscall(-1));
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {{"limits", limits},
					    {"enforced", enforced},
					    {"credentials", credentials},
					    {"prctls", prctls},
					    {"names", names}};

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
