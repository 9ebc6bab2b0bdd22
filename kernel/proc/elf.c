/*
 * Executables.
 *
 * An ELF file begins with a header, which says where the program headers are;
 * each of type PT_LOAD is one *segment*:
 *
 *     file      offset ........ offset + filesz
 *                  |                |
 *     memory    vaddr ......... vaddr + filesz ..... vaddr + memsz
 *                  contents of the file    zeroes (bss)
 *
 * The file is the work of a stranger. It is checked completely before anything
 * is mapped, so that mapping it can only fail for want of memory:
 *
 *   I1  offset + filesz does not wrap and lies within the file; filesz <= memsz
 *   I2  vaddr + memsz does not wrap and lies within the user's half
 *   I3  vaddr and offset agree modulo the page size, or no page could be mapped
 *   I4  segments ascend and no byte belongs to two of them
 *   I5  the entry point lies in a segment that may be executed
 *   I6  the name of an interpreter (PT_INTERP) lies in the file and is no longer than a path
 *
 * Two segments may share a page (I4 speaks of bytes): the later one's mapping
 * then replaces the earlier one's there, as on Linux.
 */
#include "kernel/proc/elf.h"
#include "kernel/lib/lib.h"

#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define EV_CURRENT  1

static int refuse(const char **why, const char *reason)
{
	*why = reason;
	return -ENOEXEC;
}

int elf_check_header(const void *head, size_t len, uint64_t file_size, const char **why)
{
	const uint8_t *id = head;
	struct linux_elf64_ehdr eh;

	if (len < 4 || memcmp(id, "\177ELF", 4) != 0)
		return refuse(why, "it is not an ELF executable");
	if (len < sizeof eh || file_size < sizeof eh)
		return refuse(why, "it is truncated: the ELF header is not complete");
	memcpy(&eh, head, sizeof eh);
	if (eh.ident[4] != ELFCLASS64)
		return refuse(why, "it is not a 64-bit program");
	if (eh.ident[5] != ELFDATA2LSB)
		return refuse(why, "it is not a little-endian program");
	if (eh.machine != EM_RISCV)
		return refuse(why, "it is for another machine, not RISC-V");
	if (eh.type != ET_EXEC && eh.type != ET_DYN)
		return refuse(why, "it is an ELF file but not an executable program");
	if (eh.ident[6] != EV_CURRENT || eh.version != EV_CURRENT)
		return refuse(why, "its ELF version is unknown");
	if (eh.phentsize != sizeof(struct linux_elf64_phdr) || eh.phnum == 0 ||
	    eh.phnum > ELF_MAX_PHDRS)
		return refuse(why, "its program headers are not valid");
	if (eh.phoff > file_size ||
	    file_size - eh.phoff < eh.phnum * sizeof(struct linux_elf64_phdr))
		return refuse(why, "it is truncated: the program headers lie beyond its end");
	return 0;
}

static int check_segment(const struct linux_elf64_phdr *p, uint64_t file_size, uint64_t user_end,
			 const char **why)
{
	if (p->filesz > p->memsz)
		return refuse(why, "a segment is larger in the file than in memory");
	if (p->offset > file_size || p->filesz > file_size - p->offset)
		return refuse(why, "it is truncated: a segment lies beyond its end");
	if (p->vaddr > user_end || p->memsz > user_end - p->vaddr)
		return refuse(why, "a segment lies outside a program's addresses");
	if (((p->vaddr ^ p->offset) & PAGE_MASK) != 0)
		return refuse(why, "a segment's address and file offset do not agree in a page");
	if (p->align & (p->align - 1))
		return refuse(why, "a segment's alignment is not a power of two");
	return 0;
}

int elf_check_segments(const struct linux_elf64_ehdr *eh, const struct linux_elf64_phdr *ph,
		       uint64_t file_size, uint64_t user_end, struct elf_image *out,
		       const char **why)
{
	uint64_t previous_end = 0;
	bool entry_found = false;

	*out = (struct elf_image){.is_pie = eh->type == ET_DYN,
				  .entry = eh->entry,
				  .start = UINT64_MAX,
				  .align = PAGE_SIZE,
				  .nphdrs = eh->phnum};
	for (unsigned i = 0; i < eh->phnum; i++) {
		const struct linux_elf64_phdr *p = &ph[i];

		if (p->type == PT_INTERP && !out->interp_len) {
			if (p->filesz < 2 || p->filesz > PATH_MAX || p->offset > file_size ||
			    p->filesz > file_size - p->offset)
				return refuse(why, "the name of its dynamic linker is not valid");
			out->interp_at = p->offset;
			out->interp_len = p->filesz;
		}
		if (p->type != PT_LOAD || p->memsz == 0)
			continue;

		int error = check_segment(p, file_size, user_end, why);
		if (error)
			return error;
		if (p->vaddr < previous_end)
			return refuse(why, "its segments overlap or are not in ascending order");
		previous_end = p->vaddr + p->memsz;

		if (out->start == UINT64_MAX)
			out->start = ROUND_DOWN(p->vaddr, PAGE_SIZE);
		out->end = ROUND_UP(previous_end, PAGE_SIZE);
		if (p->align > out->align)
			out->align = p->align;
		if ((p->flags & PF_X) && eh->entry >= p->vaddr && eh->entry < previous_end)
			entry_found = true;
		if (eh->phoff >= p->offset && eh->phoff - p->offset < p->filesz)
			out->phdr_va = p->vaddr + (eh->phoff - p->offset);
	}
	if (out->start == UINT64_MAX)
		return refuse(why, "it has no segment to load");
	if (!entry_found)
		return refuse(why, "its entry point is not in an executable segment");
	return 0;
}
