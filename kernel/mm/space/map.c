/*
 * Mapping and unmapping: mmap, munmap, brk. Terms and invariants: aspace.c;
 * limits: limit.c.
 *
 * Each call first checks and allocates everything that it may need, and changes
 * nothing as long as it can still fail; then it commits. Errors, their order and
 * placement are Linux's.
 *
 * Placement: at the hint if that is free; else in the highest hole below
 * mmap_top; else in the highest hole anywhere. Nothing goes into a stack's guard
 * gap by itself. Private anonymous memory of a multiple of 2 MiB that has no hint
 * is aligned to that, so that superpages fit.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"
#include "abi/trace.h"

#define SUPERPAGE_SIZE (2UL << 20)

static uint64_t round_page(uint64_t x)
{
	return ROUND_UP(x, PAGE_SIZE);
}

/* -- unmapping ----------------------------------------------------------------------------- */

/* The same as the two below; v is the first VMA that ends above start. */
static int prepare(struct aspace *as, struct vma *v, uint64_t start, uint64_t end,
		   struct vma **spare)
{
	*spare = NULL;
	if (!v)
		return 0;
	if ((v->touched || v->end.v < end) && space_prepare_from(v, start, end))
		return -ENOMEM;
	if (v->start.v >= start || v->end.v <= end)
		return 0;
	if (as->nvmas >= space_policy.max_vmas)
		return -ENOMEM;
	*spare = vma_alloc();
	return *spare ? 0 : -ENOMEM;
}

static void commit(struct aspace *as, struct vma *v, uint64_t start, uint64_t end,
		   struct vma *spare)
{
	struct vma *next;

	for (; v && v->start.v < end; v = next) {
		uint64_t from = v->start.v > start ? v->start.v : start;
		uint64_t to = v->end.v < end ? v->end.v : end;

		next = v->end.v < end ? vma_next(v) : NULL;
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

int space_unmap_prepare(struct aspace *as, uint64_t start, uint64_t end, struct vma **spare)
{
	return prepare(as, aspace_next(as, VADDR(start)), start, end, spare);
}

void space_unmap_commit(struct aspace *as, uint64_t start, uint64_t end, struct vma *spare)
{
	commit(as, aspace_next(as, VADDR(start)), start, end, spare);
}

int space_unmap(struct aspace *as, uint64_t start, uint64_t end)
{
	struct vma *v = aspace_next(as, VADDR(start)), *spare;
	int err = prepare(as, v, start, end, &spare);

	if (!err)
		commit(as, v, start, end, spare);
	return err;
}

int aspace_unmap(struct aspace *as, vaddr_t start, uint64_t len)
{
	int err;

	len = round_page(len);
	if (start.v & PAGE_MASK || !len || len > arch_user_end().v ||
	    start.v > arch_user_end().v - len)
		return -EINVAL;
	mutex_lock(&as->lock);
	err = space_unmap(as, start.v, start.v + len);
	mutex_unlock(&as->lock);
	return err;
}

/* -- mapping ------------------------------------------------------------------------------- */

/* => whether [start, start + len) is free, guard gaps too. */
static bool is_free(struct aspace *as, uint64_t start, uint64_t len)
{
	struct vma *next = aspace_next(as, VADDR(start));

	return !next || vma_gap_start(next) >= start + len;
}

/* => 0; or why no mapping may be asked for at [at, at + len): -ENOMEM, -EINVAL, -EPERM. */
int space_check_place(const struct aspace *as, uint64_t at, uint64_t len)
{
	if (len > arch_user_end().v || at > arch_user_end().v - len)
		return -ENOMEM;
	if (at & PAGE_MASK)
		return -EINVAL;
	return at < space_policy.min_address && !as->is_privileged ? -EPERM : 0;
}

uint64_t space_choose(struct aspace *as, uint64_t hint, uint64_t len)
{
	if (len > arch_user_end().v)
		return 0;
	hint = ROUND_DOWN(hint, PAGE_SIZE);
	if (hint && hint < space_policy.min_address)
		hint = space_policy.min_address;
	if (hint && hint <= arch_user_end().v - len && is_free(as, hint, len))
		return hint;
	return space_place(as, len);
}

/* Where the mapping goes. => 0 with *out, or what mmap fails with. */
static int choose_place(struct aspace *as, const struct map_request *req, uint64_t len,
			uint64_t *out)
{
	int err;

	if (req->fixed || req->noreplace) {
		err = space_check_place(as, req->hint.v, len);
		if (!err && req->noreplace &&
		    space_covered(as, req->hint.v, req->hint.v + len, NULL))
			err = -EEXIST;
		*out = req->hint.v;
		return err;
	}
	*out = 0;
	if (!req->hint.v && !req->file && !(req->flags & VMA_SHARED) &&
	    !(len & (SUPERPAGE_SIZE - 1)) && len < arch_user_end().v) {
		*out = space_place(as, len + SUPERPAGE_SIZE);
		if (*out)
			*out = ROUND_DOWN(*out + SUPERPAGE_SIZE, SUPERPAGE_SIZE);
	}
	if (!*out)
		*out = req->hint.v ? space_choose(as, req->hint.v, len) : space_place(as, len);
	return *out ? 0 : -ENOMEM;
}

/* Limits of locking. => 0, -EPERM or -EAGAIN; *flags are what the VMA gets. */
static int check_lock(const struct aspace *as, uint64_t len, unsigned *flags)
{
	if (*flags & VMA_LOCKED && !as->lock_limit && !as->is_privileged)
		return -EPERM;
	*flags |= as->lock_flags;
	return *flags & VMA_LOCKED && !space_may_lock(as, len) ? -EAGAIN : 0;
}

/* The object that v maps. => 0 or -ENOMEM. */
static int object_get(const struct aspace *as, struct vma *v, const struct map_request *req,
		      uint64_t len)
{
	if (req->file) {
		v->file = req->file;
		mobj_get(v->file);
		v->file_offset = req->offset >> PAGE_SHIFT;
	} else if (v->flags & VMA_SHARED) {
		if (!(v->flags & VMA_NORESERVE) && !space_may_promise(as, len))
			return -ENOMEM;
		v->file = mobj_create(MOBJ_ANON, len);
		if (!v->file)
			return -ENOMEM;
		v->file->is_shmem = true;
		if (!(v->flags & VMA_NORESERVE))
			mobj_promise(v->file, len);
	}
	return 0;
}

/* Puts *v in the place of what is there. => 0; -ENOMEM, nothing changed. */
static int place_over(struct aspace *as, const struct vma *v)
{
	struct vma *spare = vma_alloc(), *split;

	if (!spare || space_unmap_prepare(as, v->start.v, v->end.v, &split)) {
		vma_free(spare);
		return -ENOMEM;
	}
	space_unmap_commit(as, v->start.v, v->end.v, split);
	return vma_place(as, v, spare);
}

/* The part of aspace_map() under the lock. *v becomes what is mapped. */
static int map_locked(struct aspace *as, const struct map_request *req, uint64_t len, struct vma *v)
{
	uint64_t at, replaced = 0, promised = 0;
	int err;

	if (as->nvmas > space_policy.max_vmas)
		return -ENOMEM;
	err = choose_place(as, req, len, &at);
	if (!err)
		err = check_lock(as, len, &v->flags);
	if (!err)
		err = req->error;
	if (err)
		return err;
	if (req->fixed && !req->noreplace)
		replaced = space_covered(as, at, at + len, &promised);
	if (!space_may_map(as, v->flags, len - replaced))
		return -ENOMEM;
	if (vma_promises(v->flags)) {
		if (len > promised && !space_may_promise(as, len - promised))
			return -ENOMEM;
		v->flags |= VMA_ACCOUNT;
	}
	v->start = VADDR(at);
	v->end = VADDR(at + len);
	err = object_get(as, v, req, len);
	if (!err)
		err = replaced ? place_over(as, v) : vma_place(as, v, NULL);
	if (err && v->file)
		mobj_put(v->file);
	return err;
}

int aspace_map(struct aspace *as, const struct map_request *req, vaddr_t *out)
{
	uint64_t len = round_page(req->len);
	struct vma v;
	int err;

	vma_template(&v, req->flags, req->kind);
	if (!req->len || req->offset & PAGE_MASK)
		return -EINVAL;
	if (!len)
		return -ENOMEM;
	mutex_lock(&as->lock);
	err = map_locked(as, req, len, &v);
	mutex_unlock(&as->lock);
	if (err)
		return err;
	*out = v.start;
	/* What cannot be had now has no error: MAP_POPULATE and MAP_LOCKED try. */
	if (v.flags & VMA_LOCKED || req->populate)
		space_populate(as, v.start.v, v.end.v);
	return 0;
}

/* -- the heap ------------------------------------------------------------------------------ */

/* The heap grows from old_end to new_end, both page-aligned. => whether it could. */
static bool brk_grow(struct aspace *as, uint64_t old_end, uint64_t new_end)
{
	struct vma v;
	uint64_t grown = new_end - old_end;

	vma_template(&v, VMA_READ | VMA_WRITE | VMA_ACCOUNT | as->lock_flags, TV_HEAP);
	v.start = VADDR(old_end);
	v.end = VADDR(new_end);
	/* As on Linux, one page stays free between the heap and what comes next. */
	if (space_check_place(as, old_end, grown) ||
	    (v.flags & VMA_LOCKED && !space_may_lock(as, grown)) ||
	    !is_free(as, old_end, grown + PAGE_SIZE) || !space_may_map(as, v.flags, grown) ||
	    as->nvmas > space_policy.max_vmas || !space_may_promise(as, grown))
		return false;
	return !vma_place(as, &v, NULL);
}

/* The heap shrinks. => whether it could: something of it must be there still. */
static bool brk_shrink(struct aspace *as, uint64_t new_end, uint64_t old_end)
{
	struct vma *v = aspace_next(as, VADDR(new_end));

	return v && v->start.v < old_end && !space_unmap(as, new_end, old_end);
}

uint64_t aspace_brk(struct aspace *as, uint64_t brk)
{
	uint64_t old_end, new_end, result, data = as->data_end - as->data_start;
	bool moves, populate = false;

	mutex_lock(&as->lock);
	old_end = round_page(as->brk);
	new_end = round_page(brk);
	/* RLIMIT_DATA counts the program's own data too. */
	moves = brk >= as->brk_start && new_end >= brk &&
		(as->data_limit == UINT64_MAX || brk - as->brk_start + data <= as->data_limit);
	if (moves && new_end > old_end) {
		moves = brk_grow(as, old_end, new_end);
		populate = moves && as->lock_flags;
	} else if (moves && new_end < old_end) {
		moves = brk_shrink(as, new_end, old_end);
	}
	if (moves)
		as->brk = brk;
	result = as->brk;
	mutex_unlock(&as->lock);
	if (populate)
		space_populate(as, old_end, new_end);
	return result;
}
