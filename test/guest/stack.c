/*
 * The stack: it grows by itself down to RLIMIT_STACK and no further.
 *
 *   stack grow     uses 7 MiB of 8
 *   stack deep     touches 4 MiB below the stack pointer at once
 *   stack limit    a lower limit, set before growing, is the one that counts
 *   stack over     recursion without end: dies of SIGSEGV
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "test/guest/say.h"

static __attribute__((noinline)) uint64_t recurse(long bytes)
{
	volatile unsigned char local[1000];

	for (size_t i = 0; i < sizeof(local); i += 100)
		local[i] = (unsigned char)bytes;
	if (bytes <= 0)
		return local[0];
	return recurse(bytes - (long)sizeof(local)) + local[500];
}

static __attribute__((noinline)) int leap(size_t bytes)
{
	volatile char *room = __builtin_alloca(bytes);

	room[0] = 42;
	return room[0];
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct rlimit limit;

	setvbuf(stdout, NULL, _IONBF, 0);
	say("getrlimit", getrlimit(RLIMIT_STACK, &limit));
	if (strcmp(how, "grow") == 0) {
		check("the limit is 8 MiB", limit.rlim_cur == 8 << 20);
		printf("7 MiB of calls: %lu\n", (unsigned long)recurse(7 << 20));
	} else if (strcmp(how, "deep") == 0) {
		check("a leap of 4 MiB", leap(4 << 20) == 42);
		check("a leap of 7 MiB", leap(7 << 20) == 42);
	} else if (strcmp(how, "limit") == 0) {
		limit.rlim_cur = 1 << 20;
		say("setrlimit(RLIMIT_STACK, 1 MiB)", setrlimit(RLIMIT_STACK, &limit));
		printf("1/2 MiB of calls: %lu\n", (unsigned long)recurse(1 << 19));
		printf("2 MiB of calls\n");
		printf("%lu\n", (unsigned long)recurse(2 << 20));
	} else {
		printf("calls without end\n");
		printf("%lu\n", (unsigned long)recurse(1L << 40));
	}
	return 0;
}
