/*
 * The kernel's costs: retired instructions per operation.
 *
 * On a machine whose clock goes on by 1 ns with each instruction (ours; QEMU with -icount shift=0)
 * the time between two moments of one hart is the number of instructions, the program's and the
 * kernel's, between them. So a row is (clock after - clock before) / operations, of a loop long
 * enough that the clock's grain (100 ns on this board) and the loop itself do not show. Nothing
 * is subtracted, and nothing is an average over runs: the same run gives the same digits.
 *
 * Every row does its operation some times first: what a kernel does once (a table, a slab, a file
 * in its cache) is not the operation's cost.
 *
 *     costs [SUBJECT...]      faults calls forks threads; all without one
 *
 * prints, at the end so that no row pays for the output of another, `ROW INSTRUCTIONS`, or `ROW -`
 * where the kernel does not have the thing. The same program is the first process of another kernel
 * when it is /init of its initial RAM disk.
 */
#include "costs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct {
	const char *name;
	uint64_t cost; /* 0: none */
} rows[64];
static size_t nrows;

uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void report(const char *row, uint64_t total, uint64_t count)
{
	rows[nrows].name = row;
	rows[nrows++].cost = (total + count / 2) / count;
}

void report_none(const char *row)
{
	rows[nrows++].name = row;
}

void die_if(int bad, const char *what)
{
	if (!bad)
		return;
	fprintf(stderr, "costs: ");
	perror(what);
	exit(1);
}

char *map(size_t len)
{
	char *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	die_if(at == MAP_FAILED, "mmap");
	madvise(at, len, MADV_NOHUGEPAGE); /* an error says that there are none */
	return at;
}

void unmap(void *at, size_t len)
{
	die_if(munmap(at, len) != 0, "munmap");
}

void touch(char *at, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		((volatile char *)at)[i] = 1;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(void);
	} subjects[] = {
	    {"calls", measure_calls},
	    {"threads", measure_threads},
	    {"forks", measure_forks},
	    {"faults", measure_faults},
	};

	sleep(2); /* what the kernel's start has left to do is done then */
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		int asked = argc < 2;

		for (int a = 1; a < argc; a++)
			asked |= strcmp(argv[a], subjects[i].name) == 0;
		if (asked)
			subjects[i].measure();
	}
	for (size_t i = 0; i < nrows; i++) {
		if (rows[i].cost)
			printf("%s %lu\n", rows[i].name, rows[i].cost);
		else
			printf("%s -\n", rows[i].name);
	}
	return 0;
}
