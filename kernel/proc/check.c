/*
 * The system-wide check, in a kernel built with LIMPID_DEBUG: whenever a process
 * ends, all checkers run, and what they find broken stops the kernel there.
 *
 *	aspace_check   VMAs, page table, objects and frames of the one that ends
 *	slab_check     every cache
 *	frame_check    each frame has one state, and the states sum to RAM
 *
 * Only on one hart: others would change things meanwhile. An address space whose
 * mappings are so long that looking at each page takes seconds is passed over.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/proc.h"

#define PAGES_MAX (1UL << 20) /* 4 GiB of mappings */

void system_check(struct aspace *as)
{
	if (arch_harts() > 1)
		return;
	if (as->mapped >> PAGE_SHIFT <= PAGES_MAX)
		aspace_check(as);
	slab_check();
	frame_check();
}
