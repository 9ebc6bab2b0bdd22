/*
 * Clocks as the C library reads them, which need not ask the kernel, beside the kernel's own
 * answers: each lies between two of those, and what is no clock is refused by both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int is_ordered(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec <= b.tv_nsec);
}

static void compare(const char *name, clockid_t clock)
{
	struct timespec before = {0}, now = {0}, after = {0};
	int asked = (int)syscall(SYS_clock_gettime, clock, &before);
	int asked_errno = errno;
	int read = clock_gettime(clock, &now);
	int read_errno = errno;

	syscall(SYS_clock_gettime, clock, &after);
	printf("%s: %d %d", name, asked, read);
	if (read == 0)
		printf(", between: %d, nanoseconds: %d\n",
		       is_ordered(before, now) && is_ordered(now, after),
		       now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
	else
		printf(", same error: %d %d\n", asked_errno == read_errno, read_errno);
}

/* The time of day and the real-time clock are one. */
static void day(void)
{
	struct timespec before, after;
	struct timezone zone = {1, 1};
	struct timeval now;

	clock_gettime(CLOCK_REALTIME, &before);
	printf("gettimeofday: %d", gettimeofday(&now, &zone));
	clock_gettime(CLOCK_REALTIME, &after);
	before.tv_nsec -= before.tv_nsec % 1000;
	printf(", between: %d\n",
	       is_ordered(before, (struct timespec){now.tv_sec, now.tv_usec * 1000}) &&
		   is_ordered((struct timespec){now.tv_sec, now.tv_usec * 1000}, after));
}

/* A clock that stands still or goes back would show in a thousand readings. */
static void steady(void)
{
	struct timespec last = {0}, now;
	int back = 0, forth = 0;

	for (int i = 0; i < 1000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		back += !is_ordered(last, now);
		forth += !is_ordered(now, last);
		last = now;
	}
	printf("steps back: %d, goes on: %d\n", back, forth > 2);
}

int main(void)
{
	compare("realtime", CLOCK_REALTIME);
	compare("monotonic", CLOCK_MONOTONIC);
	compare("process", CLOCK_PROCESS_CPUTIME_ID);
	compare("thread", CLOCK_THREAD_CPUTIME_ID);
	compare("monotonic raw", CLOCK_MONOTONIC_RAW);
	compare("boot", CLOCK_BOOTTIME);
	compare("tai", CLOCK_TAI);
	compare("10", 10);
	compare("12", 12);
	compare("64", 64);
	day();
	steady();
	return 0;
}
