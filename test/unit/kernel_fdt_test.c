/*
 * Reading device trees: one that libfdt wrote, and damaged ones, which must be
 * refused or read without a step outside the blob (ASan watches).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <libfdt.h>
#include <stdlib.h>
#include "kernel/lib/fdt.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"

#define BLOB_SIZE 4096

static uint8_t blob[BLOB_SIZE] __attribute__((aligned(8)));
static uint32_t blob_len;

static void prop_u64s(const char *name, const uint64_t *v, unsigned n)
{
	uint64_t be[8];

	for (unsigned i = 0; i < n; i++)
		be[i] = cpu_to_fdt64(v[i]);
	fdt_property(blob, name, be, (int)(n * 8));
}

static int build(void **state)
{
	(void)state;
	fdt_create(blob, BLOB_SIZE);
	fdt_add_reservemap_entry(blob, 0x80000000, 0x40000);
	fdt_finish_reservemap(blob);
	fdt_begin_node(blob, "");
	fdt_property_u32(blob, "#address-cells", 2);
	fdt_property_u32(blob, "#size-cells", 2);
	fdt_begin_node(blob, "memory@80000000");
	fdt_property_string(blob, "device_type", "memory");
	prop_u64s("reg", (uint64_t[]){0x80000000, 0x8000000, 0x200000000, 0x1000}, 4);
	fdt_end_node(blob);
	fdt_begin_node(blob, "cpus");
	fdt_property_u32(blob, "#address-cells", 1);
	fdt_property_u32(blob, "#size-cells", 0);
	fdt_property_u32(blob, "timebase-frequency", 10000000);
	fdt_begin_node(blob, "cpu@1");
	fdt_property_u32(blob, "reg", 1);
	fdt_property_string(blob, "riscv,isa", "rv64imafdc_sstc");
	fdt_end_node(blob);
	fdt_end_node(blob);
	fdt_begin_node(blob, "soc");
	fdt_property_u32(blob, "#address-cells", 2);
	fdt_property_u32(blob, "#size-cells", 2);
	fdt_begin_node(blob, "test@100000");
	fdt_property(blob, "compatible", "sifive,test1\0sifive,test0\0syscon", 33);
	prop_u64s("reg", (uint64_t[]){0x100000, 0x1000}, 2);
	fdt_end_node(blob);
	fdt_begin_node(blob, "uart@10000000");
	fdt_property_string(blob, "compatible", "ns16550a");
	prop_u64s("reg", (uint64_t[]){0x10000000, 0x100}, 2);
	fdt_property_u64(blob, "clock", 0x123456789abcdef0);
	fdt_end_node(blob);
	fdt_end_node(blob);
	fdt_begin_node(blob, "chosen");
	fdt_property_string(blob, "bootargs", "a b=c");
	fdt_end_node(blob);
	fdt_end_node(blob);
	fdt_finish(blob);
	blob_len = fdt_totalsize(blob);
	return 0;
}

static void finds_nodes_and_properties(void **state)
{
	struct dt dt;
	struct dt_node n;
	uint64_t base, size, v;
	uint32_t len;

	(void)state;
	assert_int_equal(dt_open(&dt, blob, BLOB_SIZE), 0);
	assert_true(dt_find(&dt, "/", &n));
	assert_int_equal(n.depth, 0);
	assert_true(dt_find(&dt, "/chosen", &n));
	assert_string_equal(dt_prop_string(&dt, &n, "bootargs"), "a b=c");
	assert_null(dt_prop(&dt, &n, "boot", &len));
	assert_false(dt_find(&dt, "/chose", &n));
	assert_false(dt_find(&dt, "/chosen/x", &n));
	assert_false(dt_find(&dt, "/uart", &n));
	assert_true(dt_find(&dt, "/memory", &n));
	assert_true(dt_find(&dt, "/memory@80000000", &n));
	assert_false(dt_find(&dt, "/memory@90000000", &n));
	assert_true(dt_reg(&dt, &n, 0, &base, &size));
	assert_int_equal(base, 0x80000000);
	assert_int_equal(size, 0x8000000);
	assert_true(dt_reg(&dt, &n, 1, &base, &size));
	assert_int_equal(base, 0x200000000);
	assert_false(dt_reg(&dt, &n, 2, &base, &size));
	assert_true(dt_find(&dt, "/cpus/cpu@1", &n));
	assert_true(dt_reg(&dt, &n, 0, &base, &size)); /* one cell and none */
	assert_int_equal(base, 1);
	assert_int_equal(size, 0);
	assert_true(dt_find(&dt, "/soc/uart", &n));
	assert_string_equal(dt_name(&dt, &n), "uart@10000000");
	assert_true(dt_prop_number(&dt, &n, "clock", &v));
	assert_int_equal(v, 0x123456789abcdef0);
	assert_false(dt_prop_number(&dt, &n, "compatible", &v));
	assert_true(dt_find_compatible(&dt, "sifive,test0", &n));
	assert_string_equal(dt_name(&dt, &n), "test@100000");
	assert_false(dt_find_compatible(&dt, "sifive,test", &n));
	assert_true(dt_reserved(&dt, 0, &base, &size));
	assert_int_equal(size, 0x40000);
	assert_false(dt_reserved(&dt, 1, &base, &size));
}

static void walks_below_a_node(void **state)
{
	struct dt dt;
	struct dt_node n, soc;
	struct dt_walk w;
	unsigned count = 0;

	(void)state;
	assert_int_equal(dt_open(&dt, blob, BLOB_SIZE), 0);
	dt_walk_init(&w, &dt, NULL);
	while (dt_walk_next(&w, &n))
		count++;
	assert_int_equal(count, 8);
	assert_true(dt_find(&dt, "/soc", &soc));
	dt_walk_init(&w, &dt, &soc);
	assert_true(dt_walk_next(&w, &n));
	assert_string_equal(dt_name(&dt, &n), "test@100000");
	assert_int_equal(n.depth, 2);
	assert_int_equal(n.address_cells, 2);
	assert_true(dt_walk_next(&w, &n));
	assert_false(dt_walk_next(&w, &n));
}

/* Uses all that can be used of a blob, at the end of a host block of just its size. */
static void exercise(const uint8_t *damaged, uint32_t len)
{
	uint8_t *exact = malloc(len);
	struct dt dt;
	struct dt_walk w;
	struct dt_node n;
	uint64_t base, size;

	memcpy(exact, damaged, len);
	if (dt_open(&dt, exact, len) == 0) {
		dt_walk_init(&w, &dt, NULL);
		while (dt_walk_next(&w, &n)) {
			dt_reg(&dt, &n, 0, &base, &size);
			dt_reg(&dt, &n, 1, &base, &size);
			dt_is_compatible(&dt, &n, "ns16550a");
			dt_prop_string(&dt, &n, "bootargs");
			dt_prop_number(&dt, &n, "clock", &base);
		}
		dt_find(&dt, "/soc/uart@10000000", &n);
		dt_find(&dt, "/cpus/cpu/x", &n);
		for (unsigned i = 0; dt_reserved(&dt, i, &base, &size); i++)
			;
	}
	free(exact);
}

static void damaged_trees_do_no_harm(void **state)
{
	static uint8_t copy[BLOB_SIZE];
	struct rng rng = rng_for("fdt");

	(void)state;
	for (unsigned len = 0; len < blob_len; len += 3)
		exercise(blob, len);
	for (unsigned i = 0; i < 30000; i++) {
		memcpy(copy, blob, blob_len);
		for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--) {
			uint64_t at = rng_below(&rng, i % 2 ? 64 : blob_len);

			copy[at] = rng_below(&rng, 2)
				       ? (uint8_t)rng_next(&rng)
				       : (uint8_t)(copy[at] ^ 1u << rng_below(&rng, 8));
		}
		exercise(copy, blob_len);
	}
}

static void refuses(void **state)
{
	struct dt dt;
	uint8_t zero[64] = {0};

	(void)state;
	assert_true(dt_open(&dt, zero, sizeof zero) < 0);
	assert_true(dt_open(&dt, blob, 39) < 0);
	assert_true(dt_open(&dt, blob, blob_len - 1) < 0);
	assert_int_equal(dt_open(&dt, blob, blob_len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_nodes_and_properties),
	    cmocka_unit_test(walks_below_a_node),
	    cmocka_unit_test(damaged_trees_do_no_harm),
	    cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, build, NULL);
}
