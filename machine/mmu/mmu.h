/*
 * Between mmu.c, the model and its lookaside, and access.c, the accesses that go through them.
 */
#ifndef MMU_MMU_H
#define MMU_MMU_H

#include "machine/machine_state.h"
#include "machine/mmu/walk.h"
#include "rv/pte.h"

#define PAGE_OF(va) ((va) & ~(uint64_t)(RV_PAGE_SIZE - 1))

/*
 * Looks a page up in the model, as one access of privilege prv.
 * => true with the entry's index in L1, which permits the access; false: trap raised.
 */
bool mmu_lookup(struct hart *h, enum access access, unsigned prv, uint64_t va, unsigned *out);

/* The physical address of va under an entry of L1. */
static inline uint64_t entry_pa(const struct tlb_entry *e, uint64_t va)
{
	uint64_t in_page = (1ULL << RV_LEVEL_SHIFT(e->level)) - 1;

	return ((e->ppn << RV_PAGE_SHIFT) & ~in_page) | (va & in_page);
}

/* Privilege at which data is accessed: MPRV lends M-mode another's. */
static inline unsigned data_prv(const struct hart *h)
{
	if (h->mstatus & MSTATUS_MPRV)
		return (unsigned)(h->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;
	return h->prv;
}

static inline bool is_translated(const struct hart *h, unsigned prv)
{
	return prv != PRV_M && walk_levels(h->satp) != 0;
}

static inline uint64_t access_fault_cause(enum access access)
{
	return access == ACCESS_FETCH  ? CAUSE_FETCH_ACCESS
	       : access == ACCESS_LOAD ? CAUSE_LOAD_ACCESS
				       : CAUSE_STORE_ACCESS;
}

#endif
