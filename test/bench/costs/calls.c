/*
 * Costs of single system calls, mostly on memory.
 */
#define _GNU_SOURCE
#include "costs.h"
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WARM  20
#define TIMES 2000

/* Runs BODY, which may use i, WARM and then TIMES times; => instructions of the latter. */
#define LOOP(body)                                                                                 \
	({                                                                                         \
		uint64_t t_ = 0;                                                                   \
		for (size_t i = 0; i < WARM + TIMES; i++) {                                        \
			if (i == WARM)                                                             \
				t_ = now();                                                        \
			body;                                                                      \
		}                                                                                  \
		now() - t_;                                                                        \
	})

/* Without the C library's dozen of instructions, which are not the kernel's. */
static void getppid_raw(void)
{
#ifdef __riscv
	register long number __asm__("a7") = SYS_getppid;
	register long result __asm__("a0");

	__asm__ volatile("ecall" : "=r"(result) : "r"(number) : "memory");
#else
	syscall(SYS_getppid);
#endif
}

static void null_call(void)
{
	report("null-call", LOOP(getppid_raw()), TIMES);
}

static void clock_read(void)
{
	struct timespec ts;

	report("clock-gettime", LOOP(clock_gettime(CLOCK_MONOTONIC, &ts)), TIMES);
}

static void map_unmap(void)
{
	uint64_t untouched = LOOP({
		void *at =
		    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(at, PAGE);
	});
	uint64_t touched = LOOP({
		char *at =
		    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*(volatile char *)at = 1;
		munmap(at, PAGE);
	});

	report("mmap-munmap-untouched", untouched, TIMES);
	report("mmap-munmap-touched", touched, TIMES);
}

static void protect(void)
{
	const size_t len = 16 * MIB;
	char *at = map(3 * PAGE), *big;
	uint64_t t0, t1;

	touch(at, 3 * PAGE);
	report("mprotect-split",
	       LOOP(mprotect(at + PAGE, PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ)), TIMES);
	die_if(mprotect(at, 3 * PAGE, PROT_READ) != 0, "mprotect");
	/* Neighbours that cannot merge with it, whatever its rights. */
	die_if(mprotect(at, PAGE, PROT_NONE) != 0, "mprotect");
	die_if(mprotect(at + 2 * PAGE, PAGE, PROT_NONE) != 0, "mprotect");
	report("mprotect-whole",
	       LOOP(mprotect(at + PAGE, PAGE, i & 1 ? PROT_READ | PROT_WRITE : PROT_READ)), TIMES);
	unmap(at, 3 * PAGE);

	big = map(len);
	touch(big, len);
	mprotect(big, len, PROT_READ);
	mprotect(big, len, PROT_READ | PROT_WRITE);
	touch(big, len);
	t0 = now();
	die_if(mprotect(big, len, PROT_READ) != 0, "mprotect");
	t1 = now();
	report("mprotect-page", t1 - t0, len / PAGE);
	die_if(mprotect(big, len, PROT_READ | PROT_WRITE) != 0, "mprotect");
	touch(big, len);
	report("mprotect-back-write", now() - t0, len / PAGE);
	unmap(big, len);
}

static void brk_page(void)
{
	uint64_t end = (uint64_t)syscall(SYS_brk, 0);

	end = (end + PAGE - 1) & ~(PAGE - 1);
	syscall(SYS_brk, end);
	report("brk", LOOP({
		       syscall(SYS_brk, end + PAGE);
		       *(volatile char *)end = 1;
		       syscall(SYS_brk, end);
	       }),
	       TIMES);
}

/* 1 MiB, touched: grown by a page in place (and shrunk, unmeasured); moved to and fro. */
static void remap(void)
{
	char *area = map(8 * MIB), *at = area;
	uint64_t grown = 0;

	unmap(area + MIB, 7 * MIB);
	touch(at, MIB);
	for (size_t i = 0; i < WARM + TIMES; i++) {
		uint64_t t = now();
		void *to = mremap(at, MIB, MIB + PAGE, 0);

		t = now() - t;
		die_if(to != at, "mremap in place");
		mremap(at, MIB + PAGE, MIB, 0);
		if (i >= WARM)
			grown += t;
	}
	report("mremap-grow", grown, TIMES);
	report("mremap-move",
	       LOOP(at = mremap(at, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED,
				i & 1 ? area : area + 4 * MIB)),
	       TIMES);
	die_if(at == MAP_FAILED, "mremap");
	unmap(at, MIB);
}

static void dontneed(void)
{
	char *at = map(PAGE);

	report("dontneed-touch", LOOP({
		       madvise(at, PAGE, MADV_DONTNEED);
		       *(volatile char *)at = 1;
	       }),
	       TIMES);
	unmap(at, PAGE);
}

void measure_calls(void)
{
	null_call();
	clock_read();
	map_unmap();
	protect();
	brk_page();
	remap();
	dontneed();
}
