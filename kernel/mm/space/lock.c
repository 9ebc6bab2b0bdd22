/*
 * Locked memory (mlock and its kin), and touching ranges on a program's behalf.
 *
 * No page is ever taken away from a program, so locking a range is touching it now
 * and remembering that it is locked: what the range grows by is touched, too, it
 * counts against RLIMIT_MEMLOCK, and advice to drop its pages is refused. ONFAULT
 * leaves the touching to the program.
 *
 * Locks: pages are touched without the address space's lock, one by one; what
 * other threads change meanwhile is seen as it is then.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* What to do with a VMA of the range. => the access that touches its pages; 0: none; -errno. */
typedef int access_fn(const struct vma *v);

/* Touches the pages of [start, end). => 0; what `access` says; -ENOMEM: a hole; -EFAULT. */
static int touch(struct aspace *as, uint64_t start, uint64_t end, access_fn *access)
{
	while (start < end) {
		uint64_t to;
		struct vma *v;
		int how;

		mutex_lock(&as->lock);
		v = aspace_find(as, VADDR(start));
		how = v ? access(v) : -ENOMEM;
		to = v && v->end.v < end ? v->end.v : end;
		mutex_unlock(&as->lock);
		if (how < 0)
			return how;
		for (; how && start < to; start += PAGE_SIZE)
			if (aspace_fault(as, VADDR(start), (unsigned)how).signo)
				return -EFAULT;
		start = to;
	}
	return 0;
}

/* Private pages that may be written get frames of their own; others are read, or executed. */
static int access_to_lock(const struct vma *v)
{
	if (v->flags & VMA_ONFAULT)
		return 0;
	if (!vma_is_accessible(v))
		return -EFAULT;
	if ((v->flags & (VMA_WRITE | VMA_SHARED)) == VMA_WRITE)
		return VMA_WRITE;
	return v->flags & (VMA_READ | VMA_WRITE) ? VMA_READ : VMA_EXEC;
}

int space_populate(struct aspace *as, uint64_t start, uint64_t end)
{
	return touch(as, start, end, access_to_lock);
}

static int access_to_read(const struct vma *v)
{
	return v->flags & VMA_READ ? VMA_READ : -EINVAL;
}

static int access_to_write(const struct vma *v)
{
	return v->flags & VMA_WRITE ? VMA_WRITE : -EINVAL;
}

int aspace_populate(struct aspace *as, vaddr_t start, uint64_t len, bool write)
{
	uint64_t end = start.v + ROUND_UP(len, PAGE_SIZE);

	if (start.v & PAGE_MASK || (len && !ROUND_UP(len, PAGE_SIZE)) || end < start.v)
		return -EINVAL;
	return touch(as, start.v, end, write ? access_to_write : access_to_read);
}

/* -- mlock --------------------------------------------------------------------------------- */

/* Bytes of [start, end) that are locked. */
static uint64_t locked_in(struct aspace *as, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;

	for (struct vma *v = aspace_next(as, VADDR(start)); v && v->start.v < end; v = vma_next(v))
		if (v->flags & VMA_LOCKED)
			sum += (v->end.v < end ? v->end.v : end) -
			       (v->start.v > start ? v->start.v : start);
	return sum;
}

/* Locks, or unlocks, part of v. => 0 and *v, what has the range now; -ENOMEM. */
static int set_lock(struct aspace *as, struct vma **v, uint64_t start, uint64_t end, unsigned lock)
{
	unsigned flags = ((*v)->flags & ~(unsigned)VMA_LOCK) | lock;

	if ((*v)->flags & (VMA_FIXEDSIZE | VMA_DROPPABLE)) /* these are left alone, on Linux too */
		return 0;
	return vma_change(as, *v, start, end, flags, (*v)->name, v);
}

/* Lock held. => 0; -ENOMEM: a hole, before which all has changed. */
static int lock_range(struct aspace *as, uint64_t start, uint64_t end, unsigned lock)
{
	struct vma *v = aspace_next(as, VADDR(start));

	for (uint64_t at = start; at < end; v = vma_next(v)) {
		int err;

		if (!v || v->start.v > at)
			return -ENOMEM;
		err = set_lock(as, &v, at, v->end.v < end ? v->end.v : end, lock);
		if (err)
			return err;
		at = v->end.v;
	}
	return 0;
}

/* => whether `len` bytes more are too many where `locked` are locked. */
static bool exceeds(const struct aspace *as, uint64_t locked, uint64_t len)
{
	return locked > as->lock_limit || len > as->lock_limit - locked;
}

int aspace_lock(struct aspace *as, vaddr_t start, uint64_t len, unsigned lock)
{
	uint64_t end;
	int err = 0;

	if (lock && !as->lock_limit && !as->is_privileged)
		return -EPERM;
	len = ROUND_UP(len + (start.v & PAGE_MASK), PAGE_SIZE);
	start.v = ROUND_DOWN(start.v, PAGE_SIZE);
	end = start.v + len;
	mutex_lock(&as->lock);
	if (lock && !as->is_privileged && exceeds(as, as->locked, len) &&
	    exceeds(as, as->locked - locked_in(as, start.v, end < start.v ? UINT64_MAX : end), len))
		err = -ENOMEM;
	else if (end < start.v)
		err = -EINVAL;
	else
		err = lock_range(as, start.v, end, lock);
	mutex_unlock(&as->lock);
	if (!err && lock && touch(as, start.v, end, access_to_lock))
		err = -ENOMEM;
	return err;
}

int aspace_lock_all(struct aspace *as, unsigned now, unsigned future)
{
	bool only_future = future && !now;
	struct vma *v;

	if ((now || future) && !as->lock_limit && !as->is_privileged)
		return -EPERM;
	mutex_lock(&as->lock);
	if (now && !as->is_privileged && as->mapped > as->lock_limit) {
		mutex_unlock(&as->lock);
		return -ENOMEM;
	}
	as->lock_flags = future;
	v = only_future ? NULL : aspace_next(as, VADDR(0));
	for (; v; v = vma_next(v))
		set_lock(as, &v, v->start.v, v->end.v, now);
	mutex_unlock(&as->lock);
	for (uint64_t at = 0; now && at < arch_user_end().v;) {
		uint64_t end;

		mutex_lock(&as->lock);
		v = aspace_next(as, VADDR(at));
		at = v ? v->start.v : arch_user_end().v;
		end = v ? v->end.v : at;
		mutex_unlock(&as->lock);
		space_populate(as, at, end); /* what cannot be had has no error */
		at = end;
	}
	return 0;
}

/* -- mincore, msync ------------------------------------------------------------------------ */

/* Lock held. => whether touching the page of va, in v, would need no new frame. */
static bool is_resident(struct aspace *as, const struct vma *v, uint64_t va)
{
	bool resident = arch_pt_get(&as->pt, VADDR(va)).present;

	if (!resident && v->anon) { /* a page that may not be touched just now */
		spin_lock(&v->anon->lock);
		resident = mobj_lookup_locked(v->anon, va >> PAGE_SHIFT);
		spin_unlock(&v->anon->lock);
	}
	if (!resident && v->file) {
		spin_lock(&v->file->lock);
		resident =
		    mobj_lookup_locked(v->file, v->file_offset + ((va - v->start.v) >> PAGE_SHIFT));
		spin_unlock(&v->file->lock);
	}
	return resident;
}

int64_t aspace_mincore(struct aspace *as, vaddr_t start, uint64_t npages, uint8_t *out)
{
	struct vma *v;
	int64_t n = -ENOMEM;

	mutex_lock(&as->lock);
	v = aspace_find(as, start);
	if (v) {
		if (npages > (v->end.v - start.v) >> PAGE_SHIFT)
			npages = (v->end.v - start.v) >> PAGE_SHIFT;
		for (n = 0; n < (int64_t)npages; n++, start.v += PAGE_SIZE)
			out[n] = v->flags & VMA_OPAQUE || is_resident(as, v, start.v);
	}
	mutex_unlock(&as->lock);
	return n;
}

/* Lock held, and held again afterwards. => what writing back v's part of [start, end) gives. */
static int write_back(struct aspace *as, const struct vma *v, uint64_t start, uint64_t end)
{
	uint64_t from = v->start.v > start ? v->start.v : start,
		 to = v->end.v < end ? v->end.v : end;
	uint64_t first = v->file_offset + ((from - v->start.v) >> PAGE_SHIFT);
	struct mobj *o = v->file;
	int err;

	mobj_get(o);
	mutex_unlock(&as->lock);
	err = mobj_write_back(o, first, first + ((to - from) >> PAGE_SHIFT));
	mobj_put(o);
	mutex_lock(&as->lock);
	return err;
}

/* Mappings and files share frames: only what came from elsewhere has to be written back. */
int aspace_sync(struct aspace *as, vaddr_t start, uint64_t len, unsigned flags)
{
	uint64_t at = start.v, end = at + ROUND_UP(len, PAGE_SIZE), next;
	struct vma *v;
	int err = 0;
	bool hole = false;

	if (end < at)
		return -ENOMEM;
	mutex_lock(&as->lock);
	for (; at < end && !err; at = next) {
		v = aspace_next(as, VADDR(at));
		hole |= !v || at < v->start.v;
		if (!v || (at < v->start.v && (flags == MS_ASYNC || v->start.v >= end)))
			break;
		next = v->end.v;
		if (flags & MS_INVALIDATE && v->flags & VMA_LOCKED)
			err = -EBUSY;
		else if (flags & MS_SYNC && v->flags & VMA_SHARED && v->file->pager)
			err = write_back(as, v, at, end);
	}
	mutex_unlock(&as->lock);
	return err ? err : hole ? -ENOMEM : 0;
}
