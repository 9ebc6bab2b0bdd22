/* mmap, munmap, mprotect and brk: errors in their order, placement, rights, borders of mappings. */
#include "test/guest/vm.h"

static long map(unsigned long addr, size_t len, long prot, long flags, int fd, long offset)
{
	return syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

#define TOP (1UL << 62)

static void arguments(void)
{
	int file = file_of(3 * PAGE), wo, ro, dir = open("/", O_RDONLY | O_DIRECTORY), pipes[2];
	char path[64];

	pipe(pipes);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	wo = open(path, O_WRONLY);
	ro = open(path, O_RDONLY);
	T(map(0, 0, RW, ANON, -1, 0));
	T(map(0, 0, RW, 0, -1, 0));
	T(map(0, PAGE, RW, 0, -1, 0));
	T(map(0, PAGE, RW, MAP_ANONYMOUS, -1, 0));
	T(map(0, PAGE, RW, MAP_ANONYMOUS | MAP_SHARED_VALIDATE, -1, 0));
	T(map(0, PAGE, RW, MAP_ANONYMOUS | 4, -1, 0));
	T(map(0, PAGE, RW, ANON, -1, 1));
	T(map(0, PAGE, RW, ANON, 77, PAGE));
	T(map(0, PAGE, RW, MAP_PRIVATE, -1, 0));
	T(map(0, PAGE, RW, MAP_PRIVATE, 99, 1));
	T(map(0, PAGE, RW, MAP_PRIVATE, 99, 0));
	T(map(0, 0, RW, MAP_PRIVATE, 99, 0));
	T(map(0, ~0UL, RW, ANON, -1, 0));
	T(map(0, TOP, RW, ANON, -1, 0));
	T(map(0, ~0UL - PAGE, RW, MAP_PRIVATE, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, file, (long)(~0UL << 12)));
	T(map(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0x7ffffffffffff000));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, file, 0x7fffffffffffe000));
	T(map(0, PAGE, PROT_READ, 0, file, 0));
	T(map(0, PAGE, PROT_READ, 4, file, 0));
	T(map(0, PAGE, PROT_READ, 15, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, wo, 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED, wo, 0));
	T(map(0, PAGE, PROT_WRITE, MAP_SHARED, wo, 0));
	T(map(0, PAGE, 0, MAP_SHARED, wo, 0));
	T(map(0, PAGE, PROT_WRITE, MAP_SHARED, ro, 0));
	T(map(0, PAGE, PROT_WRITE, MAP_PRIVATE, ro, 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED, ro, 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, dir, 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, pipes[0], 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, pipes[1], 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x800000, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | 0x80000, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED | 0x800000, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE | 0x800000, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, file, 0));
	T(map(0, PAGE, PROT_READ, MAP_SHARED | MAP_GROWSDOWN, file, 0));
	T(map(0, PAGE, PROT_READ, SHARED | MAP_GROWSDOWN, -1, 0));
	T(map(0, PAGE, PROT_READ, ANON | MAP_GROWSDOWN, -1, 0));
	T(map(0, PAGE, 0xff00, ANON, -1, 0));
	T(map(0, PAGE, RW, ANON | MAP_HUGETLB | (5 << 26), -1, 0));
	T(map(0, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB, file, 0));
	T(map(0, PAGE, RW, ANON | MAP_STACK | MAP_NORESERVE | MAP_NONBLOCK | MAP_POPULATE, -1, 0));
	T(map(0, PAGE, RW, MAP_PRIVATE, open("/dev/zero", O_RDWR), 0));
	T(map(0, PAGE, RW, MAP_SHARED, open("/dev/zero", O_RDWR), 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDWR), 0));
	T(map(0, PAGE, PROT_READ, MAP_PRIVATE, open("/", O_PATH), 0));
}

static void places(void)
{
	char *hinted;

	T(map((unsigned long)AT(0) + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	T(map((unsigned long)AT(0) + 1, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	T(map(~0UL << 12, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	T(map(TOP, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	T(map(0, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	T(map(0, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	T(map(0, PAGE, RW, MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	T(map(0, PAGE, RW, MAP_PRIVATE | MAP_FIXED, -1, 0));
	IS(map(1, PAGE, RW, ANON, -1, 0) >= 0x10000);
	IS(map(~0UL << 12, PAGE, RW, ANON, -1, 0) > 0);
	hinted = (char *)map((unsigned long)AT(3) + 100, PAGE, RW, ANON, -1, 0);
	IS(hinted == AT(3));
	IS((char *)map((unsigned long)AT(3), PAGE, RW, ANON, -1, 0) != AT(3));
	T(map((unsigned long)AT(3), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	T(map((unsigned long)AT(2), 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	T(map((unsigned long)AT(3), 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	T(map((unsigned long)AT(3), PAGE, RW, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	IS((char *)map((unsigned long)AT(2), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == AT(2));
	window_show("joined");
	window_clear();
	IS(map(0, 4UL << 20, RW, ANON, -1, 0) % (2UL << 20) == 0);
}

static void borders(void)
{
	map_at(0, 8, RW, ANON);
	map_at(8, 8, RW, ANON);
	window_show("two");
	map_at(4, 4, PROT_READ, ANON);
	window_show("replaced");
	map_at(4, 4, RW, ANON);
	window_show("back");
	T(munmap(AT(2), PAGE));
	T(munmap(AT(2), PAGE));
	T(munmap(AT(6), 4 * PAGE));
	window_show("holes");
	T(munmap(AT(0) + 1, PAGE));
	T(munmap(AT(0), 0));
	T(munmap(AT(0), ~0UL));
	T(munmap(AT(0), TOP));
	T(munmap((void *)TOP, PAGE));
	T(munmap((void *)(~0UL << 12), PAGE));
	T(munmap(AT(0), 1));
	window_show("one less");
	T(munmap(WINDOW, PAGES * PAGE));
	T(munmap(WINDOW, PAGES * PAGE));
	map_at(0, 4, RW, ANON);
	map_at(4, 4, RW, ANON | MAP_NORESERVE);
	map_at(8, 4, RW, SHARED);
	map_at(12, 4, RW, SHARED);
	map_at(16, 4, RW, ANON | MAP_STACK);
	window_show("different");
	window_clear();
}

static void protect(void)
{
	int file = file_of(4 * PAGE), ro;
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	ro = open(path, O_RDONLY);
	map_at(0, 16, RW, ANON);
	T(mprotect(AT(0) + 1, PAGE, PROT_READ));
	T(mprotect(AT(0) + 1, 0, PROT_READ));
	T(mprotect(AT(0), 0, PROT_READ));
	T(mprotect(AT(0), 0, 0x1234));
	T(mprotect(AT(0), PAGE, 0x10));
	T(mprotect(AT(0), PAGE, 0x8 | PROT_READ));
	T(syscall(SYS_mprotect, AT(0), PAGE, 0x100000001UL));
	T(mprotect(AT(0), ~0UL, PROT_READ));
	T(mprotect(AT(0), -PAGE, PROT_READ));
	T(mprotect((void *)TOP, PAGE, PROT_READ));
	T(mprotect((void *)(~0UL << 12), PAGE, PROT_READ));
	T(mprotect((void *)(~0UL << 12), PAGE, 0x10));
	window_show("before");
	T(mprotect(AT(4), 4 * PAGE, PROT_READ));
	T(mprotect(AT(5), PAGE, PROT_NONE));
	T(mprotect(AT(6), PAGE + 1, PROT_EXEC));
	window_show("parts");
	T(mprotect(AT(0), 16 * PAGE, RW));
	window_show("whole");
	T(mprotect(AT(2), PAGE, PROT_READ));
	T(mprotect(AT(3), PAGE, PROT_READ));
	T(mprotect(AT(1), PAGE, PROT_READ));
	window_show("grown");
	munmap(AT(8), PAGE);
	T(mprotect(AT(4), 8 * PAGE, PROT_READ));
	window_show("up to the hole");
	T(mprotect(AT(8), 2 * PAGE, PROT_READ));
	window_show("from the hole");
	T(mprotect(AT(0), PAGE, PROT_READ | PROT_GROWSDOWN));
	T(mprotect(AT(0), PAGE, PROT_READ | PROT_GROWSUP));
	T(mprotect(AT(0), PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN));
	T(mprotect(AT(0), 0, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN));
	T(mprotect(AT(40), PAGE, PROT_READ | PROT_GROWSDOWN));
	T(mprotect(AT(8), 2 * PAGE, PROT_READ | PROT_GROWSDOWN));
	T(mprotect(AT(8), PAGE, PROT_READ | PROT_GROWSDOWN));
	T(mprotect(AT(8), 2 * PAGE, PROT_READ | PROT_GROWSUP));
	window_clear();
	map_at(32, 4, RW, ANON | MAP_GROWSDOWN);
	T(mprotect(AT(34), PAGE, PROT_READ | PROT_GROWSDOWN));
	window_show("stack");
	T(mprotect(AT(30), 3 * PAGE, RW | PROT_GROWSDOWN));
	window_show("stack from below");
	window_clear();
	mmap(AT(0), 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0);
	mmap(AT(2), 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, ro, 0);
	T(mprotect(AT(0), PAGE, RW));
	T(mprotect(AT(0), PAGE, PROT_READ | PROT_EXEC));
	T(mprotect(AT(2), PAGE, RW));
	T(mprotect(AT(1), 2 * PAGE, RW));
	window_show("files");
	window_clear();
	map_at(0, 2, PROT_READ, ANON);
	mmap(AT(2), PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0);
	T(mprotect(AT(0), 3 * PAGE, RW));
	window_show("up to what may not");
	window_clear();
}

static void access_rights(void)
{
	vm_catch();
	map_at(0, 1, PROT_READ, ANON);
	map_at(1, 1, PROT_WRITE, ANON);
	map_at(2, 1, PROT_NONE, ANON);
	map_at(3, 1, RW, ANON);
	READ(AT(0));
	WRITE(AT(0));
	READ(AT(1));
	WRITE(AT(1));
	READ(AT(1) + 5);
	READ(AT(2));
	WRITE(AT(2) + 17);
	WRITE(AT(3));
	READ(AT(4));
	READ(AT(-1) + 4095);
	mprotect(AT(3), PAGE, PROT_READ);
	WRITE(AT(3));
	mprotect(AT(3), PAGE, RW);
	WRITE(AT(3));
	mprotect(AT(3), PAGE, PROT_NONE);
	READ(AT(3));
	mprotect(AT(3), PAGE, PROT_READ);
	READ(AT(3));
	window_clear();
}

static void files(void)
{
	int file = file_of(2 * PAGE + 100);
	char *p = AT(0), *q = AT(8);

	vm_catch();
	mmap(p, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0);
	mmap(q, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
	READ(p);
	READ(p + PAGE);
	READ(p + 2 * PAGE + 99);
	READ(p + 2 * PAGE + 100);
	READ(p + 3 * PAGE);
	WRITE(q);
	READ(p);
	WRITE(p + PAGE);
	READ(q + PAGE);
	READ(q + 3 * PAGE + 7);
	WRITE(q + 3 * PAGE + 7);
	T(ftruncate(file, PAGE + 10));
	READ(p + PAGE + 9);
	READ(p + PAGE + 10);
	READ(p + 2 * PAGE);
	READ(q);
	READ(q + 2 * PAGE);
	T(ftruncate(file, 3 * PAGE));
	READ(p + 2 * PAGE + 50);
	READ(q + 2 * PAGE + 50);
	READ(p + PAGE + 10);
	T(ftruncate(file, 0));
	READ(p);
	READ(q);
	T(ftruncate(file, PAGE));
	READ(p);
	READ(q);
	window_clear();
	mmap(p, PAGE, RW, MAP_SHARED | MAP_FIXED, file, 16 * PAGE);
	READ(p);
	T(ftruncate(file, 17 * PAGE));
	WRITE(p);
	READ(p);
	window_clear();
}

static void growing(void)
{
	vm_catch();
	map_at(40, 2, RW, ANON | MAP_GROWSDOWN);
	WRITE(AT(39));
	WRITE(AT(30) + 5);
	window_show("grown");
	map_at(20, 1, PROT_NONE, ANON);
	WRITE(AT(21));
	window_show("beside what cannot be reached");
	munmap(AT(20), PAGE);
	map_at(10, 1, RW, ANON);
	READ(AT(12));
	window_show("not beside what can");
	window_clear();
	map_at(40, 2, PROT_READ, ANON | MAP_GROWSDOWN);
	WRITE(AT(39));
	window_show("grown, but");
	READ(AT(38));
	window_clear();
}

/* The kernel's own accesses extend stacks, too. */
static void growing_by_calls(void)
{
	int pipes[2];

	pipe(pipes);
	map_at(40, 2, RW, ANON | MAP_GROWSDOWN);
	T(write(pipes[1], "hello", 5));
	T(read(pipes[0], AT(36) + 10, 5));
	window_show("by a read");
	T(write(pipes[1], AT(30), 5));
	window_show("by a write");
	window_clear();
	T(read(pipes[0], AT(36) + 10, 5));
}

static void breaks(void)
{
	char *start = (char *)syscall(SYS_brk, 0), *now;

	IS((char *)syscall(SYS_brk, start) == start);
	IS((char *)syscall(SYS_brk, start - 1) == (char *)syscall(SYS_brk, 0));
	IS((char *)syscall(SYS_brk, 1) == start);
	IS((char *)syscall(SYS_brk, ~0UL) == start);
	IS((char *)syscall(SYS_brk, TOP) == start);
	IS((char *)syscall(SYS_brk, start + 1) == start + 1);
	IS((char *)syscall(SYS_brk, start + 5000) == start + 5000);
	start[4999] = 7;
	IS((char *)syscall(SYS_brk, start + 4097) == start + 4097);
	IS(start[4999] == 7);
	IS((char *)syscall(SYS_brk, start + 10 * PAGE + 3) == start + 10 * PAGE + 3);
	now = (char *)(((unsigned long)start + 10 * PAGE + 3 + PAGE - 1) & -PAGE);
	/* What lies in the way, and one page before it. */
	T(mmap(now + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) != MAP_FAILED);
	IS((char *)syscall(SYS_brk, now + PAGE) == now + PAGE);
	IS((char *)syscall(SYS_brk, now + PAGE + 1) == now + PAGE);
	T(munmap(now + 2 * PAGE, PAGE));
	IS((char *)syscall(SYS_brk, now + 4 * PAGE) == now + 4 * PAGE);
	/* A part that was unmapped. */
	T(munmap(now + 3 * PAGE, PAGE));
	IS((char *)syscall(SYS_brk, now + 3 * PAGE) == now + 4 * PAGE);
	IS((char *)syscall(SYS_brk, now + PAGE) == now + PAGE);
	start[0] = 1;
	IS((char *)syscall(SYS_brk, start) == start);
	IS((char *)syscall(SYS_brk, start + PAGE) == start + PAGE);
	IS(start[0] == 0 || ((unsigned long)start & 4095) != 0);
}

static void limits(void)
{
	struct rlimit as, data;
	long mapped = status_kb("VmSize") * 1024;
	char *start = (char *)syscall(SYS_brk, 0);

	getrlimit(RLIMIT_AS, &as);
	getrlimit(RLIMIT_DATA, &data);
	as.rlim_cur = (rlim_t)mapped + (16UL << 20);
	T(setrlimit(RLIMIT_AS, &as));
	T(map(0, 32UL << 20, RW, ANON, -1, 0));
	T(map((unsigned long)AT(0), 8UL << 20, RW, ANON, -1, 0));
	T(map((unsigned long)AT(0), 16UL << 20, RW, ANON | MAP_FIXED, -1, 0) > 0);
	T(map((unsigned long)AT(0), 17UL << 20, RW, ANON | MAP_FIXED, -1, 0));
	IS((char *)syscall(SYS_brk, start + (1 << 20)) == start);
	T((long)mremap(AT(0), 16UL << 20, 32UL << 20, MREMAP_MAYMOVE));
	as.rlim_cur = RLIM_INFINITY;
	T(setrlimit(RLIMIT_AS, &as));
	T(munmap(AT(0), 16UL << 20));
	data.rlim_cur = 4UL << 20;
	T(setrlimit(RLIMIT_DATA, &data));
	T(map((unsigned long)AT(0), 16UL << 20, RW, ANON, -1, 0));
	T(map((unsigned long)AT(0), 16UL << 20, PROT_READ, ANON | MAP_FIXED, -1, 0));
	T(mprotect(AT(0), 16UL << 20, RW));
	T(mprotect(AT(0), 16UL << 20, PROT_READ | PROT_EXEC));
	T(munmap(AT(0), 16UL << 20));
	T(map((unsigned long)AT(0), 16UL << 20, RW, SHARED | MAP_FIXED, -1, 0));
	T(munmap(AT(0), 16UL << 20));
	IS((char *)syscall(SYS_brk, start + (8 << 20)) == start);
	data.rlim_cur = RLIM_INFINITY;
	T(setrlimit(RLIMIT_DATA, &data));
}

static void counts(void)
{
	long size = status_kb("VmSize"), data = status_kb("VmData"), lck = status_kb("VmLck"), peak;

	map_at(0, 16, RW, ANON);
	IS(status_kb("VmSize") - size == 64);
	IS(status_kb("VmData") - data == 64);
	mprotect(AT(0), 4 * PAGE, PROT_READ);
	IS(status_kb("VmData") - data == 48);
	map_at(16, 4, RW, SHARED);
	IS(status_kb("VmSize") - size == 80);
	IS(status_kb("VmData") - data == 48);
	T(mlock(AT(0), 2 * PAGE));
	IS(status_kb("VmLck") - lck == 8);
	window_clear();
	IS(status_kb("VmSize") == size);
	IS(status_kb("VmData") == data);
	IS(status_kb("VmLck") == lck);
	peak = status_kb("VmPeak");
	IS(peak >= size + 80);
	map_at(0, 64, RW, ANON);
	window_clear();
	IS(status_kb("VmPeak") >= size + 256);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"arguments", arguments},  {"places", places},
	    {"borders", borders},      {"protect", protect},
	    {"access", access_rights}, {"files", files},
	    {"growing", growing},      {"growing-by-calls", growing_by_calls},
	    {"breaks", breaks},        {"limits", limits},
	    {"counts", counts},
	};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
