/*
 * Whole pages, the inner loops of demand zero and copy-on-write: 64 words a
 * turn, so that a clear takes 512 stores and 20 instructions more. Where the hart
 * can zero a block at once (Zicboz), it does that: 64 blocks of 64 bytes, 8 a turn.
 */
#include "rv/pte.h"

	.text
	/* void arch_page_clear(void *kva) */
	.globl	arch_page_clear
arch_page_clear:
	ld	t1, page_cboz_block
	li	t0, RV_PAGE_SIZE
	add	t0, a0, t0
	bnez	t1, clear_blocks
1:
	.set	offset, 0
	.rept	64
	sd	zero, offset(a0)
	.set	offset, offset + 8
	.endr
	addi	a0, a0, 512
	bne	a0, t0, 1b
	ret

	/* t1: length of a block, of which a page has at least 8 */
	.option	push
	.option	arch, +zicboz
clear_blocks:
	.rept	8
	cbo.zero (a0)
	add	a0, a0, t1
	.endr
	bne	a0, t0, clear_blocks
	ret
	.option	pop

	.data
	.balign	8
	.globl	page_cboz_block
page_cboz_block:
	.dword	0

	.text
	/* void arch_page_copy(void *to, const void *from) */
	.globl	arch_page_copy
arch_page_copy:
	li	t0, RV_PAGE_SIZE
	add	t0, a0, t0
1:
	.set	offset, 0
	.rept	16
	ld	t1, offset(a1)
	ld	t2, offset + 8(a1)
	ld	t3, offset + 16(a1)
	ld	t4, offset + 24(a1)
	sd	t1, offset(a0)
	sd	t2, offset + 8(a0)
	sd	t3, offset + 16(a0)
	sd	t4, offset + 24(a0)
	.set	offset, offset + 32
	.endr
	addi	a0, a0, 512
	addi	a1, a1, 512
	bne	a0, t0, 1b
	ret
