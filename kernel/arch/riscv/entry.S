/*
 * Traps: from the hardware to C and back.
 *
 * sscratch tells where a trap comes from: in user mode it holds the hart's
 * struct percpu, in the kernel 0. A trap from user mode starts at the top of
 * the hart's kernel stack; one from the kernel goes on below the current stack
 * pointer. Either way all registers go to a struct trapframe there, so C may
 * change any of them.
 *
 *	stack_top -> +-----------+
 *	             | trapframe |  of the program
 *	             +-----------+ <- sp in kernel_syscall(), trap_user()
 *
 * Interrupts are off from here until C allows them. SUM is off in C: a trap
 * inside a user copy saves it and clears it. Floating-point registers are not
 * saved: the kernel does not use them (thread.c moves them between threads).
 */
#include "kernel/arch/riscv/riscv.h"
#include "rv/csr.h"
#include "rv/trap.h"

	/* x1, x3 and x5 to x31; x2 and x4 need care. */
	.macro	save_registers
	sd	x1, TF_X(1)(sp)
	sd	x3, TF_X(3)(sp)
	.irp	n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, TF_X(\n)(sp)
	.endr
	.endm

	/* All but x2 and x4, which go last. */
	.macro	restore_registers
	ld	x1, TF_X(1)(sp)
	ld	x3, TF_X(3)(sp)
	.irp	n, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, TF_X(\n)(sp)
	.endr
	.endm

	.text
	.globl	trap_entry
	.balign	4
trap_entry:
	csrrw	tp, sscratch, tp
	beqz	tp, from_kernel

	sd	sp, PERCPU_SCRATCH(tp)
	ld	sp, PERCPU_STACK_TOP(tp)
	addi	sp, sp, -TF_SIZE
	save_registers
	ld	t0, PERCPU_SCRATCH(tp)
	csrrw	t1, sscratch, zero
	csrr	t2, sepc
	csrr	t3, sstatus
	csrr	t4, scause
	sd	t0, TF_X(2)(sp)
	sd	t1, TF_X(4)(sp)
	sd	t3, TF_STATUS(sp)
	sd	t4, TF_CAUSE(sp)
	mv	a0, sp
	li	t0, CAUSE_ECALL_U
	bne	t4, t0, 1f

	/* A system call: pc goes past the ECALL. */
	addi	t2, t2, 4
	sd	t2, TF_PC(sp)
	ld	a1, PERCPU_CURRENT(tp)
	call	kernel_syscall
	bnez	a0, user_return

	/*
	 * The way back of most calls. C has preserved s0 to s11, and the call has not changed them
	 * in the trapframe: those that do say so (WORK_REGISTERS).
	 */
	csrci	sstatus, MSTATUS_SIE
	ld	t0, TF_PC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	csrw	sscratch, tp
	ld	x1, TF_X(1)(sp)
	ld	x3, TF_X(3)(sp)
	.irp	n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
	ld	x\n, TF_X(\n)(sp)
	.endr
	ld	x4, TF_X(4)(sp)
	ld	x2, TF_X(2)(sp)
	sret

1:	csrr	t0, stval
	sd	t2, TF_PC(sp)
	sd	t0, TF_TVAL(sp)
	call	trap_user

	/* sp: the trapframe. C may have allowed interrupts; one now would change sepc. */
user_return:
	csrci	sstatus, MSTATUS_SIE
	ld	t0, TF_PC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	csrw	sscratch, tp
	restore_registers
	ld	x4, TF_X(4)(sp)
	ld	x2, TF_X(2)(sp)
	sret

from_kernel:
	csrr	tp, sscratch
	csrw	sscratch, zero
	addi	sp, sp, -TF_SIZE
	save_registers
	addi	t0, sp, TF_SIZE
	li	t1, MSTATUS_SUM
	csrr	t2, sepc
	csrrc	t3, sstatus, t1
	csrr	t4, scause
	csrr	t5, stval
	sd	t0, TF_X(2)(sp)
	sd	tp, TF_X(4)(sp)
	sd	t2, TF_PC(sp)
	sd	t3, TF_STATUS(sp)
	sd	t4, TF_CAUSE(sp)
	sd	t5, TF_TVAL(sp)
	mv	a0, sp
	call	trap_kernel
	ld	t0, TF_PC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	restore_registers
	ld	x2, TF_X(2)(sp)
	sret

	/* void user_enter(struct trapframe *tf): tf->status is set; never returns. */
	.globl	user_enter
user_enter:
	mv	sp, a0
	j	user_return
