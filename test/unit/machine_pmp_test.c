/*
 * Physical memory protection where a frame is not all alike: each access and each instruction is
 * asked about on its own, however the machine is run. And reservations, which other harts' stores
 * break, and nothing else of theirs.
 */
#include "test/unit/machine_board.h"

#include "machine/mmu/pmp.h"
#include "rv/csr.h"
#include "rv/pte.h"

#define CODE (BOARD_RAM_BASE + 0x1000)
#define DATA (BOARD_RAM_BASE + 0x2000)

#define R     1u
#define W     2u
#define X     4u
#define NA4   0x10u
#define NAPOT 0x18u
#define LOCK  0x80u

static void start(struct board *b, unsigned harts, const void *code, size_t len)
{
	board_init(b, 1 << 20, harts);
	assert_true(machine_ram_write(b->m, paddr(CODE), code, len));
	machine_start_bare(b->m, paddr(CODE));
}

/* [at, at + size), a power of two, or 4. */
static void protect(struct hart *h, unsigned entry, uint64_t at, uint64_t size, unsigned cfg)
{
	uint64_t shift = entry % 8 * 8, all = pmp_cfg_read(h, entry / 8);

	pmp_addr_write(h, entry, size == 4 ? at >> 2 : at >> 2 | ((size >> 3) - 1));
	cfg |= size == 4 ? NA4 : NAPOT;
	all = (all & ~(0xffull << shift)) | (uint64_t)cfg << shift;
	pmp_cfg_write(h, entry / 8, all);
}

/* The ways to run: as it is, without lookaside, single blocks, in slices of one step. */
static void in_way(struct board *b, unsigned way)
{
	b->m->cfg.no_lookaside = way == 1;
	b->m->cfg.single_blocks = way == 2;
	for (unsigned i = 0; i < b->m->cfg.harts; i++)
		mmu_mode_changed(&b->m->harts[i]);
}

static void run_steps(struct board *b, unsigned way, uint64_t steps)
{
	for (uint64_t limit = way == 3 ? 1 : steps; limit <= steps; limit++)
		assert_int_equal(machine_run(b->m, limit), STOP_LIMIT);
}

/* addi a1, a1, -1; bnez a1, -4 ; then nops up to `end`, where the executable part ends. */
static void instructions_one_by_one(void **state)
{
	uint32_t code[32];
	uint64_t hash[4];

	for (unsigned i = 0; i < 32; i++)
		code[i] = 0x00000013;
	code[0] = 0xfff58593;
	code[1] = 0xfe059ee3;
	for (unsigned odd = 0; odd < 2; odd++)
		for (unsigned way = 0; way < 4; way++) {
			struct board b;
			struct hart *h;
			/* With a halfword first, the last instruction lies half outside. */
			static const uint16_t half = 0x0001;

			start(&b, 1, code, sizeof(code));
			if (odd) {
				assert_true(machine_ram_write(b.m, paddr(CODE + 8), &half, 2));
				assert_true(machine_ram_write(b.m, paddr(CODE + 10), &code[2], 96));
			}
			h = &b.m->harts[0];
			protect(h, 0, CODE, 64, R | X);
			protect(h, 1, BOARD_RAM_BASE, 1 << 20, R | W);
			h->prv = PRV_S;
			h->x[11] = 100;
			h->mtvec = DATA;
			in_way(&b, way);
			run_steps(&b, way, 200 + 14 + 1);
			assert_int_equal(h->mcause, CAUSE_FETCH_ACCESS);
			assert_int_equal(h->mepc, CODE + 64 - 2 * odd);
			assert_int_equal(h->mtval, CODE + 64);
			assert_int_equal(h->pc, DATA);
			hash[way] = machine_state_hash(b.m);
			assert_int_equal(hash[way], hash[0]);
			board_fini(&b);
		}
}

static bool can(struct hart *h, enum access access, uint64_t pa, unsigned size)
{
	uint64_t value, before = h->count.exceptions;
	bool ok = access == ACCESS_LOAD ? mmu_load(h, pa, size, &value) : mmu_store(h, pa, size, 0);

	assert_int_equal(h->count.exceptions, before + !ok);
	if (!ok) {
		assert_int_equal(h->mcause,
				 access == ACCESS_LOAD ? CAUSE_LOAD_ACCESS : CAUSE_STORE_ACCESS);
		assert_int_equal(h->mtval, pa);
		h->prv = PRV_S;
		mmu_mode_changed(h);
	}
	return ok;
}

static void data_byte_by_byte(void **state)
{
	static const uint32_t nop = 0x00000013;

	for (unsigned way = 0; way < 2; way++) {
		struct board b;
		struct hart *h;

		start(&b, 1, &nop, sizeof(nop));
		h = &b.m->harts[0];
		protect(h, 0, DATA + 8, 4, R);
		protect(h, 1, DATA + 16, 8, 0);
		protect(h, 2, BOARD_RAM_BASE, 1 << 20, R | W | X);
		h->prv = PRV_S;
		in_way(&b, way);
		for (unsigned again = 0; again < 2; again++) {
			assert_true(can(h, ACCESS_STORE, DATA, 8));
			assert_true(can(h, ACCESS_LOAD, DATA + 8, 4));
			assert_true(can(h, ACCESS_LOAD, DATA + 11, 1));
			assert_false(can(h, ACCESS_STORE, DATA + 8, 4));
			assert_false(can(h, ACCESS_LOAD, DATA + 8, 8));
			assert_false(can(h, ACCESS_LOAD, DATA + 6, 4));
			assert_true(can(h, ACCESS_STORE, DATA + 12, 4));
			assert_false(can(h, ACCESS_LOAD, DATA + 16, 1));
			assert_false(can(h, ACCESS_LOAD, DATA + 23, 1));
			assert_true(can(h, ACCESS_STORE, DATA + 24, 8));
			assert_false(can(h, ACCESS_LOAD, DATA + 14, 4));
		}
		/* M-mode: an entry without lock binds it only where it holds a part. */
		h->prv = PRV_M;
		mmu_mode_changed(h);
		uint64_t value;
		assert_true(mmu_load(h, DATA + 16, 8, &value));
		assert_false(mmu_load(h, DATA + 8, 8, &value));
		protect(h, 1, DATA + 16, 8, LOCK);
		assert_false(mmu_load(h, DATA + 16, 8, &value));
		/* What is locked stays. */
		protect(h, 1, DATA + 16, 8, R);
		assert_int_equal(pmp_cfg_read(h, 0) >> 8 & 0xff, LOCK | NAPOT);
		assert_false(mmu_load(h, DATA + 16, 8, &value));
		board_fini(&b);
	}
}

/* -- reservations ------------------------------------------------------------------------- */

/* Each hart adds 1 to the word at a0, a1 times, by LR and SC: whatever the turns, none is lost. */
static void reservations_make_progress(void **state)
{
	/* 1: lr.d t0,(a0); addi t0,t0,1; sc.d t1,t0,(a0); bnez t1,1b; addi a1,a1,-1; bnez a1,1b
	 * j . */
	static const uint32_t code[] = {0x100532af, 0x00128293, 0x1855332f, 0xfe031ae3,
					0xfff58593, 0xfe0596e3, 0x0000006f};
	static const uint64_t turns[] = {1, 2, 3, 5, 7, 10000};

	for (unsigned i = 0; i < sizeof(turns) / sizeof(turns[0]); i++)
		for (unsigned way = 0; way < 3; way++) {
			struct board b;
			uint64_t sum;

			start(&b, 3, code, sizeof(code));
			b.m->cfg.turn = turns[i];
			in_way(&b, way);
			for (unsigned n = 0; n < 3; n++) {
				b.m->harts[n].x[10] = DATA;
				b.m->harts[n].x[11] = 500;
			}
			assert_int_equal(machine_run(b.m, 60000), STOP_LIMIT);
			machine_ram_read(b.m, paddr(DATA), &sum, 8);
			assert_int_equal(sum, 1500);
			board_fini(&b);
		}
}

static void stores_of_others_break_reservations(void **state)
{
	/* Hart 0: lr.w t0,(a0); sc.w t1,x0,(a0). Hart 1 at CODE + 8: sd x0,(a1); sd x0,(a2). */
	static const uint32_t code[] = {0x100522af, 0x1805232f, 0x0005b023, 0x00063023};
	static const struct {
		uint64_t at;
		unsigned failed;
	} cases[] = {{DATA + 64, 1}, {DATA + 56, 0}, {DATA + 72, 0}, {DATA + 60, 1}, {DATA, 0}};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (unsigned way = 0; way < 3; way++) {
			struct board b;
			struct hart *h;

			start(&b, 2, code, sizeof(code));
			in_way(&b, way);
			h = b.m->harts;
			h[0].x[10] = DATA + 68; /* of the word's doubleword, all is reserved */
			h[0].x[6] = 77;
			h[1].pc = CODE + 8;
			h[1].x[11] = DATA + 512; /* the page is in hart 1's lookaside first */
			h[1].x[12] = cases[i].at;
			b.m->cfg.turn = 1; /* so: lr, first sd, sc would be next */
			assert_int_equal(machine_run(b.m, 1), STOP_LIMIT);
			b.m->only = &h[1];
			assert_int_equal(machine_run(b.m, 2), STOP_LIMIT);
			b.m->only = NULL;
			assert_int_equal(machine_run(b.m, 2), STOP_LIMIT);
			assert_int_equal(h[0].pc, CODE + 8);
			assert_int_equal(h[0].x[6], cases[i].failed);
			board_fini(&b);
		}
	/* A trap breaks it, too: ecall in place of hart 1's code, with mtvec at the sc. */
	struct board b;
	static const uint32_t trapping[] = {0x100522af, 0x00000073, 0x1805232f};
	start(&b, 1, trapping, sizeof(trapping));
	b.m->harts[0].x[10] = DATA + 64;
	b.m->harts[0].mtvec = CODE + 8;
	machine_run(b.m, 3);
	assert_int_equal(b.m->harts[0].x[6], 1);
	board_fini(&b);
	/* And a device's write. */
	start(&b, 1, code, sizeof(code));
	b.m->harts[0].x[10] = DATA + 64;
	machine_run(b.m, 1);
	assert_true(machine_ram_write(b.m, paddr(DATA + 70), "x", 1));
	machine_run(b.m, 2);
	assert_int_equal(b.m->harts[0].x[6], 1);
	board_fini(&b);
}

/* -- counters that stand still, and who drives SEIP ---------------------------------------- */

static uint64_t csr(struct hart *h, unsigned number)
{
	uint64_t value;

	assert_true(csr_read(h, number, &value, false));
	return value;
}

static void counters_stand_still(void **state)
{
	/* csrwi mcountinhibit, 5; nop; nop; csrwi mcountinhibit, 0; nop; nop */
	static const uint32_t code[] = {0x3202d073, 0x00000013, 0x00000013,
					0x32005073, 0x00000013, 0x00000013};
	struct board b;
	struct hart *h;

	start(&b, 1, code, sizeof(code));
	h = b.m->harts;
	machine_run(b.m, 1);
	assert_int_equal(csr(h, CSR_MCOUNTINHIBIT), 5);
	for (unsigned i = 0; i < 2; i++) {
		machine_run(b.m, 1 + i);
		assert_int_equal(csr(h, CSR_MCYCLE), 1);
		assert_int_equal(csr(h, CSR_MINSTRET), 1);
	}
	machine_run(b.m, 6);
	assert_int_equal(csr(h, CSR_MCYCLE), 3); /* and the two behind it */
	assert_int_equal(csr(h, CSR_MINSTRET), 3);
	assert_true(csr_write(h, CSR_MCOUNTINHIBIT, UINT64_MAX));
	assert_int_equal(csr(h, CSR_MCOUNTINHIBIT), 5);
	assert_true(csr_write(h, CSR_MCYCLE, 1000));
	assert_int_equal(csr(h, CSR_MCYCLE), 1000);
	board_fini(&b);
}

static void seip_is_the_line_or_what_was_written(void **state)
{
	/* csrs mip, a0 ; csrc mip, a0 */
	static const uint32_t code[] = {0x34452073, 0x34453073};
	struct board b;
	struct hart *h;

	start(&b, 1, code, sizeof(code));
	h = b.m->harts;
	h->x[10] = 1 << IRQ_SSIP; /* with the line high, SEIP is not written back */
	hart_set_irq(h, IRQ_SEIP, true);
	machine_run(b.m, 1);
	assert_int_equal(csr(h, CSR_MIP), 1 << IRQ_SSIP | 1 << IRQ_SEIP);
	hart_set_irq(h, IRQ_SEIP, false);
	assert_int_equal(csr(h, CSR_MIP), 1 << IRQ_SSIP);
	h->pc = CODE;
	h->x[10] = 1 << IRQ_SEIP;
	machine_run(b.m, 2);
	assert_true(csr(h, CSR_MIP) & 1 << IRQ_SEIP);
	hart_set_irq(h, IRQ_SEIP, true);
	hart_set_irq(h, IRQ_SEIP, false); /* the line falls; what was written stays */
	assert_true(csr(h, CSR_MIP) & 1 << IRQ_SEIP);
	hart_set_irq(h, IRQ_SEIP, true);
	machine_run(b.m, 3); /* csrc clears what was written, and the line holds it up */
	assert_true(csr(h, CSR_MIP) & 1 << IRQ_SEIP);
	hart_set_irq(h, IRQ_SEIP, false);
	assert_false(csr(h, CSR_MIP) & 1 << IRQ_SEIP);
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(instructions_one_by_one),
	    cmocka_unit_test(data_byte_by_byte),
	    cmocka_unit_test(reservations_make_progress),
	    cmocka_unit_test(stores_of_others_break_reservations),
	    cmocka_unit_test(counters_stand_still),
	    cmocka_unit_test(seip_is_the_line_or_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
