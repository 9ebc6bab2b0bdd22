/* Loading a kernel: where things go, and one line for each thing that may be wrong. */
#include "test/unit/machine_board.h"

#include <libfdt.h>

#define KERNEL_PA (BOARD_RAM_BASE + BOARD_KERNEL_OFFSET)
#define MIB       (1u << 20)

static uint8_t file[4096];

static void put(unsigned offset, unsigned size, uint64_t value)
{
	memcpy(file + offset, &value, size);
}

/* An ELF file with one segment of 256 bytes (0xaa) at file offset 512, 1024 in memory. */
static size_t make_elf(uint64_t pa, uint64_t entry)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);
	put(18, 2, 243);
	put(24, 8, entry);
	put(32, 8, 64);
	put(54, 2, 56);
	put(56, 2, 1);
	put(64, 4, 1);
	put(72, 8, 512);
	put(80, 8, 0xffffffc000000000);
	put(88, 8, pa);
	put(96, 8, 256);
	put(104, 8, 1024);
	memset(file + 512, 0xaa, 256);
	return 768;
}

static void loads_elf(void **state)
{
	struct board b;
	struct hart_regs regs;
	size_t len = make_elf(KERNEL_PA, KERNEL_PA + 16);
	uint8_t initrd[5000], *p;
	uint64_t address, size;
	const void *tree;

	memset(initrd, 0x77, sizeof(initrd));
	board_init(&b, 4 * MIB, 2);
	memset(machine_ram_at(b.m, paddr(KERNEL_PA), 2048), 0x55, 2048);
	assert_null(machine_load(b.m, file, len, initrd, sizeof(initrd), "hello"));
	p = machine_ram_at(b.m, paddr(KERNEL_PA), 2048);
	assert_int_equal(p[0], 0xaa);
	assert_int_equal(p[255], 0xaa);
	assert_int_equal(p[256], 0);
	assert_int_equal(p[1023], 0);
	assert_int_equal(p[1024], 0x55);

	machine_regs(b.m, 0, &regs);
	assert_int_equal(regs.pc, KERNEL_PA + 16);
	assert_int_equal(regs.prv, PRV_S);
	assert_int_equal(regs.x[10], 0);
	assert_int_equal(regs.satp, 0);
	assert_int_equal(regs.x[11] % 4096, 0);
	tree = machine_ram_at(b.m, paddr(regs.x[11]), 4096);
	assert_int_equal(fdt_check_header(tree), 0);
	assert_int_equal(fdt_num_mem_rsv(tree), 1);
	fdt_get_mem_rsv(tree, 0, &address, &size);
	assert_int_equal(address, regs.x[11]);
	assert_int_equal(size, fdt_totalsize(tree));
	/* The RAM disk is at the very top, the tree in the page below it. */
	address = BOARD_RAM_BASE + 4 * MIB - 8192;
	assert_memory_equal(machine_ram_at(b.m, paddr(address), sizeof(initrd)), initrd,
			    sizeof(initrd));
	assert_true(regs.x[11] + size <= address && regs.x[11] + size + 4096 > address);
	assert_int_equal(b.m->harts[0].status, HART_RUNNING);
	assert_int_equal(b.m->harts[1].status, HART_STOPPED);
	board_fini(&b);
}

static void virtual_entry_means_lowest_byte(void **state)
{
	struct board b;
	size_t len = make_elf(KERNEL_PA + 4096, 0xffffffc000000100);

	board_init(&b, 4 * MIB, 1);
	assert_null(machine_load(b.m, file, len, NULL, 0, NULL));
	assert_int_equal(b.m->harts[0].pc, KERNEL_PA + 4096);
	board_fini(&b);
}

static void loads_raw_images(void **state)
{
	struct board b;

	memset(file, 0x13, sizeof(file));
	board_init(&b, 8 * MIB, 1);
	assert_null(machine_load(b.m, file, 100, NULL, 0, NULL));
	assert_int_equal(b.m->harts[0].pc, KERNEL_PA);

	/* A Linux Image says how far from RAM's start it wants to be. */
	put(8, 8, 4 * MIB);
	put(16, 8, 1 * MIB);
	put(56, 4, 0x05435352);
	assert_null(machine_load(b.m, file, 100, NULL, 0, NULL));
	assert_int_equal(b.m->harts[0].pc, BOARD_RAM_BASE + 4 * MIB);
	put(16, 8, 5 * MIB);
	assert_string_equal(machine_load(b.m, file, 100, NULL, 0, NULL),
			    "the kernel (5 MiB) does not fit in 8 MiB of memory");
	put(8, 8, UINT64_MAX - 4095);
	assert_non_null(machine_load(b.m, file, 100, NULL, 0, NULL));
	board_fini(&b);
}

static void expect(struct board *b, size_t len, const char *message)
{
	assert_string_equal(machine_load(b->m, file, len, NULL, 0, NULL), message);
}

static void says_what_is_wrong(void **state)
{
	struct board b;
	size_t len;

	board_init(&b, 4 * MIB, 1);
	expect(&b, 0, "the kernel file is empty");
	make_elf(KERNEL_PA, KERNEL_PA);
	expect(&b, 40, "the kernel file is truncated");
	expect(&b, 100, "the kernel file is truncated");
	expect(&b, 767, "the kernel file is truncated");
	len = make_elf(KERNEL_PA, KERNEL_PA);
	put(18, 2, 62);
	expect(&b, len,
	       "the kernel file is for another machine: a 64-bit RISC-V ELF file is "
	       "needed");
	len = make_elf(KERNEL_PA, KERNEL_PA);
	put(16, 2, 1);
	expect(&b, len, "the kernel file is not an executable: it was not linked");
	len = make_elf(0x1000, 0x1000);
	expect(&b, len,
	       "the kernel has a segment at 0x1000, where there is no memory: RAM begins "
	       "at 0x80000000");
	len = make_elf(KERNEL_PA, KERNEL_PA);
	put(104, 8, 3 * MIB + 100 * 1024);
	expect(&b, len,
	       "the kernel has a segment at 0x80200000 (3.0 MiB) that does not fit in "
	       "4 MiB of memory");
	len = make_elf(KERNEL_PA, KERNEL_PA);
	put(104, 8, 2 * MIB);
	expect(&b, len,
	       "the kernel (2 MiB) and the device tree do not fit together in 4 MiB of memory");
	len = make_elf(KERNEL_PA, KERNEL_PA);
	put(64, 4, 0);
	expect(&b, len, "the kernel file has nothing to load");
	len = make_elf(KERNEL_PA, KERNEL_PA);
	put(104, 8, 255);
	expect(&b, len,
	       "the kernel file is damaged: a segment is larger in the file than in memory");
	memcpy(file, "\x1f\x8b\x08", 3);
	expect(&b, len, "the kernel file is compressed: unpack it with gunzip first");
	board_fini(&b);
}

static void big_initial_ram_disk(void **state)
{
	struct board b;
	size_t len = make_elf(KERNEL_PA, KERNEL_PA), big = 4 * MIB + 150 * 1024;
	void *initrd = calloc(1, big);

	board_init(&b, 4 * MIB, 1);
	assert_string_equal(machine_load(b.m, file, len, initrd, big, NULL),
			    "the initial RAM disk (4.1 MiB) does not fit in 4 MiB of memory");
	assert_string_equal(machine_load(b.m, file, len, initrd, 2 * MIB, NULL),
			    "the kernel (1 KiB), the initial RAM disk (2 MiB) and the device tree "
			    "do not fit together in 4 MiB of memory");
	assert_string_equal(machine_load(b.m, file, len, initrd, 4 * MIB, NULL),
			    "the kernel (1 KiB), the initial RAM disk (4 MiB) and the device tree "
			    "do not fit together in 4 MiB of memory");
	free(initrd);
	board_fini(&b);
}

static uint64_t seed = 0x1234567;

static uint64_t draw(void)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return seed >> 20;
}

/* A copy of just these bytes, so that a look beyond them is noticed. */
static uint8_t *exactly(size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	assert_non_null(exact);
	memcpy(exact, file, len);
	return exact;
}

/* A header of an ELF file or of a Linux Image with some bytes of it anything. => its length. */
static size_t nonsense_file(void)
{
	size_t len = make_elf(KERNEL_PA, KERNEL_PA), header = 16;

	if (draw() % 3 == 0) {
		memset(file, 0, 64);
		put(8, 8, draw() % 3 ? 2 * MIB : draw() << 20 | draw());
		put(16, 8, draw() % 3 ? draw() % (8 * MIB) : draw() << 20 | draw());
		put(56, 4, 0x05435352);
		header = 8;
	}
	for (unsigned i = 0; i < 4; i++)
		file[header + draw() % 104] = (uint8_t)draw();
	return draw() % 2 ? draw() % (len + 1) : len;
}

/* Any bytes in the headers: an answer, and no access outside file or RAM. */
static void nonsense_headers(void **state)
{
	static const enum machine_firmware firmware[] = {FIRMWARE_BUILTIN, FIRMWARE_BUILTIN,
							 FIRMWARE_NONE, FIRMWARE_IMAGE};
	unsigned loaded = 0;
	struct board b;

	board_init(&b, 4 * MIB, 1);
	for (unsigned round = 0; round < 20000; round++) {
		struct machine_images images = {.firmware = firmware[draw() % 4]};
		uint8_t *kernel, *bios, *initrd;

		images.kernel_len = nonsense_file();
		images.kernel = kernel = exactly(images.kernel_len);
		images.bios_len = nonsense_file();
		images.bios = bios = exactly(images.bios_len);
		images.initrd_len = draw() % 8 ? draw() % sizeof(file) : 0;
		initrd = exactly(images.initrd_len);
		images.initrd = images.initrd_len ? initrd : NULL;
		images.append = draw() % 2 ? "some words" : NULL;
		loaded += machine_load_images(b.m, &images) == NULL;
		free(kernel);
		free(bios);
		free(initrd);
	}
	assert_in_range(loaded, 100, 19900);
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(loads_elf),
	    cmocka_unit_test(virtual_entry_means_lowest_byte),
	    cmocka_unit_test(loads_raw_images),
	    cmocka_unit_test(says_what_is_wrong),
	    cmocka_unit_test(big_initial_ram_disk),
	    cmocka_unit_test(nonsense_headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
