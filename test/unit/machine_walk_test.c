/*
 * The walk against its specification, step by step, and against a second
 * opinion: every combination of PTE bits, privilege, SUM, MXR and access is
 * compared with a table-free restatement of the rules.
 */
#include "test/unit/machine_board.h"

#include "machine/mmu/pmp.h"
#include "machine/mmu/walk.h"
#include "rv/pte.h"

#define MIB   (1u << 20)
#define ROOT  (BOARD_RAM_BASE + 0x1000)
#define MID   (BOARD_RAM_BASE + 0x2000)
#define LEAF  (BOARD_RAM_BASE + 0x3000)
#define FRAME (BOARD_RAM_BASE + 0x200000)
#define VA    0x40201abcULL /* VPN 1 | 1 | 1 */

static struct board b;

static void put(uint64_t table, unsigned index, uint64_t pte)
{
	machine_ram_write(b.m, paddr(table + index * 8), &pte, 8);
}

static uint64_t get(uint64_t table, unsigned index)
{
	uint64_t pte;

	machine_ram_read(b.m, paddr(table + index * 8), &pte, 8);
	return pte;
}

static uint64_t ppn(uint64_t pa)
{
	return pa >> RV_PAGE_SHIFT << PTE_PPN_SHIFT;
}

static struct walk_request request(enum access access, unsigned prv)
{
	return (struct walk_request){
	    .va = VA,
	    .satp = (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | ROOT >> RV_PAGE_SHIFT,
	    .access = access,
	    .prv = prv,
	    .update_ad = true,
	};
}

static int setup(void **state)
{
	board_init(&b, 8 * MIB, 1);
	pmp_open(&b.m->harts[0]);
	put(ROOT, 1, ppn(MID) | PTE_V);
	put(MID, 1, ppn(LEAF) | PTE_V);
	return 0;
}

static int teardown(void **state)
{
	board_fini(&b);
	return 0;
}

/* The rules of steps 3 to 7 for a leaf, said another way. */
static bool should_pass(unsigned pte, enum access access, unsigned prv, bool sum, bool mxr, bool ad)
{
	bool v = pte & PTE_V, r = pte & PTE_R, w = pte & PTE_W, x = pte & PTE_X, u = pte & PTE_U;
	bool a = pte & PTE_A, d = pte & PTE_D;

	if (!v || (w && !r) || (!r && !x))
		return false;
	if (prv == PRV_U && !u)
		return false;
	if (prv == PRV_S && u && (!sum || access == ACCESS_FETCH))
		return false;
	if (access == ACCESS_FETCH && !x)
		return false;
	if (access == ACCESS_LOAD && !r && !(mxr && x))
		return false;
	if (access == ACCESS_STORE && !w)
		return false;
	return ad || (a && (d || access != ACCESS_STORE));
}

static void every_leaf(void **state)
{
	for (unsigned bits = 0; bits < 256; bits++)
		for (unsigned k = 0; k < 3 * 2 * 2 * 2 * 2; k++) {
			struct walk_request rq =
			    request((enum access)(k % 3), k / 3 & 1 ? PRV_S : PRV_U);
			struct walk_result out;
			rq.sum = k / 6 & 1;
			rq.mxr = k / 12 & 1;
			rq.update_ad = k / 24 & 1;
			uint64_t pte = ppn(FRAME) | bits;
			put(LEAF, 1, pte);
			bool ok = walk(&b.m->harts[0], &rq, &out) == WALK_OK;
			assert_int_equal(
			    ok, should_pass(bits, rq.access, rq.prv, rq.sum, rq.mxr, rq.update_ad));
			if (ok) {
				pte |= PTE_A | (rq.access == ACCESS_STORE ? PTE_D : 0);
				assert_int_equal(out.ppn, FRAME >> RV_PAGE_SHIFT);
				assert_int_equal(out.level, 0);
			}
			/* A fault changes nothing; a success sets A, and D for a store only. */
			assert_int_equal(get(LEAF, 1), pte);
			assert_int_equal(out.reads[0] + out.reads[1] + out.reads[2], 3);
		}
}

static enum walk_end walk_load(struct walk_result *out)
{
	struct walk_request rq = request(ACCESS_LOAD, PRV_S);

	return walk(&b.m->harts[0], &rq, out);
}

static void pointers(void **state)
{
	struct walk_result out;
	static const uint64_t reserved[] = {PTE_A,      PTE_D,      PTE_U,
					    1ULL << 54, 1ULL << 63, 1ULL << 60};

	put(LEAF, 1, ppn(FRAME) | PTE_V | PTE_R);
	assert_int_equal(walk_load(&out), WALK_OK);
	put(MID, 1,
	    ppn(LEAF) | PTE_V | PTE_G); /* G is allowed in a pointer, the software bits too */
	assert_int_equal(walk_load(&out), WALK_OK);
	put(MID, 1, ppn(LEAF) | PTE_V | 0x300);
	assert_int_equal(walk_load(&out), WALK_OK);
	for (unsigned i = 0; i < 6; i++) {
		put(MID, 1, ppn(LEAF) | PTE_V | reserved[i]);
		assert_int_equal(walk_load(&out), WALK_PAGE_FAULT);
		assert_int_equal(out.reads[1], 1);
		assert_int_equal(out.reads[0], 0);
	}
	put(MID, 1, ppn(LEAF) | PTE_V);
	put(LEAF, 1, ppn(LEAF) | PTE_V); /* a pointer at level 0 */
	assert_int_equal(walk_load(&out), WALK_PAGE_FAULT);
	put(MID, 1, ppn(BOARD_RAM_BASE - 0x1000) | PTE_V); /* a table outside RAM */
	assert_int_equal(walk_load(&out), WALK_ACCESS_FAULT);
	put(MID, 1, 0);
	assert_int_equal(walk_load(&out), WALK_PAGE_FAULT);
}

static void superpages(void **state)
{
	struct walk_result out;

	put(MID, 1, ppn(FRAME) | PTE_V | PTE_R);
	assert_int_equal(walk_load(&out), WALK_OK);
	assert_int_equal(out.level, 1);
	assert_int_equal(out.ppn, (FRAME >> RV_PAGE_SHIFT) + RV_VPN(VA, 0));
	put(MID, 1, ppn(FRAME + 0x1000) | PTE_V | PTE_R); /* not aligned to 2 MiB */
	assert_int_equal(walk_load(&out), WALK_PAGE_FAULT);
	put(ROOT, 1, ppn(BOARD_RAM_BASE) | PTE_V | PTE_R);
	assert_int_equal(walk_load(&out), WALK_OK);
	assert_int_equal(out.level, 2);
	put(ROOT, 1, ppn(BOARD_RAM_BASE + 0x200000) | PTE_V | PTE_R);
	assert_int_equal(walk_load(&out), WALK_PAGE_FAULT);
}

static void addresses_that_are_no_sign_extension(void **state)
{
	static const uint64_t bad[] = {1ULL << 39, 1ULL << 38, 0xffffffbfffffffff, 1ULL << 63};
	struct walk_result out;

	for (unsigned i = 0; i < 4; i++) {
		struct walk_request rq = request(ACCESS_LOAD, PRV_S);
		rq.va = bad[i];
		assert_int_equal(walk(&b.m->harts[0], &rq, &out), WALK_PAGE_FAULT);
		assert_int_equal(out.reads[2], 0);
	}
}

/* The same loop, deeper: the levels above lead to the Sv39 tree. */
static void sv48_and_sv57(void **state)
{
	uint64_t top = BOARD_RAM_BASE + 0x5000, upper = BOARD_RAM_BASE + 0x6000;
	struct walk_request rq = request(ACCESS_LOAD, PRV_S);
	struct walk_result out;

	put(LEAF, 1, ppn(FRAME) | PTE_V | PTE_R);
	put(upper, 3, ppn(ROOT) | PTE_V);
	put(top, 5, ppn(upper) | PTE_V);
	rq.va = 3ULL << 39 | VA;
	rq.satp = (uint64_t)SATP_MODE_SV48 << SATP_MODE_SHIFT | upper >> RV_PAGE_SHIFT;
	assert_int_equal(walk(&b.m->harts[0], &rq, &out), WALK_OK);
	assert_int_equal(out.reads[3], 1);
	rq.va |= 5ULL << 48;
	assert_int_equal(walk(&b.m->harts[0], &rq, &out),
			 WALK_PAGE_FAULT); /* not canonical for Sv48 */
	rq.satp = (uint64_t)SATP_MODE_SV57 << SATP_MODE_SHIFT | top >> RV_PAGE_SHIFT;
	assert_int_equal(walk(&b.m->harts[0], &rq, &out), WALK_OK);
	assert_int_equal(out.reads[4], 1);
	assert_int_equal(out.ppn, FRAME >> RV_PAGE_SHIFT);
}

/* Looking changes nothing and agrees with the walk. */
static void a_view(void **state)
{
	struct walk_request rq = request(ACCESS_LOAD, PRV_S);
	struct walk_view view;

	put(LEAF, 1, ppn(FRAME) | PTE_V | PTE_R);
	machine_walk_view(b.m, rq.satp, vaddr(VA), &view);
	assert_true(view.leaf);
	assert_int_equal(view.nsteps, 3);
	assert_int_equal(view.pa, FRAME + 0xabc);
	assert_int_equal(view.steps[2].pte_pa, LEAF + 8);
	assert_int_equal(get(LEAF, 1) & PTE_A, 0);
	put(MID, 1, 0);
	machine_walk_view(b.m, rq.satp, vaddr(VA), &view);
	assert_false(view.leaf);
	assert_int_equal(view.nsteps, 2);
	machine_walk_view(b.m, rq.satp, vaddr(1ULL << 40), &view);
	assert_int_equal(view.nsteps, 0);
	machine_walk_view(b.m, 0, vaddr(VA), &view);
	assert_int_equal(view.levels, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_leaf, setup, teardown),
	    cmocka_unit_test_setup_teardown(pointers, setup, teardown),
	    cmocka_unit_test_setup_teardown(superpages, setup, teardown),
	    cmocka_unit_test_setup_teardown(addresses_that_are_no_sign_extension, setup, teardown),
	    cmocka_unit_test_setup_teardown(sv48_and_sv57, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_view, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
