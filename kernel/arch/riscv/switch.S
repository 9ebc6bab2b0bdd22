/*
 * From one thread to another, on their kernel stacks: what a call preserves is
 * pushed on the old stack and popped from the new one.
 */
	.text
	/* void switch_stacks(uint64_t *save_sp, uint64_t new_sp) */
	.globl	switch_stacks
switch_stacks:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	.set	offset, 8
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, offset(sp)
	.set	offset, offset + 8
	.endr
	sd	sp, (a0)
	mv	sp, a1
	ld	ra, 0(sp)
	.set	offset, 8
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, offset(sp)
	.set	offset, offset + 8
	.endr
	addi	sp, sp, 112
	ret
