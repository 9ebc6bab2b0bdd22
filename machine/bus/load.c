/*
 * Loading: where kernel, initial RAM disk and device tree lie in RAM before the first step.
 *
 *     RAM's start                                                             RAM's end
 *     | firmware |  kernel (+2 MiB, or where its ELF file says) | ... | tree | RAM disk |
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
 * Without firmware, a raw kernel goes to the start of RAM instead. Firmware from a file comes in
 * the same two forms, goes there, and finds behind the device tree, which it may change and make
 * larger, what OpenSBI calls its dynamic information: where the kernel is, and in which mode it
 * is to be entered.
 *
 * Nothing in the files is believed: every offset is checked against the file's length, every
 * address against RAM, and what is wrong is said in one line.
 *
 * Source: System V ABI, chapters 4 and 5 (ELF64); Linux, arch/riscv boot image header; OpenSBI,
 * firmware with dynamic information (fw_dynamic).
 */
#include <libfdt.h>
#include <string.h>

#include "machine/dev/virtio.h"
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

/* Room behind the device tree for firmware that makes it larger, its last bytes the information. */
#define FIRMWARE_ROOM   65536
#define DYNAMIC_MAGIC   0x4942534f /* "OSBI" */
#define DYNAMIC_VERSION 2
#define DYNAMIC_NEXT_S  1
struct dynamic_info {
	uint64_t magic, version, next_address, next_mode, options, boot_hart;
};

/* Where the kernel, or the firmware, went. */
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

/* A file to be loaded. */
struct source {
	const char *what; /* "the kernel" */
	const uint8_t *file;
	size_t len;
	uint64_t pa; /* where it goes if it does not say so itself */
};

/* "<what><text>", the text beginning with a blank or with 's. */
static const char *fail_of(struct machine *m, const struct source *src, const char *text)
{
	fail(m, src->what);
	say(m, text);
	return m->message;
}

static const char *load_raw(struct machine *m, const struct source *src, struct image *out)
{
	uint64_t pa = src->pa, size = src->len;

	if (pa != BOARD_RAM_BASE && size >= IMAGE_HEADER_SIZE &&
	    get(src->file + IMAGE_MAGIC, 4) == IMAGE_MAGIC_VALUE) {
		uint64_t offset = get(src->file + IMAGE_TEXT_OFFSET, 8);
		uint64_t claimed = get(src->file + IMAGE_SIZE, 8);

		if (offset % RV_PAGE_SIZE)
			return fail_of(m, src,
				       " image's header is damaged: its load offset is no multiple "
				       "of 4 KiB");
		if (offset > m->ram_size)
			return fail_fit(m, src->what, size);
		pa = BOARD_RAM_BASE + offset;
		/* What it clears and uses before it can read the device tree. */
		if (claimed > size)
			size = claimed;
	}
	if (!in_ram(m, pa, size))
		return fail_fit(m, src->what, size);
	memcpy(bus_dma(m, pa, src->len, true), src->file, src->len);
	*out = (struct image){pa, pa + size, pa};
	return NULL;
}

/* "<what> has a segment at <pa>" */
static void say_segment(struct machine *m, const struct source *src, uint64_t pa)
{
	fail(m, src->what);
	say(m, " has a segment at ");
	say_number(m, pa, 16);
}

/* Loads the segment of a program header. */
static const char *load_segment(struct machine *m, const struct source *src, const uint8_t *ph,
				struct image *out)
{
	uint64_t offset = get(ph + 8, 8), pa = get(ph + 24, 8);
	uint64_t filesz = get(ph + 32, 8), memsz = get(ph + 40, 8);
	uint8_t *dest;

	if (get(ph, 4) != ELF_PT_LOAD || memsz == 0)
		return NULL;
	if (filesz > memsz)
		return fail_of(m, src,
			       " file is damaged: a segment is larger in the file than in memory");
	if (offset > src->len || filesz > src->len - offset)
		return fail_of(m, src, " file is truncated");
	if (pa < BOARD_RAM_BASE) {
		say_segment(m, src, pa);
		say(m, ", where there is no memory: RAM begins at ");
		say_number(m, BOARD_RAM_BASE, 16);
		return m->message;
	}
	if (!in_ram(m, pa, memsz)) {
		say_segment(m, src, pa);
		say(m, " (");
		say_size(m, memsz);
		say(m, ") that does not fit in ");
		say_size(m, m->ram_size);
		say(m, " of memory");
		return m->message;
	}
	dest = bus_dma(m, pa, memsz, true);
	memcpy(dest, src->file + offset, filesz);
	memset(dest + filesz, 0, memsz - filesz);
	if (pa < out->start)
		out->start = pa;
	if (pa + memsz > out->end)
		out->end = pa + memsz;
	return NULL;
}

static const char *load_elf(struct machine *m, const struct source *src, struct image *out)
{
	const uint8_t *file = src->file;
	const char *why = NULL;
	uint64_t phoff, entry;
	unsigned phnum;

	if (src->len < ELF_HEADER_SIZE)
		return fail_of(m, src, " file is truncated");
	if (file[4] != ELF_CLASS64 || file[5] != ELF_LITTLE || get(file + 18, 2) != ELF_RISCV)
		return fail_of(m, src,
			       " file is for another machine: a 64-bit RISC-V ELF file is "
			       "needed");
	if (get(file + 16, 2) != ELF_EXEC && get(file + 16, 2) != ELF_DYN)
		return fail_of(m, src, " file is not an executable: it was not linked");
	entry = get(file + 24, 8);
	phoff = get(file + 32, 8);
	phnum = (unsigned)get(file + 56, 2);
	if (phnum && get(file + 54, 2) != ELF_PHDR_SIZE)
		return fail_of(m, src, " file is damaged: its program headers have a wrong size");
	if (phoff > src->len || (uint64_t)phnum * ELF_PHDR_SIZE > src->len - phoff)
		return fail_of(m, src, " file is truncated");

	*out = (struct image){.start = UINT64_MAX};
	for (unsigned i = 0; i < phnum && !why; i++)
		why = load_segment(m, src, file + phoff + (uint64_t)i * ELF_PHDR_SIZE, out);
	if (why)
		return why;
	if (!out->end)
		return fail_of(m, src, " file has nothing to load");
	out->entry = in_ram(m, entry, 2) ? entry : out->start;
	return NULL;
}

static const char *load_source(struct machine *m, const struct source *src, struct image *out)
{
	if (src->len == 0)
		return fail_of(m, src, " file is empty");
	if (src->len >= 4 && get(src->file, 4) == ELF_MAGIC)
		return load_elf(m, src, out);
	if (src->len >= 2 && src->file[0] == 0x1f && src->file[1] == 0x8b)
		return fail_of(m, src, " file is compressed: unpack it with gunzip first");
	return load_raw(m, src, out);
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
	virtio_fill_slots(m);
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

/* All harts enter RAM's start in M-mode; `info` is for firmware that wants to be told. */
static void start_machine_mode(struct machine *m, uint64_t tree_pa, uint64_t info_pa)
{
	machine_start_bare(m, paddr(BOARD_RAM_BASE));
	for (unsigned i = 0; i < m->cfg.harts; i++) {
		m->harts[i].x[11] = tree_pa;
		m->harts[i].x[12] = info_pa;
	}
}

static void start_supervisor(struct machine *m, uint64_t entry, uint64_t tree_pa)
{
	m->builtin_sbi = true;
	for (unsigned i = 1; i < m->cfg.harts; i++) {
		sbi_enter_supervisor(&m->harts[i], 0, 0);
		m->harts[i].status = HART_STOPPED;
	}
	sbi_enter_supervisor(&m->harts[0], entry, tree_pa);
}

const char *machine_load_images(struct machine *m, const struct machine_images *images)
{
	struct source kernel = {"the kernel", images->kernel, images->kernel_len,
				BOARD_RAM_BASE + BOARD_KERNEL_OFFSET};
	struct source bios = {"the firmware", images->bios, images->bios_len, BOARD_RAM_BASE};
	uint64_t initrd_len = images->initrd ? images->initrd_len : 0;
	uint64_t initrd_pa = BOARD_RAM_BASE + m->ram_size, tree_pa, tree_size, tree_end;
	struct image image, firmware = {0};
	const char *why = NULL;

	if (images->firmware == FIRMWARE_NONE)
		kernel.pa = BOARD_RAM_BASE;
	if (images->firmware == FIRMWARE_IMAGE)
		why = load_source(m, &bios, &firmware);
	if (!why)
		why = load_source(m, &kernel, &image);
	if (why)
		return why;
	if (image.start < firmware.end && firmware.start < image.end)
		return fail(m, "the firmware and the kernel lie in the same memory");
	if (initrd_len > m->ram_size)
		return fail_fit(m, "the initial RAM disk", initrd_len);
	initrd_pa = (initrd_pa - initrd_len) & ~(uint64_t)(RV_PAGE_SIZE - 1);
	tree_end = initrd_pa;
	if (images->firmware == FIRMWARE_IMAGE && tree_end - BOARD_RAM_BASE > FIRMWARE_ROOM)
		tree_end -= FIRMWARE_ROOM;
	why = load_tree(m, images->append, initrd_pa, initrd_len, tree_end, &tree_pa, &tree_size);
	if (why)
		return why;
	if (image.end > tree_pa || firmware.end > tree_pa)
		return fail_together(m, image.end - image.start, initrd_len);
	if (initrd_len)
		memcpy(bus_dma(m, initrd_pa, initrd_len, true), images->initrd, initrd_len);

	if (images->firmware == FIRMWARE_BUILTIN) {
		start_supervisor(m, image.entry, tree_pa);
	} else {
		struct dynamic_info info = {.magic = DYNAMIC_MAGIC,
					    .version = DYNAMIC_VERSION,
					    .next_address = image.entry,
					    .next_mode = DYNAMIC_NEXT_S};
		uint64_t info_pa = initrd_pa - sizeof(info);

		if (images->firmware == FIRMWARE_IMAGE)
			memcpy(bus_dma(m, info_pa, sizeof(info), true), &info, sizeof(info));
		start_machine_mode(m, tree_pa, images->firmware == FIRMWARE_IMAGE ? info_pa : 0);
	}
	return NULL;
}

const char *machine_load(struct machine *m, const void *kernel, size_t kernel_len,
			 const void *initrd, size_t initrd_len, const char *append)
{
	return machine_load_images(m, &(struct machine_images){
					  .kernel = kernel,
					  .kernel_len = kernel_len,
					  .initrd = initrd,
					  .initrd_len = initrd_len,
					  .append = append,
				      });
}
