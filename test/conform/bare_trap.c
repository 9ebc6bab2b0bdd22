/*
 * Traps, as a bare program (bare.h): who takes them, where, with what in which register; and
 * what may be done in which mode.
 *
 * A case sets delegation, vectors, enables, pending interrupts and the fields of mstatus at
 * random, runs one routine in one mode and folds what the handlers saw. In half of the cases S
 * and U run under Sv39:
 *
 *	root[0]	the devices, and HOLE, for S	root[2]	RAM at its own place, for S
 *	root[4]	nothing: page faults		root[3]	the same RAM, for U
 *
 * Interrupts pend before the routine is entered, so their moment is the same everywhere: STIP,
 * SSIP and SEIP by mip or stimecmp, MSIP and MTIP by the CLINT. WFI is run if one that is
 * enabled pends, or in M-mode with a timer a little ahead.
 */
#include "rv/csr.h"
#include "rv/pte.h"
#include "test/conform/bare.h"

#define MSIP     (*(volatile uint32_t *)0x2000000)
#define MTIMECMP (*(volatile uint64_t *)0x2004000)
#define MTIME    (*(volatile uint64_t *)0x200bff8)

#define ALIAS       0x40000000                          /* from RAM to where U sees it */
#define NOWHERE     0x100001000                         /* mapped by nothing; no RAM either */
#define STATUS_MASK (~(uint64_t)(0xc000000000 | 0x600)) /* as in bare_csr.c */
#define IRQ_MASK    0xaaa

static _Alignas(4096) uint64_t root[512];
static uint64_t target[32]; /* what routines load and store */

static uint64_t routine(unsigned n)
{
	return (uint64_t)routines + 16 * n;
}

/* How a handler in S-mode can go on to M-mode with this delegation. */
static uint64_t exit_of(uint64_t *medeleg)
{
	if (!(*medeleg & 1 << 9))
		return EXIT_ECALL;
	if (!(*medeleg & 1 << 2))
		return EXIT_ILLEGAL;
	if (!(*medeleg & 1 << 3))
		return EXIT_BREAK;
	*medeleg &= ~(uint64_t)(1 << 5);
	return EXIT_LOAD;
}

static uint64_t address(bool user, bool paged, bool is_in_ram)
{
	uint64_t at = (uint64_t)&target[below(16)];

	/* Where no RAM is QEMU tells an AMO's fault as a load's, and no cbo's (README.md). */
	switch (is_in_ram ? 2 + below(4) : below(6)) {
	case 0: return HOLE;
	case 1: return paged ? NOWHERE : HOLE + 8;
	case 2: return at + 1 + below(7);
	default: return user && paged ? at + ALIAS : at;
	}
}

/* The pending interrupts of this case; `next`: a timer that is yet to come. */
static void pend(bool stce, bool next)
{
	csr_put(CSR_MIP, bits() & (stce ? 0x202 : 0x222) & bits());
	MSIP = below(4) == 0;
	MTIMECMP = next || below(4) ? UINT64_MAX : 0;
	if (stce)
		csr_put(CSR_STIMECMP, below(3) ? UINT64_MAX : 0);
	/* A comparison shows in mip in the end, not at once. */
	while (MTIMECMP == 0 && !(csr_get(CSR_MIP) & 1 << IRQ_MTIP))
		;
	while (stce && csr_get(CSR_STIMECMP) == 0 && !(csr_get(CSR_MIP) & 1 << IRQ_STIP))
		;
}

static void unpend(void)
{
	MSIP = 0;
	MTIMECMP = UINT64_MAX;
	csr_put(CSR_STIMECMP, -1);
	csr_put(CSR_MENVCFG, 0);
	csr_put(CSR_SENVCFG, 0);
	csr_put(CSR_MIP, 0);
	csr_put(CSR_MIDELEG, 0);
	csr_put(CSR_MEDELEG, 0);
	csr_put(CSR_SATP, 0);
}

static unsigned pick_routine(unsigned prv)
{
	static const uint8_t often[] = {R_PAD,  R_PAD,  R_BREAK,  R_C_BREAK, R_ILLEGAL, R_C_ILLEGAL,
					R_SRET, R_SRET, R_MRET,   R_MRET,    R_WFI,     R_SFENCE,
					R_NOPS, R_NOPS, R_LRSC_W, R_SWAP_D,  R_FETCH};
	unsigned r = below(2) ? PICK(often) : below(R_COUNT);

	if (!in_qemu10() && (r == R_CBO_ZERO || r == R_CBO_CLEAN || r == R_CBO_INVAL))
		r = R_PAD;
	if ((r == R_SFENCE_W_INVAL || r == R_SFENCE_INVAL_IR) && prv == PRV_U)
		r = R_PAD; /* QEMU lets U-mode (README.md) */
	return r;
}

/* mtval and stval of these causes may be zero or not: the specification leaves it open. */
static uint64_t tval_of(uint64_t cause, uint64_t tval, unsigned r)
{
	if (cause == 3 || (cause == 2 && r == R_SINVAL))
		return 0;
	return r == R_CBO_ZERO || r == R_CBO_CLEAN || r == R_CBO_INVAL ? tval & -64ull : tval;
}

void run_setup(void)
{
	const uint64_t rights = PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D;

	root[0] = rights;
	root[2] = 0x80000000 >> 2 | rights;
	root[3] = 0x80000000 >> 2 | rights | PTE_U;
	unpend();
}

void run_case(uint64_t number)
{
	static const uint8_t modes[] = {PRV_U, PRV_S, PRV_M};
	static const uint16_t csrs[] = {CSR_SATP,    CSR_CYCLE,   CSR_TIME,    CSR_INSTRET,
					CSR_HPM3,    CSR_SSTATUS, CSR_MSTATUS, CSR_STIMECMP,
					CSR_MHARTID, CSR_SEPC};
	unsigned prv = PICK(modes), r = pick_routine(prv), csr = PICK(csrs);
	bool paged = below(2), stce = below(2), direct = prv == PRV_M, by_csr = below(6) == 0;
	uint64_t medeleg = value() & 0xb3ff, mideleg = bits() & 0x222, mie = bits() & IRQ_MASK;
	uint64_t fields = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM |
			  MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR | MSTATUS_MPIE;
	uint64_t mstatus = (bits() & fields) | (uint64_t)2 << MSTATUS_UXL_SHIFT, back, into;
	struct probe p = {.jump = direct, .ra = (uint64_t)return_stub};
	bool user = prv == PRV_U, waits, m_ie = below(2);
	unsigned mpp = PICK(modes);
	bool is_in_ram = r == R_SWAP_W || r == R_SWAP_D || r == R_CBO_CLEAN || r == R_CBO_INVAL;
	uint64_t sum = 0;

	(void)number;
	if (below(4) == 0)
		mie = 0;
	/* Where xRET goes: a routine that ends at once, as the mode sees it that it goes to. */
	into = routine(below(2) ? R_PAD : R_NOPS);
	back = r == R_MRET && direct ? mpp == PRV_U : !(mstatus & MSTATUS_SPP);
	into += back && paged ? ALIAS : 0;
	csr_put(CSR_SEPC, into);
	csr_put(CSR_STVEC, (uint64_t)s_table | below(2));
	csr_put(CSR_MTVEC, (uint64_t)m_table | below(2));
	csr_put(CSR_MCOUNTEREN, bits() & 0xf);
	csr_put(CSR_SCOUNTEREN, bits() & 0xf);
	p.exit = exit_of(&medeleg);
	csr_put(CSR_MEDELEG, medeleg);
	csr_put(CSR_MIDELEG, mideleg);
	csr_put(CSR_MENVCFG,
		(stce ? MENVCFG_STCE : 0) |
		    (in_qemu10() ? PICK(((uint8_t[]){0, 0x50, 0x80, 0xd0, 0xf0})) : 0));
	csr_put(CSR_SENVCFG, in_qemu10() ? PICK(((uint8_t[]){0, 0x50, 0x80, 0xd0, 0xf0})) : 0);
	csr_put(CSR_SATP, paged ? (uint64_t)8 << 60 | (uint64_t)root >> 12 : 0);
	__asm__ volatile("sfence.vma" ::: "memory");
	/* In M-mode with MIE clear: what comes of it is the same if the timer comes too early. */
	waits = r == R_WFI && !by_csr && direct && !m_ie;
	pend(stce, waits);
	if (r == R_WFI && !by_csr) {
		mie |= waits ? 1 << IRQ_MTIP : 1 << IRQ_SSIP;
		csr_set(CSR_MIP, 1 << IRQ_SSIP & (waits ? 0 : -1));
	}

	p.pc = routine(r);
	if (by_csr)
		p.pc = (uint64_t)csr_stubs + (3 * 4096 + csr) * 8;
	p.a[0] = r == R_FETCH ? (below(2)        ? HOLE
				 : user && paged ? into | ALIAS
						 : into)
			      : address(user, paged, is_in_ram);
	if (r == R_FETCH && below(4) == 0)
		p.a[0] = paged ? NOWHERE : HOLE;
	if (r == R_FETCH && p.a[0] == into && user != back && paged)
		p.a[0] = NOWHERE;
	p.a[1] = bits();
	if (by_csr)
		p.a[0] = 0;
	if (direct) {
		mstatus |= (uint64_t)mpp << MSTATUS_MPP_SHIFT | (m_ie ? MSTATUS_MIE : 0);
		if (below(3) == 0 && !by_csr)
			mstatus |= MSTATUS_MPRV;
		csr_put(CSR_MEPC, into);
	} else {
		mstatus |= (uint64_t)prv << MSTATUS_MPP_SHIFT;
		if (user && paged) {
			p.pc += ALIAS;
			p.ra += ALIAS;
		}
	}
	p.mstatus = mstatus;
	p.mie = mie;
	note("prv", prv);
	note("routine", by_csr ? 0x1000 + csr : r);
	note("mstatus", mstatus);
	note("mie", mie);
	note("mideleg", mideleg);
	note("medeleg", medeleg);
	note("paged", paged);
	note("a0", p.a[0]);
	if (waits)
		MTIMECMP = MTIME + 3000;
	probe(&p);
	fold("cause", p.m_cause);
	fold("epc", p.m_epc);
	fold("tval", tval_of(p.m_cause, p.m_tval, r));
	fold("slot", p.m_slot);
	/* QEMU 7 leaves MPRV when xRET leaves M-mode (README.md). */
	fold("status", p.m_status & STATUS_MASK & ~(uint64_t)(in_qemu10() ? 0 : MSTATUS_MPRV));
	fold("ip", p.m_ip & (waits ? IRQ_MASK & ~(1 << IRQ_MTIP) : IRQ_MASK));
	fold("in_s", p.in_s);
	if (p.in_s) {
		fold("s_cause", p.s_cause);
		fold("s_epc", p.s_epc);
		fold("s_tval", tval_of(p.s_cause, p.s_tval, r));
		fold("s_slot", p.s_slot);
		fold("s_status", p.s_status & STATUS_MASK);
	}
	if (!by_csr)
		fold("got", p.a[2]);
	unpend();
	for (unsigned i = 0; i < 17; i++)
		sum += target[i] * (i + 1);
	fold("data", sum);
}
