/*
 * cpio archives: well-formed ones, padded ones, and every way of being cut off or
 * broken. Archives are handed over in memory of their exact size, so that the
 * address sanitizer sees any read beyond.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/fs/cpio.h"
#include "kernel/lib/rand.h"
#include "abi/linux.h"

struct archive {
	uint8_t bytes[8192];
	size_t len;
};

static void append(struct archive *a, const void *bytes, size_t len)
{
	assert_true(a->len + len <= sizeof a->bytes);
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

static void pad(struct archive *a, size_t multiple)
{
	while (a->len % multiple)
		append(a, "", 1);
}

static void entry(struct archive *a, const char *name, size_t name_pad, uint32_t mode,
		  const char *data)
{
	char header[111];
	size_t name_size = strlen(name) + 1 + name_pad;

	snprintf(header, sizeof header,
		 "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 7u, mode, 1000u,
		 100u, 1u, 0x5f00u, (unsigned)strlen(data), 0u, 0u, 0u, 0u, (unsigned)name_size,
		 0u);
	append(a, header, 110);
	append(a, name, strlen(name) + 1);
	for (size_t i = 0; i < name_pad; i++)
		append(a, "", 1);
	pad(a, 4);
	append(a, data, strlen(data));
	pad(a, 4);
}

static void sample(struct archive *a)
{
	memset(a, 0, sizeof *a);
	entry(a, "dir", 0, S_IFDIR | 0755, "");
	entry(a, "dir/file", 37, S_IFREG | 0644, "contents");
	pad(a, 512);
	entry(a, "./link", 0, S_IFLNK | 0777, "dir/file");
	entry(a, "TRAILER!!!", 0, 0, "");
	pad(a, 512);
}

/* Reads all entries of a copy of exactly `len` bytes. => cpio_next's last answer; *n entries. */
static int read_all(const uint8_t *bytes, size_t len, int *n)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct cpio_entry e;
	struct cpio c;
	uint64_t sum = 0;
	int more;

	memcpy(exact, bytes, len);
	cpio_init(&c, exact, len);
	*n = 0;
	while ((more = cpio_next(&c, &e)) > 0) {
		(*n)++;
		assert_int_equal(strlen(e.name), e.name_len);
		for (uint32_t i = 0; i < e.size; i++)
			sum += e.data[i];
	}
	free(exact);
	assert_true(sum < UINT64_MAX);
	return more;
}

static void well_formed(void **state)
{
	struct cpio_entry e;
	struct archive a;
	struct cpio c;

	(void)state;
	sample(&a);
	cpio_init(&c, a.bytes, a.len);

	assert_int_equal(cpio_next(&c, &e), 1);
	assert_string_equal(e.name, "dir");
	assert_int_equal(e.mode, S_IFDIR | 0755);
	assert_int_equal(e.size, 0);

	assert_int_equal(cpio_next(&c, &e), 1);
	assert_string_equal(e.name, "dir/file");
	assert_int_equal(e.name_len, 8);
	assert_int_equal(e.size, 8);
	assert_memory_equal(e.data, "contents", 8);
	assert_int_equal(e.uid, 1000);
	assert_int_equal(e.gid, 100);
	assert_int_equal(e.mtime, 0x5f00);

	assert_int_equal(cpio_next(&c, &e), 1);
	assert_string_equal(e.name, "link");
	assert_memory_equal(e.data, "dir/file", 8);

	assert_int_equal(cpio_next(&c, &e), 0);
	assert_int_equal(cpio_next(&c, &e), 0);
}

static void names_are_relative(void **state)
{
	static const char *const given[] = {"/a/b", "./a/b", ".//a/b", "/./a/b", "a/b"};

	(void)state;
	for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
		struct archive a = {.len = 0};
		struct cpio_entry e;
		struct cpio c;

		entry(&a, given[i], 0, S_IFREG, "");
		cpio_init(&c, a.bytes, a.len);
		assert_int_equal(cpio_next(&c, &e), 1);
		assert_string_equal(e.name, "a/b");
	}
}

/* Cut anywhere, an archive is either an error or a shorter archive, never a wild read. */
static void cut_off(void **state)
{
	struct archive a;
	int n;

	(void)state;
	sample(&a);
	for (size_t len = 0; len < a.len; len++) {
		int last = read_all(a.bytes, len, &n);

		assert_true(last == 0 || last == -EINVAL);
		assert_true(n <= 3);
	}
	assert_int_equal(read_all(a.bytes, a.len, &n), 0);
	assert_int_equal(n, 3);
}

static void broken(void **state)
{
	struct archive a;
	int n;

	(void)state;
	sample(&a);
	a.bytes[0] = 'x'; /* magic */
	assert_int_equal(read_all(a.bytes, a.len, &n), -EINVAL);
	sample(&a);
	a.bytes[20] = 'g'; /* no hexadecimal digit */
	assert_int_equal(read_all(a.bytes, a.len, &n), -EINVAL);
	sample(&a);
	memcpy(a.bytes + 6 + 6 * 8, "ffffffff", 8); /* size of data */
	assert_int_equal(read_all(a.bytes, a.len, &n), -EINVAL);
	sample(&a);
	memcpy(a.bytes + 6 + 11 * 8, "00000000", 8); /* size of the name */
	assert_int_equal(read_all(a.bytes, a.len, &n), -EINVAL);
	sample(&a);
	memcpy(a.bytes + 6 + 11 * 8, "00000002", 8); /* the name has no NUL there */
	assert_int_equal(read_all(a.bytes, a.len, &n), -EINVAL);
	assert_int_equal(n, 0);
}

/* Random changes of a few bytes: whatever comes out, nothing outside is read. */
static void mutated(void **state)
{
	struct rng rng = rng_for("cpio mutations");

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct archive a;
		int n;

		sample(&a);
		for (uint64_t k = rng_below(&rng, 6) + 1; k > 0; k--) {
			size_t at = rng_below(&rng, a.len);

			a.bytes[at] = rng_below(&rng, 2) ? "0123456789abcdef"[rng_below(&rng, 16)]
							 : (uint8_t)rng_next(&rng);
		}
		read_all(a.bytes, a.len, &n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(well_formed), cmocka_unit_test(names_are_relative),
	    cmocka_unit_test(cut_off),     cmocka_unit_test(broken),
	    cmocka_unit_test(mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
