/*
 * Control and status registers, as a bare program (bare.h): each written with anything by any
 * instruction in M- and S-mode and read back, and every number of the 4096 tried in each mode.
 *
 * A case is one access through a stub of bare.S, in a probe. What was
 * written does not last from case to case, but the one read back may be another than the one
 * written, so that views of one another are seen: sstatus of mstatus, sie and sip of mie, mip and
 * mideleg.
 */
#include "rv/csr.h"
#include "test/conform/bare.h"

enum { READ = 3 }; /* kinds of stubs: csrrw, csrrs, csrrc, a reading */

#define STATUS_MASK (~(uint64_t)(0xc000000000 | 0x600 | MSTATUS_UXL)) /* MPV, GVA; VS; UXL */
#define ABSENT_IRQS 0x3444 /* of the hypervisor, and counter overflow */
#define IRQ_MASK    (0xffff & ~(uint64_t)ABSENT_IRQS)
#define ADDR_MASK   0x003fffffffffffff /* pmpaddr: 56 address bits */

/*
 * What is written and compared. `mask`: the bits that the specification leaves no choice in, or
 * in which both machines made the same one. README.md says why a bit is left out.
 */
static const struct {
	uint16_t csr;
	uint64_t mask;
} written[] = {
    {CSR_FFLAGS, UINT64_MAX},
    {CSR_FRM, UINT64_MAX},
    {CSR_FCSR, UINT64_MAX},
    {CSR_SSTATUS, STATUS_MASK},
    {CSR_SIE, IRQ_MASK},
    {CSR_STVEC, UINT64_MAX},
    {CSR_SCOUNTEREN, UINT32_MAX},
    {CSR_SENVCFG, UINT64_MAX},
    {CSR_SSCRATCH, UINT64_MAX},
    {CSR_SEPC, ~(uint64_t)1},
    {CSR_SCAUSE, UINT64_MAX},
    {CSR_STVAL, UINT64_MAX},
    {CSR_SIP, IRQ_MASK},
    {CSR_STIMECMP, UINT64_MAX},
    {CSR_SATP, UINT64_MAX},
    {CSR_MSTATUS, STATUS_MASK},
    {CSR_MSTATUS, STATUS_MASK},
    {CSR_MISA, UINT64_MAX},
    {CSR_MEDELEG, ~(uint64_t)0xff0c00},
    {CSR_MIDELEG, IRQ_MASK},
    {CSR_MIE, IRQ_MASK},
    {CSR_MTVEC, UINT64_MAX},
    {CSR_MCOUNTEREN, UINT32_MAX},
    {CSR_MCOUNTINHIBIT, COUNTEREN_CY | COUNTEREN_IR},
    {CSR_MENVCFG, ~(uint64_t)0x7000000000000000},
    {CSR_MSCRATCH, UINT64_MAX},
    {CSR_MEPC, ~(uint64_t)1},
    {CSR_MCAUSE, UINT64_MAX},
    {CSR_MTVAL, UINT64_MAX},
    {CSR_MIP, IRQ_MASK},
    {CSR_PMPCFG0, UINT64_MAX},
    {CSR_PMPCFG0 + 2, UINT64_MAX},
    {CSR_PMPADDR0, ADDR_MASK},
    {CSR_PMPADDR0 + 1, ADDR_MASK},
    {CSR_PMPADDR0 + 7, ADDR_MASK},
    {CSR_PMPADDR0 + 15, ADDR_MASK},
    {CSR_MVENDORID, UINT64_MAX},
    {CSR_MARCHID, UINT64_MAX},
    {CSR_MIMPID, UINT64_MAX},
    {CSR_MHARTID, UINT64_MAX},
    {CSR_MCONFIGPTR, UINT64_MAX},
};
#define NWRITTEN (sizeof(written) / sizeof(written[0]))

/* Numbers that one machine has and the other has not; README.md says which and why. */
static bool is_left_out(unsigned csr)
{
	return csr == 0x24d /* vstimecmp */ || (csr >= CSR_PMPCFG0 + 4 && csr < CSR_PMPADDR0) ||
	       (csr >= CSR_PMPADDR0 + 16 && csr < CSR_PMPADDR0 + 64);
}

static uint64_t stub(unsigned kind, unsigned csr)
{
	return (uint64_t)csr_stubs + (kind * 4096 + csr) * 8;
}

static void protection_open(void)
{
	csr_put(CSR_PMPADDR0, -1);
	csr_put(CSR_PMPCFG0, 0x1f);
	csr_put(CSR_PMPCFG0 + 2, 0);
}

/* Everything as every case finds it. */
static void reset_state(void)
{
	csr_put(CSR_MSTATUS, MSTATUS_MPP);
	csr_put(CSR_STIMECMP, -1);
	csr_put(CSR_MENVCFG, 0);
	csr_put(CSR_SENVCFG, 0);
	csr_put(CSR_MEDELEG, 0);
	csr_put(CSR_MIDELEG, 0);
	csr_put(CSR_MIP, 0);
	csr_put(CSR_SATP, 0);
	csr_put(CSR_STVEC, s_table);
	csr_put(CSR_MCOUNTEREN, 0);
	csr_put(CSR_SCOUNTEREN, 0);
	csr_put(CSR_MCOUNTINHIBIT, 0);
	csr_put(CSR_SIP, 0);
	protection_open();
}

/* The instruction `kind` on `csr`, then a reading of `other`, in a state as the caller made it. */
static void access_csr(unsigned prv, unsigned kind, unsigned csr, uint64_t v, unsigned other,
		       uint64_t mstatus, uint64_t mie, uint64_t mask, uint64_t other_mask)
{
	struct probe p = {.pc = stub(kind, csr),
			  .a = {v, 0, stub(READ, other)},
			  .ra = (uint64_t)(prv == PRV_M ? csr_back_m : csr_back),
			  .jump = prv == PRV_M,
			  .mie = mie,
			  .mstatus = mstatus};

	note("csr", csr);
	note("kind", kind);
	note("prv", prv);
	note("value", v);
	note("mstatus", mstatus);
	note("other", other);
	probe(&p);
	fold("cause", p.m_cause);
	fold("epc", p.m_epc);
	fold("tval", p.m_cause == 2 ? p.m_tval : 0);
	fold("status", p.m_status & STATUS_MASK);
	fold("old", p.a[1] & mask);
	fold("read", p.a[0] & other_mask & (p.m_cause == 2 ? mask : UINT64_MAX)); /* not read? */
	fold("ip", p.m_ip & IRQ_MASK & ~(uint64_t)(csr == CSR_STIMECMP ? 1 << IRQ_STIP : 0));
	fold("in_s", p.in_s);
	if (p.in_s) {
		fold("s_cause", p.s_cause);
		fold("s_epc", p.s_epc);
	}
}

/* One of the numbers, in one of the modes, read or written with what it holds. */
static void sweep(uint64_t n)
{
	static const uint8_t modes[] = {PRV_M, PRV_S, PRV_U};
	unsigned csr = n % 4096, prv = modes[n / 4096 % 3], kind = n / 12288 % 2 ? READ : 1;
	struct probe p = {.pc = stub(kind, csr), .ra = (uint64_t)return_stub, .jump = prv == PRV_M};

	if (is_left_out(csr))
		return;
	csr_put(CSR_MCOUNTEREN, 7);
	csr_put(CSR_SCOUNTEREN, 7);
	csr_put(CSR_MENVCFG, MENVCFG_STCE);
	p.mstatus =
	    MSTATUS_FS | (uint64_t)prv << MSTATUS_MPP_SHIFT | (uint64_t)2 << MSTATUS_UXL_SHIFT;
	p.a[0] = csr >> 10 == 3; /* no zero: QEMU takes that for a reading */
	note("csr", csr);
	note("prv", prv);
	note("kind", kind);
	probe(&p);
	fold("cause", p.m_cause);
	fold("epc", p.m_epc);
	fold("tval", p.m_tval);
	reset_state();
}

static uint64_t legal_mstatus(unsigned prv)
{
	uint64_t v =
	    bits() & (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_MPIE | MSTATUS_SPP | MSTATUS_FS |
		      MSTATUS_SUM | MSTATUS_MXR | MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR);

	return v | (uint64_t)prv << MSTATUS_MPP_SHIFT | (uint64_t)2 << MSTATUS_UXL_SHIFT;
}

static void write_and_read(void)
{
	unsigned i = below(NWRITTEN), j = below(3) ? i : below(NWRITTEN), kind = below(4);
	unsigned csr = written[i].csr, other = written[j].csr, lowest = csr >> 8 & 3;
	unsigned prv = lowest == 3 ? PRV_M : below(2) ? PRV_M : lowest;
	uint64_t v = value(), mstatus, mie = bits() & 0xaaa;
	bool stce = below(3) == 0;

	/* Another reading might trap; a comparison shows in mip in the end, not at once. */
	if (csr == CSR_MTVEC || csr == CSR_STIMECMP) {
		j = i;
		other = csr;
	}
	if (csr == CSR_STIMECMP || other == CSR_STIMECMP)
		prv = PRV_M;
	/* Not about now: neither side of the present that both machines agree on. */
	if (csr == CSR_STIMECMP)
		v = below(2) ? v | (uint64_t)1 << 62 : 0;
	/* Reserved values of WARL fields each machine makes legal in its own way: VS and MPP, UXL
	 * and SXL of mstatus, CBIE of xenvcfg. */
	if (csr == CSR_MSTATUS || csr == CSR_SSTATUS) {
		v &= ~(uint64_t)(0x600 | MSTATUS_UXL | MSTATUS_SXL);
		if (kind == 0)
			v |= (uint64_t)2 << MSTATUS_UXL_SHIFT | (uint64_t)2 << MSTATUS_SXL_SHIFT;
		v = v & 0x1000 ? v | MSTATUS_MPP : kind == 0 ? v : v & ~(uint64_t)MSTATUS_MPP;
	}
	if (csr == CSR_MENVCFG || csr == CSR_SENVCFG)
		v |= (v & 0x20) >> 1;
	/* The protection's locks would last: bare_mmu.c sets them. W without R is reserved. */
	if (csr == CSR_PMPCFG0 || csr == CSR_PMPCFG0 + 2) {
		v &= 0x1f1f1f1f1f1f1f1f;
		v |= (v & 0x0202020202020202) >> 1;
		kind = kind == 0 ? 0 : READ;
	}
	/* Below M-mode translation would begin. */
	if (csr == CSR_SATP && prv == PRV_S && (v >> 60 >= 8 && v >> 60 <= 10))
		v ^= (uint64_t)15 << 60;
	if (csr == CSR_SATP && prv == PRV_S)
		kind = kind == 0 ? 0 : READ;

	/* QEMU lets stimecmp drive STIP whether Sstc is on or off, and not at all when it is
	 * switched on. */
	stce |= csr == CSR_STIMECMP;
	/* Zeros in a register are a write, too; QEMU thinks otherwise. */
	if (kind != 0 && v == 0)
		v = 1;
	csr_put(CSR_MENVCFG, stce ? MENVCFG_STCE : 0);
	csr_put(CSR_MIDELEG, bits() & 0x222);
	csr_put(CSR_MEDELEG, bits() & 0xb1ff & ~(uint64_t)0x304); /* not ECALL, nor illegal */
	csr_put(CSR_MCOUNTEREN, bits() & 7);
	csr_put(CSR_SCOUNTEREN, bits() & 7);
	mstatus = legal_mstatus(prv);
	if (prv == PRV_M) {
		csr_put(CSR_MIP, bits() & (csr == CSR_MENVCFG ? 0x202 : 0x222));
		mstatus |= MSTATUS_MPP; /* below, the program would be in the way of PMP */
		mstatus ^= below(2) ? MSTATUS_MPP : 0;
	}
	/* With interrupts enabled in M-mode none may be pending. */
	if (prv == PRV_M && (csr == CSR_MSTATUS || csr == CSR_SSTATUS))
		mie = 0;
	access_csr(prv, kind, csr, v, other, mstatus, mie, written[i].mask, written[j].mask);
	reset_state();
}

/* -- the program --------------------------------------------------------------------------- */

void run_setup(void)
{
	*(volatile uint64_t *)0x2004000 = UINT64_MAX; /* CLINT: mtimecmp of hart 0 */
	reset_state();
}

void run_case(uint64_t number)
{
	if (number % 2)
		sweep(number / 2);
	else
		write_and_read();
}
