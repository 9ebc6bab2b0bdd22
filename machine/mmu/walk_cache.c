/*
 * The walk cache: pointers to page tables, so that a walk need not begin at the root.
 *
 * An entry says which table translates a range of addresses of an address
 * space. The deepest one that fits saves the most reads. The least recently
 * used is replaced. Fences remove entries as they remove translations; one that
 * names an address removes every pointer on the way to it.
 *
 *     VA  | VPN[2] | VPN[1] | VPN[0] |
 *          prefix of a table of level 1
 *          prefix ......... of a table of level 0
 *
 * I1. used == 0 exactly in a free entry.
 */
#include "machine/mmu/walk_cache.h"

#include "machine/machine_state.h"
#include "rv/pte.h"

/* Lets a walk begin at the lowest table to which a pointer is cached. */
void walk_cache_look(struct hart *h, struct walk_request *rq)
{
	struct mmu *mmu = &h->mmu;
	struct walk_cache_entry *best = NULL;
	unsigned asid = (unsigned)(h->satp >> SATP_ASID_SHIFT) & SATP_ASID_MASK;

	for (unsigned i = 0; i < h->m->cfg.walk_cache; i++) {
		struct walk_cache_entry *w = &mmu->walk_cache[i];
		if (w->used && w->asid == asid &&
		    w->prefix == rq->va >> RV_LEVEL_SHIFT(w->level + 1) &&
		    (!best || w->level < best->level))
			best = w;
	}
	if (!best)
		return;
	best->used = ++mmu->walk_cache_seq;
	h->count.walk_cache_hits++;
	rq->table = best->table;
	rq->table_level = best->level;
}

/* Keeps the pointers that a walk followed, each in the place of the least recently used. */
void walk_cache_keep(struct hart *h, const struct walk_request *rq, const struct walk_result *w)
{
	struct mmu *mmu = &h->mmu;
	unsigned top = walk_levels(rq->satp) - 1;

	if (!h->m->cfg.walk_cache)
		return;
	for (unsigned level = 0; level < top; level++) {
		struct walk_cache_entry *victim = &mmu->walk_cache[0];
		if (!w->tables[level] || (rq->table && level == rq->table_level))
			continue;
		for (unsigned i = 1; i < h->m->cfg.walk_cache; i++)
			if (mmu->walk_cache[i].used < victim->used)
				victim = &mmu->walk_cache[i];
		*victim = (struct walk_cache_entry){
		    .prefix = rq->va >> RV_LEVEL_SHIFT(level + 1),
		    .table = w->tables[level],
		    .used = ++mmu->walk_cache_seq,
		    .asid = (uint16_t)(h->satp >> SATP_ASID_SHIFT),
		    .level = (uint8_t)level,
		};
	}
}

void walk_cache_flush(struct hart *h, bool by_va, uint64_t vpn, bool by_asid, unsigned asid)
{
	for (unsigned i = 0; i < h->m->cfg.walk_cache; i++) {
		struct walk_cache_entry *w = &h->mmu.walk_cache[i];
		if (by_va && w->prefix != vpn >> (RV_VPN_BITS * (w->level + 1)))
			continue;
		if (!by_asid || w->asid == asid)
			w->used = 0;
	}
}
