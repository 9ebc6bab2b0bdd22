/*
 * tour: a walk through a process's own memory, idea by idea, on one screen.
 *
 *   tour            looks, and harms nothing
 *   tour outside    then loads from the address that it said would fault
 *
 * A process sees one clean array of bytes, its address space. From low to high:
 *
 *   0       nothing, so that a null pointer faults
 *   code    the instructions, and constants
 *   static  global variables: initialised, then zeroed
 *   heap    grows up; its end is the "program break" that brk(2) moves
 *   ...     most of the space: nothing
 *   mmap    what mmap(2) hands out, placed from high to low
 *   stack   grows down, by itself
 *
 * Every address printed here is virtual. Where the bytes lie in physical
 * memory the program cannot know, and its instructions never say.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB    (1024L * 1024)
#define BIG    (64 * MIB)
#define BEYOND (1024 * MIB) /* how far above the heap we point at nothing */

static int initialised = 42; /* its first value is in the executable file */
static int zeroed[4096];     /* not in the file: only its size is */

static void say(const char *what, const void *address, const char *why)
{
	printf("  %-22s %#14lx  %s\n", what, (unsigned long)(uintptr_t)address, why);
}

/* The address of a local variable `depth` calls further down. */
static __attribute__((noinline)) uintptr_t local_below(int depth)
{
	volatile char local[64];

	local[0] = (char)depth;
	if (depth == 0)
		return (uintptr_t)local;
	uintptr_t deepest = local_below(depth - 1);
	return deepest + (uintptr_t)(local[0] - (char)depth); /* here: + 0; keeps the local alive */
}

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* Page faults taken while one byte is written to each of `n` pages, 1 MiB apart. */
static long faults_of_touching(char *memory, long n)
{
	long before = minor_faults();

	for (long i = 0; i < n; i++)
		memory[i * MIB] = 1;
	return minor_faults() - before;
}

int main(int argc, char **argv)
{
	int local = 1;

	printf("Every address that a program sees is virtual. Here are some of this one's:\n");
	say("code: main()", (void *)(uintptr_t)main, "the instructions that run now");
	say("static: initialised", &initialised, "from the executable file");
	say("static: zeroed", zeroed, "not in the file; zeroes until written");
	char *small = malloc(100);
	say("heap: malloc(100)", small, "above static data");
	char *big = malloc(MIB);
	say("mmap: malloc(1 MiB)", big, "large: far above the heap");
	say("stack: a local", &local, "near the top of all");

	uintptr_t near = local_below(0);
	uintptr_t deep = local_below(1000);
	printf("The stack grows down, by itself: a local of a function called\n");
	printf("  1000 calls deeper lies %ld bytes lower, at %#lx.\n", (long)(near - deep),
	       (unsigned long)deep);

	char *brk_before = sbrk(0);
	for (int i = 0; i < 1000; i++)
		memset(malloc(500), 1, 500);
	char *brk_after = sbrk(0);
	printf("The heap grows up, when malloc moves the program break (brk):\n");
	printf("  before 1000 mallocs %p, after %p: %+ld KiB.\n", (void *)brk_before,
	       (void *)brk_after, (brk_after - brk_before) / 1024);

	char *map = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED) {
		perror("tour: mmap of 64 MiB");
		return 1;
	}
	printf("mmap gives whole pages elsewhere, and the break stays: %s.\n",
	       (char *)sbrk(0) == brk_after ? "it did" : "it moved!");
	say("mmap(64 MiB)", map, "mapped, but no memory behind it yet");
	printf("Memory comes with the first touch of each page (a page fault):\n");
	long first = faults_of_touching(map, 10);
	long again = faults_of_touching(map, 10);
	printf("  10 pages touched: %ld faults. The same 10 again: %ld faults.\n", first, again);

	volatile char *outside = brk_after + BEYOND;
	printf("Most of the space is nothing. A load from %#lx, 1 GiB above the heap,\n",
	       (unsigned long)(uintptr_t)outside);
	if (argc > 1 && strcmp(argv[1], "outside") == 0) {
		printf("  is what happens now:\n");
		fflush(stdout);
		return outside[0];
	}
	printf("  would end the program: run this again with the argument `outside`.\n");
	return 0;
}
