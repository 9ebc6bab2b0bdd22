/*
 * Translation and physical memory protection, as a bare program (bare.h).
 *
 * A case builds the chain of PTEs of one address anew, in Sv39, Sv48 or Sv57, and makes one
 * access; every third case or so keeps the chain of the one before, so that what is cached is
 * used. The leaf lies on any level and may have any bits; the tables above it, too, or they lie
 * where no RAM is.
 *
 *	root[random] ── tables[L - 2] ── ... ── leaf, its neighbour     the address under test
 *	root[0] ── fixed[L - 2] ── ... ── fixed[0]	                0x1000 routines for S,
 *	                                                                0x2000 for U
 *
 * The halfwords that are stored are no instructions, so that a fetch from the data ends at once;
 * for a fetch across a border the last halfword of a page is that of an ECALL.
 *
 * Protection: every 64 cases a random set of unlocked entries over data and tables, of whole
 * frames or of a few bytes; in the last
 * quarter of the cases locked ones too, over data frames, which bind M-mode.
 */
#include "rv/csr.h"
#include "rv/pte.h"
#include "test/conform/bare.h"

#define MAX_LEVELS 5
#define NDATA      16
#define PAGE       4096u
#define LOW_HALF   0x0073 /* of ECALL */

#define SIZE(level) ((uint64_t)1 << (12 + 9 * (level)))

static _Alignas(4096) uint64_t root[512], tables[MAX_LEVELS - 1][512], fixed[MAX_LEVELS - 1][512];

/* The chain under test. */
static struct {
	unsigned levels, leaf;      /* `leaf` is a level */
	unsigned index[MAX_LEVELS]; /* by level */
	uint64_t va;                /* of the leaf's first byte */
	uint64_t pa;                /* what it maps, if it is sound */
	bool outside;               /* some table may lie where no RAM is */
	bool hole;                  /* some leaf may map what is no RAM */
	uint64_t asid;
	bool global; /* some PTE has G: a fence of the ASID is not enough */
} chain;

static bool pmp_used;
static bool pmp_fine; /* some entry is smaller than a frame, or ends within one */
static unsigned nlocked;

static bool is_protected(void)
{
	return pmp_used || nlocked;
}

/* -- what is mapped ------------------------------------------------------------------------ */

static uint64_t data_frame(unsigned n)
{
	static const unsigned k[] = {0, 1, 510, 511};

	return DATA + n / 4 * 0x200000ull + k[n % 4] * PAGE;
}

static uint64_t pte_of(uint64_t pa, uint64_t flags)
{
	return pa >> 2 | flags;
}

static uint64_t outside(void)
{
	static const uint64_t places[] = {HOLE, 0x84000000, (uint64_t)1 << 44, (uint64_t)1 << 55};

	return PICK(places);
}

/* Flags of a leaf: mostly sensible, sometimes anything. */
static uint64_t leaf_flags(void)
{
	static const uint64_t rights[] = {
	    PTE_R,         PTE_R | PTE_W,         PTE_X,
	    PTE_R | PTE_X, PTE_R | PTE_W | PTE_X, PTE_R | PTE_W | PTE_X};
	uint64_t flags;

	if (below(4) == 0)
		flags = bits() & 0x3ff;
	else
		flags = PTE_V | PICK(rights) | (bits() & (PTE_U | PTE_A | PTE_D));
	if (below(8) == 0)
		flags |= bits() & (PTE_G | 0x300);
	if (below(24) == 0)
		flags |= (uint64_t)1 << (54 + below(10));
	/* QEMU 7 asks no permission to set A and D in a protected table (README.md). */
	if (is_protected() && !in_qemu10())
		flags |= PTE_A | PTE_D;
	return flags;
}

static uint64_t leaf_pte(uint64_t pa, unsigned level)
{
	uint64_t flags;

	if (below(24) == 0) {
		pa = level < 2 ? outside() & -SIZE(level) : (uint64_t)1 << (44 + below(12));
		pa &= -SIZE(level);
		chain.hole = true;
	}
	if (level && below(10) == 0)
		pa |= (uint64_t)1 << (12 + below(9 * level));
	flags = leaf_flags();
	if (level && !(flags & (PTE_R | PTE_W | PTE_X))) { /* a pointer: to something harmless */
		pa = below(4) ? (uint64_t)tables[level - 1] : outside();
		chain.outside = true;
	}
	chain.global |= (flags & PTE_G) != 0;
	return pte_of(pa, flags);
}

static uint64_t pointer_pte(uint64_t pa)
{
	uint64_t pte;

	if (below(32) == 0) {
		pa = outside();
		chain.outside = true;
	}
	pte = pte_of(pa, PTE_V);
	switch (below(40)) {
	case 0: pte &= ~(uint64_t)PTE_V; break;
	case 1: pte |= (uint64_t)1 << (4 + below(4)); break; /* U, A, D reserved here; or G */
	case 2: pte |= (uint64_t)1 << (54 + below(10)); break;
	case 3: pte ^= bits() & 0x3ff; break;
	case 4: pte |= bits() & 0x300; break;
	default: break;
	}
	if (is_protected() && !in_qemu10() && (pte & (PTE_R | PTE_X))) /* a leaf, as above */
		pte |= PTE_A | PTE_D;
	chain.global |= (pte & PTE_G) != 0;
	return pte;
}

static uint64_t *table(unsigned level)
{
	return level == chain.levels - 1 ? root : tables[level];
}

static void chain_clear(void)
{
	if (!chain.levels)
		return;
	for (unsigned i = 0; i < chain.levels; i++) {
		table(i)[chain.index[i]] = 0;
		if (i == chain.leaf && chain.index[i] < 511)
			table(i)[chain.index[i] + 1] = 0;
	}
	root[0] = 0;
}

static void chain_make(void)
{
	uint64_t pa = data_frame(below(NDATA)), upper = 0, at = (uint64_t)root,
		 asid = bits() & 0xffff;
	bool was_global = chain.global, same = chain.levels && below(4) == 0;
	unsigned top;

	if (below(2)) /* some come again soon */
		asid = below(4);

	chain_clear();
	chain.global = chain.hole = false;
	if (!same) /* else the same address anew */
		chain.levels = 3 + below(3);
	chain.leaf = below(chain.levels);
	if (below(2))
		chain.leaf = below(2);
	chain.outside = false;
	top = chain.levels - 1;
	for (unsigned i = 0; i <= top; i++)
		chain.index[i] = same ? chain.index[i] : below(512);
	if (chain.index[top] == 0)
		chain.index[top] = 1 + below(511);

	chain.pa = pa & -SIZE(chain.leaf);
	for (unsigned i = chain.leaf; i <= top; i++)
		upper |= (uint64_t)chain.index[i] << (12 + 9 * i);
	if (upper >> (11 + 9 * chain.levels) & 1)
		upper |= -((uint64_t)1 << (12 + 9 * chain.levels - 1));
	chain.va = upper;

	/* Below the leaf the tables are left alone: what they hold must not matter. */
	for (unsigned i = top; i > chain.leaf; i--)
		table(i)[chain.index[i]] = pointer_pte((uint64_t)tables[i - 1]);
	table(chain.leaf)[chain.index[chain.leaf]] = leaf_pte(chain.pa, chain.leaf);
	if (chain.index[chain.leaf] < 511 && below(2))
		table(chain.leaf)[chain.index[chain.leaf] + 1] =
		    leaf_pte(data_frame(below(NDATA)) & -SIZE(chain.leaf), chain.leaf);
	root[0] = pte_of((uint64_t)fixed[top - 1], PTE_V);

	if (below(64) == 0) {
		at = outside();
		chain.outside = true;
	}
	csr_put(CSR_SATP, (uint64_t)(5 + chain.levels) << 60 | asid << 44 | at >> 12);
	if (!was_global && below(2)) {
		__asm__ volatile("sfence.vma x0, %0" ::"r"(chain.asid) : "memory");
		__asm__ volatile("sfence.vma x0, %0" ::"r"(asid) : "memory");
	} else {
		__asm__ volatile("sfence.vma" ::: "memory");
	}
	chain.asid = asid;
}

/* Only the leaf is new: the fence names its address, or more. */
static void chain_change_leaf(void)
{
	uint64_t va = chain.va + (bits() & (SIZE(chain.leaf) - 1));

	table(chain.leaf)[chain.index[chain.leaf]] = leaf_pte(chain.pa, chain.leaf);
	if (below(2))
		__asm__ volatile("sfence.vma %0, x0" ::"r"(va) : "memory");
	else
		__asm__ volatile("sfence.vma" ::: "memory");
}

/* -- physical memory protection ------------------------------------------------------------ */

static void pmp_put(unsigned entry, uint64_t addr, unsigned cfg)
{
	uint64_t shift = entry % 8 * 8, mask = (uint64_t)0xff << shift, old;

	/* The number of a CSR is a constant of its instruction. */
#define ADDR(n)                                                                                    \
	case n: csr_put(CSR_PMPADDR0 + n, addr); break
	switch (entry) {
		ADDR(0);
		ADDR(1);
		ADDR(2);
		ADDR(3);
		ADDR(4);
		ADDR(5);
		ADDR(6);
		ADDR(7);
		ADDR(8);
		ADDR(9);
		ADDR(10);
		ADDR(11);
		ADDR(12);
		ADDR(13);
		ADDR(14);
		ADDR(15);
	default: break;
	}
#undef ADDR
	if (entry < 8) {
		old = csr_get(CSR_PMPCFG0);
		csr_put(CSR_PMPCFG0, (old & ~mask) | (uint64_t)cfg << shift);
	} else {
		old = csr_get(CSR_PMPCFG0 + 2);
		csr_put(CSR_PMPCFG0 + 2, (old & ~mask) | (uint64_t)cfg << shift);
	}
}

static unsigned pmp_rights(void)
{
	static const uint8_t rights[] = {0, 1, 3, 3, 4, 5, 7, 7};

	return PICK(rights);
}

/*
 * Where an entry begins or ends. In the tables at multiples of 8: the program itself stores PTEs
 * there, and an access of which an entry holds a part fails in M-mode, too.
 */
static uint64_t pmp_place(void)
{
	uint64_t in = pmp_fine ? (below(2) ? below(32) : below(512)) * 8 : 0;

	switch (below(6)) {
	case 0: return (uint64_t)tables[below(MAX_LEVELS - 1)] + in;
	case 1: return (uint64_t)(below(2) ? root : fixed[below(MAX_LEVELS - 1)]) + in;
	case 2: return DATA + below(5) * 0x200000ull;
	default: return data_frame(below(NDATA)) + in + (pmp_fine ? below(2) * 4 : 0);
	}
}

/* A power of two of bytes, 8 or more, naturally aligned, around `pa`. */
static uint64_t napot(uint64_t pa, unsigned shift)
{
	return ((pa >> 2) & -((uint64_t)1 << (shift - 2))) | (((uint64_t)1 << (shift - 3)) - 1);
}

static void pmp_make(uint64_t number)
{
	pmp_used = below(2);
	pmp_fine = pmp_used && below(2);
	for (unsigned i = nlocked; i < 14; i++) {
		unsigned kind = below(pmp_fine ? 5 : 4), cfg = pmp_rights();
		unsigned least = pmp_fine && below(2) ? 3 : 12; /* shift of NAPOT */
		uint64_t at = pmp_place();

		if (!pmp_used || i > nlocked + 8 || kind == 0) {
			pmp_put(i, at >> 2, cfg);
		} else if (kind == 1 && i < 13) { /* from what the entry below holds */
			pmp_put(i++, at >> 2, cfg);
			pmp_put(i, (pmp_place() + below(2) * PAGE) >> 2, cfg | 0x08);
		} else if (kind == 4) { /* NA4 */
			at = data_frame(below(NDATA)) + below(64) * 4;
			pmp_put(i, at >> 2, cfg | 0x10);
		} else {
			pmp_put(i, napot(at, least + below(3) * below(11)), cfg | 0x18);
		}
	}
	if (pmp_used && number > params.count * 3 / 4 && nlocked < 6 && below(8) == 0) {
		pmp_put(nlocked, napot(data_frame(below(NDATA)), 12), 0x98 | pmp_rights());
		nlocked++;
	}
	pmp_put(15, ((uint64_t)1 << 54) - 1, below(8) ? 0x1f : 0x18);
	__asm__ volatile("sfence.vma" ::: "memory");
}

/* -- accesses ------------------------------------------------------------------------------ */

static const struct {
	uint8_t routine, size;
} accesses[] = {{R_LB, 1},        {R_LHU, 2},      {R_LW, 4},    {R_LD, 8},     {R_SH, 2},
		{R_SW, 4},        {R_SD, 8},       {R_SD, 8},    {R_SWAP_W, 4}, {R_SWAP_D, 8},
		{R_LRSC_W, 4},    {R_LRSC_D, 8},   {R_FETCH, 2}, {R_FETCH, 2},  {R_CBO_ZERO, 1},
		{R_CBO_CLEAN, 1}, {R_CBO_INVAL, 1}};
#define NACCESSES_QEMU7 14

static uint64_t no_instruction(void)
{
	static const uint16_t halves[] = {0, 0x8002, 0x6002, 0x4002, 0x6081};
	uint64_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v = v << 16 | PICK(halves);
	return v;
}

static uint64_t routine(unsigned n)
{
	return (uint64_t)routines + 16 * n;
}

/* In M-mode, through no translation: may trap. */
static uint64_t machine_run(uint64_t pc, uint64_t a0, uint64_t a1)
{
	struct probe p = {.pc = pc, .mstatus = MSTATUS_MPP, .a = {a0, a1, 0}, .jump = 1};

	probe(&p);
	return p.a[2] ^ p.m_cause;
}

static uint64_t where(unsigned size, bool *straddles)
{
	uint64_t in = chain.leaf == 0 ? 0 : data_frame(below(NDATA)) & (SIZE(chain.leaf) - 1);
	uint64_t at = below(4096 / size) * size;

	*straddles = false;
	if (below(2))
		at = below(128 / size) * size;
	if (chain.leaf >= 2 && below(8) == 0)
		in = SIZE(chain.leaf) - PAGE;
	/* Where no RAM is QEMU splits what is misaligned before it faults (README.md). */
	if (size > 1 && below(6) == 0 && !chain.hole &&
	    in != SIZE(chain.leaf) - PAGE) { /* misaligned by 2; or the border of two pages */
		at =
		    below(2) ? (at & -8ull) | (size > 2 ? 2 : 0) : PAGE - 2 * (1 + below(size / 2));
		*straddles = at + size > PAGE;
	}
	if (at == PAGE - 2)
		*straddles = true;
	return in + at;
}

static uint64_t normal_cause(uint64_t cause)
{
	/* Table outside RAM: an access fault here, a page fault in QEMU (README.md). */
	return cause == 12 ? 1 : cause == 13 ? 5 : cause == 15 ? 7 : cause;
}

static void access_once(void)
{
	unsigned n = below(in_qemu10() ? sizeof(accesses) / sizeof(accesses[0]) : NACCESSES_QEMU7);
	unsigned r = accesses[n].routine, kind = below(16), prv = below(2) ? PRV_S : PRV_U;
	bool straddles, dirty, is_cbo = r == R_CBO_ZERO || r == R_CBO_CLEAN || r == R_CBO_INVAL;
	uint64_t at = where(accesses[n].size, &straddles), va = chain.va + at, pa = chain.pa + at;
	uint64_t mstatus = (below(2) ? MSTATUS_SUM : 0) | (below(3) ? 0 : MSTATUS_MXR);
	struct probe p = {.exit = EXIT_ECALL};
	uint64_t cause, border;

	/* QEMU lets cache-block management through where no RAM is, and may set D (README.md). */
	dirty = table(chain.leaf)[chain.index[chain.leaf]] & PTE_D;
	if (is_cbo &&
	    (chain.hole || chain.outside || chain.leaf >= 2 || (is_protected() && !dirty)))
		r = R_LD;
	/* QEMU 7 wants one entry of the protection for both pages (README.md). */
	if (straddles && is_protected() && !in_qemu10() && r != R_FETCH)
		r = R_LHU;
	/* QEMU looks at the two ends of an access alone, and fetches to the page's end (README.md).
	 */
	if (pmp_fine && (r == R_FETCH || is_cbo || at % accesses[n].size))
		r = R_LB;
	if (below(32) == 0)
		va ^= (uint64_t)1 << (11 + 9 * chain.levels + below(53 - 9 * chain.levels));
	border = (chain.pa + at) | (PAGE - 1);
	if (straddles && r == R_FETCH && chain.leaf < 3 && border - DATA < 0x800000)
		machine_run(routine(R_SH), border - 1, LOW_HALF);

	if (kind == 0 && pa - DATA < 0x800000) { /* M-mode itself: no translation */
		p.pc = routine(r);
		p.jump = 1;
		p.mstatus = mstatus | MSTATUS_MPP;
		va = pa;
	} else if (kind < 4 && r != R_FETCH) {
		p.pc = routine(r);
		p.jump = 1;
		p.mstatus = mstatus | MSTATUS_MPRV | prv << MSTATUS_MPP_SHIFT;
	} else {
		p.pc = (prv == PRV_U ? 0x2000 : 0x1000) + 16 * r;
		p.mstatus = mstatus | prv << MSTATUS_MPP_SHIFT;
	}
	p.a[0] = va;
	p.a[1] = no_instruction();
	note("levels", chain.levels);
	note("leaf", chain.leaf);
	note("routine", r);
	note("va", va);
	note("mstatus", p.mstatus);
	note("jump", p.jump);
	for (unsigned i = chain.levels; i-- > chain.leaf;)
		note("pte", table(i)[chain.index[i]]);
	if (chain.index[chain.leaf] < 511)
		note("next", table(chain.leaf)[chain.index[chain.leaf] + 1]);
	probe(&p);
	cause = chain.outside ? normal_cause(p.m_cause) : p.m_cause;
	if ((r == R_SWAP_W || r == R_SWAP_D) && cause == 5) /* QEMU, where no RAM is (README.md) */
		cause = 7;
	if (is_cbo && r != R_CBO_ZERO && is_protected() && cause == 15)
		cause = 7; /* QEMU tries the store, too, and tells what that met (README.md) */
	fold("cause", cause);
	fold("epc", p.m_epc);
	/* QEMU 10 tells the block's address, not rs1 (README.md). */
	fold("tval", is_cbo ? p.m_tval & -64ull : p.m_tval);
	fold("status", p.m_status);
	fold("got", p.a[2]);
	for (unsigned i = chain.levels; i-- > chain.leaf;)
		fold("pte", table(i)[chain.index[i]]);
	if (chain.index[chain.leaf] < 511)
		fold("next", table(chain.leaf)[chain.index[chain.leaf] + 1]);
	/* What was written, if it was written where it should be. */
	if (pa - DATA < 0x800000)
		fold("data", machine_run(routine(R_LD), pa & ~7ull, 0));
	if (straddles && border - DATA < 0x800000) {
		if (r == R_FETCH && chain.leaf < 3)
			machine_run(routine(R_SH), border - 1, 0);
		fold("after", machine_run(routine(R_LD), border - 7, 0));
	}
}

/* -- the program --------------------------------------------------------------------------- */

void run_setup(void)
{
	const uint64_t at = (uint64_t)routines;

	for (unsigned i = 1; i < MAX_LEVELS - 1; i++)
		fixed[i][0] = pte_of((uint64_t)fixed[i - 1], PTE_V);
	fixed[0][1] = pte_of(at, PTE_V | PTE_R | PTE_X | PTE_A | PTE_D);
	fixed[0][2] = pte_of(at, PTE_V | PTE_R | PTE_X | PTE_A | PTE_D | PTE_U);
	if (in_qemu10()) { /* cache-block operations are allowed; run_case chooses ADUE */
		csr_put(CSR_MENVCFG, 0xf0);
		csr_put(CSR_SENVCFG, 0xf0);
	}
	case_begin(0);
	chain_make();
}

void run_case(uint64_t number)
{
	if (number % 64 == 0)
		pmp_make(number);
	if (number % 64 == 0)
		chain_make();
	if (in_qemu10() && number % 16 == 0)
		csr_put(CSR_MENVCFG, 0xf0 | (below(2) ? MENVCFG_ADUE : 0));
	switch (below(6)) {
	case 0:
	case 1: break;
	case 2: chain_change_leaf(); break;
	default: chain_make(); break;
	}
	access_once();
	if (number % 64 == 63)
		for (unsigned i = 0; i < NDATA; i++)
			fold("frame", machine_run((uint64_t)sum_frame, data_frame(i), 0));
}
