/*
 * What mmap, a fault and munmap cost among 10 mappings, and among 60,000: one line
 * each, "NAME FEW MANY", in ns of the clock, which on our machine are instructions.
 * test/run-transparent compares them.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE   4096UL
#define SPACE  0x1000000000UL
#define REPEAT 200
#define FEW    10u
#define MANY   60000u

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static char *map(char *at)
{
	return mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		    0);
}

/* Mappings two pages apart, so that none joins another; more of them, if there are less. */
static void mappings(unsigned n)
{
	static unsigned have;

	for (; have < n; have++)
		if (map((char *)SPACE + have * 4 * PAGE) == MAP_FAILED) {
			perror("mmap");
			exit(1);
		}
}

/* Of each operation, in instructions, between mappings all over the space. */
static void measure(unsigned n, uint64_t cost[3])
{
	memset(cost, 0, 3 * sizeof *cost);
	for (unsigned i = 0; i < REPEAT; i++) {
		char *at = (char *)SPACE + (uint64_t)i * 7919 % n * 4 * PAGE + 2 * PAGE;
		uint64_t t0 = now(), t1, t2;

		map(at);
		t1 = now();
		*(volatile char *)at = 1;
		t2 = now();
		munmap(at, PAGE);
		cost[2] += now() - t2;
		cost[0] += t1 - t0;
		cost[1] += t2 - t1;
	}
}

int main(void)
{
	static const char *const names[] = {"mmap", "fault", "munmap"};
	uint64_t few[3], many[3];

	mappings(FEW);
	measure(FEW, few); /* tables and slabs fill */
	measure(FEW, few);
	mappings(MANY);
	measure(MANY, many);
	measure(MANY, many);
	for (unsigned i = 0; i < 3; i++)
		printf("%s %lu %lu\n", names[i], few[i] / REPEAT, many[i] / REPEAT);
	return 0;
}
