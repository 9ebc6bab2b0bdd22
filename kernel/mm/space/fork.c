/*
 * fork: an address space becomes two.
 *
 * Neither may see what the other writes from now on, and nothing is copied yet:
 *
 *	before    anon of V ---------> frame, PTE writable      refs 2: pin, PTE
 *	after     anon of V ---------> frame <-------- anon of V'
 *	              PTE read-only --'     `-- PTE' read-only   refs 4
 *
 * The first write by either faults, finds the frame shared, and takes a copy
 * (fault.c); who comes last finds itself alone and keeps it. The child's objects
 * are copies of trees, its page tables copies of entries, made range by range, so
 * that a later kernel may share whole subtrees instead.
 *
 * Shared mappings, and private pages of files that nobody has written, are the
 * object's: the child maps what the parent has mapped, or faults it in itself.
 * Mappings of shared objects are left to faults altogether.
 *
 * Invariants: those of aspace.c hold for both; and afterwards no PTE of a private
 * VMA in either is writable.
 *
 * Locks: the parent's lock is held throughout, the child's is nobody else's. What
 * fails leaves the parent as it was, but for rights that faults give back.
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

static void frame_shared(void *ctx, pfn_t pfn)
{
	struct aspace *to = ctx;
	struct frame *f = frame_in_use(pfn);

	frame_get(f);
	to->resident += f != zero_frame;
}

/* => the child's object in the place of `anon`, with a reference; NULL: no memory. */
static struct mobj *anon_fork(struct mobj *anon)
{
	if (!anon->copy)
		anon->copy = mobj_fork(anon);
	else
		mobj_get(anon->copy);
	return anon->copy;
}

/* => bytes that the child of a space is promised. */
static uint64_t promised_to_child(struct aspace *from)
{
	uint64_t sum = from->committed;

	for (struct vma *v = vma_of(avl_first(&from->vmas)); v; v = vma_next(v))
		if ((v->flags & (VMA_ACCOUNT | VMA_DONTFORK)) == (VMA_ACCOUNT | VMA_DONTFORK))
			sum -= v->end.v - v->start.v;
	return sum;
}

/* Gives `to` its part of v. => 0 or -ENOMEM. */
static int vma_fork(struct aspace *from, struct aspace *to, struct vma *v)
{
	struct vma *copy;
	bool wiped = v->flags & VMA_WIPEONFORK;

	if (v->flags & VMA_DONTFORK)
		return 0;
	copy = vma_alloc();
	if (!copy)
		return -ENOMEM;
	*copy = *v;
	copy->flags &= ~(unsigned)VMA_LOCK;
	copy->anon = NULL;
	if (v->anon && !wiped) {
		copy->anon = anon_fork(v->anon);
		if (!copy->anon) {
			vma_free(copy);
			return -ENOMEM;
		}
	}
	if (copy->file)
		mobj_get(copy->file);
	vma_name_get(copy->name);
	vma_insert(to, copy);
	if (v->flags & VMA_SHARED || wiped)
		return 0;
	return arch_pt_share(&from->pt, &to->pt, v->start, v->end, frame_shared, to);
}

struct aspace *aspace_fork(struct aspace *from)
{
	struct aspace *to = space_create(from->id);
	int err = 0;

	if (!to)
		return NULL;
	mutex_lock(&from->lock);
	to->brk_start = from->brk_start;
	to->brk = from->brk;
	to->stack_limit = from->stack_limit;
	to->data_limit = from->data_limit;
	to->as_limit = from->as_limit;
	to->lock_limit = from->lock_limit;
	to->is_privileged = from->is_privileged;
	to->barriers = from->barriers;
	to->args = from->args;
	to->envs = from->envs;
	to->strings_end = from->strings_end;
	to->auxv = from->auxv;
	to->auxv_end = from->auxv_end;
	to->stack_start = from->stack_start;
	to->code_start = from->code_start;
	to->code_end = from->code_end;
	to->data_start = from->data_start;
	to->data_end = from->data_end;
	to->mmap_top = from->mmap_top;
	to->vdso = from->vdso;
	if (!space_may_promise(from, promised_to_child(from)))
		err = -ENOMEM;
	for (struct vma *v = vma_of(avl_first(&from->vmas)); v && !err; v = vma_next(v))
		err = vma_fork(from, to, v);
	arch_pt_flush(&from->pt);
	to->resident_peak = to->resident;
	for (struct vma *v = vma_of(avl_first(&from->vmas)); v; v = vma_next(v))
		if (v->anon)
			v->anon->copy = NULL;
	mutex_unlock(&from->lock);
	if (!err)
		return to;
	aspace_put(to);
	return NULL;
}
