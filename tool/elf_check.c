/*
 * Is this a program that can run? Everything that the kernel's loader would
 * refuse is found here first, because here the user's file has a name and the
 * answer can say what to do.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lens/text.h"
#include "tool/program.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

#define USER_START     0x10000 /* of what has an address of its own: vm.mmap_min_addr's usual value */
#define USER_END       (UINT64_C(1) << 38) /* Sv39's lower half */
#define MAX_PHDRS      1170                /* the kernel's limit, and Linux's: 64 KiB of them */
#define COMPILE_FOR_IT "compile its source with riscv64-linux-gnu-gcc -static"

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64: return "x86-64";
	case EM_386: return "x86 (32-bit)";
	case EM_AARCH64: return "64-bit ARM (AArch64)";
	case EM_ARM: return "32-bit ARM";
	case EM_PPC: return "32-bit PowerPC";
	case EM_PPC64: return "PowerPC64";
	case EM_S390: return "IBM Z (s390x)";
	case EM_MIPS: return "MIPS";
	case EM_SPARC:
	case EM_SPARCV9: return "SPARC";
	case EM_68K: return "Motorola 68000";
	case EM_IA_64: return "Itanium";
	case EM_LOONGARCH: return "LoongArch";
	case EM_BPF: return "the kernel's BPF";
	default: return NULL;
	}
}

/* A file that is no ELF file. */
static const char *not_elf(const uint8_t *image, size_t len, char *buf, size_t size)
{
	if (len == 0)
		return "is empty";
	if (len > 2 && image[0] == '#' && image[1] == '!') {
		size_t start = 2, n;

		while (start < len && image[start] == ' ')
			start++;
		for (n = 0; start + n < len && n < 80 && image[start + n] > ' '; n++)
			continue;
		snprintf(buf, size,
			 "is a script for %.*s; run that interpreter, compiled for riscv64 with "
			 "-static, with the script as its argument",
			 (int)n, (const char *)image + start);
		return buf;
	}
	return "is not a program (no ELF file); give a riscv64 program or a C source (.c)";
}

/* The file header: for which machine, which kind of file. */
static const char *check_header(const Elf64_Ehdr *h, char *buf, size_t size)
{
	const char *machine = machine_name(h->e_machine);

	if (h->e_machine == EM_RISCV && h->e_ident[EI_CLASS] == ELFCLASS32)
		return "is for 32-bit RISC-V, this machine is riscv64; " COMPILE_FOR_IT;
	if (h->e_machine != EM_RISCV) {
		if (machine)
			snprintf(buf, size, "is for %s, this machine is riscv64; " COMPILE_FOR_IT,
				 machine);
		else
			snprintf(buf, size,
				 "is for another machine (ELF number %u), this one is "
				 "riscv64; " COMPILE_FOR_IT,
				 h->e_machine);
		return buf;
	}
	if (h->e_type == ET_REL)
		return "is an object file, not yet linked; link it with riscv64-linux-gnu-gcc "
		       "-static";
	if (h->e_type == ET_CORE)
		return "is a core dump, not a program";
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN) {
		snprintf(buf, size, "is an ELF file of type %u, not a program", h->e_type);
		return buf;
	}
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0)
		return "has no program headers: it cannot be loaded; link it again";
	if (h->e_phnum > MAX_PHDRS)
		return "has more than 1170 program headers; link it again";
	return NULL;
}

/* One PT_LOAD segment. */
static const char *check_load(unsigned i, const Elf64_Phdr *ph, size_t len, char *buf, size_t size)
{
	char bytes[COMMAS_SIZE];

	if (ph->p_offset > len || ph->p_filesz > len - ph->p_offset) {
		snprintf(buf, size,
			 "is truncated: segment %u needs %" PRIu64 " bytes from offset %" PRIu64
			 ", the file has %zu; copy it again",
			 i, ph->p_filesz, ph->p_offset, len);
		return buf;
	}
	if (ph->p_filesz > ph->p_memsz) {
		snprintf(buf, size,
			 "is damaged: segment %u is larger in the file than in memory; "
			 "link it again",
			 i);
		return buf;
	}
	if (ph->p_vaddr >= USER_END || ph->p_memsz > USER_END - ph->p_vaddr) {
		snprintf(buf, size,
			 "wants %s at 0x%" PRIx64 ", beyond the 256 GiB that a program has; "
			 "link it lower, with less data",
			 bytes_human(bytes, ph->p_memsz), ph->p_vaddr);
		return buf;
	}
	if ((ph->p_vaddr ^ ph->p_offset) & 0xfff) {
		snprintf(buf, size,
			 "is damaged: segment %u lies at different places of a page in "
			 "the file and in memory; link it again",
			 i);
		return buf;
	}
	if (ph->p_align & (ph->p_align - 1)) {
		snprintf(buf, size,
			 "is damaged: segment %u is aligned to %" PRIu64
			 ", no power of two; link it again",
			 i, ph->p_align);
		return buf;
	}
	return NULL;
}

static const char *check_segments(const Elf64_Ehdr *h, const uint8_t *image, size_t len, char *buf,
				  size_t size)
{
	bool has_load = false, entry_is_code = false;
	uint64_t previous_end = 0;

	for (unsigned i = 0; i < h->e_phnum; i++) {
		const char *why;
		Elf64_Phdr ph;

		memcpy(&ph, image + h->e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type != PT_LOAD)
			continue;
		why = check_load(i, &ph, len, buf, size);
		if (why)
			return why;
		if (ph.p_memsz == 0)
			continue;
		if (h->e_type == ET_EXEC && ph.p_vaddr < USER_START) {
			snprintf(buf, size,
				 "wants to be at 0x%" PRIx64 ", but nothing is ever mapped in the "
				 "lowest 64 KiB; link it higher",
				 ph.p_vaddr);
			return buf;
		}
		if (ph.p_vaddr < previous_end)
			return "is damaged: its segments overlap or are not in ascending order; "
			       "link it again";
		previous_end = ph.p_vaddr + ph.p_memsz;
		has_load = true;
		if ((ph.p_flags & PF_X) && h->e_entry >= ph.p_vaddr &&
		    h->e_entry - ph.p_vaddr < ph.p_memsz)
			entry_is_code = true;
	}
	if (!has_load)
		return "has nothing to load into memory; link it again";
	/* here: at 0 of a position-independent file lies its ELF header */
	if (h->e_type == ET_DYN && (h->e_entry == 0 || !entry_is_code))
		return "is a shared library, not a program";
	if (!entry_is_code) {
		snprintf(buf, size, "starts at 0x%" PRIx64 ", where it has no code; link it again",
			 (uint64_t)h->e_entry);
		return buf;
	}
	return NULL;
}

const char *program_interpreter(const void *image, size_t len)
{
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	memcpy(&h, image, sizeof h);
	for (unsigned i = 0; i < h.e_phnum; i++) {
		memcpy(&ph, (const uint8_t *)image + h.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_INTERP && ph.p_offset < len && ph.p_filesz > 1 &&
		    ph.p_filesz <= len - ph.p_offset &&
		    ((const char *)image)[ph.p_offset + ph.p_filesz - 1] == 0)
			return (const char *)image + ph.p_offset;
	}
	return NULL;
}

uint64_t program_data_size(const void *image)
{
	uint64_t largest = 0;
	Elf64_Ehdr h;
	Elf64_Phdr ph;

	memcpy(&h, image, sizeof h);
	for (unsigned i = 0; i < h.e_phnum; i++) {
		memcpy(&ph, (const uint8_t *)image + h.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_LOAD && (ph.p_flags & PF_W) && ph.p_memsz > largest)
			largest = ph.p_memsz;
	}
	return largest;
}

const char *program_check(const void *image, size_t len, char *buf, size_t size)
{
	const uint8_t *id = image;
	const char *why;
	Elf64_Ehdr h;

	if (len < SELFMAG || memcmp(id, ELFMAG, SELFMAG) != 0)
		return not_elf(image, len, buf, size);
	if (len < sizeof(Elf32_Ehdr) || (id[EI_CLASS] != ELFCLASS32 && len < sizeof h))
		return "is truncated: not even its file header is whole; copy it again";

	/* The fields up to e_version lie at the same places in both classes. */
	memset(&h, 0, sizeof h);
	memcpy(&h, image, len < sizeof h ? len : sizeof h);
	if (id[EI_DATA] == ELFDATA2MSB) {
		h.e_machine = __builtin_bswap16(h.e_machine);
		if (h.e_machine == EM_RISCV)
			return "is for big-endian RISC-V, this machine is "
			       "little-endian; " COMPILE_FOR_IT;
	}
	why = check_header(&h, buf, size);
	if (why)
		return why;
	if (id[EI_VERSION] != EV_CURRENT || h.e_version != EV_CURRENT)
		return "is damaged: its ELF version is not 1; copy or link it again";
	if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB)
		return "is damaged: its ELF header contradicts itself; copy or link it again";
	if (h.e_phoff > len || (uint64_t)h.e_phnum * sizeof(Elf64_Phdr) > len - h.e_phoff)
		return "is truncated: its program headers are not whole; copy it again";
	return check_segments(&h, image, len, buf, size);
}
