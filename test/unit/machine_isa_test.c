/*
 * Instructions where QEMU is no witness: it does something else than the specification says
 * (test/conform/README.md, second table), so the conformance programs leave these out.
 *
 * A test puts a few instructions at the start of RAM, runs them in M-mode, and looks at the hart.
 */
#include "test/unit/machine_board.h"

#include "machine/mmu/walk.h"
#include "rv/pte.h"

#define NOWHERE 0x18000020u /* no RAM, no device */

static struct board b;

static int setup(void **state)
{
	board_init(&b, 1 << 20, 1);
	machine_start_bare(b.m, paddr(BOARD_RAM_BASE));
	return 0;
}

static int teardown(void **state)
{
	machine_destroy(b.m);
	return 0;
}

/* Runs `n` instructions; the last one may trap. a0 and a1 are x[10] and x[11]. */
static struct hart *run(const uint32_t *code, unsigned n, uint64_t a0, uint64_t a1)
{
	struct hart *h = &b.m->harts[0];

	assert_true(machine_ram_write(b.m, paddr(BOARD_RAM_BASE), code, n * sizeof(*code)));
	h->x[10] = a0;
	h->x[11] = a1;
	assert_int_equal(machine_run(b.m, machine_clock(b.m, 0) + n), STOP_LIMIT);
	return h;
}

static void amo_outside_ram_is_a_store_fault(void **state)
{
	const uint32_t code[] = {0x08b5262f}; /* amoswap.w a2, a1, (a0) */
	struct hart *h = run(code, 1, NOWHERE, 1);

	assert_int_equal(h->mcause, CAUSE_STORE_ACCESS);
	assert_int_equal(h->mtval, NOWHERE);
}

static void load_that_traps_leaves_fs(void **state)
{
	const uint32_t code[] = {0x30059073, 0x00053007}; /* csrw mstatus, a1; fld f0, 0(a0) */
	struct hart *h = run(code, 2, NOWHERE, (uint64_t)FS_CLEAN << MSTATUS_FS_SHIFT);

	assert_int_equal(h->mcause, CAUSE_LOAD_ACCESS);
	assert_int_equal((h->mstatus & MSTATUS_FS) >> MSTATUS_FS_SHIFT, FS_CLEAN);
	assert_false(h->mstatus & MSTATUS_SD);
}

static void load_that_succeeds_dirties_fs(void **state)
{
	const uint32_t code[] = {0x30059073, 0x00053007};
	struct hart *h = run(code, 2, BOARD_RAM_BASE, (uint64_t)FS_CLEAN << MSTATUS_FS_SHIFT);

	assert_int_equal((h->mstatus & MSTATUS_FS) >> MSTATUS_FS_SHIFT, FS_DIRTY);
	assert_true(h->mstatus & MSTATUS_SD);
}

static void ctzw_of_a_zero_word_is_32(void **state)
{
	const uint32_t code[] = {0x6015161b}; /* ctzw a2, a0 */

	assert_int_equal(run(code, 1, 0x400000000, 0)->x[12], 32);
}

static void ecall_from_m_is_not_delegable(void **state)
{
	const uint32_t code[] = {0x30251073}; /* csrw medeleg, a0 */

	assert_int_equal(run(code, 1, UINT64_MAX, 0)->medeleg, 0xb3ff);
}

static void setting_no_bit_is_still_a_write(void **state)
{
	const uint32_t code[] = {0xf1452673}; /* csrrs a2, mhartid, a0 */

	assert_int_equal(run(code, 1, 0, 0)->mcause, CAUSE_ILLEGAL);
}

static void cbo_outside_ram_tells_rs1(void **state)
{
	const uint32_t code[] = {0x0015200f}; /* cbo.clean (a0) */
	struct hart *h = run(code, 1, NOWHERE + 5, 0);

	assert_int_equal(h->mcause, CAUSE_STORE_ACCESS);
	assert_int_equal(h->mtval, NOWHERE + 5);
}

static void table_outside_ram_is_an_access_fault(void **state)
{
	const struct walk_request rq = {
	    .va = 0x1000,
	    .satp = (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | NOWHERE >> RV_PAGE_SHIFT,
	    .access = ACCESS_LOAD,
	    .prv = PRV_S,
	};
	struct walk_result out;

	assert_int_equal(walk(&b.m->harts[0], &rq, &out), WALK_ACCESS_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(amo_outside_ram_is_a_store_fault, setup, teardown),
	    cmocka_unit_test_setup_teardown(load_that_traps_leaves_fs, setup, teardown),
	    cmocka_unit_test_setup_teardown(load_that_succeeds_dirties_fs, setup, teardown),
	    cmocka_unit_test_setup_teardown(ctzw_of_a_zero_word_is_32, setup, teardown),
	    cmocka_unit_test_setup_teardown(ecall_from_m_is_not_delegable, setup, teardown),
	    cmocka_unit_test_setup_teardown(setting_no_bit_is_still_a_write, setup, teardown),
	    cmocka_unit_test_setup_teardown(cbo_outside_ram_tells_rs1, setup, teardown),
	    cmocka_unit_test_setup_teardown(table_outside_ram_is_an_access_fault, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
