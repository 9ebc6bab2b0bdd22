/*
 * fork: an address space becomes two.
 *
 * Neither may see what the other writes from now on, and nothing is copied yet. The
 * child's objects share their trees with the parent's (tree.c), and its page tables
 * use the parent's leaf tables (arch.h), out of which W has been taken:
 *
 *	anon of V ---> node (2) ---> frame <--- table (2) <--- level 1 of P
 *	anon of V' --'               refs 2          `-------- level 1 of C
 *
 * The first write by either takes a copy of the table, of the nodes on the way, and
 * of the frame; who comes last finds itself alone and keeps them (fault.c). So the
 * cost of a fork follows the number of VMAs and of leaf tables, and once the number
 * of pages that lose W; what else it costs comes with what is touched later.
 *
 *	region of VMAs that the child all gets,       one table for both
 *	  with at least SHARE_MIN pages mapped
 *	other regions                                 private pages are mapped anew,
 *	                                              shared ones left to faults
 *
 * Shared mappings, and private pages of files that nobody has written, are the
 * object's: the child maps what the parent has mapped, or faults it in itself.
 *
 * Invariants: those of aspace.c hold for both; and afterwards no PTE of a private
 * VMA in either is writable.
 *
 * Locks: the parent's lock is held throughout, the child's is nobody else's. What
 * fails leaves the parent as it was, but for rights that faults give back.
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/*
 * Below this number of pages in a region they are mapped anew: either side will soon need a table
 * of its own, and a copy of a few entries costs less than that of 512.
 */
#define SHARE_MIN 16

/* => the child's object in the place of `anon`, with a reference; NULL: no memory. */
static struct mobj *anon_fork(struct mobj *anon)
{
	if (!anon->copy)
		anon->copy = mobj_fork(anon);
	else
		mobj_get(anon->copy);
	return anon->copy;
}

/* => bytes that the child of a space is promised. */
static uint64_t promised_to_child(struct aspace *from)
{
	uint64_t sum = from->committed;

	for (struct vma *v = vma_of(avl_first(&from->vmas)); v; v = vma_next(v))
		if ((v->flags & (VMA_ACCOUNT | VMA_DONTFORK)) == (VMA_ACCOUNT | VMA_DONTFORK))
			sum -= v->end.v - v->start.v;
	return sum;
}

/* Gives `to` a VMA like v, without its pages' mappings. => 0 or -ENOMEM. */
static int vma_fork(struct aspace *to, struct vma *v)
{
	struct vma *copy;

	if (v->flags & VMA_DONTFORK)
		return 0;
	copy = vma_alloc();
	if (!copy)
		return -ENOMEM;
	*copy = *v;
	copy->flags &= ~(unsigned)VMA_LOCK;
	copy->anon = NULL;
	if (v->anon && !(v->flags & VMA_WIPEONFORK)) {
		copy->anon = anon_fork(v->anon);
		if (!copy->anon) {
			vma_free(copy);
			return -ENOMEM;
		}
	}
	if (copy->file)
		mobj_get(copy->file);
	vma_name_get(copy->name);
	vma_insert(to, copy);
	return 0;
}

/*
 * Pages of v that the child has no VMA for must not come to light where it maps something later.
 * => 0 or -ENOMEM.
 */
static int vma_withhold(struct vma *v)
{
	uint64_t at, n = (v->end.v - v->start.v) >> PAGE_SHIFT;

	if (!v->anon || !v->anon->copy || !(v->flags & (VMA_DONTFORK | VMA_WIPEONFORK)))
		return 0;
	at = vma_anon_index(v, v->start.v);
	if (mobj_prepare(v->anon->copy, at, n))
		return -ENOMEM;
	mobj_discard(v->anon->copy, at, n);
	return 0;
}

/* -- page tables --------------------------------------------------------------------------- */

static bool is_plain(const struct vma *v)
{
	return !(v->flags & (VMA_DONTFORK | VMA_WIPEONFORK));
}

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * v is the first VMA in the region that ends at `end`. Takes W from what is private there.
 * => whether one table can serve both spaces.
 */
static bool region_unwrite(struct aspace *from, struct vma *v, uint64_t end)
{
	struct vma *u;

	if (arch_pt_used(&from->pt, VADDR(end - PAGE_SIZE)) < SHARE_MIN)
		return false;
	for (u = v; u && u->start.v < end; u = vma_next(u))
		if (!is_plain(u))
			return false;
	for (u = v; u && u->start.v < end; u = vma_next(u)) {
		uint64_t start = u->start.v, stop = lower(u->end.v, end);

		if (start < end - ARCH_REGION_SIZE)
			start = end - ARCH_REGION_SIZE;
		if (!(u->flags & VMA_SHARED))
			arch_pt_unwrite(&from->pt, VADDR(start), VADDR(stop));
	}
	return true;
}

/* Maps in `to` what `from` has mapped in v, from *done on, up to which all is done. => 0, -ENOMEM
 */
static int vma_map(struct aspace *from, struct aspace *to, struct vma *v, uint64_t *done)
{
	uint64_t va = *done > v->start.v ? *done : v->start.v;

	while ((va = arch_pt_next(&from->pt, va, v->end.v)) < v->end.v) {
		uint64_t end = ROUND_DOWN(va, ARCH_REGION_SIZE) + ARCH_REGION_SIZE;
		uint64_t stop = lower(v->end.v, end);
		struct vma *prev = vma_prev(v);
		bool is_first = !prev || prev->end.v <= end - ARCH_REGION_SIZE;
		int err = 0;

		if (is_first && region_unwrite(from, v, end)) {
			err = arch_pt_share(&from->pt, &to->pt, VADDR(va));
			stop = end;
		} else if (is_plain(v) && !(v->flags & VMA_SHARED)) {
			arch_pt_unwrite(&from->pt, VADDR(va), VADDR(stop));
			err = arch_pt_copy(&from->pt, &to->pt, VADDR(va), VADDR(stop));
		}
		if (err)
			return err;
		*done = va = stop;
	}
	return 0;
}

/* -- spaces -------------------------------------------------------------------------------- */

struct aspace *aspace_fork(struct aspace *from)
{
	struct aspace *to = space_create(from->id);
	uint64_t done = 0;
	int err = 0;

	if (!to)
		return NULL;
	mutex_lock(&from->lock);
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->stack_limit = from->stack_limit;
	to->data_limit = from->data_limit;
	to->as_limit = from->as_limit;
	to->lock_limit = from->lock_limit;
	to->is_privileged = from->is_privileged;
	to->barriers = from->barriers;
	to->no_superpages = from->no_superpages;
	to->args = from->args;
	to->envs = from->envs;
	to->strings_end = from->strings_end;
	to->auxv = from->auxv;
	to->auxv_end = from->auxv_end;
	to->stack_start = from->stack_start;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	to->data_start = from->data_start;
	to->data_end = from->data_end;
	to->mmap_top = from->mmap_top;
	to->vdso = from->vdso;
	if (!space_may_promise(from, promised_to_child(from)))
		err = -ENOMEM;
	for (struct vma *v = vma_of(avl_first(&from->vmas)); v && !err; v = vma_next(v))
		err = vma_fork(to, v);
	for (struct vma *v = vma_of(avl_first(&from->vmas)); v && !err; v = vma_next(v))
		err = vma_withhold(v);
	for (struct vma *v = vma_of(avl_first(&from->vmas)); v && !err; v = vma_next(v))
		err = vma_map(from, to, v, &done);
	arch_pt_flush(&from->pt);
	space_peak(to);
	for (struct vma *v = vma_of(avl_first(&from->vmas)); v; v = vma_next(v))
		if (v->anon)
			v->anon->copy = NULL;
	mutex_unlock(&from->lock);
	if (!err)
		return to;
	aspace_put(to);
	return NULL;
}
