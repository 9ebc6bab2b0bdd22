/*
 * The lens's accounts: a run that is in order agrees; each single lie, of the
 * counters, of an event or of a page table, is found and named by its number.
 */
#include "test/unit/machine_lens_fake.h"

#include <stdlib.h>

struct fixture {
	struct machine m;
	struct lens *l;
};

static int setup(void **state)
{
	struct lens_options options = {.count_zero_bytes = true};
	struct fixture *f = calloc(1, sizeof *f);

	f->l = lens_create(&options);
	start_program(f->l, &f->m);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lens_destroy(f->l);
	free(f);
	return 0;
}

/* Counters that hold all equations. */
static void good_counters(struct machine *m)
{
	m->count = (struct hart_counters){
	    .steps = 1010,
	    .retired = 1000,
	    .retired_by_prv = {600, 390, 0, 10},
	    .exceptions = 10,
	    .paged_steps = 900,
	    .straddles = 5,
	    .lookups = {905, 200, 100},
	    .hits = {900, 290, 5},
	    .misses = {5, 10, 10},
	    .walks = 12,
	    .walks_dirty = 2,
	    .walks_faulted = 3,
	    .hit_faults = 1,
	    .page_faults = 4,
	    .pte_reads = {10, 11, 12},
	};
}

static void fault(struct fixture *f, unsigned kind)
{
	event(f->l, &f->m, TRACE_FAULT_BEGIN, 1, 0x12000, 15, 0x10100, 1, 0);
	event(f->l, &f->m, TRACE_FAULT_END, 1, 0x12000, kind, 0, 0, 0);
}

/* The program exits, its memory is freed, and the run ends. */
static void end_program(struct fixture *f)
{
	event(f->l, &f->m, TRACE_PROC_EXIT, 1, 0, 0, 0, 0, 0);
	event(f->l, &f->m, TRACE_AS_DESTROY, 1, 0, 0, 0, 0, 0);
	lens_finish(f->l, &f->m, true);
}

static void expect_violation(struct fixture *f, const char *what)
{
	const char *v = lens_violation(f->l);

	assert_non_null(v);
	if (!strstr(v, what))
		fail_msg("expected '%s' in: %s", what, v);
	assert_false(lens_stats(f->l)->agree);
}

static void test_all_agree(void **state)
{
	struct fixture *f = *state;
	const struct lens_stats *st = lens_stats(f->l);

	good_counters(&f->m);
	fault(f, TK_ZERO);
	fault(f, TK_ZERO);
	fault(f, TK_FILE);
	fault(f, TK_STACK);
	f->m.ram[PFN_ANON - FIRST_PFN][0] = 0x0101010101010101;
	end_program(f);
	assert_null(lens_violation(f->l));
	assert_int_equal(st->accounts_checked, LENS_ACCOUNTS);
	assert_true(st->agree);
	assert_int_equal(st->faults[TK_ZERO], 2);
	assert_int_equal(st->resident, 2);
	assert_int_equal(st->resident_peak, 2);
	assert_int_equal(st->tables, 3);
	assert_int_equal(st->nvmas, 3);
	assert_int_equal(st->reserved, 0x4000 + 0xf0000);
	assert_int_equal(st->frames[TF_PAGETABLE], 4);
	assert_int_equal(st->frames[TF_FREE], FAKE_FRAMES - 6);
	assert_int_equal(st->anon_frames, 1);
	assert_int_equal(st->zero_bytes, RV_PAGE_SIZE - 8);
}

static void test_hardware_may_set_a_and_d(void **state)
{
	struct fixture *f = *state;

	f->m.ram[PFN_TABLE0 - FIRST_PFN][0x10] ^= PTE_A;
	end_program(f);
	assert_null(lens_violation(f->l));
}

/* Each counter of an equation changed by one. */
static void test_counter_lies(void **state)
{
	struct fixture *f = *state;
	struct {
		uint64_t *counter;
		const char *account;
	} lies[] = {
	    {&f->m.count.hits[TLB_L1_FETCH], "account 1:"},
	    {&f->m.count.lookups[ACCESS_STORE], "account 2:"},
	    {&f->m.count.hits[TLB_L2], "account 3:"},
	    {&f->m.count.walks_dirty, "account 4:"},
	    {&f->m.count.hit_faults, "account 5:"},
	    {&f->m.count.straddles, "account 8:"},
	    {&f->m.count.exceptions, "account 12:"},
	    {&f->m.count.retired_by_prv[PRV_U], "account 12:"},
	};

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		teardown(state);
		setup(state);
		/* here: the fixture lies somewhere else */
		uint64_t *counter =
		    (uint64_t *)((char *)*state + ((char *)lies[i].counter - (char *)f));
		good_counters(&((struct fixture *)*state)->m);
		for (int n = 0; n < 4; n++)
			fault(*state, TK_ZERO);
		++*counter;
		end_program(*state);
		expect_violation(*state, lies[i].account);
	}
}

static void test_fault_without_end(void **state)
{
	struct fixture *f = *state;

	good_counters(&f->m);
	for (int n = 0; n < 3; n++)
		fault(f, TK_ZERO);
	event(f->l, &f->m, TRACE_FAULT_BEGIN, 1, 0x12000, 15, 0x10100, 1, 0);
	end_program(f);
	expect_violation(f, "account 6: page faults begun 4, ended, by kind 3");
}

static void test_fault_never_seen(void **state)
{
	struct fixture *f = *state;

	good_counters(&f->m);
	end_program(f);
	expect_violation(f, "account 6: page faults raised 4, seen by the kernel 0");
}

static void test_fault_in_flight_at_a_limit(void **state)
{
	struct fixture *f = *state;

	good_counters(&f->m);
	for (int n = 0; n < 3; n++)
		fault(f, TK_ZERO);
	lens_finish(f->l, &f->m, false);
	assert_null(lens_violation(f->l));
	assert_int_equal(lens_stats(f->l)->accounts_checked, LENS_ACCOUNTS - 3);
}

static void test_untold_pte(void **state)
{
	struct fixture *f = *state;

	f->m.ram[PFN_TABLE0 - FIRST_PFN][0x11] = pte_of(PFN_FILE, PTE_R | PTE_U | PTE_A);
	end_program(f);
	expect_violation(f, "account 9: PTE of level 0 for 0x11000 in space 1");
}

static void test_told_pte_not_made(void **state)
{
	struct fixture *f = *state;

	f->m.ram[PFN_TABLE0 - FIRST_PFN][0x12] &= ~(uint64_t)PTE_W;
	end_program(f);
	expect_violation(f, "account 9: PTE of level 0 for 0x12000");
}

static void test_wrong_old_value(void **state)
{
	struct fixture *f = *state;

	event(f->l, &f->m, TRACE_PTE_SET, 1, 0x12000, 0, 0, pte_of(PFN_FILE, PTE_R), PFN_TABLE0);
	end_program(f);
	expect_violation(f, "account 9: the PTE of level 0 for 0x12000 was");
}

static void test_freed_while_mapped(void **state)
{
	struct fixture *f = *state;

	event(f->l, &f->m, TRACE_FRAME_SET, PFN_ANON, 1, TF_FREE, 0, 0, 0);
	end_program(f);
	expect_violation(f, "was freed while 1 PTEs map it");
}

static void test_file_frame_forgotten(void **state)
{
	struct fixture *f = *state;

	pte_set(f->l, &f->m, PFN_TABLE0, 0x10000, 0, 0);
	event(f->l, &f->m, TRACE_FRAME_PIN, PFN_FILE, (uint64_t)-1, 0, 0, 0, 0);
	end_program(f);
	expect_violation(f, "account 10: frame 0x80009 is file with 0 PTEs and 0 pins");
}

static void test_table_with_two_parents(void **state)
{
	struct fixture *f = *state;

	pte_set(f->l, &f->m, PFN_ROOT, 1ULL << 30, 2, pte_of(PFN_TABLE1, 0));
	end_program(f);
	assert_non_null(lens_violation(f->l));
}

static void test_table_without_parent(void **state)
{
	struct fixture *f = *state;

	event(f->l, &f->m, TRACE_FRAME_SET, FIRST_PFN + 20, 1, TF_PAGETABLE, 0, 0, 0);
	end_program(f);
	expect_violation(f, "account 11: page-table frame 0x80014 has 0 parent entries");
}

static void test_kernel_half_differs(void **state)
{
	struct fixture *f = *state;

	f->m.ram[PFN_ROOT - FIRST_PFN][300] = pte_of(FIRST_PFN, PTE_R);
	end_program(f);
	expect_violation(f, "account 11: root entry 300 of space 1");
}

static void test_kernel_tables_have_a_parent(void **state)
{
	struct fixture *f = *state;

	event(f->l, &f->m, TRACE_FRAME_SET, FIRST_PFN + 20, 1, TF_PAGETABLE, 0, 0, 0);
	f->m.ram[PFN_ROOT - FIRST_PFN][300] = pte_of(FIRST_PFN + 20, 0);
	f->m.ram[PFN_KERNEL_ROOT - FIRST_PFN][300] = pte_of(FIRST_PFN + 20, 0);
	end_program(f);
	assert_null(lens_violation(f->l));
}

static void test_no_such_frame(void **state)
{
	struct fixture *f = *state;

	event(f->l, &f->m, TRACE_FRAME_SET, FIRST_PFN + FAKE_FRAMES - 1, 2, TF_ANON, 0, 0, 0);
	end_program(f);
	expect_violation(f, "account 7:");
}

static void test_programs_are_not_believed(void **state)
{
	struct fixture *f = *state;

	f->m.regs.prv = PRV_U;
	event(f->l, &f->m, TRACE_FRAME_SET, PFN_ANON, 1, TF_FREE, 0, 0, 0);
	event(f->l, &f->m, TRACE_AS_DESTROY, 77, 0, 0, 0, 0, 0);
	f->m.regs.prv = PRV_S;
	end_program(f);
	assert_null(lens_violation(f->l));
}

static void test_faults_of_the_boot_do_not_count(void **state)
{
	struct lens_options options = {0};
	struct machine *m = calloc(1, sizeof *m);
	struct lens *l = lens_create(&options);

	m->count.page_faults = m->count.walks_faulted = m->count.walks = 1;
	m->count.misses[TLB_L2] = m->count.misses[TLB_L1_FETCH] = 1;
	m->count.lookups[ACCESS_FETCH] = m->count.paged_steps = 1;
	start_program(l, m);
	lens_finish(l, m, true);
	assert_null(lens_violation(l));
	lens_destroy(l);
	free(m);
}

/* The screen: at most 24 lines of 80 columns, whatever the numbers. */
static void test_screen(void **state)
{
	struct fixture *f = *state;
	struct text t = {0};
	size_t lines = 0, column = 0;

	for (size_t i = 0; i < sizeof f->m.count / sizeof(uint64_t); i++)
		((uint64_t *)&f->m.count)[i] = 9876543210;
	for (unsigned k = 1; k < TK_MAX; k++)
		fault(f, k);
	end_program(f);
	lens_stats_print(f->l, &t);
	for (const char *s = text_string(&t); *s; s++) {
		column = *s == '\n' ? 0 : column + 1;
		lines += *s == '\n';
		assert_true(column <= 80);
	}
	if (lines > 24)
		fail_msg("%zu lines:\n%s", lines, text_string(&t));
	text_free(&t);
}

static void test_numbers(void **state)
{
	char buf[COMMAS_SIZE];

	assert_string_equal(commas(buf, 0), "0");
	assert_string_equal(commas(buf, 999), "999");
	assert_string_equal(commas(buf, 1000), "1,000");
	assert_string_equal(commas(buf, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(bytes_human(buf, 1023), "1023 bytes");
	assert_string_equal(bytes_human(buf, 64 << 20), "64 MiB");
	assert_string_equal(bytes_human(buf, (64 << 20) - 1), "63.9 MiB");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_all_agree),
	    T(test_hardware_may_set_a_and_d),
	    T(test_counter_lies),
	    T(test_fault_without_end),
	    T(test_fault_never_seen),
	    T(test_fault_in_flight_at_a_limit),
	    T(test_untold_pte),
	    T(test_told_pte_not_made),
	    T(test_wrong_old_value),
	    T(test_freed_while_mapped),
	    T(test_file_frame_forgotten),
	    T(test_table_with_two_parents),
	    T(test_table_without_parent),
	    T(test_kernel_half_differs),
	    T(test_kernel_tables_have_a_parent),
	    T(test_no_such_frame),
	    T(test_programs_are_not_believed),
	    cmocka_unit_test(test_faults_of_the_boot_do_not_count),
	    T(test_screen),
	    cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
