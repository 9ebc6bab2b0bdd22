/*
 * mmap, munmap, mprotect, mremap, madvise, mincore: results and errno, one line
 * each, as the manual pages say. Linux on the host is the reference.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *map(unsigned long addr, size_t len, int prot, int flags, int fd, long offset)
{
	return (char *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}

static long result(const char *p)
{
	return p == (char *)-1 ? -1 : (long)(intptr_t)p;
}

/* => whether the kernel can read at p, where a string is; it looks for us, so we do not die. */
static int readable(const char *p)
{
	return access(p, F_OK) == 0 || errno != EFAULT;
}

static int is_mapped(const char *p)
{
	unsigned char vec;

	return mincore((void *)p, PAGE, &vec) == 0;
}

static void test_mmap(int file)
{
	printf("-- mmap\n");
	say("length 0", result(map(0, 0, RW, ANON, -1, 0)));
	say("length 1", result(map(0, 1, RW, ANON, -1, 0)));
	say("length too large", result(map(0, 1UL << 62, RW, ANON, -1, 0)));
	say("length wraps", result(map(0, ~0UL, RW, ANON, -1, 0)));
	say("neither private nor shared", result(map(0, PAGE, RW, MAP_ANONYMOUS, -1, 0)));
	say("no file, not anonymous", result(map(0, PAGE, RW, MAP_PRIVATE, -1, 0)));
	say("closed file", result(map(0, PAGE, RW, MAP_PRIVATE, 99, 0)));
	say("odd offset", result(map(0, PAGE, PROT_READ, MAP_PRIVATE, file, 1)));
	say("offset wraps",
	    result(map(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, (long)(~0UL << 12))));
	say("fixed, odd address", result(map(0x12345001, PAGE, RW, ANON | MAP_FIXED, -1, 0)));
	say("fixed, kernel address", result(map(~0UL << 12, PAGE, RW, ANON | MAP_FIXED, -1, 0)));
	say("fixed, end beyond user space",
	    result(map(1UL << 62, PAGE, RW, ANON | MAP_FIXED, -1, 0)));
	say("shared anonymous", result(map(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0)));
	say("shared writable of a file opened read-only",
	    result(map(0, PAGE, RW, MAP_SHARED, file, 0)));
	say("private writable of a file opened read-only",
	    result(map(0, PAGE, RW, MAP_PRIVATE, file, 0)));
	int write_only = open("/tmp/limpid-maps-test", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	say("of a file opened write-only",
	    result(map(0, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0)));
	close(write_only);
	unlink("/tmp/limpid-maps-test");

	char *p = map(0, 8 * PAGE, RW, ANON, -1, 0);
	p[0] = 1;
	p[3 * PAGE] = 2;
	char *q = map((unsigned long)p + 3 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	check("fixed over a mapping: exactly there", q == p + 3 * PAGE);
	check("it is new: zero", *q == 0);
	check("its neighbour stays", p[0] == 1);
	say("MAP_FIXED_NOREPLACE over it",
	    result(map((unsigned long)p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0)));
	munmap(p + 5 * PAGE, PAGE);
	q = map((unsigned long)p + 5 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	check("MAP_FIXED_NOREPLACE in a hole", q == p + 5 * PAGE);
	munmap(p + 5 * PAGE, PAGE);
	q = map((unsigned long)p + 5 * PAGE, PAGE, RW, ANON, -1, 0);
	check("a hint that is free is taken", q == p + 5 * PAGE);
	q = map((unsigned long)p, PAGE, RW, ANON, -1, 0);
	check("a hint that is not free is not", q != p && q != (char *)-1);
	q = map((unsigned long)p + 5 * PAGE + 5, PAGE, RW, ANON, -1, 0);
	check("an odd hint gives a page", q != (char *)-1 && (uintptr_t)q % PAGE == 0);
	munmap(p, 8 * PAGE);

	char *a = map(0, 4 * PAGE, RW, ANON, -1, 0), *b = map(0, 4 * PAGE, RW, ANON, -1, 0);
	check("the next mapping is right below", b + 4 * PAGE == a);
	munmap(a, 4 * PAGE);
	munmap(b, 4 * PAGE);

	p = map(0, PAGE, PROT_NONE, ANON, -1, 0);
	check("PROT_NONE cannot be read", !readable(p));
	munmap(p, PAGE);
	p = map(0, 4 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);
	unsigned char vec[4] = {0};
	mincore(p, 4 * PAGE, vec);
	check("populated pages are resident", vec[0] & vec[1] & vec[2] & vec[3] & 1);
	munmap(p, 4 * PAGE);
}

static void test_munmap(void)
{
	printf("-- munmap\n");
	char *p = map(0, 16 * PAGE, RW, ANON, -1, 0);

	for (int i = 0; i < 16; i++)
		p[i * PAGE] = (char)i;
	say("length 0", munmap(p, 0));
	say("odd address", munmap(p + 1, PAGE));
	say("beyond user space", munmap((void *)(1UL << 62), PAGE));
	say("wraps", munmap(p, ~0UL & ~(PAGE - 1)));
	say("nothing there", munmap((void *)0x100000UL, PAGE));
	say("odd length", munmap(p, 1));
	check("that took a whole page", !is_mapped(p));
	say("the middle", munmap(p + 4 * PAGE, 2 * PAGE));
	check("below stays", p[3 * PAGE] == 3);
	check("above stays", p[6 * PAGE] == 6);
	check("the hole is one", !is_mapped(p + 4 * PAGE) && !is_mapped(p + 5 * PAGE));
	say("over holes and mappings", munmap(p, 16 * PAGE));
	check("all gone", !is_mapped(p + 3 * PAGE) && !is_mapped(p + 15 * PAGE));
	say("again", munmap(p, 16 * PAGE));
}

static void test_mprotect(int file)
{
	printf("-- mprotect\n");
	char *p = map(0, 8 * PAGE, RW, ANON, -1, 0);

	p[0] = 1;
	p[PAGE] = 2;
	say("odd address", mprotect(p + 1, PAGE, PROT_READ));
	say("length 0", mprotect(p, 0, PROT_READ));
	say("a bad right", mprotect(p, PAGE, 0x40));
	say("to none", mprotect(p, PAGE, PROT_NONE));
	check("none cannot be read", !readable(p));
	check("its neighbour can", readable(p + PAGE));
	say("to read", mprotect(p, PAGE, PROT_READ));
	check("contents stayed", p[0] == 1);
	say("to read, write", mprotect(p, PAGE, RW));
	p[0] = 3;
	check("can be written", p[0] == 3);
	munmap(p + 4 * PAGE, PAGE);
	say("over a hole", mprotect(p, 8 * PAGE, PROT_READ));
	say("what precedes the hole was changed: pread() into it", pread(file, p, 1, 0));
	say("what follows was not", pread(file, p + 5 * PAGE, 1, 0));
	say("wraps", mprotect(p, ~0UL & ~(PAGE - 1), PROT_READ));
	say("nothing there", mprotect((void *)0x100000UL, PAGE, PROT_READ));
	munmap(p, 8 * PAGE);

	p = map(0, PAGE, PROT_READ, MAP_SHARED, file, 0);
	say("shared read-only file to write", mprotect(p, PAGE, RW));
	munmap(p, PAGE);
	p = map(0, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	say("private read-only file to write", mprotect(p, PAGE, RW));
	char old = p[0];
	p[0] = 'x';
	char now;
	check("the file is not changed", pread(file, &now, 1, 0) == 1 && now == old);
	munmap(p, PAGE);
}

static void test_mremap(void)
{
	printf("-- mremap\n");
	char *p = map(0, 16 * PAGE, RW, ANON, -1, 0);

	munmap(p + 8 * PAGE, 8 * PAGE);
	for (int i = 0; i < 8; i++)
		p[i * PAGE] = (char)(i + 1);
	char *q = mremap(p, 8 * PAGE, 4 * PAGE, 0);
	check("shrinks in place", q == p && !is_mapped(p + 4 * PAGE));
	q = mremap(p, 4 * PAGE, 8 * PAGE, 0);
	check("grows in place", q == p && p[7 * PAGE] == 0 && p[3 * PAGE] == 4);
	char *wall = map((unsigned long)p + 8 * PAGE, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0);
	say("cannot grow in place", result(mremap(p, 8 * PAGE, 9 * PAGE, 0)));
	q = mremap(p, 8 * PAGE, 20 * PAGE, MREMAP_MAYMOVE);
	check("moves", q != MAP_FAILED && q != p && q[0] == 1 && q[3 * PAGE] == 4);
	check("the old place is gone", !is_mapped(p));
	say("odd address", result(mremap(q + 1, PAGE, PAGE, 0)));
	say("new length 0", result(mremap(q, PAGE, 0, 0)));
	say("nothing there", result(mremap((void *)0x100000UL, PAGE, 2 * PAGE, MREMAP_MAYMOVE)));
	say("old length reaches past the mapping",
	    result(mremap(wall, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE)));
	say("bad flag", result(mremap(q, PAGE, PAGE, 64)));
	say("fixed without maymove", result(mremap(q, PAGE, PAGE, MREMAP_FIXED, q + 40 * PAGE)));
	char *place = map(0, 32 * PAGE, RW, ANON, -1, 0);
	char *r = mremap(q, 20 * PAGE, 20 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place + 4 * PAGE);
	check("fixed: exactly there", r == place + 4 * PAGE && r[3 * PAGE] == 4);
	check("beside it nothing changed", is_mapped(place) && is_mapped(place + 31 * PAGE));
	mprotect(r + 8 * PAGE, 4 * PAGE, PROT_READ);
	munmap(r + 14 * PAGE, PAGE);
	check("what is cut off may be several mappings and holes",
	      mremap(r, 20 * PAGE, 6 * PAGE, 0) == r && r[3 * PAGE] == 4);
	check("... and is gone", !is_mapped(r + 8 * PAGE) && !is_mapped(r + 15 * PAGE));
	say("fixed onto itself",
	    result(mremap(r, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, r + PAGE)));
	munmap(place, 32 * PAGE);
	munmap(wall, PAGE);
}

static void test_madvise(int file)
{
	printf("-- madvise, mincore, msync, mlock\n");
	char *p = map(0, 8 * PAGE, RW, ANON, -1, 0);
	unsigned char vec[8];

	for (int i = 0; i < 8; i++)
		p[i * PAGE] = 'a';
	say("DONTNEED, odd address", madvise(p + 1, PAGE, MADV_DONTNEED));
	say("DONTNEED, length 0", madvise(p, 0, MADV_DONTNEED));
	say("an unknown advice", madvise(p, PAGE, 9999));
	say("DONTNEED", madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTNEED));
	check("pages are zero again", p[2 * PAGE] == 0 && p[3 * PAGE] == 0);
	check("others stay", p[PAGE] == 'a' && p[4 * PAGE] == 'a');
	say("NORMAL", madvise(p, PAGE, MADV_NORMAL));
	say("WILLNEED", madvise(p, PAGE, MADV_WILLNEED));
	munmap(p + 4 * PAGE, PAGE);
	say("DONTNEED over a hole", madvise(p, 8 * PAGE, MADV_DONTNEED));
	check("what precedes the hole was dropped", p[0] == 0);
	check("what follows too", p[5 * PAGE] == 0);
	say("mincore over a hole", mincore(p, 8 * PAGE, vec));
	say("mincore, odd address", mincore(p + 1, PAGE, vec));
	say("mincore, bad vector", mincore(p, PAGE, (unsigned char *)1));
	p[0] = 1;
	say("mincore", mincore(p, 2 * PAGE, vec));
	check("a touched page is resident", vec[0] & 1);
	say("msync", msync(p, PAGE, MS_SYNC));
	say("msync, both ways", msync(p, PAGE, MS_SYNC | MS_ASYNC));
	say("msync over a hole", msync(p, 8 * PAGE, MS_SYNC));
	say("mlock", mlock(p, PAGE));
	say("munlock", munlock(p, PAGE));
	munmap(p, 8 * PAGE);

	p = map(0, 4 * PAGE, RW, MAP_PRIVATE, file, 0);
	p[0] = 'x';
	say("FREE of a file's copy", madvise(p, PAGE, MADV_FREE));
	check("... which stays", p[0] == 'x');
	say("WIPEONFORK of a file", madvise(p, PAGE, MADV_WIPEONFORK));
	mprotect(p + PAGE, PAGE, PROT_READ);
	mprotect(p + 2 * PAGE, PAGE, PROT_NONE);
	say("POPULATE_READ", madvise(p, PAGE, MADV_POPULATE_READ));
	say("POPULATE_WRITE of what may only be read", madvise(p, 2 * PAGE, MADV_POPULATE_WRITE));
	say("POPULATE_READ of what may not be touched", madvise(p, 3 * PAGE, MADV_POPULATE_READ));
	munmap(p + 2 * PAGE, PAGE);
	say("POPULATE_READ over a hole", madvise(p, 4 * PAGE, MADV_POPULATE_READ));
	munmap(p, 4 * PAGE);
}

int main(int argc, char **argv)
{
	(void)argc;
	int file = open(argv[0], O_RDONLY);

	if (file < 0) {
		perror(argv[0]);
		return 1;
	}
	test_mmap(file);
	test_munmap();
	test_mprotect(file);
	test_mremap();
	test_madvise(file);
	return 0;
}
