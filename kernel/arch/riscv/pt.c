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
 *	0xffffffff60000000  large buffers, RW, page by page (kernel/mm/frame/vmap.c)
 *	0xffffffff80200000  the image: text RX, rodata R, data RW
 *
 * It changes only in arch_map_device(), under device_lock, and among the buffers,
 * whose addresses are their caller's alone. A table once made stays. Tables are
 * all that can fail.
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

/* Guards the making of tables. */
static struct spinlock device_lock;

void *arch_map_device(paddr_t pa, size_t len)
{
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

/* -- large buffers ------------------------------------------------------------------------- */

vaddr_t arch_buffer_start(void)
{
	return VADDR(BUFFER_VA_START);
}

vaddr_t arch_buffer_end(void)
{
	return VADDR(BUFFER_VA_END);
}

/* No hart has a translation of these pages any more, nor remembers that there was none. */
static void flush_kernel(uint64_t va, uint64_t len)
{
	uint64_t others = ((2UL << (boot_nharts - 1)) - 1) & ~(1UL << percpu()->index);

	for (uint64_t at = va; at < va + len; at += PAGE_SIZE)
		__asm__ volatile("sfence.vma %0, zero" ::"r"(at) : "memory");
	if (others)
		sbi_flush_kernel(others, va, len);
}

bool arch_buffer_map(vaddr_t va, pfn_t pfn)
{
	bool ok;

	spin_lock(&device_lock);
	ok = pt_map_kernel(va.v, pfn_paddr(pfn).v, PAGE_SIZE, 0, PTE_R | PTE_W, frame_table_alloc);
	spin_unlock(&device_lock);
	return ok;
}

void arch_buffer_ready(vaddr_t va, size_t len)
{
	flush_kernel(va.v, len);
}

/* => the leaf for va, which has one. */
static pte_t *kernel_leaf(uint64_t va)
{
	uint64_t table = pt_kernel_root;

	for (unsigned l = pt_levels - 1; l > 0; l--)
		table = pte_pa(*pte_at(table, va, l));
	return pte_at(table, va, 0);
}

void arch_buffer_unmap(vaddr_t va, size_t len, void (*gone)(pfn_t pfn))
{
	if (len == 0)
		return;
	/* V goes first, and the frames only when no hart can reach them. */
	for (uint64_t at = va.v; at < va.v + len; at += PAGE_SIZE) {
		pte_t *e = kernel_leaf(at);

		CHECK(e->v & PTE_V);
		*(volatile uint64_t *)&e->v = e->v & ~(uint64_t)PTE_V;
	}
	flush_kernel(va.v, len);
	for (uint64_t at = va.v; at < va.v + len; at += PAGE_SIZE) {
		pte_t *e = kernel_leaf(at);
		pfn_t pfn = pte_pfn(*e);

		e->v = 0;
		gone(pfn);
	}
}
