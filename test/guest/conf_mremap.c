/* mremap: errors in their order, what moves and what stays, and what is left after a failure. */
#include "test/guest/vm.h"

#define TOP (1UL << 62)

static long remap(char *old, size_t old_len, size_t new_len, long flags, char *to)
{
	return syscall(SYS_mremap, old, old_len, new_len, flags, to);
}

#define M MREMAP_MAYMOVE
#define F (MREMAP_MAYMOVE | MREMAP_FIXED)
#define D (MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
#define P PAGE

static void fill(unsigned long page, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		*AT(page + i) = (char)(page + i + 1);
}

static void arguments(void)
{
	map_at(0, 4, RW, ANON);
	T(remap(AT(0) + 1, P, P, 0, NULL));
	T(remap(AT(0), P, 0, 0, NULL));
	T(remap(AT(0), P, 0, M, NULL));
	T(remap(AT(0), P, P, 8, NULL));
	T(remap(AT(0), P, P, MREMAP_FIXED, AT(8)));
	T(remap(AT(0), P, P, MREMAP_DONTUNMAP, AT(8)));
	T(remap(AT(0), P, 2 * P, D, NULL));
	T(remap(AT(0), P, P, F, AT(8) + 1));
	T(remap(AT(0), P, P, F, (char *)TOP));
	T(remap(AT(0), P, TOP, F, AT(8)));
	T(remap(AT(0), 2 * P, 2 * P, F, AT(1)));
	T(remap(AT(1), 2 * P, 2 * P, F, AT(0)));
	T(remap(AT(0), P, P, F, NULL));
	T(remap(AT(0), P, 3 * P, F, AT(0)));
	T(remap(AT(8), P, P, 0, NULL));
	T(remap(AT(8), P, P, M, NULL));
	T(remap(AT(8), P, 2 * P, 0, NULL));
	T(remap(AT(8), 0, P, 0, NULL));
	T(remap(AT(8), 0, P, M, NULL));
	T(remap((char *)TOP, P, P, 0, NULL));
	T(remap((char *)(~0UL << 12), P, P, 0, NULL));
	T(remap(AT(0), 0, P, M, NULL));
	T(remap(AT(0), 0, P, F, AT(8)));
	T(remap(AT(0), ~0UL, P, 0, NULL));
	T(remap(AT(0), P, ~0UL, 0, NULL));
	T(remap(AT(0), P, ~0UL, M, NULL));
	window_show("nothing changed");
	window_clear();
}

static void in_place(void)
{
	map_at(0, 4, RW, ANON);
	fill(0, 4);
	IS(remap(AT(0), 4 * P, 4 * P, 0, NULL) == (long)AT(0));
	IS(remap(AT(0), 4 * P, 3 * P + 5, 0, NULL) == (long)AT(0));
	IS(remap(AT(0), 4 * P, 8 * P, 0, NULL) == (long)AT(0));
	window_show("grown");
	IS(*AT(3) == 4 && *AT(4) == 0 && *AT(7) == 0);
	T(remap(AT(0), 4 * P, 6 * P, 0, NULL));
	T(remap(AT(2), 2 * P, 3 * P, 0, NULL));
	IS(remap(AT(6), 2 * P, 3 * P, 0, NULL) == (long)AT(6));
	window_show("from the middle");
	map_at(12, 2, RW, ANON);
	T(remap(AT(0), 9 * P, 13 * P, 0, NULL));
	IS(remap(AT(0), 9 * P, 12 * P, 0, NULL) == (long)AT(0));
	window_show("to the neighbour");
	IS(remap(AT(0), 14 * P, 2 * P, 0, NULL) == (long)AT(0));
	window_show("shrunk");
	map_at(4, 2, PROT_READ, ANON);
	map_at(8, 2, RW, ANON);
	IS(remap(AT(0), 9 * P, P, 0, NULL) == (long)AT(0));
	window_show("shrunk over holes");
	IS(remap(AT(0), 20 * P, P, 0, NULL) == (long)AT(0));
	window_show("all gone");
	window_clear();
}

static void moves(void)
{
	char *to;

	vm_catch();
	map_at(0, 8, RW, ANON);
	fill(0, 8);
	IS(remap(AT(2), 2 * P, 2 * P, F, AT(20)) == (long)AT(20));
	window_show("from the middle");
	IS(*AT(20) == 3 && *AT(21) == 4 && *AT(4) == 5);
	READ(AT(2));
	IS(remap(AT(4), 4 * P, 2 * P, F, AT(24)) == (long)AT(24));
	window_show("smaller");
	IS(*AT(24) == 5 && *AT(25) == 6);
	READ(AT(6));
	IS(remap(AT(0), P, 4 * P, F, AT(28)) == (long)AT(28));
	window_show("larger");
	IS(*AT(28) == 1 && *AT(29) == 0 && *AT(31) == 0 && *AT(1) == 2);
	IS(remap(AT(28), 4 * P, 4 * P, F, AT(20)) == (long)AT(20));
	IS(*AT(20) == 1 && *AT(24) == 5);
	to = (char *)remap(AT(20), P, 600 * P, M, NULL);
	IS(to != AT(20) && to[0] == 1 && to[599 * P] == 0);
	READ(AT(20));
	munmap(to, 600 * P);
	window_clear();
	map_at(0, 4, PROT_READ, ANON);
	IS(remap(AT(0), 2 * P, 2 * P, F, AT(10)) == (long)AT(10));
	WRITE(AT(10));
	map_at(20, 4, RW, SHARED);
	fill(20, 4);
	IS(remap(AT(21), 2 * P, 2 * P, F, AT(30)) == (long)AT(30));
	IS(*AT(30) == 22 && *AT(31) == 23 && *AT(20) == 21 && *AT(23) == 24);
	window_show("shared");
	IS(remap(AT(30), 2 * P, 4 * P, F, AT(40)) == (long)AT(40));
	READ(AT(42));
	READ(AT(43));
	window_clear();
}

static void failures(void)
{
	map_at(0, 2, RW, ANON);
	map_at(2, 2, PROT_READ, ANON);
	map_at(10, 4, RW, ANON);
	T(remap(AT(1), 2 * P, 4 * P, M, NULL));
	T(remap(AT(1), 2 * P, 4 * P, 0, NULL));
	T(remap(AT(3), 2 * P, 4 * P, M, NULL));
	window_show("before");
	T(remap(AT(6), 2 * P, 2 * P, F, AT(11)));
	window_show("no mapping");
	window_clear();
}

static void copies(void)
{
	int file = file_of(4 * P);

	vm_catch();
	map_at(0, 4, RW, SHARED);
	fill(0, 4);
	IS(remap(AT(0), 0, 4 * P, F, AT(10)) == (long)AT(10));
	window_show("twice");
	*AT(11) = 77;
	IS(*AT(1) == 77 && *AT(10) == 1);
	IS(remap(AT(2), 0, 2 * P, F, AT(20)) == (long)AT(20));
	IS(*AT(20) == 3 && *AT(21) == 4);
	IS(remap(AT(2), 0, 3 * P, F, AT(30)) == (long)AT(30));
	IS(*AT(31) == 4);
	READ(AT(32));
	window_clear();
	mmap(AT(0), 4 * P, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0);
	IS(remap(AT(1), 0, P, F, AT(10)) == (long)AT(10));
	READ(AT(10));
	mmap(AT(20), 4 * P, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0);
	T(remap(AT(20), 0, P, M, NULL));
	window_clear();
}

static void stays(void)
{
	char *to;

	vm_catch();
	map_at(0, 4, RW, ANON);
	fill(0, 4);
	IS(remap(AT(1), 2 * P, 2 * P, D | MREMAP_FIXED, AT(10)) == (long)AT(10));
	window_show("moved");
	IS(*AT(10) == 2 && *AT(11) == 3 && *AT(0) == 1 && *AT(3) == 4);
	READ(AT(1));
	READ(AT(2));
	WRITE(AT(2));
	IS(*AT(11) == 3);
	to = (char *)remap(AT(10), 2 * P, 2 * P, D, NULL);
	IS(to != AT(10) && to[0] == 2 && to[P] == 3);
	READ(AT(10));
	munmap(to, 2 * P);
	IS(remap(AT(10), 2 * P, 2 * P, D, AT(30)) == (long)AT(30));
	T(remap(AT(10), 2 * P, 2 * P, D, AT(11)));
	T(remap(AT(10), 2 * P, 2 * P, D, AT(30) + 1));
	T(remap(AT(10), 3 * P, 3 * P, D, NULL));
	T(remap(AT(0), 0, 0, D, NULL));
	window_clear();
	map_at(0, 4, RW, SHARED);
	fill(0, 4);
	IS(remap(AT(0), 4 * P, 4 * P, D | MREMAP_FIXED, AT(10)) == (long)AT(10));
	IS(*AT(0) == 1 && *AT(10) == 1);
	window_clear();
}

static void forked(void)
{
	map_at(0, 4, RW, ANON);
	fill(0, 4);
	say_status("child", CHILD({
			   remap(AT(0), 4 * P, 4 * P, F, AT(10));
			   fill(10, 2);
			   if (*AT(12) != 3 || *AT(10) != 11)
				   _exit(1);
		   }));
	IS(*AT(0) == 1 && *AT(3) == 4);
	remap(AT(0), 4 * P, 4 * P, F, AT(20));
	say_status("child", CHILD({
			   *AT(20) = 9;
			   if (*AT(21) != 2)
				   _exit(1);
		   }));
	IS(*AT(20) == 1);
	*AT(20) = 5;
	IS(*AT(20) == 5 && *AT(23) == 4);
	window_clear();
}

static void locked(void)
{
	long before = status_kb("VmLck");

	map_at(0, 4, RW, ANON);
	T(mlock(AT(0), 4 * P));
	IS(remap(AT(0), 4 * P, 8 * P, 0, NULL) == (long)AT(0));
	IS(status_kb("VmLck") - before == 32);
	resident("grown", AT(0), 8);
	IS(remap(AT(0), 8 * P, 10 * P, F, AT(20)) == (long)AT(20));
	IS(status_kb("VmLck") - before == 40);
	resident("moved", AT(20), 10);
	IS(remap(AT(20), 10 * P, 2 * P, 0, NULL) == (long)AT(20));
	IS(status_kb("VmLck") - before == 8);
	T(remap(AT(20), 2 * P, 64UL << 20, M, NULL));
	window_clear();
	IS(status_kb("VmLck") == before);
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {
	    {"arguments", arguments}, {"in-place", in_place}, {"moves", moves},
	    {"failures", failures},   {"copies", copies},     {"stays", stays},
	    {"forked", forked},       {"locked", locked},
	};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
