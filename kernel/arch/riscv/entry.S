/*
 * Traps: from the hardware to C and back.
 *
 * sscratch tells where a trap comes from: in user mode it holds the hart's
 * struct percpu, in the kernel 0. A trap from user mode starts at the top of
 * the thread's kernel stack; one from the kernel goes on below the current stack
 * pointer. Either way registers go to a struct trapframe there:
 *
 *	stack_top -> +-----------+
 *	             | trapframe |  of the program
 *	             +-----------+ <- sp in kernel_syscall(), trap_user()
 *
 * Which registers. C preserves s0 to s11, so most traps come back with them as they
 * were, and saving them would be half of a short system call. They go to the
 * trapframe only where something will look at them there:
 *
 *	clone               copies the program's registers: its entry saves them first
 *	work to be done     a signal's frame has all registers: saved before, loaded after
 *	exec, sigreturn     have written all registers to the trapframe, and say so by
 *	                    THREAD_WORK_REGISTERS: loaded, not saved
 *
 * Interrupts are off here and in C, but inside arch_wait(). SUM is off in C: a trap
 * inside a user copy saves it and clears it. Floating-point registers are not
 * saved: the kernel does not use them (thread.c moves them between threads).
 */
#include "kernel/arch/riscv/riscv.h"
#include "rv/csr.h"
#include "rv/trap.h"

	/* What C may change, but for x2 and x4, which need care. */
	.macro	changed op:req
	\op	x1, TF_X(1)(sp)
	\op	x3, TF_X(3)(sp)
	.irp	n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
	\op	x\n, TF_X(\n)(sp)
	.endr
	.endm

	/* What C preserves: s0 to s11. `offset`: of the trapframe from `base`. */
	.macro	preserved op:req, offset=0, base=sp
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	\op	x\n, (TF_X(\n) + \offset)(\base)
	.endr
	.endm

	.text
	.globl	trap_entry
	.balign	4
trap_entry:
	csrrw	tp, sscratch, tp
	beqz	tp, from_kernel

	sd	sp, PERCPU_SCRATCH(tp)
	ld	sp, PERCPU_FRAME(tp)
	changed	sd
	ld	t0, PERCPU_SCRATCH(tp)
	csrrw	t1, sscratch, zero
	csrr	t2, sepc
	csrr	t3, sstatus
	csrr	t4, scause
	sd	t0, TF_X(2)(sp)
	sd	t1, TF_X(4)(sp)
	sd	t3, TF_STATUS(sp)
	sd	t4, TF_CAUSE(sp)
	li	t0, CAUSE_ECALL_U
	bne	t4, t0, other_trap

	/* A system call: pc goes past the ECALL; a0, which the result replaces, is kept. */
	addi	t2, t2, 4
	sd	t2, TF_PC(sp)
	sd	a0, TF_TVAL(sp)
	addi	a0, sp, TF_X(10)
	mv	a1, a7
	call	kernel_syscall
	sd	a0, TF_X(10)(sp)

	/* sp: the trapframe; s0 to s11 are the program's. */
trap_return:
	ld	t0, PERCPU_CURRENT(tp)
	lw	t0, THREAD_WORK(t0)
	bnez	t0, work
user_return:
	ld	t0, TF_PC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	csrw	sscratch, tp
	changed	ld
	ld	x4, TF_X(4)(sp)
	ld	x2, TF_X(2)(sp)
	sret

other_trap:
	csrr	t0, stval
	sd	t2, TF_PC(sp)
	sd	t0, TF_TVAL(sp)
	mv	a0, sp
	call	trap_user
	j	trap_return

work:
	andi	t0, t0, THREAD_WORK_REGISTERS
	bnez	t0, 1f
	preserved sd
1:	call	kernel_user_work
	preserved ld
	j	user_return

from_kernel:
	csrr	tp, sscratch
	csrw	sscratch, zero
	addi	sp, sp, -TF_SIZE
	changed	sd
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
	changed	ld
	ld	x2, TF_X(2)(sp)
	sret

	/* void user_enter(struct trapframe *tf): all of tf is set; never returns. */
	.globl	user_enter
user_enter:
	mv	sp, a0
	preserved ld
	j	user_return

	/* int64_t arch_clone(const uint64_t *args), and arch_clone3: args are tf->x[10] and on. */
	.globl	arch_clone, arch_clone3
arch_clone:
	preserved sd, -TF_X(10), a0
	tail	sys_clone
arch_clone3:
	preserved sd, -TF_X(10), a0
	tail	sys_clone3
