/*
 * The archive writer: read back by a reader of the test's own that follows the
 * format's rules, and by cpio(1), which must list and unpack it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/cpio.h"

struct entry {
	const char *name;
	unsigned mode, nlink;
	size_t size, name_size, header_at, data_at;
};

static unsigned field(const struct cpio *c, size_t at, unsigned n)
{
	char digits[9] = {0};

	memcpy(digits, c->data + at + 6 + 8 * n, 8);
	return (unsigned)strtoul(digits, NULL, 16);
}

/* Reads the entry at *at and moves on. => false at the trailer. */
static bool next(const struct cpio *c, size_t *at, struct entry *e)
{
	while (*at < c->len && c->data[*at] == 0)
		++*at;
	assert_true(*at + 110 <= c->len);
	assert_int_equal(*at % 4, 0);
	assert_memory_equal(c->data + *at, "070701", 6);
	e->header_at = *at;
	e->mode = field(c, *at, 1);
	e->nlink = field(c, *at, 4);
	e->size = field(c, *at, 6);
	e->name_size = field(c, *at, 11);
	e->name = (const char *)c->data + *at + 110;
	assert_true(e->name_size <= 4096);
	assert_int_equal(e->name[e->name_size - 1], 0);
	e->data_at = (*at + 110 + e->name_size + 3) & ~(size_t)3;
	*at = (e->data_at + e->size + 3) & ~(size_t)3;
	assert_true(*at <= c->len);
	return strcmp(e->name, "TRAILER!!!") != 0;
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + 1);
}

/* Sizes around page boundaries, behind anything: data is aligned and zeroes follow it. */
static void test_alignment(void **state)
{
	static const size_t sizes[] = {4095, 4096, 4097, 8191, 8192, 5, 100000, 4099, 4096};
	enum { N = sizeof sizes / sizeof *sizes };
	uint8_t *data = malloc(100000);
	struct cpio c = {0};
	struct entry e;
	size_t at = 0;

	fill(data, 100000);
	for (unsigned i = 0; i < N; i++) {
		char name[20];

		snprintf(name, sizeof name, "/d/file%u", i);
		cpio_add_folder(&c, "/d", 0755);
		cpio_add_file(&c, name, 0644, data, sizes[i]);
	}
	assert_true(cpio_finish(&c));
	for (unsigned i = 0; i < N; i++) {
		assert_true(next(&c, &at, &e));
		assert_string_equal(e.name, "d");
		assert_int_equal(e.mode, 0040755);
		assert_true(next(&c, &at, &e));
		assert_int_equal(e.mode, 0100644);
		assert_int_equal(e.size, sizes[i]);
		assert_memory_equal(c.data + e.data_at, data, sizes[i]);
		if (sizes[i] < CPIO_PAGE)
			continue;
		assert_int_equal(e.data_at % CPIO_PAGE, 0);
		for (size_t b = e.data_at + e.size; b % CPIO_PAGE; b++)
			assert_int_equal(c.data[b], 0);
	}
	assert_false(next(&c, &at, &e));
	cpio_free(&c);
	free(data);
}

/* A long name leaves no room for padding in the name: it stays within 4096 bytes. */
static void test_long_names(void **state)
{
	uint8_t data[CPIO_PAGE];
	char name[4090];

	fill(data, sizeof data);
	for (size_t len = 1; len < sizeof name; len = len * 3 / 2 + 1) {
		for (size_t before = 0; before < 5000; before += 997) {
			struct cpio c = {0};
			struct entry e;
			size_t at = 0;

			memset(name, 'n', len);
			name[len] = 0;
			cpio_add_file(&c, "before", 0644, data, before < 4000 ? before : 4000);
			cpio_add_file(&c, name, 0755, data, sizeof data);
			assert_true(cpio_finish(&c));
			assert_true(next(&c, &at, &e));
			assert_true(next(&c, &at, &e));
			assert_string_equal(e.name, name);
			assert_int_equal(e.data_at % CPIO_PAGE, 0);
			assert_memory_equal(c.data + e.data_at, data, sizeof data);
			assert_false(next(&c, &at, &e));
			cpio_free(&c);
		}
	}
}

static void test_same_files_same_bytes(void **state)
{
	struct cpio a = {0}, b = {0};

	for (struct cpio *c = &a; c; c = c == &a ? &b : NULL) {
		cpio_add_folder(c, "/tmp", 01777);
		cpio_add_file(c, "/tmp/x", 0600, "hello", 5);
		assert_true(cpio_finish(c));
	}
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	cpio_free(&a);
	cpio_free(&b);
}

static void test_too_large_is_refused(void **state)
{
	struct cpio c = {0};
	char *name = malloc(5000);

	memset(name, 'x', 4999);
	name[4999] = 0;
	cpio_add_file(&c, name, 0644, "", 0);
	assert_false(cpio_finish(&c));
	cpio_free(&c);
	free(name);
}

static int shell(const char *folder, const char *command)
{
	char line[400];

	snprintf(line, sizeof line, "cd %s && %s", folder, command);
	return system(line);
}

/* cpio(1) lists all names and unpacks the same bytes. */
static void test_cpio_reads_it(void **state)
{
	char folder[] = "/tmp/limpid-cpio-XXXXXX", path[100];
	uint8_t data[3 * CPIO_PAGE + 5];
	struct cpio c = {0};

	if (system("command -v cpio >/dev/null") != 0)
		skip();
	fill(data, sizeof data);
	cpio_add_folder(&c, "/tmp", 01777);
	cpio_add_folder(&c, "/home", 0755);
	cpio_add_file(&c, "/home/big one", 0755, data, sizeof data);
	cpio_add_file(&c, "/home/small", 0644, "abc", 3);
	cpio_add_file(&c, "/home/empty", 0644, NULL, 0);
	cpio_add_file(&c, "/home/page", 0644, data, CPIO_PAGE);
	assert_true(cpio_finish(&c));

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a", folder);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(c.data, 1, c.len, f), c.len);
	fclose(f);
	snprintf(path, sizeof path, "%s/want", folder);
	f = fopen(path, "wb");
	fwrite(data, 1, sizeof data, f);
	fclose(f);

	assert_int_equal(shell(folder, "cpio -t <a 2>/dev/null >list && "
				       "printf 'tmp\\nhome\\nhome/big one\\nhome/small\\n"
				       "home/empty\\nhome/page\\n' | cmp - list"),
			 0);
	assert_int_equal(shell(folder,
			       "cpio -id --quiet <a 2>/dev/null && "
			       "cmp want 'home/big one' && test \"$(cat home/small)\" = abc "
			       "&& test ! -s home/empty && test -x 'home/big one'"),
			 0);
	assert_int_equal(shell("/", (snprintf(path, sizeof path, "rm -r %s", folder), path)), 0);
	cpio_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_alignment),
	    cmocka_unit_test(test_long_names),
	    cmocka_unit_test(test_same_files_same_bytes),
	    cmocka_unit_test(test_too_large_is_refused),
	    cmocka_unit_test(test_cpio_reads_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
