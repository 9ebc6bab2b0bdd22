/*
 * What every program that a generator of this folder writes begins with: the
 * first instruction, the hash, output over the UART, the end.
 *
 *	x1 ra  scratch				x3 gp  multiplier of the hash
 *	x2 sp  the program's own		x4 tp  the hash
 *
 * The program goes on at `begin`, and its traps at `trap`.
 */
	.option nopic
	.text
	.globl _start
_start:
	csrr	x1, mhartid		/* other harts wait; QEMU's AMOs are loads and stores if it */
	bnez	x1, park		/* has one hart only, with other faults than AMOs */
	la	x1, trap
	csrw	mtvec, x1
	li	x1, 0x6000		/* mstatus.FS: dirty */
	csrs	mstatus, x1
	fscsr	x0
	csrw	mscratch, x0
	ld	x3, multiplier
	li	x4, 1
	j	begin

	.balign	8
multiplier:
	.8byte	0x9e3779b97f4a7c15
saved:
	.zero	64
block_number:
	.8byte	0

/* hash = (hash ^ reg) * multiplier */
	.macro	fold_in reg
	xor	x4, x4, \reg
	mul	x4, x4, x3
	.endm

park:
	wfi
	j	park

/* Prints the number of this block and the hash, on a line. Returns to x9; x1, x5 to x8 are lost. */
print_block:
	ld	x5, block_number
	addi	x6, x5, 1
	sd	x6, block_number, x7
	li	x6, 20
	jal	x8, print_hex
	mv	x5, x4
	li	x6, 64
	jal	x8, print_hex
	li	x5, 10
	jal	x8, print_char
	jr	x9

/* Prints the lowest x6 bits of x5, and a space. Returns to x8; x1, x5 to x7 are lost. */
print_hex:
	la	x1, saved
	sd	x8, 32(x1)
	sd	x5, 40(x1)
1:	addi	x6, x6, -4
	la	x1, saved
	ld	x5, 40(x1)
	srl	x5, x5, x6
	andi	x5, x5, 15
	addi	x5, x5, '0'
	li	x7, '9' + 1
	blt	x5, x7, 2f
	addi	x5, x5, 'a' - '9' - 1
2:	jal	x8, print_char
	bnez	x6, 1b
	li	x5, ' '
	jal	x8, print_char
	la	x1, saved
	ld	x8, 32(x1)
	jr	x8

/* Prints x5. Returns to x8; x1 and x7 are lost. Waits for the transmitter: bit 5 of LSR. */
print_char:
	li	x1, 0x10000000
1:	lbu	x7, 5(x1)
	andi	x7, x7, 0x20
	beqz	x7, 1b
	sb	x5, 0(x1)
	jr	x8

/* Writes PASS to the finisher. */
finish:
	li	x5, 0x100000
	li	x6, 0x5555
	sw	x6, 0(x5)
1:	j	1b
