/*
 * The steps of a run of test/model/memory: accesses, calls, files. The theory is in
 * memory.c.
 */
#ifndef TEST_MODEL_CALLS_H
#define TEST_MODEL_CALLS_H

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include "test/model/look.h"

#define FILE_PAGES 60u

enum { FILE_RW, FILE_READ, FILE_WRITE, FILE_MEMFD, FILES };
static int files[FILES];

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

	if (once_in(48))
		prot |= PROT_GROWSUP;
	else if (once_in(32) && is_start_sure(r.first))
		prot |= PROT_GROWSDOWN;
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
		 ftruncate(files[file == FILE_MEMFD ? FILE_MEMFD : FILE_RW], before.st_size) &&
		 errno != EPERM) /* a seal */
		give_up("ftruncate");
}

static void do_fallocate(void)
{
	static const int modes[] = {0, FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE};
	unsigned file = once_in(2) ? FILE_RW : FILE_MEMFD, n = 1 + below(8);
	int mode = modes[below(3)];
	off_t at = below(FILE_PAGES) * (off_t)PAGE, len = n * (off_t)PAGE;

	if (once_in(4)) {
		at += below(PAGE) & ~7u;
		len -= below(PAGE) & ~7u;
	}
	if (common && !(mode & FALLOC_FL_KEEP_SIZE)) {
		at &= -(off_t)PAGE;
		len = n * (off_t)PAGE;
	}
	note("fallocate %u mode %d %ld %ld: %s", file, mode, (long)at, (long)len,
	     result_name(fallocate(files[file], mode, at, len)));
}

/* The memfd gets a seal; or a new one, without seals, takes its place. */
static void do_seal(void)
{
	static const int seals[] = {F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE,
				    F_SEAL_FUTURE_WRITE};
	int seal = seals[below(5)];

	if (!once_in(3)) {
		note("seal %d: %s", seal, result_name(fcntl(files[FILE_MEMFD], F_ADD_SEALS, seal)));
		note("seals %d", fcntl(files[FILE_MEMFD], F_GET_SEALS));
		return;
	}
	close(files[FILE_MEMFD]);
	files[FILE_MEMFD] = memfd_create("model", once_in(4) ? 0 : MFD_ALLOW_SEALING);
	if (files[FILE_MEMFD] < 0 || ftruncate(files[FILE_MEMFD], below(FILE_PAGES) * (off_t)PAGE))
		give_up("memfd_create");
	note("memfd");
}

/* Another way for the kernel to reach memory, here this process's own. */
static void do_copy(void)
{
	struct range from = range_choose(), to = range_choose();
	struct iovec local = {(void *)to.at, to.len}, remote = {(void *)from.at, from.len};
	bool write = once_in(2);
	long result;

	result = write ? process_vm_writev(getpid(), &local, 1, &remote, 1, 0)
		       : process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	note("process_vm %s %s %zu %s %zu: %s", write ? "write" : "read", place(to.at), to.len,
	     place(from.at), from.len,
	     result < 0           ? result_name(result)
	     : result % PAGE == 0 ? "pages"
				  : "a part of a page");
	if (result > 0)
		note("%ld pages", result / (long)PAGE);
}

#endif
