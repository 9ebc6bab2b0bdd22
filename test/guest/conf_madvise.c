/* madvise: which advice is known, where it may be given, and what it does to pages. */
#include "test/guest/vm.h"

#define TOP (1UL << 62)

static long advise(char *at, size_t len, int advice)
{
	return syscall(SYS_madvise, at, len, advice);
}

static void fill(unsigned long page, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		*AT(page + i) = (char)(page + i + 1);
}

/* The advice that Linux knows on every architecture, all but to fail on purpose and to collapse. */
static void known(void)
{
	for (int advice = -1; advice < 28; advice++) {
		char what[32];

		if (advice == 25) /* MADV_COLLAPSE: as superpages have it */
			continue;
		map_at(0, 4, RW, ANON);
		fill(0, 4);
		snprintf(what, sizeof what, "advice %d", advice);
		say(what, advise(AT(0), 4 * PAGE, advice));
		window_clear();
	}
	T(advise(AT(0), PAGE, 1000));
}

static void ranges(void)
{
	map_at(0, 4, RW, ANON);
	map_at(8, 4, RW, ANON);
	T(advise(AT(0) + 1, PAGE, MADV_NORMAL));
	T(advise(AT(0), 0, MADV_NORMAL));
	T(advise(AT(0) + 1, 0, MADV_NORMAL));
	T(advise(AT(0), 0, 1000));
	T(advise(AT(0), ~0UL, MADV_NORMAL));
	T(advise(AT(0), -PAGE, MADV_NORMAL));
	T(advise((char *)TOP, PAGE, MADV_NORMAL));
	T(advise((char *)TOP, 0, MADV_NORMAL));
	T(advise(AT(20), PAGE, MADV_NORMAL));
	T(advise(AT(20), PAGE, MADV_DONTNEED));
	T(advise(AT(2), 8 * PAGE, MADV_NORMAL));
	T(advise(AT(6), 4 * PAGE, MADV_SEQUENTIAL));
	T(advise(AT(10), 4 * PAGE, MADV_SEQUENTIAL));
	fill(0, 4);
	fill(8, 4);
	T(advise(AT(2), 8 * PAGE, MADV_DONTNEED));
	IS(*AT(1) == 2 && *AT(2) == 0 && *AT(3) == 0 && *AT(9) == 0 && *AT(10) == 11);
	T(advise(AT(10), 4 * PAGE, MADV_DONTNEED));
	IS(*AT(10) == 0);
	T(advise(AT(0), 1, MADV_DONTNEED));
	IS(*AT(0) == 0 && *AT(1) == 2);
	window_clear();
}

static void dropping(void)
{
	int file = file_of(4 * PAGE);

	vm_catch();
	map_at(0, 4, RW, ANON);
	fill(0, 4);
	T(advise(AT(1), 2 * PAGE, MADV_DONTNEED));
	resident("dropped", AT(0), 4);
	IS(*AT(0) == 1 && *AT(1) == 0 && *AT(2) == 0 && *AT(3) == 4);
	mprotect(AT(0), 4 * PAGE, PROT_READ);
	T(advise(AT(0), 4 * PAGE, MADV_DONTNEED));
	IS(*AT(0) == 0 && *AT(3) == 0);
	mprotect(AT(0), 4 * PAGE, PROT_NONE);
	T(advise(AT(0), 4 * PAGE, MADV_DONTNEED));
	window_clear();
	mmap(AT(0), 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	*AT(0) = 100;
	T(advise(AT(0), 4 * PAGE, MADV_DONTNEED));
	IS(*AT(0) == 1 && *AT(3) == 4);
	T(advise(AT(0), 4 * PAGE, MADV_FREE));
	T(advise(AT(0), 4 * PAGE, MADV_WIPEONFORK));
	T(advise(AT(0), 4 * PAGE, MADV_REMOVE));
	window_clear();
	mmap(AT(0), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	*AT(0) = 100;
	T(advise(AT(0), 4 * PAGE, MADV_DONTNEED));
	IS(*AT(0) == 100);
	T(advise(AT(0), 4 * PAGE, MADV_FREE));
	T(advise(AT(0), 4 * PAGE, MADV_WIPEONFORK));
	window_clear();
	map_at(0, 4, RW, SHARED);
	fill(0, 4);
	T(advise(AT(0), 4 * PAGE, MADV_DONTNEED));
	IS(*AT(0) == 1 && *AT(3) == 4);
	T(advise(AT(0), 4 * PAGE, MADV_FREE));
	window_clear();
	map_at(0, 2, RW, ANON);
	mmap(AT(2), 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	fill(0, 2);
	T(advise(AT(0), 4 * PAGE, MADV_FREE));
	T(advise(AT(0), 4 * PAGE, MADV_WIPEONFORK));
	window_clear();
}

static void removing(void)
{
	int fd = memfd_create("removing", 0);
	char byte = 9;

	ftruncate(fd, 4 * PAGE);
	mmap(AT(0), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(AT(10), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(AT(20), 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(AT(30), 4 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	fill(0, 4);
	T(advise(AT(1), 2 * PAGE, MADV_REMOVE));
	IS(*AT(0) == 1 && *AT(1) == 0 && *AT(2) == 0 && *AT(3) == 4);
	IS(*AT(11) == 0 && *AT(13) == 4 && *AT(21) == 0);
	IS(pread(fd, &byte, 1, 2 * PAGE) == 1 && byte == 0);
	T(advise(AT(20), PAGE, MADV_REMOVE));
	T(advise(AT(30), PAGE, MADV_REMOVE));
	window_clear();
	map_at(0, 4, RW, SHARED);
	fill(0, 4);
	T(advise(AT(1), 2 * PAGE, MADV_REMOVE));
	IS(*AT(0) == 1 && *AT(1) == 0 && *AT(2) == 0 && *AT(3) == 4);
	T(mlock(AT(0), PAGE));
	T(advise(AT(0), PAGE, MADV_REMOVE));
	window_clear();
	map_at(0, 4, RW, ANON);
	T(advise(AT(0), PAGE, MADV_REMOVE));
	window_clear();
}

static void forks(void)
{
	vm_catch();
	map_at(0, 8, RW, ANON);
	fill(0, 8);
	T(advise(AT(0), 2 * PAGE, MADV_DONTFORK));
	T(advise(AT(2), 2 * PAGE, MADV_WIPEONFORK));
	T(advise(AT(4), 2 * PAGE, MADV_DONTFORK));
	T(advise(AT(4), 2 * PAGE, MADV_DOFORK));
	T(advise(AT(6), 2 * PAGE, MADV_WIPEONFORK));
	T(advise(AT(6), 2 * PAGE, MADV_KEEPONFORK));
	window_show("parts");
	say_status("child", CHILD({
			   READ(AT(0));
			   READ(AT(2));
			   READ(AT(4));
			   READ(AT(6));
			   window_show("in the child");
			   *AT(2) = 5;
			   say_status("its child", CHILD({ READ(AT(2)); }));
		   }));
	IS(*AT(0) == 1 && *AT(2) == 3 && *AT(3) == 4);
	T(advise(AT(0), 8 * PAGE, MADV_DOFORK));
	T(advise(AT(0), 8 * PAGE, MADV_KEEPONFORK));
	window_show("whole");
	window_clear();
}

static void locked(void)
{
	map_at(0, 4, RW, ANON);
	fill(0, 4);
	T(mlock(AT(1), PAGE));
	T(advise(AT(0), 4 * PAGE, MADV_DONTNEED));
	IS(*AT(0) == 0 && *AT(1) == 2 && *AT(2) == 3);
	T(advise(AT(1), PAGE, MADV_FREE));
	T(advise(AT(1), PAGE, MADV_COLD));
	T(advise(AT(1), PAGE, MADV_PAGEOUT));
	T(advise(AT(1), PAGE, MADV_WILLNEED));
	T(advise(AT(1), PAGE, MADV_DONTNEED_LOCKED));
	IS(*AT(1) == 0);
	window_clear();
}

static void populating(void)
{
	int file = file_of(2 * PAGE);

	map_at(0, 8, RW, ANON);
	T(advise(AT(0), 2 * PAGE, MADV_POPULATE_READ));
	T(advise(AT(2), 2 * PAGE, MADV_POPULATE_WRITE));
	resident("populated", AT(0), 8);
	T(advise(AT(0), 0, MADV_POPULATE_READ));
	T(advise(AT(0) + 1, PAGE, MADV_POPULATE_READ));
	T(advise(AT(6), 4 * PAGE, MADV_POPULATE_WRITE));
	resident("up to the hole", AT(0), 8);
	T(advise(AT(20), PAGE, MADV_POPULATE_READ));
	window_clear();
	map_at(0, 2, PROT_READ, ANON);
	map_at(2, 2, PROT_NONE, ANON);
	map_at(4, 2, PROT_EXEC, ANON);
	T(advise(AT(0), 2 * PAGE, MADV_POPULATE_READ));
	T(advise(AT(0), 2 * PAGE, MADV_POPULATE_WRITE));
	T(advise(AT(2), 2 * PAGE, MADV_POPULATE_READ));
	T(advise(AT(2), 2 * PAGE, MADV_POPULATE_WRITE));
	T(advise(AT(4), 2 * PAGE, MADV_POPULATE_WRITE));
	T(advise(AT(0), 4 * PAGE, MADV_POPULATE_READ));
	window_clear();
	mmap(AT(0), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	T(advise(AT(0), 2 * PAGE, MADV_POPULATE_WRITE));
	T(advise(AT(0), 4 * PAGE, MADV_POPULATE_READ));
	T(advise(AT(0), 4 * PAGE, MADV_POPULATE_WRITE));
	window_clear();
	mmap(AT(0), 4 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE, -1, 0);
	resident("MAP_POPULATE", AT(0), 4);
	mmap(AT(0), 4 * PAGE, RW, ANON | MAP_FIXED | MAP_POPULATE | MAP_NONBLOCK, -1, 0);
	resident("and MAP_NONBLOCK", AT(0), 4);
	mmap(AT(0), 4 * PAGE, PROT_NONE, ANON | MAP_FIXED | MAP_POPULATE, -1, 0);
	resident("PROT_NONE", AT(0), 4);
	mmap(AT(0), 4 * PAGE, PROT_READ, ANON | MAP_FIXED | MAP_POPULATE, -1, 0);
	resident("PROT_READ", AT(0), 4);
	window_clear();
}

static void borders(void)
{
	map_at(0, 8, RW, ANON);
	T(advise(AT(2), 2 * PAGE, MADV_RANDOM));
	window_show("random");
	T(advise(AT(4), 2 * PAGE, MADV_RANDOM));
	window_show("more");
	T(advise(AT(2), PAGE, MADV_NORMAL));
	window_show("less");
	T(advise(AT(0), 8 * PAGE, MADV_SEQUENTIAL));
	window_show("sequential");
	T(advise(AT(0), 8 * PAGE, MADV_NORMAL));
	T(advise(AT(0), 4 * PAGE, MADV_DONTDUMP));
	window_show("half is not dumped");
	T(advise(AT(0), 8 * PAGE, MADV_DODUMP));
	T(advise(AT(1), PAGE, MADV_HUGEPAGE));
	T(advise(AT(2), PAGE, MADV_NOHUGEPAGE));
	window_show("huge");
	T(advise(AT(0), 8 * PAGE, MADV_NOHUGEPAGE));
	window_show("whole");
	T(advise(AT(3), PAGE, MADV_MERGEABLE));
	window_show("mergeable");
	T(advise(AT(3), PAGE, MADV_UNMERGEABLE));
	window_show("whole");
	window_clear();
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"known", known},           {"ranges", ranges},   {"dropping", dropping},
	    {"removing", removing},     {"forks", forks},     {"locked", locked},
	    {"populating", populating}, {"borders", borders},
	};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
