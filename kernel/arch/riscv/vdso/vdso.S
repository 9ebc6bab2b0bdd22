/*
 * The vDSO: a shared object in one page, which the kernel maps into every
 * program. A handler of a signal returns to its first function; the others are
 * what C libraries look for by name. Most ask the kernel. The clocks that are time
 * itself need not: programs may read the hart's counter, and at the page's end lies
 * what makes time of it, which the kernel writes (struct arch_vdso_data):
 *
 *     monotonic = (counter - boot) * ns per tick        real time = monotonic + epoch
 *
 * Each of the three words is whole whenever it is read, and only the epoch ever
 * changes, so there is nothing to lock. Where a tick is no whole number of ns, the
 * second word is 0, and the kernel is asked.
 */
#define DATA_BOOT  0
#define DATA_TICK  8
#define DATA_EPOCH 16

/* Bit n: clock n of clock_gettime(2) is read here; shows real time. */
#define CLOCKS      0x8f3 /* all but those of processor time, 2 and 3, and alarms, 8 and 9 */
#define CLOCKS_REAL 0x821 /* REALTIME, REALTIME_COARSE, TAI */
#define NCLOCKS     12

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

	/* t0 = monotonic time in ns; t1 = data; changes t2, t3. Goes to `kernel` if it cannot tell. */
	.macro	monotonic kernel
	lla	t1, vdso_data
	ld	t2, DATA_TICK(t1)
	beqz	t2, \kernel
	ld	t3, DATA_BOOT(t1)
	rdtime	t0
	sub	t0, t0, t3
	mul	t0, t0, t2
	.endm

	.text
	/* int __vdso_clock_gettime(clockid_t a0, struct timespec *a1) */
	.globl	__vdso_clock_gettime
	.type	__vdso_clock_gettime, @function
__vdso_clock_gettime:
	li	t0, NCLOCKS
	bgeu	a0, t0, 2f
	li	t0, CLOCKS
	srl	t0, t0, a0
	andi	t0, t0, 1
	beqz	t0, 2f
	monotonic 2f
	li	t2, CLOCKS_REAL
	srl	t2, t2, a0
	andi	t2, t2, 1
	beqz	t2, 1f
	ld	t3, DATA_EPOCH(t1)
	add	t0, t0, t3
1:	li	t1, 1000000000
	divu	t2, t0, t1
	remu	t3, t0, t1
	sd	t2, 0(a1)
	sd	t3, 8(a1)
	li	a0, 0
	ret
2:	li	a7, SYS_clock_gettime
	ecall
	ret
	.size	__vdso_clock_gettime, . - __vdso_clock_gettime

	/* int __vdso_gettimeofday(struct timeval *a0, struct timezone *a1): either may be NULL */
	.globl	__vdso_gettimeofday
	.type	__vdso_gettimeofday, @function
__vdso_gettimeofday:
	beqz	a0, 1f
	monotonic 2f
	ld	t3, DATA_EPOCH(t1)
	add	t0, t0, t3
	li	t1, 1000
	divu	t0, t0, t1
	li	t1, 1000000
	divu	t2, t0, t1
	remu	t3, t0, t1
	sd	t2, 0(a0)
	sd	t3, 8(a0)
1:	li	a0, 0
	beqz	a1, 3f
	sw	zero, 0(a1)
	sw	zero, 4(a1)
3:	ret
2:	li	a7, SYS_gettimeofday
	ecall
	ret
	.size	__vdso_gettimeofday, . - __vdso_gettimeofday

	function clock_getres, SYS_clock_getres
	function getcpu, SYS_getcpu
	function flush_icache, SYS_riscv_flush_icache
	function riscv_hwprobe, SYS_riscv_hwprobe
