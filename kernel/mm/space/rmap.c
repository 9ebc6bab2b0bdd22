/*
 * The reverse map: from a frame, or a page of an object, to the pages that show it.
 *
 * A frame names the top of its object's family and its index there (mobj.c); each
 * relative lists the VMAs that map it; a VMA knows its space, and where the index
 * lies in it; the space's page table says whether it is mapped:
 *
 *	frame --> top --> relatives --> VMAs --> (space, address) --> PTE
 *
 * So nothing is kept for each mapping of a page, and the walk visits spaces that
 * could show a page and do not.
 *
 * Locks. The way leads from objects to spaces, against the order of their locks.
 * So a walk picks one VMA under its object's lock, takes a reference to its space,
 * lets the object go, and works on the space, where all is looked up anew. A VMA
 * that has been picked bears the number of the walk; one that comes meanwhile is
 * picked too. walk_lock lets in one walk at a time. The caller holds no space's
 * lock. A space whose last reference is gone is unmapping everything anyway, and
 * is passed over.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

static struct mutex walk_lock;
static uint64_t walks; /* the number of the walk under way */

/* => whether the space is alive still, and a reference to it has been taken. */
static bool space_try_get(struct aspace *as)
{
	uint32_t refs = __atomic_load_n(&as->refs, __ATOMIC_RELAXED);

	while (refs > 0)
		if (__atomic_compare_exchange_n(&as->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
	return false;
}

static struct vma *vma_on_list(struct list_node *link, bool is_anon)
{
	return is_anon ? container_of(link, struct vma, anon_link)
		       : container_of(link, struct vma, file_link);
}

/* => a space with a VMA of o that this walk has not picked yet, with a reference; NULL: none. */
static struct aspace *space_pick(struct mobj *o, bool is_anon)
{
	struct aspace *as = NULL;

	spin_lock(&o->lock);
	list_for_each (link, &o->vmas) {
		struct vma *v = vma_on_list(link, is_anon);

		if (v->walk == walks)
			continue;
		v->walk = walks;
		if (space_try_get(v->as)) {
			as = v->as;
			break;
		}
	}
	spin_unlock(&o->lock);
	return as;
}

/* -- pages of a file ----------------------------------------------------------------------- */

/* Drops what v shows of pages [first, last) of its file. */
static void window_drop(struct aspace *as, struct vma *v, uint64_t first, uint64_t last,
			bool copies)
{
	uint64_t base = v->file_offset, npages = (v->end.v - v->start.v) >> PAGE_SHIFT;
	uint64_t from = first > base ? first - base : 0, to = last > base ? last - base : 0;
	uint64_t start = v->start.v + (from << PAGE_SHIFT), end;

	if (to > npages)
		to = npages;
	if (from >= to)
		return;
	end = v->start.v + (to << PAGE_SHIFT);
	/* Without memory copies stay: nobody sees them as long as the file ends before. */
	if (copies && !space_prepare(as, start, end))
		vma_drop_pages(as, v, start, end);
	else
		space_unmap_pages(as, start, end);
}

void rmap_forget(struct mobj *file, uint64_t first, uint64_t last, bool copies)
{
	struct aspace *as;

	mutex_lock(&walk_lock);
	walks++;
	while ((as = space_pick(file, false))) {
		mutex_lock(&as->lock);
		for (struct vma *v = aspace_next(as, VADDR(0)); v; v = vma_next(v)) {
			if (v->file != file)
				continue;
			v->walk = walks;
			window_drop(as, v, first, last, copies);
		}
		mutex_unlock(&as->lock);
		aspace_put(as);
	}
	mutex_unlock(&walk_lock);
}

bool rmap_may_write(struct mobj *file)
{
	bool found = false;

	spin_lock(&file->lock);
	list_for_each (link, &file->vmas) {
		unsigned flags = vma_on_list(link, false)->flags;

		found |= (flags & (VMA_SHARED | VMA_NOWRITE)) == VMA_SHARED;
	}
	spin_unlock(&file->lock);
	return found;
}

/* -- a frame ------------------------------------------------------------------------------- */

struct visit {
	const struct frame *f;
	rmap_visitor *each;
	void *ctx;
};

/* Visits f's pages in VMAs of o, one of the family that f belongs to. */
static void object_visit(struct mobj *o, const struct visit *w)
{
	bool is_anon = w->f->kind == FRAME_ANON;
	struct aspace *as;

	while ((as = space_pick(o, is_anon))) {
		mutex_lock(&as->lock);
		for (struct vma *v = aspace_next(as, VADDR(0)); v; v = vma_next(v)) {
			uint64_t base = is_anon ? v->anon_offset : v->file_offset;
			uint64_t npages = (v->end.v - v->start.v) >> PAGE_SHIFT;
			uint64_t va = v->start.v + ((w->f->index - base) << PAGE_SHIFT);
			struct arch_mapping m;

			if ((is_anon ? v->anon : v->file) != o)
				continue;
			v->walk = walks;
			if (w->f->index - base >= npages)
				continue;
			m = arch_pt_get(&as->pt, VADDR(va));
			if (m.present && m.pfn.v == frame_pfn(w->f).v)
				w->each(w->ctx, as, VADDR(va), m);
		}
		mutex_unlock(&as->lock);
		aspace_put(as);
	}
}

void rmap_walk(struct frame *f, rmap_visitor *each, void *ctx)
{
	const struct visit w = {f, each, ctx};
	struct mobj *top = f->object, *o = NULL, *next;

	mutex_lock(&walk_lock);
	walks++;
	object_visit(top, &w);
	/* here: a relative that has been reached is held, so that the list can be gone on from it
	 */
	while ((next = mobj_next_relative(top, o))) {
		if (o)
			mobj_put(o);
		o = next;
		object_visit(o, &w);
	}
	if (o)
		mobj_put(o);
	mutex_unlock(&walk_lock);
}
