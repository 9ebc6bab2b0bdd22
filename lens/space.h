/*
 * The lens's own record of one address space: its VMAs and its page tables, as
 * the trace events tell them. Theory and invariants: space.c.
 */
#ifndef LENS_SPACE_H
#define LENS_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rv/pte.h"

#define SPACE_NAME_SIZE    33 /* four registers of text, and a NUL */
#define SPACE_REMOVED_KEPT 64

/* Bits that hardware and software may change without an event. */
#define PTE_UNTOLD ((uint64_t)(PTE_A | PTE_D | 0x300))

/* Software's bit of a PTE that TRACE_PTE_RANGE speaks of. */
#define PTE_OWN 0x200

struct vma_record {
	uint64_t start, end; /* [start, end) */
	unsigned prot, kind; /* PROT_* | TP_SHARED; TV_* */
	uint64_t offset;     /* bytes into the file */
	char name[SPACE_NAME_SIZE];
};

/* One page table, in the same shape as the hardware's. Several spaces may lead to one of level 0.
 */
struct shadow_table {
	uint64_t frame;  /* PFN */
	uint64_t leaves; /* pages that its leaves map */
	unsigned users;  /* entries that lead here; 1 for a root */
	uint64_t pte[RV_PTE_PER_PAGE];
	struct shadow_table *child[RV_PTE_PER_PAGE]; /* non-NULL: pte points to a table */
};

/* All tables of programs, by frame. */
struct shadow_index {
	uint64_t first, nframes; /* frames of RAM: PFN of the first */
	struct shadow_table **table;
	uint64_t ntables;
};

struct space {
	struct space *next;
	struct shadow_index *index;
	uint32_t as, from; /* from: while it is being copied, of which; else 0 */
	unsigned levels;
	struct shadow_table *root;
	uint64_t ntables;                 /* the root included */
	uint64_t resident, resident_peak; /* user leaf PTEs, in pages of 4 KiB */

	struct vma_record *vma; /* sorted by start, disjoint */
	size_t nvmas, vma_size;
	uint64_t reserved; /* bytes in VMAs */

	/* The most recent removals, oldest overwritten: to recognise the use of unmapped memory. */
	struct vma_record removed[SPACE_REMOVED_KEPT];
	unsigned nremoved;
};

/*
 * Called for every leaf that appears (+1) or goes (-1) in a table, however many spaces use that;
 * `npages` frames from `pfn` on.
 */
typedef void (*leaf_change_fn)(void *ctx, uint64_t pfn, uint64_t npages, int change);

/* => NULL: no memory. */
struct space *space_create(struct shadow_index *index, uint32_t as, uint64_t root_pfn,
			   unsigned levels);

/* Takes all leaves back through `change`, then frees. */
void space_destroy(struct space *s, leaf_change_fn change, void *ctx);

/* => false: no memory. */
bool space_vma_add(struct space *s, const struct vma_record *v);
/* Removes [start, end) wherever VMAs cover it. => false: no memory. */
bool space_vma_remove(struct space *s, uint64_t start, uint64_t end);
void space_vma_name(struct space *s, uint64_t start, const char *name);

/* => the VMA that contains va, or NULL; *below and *above: its nearest neighbours, or NULL. */
const struct vma_record *space_vma_find(const struct space *s, uint64_t va,
					const struct vma_record **below,
					const struct vma_record **above);

/* => the most recent removal that covers va, or NULL. */
const struct vma_record *space_removed_find(const struct space *s, uint64_t va);

/* What an event about an entry disagreed with. */
enum pte_problem {
	PTE_FINE,
	PTE_NO_TABLE,
	PTE_OTHER_TABLE,
	PTE_OTHER_OLD,
	PTE_SHARED_TABLE,
	PTE_NO_MEMORY
};

/*
 * An entry of the user half was set.
 * => PTE_FINE, or what is wrong, with the lens's own idea in *expected; the entry is set anyway
 *    unless its table is unknown.
 */
enum pte_problem space_pte_set(struct space *s, uint64_t va, unsigned level, uint64_t pte,
			       uint64_t old, uint64_t table_pfn, leaf_change_fn change, void *ctx,
			       uint64_t *expected);

/*
 * n entries from va's on lost the bits `clear` and got `set`, and `own` where they have PTE_OWN;
 * only valid ones are meant. => as space_pte_set().
 */
enum pte_problem space_pte_range(struct space *s, uint64_t va, unsigned level, uint64_t n,
				 uint64_t clear, uint64_t set, uint64_t own, uint64_t table_pfn,
				 leaf_change_fn change, void *ctx, uint64_t *expected);

/*
 * The kernel's word that it moved the valid ones of n entries of level 0 to other addresses.
 * => as space_pte_set().
 */
enum pte_problem space_pte_move(struct space *s, uint64_t va, uint64_t to, uint64_t n,
				uint64_t table_pfn, uint64_t to_pfn, leaf_change_fn change,
				void *ctx, uint64_t *expected);

/*
 * The frame new_pfn has become a table: a copy of the one in from_pfn; or if that is 0, of level 0
 * with the leaves that mean what the leaf of level 1 for va means. An entry that leads to it
 * follows.
 * => as space_pte_set().
 */
enum pte_problem space_table_copy(struct space *s, uint64_t va, uint64_t new_pfn, uint64_t from_pfn,
				  leaf_change_fn change, void *ctx, uint64_t *expected);

/* => the table in that frame, or NULL. */
struct shadow_table *shadow_find(const struct shadow_index *index, uint64_t pfn);

/* => the space with that number, or NULL. */
struct space *space_find(struct space *list, uint32_t as);

static inline bool pte_is_leaf(uint64_t pte)
{
	return (pte & PTE_V) && (pte & (PTE_R | PTE_W | PTE_X));
}

static inline bool pte_is_table(uint64_t pte)
{
	return (pte & PTE_V) && !(pte & (PTE_R | PTE_W | PTE_X));
}

static inline uint64_t pte_pfn(uint64_t pte)
{
	return (pte & PTE_PPN_MASK) >> PTE_PPN_SHIFT;
}

#endif
