/*
 * RISC-V page tables (Privileged Architecture 1.12, sections 4.3 to 4.6), of
 * any number of levels: every loop below goes from the root, level
 * pt_levels - 1, to the leaves, level 0.
 *
 * The kernel's half. All roots share the kernel's entries: the boot code makes
 * every root entry of the upper half that will ever exist, and a new root
 * copies them. For Sv39:
 *
 *	0xffffffc000000000  linear map of RAM, superpages, RW; text and rodata R
 *	0xffffffff40000000  devices, RW
 *	0xffffffff80200000  the image: text RX, rodata R, data RW
 *
 * The user's half. Tables appear when a page below them is mapped and go when
 * their last entry goes; a table frame's `owner` counts its valid entries. A
 * leaf is made with A set, and D if it is writable, because only a fault that
 * needs the page makes it: the hardware is spared the update.
 *
 * Invariants, of each user half:
 *   I1  a table frame is TF_PAGETABLE, refs 1, and its owner counts its valid entries
 *   I2  a table other than a root has at least one valid entry, and one parent entry
 *   I3  leaves are at level 0, have U and A, and R if W
 *   I4  ntables counts the tables, the root included
 *
 * TLB. An entry that was valid is flushed when it changes; one that was not is
 * not: a hart that remembers its absence faults, and arch_pt_set() then finds
 * it right and flushes. A freed table costs a flush of all the address space's
 * translations, because hardware may cache entries that are no leaves. `harts`
 * names the harts that run the address space: no other has a translation of it,
 * because every address space uses ASID 0, and arch_pt_switch() flushes what is
 * not global. A hart puts itself into the set before it loads satp; so whoever
 * changes an entry first and then reads the set misses none that could have
 * walked before the change.
 *
 * Locks: the address space's lock guards its tables. The kernel's half changes
 * only in arch_map_device(), under device_lock. Tables are all that can fail.
 */
#include "kernel/arch/riscv/riscv.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "abi/linux.h"

#define PT_MAX_LEVELS SV57_LEVELS

/* Pages whose frames are handed back after one flush: what fits a few cache lines of stack. */
#define CLEAR_BATCH 32

unsigned pt_levels;
uint64_t pt_kernel_root;
uint64_t pt_user_end, pt_linear_offset; /* inline.h */

void pt_mode_init(unsigned levels)
{
	pt_levels = levels;
	pt_user_end = 1UL << (RV_LEVEL_SHIFT(levels) - 1);
	pt_linear_offset = -pt_user_end - LINEAR_PA;
}

vaddr_t arch_kernel_start(void)
{
	return VADDR(-pt_user_end);
}

uint64_t pt_satp(uint64_t root)
{
	uint64_t mode = SATP_MODE_SV39 + (pt_levels - SV39_LEVELS);

	return mode << SATP_MODE_SHIFT | root >> PAGE_SHIFT;
}

/* -- entries ------------------------------------------------------------------------------- */

static pte_t *entry_at(uint64_t table, uint64_t va, unsigned level)
{
	return (pte_t *)arch_kva(PADDR(table)) + RV_VPN(va, level);
}

static uint64_t pte_pa(pte_t e)
{
	return (e.v & PTE_PPN_MASK) >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

static bool pte_is_table(pte_t e)
{
	return (e.v & (PTE_V | PTE_R | PTE_W | PTE_X)) == PTE_V;
}

static uint64_t pte_make(uint64_t pa, uint64_t bits)
{
	return pa >> PAGE_SHIFT << PTE_PPN_SHIFT | bits | PTE_V;
}

/* ARCH_R, _W, _X, _USER and _GLOBAL are R, W, X, U and G, each one bit lower. */
_Static_assert(ARCH_R << 1 == PTE_R && ARCH_W << 1 == PTE_W && ARCH_X << 1 == PTE_X &&
		   ARCH_USER << 1 == PTE_U && ARCH_GLOBAL << 1 == PTE_G,
	       "rights are PTE bits, shifted");
#define RIGHTS (ARCH_R | ARCH_W | ARCH_X | ARCH_USER | ARCH_GLOBAL)

static struct arch_mapping pte_decode(pte_t e, unsigned level)
{
	return (struct arch_mapping){
	    .present = e.v & PTE_V,
	    .pfn = PFN((e.v & PTE_PPN_MASK) >> PTE_PPN_SHIFT),
	    .rights = e.v >> 1 & RIGHTS,
	    .accessed = e.v & PTE_A,
	    .dirty = e.v & PTE_D,
	    .level = (uint8_t)level,
	};
}

/* The one place where an entry of a user half changes. */
static void entry_set(struct arch_pt *pt, uint64_t table, pte_t *e, uint64_t va, unsigned level,
		      uint64_t value)
{
	uint64_t old = e->v;

	__asm__ volatile("fence w, w" ::: "memory"); /* a walk sees what the entry leads to */
	*(volatile uint64_t *)&e->v = value;
	TRACE(TRACE_PTE_SET, pt->as, va, level, value, old, table >> PAGE_SHIFT);
}

/* The part of a flush that concerns others. */
static __attribute__((noinline)) void flush_others(uint64_t harts, uint64_t va, uint64_t len)
{
	harts &= ~(1UL << percpu()->index);
	if (harts)
		sbi_flush(harts, va, len);
}

static uint64_t harts_of(const struct arch_pt *pt)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&pt->harts, __ATOMIC_RELAXED);
}

static void flush_page(const struct arch_pt *pt, uint64_t va)
{
	uint64_t harts = harts_of(pt);

	__asm__ volatile("sfence.vma %0, zero" ::"r"(va) : "memory");
	if (harts & (harts - 1) || pt != percpu()->pt)
		flush_others(harts, va, PAGE_SIZE);
}

/* This hart's translations, all that are not global. */
static void flush_user(void)
{
	__asm__ volatile("sfence.vma zero, %0" ::"r"(0UL) : "memory");
}

void arch_pt_flush(struct arch_pt *pt)
{
	uint64_t harts = harts_of(pt);

	if (pt == percpu()->pt)
		flush_user();
	flush_others(harts, 0, UINT64_MAX);
}

static struct frame *table_frame(uint64_t table)
{
	return frame_in_use(paddr_pfn(PADDR(table)));
}

/* -- a user half --------------------------------------------------------------------------- */

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
	pt->root = pfn_paddr(frame_pfn(f));
	pt->as = as;
	pt->asid = 0;
	pt->harts = 0;
	pt->ntables = 1;
	return 0;
}

void arch_pt_fini(struct arch_pt *pt)
{
	struct frame *f = table_frame(pt->root.v);

	if (percpu()->pt == pt)
		arch_pt_switch(NULL);
	CHECK3(pt->harts, ==, 0);
	CHECK3(f->owner, ==, 0); /* I2: without a leaf no table is left below the root */
	CHECK3(pt->ntables, ==, 1);
	frame_free(f, 0);
}

void arch_pt_switch(struct arch_pt *pt)
{
	struct percpu *p = percpu();
	struct arch_pt *old = p->pt;
	uint64_t bit = 1UL << p->index;

	if (pt == old)
		return;
	if (pt)
		__atomic_fetch_or(&pt->harts, bit, __ATOMIC_SEQ_CST);
	p->pt = pt;
	csr_write(CSR_SATP, pt_satp(pt ? pt->root.v : pt_kernel_root));
	flush_user();
	if (old)
		__atomic_fetch_and(&old->harts, ~bit, __ATOMIC_SEQ_CST);
}

/* Frees the tables on the way to va that have no valid entry: I2. => one was freed. */
static bool tables_prune(struct arch_pt *pt, uint64_t va)
{
	uint64_t table[PT_MAX_LEVELS];
	unsigned level = pt_levels - 1;
	bool freed = false;

	table[level] = pt->root.v;
	for (; level > 0; level--) {
		pte_t e = *entry_at(table[level], va, level);

		if (!pte_is_table(e))
			break;
		table[level - 1] = pte_pa(e);
	}
	/* here: table[level] is the lowest table there is */
	for (; level < pt_levels - 1; level++) {
		struct frame *f = table_frame(table[level]);
		uint64_t parent = table[level + 1];

		if (f->owner > 0)
			break;
		entry_set(pt, parent, entry_at(parent, va, level + 1), va, level + 1, 0);
		table_frame(parent)->owner--;
		arch_pt_flush(pt);
		frame_free(f, 0);
		pt->ntables--;
		freed = true;
	}
	return freed;
}

/*
 * => the leaf table on the way to *va; or 0, and *va is the first address beyond what the missing
 *    table would translate.
 */
static inline __attribute__((always_inline)) uint64_t leaf_table(const struct arch_pt *pt,
								 uint64_t *va)
{
	uint64_t table = pt->root.v;

	for (unsigned level = pt_levels - 1; level > 0; level--) {
		pte_t e = *entry_at(table, *va, level);

		if (!pte_is_table(e)) {
			*va = ROUND_DOWN(*va, 1UL << RV_LEVEL_SHIFT(level)) +
			      (1UL << RV_LEVEL_SHIFT(level));
			return 0;
		}
		table = pte_pa(e);
	}
	return table;
}

/* => the leaf table on the way to va, with those above it, all made; 0: no memory, none made. */
static __attribute__((noinline)) uint64_t tables_make(struct arch_pt *pt, uint64_t va)
{
	uint64_t table = pt->root.v;

	for (unsigned level = pt_levels - 1; level > 0; level--) {
		pte_t *e = entry_at(table, va, level);

		if (!(e->v & PTE_V)) {
			struct frame *f = frame_alloc(0, TF_PAGETABLE, FRAME_ZEROED);

			if (!f) {
				tables_prune(pt, va);
				return 0;
			}
			entry_set(pt, table, e, va, level, pte_make(pfn_paddr(frame_pfn(f)).v, 0));
			table_frame(table)->owner++;
			pt->ntables++;
		}
		table = pte_pa(*e);
	}
	return table;
}

/* The rest of arch_pt_set(), whose leaf table there is: calls nothing, as every fault comes here.
 */
static inline void leaf_set(struct arch_pt *pt, uint64_t table, uint64_t va, pfn_t pfn,
			    unsigned rights, struct arch_mapping *old)
{
	pte_t *e = entry_at(table, va, 0), before = *e;
	uint64_t value = pfn.v << PTE_PPN_SHIFT | rights << 1 | PTE_V | PTE_A;

	if (rights & ARCH_W)
		value |= PTE_R | PTE_D;
	old->present = false;
	if (before.v & PTE_V)
		*old = pte_decode(before, 0);
	else
		table_frame(table)->owner++;
	if (before.v != value)
		entry_set(pt, table, e, va, 0, value);
	if (before.v & PTE_V)
		flush_page(pt, va);
}

int arch_pt_set(struct arch_pt *pt, vaddr_t va, pfn_t pfn, unsigned rights,
		struct arch_mapping *old)
{
	uint64_t beyond = va.v, table = leaf_table(pt, &beyond);

	if (__builtin_expect(!table, 0)) {
		table = tables_make(pt, va.v);
		if (!table)
			return -ENOMEM;
	}
	leaf_set(pt, table, va.v, pfn, rights, old);
	return 0;
}

struct arch_mapping arch_pt_get(const struct arch_pt *pt, vaddr_t va)
{
	uint64_t table = pt->root.v;
	unsigned level = pt_levels - 1;
	pte_t e;

	for (;; level--) {
		e = *entry_at(table, va.v, level);
		if (level == 0 || !pte_is_table(e))
			return pte_decode(e, level);
		table = pte_pa(e);
	}
}

/* End of what the leaf table of va translates, at most `end`. */
static uint64_t leaf_table_end(uint64_t va, uint64_t end)
{
	uint64_t stop = ROUND_DOWN(va, 1UL << RV_LEVEL_SHIFT(1)) + (1UL << RV_LEVEL_SHIFT(1));

	return stop < end ? stop : end;
}

void arch_pt_clear(struct arch_pt *pt, vaddr_t start, vaddr_t end,
		   void (*gone)(void *ctx, vaddr_t va, struct arch_mapping old), void *ctx)
{
	struct {
		uint64_t va;
		pte_t old;
	} batch[CLEAR_BATCH];
	uint64_t va = start.v;

	while (va < end.v) {
		uint64_t table = leaf_table(pt, &va), first = va, stop;
		unsigned n = 0;

		if (!table)
			continue;
		stop = leaf_table_end(va, end.v);
		for (; va < stop && n < CLEAR_BATCH; va += PAGE_SIZE) {
			pte_t *e = entry_at(table, va, 0);

			if (!(e->v & PTE_V))
				continue;
			batch[n].va = va;
			batch[n++].old = *e;
			entry_set(pt, table, e, va, 0, 0);
		}
		if (n == 0)
			continue;
		table_frame(table)->owner -= n;
		if (!tables_prune(pt, first)) {
			if (n < CLEAR_BATCH)
				for (unsigned i = 0; i < n; i++)
					flush_page(pt, batch[i].va);
			else
				arch_pt_flush(pt);
		}
		/* here: no translation of the batch is cached */
		for (unsigned i = 0; i < n; i++)
			gone(ctx, VADDR(batch[i].va), pte_decode(batch[i].old, 0));
	}
}

void arch_pt_protect(struct arch_pt *pt, vaddr_t start, vaddr_t end, unsigned rights)
{
	uint64_t va = start.v;
	bool changed = false;

	CHECK(rights & (ARCH_R | ARCH_X));
	while (va < end.v) {
		uint64_t table = leaf_table(pt, &va), stop;

		if (!table)
			continue;
		stop = leaf_table_end(va, end.v);
		for (; va < stop; va += PAGE_SIZE) {
			pte_t *e = entry_at(table, va, 0);
			uint64_t value = e->v & ~(uint64_t)(PTE_R | PTE_W | PTE_X);

			if (!(e->v & PTE_V))
				continue;
			value |= (rights << 1 & (PTE_R | PTE_X)) | (rights << 1 & e->v & PTE_W);
			if (value == e->v)
				continue;
			entry_set(pt, table, e, va, 0, value);
			changed = true;
		}
	}
	if (changed)
		arch_pt_flush(pt);
}

int arch_pt_share(struct arch_pt *from, struct arch_pt *to, vaddr_t start, vaddr_t end,
		  void (*shared)(void *ctx, pfn_t pfn), void *ctx)
{
	uint64_t va = start.v;

	while (va < end.v) {
		uint64_t table = leaf_table(from, &va), stop, copy = 0, n = 0;
		pte_t *e, *c = NULL;

		if (!table)
			continue;
		stop = leaf_table_end(va, end.v);
		e = entry_at(table, va, 0);
		for (; va < stop; va += PAGE_SIZE, e++) {
			uint64_t value = e->v;

			if (!(value & PTE_V))
				continue;
			if (!copy) {
				uint64_t beyond = va;

				copy = leaf_table(to, &beyond);
				copy = copy ? copy : tables_make(to, va);
				if (!copy)
					return -ENOMEM;
				c = entry_at(copy, 0, 0);
			}
			if (value & PTE_W) {
				value &= ~(uint64_t)PTE_W;
				entry_set(from, table, e, va, 0, value);
			}
			shared(ctx, PFN((value & PTE_PPN_MASK) >> PTE_PPN_SHIFT));
			entry_set(to, copy, c + RV_VPN(va, 0), va, 0, value);
			n++;
		}
		if (copy)
			table_frame(copy)->owner += n;
	}
	return 0;
}

/* -- the kernel's half --------------------------------------------------------------------- */

bool pt_map_kernel(uint64_t va, uint64_t pa, uint64_t len, unsigned level, uint64_t bits,
		   pt_table_alloc *alloc)
{
	uint64_t size = 1UL << RV_LEVEL_SHIFT(level), end = va + len;
	bool tell = frame_is_ready(); /* the lens finds by itself what the boot code mapped */

	CHECK3((va | pa | len) & (size - 1), ==, 0);
	do {
		uint64_t table = pt_kernel_root;

		for (unsigned l = pt_levels - 1; l > level; l--) {
			pte_t *e = entry_at(table, va, l);

			if (!(e->v & PTE_V)) {
				uint64_t below = alloc();

				if (!below)
					return false;
				e->v = pte_make(below, 0);
				if (tell)
					TRACE(TRACE_PTE_SET, 0, va, l, e->v, 0,
					      table >> PAGE_SHIFT);
			}
			table = pte_pa(*e);
		}
		/* here: table is of `level`; fill in as much of it as the range covers */
		for (pte_t *e = entry_at(table, va, level); va < end; va += size, pa += size) {
			CHECK(!(e->v & PTE_V));
			e->v = pte_make(pa, bits | PTE_G | PTE_A | PTE_D);
			if (tell)
				TRACE(TRACE_PTE_SET, 0, va, level, e->v, 0, table >> PAGE_SHIFT);
			if (RV_VPN(va, level) == RV_PTE_PER_PAGE - 1) {
				va += size;
				pa += size;
				break;
			}
			e++;
		}
	} while (va < end);
	return true;
}

static uint64_t frame_table_alloc(void)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, FRAME_ZEROED);

	return f ? pfn_paddr(frame_pfn(f)).v : 0;
}

void *arch_map_device(paddr_t pa, size_t len)
{
	static struct spinlock device_lock;
	static uint64_t next = DEVICE_VA_START;
	uint64_t start = ROUND_DOWN(pa.v, PAGE_SIZE), end = ROUND_UP(pa.v + len, PAGE_SIZE);
	uint64_t big = 1UL << RV_LEVEL_SHIFT(1), va;
	unsigned level = start % big == 0 && end % big == 0;
	void *result = NULL;

	spin_lock(&device_lock);
	va = ROUND_UP(next, level ? big : PAGE_SIZE);
	if (va + (end - start) <= DEVICE_VA_END) {
		next = va + (end - start);
		if (pt_map_kernel(va, start, end - start, level, PTE_R | PTE_W, frame_table_alloc))
			result = (void *)(va + (pa.v - start));
	}
	spin_unlock(&device_lock);
	/* A hart may remember that there was nothing at va. */
	__asm__ volatile("sfence.vma" ::: "memory");
	return result;
}
