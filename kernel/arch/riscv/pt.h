/*
 * Page-table entries, for the files that change them: pt.c (the kernel's half),
 * pt_user.c (a program's half), tlb.c.
 */
#ifndef KERNEL_PT_H
#define KERNEL_PT_H

#include "kernel/arch/riscv/riscv.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"

#define PT_MAX_LEVELS SV57_LEVELS

/*
 * RSW bit 9 of a leaf: it has been mapped with W and its frame has not been shared by a fork since,
 * so W may come back without a fault when mprotect() took it away.
 */
#define PTE_OWN 0x200

/* Fetches, loads and stores all mean the leaf. */
#define PTE_LEAF (PTE_R | PTE_W | PTE_X)

static inline pte_t *pte_at(uint64_t table, uint64_t va, unsigned level)
{
	return (pte_t *)arch_kva(PADDR(table)) + RV_VPN(va, level);
}

static inline pfn_t pte_pfn(pte_t e)
{
	return PFN((e.v & PTE_PPN_MASK) >> PTE_PPN_SHIFT);
}

static inline uint64_t pte_pa(pte_t e)
{
	return pfn_paddr(pte_pfn(e)).v;
}

static inline bool pte_is_table(pte_t e)
{
	return (e.v & (PTE_V | PTE_LEAF)) == PTE_V;
}

static inline bool pte_is_leaf(pte_t e)
{
	return e.v & PTE_V && e.v & PTE_LEAF;
}

static inline uint64_t pte_make(uint64_t pa, uint64_t bits)
{
	return pa >> PAGE_SHIFT << PTE_PPN_SHIFT | bits | PTE_V;
}

/* -- tlb.c -- */

/* What changed in pt is flushed on all harts that may have it cached: one page, or a range. */
void tlb_flush_page(struct arch_pt *pt, uint64_t va);
void tlb_flush_range(struct arch_pt *pt, uint64_t start, uint64_t end);

void asid_get(struct arch_pt *pt);
void asid_put(struct arch_pt *pt);

#endif
