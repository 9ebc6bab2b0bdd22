/*
 * System calls on memory: what is asked for, translated for the address space.
 */
#include "kernel/sys/sys.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"

_Static_assert(VMA_READ == PROT_READ && VMA_WRITE == PROT_WRITE && VMA_EXEC == PROT_EXEC,
	       "rights of a VMA are the numbers that programs use");

#define PROT_RIGHTS (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PROT_SEM    0x8 /* no meaning on this architecture, but allowed */

int64_t sys_brk(const uint64_t *a)
{
	return (int64_t)aspace_brk(proc_current()->as, a[0]);
}

/* -- mmap ---------------------------------------------------------------------------------- */

/* What MAP_SHARED_VALIDATE knows: the flags that are older than itself. */
#define KNOWN_FLAGS                                                                                \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE |   \
	 MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |      \
	 MAP_UNINITIALIZED)

/* Puts a file's part into the request. => 0 or -errno, in the order of Linux's checks. */
static int request_file(struct map_request *m, struct file *f, uint64_t prot, uint64_t flags)
{
	unsigned mode = f->flags & O_ACCMODE;
	uint64_t type = flags & MAP_TYPE;

	if (f->flags & O_PATH)
		return -EBADF;
	if (type == MAP_SHARED_VALIDATE && (flags & ~(uint64_t)KNOWN_FLAGS))
		return -EOPNOTSUPP;
	if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (mode == O_WRONLY || (type != MAP_PRIVATE && (prot & PROT_WRITE) && mode != O_RDWR))
		return -EACCES;
	if (f->ops->maps_zero)
		return flags & MAP_GROWSDOWN ? -EINVAL : 0;
	if (!f->data)
		return -ENODEV;
	if (flags & MAP_GROWSDOWN)
		return -EINVAL;
	if (f->data == f->inode->data) {
		int error = inode_prepare(f->inode, type != MAP_PRIVATE && mode == O_RDWR);

		if (error)
			return error;
	}
	m->file = f->data;
	m->kind = TV_FILE;
	if (type != MAP_PRIVATE && mode != O_RDWR)
		m->flags |= VMA_NOWRITE;
	return 0;
}

/* Whether there are mappings of that kind, and of that file. => 0 or -errno. */
static int type_check(struct map_request *m, struct file *f, uint64_t prot, uint64_t flags)
{
	if (f)
		return request_file(m, f, prot, flags);
	switch (flags & MAP_TYPE) {
	case MAP_PRIVATE: return 0;
	case MAP_SHARED: return flags & MAP_GROWSDOWN ? -EINVAL : 0;
	default: return -EINVAL;
	}
}

int64_t sys_mmap(const uint64_t *a)
{
	struct proc *p = proc_current();
	uint64_t prot = a[2], flags = a[3], offset = a[5], end;
	struct map_request m = {.hint = VADDR(a[0]),
				.len = a[1],
				.kind = TV_ANON,
				.fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0,
				.noreplace = (flags & MAP_FIXED_NOREPLACE) != 0,
				.populate = (flags & (MAP_POPULATE | MAP_LOCKED)) != 0,
				.noreserve = (flags & MAP_NORESERVE) != 0,
				.offset = offset};
	struct file *f = NULL;
	vaddr_t at = {0};
	int error = 0, place;

	if (offset & PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = sys_fd(a[4]);
		if (!f)
			return -EBADF;
	}
	if (m.len == 0)
		error = -EINVAL;
	else if (m.len > arch_user_end().v || (flags & MAP_HUGETLB))
		error = -ENOMEM;
	else if (m.fixed && (a[0] & PAGE_MASK))
		error = -EINVAL;
	else if (f && __builtin_add_overflow(offset, ROUND_UP(m.len, PAGE_SIZE), &end))
		error = -EOVERFLOW;
	else if (f && (int64_t)end < 0)
		error = -EOVERFLOW;
	else if ((error = type_check(&m, f, prot, flags)) && m.fixed &&
		 (place = aspace_place_check(p->as, &m)))
		error = place; /* Linux looks there before it looks at the rest */
	if (!f || !m.file)
		m.offset = 0;

	m.flags |= prot & PROT_RIGHTS;
	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		m.flags |= VMA_SHARED;
	else if (flags & MAP_GROWSDOWN)
		m.flags |= VMA_GROWSDOWN;
	if (!m.fixed)
		m.hint.v = ROUND_DOWN(m.hint.v, PAGE_SIZE);
	if (!error)
		error = aspace_map(p->as, &m, &at);
	if (!error && f && m.file)
		file_label_data(f);
	if (!error && f && m.file)
		TRACE(TRACE_VMA_NAME, p->as->id, at.v, f->name[0], f->name[1], f->name[2],
		      f->name[3]);
	if (f)
		file_put(f);
	return error ? error : (int64_t)at.v;
}

int64_t sys_munmap(const uint64_t *a)
{
	return aspace_unmap(proc_current()->as, VADDR(a[0]), a[1]);
}

/* -- ranges -------------------------------------------------------------------------------- */

/* Checks a range as most calls do. => 0 with its page-aligned end; -EINVAL, -ENOMEM. */
static int range_check(uint64_t start, uint64_t len, uint64_t *end)
{
	if (start & PAGE_MASK)
		return -EINVAL;
	len = ROUND_UP(len, PAGE_SIZE);
	if (__builtin_add_overflow(start, len, end) || *end > arch_user_end().v)
		return -ENOMEM;
	return 0;
}

/* => whether VMAs cover all of [start, end). */
static bool is_mapped(struct aspace *as, uint64_t start, uint64_t end)
{
	mutex_lock(&as->lock);
	while (start < end) {
		struct vma *v = aspace_find(as, VADDR(start));

		if (!v)
			break;
		start = v->end.v;
	}
	mutex_unlock(&as->lock);
	return start >= end;
}

int64_t sys_mprotect(const uint64_t *a)
{
	struct aspace *as = proc_current()->as;
	uint64_t start = a[0], len = a[1], prot = a[2], end;
	uint64_t grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP))
		return -EINVAL;
	prot &= ~(uint64_t)(PROT_GROWSDOWN | PROT_GROWSUP);
	if (start & PAGE_MASK)
		return -EINVAL;
	if (len == 0)
		return 0;
	if (range_check(start, len, &end) || end <= start)
		return -ENOMEM;
	if (prot & ~(uint64_t)(PROT_RIGHTS | PROT_SEM))
		return -EINVAL;
	if (grows) { /* from the start of the first mapping in the range, if that grows so */
		mutex_lock(&as->lock);
		struct vma *v = grows == PROT_GROWSDOWN ? aspace_next(as, VADDR(start))
							: aspace_find(as, VADDR(start));
		bool is_there = v && v->start.v < end;
		bool may = is_there && grows == PROT_GROWSDOWN && (v->flags & VMA_GROWSDOWN);

		if (may)
			start = v->start.v;
		mutex_unlock(&as->lock);
		if (!may)
			return is_there ? -EINVAL : -ENOMEM;
	}
	return aspace_protect(as, VADDR(start), end - start, (unsigned)(prot & PROT_RIGHTS));
}

int64_t sys_mremap(const uint64_t *a)
{
	return aspace_remap(proc_current()->as, VADDR(a[0]), a[1], a[2], (unsigned)a[3],
			    VADDR(a[4]));
}

/*
 * Has every page of a range served as if the program had touched it: written to, where it may
 * write and `write` asks for it.
 * => 0; -ENOMEM: a hole; -EINVAL: a page with none of the rights in `need`; -EFAULT: a page that
 *    cannot be had. Pages before it were served.
 */
static int touch_range(struct aspace *as, uint64_t start, uint64_t end, bool write, unsigned need)
{
	for (; start < end; start += PAGE_SIZE) {
		uint8_t byte;

		mutex_lock(&as->lock);
		struct vma *v = aspace_find(as, VADDR(start));
		unsigned flags = v ? v->flags : 0;
		mutex_unlock(&as->lock);
		if (!v)
			return -ENOMEM;
		if (!(flags & need))
			return -EINVAL;
		if (arch_copy_from_user(&byte, VADDR(start), 1) != 0)
			return -EFAULT;
		if (write && (flags & VMA_WRITE) && arch_copy_to_user(VADDR(start), &byte, 1) != 0)
			return -EFAULT;
	}
	return 0;
}

/* => whether no page of [start, end) is a file's or shared. */
static bool is_private_memory(struct aspace *as, uint64_t start, uint64_t end)
{
	struct vma *v;

	mutex_lock(&as->lock);
	do {
		v = aspace_next(as, VADDR(start));
		start = v ? v->end.v : end;
	} while (v && v->start.v < end && !v->file && start < end);
	mutex_unlock(&as->lock);
	return !v || v->start.v >= end || !v->file;
}

int64_t sys_madvise(const uint64_t *a)
{
	struct aspace *as = proc_current()->as;
	uint64_t start = a[0], end;

	switch ((int)a[2]) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
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
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
	case MADV_DONTNEED_LOCKED: break;
	default: return -EINVAL;
	}
	if ((start & PAGE_MASK) || (a[1] && !ROUND_UP(a[1], PAGE_SIZE)) ||
	    __builtin_add_overflow(start, ROUND_UP(a[1], PAGE_SIZE), &end))
		return -EINVAL;
	if (start == end)
		return 0;
	bool mapped = end <= arch_user_end().v && is_mapped(as, start, end);
	switch ((int)a[2]) {
	case MADV_WIPEONFORK:
		if (!is_private_memory(as, start, end))
			return -EINVAL;
		return mapped ? 0 : -ENOMEM;
	case MADV_FREE: /* freeing at once is one of the times that the call allows */
		if (!is_private_memory(as, start, end))
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED: {
		int error = aspace_discard(as, VADDR(start), end - start);

		return error ? error : mapped ? 0 : -ENOMEM;
	}
	case MADV_POPULATE_READ: return touch_range(as, start, end, false, VMA_READ);
	case MADV_POPULATE_WRITE: return touch_range(as, start, end, true, VMA_WRITE);
	default: return mapped ? 0 : -ENOMEM; /* advice that changes nothing here */
	}
}

/* Lock held. => whether touching the page of va would need no new frame. */
static bool is_resident_locked(struct aspace *as, const struct vma *v, uint64_t va)
{
	bool resident = arch_pt_get(&as->pt, VADDR(va)).present;

	if (!resident && v->file) {
		spin_lock(&v->file->lock);
		resident =
		    mobj_lookup_locked(v->file, v->file_offset + ((va - v->start.v) >> PAGE_SHIFT));
		spin_unlock(&v->file->lock);
	}
	return resident;
}

int64_t sys_mincore(const uint64_t *a)
{
	struct aspace *as = proc_current()->as;
	uint64_t start = a[0], to = a[2], end;
	int error = range_check(start, a[1], &end);

	if (error)
		return error;
	while (start < end) {
		uint8_t chunk[256];
		size_t n = 0;

		mutex_lock(&as->lock);
		for (; n < sizeof chunk && start < end; n++, start += PAGE_SIZE) {
			struct vma *v = aspace_find(as, VADDR(start));

			if (!v)
				error = -ENOMEM;
			if (!v)
				break;
			chunk[n] = is_resident_locked(as, v, start);
		}
		mutex_unlock(&as->lock);
		if (arch_copy_to_user(VADDR(to), chunk, n) != 0)
			return -EFAULT;
		if (error)
			return error;
		to += n;
	}
	return 0;
}

/*
 * Mappings and files share frames, so what is written back is what a file of elsewhere has dirty.
 * => 0, -ENOMEM (a hole; the rest was done), or what writing failed with.
 */
static int sync_range(struct aspace *as, uint64_t start, uint64_t end)
{
	int error = 0;

	while (start < end) {
		struct mobj *o = NULL;
		uint64_t first = 0, last = 0;

		mutex_lock(&as->lock);
		struct vma *v = aspace_next(as, VADDR(start));
		if (!v || v->start.v > start)
			error = error ? error : -ENOMEM;
		uint64_t from = v && v->start.v > start ? v->start.v : start;
		uint64_t to = v && v->end.v < end ? v->end.v : end;
		if (v && v->start.v < end && (v->flags & VMA_SHARED) && v->file->pager) {
			o = v->file;
			mobj_get(o);
			first = v->file_offset + ((from - v->start.v) >> PAGE_SHIFT);
			last = first + ((to - from) >> PAGE_SHIFT);
		}
		mutex_unlock(&as->lock);
		if (o) {
			int result = mobj_write_back(o, first, last);

			error = error ? error : result;
			mobj_put(o);
		}
		start = v ? to : end;
	}
	return error;
}

int64_t sys_msync(const uint64_t *a)
{
	uint64_t flags = a[2], end;
	int error;

	if ((flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	error = range_check(a[0], a[1], &end);
	if (error)
		return error;
	return sync_range(proc_current()->as, a[0], end);
}

/*
 * Takes pages [first, last) of an object away from the current program's mappings of it, private
 * copies too.
 */
static void unmap_pages(struct mobj *o, uint64_t first, uint64_t last)
{
	struct aspace *as = proc_current()->as;
	uint64_t at = 0;

	for (;;) {
		mutex_lock(&as->lock);
		struct vma *v = aspace_next(as, VADDR(at));
		uint64_t start = v ? v->start.v : 0, end = v ? v->end.v : 0;
		uint64_t base = v ? v->file_offset : 0, npages = (end - start) >> PAGE_SHIFT;
		bool mine = v && v->file == o;
		mutex_unlock(&as->lock);
		if (!v)
			return;
		at = end;
		uint64_t from = first > base ? first - base : 0;
		uint64_t to = last > base ? last - base : 0;
		to = to < npages ? to : npages;
		if (mine && from < to)
			aspace_discard(as, VADDR(start + (from << PAGE_SHIFT)),
				       (to - from) << PAGE_SHIFT);
	}
}

/*
 * Sets a file's length. Pages that mappings show beyond it, private copies too, are gone from them:
 * touching them is SIGBUS from now on.
 */
void sys_set_length(struct mobj *o, uint64_t size)
{
	bool shrinks = size < o->size;

	mobj_truncate(o, size);
	if (shrinks)
		unmap_pages(o, ROUND_UP(size, PAGE_SIZE) >> PAGE_SHIFT, UINT64_MAX);
}

void sys_discard_pages(struct mobj *o, uint64_t first, uint64_t last)
{
	mobj_discard(o, first, last - first);
	unmap_pages(o, first, last);
}

/* -- locking: no page is ever taken away, so locking is touching --------------------------- */

static int64_t lock_range(uint64_t start, uint64_t len)
{
	struct proc *p = proc_current();
	uint64_t limit = p->rlimits[RLIMIT_MEMLOCK].cur, end;

	len = ROUND_UP(len + (start & PAGE_MASK), PAGE_SIZE);
	start = ROUND_DOWN(start, PAGE_SIZE);
	if (__builtin_add_overflow(start, len, &end))
		return -EINVAL;
	if (limit == 0)
		return -EPERM;
	if (len > limit || end > arch_user_end().v || !is_mapped(p->as, start, end))
		return -ENOMEM;
	return touch_range(p->as, start, end, true, VMA_READ | VMA_WRITE) ? -ENOMEM : 0;
}

int64_t sys_mlock(const uint64_t *a)
{
	return lock_range(a[0], a[1]);
}

int64_t sys_mlock2(const uint64_t *a)
{
	return a[2] & ~(uint64_t)MLOCK_ONFAULT ? -EINVAL : lock_range(a[0], a[1]);
}

int64_t sys_munlock(const uint64_t *a)
{
	uint64_t start = ROUND_DOWN(a[0], PAGE_SIZE), end;

	if (__builtin_add_overflow(a[0], a[1], &end))
		return -EINVAL;
	return is_mapped(proc_current()->as, start, ROUND_UP(end, PAGE_SIZE)) ? 0 : -ENOMEM;
}

int64_t sys_mlockall(const uint64_t *a)
{
	struct proc *p = proc_current();
	uint64_t limit = p->rlimits[RLIMIT_MEMLOCK].cur;

	if (a[0] == 0 || a[0] == MCL_ONFAULT ||
	    (a[0] & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	if (limit == 0)
		return -EPERM;
	return (a[0] & MCL_CURRENT) && p->as->mapped > limit ? -ENOMEM : 0;
}

int64_t sys_munlockall(const uint64_t *a)
{
	(void)a;
	return 0;
}

#define MEMBARRIER_QUERY             0
#define MEMBARRIER_GLOBAL            (1 << 0)
#define MEMBARRIER_PRIVATE_EXPEDITED (1 << 3)
#define MEMBARRIER_REGISTER_PRIVATE  (1 << 4)

int64_t sys_membarrier(const uint64_t *a)
{
	if (a[1] != 0)
		return -EINVAL;
	switch ((int)a[0]) {
	case MEMBARRIER_QUERY:
		return MEMBARRIER_GLOBAL | MEMBARRIER_PRIVATE_EXPEDITED |
		       MEMBARRIER_REGISTER_PRIVATE;
	case MEMBARRIER_GLOBAL:
	case MEMBARRIER_PRIVATE_EXPEDITED:
	case MEMBARRIER_REGISTER_PRIVATE:
		__atomic_thread_fence(__ATOMIC_SEQ_CST); /* one hart runs the only thread */
		return 0;
	default: return -EINVAL;
	}
}
