/*
 * Loading: where kernel, initial RAM disk and device tree lie in RAM before the first step.
 *
 *     RAM's start                                                             RAM's end
 *     |          |  kernel (+2 MiB, or where its ELF file says) | ... | tree | RAM disk |
 *
 * RAM disk and device tree begin on page boundaries, as high as they fit, so that a kernel
 * which takes memory from the bottom has what is free in one piece. The tree's own memory is in
 * its list of reservations.
 *
 * A kernel comes in one of two forms:
 *
 *   ELF64   PT_LOAD segments go to their physical addresses. The machine starts at e_entry, or,
 *           if that is no address in RAM (a virtual one), at the lowest byte loaded.
 *   raw     goes to the start of RAM + 2 MiB, or as far above it as the header of a Linux Image
 *           says, and starts at its first byte.
 *
 * Nothing in the files is believed: every offset is checked against the file's length, every
 * address against RAM, and what is wrong is said in one line.
 *
 * Source: System V ABI, chapters 4 and 5 (ELF64); Linux, arch/riscv boot image header.
 */
#include <libfdt.h>
#include <string.h>

#include "machine/machine_state.h"
#include "rv/pte.h"

#define ELF_MAGIC       0x464c457f /* 7f 'E' 'L' 'F' */
#define ELF_HEADER_SIZE 64
#define ELF_PHDR_SIZE   56
#define ELF_CLASS64     2
#define ELF_LITTLE      1
#define ELF_EXEC        2
#define ELF_DYN         3
#define ELF_RISCV       243
#define ELF_PT_LOAD     1

#define IMAGE_HEADER_SIZE 64
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE        16
#define IMAGE_MAGIC       56
#define IMAGE_MAGIC_VALUE 0x05435352 /* "RSC\5" */

#define DT_ROOM 16384 /* a tree of 8 harts and 8 slots takes 6 KiB without its command line */

/* Where the kernel went. */
struct image {
	uint64_t start, end; /* physical; [start, end) is taken */
	uint64_t entry;
};

/* -- one line of text --------------------------------------------------------------------- */

static void say(struct machine *m, const char *text)
{
	size_t used = strlen(m->message), room = sizeof(m->message) - 1 - used;
	size_t len = strlen(text) < room ? strlen(text) : room;

	memcpy(m->message + used, text, len);
	m->message[used + len] = 0;
}

static void say_number(struct machine *m, uint64_t value, unsigned base)
{
	char digits[24], *p = digits + sizeof(digits);

	*--p = 0;
	do
		*--p = "0123456789abcdef"[value % base];
	while ((value /= base) != 0);
	if (base == 16)
		say(m, "0x");
	say(m, p);
}

/* "4 MiB", "3.1 MiB": the largest unit that gives at least 1. */
static void say_size(struct machine *m, uint64_t bytes)
{
	static const char *const units[] = {" bytes", " KiB", " MiB", " GiB"};
	unsigned unit = 0;
	uint64_t scale = 1;

	while (unit < 3 && bytes / scale >= 1024) {
		scale *= 1024;
		unit++;
	}
	say_number(m, bytes / scale, 10);
	if (bytes % scale) {
		say(m, ".");
		say_number(m, bytes % scale * 10 / scale, 10);
	}
	say(m, units[unit]);
}

static const char *fail(struct machine *m, const char *text)
{
	m->message[0] = 0;
	say(m, text);
	return m->message;
}

/* "<what> (<size>) does not fit in <RAM> of memory" */
static const char *fail_fit(struct machine *m, const char *what, uint64_t size)
{
	fail(m, what);
	say(m, " (");
	say_size(m, size);
	say(m, ") does not fit in ");
	say_size(m, m->ram_size);
	say(m, " of memory");
	return m->message;
}

/* -- the kernel --------------------------------------------------------------------------- */

static uint64_t get(const uint8_t *p, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, p, size);
	return value;
}

static bool in_ram(const struct machine *m, uint64_t pa, uint64_t len)
{
	uint64_t offset = pa - BOARD_RAM_BASE;

	return offset <= m->ram_size && len <= m->ram_size - offset;
}

static const char *load_raw(struct machine *m, const uint8_t *file, size_t len, struct image *out)
{
	uint64_t pa = BOARD_RAM_BASE + BOARD_KERNEL_OFFSET, size = len;

	if (len >= IMAGE_HEADER_SIZE && get(file + IMAGE_MAGIC, 4) == IMAGE_MAGIC_VALUE) {
		uint64_t offset = get(file + IMAGE_TEXT_OFFSET, 8);
		uint64_t claimed = get(file + IMAGE_SIZE, 8);

		if (offset % RV_PAGE_SIZE)
			return fail(m, "the kernel image's header is damaged: its load offset is "
				       "no multiple of 4 KiB");
		if (offset > m->ram_size)
			return fail_fit(m, "the kernel", size);
		pa = BOARD_RAM_BASE + offset;
		/* What it clears and uses before it can read the device tree. */
		if (claimed > size)
			size = claimed;
	}
	if (!in_ram(m, pa, size))
		return fail_fit(m, "the kernel", size);
	memcpy(bus_dma(m, pa, len, true), file, len);
	*out = (struct image){pa, pa + size, pa};
	return NULL;
}

static const char *load_elf(struct machine *m, const uint8_t *file, size_t len, struct image *out)
{
	uint64_t phoff, entry;
	unsigned phnum;

	if (len < ELF_HEADER_SIZE)
		return fail(m, "the kernel file is truncated");
	if (file[4] != ELF_CLASS64 || file[5] != ELF_LITTLE || get(file + 18, 2) != ELF_RISCV)
		return fail(m, "the kernel file is for another machine: a 64-bit RISC-V ELF file "
			       "is needed");
	if (get(file + 16, 2) != ELF_EXEC && get(file + 16, 2) != ELF_DYN)
		return fail(m, "the kernel file is not an executable: it was not linked");
	entry = get(file + 24, 8);
	phoff = get(file + 32, 8);
	phnum = (unsigned)get(file + 56, 2);
	if (phnum && get(file + 54, 2) != ELF_PHDR_SIZE)
		return fail(m, "the kernel file is damaged: its program headers have a wrong size");
	if (phoff > len || (uint64_t)phnum * ELF_PHDR_SIZE > len - phoff)
		return fail(m, "the kernel file is truncated");

	out->start = UINT64_MAX;
	out->end = 0;
	for (unsigned i = 0; i < phnum; i++) {
		const uint8_t *ph = file + phoff + (uint64_t)i * ELF_PHDR_SIZE;
		uint64_t offset = get(ph + 8, 8), pa = get(ph + 24, 8);
		uint64_t filesz = get(ph + 32, 8), memsz = get(ph + 40, 8);
		uint8_t *dest;

		if (get(ph, 4) != ELF_PT_LOAD || memsz == 0)
			continue;
		if (filesz > memsz)
			return fail(m, "the kernel file is damaged: a segment is larger in the "
				       "file than in memory");
		if (offset > len || filesz > len - offset)
			return fail(m, "the kernel file is truncated");
		if (pa < BOARD_RAM_BASE) {
			fail(m, "the kernel has a segment at ");
			say_number(m, pa, 16);
			say(m, ", where there is no memory: RAM begins at ");
			say_number(m, BOARD_RAM_BASE, 16);
			return m->message;
		}
		if (!in_ram(m, pa, memsz)) {
			fail(m, "the kernel has a segment at ");
			say_number(m, pa, 16);
			say(m, " (");
			say_size(m, memsz);
			say(m, ") that does not fit in ");
			say_size(m, m->ram_size);
			say(m, " of memory");
			return m->message;
		}
		dest = bus_dma(m, pa, memsz, true);
		memcpy(dest, file + offset, filesz);
		memset(dest + filesz, 0, memsz - filesz);
		if (pa < out->start)
			out->start = pa;
		if (pa + memsz > out->end)
			out->end = pa + memsz;
	}
	if (!out->end)
		return fail(m, "the kernel file has nothing to load");
	out->entry = in_ram(m, entry, 2) ? entry : out->start;
	return NULL;
}

static const char *load_kernel(struct machine *m, const uint8_t *file, size_t len,
			       struct image *out)
{
	if (len == 0)
		return fail(m, "the kernel file is empty");
	if (len >= 4 && get(file, 4) == ELF_MAGIC)
		return load_elf(m, file, len, out);
	if (len >= 2 && file[0] == 0x1f && file[1] == 0x8b)
		return fail(m, "the kernel file is compressed: unpack it with gunzip first");
	return load_raw(m, file, len, out);
}

/* -- the rest ----------------------------------------------------------------------------- */

/*
 * Builds the device tree and puts it below `top`, with a reservation of its own memory.
 * => NULL, and *pa and *size say where it is; RAM's start if it does not fit.
 */
static const char *load_tree(struct machine *m, const char *append, uint64_t initrd_pa,
			     uint64_t initrd_len, uint64_t top, uint64_t *pa, uint64_t *size)
{
	size_t room = DT_ROOM + (append ? strlen(append) : 0);
	const char *why = NULL;
	void *tree;

	if (room > INT32_MAX)
		return fail(m, "the kernel's command line is too long");
	tree = m->host.mem_alloc(m->host.ctx, room);
	if (!tree)
		return fail(m, "out of memory for the device tree");
	if (!dt_build(m, tree, room, append, initrd_pa, initrd_len) ||
	    fdt_open_into(tree, tree, (int)room)) {
		why = fail(m, "the device tree cannot be built");
		goto out;
	}
	/* The address depends on the size, and the size not on the address. */
	fdt_add_mem_rsv(tree, 0, 1); /* a size of 0 would end the list */
	fdt_pack(tree);
	*size = fdt_totalsize(tree);
	if (*size > top - BOARD_RAM_BASE) {
		*pa = BOARD_RAM_BASE; /* where the kernel is in its way */
		goto out;
	}
	*pa = (top - *size) & ~(uint64_t)(RV_PAGE_SIZE - 1);
	fdt_open_into(tree, tree, (int)room);
	fdt_del_mem_rsv(tree, 0);
	fdt_add_mem_rsv(tree, *pa, *size);
	fdt_pack(tree);
	memcpy(bus_dma(m, *pa, *size, true), tree, *size);
out:
	m->host.mem_free(m->host.ctx, tree, room);
	return why;
}

static const char *fail_together(struct machine *m, uint64_t kernel, uint64_t initrd)
{
	fail(m, "the kernel (");
	say_size(m, kernel);
	if (initrd) {
		say(m, "), the initial RAM disk (");
		say_size(m, initrd);
	}
	say(m, ") and the device tree do not fit together in ");
	say_size(m, m->ram_size);
	say(m, " of memory");
	return m->message;
}

const char *machine_load(struct machine *m, const void *kernel, size_t kernel_len,
			 const void *initrd, size_t initrd_len, const char *append)
{
	uint64_t initrd_pa = BOARD_RAM_BASE + m->ram_size, tree_pa, tree_size;
	struct image image;
	const char *why;

	why = load_kernel(m, kernel, kernel_len, &image);
	if (why)
		return why;
	if (initrd_len > m->ram_size)
		return fail_fit(m, "the initial RAM disk", initrd_len);
	initrd_pa = (initrd_pa - initrd_len) & ~(uint64_t)(RV_PAGE_SIZE - 1);
	why = load_tree(m, append, initrd_pa, initrd_len, initrd_pa, &tree_pa, &tree_size);
	if (why)
		return why;
	if (image.end > tree_pa)
		return fail_together(m, image.end - image.start, initrd_len);
	if (initrd_len)
		memcpy(bus_dma(m, initrd_pa, initrd_len, true), initrd, initrd_len);

	m->builtin_sbi = true;
	for (unsigned i = 1; i < m->cfg.harts; i++) {
		sbi_enter_supervisor(&m->harts[i], 0, 0);
		m->harts[i].status = HART_STOPPED;
	}
	sbi_enter_supervisor(&m->harts[0], image.entry, tree_pa);
	return NULL;
}
