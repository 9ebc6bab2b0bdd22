/*
 * Checks of executables: one that is right, each field wrong in turn, and random
 * damage. Whatever is accepted must keep the invariants that loading relies on.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "kernel/lib/rand.h"
#include "kernel/proc/elf.h"

#define USER_END  0x4000000000UL
#define FILE_SIZE 0x5000UL
#define PHDRS     4

struct image {
	struct linux_elf64_ehdr eh;
	struct linux_elf64_phdr ph[PHDRS];
};

/* Text at 64 KiB, data in the next page but one with a bss of three pages. */
static struct image sample(void)
{
	struct image im = {0};

	memcpy(im.eh.ident, "\177ELF\2\1\1", 7);
	im.eh.type = ET_EXEC;
	im.eh.machine = EM_RISCV;
	im.eh.version = 1;
	im.eh.entry = 0x10100;
	im.eh.phoff = sizeof im.eh;
	im.eh.ehsize = sizeof im.eh;
	im.eh.phentsize = sizeof im.ph[0];
	im.eh.phnum = PHDRS;
	im.ph[0] = (struct linux_elf64_phdr){.type = PT_LOAD,
					     .flags = PF_R | PF_X,
					     .vaddr = 0x10000,
					     .filesz = 0x2345,
					     .memsz = 0x2345,
					     .align = 0x1000};
	im.ph[1] = (struct linux_elf64_phdr){.type = PT_LOAD,
					     .flags = PF_R | PF_W,
					     .offset = 0x2800,
					     .vaddr = 0x13800,
					     .filesz = 0x900,
					     .memsz = 0x3000,
					     .align = 0x1000};
	im.ph[2] = (struct linux_elf64_phdr){.type = PT_GNU_STACK, .flags = PF_R | PF_W};
	im.ph[3] = (struct linux_elf64_phdr){.type = PT_LOAD, .flags = PF_R}; /* empty */
	return im;
}

static int check(const struct image *im, struct elf_image *out)
{
	const char *why = NULL;
	int error = elf_check_header(im, sizeof im->eh, FILE_SIZE, &why);

	if (!error)
		error = elf_check_segments(&im->eh, im->ph, FILE_SIZE, USER_END, out, &why);
	assert_true((error == 0) == (why == NULL));
	return error;
}

static void accepts(void **state)
{
	struct image im = sample();
	struct elf_image out;

	(void)state;
	assert_int_equal(check(&im, &out), 0);
	assert_false(out.is_pie);
	assert_int_equal(out.entry, 0x10100);
	assert_int_equal(out.start, 0x10000);
	assert_int_equal(out.end, 0x17000);
	assert_int_equal(out.align, 0x1000);
	assert_int_equal(out.phdr_va, 0x10000 + sizeof im.eh);
	assert_int_equal(out.nphdrs, PHDRS);

	im.eh.type = ET_DYN;
	im.ph[1].align = 0x200000;
	assert_int_equal(check(&im, &out), 0);
	assert_true(out.is_pie);
	assert_int_equal(out.align, 0x200000);
}

#define REFUSED(change, errno_)                                                                    \
	do {                                                                                       \
		struct image im = sample();                                                        \
		struct elf_image out;                                                              \
		change;                                                                            \
		assert_int_equal(check(&im, &out), -(errno_));                                     \
	} while (0)

static void refuses_headers(void **state)
{
	struct image whole = sample();
	const char *why;

	(void)state;
	REFUSED(im.eh.ident[0] = 0, ENOEXEC);
	REFUSED(im.eh.ident[4] = 1, ENOEXEC);
	REFUSED(im.eh.ident[5] = 2, ENOEXEC);
	REFUSED(im.eh.ident[6] = 0, ENOEXEC);
	REFUSED(im.eh.machine = 62, ENOEXEC);
	REFUSED(im.eh.type = 1, ENOEXEC);
	REFUSED(im.eh.version = 2, ENOEXEC);
	REFUSED(im.eh.phentsize = 32, ENOEXEC);
	REFUSED(im.eh.phnum = 0, ENOEXEC);
	REFUSED(im.eh.phnum = ELF_MAX_PHDRS + 1, ENOEXEC);
	REFUSED(im.eh.phoff = FILE_SIZE, ENOEXEC);
	REFUSED(im.eh.phoff = UINT64_MAX - 8, ENOEXEC);
	for (size_t len = 0; len < sizeof whole.eh; len++)
		assert_int_equal(elf_check_header(&whole, len, len, &why), -ENOEXEC);
}

static void refuses_segments(void **state)
{
	(void)state;
	REFUSED(im.ph[0].filesz = 0x2346, ENOEXEC);                     /* more than in memory */
	REFUSED(im.ph[0].offset = 0x4000, ENOEXEC);                     /* beyond the file */
	REFUSED(im.ph[0].offset = UINT64_MAX & ~PAGE_MASK, ENOEXEC);    /* wraps */
	REFUSED(im.ph[1].memsz = USER_END - 0x13800 + 1, ENOEXEC);      /* out of the user's half */
	REFUSED(im.ph[1].memsz = UINT64_MAX, ENOEXEC);                  /* wraps */
	REFUSED(im.ph[1].vaddr = 0xffffffc000000800, ENOEXEC);          /* the kernel's */
	REFUSED(im.ph[1].offset = 0x2801, ENOEXEC);                     /* not congruent */
	REFUSED(im.ph[1].align = 0x1800, ENOEXEC);                      /* no power of two */
	REFUSED(im.ph[1].vaddr = 0x11800, ENOEXEC);                     /* overlaps */
	REFUSED(im.ph[0].vaddr = 0x20000, ENOEXEC);                     /* descends */
	REFUSED(im.eh.entry = 0x13800, ENOEXEC);                        /* not executable */
	REFUSED(im.eh.entry = 0x12345, ENOEXEC);                        /* one beyond */
	REFUSED(im.ph[0].type = im.ph[1].type = PT_GNU_STACK, ENOEXEC); /* nothing to load */
	REFUSED(im.ph[2].type = PT_INTERP; im.ph[2].filesz = 1, ENOEXEC);
	REFUSED(im.ph[2].type = PT_INTERP; im.ph[2].filesz = PATH_MAX + 1, ENOEXEC);
	REFUSED(im.ph[2].type = PT_INTERP; im.ph[2].filesz = 20;
		im.ph[2].offset = FILE_SIZE - 19, ENOEXEC);
}

static void tells_interpreter(void **state)
{
	struct image im = sample();
	struct elf_image out;

	(void)state;
	assert_int_equal(check(&im, &out), 0);
	assert_int_equal(out.interp_len, 0);
	im.ph[2].type = PT_INTERP;
	im.ph[2].offset = 0x100;
	im.ph[2].filesz = 20;
	assert_int_equal(check(&im, &out), 0);
	assert_int_equal(out.interp_at, 0x100);
	assert_int_equal(out.interp_len, 20);
}

static void phdrs_in_no_segment(void **state)
{
	struct image im = sample();
	struct elf_image out;

	(void)state;
	im.eh.phoff = 0x4000;
	assert_int_equal(check(&im, &out), 0);
	assert_int_equal(out.phdr_va, 0);
}

static void mutated(void **state)
{
	struct rng rng = rng_for("elf mutations");
	unsigned accepted = 0;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct image im = sample();
		struct elf_image out;
		uint64_t end = 0;

		for (uint64_t n = rng_below(&rng, 3) + 1; n > 0; n--) {
			size_t at = rng_below(&rng, sizeof im);

			((uint8_t *)&im)[at] = (uint8_t)rng_next(&rng);
		}
		if (im.eh.phnum > PHDRS || check(&im, &out) != 0)
			continue;
		accepted++;
		for (unsigned i = 0; i < im.eh.phnum; i++) {
			const struct linux_elf64_phdr *p = &im.ph[i];

			if (p->type != PT_LOAD || p->memsz == 0)
				continue;
			assert_true(p->vaddr >= end && p->vaddr >= out.start);
			end = p->vaddr + p->memsz;
			assert_true(end > p->vaddr && end <= out.end && end <= USER_END);
			assert_true(p->offset + p->filesz <= FILE_SIZE && p->filesz <= p->memsz);
			assert_int_equal((p->vaddr - p->offset) % PAGE_SIZE, 0);
		}
		assert_true(out.entry >= out.start && out.entry < out.end);
	}
	assert_true(accepted > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepts),
	    cmocka_unit_test(refuses_headers),
	    cmocka_unit_test(refuses_segments),
	    cmocka_unit_test(tells_interpreter),
	    cmocka_unit_test(phdrs_in_no_segment),
	    cmocka_unit_test(mutated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
