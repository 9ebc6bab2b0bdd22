/*
 * Copies between kernel and user memory.
 *
 * A range that is not wholly below the end of user addresses is refused before
 * it is touched. Inside, SUM allows the kernel to touch user pages. A page fault
 * there is served like the program's own; if it cannot be, trap.c looks up pc in
 * the fix-up table, whose entries are
 *
 *	first instruction, one past the last, where to go on
 *
 * Both ways count exactly what was not copied. A loop over blocks of 64 bytes
 * goes on, after a fault, in the loop over words, which meets the fault again at
 * the word that has it: an aligned word lies in one page, so either all of it can
 * be copied or nothing. Only two pointers that are misaligned to each other are
 * copied byte by byte.
 *
 * a0: destination, a1: source, a2: length, and then the destination's end; so what
 * is left is a2 - a0.
 */
#include "kernel/arch/riscv/riscv.h"
#include "rv/csr.h"

	.macro	fixup first, last, to
	.pushsection .fixup, "a"
	.balign	8
	.dword	\first, \last, \to
	.popsection
	.endm

	/* Leaves with a0 = length unless [addr, addr + a2) is all user's. t0: their end. */
	.macro	check_range addr
	ld	t0, pt_user_end
	add	t1, \addr, a2
	bltu	t1, \addr, refused
	bgtu	t1, t0, refused
	.endm

	.text
	.option	norelax

refused:
	mv	a0, a2
	ret

	/* All copies end here: SUM off, a0 = bytes left. */
finish:
	li	t0, MSTATUS_SUM
	csrc	sstatus, t0
	sub	a0, a2, a0
	ret

	/* t1 = where the whole pieces of `size` bytes from a0 on end; without one: goes to `none`. */
	.macro	pieces size, none
	sub	t1, a2, a0
	andi	t1, t1, -\size
	beqz	t1, \none
	add	t1, a0, t1
	.endm

	/* size_t arch_copy_from_user(void *to, vaddr_t from, size_t len) */
	.globl	arch_copy_from_user
arch_copy_from_user:
	check_range a1
	j	copy

	/* size_t arch_copy_to_user(vaddr_t to, const void *from, size_t len) */
	.globl	arch_copy_to_user
arch_copy_to_user:
	check_range a0

copy:
	li	t0, MSTATUS_SUM
	csrs	sstatus, t0
	xor	t0, a0, a1
	andi	t0, t0, 7
	add	a2, a0, a2
	bnez	t0, copy_bytes		/* never aligned both at once */
1:	andi	t0, a0, 7		/* bytes up to the first word */
	beqz	t0, copy_blocks
	beq	a0, a2, finish
copy_head:
	lb	t0, (a1)
	sb	t0, (a0)
copy_head_end:
	addi	a0, a0, 1
	addi	a1, a1, 1
	j	1b

copy_blocks:
	pieces	64, copy_words
copy_block:
	ld	a3, (a1)
	ld	a4, 8(a1)
	ld	a5, 16(a1)
	ld	a6, 24(a1)
	ld	a7, 32(a1)
	ld	t3, 40(a1)
	ld	t4, 48(a1)
	ld	t5, 56(a1)
	sd	a3, (a0)
	sd	a4, 8(a0)
	sd	a5, 16(a0)
	sd	a6, 24(a0)
	sd	a7, 32(a0)
	sd	t3, 40(a0)
	sd	t4, 48(a0)
	sd	t5, 56(a0)
copy_block_end:
	addi	a0, a0, 64
	addi	a1, a1, 64
	bne	a0, t1, copy_block

copy_words:
	pieces	8, copy_bytes
copy_word:
	ld	t0, (a1)
	sd	t0, (a0)
copy_word_end:
	addi	a0, a0, 8
	addi	a1, a1, 8
	bne	a0, t1, copy_word

copy_bytes:
	beq	a0, a2, finish
copy_byte:
	lb	t0, (a1)
	sb	t0, (a0)
copy_byte_end:
	addi	a0, a0, 1
	addi	a1, a1, 1
	bne	a0, a2, copy_byte
	j	finish

	fixup	copy_head, copy_head_end, finish
	fixup	copy_block, copy_block_end, copy_words
	fixup	copy_word, copy_word_end, finish
	fixup	copy_byte, copy_byte_end, finish

	/* size_t arch_clear_user(vaddr_t to, size_t len) */
	.globl	arch_clear_user
arch_clear_user:
	mv	a2, a1
	check_range a0
	li	t0, MSTATUS_SUM
	csrs	sstatus, t0
	add	a2, a0, a2
1:	andi	t0, a0, 7
	beqz	t0, clear_blocks
	beq	a0, a2, finish
clear_head:
	sb	zero, (a0)
clear_head_end:
	addi	a0, a0, 1
	j	1b

clear_blocks:
	pieces	64, clear_words
clear_block:
	.irp	n, 0,8,16,24,32,40,48,56
	sd	zero, \n(a0)
	.endr
clear_block_end:
	addi	a0, a0, 64
	bne	a0, t1, clear_block

clear_words:
	pieces	8, clear_bytes
clear_word:
	sd	zero, (a0)
clear_word_end:
	addi	a0, a0, 8
	bne	a0, t1, clear_word

clear_bytes:
	beq	a0, a2, finish
clear_byte:
	sb	zero, (a0)
clear_byte_end:
	addi	a0, a0, 1
	bne	a0, a2, clear_byte
	j	finish

	fixup	clear_head, clear_head_end, finish
	fixup	clear_block, clear_block_end, clear_words
	fixup	clear_word, clear_word_end, finish
	fixup	clear_byte, clear_byte_end, finish

	/*
	 * ssize_t user_string_copy(char *to, vaddr_t from, size_t size): up to and with the NUL.
	 * => its length; size if there is none within size bytes; -1 after a fault.
	 */
	.globl	user_string_copy
user_string_copy:
	li	t0, MSTATUS_SUM
	csrs	sstatus, t0
	mv	t1, a2
1:	beqz	a2, 2f
string_byte:
	lbu	t0, (a1)
string_byte_end:
	sb	t0, (a0)
	beqz	t0, 2f
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	1b
2:	sub	a0, t1, a2
3:	li	t0, MSTATUS_SUM
	csrc	sstatus, t0
	ret
string_fault:
	li	a0, -1
	j	3b

	fixup	string_byte, string_byte_end, string_fault

	/* int arch_user_exchange32(vaddr_t at, uint32_t old, uint32_t new, uint32_t *seen) */
	.globl	arch_user_exchange32
arch_user_exchange32:
	ld	t0, pt_user_end
	addi	t1, a0, 4
	bltu	t1, a0, exchange_refused
	bgtu	t1, t0, exchange_refused
	li	t0, MSTATUS_SUM
	csrs	sstatus, t0
exchange_first:
	lr.w.aqrl	t1, (a0)
	bne	t1, a1, 1f
	sc.w.rl	t2, a2, (a0)
	bnez	t2, exchange_first
1:
exchange_last:
	csrc	sstatus, t0
	sw	t1, (a3)
	li	a0, 0
	ret
exchange_fault:
	li	t0, MSTATUS_SUM
	csrc	sstatus, t0
exchange_refused:
	li	a0, -1
	ret
	fixup	exchange_first, exchange_last, exchange_fault
