/*
 * Page faults: the whole policy.
 *
 *	                 read or fetch               write
 *	shared           the object's page           the object's page, writable
 *	private,
 *	  own page       it                          it, writable
 *	    shared by a fork:  it                    a copy takes its place
 *	  of a file      the file's page             a copy becomes the own page
 *	  anonymous      the zero frame              a cleared own page
 *
 * A page below a stack, within the stack's limit and not too close to what lies
 * below, first extends the stack. What the VMA forbids is SIGSEGV, what lies
 * beyond a file's last page is SIGBUS, and a lack of frames is SIGKILL.
 *
 * A page of a file may have to be read first, with the lock held: a major fault. One
 * that cannot be read is SIGBUS. With a file's page that is read come those around it
 * that are there already.
 *
 * A fault may also find that all is well: another hart was faster, or the
 * hardware remembered that an entry was missing. Mapping once more flushes that.
 *
 * The address space's lock is held throughout, an object's while it is looked
 * at. A frame that is to be mapped is alive, because its object holds it.
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* Pages, a power of two: Linux's fault_around_bytes. */
#define AROUND 16

/*
 * How a fault ended, inside here: TK_* and maybe FAULT_MAJOR. What the program gets for one that
 * was not served follows from it.
 */
#define FAULT_MAJOR 0x100u /* a page had to be read */

static const struct {
	int signo, code;
} refusals[TK_MAX] = {
    [TK_SEGV_MAPERR] = {SIGSEGV, SEGV_MAPERR},
    [TK_SEGV_ACCERR] = {SIGSEGV, SEGV_ACCERR},
    [TK_SIGBUS] = {SIGBUS, BUS_ADRERR},
    [TK_OOM] = {SIGKILL, SI_KERNEL},
};

static struct fault_result result_of(unsigned how)
{
	unsigned kind = how & ~FAULT_MAJOR;

	return (struct fault_result){.kind = kind,
				     .signo = refusals[kind].signo,
				     .code = refusals[kind].code,
				     .is_major = how & FAULT_MAJOR};
}

/* => whether VMA rights allow the access; on this architecture W implies R. */
static bool is_allowed(const struct vma *v, unsigned access)
{
	if (access == VMA_READ)
		access |= VMA_WRITE;
	return v->flags & access;
}

/* Extends stack v down to the page of va. => false: it may not. */
static bool stack_grow(struct aspace *as, struct vma *v, uint64_t va)
{
	uint64_t start = ROUND_DOWN(va, PAGE_SIZE), grown = v->start.v - start;
	struct vma *prev = vma_prev(v);

	if (!(v->flags & VMA_GROWSDOWN) || start < space_policy.min_address ||
	    v->end.v - start > as->stack_limit || !space_may_map(as, v->flags, grown) ||
	    (v->flags & VMA_LOCKED && !space_may_lock(as, grown)) ||
	    (v->flags & VMA_ACCOUNT && !space_may_promise(as, grown)))
		return false;
	if (prev && !(prev->flags & VMA_GROWSDOWN) && vma_is_accessible(prev) &&
	    start - prev->end.v < STACK_GUARD)
		return false;
	vma_resize(as, v, start, v->end.v);
	return true;
}

/* => v's own page, NULL if there is none yet. *is_private: no other space has it by its object. */
static struct frame *own_lookup(struct vma *v, uint64_t va, bool *is_private)
{
	struct frame *f;

	if (!v->anon)
		return NULL;
	spin_lock(&v->anon->lock);
	f = mobj_lookup_locked(v->anon, vma_anon_index(v, va));
	*is_private = f && tree_is_private(&v->anon->tree, vma_anon_index(v, va));
	spin_unlock(&v->anon->lock);
	return f;
}

/* Gives v an own page in the place of what it had: a copy of `from`, or cleared. => NULL: no
 * memory.
 */
static struct frame *own_create(struct vma *v, uint64_t va, struct frame *from)
{
	struct frame *f;
	int err;

	if (!vma_need_anon(v))
		return NULL;
	f = frame_alloc(0, TF_ANON, from ? 0 : FRAME_ZEROED);
	if (!f)
		return NULL;
	if (from)
		arch_page_copy(frame_kva(f), frame_kva(from));
	/* here: `from` is still mapped or its object's: its contents were there to be copied */
	spin_lock(&v->anon->lock);
	err = mobj_insert_locked(v->anon, vma_anon_index(v, va), f);
	spin_unlock(&v->anon->lock);
	if (!err)
		return f;
	frame_put(f);
	return NULL;
}

/*
 * => whether f, v's own page, is nobody else's: its references are v's pin and, if mapped at va,
 * that PTE, and no other space has the pin too. It cannot become shared meanwhile: only a fork of
 * this space, which is locked, shares it.
 */
static bool is_exclusive(const struct aspace *as, const struct frame *f, uint64_t va,
			 bool is_private)
{
	uint32_t refs = __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE);
	struct arch_mapping m;

	if (!is_private || refs > 2)
		return false;
	if (refs == 1)
		return true;
	m = arch_pt_get(&as->pt, VADDR(va));
	return m.present && m.pfn.v == frame_pfn(f).v;
}

/* => whether the object has bytes in page `index`. */
static bool is_in_object(const struct mobj *o, uint64_t index)
{
	return index < (o->size >> PAGE_SHIFT) + ((o->size & PAGE_MASK) != 0);
}

/*
 * => the object's page, with a reference, since others may cut the file meanwhile; made of zeroes
 *    (*made) where it has none. NULL: no memory, or the object has just become shorter.
 */
static struct frame *object_page(struct mobj *o, uint64_t index, bool *made)
{
	struct frame *f;

	*made = false;
	spin_lock(&o->lock);
	f = mobj_lookup_locked(o, index);
	if (!f && is_in_object(o, index)) {
		f = frame_alloc(0, o->kind == MOBJ_FILE ? TF_FILE : TF_ANON, FRAME_ZEROED);
		if (f && mobj_insert_locked(o, index, f)) {
			frame_put(f);
			f = NULL;
		}
		*made = true;
	}
	if (f)
		frame_get(f);
	spin_unlock(&o->lock);
	return f;
}

/* A page of v's file that comes from elsewhere. => 1: it was read; 0: it is here; -errno. */
static int page_in(struct vma *v, uint64_t index, bool write)
{
	int result = mobj_page_in(v->file, index);

	if (result >= 0 && write && (v->flags & VMA_SHARED) &&
	    !v->file->pager->dirtied(v->file, index))
		result = -ENOMEM;
	return result;
}

/*
 * A page of v's file has been mapped for reading at va. What else of the file is there around it,
 * is mapped with it: who reads one page mostly reads the next, and an entry costs a tenth of a
 * fault.
 */
static void map_around(struct aspace *as, struct vma *v, uint64_t va)
{
	uint64_t window = ROUND_DOWN(va, AROUND * PAGE_SIZE), start = window, end;
	uint64_t file_end =
	    v->start.v +
	    ((ROUND_UP(v->file->size, PAGE_SIZE) >> PAGE_SHIFT) - v->file_offset) * PAGE_SIZE;
	struct frame *f[AROUND];
	bool own[AROUND] = {false};
	unsigned n;

	start = start < v->start.v ? v->start.v : start;
	end = window + AROUND * PAGE_SIZE < v->end.v ? window + AROUND * PAGE_SIZE : v->end.v;
	end = end < file_end ? end : file_end;
	n = end > start ? (unsigned)((end - start) >> PAGE_SHIFT) : 0;
	if (v->anon) {
		spin_lock(&v->anon->lock);
		for (unsigned i = 0; i < n; i++)
			own[i] = mobj_lookup_locked(v->anon, vma_anon_index(v, start) + i);
		spin_unlock(&v->anon->lock);
	}
	spin_lock(&v->file->lock);
	for (unsigned i = 0; i < n; i++)
		f[i] = own[i] ? NULL : mobj_lookup_locked(v->file, vma_file_index(v, start) + i);
	arch_pt_fill(&as->pt, VADDR(start), f, n, vma_rights(v) & ~(unsigned)ARCH_W);
	spin_unlock(&v->file->lock);
	space_peak(as);
}

/* Chooses the frame for a page of v, and how the fault is to be counted. */
static __attribute__((noinline)) unsigned page_serve(struct aspace *as, struct vma *v, uint64_t va,
						     unsigned access, bool grown)
{
	uint64_t index = vma_file_index(v, va);
	bool write = access == VMA_WRITE, own = false, major = false, is_private, made;
	unsigned rights = vma_rights(v), kind;
	struct arch_mapping old;
	struct frame *f, *held = NULL;

	if (v->file && !is_in_object(v->file, index))
		return TK_SIGBUS;

	if (v->file && v->file->pager &&
	    ((v->flags & VMA_SHARED) || !own_lookup(v, va, &is_private))) {
		int result = page_in(v, index, write);

		if (result < 0)
			return result == -ENOMEM ? TK_OOM : TK_SIGBUS;
		major = result > 0;
	}
	if (v->flags & VMA_SHARED) {
		f = held = object_page(v->file, index, &made);
		if (!f && !is_in_object(v->file, index))
			return TK_SIGBUS;
		kind = made && v->file->kind == MOBJ_ANON ? TK_ZERO
		       : write                            ? TK_SHARED_WRITE
							  : TK_FILE;
		if (!write)
			rights &= ~(unsigned)ARCH_W;
	} else if ((f = own_lookup(v, va, &is_private))) {
		kind = TK_REMAP;
		own = true;
		if (rights & ARCH_W && !is_exclusive(as, f, va, is_private)) {
			if (write) {
				f = own_create(v, va, f);
				kind = TK_COW;
			} else {
				rights &= ~(unsigned)ARCH_W;
			}
		}
	} else if (v->file) {
		f = held = object_page(v->file, index, &made);
		if (!f && !is_in_object(v->file, index))
			return TK_SIGBUS;
		kind = TK_FILE;
		if (f && write) {
			f = own_create(v, va, f);
			kind = TK_FILE_COPY;
		} else {
			rights &= ~(unsigned)ARCH_W;
		}
	} else if (write && vma_wants_super(v) && super_serve(as, v, va)) {
		as->minor_faults++;
		return TK_ZERO_SUPER;
	} else if (write) {
		f = own_create(v, va, NULL);
		kind = grown ? TK_STACK : TK_ZERO;
	} else {
		f = zero_frame;
		kind = TK_ZERO_READ;
		rights &= ~(unsigned)ARCH_W;
	}
	bool mapped = f && space_map_frame(as, va, f, rights, &old) == 0;
	v->touched = true;
	if (held)
		frame_put(held);
	if (!mapped)
		return TK_OOM;
	if (kind == TK_FILE && !write)
		map_around(as, v, va);
	if (kind == TK_ZERO && vma_wants_super(v))
		super_grown(as, v, va);
	if (old.present && old.pfn.v == frame_pfn(f).v) {
		/* here: the page was mapped, and at most W was missing */
		if (old.rights == rights)
			kind = TK_SPURIOUS;
		else if (own)
			kind = TK_COW_REUSE;
	}
	if (major)
		as->major_faults++;
	else
		as->minor_faults++;
	return kind | (major ? FAULT_MAJOR : 0);
}

/*
 * The most frequent faults: a write to a page of private memory that is v's own, or of anonymous
 * memory and not there yet, where neither the object nor the page table needs anything but an
 * entry. The cases are page_serve()'s. => TK_NONE: it is another, and nothing was done.
 */
static inline __attribute__((always_inline)) unsigned own_write(struct aspace *as, struct vma *v,
								uint64_t va)
{
	uint64_t index = vma_anon_index(v, va);
	struct frame *f = NULL, *had;
	struct tree_node *leaf;
	struct arch_mapping old;
	unsigned kind = TK_NONE;

	spin_lock(&v->anon->lock);
	leaf = tree_own_leaf(&v->anon->tree, index);
	had = leaf ? leaf->slot[index & (TREE_SLOTS - 1)] : NULL;
	if (had && __atomic_load_n(&had->refs, __ATOMIC_ACQUIRE) == 2 &&
	    arch_pt_allow_write(&as->pt, VADDR(va), frame_pfn(had))) {
		/* here: its references were v's pin and this PTE: nobody else has it */
		spin_unlock(&v->anon->lock);
		as->minor_faults++;
		return TK_COW_REUSE;
	}
	if (had && had->refs > 2) {
		f = frame_alloc(0, TF_ANON, 0);
		if (f)
			arch_page_copy(frame_kva(f), frame_kva(had));
		kind = TK_COW;
	} else if (leaf && !had && !v->file && !vma_wants_super(v)) {
		f = frame_alloc(0, TF_ANON, FRAME_ZEROED);
		kind = TK_ZERO;
	}
	if (f)
		mobj_put_locked(v->anon, leaf, index, f);
	spin_unlock(&v->anon->lock);
	if (!f)
		return TK_NONE;
	if (space_map_frame(as, va, f, vma_rights(v), &old))
		return TK_OOM;
	as->minor_faults++;
	return kind;
}

static inline __attribute__((always_inline)) unsigned fault_serve(struct aspace *as, vaddr_t va,
								  unsigned access)
{
	uint64_t page = ROUND_DOWN(va.v, PAGE_SIZE);
	unsigned how = TK_NONE;
	bool grown = false;
	struct vma *v;

	mutex_lock(&as->lock);
	v = aspace_next(as, va);
	if (v && va.v < v->start.v) {
		grown = stack_grow(as, v, va.v); /* whether it may be touched or not */
		if (!grown)
			v = NULL;
	}
	if (!v) {
		how = TK_SEGV_MAPERR;
	} else if (!is_allowed(v, access)) {
		how = TK_SEGV_ACCERR;
	} else {
		if (access == VMA_WRITE && v->anon && !grown)
			how = own_write(as, v, page);
		if (how == TK_NONE)
			how = page_serve(as, v, page, access, grown);
	}
	mutex_unlock(&as->lock);
	return how;
}

struct fault_result aspace_fault(struct aspace *as, vaddr_t va, unsigned access)
{
	return result_of(fault_serve(as, va, access));
}

int aspace_fault_trap(struct aspace *as, vaddr_t va, uint64_t scause, uint64_t pc, uint32_t pid,
		      unsigned access, bool from_user, struct fault_result *refused)
{
	unsigned how;

	TRACE(TRACE_FAULT_BEGIN, as->id, va.v, scause, pc, pid, 0);
	how = fault_serve(as, va, access);
	if (__builtin_expect(how < TK_MAX && !refusals[how].signo, 1)) {
		TRACE(TRACE_FAULT_END, as->id, va.v, how, 0, 0, 0);
		return 0;
	}
	*refused = result_of(how);
	if (refused->signo && !from_user)
		refused->kind = TK_FIXUP;
	TRACE(TRACE_FAULT_END, as->id, va.v, refused->kind, 0, 0, 0);
	return refused->signo ? -1 : 1;
}
