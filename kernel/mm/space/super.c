/*
 * Superpages for anonymous memory, which programs need not ask for.
 *
 * A region of 2 MiB that lies in one private anonymous VMA and has no page yet gets
 * 512 frames in a row at its first write, where there are such frames, and one leaf
 * of level 1 maps them all: one fault in the place of 512, one entry of the TLB.
 * To everything but the page table they are 512 ordinary pages: each frame has its
 * own pin and reference, so that pages can be dropped, copied or moved one by one.
 * The page table then splits the leaf into a table (arch.h), which costs no copy.
 *
 *	whole at first touch   super_serve(): a region with nothing in it
 *	collapsed              super_collapse(): pages of a region are copied into frames
 *	                       in a row. When faults have filled half of it, or on demand
 *	split                  by the page table: partial unmap or protect, a write after
 *	                       a fork, a VMA that is cut in two
 *
 * Which VMAs: by space_policy.superpages (Linux's transparent_hugepage/enabled) and
 * madvise; not a stack, and not what prctl() has forbidden.
 *
 * The space's lock is held throughout. What fails leaves small pages to be mapped.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

#define REGION_PAGES (ARCH_REGION_SIZE / PAGE_SIZE)
#define ORDER        9
_Static_assert(1UL << ORDER == REGION_PAGES, "a superpage is a block of that order");

/* A region with that many pages is worth a copy of them: the rest is not yet lost room then. */
#define COLLAPSE_MIN (REGION_PAGES / 2)

struct super_counts super_counts;

static void count(uint64_t *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

/* => whether the region at `start` lies in v, which may have superpages. */
static bool is_eligible(const struct aspace *as, const struct vma *v, uint64_t start)
{
	return !v->file && !(v->flags & (VMA_SHARED | VMA_GROWSDOWN | VMA_FIXEDSIZE)) &&
	       v->flags & VMA_WRITE && !as->no_superpages && start >= v->start.v &&
	       start + ARCH_REGION_SIZE <= v->end.v;
}

/* => v's own pages in the region. Each is looked at once. */
static unsigned pages_in(struct vma *v, uint64_t start)
{
	uint64_t index = vma_anon_index(v, start), end = index + REGION_PAGES;
	unsigned n = 0;

	if (!v->anon)
		return 0;
	spin_lock(&v->anon->lock);
	for (; mobj_next_locked(v->anon, &index, end); index++)
		n++;
	spin_unlock(&v->anon->lock);
	return n;
}

/* => whether the region has a page. */
static bool has_page(struct vma *v, uint64_t start)
{
	uint64_t index = vma_anon_index(v, start);
	bool has;

	if (!v->anon)
		return false;
	spin_lock(&v->anon->lock);
	has = mobj_next_locked(v->anon, &index, index + REGION_PAGES);
	spin_unlock(&v->anon->lock);
	return has;
}

/*
 * Makes the 512 frames from f on v's own pages of the region, in the place of what it has, which is
 * not mapped; takes over their references. => 0; -ENOMEM: some may be its pages, the others are
 * free.
 */
static int pages_give(struct vma *v, uint64_t start, struct frame *f)
{
	struct tree_node *leaf = NULL;
	unsigned i = 0;
	int err = 0;

	spin_lock(&v->anon->lock);
	for (; i < REGION_PAGES && !err; i += !err) {
		uint64_t index = vma_anon_index(v, start) + i;

		if (leaf && index % TREE_SLOTS) {
			mobj_put_locked(v->anon, leaf, index, f + i);
			continue;
		}
		err = mobj_insert_locked(v->anon, index, f + i);
		leaf = err ? NULL : tree_own_leaf(&v->anon->tree, index);
	}
	spin_unlock(&v->anon->lock);
	for (; i < REGION_PAGES; i++)
		frame_put(f + i);
	return err;
}

static bool region_map(struct aspace *as, struct vma *v, uint64_t start, struct frame *f)
{
	bool mapped = !arch_pt_set_super(&as->pt, VADDR(start), frame_pfn(f), vma_rights(v));

	v->touched = true;
	space_peak(as);
	return mapped;
}

bool super_serve(struct aspace *as, struct vma *v, uint64_t va)
{
	uint64_t start = ROUND_DOWN(va, ARCH_REGION_SIZE);
	struct frame *f;

	if (!is_eligible(as, v, start) || has_page(v, start) || !vma_need_anon(v))
		return false;
	f = frame_alloc(ORDER, TF_ANON, FRAME_ZEROED);
	if (!f || pages_give(v, start, f)) {
		count(&super_counts.fallback);
		return false;
	}
	/* here: what is mapped is the zero frame, if anything */
	arch_pt_clear(&as->pt, VADDR(start), VADDR(start + ARCH_REGION_SIZE));
	if (!region_map(as, v, start, f))
		return false;
	count(&super_counts.made);
	return true;
}

/* => whether all pages of the region are v's alone, mapped nowhere. Their frames, NULL if none. */
static bool pages_are_private(struct vma *v, uint64_t start, struct frame *had[REGION_PAGES])
{
	bool all = true;

	spin_lock(&v->anon->lock);
	for (unsigned i = 0; i < REGION_PAGES && all; i++) {
		uint64_t index = vma_anon_index(v, start) + i;

		had[i] = mobj_lookup_locked(v->anon, index);
		if (had[i])
			all = had[i]->refs == 1 && tree_is_private(&v->anon->tree, index);
	}
	spin_unlock(&v->anon->lock);
	return all;
}

/* Makes what v has in the region at `start` a superpage. => 0; -EINVAL, -EAGAIN, -ENOMEM. */
static int super_collapse(struct aspace *as, struct vma *v, uint64_t start)
{
	struct frame **had, *f;
	int err = -EAGAIN;

	if (!is_eligible(as, v, start) || v->flags & VMA_NOHUGEPAGE)
		return -EINVAL;
	if (arch_pt_get(&as->pt, VADDR(start)).level > 0 && has_page(v, start))
		return 0;
	if (!has_page(v, start))
		return -EINVAL;
	had = kmalloc(REGION_PAGES * sizeof *had);
	f = had ? frame_alloc(ORDER, TF_ANON, 0) : NULL;
	if (!f) {
		kfree(had);
		return -ENOMEM;
	}
	/* here: from now on nobody writes to them; faults wait for the lock, and bring them back */
	arch_pt_clear(&as->pt, VADDR(start), VADDR(start + ARCH_REGION_SIZE));
	if (pages_are_private(v, start, had)) {
		for (unsigned i = 0; i < REGION_PAGES; i++) {
			if (had[i])
				arch_page_copy(frame_kva(f + i), frame_kva(had[i]));
			else
				arch_page_clear(frame_kva(f + i));
		}
		err = pages_give(v, start, f);
		if (!err && region_map(as, v, start, f))
			count(&super_counts.collapsed);
	} else {
		for (unsigned i = 0; i < REGION_PAGES; i++)
			frame_put(f + i);
	}
	kfree(had);
	return err;
}

void super_grown(struct aspace *as, struct vma *v, uint64_t va)
{
	uint64_t start = ROUND_DOWN(va, ARCH_REGION_SIZE);

	/* Counting costs about as much as a fault, so only some faults do: each 64th page. */
	if ((va >> PAGE_SHIFT) % TREE_SLOTS == TREE_SLOTS - 1 && is_eligible(as, v, start) &&
	    pages_in(v, start) >= COLLAPSE_MIN)
		super_collapse(as, v, start);
}

void aspace_forbid_superpages(struct aspace *as, bool forbidden)
{
	mutex_lock(&as->lock);
	as->no_superpages = forbidden;
	mutex_unlock(&as->lock);
}

int aspace_collapse(struct aspace *as, vaddr_t start, uint64_t len)
{
	uint64_t at = ROUND_UP(start.v, ARCH_REGION_SIZE), end;
	int err = 0;

	if (start.v & PAGE_MASK || (len && !ROUND_UP(len, PAGE_SIZE)) ||
	    __builtin_add_overflow(start.v, ROUND_UP(len, PAGE_SIZE), &end))
		return -EINVAL;
	mutex_lock(&as->lock);
	if (space_covered(as, start.v, end, NULL) != end - start.v)
		err = -ENOMEM;
	for (; at + ARCH_REGION_SIZE <= end && !err; at += ARCH_REGION_SIZE) {
		struct vma *v = aspace_find(as, VADDR(at));

		err = v ? super_collapse(as, v, at) : -ENOMEM;
	}
	mutex_unlock(&as->lock);
	return err;
}
