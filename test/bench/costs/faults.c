/*
 * Costs of page faults, and of giving back what they brought.
 */
#define _GNU_SOURCE
#include "costs.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AREA  (64 * MIB)
#define PAGES (AREA / PAGE)

static volatile char sink;

static void read_all(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i += PAGE)
		sink = ((const volatile char *)at)[i];
}

static void anonymous(void)
{
	uint64_t touched = 0, unmapped = 0;

	for (int round = 0; round < 2; round++) {
		char *at = map(AREA);
		uint64_t t0 = now(), t1, t2;

		touch(at, AREA);
		t1 = now();
		unmap(at, AREA);
		t2 = now();
		touched = t1 - t0;
		unmapped = t2 - t1;
	}
	report("zero-fault", touched, PAGES);
	report("munmap-page", unmapped, PAGES);
}

static void superpage(void)
{
	const size_t size = 2 * MIB, count = 32;
	static unsigned char resident[512];
	char *at = mmap(NULL, (count + 1) * size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *first = (char *)(((uintptr_t)at + size - 1) & ~(size - 1));
	int whole = 1;
	uint64_t t;

	die_if(at == MAP_FAILED, "mmap");
	madvise(at, (count + 1) * size, MADV_HUGEPAGE);
	first[0] = 1;
	die_if(mincore(first, size, resident) != 0, "mincore");
	for (size_t i = 0; i < 512; i++)
		whole &= resident[i];
	t = now();
	for (size_t i = 1; i < count; i++)
		((volatile char *)first)[i * size] = 1;
	t = now() - t;
	if (whole)
		report("superpage-fault", t, count - 1);
	else
		report_none("superpage-fault");
	unmap(at, (count + 1) * size);
}

static void zero_page(void)
{
	uint64_t looked = 0, written = 0;

	for (int round = 0; round < 2; round++) {
		char *at = map(AREA);
		uint64_t t0 = now(), t1, t2;

		read_all(at, AREA);
		t1 = now();
		touch(at, AREA);
		t2 = now();
		looked = t1 - t0;
		written = t2 - t1;
		unmap(at, AREA);
	}
	report("zero-page-read", looked, PAGES);
	report("zero-page-write", written, PAGES);
}

/* A file in memory, all of it in the cache. */
static void file(void)
{
	const size_t len = 16 * MIB;
	uint64_t looked = 0, written = 0, shared = 0, t;
	int fd = memfd_create("costs", 0);
	char *at;

	die_if(fd < 0, "memfd_create");
	die_if(ftruncate(fd, (off_t)len) != 0, "ftruncate");
	at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	die_if(at == MAP_FAILED, "mmap");
	touch(at, len);
	unmap(at, len);
	for (int round = 0; round < 2; round++) {
		at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		die_if(at == MAP_FAILED, "mmap");
		t = now();
		read_all(at, len);
		looked = now() - t;
		unmap(at, len);

		at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		die_if(at == MAP_FAILED, "mmap");
		t = now();
		touch(at, len);
		written = now() - t;
		unmap(at, len);

		at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		die_if(at == MAP_FAILED, "mmap");
		t = now();
		touch(at, len);
		shared = now() - t;
		unmap(at, len);
	}
	close(fd);
	report("file-read-fault", looked, len / PAGE);
	report("file-write-fault", written, len / PAGE);
	report("shared-write-fault", shared, len / PAGE);
}

/* The parent writes what its child has too; then, the child gone, what is its own again. */
static void copy_on_write(void)
{
	const size_t len = 16 * MIB;
	char *at = map(2 * len);
	uint64_t copied = 0, reused = 0, t;

	for (int round = 0; round < 2; round++) {
		pid_t child;

		touch(at, 2 * len);
		child = fork();
		die_if(child < 0, "fork");
		if (child == 0)
			for (;;)
				pause();
		/* One in each table first: shared tables are another row's. */
		for (size_t i = 0; i < 2 * len; i += 2 * MIB)
			((volatile char *)at)[i] = 2;
		t = now();
		touch(at, len);
		copied = now() - t;
		die_if(syscall(SYS_kill, child, 9) != 0, "kill");
		die_if(waitpid(child, NULL, 0) != child, "waitpid");
		t = now();
		touch(at + len, len);
		reused = now() - t;
	}
	unmap(at, 2 * len);
	report("cow-fault", copied, len / PAGE);
	report("cow-reuse", reused, len / PAGE);
}

/* Faults, mmap and munmap in a space of 65,000 VMAs: neighbours differ, so that none merge. */
static void many_vmas(void)
{
	const size_t count = 65000;
	char *area = mmap(NULL, count * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t t0, t1, t2, t3;
	uint32_t seed = 1;

	die_if(area == MAP_FAILED, "mmap");
	unmap(area, count * PAGE);
	t0 = now();
	for (size_t i = 0; i < count; i++) {
		int prot = i & 1 ? PROT_READ | PROT_WRITE : PROT_READ | PROT_WRITE | PROT_EXEC;
		void *at = mmap(area + i * PAGE, PAGE, prot,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		die_if(at != area + i * PAGE, "mmap of one page of many");
	}
	t1 = now();
	/* 7919 and the count have no common divisor, so each page comes once. */
	for (size_t i = 0; i < count; i++) {
		seed = (uint32_t)((seed + 7919) % count);
		((volatile char *)area)[seed * PAGE] = 1;
	}
	t2 = now();
	for (size_t i = 0; i < count; i++) {
		seed = (uint32_t)((seed + 7919) % count);
		unmap(area + seed * PAGE, PAGE);
	}
	t3 = now();
	report("vmas-mmap", t1 - t0, count);
	report("vmas-fault", t2 - t1, count);
	report("vmas-munmap", t3 - t2, count);
}

void measure_faults(void)
{
	anonymous();
	superpage();
	zero_page();
	file();
	copy_on_write();
	many_vmas();
}
