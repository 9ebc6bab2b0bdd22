/*
 * Reaching into address spaces from outside: pages of a space that is not the
 * current one (process_vm_readv), and pages of an object wherever they are mapped
 * (truncation, punching holes).
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* All spaces, for what concerns whoever maps an object. The lock is taken before any space's. */
static LIST_HEAD(spaces);
static struct mutex spaces_lock;

void space_enlist(struct aspace *as)
{
	mutex_lock(&spaces_lock);
	list_add_tail(&spaces, &as->all);
	mutex_unlock(&spaces_lock);
}

void space_delist(struct aspace *as)
{
	mutex_lock(&spaces_lock);
	list_remove(&as->all);
	mutex_unlock(&spaces_lock);
}

/* => the frame at va, pinned, if it is mapped with that right; lock held. */
static struct frame *pin_mapped(struct aspace *as, uint64_t va, bool write)
{
	struct arch_mapping m = arch_pt_get(&as->pt, VADDR(va));
	struct frame *f;

	if (!m.present || (write && !(m.rights & ARCH_W)))
		return NULL;
	f = frame_in_use(m.pfn);
	frame_get(f);
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
	return f;
}

int aspace_pin(struct aspace *as, vaddr_t va, bool write, struct frame **out)
{
	unsigned need = write ? VMA_WRITE : VMA_READ;

	va.v = ROUND_DOWN(va.v, PAGE_SIZE);
	/* Another thread may take the page away between the fault and the look: then again. */
	for (;;) {
		struct vma *v;
		bool may;

		mutex_lock(&as->lock);
		v = aspace_find(as, va);
		may = v && v->flags & need;
		*out = may ? pin_mapped(as, va.v, write) : NULL;
		mutex_unlock(&as->lock);
		if (*out)
			return 0;
		if (!may || aspace_fault(as, va, need).signo)
			return -EFAULT;
	}
}

void aspace_unpin(struct frame *f)
{
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, -1, 0, 0, 0, 0);
	frame_put(f);
}

/* -- pages of an object -------------------------------------------------------------------- */

/* Drops what v shows of pages [first, last) of its object, private copies too if `copies`. */
static void drop_window(struct aspace *as, struct vma *v, uint64_t first, uint64_t last,
			bool copies)
{
	uint64_t base = v->file_offset, npages = (v->end.v - v->start.v) >> PAGE_SHIFT;
	uint64_t from = first > base ? first - base : 0, to = last > base ? last - base : 0;

	if (to > npages)
		to = npages;
	from = v->start.v + (from << PAGE_SHIFT);
	to = v->start.v + (to << PAGE_SHIFT);
	if (from < to && copies)
		vma_drop_pages(as, v, from, to);
	else if (from < to)
		space_unmap_pages(as, from, to); /* own pages come back by faults */
}

void aspace_forget(const struct mobj *o, uint64_t first, uint64_t last, bool copies)
{
	mutex_lock(&spaces_lock);
	list_for_each (it, &spaces) {
		struct aspace *as = container_of(it, struct aspace, all);

		mutex_lock(&as->lock);
		for (struct vma *v = aspace_next(as, VADDR(0)); v; v = vma_next(v))
			if (v->file == o)
				drop_window(as, v, first, last, copies);
		mutex_unlock(&as->lock);
	}
	mutex_unlock(&spaces_lock);
}

static bool is_writable_in(struct aspace *as, const struct mobj *o)
{
	struct vma *v;

	mutex_lock(&as->lock);
	for (v = aspace_next(as, VADDR(0)); v; v = vma_next(v))
		if (v->file == o && (v->flags & (VMA_SHARED | VMA_NOWRITE)) == VMA_SHARED)
			break;
	mutex_unlock(&as->lock);
	return v;
}

bool aspace_may_write(const struct mobj *o)
{
	bool may = false;

	mutex_lock(&spaces_lock);
	for (struct list_node *it = spaces.next; !may && it != &spaces; it = it->next)
		may = is_writable_in(container_of(it, struct aspace, all), o);
	mutex_unlock(&spaces_lock);
	return may;
}
