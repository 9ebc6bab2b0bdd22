/* The device tree, read back with libfdt. */
#include "test/unit/machine_board.h"

#include <libfdt.h>

static uint8_t tree[32768];

static uint32_t cell(const char *path, const char *name, unsigned i)
{
	int node = fdt_path_offset(tree, path), len;
	const fdt32_t *p;

	assert_true(node >= 0);
	p = fdt_getprop(tree, node, name, &len);
	assert_non_null(p);
	assert_true((unsigned)len >= 4 * (i + 1));
	return fdt32_to_cpu(p[i]);
}

static bool has(const char *path, const char *compatible)
{
	int node = fdt_path_offset(tree, path);

	return node >= 0 && fdt_node_check_compatible(tree, node, compatible) == 0;
}

static void board_is_described(void **state)
{
	struct board b;
	int node, len;

	board_init(&b, 64 << 20, 2);
	assert_true(dt_build(b.m, tree, sizeof(tree), "quiet init=/x", 0x83000000, 0x1234));
	assert_int_equal(fdt_check_full(tree, sizeof(tree)), 0);
	assert_true(has("/", "riscv-virtio"));
	assert_true(has("/soc/rtc@101000", "google,goldfish-rtc"));
	assert_true(has("/soc/serial@10000000", "ns16550a"));
	assert_true(has("/soc/test@100000", "sifive,test0"));
	assert_true(has("/soc/test@100000", "syscon"));
	assert_true(has("/soc/plic@c000000", "riscv,plic0"));
	assert_true(has("/soc/clint@2000000", "riscv,clint0"));
	assert_true(has("/soc/virtio_mmio@10001000", "virtio,mmio"));
	/* All eight slots are there, with or without a device. */
	assert_true(has("/soc/virtio_mmio@10002000", "virtio,mmio"));
	assert_true(has("/soc/virtio_mmio@10008000", "virtio,mmio"));
	assert_false(has("/soc/virtio_mmio@10009000", "virtio,mmio"));
	assert_true(has("/poweroff", "syscon-poweroff"));

	assert_int_equal(cell("/memory@80000000", "reg", 1), 0x80000000);
	assert_int_equal(cell("/memory@80000000", "reg", 3), 64 << 20);
	assert_int_equal(cell("/cpus", "timebase-frequency", 0), 10000000);
	assert_int_equal(cell("/cpus/cpu@1", "reg", 0), 1);
	assert_int_equal(cell("/soc/virtio_mmio@10001000", "interrupts", 0), 1);
	assert_int_equal(cell("/soc/serial@10000000", "interrupts", 0), 10);
	assert_int_equal(cell("/soc/plic@c000000", "interrupts-extended", 7), 9);
	assert_int_equal(cell("/soc/plic@c000000", "interrupts-extended", 6),
			 cell("/cpus/cpu@1/interrupt-controller", "phandle", 0));
	assert_int_equal(cell("/soc/clint@2000000", "interrupts-extended", 3), 7);
	assert_int_equal(cell("/soc/serial@10000000", "interrupt-parent", 0),
			 cell("/soc/plic@c000000", "phandle", 0));
	assert_int_equal(cell("/poweroff", "regmap", 0), cell("/soc/test@100000", "phandle", 0));

	node = fdt_path_offset(tree, "/chosen");
	assert_string_equal(fdt_getprop(tree, node, "bootargs", &len), "quiet init=/x");
	assert_string_equal(fdt_getprop(tree, node, "stdout-path", &len), "/soc/serial@10000000");
	assert_int_equal(cell("/chosen", "linux,initrd-start", 1), 0x83000000);
	assert_int_equal(cell("/chosen", "linux,initrd-end", 1), 0x83001234);
	fdt_getprop(tree, node, "rng-seed", &len);
	assert_int_equal(len, 32);
	board_fini(&b);
}

static void phandles_are_unique(void **state)
{
	struct board b;
	uint32_t seen[64];
	unsigned n = 0;

	board_init(&b, 64 << 20, 8);
	assert_true(dt_build(b.m, tree, sizeof(tree), NULL, 0, 0));
	for (int node = fdt_next_node(tree, -1, NULL); node >= 0;
	     node = fdt_next_node(tree, node, NULL)) {
		uint32_t phandle = fdt_get_phandle(tree, node);

		for (unsigned i = 0; phandle && i < n; i++)
			assert_int_not_equal(seen[i], phandle);
		if (phandle)
			seen[n++] = phandle;
	}
	assert_int_equal(n, 18);
	assert_null(fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "bootargs", NULL));
	assert_null(
	    fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), "linux,initrd-start", NULL));
	board_fini(&b);
}

static void seed_decides_randomness(void **state)
{
	struct board b;
	uint32_t first;

	board_init(&b, 1 << 20, 1);
	assert_true(dt_build(b.m, tree, sizeof(tree), NULL, 0, 0));
	first = cell("/chosen", "rng-seed", 0);
	assert_true(dt_build(b.m, tree, sizeof(tree), NULL, 0, 0));
	assert_int_equal(cell("/chosen", "rng-seed", 0), first);
	b.m->cfg.seed = 1;
	assert_true(dt_build(b.m, tree, sizeof(tree), NULL, 0, 0));
	assert_int_not_equal(cell("/chosen", "rng-seed", 0), first);
	board_fini(&b);
}

static void too_little_room(void **state)
{
	struct board b;
	size_t need;

	board_init(&b, 1 << 20, 1);
	need = dt_build(b.m, tree, sizeof(tree), NULL, 0, 0);
	for (size_t room = 1; room < need; room += 7) {
		void *exact = malloc(room);

		assert_true(dt_build(b.m, exact, room, NULL, 0, 0) <= room);
		free(exact);
	}
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(board_is_described),
	    cmocka_unit_test(phandles_are_unique),
	    cmocka_unit_test(seed_decides_randomness),
	    cmocka_unit_test(too_little_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
