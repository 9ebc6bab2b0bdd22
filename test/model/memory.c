/*
 * Random memory system calls, and everything that a program can see of them.
 *
 *	memory [-v] [-m] [-x] [-d FOLDER] [-n STEPS] SEED [COUNT]
 *
 * From each seed follows a sequence of calls, accesses, forks and changes of
 * files, in a window of addresses that nothing else uses. What each step gave
 * (results, errors, signals with their addresses, contents, what /proc/self/maps
 * shows of the window) is a line of a log, and the log's hash is printed: two
 * kernels that are the same to programs print the same. With -v the log itself is
 * printed, so that the first difference can be found with diff; with -m it has the
 * mappings after every step.
 *
 * What may differ between kernels that are both right is not looked at: where a
 * mapping goes that asked for no place (it is moved into the window, or away),
 * which neighbours have become one mapping (calls that depend on it are made only
 * where it is sure), and whether MADV_FREE frees at once.
 *
 * With -x it keeps also to what Linux did before and after 6.12, and on other
 * processors than RISC-V's: of these some cannot keep what may be executed from being
 * read; what may be written is shown as readable too by newer ones for RISC-V;
 * mremap() has changed; and what was written beyond the end of a file, in its last
 * page, is zeroed when the file grows now.
 *
 * Known to differ even so: a write that passes the end of a file which is sealed against
 * growing fails as a whole on 6.12; newer versions write what fits.
 *
 * A child that is forked waits while its parent takes a few steps, then takes some
 * itself and reports its hash: so the order of all steps is fixed.
 *
 * The files are one of a tmpfs, through descriptors for reading, writing and both,
 * and one of memfd_create(). The program gives up root's rights, if it has them.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "test/model/calls.h"

#define NOBODY 65534

static const char *const folder_default = "/tmp";
static bool maps_always;

/* -- forks ------------------------------------------------------------------------------------ */

static void steps(unsigned n);

static _Noreturn void child(int go, int report, uint64_t seed, unsigned n, int status)
{
	char byte;

	depth++;
	if (read(go, &byte, 1) != 1)
		give_up("read from the parent");
	rng_state = seed;
	steps(n);
	for (unsigned i = 0; i < 64; i++)
		look_page(focus + i, false);
	if (write(report, &log_hash, sizeof log_hash) != sizeof log_hash)
		give_up("write to the parent");
	_exit(status);
}

static void do_fork(void)
{
	uint64_t seed = rng_next(), hash;
	unsigned n = below(12), status = below(64);
	int go[2], report[2], got;
	pid_t pid;

	if (depth == 3)
		return;
	if (pipe(go) || pipe(report))
		give_up("pipe");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (pid == 0)
		child(go[0], report[1], seed, n, (int)status);
	close(go[0]);
	close(report[1]);
	steps(below(6));
	if (write(go[1], "", 1) != 1 || read(report[0], &hash, sizeof hash) != sizeof hash)
		give_up("a child does not answer");
	if (waitpid(pid, &got, 0) != pid)
		give_up("waitpid");
	close(go[1]);
	close(report[0]);
	note("child %lx, status %x", hash, (unsigned)got);
}

/* -- a run ------------------------------------------------------------------------------------ */

static void step(void)
{
	switch (below(64)) {
	default: do_read(); break;
	case 1 ... 14: do_write(); break;
	case 15 ... 17: do_execute(); break;
	case 18 ... 25: do_mmap(); break;
	case 26 ... 28: do_munmap(); break;
	case 29 ... 34: do_mprotect(); break;
	case 35 ... 38: do_mremap(); break;
	case 39 ... 41: do_madvise(); break;
	case 42: do_msync(); break;
	case 43 ... 44: do_brk(); break;
	case 45: do_truncate(); break;
	case 46 ... 47: do_file(); break;
	case 48: do_fork(); break;
	case 49: look_resident(range_choose_odd()); break;
	case 50: do_mlock(); break;
	case 51: do_fallocate(); break;
	case 52:
		if (once_in(2))
			do_seal();
		else
			do_copy();
		break;
	}
}

static void steps(unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		if (once_in(200))
			focus = below(WINDOW_PAGES - 200);
		step();
		if (maps_always)
			look_maps();
	}
}

static void file_open(const char *folder)
{
	static const int modes[] = {O_RDWR | O_CREAT, O_RDONLY, O_WRONLY};
	char name[256];

	snprintf(name, sizeof name, "%s/memory-file-%d", folder, getpid());
	for (int i = FILE_RW; i < FILE_MEMFD; i++)
		if ((files[i] = open(name, modes[i], 0600)) < 0)
			give_up(name);
	unlink(name);
	files[FILE_MEMFD] = memfd_create("model", 0);
	if (files[FILE_MEMFD] < 0)
		give_up("memfd_create");
	for (unsigned i = 0; i < FILE_PAGES - 20; i++) {
		uint64_t value = rng_next();

		if (pwrite(files[FILE_RW], &value, sizeof value, i * (off_t)PAGE) < 0 ||
		    pwrite(files[FILE_MEMFD], &value, sizeof value, i * (off_t)PAGE) < 0)
			give_up("pwrite");
	}
	if (ftruncate(files[FILE_RW], (FILE_PAGES - 20) * PAGE) ||
	    ftruncate(files[FILE_MEMFD], (FILE_PAGES - 20) * PAGE))
		give_up("ftruncate");
}

static _Noreturn void run(uint64_t seed, unsigned n, const char *folder)
{
	struct rlimit stack = {64 << 20, 64 << 20}, locked = {1 << 18, 1 << 18};

	if (setrlimit(RLIMIT_STACK, &stack) || setrlimit(RLIMIT_MEMLOCK, &locked))
		give_up("setrlimit");
	/* What is changed in the name of another user would hide /proc/self from itself. */
	if (geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY) || prctl(PR_SET_DUMPABLE, 1)))
		give_up("setuid");
	heap_start = ((uintptr_t)sbrk(0) + PAGE - 1) & -PAGE;
	if (brk((void *)heap_start))
		give_up("brk");
	rng_state = seed * 0xd1342543de82ef95;
	file_open(folder);
	faults_catch();
	focus = below(WINDOW_PAGES - 200);
	for (unsigned left = n; left > 0;) {
		unsigned some = left < 250 ? left : 250;

		steps(some);
		left -= some;
		look_maps();
	}
	for (unsigned i = 0; i < WINDOW_PAGES; i += 3)
		look_page(i, true);
	for (unsigned i = 0; i < HEAP_PAGES; i++)
		look_page(HEAP + i, false);
	printf("%lu %016lx\n", seed, log_hash);
	fflush(stdout);
	_exit(0);
}

int main(int argc, char **argv)
{
	const char *folder = folder_default;
	unsigned n = 3000;
	int option, status, failed = 0;

	while ((option = getopt(argc, argv, "vmxd:n:")) != -1)
		switch (option) {
		case 'v': verbose = true; break;
		case 'm': maps_always = true; break;
		case 'x': common = true; break;
		case 'd': folder = optarg; break;
		case 'n': n = (unsigned)strtoul(optarg, NULL, 0); break;
		default: return 2;
		}
	if (optind == argc) {
		dprintf(2, "usage: memory [-v] [-m] [-x] [-d FOLDER] [-n STEPS] SEED [COUNT]\n");
		return 2;
	}
	uint64_t seed = strtoul(argv[optind], NULL, 0), end = seed + 1;
	if (optind + 1 < argc)
		end = seed + strtoul(argv[optind + 1], NULL, 0);
	for (; seed < end; seed++) {
		pid_t pid = fork();

		if (pid == 0)
			run(seed, n, folder);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			give_up("fork");
		if (status) {
			printf("%lu died with status %x\n", seed, (unsigned)status);
			fflush(stdout);
			failed = 1;
		}
	}
	return failed;
}
