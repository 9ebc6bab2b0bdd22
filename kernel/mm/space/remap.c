/*
 * mremap: a range grows, shrinks or moves, with its pages. Terms and invariants:
 * aspace.c.
 *
 *	                  old range          new range
 *	shrink            its end goes       -
 *	grow in place     grows              -
 *	move              goes               pages as they were, more at the end
 *	  DONTUNMAP       stays, empty       pages as they were
 *	  old length 0    stays              the same shared pages once more
 *
 * A range that grows or moves lies in one VMA; one that is only cut may lie in
 * many. The checks come in Linux's order, and so do the effects that it leaves when
 * a later one fails: with MREMAP_FIXED what is at the new address goes first, then
 * the end of the old range that is not wanted.
 *
 * Private pages that move alone go to an object of their own, at the indexes that
 * they have. Their PTEs move along as they are, and so do those of other pages.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"
#include "abi/trace.h"

/* What is asked for; lengths are rounded. */
struct remap {
	uint64_t old, old_len, new_len, to;
	unsigned flags;
	bool populate; /* out: a locked range has grown */
};

static bool is_user_range(uint64_t start, uint64_t len)
{
	return len <= arch_user_end().v && start <= arch_user_end().v - len;
}

/*
 * Moves r's old range, in v, to r->to, where nothing is. => 0; -ENOMEM, nothing changed.
 */
static int move(struct aspace *as, struct vma *v, struct remap *r)
{
	uint64_t old_end = r->old + r->old_len;
	bool stays = r->flags & MREMAP_DONTUNMAP || !r->old_len;
	struct vma moved = *v, *spare = vma_alloc(), *split = NULL;

	if (!spare)
		return -ENOMEM;
	moved.anon_offset = vma_anon_index(v, r->old);
	moved.file_offset = vma_file_index(v, r->old);
	/* What stays behind is no longer locked, and may so become a VMA of its own. */
	if (stays ? r->old_len && vma_change(as, v, r->old, old_end, v->flags & ~(unsigned)VMA_LOCK,
					     v->name, &v)
		  : space_unmap_prepare(as, r->old, old_end, &split)) {
		vma_free(spare);
		return -ENOMEM;
	}
	if (moved.anon) {
		moved.anon = mobj_split(moved.anon, moved.anon_offset, r->old_len >> PAGE_SHIFT);
		if (!moved.anon) {
			vma_free(split);
			vma_free(spare);
			return -ENOMEM;
		}
	}
	/* here: nothing can fail any more; the pages are still mapped in the old range */
	if (moved.file)
		mobj_get(moved.file);
	vma_name_get(moved.name);
	moved.start = VADDR(r->to);
	moved.end = VADDR(r->to + r->new_len);
	arch_pt_move(&as->pt, VADDR(r->old), VADDR(r->to), r->old_len);
	if (moved.kind == TV_VDSO && as->vdso == r->old && !stays)
		as->vdso = r->to;
	if (!stays)
		space_unmap_commit(as, r->old, old_end, split);
	vma_place(as, &moved, spare);
	r->populate = moved.flags & VMA_LOCKED && r->new_len > r->old_len;
	return 0;
}

/* => 0 and *out, the VMA whose part may become r->new_len long; -EFAULT, -EINVAL, ... */
static int check_resize(struct aspace *as, const struct remap *r, struct vma **out)
{
	struct vma *v = aspace_find(as, VADDR(r->old));
	uint64_t grown = r->new_len - r->old_len;

	if (!v)
		return -EFAULT;
	*out = v;
	if (!r->old_len && !(v->flags & VMA_SHARED))
		return -EINVAL;
	if (r->flags & MREMAP_DONTUNMAP && v->flags & VMA_FIXEDSIZE)
		return -EINVAL;
	if (r->old_len > v->end.v - r->old)
		return -EFAULT;
	if (r->new_len == r->old_len)
		return 0;
	if (v->flags & VMA_FIXEDSIZE)
		return -EFAULT;
	if (v->flags & VMA_LOCKED && !space_may_lock(as, grown))
		return -EAGAIN;
	return space_may_map(as, v->flags, grown) ? 0 : -ENOMEM;
}

/* A move needs a few VMAs more for a moment; Linux asks for these. */
#define MOVE_VMAS 3

/* => 0 or -ENOMEM: what move() may fail with before it begins. */
static int check_move(const struct aspace *as, const struct vma *v, const struct remap *r)
{
	uint64_t more = r->flags & MREMAP_DONTUNMAP ? r->new_len : r->new_len - r->old_len;

	if (as->nvmas >= space_policy.max_vmas - MOVE_VMAS)
		return -ENOMEM;
	return v->flags & VMA_ACCOUNT && !space_may_promise(as, more) ? -ENOMEM : 0;
}

/* Unmaps what the old range has beyond the new length. => 0, -EINVAL, -ENOMEM. */
static int cut(struct aspace *as, struct remap *r)
{
	uint64_t start = r->old + r->new_len, len = r->old_len - r->new_len;

	if (r->old_len <= r->new_len)
		return 0;
	r->old_len = r->new_len;
	return is_user_range(start, len) ? space_unmap(as, start, start + len) : -EINVAL;
}

/* MREMAP_FIXED or MREMAP_DONTUNMAP. => the new address, or -errno. */
static int64_t remap_to(struct aspace *as, struct remap *r)
{
	struct vma *v;
	int err;

	if (r->to & PAGE_MASK || !is_user_range(r->to, r->new_len))
		return -EINVAL;
	if (r->old + r->old_len > r->to && r->to + r->new_len > r->old)
		return -EINVAL;
	if (as->nvmas + 2 >= space_policy.max_vmas - MOVE_VMAS)
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED) {
		err = space_unmap(as, r->to, r->to + r->new_len);
		if (err)
			return err;
	}
	err = cut(as, r);
	if (!err)
		err = check_resize(as, r, &v);
	if (err)
		return err;
	if (r->flags & MREMAP_DONTUNMAP && !space_may_map(as, v->flags, r->old_len))
		return -ENOMEM;
	if (r->flags & MREMAP_FIXED)
		err = space_check_place(as, r->to, r->new_len);
	else if (!(r->to = space_choose(as, r->to, r->new_len)))
		err = -ENOMEM;
	if (!err)
		err = check_move(as, v, r);
	if (!err)
		err = move(as, v, r);
	return err ? err : (int64_t)r->to;
}

/* => whether v may grow to `end` where it is. */
static bool is_expandable(struct aspace *as, const struct vma *v, uint64_t end)
{
	struct vma *next = vma_next(v);

	return end > v->end.v && (!next || next->start.v >= end) &&
	       !space_check_place(as, v->start.v, end - v->start.v);
}

/* => the address of the mapping, or -errno. Lock held. */
static int64_t remap_locked(struct aspace *as, struct remap *r)
{
	struct vma *v = aspace_find(as, VADDR(r->old));
	uint64_t grown = r->new_len - r->old_len;
	int err;

	if (!v)
		return -EFAULT;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(as, r);
	if (r->old_len >= r->new_len) {
		err = cut(as, r);
		return err ? err : (int64_t)r->old;
	}
	err = check_resize(as, r, &v);
	if (err)
		return err;
	if (r->old_len == v->end.v - r->old && is_expandable(as, v, v->end.v + grown)) {
		if (v->flags & VMA_ACCOUNT && !space_may_promise(as, grown))
			return -ENOMEM;
		r->populate = v->flags & VMA_LOCKED;
		r->to = r->old;
		vma_resize(as, v, v->start.v, v->end.v + grown);
		vma_join(as, v);
		return (int64_t)r->old;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	r->to = space_choose(as, 0, r->new_len);
	err = r->to ? check_move(as, v, r) : -ENOMEM;
	if (!err)
		err = move(as, v, r);
	return err ? err : (int64_t)r->to;
}

int64_t aspace_remap(struct aspace *as, vaddr_t old, uint64_t old_len, uint64_t new_len,
		     unsigned flags, vaddr_t new_addr)
{
	struct remap r = {.old = old.v,
			  .old_len = ROUND_UP(old_len, PAGE_SIZE),
			  .new_len = ROUND_UP(new_len, PAGE_SIZE),
			  .to = new_addr.v,
			  .flags = flags};
	int64_t result;

	if (flags & ~(unsigned)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && r.old_len != r.new_len)
		return -EINVAL;
	if (old.v & PAGE_MASK || !r.new_len)
		return -EINVAL;
	mutex_lock(&as->lock);
	result = remap_locked(as, &r);
	mutex_unlock(&as->lock);
	if (r.populate)
		space_populate(as, r.to + r.old_len, r.to + r.new_len);
	return result;
}
