/*
 * Changing what is mapped already: mprotect, mremap, madvise. Terms and
 * invariants: aspace.c. As in map.c, all that can fail comes first.
 *
 * Rights in PTEs are only ever taken away here, or given for reading and
 * executing. Whether a page may be written depends on whose frame it is, and the
 * fault handler decides that, when it is written.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* => whether [start, start + len) is a range of user pages; *end is its end. */
static bool range_of(uint64_t start, uint64_t len, uint64_t *end)
{
	uint64_t rounded = ROUND_UP(len, PAGE_SIZE);

	*end = start + rounded;
	return rounded >= len && rounded <= arch_user_end().v &&
	       start <= arch_user_end().v - rounded;
}

/* Makes the PTEs of v obey its flags, which have just changed. */
static void apply_rights(struct aspace *as, struct vma *v)
{
	unsigned rights = vma_rights(v);

	if (rights & (ARCH_R | ARCH_X))
		arch_pt_protect(&as->pt, v->start, v->end, rights);
	else
		space_unmap_pages(as, v->start.v, v->end.v);
}

/* Lock held. */
static int protect_locked(struct aspace *as, uint64_t start, uint64_t end, unsigned prot)
{
	struct vma *v = aspace_find(as, VADDR(start));
	struct vma *last = v && v->end.v >= end ? v : aspace_find(as, VADDR(end - 1));
	struct vma *spare[2] = {NULL, NULL}; /* for the VMAs that will be split at start and end */
	int err = v ? 0 : -ENOMEM;

	if ((v && v->start.v < start && !(spare[0] = vma_alloc())) ||
	    (last && last->end.v > end && !(spare[1] = vma_alloc()))) {
		vma_free(spare[0]);
		return -ENOMEM;
	}
	/* here: [start, at) has been changed; v contains at, or there is a hole */
	for (uint64_t at = start; !err && at < end; v = aspace_find(as, VADDR(at))) {
		if (!v) {
			err = -ENOMEM;
			break;
		}
		if (prot & VMA_WRITE && v->flags & VMA_NOWRITE) {
			err = -EACCES;
			break;
		}
		if ((v->flags & VMA_PROT) == prot) {
			at = v->end.v;
			continue;
		}
		if (v->start.v < at) {
			vma_split(as, v, at, spare[0]);
			v = spare[0];
			spare[0] = NULL;
		}
		if (v->end.v > end) {
			vma_split(as, v, end, spare[1]);
			spare[1] = NULL;
		}
		vma_set_prot(as, v, prot);
		apply_rights(as, v);
		at = v->end.v;
		vma_join(as, v);
	}
	vma_free(spare[0]);
	vma_free(spare[1]);
	return err;
}

int aspace_protect(struct aspace *as, vaddr_t start, uint64_t len, unsigned prot)
{
	uint64_t end;
	int err;

	if (start.v & PAGE_MASK || prot & ~(unsigned)VMA_PROT)
		return -EINVAL;
	if (!len)
		return 0;
	if (!range_of(start.v, len, &end))
		return -ENOMEM;
	mutex_lock(&as->lock);
	err = protect_locked(as, start.v, end, prot);
	mutex_unlock(&as->lock);
	return err;
}

int aspace_discard(struct aspace *as, vaddr_t start, uint64_t len)
{
	uint64_t end, covered;

	if (start.v & PAGE_MASK || ROUND_UP(len, PAGE_SIZE) < len)
		return -EINVAL;
	if (!range_of(start.v, len, &end))
		return start.v + ROUND_UP(len, PAGE_SIZE) < start.v ? -EINVAL : -ENOMEM;
	mutex_lock(&as->lock);
	covered = space_covered(as, start.v, end);
	for (struct vma *v = aspace_next(as, start); v && v->start.v < end; v = vma_next(v))
		vma_drop_pages(as, v, v->start.v > start.v ? v->start.v : start.v,
			       v->end.v < end ? v->end.v : end);
	mutex_unlock(&as->lock);
	return covered == end - start.v ? 0 : -ENOMEM;
}

/* -- mremap -------------------------------------------------------------------------------- */

/* Maps the own pages of a VMA that has just moved; those that find no memory are left to faults. */
static void map_own_pages(struct aspace *as, const struct vma *v)
{
	uint64_t index = v->start.v >> PAGE_SHIFT, end = v->end.v >> PAGE_SHIFT;
	struct arch_mapping old;
	struct frame *f;
	unsigned rights;

	if (!v->anon || !(vma_rights(v) & (ARCH_R | ARCH_X)))
		return;
	for (;; index++) {
		spin_lock(&v->anon->lock);
		f = mobj_next_locked(v->anon, &index, end);
		spin_unlock(&v->anon->lock);
		/* A page that a fork shared (a pin besides this one) stays read-only until written.
		 */
		rights = vma_rights(v);
		if (f && f->refs > 1)
			rights &= ~(unsigned)ARCH_W;
		if (!f || space_map_frame(as, index << PAGE_SHIFT, f, rights, &old))
			return;
	}
}

/*
 * Moves [old, old + old_len), or as much of it as fits, from v to a place of new_len bytes where
 * nothing is, or only what a fixed request replaces; the rest is unmapped. Own pages go to an
 * object of their own, since pages are indexed by VPN.
 * => 0 or -ENOMEM (nothing changed).
 */
static int move(struct aspace *as, struct vma *v, uint64_t old, uint64_t old_len, uint64_t to,
		uint64_t new_len)
{
	uint64_t keep = old_len < new_len ? old_len : new_len;
	struct vma moved = *v, *spare = vma_alloc(), *split = vma_alloc(), *replace = vma_alloc();
	struct mobj *anon = v->anon ? mobj_create(MOBJ_ANON, UINT64_MAX) : NULL;
	struct vma *now;

	if (!spare || !split || !replace || (v->anon && !anon))
		goto no_memory;
	if (anon &&
	    mobj_move(v->anon, old >> PAGE_SHIFT, keep >> PAGE_SHIFT, anon, to >> PAGE_SHIFT))
		goto no_memory;
	/* here: nothing can fail any more. v's pages in the old range are still mapped there */
	if (moved.file) {
		mobj_get(moved.file);
		moved.file_offset += (old - v->start.v) >> PAGE_SHIFT;
	}
	moved.anon = anon;
	moved.start = VADDR(to);
	moved.end = VADDR(to + new_len);
	space_unmap(as, old, old + old_len, split);
	space_unmap(as, to, to + new_len, replace);
	vma_place(as, &moved, spare);
	now = aspace_find(as, VADDR(to));
	map_own_pages(as, now);
	return 0;

no_memory:
	if (anon)
		mobj_put(anon);
	vma_free(replace);
	vma_free(split);
	vma_free(spare);
	return -ENOMEM;
}

/* => the address of the mapping, or -errno. Lock held; lengths are rounded, the old one not 0. */
static int64_t remap_locked(struct aspace *as, uint64_t old, uint64_t old_len, uint64_t new_len,
			    unsigned flags, uint64_t to)
{
	struct vma *v = aspace_find(as, VADDR(old)), *next;
	bool fixed = flags & MREMAP_FIXED;
	uint64_t replaced = 0, keep = old_len < new_len ? old_len : new_len;

	/* What moves or grows lies in one VMA; what is only cut off may lie in many, and in holes.
	 */
	if (!v || ((fixed || new_len > old_len) && keep > v->end.v - old))
		return -EFAULT;
	if (fixed)
		replaced = space_covered(as, to, to + new_len);
	else if (new_len <= old_len) {
		struct vma *spare = new_len < old_len ? vma_alloc() : NULL;

		if (new_len < old_len) {
			if (!spare)
				return -ENOMEM;
			space_unmap(as, old + new_len, old + old_len, spare);
		}
		return (int64_t)old;
	}
	if (new_len > old_len && new_len - old_len > replaced &&
	    !space_may_grow(as, new_len - old_len - replaced, v->flags, false))
		return -ENOMEM;
	next = vma_next(v);
	if (!fixed && old + old_len == v->end.v && new_len <= arch_user_end().v - old &&
	    (!next || vma_gap_start(next) >= old + new_len)) {
		vma_resize(as, v, v->start.v, old + new_len);
		vma_join(as, v);
		return (int64_t)old;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (!fixed)
		to = space_place(as, new_len);
	if (!to)
		return -ENOMEM;
	return move(as, v, old, old_len, to, new_len) ? -ENOMEM : (int64_t)to;
}

int64_t aspace_remap(struct aspace *as, vaddr_t old, uint64_t old_len, uint64_t new_len,
		     unsigned flags, vaddr_t new_addr)
{
	uint64_t end, new_end;
	int64_t result;

	if (flags & ~(unsigned)(MREMAP_MAYMOVE | MREMAP_FIXED) || old.v & PAGE_MASK || !new_len)
		return -EINVAL;
	if (old.v >= arch_user_end().v)
		return -EFAULT;
	if (!old_len || !range_of(old.v, old_len, &end))
		return -EINVAL;
	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE) || new_addr.v & PAGE_MASK ||
		    !range_of(new_addr.v, new_len, &new_end) ||
		    (new_addr.v < end && old.v < new_end))
			return -EINVAL;
		if (new_addr.v < SPACE_MIN)
			return -EPERM;
	} else if (!range_of(0, new_len, &new_end)) {
		return -ENOMEM;
	}
	mutex_lock(&as->lock);
	result =
	    remap_locked(as, old.v, end - old.v, ROUND_UP(new_len, PAGE_SIZE), flags, new_addr.v);
	mutex_unlock(&as->lock);
	return result;
}
