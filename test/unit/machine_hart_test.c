/*
 * One program under paging, run in every way that must make no difference: with
 * and without lookaside, in blocks of one instruction, in slices of a few steps.
 * Counters and state hash must be equal to the last digit (mmu.c, decision 4).
 * Then deadlines, self-modifying code, interrupts and privilege.
 */
#include "test/unit/machine_board.h"

#include "machine/mmu/pmp.h"
#include "machine/mmu/walk.h"
#include "rv/pte.h"

#define MIB         (1u << 20)
#define TABLES      (BOARD_RAM_BASE + 0x100000)
#define MAIN_PA     (BOARD_RAM_BASE + 0x10000)
#define FUNCTION_PA (BOARD_RAM_BASE + 0x200000)
#define DATA_PA     (BOARD_RAM_BASE + 0x300000)

#define MAIN_VA     0x8000
#define FUNCTION_VA 0x100000
#define DATA_VA     0x400000
#define FINISHER_VA 0x7f000

/*
 * loop:  mul   s0, s0, s1		a random number from the last one
 *	  addi  s0, s0, 1013
 *	  srli  t0, s0, 33
 *	  andi  t1, t0, 127		one of 128 data pages
 *	  slli  t1, t1, 12
 *	  add   t1, t1, s3
 *	  srli  t2, t0, 7
 *	  andi  t2, t2, 0x7f8
 *	  add   t1, t1, t2
 *	  ld    t3, 0(t1)
 *	  add   t3, t3, s0
 *	  sd    t3, 0(t1)
 *	  andi  t2, t0, 63
 *	  bnez  t2, 1f
 *	  srli  t1, t1, 12		now and then: across the border of two pages
 *	  slli  t1, t1, 12
 *	  beq   t1, s3, 1f
 *	  ld    t3, -3(t1)
 *	  add   a1, a1, t3
 *	  sw    a1, -2(t1)
 * 1:	  srli  t2, t0, 12
 *	  li    t3, 77
 *	  remu  t2, t2, t3		one of 77 function pages
 *	  slli  t2, t2, 12
 *	  add   t2, t2, s4
 *	  andi  t3, t0, 256
 *	  beqz  t3, 2f
 *	  add   t2, t2, s6		at its start, or so that it runs into the next page
 * 2:	  jalr  ra, 0(t2)
 *	  andi  t2, s5, 1023
 *	  bnez  t2, 3f
 *	  sfence.vma
 * 3:	  addi  t3, s3, 16
 *	  amoadd.d t4, a0, (t3)
 *	  add   a1, a1, t4
 *	  addi  s5, s5, -1
 *	  bnez  s5, loop
 *	  li    t1, 0x5555
 *	  sw    t1, 0(s7)
 * 4:	  j     4b
 */
static const uint8_t program[] = {
    0x33, 0x04, 0x94, 0x02, 0x13, 0x04, 0x54, 0x3f, 0x93, 0x52, 0x14, 0x02, 0x13, 0xf3, 0xf2, 0x07,
    0x32, 0x03, 0x4e, 0x93, 0x93, 0xd3, 0x72, 0x00, 0x93, 0xf3, 0x83, 0x7f, 0x1e, 0x93, 0x03, 0x3e,
    0x03, 0x00, 0x22, 0x9e, 0x23, 0x30, 0xc3, 0x01, 0x93, 0xf3, 0xf2, 0x03, 0x63, 0x9c, 0x03, 0x00,
    0x13, 0x53, 0xc3, 0x00, 0x32, 0x03, 0x63, 0x07, 0x33, 0x01, 0x03, 0x3e, 0xd3, 0xff, 0xf2, 0x95,
    0x23, 0x2f, 0xb3, 0xfe, 0x93, 0xd3, 0xc2, 0x00, 0x13, 0x0e, 0xd0, 0x04, 0xb3, 0xf3, 0xc3, 0x03,
    0xb2, 0x03, 0xd2, 0x93, 0x13, 0xfe, 0x02, 0x10, 0x63, 0x03, 0x0e, 0x00, 0xda, 0x93, 0xe7, 0x80,
    0x03, 0x00, 0x93, 0xf3, 0xfa, 0x3f, 0x63, 0x94, 0x03, 0x00, 0x73, 0x00, 0x00, 0x12, 0x13, 0x8e,
    0x09, 0x01, 0xaf, 0x3e, 0xae, 0x00, 0xf6, 0x95, 0xfd, 0x1a, 0xe3, 0x93, 0x0a, 0xf8, 0x15, 0x63,
    0x1b, 0x03, 0x53, 0x55, 0x23, 0xa0, 0x6b, 0x00, 0x01, 0xa0,
};

struct machine_under_test {
	struct board b;
	uint64_t next_table;
};

static const struct machine_config *shape; /* NULL: the default TLB */

static void make(struct machine_under_test *t, bool no_lookaside, bool single_blocks)
{
	struct machine_host host = {
	    .ctx = &t->b,
	    .mem_alloc = board_alloc,
	    .mem_free = board_free,
	    .stream_read = board_read,
	    .stream_write = board_write,
	};
	const char *why;

	memset(t, 0, sizeof(*t));
	machine_config_init(&t->b.cfg);
	if (shape)
		t->b.cfg = *shape;
	t->b.cfg.memory_size = 8 * MIB;
	t->b.cfg.miss_causes = true;
	t->b.cfg.no_lookaside = no_lookaside;
	t->b.cfg.single_blocks = single_blocks;
	t->b.m = machine_create(&t->b.cfg, &host, &why);
	assert_non_null(t->b.m);
	t->next_table = TABLES + RV_PAGE_SIZE;
}

static uint64_t *table_at(struct machine_under_test *t, uint64_t pa)
{
	return machine_ram_at(t->b.m, paddr(pa), RV_PAGE_SIZE);
}

static void map(struct machine_under_test *t, uint64_t va, uint64_t pa, unsigned perm)
{
	uint64_t *table = table_at(t, TABLES);

	for (unsigned level = 2; level > 0; level--) {
		uint64_t *pte = &table[RV_VPN(va, level)];
		if (!*pte) {
			*pte = t->next_table >> RV_PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V;
			t->next_table += RV_PAGE_SIZE;
		}
		table = table_at(t, *pte >> PTE_PPN_SHIFT << RV_PAGE_SHIFT);
	}
	table[RV_VPN(va, 0)] = pa >> RV_PAGE_SHIFT << PTE_PPN_SHIFT | perm | PTE_V;
}

static void write_code(struct machine_under_test *t, uint64_t pa, const void *code, size_t len)
{
	assert_true(machine_ram_write(t->b.m, paddr(pa), code, len));
}

/* Puts the program at its place, maps all, and sets the registers. */
static void load_program(struct machine_under_test *t, uint64_t rounds)
{
	static const uint16_t at_start[] = {0x0505, 0x8082}; /* addi a0,1; ret */
	static const uint16_t at_end[] = {0x0001, 0x0513, 0x0035,
					  0x8082}; /* nop; addi a0,a0,3; ret */
	struct hart *h = &t->b.m->harts[0];

	write_code(t, MAIN_PA, program, sizeof(program));
	map(t, MAIN_VA, MAIN_PA, PTE_X);
	map(t, FINISHER_VA, BOARD_FINISHER_BASE, PTE_R | PTE_W);
	for (unsigned i = 0; i < 78; i++) {
		/* A function at each page's start; one whose addi lies in two pages. */
		write_code(t, FUNCTION_PA + i * 4096 + 4, at_start, sizeof(at_start));
		write_code(t, FUNCTION_PA + i * 4096 + 4092, at_end, sizeof(at_end));
		map(t, FUNCTION_VA + i * 4096, FUNCTION_PA + i * 4096, PTE_X);
	}
	for (unsigned i = 0; i < 128; i++)
		map(t, DATA_VA + i * 4096, DATA_PA + (i * 37 % 128) * 4096, PTE_R | PTE_W);

	machine_start_bare(t->b.m, paddr(MAIN_VA));
	pmp_open(h);
	h->prv = PRV_S;
	h->satp = (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | TABLES >> RV_PAGE_SHIFT;
	space_settle(h);
	h->x[8] = 12345;
	h->x[9] = 6364136223846793005;
	h->x[19] = DATA_VA;
	h->x[20] = FUNCTION_VA + 4;
	h->x[21] = rounds;
	h->x[22] = 4088;
	h->x[23] = FINISHER_VA;
	mmu_mode_changed(h);
}

struct outcome {
	struct hart_counters count;
	uint64_t hash, a1;
};

/* What the address spaces had is all there is: here, one of Sv39 and nothing outside it. */
static void check_spaces(struct machine *m)
{
	struct hart_counters all, one, sum = {0};
	unsigned n = machine_spaces(m);
	uint64_t satp;

	machine_counters(m, 0, &all);
	for (unsigned i = 0; i < n; i++) {
		machine_space(m, i, &satp, &one);
		sum.steps += one.steps;
		sum.walks += one.walks;
		sum.misses[TLB_L1_DATA] += one.misses[TLB_L1_DATA];
		if (satp >> SATP_MODE_SHIFT == SATP_MODE_SV39)
			assert_int_equal(one.walks, all.walks);
	}
	assert_int_equal(sum.steps, all.steps);
	assert_int_equal(sum.walks, all.walks);
	assert_int_equal(sum.misses[TLB_L1_DATA], all.misses[TLB_L1_DATA]);
}

static struct outcome run(bool no_lookaside, bool single, unsigned slice)
{
	struct machine_under_test t;
	struct outcome o;
	enum machine_stop stop = STOP_LIMIT;
	uint64_t limit = 0;

	make(&t, no_lookaside, single);
	load_program(&t, 20000);
	while (stop == STOP_LIMIT) {
		limit += slice ? 1 + limit * 7919 % slice : 1 << 20;
		stop = machine_run(t.b.m, limit);
	}
	assert_int_equal(stop, STOP_FINISHED);
	check_spaces(t.b.m);
	machine_counters(t.b.m, 0, &o.count);
	o.hash = machine_state_hash(t.b.m);
	o.a1 = t.b.m->harts[0].x[11];
	board_fini(&t.b);
	return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b)
{
	assert_memory_equal(&a->count, &b->count, sizeof(a->count));
	assert_int_equal(a->hash, b->hash);
	assert_int_equal(a->a1, b->a1);
}

static void every_way_to_run_is_the_same(void **state)
{
	struct outcome normal = run(false, false, 0), slow = run(true, false, 0),
		       single = run(false, true, 0), sliced = run(false, false, 40),
		       stepped = run(false, false, 1), slow_sliced = run(true, true, 9);

	assert_same(&normal, &slow);
	assert_same(&normal, &single);
	assert_same(&normal, &sliced);
	assert_same(&normal, &stepped);
	assert_same(&normal, &slow_sliced);

	/* The run met what it is meant to: misses of every kind, D updates, straddles. */
	assert_true(normal.count.misses[TLB_L1_FETCH] > 1000);
	assert_true(normal.count.misses[TLB_L1_DATA] > 1000);
	assert_true(normal.count.hits[TLB_L2] > 1000);
	assert_true(normal.count.walks_dirty > 100);
	assert_true(normal.count.straddles > 1000);
	assert_int_equal(normal.count.flushes, 19);
}

static void check_accounts(const struct hart_counters *c)
{
	for (unsigned k = 0; k < TLB_KINDS; k++) {
		uint64_t sum = 0;
		for (unsigned i = 0; i < MISS_CAUSES; i++)
			sum += c->causes[k][i];
		assert_int_equal(sum, c->misses[k]);
	}
	assert_int_equal(c->lookups[ACCESS_FETCH], c->hits[TLB_L1_FETCH] + c->misses[TLB_L1_FETCH]);
	assert_int_equal(c->lookups[ACCESS_LOAD] + c->lookups[ACCESS_STORE],
			 c->hits[TLB_L1_DATA] + c->misses[TLB_L1_DATA]);
	assert_int_equal(c->misses[TLB_L1_FETCH] + c->misses[TLB_L1_DATA],
			 c->hits[TLB_L2] + c->misses[TLB_L2]);
	assert_int_equal(c->misses[TLB_L2] + c->walks_dirty, c->walks);
	assert_int_equal(c->lookups[ACCESS_FETCH], c->paged_steps + c->straddles);
	assert_int_equal(c->steps, c->retired + c->exceptions);
	assert_int_equal(c->pte_reads[2], c->walks - c->walk_cache_hits);
	assert_int_equal(c->walks_faulted, 0);
	assert_int_equal(c->misses_by[ACCESS_FETCH] + c->misses_by[ACCESS_LOAD] +
			     c->misses_by[ACCESS_STORE],
			 c->misses[TLB_L1_FETCH] + c->misses[TLB_L1_DATA]);
	assert_int_equal(c->walks_by[ACCESS_FETCH] + c->walks_by[ACCESS_LOAD] +
			     c->walks_by[ACCESS_STORE],
			 c->walks);
	/* Of 129 pages with code or the finisher, and 128 of data, each gets A and D at most once.
	 */
	assert_true(c->sets_accessed > 128 && c->sets_accessed <= 257);
	assert_true(c->sets_dirty > 100 && c->sets_dirty <= 129);
}

static void accounts_agree(void **state)
{
	struct outcome o = run(false, false, 0);

	check_accounts(&o.count);
}

/* Whatever the TLB looks like: the same in every way to run, and the accounts agree. */
static void every_shape_of_tlb(void **state)
{
	static const struct tlb_geometry none = {0, 0, TLB_LRU, 1};
	struct machine_config cfg;
	const struct {
		struct tlb_geometry fetch, data, l2;
		bool unified, check;
		unsigned walk_cache;
	} shapes[] = {
	    {{4, 4, TLB_LRU, 1}, {4, 4, TLB_LRU, 1}, {16, 2, TLB_LRU, 1}, false, false, 0},
	    {{8, 2, TLB_PLRU, 3}, {64, 4, TLB_PLRU, 3}, {96, 8, TLB_PLRU, 1}, false, false, 4},
	    {{9, 3, TLB_FIFO, 1}, {21, 7, TLB_FIFO, 1}, {60, 12, TLB_FIFO, 3}, false, false, 1},
	    {{8, 8, TLB_RANDOM, 1}, {16, 4, TLB_RANDOM, 1}, none, false, false, 16},
	    {none, {24, 24, TLB_LRU, 1}, {128, 4, TLB_LRU, 1}, true, false, 0},
	    {none, {12, 3, TLB_FIFO, 1}, none, true, false, 3},
	    {none, {1, 1, TLB_RANDOM, 1}, none, true, false, 0},
	    {{1, 1, TLB_LRU, 1}, {2, 1, TLB_RANDOM, 1}, none, false, true, 2},
	};

	for (unsigned i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		machine_config_init(&cfg);
		cfg.tlb[TLB_L1_FETCH] = shapes[i].unified ? shapes[i].data : shapes[i].fetch;
		cfg.tlb[TLB_L1_DATA] = shapes[i].data;
		cfg.tlb[TLB_L2] = shapes[i].l2;
		cfg.tlb_unified = shapes[i].unified;
		cfg.walk_cache = shapes[i].walk_cache;
		cfg.check_tlb = shapes[i].check;
		cfg.seed = i;
		shape = &cfg;
		struct outcome normal = run(false, false, 0), slow = run(true, false, 0),
			       sliced = run(false, true, 23);
		assert_same(&normal, &slow);
		assert_same(&normal, &sliced);
		check_accounts(&normal.count);
		assert_int_equal(normal.count.stale_uses, 0);
	}
	shape = NULL;
}

static struct stale_translation stale;

static void on_stale(void *ctx, struct machine *m, unsigned hart,
		     const struct stale_translation *what)
{
	stale = *what;
}

/* A PTE is taken away without a fence: the load goes on as cached, and the sanitizer names it. */
static void the_sanitizer_names_stale_uses(void **state)
{
	/* ld a2, 0(a0); sd zero, 0(a1); ld a2, 0(a0); sfence.vma; ld a2, 0(a0) */
	static const uint32_t code[] = {0x00053603, 0x0005b023, 0x00053603, 0x12000073, 0x00053603};
	struct machine_config cfg;
	struct machine_under_test t;
	uint64_t table;

	machine_config_init(&cfg);
	cfg.check_tlb = true;
	shape = &cfg;
	make(&t, false, false);
	shape = NULL;
	t.b.m->host.on_stale = on_stale;
	load_program(&t, 1);
	write_code(&t, MAIN_PA, code, sizeof(code));
	table = t.next_table; /* the leaf table of a new region, mapped at its own address too */
	map(&t, 0x40000000, DATA_PA, PTE_R | PTE_W);
	table = t.next_table - RV_PAGE_SIZE;
	map(&t, 0x50000, table, PTE_R | PTE_W);
	t.b.m->harts[0].x[10] = 0x40000000;
	t.b.m->harts[0].x[11] = 0x50000;
	assert_int_equal(machine_run(t.b.m, 2), STOP_LIMIT);
	assert_int_equal(t.b.m->harts[0].count.stale_uses, 0);
	assert_int_equal(machine_run(t.b.m, 3), STOP_LIMIT);
	assert_int_equal(t.b.m->harts[0].count.stale_uses, 1);
	assert_int_equal(stale.pc, MAIN_VA + 8);
	assert_int_equal(stale.va, 0x40000000);
	assert_int_equal(stale.access, ACCESS_LOAD);
	assert_int_equal(stale.cached_ppn, DATA_PA >> RV_PAGE_SHIFT);
	assert_int_equal(stale.pte, 0);
	assert_int_equal(machine_run(t.b.m, 5), STOP_LIMIT); /* after the fence: a page fault */
	assert_int_equal(t.b.m->harts[0].count.stale_uses, 1);
	assert_int_equal(t.b.m->harts[0].count.page_faults, 1);
	board_fini(&t.b);
}

static void deadlines_are_exact(void **state)
{
	struct machine_under_test t;

	make(&t, false, false);
	load_program(&t, 1000);
	for (uint64_t limit = 1; limit < 2000; limit++) {
		assert_int_equal(machine_run(t.b.m, limit), STOP_LIMIT);
		assert_int_equal(machine_clock(t.b.m, 0), limit);
	}
	board_fini(&t.b);
}

/* A store to the page being executed takes effect on the very next instruction. */
static void code_that_changes_itself(void **state)
{
	/* sh a1, 8(a0); nop; nop; c.li a2, 1 (to become c.li a2, 2); ebreak */
	static const uint16_t code[] = {0x1423, 0x00b5, 0x0001, 0x0001, 0x4605, 0x9002};

	for (unsigned way = 0; way < 3; way++) {
		struct machine_under_test t;
		make(&t, way == 1, way == 2);
		write_code(&t, MAIN_PA, code, sizeof(code));
		for (unsigned again = 0; again < 2; again++) {
			machine_start_bare(t.b.m, paddr(MAIN_PA));
			t.b.m->harts[0].x[10] = MAIN_PA;
			t.b.m->harts[0].x[11] = again ? 0x460d : 0x4609; /* li a2, 3 or 2 */
			machine_run(t.b.m, machine_clock(t.b.m, 0) + 4);
			assert_int_equal(t.b.m->harts[0].x[12], again ? 3 : 2);
		}
		board_fini(&t.b);
	}
}

static void loops_in_traps_end_at_the_limit(void **state)
{
	struct machine_under_test t;
	struct hart_counters c;

	make(&t, false, false);
	machine_start_bare(t.b.m, paddr(0)); /* nothing there, and mtvec is 0 too */
	assert_int_equal(machine_run(t.b.m, 1000), STOP_LIMIT);
	machine_counters(t.b.m, 0, &c);
	assert_int_equal(c.exceptions, 1000);
	assert_int_equal(c.retired, 0);
	assert_int_equal(t.b.m->harts[0].mcause, CAUSE_FETCH_ACCESS);
	board_fini(&t.b);
}

/* M before S, and within a level external, software, timer. */
static void interrupts_by_priority(void **state)
{
	struct machine_under_test t;
	struct hart *h;
	static const uint8_t order[] = {IRQ_MEIP, IRQ_MSIP, IRQ_MTIP, IRQ_SEIP, IRQ_SSIP, IRQ_STIP};

	make(&t, false, false);
	h = &t.b.m->harts[0];
	for (unsigned i = 0; i < 6; i++) {
		hart_reset(h);
		h->mip = 0; /* a reset leaves the lines of devices as they are */
		h->prv = PRV_U;
		h->mideleg = 1 << IRQ_SEIP | 1 << IRQ_SSIP | 1 << IRQ_STIP;
		h->mie = 0xaaa;
		for (unsigned k = i; k < 6; k++)
			h->mip |= 1u << order[k];
		h->pc = 0x1234;
		h->stvec = 0x1001; /* vectored */
		h->mtvec = 0x2000;
		assert_true(trap_take_interrupt(h));
		if (i < 3) {
			assert_int_equal(h->prv, PRV_M);
			assert_int_equal(h->mcause, CAUSE_INTERRUPT | order[i]);
			assert_int_equal(h->mepc, 0x1234);
			assert_int_equal(h->pc, 0x2000);
		} else {
			assert_int_equal(h->prv, PRV_S);
			assert_int_equal(h->scause, CAUSE_INTERRUPT | order[i]);
			assert_int_equal(h->pc, 0x1000 + 4 * order[i]);
		}
	}
	/* In S-mode with SIE clear none of S's is taken. */
	hart_reset(h);
	h->prv = PRV_S;
	h->mideleg = h->mie = h->mip = 1 << IRQ_SEIP;
	assert_false(trap_take_interrupt(h));
	assert_true(trap_pending(h));
	board_fini(&t.b);
}

/* Svade: a walk that would set A or D is a page fault instead, and the guest cannot turn it off. */
static void ad_faults_on_request(void **state)
{
	static const uint32_t load[] = {0x00053603}; /* ld a2, 0(a0) */
	struct machine_config cfg;

	for (unsigned ade = 0; ade < 2; ade++) {
		struct machine_under_test t;
		machine_config_init(&cfg);
		cfg.no_svadu = ade;
		shape = &cfg;
		make(&t, false, false);
		shape = NULL;
		load_program(&t, 1);
		write_code(&t, MAIN_PA, load, sizeof(load));
		map(&t, MAIN_VA, MAIN_PA, PTE_X | PTE_A);
		t.b.m->harts[0].x[10] = DATA_VA;
		csr_write(&t.b.m->harts[0], CSR_MENVCFG, MENVCFG_ADUE);
		machine_run(t.b.m, 1);
		assert_int_equal(t.b.m->harts[0].count.page_faults, ade);
		board_fini(&t.b);
	}
}

/* Where nothing is in the lookaside, no address may look as if it were. */
static void no_address_is_an_empty_slot(void **state)
{
	/* lb, lh, lw, ld a2, 0(a0); sb, sh, sw, sd a2, 0(a0) */
	static const uint32_t code[] = {0x00050603, 0x00051603, 0x00052603, 0x00053603,
					0x00c50023, 0x00c51023, 0x00c52023, 0x00c53023};
	struct machine_under_test t;
	struct hart *h;

	make(&t, false, false);
	h = &t.b.m->harts[0];
	write_code(&t, MAIN_PA, code, sizeof(code));
	for (unsigned i = 0; i < 8; i++)
		for (uint64_t at = 0; at < 4096; at += at < 16 ? 1 : 509) {
			machine_start_bare(t.b.m, paddr(MAIN_PA + 4 * i));
			h->x[10] = at;
			machine_run(t.b.m, machine_clock(t.b.m, 0) + 1);
			assert_int_equal(h->mcause, i < 4 ? CAUSE_LOAD_ACCESS : CAUSE_STORE_ACCESS);
		}
	board_fini(&t.b);
}

static void misaligned_traps_on_request(void **state)
{
	/* ld a2, 1(a0); sd a2, 1(a0); lw a2, 4(a0) */
	static const uint32_t code[] = {0x00153603, 0x00c530a3, 0x00452603};
	struct machine_config cfg;

	machine_config_init(&cfg);
	cfg.trap_misaligned = true;
	for (unsigned i = 0; i < 3; i++) {
		struct machine_under_test t;
		struct hart *h;
		shape = &cfg;
		make(&t, false, false);
		shape = NULL;
		h = &t.b.m->harts[0];
		write_code(&t, MAIN_PA, &code[i], 4);
		machine_start_bare(t.b.m, paddr(MAIN_PA));
		h->x[10] = DATA_PA;
		machine_run(t.b.m, 1);
		assert_int_equal(h->count.exceptions, i < 2);
		if (i < 2) {
			assert_int_equal(h->mcause,
					 i ? CAUSE_STORE_MISALIGNED : CAUSE_LOAD_MISALIGNED);
			assert_int_equal(h->mtval, DATA_PA + 1);
		}
		board_fini(&t.b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_way_to_run_is_the_same),
	    cmocka_unit_test(accounts_agree),
	    cmocka_unit_test(every_shape_of_tlb),
	    cmocka_unit_test(the_sanitizer_names_stale_uses),
	    cmocka_unit_test(ad_faults_on_request),
	    cmocka_unit_test(misaligned_traps_on_request),
	    cmocka_unit_test(no_address_is_an_empty_slot),
	    cmocka_unit_test(deadlines_are_exact),
	    cmocka_unit_test(code_that_changes_itself),
	    cmocka_unit_test(loops_in_traps_end_at_the_limit),
	    cmocka_unit_test(interrupts_by_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
