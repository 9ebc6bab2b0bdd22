/*
 * brk(2), by raw system calls: values are kept to the byte, new pages are
 * zeroes, shrinking gives pages back, and what cannot be is refused by
 * returning the old break.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE 4096UL

static unsigned long brk_to(unsigned long where)
{
	return (unsigned long)syscall(SYS_brk, where);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* printf must not move the break meanwhile */
	unsigned long start = brk_to(0);
	unsigned char *p = (unsigned char *)start;

	check("brk(0) twice is the same", brk_to(0) == start);
	check("grow by 1 byte is kept exactly", brk_to(start + 1) == start + 1);
	check("grow by 12345 bytes is kept exactly", brk_to(start + 12345) == start + 12345);
	int zero = 1;
	for (unsigned long i = 0; i < 12345; i++)
		zero &= p[i] == 0;
	check("new memory is zeroes", zero);
	for (unsigned long i = 0; i < 12345; i++)
		p[i] = (unsigned char)(i | 1);
	check("grow by 1 MiB", brk_to(start + (1 << 20)) == start + (1 << 20));
	int kept = 1;
	for (unsigned long i = 0; i < 12345; i++)
		kept &= p[i] == (unsigned char)(i | 1);
	check("what was written stays", kept);
	p[(1 << 20) - 1] = 7;
	check("last byte of the grown heap holds", p[(1 << 20) - 1] == 7);

	unsigned long low = (start + 3 * PAGE) & ~(PAGE - 1);
	check("shrink to a page boundary", brk_to(low) == low);
	check("what lies below stays", p[low - start - 1] != 0);
	check("grow again", brk_to(start + (1 << 20)) == start + (1 << 20));
	check("pages that were given back are zeroes",
	      p[low - start] == 0 && p[low - start + 4096] == 0);

	unsigned long here = brk_to(0);
	static char below; /* static data lies below every heap */
	check("below the heap is refused", brk_to((unsigned long)&below) == here);
	check("address 1 is refused", brk_to(1) == here);
	check("the top of all is refused", brk_to(~0UL) == here);
	check("the kernel's half is refused", brk_to(1UL << 63) == here);
	check("an odd break stays odd", brk_to(start + 54321) == start + 54321);

	/* A mapping in the way: the break cannot pass it. */
	unsigned long end = (start + 54321 + PAGE - 1) & ~(PAGE - 1);
	void *wall = mmap((void *)(end + 4 * PAGE), PAGE, PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check("a wall above the heap", wall == (void *)(end + 4 * PAGE));
	check("growing into the wall is refused", brk_to(end + 8 * PAGE) == start + 54321);
	check("growing up to near the wall", brk_to(end + 2 * PAGE) == end + 2 * PAGE);
	munmap(wall, PAGE);
	check("growing where the wall was", brk_to(end + 8 * PAGE) == end + 8 * PAGE);

	/* Memory that was taken out of the middle of the heap. */
	say("munmap inside the heap", munmap((void *)(end + 2 * PAGE), PAGE));
	check("the break is still there", brk_to(0) == end + 8 * PAGE);
	check("shrink over the hole", brk_to(start) == start);

	struct rlimit limit = {64 << 10, 64 << 10};
	say("setrlimit(RLIMIT_DATA, 64 KiB)", setrlimit(RLIMIT_DATA, &limit));
	check("growing beyond RLIMIT_DATA is refused", brk_to(start + (1 << 20)) == start);
	return 0;
}
