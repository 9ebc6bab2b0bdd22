/*
 * Traps: entry, return, and which interrupt is taken.
 *
 * Source: RISC-V Privileged Architecture 1.12, sections 3.1.6 to 3.1.9, 3.1.15,
 * 3.3.2 and 4.1.
 */
#include "machine/hart/hart.h"
#include "machine/hart/code.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

#include <string.h>

/*
 * A trap, or the return from one. Whoever runs next must not find another's reservation; and one
 * that is left behind would keep other harts' stores to its frame on the slow path.
 */
static void set_prv(struct hart *h, unsigned prv)
{
	h->prv = prv;
	h->reservation_valid = false;
	mmu_mode_changed(h);
}

/* Enters the handler for `cause` in S-mode or M-mode. */
static void enter(struct hart *h, uint64_t cause, uint64_t tval, bool to_s)
{
	bool interrupt = cause & CAUSE_INTERRUPT;
	uint64_t code = cause & ~CAUSE_INTERRUPT, vec;

	if (to_s) {
		h->scause = cause;
		h->sepc = h->pc;
		h->stval = tval;
		h->mstatus &= ~(uint64_t)(MSTATUS_SPP | MSTATUS_SPIE);
		if (h->mstatus & MSTATUS_SIE)
			h->mstatus |= MSTATUS_SPIE;
		if (h->prv == PRV_S)
			h->mstatus |= MSTATUS_SPP;
		h->mstatus &= ~(uint64_t)MSTATUS_SIE;
		vec = h->stvec;
	} else {
		h->mcause = cause;
		h->mepc = h->pc;
		h->mtval = tval;
		h->mstatus &= ~(uint64_t)(MSTATUS_MPP | MSTATUS_MPIE);
		if (h->mstatus & MSTATUS_MIE)
			h->mstatus |= MSTATUS_MPIE;
		h->mstatus |= (uint64_t)h->prv << MSTATUS_MPP_SHIFT;
		h->mstatus &= ~(uint64_t)MSTATUS_MIE;
		vec = h->mtvec;
	}
	h->pc = (vec & ~3ULL) + ((vec & 1) && interrupt ? 4 * code : 0);
	set_prv(h, to_s ? PRV_S : PRV_M);
}

void trap_raise(struct hart *h, uint64_t cause, uint64_t tval)
{
	h->count.exceptions++;
	/* The step is counted as retired in this privilege when exec() accounts: take it back. */
	h->count.retired_by_prv[h->prv]--;
	enter(h, cause, tval, h->prv != PRV_M && (h->medeleg >> cause & 1));
}

bool trap_take_interrupt(struct hart *h)
{
	/* Highest priority first (section 3.1.9). */
	static const uint8_t order[] = {IRQ_MEIP, IRQ_MSIP, IRQ_MTIP, IRQ_SEIP, IRQ_SSIP, IRQ_STIP};
	uint64_t pending = h->mip & h->mie, taken = 0;
	uint64_t for_m = pending & ~h->mideleg, for_s = pending & h->mideleg;

	if (h->prv < PRV_M || (h->mstatus & MSTATUS_MIE))
		taken = for_m;
	if (!taken && (h->prv < PRV_S || (h->prv == PRV_S && (h->mstatus & MSTATUS_SIE))))
		taken = for_s;
	if (!taken)
		return false;
	for (unsigned i = 0; i < sizeof(order); i++)
		if (taken >> order[i] & 1) {
			h->count.interrupts++;
			enter(h, CAUSE_INTERRUPT | order[i], 0, taken == for_s);
			return true;
		}
	return false;
}

bool trap_pending(const struct hart *h)
{
	return h->mip & h->mie;
}

bool trap_sret(struct hart *h)
{
	if (h->prv == PRV_U || (h->prv == PRV_S && (h->mstatus & MSTATUS_TSR)))
		return false;
	unsigned prv = h->mstatus & MSTATUS_SPP ? PRV_S : PRV_U;

	h->mstatus &= ~(uint64_t)(MSTATUS_SIE | MSTATUS_SPP | MSTATUS_MPRV);
	if (h->mstatus & MSTATUS_SPIE)
		h->mstatus |= MSTATUS_SIE;
	h->mstatus |= MSTATUS_SPIE;
	h->pc = h->sepc;
	set_prv(h, prv);
	return true;
}

bool trap_mret(struct hart *h)
{
	if (h->prv != PRV_M)
		return false;
	unsigned prv = (unsigned)(h->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;

	h->mstatus &= ~(uint64_t)(MSTATUS_MIE | MSTATUS_MPP);
	if (h->mstatus & MSTATUS_MPIE)
		h->mstatus |= MSTATUS_MIE;
	h->mstatus |= MSTATUS_MPIE;
	if (prv != PRV_M)
		h->mstatus &= ~(uint64_t)MSTATUS_MPRV;
	h->pc = h->mepc;
	set_prv(h, prv);
	return true;
}

bool hart_init(struct hart *h, struct machine *m, unsigned id)
{
	h->m = m;
	h->id = id;
	if (!mmu_init(h))
		return false;
	hart_reset(h);
	return true;
}

void hart_reset(struct hart *h)
{
	const struct hart zero = {
	    .m = h->m,
	    .id = h->id,
	    .clock = h->clock,
	    .seip_line = h->seip_line, /* lines stay as the PLIC holds them */
	    .mip = (h->mip & 1u << IRQ_MEIP) | (uint64_t)h->seip_line << IRQ_SEIP,
	    .mtimecmp = UINT64_MAX,
	    .stimecmp = UINT64_MAX,
	    .status = HART_STOPPED,
	    .prv = PRV_M,
	    .mstatus = (uint64_t)2 << MSTATUS_UXL_SHIFT | (uint64_t)2 << MSTATUS_SXL_SHIFT,
	    .menvcfg = h->m->cfg.no_svadu ? 0 : MENVCFG_ADUE,
	    .count = h->count,
	    .paged_user_steps = h->paged_user_steps,
	    .user_straddles = h->user_straddles,
	    .space_since = h->space_since,
	};
	struct mmu *mmu = &h->mmu;

	/* All but the MMU, whose arrays stay allocated. */
	memcpy(h, &zero, offsetof(struct hart, mmu));
	memcpy((char *)h + offsetof(struct hart, mmu) + sizeof(*mmu),
	       (const char *)&zero + offsetof(struct hart, mmu) + sizeof(*mmu),
	       sizeof(*h) - offsetof(struct hart, mmu) - sizeof(*mmu));
	mmu_reset(h);
}

void hart_reserve(struct hart *h, uint64_t pa)
{
	if (!h->reservation_valid ||
	    (h->reservation_pa ^ pa) & ~(uint64_t)(RV_PAGE_SIZE - 1)) /* another frame */
		h->reservation_watched = 0;
	h->reservation_valid = true;
	h->reservation_pa = pa;
}

void hart_break_reservations(struct machine *m, const struct hart *but, uint64_t pa, uint64_t len)
{
	for (unsigned n = 0; n < m->cfg.harts; n++) {
		struct hart *h = &m->harts[n];
		uint64_t set = h->reservation_pa & ~7ULL;

		if (h != but && h->reservation_valid && pa < set + 8 && set < pa + len)
			h->reservation_valid = false;
	}
}

void hart_stored(struct hart *h, uint64_t pa, uint64_t len)
{
	if (h->m->cfg.harts > 1)
		hart_break_reservations(h->m, h, pa, len);
}

void machine_start_bare(struct machine *m, paddr_t entry)
{
	m->builtin_sbi = false;
	for (unsigned n = 0; n < m->cfg.harts; n++) {
		hart_reset(&m->harts[n]);
		m->harts[n].x[10] = n;
		m->harts[n].pc = entry.v;
		m->harts[n].status = HART_RUNNING;
	}
}
