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
 * how many lines of /proc/self/maps a range of equal pages has, and whether
 * MADV_FREE frees at once. With -x it keeps also to what Linux did before and after
 * 6.12, and on other processors than RISC-V's: of these some cannot keep what may be
 * executed from being read, mremap() has changed, and what was written beyond the end
 * of a file, in its last page, is zeroed when the file grows now.
 *
 * A child that is forked waits while its parent takes a few steps, then takes some
 * itself and reports its hash: so the order of all steps is fixed.
 *
 * The files are one of a tmpfs, through descriptors for reading, writing and both,
 * and one of memfd_create(). The program gives up root's rights, if it has them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "test/model/world.h"

#define FILE_PAGES 60u
#define NOBODY     65534

enum { FILE_RW, FILE_READ, FILE_WRITE, FILE_MEMFD, FILES };
static int files[FILES];
static const char *const folder_default = "/tmp";
static bool maps_always;
static bool common;    /* only what Linux's versions and processors agree on */
static unsigned focus; /* the page that most steps are near to */

/* -- choices ---------------------------------------------------------------------------------- */

struct range {
	unsigned first, n;
	uintptr_t at;
	size_t len;
};

static struct range range_make(unsigned first, unsigned n, unsigned end)
{
	if (n > end - first)
		n = end - first;
	return (struct range){first, n, page_at(first), n * PAGE};
}

static unsigned long pages_of(size_t len)
{
	return (len + PAGE - 1) / PAGE;
}

/* Mostly a few pages near the focus; sometimes of the heap, or many. */
static struct range range_choose(void)
{
	unsigned n = 1 + below(once_in(4) ? 40 : 8), first = focus + below(96);

	if (once_in(24))
		return range_make(HEAP + below(HEAP_PAGES), n, HEAP + HEAP_PAGES);
	if (once_in(6))
		first = below(WINDOW_PAGES);
	if (once_in(24))
		n = 1 + below(WINDOW_PAGES);
	return range_make(first, n, WINDOW_PAGES);
}

/* An odd length or address now and then: most calls have a rule for them. */
static struct range range_choose_odd(void)
{
	struct range r = range_choose();

	if (once_in(16))
		r.len -= below(PAGE);
	if (once_in(64))
		r.at += 1 + below(PAGE - 1);
	if (once_in(128))
		r.len = 0;
	if (once_in(256))
		r.len = -PAGE * below(3);
	if (once_in(256))
		r.at = -PAGE * (1 + below(3));
	return r;
}

static int prot_choose(void)
{
	static const int prots[] = {PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_READ,
				    PROT_NONE,
				    PROT_WRITE,
				    PROT_READ | PROT_EXEC,
				    PROT_EXEC,
				    PROT_READ | PROT_WRITE | PROT_EXEC};

	int prot = prots[below(sizeof prots / sizeof *prots)];

	return prot == PROT_EXEC && common ? PROT_READ | PROT_EXEC : prot;
}

/* -- what is surely one mapping --------------------------------------------------------------- */

/*
 * mremap() wants a range that lies in one mapping, and whether neighbours have become one is up to
 * the kernel. So each page has the number of the call that mapped it, and each boundary that a
 * later call may have cut along is marked. 0: not mapped by a call, or not known.
 */
static unsigned born[WINDOW_PAGES + 1], births;
static bool cut_before[WINDOW_PAGES + 1];

static void pages_born(uintptr_t at, size_t len, unsigned number)
{
	for (uintptr_t p = at; p - at < len && p - WINDOW < WINDOW_PAGES * PAGE; p += PAGE) {
		born[(p - WINDOW) / PAGE] = number;
		cut_before[(p - WINDOW) / PAGE] = false;
	}
}

static void pages_cut(uintptr_t at, size_t len)
{
	uintptr_t first = at - WINDOW, last = at + pages_of(len) * PAGE - WINDOW;

	if (first <= WINDOW_PAGES * PAGE)
		cut_before[first / PAGE] = true;
	if (last <= WINDOW_PAGES * PAGE)
		cut_before[last / PAGE] = true;
}

/* => whether all kernels agree that the first n pages from `at` on are one mapping, or are not. */
static bool is_surely_one_or_not(uintptr_t at, size_t n)
{
	static unsigned char vec[WINDOW_PAGES];
	size_t first = (at - WINDOW) / PAGE;

	if (at % PAGE || at - WINDOW >= WINDOW_PAGES * PAGE || n > WINDOW_PAGES - first)
		return false;
	if (mincore((void *)at, n * PAGE, vec))
		return true; /* a hole */
	for (size_t i = first; i < first + n; i++)
		if (!born[i] || born[i] != born[first] || (i > first && cut_before[i]))
			return false;
	return true;
}

/* -- looking ---------------------------------------------------------------------------------- */

static void look_page(unsigned page, bool whole)
{
	static const unsigned offsets[] = {0, CODE_OFFSET, 1024, PAGE - 8};
	uint64_t value[4];

	if (whole && access_page(page_at(page))) {
		note("page %u %lx", page, log_hash);
		return;
	}
	for (unsigned i = 0; i < 4; i++)
		if (!access_word(page_at(page) + offsets[i], false, &value[i])) {
			note("page %u %s", page, fault_name());
			return;
		}
	if (value[1] == RETURN)
		value[1] = 1;
	note("page %u %lx %lx %lx %lx", page, value[0], value[1], value[2], value[3]);
}

/* What a line of /proc/self/maps says, its numbers being pages of the window. */
struct line {
	unsigned long start, end, offset;
	char rights[8], file;
};

static void line_note(const struct line *l)
{
	if (l->start < l->end)
		note("maps %lu-%lu %s %c %lx", l->start, l->end, l->rights, l->file, l->offset);
}

/* => whether the line is of the window. */
static bool line_parse(const char *text, struct line *l)
{
	unsigned long start, end;

	if (sscanf(text, "%lx-%lx %4s %lx", &start, &end, l->rights, &l->offset) != 4)
		give_up("/proc/self/maps");
	if (end <= WINDOW || start >= WINDOW + WINDOW_PAGES * PAGE)
		return false;
	l->start = (start - WINDOW) / PAGE;
	l->end = (end - WINDOW) / PAGE;
	l->file = strstr(text, "/dev/zero") ? 'z' : strchr(text, '/') ? 'f' : '-';
	return true;
}

/* Neighbours that continue each other are shown as one, since kernels differ in when they join. */
static void look_maps(void)
{
	static char text[1 << 18];
	struct line now, all = {.start = 0};
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		give_up("/proc/self/maps");
	while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	text[len] = '\0';
	for (char *s = text, *end; (end = strchr(s, '\n')); s = end + 1) {
		*end = '\0';
		if (!line_parse(s, &now))
			continue;
		if (now.start == all.end && !strcmp(now.rights, all.rights) &&
		    now.file == all.file &&
		    (now.file == '-' ||
		     now.offset == all.offset + (now.start - all.start) * PAGE)) {
			all.end = now.end;
			continue;
		}
		line_note(&all);
		all = now;
	}
	line_note(&all);
}

/* What has just been read is resident; of other pages it may depend on what the kernel keeps. */
static void look_resident(struct range r)
{
	static unsigned char vec[WINDOW_PAGES];
	bool readable[WINDOW_PAGES];
	char bits[WINDOW_PAGES + 1] = "";
	uint64_t value;
	long result;

	for (unsigned i = 0; i < r.n; i++)
		readable[i] = access_word(page_at(r.first + i), false, &value);
	result = mincore((void *)r.at, r.len, vec);
	note("mincore %s %zu: %s", place(r.at), r.len, result_name(result));
	if (result)
		return;
	for (unsigned i = 0; i < r.n; i++)
		bits[i] = readable[i] ? "01"[vec[i] & 1] : '-';
	for (unsigned i = 0; i < r.n; i += 64)
		note("resident %.64s", bits + i);
}

/* -- accesses --------------------------------------------------------------------------------- */

static void do_read(void)
{
	struct range r = range_choose();

	for (unsigned i = 0; i < r.n && i < 12; i++)
		look_page(r.first + i, once_in(16));
}

static void do_write(void)
{
	struct range r = range_choose();
	bool code = once_in(4);

	for (unsigned i = 0; i < r.n && i < 24; i++) {
		uintptr_t at = page_at(r.first + i);
		uint64_t value = code ? RETURN : rng_next();

		at += code ? CODE_OFFSET : once_in(2) ? 0 : once_in(2) ? 1024 : PAGE - 8;
		if (!access_word(at, true, &value))
			note("write %u: %s", r.first + i, fault_name());
	}
	note("write %u %u", r.first, r.n);
}

static void do_execute(void)
{
	struct range r = range_choose();

	for (unsigned i = 0; i < r.n && i < 4; i++) {
		uintptr_t page = page_at(r.first + i);
		uint64_t value;
		/* Some processors' faults do not tell Linux that an instruction was wanted. */
		bool may = !common || access_word(page, false, &value);

		note("execute %u: %s", r.first + i,
		     may && access_execute(page) ? "returns" : fault_name());
	}
}

/* -- calls ------------------------------------------------------------------------------------ */

/* A mapping that went elsewhere is put into the window, or away. */
static void bring_home(long at, size_t len)
{
	struct range to = range_choose();
	long result;

	len = pages_of(len) * PAGE;
	if (once_in(2)) {
		note("away: %s", result_name(munmap((void *)at, len)));
		return;
	}
	result = (long)mremap((void *)at, len, to.len, MREMAP_MAYMOVE | MREMAP_FIXED, to.at);
	note("home to %u %u: %s", to.first, to.n, result_name(result));
	pages_born(to.at, to.len, result == -1 ? 0 : ++births);
	if (result == -1)
		munmap((void *)at, len);
	if (common && result == -1)
		munmap((void *)to.at, to.len);
}

static bool is_elsewhere(long result)
{
	return result != -1 && !strcmp(place((uintptr_t)result), "elsewhere");
}

static void do_mmap(void)
{
	static const int more[] = {MAP_POPULATE,  MAP_NORESERVE, MAP_STACK,
				   MAP_DENYWRITE, MAP_NONBLOCK,  MAP_LOCKED};
	struct range r = range_choose_odd();
	int prot = prot_choose(), flags = once_in(3) ? MAP_SHARED : MAP_PRIVATE, file = -1;
	unsigned long offset = 0;
	uintptr_t hint = r.at;
	long result;

	if (once_in(24))
		flags = MAP_SHARED_VALIDATE;
	if (once_in(64))
		flags = (int)below(8);
	if (below(5) < 3) {
		flags |= MAP_ANONYMOUS;
	} else {
		file = (int)below(FILES);
		offset = below(FILE_PAGES) * PAGE;
	}
	if (once_in(32))
		offset += below(PAGE);
	if (once_in(48))
		flags ^= MAP_ANONYMOUS;
	if (below(8) < 6)
		flags |= MAP_FIXED;
	else if (once_in(3))
		flags |= MAP_FIXED_NOREPLACE;
	else if (once_in(3))
		hint = 0;
	if (once_in(12))
		flags |= MAP_GROWSDOWN;
	if (once_in(5))
		flags |= more[below(6)];
	result = syscall(SYS_mmap, hint, r.len, prot, flags, file < 0 ? -1 : files[file], offset);
	note("mmap %s %zu prot %x flags %x file %d offset %lx: %s", hint ? place(hint) : "0", r.len,
	     (unsigned)prot, (unsigned)flags, file, offset, result_name(result));
	if (is_elsewhere(result))
		bring_home(result, r.len);
	else if (result != -1)
		pages_born((uintptr_t)result, r.len, ++births);
}

static void do_munmap(void)
{
	struct range r = range_choose_odd();
	int result = munmap((void *)r.at, r.len);

	note("munmap %s %zu: %s", place(r.at), r.len, result_name(result));
	if (result == 0)
		pages_born(r.at, r.len, 0);
}

static void do_mprotect(void)
{
	struct range r = range_choose_odd();
	int prot = prot_choose();

	if (once_in(24))
		prot |= once_in(2) ? PROT_GROWSDOWN : PROT_GROWSUP;
	if (once_in(64))
		prot |= 1 << (3 + below(4));
	note("mprotect %s %zu %x: %s", place(r.at), r.len, (unsigned)prot,
	     result_name(mprotect((void *)r.at, r.len, prot)));
	pages_cut(r.at, r.len);
}

/*
 * After 6.12 mremap() looks at the new place before the old one, moves several mappings that keep
 * their length, and leaves the new place alone where it fails.
 */
static bool is_common_remap(struct range r, struct range to, int flags)
{
	bool sane = r.len <= WINDOW_PAGES * PAGE && to.len <= WINDOW_PAGES * PAGE;

	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return sane;
	return sane && r.len > 0 && pages_of(r.len) != pages_of(to.len) &&
	       strcmp(place(to.at), "elsewhere") && to.at % PAGE == 0 &&
	       (to.at >= r.at + r.len || r.at >= to.at + to.len);
}

/* What a call that gave `result` has done to the pages' numbers. */
static void pages_remapped(struct range r, struct range to, int flags, long result)
{
	size_t old = pages_of(r.len) * PAGE, new = pages_of(to.len) * PAGE;

	if (result == -1) {
		if (flags & MREMAP_FIXED) {
			pages_born(to.at, new, 0); /* it may be gone or not */
			pages_born(r.at + new, old > new ? old - new : 0, 0);
		}
	} else if ((uintptr_t)result == r.at) {
		pages_born(r.at + new, old > new ? old - new : 0, 0);
		pages_born(r.at + old, new > old ? new - old : 0, ++births);
	} else {
		pages_born(r.at, old, 0);
		pages_born((uintptr_t)result, new, ++births);
	}
}

static void do_mremap(void)
{
	struct range r = range_choose_odd(), to = range_choose_odd();
	int flags = once_in(3) ? 0 : MREMAP_MAYMOVE;
	size_t kept;
	long result;

	if (once_in(2))
		flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	if (once_in(64))
		flags |= 1 << below(5);
	if (once_in(16))
		flags |= MREMAP_DONTUNMAP;
	if (once_in(24))
		r.len = 0;
	if (once_in(3) || (flags & MREMAP_DONTUNMAP && !once_in(4)))
		to.len = r.len;
	if (common && !is_common_remap(r, to, flags))
		return;
	kept = pages_of(to.len) < pages_of(r.len) ? pages_of(to.len) : pages_of(r.len);
	if ((flags & MREMAP_FIXED || pages_of(to.len) > kept) && !is_surely_one_or_not(r.at, kept))
		return;
	result = syscall(SYS_mremap, r.at, r.len, to.len, flags, to.at);
	note("mremap %s %zu %zu flags %x %s: %s", place(r.at), r.len, to.len, (unsigned)flags,
	     place(to.at), result_name(result));
	pages_remapped(r, to, flags, result);
	if (common && result == -1 && flags & MREMAP_FIXED) {
		munmap((void *)to.at, to.len);
		if (pages_of(r.len) > kept)
			munmap((void *)(r.at + kept * PAGE), r.len - kept * PAGE);
	}
	if (is_elsewhere(result))
		bring_home(result, to.len);
}

static void do_madvise(void)
{
	static const int advices[] = {
	    MADV_DONTNEED,   MADV_DONTNEED,      MADV_DONTNEED,       MADV_NORMAL,
	    MADV_RANDOM,     MADV_SEQUENTIAL,    MADV_WILLNEED,       MADV_FREE,
	    MADV_REMOVE,     MADV_DONTFORK,      MADV_DOFORK,         MADV_WIPEONFORK,
	    MADV_KEEPONFORK, MADV_DONTDUMP,      MADV_DODUMP,         MADV_COLD,
	    MADV_PAGEOUT,    MADV_POPULATE_READ, MADV_HUGEPAGE,       MADV_POPULATE_WRITE,
	    MADV_NOHUGEPAGE, MADV_WIPEONFORK,    MADV_DONTNEED_LOCKED};
	struct range r = range_choose_odd();
	int advice = advices[below(sizeof advices / sizeof *advices)], result;

	if (once_in(64))
		advice = 1000 + (int)below(10);
	result = madvise((void *)r.at, r.len, advice);
	note("madvise %s %zu %d: %s", place(r.at), r.len, advice, result_name(result));
	pages_cut(r.at, r.len);
	/* Whether it has freed is up to the kernel; this settles it. */
	if (advice == MADV_FREE)
		madvise((void *)r.at, r.len, MADV_DONTNEED);
}

static void do_mlock(void)
{
	struct range r = range_choose_odd();
	unsigned what = below(8);
	long result = what < 3   ? mlock((void *)r.at, r.len)
		      : what < 4 ? syscall(SYS_mlock2, r.at, r.len, once_in(8) ? 2 : MLOCK_ONFAULT)
		      : what < 7 ? munlock((void *)r.at, r.len)
				 : munlockall();

	note("mlock %u %s %zu: %s", what, place(r.at), r.len, result_name(result));
	if (what < 7)
		pages_cut(r.at, r.len);
}

static void do_msync(void)
{
	struct range r = range_choose_odd();
	int flags = once_in(8) ? (int)below(16) : MS_SYNC;

	note("msync %s %zu %x: %s", place(r.at), r.len, (unsigned)flags,
	     result_name(msync((void *)r.at, r.len, flags)));
}

static void do_brk(void)
{
	size_t offset = below(HEAP_PAGES * PAGE);
	uintptr_t now = (uintptr_t)syscall(SYS_brk, heap_start + offset);

	if (now - heap_start > HEAP_PAGES * PAGE)
		note("brk %zu: %s", offset, now < heap_start ? "below" : "above");
	else
		note("brk %zu: %lu", offset, now - heap_start);
}

/* -- files ------------------------------------------------------------------------------------ */

static void do_truncate(void)
{
	unsigned file = once_in(2) ? FILE_RW : FILE_MEMFD;
	size_t size = below(FILE_PAGES) * PAGE;

	if (once_in(3) && !common)
		size += below(PAGE) & ~7u;

	note("ftruncate %u %zu: %s", file, size, result_name(ftruncate(files[file], (off_t)size)));
}

/*
 * read() or write() of a file, the buffer being memory of the window. A write that fails has made a
 * tmpfs file longer on some kernels, by accident.
 */
static void do_file(void)
{
	struct range r = range_choose();
	unsigned file = below(FILES), page = below(FILE_PAGES);
	bool write = once_in(2);
	struct stat before;
	long result;

	if (fstat(files[file], &before))
		give_up("fstat");
	/* Linux after 6.12 looks at the buffer only when the file has become longer already. */
	uint64_t value;
	if (common && write && !access_word(r.at, false, &value))
		return;
	if (r.len > 16 * PAGE)
		r.len = 16 * PAGE;
	if (once_in(8) && !common)
		r.len -= 8 * below(PAGE / 8);
	result = write ? pwrite(files[file], (void *)r.at, r.len, page * (off_t)PAGE)
		       : pread(files[file], (void *)r.at, r.len, page * (off_t)PAGE);
	note("%s %u %s %zu at page %u: %s", write ? "pwrite" : "pread", file, place(r.at), r.len,
	     page,
	     result < 0    ? result_name(result)
	     : result == 0 ? "nothing"
			   : "some");
	if (result > 0)
		note("%ld bytes", result);
	else if (write &&
		 ftruncate(files[file == FILE_MEMFD ? FILE_MEMFD : FILE_RW], before.st_size))
		give_up("ftruncate");
}

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
	steps(below(6));
	if (write(go[1], "", 1) != 1 || read(report[0], &hash, sizeof hash) != sizeof hash)
		give_up("a child does not answer");
	if (waitpid(pid, &got, 0) != pid)
		give_up("waitpid");
	for (unsigned i = 0; i < 2; i++) {
		close(go[i]);
		close(report[i]);
	}
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
	struct rlimit stack = {1 << 20, 1 << 20}, locked = {1 << 18, 1 << 18};

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
