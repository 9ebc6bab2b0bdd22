/*
 * Names of anonymous memory. Many a Linux is built without them, the host's perhaps, so what is
 * right is in conf-name.out.
 */
#include "test/guest/vm.h"
#include <sys/prctl.h>

static long name(char *at, size_t len, const char *text)
{
	return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, len, text);
}

static void names(void)
{
	char text[100];

	map_at(0, 8, RW, ANON);
	T(name(AT(0), 4 * PAGE, "one"));
	window_show("half");
	T(name(AT(2), 4 * PAGE, "two"));
	window_show("two");
	T(name(AT(4), 2 * PAGE, "one"));
	T(name(AT(2), 2 * PAGE, "one"));
	window_show("joined");
	T(name(AT(0), 8 * PAGE, NULL));
	window_show("none");
	T(name(AT(0), 8 * PAGE, ""));
	window_show("empty");
	T(name(AT(0) + 1, PAGE, "x"));
	T(name(AT(0), 0, "x"));
	T(name(AT(0), ~0UL, "x"));
	T(name(AT(6), 4 * PAGE, "x"));
	window_show("beyond");
	T(name(AT(0), PAGE, "a b!~#"));
	T(name(AT(0), PAGE, "a\nb"));
	T(name(AT(0), PAGE, "a\\b"));
	T(name(AT(0), PAGE, "a[b"));
	T(name(AT(0), PAGE, "a$b"));
	T(name(AT(0), PAGE, "a`b"));
	T(name(AT(0), PAGE, "\x80"));
	T(name(AT(0), PAGE, (char *)16));
	memset(text, 'x', sizeof text);
	text[80] = 0;
	T(name(AT(0), PAGE, text));
	text[79] = 0;
	T(name(AT(0), PAGE, text));
	T(prctl(PR_SET_VMA, 1, AT(0), PAGE, "x"));
	window_clear();
	map_at(0, 2, RW, SHARED);
	T(name(AT(0), PAGE, "shared"));
	mmap(AT(4), PAGE, RW, MAP_PRIVATE | MAP_FIXED, file_of(PAGE), 0);
	T(name(AT(4), PAGE, "file"));
	window_clear();
	map_at(0, 2, RW, ANON);
	T(name(AT(0), 2 * PAGE, "kept"));
	say_status("child", CHILD(window_show("forked")));
	IS(mremap(AT(0), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(10)) == AT(10));
	window_show("moved");
	window_clear();
}

int main(int argc, char **argv)
{
	static const struct part parts[] = {{"names", names}};

	return run_parts(argc, argv, parts, ARRAY_LEN(parts));
}
