/*
 * Two harts, as a bare program (bare.h): what one does to the other. Hart 1 waits for software
 * interrupts and does what the mailbox says; results do not depend on who is faster.
 *
 *	hart 0					hart 1
 *	job, MSIP(1) = 1  ------------------->	wfi, MSIP(1) = 0, does it
 *	(its own part, at the same time)
 *	waits for `done`  <-------------------	done = 1
 */
#include "rv/csr.h"
#include "rv/pte.h"
#include "test/conform/bare.h"

#define MSIP(hart) (((volatile uint32_t *)0x2000000)[hart])
#define PAGE       4096u

enum job { JOB_NONE, JOB_ADD, JOB_LRSC, JOB_LOCK, JOB_BREAK, JOB_FENCE, JOB_READ, JOB_CALL };

static struct {
	volatile uint64_t job, arg[3], result, done;
} box;

static _Alignas(4096) uint64_t root[512], middle[512], leaf[512];
static _Alignas(4096) uint32_t code[1024]; /* what hart 1 calls; nothing else is in its frame */
static _Alignas(64) volatile uint64_t shared[64];
static volatile uint64_t step; /* of a conversation within a job */

#define FENCE() __asm__ volatile("fence" ::: "memory")

/* -- what both do at once -------------------------------------------------------------------- */

static void add(uint64_t n)
{
	for (uint64_t i = 1; i <= n; i++) {
		__asm__ volatile("amoadd.d x0, %0, (%1)" ::"r"(i), "r"(&shared[0]) : "memory");
		__asm__ volatile("amoadd.w x0, %0, (%1)" ::"r"(i), "r"(&shared[1]) : "memory");
		__asm__ volatile("amoxor.d x0, %0, (%1)" ::"r"(i << n), "r"(&shared[2]) : "memory");
		__asm__ volatile("amoor.d x0, %0, (%1)" ::"r"(1ul << i), "r"(&shared[3])
				 : "memory");
		__asm__ volatile("amomaxu.d x0, %0, (%1)" ::"r"(i * n), "r"(&shared[4]) : "memory");
		__asm__ volatile("amomin.d x0, %0, (%1)" ::"r"(-(i * n)), "r"(&shared[5])
				 : "memory");
	}
}

static void lrsc(uint64_t n)
{
	uint64_t old, failed;

	while (n--)
		__asm__ volatile("1: lr.d %0, (%2)\n"
				 "   addi %0, %0, 3\n"
				 "   sc.d %1, %0, (%2)\n"
				 "   bnez %1, 1b"
				 : "=&r"(old), "=&r"(failed)
				 : "r"(&shared[0])
				 : "memory");
}

static void lock(uint64_t n)
{
	uint32_t taken;

	while (n--) {
		do
			__asm__ volatile("amoswap.w.aq %0, %1, (%2)"
					 : "=r"(taken)
					 : "r"(1), "r"(&shared[8])
					 : "memory");
		while (taken);
		shared[0] = shared[0] * 3 + 1; /* both do the same: only the number counts */
		__asm__ volatile("amoswap.w.rl x0, x0, (%0)" ::"r"(&shared[8]) : "memory");
	}
}

/* -- hart 1 ---------------------------------------------------------------------------------- */

/* Loads through S-mode's translation, from M-mode. */
static uint64_t load_translated(uint64_t va)
{
	uint64_t v;

	csr_set(CSR_MSTATUS, MSTATUS_MPRV);
	__asm__ volatile("ld %0, (%1)" : "=r"(v) : "r"(va) : "memory");
	csr_clear(CSR_MSTATUS, MSTATUS_MPRV);
	return v;
}

static void fence_for(uint64_t kind, uint64_t va)
{
	switch (kind) {
	case 0: __asm__ volatile("sfence.vma" ::: "memory"); break;
	case 1: __asm__ volatile("sfence.vma %0" ::"r"(va) : "memory"); break;
	case 2: __asm__ volatile("sfence.vma x0, %0" ::"r"(7) : "memory"); break;
	default: __asm__ volatile("sfence.vma %0, %1" ::"r"(va), "r"(7) : "memory"); break;
	}
}

/* Hart 0 holds a reservation: stores, tells, and hears nothing more of it. */
static void break_it(uint64_t at, uint64_t how)
{
	while (step != 1)
		;
	FENCE();
	if (how == 0)
		*(volatile uint64_t *)at = 111;
	else if (how == 1)
		*(volatile uint8_t *)at = 112;
	else
		__asm__ volatile("amoadd.w x0, %0, (%1)" ::"r"(5), "r"(at) : "memory");
	FENCE();
	step = 2;
}

static void do_job(void)
{
	uint64_t a = box.arg[0], b = box.arg[1];

	switch (box.job) {
	case JOB_ADD: add(a); break;
	case JOB_LRSC: lrsc(a); break;
	case JOB_LOCK: lock(a); break;
	case JOB_BREAK: break_it(a, b); break;
	case JOB_FENCE: fence_for(b, a); break;
	case JOB_READ: box.result = load_translated(a); break;
	case JOB_CALL:
		__asm__ volatile("fence.i" ::: "memory");
		box.result = ((uint64_t(*)(void))code)();
		break;
	default: break;
	}
}

void secondary(void)
{
	csr_put(CSR_PMPADDR0, -1);
	csr_put(CSR_PMPCFG0, 0x1f);
	csr_put(CSR_MSTATUS, (uint64_t)PRV_S << MSTATUS_MPP_SHIFT);
	csr_put(CSR_SATP, (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | (uint64_t)7 << 44 |
			      (uint64_t)root >> 12);
	csr_put(CSR_MIE, 1 << IRQ_MSIP);
	for (;;) {
		while (!(csr_get(CSR_MIP) & 1 << IRQ_MSIP))
			__asm__ volatile("wfi");
		MSIP(1) = 0;
		FENCE();
		do_job();
		FENCE();
		box.done = 1;
	}
}

/* -- hart 0 ---------------------------------------------------------------------------------- */

static void start(enum job job, uint64_t a, uint64_t b)
{
	box.job = job;
	box.arg[0] = a;
	box.arg[1] = b;
	box.done = 0;
	FENCE();
	MSIP(1) = 1;
}

static uint64_t finish(void)
{
	while (!box.done)
		;
	FENCE();
	return box.result;
}

static void together(enum job job, void (*mine)(uint64_t))
{
	uint64_t n = 1 + below(30);

	for (unsigned i = 0; i < 9; i++)
		shared[i] = i == 8 ? 0 : i;
	note("n", n);
	start(job, n, 0);
	mine(n);
	finish();
	for (unsigned i = 0; i < 9; i++)
		fold("shared", shared[i]);
}

static void reservation(void)
{
	/* Within the reserved bytes, or far from them. */
	unsigned how = below(3), word = below(2), far = below(2);
	volatile uint64_t *reserved = &shared[8 + word];
	uint64_t at = (uint64_t)(far ? &shared[40 + below(8)] : reserved), old, failed;

	step = 0;
	shared[8] = shared[9] = 1000;
	note("how", how);
	note("far", far);
	start(JOB_BREAK, at, how);
	__asm__ volatile("lr.d %0, (%1)" : "=r"(old) : "r"(reserved) : "memory");
	step = 1;
	while (step != 2)
		;
	__asm__ volatile("sc.d %0, %1, (%2)" : "=r"(failed) : "r"(2000), "r"(reserved) : "memory");
	finish();
	fold("old", old);
	fold("failed", failed);
	fold("word", *reserved);
	fold("step", step);
}

/* Pages change under hart 1, which is told by a fence that is just enough. */
static void remote_fence(void)
{
	unsigned index = below(512);
	uint64_t va = (uint64_t)5 << 30 | (uint64_t)3 << 21 | (uint64_t)index << 12;

	root[5] = (uint64_t)middle >> 2 | PTE_V;
	middle[3] = (uint64_t)leaf >> 2 | PTE_V;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t frame = DATA + below(2) * 511 * PAGE;

		*(volatile uint64_t *)(frame + 8 * i) = bits();
		leaf[index] = frame >> 2 | PTE_V | PTE_R | PTE_A | (below(2) ? PTE_D : 0);
		start(JOB_FENCE, va, below(4));
		finish();
		start(JOB_READ, va + 8 * i, 0);
		fold("read", finish());
	}
	leaf[index] = 0;
	start(JOB_FENCE, va, 1);
	finish();
}

static void remote_code(void)
{
	uint32_t imm = below(2048);

	code[0] = imm << 20 | 0x00000513; /* li a0, imm */
	code[1] = 0x00008067;             /* ret */
	FENCE();
	start(JOB_CALL, 0, 0);
	fold("called", finish());
}

void run_setup(void)
{
}

void run_case(uint64_t number)
{
	unsigned kind = below(8);

	(void)number;
	note("kind", kind);
	switch (kind) {
	case 0: together(JOB_ADD, add); break;
	case 1: together(JOB_LRSC, lrsc); break;
	case 2: together(JOB_LOCK, lock); break;
	case 3:
	case 4: reservation(); break;
	case 5: remote_code(); break;
	default: remote_fence(); break;
	}
}
