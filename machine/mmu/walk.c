/*
 * The page-table walk: "Virtual Address Translation Process", RISC-V Privileged
 * Architecture 1.12, section 4.3.2, in its own order and with its own numbers.
 *
 *     VA  | VPN[2] | VPN[1] | VPN[0] | offset |          (Sv39: LEVELS = 3)
 *             |        |        |
 *     satp -> PTE ->  PTE ->   PTE -> frame              i = 2, 1, 0
 *
 * One loop serves Sv39, Sv48 and Sv57; LEVELS is the only difference. PTEs are
 * read and written in physical memory: a table outside RAM is an access fault.
 */
#include "machine/mmu/pmp.h"
#include "machine/mmu/walk.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

#include <string.h>

unsigned walk_levels(uint64_t satp)
{
	switch (satp >> SATP_MODE_SHIFT) {
	case SATP_MODE_SV39: return SV39_LEVELS;
	case SATP_MODE_SV48: return SV48_LEVELS;
	case SATP_MODE_SV57: return SV57_LEVELS;
	default: return 0;
	}
}

static uint64_t *pte_at(const struct machine *m, uint64_t pa)
{
	uint64_t off = pa - BOARD_RAM_BASE;

	if (off >= m->ram_size)
		return NULL;
	return (uint64_t *)(m->ram + off);
}

/* The address must be the sign extension of its low VA bits. */
static bool is_canonical(uint64_t va, unsigned levels)
{
	unsigned bits = RV_PAGE_SHIFT + RV_VPN_BITS * levels;
	int64_t top = (int64_t)va >> (bits - 1);

	return top == 0 || top == -1;
}

bool walk_permits(unsigned perm, enum access access, unsigned prv, bool sum, bool mxr)
{
	bool allowed = false;

	switch (access) {
	case ACCESS_FETCH: allowed = perm & PTE_X; break;
	case ACCESS_LOAD: allowed = (perm & PTE_R) || (mxr && (perm & PTE_X)); break;
	case ACCESS_STORE: allowed = perm & PTE_W; break;
	case ACCESS_KINDS: break;
	}
	if (prv == PRV_U)
		return allowed && (perm & PTE_U);
	/* S-mode: user pages only for data, and only with SUM. */
	if (perm & PTE_U)
		return allowed && sum && access != ACCESS_FETCH;
	return allowed;
}

enum walk_end walk(const struct hart *h, const struct walk_request *rq, struct walk_result *out)
{
	unsigned levels = walk_levels(rq->satp);
	uint64_t va = rq->va;

	memset(out, 0, sizeof(*out));
	if (!is_canonical(va, levels))
		return WALK_PAGE_FAULT;

	/* 1. Start at the root. */
	uint64_t a = (rq->satp & SATP_PPN_MASK) << RV_PAGE_SHIFT;
	unsigned i = levels - 1;

	if (rq->table) {
		a = rq->table;
		i = rq->table_level;
	}
	for (;;) {
		/* 2. Read the PTE. */
		uint64_t pte_pa = a + RV_VPN(va, i) * 8;
		uint64_t *slot = pte_at(h->m, pte_pa);
		if (!slot || !pmp_allows(h, pte_pa, 8, ACCESS_LOAD, PRV_S))
			return WALK_ACCESS_FAULT;
		uint64_t pte = *slot;
		out->reads[i]++;
		out->tables[i] = a;

		/* 3. Not valid, or reserved. */
		if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED))
			return WALK_PAGE_FAULT;

		/* 4. A pointer to the next level, in which D, A and U are reserved. */
		if (!(pte & (PTE_R | PTE_X))) {
			if ((pte & (PTE_D | PTE_A | PTE_U)) || i == 0)
				return WALK_PAGE_FAULT;
			a = (pte & PTE_PPN_MASK) >> PTE_PPN_SHIFT << RV_PAGE_SHIFT;
			i--;
			continue;
		}

		/* 5. A leaf: is the access allowed? */
		if (!walk_permits((unsigned)pte, rq->access, rq->prv, rq->sum, rq->mxr))
			return WALK_PAGE_FAULT;

		/* 6. A misaligned superpage. */
		uint64_t ppn = (pte & PTE_PPN_MASK) >> PTE_PPN_SHIFT;
		uint64_t low = (1ULL << (RV_VPN_BITS * i)) - 1;
		if (ppn & low)
			return WALK_PAGE_FAULT;

		/* 7. A, and D for a store. No other agent writes in between: one step. */
		uint64_t want = PTE_A | (rq->access == ACCESS_STORE ? PTE_D : 0);
		if ((pte & want) != want) {
			if (!rq->update_ad)
				return WALK_PAGE_FAULT;
			if (!pmp_allows(h, pte_pa, 8, ACCESS_STORE, PRV_S))
				return WALK_ACCESS_FAULT;
			out->set = want & ~(unsigned)pte;
			pte |= want;
			*slot = pte;
		}

		/* 8. Done: a superpage takes its low VPNs from the address. */
		out->ppn = ppn | ((va >> RV_PAGE_SHIFT) & low);
		out->pte = pte;
		out->level = i;
		return WALK_OK;
	}
}

void machine_walk_view(const struct machine *m, uint64_t satp, vaddr_t va, struct walk_view *out)
{
	memset(out, 0, sizeof(*out));
	out->levels = walk_levels(satp);
	if (!out->levels || !is_canonical(va.v, out->levels))
		return;

	uint64_t a = (satp & SATP_PPN_MASK) << RV_PAGE_SHIFT;
	for (unsigned i = out->levels; i-- > 0;) {
		struct walk_step *s = &out->steps[out->nsteps];
		s->level = i;
		s->index = (unsigned)RV_VPN(va.v, i);
		s->pte_pa = a + s->index * 8;
		const uint64_t *slot = pte_at(m, s->pte_pa);
		if (!slot)
			return;
		s->pte = *slot;
		out->nsteps++;
		if (!(s->pte & PTE_V))
			return;
		uint64_t ppn = (s->pte & PTE_PPN_MASK) >> PTE_PPN_SHIFT;
		if (s->pte & (PTE_R | PTE_X)) {
			uint64_t in_page = (1ULL << RV_LEVEL_SHIFT(i)) - 1;
			out->leaf = true;
			out->page_shift = RV_LEVEL_SHIFT(i);
			out->pa = ((ppn << RV_PAGE_SHIFT) & ~in_page) | (va.v & in_page);
			return;
		}
		a = ppn << RV_PAGE_SHIFT;
	}
}
