/*
 * Control and status registers: what each reads as, and what of a write sticks.
 *
 * Source: RISC-V Privileged Architecture 1.12, chapters 2 to 4; Sstc; the F
 * extension's fcsr. A register that is not here is not implemented: accessing
 * it is illegal. Counters beyond instret read as zero (section 3.1.10 allows
 * it). Of 64 possible PMP entries the first 16 exist; the others' CSRs read as zero.
 */
#include "machine/hart/hart.h"
#include "machine/machine_state.h"
#include "machine/mmu/pmp.h"
#include "machine/mmu/walk.h"

#define SSTATUS_BITS                                                                               \
	(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_FS | MSTATUS_SUM | MSTATUS_MXR |       \
	 MSTATUS_UXL | MSTATUS_SD)
#define SSTATUS_WRITABLE (SSTATUS_BITS & ~(MSTATUS_UXL | MSTATUS_SD))
#define MSTATUS_WRITABLE                                                                           \
	(SSTATUS_WRITABLE | MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MPRV |              \
	 MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR)

#define ENVCFG_WRITABLE (MENVCFG_FIOM | ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE)

#define BIT(n)         (1ULL << (n))
#define S_INTERRUPTS   (BIT(IRQ_SSIP) | BIT(IRQ_STIP) | BIT(IRQ_SEIP))
#define ALL_INTERRUPTS (S_INTERRUPTS | BIT(IRQ_MSIP) | BIT(IRQ_MTIP) | BIT(IRQ_MEIP))

/* Exceptions that may be delegated: all that are raised below M-mode. */
#define DELEGABLE                                                                                  \
	(BIT(CAUSE_FETCH_MISALIGNED) | BIT(CAUSE_FETCH_ACCESS) | BIT(CAUSE_ILLEGAL) |              \
	 BIT(CAUSE_BREAKPOINT) | BIT(CAUSE_LOAD_MISALIGNED) | BIT(CAUSE_LOAD_ACCESS) |             \
	 BIT(CAUSE_STORE_MISALIGNED) | BIT(CAUSE_STORE_ACCESS) | BIT(CAUSE_ECALL_U) |              \
	 BIT(CAUSE_ECALL_S) | BIT(CAUSE_FETCH_PAGE) | BIT(CAUSE_LOAD_PAGE) |                       \
	 BIT(CAUSE_STORE_PAGE))

#define MISA_VALUE                                                                                 \
	((2ULL << 62) | BIT('I' - 'A') | BIT('M' - 'A') | BIT('A' - 'A') | BIT('F' - 'A') |        \
	 BIT('D' - 'A') | BIT('C' - 'A') | BIT('S' - 'A') | BIT('U' - 'A'))

static uint64_t retired_now(const struct hart *h)
{
	uint64_t uncounted = h->code ? h->clock - h->exec_since : 0; /* in exec(), or between two */

	return h->count.steps + uncounted - h->count.exceptions;
}

static uint64_t cycles_now(const struct hart *h)
{
	return h->mcountinhibit & COUNTEREN_CY ? h->mcycle_bias : h->clock + h->mcycle_bias;
}

static uint64_t instret_now(const struct hart *h)
{
	return h->mcountinhibit & COUNTEREN_IR ? h->minstret_bias
					       : retired_now(h) + h->minstret_bias;
}

/* What counter `now` was, plus the present instruction, is kept while it stands still. */
static void inhibit(uint64_t *bias, bool was, bool is, uint64_t now)
{
	if (was != is)
		*bias += is ? now + 1 : 0 - (now + 1);
}

/* Whether the counter `bit` may be read at the present privilege. */
static bool counter_enabled(const struct hart *h, unsigned bit)
{
	if (h->prv < PRV_M && !(h->mcounteren >> bit & 1))
		return false;
	return h->prv != PRV_U || (h->scounteren >> bit & 1);
}

/* stimecmp needs menvcfg.STCE and mcounteren.TM below M-mode (Sstc). */
static bool stimecmp_allowed(const struct hart *h)
{
	return h->prv == PRV_M || ((h->menvcfg & MENVCFG_STCE) && (h->mcounteren & COUNTEREN_TM));
}

bool csr_read(const struct hart *h, unsigned csr, uint64_t *out, bool will_write)
{
	/* Bits 9:8 are the lowest privilege, bits 11:10 = 3 mean read-only. */
	if (h->prv < ((csr >> 8) & 3) || (will_write && csr >> 10 == 3))
		return false;

	switch (csr) {
	case CSR_FFLAGS:
	case CSR_FRM:
	case CSR_FCSR:
		if (!(h->mstatus & MSTATUS_FS))
			return false;
		*out = csr == CSR_FFLAGS ? h->fcsr & 31 : csr == CSR_FRM ? h->fcsr >> 5 : h->fcsr;
		return true;
	case CSR_CYCLE: *out = cycles_now(h); return counter_enabled(h, 0);
	case CSR_TIME: *out = hart_time(h); return counter_enabled(h, 1);
	case CSR_INSTRET: *out = instret_now(h); return counter_enabled(h, 2);

	case CSR_SSTATUS: *out = h->mstatus & SSTATUS_BITS; return true;
	case CSR_SIE: *out = h->mie & h->mideleg; return true;
	case CSR_STVEC: *out = h->stvec; return true;
	case CSR_SCOUNTEREN: *out = h->scounteren; return true;
	case CSR_SENVCFG: *out = h->senvcfg; return true;
	case CSR_SSCRATCH: *out = h->sscratch; return true;
	case CSR_SEPC: *out = h->sepc; return true;
	case CSR_SCAUSE: *out = h->scause; return true;
	case CSR_STVAL: *out = h->stval; return true;
	case CSR_SIP: *out = h->mip & h->mideleg; return true;
	case CSR_STIMECMP: *out = h->stimecmp; return stimecmp_allowed(h);
	case CSR_SATP: *out = h->satp; return !(h->prv == PRV_S && (h->mstatus & MSTATUS_TVM));

	case CSR_MVENDORID:
	case CSR_MARCHID:
	case CSR_MIMPID:
	case CSR_MCONFIGPTR: *out = 0; return true;
	case CSR_MHARTID: *out = h->id; return true;
	case CSR_MSTATUS: *out = h->mstatus; return true;
	case CSR_MISA: *out = MISA_VALUE; return true;
	case CSR_MEDELEG: *out = h->medeleg; return true;
	case CSR_MIDELEG: *out = h->mideleg; return true;
	case CSR_MIE: *out = h->mie; return true;
	case CSR_MTVEC: *out = h->mtvec; return true;
	case CSR_MCOUNTEREN: *out = h->mcounteren; return true;
	case CSR_MENVCFG: *out = h->menvcfg; return true;
	case CSR_MCOUNTINHIBIT: *out = h->mcountinhibit; return true;
	case CSR_MSCRATCH: *out = h->mscratch; return true;
	case CSR_MEPC: *out = h->mepc; return true;
	case CSR_MCAUSE: *out = h->mcause; return true;
	case CSR_MTVAL: *out = h->mtval; return true;
	case CSR_MIP: *out = h->mip; return true;
	case CSR_MCYCLE: *out = cycles_now(h); return true;
	case CSR_MINSTRET: *out = instret_now(h); return true;
	default: break;
	}
	*out = 0;
	if (csr == CSR_PMPCFG0 || csr == CSR_PMPCFG0 + 2)
		*out = pmp_cfg_read(h, (csr - CSR_PMPCFG0) / 2);
	if (csr >= CSR_PMPADDR0 && csr < CSR_PMPADDR0 + PMP_ENTRIES)
		*out = pmp_addr_read(h, csr - CSR_PMPADDR0);
	/* On RV64 only the even pmpcfg exist. */
	if (csr >= CSR_PMPCFG0 && csr < CSR_PMPADDR0)
		return !(csr & 1);
	if (csr >= CSR_PMPADDR0 && csr < CSR_PMPADDR0 + 64)
		return true;
	if (csr >= CSR_HPM3 && csr < CSR_CYCLE + 32)
		return counter_enabled(h, csr - CSR_CYCLE);
	return (csr >= CSR_MHPMCOUNTER3 && csr < CSR_MCYCLE + 32) ||
	       (csr >= CSR_MHPMEVENT3 && csr < CSR_MCOUNTINHIBIT + 32);
}

/* mstatus from `value`, of which the bits of `mask` may be written. */
static void mstatus_write(struct hart *h, uint64_t value, uint64_t mask)
{
	uint64_t mpp = (value & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;

	if (mpp == 2) /* reserved: MPP keeps its value */
		mask &= ~(uint64_t)MSTATUS_MPP;
	h->mstatus = (h->mstatus & ~mask) | (value & mask);
	h->mstatus &= ~MSTATUS_SD;
	if ((h->mstatus & MSTATUS_FS) == MSTATUS_FS)
		h->mstatus |= MSTATUS_SD;
	mmu_mode_changed(h);
}

static void dirty_fs(struct hart *h)
{
	h->mstatus |= MSTATUS_FS | MSTATUS_SD;
}

/* xtvec: modes 0 and 1; others keep the old value. */
static void tvec_write(uint64_t *tvec, uint64_t value)
{
	if ((value & 3) < 2)
		*tvec = value;
}

/* CBIE = 2 is reserved: the field keeps its value. */
static uint64_t envcfg_legal(uint64_t old, uint64_t value, uint64_t writable)
{
	if ((value & ENVCFG_CBIE) == 0x20)
		value = (value & ~(uint64_t)ENVCFG_CBIE) | (old & ENVCFG_CBIE);
	return value & writable;
}

/* Of SEIP only the bit that was written is written back, never the PLIC's line (3.1.9). */
uint64_t csr_base(const struct hart *h, unsigned csr, uint64_t old)
{
	if (csr != CSR_MIP)
		return old;
	return (old & ~BIT(IRQ_SEIP)) | (uint64_t)h->seip_written << IRQ_SEIP;
}

bool csr_write(struct hart *h, unsigned csr, uint64_t value)
{
	switch (csr) {
	case CSR_FFLAGS:
		h->fcsr = (h->fcsr & ~31u) | ((uint32_t)value & 31);
		dirty_fs(h);
		return true;
	case CSR_FRM:
		h->fcsr = (h->fcsr & 31u) | ((uint32_t)value & 7) << 5;
		dirty_fs(h);
		return true;
	case CSR_FCSR:
		h->fcsr = (uint32_t)value & 0xff;
		dirty_fs(h);
		return true;

	case CSR_SSTATUS: mstatus_write(h, value, SSTATUS_WRITABLE); return true;
	case CSR_SIE: h->mie = (h->mie & ~h->mideleg) | (value & h->mideleg); return true;
	case CSR_STVEC: tvec_write(&h->stvec, value); return true;
	case CSR_SCOUNTEREN: h->scounteren = (uint32_t)value; return true;
	case CSR_SENVCFG:
		h->senvcfg = envcfg_legal(h->senvcfg, value, ENVCFG_WRITABLE);
		return true;
	case CSR_SSCRATCH: h->sscratch = value; return true;
	case CSR_SEPC: h->sepc = value & ~1ULL; return true;
	case CSR_SCAUSE: h->scause = value; return true;
	case CSR_STVAL: h->stval = value; return true;
	case CSR_SIP: {
		uint64_t mask = h->mideleg & BIT(IRQ_SSIP);
		h->mip = (h->mip & ~mask) | (value & mask);
		return true;
	}
	case CSR_STIMECMP:
		h->stimecmp = value;
		hart_timer_update(h);
		h->leave = true;
		return true;
	case CSR_SATP: {
		uint64_t mode = value >> SATP_MODE_SHIFT;
		/* A mode that is not implemented: the whole write has no effect. */
		if (mode != SATP_MODE_BARE &&
		    (!walk_levels(value) || walk_levels(value) > h->m->cfg.max_levels))
			return true;
		if (value != h->satp) {
			h->satp = value;
			h->count.satp_writes++;
			mmu_satp_changed(h);
		}
		return true;
	}

	case CSR_MSTATUS: mstatus_write(h, value, MSTATUS_WRITABLE); return true;
	case CSR_MISA: return true;
	case CSR_MEDELEG: h->medeleg = value & DELEGABLE; return true;
	case CSR_MIDELEG: h->mideleg = value & S_INTERRUPTS; return true;
	case CSR_MIE: h->mie = value & ALL_INTERRUPTS; return true;
	case CSR_MTVEC: tvec_write(&h->mtvec, value); return true;
	case CSR_MCOUNTEREN: h->mcounteren = (uint32_t)value; return true;
	case CSR_MENVCFG:
		h->menvcfg = envcfg_legal(h->menvcfg, value,
					  ENVCFG_WRITABLE | MENVCFG_STCE |
					      (h->m->cfg.no_svadu ? 0 : MENVCFG_ADUE));
		hart_timer_update(h);
		h->leave = true;
		return true;
	case CSR_MCOUNTINHIBIT: {
		uint32_t now = (uint32_t)value & (COUNTEREN_CY | COUNTEREN_IR);
		uint32_t was = h->mcountinhibit;
		inhibit(&h->mcycle_bias, was & COUNTEREN_CY, now & COUNTEREN_CY, h->clock);
		inhibit(&h->minstret_bias, was & COUNTEREN_IR, now & COUNTEREN_IR, retired_now(h));
		h->mcountinhibit = now;
		return true;
	}
	case CSR_MSCRATCH: h->mscratch = value; return true;
	case CSR_MEPC: h->mepc = value & ~1ULL; return true;
	case CSR_MCAUSE: h->mcause = value; return true;
	case CSR_MTVAL: h->mtval = value; return true;
	case CSR_MIP: {
		/* STIP is the comparator's when Sstc is on. */
		uint64_t mask = S_INTERRUPTS;
		if (h->menvcfg & MENVCFG_STCE)
			mask &= ~BIT(IRQ_STIP);
		h->seip_written = value >> IRQ_SEIP & 1;
		if (h->seip_line)
			value |= BIT(IRQ_SEIP);
		h->mip = (h->mip & ~mask) | (value & mask);
		return true;
	}
	/* The write takes the place of the instruction's own increment. */
	case CSR_PMPCFG0:
	case CSR_PMPCFG0 + 2: pmp_cfg_write(h, (csr - CSR_PMPCFG0) / 2, value); return true;
	case CSR_MCYCLE:
		h->mcycle_bias = value - (h->mcountinhibit & COUNTEREN_CY ? 0 : h->clock + 1);
		return true;
	case CSR_MINSTRET:
		h->minstret_bias =
		    value - (h->mcountinhibit & COUNTEREN_IR ? 0 : retired_now(h) + 1);
		return true;
	default:
		if (csr >= CSR_PMPADDR0 && csr < CSR_PMPADDR0 + PMP_ENTRIES)
			pmp_addr_write(h, csr - CSR_PMPADDR0, value);
		return true; /* csr_read said that it exists: reads as zero */
	}
}
