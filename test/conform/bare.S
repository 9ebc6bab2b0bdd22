/*
 * The assembler part of the bare programs (bare.h): start, probe, trap handlers, the routines
 * that probes run, and a stub for each CSR instruction.
 */
#include "test/conform/bare.h"

	.option	nopic
	.option	norelax
	.section .text.start, "ax"
	.globl	_start
_start:
	csrr	t0, mhartid
	bnez	t0, second
	la	t0, m_table
	csrw	mtvec, t0
	li	t0, -1			/* physical memory protection lets all through */
	csrw	pmpaddr0, t0
	li	t0, 0x1f
	csrw	pmpcfg0, t0
	la	sp, stack_top
	call	bare_main
	li	t0, 0x100000		/* the finisher: PASS */
	li	t1, 0x5555
	sw	t1, 0(t0)
1:	j	1b
second:
	la	sp, stack_top + 16384
	call	secondary

	.text
/* void probe(struct probe *p) */
	.globl	probe
probe:
	la	t0, current
	sd	a0, 0(t0)
	sd	ra, 8(t0)
	sd	sp, 16(t0)
	.irp	r, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\r, 24 + 8 * \r(t0)
	.endr
	sd	zero, P_IN_S(a0)
	ld	t0, P_MIE(a0)
	csrw	mie, t0
	ld	t0, P_PC(a0)
	ld	t1, P_MSTATUS(a0)
	ld	t2, P_JUMP(a0)
	ld	ra, P_RA(a0)
	ld	a1, P_A + 8(a0)
	ld	a2, P_A + 16(a0)
	ld	a0, P_A(a0)
	bnez	t2, 1f
	csrw	mepc, t0
	csrw	mstatus, t1
	mret
1:	csrw	mstatus, t1
	jr	t0

	.balign	4
m_common:
	li	t1, 0x20000		/* MPRV */
	csrrc	t2, mstatus, t1
	la	t1, current
	ld	t1, 0(t1)
	sd	t2, P_M_STATUS(t1)
	la	t2, m_table + 4
	sub	t0, t0, t2
	sd	t0, P_M_SLOT(t1)
	csrr	t0, mcause
	sd	t0, P_M_CAUSE(t1)
	csrr	t0, mepc
	sd	t0, P_M_EPC(t1)
	csrr	t0, mtval
	sd	t0, P_M_TVAL(t1)
	csrr	t0, mip
	sd	t0, P_M_IP(t1)
	csrw	mie, zero
	la	t0, m_table
	csrw	mtvec, t0
	sd	a0, P_A(t1)
	sd	a1, P_A + 8(t1)
	sd	a2, P_A + 16(t1)
	la	t1, current
	ld	ra, 8(t1)
	ld	sp, 16(t1)
	.irp	r, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\r, 24 + 8 * \r(t1)
	.endr
	ret

/* Runs bare, or where the program is mapped to itself for S-mode. */
	.balign	4
s_common:
	la	t1, current
	ld	t1, 0(t1)
	la	t2, s_table + 4
	sub	t0, t0, t2
	sd	t0, P_S_SLOT(t1)
	csrr	t0, scause
	sd	t0, P_S_CAUSE(t1)
	csrr	t0, sepc
	sd	t0, P_S_EPC(t1)
	csrr	t0, stval
	sd	t0, P_S_TVAL(t1)
	csrr	t0, sstatus
	sd	t0, P_S_STATUS(t1)
	li	t0, 1
	sd	t0, P_IN_S(t1)
	ld	t0, P_EXIT(t1)
	beqz	t0, 1f
	addi	t0, t0, -1
	beqz	t0, 2f
	addi	t0, t0, -1
	beqz	t0, 3f
	li	t0, HOLE
	lw	t0, 0(t0)
1:	ecall
2:	.4byte	0xffffffff
3:	.option	push
	.option	norvc
	ebreak
	.option	pop

/* Vectored handlers: an instruction for each cause. */
	.option	push
	.option	norvc
	.balign	256
	.globl	m_table, s_table
m_table:
	.rept	64
	jal	t0, m_common
	.endr
	.balign	256
s_table:
	.rept	64
	jal	t0, s_common
	.endr

	.macro	routine first, second, third
	.balign	16
	\first
	\second
	\third
	ecall
	.endm
	.balign	4096
	.globl	routines, sum_frame
routines:
	routine	"lb a2, 0(a0)"
	routine	"lhu a2, 0(a0)"
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
	routine	".4byte 0x0045200f"		/* cbo.zero (a0) */
	routine	".4byte 0x0015200f"		/* cbo.clean (a0) */
	routine	".4byte 0x0005200f"		/* cbo.inval (a0) */
	routine	"ecall"
	routine	"ebreak"
	routine	".2byte 0x9002", ".2byte 1"	/* c.ebreak */
	routine	".4byte 0xffffffff"
	routine	".2byte 0", ".2byte 1"
	routine	"nop", "nop"
	routine	"sret"
	routine	"mret"
	routine	"wfi"
	routine	"sfence.vma"
	routine	"sfence.vma a0, a1"
	routine	".4byte 0x16b50073"		/* sinval.vma a0, a1 */
	routine	".4byte 0x18000073"		/* sfence.w.inval */
	routine	".4byte 0x18100073"		/* sfence.inval.ir */
	routine	".4byte 0x02007053"		/* fadd.d f0, f0, f0 */
	routine	".4byte 0x00053007"		/* fld f0, 0(a0) */
	routine	".4byte 0x00053027"		/* fsd f0, 0(a0) */
	routine	"csrr a2, 0x001"		/* fflags */
	routine	"fence"

/* a2 becomes a sum over the first 128 bytes of the frame at a0. */
	.balign	16
sum_frame:
	li	a1, 16
	li	a2, 1
1:	ld	t0, 0(a0)
	slli	t1, a2, 7
	add	a2, a2, t1
	xor	a2, a2, t0
	addi	a0, a0, 8
	addi	a1, a1, -1
	bnez	a1, 1b
	ecall
	.option	pop

/* csr_stubs[kind][csr]: csrrw, csrrs, csrrc a0, csr, a0; csrrs a0, csr, x0. 8 bytes each. */
	.option	push
	.option	norvc
	.balign	4096
	.globl	csr_stubs, return_stub
csr_stubs:
	.irp	base, 0x00051573, 0x00052573, 0x00053573, 0x00002573
	.set	csr, 0
	.rept	4096
	.4byte	\base + (csr << 20)
	ret
	.set	csr, csr + 1
	.endr
	.endr
return_stub:
	ecall
/* From a stub on to the one at a2, then to the end: a1 what the first read, a0 the second. */
	.globl	csr_back, csr_back_m
csr_back:
	mv	a1, a0
	la	ra, return_stub
	jr	a2
csr_back_m:
	mv	a1, a0
	la	ra, 1f
	jr	a2
1:	la	t0, m_table
	csrw	mtvec, t0
	li	t0, 0x20000		/* MPRV */
	csrc	mstatus, t0
	ecall
	.option	pop

	.data
	.balign	8
current:				/* the probe; then what probe() must keep: ra, sp, s0 to s11 */
	.zero	8 * 15
	.globl	params
params:
	.8byte	SEED, COUNT, FIRST, LAST, QEMU

	.bss
	.balign	16
	.zero	16384
stack_top:
	.zero	16384			/* hart 1's */
