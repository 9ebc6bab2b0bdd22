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
 * Invariants
 *   I1  vma[] is sorted and disjoint; reserved = sum of (end - start).
 *   I2  child[i] is set exactly where pte[i] points to a table, and its frame is
 *       the one that pte[i] names.
 *   I3  resident = sum over leaves of the pages that they map; ntables = number
 *       of shadow tables.
 *   I4  Leaves are reported through leaf_change_fn once when they appear and
 *       once when they go.
 */
#include "lens/space.h"

#include <stdlib.h>
#include <string.h>

#include "abi/trace.h"

struct space *space_create(uint32_t as, uint64_t root_pfn, unsigned levels)
{
	struct space *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->root = calloc(1, sizeof *s->root);
	if (!s->root) {
		free(s);
		return NULL;
	}
	s->as = as;
	s->levels = levels;
	s->root->frame = root_pfn;
	s->ntables = 1;
	return s;
}

static uint64_t level_pages(unsigned level)
{
	return 1ULL << (RV_VPN_BITS * level);
}

static void leaf_count(struct space *s, uint64_t pte, unsigned level, int change,
		       leaf_change_fn report, void *ctx)
{
	uint64_t n = level_pages(level);

	if (change > 0) {
		s->resident += n;
		if (s->resident > s->resident_peak)
			s->resident_peak = s->resident;
	} else {
		s->resident -= n;
	}
	if (report)
		report(ctx, pte_pfn(pte), n, change);
}

static void table_destroy(struct space *s, struct shadow_table *t, unsigned level,
			  leaf_change_fn report, void *ctx)
{
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++) {
		if (t->child[i])
			table_destroy(s, t->child[i], level - 1, report, ctx);
		else if (pte_is_leaf(t->pte[i]))
			leaf_count(s, t->pte[i], level, -1, report, ctx);
	}
	free(t);
	s->ntables--;
}

void space_destroy(struct space *s, leaf_change_fn change, void *ctx)
{
	table_destroy(s, s->root, s->levels - 1, change, ctx);
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

enum pte_problem space_pte_set(struct space *s, uint64_t va, unsigned level, uint64_t pte,
			       uint64_t old, uint64_t table_pfn, leaf_change_fn change, void *ctx,
			       uint64_t *expected)
{
	struct shadow_table *t = s->root;
	unsigned l = s->levels - 1;

	/* here: t is the table whose entries are of level l */
	for (; t && l > level; l--)
		t = t->child[RV_VPN(va, l)];
	if (!t || level >= s->levels) {
		*expected = l;
		return PTE_NO_TABLE;
	}

	unsigned i = RV_VPN(va, level);
	uint64_t known = t->pte[i];
	enum pte_problem problem = PTE_FINE;

	if (table_pfn != t->frame) {
		*expected = t->frame;
		problem = PTE_OTHER_TABLE;
	} else if (((known ^ old) & ~PTE_UNTOLD) && ((known | old) & PTE_V)) {
		*expected = known;
		problem = PTE_OTHER_OLD;
	}

	if (t->child[i]) {
		if (pte_is_table(pte) && pte_pfn(pte) == t->child[i]->frame) {
			t->pte[i] = pte;
			return problem;
		}
		table_destroy(s, t->child[i], level - 1, change, ctx);
		t->child[i] = NULL;
	} else if (pte_is_leaf(known)) {
		leaf_count(s, known, level, -1, change, ctx);
	}

	t->pte[i] = pte;
	if (pte_is_leaf(pte)) {
		leaf_count(s, pte, level, +1, change, ctx);
	} else if (pte_is_table(pte) && level > 0) {
		t->child[i] = calloc(1, sizeof *t->child[i]);
		if (!t->child[i])
			return PTE_NO_MEMORY;
		t->child[i]->frame = pte_pfn(pte);
		s->ntables++;
	}
	return problem;
}
