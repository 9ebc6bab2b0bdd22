/*
 * What the bare programs of this folder share: bare_csr.c, bare_trap.c, bare_mmu.c,
 * bare_irq.c, bare_smp.c.
 *
 * Such a program starts in M-mode at 0x80000000 on the `virt` board, makes its cases
 * itself from a seed, runs each in a *probe* and folds what came of it into a hash. It
 * prints the hash once a LINE of cases; the first line in which two machines differ is
 * looked at again with PARAM_FIRST and PARAM_LAST, between which every case is printed.
 *
 * A probe is a few instructions in a chosen privilege and state, up to the first trap:
 *
 *	probe() ── mret, or csrw mstatus + jr ──> routine ── trap ──> M ──> probe() returns
 *	                                             └─ delegated ─> S ── exit ──> M
 *
 * I1. No random number depends on what a case did: both machines make the same cases.
 * I2. Memory is accessed in M-mode with MPRV clear, but for what a routine does.
 */
#ifndef BARE_H
#define BARE_H

/* Offsets of struct probe, for bare.S. */
#define P_PC       0
#define P_MSTATUS  8
#define P_A        16 /* a0, a1, a2 */
#define P_JUMP     40
#define P_MIE      48
#define P_EXIT     56
#define P_RA       64
#define P_M_SLOT   72
#define P_M_CAUSE  80
#define P_M_EPC    88
#define P_M_TVAL   96
#define P_M_STATUS 104
#define P_M_IP     112
#define P_IN_S     120
#define P_S_SLOT   128
#define P_S_CAUSE  136
#define P_S_EPC    144
#define P_S_TVAL   152
#define P_S_STATUS 160

/* How the S-mode handler goes on to M-mode: by an exception that is not delegated. */
#define EXIT_ECALL   0
#define EXIT_ILLEGAL 1
#define EXIT_BREAK   2
#define EXIT_LOAD    3 /* of HOLE: access fault */

#define HOLE 0x18000000 /* nothing lies there on the board */

#define PARAM_SEED  0
#define PARAM_COUNT 8
#define PARAM_FIRST 16
#define PARAM_LAST  24
#define PARAM_QEMU  32 /* 7 or 10: what the other machine implements */

/* The data: frames at DATA + j * 2 MiB + k * 4 KiB, j < 4, k of 0, 1, 510, 511. */
#define DATA 0x80200000

/* Routines of bare.S: `name first [second]`; they lie at 16 * n in the frame `routines`. */
/* clang-format off */
#define FOR_ROUTINES(X) \
	X(LB) X(LHU) X(LW) X(LD) X(SH) X(SW) X(SD) X(SWAP_W) X(SWAP_D) X(LRSC_W) X(LRSC_D) \
	X(FETCH) X(CBO_ZERO) X(CBO_CLEAN) X(CBO_INVAL) X(PAD) X(BREAK) X(C_BREAK) X(ILLEGAL) \
	X(C_ILLEGAL) X(NOPS) X(SRET) X(MRET) X(WFI) X(SFENCE) X(SFENCE_ASID) X(SINVAL) \
	X(SFENCE_W_INVAL) X(SFENCE_INVAL_IR) X(FADD) X(FLD) X(FSD) X(FRFLAGS) X(FENCE)
/* clang-format on */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
#define X(name) R_##name,
	FOR_ROUTINES(X)
#undef X
	    R_COUNT
};

struct probe {
	/* What is done. `jump`: in M-mode, behind a write of mstatus; else by MRET. */
	uint64_t pc, mstatus, a[3], jump, mie, exit, ra;
	/* What came of it. The S-mode fields are set if in_s. */
	uint64_t m_slot, m_cause, m_epc, m_tval, m_status, m_ip;
	uint64_t in_s, s_slot, s_cause, s_epc, s_tval, s_status;
};
_Static_assert(offsetof(struct probe, s_status) == P_S_STATUS, "bare.S");
_Static_assert(offsetof(struct probe, in_s) == P_IN_S, "bare.S");

struct params {
	uint64_t seed, count, first, last, qemu;
};

extern const struct params params;
extern char m_table[], s_table[], routines[], csr_stubs[], return_stub[], sum_frame[];
extern char csr_back_m[], csr_back[];

/* => the fields behind `ra`, and a[], say what happened. mtvec must be m_table. */
void probe(struct probe *p);

/* bare.c */
void case_begin(uint64_t number); /* random numbers of this case; remember whether to print it */
uint64_t bits(void);
unsigned below(unsigned n);
#define PICK(array) (array)[below(sizeof(array) / sizeof((array)[0]))]
uint64_t value(void);                    /* corners, single bits, random */
void fold(const char *name, uint64_t v); /* and print it, if this case is printed */
void note(const char *name, uint64_t v); /* print it, if this case is printed */
void case_end(void);
bool in_qemu10(void);

/* The program. => with `count` cases done */
void run_case(uint64_t number);
void run_setup(void);
void secondary(void); /* what hart 1 does; by default it waits */

#define csr_get(csr)                                                                               \
	({                                                                                         \
		uint64_t v_;                                                                       \
		__asm__ volatile("csrr %0, %1" : "=r"(v_) : "i"(csr) : "memory");                  \
		v_;                                                                                \
	})
#define csr_put(csr, v)   __asm__ volatile("csrw %0, %1" ::"i"(csr), "r"((uint64_t)(v)) : "memory")
#define csr_set(csr, v)   __asm__ volatile("csrs %0, %1" ::"i"(csr), "r"((uint64_t)(v)) : "memory")
#define csr_clear(csr, v) __asm__ volatile("csrc %0, %1" ::"i"(csr), "r"((uint64_t)(v)) : "memory")
#endif
#endif
