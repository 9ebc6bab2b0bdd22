/* Futexes: every operation, private and shared, time-outs, requeueing, robust lists. */
#include "test/guest/conf.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct robust {
	struct robust_list list;
	int word;
};

static volatile int *shared;
static volatile int word, word2, woken, started;

static long futex(volatile int *at, int op, unsigned val, const void *arg, volatile int *at2,
		  unsigned val3)
{
	return syscall(SYS_futex, at, op, val, arg, at2, val3);
}

static void errors(void)
{
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, none = {0, 0};

	T(futex(&word, 99, 0, NULL, NULL, 0));
	T(futex(&word, FUTEX_FD, 0, NULL, NULL, 0));
	T(futex((volatile int *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
	T(futex((volatile int *)((char *)&word + 2), FUTEX_WAKE, 0, NULL, NULL, 0));
	T(futex(BAD, FUTEX_WAIT, 0, NULL, NULL, 0));
	T(futex(BAD, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
	T(futex(BAD, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex(BAD, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	T(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
	T(futex(&word, FUTEX_WAIT, 0, BAD, NULL, 0));
	T(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
	T(futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0));
	T(futex(&word, FUTEX_WAIT, 0, &none, NULL, 0));
	T(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &none, NULL, 0));
	T(futex(&word, FUTEX_WAIT_BITSET, 0, &none, NULL, 1));
	T(futex(&word, FUTEX_WAIT_BITSET, 0, &none, NULL, 0));
	T(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &none, NULL, 1));
	T(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	T(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1));
	T(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 1));
	T(futex(&word, FUTEX_WAKE, 0, NULL, NULL, 0));
	T(futex(&word, FUTEX_REQUEUE, -1u, (void *)1, &word2, 0));
	T(futex(&word, FUTEX_REQUEUE, 1, (void *)-1, &word2, 0));
	T(futex(&word, FUTEX_REQUEUE, 1, (void *)1, BAD, 0));
	T(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word2, 5));
	T(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &word2, 0));
	T(futex(&word, FUTEX_REQUEUE, 1, (void *)1, (volatile int *)((char *)&word2 + 1), 0));
	T(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, BAD, 0));
	T(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &word2, 7u << 28));
	T(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &word2, 9u << 24));
	int *text = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	T(futex(text, FUTEX_WAIT, 1, NULL, NULL, 0));
	T(futex(text, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0));
	T(futex(text, FUTEX_WAKE, 1, NULL, NULL, 0));
	T(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, text, 0));
	T(syscall(SYS_set_robust_list, NULL, 23));
	T(syscall(SYS_get_robust_list, 0x3ffffe, &text, &text));
	T(syscall(SYS_get_robust_list, 0, BAD, &text));
}

static void operations(void)
{
	static const struct {
		unsigned op;
		int old, arg, want;
	} ops[] = {{FUTEX_OP_SET, 1, 7, 7},    {FUTEX_OP_ADD, 5, 3, 8},  {FUTEX_OP_ADD, 5, -6, -1},
		   {FUTEX_OP_OR, 5, 2, 7},     {FUTEX_OP_ANDN, 7, 5, 2}, {FUTEX_OP_XOR, 6, 3, 5},
		   {FUTEX_OP_OR | 8, 1, 4, 17}};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		word2 = ops[i].old;
		T(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &word2,
			FUTEX_OP(ops[i].op, ops[i].arg, FUTEX_OP_CMP_EQ, 0)));
		printf("%d %s\n", word2, word2 == ops[i].want ? "right" : "WRONG");
	}
	word = word2 = 0;
}

static int wait_op;
static volatile int waited_on;

static void *waits(void *arg)
{
	__atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
	if (wait_op == FUTEX_WAIT_BITSET_PRIVATE)
		futex(&word, wait_op, 0, NULL, NULL, (unsigned)(uintptr_t)arg);
	else
		futex(&word, wait_op, 0, NULL, NULL, 0);
	__atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* n threads that wait at `word`. */
static void begin(pthread_t *t, int n, int op)
{
	wait_op = op;
	woken = started = 0;
	for (int i = 0; i < n; i++)
		pthread_create(&t[i], NULL, waits, (void *)(uintptr_t)(1u << i));
	while (started < n)
		usleep(100);
	sleep_ms(20); /* all wait now */
}

static void settle(int n)
{
	for (int i = 0; i < 2000 && woken < n; i++)
		usleep(1000);
	sleep_ms(2);
}

static void waking(void)
{
	pthread_t t[4];

	begin(t, 4, FUTEX_WAIT_PRIVATE);
	T(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	settle(1);
	printf("woken %d\n", woken);
	T(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0)); /* shared and private do not meet */
	T(futex(&word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
	settle(4);
	printf("woken %d\n", woken);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);

	begin(t, 4, FUTEX_WAIT_BITSET_PRIVATE);
	T(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 2 | 8));
	settle(2);
	printf("woken %d\n", woken);
	T(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 10, NULL, NULL, 16));
	T(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
	settle(4);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);

	begin(t, 4, FUTEX_WAIT_PRIVATE);
	T(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &word2, 0));
	settle(1);
	printf("woken %d\n", woken);
	T(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
	settle(2);
	T(futex(&word2, FUTEX_WAKE_PRIVATE, 10, NULL, NULL, 0));
	settle(4);
	printf("woken %d\n", woken);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);

	begin(t, 4, FUTEX_WAIT_PRIVATE);
	T(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)10, &word2, 0));
	T(futex(&word2, FUTEX_REQUEUE_PRIVATE, 0, (void *)10, &word, 0));
	T(futex(&word, FUTEX_REQUEUE_PRIVATE, 1, (void *)10, &word, 0)); /* to itself */
	settle(1);
	word2 = 0;
	T(futex(&word2, FUTEX_WAKE_OP_PRIVATE, 1, (void *)10, &word,
		FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)));
	settle(4);
	printf("woken %d\n", woken);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

static void times(void)
{
	struct timespec t = {0, 20000000};
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	T(futex(&word, FUTEX_WAIT_PRIVATE, 0, &t, NULL, 0));
	IS(now_ns(CLOCK_MONOTONIC) - start >= 20000000);
	for (int real = 0; real < 2; real++) {
		clockid_t clock = real ? CLOCK_REALTIME : CLOCK_MONOTONIC;

		start = now_ns(clock) + 20000000;
		t = (struct timespec){(time_t)(start / 1000000000), (long)(start % 1000000000)};
		T(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | (real ? FUTEX_CLOCK_REALTIME : 0), 0, &t,
			NULL, ~0u));
		IS(now_ns(clock) >= start);
	}
}

static void on(int signo)
{
	(void)signo;
}

static void signals(void)
{
	struct timespec t = {5, 0};
	int status;

	for (int restart = 0; restart < 2; restart++) {
		struct sigaction a = {.sa_handler = on, .sa_flags = restart ? SA_RESTART : 0};

		sigaction(SIGUSR1, &a, NULL);
		for (int timed = 0; timed < 2; timed++) {
			pid_t pid = fork();

			if (pid == 0) {
				sleep_ms(10);
				kill(getppid(), SIGUSR1);
				sleep_ms(10);
				shared[0] = 1;
				futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0);
				_exit(0);
			}
			shared[0] = 0;
			long r = futex(shared, FUTEX_WAIT, 0, timed ? &t : NULL, NULL, 0);
			/* Beginning again may be so late that the word has changed. */
			say("a handler while waiting", r == -1 && errno == EAGAIN ? 0 : r);
			while (waitpid(pid, &status, 0) < 0)
				;
		}
	}
}

static void sharing(void)
{
	char name[] = "/tmp/futexXXXXXX";
	int fd = mkstemp(name), status;
	volatile int *a, *b;
	pid_t pid;

	unlink(name);
	if (ftruncate(fd, 8192))
		return;
	a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	/* Two addresses, one word of one file; and an anonymous page across fork. */
	for (int i = 0; i < 2; i++) {
		volatile int *w = i ? shared + 8 : a + 1024;

		*w = 0;
		pid = fork();
		if (pid == 0)
			_exit(futex(w, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 3 : 4);
		while (futex(i ? w : b, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
			usleep(1000);
		waitpid(pid, &status, 0);
		say_status("woken across processes", status);
	}
	T(futex(b, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
	/* Private memory is not shared by fork, whatever the operation says. */
	word = 0;
	pid = fork();
	if (pid == 0) {
		struct timespec t = {0, 50000000};

		_exit(futex(&word, FUTEX_WAIT, 0, &t, NULL, 0) == 0 ? 3
		      : errno == ETIMEDOUT                          ? 5
								    : 4);
	}
	sleep_ms(10);
	T(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	waitpid(pid, &status, 0);
	say_status("not woken", status);
	close(fd);
}

static struct robust locks[3];
static struct robust_list_head head;

static void *dies(void *arg)
{
	long entry = offsetof(struct robust, word);
	int tid = gettid();

	(void)arg;
	head.list.next = &locks[0].list;
	locks[0].list.next = &locks[1].list;
	locks[1].list.next = &head.list;
	head.futex_offset = entry;
	head.list_op_pending = &locks[2].list;
	locks[0].word = tid;
	locks[1].word = tid | (int)FUTEX_WAITERS;
	locks[2].word = tid;
	syscall(SYS_set_robust_list, &head, sizeof head);
	started = 1;
	while (!woken)
		usleep(100);
	syscall(SYS_exit, 0);
	return NULL;
}

static void *watches(void *arg)
{
	waited_on = futex(&locks[1].word, FUTEX_WAIT, (unsigned)locks[1].word, NULL, NULL, 0) == 0;
	return arg;
}

static void robusts(void)
{
	struct robust_list_head *got = NULL;
	size_t len = 0;
	pthread_t t, w;

	started = woken = 0;
	pthread_create(&t, NULL, dies, NULL);
	while (!started)
		usleep(100);
	pthread_create(&w, NULL, watches, NULL);
	sleep_ms(10);
	woken = 1;
	pthread_join(w, NULL);
	for (int i = 0; i < 1000 && locks[2].word != (int)FUTEX_OWNER_DIED; i++)
		usleep(1000);
	printf("%x %x %x, waiter %d\n", (unsigned)locks[0].word, (unsigned)locks[1].word,
	       (unsigned)locks[2].word, waited_on);
	T(syscall(SYS_get_robust_list, 0, &got, &len));
	printf("len %d\n", (int)len);
	/* exec and exit of a process with a list in a shared page. */
	struct robust *r = (struct robust *)(shared + 64);
	struct robust_list_head *h = (struct robust_list_head *)(shared + 128);
	int status = CHILD({
		h->list.next = &r->list;
		r->list.next = &h->list;
		h->futex_offset = offsetof(struct robust, word);
		h->list_op_pending = NULL;
		r->word = gettid();
		syscall(SYS_set_robust_list, h, sizeof *h);
	});
	say_status("ended", status);
	printf("%x\n", (unsigned)r->word);
	/* Lists that go round, or nowhere. */
	say_status("round", CHILD({
			   h->list.next = &r->list;
			   r->list.next = &r->list;
			   r->word = 1;
			   syscall(SYS_set_robust_list, h, sizeof *h);
		   }));
	say_status("nowhere", CHILD({
			   h->list.next = BAD;
			   syscall(SYS_set_robust_list, h, sizeof *h);
		   }));
	say_status("head nowhere", CHILD(syscall(SYS_set_robust_list, BAD, sizeof *h)));
	/* pthread's. */
	pthread_mutexattr_t attr;
	pthread_mutex_t *m = (pthread_mutex_t *)(shared + 256);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(m, &attr);
	CHILD(pthread_mutex_lock(m); kill(getpid(), SIGKILL));
	printf("%s\n", strerrorname_np(pthread_mutex_lock(m)));
	T(pthread_mutex_consistent(m));
	T(pthread_mutex_unlock(m));
	T(pthread_mutex_lock(m));
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"errors", errors},   {"operations", operations}, {"waking", waking},
	    {"times", times},     {"signals", signals},       {"sharing", sharing},
	    {"robusts", robusts},
	};

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
