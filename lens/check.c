/*
 * The twelve accounts. Each is an equation between numbers that come by two
 * ways; one that does not hold is an error in Limpid, and is reported as one.
 *
 *      1  fetch lookups = hits + misses of the fetch TLB
 *      2  load and store lookups = hits + misses of the data TLB
 *      3  misses of both = hits + misses of the second-level TLB; the misses of
 *         each array = the sum of their causes
 *      4  its misses + walks made only to set D = walks
 *      5  page faults = faulted walks + faults on a hit
 *      6  page faults = faults the kernel saw begin = sum of their kinds
 *      7  the states of all frames sum to RAM
 *      8  fetch lookups = steps under paging + instructions that straddle pages
 *      9  resident pages by events = leaves in the page tables, and every entry
 *         is what the events say
 *     10  every frame of a program or a file has references, and its PTEs by
 *         events = leaves that map it
 *     11  every page-table frame is a root, or has as many parent entries as events tell:
 *         one, or more where forks left spaces with a table in common
 *     12  steps = retired + exceptions; retired in U, S, M sum to retired
 *
 * 9 to 11 walk the tables in RAM by the specification, without the kernel's and
 * without the machine's walker, at the moment when a process is about to end:
 * afterwards its tables are gone. Of the first process, all spaces and all frames
 * are looked at, since no other runs then; of another process, account 9 of its
 * own space. The others are checked when the run is over.
 *
 * The upper half of the address space, from the root entry 256 of 512 on, is the
 * kernel's: it is the same in every root, so it is walked once, from the root
 * that was active at HELLO.
 */
#include "lens/account.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define X "0x%" PRIx64

/* One pass over all tables. */
struct pass {
	struct lens *l;
	const struct machine *m;
	uint32_t *ptes;    /* by frame: user leaves found; NULL: not counted */
	uint16_t *parents; /* by frame: table entries found that point to it; NULL: not counted */
	bool is_known;     /* the table at hand has been counted for another space */
	uint64_t leaves;   /* pages mapped in the space at hand */
	struct space *space;
};

static bool table_read(const struct machine *m, uint64_t pfn, uint64_t pte[RV_PTE_PER_PAGE])
{
	return machine_ram_read(m, paddr(pfn << RV_PAGE_SHIFT), pte, RV_PTE_PER_PAGE * sizeof *pte);
}

static uint64_t frame_index(uint64_t pfn)
{
	return pfn - (BOARD_RAM_BASE >> RV_PAGE_SHIFT);
}

/* A table entry was found that points to the table in frame pfn. => whether it is the first. */
static bool count_parent(struct pass *p, uint64_t pfn)
{
	if (!p->parents || frame_index(pfn) >= p->l->nframes)
		return true;
	if (p->parents[frame_index(pfn)] < UINT16_MAX)
		p->parents[frame_index(pfn)]++;
	return p->parents[frame_index(pfn)] == 1;
}

static void count_leaf(struct pass *p, uint64_t pte, unsigned level)
{
	uint64_t n = 1ULL << (RV_VPN_BITS * level);

	p->leaves += n;
	for (uint64_t i = 0; i < n; i++) {
		struct frame_account *f = lens_frame(p->l, pte_pfn(pte) + i);

		if (!f)
			continue;
		if (p->ptes && !p->is_known)
			p->ptes[frame_index(pte_pfn(pte) + i)]++;
		if (f->state != TF_ANON && f->state != TF_FILE && f->state != TF_ZERO)
			lens_disagree(p->l, 10, "a program maps frame " X ", whose state is %s",
				      pte_pfn(pte) + i, lens_frame_key(f->state));
	}
}

/*
 * Compares a table in RAM with the shadow of it; t == NULL: events know of no such table.
 * `va` is the first address that it translates.
 */
static void compare_table(struct pass *p, const struct shadow_table *t, uint64_t pfn,
			  unsigned level, uint64_t va)
{
	uint64_t pte[RV_PTE_PER_PAGE];
	unsigned user_entries =
	    level == p->space->levels - 1 ? RV_PTE_PER_PAGE / 2 : RV_PTE_PER_PAGE;

	if (!table_read(p->m, pfn, pte)) {
		lens_disagree(p->l, 11, "page table in frame " X " is not in RAM", pfn);
		return;
	}
	for (unsigned i = 0; i < user_entries; i++) {
		uint64_t told = t->pte[i], at = va + ((uint64_t)i << RV_LEVEL_SHIFT(level));

		if (((pte[i] ^ told) & ~PTE_UNTOLD) && ((pte[i] | told) & PTE_V))
			lens_disagree(p->l, 9,
				      "PTE of level %u for " X " in space %u: " X " in RAM, " X
				      " by events",
				      level, at, p->space->as, pte[i], told);
		if (pte_is_leaf(pte[i])) {
			count_leaf(p, pte[i], level);
		} else if (pte_is_table(pte[i])) {
			struct frame_account *f = lens_frame(p->l, pte_pfn(pte[i]));

			p->is_known = !count_parent(p, pte_pfn(pte[i]));
			if (f && f->state != TF_PAGETABLE)
				lens_disagree(p->l, 11,
					      "frame " X " is a page table and its state is %s",
					      pte_pfn(pte[i]), lens_frame_key(f->state));
			if (t->child[i] && level > 0)
				compare_table(p, t->child[i], pte_pfn(pte[i]), level - 1, at);
			p->is_known = false;
		}
	}
}

/* Counts the tables below entries [first, 512) of a table of the kernel's half. */
static void count_kernel_tables(struct pass *p, uint64_t pfn, unsigned level, unsigned first)
{
	uint64_t pte[RV_PTE_PER_PAGE];

	if (!table_read(p->m, pfn, pte))
		return;
	for (unsigned i = first; i < RV_PTE_PER_PAGE; i++)
		if (pte_is_table(pte[i]) && level > 0) {
			count_parent(p, pte_pfn(pte[i]));
			count_kernel_tables(p, pte_pfn(pte[i]), level - 1, 0);
		}
}

/* The kernel's half of a root must be that of the kernel's own root. */
static void compare_kernel_half(struct pass *p, uint64_t root)
{
	uint64_t a[RV_PTE_PER_PAGE], b[RV_PTE_PER_PAGE];

	if (!table_read(p->m, root, a) || !table_read(p->m, p->l->kernel_root, b))
		return;
	for (unsigned i = RV_PTE_PER_PAGE / 2; i < RV_PTE_PER_PAGE; i++)
		if ((a[i] ^ b[i]) & ~PTE_UNTOLD) {
			lens_disagree(p->l, 11,
				      "root entry %u of space %u is " X ", of the kernel's root " X,
				      i, p->space->as, a[i], b[i]);
			return;
		}
}

static bool is_root(const struct lens *l, uint64_t pfn)
{
	if (pfn == l->kernel_root)
		return true;
	for (const struct space *s = l->spaces; s; s = s->next)
		if (s->root->frame == pfn)
			return true;
	return false;
}

/* Accounts 10 and 11, frame by frame. */
static void check_frames(struct pass *p)
{
	struct lens *l = p->l;

	for (uint64_t i = 0; i < l->nframes; i++) {
		const struct frame_account *f = &l->frames[i];
		uint64_t pfn = i + (BOARD_RAM_BASE >> RV_PAGE_SHIFT);

		if (f->ptes != p->ptes[i])
			lens_disagree(l, 10,
				      "frame " X ": %u PTEs map it by events, %u in the tables",
				      pfn, f->ptes, p->ptes[i]);
		if ((f->state == TF_ANON || f->state == TF_FILE || f->state == TF_ZERO) &&
		    (int64_t)f->ptes + f->pins <= 0)
			lens_disagree(l, 10, "frame " X " is %s with %u PTEs and %d pins", pfn,
				      lens_frame_key(f->state), f->ptes, f->pins);
		if (f->state == TF_PAGETABLE) {
			const struct shadow_table *t = shadow_find(&l->tables, pfn);
			unsigned expected = is_root(l, pfn) ? 0 : t ? t->users : 1;

			if (p->parents[i] != expected)
				lens_disagree(l, 11,
					      "page-table frame " X " has %u parent entries, "
					      "not %u",
					      pfn, p->parents[i], expected);
		}
	}
}

/* Account 9 of one space. => p->ptes and p->parents have been added to. */
static void compare_space(struct pass *p, struct space *s)
{
	p->space = s;
	p->leaves = 0;
	compare_table(p, s->root, s->root->frame, s->levels - 1, 0);
	compare_kernel_half(p, s->root->frame);
	if (p->leaves != s->resident)
		lens_disagree(p->l, 9,
			      "space %u: %" PRIu64 " pages resident by events, %" PRIu64
			      " mapped in the tables",
			      s->as, s->resident, p->leaves);
}

void check_space(struct lens *l, struct machine *m, uint32_t as)
{
	struct space *s = space_find(l->spaces, as);
	struct pass p = {.l = l, .m = m};

	if (s)
		compare_space(&p, s);
}

void check_tables(struct lens *l, struct machine *m)
{
	struct pass p = {.l = l, .m = m};

	p.ptes = calloc(l->nframes ? l->nframes : 1, sizeof *p.ptes);
	p.parents = calloc(l->nframes ? l->nframes : 1, sizeof *p.parents);
	if (!p.ptes || !p.parents || !l->greeted) {
		if (l->greeted)
			lens_disagree(l, 0, "the host has no memory left for them");
		free(p.ptes);
		free(p.parents);
		return;
	}
	if (l->levels)
		count_kernel_tables(&p, l->kernel_root, l->levels - 1, RV_PTE_PER_PAGE / 2);
	for (struct space *s = l->spaces; s; s = s->next)
		compare_space(&p, s);
	check_frames(&p);
	free(p.ptes);
	free(p.parents);
	l->tables_checked = true;
}

/* -- counts ------------------------------------------------------------------------------- */

static void expect(struct lens *l, unsigned account, const char *left, uint64_t a,
		   const char *right, uint64_t b)
{
	if (a != b)
		lens_disagree(l, account, "%s %" PRIu64 ", %s %" PRIu64, left, a, right, b);
}

/* Account 7: recounted frame by frame, compared with the running sums, RAM, the kernel's word. */
static void check_states(struct lens *l, const struct machine *m)
{
	uint64_t count[TF_MAX] = {0}, sum = 0;

	for (uint64_t i = 0; i < l->nframes; i++)
		count[l->frames[i].state]++;
	for (unsigned s = 0; s < TF_MAX; s++) {
		expect(l, 7, lens_frame_key(s), l->by_state[s], "recounted", count[s]);
		sum += count[s];
	}
	expect(l, 7, "states of frames sum to", sum, "RAM has", machine_ram_size(m) / RV_PAGE_SIZE);
	if (l->greeted)
		expect(l, 7, "the kernel takes for RAM", l->told_frames, "RAM has", l->nframes);
}

/* Account 6. `ended`: no fault is in flight on any hart. */
static void check_faults(struct lens *l, const struct machine *m, bool ended)
{
	const struct lens_stats *st = &l->stats;
	uint64_t raised = st->total.page_faults - l->faults_before, sum = 0;
	uint64_t flight = ended ? 0 : machine_harts(m);

	for (unsigned k = 0; k < TK_MAX; k++)
		sum += st->faults[k];
	if (raised - st->faults_begun > flight)
		expect(l, 6, "page faults raised", raised, "seen by the kernel", st->faults_begun);
	if (st->faults_begun - sum > flight)
		expect(l, 6, "page faults begun", st->faults_begun, "ended, by kind", sum);
}

void check_counts(struct lens *l, struct machine *m, bool ended)
{
	const struct hart_counters *c = &l->stats.total;
	uint64_t data = c->lookups[ACCESS_LOAD] + c->lookups[ACCESS_STORE];
	uint64_t l1_misses = c->misses[TLB_L1_FETCH] + c->misses[TLB_L1_DATA];

	expect(l, 1, "fetch lookups", c->lookups[ACCESS_FETCH], "hits + misses",
	       c->hits[TLB_L1_FETCH] + c->misses[TLB_L1_FETCH]);
	expect(l, 2, "load and store lookups", data, "hits + misses",
	       c->hits[TLB_L1_DATA] + c->misses[TLB_L1_DATA]);
	expect(l, 3, "first-level misses", l1_misses, "second-level hits + misses",
	       c->hits[TLB_L2] + c->misses[TLB_L2]);
	for (unsigned k = 0; k < TLB_KINDS; k++) {
		uint64_t sum = 0;
		for (unsigned i = 0; i < MISS_CAUSES; i++)
			sum += c->causes[k][i];
		if (sum) /* counted only when asked for */
			expect(l, 3, "misses", c->misses[k], "sum of their causes", sum);
	}
	expect(l, 4, "second-level misses + walks to set D", c->misses[TLB_L2] + c->walks_dirty,
	       "walks", c->walks);
	expect(l, 5, "page faults", c->page_faults, "faulted walks + faults on a hit",
	       c->walks_faulted + c->hit_faults);
	if (l->greeted)
		check_faults(l, m, ended);
	check_states(l, m);
	expect(l, 8, "fetch lookups", c->lookups[ACCESS_FETCH], "steps under paging + straddles",
	       c->paged_steps + c->straddles);
	expect(l, 12, "steps", c->steps, "retired + exceptions", c->retired + c->exceptions);
	expect(l, 12, "retired", c->retired, "in U, S and M",
	       c->retired_by_prv[PRV_U] + c->retired_by_prv[PRV_S] + c->retired_by_prv[PRV_M]);

	l->stats.accounts_checked = LENS_ACCOUNTS - (l->tables_checked ? 0 : 3) - !l->greeted;
	l->stats.agree = !l->violation.len;
}
