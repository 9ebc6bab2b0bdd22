/*
 * For the programs of gen_mmu.c: page tables, the accesses as small routines in S
 * and U, and a trap handler that folds what is to be seen of an access.
 *
 * Virtual memory of both address spaces, beside what the program itself maps:
 *
 *	0x1000	the routines, for S-mode	0x2000	the same frame, for U-mode
 *
 * A routine gets an address in a0 and a value in a1, leaves what it read in a2, and
 * ends with ECALL. Every step ends in `trap`, which goes on at mscratch in M-mode.
 */
#include "test/conform/runtime.S"

	.equ	TABLES, 8
	.equ	DATA, 0x80200000	/* frames at DATA + j * 2 MiB + k * 4 KiB, j, k < 4 */

	.balign	4
trap:
	li	x5, 0x20000		/* MPRV has no effect here, but QEMU may use what it cached */
	csrc	mstatus, x5
	csrr	x1, mcause
	fold_in	x1
	csrr	x5, mepc
	fold_in	x5
	csrr	x6, mtval
	li	x7, 0xb0f2		/* causes whose mtval is an address: 1, 4 to 7, 12, 13, 15 */
	srl	x7, x7, x1
	andi	x7, x7, 1
	beqz	x7, 1f
	fold_in	x6
1:	fold_in	x12

	/* The tables: A and D change there. Entries 0 to 31 of each, and the last. */
	la	x5, tables
	li	x6, TABLES
2:	li	x7, 32
3:	ld	x8, 0(x5)
	fold_in	x8
	addi	x5, x5, 8
	addi	x7, x7, -1
	bnez	x7, 3b
	li	x7, 4096 - 256
	add	x5, x5, x7
	ld	x8, -8(x5)
	fold_in	x8
	addi	x6, x6, -1
	bnez	x6, 2b

	/* The data: 16 doublewords of 16 frames. */
	li	x5, DATA
	li	x6, 4
4:	li	x7, 4
5:	li	x9, 16
6:	ld	x8, 0(x5)
	fold_in	x8
	addi	x5, x5, 8
	addi	x9, x9, -1
	bnez	x9, 6b
	li	x9, 4096 - 128
	add	x5, x5, x9
	addi	x7, x7, -1
	bnez	x7, 5b
	li	x9, 0x200000 - 4 * 4096
	add	x5, x5, x9
	addi	x6, x6, -1
	bnez	x6, 4b

	jal	x9, print_block
	csrr	x1, mscratch
	jr	x1

/* Routine number n lies at 16 * n. */
	.balign	4096
routines:
	.option	push
	.option	norvc
	.macro	routine first, second
	.balign	16
	\first
	\second
	ecall
	.endm
	routine	"lh a2, 0(a0)"
	routine	"lw a2, 0(a0)"
	routine	"ld a2, 0(a0)"
	routine	"sh a1, 0(a0)"
	routine	"sw a1, 0(a0)"
	routine	"sd a1, 0(a0)"
	routine	"amoswap.w a2, a1, (a0)"
	routine	"amoswap.d a2, a1, (a0)"
	routine	"lr.w a2, (a0)", "sc.w a2, a1, (a0)"
	routine	"lr.d a2, (a0)", "sc.d a2, a1, (a0)"
	routine	"fence.i", "jr a0"
	.option	pop

	.balign	4096
tables:					/* numbered as in gen_mmu.c */
	.zero	TABLES * 4096

/* Entry `index` of table `number` becomes a pointer to, or a leaf of, the frame of `target`. */
	.macro	set_entry number, index, target, flags
	la	x5, tables + 4096 * \number + 8 * \index
	la	x6, \target
	srli	x6, x6, 2
	ori	x6, x6, \flags
	sd	x6, 0(x5)
	.endm

	.macro	set_leaf number, index, pte
	la	x5, tables + 4096 * \number + 8 * \index
	li	x6, \pte
	sd	x6, 0(x5)
	.endm

	.macro	use_space number
	la	x5, tables + 4096 * \number
	srli	x5, x5, 12
	li	x6, (8 << 60) | ((\number + 1) << 44)
	or	x5, x5, x6
	csrw	satp, x5
	.endm

/* MPP, SUM, MXR and MPRV as given. */
	.macro	set_mstatus bits
	li	x5, 0xe1800
	csrc	mstatus, x5
	li	x5, \bits
	csrs	mstatus, x5
	.endm

/* One access by a routine at `entry`. */
	.macro	access bits, entry, va, value
	set_mstatus \bits
	li	x5, \entry
	csrw	mepc, x5
	la	x5, 1f
	csrw	mscratch, x5
	li	a0, \va
	li	a1, \value
	li	a2, 0
	mret
1:
	.endm

/* The same from M-mode, which borrows another's translation by MPRV. */
	.macro	access_mprv bits, va, value, insn:vararg
	la	x5, 1f
	csrw	mscratch, x5
	li	a0, \va
	li	a1, \value
	li	a2, 0
	set_mstatus \bits
	\insn
	ecall
1:
	.endm

begin:
	/* Where there is physical memory protection, it lets all through; else this traps. */
	la	x1, 1f
	csrw	mtvec, x1
	li	x1, -1
	csrw	pmpaddr0, x1
	li	x1, 0x1f
	csrw	pmpcfg0, x1
	.balign	4
1:	la	x1, trap
	csrw	mtvec, x1

	set_entry 0, 0, tables + 4096 * 2, 1
	set_entry 1, 0, tables + 4096 * 3, 1
	set_entry 2, 0, tables + 4096 * 4, 1
	set_entry 3, 0, tables + 4096 * 5, 1
	set_entry 4, 1, routines, 0xcb
	set_entry 5, 1, routines, 0xcb
	set_entry 4, 2, routines, 0xdb
	set_entry 5, 2, routines, 0xdb
	use_space 0
	sfence.vma
