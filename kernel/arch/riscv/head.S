/*
 * From the firmware to C: the first instructions of the kernel.
 *
 * Entered in S-mode with paging off, a0 = the boot hart's number, a1 = the
 * physical address of the device tree. The other harts are held by SBI until
 * they are asked for. Code here runs at physical addresses until satp is
 * written, so it uses pc-relative addresses only.
 *
 * One of them may come here all the same. OpenSBI up to 1.2 says that a hart is to
 * start before it says where, so a hart that looks in between goes where the first
 * one went. It is told from that by `boot_taken`, and finds what it was to be given
 * in boot_percpu_pa.
 *
 * The early page table has one entry: a superpage of 1 GiB that maps the image
 * where it is linked. Nothing maps this code at its physical address; the fetch
 * after the write of satp therefore faults, and stvec takes the hart to `high`,
 * at its linked address. From there arch_boot() builds the real tables.
 */
#include "kernel/arch/riscv/riscv.h"
#include "rv/csr.h"
#include "rv/pte.h"

	.section .text.start, "ax"
	.globl _start
_start:
	csrw	sie, zero
	csrw	sscratch, zero
	mv	s0, a0
	mv	s1, a1

	lla	t0, boot_taken
	li	t1, 1
	amoswap.w.aqrl	t1, t1, (t0)
	bnez	t1, late

	/* Clear .bss, through physical addresses. */
	lla	t0, _bss
	lla	t1, _bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, (t0)
	addi	t0, t0, 8
	j	1b

	/* early_table[VPN[2] of the image] = 1 GiB, readable, writable, executable. */
2:	lla	t0, early_table
	li	t1, (KERNEL_PA >> 30 << 30) >> RV_PAGE_SHIFT << PTE_PPN_SHIFT
	ori	t1, t1, PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D
	li	t2, ((KERNEL_VA >> 30) & 511) * 8
	add	t2, t0, t2
	sd	t1, (t2)

	/* t2 = linked address - physical address of the image. */
	li	t2, KERNEL_VA - KERNEL_PA
	lla	t1, high
	add	t1, t1, t2
	csrw	stvec, t1
	srli	t0, t0, RV_PAGE_SHIFT
	li	t1, SATP_MODE_SV39
	slli	t1, t1, SATP_MODE_SHIFT
	or	t0, t0, t1
	sfence.vma
	csrw	satp, t0
	.balign	4
high:
	sfence.vma
	la	sp, boot_stack + BOOT_STACK_SIZE
	mv	a0, s0
	mv	a1, s1
	la	a2, early_table
	li	s0, 0
	li	ra, 0
	tail	arch_boot

	/* Hart a0 was not to come here: it waits for its struct percpu, unless there is none. */
late:	li	t0, BOOT_HARTIDS
	bgeu	a0, t0, late
	lla	t0, boot_percpu_pa
	slli	t1, a0, 3
	add	t0, t0, t1
1:	ld	a1, (t0)
	beqz	a1, 1b
	fence	r, rw
	/* on to secondary_start */

	/*
	 * A secondary hart, from SBI: paging off, a0 = its number, a1 = the physical address of
	 * its struct percpu, which has its stack and the kernel's own root.
	 */
	.globl	secondary_start
secondary_start:
	csrw	sie, zero
	csrw	sscratch, zero
	li	t2, KERNEL_VA - KERNEL_PA
	lla	t1, secondary_high
	add	t1, t1, t2
	csrw	stvec, t1
	ld	t0, PERCPU_BOOT_SATP(a1)
	sfence.vma
	csrw	satp, t0
	.balign	4
secondary_high:
	sfence.vma
	li	t2, KERNEL_VA - KERNEL_PA
	add	tp, a1, t2
	ld	sp, PERCPU_STACK_TOP(tp)
	li	s0, 0
	li	ra, 0
	tail	arch_hart_boot

	.section .data
	.balign	8
	.globl	boot_percpu_pa
boot_percpu_pa:
	.zero	8 * BOOT_HARTIDS
boot_taken:
	.word	0

	.section .bss
	.balign	4096
early_table:
	.zero	4096

	.section .noinit, "aw", @nobits
	.balign	16
	.globl	boot_stack
boot_stack:
	.zero	BOOT_STACK_SIZE
