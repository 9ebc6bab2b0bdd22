/*
 * Reaching into address spaces from outside: pages of a space that is not the
 * current one (process_vm_readv).
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

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
