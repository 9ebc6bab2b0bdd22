/*
 * The vDSO's image, as it was linked from vdso/.
 */
	.section .rodata
	.balign	8
	.globl	vdso_image, vdso_image_end
vdso_image:
	.incbin	VDSO_IMAGE
vdso_image_end:
