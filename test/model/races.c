/*
 * Threads that fight for the same addresses.
 *
 *	races [THREADS [STEPS [SEED]]]
 *
 * Each thread maps, unmaps, protects, moves, discards, reads and writes ranges of one
 * window, has the kernel read and write there, makes a file that is mapped shorter
 * and longer, and forks children that do some of it. What a thread finds at an
 * address may be anything that was ever put there, so only this is looked at: a word
 * is zero or was written by this program, which a sum in it tells; a fault is in the
 * window; and the kernel survives, with all that it checks about itself.
 *
 * The threads' numbers follow from the seed; their order is up to the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE       4096UL
#define WINDOW     0x1000064000UL
#define PAGES      700u /* more than one leaf table's */
#define FILE_PAGES 80u

static int file, ends[2];
static unsigned nsteps;
static uint64_t seed;
static _Thread_local uint64_t rng_state;
static _Thread_local sigjmp_buf fault_return;

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

static _Noreturn void stop(const char *what, uint64_t value)
{
	dprintf(2, "races: %s: %lx\n", what, value);
	_exit(1);
}

/* -- words ------------------------------------------------------------------------------------ */

static uint32_t sum(uint32_t x)
{
	return (x ^ 0x5bd1e995) * 0x9e3779b1;
}

static uint64_t word_make(void)
{
	uint32_t x = (uint32_t)rng_next();

	return (uint64_t)sum(x) << 32 | x;
}

static void word_check(uint64_t word)
{
	if (word && word >> 32 != sum((uint32_t)word))
		stop("a word that nobody wrote", word);
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if ((uintptr_t)info->si_addr - WINDOW >= PAGES * PAGE)
		stop(signo == SIGBUS ? "SIGBUS outside the window" : "SIGSEGV outside the window",
		     (uintptr_t)info->si_addr);
	siglongjmp(fault_return, 1);
}

/* -- steps ------------------------------------------------------------------------------------ */

struct range {
	char *at;
	size_t len;
};

static struct range range_choose(void)
{
	unsigned first = below(PAGES), n = 1 + below(below(8) ? 12 : PAGES);

	if (n > PAGES - first)
		n = PAGES - first;
	return (struct range){(char *)WINDOW + first * PAGE, n * PAGE};
}

static void touch(void)
{
	struct range r = range_choose();
	bool write = below(2);

	for (size_t i = 0; i < r.len && i < 20 * PAGE; i += PAGE) {
		volatile uint64_t *word = (uint64_t *)(r.at + i) + 64 * below(8);

		if (sigsetjmp(fault_return, 0))
			continue;
		word_check(*word);
		if (write)
			*word = word_make();
	}
}

/* The kernel's own accesses. */
static void transfer(void)
{
	static const uint64_t zero;
	struct range r = range_choose(), s = range_choose();
	off_t offset = below(FILE_PAGES) * (off_t)PAGE;

	if (r.len > 8 * PAGE)
		r.len = 8 * PAGE;
	switch (below(4)) {
	case 0: pwrite(file, r.at, r.len, offset); break;
	case 1: pread(file, r.at, r.len, offset); break;
	case 2: write(ends[1], r.at, r.len & ~(PAGE - 1)); break;
	default:
		if (read(ends[0], s.at, PAGE) < 0 && errno == EAGAIN)
			write(ends[1], &zero, 0);
	}
}

static void map(void)
{
	static const int prots[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
				    PROT_NONE};
	struct range r = range_choose();
	int flags =
	    MAP_FIXED | (below(3) ? MAP_PRIVATE : MAP_SHARED) | (below(6) ? 0 : MAP_POPULATE);
	bool anonymous = below(3);

	mmap(r.at, r.len, prots[below(4)], flags | (anonymous ? MAP_ANONYMOUS : 0),
	     anonymous ? -1 : file, anonymous ? 0 : below(FILE_PAGES) * (off_t)PAGE);
}

static void step(unsigned depth);

static void family(unsigned depth)
{
	pid_t pid = depth < 2 ? fork() : -1;
	int status;

	if (pid < 0)
		return;
	if (pid == 0) {
		for (unsigned n = below(24); n > 0; n--)
			step(depth + 1);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		stop("a child's status", (unsigned)status);
}

static void step(unsigned depth)
{
	struct range r = range_choose(), to = range_choose();

	switch (below(40)) {
	default: touch(); break;
	case 0 ... 6: map(); break;
	case 7 ... 9: munmap(r.at, r.len); break;
	case 10 ... 13: mprotect(r.at, r.len, PROT_READ | PROT_WRITE); break;
	case 14 ... 15: mprotect(r.at, r.len, below(2) ? PROT_READ : PROT_NONE); break;
	case 16 ... 17:
		mremap(r.at, r.len, below(2) ? r.len : to.len, MREMAP_MAYMOVE | MREMAP_FIXED,
		       to.at);
		break;
	case 18 ... 19: madvise(r.at, r.len, MADV_DONTNEED); break;
	case 20:
		if (ftruncate(file, below(FILE_PAGES) * (off_t)PAGE))
			stop("ftruncate", (unsigned)errno);
		break;
	case 21 ... 24: transfer(); break;
	case 25: family(depth); break;
	}
}

static void *thread(void *number)
{
	rng_state = seed + (uintptr_t)number * 0x1234567890abcdef;
	for (unsigned i = 0; i < nsteps; i++)
		step(0);
	return NULL;
}

static unsigned argument(char **argv, int i, unsigned otherwise)
{
	return argv[i] ? (unsigned)strtoul(argv[i], NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	unsigned nthreads = argc > 1 ? argument(argv, 1, 4) : 4;
	pthread_t threads[64];

	nsteps = argc > 2 ? argument(argv, 2, 2000) : 2000;
	seed = argc > 3 ? argument(argv, 3, 1) : 1;
	file = memfd_create("races", 0);
	if (nthreads > 64 || file < 0 || pipe2(ends, O_NONBLOCK) ||
	    sigaction(SIGSEGV, &action, NULL) || sigaction(SIGBUS, &action, NULL))
		stop("it cannot begin", (unsigned)errno);
	for (unsigned i = 0; i < nthreads; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)(uintptr_t)(i + 1)))
			stop("pthread_create", i);
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	printf("%u threads: no word was another's\n", nthreads);
	return 0;
}
