/*
 * Reading and checking executables: pure functions over bytes. Theory: elf.c.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "kernel/lib/types.h"
#include "abi/linux.h"

#define ELF_MAX_PHDRS 1170 /* 64 KiB of them, Linux's limit */

/* What of an executable matters to who maps it. Addresses as in the file, not yet moved. */
struct elf_image {
	bool is_pie;
	uint64_t entry;
	uint64_t start, end; /* of all loadable segments: page-aligned, start < end */
	uint64_t align;      /* the strictest of any segment, at least a page */
	uint64_t phdr_va;    /* of the program headers; 0: not in memory */
	unsigned nphdrs;
	uint64_t interp_at, interp_len; /* in the file, with its NUL; 0: it names no interpreter */
};

/*
 * Checks the file's header. `head` holds its first `len` bytes, of `file_size`.
 * => 0, or -ENOEXEC with *why, one line without a full stop.
 */
int elf_check_header(const void *head, size_t len, uint64_t file_size, const char **why);

/*
 * Checks all program headers (ph[0 .. eh->phnum)) against the file's size and the end of the
 * user's half, and fills in `out`.
 * => 0, or -ENOEXEC with *why.
 */
int elf_check_segments(const struct linux_elf64_ehdr *eh, const struct linux_elf64_phdr *ph,
		       uint64_t file_size, uint64_t user_end, struct elf_image *out,
		       const char **why);

#endif
