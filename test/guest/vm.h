/*
 * What the programs about memory calls share: a window of addresses that nothing else uses, what
 * /proc/self/maps says of it, and accesses whose signals are caught.
 */
#ifndef TEST_GUEST_VM_H
#define TEST_GUEST_VM_H

#include "test/guest/conf.h"
#include <setjmp.h>

#define PAGE   4096UL
#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED (MAP_SHARED | MAP_ANONYMOUS)
#define WINDOW ((char *)0x1000000000)
#define PAGES  64UL

/* Page n of the window. */
#define AT(n) (WINDOW + (long)(n)*4096)

static inline char *map_at(unsigned long page, unsigned long n, int prot, int flags)
{
	return mmap(AT(page), n * PAGE, prot, flags | MAP_FIXED, -1, 0);
}

static inline void window_clear(void)
{
	munmap(WINDOW, PAGES * PAGE);
}

/* The mappings of the window, by page; the names of files are cut to what is stable. */
static inline void window_show(const char *what)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end, end_window = (unsigned long)WINDOW + PAGES * PAGE;
	char prot[8], line[512], name[256];

	printf("%s:", what);
	while (f && fgets(line, sizeof line, f)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255[^\n]", &start, &end, prot, name) < 3)
			continue;
		if (start >= end_window || end <= (unsigned long)WINDOW)
			continue;
		printf(" %ld+%ld %s", ((long)start - (long)WINDOW) / 4096, (end - start) / PAGE,
		       prot);
		if (name[0] == '[')
			printf(" %s", name);
	}
	printf("\n");
	if (f)
		fclose(f);
}

static sigjmp_buf vm_back;
static volatile int vm_signal, vm_code;
static void *volatile vm_addr;

static void vm_caught(int sig, siginfo_t *i, void *context)
{
	(void)context;
	vm_signal = sig;
	vm_code = i->si_code;
	vm_addr = i->si_addr;
	siglongjmp(vm_back, 1);
}

static inline void vm_catch(void)
{
	struct sigaction a = {.sa_sigaction = vm_caught, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &a, NULL);
	sigaction(SIGBUS, &a, NULL);
}

/* Touches a byte: what it was, or which signal came and whether it named the address. */
static inline void touch(const char *what, volatile char *p, int write)
{
	int value = 0;

	if (sigsetjmp(vm_back, 1) == 0) {
		value = *p;
		if (write)
			*p = (char)(value + 1);
		printf("%s: %d\n", what, value);
		return;
	}
	printf("%s: %s %s %s\n", what, vm_signal == SIGSEGV ? "SIGSEGV" : "SIGBUS",
	       vm_signal == SIGBUS      ? vm_code == BUS_ADRERR ? "ADRERR" : "other"
	       : vm_code == SEGV_MAPERR ? "MAPERR"
	       : vm_code == SEGV_ACCERR ? "ACCERR"
					: "other",
	       vm_addr == (void *)p ? "there" : "ELSEWHERE");
}

#define READ(p)  touch("read " #p, p, 0)
#define WRITE(p) touch("write " #p, p, 1)

/* => a file of so many bytes, each page filled with its number + 1, without a name. */
static inline int file_of(size_t size)
{
	char path[] = "/tmp/vmXXXXXX";
	int fd = mkstemp(path);
	char page[PAGE];

	unlink(path);
	for (size_t at = 0; at < size; at += PAGE) {
		memset(page, (int)(at / PAGE + 1), sizeof page);
		if (pwrite(fd, page, size - at < PAGE ? size - at : PAGE, (off_t)at) < 0)
			exit(98);
	}
	return fd;
}

/* What mincore says of n pages: a digit each, or the error. */
static inline void resident(const char *what, char *p, unsigned long n)
{
	unsigned char vec[256];
	int result = mincore(p, n * PAGE, vec);

	if (result) {
		say(what, result);
		return;
	}
	printf("%s: ", what);
	for (unsigned long i = 0; i < n; i++)
		putchar('0' + (vec[i] & 1));
	putchar('\n');
}

/* A number of /proc/self/status, in kB; -1: it is not there. */
static inline long status_kb(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			sscanf(line + strlen(name) + 1, "%ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

#endif
