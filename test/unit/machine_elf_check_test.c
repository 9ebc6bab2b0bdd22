/*
 * Is this file a program that can run? Crafted files, each with one thing wrong;
 * then every byte of the headers damaged in turn: any answer, no crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "lens/symbols.h"
#include "tool/program.h"

struct file {
	Elf64_Ehdr h;
	Elf64_Phdr ph[2];
	uint8_t code[64];
};

static struct file good(void)
{
	struct file f = {
	    .h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		  .e_type = ET_EXEC,
		  .e_machine = EM_RISCV,
		  .e_version = EV_CURRENT,
		  .e_entry = 0x10000 + offsetof(struct file, code),
		  .e_phoff = offsetof(struct file, ph),
		  .e_ehsize = sizeof(Elf64_Ehdr),
		  .e_phentsize = sizeof(Elf64_Phdr),
		  .e_phnum = 2},
	    .ph = {{.p_type = PT_LOAD,
		    .p_flags = PF_R | PF_X,
		    .p_vaddr = 0x10000,
		    .p_filesz = sizeof(struct file),
		    .p_memsz = sizeof(struct file),
		    .p_align = 0x1000},
		   {.p_type = PT_GNU_STACK}},
	};
	return f;
}

/* `part` NULL: the file is fine. */
static void expect(const void *image, size_t len, const char *part)
{
	char buf[400];
	const char *why;
	void *copy = malloc(len ? len : 1); /* the sanitizer sees reads beyond the end */

	memcpy(copy, image, len);
	why = program_check(copy, len, buf, sizeof buf);
	if (!part != !why || (part && !strstr(why, part)))
		fail_msg("expected '%s', got '%s'", part ? part : "fine", why ? why : "fine");
	free(copy);
}

static void test_good(void **state)
{
	struct file f = good();

	expect(&f, sizeof f, NULL);
	f.h.e_type = ET_DYN;
	expect(&f, sizeof f, NULL);
}

static void test_no_elf(void **state)
{
	expect("", 0, "is empty");
	expect("\x7f", 1, "no ELF file");
	expect("\x7f"
	       "ELF",
	       4, "is truncated");
	expect("#!/bin/sh\necho\n", 15, "is a script for /bin/sh;");
	expect("#! /usr/bin/env python3\n", 24, "is a script for /usr/bin/env;");
	expect("#!", 2, "no ELF file");
	expect("int main;", 9, "C source (.c)");
}

static void test_other_machines(void **state)
{
	struct file f = good();

	f.h.e_machine = EM_X86_64;
	expect(&f, sizeof f,
	       "is for x86-64, this machine is riscv64; compile its source with "
	       "riscv64-linux-gnu-gcc -static");
	f.h.e_machine = EM_AARCH64;
	expect(&f, sizeof f, "AArch64");
	f.h.e_machine = 0x1234;
	expect(&f, sizeof f, "another machine (ELF number 4660)");
	f.h.e_machine = EM_RISCV;
	f.h.e_ident[EI_CLASS] = ELFCLASS32;
	expect(&f, sizeof f, "32-bit RISC-V");
	f.h.e_machine = EM_ARM;
	expect(&f, sizeof f, "32-bit ARM");
	expect(&f, sizeof(Elf32_Ehdr), "32-bit ARM");
	f = good();
	f.h.e_ident[EI_DATA] = ELFDATA2MSB;
	f.h.e_machine = __builtin_bswap16(EM_S390);
	expect(&f, sizeof f, "s390x");
}

static void test_other_kinds(void **state)
{
	struct file f = good();

	f.h.e_type = ET_REL;
	expect(&f, sizeof f, "object file");
	f.h.e_type = ET_CORE;
	expect(&f, sizeof f, "core dump");
	f.h.e_type = 99;
	expect(&f, sizeof f, "type 99");
	f = good();
	f.h.e_type = ET_DYN;
	f.h.e_entry = 0;
	expect(&f, sizeof f, "shared library");
	f.h.e_type = ET_EXEC;
	expect(&f, sizeof f, "starts at 0x0, where it has no code");
	f = good();
	f.ph[0].p_type = PT_NOTE;
	expect(&f, sizeof f, "nothing to load");
}

static void test_truncated(void **state)
{
	struct file f = good();

	for (size_t len = 4; len < sizeof f; len++)
		expect(&f, len, "truncated");
	f.h.e_phoff = UINT64_MAX - 8;
	expect(&f, sizeof f, "program headers are not whole");
	f = good();
	f.h.e_phnum = 0;
	expect(&f, sizeof f, "no program headers");
	f = good();
	f.ph[0].p_offset = UINT64_MAX & ~0xfffULL;
	expect(&f, sizeof f, "truncated: segment 0");
}

static void test_damaged(void **state)
{
	struct file f = good();

	f.ph[0].p_memsz = 8;
	expect(&f, sizeof f, "larger in the file than in memory");
	f = good();
	f.ph[0].p_memsz = UINT64_MAX;
	expect(&f, sizeof f, "256 GiB");
	f.ph[0].p_vaddr = 1ULL << 38;
	expect(&f, sizeof f, "256 GiB");
	f = good();
	f.ph[0].p_vaddr += 8;
	expect(&f, sizeof f, "different places of a page");
	f = good();
	f.ph[0].p_align = 3;
	expect(&f, sizeof f, "no power of two");
	f = good();
	f.ph[1] = f.ph[0];
	expect(&f, sizeof f, "overlap");
	f = good();
	f.ph[0].p_vaddr = 0xf000;
	expect(&f, sizeof f, "lowest 64 KiB");
	f = good();
	f.h.e_version = 2;
	expect(&f, sizeof f, "ELF version");
	f = good();
	f.h.e_phnum = 1171;
	expect(&f, sizeof f, "more than 1170");
}

static void test_data_size(void **state)
{
	struct file f = good();

	assert_int_equal(program_data_size(&f), 0);
	f.ph[0].p_flags |= PF_W;
	f.ph[0].p_memsz = 1ULL << 30;
	assert_int_equal(program_data_size(&f), 1ULL << 30);
}

/* A file with a symbol table: header, two symbols, names, section headers. */
struct object {
	Elf64_Ehdr h;
	Elf64_Sym sym[4];
	char names[32];
	Elf64_Shdr sh[3];
};

static struct object with_symbols(void)
{
	struct object o = {
	    .h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		  .e_type = ET_EXEC,
		  .e_shoff = offsetof(struct object, sh),
		  .e_shentsize = sizeof(Elf64_Shdr),
		  .e_shnum = 3},
	    .sym = {{0},
		    {.st_name = 1,
		     .st_info = STT_FUNC,
		     .st_shndx = 1,
		     .st_value = 0x1000,
		     .st_size = 16},
		    {.st_name = 6,
		     .st_info = STT_OBJECT,
		     .st_shndx = 1,
		     .st_value = 0x2000,
		     .st_size = 4},
		    {.st_name = 10, .st_info = STT_NOTYPE, .st_shndx = 1, .st_value = 0x3000}},
	    .names = "\0main\0var\0label",
	    .sh = {{0},
		   {.sh_type = SHT_SYMTAB,
		    .sh_link = 2,
		    .sh_offset = offsetof(struct object, sym),
		    .sh_size = 4 * sizeof(Elf64_Sym)},
		   {.sh_type = SHT_STRTAB,
		    .sh_offset = offsetof(struct object, names),
		    .sh_size = 32}},
	};
	return o;
}

static void test_symbols(void **state)
{
	struct object o = with_symbols();
	struct symbols s;

	assert_true(symbols_init(&s, &o, sizeof o));
	assert_int_equal(s.count, 3);
	assert_null(symbols_find(&s, 0xfff));
	assert_string_equal(symbols_find(&s, 0x1000)->name, "main");
	assert_string_equal(symbols_find(&s, 0x100f)->name, "main");
	assert_null(symbols_find(&s, 0x1010));
	assert_string_equal(symbols_find(&s, 0x2003)->name, "var");
	assert_string_equal(symbols_find(&s, 0x3456)->name, "label");
	s.end_vaddr = 0x3456; /* nothing is named behind the program's end */
	assert_null(symbols_find(&s, 0x3456));
	symbols_fini(&s);
}

static void test_damage(void **state)
{
	struct file good_file = good();
	struct object good_object = with_symbols();
	static const uint8_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff};

	for (size_t at = 0; at < sizeof good_file + sizeof good_object; at++) {
		for (size_t v = 0; v < sizeof values; v++) {
			struct file f = good_file;
			struct object o = good_object;
			struct symbols s;
			char buf[400];

			if (at < sizeof f) {
				((uint8_t *)&f)[at] = values[v];
				(void)program_check(&f, sizeof f, buf, sizeof buf);
			} else {
				((uint8_t *)&o)[at - sizeof f] = values[v];
			}
			assert_true(symbols_init(&s, &o, sizeof o));
			(void)symbols_find(&s, 0x1008);
			symbols_fini(&s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good),           cmocka_unit_test(test_no_elf),
	    cmocka_unit_test(test_other_machines), cmocka_unit_test(test_other_kinds),
	    cmocka_unit_test(test_truncated),      cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_data_size),      cmocka_unit_test(test_symbols),
	    cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
