/*
 * A second ledger of an address space.
 *
 * The kernel tells of each VMA and each PTE that it changes; from that the lens
 * keeps a copy in the shape that the hardware uses, a tree of 512-entry tables:
 *
 *      events  PTE_SET(as, va, level, new, old, table)
 *                 |
 *                 v
 *      shadow root [  0] --> shadow table [117] --> ...      compared, entry by
 *      RAM    root [  0] --> table in RAM [117] --> ...      entry, by check.c
 *
 * The copy is never read from RAM, so that a change the kernel forgot to tell,
 * or told and did not make, shows as a difference.
 *
 * A table of level 0 that several spaces lead to, as a fork leaves it, is one here
 * too, and its leaves are reported once; to each space its pages are resident.
 *
 * Invariants
 *   I1  vma[] is sorted and disjoint; reserved = sum of (end - start).
 *   I2  child[i] is set exactly where pte[i] points to a table, and its frame is
 *       the one that pte[i] names.
 *   I3  resident = sum over leaves of the pages that they map; ntables = number
 *       of shadow tables that the space leads to; a table's `leaves` and `users`
 *       are the same sum for it alone, and the entries that lead to it.
 *   I4  Leaves are reported through leaf_change_fn once when they appear and
 *       once when they go.
 */
#include "lens/space.h"

#include <stdlib.h>
#include <string.h>

#include "abi/trace.h"

static uint64_t level_pages(unsigned level)
{
	return 1ULL << (RV_VPN_BITS * level);
}

/* -- tables, whoever uses them --------------------------------------------------------------- */

struct shadow_table *shadow_find(const struct shadow_index *index, uint64_t pfn)
{
	return pfn - index->first < index->nframes ? index->table[pfn - index->first] : NULL;
}

/* => an empty table in that frame, which has none; NULL: no memory, or not RAM. */
static struct shadow_table *table_create(struct shadow_index *index, uint64_t pfn)
{
	struct shadow_table *t;

	if (pfn - index->first >= index->nframes || shadow_find(index, pfn))
		return NULL;
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->frame = pfn;
	index->table[pfn - index->first] = t;
	index->ntables++;
	return t;
}

/* A leaf of a table appears or goes. */
static void leaf_count(struct shadow_table *t, uint64_t pte, unsigned level, int change,
		       leaf_change_fn report, void *ctx)
{
	uint64_t n = level_pages(level);

	t->leaves += change > 0 ? n : -n;
	if (report)
		report(ctx, pte_pfn(pte), n, change);
}

/* -- a space ------------------------------------------------------------------------------- */

struct space *space_create(struct shadow_index *index, uint32_t as, uint64_t root_pfn,
			   unsigned levels)
{
	struct space *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->root = table_create(index, root_pfn);
	if (!s->root) {
		free(s);
		return NULL;
	}
	s->root->users = 1;
	s->index = index;
	s->as = as;
	s->levels = levels;
	s->ntables = 1;
	return s;
}

static void resident_change(struct space *s, uint64_t npages)
{
	s->resident += npages;
	if ((int64_t)npages > 0 && s->resident > s->resident_peak)
		s->resident_peak = s->resident;
}

/* The space no longer leads to t, and what is below it. */
static void table_leave(struct space *s, struct shadow_table *t, unsigned level,
			leaf_change_fn report, void *ctx)
{
	resident_change(s, -t->leaves);
	s->ntables--;
	if (--t->users > 0)
		return;
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++) {
		if (t->child[i])
			table_leave(s, t->child[i], level - 1, report, ctx);
		else if (pte_is_leaf(t->pte[i]))
			leaf_count(t, t->pte[i], level, -1, report, ctx);
	}
	s->index->table[t->frame - s->index->first] = NULL;
	s->index->ntables--;
	free(t);
}

void space_destroy(struct space *s, leaf_change_fn change, void *ctx)
{
	table_leave(s, s->root, s->levels - 1, change, ctx);
	free(s->vma);
	free(s);
}

struct space *space_find(struct space *list, uint32_t as)
{
	while (list && list->as != as)
		list = list->next;
	return list;
}

/* -- VMAs --------------------------------------------------------------------------------- */

/* => index of the first VMA that ends above va. */
static size_t vma_index(const struct space *s, uint64_t va)
{
	size_t low = 0, high = s->nvmas;

	/* all below low end at or below va; all from high on end above it */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->vma[mid].end <= va)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool vma_insert(struct space *s, size_t at, const struct vma_record *v)
{
	if (s->nvmas == s->vma_size) {
		size_t size = s->vma_size ? 2 * s->vma_size : 16;
		struct vma_record *list = realloc(s->vma, size * sizeof *list);

		if (!list)
			return false;
		s->vma = list;
		s->vma_size = size;
	}
	memmove(&s->vma[at + 1], &s->vma[at], (s->nvmas - at) * sizeof *s->vma);
	s->vma[at] = *v;
	s->nvmas++;
	s->reserved += v->end - v->start;
	return true;
}

/*
 * The kernel changes a VMA by removing it and adding what it became, without saying its name again.
 * => whether v, of a file, is what became of the VMA that was removed last.
 */
static bool is_same_file(const struct vma_record *v, const struct vma_record *removed)
{
	return v->kind == TV_FILE && removed->kind == TV_FILE && v->start < removed->end &&
	       removed->start < v->end && v->offset - v->start == removed->offset - removed->start;
}

bool space_vma_add(struct space *s, const struct vma_record *v)
{
	struct vma_record named = *v;

	if (s->nremoved > 0) {
		const struct vma_record *last = &s->removed[(s->nremoved - 1) % SPACE_REMOVED_KEPT];

		if (is_same_file(v, last))
			memcpy(named.name, last->name, sizeof named.name);
	}
	return v->start >= v->end || vma_insert(s, vma_index(s, v->start), &named);
}

bool space_vma_remove(struct space *s, uint64_t start, uint64_t end)
{
	size_t i = vma_index(s, start);

	while (i < s->nvmas && s->vma[i].start < end) {
		struct vma_record *v = &s->vma[i], gone = *v, tail = *v;

		if (gone.start < start) {
			gone.offset += start - gone.start;
			gone.start = start;
		}
		if (gone.end > end)
			gone.end = end;
		s->removed[s->nremoved++ % SPACE_REMOVED_KEPT] = gone;
		s->reserved -= v->end - v->start;

		tail.start = gone.end;
		tail.offset += tail.start - v->start;
		if (v->start < gone.start) {
			v->end = gone.start;
			s->reserved += v->end - v->start;
			i++;
		} else {
			memmove(v, v + 1, (s->nvmas - i - 1) * sizeof *v);
			s->nvmas--;
		}
		if (tail.start < tail.end && !vma_insert(s, i, &tail))
			return false;
	}
	return true;
}

void space_vma_name(struct space *s, uint64_t start, const char *name)
{
	size_t i = vma_index(s, start);

	if (i < s->nvmas && s->vma[i].start <= start)
		memcpy(s->vma[i].name, name, SPACE_NAME_SIZE);
}

const struct vma_record *space_vma_find(const struct space *s, uint64_t va,
					const struct vma_record **below,
					const struct vma_record **above)
{
	size_t i = vma_index(s, va);
	const struct vma_record *hit = i < s->nvmas && s->vma[i].start <= va ? &s->vma[i] : NULL;

	if (below)
		*below = i > 0 ? &s->vma[i - 1] : NULL;
	if (above)
		*above = i + (hit != NULL) < s->nvmas ? &s->vma[i + (hit != NULL)] : NULL;
	return hit;
}

const struct vma_record *space_removed_find(const struct space *s, uint64_t va)
{
	for (unsigned n = s->nremoved; n > 0 && s->nremoved - n < SPACE_REMOVED_KEPT; n--) {
		const struct vma_record *v = &s->removed[(n - 1) % SPACE_REMOVED_KEPT];

		if (v->start <= va && va < v->end)
			return v;
	}
	return NULL;
}

/* -- page tables -------------------------------------------------------------------------- */

/* => the table whose entries for va are of `level`, if that is in frame pfn and s's alone. */
static struct shadow_table *table_to_change(const struct space *s, uint64_t va, unsigned level,
					    uint64_t pfn, enum pte_problem *problem,
					    uint64_t *expected)
{
	struct shadow_table *t = s->root;
	unsigned l = s->levels - 1;

	/* here: t is the table whose entries are of level l */
	for (; t && l > level; l--)
		t = t->child[RV_VPN(va, l)];
	*problem = PTE_FINE;
	if (!t || level >= s->levels) {
		*expected = l;
		*problem = PTE_NO_TABLE;
		return NULL;
	}
	if (pfn != t->frame) {
		*expected = t->frame;
		*problem = PTE_OTHER_TABLE;
	} else if (t->users > 1) {
		*expected = t->users;
		*problem = PTE_SHARED_TABLE;
	}
	return t;
}

/* Gives entry i of t, whose entries are of `level`, the value pte. => false: no memory. */
static bool entry_change(struct space *s, struct shadow_table *t, unsigned level, unsigned i,
			 uint64_t pte, leaf_change_fn change, void *ctx)
{
	uint64_t leaves = t->leaves, known = t->pte[i];

	if (t->child[i]) {
		if (pte_is_table(pte) && pte_pfn(pte) == t->child[i]->frame) {
			t->pte[i] = pte;
			return true;
		}
		table_leave(s, t->child[i], level - 1, change, ctx);
		t->child[i] = NULL;
	} else if (pte_is_leaf(known) && pte_is_leaf(pte) && pte_pfn(known) == pte_pfn(pte)) {
		t->pte[i] = pte;
		return true;
	} else if (pte_is_leaf(known)) {
		leaf_count(t, known, level, -1, change, ctx);
	}

	t->pte[i] = pte;
	if (pte_is_leaf(pte))
		leaf_count(t, pte, level, +1, change, ctx);
	resident_change(s, t->leaves - leaves);
	if (pte_is_table(pte) && level > 0) {
		struct shadow_table *child = shadow_find(s->index, pte_pfn(pte));

		if (!child)
			child = table_create(s->index, pte_pfn(pte));
		if (!child)
			return false;
		t->child[i] = child;
		child->users++;
		s->ntables++;
		resident_change(s, child->leaves);
	}
	return true;
}

enum pte_problem space_pte_set(struct space *s, uint64_t va, unsigned level, uint64_t pte,
			       uint64_t old, uint64_t table_pfn, leaf_change_fn change, void *ctx,
			       uint64_t *expected)
{
	enum pte_problem problem;
	struct shadow_table *t = table_to_change(s, va, level, table_pfn, &problem, expected);
	unsigned i = RV_VPN(va, level);

	if (!t)
		return problem;
	if (problem == PTE_FINE && ((t->pte[i] ^ old) & ~PTE_UNTOLD) &&
	    ((t->pte[i] | old) & PTE_V)) {
		*expected = t->pte[i];
		problem = PTE_OTHER_OLD;
	}
	return entry_change(s, t, level, i, pte, change, ctx) ? problem : PTE_NO_MEMORY;
}

enum pte_problem space_pte_range(struct space *s, uint64_t va, unsigned level, uint64_t n,
				 uint64_t clear, uint64_t set, uint64_t own, uint64_t table_pfn,
				 leaf_change_fn change, void *ctx, uint64_t *expected)
{
	enum pte_problem problem;
	struct shadow_table *t = table_to_change(s, va, level, table_pfn, &problem, expected);

	for (unsigned i = RV_VPN(va, level); t && n > 0 && i < RV_PTE_PER_PAGE; n--, i++) {
		uint64_t pte = (t->pte[i] & ~clear) | set;

		if (!pte_is_leaf(t->pte[i]))
			continue;
		if (t->pte[i] & PTE_OWN)
			pte |= own;
		if (!entry_change(s, t, level, i, pte, change, ctx))
			return PTE_NO_MEMORY;
	}
	return problem;
}

enum pte_problem space_pte_move(struct space *s, uint64_t va, uint64_t to, uint64_t n,
				uint64_t table_pfn, uint64_t to_pfn, leaf_change_fn change,
				void *ctx, uint64_t *expected)
{
	enum pte_problem problem, other;
	struct shadow_table *t = table_to_change(s, va, 0, table_pfn, &problem, expected), *u;
	unsigned i = RV_VPN(va, 0), j = RV_VPN(to, 0);

	if (!t)
		return problem;
	u = table_to_change(s, to, 0, to_pfn, &other, expected);
	if (!u)
		return other;
	for (; n > 0 && i < RV_PTE_PER_PAGE && j < RV_PTE_PER_PAGE; n--, i++, j++) {
		uint64_t pte = t->pte[i];

		if (!pte_is_leaf(pte))
			continue;
		if (!entry_change(s, u, 0, j, pte, change, ctx) ||
		    !entry_change(s, t, 0, i, 0, change, ctx))
			return PTE_NO_MEMORY;
	}
	return problem != PTE_FINE ? problem : other;
}

enum pte_problem space_table_copy(struct space *s, uint64_t va, uint64_t new_pfn, uint64_t from_pfn,
				  leaf_change_fn change, void *ctx, uint64_t *expected)
{
	struct shadow_table *from = NULL, *t;
	uint64_t leaf = 0;

	*expected = from_pfn;
	if (from_pfn) {
		from = shadow_find(s->index, from_pfn);
		if (!from)
			return PTE_NO_TABLE;
	} else {
		t = s->root;
		for (unsigned l = s->levels - 1; t && l > 1; l--)
			t = t->child[RV_VPN(va, l)];
		leaf = t ? t->pte[RV_VPN(va, 1)] : 0;
		if (!pte_is_leaf(leaf))
			return PTE_NO_TABLE;
	}
	if (shadow_find(s->index, new_pfn)) {
		*expected = new_pfn;
		return PTE_OTHER_TABLE;
	}
	t = table_create(s->index, new_pfn);
	if (!t)
		return PTE_NO_MEMORY;
	for (uint64_t i = 0; i < RV_PTE_PER_PAGE; i++) {
		t->pte[i] = from ? from->pte[i] : leaf + (i << PTE_PPN_SHIFT);
		if (pte_is_leaf(t->pte[i]))
			leaf_count(t, t->pte[i], 0, +1, change, ctx);
	}
	return PTE_FINE;
}
