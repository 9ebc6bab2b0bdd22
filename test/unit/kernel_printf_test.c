/*
 * Formatted text: every conversion beside the C library's, and what does not fit.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "kernel/lib/lib.h"

/* The same format and values through both; the text and the length must agree. */
#define AGREE(...)                                                                                 \
	do {                                                                                       \
		char ours_[128], theirs_[128];                                                     \
		int n_ = ksnprintf(ours_, sizeof ours_, __VA_ARGS__);                              \
		int m_ = snprintf(theirs_, sizeof theirs_, __VA_ARGS__);                           \
		assert_string_equal(ours_, theirs_);                                               \
		assert_int_equal(n_, m_);                                                          \
	} while (0)

static void numbers(void **state)
{
	static const long values[] = {0, 1, -1, 9, 10, 123456789, INT64_MAX, INT64_MIN};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		long v = values[i];

		AGREE("%ld|%5ld|%-5ld|%05ld|%+ld|% ld|%.3ld|%8.3ld", v, v, v, v, v, v, v, v);
		AGREE("%lu|%lx|%lX|%lo|%016lx|%-18lx|", v, v, v, v, v, v);
		AGREE("%d|%u|%x|%3d", (int)v, (unsigned)v, (unsigned)v, (int)v);
		AGREE("%zu|%lld", (size_t)v, (long long)v);
	}
}

static void text(void **state)
{
	(void)state;
	AGREE("%s|%10s|%-10s|%.2s|%10.2s|", "limpid", "limpid", "limpid", "limpid", "limpid");
	AGREE("%*s|%-*s|%.*s|", 8, "ab", 8, "ab", 1, "ab");
	AGREE("%c|%3c|%-3c|%%", 'x', 'y', 'z');
	AGREE("%s", "");
}

static void null_string(void **state)
{
	char buf[16];
	const char *volatile nothing = NULL;

	(void)state;
	ksnprintf(buf, sizeof buf, "%s", nothing);
	assert_string_equal(buf, "(null)");
}

static void does_not_fit(void **state)
{
	char buf[8];

	(void)state;
	memset(buf, '#', sizeof buf);
	assert_int_equal(ksnprintf(buf, 4, "%d", 1234567), 7);
	assert_string_equal(buf, "123");
	assert_int_equal(buf[4], '#');
	assert_int_equal(ksnprintf(buf, 0, "%s", "abc"), 3);
	assert_int_equal(buf[0], '1');
	assert_int_equal(ksnprintf(buf, 1, "%s", "abc"), 3);
	assert_int_equal(buf[0], 0);
}

static void lowest(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 64; n++) {
		assert_int_equal(lowest_bit(1UL << n), n);
		assert_int_equal(lowest_bit(~0UL << n), n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers),      cmocka_unit_test(text),   cmocka_unit_test(null_string),
	    cmocka_unit_test(does_not_fit), cmocka_unit_test(lowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
