/*
 * Those calls of the seam that are a load or an addition on this architecture: they are made so
 * often that a call would cost more than what it does. arch.h, which has their contracts, includes
 * this file; nobody else does.
 */
#ifndef KERNEL_RISCV_INLINE_H
#define KERNEL_RISCV_INLINE_H

/*
 * A hart's own data. In the kernel tp points to it; in user mode sscratch does. So sscratch is 0
 * exactly while the hart is in the kernel.
 */
struct percpu {
	uint64_t stack_top; /* of the hart's first stack */
	uint64_t scratch;   /* entry.S, while interrupts are off */
	uint64_t boot_satp; /* head.S: what the hart begins with */
	void *current;      /* arch_current() */

	/* Of the program that runs or ran last: where a trap from user mode saves registers. */
	struct trapframe *frame;

	uint64_t hartid; /* the hardware's number */
	unsigned index;  /* the kernel's: 0, 1, ... in the order of the device tree */

	struct arch_pt *pt;           /* active; NULL: the kernel's half alone */
	uint64_t asid_generation;     /* tlb.c: the last one that it flushed for */
	struct arch_thread *fp_owner; /* thread.c */
	uint64_t timer_ns;            /* sbi.c: what the timer is set to */
};

/* A thread that waits may go on upon another hart: not to be kept across anything that may sleep.
 */
register struct percpu *riscv_percpu __asm__("tp");

extern uint64_t pt_user_end;      /* pt.c; usercopy.S */
extern uint64_t pt_linear_offset; /* linear address - physical address */

#define RISCV_KERNEL_VA 0xffffffff80200000 /* riscv.h: KERNEL_VA, KERNEL_PA */
#define RISCV_KERNEL_PA 0x80200000

static inline void *arch_current(void)
{
	return riscv_percpu->current;
}

static inline void arch_current_set(void *current)
{
	riscv_percpu->current = current;
}

static inline unsigned arch_hart(void)
{
	return riscv_percpu->index;
}

static inline vaddr_t arch_user_end(void)
{
	return VADDR(pt_user_end);
}

static inline void *arch_kva(paddr_t pa)
{
	return (void *)(pa.v + pt_linear_offset);
}

static inline paddr_t arch_pa(const void *kva)
{
	uint64_t va = (uint64_t)kva;

	return PADDR(va >= RISCV_KERNEL_VA ? va - RISCV_KERNEL_VA + RISCV_KERNEL_PA
					   : va - pt_linear_offset);
}

#endif
