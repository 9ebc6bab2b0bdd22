/*
 * Small things of a hart: interrupts, waiting, its number; and strings from
 * user memory, whose inner loop is in usercopy.S.
 */
#include "kernel/arch/riscv/riscv.h"
#include "abi/linux.h"

ssize_t user_string_copy(char *to, vaddr_t from, size_t size);

bool arch_irq_disable(void)
{
	return csr_swap_clear(CSR_SSTATUS, MSTATUS_SIE) & MSTATUS_SIE;
}

void arch_irq_restore(bool enabled)
{
	if (enabled)
		csr_set(CSR_SSTATUS, MSTATUS_SIE);
}

bool arch_irq_enabled(void)
{
	return csr_read(CSR_SSTATUS) & MSTATUS_SIE;
}

void arch_wait(void)
{
	/* WFI wakes for what sie enables even while interrupts are off, so none can be missed. */
	__asm__ volatile("wfi" ::: "memory");
	csr_set(CSR_SSTATUS, MSTATUS_SIE);
	csr_clear(CSR_SSTATUS, MSTATUS_SIE);
}

void arch_icache_flush(void)
{
	uint64_t others = ~(1UL << arch_hart()) & ((2UL << (boot_nharts - 1)) - 1);

	__asm__ volatile("fence rw, rw; fence.i" ::: "memory");
	if (others)
		sbi_fence_i(others);
}

unsigned arch_harts(void)
{
	return boot_nharts;
}

ssize_t arch_strncpy_from_user(char *to, vaddr_t from, size_t size)
{
	uint64_t end = arch_user_end().v, room;
	ssize_t n;

	if (from.v >= end)
		return -EFAULT;
	room = end - from.v;
	n = user_string_copy(to, from, size < room ? size : room);
	if (n < 0)
		return -EFAULT;
	if ((size_t)n < size && (size_t)n < room)
		return n;
	return size <= room ? -ENAMETOOLONG : -EFAULT; /* the user's half ended before a NUL */
}
