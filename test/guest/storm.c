/*
 * A storm of processes: storm SEED WORKERS SECONDS [count]. Each worker does random things to
 * children of its own, and checks what comes of them: that statuses are what they must be, that
 * pipes carry what was sent, that no signal is lost, that memory is one's own or shared as it
 * should be. At the end nothing may be left over. What is wrong is said in a line that begins with
 * WRONG.
 */
#include "test/guest/conf.h"
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>

#define MAX_WORKERS 64

struct worker {
	volatile int word; /* a futex */
	volatile int sum, ready;
	volatile unsigned long rounds;
};

static struct worker *all, *me;
static uint64_t state;
static char self[4096];

static unsigned draw(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("WRONG: %s, line %d: %s, errno %d\n", __func__, __LINE__,           \
			       #condition, errno);                                                 \
			fflush(stdout);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static void reap(pid_t pid, int want)
{
	int status = -1;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	MUST(got == pid);
	if (status != want)
		printf("WRONG: status %x, not %x\n", status, want);
	MUST(status == want);
}

static long futex(volatile int *at, int op, unsigned value)
{
	return syscall(SYS_futex, at, op, value, NULL, NULL, 0);
}

/* Copy-on-write: the child's stores are its own. */
static void copies(void)
{
	static char memory[64 << 10];
	int mark = (int)draw(100);
	pid_t pid;

	memset(memory, mark, sizeof memory);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		for (size_t i = 0; i < sizeof memory; i += 1 + draw(8000)) {
			MUST(memory[i] == mark);
			memory[i] = (char)~mark;
		}
		_exit(mark);
	}
	for (size_t i = 0; i < sizeof memory; i += 4096)
		memory[i] = (char)mark;
	reap(pid, mark << 8);
	for (size_t i = 0; i < sizeof memory; i++)
		MUST(memory[i] == mark);
}

static void families(void)
{
	int depth = 1 + (int)draw(5);
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid == 0) {
		for (int left = depth; left > 0; left--) {
			pid_t child = fork();

			MUST(child >= 0);
			if (child > 0) {
				reap(child, (left - 1) << 8);
				_exit(left);
			}
		}
		_exit(0);
	}
	reap(pid, depth << 8);
}

static void programs(void)
{
	char *argv[] = {"storm", "+exit", (char[]){(char)('0' + draw(10)), 0}, NULL};
	pid_t pid = draw(2) ? vfork() : fork();

	MUST(pid >= 0);
	if (pid == 0) {
		execv(self, argv);
		_exit(99);
	}
	reap(pid, (argv[2][0] - '0') << 8);
}

static void kills(void)
{
	int signo = (int[]){SIGKILL, SIGTERM, SIGHUP, SIGUSR2}[draw(4)];
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid == 0) {
		if (draw(2))
			for (;;)
				pause();
		for (;;)
			;
	}
	if (draw(2))
		usleep(draw(2000));
	MUST(kill(pid, signo) == 0);
	reap(pid, signo);
}

static void stops(void)
{
	pid_t pid = fork();
	int status;

	MUST(pid >= 0);
	if (pid == 0)
		for (;;)
			if (draw(2))
				getppid();
	MUST(kill(pid, SIGSTOP) == 0);
	MUST(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	MUST(kill(pid, SIGCONT) == 0);
	MUST(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	if (draw(2)) {
		MUST(kill(pid, SIGSTOP) == 0);
		MUST(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
	}
	MUST(kill(pid, SIGKILL) == 0);
	reap(pid, SIGKILL);
}

static void pipes(void)
{
	int to[2], back[2], n = 1 + (int)draw(200);
	unsigned char c;
	pid_t pid;

	MUST(pipe(to) == 0 && pipe(back) == 0);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		close(to[1]), close(back[0]);
		while (read(to[0], &c, 1) == 1) {
			c++;
			MUST(write(back[1], &c, 1) == 1);
		}
		_exit(0);
	}
	close(to[0]), close(back[1]);
	for (int i = 0; i < n; i++) {
		c = (unsigned char)i;
		MUST(write(to[1], &c, 1) == 1);
		if (draw(4) == 0) {
			struct pollfd p = {.fd = back[0], .events = POLLIN};

			MUST(poll(&p, 1, -1) == 1);
		}
		MUST(read(back[0], &c, 1) == 1);
		MUST(c == (unsigned char)(i + 1));
	}
	close(to[1]);
	MUST(read(back[0], &c, 1) == 0);
	close(back[0]);
	reap(pid, 0);
}

static volatile sig_atomic_t taken;

static void take(int signo)
{
	(void)signo;
	taken++;
}

/* Queued signals all arrive, in order, whatever else goes on. */
static void queues(void)
{
	int n = 1 + (int)draw(30);
	pid_t pid, parent = getpid();
	sigset_t set, old;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < n; i++)
			MUST(sigqueue(parent, SIGRTMIN + 3, (union sigval){.sival_int = i}) == 0);
		_exit(0);
	}
	for (int i = 0; i < n; i++) {
		int got;

		do
			got = sigwaitinfo(&set, &info);
		while (got < 0 && errno == EINTR);
		MUST(got == SIGRTMIN + 3 && info.si_value.sival_int == i && info.si_pid == pid);
	}
	reap(pid, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

static void handlers(void)
{
	int n = 1 + (int)draw(20);
	pid_t pid, parent = getpid();
	double d = 1.25;

	taken = 0;
	signal(SIGUSR1, take);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < n; i++)
			MUST(kill(parent, SIGUSR1) == 0);
		_exit(0);
	}
	while (!taken) {
		d = d * 2 - 1.25;
		MUST(d == 1.25);
	}
	reap(pid, 0);
	MUST(taken >= 1 && taken <= n);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_over = PTHREAD_COND_INITIALIZER;
static int turn, nthreads;
static long counted;

static void *body(void *arg)
{
	int mine = (int)(intptr_t)arg;

	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&lock);
		while (turn != mine)
			pthread_cond_wait(&turn_over, &lock);
		counted++;
		turn = (turn + 1) % nthreads;
		pthread_cond_broadcast(&turn_over);
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void threads(void)
{
	pthread_t t[8];
	void *result;

	nthreads = 1 + (int)draw(8);
	turn = 0;
	counted = 0;
	for (int i = 0; i < nthreads; i++)
		MUST(pthread_create(&t[i], NULL, body, (void *)(intptr_t)i) == 0);
	for (int i = 0; i < nthreads; i++) {
		MUST(pthread_join(t[i], &result) == 0);
		MUST(result == (void *)(intptr_t)i);
	}
	MUST(counted == 20 * nthreads);
}

static void *spins(void *arg)
{
	for (;;)
		if (arg)
			sched_yield();
	return NULL;
}

/* A process with threads that run, sleep and yield ends by exit, a signal, or exec. */
static void endings(void)
{
	pid_t pid = fork();
	unsigned how = draw(4);

	MUST(pid >= 0);
	if (pid == 0) {
		pthread_t t;

		for (unsigned i = draw(4); i > 0; i--)
			MUST(pthread_create(&t, NULL, spins, (void *)(intptr_t)(i % 2)) == 0);
		if (how == 0)
			_exit(3);
		if (how == 1)
			kill(getpid(), SIGTERM);
		if (how == 2)
			execl(self, "storm", "+exit", "3", NULL);
		for (;;)
			pause();
	}
	if (how == 3)
		MUST(kill(pid, SIGTERM) == 0);
	reap(pid, how == 1 || how == 3 ? SIGTERM : 3 << 8);
}

/* Shared memory and a futex in it, between processes. */
static void meets(void)
{
	int n = 1 + (int)draw(50);
	pid_t pid;

	me->word = 0;
	me->sum = 0;
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		for (int i = 1; i <= n; i++) {
			while (me->word != 2 * i - 1)
				futex(&me->word, FUTEX_WAIT, (unsigned)(2 * i - 2));
			me->sum += i;
			me->word = 2 * i;
			futex(&me->word, FUTEX_WAKE, 1);
		}
		_exit(0);
	}
	for (int i = 1; i <= n; i++) {
		me->word = 2 * i - 1;
		futex(&me->word, FUTEX_WAKE, 1);
		while (me->word != 2 * i)
			futex(&me->word, FUTEX_WAIT, (unsigned)(2 * i - 1));
	}
	reap(pid, 0);
	MUST(me->sum == n * (n + 1) / 2);
}

static void timers(void)
{
	struct itimerval it = {.it_value = {0, 1 + (long)draw(3000)}};
	sigset_t set, old, none;

	taken = 0;
	signal(SIGALRM, take);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, &old);
	MUST(setitimer(ITIMER_REAL, &it, NULL) == 0);
	none = old;
	sigdelset(&none, SIGALRM);
	while (!taken)
		sigsuspend(&none);
	sigprocmask(SIG_SETMASK, &old, NULL);
	MUST(taken == 1);
}

/* Orphans, whom nobody asks about. */
static void orphans(void)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid == 0) {
		for (unsigned i = draw(4); i > 0; i--) {
			pid_t child = fork();

			MUST(child >= 0);
			if (child == 0) {
				if (draw(2))
					usleep(draw(1000));
				_exit(0);
			}
		}
		_exit(0);
	}
	reap(pid, 0);
}

static void groups(void)
{
	int n = 1 + (int)draw(4);
	pid_t pids[4], group = 0;

	for (int i = 0; i < n; i++) {
		pids[i] = fork();
		MUST(pids[i] >= 0);
		if (pids[i] == 0)
			for (;;)
				pause();
		MUST(setpgid(pids[i], group) == 0);
		group = group ? group : pids[i];
	}
	MUST(kill(-group, SIGTERM) == 0);
	for (int i = 0; i < n; i++)
		reap(pids[i], SIGTERM);
}

static void wanders(void)
{
	unsigned long mask = 1ul << draw(4);

	if (sched_setaffinity(0, sizeof mask, (cpu_set_t *)&mask) == 0)
		sched_yield();
	mask = ~0ul;
	sched_setaffinity(0, sizeof mask, (cpu_set_t *)&mask);
	setpriority(PRIO_PROCESS, 0, (int)(me->rounds / 1000 % 20));
}

static void work(uint64_t end)
{
	static void (*const acts[])(void) = {copies, families, programs, kills,   stops,
					     pipes,  queues,   handlers, threads, endings,
					     meets,  timers,   orphans,  groups,  wanders};

	while (now_ns(CLOCK_MONOTONIC) < end) {
		acts[draw(ARRAY_LEN(acts))]();
		me->rounds++;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned long rounds = 0;
	int status, n, bad = 0;
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc > 2 && strcmp(argv[1], "+exit") == 0)
		return atoi(argv[2]);
	if (argc < 4 || len < 0)
		return 2;
	self[len] = 0;
	n = atoi(argv[2]);
	all = mmap(NULL, MAX_WORKERS * sizeof *all, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	uint64_t end = now_ns(CLOCK_MONOTONIC) + (uint64_t)atoi(argv[3]) * 1000000000;
	for (int i = 0; i < n && i < MAX_WORKERS; i++)
		if (fork() == 0) {
			me = &all[i];
			state = (uint64_t)atoi(argv[1]) * 7919 + (uint64_t)i * 104729 + 1;
			work(end);
		}
	/* Workers, and the orphans of all. */
	while (wait(&status) > 0)
		bad += status != 0;
	for (int i = 0; i < n; i++) {
		rounds += all[i].rounds;
		if (all[i].rounds == 0)
			printf("WRONG: worker %d did nothing\n", i);
	}
	/* Every worker did something: how much is the machine's affair, and shown if asked for. */
	if (argc > 4)
		printf("%lu rounds\n", rounds);
	printf("%d ended badly; nothing is left: %s\n", bad,
	       wait(&status) == -1 && errno == ECHILD ? "yes" : "NO");
	return bad != 0;
}
