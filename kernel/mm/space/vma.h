/*
 * What the files of mm/space share with each other: changes of the VMA tree.
 * All are for callers who hold the address space's lock; none can fail, but for
 * vma_alloc(). Theory: aspace.c.
 */
#ifndef KERNEL_VMA_H
#define KERNEL_VMA_H

#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/aspace.h"

/* Nothing is mapped below (vm.mmap_min_addr's usual value), nor this close under a stack. */
#define SPACE_MIN   0x10000UL
#define STACK_GUARD (256 * PAGE_SIZE)

/* vm.max_map_count's usual value. */
#define MAX_VMAS 65530

extern struct frame *zero_frame; /* TF_ZERO; pinned for ever */

static inline struct vma *vma_of(const struct avl_node *n)
{
	return n ? container_of(n, struct vma, node) : NULL;
}

static inline struct vma *vma_next(const struct vma *v)
{
	return vma_of(avl_next(&v->node));
}

static inline struct vma *vma_prev(const struct vma *v)
{
	return vma_of(avl_prev(&v->node));
}

/* The lowest address that v keeps others from: below a stack lies its guard gap. */
static inline uint64_t vma_gap_start(const struct vma *v)
{
	if (!(v->flags & VMA_GROWSDOWN))
		return v->start.v;
	return v->start.v > STACK_GUARD ? v->start.v - STACK_GUARD : 0;
}

/* Rights of a PTE, as far as the VMA goes. On this architecture W implies R. */
static inline unsigned vma_rights(const struct vma *v)
{
	unsigned rights = ARCH_USER;

	if (v->flags & (VMA_READ | VMA_WRITE))
		rights |= ARCH_R;
	if (v->flags & VMA_WRITE)
		rights |= ARCH_W;
	if (v->flags & VMA_EXEC)
		rights |= ARCH_X;
	return rights;
}

struct vma *vma_alloc(void);     /* NULL: no memory. Contents undefined */
void vma_free(struct vma *v);    /* NULL is allowed. Only the structure */
void vma_release(struct vma *v); /* the structure and its references; not in the tree */

/*
 * Puts *v, a template of a range where nothing is, into the tree: a neighbour that it continues is
 * extended, or else `spare` becomes the VMA. => v's references are taken over, and so is spare.
 */
void vma_place(struct aspace *as, const struct vma *v, struct vma *spare);

void vma_insert(struct aspace *as, struct vma *v); /* where nothing is, and joins nothing */
void vma_remove(struct aspace *as, struct vma *v); /* from the tree; the caller has it then */
void vma_set_prot(struct aspace *as, struct vma *v, unsigned prot); /* its VMA_PROT flags */

/* => [start, end) overlaps no other VMA, and v's old range. */
void vma_resize(struct aspace *as, struct vma *v, uint64_t start, uint64_t end);

/* => v ends at `at`, and `spare` is the VMA of the rest; start < at < end. */
void vma_split(struct aspace *as, struct vma *v, uint64_t at, struct vma *spare);

/* Joins v with its neighbours, where they continue each other. => the VMA that v is part of. */
struct vma *vma_join(struct aspace *as, struct vma *v);

/* => the highest `at` with [at, at + len) in [low, high) and free, guard gaps too; 0: none. */
uint64_t space_hole(const struct aspace *as, uint64_t low, uint64_t high, uint64_t len);

/* => where a new mapping goes by itself; 0: nowhere. */
uint64_t space_place(const struct aspace *as, uint64_t len);

/* An empty space, to become a copy of the one with number `from`; 0: of none. */
struct aspace *space_create(uint32_t from);

/* Bytes of [start, end) that VMAs cover. */
uint64_t space_covered(struct aspace *as, uint64_t start, uint64_t end);

/* Unmaps the pages of [start, end), in v, and frees v's private frames there. */
void vma_drop_pages(struct aspace *as, struct vma *v, uint64_t start, uint64_t end);

/* Unmaps the pages alone: faults can map them again. */
void space_unmap_pages(struct aspace *as, uint64_t start, uint64_t end);

/* Maps f, which the caller keeps alive, at va; counts references and resident pages. */
static inline int space_map_frame(struct aspace *as, uint64_t va, struct frame *f, unsigned rights,
				  struct arch_mapping *old)
{
	struct frame *before;
	int err;

	frame_get(f);
	err = arch_pt_set(&as->pt, VADDR(va), frame_pfn(f), rights, old);
	if (err) {
		frame_put(f);
		return err;
	}
	as->resident += f != zero_frame;
	if (old->present) {
		before = frame_in_use(old->pfn);
		as->resident -= before != zero_frame;
		frame_put(before);
	}
	if (as->resident > as->resident_peak)
		as->resident_peak = as->resident;
	return 0;
}

/* Unmaps [start, end). `spare` is used or freed. */
void space_unmap(struct aspace *as, uint64_t start, uint64_t end, struct vma *spare);

/* => whether `len` more bytes with these flags may be mapped: RLIMIT_AS, RAM, number of VMAs. */
bool space_may_grow(const struct aspace *as, uint64_t len, unsigned flags, bool noreserve);

#endif
