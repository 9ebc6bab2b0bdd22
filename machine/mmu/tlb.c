/*
 * The TLB model: set-associative arrays of translations.
 *
 * Terms. An array has `sets` * `ways` entries. A page of level L is looked for
 * in set (VPN >> 9L) mod sets, so an array of several sets is probed once for
 * each page size that it holds at the moment; a fully associative one has one
 * set. The victim is a free way, else the one that the policy says.
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
#include "machine/mmu/miss.h"
#include "machine/mmu/tlb.h"
#include "rv/pte.h"

#include <string.h>

const char *tlb_geometry_check(const struct tlb_geometry *g, bool may_be_absent)
{
	if (g->entries == 0 && g->ways == 0 && may_be_absent)
		return NULL;
	if (g->entries == 0 || g->entries > TLB_MAX_ENTRIES)
		return "a TLB has 1 to 4096 entries";
	if (g->ways == 0 || g->entries % g->ways)
		return "a TLB's entries are a multiple of its ways";
	if (g->policy == TLB_PLRU && (g->ways & (g->ways - 1)))
		return "a TLB with tree-PLRU has a power of two of ways";
	if (!(g->sizes & 1) || (g->sizes & ~(unsigned)TLB_ALL_SIZES))
		return "a TLB holds pages of 4 KiB at least";
	return NULL;
}

static bool entry_matches(const struct tlb_entry *e, uint64_t vpn, unsigned asid)
{
	return e->valid && ((e->vpn ^ vpn) >> (RV_VPN_BITS * e->level)) == 0 &&
	       ((e->perm & PTE_G) || e->asid == asid);
}

static unsigned set_start(const struct tlb *t, uint64_t vpn, unsigned level)
{
	return (unsigned)((vpn >> (RV_VPN_BITS * level)) % t->sets) * t->ways;
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

/* The way with the least key of [first, first + ways). A free one has key 0. */
static unsigned least(const uint64_t *key, unsigned first, unsigned ways)
{
	unsigned victim = first;

	for (unsigned i = first; i < first + ways; i++)
		if (key[i] < key[victim])
			victim = i;
	return victim;
}

static uint64_t greatest(const uint64_t *key, unsigned first, unsigned n)
{
	uint64_t max = 0;

	for (unsigned i = first; i < first + n; i++)
		if (key[i] > max)
			max = key[i];
	return max;
}

/*
 * Tree-PLRU. A bit at each node of a binary tree over the ways points away from the half that was
 * used last; following the bits from the root leads to the victim. The half used last is the one
 * with the greatest stamp, so the bits need not be kept.
 */
static unsigned tree_victim(const struct tlb *t, unsigned first)
{
	for (unsigned n = t->ways / 2; n > 0; n /= 2)
		if (greatest(t->stamp, first, n) > greatest(t->stamp, first + n, n))
			first += n;
	return first;
}

unsigned tlb_victim(struct tlb *t, uint64_t vpn, unsigned level)
{
	unsigned first = set_start(t, vpn, level), oldest;

	if (t->policy == TLB_LRU) /* a free way's stamp is 0, and it is the first such */
		return least(t->stamp, first, t->ways);
	oldest = least(t->filled, first, t->ways);
	if (!t->entries[oldest].valid)
		return oldest;
	switch (t->policy) {
	case TLB_LRU: break;
	case TLB_PLRU: return tree_victim(t, first);
	case TLB_FIFO: return oldest;
	case TLB_RANDOM:
		/* xorshift64*: Vigna 2016. */
		t->random ^= t->random >> 12;
		t->random ^= t->random << 25;
		t->random ^= t->random >> 27;
		return first + (unsigned)((t->random * 0x2545f4914f6cdd1d >> 32) % t->ways);
	}
	return first;
}

void tlb_put(struct tlb *t, unsigned index, const struct tlb_entry *e, uint64_t stamp)
{
	t->now = stamp;
	tlb_drop(t, index, false);
	if (t->log)
		miss_filled(t->log, index);
	t->entries[index] = *e;
	t->stamp[index] = stamp;
	t->filled[index] = ++t->fills;
	t->of_level[e->level]++;
}

void tlb_drop(struct tlb *t, unsigned index, bool flushed)
{
	struct tlb_entry *e = &t->entries[index];

	if (!e->valid)
		return;
	if (t->log)
		miss_removed(t->log, t, index, flushed);
	t->of_level[e->level]--;
	memset(e, 0, sizeof(*e));
	t->stamp[index] = t->filled[index] = 0;
}
