/* mlock, mlock2, munlock, mlockall, munlockall, RLIMIT_MEMLOCK; msync. */
#include "test/guest/vm.h"
#include <sys/prctl.h>

#define TOP (1UL << 62)

static long lock(char *at, size_t len)
{
	return syscall(SYS_mlock, at, len);
}

static long unlock(char *at, size_t len)
{
	return syscall(SYS_munlock, at, len);
}

static long lock2(char *at, size_t len, int flags)
{
	return syscall(SYS_mlock2, at, len, flags);
}

static long locked_kb(void)
{
	return status_kb("VmLck");
}

static void limit(unsigned long bytes)
{
	struct rlimit r;

	getrlimit(RLIMIT_MEMLOCK, &r);
	r.rlim_cur = bytes;
	T(setrlimit(RLIMIT_MEMLOCK, &r));
}

static void ranges(void)
{
	map_at(0, 4, RW, ANON);
	map_at(8, 4, RW, ANON);
	T(lock(AT(0), 0));
	T(lock(AT(20), 0));
	T(lock(AT(20), PAGE));
	T(lock((char *)TOP, PAGE));
	T(lock((char *)(~0UL << 12), PAGE));
	T(lock((char *)~0UL, 1));
	T(lock(AT(0), ~0UL));
	T(lock(AT(0), -PAGE));
	T(lock(AT(1) + 1, PAGE));
	resident("two pages", AT(0), 4);
	window_show("locked");
	printf("%ld kB\n", locked_kb());
	T(lock(AT(2), 8 * PAGE));
	window_show("up to the hole");
	printf("%ld kB\n", locked_kb());
	resident("not touched", AT(0), 4);
	T(unlock(AT(0), 4 * PAGE));
	window_show("unlocked");
	printf("%ld kB\n", locked_kb());
	T(unlock(AT(0), 6 * PAGE));
	T(unlock(AT(20), PAGE));
	T(unlock(AT(20), 0));
	T(unlock(AT(0), ~0UL));
	T(unlock((char *)TOP, PAGE));
	T(lock2(AT(0), PAGE, 2));
	T(lock2(AT(0), PAGE, -1));
	T(lock2(AT(8), 4 * PAGE, 1));
	resident("on fault", AT(8), 4);
	*AT(9) = 1;
	resident("touched", AT(8), 4);
	T(lock(AT(8), 2 * PAGE));
	window_show("both");
	printf("%ld kB\n", locked_kb());
	T(lock2(AT(8), 4 * PAGE, 0));
	window_show("one");
	window_clear();
	printf("%ld kB\n", locked_kb());
}

static void kinds(void)
{
	int file = file_of(2 * PAGE);

	map_at(0, 2, PROT_NONE, ANON);
	map_at(2, 2, PROT_READ, ANON);
	map_at(4, 2, PROT_EXEC, ANON);
	map_at(6, 2, PROT_WRITE, ANON);
	map_at(8, 2, RW, SHARED);
	mmap(AT(10), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	mmap(AT(14), 2 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	T(lock(AT(0), 2 * PAGE));
	T(lock(AT(2), 2 * PAGE));
	T(lock(AT(4), 2 * PAGE));
	T(lock(AT(6), 2 * PAGE));
	T(lock(AT(8), 2 * PAGE));
	T(lock(AT(10), 2 * PAGE));
	T(lock(AT(12), 2 * PAGE));
	T(lock(AT(14), 2 * PAGE));
	printf("%ld kB\n", locked_kb());
	resident("read-only", AT(2), 2);
	resident("write-only", AT(6), 2);
	resident("shared", AT(8), 2);
	T(mprotect(AT(2), 2 * PAGE, RW));
	window_show("all");
	say_status("child", CHILD(printf("%ld kB in the child\n", locked_kb())));
	window_clear();
}

static void limits(void)
{
	map_at(0, 16, RW, ANON);
	limit(4 * PAGE + 100);
	T(lock(AT(0), 4 * PAGE));
	T(lock(AT(0), 4 * PAGE));
	T(lock(AT(0), 5 * PAGE));
	T(lock(AT(4), PAGE));
	T(lock(AT(2), 2 * PAGE));
	T(unlock(AT(0), PAGE));
	T(lock(AT(4), PAGE));
	printf("%ld kB\n", locked_kb());
	T((long)mmap(AT(20), PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
	T(unlock(AT(4), PAGE));
	T((long)mmap(AT(20), PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
	resident("MAP_LOCKED", AT(20), 1);
	printf("%ld kB\n", locked_kb());
	T(mlockall(MCL_CURRENT));
	T(mlockall(MCL_FUTURE));
	T((long)mmap(AT(24), PAGE, RW, ANON | MAP_FIXED, -1, 0));
	T(munlockall());
	printf("%ld kB\n", locked_kb());
	limit(0);
	T(lock(AT(0), PAGE));
	T(lock(AT(0), 0));
	T(lock(AT(40), PAGE));
	T(lock2(AT(0), PAGE, 1));
	T(lock2(AT(0), PAGE, 4));
	T(mlockall(MCL_CURRENT));
	T(mlockall(0));
	T(unlock(AT(0), PAGE));
	T(munlockall());
	T((long)mmap(AT(20), PAGE, RW, ANON | MAP_FIXED | MAP_LOCKED, -1, 0));
	T((long)mmap(AT(20), PAGE, RW, MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED, -1, 0));
	window_clear();
}

static void all(void)
{
	char *start;

	T(mlockall(0));
	T(mlockall(MCL_ONFAULT));
	T(mlockall(8));
	T(mlockall(MCL_CURRENT | 8));
	limit(64UL << 20);
	map_at(0, 4, RW, ANON);
	T(mlockall(MCL_FUTURE));
	map_at(8, 4, RW, ANON);
	resident("before", AT(0), 4);
	resident("after", AT(8), 4);
	start = (char *)syscall(SYS_brk, 0);
	start = (char *)(((unsigned long)start + PAGE - 1) & -PAGE);
	syscall(SYS_brk, start);
	T(syscall(SYS_brk, start + 4 * PAGE) == (long)(start + 4 * PAGE));
	resident("heap", start, 4);
	T(mlockall(MCL_FUTURE | MCL_ONFAULT));
	map_at(16, 4, RW, ANON);
	resident("on fault", AT(16), 4);
	window_show("locked");
	IS(locked_kb() == 48);
	say_status("child", CHILD({
			   map_at(20, 4, RW, ANON);
			   resident("child's own", AT(20), 4);
			   IS(locked_kb() == 0);
		   }));
	T(munlockall());
	IS(locked_kb() == 0);
	map_at(24, 4, RW, ANON);
	resident("later", AT(24), 4);
	syscall(SYS_brk, start);
	window_clear();
}

static long sync_to(char *at, size_t len, int flags)
{
	return syscall(SYS_msync, at, len, flags);
}

static void syncing(void)
{
	int file = file_of(4 * PAGE);
	char byte = 0;

	map_at(0, 4, RW, ANON);
	mmap(AT(4), 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	map_at(10, 2, RW, ANON);
	T(sync_to(AT(0) + 1, PAGE, MS_SYNC));
	T(sync_to(AT(0), PAGE, 8));
	T(sync_to(AT(0), PAGE, MS_SYNC | MS_ASYNC));
	T(sync_to(AT(0) + 1, 0, MS_SYNC));
	T(sync_to(AT(0), 0, MS_SYNC));
	T(sync_to(AT(20), 0, MS_SYNC));
	T(sync_to(AT(0), PAGE, 0));
	T(sync_to(AT(0), ~0UL, MS_SYNC));
	T(sync_to(AT(0), -PAGE, MS_SYNC));
	T(sync_to(AT(20), PAGE, MS_SYNC));
	T(sync_to(AT(20), PAGE, MS_ASYNC));
	T(sync_to((char *)TOP, PAGE, MS_SYNC));
	T(sync_to(AT(0), 8 * PAGE, MS_SYNC));
	T(sync_to(AT(0), 8 * PAGE, MS_ASYNC));
	T(sync_to(AT(0), 8 * PAGE, MS_INVALIDATE));
	T(sync_to(AT(0), 12 * PAGE, MS_SYNC));
	T(sync_to(AT(8), 3 * PAGE, MS_SYNC));
	T(sync_to(AT(0), 8 * PAGE + 1, MS_SYNC));
	*AT(5) = 99;
	T(sync_to(AT(5), 1, MS_SYNC));
	IS(pread(file, &byte, 1, PAGE) == 1 && byte == 99);
	T(lock(AT(1), PAGE));
	T(sync_to(AT(0), 4 * PAGE, MS_SYNC | MS_INVALIDATE));
	T(sync_to(AT(0), PAGE, MS_SYNC | MS_INVALIDATE));
	T(sync_to(AT(0), 4 * PAGE, MS_SYNC));
	T(sync_to(AT(0), 12 * PAGE, MS_ASYNC | MS_INVALIDATE));
	window_clear();
}

static long core(char *at, size_t len, void *vec)
{
	return syscall(SYS_mincore, at, len, vec);
}

static void coring(void)
{
	unsigned char vec[16];
	int file = file_of(2 * PAGE);

	map_at(0, 4, RW, ANON);
	T(core(AT(0) + 1, PAGE, vec));
	T(core(AT(0), 0, vec));
	T(core(AT(0), 0, NULL));
	T(core(AT(0), PAGE, NULL));
	T(core(AT(0), PAGE, (void *)TOP));
	T(core(AT(0), PAGE, (void *)~0UL));
	T(core(AT(20), PAGE, vec));
	T(core(AT(20), PAGE, (void *)~0UL));
	T(core(AT(20), PAGE, NULL));
	T(core(AT(0), ~0UL, vec));
	T(core(AT(0), -PAGE, vec));
	T(core((char *)(~0UL << 12), PAGE, vec));
	memset(vec, 7, sizeof vec);
	*AT(1) = 1;
	T(core(AT(0), 6 * PAGE, vec));
	printf("%d %d %d %d %d\n", vec[0], vec[1] & 1, vec[2], vec[3], vec[4]);
	T(core(AT(0), 1, vec));
	T(core(AT(0), PAGE + 1, vec));
	mmap(AT(8), 4 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	resident("file", AT(8), 4);
	map_at(12, 2, RW, SHARED);
	*AT(13) = 1;
	resident("shared", AT(12), 2);
	map_at(14, 2, PROT_NONE, ANON);
	resident("none", AT(14), 2);
	window_clear();
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"ranges", ranges}, {"kinds", kinds},     {"limits", limits},
	    {"all", all},       {"syncing", syncing}, {"coring", coring},
	};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
