/*
 * The TLB model: set-associative arrays of translations.
 *
 * Terms. An array has `sets` * `ways` entries. A page of level L is looked for
 * in set (VPN >> 9L) mod sets, so an array of several sets is probed once for
 * each page size that it holds at the moment; a fully associative one has one
 * set. The victim is a free way, else the least recently used one.
 *
 *            set 0   [way 0][way 1] ... [way n-1]
 *     VPN -> set 1   [     ][     ]     [       ]
 *
 * I1. An entry that is not valid is all zero, its stamp too.
 * I2. of_level[l] is the number of valid entries of level l.
 * I3. No two valid entries of an array translate the same page for the same
 *     address space, unless the tables were changed without a flush.
 *
 * Order of use is a number per entry, `stamp`; it is exact because every hit
 * writes it, here or through the lookaside slot (mmu.c) that stands for the entry.
 */
#include "machine/mmu/tlb.h"
#include "rv/pte.h"

#include <string.h>

bool tlb_geometry_valid(const struct tlb_geometry *g)
{
	return g->sets && g->ways && (g->sets & (g->sets - 1)) == 0 &&
	       (uint64_t)g->sets * g->ways <= TLB_MAX_ENTRIES;
}

static bool entry_matches(const struct tlb_entry *e, uint64_t vpn, unsigned asid)
{
	return e->valid && ((e->vpn ^ vpn) >> (RV_VPN_BITS * e->level)) == 0 &&
	       ((e->perm & PTE_G) || e->asid == asid);
}

static unsigned set_start(const struct tlb *t, uint64_t vpn, unsigned level)
{
	return (unsigned)((vpn >> (RV_VPN_BITS * level)) & (t->sets - 1)) * t->ways;
}

unsigned tlb_find(const struct tlb *t, uint64_t vpn, unsigned asid)
{
	if (t->sets == 1) {
		for (unsigned i = 0; i < t->ways; i++)
			if (entry_matches(&t->entries[i], vpn, asid))
				return i;
		return TLB_NONE;
	}
	for (unsigned level = 0; level < 5; level++) {
		if (!t->of_level[level])
			continue;
		unsigned first = set_start(t, vpn, level);
		for (unsigned i = first; i < first + t->ways; i++)
			if (t->entries[i].level == level &&
			    entry_matches(&t->entries[i], vpn, asid))
				return i;
	}
	return TLB_NONE;
}

unsigned tlb_victim(const struct tlb *t, uint64_t vpn, unsigned level)
{
	unsigned first = set_start(t, vpn, level), victim = first;

	/* A free way has stamp 0, and no valid one has: l2_seq and the clock of a lookup are not 0.
	 */
	for (unsigned i = first; i < first + t->ways; i++)
		if (t->stamp[i] < t->stamp[victim])
			victim = i;
	return victim;
}

void tlb_put(struct tlb *t, unsigned index, const struct tlb_entry *e, uint64_t stamp)
{
	tlb_drop(t, index);
	t->entries[index] = *e;
	t->stamp[index] = stamp;
	t->of_level[e->level]++;
}

void tlb_drop(struct tlb *t, unsigned index)
{
	struct tlb_entry *e = &t->entries[index];

	if (e->valid)
		t->of_level[e->level]--;
	memset(e, 0, sizeof(*e));
	t->stamp[index] = 0;
}
