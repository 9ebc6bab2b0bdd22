/*
 * A hart's state, and the calls by which the parts of the machine reach it.
 *
 * hart/decode.c  turns a 4-byte or 2-byte instruction into `struct insn`
 * hart/code.c    keeps decoded instructions by physical page
 * hart/exec.c    runs them
 * hart/csr.c     control and status registers
 * hart/trap.c    entry into and return from traps, interrupt selection
 * hart/fpu.c     IEEE 754 arithmetic of F and D
 * mmu/           translation: walk.c is the specification, tlb.c the model, lookaside in mmu.c
 */
#ifndef HART_H
#define HART_H

#include "machine/machine.h"
#include "machine/mmu/tlb.h"
#include "rv/csr.h"
#include "rv/trap.h"

struct machine;
struct code_page;

/* Index of the register that takes writes to x0. */
#define REG_SINK 32

/* Cache-block operations: the immediate of the instruction. */
enum { CBO_INVAL = 0, CBO_CLEAN = 1, CBO_FLUSH = 2, CBO_ZERO = 4 };
#define CBO_BLOCK 64 /* bytes */

#define PMP_ENTRIES 16

enum { HART_STOPPED, HART_RUNNING, HART_WAITING };

struct hart {
	/* Architectural state. */
	uint64_t x[33]; /* x[0] is always 0; x[REG_SINK] is never read */
	uint64_t f[32];
	uint64_t pc;
	uint32_t fcsr;
	unsigned prv;
	uint64_t mstatus, medeleg, mideleg, mie, mip, mtvec, mscratch, mepc, mcause, mtval;
	uint64_t stvec, sscratch, sepc, scause, stval, satp, stimecmp, menvcfg, senvcfg;
	uint32_t mcounteren, scounteren, mcountinhibit;
	/* What the guest wrote, less the machine's count; of a counter that is inhibited, its
	 * value. */
	uint64_t minstret_bias, mcycle_bias;
	bool seip_line, seip_written; /* mip.SEIP is either: the PLIC's, and what M-mode wrote */
	bool reservation_valid;
	uint64_t reservation_pa;
	uint32_t reservation_watched; /* bit i: hart i's stores to its frame take the slow path */
	uint8_t pmpcfg[PMP_ENTRIES];
	uint64_t pmpaddr[PMP_ENTRIES];
	bool pmp_open; /* follows from the two: entry 0 allows everything */

	/* Time and the machine around it. */
	struct machine *m;
	unsigned id, status; /* HART_* */
	uint64_t clock;      /* steps made and waits skipped: nanoseconds since reset */
	uint64_t deadline;   /* hart_run returns before the step at which clock reaches this */
	uint64_t mtimecmp;   /* CLINT, in ticks */

	struct mmu mmu;
	struct hart_counters count;
	uint64_t paged_user_steps, user_straddles; /* for lookups_user[ACCESS_FETCH] */
	uint64_t space_satp;                       /* address space whose counts began ... */
	struct hart_counters space_since;          /* ... at these */
	struct fault_record last_fault;
	struct code_page *code; /* page being executed */
	uint64_t pc_bias;       /* pc = pc_bias + slot address / 8, see exec.c */
	uint64_t
	    exec_since; /* clock at which exec() was entered: steps since are not yet counted */
	uint16_t straddle_half; /* second half of the instruction in two pages being executed */
	bool leave;             /* hart_run returns before the next step */
};

/* Runs until h->clock reaches h->deadline, the hart waits or stops, or `leave` is set. */
void hart_run(struct hart *h);

/* Reset: M-mode, pc 0, translation off, stopped. */
void hart_reset(struct hart *h);

/* LR of h: its reservation, of the aligned 8 bytes that hold pa. Others' stores there break it. */
void hart_reserve(struct hart *h, uint64_t pa);

/* Someone other than `but` (NULL: than any hart) wrote to RAM: reservations of it are lost. */
void hart_break_reservations(struct machine *m, const struct hart *but, uint64_t pa, uint64_t len);

/* To be called for each store of h that did not go through the lookaside. */
void hart_stored(struct hart *h, uint64_t pa, uint64_t len);

/* => false: no memory. Sets up the hart's MMU. */
bool hart_init(struct hart *h, struct machine *m, unsigned id);

/*
 * Raises or lowers interrupt line IRQ_*: bits of mip that devices drive.
 * => takes effect before the next step.
 */
void hart_set_irq(struct hart *h, unsigned irq, bool level);

/* The moment (clock) at which the timers want attention; UINT64_MAX if never. */
uint64_t hart_timer_deadline(const struct hart *h);

/* Sets MTIP and STIP from the comparators. */
void hart_timer_update(struct hart *h);

static inline uint64_t hart_time(const struct hart *h)
{
	return h->clock / 100; /* BOARD_NS_PER_TICK */
}

/* The hart's counters, complete. */
void hart_counters_get(const struct hart *h, struct hart_counters *out);

/* -- csr.c -- */
/* => false: illegal instruction. */
bool csr_read(const struct hart *h, unsigned csr, uint64_t *out, bool will_write);
bool csr_write(struct hart *h, unsigned csr, uint64_t value);
/* The value that CSRRS and CSRRC change, of a register that reads as `old`. */
uint64_t csr_base(const struct hart *h, unsigned csr, uint64_t old);

/* -- trap.c -- */
void trap_raise(struct hart *h, uint64_t cause, uint64_t tval); /* pc: h->pc */
bool trap_take_interrupt(struct hart *h);                       /* => one was taken */
bool trap_pending(const struct hart *h); /* some enabled interrupt is pending (for WFI) */
bool trap_sret(struct hart *h);
bool trap_mret(struct hart *h);

#endif
