/*
 * What the files of mm/space share with each other: changes of the VMA tree.
 * All are for callers who hold the address space's lock; none can fail, but for
 * vma_alloc(). Theory: aspace.c.
 */
#ifndef KERNEL_VMA_H
#define KERNEL_VMA_H

#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/aspace.h"

/* Nothing is mapped so close under a stack by itself: Linux's stack_guard_gap. */
#define STACK_GUARD (256 * PAGE_SIZE)

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

static inline uint64_t vma_npages(const struct vma *v)
{
	return (v->end.v - v->start.v) >> PAGE_SHIFT;
}

/* Names of VMAs: name.c. NULL is allowed. */
void vma_name_get(struct vma_name *n);
void vma_name_put(struct vma_name *n);
bool vma_name_equal(const struct vma_name *a, const struct vma_name *b);
static inline bool vma_name_same(const struct vma_name *a, const struct vma_name *b)
{
	return a == b || vma_name_equal(a, b);
}

/* What a VMA counts as for limits and /proc. */
enum vma_use { USE_CODE, USE_DATA, USE_STACK, USE_OTHER };

static inline enum vma_use vma_use(unsigned flags)
{
	if (flags & VMA_GROWSDOWN)
		return USE_STACK;
	if ((flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE)
		return USE_DATA;
	return (flags & (VMA_EXEC | VMA_WRITE)) == VMA_EXEC ? USE_CODE : USE_OTHER;
}

/* => whether a program may reach its pages at all. */
static inline bool vma_is_accessible(const struct vma *v)
{
	return v->flags & VMA_PROT;
}

static inline bool vma_is_anonymous(const struct vma *v)
{
	return !v->file;
}

struct vma *vma_alloc(void);     /* NULL: no memory. Contents undefined */
void vma_free(struct vma *v);    /* NULL is allowed. Only the structure */
void vma_release(struct vma *v); /* the structure and its references; not in the tree */

/* A template of an anonymous VMA, for vma_place(), but for where it is. */
static inline void vma_template(struct vma *v, unsigned flags, unsigned kind)
{
	v->flags = flags;
	v->kind = kind;
	v->touched = false;
	v->anon = v->file = NULL;
	v->anon_offset = v->file_offset = 0;
	v->name = NULL;
}

/*
 * Puts *v, a template of a range where nothing is, into the tree: a neighbour that it continues is
 * extended, or else `spare` becomes the VMA; NULL: one is allocated if it is needed.
 * => 0: v's references are taken over, and so is spare; -ENOMEM: nothing changed.
 */
int vma_place(struct aspace *as, const struct vma *v, struct vma *spare);

void vma_insert(struct aspace *as, struct vma *v); /* where nothing is, and joins nothing */
void vma_remove(struct aspace *as, struct vma *v); /* from the tree; the caller has it then */

/* => [start, end) overlaps no other VMA, and v's old range. */
void vma_resize(struct aspace *as, struct vma *v, uint64_t start, uint64_t end);

/* Flags and name (a new reference is taken) of v as a whole. */
void vma_set(struct aspace *as, struct vma *v, unsigned flags, struct vma_name *name);

/* => v ends at `at`, and `spare` is the VMA of the rest; start < at < end. */
void vma_split(struct aspace *as, struct vma *v, uint64_t at, struct vma *spare);

/* => whether b continues a, so that the two may be one VMA. */
static inline bool vma_is_continued(const struct vma *a, const struct vma *b)
{
	return a->end.v == b->start.v && a->flags == b->flags && a->file == b->file &&
	       vma_name_same(a->name, b->name) &&
	       (!a->file || a->file_offset + vma_npages(a) == b->file_offset) &&
	       (!b->anon || (!a->anon && b->anon_offset >= vma_npages(a)) ||
		(a->anon == b->anon && a->anon_offset + vma_npages(a) == b->anon_offset));
}

/*
 * Gives [start, end), part of v, other flags and another name (a new reference is taken): splits
 * v where needed, or moves its border with a neighbour, and joins what continues itself.
 * => 0 and *out, the VMA that has the range now; -ENOMEM, nothing changed: no memory, or VMAs.
 * change.c
 */
int vma_change(struct aspace *as, struct vma *v, uint64_t start, uint64_t end, unsigned flags,
	       struct vma_name *name, struct vma **out);

/* Joins v with its neighbours, where they continue each other. => the VMA that v is part of. */
struct vma *vma_join(struct aspace *as, struct vma *v);

/* => the highest `at` with [at, at + len) in [low, high) and free, guard gaps too; 0: none. */
uint64_t space_hole(const struct aspace *as, uint64_t low, uint64_t high, uint64_t len);

/* => where a new mapping goes by itself; 0: nowhere. */
uint64_t space_place(const struct aspace *as, uint64_t len);
/* The same, with a hint: there, if it is free. map.c */
uint64_t space_choose(struct aspace *as, uint64_t hint, uint64_t len);
/* => 0; or why no mapping may be asked for at [at, at + len): -ENOMEM, -EINVAL, -EPERM. map.c */
int space_check_place(const struct aspace *as, uint64_t at, uint64_t len);

/* An empty space, to become a copy of the one with number `from`; 0: of none. */
struct aspace *space_create(uint32_t from);

/* Bytes of [start, end) that VMAs cover; of these, in *promised (NULL: not asked), VMA_ACCOUNT. */
uint64_t space_covered(struct aspace *as, uint64_t start, uint64_t end, uint64_t *promised);

/* Unmaps the pages of [start, end), in v and prepared, and frees v's private frames there. */
void vma_drop_pages(struct aspace *as, struct vma *v, uint64_t start, uint64_t end);

/* Unmaps the pages alone: faults can map them again. */
void space_unmap_pages(struct aspace *as, uint64_t start, uint64_t end);

/* Page va's index in v->anon, if there is one, and in v->file. */
static inline uint64_t vma_anon_index(const struct vma *v, uint64_t va)
{
	return v->anon_offset + ((va - v->start.v) >> PAGE_SHIFT);
}

static inline uint64_t vma_file_index(const struct vma *v, uint64_t va)
{
	return v->file_offset + ((va - v->start.v) >> PAGE_SHIFT);
}

/* Gives v, of a space's tree, an object for own pages. */
void vma_set_anon(struct vma *v, struct mobj *anon);

/* => whether v has an object for own pages, made if it had none; false: no memory. */
bool vma_need_anon(struct vma *v);

/* => whether superpages may serve v, as far as policy and advice go. */
static inline bool vma_wants_super(const struct vma *v)
{
	return space_policy.superpages &&
	       (v->flags & VMA_HUGEPAGE || space_policy.superpages == SUPER_ALWAYS) &&
	       !(v->flags & VMA_NOHUGEPAGE);
}

/* A first write at va. => true: the region has become a superpage. super.c */
bool super_serve(struct aspace *as, struct vma *v, uint64_t va);

/* A small page has come at va, in a VMA that wants superpages: the region may become one. */
void super_grown(struct aspace *as, struct vma *v, uint64_t va);

/* Remembers the highest number of resident pages. */
static inline void space_peak(struct aspace *as)
{
	uint64_t now = aspace_npages(as);

	if (now > as->resident_peak)
		as->resident_peak = now;
}

/* Maps f, which the caller keeps alive, at va. => 0 or -ENOMEM. */
static inline int space_map_frame(struct aspace *as, uint64_t va, struct frame *f, unsigned rights,
				  struct arch_mapping *old)
{
	int err = arch_pt_set(&as->pt, VADDR(va), frame_pfn(f), rights, old);

	space_peak(as);
	return err;
}

/*
 * Makes sure that own pages of [start, end) can be dropped, VMA by VMA: objects that forks have
 * shared need memory for that. => 0 or -ENOMEM (nothing changed).
 */
int space_prepare(struct aspace *as, uint64_t start, uint64_t end);
/* The same; v is the first VMA that ends above start. */
int space_prepare_from(struct vma *v, uint64_t start, uint64_t end);

/* Unmaps [start, end). => 0; -ENOMEM, nothing changed: no memory, or too many VMAs. */
int space_unmap(struct aspace *as, uint64_t start, uint64_t end);

/*
 * The same in two steps, when something else may fail between. First: what unmapping may need, a
 * VMA if one sticks out on both sides. => 0 and *spare (NULL: not needed); -ENOMEM. Second: spare
 * is used or freed.
 */
int space_unmap_prepare(struct aspace *as, uint64_t start, uint64_t end, struct vma **spare);
void space_unmap_commit(struct aspace *as, uint64_t start, uint64_t end, struct vma *spare);

/*
 * Whether a space may have `len` bytes more, by one limit each. limit.c
 *   map     RLIMIT_AS, and RLIMIT_DATA for what counts as data with these flags
 *   promise overcommit: pages that may all be written to
 *   lock    RLIMIT_MEMLOCK
 */
bool space_may_map(const struct aspace *as, unsigned flags, uint64_t len);
bool space_may_commit(const struct aspace *as, uint64_t len); /* in mode 2 */
static inline bool space_may_promise(const struct aspace *as, uint64_t len)
{
	switch (space_policy.overcommit) {
	case 1: return true;
	case 2: return space_may_commit(as, len);
	default: return len >> PAGE_SHIFT <= frame_total();
	}
}
bool space_may_lock(const struct aspace *as, uint64_t len);

/* => whether a new mapping with these flags is a promise: private, writable, not NORESERVE. */
static inline bool vma_promises(unsigned flags)
{
	return (flags & (VMA_NORESERVE | VMA_SHARED | VMA_WRITE)) == VMA_WRITE;
}

/* `delta` bytes more are promised; negative numbers as their complement. */
extern uint64_t commit_bytes;
static inline void commit_add(uint64_t delta)
{
	__atomic_fetch_add(&commit_bytes, delta, __ATOMIC_RELAXED);
}

/*
 * Has the pages of [start, end) served as if the program touched them: for writing where a private
 * page may be written to, else for reading. Lock not held. lock.c
 * => 0; -ENOMEM: a hole; -EFAULT: a page that cannot be had. What comes before it was served.
 */
int space_populate(struct aspace *as, uint64_t start, uint64_t end);

#endif
