/*
 * Changing what is mapped already: parts of VMAs get other flags (mprotect, and
 * advise.c, lock.c, name.c). Terms and invariants: aspace.c.
 *
 * A part [start, end) of VMA v that gets other flags becomes a VMA of its own, or
 * joins a neighbour that it continues then. So a border moves rather than that two
 * VMAs are made and one of them goes:
 *
 *	before    | prev rw |        v r            |
 *	change              [start   end)                to rw
 *	after     | prev rw          |     v r      |
 *
 * What is left over of v on a side that does not go to a neighbour is split off
 * first, which can fail, for want of memory or by the limit on VMAs; then nothing
 * has changed.
 *
 * Rights in PTEs are only ever taken away here, or given for reading and
 * executing. Whether a page may be written depends on whose frame it is, and the
 * fault handler decides that, when it is written.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* v, with other flags and another name, as a template: no references are taken. */
static struct vma changed(const struct vma *v, uint64_t start, uint64_t end, unsigned flags,
			  struct vma_name *name)
{
	struct vma c = *v;

	c.anon_offset = vma_anon_index(v, start);
	c.file_offset = vma_file_index(v, start);
	c.start = VADDR(start);
	c.end = VADDR(end);
	c.flags = flags;
	c.name = name;
	return c;
}

/* Moves the border between a and b, neighbours, to `at`: one of them grows. Pages that change
 * their VMA come with v's object, if the other has none. */
static void move_border(struct aspace *as, struct vma *a, struct vma *b, uint64_t at)
{
	struct vma *grows = at > a->end.v ? a : b, *shrinks = grows == a ? b : a;

	arch_pt_split(&as->pt, VADDR(at));
	if (!grows->anon && shrinks->anon) {
		uint64_t npages = (a->end.v - a->start.v) >> PAGE_SHIFT;

		mobj_get(shrinks->anon);
		grows->anon_offset = grows == a ? b->anon_offset - npages : a->anon_offset + npages;
		vma_set_anon(grows, shrinks->anon);
	}
	grows->touched |= shrinks->touched;
	if (grows == a) {
		vma_resize(as, b, at, b->end.v);
		vma_resize(as, a, a->start.v, at);
	} else {
		vma_resize(as, a, a->start.v, at);
		vma_resize(as, b, at, b->end.v);
	}
}

/* Splits v at `at`. => 0 and *rest, what begins there; -ENOMEM. */
static int split(struct aspace *as, struct vma *v, uint64_t at, struct vma **rest)
{
	struct vma *spare = as->nvmas < space_policy.max_vmas ? vma_alloc() : NULL;

	if (!spare)
		return -ENOMEM;
	vma_split(as, v, at, spare);
	*rest = spare;
	return 0;
}

int vma_change(struct aspace *as, struct vma *v, uint64_t start, uint64_t end, unsigned flags,
	       struct vma_name *name, struct vma **out)
{
	bool low = start > v->start.v, high = end < v->end.v;
	struct vma *prev = high && !low ? vma_prev(v) : NULL;
	struct vma *next = low && !high ? vma_next(v) : NULL, *rest;

	*out = v;
	if (flags == v->flags && vma_name_same(name, v->name))
		return 0;
	if (prev || next) {
		struct vma want = changed(v, start, end, flags, name);

		if (prev && vma_is_continued(prev, &want)) {
			move_border(as, prev, v, end);
			*out = prev;
			return 0;
		}
		if (next && vma_is_continued(&want, next)) {
			move_border(as, v, next, start);
			*out = next;
			return 0;
		}
	}
	if (low) {
		if (split(as, v, start, &rest))
			return -ENOMEM;
		v = rest;
	}
	if (high && split(as, v, end, &rest)) {
		vma_join(as, v); /* here: undoes the first split */
		return -ENOMEM;
	}
	vma_set(as, v, flags, name);
	*out = vma_join(as, v);
	return 0;
}

/* -- mprotect ------------------------------------------------------------------------------ */

/* Makes the PTEs of [start, end), in v, obey its flags, which have just changed. */
static void apply_rights(struct aspace *as, const struct vma *v, uint64_t start, uint64_t end)
{
	unsigned rights = vma_rights(v);

	if (rights & (ARCH_R | ARCH_X))
		arch_pt_protect(&as->pt, VADDR(start), VADDR(end), rights);
	else
		space_unmap_pages(as, start, end);
}

/* => 0 and the flags of [start, end), part of v, with rights `prot`; -EACCES, -ENOMEM: a limit. */
static int protect_flags(const struct aspace *as, const struct vma *v, uint64_t len, unsigned prot,
			 unsigned *flags)
{
	*flags = (v->flags & ~(unsigned)VMA_PROT) | prot;
	if (prot & VMA_WRITE && v->flags & VMA_NOWRITE)
		return -EACCES;
	if (!(prot & VMA_WRITE)) {
		/* A promise of which nothing was ever taken need not be kept. */
		if (vma_is_anonymous(v) && !v->anon)
			*flags &= ~(unsigned)VMA_ACCOUNT;
		return 0;
	}
	if (!(v->flags & VMA_WRITE) && !space_may_map(as, *flags, len) &&
	    space_may_map(as, v->flags, len))
		return -ENOMEM;
	if (!(v->flags & (VMA_ACCOUNT | VMA_WRITE | VMA_SHARED | VMA_NORESERVE))) {
		if (!space_may_promise(as, len))
			return -ENOMEM;
		*flags |= VMA_ACCOUNT;
	}
	return 0;
}

/* Lock held. *touch: a locked range has become writable, and wants its own pages now. */
static int protect_locked(struct aspace *as, struct vma *v, uint64_t start, uint64_t end,
			  unsigned prot, bool *touch)
{
	/* here: [start, at) has been changed; v contains at, or there is a hole */
	for (uint64_t at = start; at < end; v = vma_next(v)) {
		uint64_t to;
		unsigned flags, before;
		int err;

		if (!v || v->start.v > at)
			return -ENOMEM;
		to = v->end.v < end ? v->end.v : end;
		err = protect_flags(as, v, to - at, prot, &flags);
		before = v->flags;
		if (!err && (flags & VMA_PROT) != (before & VMA_PROT)) {
			err = vma_change(as, v, at, to, flags, v->name, &v);
			if (!err)
				apply_rights(as, v, at, to);
			*touch |= prot & VMA_WRITE &&
				  (before & (VMA_WRITE | VMA_SHARED | VMA_LOCKED)) == VMA_LOCKED;
		}
		if (err)
			return err;
		at = v->end.v;
	}
	return 0;
}

static int protect(struct aspace *as, uint64_t start, uint64_t len, unsigned prot, bool grows)
{
	uint64_t end = start + ROUND_UP(len, PAGE_SIZE);
	bool touch = false;
	struct vma *v;
	int err;

	if (start & PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(unsigned)VMA_PROT)
		return -EINVAL;
	mutex_lock(&as->lock);
	v = aspace_next(as, VADDR(start));
	if (!v || v->start.v >= end || (!grows && v->start.v > start))
		err = -ENOMEM;
	else if (grows && !(v->flags & VMA_GROWSDOWN))
		err = -EINVAL;
	else
		err = protect_locked(as, v, grows ? v->start.v : start, end, prot, &touch);
	mutex_unlock(&as->lock);
	if (touch)
		space_populate(as, start, end);
	return err;
}

int aspace_protect(struct aspace *as, vaddr_t start, uint64_t len, unsigned prot)
{
	return protect(as, start.v, len, prot, false);
}

int aspace_protect_stack(struct aspace *as, vaddr_t start, uint64_t len, unsigned prot)
{
	return protect(as, start.v, len, prot, true);
}

int aspace_mapped(struct aspace *as, vaddr_t start, uint64_t len)
{
	uint64_t end = start.v + ROUND_UP(len, PAGE_SIZE);
	struct vma *v;

	if (start.v & PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	if (end <= start.v)
		return -ENOMEM;
	mutex_lock(&as->lock);
	v = aspace_find(as, start);
	mutex_unlock(&as->lock);
	return v ? 0 : -ENOMEM;
}
