/*
 * One way to die for each kind of wrong access: `die KIND`. On success of the
 * wrong thing it prints so and exits with 99, which no test expects.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static const int constant = 7;
static char data[4096] __attribute__((aligned(4096)));
static volatile int sink;

static void load(uintptr_t a)
{
	sink = *(volatile int *)a;
}

static void store(uintptr_t a)
{
	*(volatile int *)a = 1;
}

static void jump(uintptr_t a)
{
	((void (*)(void))a)();
}

static uintptr_t page(int prot)
{
	char *p = mmap(NULL, 4096, RW, ANON, -1, 0);

	memset(p, 0, 4096);
	mprotect(p, 4096, prot);
	return (uintptr_t)p;
}

static uintptr_t unmapped(void)
{
	char *p = mmap(NULL, 3 * 4096, RW, ANON, -1, 0);

	munmap(p + 4096, 4096);
	return (uintptr_t)p + 4096;
}

/* The second page of a mapping of a file that has one byte. */
static uintptr_t beyond_file(void)
{
	int fd = open("/tmp/limpid-die-test", O_RDWR | O_CREAT | O_TRUNC, 0600);

	unlink("/tmp/limpid-die-test");
	if (fd < 0 || write(fd, "x", 1) != 1)
		exit(98);
	return (uintptr_t)mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0) + 4096;
}

#define KERNEL_ADDRESS 0xffffffff80200000

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";
	struct {
		const char *name;
		void (*act)(uintptr_t);
		uintptr_t address;
	} wrong[] = {
	    {"null-load", load, 0},
	    {"null-store", store, 0},
	    {"null-jump", jump, 0},
	    {"null-field", load, 400},
	    {"low-store", store, 0x8000},
	    {"text-store", store, (uintptr_t)main & ~3UL},
	    {"constant-store", store, (uintptr_t)&constant},
	    {"data-jump", jump, (uintptr_t)data},
	    {"stack-jump", jump, (uintptr_t)&argc & ~3UL},
	    {"kernel-load", load, KERNEL_ADDRESS},
	    {"kernel-store", store, KERNEL_ADDRESS},
	    {"kernel-jump", jump, KERNEL_ADDRESS},
	    {"linear-load", load, 0xffffffc000000000},
	    {"noncanonical-load", load, 0x0000800000000000},
	    {"noncanonical-jump", jump, 0x4000000000000000},
	    {"top-load", load, 0xfffffffffffffffc},
	};

	printf("about to: %s\n", kind);
	fflush(stdout);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (strcmp(kind, wrong[i].name) == 0)
			wrong[i].act(wrong[i].address);
	if (strcmp(kind, "none-load") == 0)
		load(page(PROT_NONE));
	if (strcmp(kind, "readonly-store") == 0)
		store(page(PROT_READ));
	if (strcmp(kind, "hole-load") == 0)
		load(unmapped());
	if (strcmp(kind, "hole-store") == 0)
		store(unmapped());
	if (strcmp(kind, "beyond-file") == 0)
		load(beyond_file());
	if (strcmp(kind, "illegal") == 0) {
#ifdef __riscv
		__asm__ volatile(".word 0xffffffff");
#else
		__asm__ volatile("ud2");
#endif
	}
#ifdef __riscv
	if (strcmp(kind, "zero-instruction") == 0)
		__asm__ volatile(".half 0");
	if (strcmp(kind, "csr-read") == 0)
		__asm__ volatile("csrr t0, sstatus" ::: "t0");
	if (strcmp(kind, "sret") == 0)
		__asm__ volatile(".word 0x10200073");
	if (strcmp(kind, "breakpoint") == 0)
		__asm__ volatile("ebreak");
#endif
	if (strcmp(kind, "abort") == 0)
		abort();
	if (strcmp(kind, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(kind, "term") == 0)
		raise(SIGTERM);
	printf("still alive\n");
	return 99;
}
