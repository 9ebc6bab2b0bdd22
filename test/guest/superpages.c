/*
 * Superpages of anonymous memory: made whole at the first touch, split by what changes a part, made
 * of small pages; contents are the same throughout. The host's Linux may be set up otherwise, so
 * what is expected is in superpages.out.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUPER (2ul << 20)
#define PAGE  4096ul

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* => the number behind a key in a file of /proc. */
static long number(const char *path, const char *key)
{
	char line[256];
	long n = -1;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)))
			n = atol(line + strlen(key));
	fclose(f);
	return n;
}

static void say(const char *what)
{
	static long splits, collapsed;
	long s = number("/proc/vmstat", "thp_split_pmd "),
	     c = number("/proc/vmstat", "thp_collapse_alloc ");

	printf("%-34s %6ld KiB in superpages, %ld more split, %ld more collapsed\n", what,
	       number("/proc/self/smaps_rollup", "AnonHugePages:"), s - splits, c - collapsed);
	fflush(stdout);
	splits = s;
	collapsed = c;
}

static void fill(volatile char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i += PAGE)
		p[i] = (char)(i / PAGE * 7 + 1);
}

static size_t wrong(volatile char *p, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i += PAGE)
		n += p[i] != (char)(i / PAGE * 7 + 1);
	return n;
}

static char *area(size_t len, int advice)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (advice)
		madvise(p, len, advice);
	return p;
}

int main(void)
{
	char *p = area(6 * SUPER, MADV_HUGEPAGE), *q;
	int status;

	p[5 * PAGE] = 1;
	say("one byte written");
	fill(p, 0, 6 * SUPER);
	say("all written");
	munmap(p + SUPER / 2, PAGE);
	say("a page unmapped");
	mprotect(p + SUPER, PAGE, PROT_READ);
	say("a page protected");
	mprotect(p + SUPER, PAGE, PROT_READ | PROT_WRITE);
	madvise(p + 2 * SUPER + PAGE, PAGE, MADV_DONTNEED);
	say("a page given back");
	printf("wrong: %zu, zero: %d\n",
	       wrong(p, SUPER, 2 * SUPER) + wrong(p, 3 * SUPER, 6 * SUPER), p[2 * SUPER + PAGE]);
	fflush(stdout);
	if (fork() == 0) {
		printf("child, wrong: %zu\n", wrong(p, 3 * SUPER, 6 * SUPER));
		say("child");
		p[3 * SUPER] = 99;
		say("child has written");
		_exit(0);
	}
	wait(&status);
	printf("parent, wrong: %zu\n", wrong(p, 3 * SUPER, 6 * SUPER));
	p[4 * SUPER] = 98;
	say("parent has written");
	fill(p, 2 * SUPER, 3 * SUPER);
	printf("collapse: %d\n", madvise(p + 2 * SUPER, SUPER, MADV_COLLAPSE));
	say("collapsed");
	printf("wrong: %zu\n", wrong(p, 2 * SUPER, 4 * SUPER));

	q = area(4 * SUPER, 0);
	fill(q, 0, SUPER);
	say("not asked for");
	printf("collapse: %d\n", madvise(q, SUPER, MADV_COLLAPSE));
	say("collapsed");
	madvise(q, 4 * SUPER, MADV_HUGEPAGE);
	madvise(q + SUPER, SUPER, MADV_NOHUGEPAGE);
	fill(q, SUPER, 3 * SUPER);
	say("one forbidden");
	q = mremap(q, SUPER, 2 * SUPER, MREMAP_MAYMOVE);
	printf("moved, wrong: %zu\n", wrong(q, 0, SUPER));
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	q = area(2 * SUPER, MADV_HUGEPAGE);
	fill(q, 0, SUPER);
	printf("forbidden by prctl: %ld KiB\n",
	       number("/proc/self/smaps_rollup", "AnonHugePages:"));
	return 0;
}
