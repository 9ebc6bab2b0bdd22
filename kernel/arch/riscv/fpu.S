/*
 * Floating-point registers. The kernel is compiled without F and D, so these
 * few lines are all that touches them. => sstatus.FS is not Off.
 */
	.text
	.option	arch, +d
	.set	FCSR_OFFSET, 256

	.macro	each_register op:req
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\op	f\n, \n * 8(a0)
	.endr
	.endm

	/* void fpu_save(struct arch_fp *to) */
	.globl	fpu_save
fpu_save:
	each_register fsd
	frcsr	t0
	sw	t0, FCSR_OFFSET(a0)
	ret

	/* void fpu_restore(const struct arch_fp *from) */
	.globl	fpu_restore
fpu_restore:
	each_register fld
	lw	t0, FCSR_OFFSET(a0)
	fscsr	t0
	ret
