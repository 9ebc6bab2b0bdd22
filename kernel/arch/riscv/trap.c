/*
 * What a trap means. entry.S saves the registers and calls trap_user() or
 * trap_kernel(); a program's ECALL it hands to kernel_syscall() by itself, and
 * what is to be done before a program goes on to kernel_user_work().
 *
 * From a program, a page fault goes to the memory system and any other exception
 * becomes the signal that Linux gives for it on this architecture, with pc as
 * its address. From the kernel, only a fault on a user address inside one of
 * the routines of usercopy.S is expected; everything else stops the kernel.
 * Interrupts are served alike from both.
 */
#include "kernel/arch/riscv/riscv.h"
#include "kernel/lib/lib.h"
#include "rv/trap.h"
#include "abi/linux.h"

_Static_assert(offsetof(struct trapframe, x) == TF_X(0), "entry.S");
_Static_assert(offsetof(struct trapframe, pc) == TF_PC, "entry.S");
_Static_assert(offsetof(struct trapframe, status) == TF_STATUS, "entry.S");
_Static_assert(offsetof(struct trapframe, cause) == TF_CAUSE, "entry.S");
_Static_assert(offsetof(struct trapframe, tval) == TF_TVAL, "entry.S");
_Static_assert(sizeof(struct trapframe) == TF_SIZE && TF_SIZE % 16 == 0, "stack alignment");
_Static_assert(offsetof(struct percpu, stack_top) == PERCPU_STACK_TOP, "entry.S");
_Static_assert(offsetof(struct percpu, frame) == PERCPU_FRAME, "entry.S");
_Static_assert(sizeof(struct arch_thread) == THREAD_WORK, "entry.S");
_Static_assert(ARCH_WORK_REGISTERS == THREAD_WORK_REGISTERS, "entry.S");
_Static_assert(offsetof(struct percpu, scratch) == PERCPU_SCRATCH, "entry.S");
_Static_assert(offsetof(struct percpu, current) == PERCPU_CURRENT, "entry.S");
_Static_assert(offsetof(struct percpu, boot_satp) == PERCPU_BOOT_SATP, "head.S");

/* Kinds of access, as kernel_page_fault() takes them. */
#define ACCESS_READ  1
#define ACCESS_WRITE 2
#define ACCESS_EXEC  4

/* An entry of the table in usercopy.S: a fault in [first, last) goes on at `to`. */
struct fixup {
	uint64_t first, last, to;
};
extern const struct fixup _fixup_start[], _fixup_end[];

void trap_user(struct trapframe *tf);
void trap_kernel(struct trapframe *tf);

void trap_init_hart(void)
{
	csr_write(CSR_STVEC, (uint64_t)trap_entry);
	csr_write(CSR_SCOUNTEREN, COUNTEREN_TM); /* programs may read the time, as on Linux */
	csr_write(CSR_SIE, 1UL << IRQ_SEIP | 1UL << IRQ_SSIP);
}

/* => whether the cause is an interrupt; then it has been served. */
static bool interrupt_serve(uint64_t cause)
{
	if (!(cause & CAUSE_INTERRUPT))
		return false;
	switch (cause & ~CAUSE_INTERRUPT) {
	case IRQ_STIP:
		arch_timer_set(UINT64_MAX);
		kernel_timer_irq();
		break;
	case IRQ_SSIP:
		csr_clear(CSR_SIP, 1UL << IRQ_SSIP);
		kernel_ipi();
		break;
	case IRQ_SEIP: kernel_external_irq(); break;
	default: panic("unexpected interrupt: cause %lx", cause);
	}
	return true;
}

/* => ACCESS_*; 0: the cause is no page fault. */
static unsigned page_fault_access(uint64_t cause)
{
	switch (cause) {
	case CAUSE_FETCH_PAGE: return ACCESS_EXEC;
	case CAUSE_LOAD_PAGE: return ACCESS_READ;
	case CAUSE_STORE_PAGE: return ACCESS_WRITE;
	default: return 0;
	}
}

/* All but page faults, which are so frequent that nothing else may weigh on them. */
static __attribute__((noinline)) void trap_other(struct trapframe *tf)
{
	int signo, code;

	if (interrupt_serve(tf->cause))
		return;
	switch (tf->cause) {
	case CAUSE_FETCH_ACCESS:
	case CAUSE_LOAD_ACCESS:
	case CAUSE_STORE_ACCESS:
		signo = SIGSEGV;
		code = SEGV_ACCERR;
		break;
	case CAUSE_FETCH_MISALIGNED:
	case CAUSE_LOAD_MISALIGNED:
	case CAUSE_STORE_MISALIGNED:
		signo = SIGBUS;
		code = BUS_ADRALN;
		break;
	case CAUSE_BREAKPOINT:
		signo = SIGTRAP;
		code = TRAP_BRKPT;
		break;
	case CAUSE_ILLEGAL:
		if (fpu_claim(tf))
			return;
		signo = SIGILL;
		code = ILL_ILLOPC;
		break;
	default: panic("unexpected exception of a program: cause %lx, pc %lx", tf->cause, tf->pc);
	}
	kernel_exception(tf, signo, code, tf->pc);
}

void trap_user(struct trapframe *tf)
{
	unsigned access = page_fault_access(tf->cause);

	if (access)
		kernel_page_fault(tf, VADDR(tf->tval), access, true);
	else
		trap_other(tf);
}

static const struct fixup *fixup_find(uint64_t pc)
{
	for (const struct fixup *f = _fixup_start; f < _fixup_end; f++)
		if (pc >= f->first && pc < f->last)
			return f;
	return NULL;
}

void trap_kernel(struct trapframe *tf)
{
	const struct fixup *fixup;
	unsigned access;

	if (interrupt_serve(tf->cause))
		return;
	fixup = fixup_find(tf->pc);
	access = page_fault_access(tf->cause);
	if (!fixup || tf->tval >= arch_user_end().v)
		panic("trap in the kernel: cause %lx, pc %lx, address %lx, sp %lx, ra %lx",
		      tf->cause, tf->pc, tf->tval, tf->x[2], tf->x[1]);
	if (access && kernel_page_fault(tf, VADDR(tf->tval), access, false))
		return;
	tf->pc = fixup->to;
}
