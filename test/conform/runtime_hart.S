/*
 * For the programs of gen.c: sp in the middle of the data page, a trap handler
 * that goes on behind the instruction, and the fold of all registers.
 *
 * Traps happen within a block, where x1 is free: the handler has x1 and, until
 * it loads the multiplier again, x3.
 */
#include "test/conform/runtime.S"

	.balign	4
trap:
	csrr	x1, mcause
	fold_in	x1
	csrr	x1, mepc
	fold_in	x1
	lhu	x3, 0(x1)		/* 4 bytes long if its two lowest bits are set, else 2 */
	andi	x3, x3, 3
	addi	x3, x3, -3
	seqz	x3, x3
	slli	x3, x3, 1
	add	x1, x1, x3
	addi	x1, x1, 2
	csrw	mepc, x1
	ld	x3, multiplier
	mret

/* Folds x5 to x31, f0 to f31, fcsr and the data page, and prints. Returns to x1; keeps the rest. */
fold:
	csrw	mscratch, x1
	.irp	r, 5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fold_in	x\r
	.endr
	.irp	r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	fmv.x.d	x1, f\r
	fold_in	x1
	.endr
	.irp	r, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fmv.x.d	x1, f\r
	fold_in	x1
	.endr
	frcsr	x1
	fold_in	x1
	la	x1, saved
	sd	x5, 0(x1)
	sd	x6, 8(x1)
	sd	x7, 16(x1)
	sd	x8, 24(x1)
	sd	x9, 48(x1)
	la	x5, data_page
	li	x6, 512
1:	ld	x7, 0(x5)
	fold_in	x7
	addi	x5, x5, 8
	addi	x6, x6, -1
	bnez	x6, 1b
	jal	x9, print_block
	la	x1, saved
	ld	x5, 0(x1)
	ld	x6, 8(x1)
	ld	x7, 16(x1)
	ld	x8, 24(x1)
	ld	x9, 48(x1)
	csrr	x1, mscratch
	csrw	mscratch, x0
	ret

begin:
	la	sp, data_page + 2048
