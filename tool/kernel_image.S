/*
 * The kernel inside the command, so that whoever runs limpid need not build or
 * find one. KERNEL_IMAGE names the ELF file.
 */
	.section .rodata
	.balign 4096
	.globl kernel_image
kernel_image:
	.incbin KERNEL_IMAGE
	.globl kernel_image_end
kernel_image_end:

	.section .note.GNU-stack, "", %progbits
