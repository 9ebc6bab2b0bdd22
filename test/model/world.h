/*
 * What a run of test/model/memory sees and how it says so: numbers from a seed, a
 * log that is hashed line by line, a window of addresses, and accesses that
 * survive their faults. The theory is in memory.c.
 */
#ifndef TEST_MODEL_WORLD_H
#define TEST_MODEL_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096UL

/* -- numbers from a seed ---------------------------------------------------------------------- */

static uint64_t rng_state;

static uint64_t rng_next(void)
{
	uint64_t z = rng_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned below(unsigned n)
{
	return (unsigned)(rng_next() % n);
}

/* => true once in n times. */
static bool once_in(unsigned n)
{
	return below(n) == 0;
}

/* -- the log ---------------------------------------------------------------------------------- */

static bool verbose;
static unsigned depth; /* forks between the seed's process and this one */
static uint64_t log_hash = 0xcbf29ce484222325;

static void hash_bytes(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len-- > 0)
		log_hash = (log_hash ^ *p++) * 0x100000001b3;
}

/* A line of the log: what was seen, in words that are the same wherever the program runs. */
__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	hash_bytes(line, (size_t)n);
	if (!verbose)
		return;
	for (unsigned i = 0; i < depth; i++)
		if (write(1, "    ", 4) != 4)
			abort();
	if (write(1, line, (size_t)n) != n)
		abort();
}

/* The program's own affairs went wrong: no result of a test. */
static _Noreturn void give_up(const char *what)
{
	dprintf(2, "memory: %s: %s\n", what, strerror(errno));
	_exit(99);
}

/* -- the window ------------------------------------------------------------------------------- */

/*
 * Pages are numbered: [0, WINDOW_PAGES) lie where nothing else ever is, and from HEAP on the break
 * moves. What lies elsewhere is never named by its address.
 */
#define WINDOW       0x1000064000UL
#define WINDOW_PAGES 2048u
#define HEAP         4096u
#define HEAP_PAGES   64u

static uintptr_t heap_start;

static uintptr_t page_at(unsigned page)
{
	return page < HEAP ? WINDOW + page * PAGE : heap_start + (page - HEAP) * PAGE;
}

/* => an address's name: pages and bytes from the window's start; "elsewhere" if it lies outside. */
static const char *place(uintptr_t at)
{
	static char name[4][32];
	static unsigned turn;
	char *s = name[turn++ % 4];

	if (at - WINDOW < WINDOW_PAGES * PAGE)
		snprintf(s, sizeof *name, "%lu+%lu", (at - WINDOW) / PAGE, at % PAGE);
	else if (at - heap_start < HEAP_PAGES * PAGE)
		snprintf(s, sizeof *name, "heap %lu+%lu", (at - heap_start) / PAGE, at % PAGE);
	else
		return "elsewhere";
	return s;
}

/* => a result's name: an error's, a number, or a place in the window. */
static const char *result_name(long result)
{
	static char name[32];

	if (result == -1)
		return strerrorname_np(errno);
	if (result > 0x10000)
		return place((uintptr_t)result);
	snprintf(name, sizeof name, "%ld", result);
	return name;
}

/* -- accesses --------------------------------------------------------------------------------- */

static sigjmp_buf fault_return;
static volatile int fault_signo, fault_code;
static volatile uintptr_t fault_at;
static uintptr_t executing; /* the address jumped to; 0: an ordinary access */

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	fault_signo = signo;
	fault_code = info->si_code;
	fault_at = (uintptr_t)info->si_addr;
	siglongjmp(fault_return, 1);
}

static void faults_catch(void)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], &action, NULL))
			give_up("sigaction");
}

/* => what the last fault was. */
static const char *fault_name(void)
{
	static char name[64];
	const char *code = fault_code == SEGV_MAPERR ? "MAPERR" : "ACCERR";

	if (fault_signo == SIGBUS)
		code = fault_code == BUS_ADRERR ? "ADRERR" : "another";
	/* A zero is no instruction on one machine, and a store through a null pointer on another.
	 */
	if (executing && (fault_signo == SIGILL || fault_at < PAGE))
		return "executes zeros";
	snprintf(name, sizeof name, "%s %s at %s", fault_signo == SIGBUS ? "SIGBUS" : "SIGSEGV",
		 code, place(fault_at));
	return name;
}

/* => whether the word at `at` was read or written. */
static bool access_word(uintptr_t at, bool write, uint64_t *value)
{
	executing = 0;
	if (sigsetjmp(fault_return, 0))
		return false;
	if (write)
		*(volatile uint64_t *)at = *value;
	else
		*value = *(volatile uint64_t *)at;
	return true;
}

/* Of each page these bytes are either zero or RETURN, so that it can be executed. */
#define CODE_OFFSET 16
#if defined(__riscv)
#define RETURN 0x00008067UL /* jalr x0, 0(ra) */
#elif defined(__x86_64__)
#define RETURN 0xc3UL /* ret */
#endif

/* => whether all bytes of the page could be read; they are hashed. */
static bool access_page(uintptr_t at)
{
	executing = 0;
	if (sigsetjmp(fault_return, 0))
		return false;
	for (const volatile uint64_t *p = (uint64_t *)at; p < (uint64_t *)(at + PAGE); p++) {
		log_hash = (log_hash ^ (*p == RETURN ? 1 : *p)) * 0x100000001b3;
		log_hash ^= log_hash >> 29;
	}
	return true;
}

/* => whether the page's code could be executed. */
static bool access_execute(uintptr_t page)
{
	executing = page + CODE_OFFSET;
	__builtin___clear_cache((char *)executing, (char *)executing + 8);
	if (sigsetjmp(fault_return, 0))
		return false;
#if defined(__x86_64__)
	__asm__ volatile("xor %%eax, %%eax\n\tcall *%0"
			 :
			 : "r"(executing)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
#else
	((void (*)(void))executing)();
#endif
	return true;
}

#endif
