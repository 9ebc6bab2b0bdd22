/*
 * Page tables: a program's half of an address space. The specification is named
 * in pt.c; every loop here goes from the root, level pt_levels - 1, to level 0.
 *
 * Tables appear when a page below them is mapped and go when their last entry
 * goes. A leaf is made with A set, and D if it is writable, because only a fault
 * that needs the page makes it: the hardware is spared the update. A *superpage*
 * is a leaf of level 1, over 512 ordinary frames, each with a reference of its
 * own; so it can be split into a table of 512 leaves, or the table be dropped for
 * it, and no frame knows.
 *
 * Shared leaf tables. After a fork the tables of level 0 that are full enough are
 * used by both address spaces: each has an entry of level 1 that points there, and
 * the frame's `refs` counts these users. It stays one table, and its leaves hold
 * one reference each, until somebody has to change an entry: who does takes a copy
 * for itself first (table_own) and leaves the rest to the others. Only the
 * hardware writes to a shared table: A, and D where a shared mapping is writable.
 * RISC-V gives no right in entries that lead to tables, so before a table is
 * shared W is taken from each private leaf in it.
 *
 *	root P --> level 1 --.                   root P --> level 1 --> copy
 *	                      >--> table (2)  =>                          |
 *	root C --> level 1 --'      |  |  |      root C --> level 1 --> table
 *	                          frames                                  |
 *	                                                 frames: one reference more
 *
 * A table is a cache: where there is no memory for a copy that unmapping needs,
 * the address space lets go of the whole table, and faults bring back the rest.
 *
 * Invariants, of each user half:
 *   I1  a table frame is TF_PAGETABLE; its refs are its parent entries, 1 but for
 *       leaf tables; its entries[] count its valid entries, of a leaf table by the
 *       kind of the frame, else in entries[0]
 *   I2  a table other than a root has at least one valid entry
 *   I3  leaves are at level 0 or 1, have U and A; W only with R, D and PTE_OWN
 *   I4  ntables counts the tables, shared ones and the root included; npages the
 *       pages mapped, by kind
 *   I5  no private leaf in a table with refs > 1 has W or PTE_OWN
 *
 * TLB. An entry that was valid is flushed when it changes; one that was not is
 * not: a hart that remembers its absence faults, and arch_pt_set() then finds
 * it right and flushes. A table that goes or is replaced costs a flush of all the
 * address space's translations, because hardware may cache entries that are no
 * leaves; it is let go only after that.
 *
 * Locks: the address space's lock guards its tables, but for shared ones, which
 * nobody changes: with refs 1 a table belongs to the one that leads to it.
 */
#include "kernel/arch/riscv/pt.h"
#include "kernel/lib/lib.h"
#include "abi/linux.h"

_Static_assert(ARCH_PT_KINDS == FRAME_KINDS, "pages are counted by the kind of their frame");
_Static_assert(ARCH_REGION_SIZE == 1UL << RV_LEVEL_SHIFT(1), "a leaf table's reach");

/* ARCH_R, _W, _X, _USER and _GLOBAL are R, W, X, U and G, each one bit lower. */
_Static_assert(ARCH_R << 1 == PTE_R && ARCH_W << 1 == PTE_W && ARCH_X << 1 == PTE_X &&
		   ARCH_USER << 1 == PTE_U && ARCH_GLOBAL << 1 == PTE_G,
	       "rights are PTE bits, shifted");
#define RIGHTS (ARCH_R | ARCH_W | ARCH_X | ARCH_USER | ARCH_GLOBAL)

static inline struct arch_mapping pte_decode(pte_t e, uint64_t va, unsigned level)
{
	uint64_t within = va >> PAGE_SHIFT & ((1UL << RV_VPN_BITS * level) - 1);

	return (struct arch_mapping){
	    .present = e.v & PTE_V,
	    .pfn = PFN(pte_pfn(e).v + within),
	    .rights = e.v >> 1 & RIGHTS,
	    .accessed = e.v & PTE_A,
	    .dirty = e.v & PTE_D,
	    .level = (uint8_t)level,
	};
}

/* A leaf with these rights; PTE_OWN comes with W: fault.c gives it only to who may write. */
static inline uint64_t leaf_make(pfn_t pfn, unsigned rights)
{
	uint64_t value = pfn.v << PTE_PPN_SHIFT | rights << 1 | PTE_V | PTE_A;

	if (rights & ARCH_W)
		value |= PTE_R | PTE_D | PTE_OWN;
	return value;
}

static struct frame *table_frame(uint64_t table)
{
	return frame_in_use(paddr_pfn(PADDR(table)));
}

static bool table_is_shared(uint64_t table)
{
	return __atomic_load_n(&table_frame(table)->refs, __ATOMIC_ACQUIRE) > 1;
}

static bool table_is_empty(const struct frame *f)
{
	return !(f->entries[0] | f->entries[1] | f->entries[2] | f->entries[3]);
}

static unsigned table_nentries(const struct frame *f)
{
	return (unsigned)f->entries[0] + f->entries[1] + f->entries[2] + f->entries[3];
}

/* Where one entry of a user half changes; ranges are in range_change(). */
static void entry_set(struct arch_pt *pt, uint64_t table, pte_t *e, uint64_t va, unsigned level,
		      uint64_t value)
{
	uint64_t old = e->v;

	__asm__ volatile("fence w, w" ::: "memory"); /* a walk sees what the entry leads to */
	*(volatile uint64_t *)&e->v = value;
	TRACE(TRACE_PTE_SET, pt->as, va, level, value, old, table >> PAGE_SHIFT);
}

/* -- roots --------------------------------------------------------------------------------- */

int arch_pt_init(struct arch_pt *pt, uint32_t as)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, 0);
	char *root;

	if (!f)
		return -ENOMEM;
	root = frame_kva(f);
	memset(root, 0, PAGE_SIZE / 2);
	memcpy(root + PAGE_SIZE / 2, (char *)arch_kva(PADDR(pt_kernel_root)) + PAGE_SIZE / 2,
	       PAGE_SIZE / 2);
	*pt = (struct arch_pt){.root = pfn_paddr(frame_pfn(f)), .as = as, .ntables = 1};
	asid_get(pt);
	return 0;
}

void arch_pt_fini(struct arch_pt *pt)
{
	struct frame *f = table_frame(pt->root.v);

	if (percpu()->pt == pt)
		arch_pt_switch(NULL);
	CHECK3(pt->running, ==, 0);
	CHECK(table_is_empty(f)); /* I2: without a leaf no table is left below the root */
	CHECK3(pt->ntables, ==, 1);
	asid_put(pt);
	frame_free(f, 0);
}

/* -- finding and making tables -------------------------------------------------------------- */

/* The way to an address: table[level] is the table on it whose entries are of `level`. */
struct path {
	uint64_t table[PT_MAX_LEVELS];
	unsigned lowest; /* the level of the lowest table there is */
};

static struct path path_find(const struct arch_pt *pt, uint64_t va)
{
	struct path p = {.lowest = pt_levels - 1};

	p.table[p.lowest] = pt->root.v;
	while (p.lowest > 0) {
		pte_t e = *pte_at(p.table[p.lowest], va, p.lowest);

		if (!pte_is_table(e))
			break;
		p.table[--p.lowest] = pte_pa(e);
	}
	return p;
}

static uint64_t level_end(uint64_t va, unsigned level)
{
	return ROUND_DOWN(va, 1UL << RV_LEVEL_SHIFT(level)) + (1UL << RV_LEVEL_SHIFT(level));
}

/*
 * => the table of level 1 on the way to *va, if it has an entry for it; or 0, and *va is the first
 *    address beyond what is known to be unmapped.
 */
static inline __attribute__((always_inline)) uint64_t region_table(const struct arch_pt *pt,
								   uint64_t *va)
{
	uint64_t table = pt->root.v;

	for (unsigned level = pt_levels - 1; level > 1; level--) {
		pte_t e = *pte_at(table, *va, level);

		if (!(e.v & PTE_V)) {
			*va = level_end(*va, level);
			return 0;
		}
		table = pte_pa(e);
	}
	if (pte_at(table, *va, 1)->v & PTE_V)
		return table;
	*va = level_end(*va, 1);
	return 0;
}

/* Frees the tables on the way to va that have no valid entry: I2. => one was freed. */
static bool tables_prune(struct arch_pt *pt, uint64_t va)
{
	struct path p = path_find(pt, va);
	bool freed = false;

	for (unsigned level = p.lowest; level < pt_levels - 1; level++) {
		struct frame *f = table_frame(p.table[level]);
		uint64_t parent = p.table[level + 1];

		if (!table_is_empty(f))
			break;
		entry_set(pt, parent, pte_at(parent, va, level + 1), va, level + 1, 0);
		table_frame(parent)->entries[0]--;
		arch_pt_flush(pt);
		frame_free(f, 0);
		pt->ntables--;
		freed = true;
	}
	return freed;
}

/* => the table of `lowest` on the way to va, with those above it, all made; 0: no memory, none. */
static __attribute__((noinline)) uint64_t tables_make(struct arch_pt *pt, uint64_t va,
						      unsigned lowest)
{
	uint64_t table = pt->root.v;

	for (unsigned level = pt_levels - 1; level > lowest; level--) {
		pte_t *e = pte_at(table, va, level);

		if (!(e->v & PTE_V)) {
			struct frame *f = frame_alloc(0, TF_PAGETABLE, FRAME_ZEROED);

			if (!f) {
				tables_prune(pt, va);
				return 0;
			}
			entry_set(pt, table, e, va, level, pte_make(pfn_paddr(frame_pfn(f)).v, 0));
			table_frame(table)->entries[0]++;
			pt->ntables++;
		}
		table = pte_pa(*e);
	}
	return table;
}

/* -- shared tables, superpages --------------------------------------------------------------- */

/* Gives a user's reference to a leaf table back; the last one takes the leaves along. */
static void table_put(struct frame *f)
{
	const pte_t *e = frame_kva(f);

	if (__atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) > 1)
		return;
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++)
		if (e[i].v & PTE_V)
			frame_put(frame_in_use(pte_pfn(e[i])));
	frame_release(f);
}

/* Counts what a leaf table maps as pages of pt, or no longer. */
static void table_count(struct arch_pt *pt, const struct frame *f, int change)
{
	for (unsigned k = 0; k < FRAME_KINDS; k++)
		pt->npages[k] += (uint64_t)(change * (int)f->entries[k]);
}

/* Lets go of what lies behind the entry of level 1 for va: a leaf table, or a superpage. */
static __attribute__((noinline)) void region_drop(struct arch_pt *pt, uint64_t level1, uint64_t va)
{
	pte_t *e = pte_at(level1, va, 1), old = *e;

	va = ROUND_DOWN(va, ARCH_REGION_SIZE);
	entry_set(pt, level1, e, va, 1, 0);
	table_frame(level1)->entries[0]--;
	arch_pt_flush(pt);
	if (pte_is_table(old)) {
		table_count(pt, table_frame(pte_pa(old)), -1);
		table_put(table_frame(pte_pa(old)));
		pt->ntables--;
	} else {
		struct frame *f = frame_in_use(pte_pfn(old));

		pt->npages[f->kind] -= RV_PTE_PER_PAGE;
		for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++)
			frame_put(f + i);
	}
	tables_prune(pt, va);
}

/* => a leaf table with the entries of `from`, whose frames have a reference more; 0: no memory. */
static uint64_t table_copy(struct arch_pt *pt, uint64_t va, uint64_t from)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, 0);
	const pte_t *e = arch_kva(PADDR(from));
	pte_t *c;

	if (!f)
		return 0;
	c = frame_kva(f);
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++) {
		c[i] = e[i];
		if (c[i].v & PTE_V)
			frame_get(frame_in_use(pte_pfn(c[i])));
	}
	memcpy(f->entries, table_frame(from)->entries, sizeof f->entries);
	TRACE(TRACE_TABLE_COPY, pt->as, va, frame_pfn(f).v, from >> PAGE_SHIFT, 0, 0);
	return pfn_paddr(frame_pfn(f)).v;
}

static uint64_t splits;

uint64_t arch_pt_splits(void)
{
	return __atomic_load_n(&splits, __ATOMIC_RELAXED);
}

/* => a table of 512 leaves that mean what the superpage's leaf meant; 0: no memory. */
static uint64_t super_split(struct arch_pt *pt, uint64_t va, pte_t leaf)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, 0);
	pte_t *c;

	if (!f)
		return 0;
	c = frame_kva(f);
	for (uint64_t i = 0; i < RV_PTE_PER_PAGE; i++)
		c[i].v = leaf.v + (i << PTE_PPN_SHIFT);
	f->owner = 0;
	f->entries[frame_in_use(pte_pfn(leaf))->kind] = RV_PTE_PER_PAGE;
	pt->ntables++;
	__atomic_fetch_add(&splits, 1, __ATOMIC_RELAXED);
	TRACE(TRACE_TABLE_COPY, pt->as, va, frame_pfn(f).v, 0, 0, 0);
	return pfn_paddr(frame_pfn(f)).v;
}

/*
 * Makes what lies behind the entry of level 1 for va a leaf table of pt's own: a shared table is
 * copied, a superpage split. => the table; 0: no memory, nothing changed.
 */
static __attribute__((noinline)) uint64_t region_own(struct arch_pt *pt, uint64_t level1,
						     uint64_t va)
{
	pte_t *e = pte_at(level1, va, 1), old = *e;
	bool is_table = pte_is_table(old);
	uint64_t own;

	if (is_table && !table_is_shared(pte_pa(old)))
		return pte_pa(old);
	va = ROUND_DOWN(va, ARCH_REGION_SIZE);
	own = is_table ? table_copy(pt, va, pte_pa(old)) : super_split(pt, va, old);
	if (!own)
		return 0;
	entry_set(pt, level1, e, va, 1, pte_make(own, 0));
	arch_pt_flush(pt);
	if (is_table)
		table_put(table_frame(pte_pa(old)));
	return own;
}

/* => the leaf table behind the entry e of level 1, if it can be changed as it is; else 0. */
static inline uint64_t plain_table(pte_t e)
{
	return pte_is_table(e) && !table_is_shared(pte_pa(e)) ? pte_pa(e) : 0;
}

/* -- one page ------------------------------------------------------------------------------ */

/* An entry of a leaf table of pt's own, which is not valid, becomes this. */
static inline void leaf_add(struct arch_pt *pt, uint64_t table, pte_t *e, uint64_t va, pfn_t pfn,
			    uint64_t value)
{
	struct frame *f = frame_in_use(pfn);
	unsigned kind = f->kind;

	frame_get(f);
	table_frame(table)->entries[kind]++;
	pt->npages[kind]++;
	entry_set(pt, table, e, va, 0, value);
}

/* A valid entry of a leaf table of pt's own becomes another, *old what it was. */
static __attribute__((noinline)) int leaf_replace(struct arch_pt *pt, uint64_t table, uint64_t va,
						  pfn_t pfn, uint64_t value,
						  struct arch_mapping *old)
{
	pte_t *e = pte_at(table, va, 0);
	struct frame *f = frame_in_use(pfn), *was;

	*old = pte_decode(*e, va, 0);
	if (e->v != value)
		entry_set(pt, table, e, va, 0, value);
	tlb_flush_page(pt, va);
	if (old->pfn.v == pfn.v)
		return 0;
	was = frame_in_use(old->pfn);
	frame_get(f);
	if (f->kind != was->kind) {
		table_frame(table)->entries[f->kind]++;
		pt->npages[f->kind]++;
		table_frame(table)->entries[was->kind]--;
		pt->npages[was->kind]--;
	}
	frame_put(was);
	return 0;
}

/* The rest of arch_pt_set(), where there is no leaf table of pt's own yet. */
static __attribute__((noinline)) int set_slowly(struct arch_pt *pt, uint64_t va, pfn_t pfn,
						uint64_t value, struct arch_mapping *old)
{
	uint64_t beyond = va, level1 = region_table(pt, &beyond);
	uint64_t table = level1 ? region_own(pt, level1, va) : tables_make(pt, va, 0);
	pte_t *e;

	if (!table)
		return -ENOMEM;
	e = pte_at(table, va, 0);
	if (e->v & PTE_V)
		return leaf_replace(pt, table, va, pfn, value, old);
	leaf_add(pt, table, e, va, pfn, value);
	return 0;
}

/* Most faults come here for an entry that is not valid, in a table that is there: no call then. */
int arch_pt_set(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights,
		struct arch_mapping *old)
{
	uint64_t beyond = va.v, level1 = region_table(pt, &beyond), value = leaf_make(pfn, rights);
	uint64_t table = level1 ? plain_table(*pte_at(level1, va.v, 1)) : 0;
	pte_t *e;

	old->present = false;
	if (!table)
		return set_slowly(pt, va.v, pfn, value, old);
	e = pte_at(table, va.v, 0);
	if (e->v & PTE_V)
		return leaf_replace(pt, table, va.v, pfn, value, old);
	leaf_add(pt, table, e, va.v, pfn, value);
	return 0;
}

void arch_pt_fill(struct arch_pt *pt, vaddr_t va, struct frame *const *f, unsigned n,
		  unsigned rights)
{
	uint64_t at = va.v, level1 = region_table(pt, &at);
	uint64_t table = level1 ? plain_table(*pte_at(level1, at, 1)) : 0;
	pte_t *e = table ? pte_at(table, at, 0) : NULL;

	for (unsigned i = 0; table && i < n; i++, at += PAGE_SIZE)
		if (f[i] && !(e[i].v & PTE_V))
			leaf_add(pt, table, &e[i], at, frame_pfn(f[i]),
				 leaf_make(frame_pfn(f[i]), rights));
}

bool arch_pt_allow_write(struct arch_pt *pt, vaddr_t va, pfn_t pfn)
{
	uint64_t beyond = va.v, level1 = region_table(pt, &beyond);
	uint64_t table = level1 ? plain_table(*pte_at(level1, va.v, 1)) : 0;
	pte_t *e = table ? pte_at(table, va.v, 0) : NULL;

	if (!e || (e->v & (PTE_V | PTE_W)) != PTE_V || pte_pfn(*e).v != pfn.v)
		return false;
	entry_set(pt, table, e, va.v, 0, e->v | PTE_R | PTE_W | PTE_D | PTE_OWN);
	tlb_flush_page(pt, va.v);
	return true;
}

int arch_pt_set_super(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights)
{
	uint64_t table = tables_make(pt, va.v, 1);
	struct frame *f = frame_in_use(pfn);
	pte_t *e;

	if (!table)
		return -ENOMEM;
	CHECK3((va.v | pfn.v << PAGE_SHIFT) & (ARCH_REGION_SIZE - 1), ==, 0);
	e = pte_at(table, va.v, 1);
	CHECK(!(e->v & PTE_V));
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++)
		frame_get(f + i);
	table_frame(table)->entries[0]++;
	pt->npages[f->kind] += RV_PTE_PER_PAGE;
	entry_set(pt, table, e, va.v, 1, leaf_make(pfn, rights));
	return 0;
}

struct arch_mapping arch_pt_get(const struct arch_pt *pt, vaddr_t va)
{
	struct path p = path_find(pt, va.v);

	return pte_decode(*pte_at(p.table[p.lowest], va.v, p.lowest), va.v, p.lowest);
}

uint64_t arch_pt_next(const struct arch_pt *pt, uint64_t va, uint64_t end)
{
	while (va < end && !region_table(pt, &va))
		;
	return va < end ? va : end;
}

/* -- ranges -------------------------------------------------------------------------------- */

/*
 * Every leaf in n entries of a table, from va's on, loses the bits `clear` and gets the bits `set`,
 * and those of `set_own` if it has PTE_OWN. => whether one changed. Inline: what a caller has as a
 * constant costs nothing in the loop.
 */
static inline __attribute__((always_inline)) bool range_change(struct arch_pt *pt, uint64_t table,
							       uint64_t va, unsigned level,
							       uint64_t n, uint64_t clear,
							       uint64_t set, uint64_t set_own)
{
	pte_t *e = pte_at(table, va, level), *end = e + n;
	uint64_t changed = 0;

	for (; e < end; e++) {
		uint64_t old = e->v, value = (old & ~clear) | set;

		if (!(old & PTE_V))
			continue;
		if (old & PTE_OWN)
			value |= set_own;
		changed |= old ^ value;
		e->v = value;
	}
	if (changed)
		TRACE(TRACE_PTE_RANGE, pt->as, va, n << 8 | level, clear, set | set_own << 32,
		      table >> PAGE_SHIFT);
	return changed;
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Empties [va, stop) of a table of pt's own, and the table if nothing is left. */
static void leaves_clear(struct arch_pt *pt, uint64_t table, uint64_t va, uint64_t stop)
{
	pte_t *first = pte_at(table, va, 0), *end = first + (stop - va) / PAGE_SIZE;
	struct frame *f = table_frame(table);
	unsigned kind[FRAME_KINDS] = {0}, n = 0;
	uint64_t low = 0, high = 0;

	/* here: without V an entry is nothing to the hardware, and still names its frame */
	for (pte_t *e = first; e < end; e++) {
		if (!(e->v & PTE_V))
			continue;
		if (!n++)
			low = va + (uint64_t)(e - first) * PAGE_SIZE;
		high = va + (uint64_t)(e - first + 1) * PAGE_SIZE;
		e->v &= ~(uint64_t)PTE_V;
	}
	if (!n)
		return;
	TRACE(TRACE_PTE_RANGE, pt->as, va, (uint64_t)(end - first) << 8, UINT64_MAX, 0,
	      table >> PAGE_SHIFT);
	tlb_flush_range(pt, low, high);
	/* here: no translation of these pages is cached */
	for (pte_t *e = pte_at(table, low, 0); n > 0; e++) {
		struct frame *was;

		if (!e->v)
			continue;
		was = frame_in_use(pte_pfn(*e));
		e->v = 0;
		kind[was->kind]++;
		n--;
		frame_put(was);
	}
	for (unsigned k = 0; k < FRAME_KINDS; k++) {
		f->entries[k] = (uint16_t)(f->entries[k] - kind[k]);
		pt->npages[k] -= kind[k];
	}
	if (table_is_empty(f))
		tables_prune(pt, va);
}

void arch_pt_clear(struct arch_pt *pt, vaddr_t start, vaddr_t end)
{
	uint64_t va = start.v;

	while (va < end.v) {
		uint64_t level1 = region_table(pt, &va), table, stop;
		bool is_whole;

		if (!level1)
			continue;
		stop = lower(level_end(va, 1), end.v);
		is_whole = stop - va == ARCH_REGION_SIZE;
		table = plain_table(*pte_at(level1, va, 1));
		if (!table && !is_whole)
			table = region_own(pt, level1, va);
		if (table)
			leaves_clear(pt, table, va, stop);
		else
			region_drop(pt, level1, va);
		va = stop;
	}
}

void arch_pt_clear_shared(struct arch_pt *pt, vaddr_t start, vaddr_t end)
{
	uint64_t va = start.v;

	while (va < end.v) {
		uint64_t level1 = region_table(pt, &va), next;
		pte_t e;

		if (!level1)
			continue;
		next = level_end(va, 1);
		e = *pte_at(level1, va, 1);
		if (pte_is_table(e) && table_is_shared(pte_pa(e)))
			region_drop(pt, level1, va);
		va = next;
	}
}

void arch_pt_protect(struct arch_pt *pt, vaddr_t start, vaddr_t end, unsigned rights)
{
	uint64_t set = rights << 1 & (PTE_R | PTE_X), set_own = rights << 1 & PTE_W, va = start.v;
	uint64_t low = end.v, high = start.v;

	CHECK(rights & (ARCH_R | ARCH_X));
	while (va < end.v) {
		uint64_t level1 = region_table(pt, &va), table, stop, n = 1;
		unsigned level = 0;

		if (!level1)
			continue;
		stop = lower(level_end(va, 1), end.v);
		if (pte_is_leaf(*pte_at(level1, va, 1)) && stop - va == ARCH_REGION_SIZE) {
			table = level1;
			level = 1;
		} else {
			table = plain_table(*pte_at(level1, va, 1));
			table = table ? table : region_own(pt, level1, va);
			n = (stop - va) / PAGE_SIZE;
		}
		/* here: two calls, so that the commoner, which gives no W, is compiled without it
		 */
		if (!table) {
			region_drop(pt, level1, va);
		} else if (set_own ? range_change(pt, table, va, level, n, PTE_LEAF, set, set_own)
				   : range_change(pt, table, va, level, n, PTE_LEAF, set, 0)) {
			low = lower(low, va);
			high = stop;
		}
		va = stop;
	}
	if (low < high)
		tlb_flush_range(pt, low, high);
}

void arch_pt_split(struct arch_pt *pt, vaddr_t at)
{
	uint64_t va = at.v, level1 = region_table(pt, &va);

	if (level1 && pte_is_leaf(*pte_at(level1, va, 1)) && va % ARCH_REGION_SIZE &&
	    !region_own(pt, level1, va))
		region_drop(pt, level1, va);
}

/* -- fork ---------------------------------------------------------------------------------- */

void arch_pt_unwrite(struct arch_pt *from, vaddr_t start, vaddr_t end)
{
	uint64_t va = start.v;

	while (va < end.v) {
		uint64_t level1 = region_table(from, &va), stop;
		pte_t e;

		if (!level1)
			continue;
		stop = lower(level_end(va, 1), end.v);
		e = *pte_at(level1, va, 1);
		if (pte_is_leaf(e)) /* here: a VMA that shares a region with others has none */
			range_change(from, level1, va, 1, 1, PTE_W | PTE_OWN, 0, 0);
		else if (!table_is_shared(pte_pa(e))) /* I5 */
			range_change(from, pte_pa(e), va, 0, (stop - va) / PAGE_SIZE,
				     PTE_W | PTE_OWN, 0, 0);
		va = stop;
	}
}

/* Maps what the n leaves from e on map, in `to` from va on, in one region. => 0 or -ENOMEM. */
static int leaves_copy(struct arch_pt *to, const pte_t *e, uint64_t va, uint64_t n)
{
	uint64_t table = 0;

	for (; n > 0; n--, e++, va += PAGE_SIZE) {
		uint64_t level1, beyond = va;
		struct frame *f;

		if (!(e->v & PTE_V))
			continue;
		if (!table) {
			level1 = region_table(to, &beyond);
			table = level1 ? region_own(to, level1, va) : tables_make(to, va, 0);
			if (!table)
				return -ENOMEM;
		}
		f = frame_in_use(pte_pfn(*e));
		frame_get(f);
		entry_set(to, table, pte_at(table, va, 0), va, 0, e->v);
		table_frame(table)->entries[f->kind]++;
		to->npages[f->kind]++;
	}
	return 0;
}

/* Maps the superpage of va, a leaf of level 1, in `to` as well. => 0 or -ENOMEM. */
static int super_copy(struct arch_pt *to, uint64_t va, pte_t leaf)
{
	uint64_t level1 = tables_make(to, va, 1);
	struct frame *f = frame_in_use(pte_pfn(leaf));

	if (!level1)
		return -ENOMEM;
	for (unsigned i = 0; i < RV_PTE_PER_PAGE; i++)
		frame_get(f + i);
	entry_set(to, level1, pte_at(level1, va, 1), va, 1, leaf.v);
	table_frame(level1)->entries[0]++;
	to->npages[f->kind] += RV_PTE_PER_PAGE;
	return 0;
}

int arch_pt_copy(struct arch_pt *from, struct arch_pt *to, vaddr_t start, vaddr_t end)
{
	uint64_t va = start.v;
	int err = 0;

	while (va < end.v && !err) {
		uint64_t level1 = region_table(from, &va), stop;
		pte_t e;

		if (!level1)
			continue;
		stop = lower(level_end(va, 1), end.v);
		e = *pte_at(level1, va, 1);
		if (pte_is_table(e))
			err =
			    leaves_copy(to, pte_at(pte_pa(e), va, 0), va, (stop - va) / PAGE_SIZE);
		else
			err = super_copy(to, va, e);
		va = stop;
	}
	return err;
}

int arch_pt_share(struct arch_pt *from, struct arch_pt *to, vaddr_t va)
{
	struct path p = path_find(from, va.v);
	struct frame *f = table_frame(p.table[0]);
	uint64_t level1 = tables_make(to, va.v, 1), at = ROUND_DOWN(va.v, ARCH_REGION_SIZE);

	CHECK3(p.lowest, ==, 0);
	if (!level1)
		return -ENOMEM;
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
	entry_set(to, level1, pte_at(level1, at, 1), at, 1, pte_make(p.table[0], 0));
	table_frame(level1)->entries[0]++;
	to->ntables++;
	table_count(to, f, 1);
	return 0;
}

unsigned arch_pt_used(const struct arch_pt *from, vaddr_t va)
{
	struct path p = path_find(from, va.v);
	const struct frame *f = table_frame(p.table[0]);

	if (p.lowest > 0)
		return 0;
	return f->entries[0] + f->entries[1] + f->entries[2] + f->entries[3];
}

unsigned arch_pt_users(const struct arch_pt *pt, vaddr_t va)
{
	struct path p = path_find(pt, va.v);

	if (p.lowest > 0)
		return 1;
	return __atomic_load_n(&table_frame(p.table[0])->refs, __ATOMIC_RELAXED);
}

/* -- mremap -------------------------------------------------------------------------------- */

/*
 * The valid ones of n entries of a table of pt's own become those of another, where none are; each
 * takes its reference along. => the table has them no more, and may be empty.
 */
static void leaves_move(struct arch_pt *pt, uint64_t table, uint64_t va, uint64_t to_table,
			uint64_t to, uint64_t n)
{
	struct frame *f = table_frame(table), *g = table_frame(to_table);
	pte_t *e = pte_at(table, va, 0), *end = e + n, *d = pte_at(to_table, to, 0);
	unsigned kind[FRAME_KINDS] = {0}, only = 0, total = 0;
	bool several;

	/* Most tables lead to frames of one kind: then none has to be looked at. */
	while (only < FRAME_KINDS - 1 && !f->entries[only])
		only++;
	several = f->entries[only] != table_nentries(f);
	for (; e < end; e++, d++) {
		pte_t leaf = *e;

		if (!(leaf.v & PTE_V))
			continue;
		*d = leaf;
		e->v = 0;
		total++;
		if (several)
			kind[frame_in_use(pte_pfn(leaf))->kind]++;
	}
	if (!several)
		kind[only] = total;
	for (unsigned k = 0; k < FRAME_KINDS; k++) {
		f->entries[k] = (uint16_t)(f->entries[k] - kind[k]);
		g->entries[k] = (uint16_t)(g->entries[k] + kind[k]);
	}
	TRACE(TRACE_PTE_MOVE, pt->as, va, to, n, table >> PAGE_SHIFT, to_table >> PAGE_SHIFT);
	tlb_flush_range(pt, va, va + n * PAGE_SIZE);
}

void arch_pt_move(struct arch_pt *pt, vaddr_t from, vaddr_t to, uint64_t len)
{
	uint64_t va = from.v, end = from.v + len;

	while (va < end) {
		uint64_t level1 = region_table(pt, &va), there = to.v + (va - from.v), table, stop;
		uint64_t to_table, beyond = there;

		if (!level1)
			continue;
		/* here: [va, stop) lies in one region, and so does [there, there + (stop - va)) */
		stop = lower(lower(level_end(va, 1), end), va + (level_end(there, 1) - there));
		table = plain_table(*pte_at(level1, va, 1));
		table = table ? table : region_own(pt, level1, va);
		level1 = region_table(pt, &beyond);
		to_table = level1 ? region_own(pt, level1, there) : tables_make(pt, there, 0);
		if (table && to_table) {
			leaves_move(pt, table, va, to_table, there, (stop - va) / PAGE_SIZE);
			if (table_is_empty(table_frame(table)))
				tables_prune(pt, va);
		} else {
			arch_pt_clear(pt, VADDR(va), VADDR(stop));
		}
		if (to_table && table_is_empty(table_frame(to_table)))
			tables_prune(pt, there);
		va = stop;
	}
}
