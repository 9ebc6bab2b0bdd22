/*
 * RISC-V page tables (Privileged Architecture 1.12, sections 4.3 to 4.6), of
 * any number of levels: the paging mode, and the kernel's half. A program's
 * half: pt_user.c.
 *
 * All roots share the kernel's entries: the boot code makes every root entry of
 * the upper half that will ever exist, and a new root copies them. For Sv39:
 *
 *	0xffffffc000000000  linear map of RAM, superpages, RW; text and rodata R
 *	0xffffffff40000000  devices, RW
 *	0xffffffff80200000  the image: text RX, rodata R, data RW
 *
 * It changes only in arch_map_device(), under device_lock. Tables are all that
 * can fail.
 */
#include "kernel/arch/riscv/pt.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"

unsigned pt_levels;
uint64_t pt_kernel_root;
uint64_t pt_user_end, pt_linear_offset; /* inline.h */

void pt_mode_init(unsigned levels)
{
	pt_levels = levels;
	pt_user_end = 1UL << (RV_LEVEL_SHIFT(levels) - 1);
	pt_linear_offset = -pt_user_end - LINEAR_PA;
}

vaddr_t arch_kernel_start(void)
{
	return VADDR(-pt_user_end);
}

uint64_t pt_satp(uint64_t root)
{
	uint64_t mode = SATP_MODE_SV39 + (pt_levels - SV39_LEVELS);

	return mode << SATP_MODE_SHIFT | root >> PAGE_SHIFT;
}

/* -- the kernel's half --------------------------------------------------------------------- */

bool pt_map_kernel(uint64_t va, uint64_t pa, uint64_t len, unsigned level, uint64_t bits,
		   pt_table_alloc *alloc)
{
	uint64_t size = 1UL << RV_LEVEL_SHIFT(level), end = va + len;
	bool tell = frame_is_ready(); /* the lens finds by itself what the boot code mapped */

	CHECK3((va | pa | len) & (size - 1), ==, 0);
	do {
		uint64_t table = pt_kernel_root;

		for (unsigned l = pt_levels - 1; l > level; l--) {
			pte_t *e = pte_at(table, va, l);

			if (!(e->v & PTE_V)) {
				uint64_t below = alloc();

				if (!below)
					return false;
				e->v = pte_make(below, 0);
				if (tell)
					TRACE(TRACE_PTE_SET, 0, va, l, e->v, 0,
					      table >> PAGE_SHIFT);
			}
			table = pte_pa(*e);
		}
		/* here: table is of `level`; fill in as much of it as the range covers */
		for (pte_t *e = pte_at(table, va, level); va < end; va += size, pa += size) {
			CHECK(!(e->v & PTE_V));
			e->v = pte_make(pa, bits | PTE_G | PTE_A | PTE_D);
			if (tell)
				TRACE(TRACE_PTE_SET, 0, va, level, e->v, 0, table >> PAGE_SHIFT);
			if (RV_VPN(va, level) == RV_PTE_PER_PAGE - 1) {
				va += size;
				pa += size;
				break;
			}
			e++;
		}
	} while (va < end);
	return true;
}

static uint64_t frame_table_alloc(void)
{
	struct frame *f = frame_alloc(0, TF_PAGETABLE, FRAME_ZEROED);

	return f ? pfn_paddr(frame_pfn(f)).v : 0;
}

void *arch_map_device(paddr_t pa, size_t len)
{
	static struct spinlock device_lock;
	static uint64_t next = DEVICE_VA_START;
	uint64_t start = ROUND_DOWN(pa.v, PAGE_SIZE), end = ROUND_UP(pa.v + len, PAGE_SIZE);
	uint64_t big = 1UL << RV_LEVEL_SHIFT(1), va;
	unsigned level = start % big == 0 && end % big == 0;
	void *result = NULL;

	spin_lock(&device_lock);
	va = ROUND_UP(next, level ? big : PAGE_SIZE);
	if (va + (end - start) <= DEVICE_VA_END) {
		next = va + (end - start);
		if (pt_map_kernel(va, start, end - start, level, PTE_R | PTE_W, frame_table_alloc))
			result = (void *)(va + (pa.v - start));
	}
	spin_unlock(&device_lock);
	/* A hart may remember that there was nothing at va. */
	__asm__ volatile("sfence.vma" ::: "memory");
	return result;
}
