/*
 * The vDSO: a shared object in one page, which the kernel maps into every
 * program. A handler of a signal returns to its first function; the others are
 * what C libraries look for by name, and ask the kernel.
 */
#define SYS_rt_sigreturn       139
#define SYS_clock_gettime      113
#define SYS_clock_getres       114
#define SYS_gettimeofday       169
#define SYS_getcpu             168
#define SYS_riscv_hwprobe      258
#define SYS_riscv_flush_icache 259

	.macro	function name, number, returns=1
	.globl	__vdso_\name
	.type	__vdso_\name, @function
__vdso_\name:
	li	a7, \number
	ecall
	.if	\returns
	ret
	.endif
	.size	__vdso_\name, . - __vdso_\name
	.endm

	/* Unwinders know a signal's frame by these two instructions. */
	.section .text.sigreturn, "ax"
	function rt_sigreturn, SYS_rt_sigreturn, 0

	.text
	function clock_gettime, SYS_clock_gettime
	function clock_getres, SYS_clock_getres
	function gettimeofday, SYS_gettimeofday
	function getcpu, SYS_getcpu
	function flush_icache, SYS_riscv_flush_icache
	function riscv_hwprobe, SYS_riscv_hwprobe
