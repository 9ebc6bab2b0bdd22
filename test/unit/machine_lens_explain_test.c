/*
 * The crash block: for each way to die, the sentence, the guilty PTE and the
 * advice; and that everything fits on 80 columns.
 */
#include "test/unit/machine_lens_fake.h"

#include <stdlib.h>

enum { ILL = 4, BUS = 7, SEGV = 11 };

#define PC 0x10104

static struct machine *m;
static struct lens *l;

static int setup(void **state)
{
	struct lens_options options = {0};

	m = calloc(1, sizeof *m);
	l = lens_create(&options);
	start_program(l, m);
	/* sw a5, 0(a4) at the pc */
	m->ram[PFN_FILE - FIRST_PFN][(PC & 0xfff) / 8] = 0x00f7202300000013;
	return 0;
}

static int teardown(void **state)
{
	lens_destroy(l);
	free(m);
	return 0;
}

static const char *die(unsigned signo, enum access access, uint64_t va, bool on_hit)
{
	uint64_t pc = access == ACCESS_FETCH ? va : PC;

	m->fault = (struct fault_record){.valid = true,
					 .on_hit = on_hit,
					 .access = access,
					 .prv = PRV_U,
					 .va = va,
					 .pc = pc,
					 .satp = m->regs.satp};
	event(l, m, TRACE_PROC_SIGNAL, 1, signo, 1, va, pc, 1);

	unsigned column = 0;
	for (const char *s = lens_crash(l); *s; s++) {
		column = *s == '\n' ? 0 : column + 1;
		if (column > 80)
			fail_msg("wider than 80 columns:\n%s", lens_crash(l));
	}
	return lens_crash(l);
}

static void expect(const char *block, const char *part)
{
	if (!strstr(block, part))
		fail_msg("expected '%s' in:\n%s", part, block);
}

static void test_null_load(void **state)
{
	const char *b = die(SEGV, ACCESS_LOAD, 0x10, false);

	expect(b, "limpid: pid 1 (prog) died of SIGSEGV.\n");
	expect(b, "It loaded from 0x10, where nothing is mapped.\n");
	expect(b, "VPN 0 | 0 | 0, offset 0x010   TLB: miss\n");
	expect(b, "level 2 [  0]");
	expect(b, "--------  <-- not valid\n");
	expect(b, "above    0x10000-0x12000  r-x  prog, 63.9 KiB away\n");
	expect(b, "Check: a null pointer");
	expect(b, "instruction 0x00f72023\n");
}

static void test_store_to_text(void **state)
{
	const char *b = die(SEGV, ACCESS_STORE, 0x10008, true);

	expect(b, "It stored to 0x10008, which may not be written.\n");
	expect(b, "VPN 0 | 0 | 16, offset 0x008   TLB: hit\n");
	expect(b, "VR-XU-A-  frame 0x80009  <-- no W\n");
	expect(b, "VMA      0x10000-0x12000  r-x  prog\n");
	expect(b, "Check: a store into program code");
}

static void test_execute_data(void **state)
{
	const char *b = die(SEGV, ACCESS_FETCH, 0x12000, false);

	expect(b, "It jumped to 0x12000, which may not be executed.\n");
	expect(b, "frame 0x80008  <-- no X\n");
	expect(b, "Check: data is not code");
}

static void test_kernel_address(void **state)
{
	const char *b = die(SEGV, ACCESS_LOAD, 0xffffffff80200000, false);

	expect(b, "which belongs to the kernel.\n");
	expect(b, "VPN 510 | 1 | 0, offset 0x000");
	expect(b, "closed to");
}

static void test_no_address(void **state)
{
	const char *b = die(SEGV, ACCESS_LOAD, 0x4141414141414141, false);

	expect(b, "bits 63 to 38 are not all equal");
	assert_null(strstr(b, "level 2"));
}

static void test_stack_overflow(void **state)
{
	const char *b = die(SEGV, ACCESS_STORE, 0x3fffefff00, false);

	expect(b, "above    0x3ffff00000-0x3fffff0000  rw-  stack, 256 bytes away\n");
	expect(b, "Check: the stack is full");
}

static void test_past_the_end(void **state)
{
	const char *b = die(SEGV, ACCESS_STORE, 0x14000, false);

	expect(b, "below    0x12000-0x14000  rw-  anonymous memory, ended just before\n");
	expect(b, "Check: just past mapped memory");
}

static void test_use_after_unmap(void **state)
{
	event(l, m, TRACE_VMA_ADD, 1, 0x2000000000, 0x2000010000, 3, TV_ANON, 0);
	event(l, m, TRACE_VMA_REMOVE, 1, 0x2000000000, 0x2000010000, 0, 0, 0);
	const char *b = die(SEGV, ACCESS_LOAD, 0x2000000008, false);

	expect(b, "was      0x2000000000-0x2000010000  rw-  anonymous memory, unmapped");
	expect(b, "Check: use after munmap");
}

static void test_guard_page(void **state)
{
	event(l, m, TRACE_VMA_ADD, 1, 0x2000000000, 0x2000010000, 0, TV_ANON, 0);
	const char *b = die(SEGV, ACCESS_STORE, 0x2000000008, false);

	expect(b, "which is reserved, with no access allowed");
	expect(b, "---  anonymous memory");
}

static void test_beyond_the_file(void **state)
{
	const char *b = die(BUS, ACCESS_LOAD, 0x11000, false);

	expect(b, "died of SIGBUS");
	expect(b, "beyond the end of the mapped file");
	expect(b, "Check: the mapping is longer than its file");
}

static void test_illegal_instruction(void **state)
{
	m->ram[PFN_FILE - FIRST_PFN][(PC & 0xfff) / 8] = 0x0000000000000013;
	event(l, m, TRACE_PROC_SIGNAL, 1, ILL, 1, PC, PC, 1);
	const char *b = lens_crash(l);

	expect(b, "died of SIGILL");
	expect(b, "instruction 0x0000\n");
	expect(b, "Check: code compiled for another RISC-V variant");
}

static void test_sent_signals_are_no_crash(void **state)
{
	event(l, m, TRACE_PROC_SIGNAL, 1, SEGV, (uint64_t)-6, 0, 0, 1); /* SI_TKILL */
	event(l, m, TRACE_PROC_SIGNAL, 1, 6, 1, 0, 0, 1);
	assert_string_equal(lens_crash(l), "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_null_load),       T(test_store_to_text),       T(test_execute_data),
	    T(test_kernel_address),  T(test_no_address),          T(test_stack_overflow),
	    T(test_past_the_end),    T(test_use_after_unmap),     T(test_guard_page),
	    T(test_beyond_the_file), T(test_illegal_instruction), T(test_sent_signals_are_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
