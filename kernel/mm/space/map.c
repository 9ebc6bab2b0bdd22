/*
 * Mapping and unmapping: mmap, munmap, brk. Terms and invariants: aspace.c.
 *
 * Each call first checks and allocates everything that it may need, and changes
 * nothing as long as it can still fail; then it commits. Errors and placement
 * are Linux's.
 *
 * Placement: at the hint if that is free; else in the highest hole below
 * mmap_top; else in the highest hole anywhere. Nothing goes into a stack's guard
 * gap by itself.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"
#include "abi/trace.h"

static uint64_t round_page(uint64_t x)
{
	return ROUND_UP(x, PAGE_SIZE);
}

void space_unmap(struct aspace *as, uint64_t start, uint64_t end, struct vma *spare)
{
	struct vma *v = aspace_next(as, VADDR(start)), *next;

	for (; v && v->start.v < end; v = next) {
		uint64_t from = v->start.v > start ? v->start.v : start;
		uint64_t to = v->end.v < end ? v->end.v : end;

		next = vma_next(v);
		vma_drop_pages(as, v, from, to);
		if (v->start.v < from && to < v->end.v) {
			vma_split(as, v, to, spare);
			spare = NULL;
			vma_resize(as, v, v->start.v, from);
		} else if (v->start.v < from) {
			vma_resize(as, v, v->start.v, from);
		} else if (to < v->end.v) {
			vma_resize(as, v, to, v->end.v);
		} else {
			vma_remove(as, v);
			vma_release(v);
		}
	}
	vma_free(spare);
}

/* => whether a mapping may go to [start, start + len) without replacing or touching anything. */
static bool is_free(struct aspace *as, uint64_t start, uint64_t len, bool heed_guard)
{
	struct vma *next;

	if (start < SPACE_MIN || len > arch_user_end().v || start > arch_user_end().v - len)
		return false;
	next = aspace_next(as, VADDR(start));
	return !next || (heed_guard ? vma_gap_start(next) : next->start.v) >= start + len;
}

/* Where the mapping goes. => 0 with *out, or what mmap fails with. */
static int choose_place(struct aspace *as, const struct map_request *req, uint64_t len,
			uint64_t *out)
{
	uint64_t hint = req->hint.v;

	if (len > arch_user_end().v)
		return -ENOMEM;
	if (req->fixed || req->noreplace) {
		if (hint & PAGE_MASK)
			return -EINVAL;
		if (hint > arch_user_end().v - len)
			return -ENOMEM;
		if (hint < SPACE_MIN)
			return -EPERM;
		if (req->noreplace && !is_free(as, hint, len, false))
			return -EEXIST;
		*out = hint;
		return 0;
	}
	hint = round_page(hint);
	*out = hint && is_free(as, hint, len, true) ? hint : space_place(as, len);
	return *out ? 0 : -ENOMEM;
}

/* Touches every page, as far as memory goes: MAP_POPULATE has no error. Lock not held. */
static void populate(struct aspace *as, uint64_t start, uint64_t len, unsigned flags)
{
	unsigned access = flags & VMA_WRITE ? VMA_WRITE : flags & VMA_READ ? VMA_READ : VMA_EXEC;

	if (!(flags & VMA_PROT))
		return;
	for (uint64_t va = start; va < start + len; va += PAGE_SIZE)
		if (aspace_fault(as, VADDR(va), access).signo)
			return;
}

/* The part of aspace_map() under the lock. */
static int map_locked(struct aspace *as, const struct map_request *req, uint64_t len, uint64_t *at)
{
	struct vma v = {.flags = req->flags, .kind = req->kind, .file = req->file};
	struct vma *spare, *split = NULL;
	uint64_t replaced = 0;
	int err = choose_place(as, req, len, at);

	if (err)
		return err;
	if (req->fixed && !req->noreplace)
		replaced = space_covered(as, *at, *at + len);
	if (!space_may_grow(as, len - replaced, req->flags, req->noreserve))
		return -ENOMEM;
	spare = vma_alloc();
	if (spare && replaced)
		split = vma_alloc();
	if (!spare || (replaced && !split))
		goto no_memory;
	if (v.file) {
		mobj_get(v.file);
		v.file_offset = req->offset >> PAGE_SHIFT;
	} else if (v.flags & VMA_SHARED) {
		v.file = mobj_create(MOBJ_ANON, len);
		if (!v.file)
			goto no_memory;
	}
	/* here: nothing can fail any more */
	if (replaced)
		space_unmap(as, *at, *at + len, split);
	v.start = VADDR(*at);
	v.end = VADDR(*at + len);
	vma_place(as, &v, spare);
	return 0;

no_memory:
	vma_free(split);
	vma_free(spare);
	return -ENOMEM;
}

int aspace_map(struct aspace *as, const struct map_request *req, vaddr_t *out)
{
	uint64_t len = round_page(req->len), at = 0;
	int err;

	if (!req->len || req->offset & PAGE_MASK)
		return -EINVAL;
	if (!len)
		return -ENOMEM;
	if (req->file && req->offset + len < len)
		return -EOVERFLOW;
	mutex_lock(&as->lock);
	err = map_locked(as, req, len, &at);
	mutex_unlock(&as->lock);
	if (err)
		return err;
	*out = VADDR(at);
	if (req->populate)
		populate(as, at, len, req->flags);
	return 0;
}

int aspace_place_check(struct aspace *as, const struct map_request *req)
{
	uint64_t at;
	int err;

	mutex_lock(&as->lock);
	err = choose_place(as, req, round_page(req->len), &at);
	mutex_unlock(&as->lock);
	return err;
}

int aspace_unmap(struct aspace *as, vaddr_t start, uint64_t len)
{
	struct vma *spare;

	len = round_page(len);
	if (start.v & PAGE_MASK || !len || len > arch_user_end().v ||
	    start.v > arch_user_end().v - len)
		return -EINVAL;
	spare = vma_alloc();
	if (!spare)
		return -ENOMEM;
	mutex_lock(&as->lock);
	space_unmap(as, start.v, start.v + len, spare);
	mutex_unlock(&as->lock);
	return 0;
}

/* The heap grows from old_end to new_end, both page-aligned. => whether it could. */
static bool brk_grow(struct aspace *as, uint64_t old_end, uint64_t new_end)
{
	struct vma v = {
	    .start = VADDR(old_end),
	    .end = VADDR(new_end),
	    .flags = VMA_READ | VMA_WRITE,
	    .kind = TV_HEAP,
	};
	struct vma *spare;

	/* As on Linux, one page stays free between the heap and what comes next. */
	if (!is_free(as, old_end, new_end - old_end + PAGE_SIZE, true) ||
	    !space_may_grow(as, new_end - old_end, v.flags, false))
		return false;
	spare = vma_alloc();
	if (!spare)
		return false;
	vma_place(as, &v, spare);
	return true;
}

/*
 * The heap ends at new_end, below old_end. What lies there goes, be it the heap's or not; a mapping
 * that sticks out on both sides stays in two parts. => false: no memory, or nothing lies there,
 * which Linux refuses.
 */
static bool brk_shrink(struct aspace *as, uint64_t old_end, uint64_t new_end)
{
	struct vma *spare;

	if (!space_covered(as, new_end, old_end))
		return false;
	spare = vma_alloc();
	if (spare)
		space_unmap(as, new_end, old_end, spare);
	return spare;
}

uint64_t aspace_brk(struct aspace *as, uint64_t brk)
{
	uint64_t old_end, new_end, result;

	mutex_lock(&as->lock);
	old_end = round_page(as->brk);
	new_end = round_page(brk);
	if (brk >= as->brk_start && brk <= arch_user_end().v &&
	    brk - as->brk_start <= as->data_limit) {
		if (new_end == old_end || (new_end < old_end ? brk_shrink(as, old_end, new_end)
							     : brk_grow(as, old_end, new_end)))
			as->brk = brk;
	}
	result = as->brk;
	mutex_unlock(&as->lock);
	return result;
}
