/*
 * madvise: advice on ranges. Terms and invariants: aspace.c.
 *
 *	kind of advice                       what it does here
 *	NORMAL RANDOM SEQUENTIAL             a flag; nothing is read ahead
 *	DONTFORK DOFORK                      a flag: a child does not get the range
 *	WIPEONFORK KEEPONFORK                a flag: a child finds it empty (anonymous only)
 *	DONTDUMP DODUMP                      a flag; nothing is dumped
 *	HUGEPAGE NOHUGEPAGE                  a flag: whether superpages may serve it
 *	MERGEABLE UNMERGEABLE                a flag; equal pages are not looked for
 *	DONTNEED DONTNEED_LOCKED FREE        private pages go at once
 *	REMOVE                               pages of the object go, for everyone
 *	WILLNEED COLD PAGEOUT                nothing: no page waits elsewhere, none is taken away
 *
 * FREE lets the kernel choose when pages go, and at once is one of these times.
 *
 * A range is worked through VMA by VMA. Holes are ENOMEM, but only after all else
 * is done; an advice that a VMA cannot take ends the call there.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* => the flags of a VMA that has taken an advice of the kind that only changes them; or -EINVAL. */
static int64_t flags_advised(const struct vma *v, int advice)
{
	const unsigned reads = VMA_RANDOM | VMA_SEQUENTIAL, huge = VMA_HUGEPAGE | VMA_NOHUGEPAGE;
	unsigned flags = v->flags;

	switch (advice) {
	case MADV_NORMAL: return flags & ~reads;
	case MADV_RANDOM: return (flags & ~reads) | VMA_RANDOM;
	case MADV_SEQUENTIAL: return (flags & ~reads) | VMA_SEQUENTIAL;
	case MADV_DONTFORK: return flags | VMA_DONTFORK;
	case MADV_DOFORK: return flags & ~(unsigned)VMA_DONTFORK;
	case MADV_WIPEONFORK:
		return vma_is_anonymous(v) ? (int64_t)(flags | VMA_WIPEONFORK) : -EINVAL;
	case MADV_KEEPONFORK:
		return flags & VMA_DROPPABLE ? -EINVAL
					     : (int64_t)(flags & ~(unsigned)VMA_WIPEONFORK);
	case MADV_DONTDUMP: return flags | VMA_DONTDUMP;
	case MADV_DODUMP:
		return flags & (VMA_FIXEDSIZE | VMA_DROPPABLE)
			   ? -EINVAL
			   : (int64_t)(flags & ~(unsigned)VMA_DONTDUMP);
	case MADV_MERGEABLE: /* what cannot be merged is left alone */
		return flags & (VMA_SHARED | VMA_FIXEDSIZE | VMA_DROPPABLE) ? flags
									    : flags | VMA_MERGEABLE;
	case MADV_UNMERGEABLE: return flags & ~(unsigned)VMA_MERGEABLE;
	case MADV_HUGEPAGE: return (flags & ~huge) | VMA_HUGEPAGE;
	default: return (flags & ~huge) | VMA_NOHUGEPAGE; /* MADV_NOHUGEPAGE */
	}
}

/* MADV_REMOVE of a part of v. The lock is let go meanwhile, and v with it. => 0 or -errno. */
static int remove_pages(struct aspace *as, struct vma *v, uint64_t start, uint64_t end)
{
	uint64_t index = vma_file_index(v, start), n = (end - start) >> PAGE_SHIFT;
	struct mobj *file = v->file;

	if (v->flags & VMA_LOCKED || vma_is_anonymous(v))
		return -EINVAL;
	if (!(v->flags & VMA_SHARED) || v->flags & VMA_NOWRITE)
		return -EACCES;
	if (v->file->is_sealed)
		return -EPERM;
	if (v->file->pager) /* here: its pages would be read again */
		return -EOPNOTSUPP;
	mobj_get(file);
	mutex_unlock(&as->lock);
	mobj_discard(file, index, n);
	rmap_forget(file, index, index + n, false);
	mobj_put(file);
	mutex_lock(&as->lock);
	return 0;
}

/* => 0; -ENOMEM: nothing was dropped. */
static int drop_pages(struct aspace *as, struct vma *v, uint64_t start, uint64_t end)
{
	if (space_prepare(as, start, end))
		return -ENOMEM;
	vma_drop_pages(as, v, start, end);
	return 0;
}

/*
 * Applies the advice to [start, end), part of v. => 0 and *v, what has the range now, NULL: that is
 * to be looked up; -errno.
 */
static int advise(struct aspace *as, struct vma **v, uint64_t start, uint64_t end, int advice)
{
	unsigned flags = (*v)->flags;
	int64_t changed;
	int err;

	switch (advice) {
	case MADV_WILLNEED: return 0;
	case MADV_COLD:
	case MADV_PAGEOUT: return flags & VMA_LOCKED ? -EINVAL : 0;
	case MADV_REMOVE:
		err = remove_pages(as, *v, start, end);
		*v = NULL;
		return err;
	case MADV_FREE:
		if (flags & VMA_LOCKED || !vma_is_anonymous(*v))
			return -EINVAL;
		return drop_pages(as, *v, start, end);
	case MADV_DONTNEED:
		if (flags & VMA_LOCKED)
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED_LOCKED: return drop_pages(as, *v, start, end);
	default:
		changed = flags_advised(*v, advice);
		if (changed < 0)
			return (int)changed;
		return vma_change(as, *v, start, end, (unsigned)changed, (*v)->name, v) ? -EAGAIN
											: 0;
	}
}

/* => whether this is an advice at all. */
static bool is_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_DONTNEED_LOCKED: return true;
	default: return false;
	}
}

int aspace_advise(struct aspace *as, vaddr_t start, uint64_t len, int advice)
{
	uint64_t at = start.v, end = at + ROUND_UP(len, PAGE_SIZE);
	struct vma *v;
	bool hole = false;
	int err = 0;

	if (!is_known(advice) || at & PAGE_MASK || (len && !ROUND_UP(len, PAGE_SIZE)) || end < at)
		return -EINVAL;
	if (at == end)
		return 0;
	mutex_lock(&as->lock);
	for (v = aspace_next(as, start); !err && at < end;) {
		uint64_t to;

		if (!v) {
			err = -ENOMEM;
			break;
		}
		if (at < v->start.v) {
			hole = true;
			at = v->start.v;
			if (at >= end)
				break;
		}
		to = v->end.v < end ? v->end.v : end;
		err = advise(as, &v, at, to, advice);
		at = to;
		v = v && v->end.v <= at ? vma_next(v) : aspace_next(as, VADDR(at));
	}
	mutex_unlock(&as->lock);
	return err ? err : hole ? -ENOMEM : 0;
}

int aspace_discard(struct aspace *as, vaddr_t start, uint64_t len)
{
	return aspace_advise(as, start, len, MADV_DONTNEED_LOCKED);
}
