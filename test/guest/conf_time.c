/* Clocks, sleeping, and interval timers of all sorts. */
#include "test/guest/conf.h"
#include <poll.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/times.h>

static volatile int hits, last, code, overrun, timer_value;

static void on(int signo, siginfo_t *info, void *context)
{
	(void)context;
	hits++;
	last = signo;
	code = info->si_code;
	overrun = info->si_overrun;
	timer_value = info->si_value.sival_int;
}

static void act(int signo)
{
	struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO};

	hits = 0;
	sigaction(signo, &a, NULL);
}

static long k_timer_create(int clock, struct sigevent *ev, int *id)
{
	return syscall(SYS_timer_create, clock, ev, id);
}

static void clocks(void)
{
	static const int all[] = {
	    CLOCK_REALTIME,          CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
	    CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
	    CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,      CLOCK_TAI};
	struct timespec t, u;
	struct timeval tv;
	struct timezone tz;
	struct timex tx;
	clockid_t id;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		printf("clock %d: ", all[i]);
		T(syscall(SYS_clock_gettime, all[i], &t));
		T(syscall(SYS_clock_gettime, all[i], &u));
		IS(u.tv_sec > t.tv_sec || (u.tv_sec == t.tv_sec && u.tv_nsec >= t.tv_nsec));
		T(syscall(SYS_clock_getres, all[i], &t));
		if (all[i] != CLOCK_REALTIME_COARSE && all[i] != CLOCK_MONOTONIC_COARSE)
			printf("resolution %ld.%09ld\n", (long)t.tv_sec, t.tv_nsec);
		T(syscall(SYS_clock_getres, all[i], NULL));
		T(syscall(SYS_clock_gettime, all[i], BAD));
		t = (struct timespec){0, -1};
		T(syscall(SYS_clock_settime, all[i], &t));
	}
	for (int i = 0; i < 4; i++) {
		static const int none[] = {10, 12, 16, 1000};

		T(syscall(SYS_clock_gettime, none[i], &t));
		T(syscall(SYS_clock_getres, none[i], &t));
		T(syscall(SYS_clock_settime, none[i], &t));
	}
	t = (struct timespec){1000, 0};
	T(clock_settime(CLOCK_REALTIME, &t));
	T(syscall(SYS_clock_settime, CLOCK_REALTIME, BAD));
	t.tv_nsec = 1000000000;
	T(clock_settime(CLOCK_REALTIME, &t));
	T(syscall(SYS_gettimeofday, &tv, &tz));
	T(syscall(SYS_gettimeofday, NULL, NULL));
	T(syscall(SYS_gettimeofday, BAD, NULL));
	T(syscall(SYS_gettimeofday, NULL, BAD));
	clock_gettime(CLOCK_REALTIME, &t);
	IS(t.tv_sec - tv.tv_sec <= 1);
	T(syscall(SYS_settimeofday, &tv, NULL));
	T(syscall(SYS_settimeofday, BAD, NULL));
	tv.tv_usec = 1000000;
	T(syscall(SYS_settimeofday, &tv, NULL));
	T(clock_getcpuclockid(0, &id));
	T(clock_gettime(id, &t));
	T(clock_getcpuclockid(getppid(), &id));
	T(clock_gettime(id, &t));
	T(clock_settime(id, &t));
	T(syscall(SYS_clock_gettime, ~0x3ffffe * 8 | 2, &t));
	T(syscall(SYS_clock_gettime, ~getppid() * 8 | 4 | 2, &t)); /* a thread of another */
	T(syscall(SYS_clock_gettime, ~getpid() * 8 | 3, &t));
	uint64_t before = now_ns(CLOCK_PROCESS_CPUTIME_ID), mono = now_ns(CLOCK_MONOTONIC);
	sleep_ms(100);
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before < 70000000);
	IS(now_ns(CLOCK_MONOTONIC) - mono >= 100000000);
	before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	burn_ms(20);
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= 20000000);

	memset(&tx, 0, sizeof tx);
	IS(adjtimex(&tx) >= 0);
	IS(tx.tick > 9000 && tx.tick < 11000);
	T(syscall(SYS_adjtimex, BAD));
	tx.modes = ADJ_FREQUENCY;
	T(adjtimex(&tx));
	tx.modes = 0;
	IS(clock_adjtime(CLOCK_REALTIME, &tx) >= 0);
	T(clock_adjtime(CLOCK_MONOTONIC, &tx));
	T(clock_adjtime((clockid_t)1000, &tx));
	struct tms tms;
	IS(times(&tms) > 0);
	T(syscall(SYS_times, BAD));
	IS((long)syscall(SYS_times, NULL) > 0);
}

static void sleeps(void)
{
	struct timespec t = {0, 0}, rest = {7, 7};
	uint64_t start;

	T(syscall(SYS_nanosleep, BAD, NULL));
	T(syscall(SYS_nanosleep, &t, NULL));
	t.tv_nsec = -1;
	T(syscall(SYS_nanosleep, &t, NULL));
	t.tv_nsec = 1000000000;
	T(syscall(SYS_nanosleep, &t, NULL));
	t.tv_nsec = 0;
	t.tv_sec = -1;
	T(syscall(SYS_nanosleep, &t, NULL));
	t.tv_sec = 0;
	t.tv_nsec = 3000000;
	start = now_ns(CLOCK_MONOTONIC);
	T(nanosleep(&t, &rest));
	IS(now_ns(CLOCK_MONOTONIC) - start >= 3000000);
	printf("rest untouched: %ld %ld\n", (long)rest.tv_sec, rest.tv_nsec);
	T(nanosleep(&t, &t));
	printf("%ld %ld\n", (long)t.tv_sec, t.tv_nsec);

	T(syscall(SYS_clock_nanosleep, 12, 0, &t, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC_RAW, 0, &t, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_REALTIME_COARSE, 0, &t, NULL));
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD, NULL));
	t.tv_nsec = 1000000000;
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL));
	t = (struct timespec){0, 1000000};
	for (int i = 0; i < 4; i++) {
		int clock = (int[]){CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI}[i];

		say("relative", syscall(SYS_clock_nanosleep, clock, 0, &t, NULL));
		say("long past", syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &t, NULL));
		clock_gettime(clock, &rest);
		rest.tv_nsec += 2000000;
		if (rest.tv_nsec >= 1000000000) {
			rest.tv_nsec -= 1000000000;
			rest.tv_sec++;
		}
		say("absolute", syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &rest, NULL));
		clock_gettime(clock, &t);
		IS(t.tv_sec > rest.tv_sec ||
		   (t.tv_sec == rest.tv_sec && t.tv_nsec >= rest.tv_nsec));
		t = (struct timespec){0, 1000000};
	}
	/* Cut short: relative tells what is left, absolute does not. */
	act(SIGALRM);
	struct itimerval it = {.it_value = {0, 20000}};
	setitimer(ITIMER_REAL, &it, NULL);
	t = (struct timespec){5, 0};
	rest = (struct timespec){0, 0};
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, &rest));
	IS(rest.tv_sec == 4);
	setitimer(ITIMER_REAL, &it, NULL);
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 5;
	rest = (struct timespec){77, 0};
	T(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &rest));
	printf("rest %ld\n", (long)rest.tv_sec);
	T(syscall(SYS_restart_syscall));
}

static void intervals(void)
{
	struct itimerval it = {{0, 0}, {0, 0}}, old;

	T(syscall(SYS_setitimer, 3, &it, NULL));
	T(syscall(SYS_setitimer, -1, &it, NULL));
	T(syscall(SYS_getitimer, 3, &it));
	T(syscall(SYS_getitimer, 0, BAD));
	T(syscall(SYS_setitimer, 0, BAD, NULL));
	it.it_value.tv_usec = 1000000;
	T(syscall(SYS_setitimer, 0, &it, NULL));
	it.it_value.tv_usec = -1;
	T(syscall(SYS_setitimer, 0, &it, NULL));
	it.it_value.tv_usec = 0;
	it.it_value.tv_sec = -1;
	T(syscall(SYS_setitimer, 0, &it, NULL));
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		it = (struct itimerval){{0, 0}, {100, 0}};
		say("set", setitimer((__itimer_which_t)which, &it, &old));
		printf("old %ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
		say("get", getitimer((__itimer_which_t)which, &old));
		IS(old.it_value.tv_sec == 99 || old.it_value.tv_sec == 100);
		IS(old.it_interval.tv_sec == 0 && old.it_interval.tv_usec == 0);
		say_status("not a child's", CHILD(getitimer((__itimer_which_t)which, &old);
						  _exit(old.it_value.tv_sec != 0)));
		it = (struct itimerval){{5, 0}, {0, 0}}; /* an interval alone: not set */
		say("set to nothing", setitimer((__itimer_which_t)which, &it, &old));
		IS(old.it_value.tv_sec == 99 || old.it_value.tv_sec == 100);
		say("get", getitimer((__itimer_which_t)which, &old));
		printf("%ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	}
	act(SIGALRM);
	it = (struct itimerval){{0, 5000}, {0, 5000}};
	setitimer(ITIMER_REAL, &it, NULL);
	while (hits < 3)
		pause();
	printf("signal %d, code %x\n", last, (unsigned)code);
	it = (struct itimerval){{0, 0}, {0, 0}};
	setitimer(ITIMER_REAL, &it, NULL);
	alarm(100);
	IS(alarm(0) > 98);
	T(alarm(0));
	act(SIGVTALRM);
	it = (struct itimerval){{0, 10000}, {0, 10000}};
	setitimer(ITIMER_VIRTUAL, &it, NULL);
	sleep_ms(30);
	printf("asleep: %d\n", hits);
	uint64_t start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (volatile unsigned long i = 0; hits < 3; i++)
		;
	IS(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start >= 20000000);
	printf("signal %d\n", last);
	it = (struct itimerval){{0, 0}, {0, 0}};
	setitimer(ITIMER_VIRTUAL, &it, NULL);
	act(SIGPROF);
	it = (struct itimerval){{0, 0}, {0, 10000}};
	setitimer(ITIMER_PROF, &it, NULL);
	while (!hits)
		getppid();
	printf("signal %d\n", last);
	getitimer(ITIMER_PROF, &old);
	printf("once: %ld %ld\n", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
}

static void timers(void)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec it = {{0, 0}, {0, 0}}, old;
	int id, id2;

	ev.sigev_value.sival_int = 42;
	T(k_timer_create(CLOCK_REALTIME, NULL, BAD));
	T(k_timer_create(CLOCK_REALTIME, BAD, &id));
	T(k_timer_create(12, &ev, &id));
	T(k_timer_create(CLOCK_MONOTONIC_RAW, &ev, &id));
	T(k_timer_create(CLOCK_REALTIME_COARSE, &ev, &id));
	ev.sigev_signo = 65;
	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	ev.sigev_signo = 0;
	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	ev.sigev_signo = SIGUSR1;
	ev.sigev_notify = 17;
	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	ev.sigev_notify = SIGEV_THREAD_ID;
	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	ev.sigev_notify = SIGEV_SIGNAL;
	T(syscall(SYS_timer_settime, 1234, 0, &it, NULL));
	T(syscall(SYS_timer_gettime, 1234, &it));
	T(syscall(SYS_timer_getoverrun, 1234));
	T(syscall(SYS_timer_delete, 1234));
	T(syscall(SYS_timer_delete, -1));

	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	T(k_timer_create(CLOCK_REALTIME, NULL, &id2));
	IS(id != id2);
	T(syscall(SYS_timer_settime, id, 0, BAD, NULL));
	T(syscall(SYS_timer_settime, id, 0, NULL, NULL));
	it.it_value.tv_nsec = 1000000000;
	T(syscall(SYS_timer_settime, id, 0, &it, NULL));
	it.it_value.tv_nsec = 0;
	it.it_value.tv_sec = -1;
	T(syscall(SYS_timer_settime, id, 0, &it, NULL));
	T(syscall(SYS_timer_gettime, id, BAD));
	it = (struct itimerspec){{3, 0}, {100, 0}};
	T(syscall(SYS_timer_settime, id, 0, &it, &old));
	printf("old %ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
	T(syscall(SYS_timer_gettime, id, &old));
	IS(old.it_value.tv_sec == 99 && old.it_interval.tv_sec == 3);
	it = (struct itimerspec){{3, 0}, {0, 0}};
	T(syscall(SYS_timer_settime, id, 0, &it, &old));
	IS(old.it_value.tv_sec == 99);
	T(syscall(SYS_timer_gettime, id, &old));
	printf("not set: %ld %ld, interval %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec,
	       (long)old.it_interval.tv_sec);

	act(SIGUSR1);
	it = (struct itimerspec){{0, 0}, {0, 5000000}};
	T(syscall(SYS_timer_settime, id, 0, &it, NULL));
	while (!hits)
		pause();
	printf("code %d value %d overrun %d\n", code, timer_value, overrun);
	T(syscall(SYS_timer_gettime, id, &old));
	printf("over: %ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
	/* An absolute time that has passed. */
	it = (struct itimerspec){{0, 0}, {0, 1}};
	T(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &it, NULL));
	while (hits < 2)
		pause();
	printf("at once\n");
	/* Overruns while the signal is blocked. */
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	it = (struct itimerspec){{0, 1000000}, {0, 1000000}};
	T(syscall(SYS_timer_settime, id, 0, &it, NULL));
	sleep_ms(20);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	IS(overrun >= 10);
	IS(syscall(SYS_timer_getoverrun, id) >= 0);
	T(syscall(SYS_timer_delete, id));
	T(syscall(SYS_timer_gettime, id, &old));
	/* Without an event: SIGALRM, with the timer's number. */
	act(SIGALRM);
	it = (struct itimerspec){{0, 0}, {0, 1000000}};
	T(syscall(SYS_timer_settime, id2, 0, &it, NULL));
	while (!hits)
		pause();
	IS(timer_value == id2);
	say_status("not a child's", CHILD(_exit(syscall(SYS_timer_gettime, id2, &old) != 0)));
	T(syscall(SYS_timer_delete, id2));
	/* Nothing is sent; but it runs. */
	ev.sigev_notify = SIGEV_NONE;
	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	it = (struct itimerspec){{0, 0}, {0, 2000000}};
	hits = 0;
	T(syscall(SYS_timer_settime, id, 0, &it, NULL));
	sleep_ms(5);
	T(syscall(SYS_timer_gettime, id, &old));
	printf("SIGEV_NONE: %d, %ld %ld\n", hits, (long)old.it_value.tv_sec, old.it_value.tv_nsec);
	T(syscall(SYS_timer_delete, id));
	/* Ignored signals: later ones are handled. */
	ev.sigev_notify = SIGEV_SIGNAL;
	T(k_timer_create(CLOCK_MONOTONIC, &ev, &id));
	signal(SIGUSR1, SIG_IGN);
	it = (struct itimerspec){{0, 2000000}, {0, 2000000}};
	T(syscall(SYS_timer_settime, id, 0, &it, NULL));
	sleep_ms(10);
	act(SIGUSR1);
	for (int i = 0; i < 1000 && !hits; i++)
		sleep_ms(1);
	IS(hits > 0);
	T(syscall(SYS_timer_delete, id));
	/* Two timers of one signal. */
	sigprocmask(SIG_BLOCK, &set, NULL);
	k_timer_create(CLOCK_MONOTONIC, &ev, &id);
	k_timer_create(CLOCK_MONOTONIC, &ev, &id2);
	it = (struct itimerspec){{0, 0}, {0, 1000000}};
	syscall(SYS_timer_settime, id, 0, &it, NULL);
	syscall(SYS_timer_settime, id2, 0, &it, NULL);
	sleep_ms(5);
	hits = 0;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	printf("two timers, one signal: %d\n", hits);
	syscall(SYS_timer_delete, id);
	syscall(SYS_timer_delete, id2);

	/* Processor time. */
	for (int i = 0; i < 2; i++) {
		int clock = (int[]){CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID}[i];

		hits = 0;
		say("of processor time", k_timer_create(clock, &ev, &id));
		it = (struct itimerspec){{0, 0}, {0, 10000000}};
		say("set", syscall(SYS_timer_settime, id, 0, &it, NULL));
		sleep_ms(20);
		printf("asleep: %d\n", hits);
		uint64_t start = now_ns(clock);
		while (!hits)
			;
		IS(now_ns(clock) - start >= 5000000);
		say("gone", syscall(SYS_timer_gettime, id, &old));
		printf("%ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
		say("delete", syscall(SYS_timer_delete, id));
	}
}

static void files(void)
{
	struct itimerspec it = {{0, 0}, {0, 0}}, old;
	struct pollfd p = {.events = POLLIN};
	uint64_t n = 0;
	int fd;

	T(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	T(timerfd_create(1000, 0));
	T(timerfd_create(CLOCK_MONOTONIC, 1));
	T(timerfd_settime(999, 0, &it, NULL));
	T(timerfd_settime(0, 0, &it, NULL));
	T(syscall(SYS_timerfd_settime, 0, 0, BAD, NULL));
	T(timerfd_gettime(999, &it));
	T(timerfd_gettime(0, &it));
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	IS(fd > 2);
	T(fcntl(fd, F_GETFD));
	IS(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
	T(read(fd, &n, 8));
	T(read(fd, &n, 7));
	T(write(fd, &n, 8));
	p.fd = fd;
	T(poll(&p, 1, 0));
	T(timerfd_settime(fd, 4, &it, NULL));
	it.it_value.tv_nsec = 1000000000;
	T(timerfd_settime(fd, 0, &it, NULL));
	it = (struct itimerspec){{5, 0}, {100, 0}};
	T(timerfd_settime(fd, 0, &it, &old));
	printf("old %ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
	T(timerfd_gettime(fd, &old));
	IS(old.it_value.tv_sec == 99 && old.it_interval.tv_sec == 5);
	it = (struct itimerspec){{0, 0}, {0, 5000000}};
	T(timerfd_settime(fd, 0, &it, &old));
	IS(old.it_value.tv_sec == 99);
	T(poll(&p, 1, -1));
	printf("revents %x\n", p.revents);
	T(read(fd, &n, 8));
	printf("once: %d\n", (int)n);
	T(timerfd_gettime(fd, &old));
	printf("over: %ld %ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
	it = (struct itimerspec){{0, 2000000}, {0, 2000000}};
	T(timerfd_settime(fd, 0, &it, NULL));
	sleep_ms(30);
	T(read(fd, &n, 8));
	IS(n >= 10);
	it = (struct itimerspec){{0, 0}, {0, 1}};
	T(timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL));
	fcntl(fd, F_SETFL, 0);
	T(read(fd, &n, 8));
	printf("long past: %d\n", (int)n);
	it = (struct itimerspec){{0, 0}, {0, 0}};
	T(timerfd_settime(fd, 0, &it, NULL));
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {{"clocks", clocks},
					    {"sleeps", sleeps},
					    {"intervals", intervals},
					    {"timers", timers},
					    {"files", files}};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
