/* Signals: dispositions, masks, queues, stacks, frames, restarting, sending, permissions. */
#include "test/guest/conf.h"
#include <pthread.h>
#include <setjmp.h>
#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static volatile int *shared;
static volatile int hits, last, code, value, from, depth, deepest;
static volatile sig_atomic_t order[64];

static void reset(void)
{
	hits = last = code = value = from = depth = deepest = 0;
}

static void on(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (hits < 64)
		order[hits] = signo;
	hits++;
	last = signo;
	code = info->si_code;
	value = info->si_value.sival_int;
	from = info->si_pid == getpid();
}

static void act(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	sigaction(signo, &a, NULL);
}

static uint64_t bits(const sigset_t *s)
{
	uint64_t v;

	memcpy(&v, s, sizeof v);
	return v;
}

struct raw_action {
	uint64_t handler, flags;
#ifndef __riscv
	uint64_t restorer;
#endif
	uint64_t mask;
};

static void errors(void)
{
	struct raw_action a = {0}, old;
	struct timespec ts = {0, 0};
	uint64_t set = 0, was;
	siginfo_t info;

	T(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, -1, NULL, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 16));
	T(syscall(SYS_rt_sigaction, SIGUSR1, BAD, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD, 8));
	T(syscall(SYS_rt_sigaction, SIGKILL, &a, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGSTOP, &a, NULL, 8));
	T(syscall(SYS_rt_sigaction, SIGKILL, NULL, &old, 8));
	T(syscall(SYS_rt_sigaction, 64, &a, &old, 8));
	a.handler = 1;
	a.mask = ~0ull;
	T(syscall(SYS_rt_sigaction, SIGUSR1, &a, &old, 8));
	T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, 8));
	printf("mask kept: %llx\n", (unsigned long long)old.mask);
	a.handler = 0;
	T(syscall(SYS_rt_sigaction, SIGUSR1, &a, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, NULL, 4));
	T(syscall(SYS_rt_sigprocmask, 3, NULL, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, 3, &set, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, -1, &set, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD, NULL, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD, 8));
	set = ~0ull;
	T(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, &was, 8));
	T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &set, 8));
	printf("all that can be: %llx\n", (unsigned long long)set);
	T(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, 8));
	T(syscall(SYS_rt_sigpending, &set, 8));
	T(syscall(SYS_rt_sigpending, &set, 4));
	T(syscall(SYS_rt_sigpending, &set, 16));
	T(syscall(SYS_rt_sigpending, BAD, 8));
	T(syscall(SYS_rt_sigsuspend, &set, 4));
	T(syscall(SYS_rt_sigsuspend, BAD, 8));
	T(syscall(SYS_rt_sigtimedwait, &set, &info, &ts, 4));
	T(syscall(SYS_rt_sigtimedwait, BAD, &info, &ts, 8));
	T(syscall(SYS_rt_sigtimedwait, &set, &info, BAD, 8));
	ts.tv_nsec = 1000000000;
	T(syscall(SYS_rt_sigtimedwait, &set, &info, &ts, 8));
	ts.tv_nsec = 0;
	ts.tv_sec = -1;
	T(syscall(SYS_rt_sigtimedwait, &set, &info, &ts, 8));
	ts.tv_sec = 0;
	T(syscall(SYS_rt_sigtimedwait, &set, &info, &ts, 8));
}

static void sending(void)
{
	siginfo_t info = {0};
	int status;
	pid_t pid;

	T(kill(getpid(), -1));
	T(kill(getpid(), 65));
	T(kill(getpid(), 0));
	T(kill(0x3ffffe, 0));
	T(kill(0x3ffffe, 65));
	T(kill(INT32_MIN, 0));
	T(kill(-0x3ffffe, 0));
	T(syscall(SYS_tkill, 0, 0));
	T(syscall(SYS_tkill, -1, 0));
	T(syscall(SYS_tkill, gettid(), 0));
	T(syscall(SYS_tkill, 0x3ffffe, 0));
	T(syscall(SYS_tkill, gettid(), 65));
	T(syscall(SYS_tgkill, 0, gettid(), 0));
	T(syscall(SYS_tgkill, getpid(), 0, 0));
	T(syscall(SYS_tgkill, -1, gettid(), 0));
	T(syscall(SYS_tgkill, getpid(), gettid(), 0));
	T(syscall(SYS_tgkill, getpid(), gettid(), 65));
	T(syscall(SYS_tgkill, getppid(), gettid(), 0));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), 0, BAD));
	info.si_code = SI_QUEUE;
	T(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info));
	T(syscall(SYS_rt_sigqueueinfo, getpid(), 0, &info));
	T(syscall(SYS_rt_sigqueueinfo, 0x3ffffe, SIGUSR1, &info));
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = SI_USER;
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = SI_TKILL;
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = 5;
	T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
	info.si_code = SI_QUEUE;
	T(syscall(SYS_rt_tgsigqueueinfo, 0, gettid(), 0, &info));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), 0, 0, &info));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), 65, &info));
	T(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), 0, &info));
	T(syscall(SYS_rt_tgsigqueueinfo, getppid(), gettid(), 0, &info));

	reset();
	act(SIGUSR1, on, 0);
	T(kill(getpid(), SIGUSR1));
	printf("kill: %d code %d from self %d\n", hits, code, from);
	T(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	printf("tgkill: %d code %d from self %d\n", hits, code, from);
	info.si_value.sival_int = 77;
	info.si_code = -60;
	info.si_pid = 1;
	T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	printf("rt_sigqueueinfo: %d code %d value %d\n", hits, code, value);
	info.si_code = 5;
	T(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	printf("to itself anything: %d code %d\n", hits, code);

	/* Groups. */
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		shared[0] = 1;
		for (;;)
			pause();
	}
	while (!shared[0])
		usleep(100);
	T(kill(-pid, 0));
	T(killpg(pid, SIGTERM));
	waitpid(pid, &status, 0);
	say_status("killpg", status);
	T(kill(-pid, SIGTERM));
	/* A zombie can be sent anything. */
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	T(kill(pid, SIGTERM));
	T(kill(pid, 0));
	waitpid(pid, &status, 0);
	T(kill(pid, 0));
	/* Signal 0 to the own group, and a stopped child. */
	T(kill(0, 0));
	signal(SIGUSR1, SIG_DFL);
}

static void queues(void)
{
	sigset_t set, pending, old;
	union sigval v;
	siginfo_t info;
	struct timespec zero = {0, 0};

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 3; i++) {
		v.sival_int = 10 + i;
		T(sigqueue(getpid(), SIGUSR1, v));
		T(sigqueue(getpid(), SIGRTMIN + 2, v));
		T(sigqueue(getpid(), SIGRTMIN + 1, v));
	}
	kill(getpid(), SIGRTMIN + 1);
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2);
	kill(getpid(), SIGTERM);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	for (;;) {
		int signo = sigtimedwait(&set, &info, &zero);

		if (signo < 0)
			break;
		printf("took %d code %d value %d\n", signo, info.si_code,
		       info.si_code == SI_QUEUE ? info.si_value.sival_int : -1);
	}
	T(sigtimedwait(&set, &info, &zero));

	/* Handlers: from the lowest up; so the highest runs first, being pushed last. */
	reset();
	act(SIGUSR1, on, 0);
	act(SIGUSR2, on, 0);
	act(SIGRTMIN + 1, on, 0);
	act(SIGTERM, on, 0);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGRTMIN + 1);
	kill(getpid(), SIGRTMIN + 1);
	kill(getpid(), SIGUSR2);
	kill(getpid(), SIGUSR1);
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("%d handlers:", hits);
	for (int i = 0; i < hits && i < 64; i++)
		printf(" %d", order[i]);
	printf("\n");
	/* Ignored while pending: gone. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	signal(SIGUSR1, SIG_IGN);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	/* Sent while ignored and blocked: kept, for the disposition may change. */
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	signal(SIGUSR1, SIG_DFL);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	act(SIGUSR1, on, 0);
	reset();
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("then handled: %d\n", hits);
	/* Not inherited by a child; the mask is. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	say_status("child",
		   CHILD(sigpending(&pending); sigset_t m; sigprocmask(SIG_BLOCK, NULL, &m);
			 _exit(bits(&pending) == 0 && bits(&m) == (bits(&set) & ~0x40100ull))));
	sigtimedwait(&set, &info, &zero);
	/* SIGCONT drops stops, stops drop SIGCONT. */
	kill(getpid(), SIGTSTP);
	kill(getpid(), SIGTTIN);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	kill(getpid(), SIGCONT);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	kill(getpid(), SIGTSTP);
	sigpending(&pending);
	printf("pending %llx\n", (unsigned long long)bits(&pending));
	kill(getpid(), SIGCONT);
	sigtimedwait(&set, &info, &zero);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGTERM, SIG_DFL);
}

static void nests(int signo, siginfo_t *info, void *context)
{
	sigset_t mask;

	(void)info, (void)context;
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (++hits < 3)
		raise(signo);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	last = sigismember(&mask, signo);
	depth--;
}

static void handlers(void)
{
	struct sigaction a, old;

	reset();
	act(SIGUSR1, nests, 0);
	raise(SIGUSR1);
	printf("blocked in its handler: %d hits, depth %d, masked %d\n", hits, deepest, last);
	reset();
	act(SIGUSR1, nests, SA_NODEFER);
	raise(SIGUSR1);
	printf("SA_NODEFER: %d hits, depth %d, masked %d\n", hits, deepest, last);
	reset();
	act(SIGUSR1, nests, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	printf("unreached unless it blocks itself\n");
	(void)a;
}

static void resethand(void)
{
	struct sigaction old;

	reset();
	act(SIGUSR1, on, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	printf("hits %d, default again %d, flags %x\n", hits, old.sa_handler == SIG_DFL,
	       (unsigned)old.sa_flags & 0x80000004u);
	say_status("second time", CHILD(raise(SIGUSR1)));
	say_status("nested reset", CHILD(handlers()));
	/* The mask of the action holds while its handler runs. */
	struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};
	sigset_t mask;
	sigemptyset(&a.sa_mask);
	sigaddset(&a.sa_mask, SIGUSR2);
	sigaddset(&a.sa_mask, SIGKILL);
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGUSR1, NULL, &old);
	printf("no SIGKILL in a mask: %llx\n", (unsigned long long)bits(&old.sa_mask));
	raise(SIGUSR1);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	printf("afterwards: %llx\n", (unsigned long long)bits(&mask));
}

static stack_t alt;
static volatile int on_alt, alt_flags, alt_change;

static void where(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	stack_t now;
	char here;

	(void)signo, (void)info;
	on_alt = &here >= (char *)alt.ss_sp && &here < (char *)alt.ss_sp + alt.ss_size;
	sigaltstack(NULL, &now);
	alt_flags = now.ss_flags;
	now.ss_flags = SS_DISABLE;
	alt_change = sigaltstack(&now, NULL) == 0 ? 0 : errno;
	last = uc->uc_stack.ss_flags;
	hits++;
}

static void stacks(void)
{
	stack_t now = {0}, bad = {.ss_sp = malloc(65536), .ss_size = 65536};

	T(sigaltstack(NULL, NULL));
	T(sigaltstack(NULL, &now));
	printf("flags at first: %d\n", now.ss_flags);
	T(sigaltstack(BAD, NULL));
	T(sigaltstack(NULL, BAD));
	bad.ss_flags = 4;
	T(sigaltstack(&bad, NULL));
	bad.ss_flags = 0;
	bad.ss_size = 100;
	T(sigaltstack(&bad, NULL));
	bad.ss_flags = SS_ONSTACK; /* accepted, as 0 */
	bad.ss_size = 65536;
	T(sigaltstack(&bad, NULL));
	T(sigaltstack(NULL, &now));
	printf("flags %d, size %d\n", now.ss_flags, (int)now.ss_size);
	alt = now;
	alt.ss_flags = 0;
	T(sigaltstack(&alt, NULL));
	act(SIGUSR1, where, 0);
	raise(SIGUSR1);
	printf("without SA_ONSTACK: on %d flags %d change %d\n", on_alt, alt_flags, alt_change);
	T(sigaltstack(&alt, NULL));
	act(SIGUSR1, where, SA_ONSTACK);
	raise(SIGUSR1);
	printf("with: on %d flags %d change %s uc %d\n", on_alt, alt_flags,
	       strerrorname_np(alt_change), last);
	T(sigaltstack(NULL, &now));
	printf("afterwards: %d\n", now.ss_flags);
	alt.ss_flags = (int)SS_AUTODISARM;
	T(sigaltstack(&alt, NULL));
	T(sigaltstack(NULL, &now));
	printf("autodisarm set: %x\n", (unsigned)now.ss_flags);
	raise(SIGUSR1);
	printf("AUTODISARM: on %d flags %d change %d uc %x\n", on_alt, alt_flags, alt_change,
	       (unsigned)last);
	T(sigaltstack(NULL, &now));
	printf("armed again: %x\n", (unsigned)now.ss_flags);
	now.ss_flags = SS_DISABLE;
	now.ss_size = 12;
	T(sigaltstack(&now, NULL));
	raise(SIGUSR1);
	printf("disabled: on %d\n", on_alt);
	/* The stack is a child's too, not an exec'ed program's or a thread's. */
	alt.ss_flags = 0;
	sigaltstack(&alt, NULL);
	say_status("in a child", CHILD(sigaltstack(NULL, &now); _exit(now.ss_flags)));
}

static volatile double changed;

static void fiddles(int signo, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)signo, (void)info;
#ifdef __riscv
	double d;

	memcpy(&d, &uc->uc_mcontext.__fpregs.__d.__f[8], sizeof d); /* fs0 */
	changed = d;
	d *= 3;
	memcpy(&uc->uc_mcontext.__fpregs.__d.__f[8], &d, sizeof d);
	uc->uc_mcontext.__gregs[9] += 1000; /* s1 */
#else
	(void)uc;
	changed = 1.5;
#endif
	/* The mask that comes back is the frame's. */
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

static void frames(void)
{
	sigset_t mask;
	double d;
	long n;

	act(SIGUSR1, fiddles, 0);
#ifdef __riscv
	double one_half = 1.5;
	long self = getpid();
	register long a7 __asm__("a7") = SYS_tgkill;
	register long a0 __asm__("a0") = self;
	register long a1 __asm__("a1") = self;
	register long a2 __asm__("a2") = SIGUSR1;

	__asm__ volatile("fmv.d fs0, %2\n\tli s1, 34\n\tecall\n\tfmv.d %0, fs0\n\tmv %1, s1"
			 : "=f"(d), "=r"(n), "+f"(one_half), "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a7)
			 : "fs0", "s1", "memory");
#else
	raise(SIGUSR1);
	d = 4.5;
	n = 1034;
#endif
	printf("seen %.2f, came back %.2f and %ld\n", changed, d, n);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	printf("mask from the frame: %llx\n", (unsigned long long)bits(&mask));
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static sigjmp_buf jump;

static void jumps(int signo, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	siglongjmp(jump, signo);
}

static volatile int woken;

static void restarts(void)
{
	struct timespec rest = {9, 9};
	int fd[2], status, r;
	char c = 0;
	pid_t pid;

	T(pipe(fd));
	for (int flags = 0; flags < 2; flags++) {
		reset();
		act(SIGUSR1, on, flags ? SA_RESTART : 0);
		pid = fork();
		if (pid == 0) {
			sleep_ms(80);
			kill(getppid(), SIGUSR1);
			sleep_ms(80);
			if (write(fd[1], "x", 1) != 1)
				_exit(1);
			_exit(0);
		}
		say(flags ? "read with SA_RESTART" : "read without", read(fd[0], &c, 1));
		printf("handlers %d\n", hits);
		if (!flags)
			T(read(fd[0], &c, 1));
		waitpid(pid, &status, 0);
		say_status("writer", status);
		pid = fork();
		if (pid == 0) {
			sleep_ms(80);
			kill(getppid(), SIGUSR1);
			sleep_ms(80);
			_exit(4);
		}
		r = waitpid(pid, &status, 0);
		say(flags ? "waitpid with SA_RESTART" : "waitpid without", r == pid ? 0 : r);
		if (r != pid)
			IS(waitpid(pid, &status, 0) == pid);
		pid = fork();
		if (pid == 0) {
			sleep_ms(80);
			kill(getppid(), SIGUSR1);
			_exit(0);
		}
		rest.tv_sec = 9;
		say("nanosleep", nanosleep(&(struct timespec){5, 0}, &rest));
		IS(rest.tv_sec == 4 && rest.tv_nsec > 0);
		while (wait(&status) < 0)
			;
	}
	/* Signals that do nothing, stops and continuations do not cut a sleep short. */
	pid = fork();
	if (pid == 0) {
		r = nanosleep(&(struct timespec){0, 60000000}, NULL);
		_exit(r == 0 ? 7 : 8);
	}
	sleep_ms(80);
	kill(pid, SIGCHLD);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	waitpid(pid, &status, 0);
	say_status("a sleep that was stopped", status);
	pid = fork();
	if (pid == 0) {
		reset();
		shared[1] = 1;
		r = pause();
		_exit(r == -1 && errno == EINTR ? hits : 99);
	}
	while (!shared[1])
		usleep(100);
	sleep_ms(80);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	sleep_ms(80);
	T(waitpid(pid, &status, WNOHANG));
	kill(pid, SIGUSR1);
	waitpid(pid, &status, 0);
	say_status("pause", status);
	r = sigsetjmp(jump, 1);
	if (r == 0) {
		act(SIGUSR2, jumps, 0);
		raise(SIGUSR2);
	}
	printf("jumped out of %d\n", r);
	sigset_t mask;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	printf("mask %llx\n", (unsigned long long)bits(&mask));
	close(fd[0]);
	signal(SIGPIPE, SIG_IGN);
	T(write(fd[1], "x", 1));
	signal(SIGPIPE, SIG_DFL);
	say_status("SIGPIPE", CHILD(if (write(fd[1], "x", 1) != 1) _exit(1)));
	close(fd[1]);
}

static void suspends(void)
{
	struct timespec t = {0, 20000000};
	sigset_t set, wait_set, old, now;
	siginfo_t info;
	int status;
	pid_t pid;

	reset();
	act(SIGUSR1, on, SA_RESTART);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGUSR1);
	sigemptyset(&wait_set);
	T(sigsuspend(&wait_set));
	printf("hits %d\n", hits);
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("mask %llx\n", (unsigned long long)bits(&now));
	T(sigtimedwait(&set, &info, &t));
	pid = fork();
	if (pid == 0) {
		sleep_ms(10);
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	t.tv_sec = 5;
	T(sigtimedwait(&set, &info, &t));
	IS(info.si_pid == pid && info.si_code == SI_USER);
	waitpid(pid, &status, 0);
	/* Another signal's handler ends the wait. */
	act(SIGUSR2, on, SA_RESTART);
	pid = fork();
	if (pid == 0) {
		sleep_ms(10);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	T(sigtimedwait(&set, &info, &t));
	waitpid(pid, &status, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static pthread_t main_thread;
static volatile int got_in[3];
static __thread int which;

static void mine(int signo)
{
	(void)signo;
	got_in[which]++;
}

static void *thread_waits(void *arg)
{
	sigset_t set;
	int signo;

	which = 1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	woken = 1;
	sigwait(&set, &signo);
	return arg;
}

static void threads(void)
{
	sigset_t set, pending;
	pthread_t t;

	which = 0;
	main_thread = pthread_self();
	signal(SIGUSR1, mine);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	woken = 0;
	pthread_create(&t, NULL, thread_waits, NULL);
	while (!woken)
		usleep(100);
	pthread_kill(t, SIGUSR1);
	while (!got_in[1])
		usleep(100);
	printf("to the thread: %d %d\n", got_in[0], got_in[1]);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1); /* blocked here: the other takes it */
	for (int i = 0; i < 1000 && got_in[1] < 2; i++)
		usleep(1000);
	printf("whoever does not block it: %d %d\n", got_in[0], got_in[1]);
	pthread_kill(main_thread, SIGUSR1);
	sigpending(&pending);
	printf("pending here %llx\n", (unsigned long long)bits(&pending));
	kill(getpid(), SIGTERM); /* blocked by both, awaited by the other */
	pthread_join(t, NULL);
	printf("sigwait took it\n");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	printf("then here: %d %d\n", got_in[0], got_in[1]);
}

static void deaths(void)
{
	static const int signals[] = {
	    SIGHUP,  SIGINT,  SIGQUIT, SIGILL,    SIGTRAP, SIGABRT,  SIGBUS,    SIGFPE,  SIGKILL,
	    SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE,   SIGALRM, SIGTERM,  SIGSTKFLT, SIGCHLD, SIGCONT,
	    SIGURG,  SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO,     SIGPWR,  SIGSYS};
	int status, rt = SIGRTMIN;
	pid_t pid;

	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		status = CHILD(kill(getpid(), signals[i]));
		printf("signal %d: ", signals[i]);
		say_status("default", status);
	}
	say_status("a real-time one", CHILD(kill(getpid(), rt)));
	for (int i = 0; i < 4; i++) {
		int stop = (int[]){SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}[i];

		pid = fork();
		if (pid == 0) {
			kill(getpid(), stop);
			_exit(stop);
		}
		IS(waitpid(pid, &status, WUNTRACED) == pid);
		say_status("stop", status);
		kill(pid, SIGCONT);
		waitpid(pid, &status, 0);
		say_status("and on", status);
	}
	/* A blocked or ignored fault kills all the same. */
	say_status("blocked fault", CHILD({
			   sigset_t set;
			   sigfillset(&set);
			   sigprocmask(SIG_BLOCK, &set, NULL);
			   *(volatile int *)16 = 1;
		   }));
	say_status("ignored fault", CHILD(signal(SIGSEGV, SIG_IGN); *(volatile int *)16 = 1));
	say_status("but not one that is sent", CHILD(signal(SIGSEGV, SIG_IGN); raise(SIGSEGV)));
	/* A handler without a stack to run on. */
	say_status("no stack for the handler", CHILD({
			   stack_t s = {.ss_sp = (void *)4096, .ss_size = 65536};
			   sigaltstack(&s, NULL);
			   act(SIGSEGV, on, SA_ONSTACK);
			   act(SIGUSR1, on, SA_ONSTACK);
			   raise(SIGUSR1);
		   }));
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"errors", errors},       {"sending", sending},   {"queues", queues},
	    {"resethand", resethand}, {"stacks", stacks},     {"frames", frames},
	    {"restarts", restarts},   {"suspends", suspends}, {"threads", threads},
	    {"deaths", deaths},
	};

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
