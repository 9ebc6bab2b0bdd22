/*
 * What of a thread is the architecture's: its kernel stack, the registers of its
 * program, and floating-point registers, which are moved as late as possible.
 *
 *	stack_top -> +-----------+
 *	             | trapframe |  a->user: the program's registers
 *	             +-----------+
 *	             |  calls    |
 *	       sp -> | s0-s11 ra |  while it does not run (switch.S)
 *
 * Floating point. The hart's registers belong to at most one thread, percpu.fp_owner.
 * The FS field in a thread's own trapframe says what the program finds:
 *
 *	Off      its values are in a->fp, or in this hart's registers if it owns them;
 *	         the first use traps, fpu_claim() loads them, and the use is repeated
 *	Clean    its values are in the registers and in a->fp
 *	Dirty    they are in the registers alone
 *
 * A thread that leaves the hart with FS Dirty has them saved and becomes Clean; one
 * that comes to a hart where they are not becomes Off. So a program without
 * floating point costs nothing, and one that is alone is never reloaded.
 *
 * Invariants
 *   I1  FS of a->user is not Off only on the hart a->fp_hart, whose fp_owner is a
 *   I2  a thread that does not run is Off or Clean
 */
#include "kernel/arch/riscv/riscv.h"
#include "kernel/lib/lib.h"
#include "rv/trap.h"

#define NO_HART ~0u

#define SWITCH_WORDS 14 /* switch.S: ra, s0 to s11, and padding */

void switch_stacks(uint64_t *save_sp, uint64_t new_sp);
_Noreturn void user_enter(struct trapframe *tf);

static uint64_t fs_of(const struct trapframe *tf)
{
	return tf->status >> MSTATUS_FS_SHIFT & 3;
}

static void fs_set(struct trapframe *tf, uint64_t fs)
{
	tf->status = (tf->status & ~(uint64_t)MSTATUS_FS) | fs << MSTATUS_FS_SHIFT;
}

/* The kernel itself may touch floating-point registers now; their FS is of no interest to it. */
static void fpu_enable(void)
{
	csr_set(CSR_SSTATUS, (uint64_t)FS_DIRTY << MSTATUS_FS_SHIFT);
}

void arch_thread_init(struct arch_thread *a, void *stack, size_t len, void (*entry)(void))
{
	uint64_t *frame;

	memset(a, 0, sizeof *a);
	a->stack_top = (uint64_t)stack + len;
	a->user = (struct trapframe *)(a->stack_top - sizeof *a->user);
	a->fp_hart = NO_HART;
	memset(a->user, 0, sizeof *a->user);
	frame = (uint64_t *)a->user - SWITCH_WORDS;
	memset(frame, 0, SWITCH_WORDS * sizeof *frame);
	frame[0] = (uint64_t)entry;
	a->sp = (uint64_t)frame;
}

void arch_thread_adopt(struct arch_thread *a)
{
	memset(a, 0, sizeof *a);
	a->stack_top = percpu()->stack_top;
	a->fp_hart = NO_HART;
}

/* => the values of the current thread a are in a->fp too. */
static void fp_save(struct arch_thread *a)
{
	if (fs_of(a->user) != FS_DIRTY)
		return;
	fpu_enable();
	fpu_save(&a->fp);
	fs_set(a->user, FS_CLEAN);
}

void arch_thread_switch(struct arch_thread *prev, struct arch_thread *next)
{
	struct percpu *p = percpu();

	if (prev->user)
		fp_save(prev);
	if (next->user && (next->fp_hart != p->index || p->fp_owner != next))
		fs_set(next->user, FS_OFF);
	p->frame = next->user;
	switch_stacks(&prev->sp, next->sp);
}

bool fpu_claim(struct trapframe *tf)
{
	struct percpu *p = percpu();
	struct arch_thread *a = p->current;

	if (fs_of(tf) != FS_OFF || !a || a->user != tf)
		return false;
	fpu_enable();
	fpu_restore(&a->fp);
	p->fp_owner = a;
	a->fp_hart = p->index;
	fs_set(tf, FS_CLEAN);
	return true;
}

void arch_thread_copy_user(struct arch_thread *to, struct arch_thread *from)
{
	fp_save(from);
	*to->user = *from->user;
	fs_set(to->user, FS_OFF);
	to->fp = from->fp;
}

const struct arch_fp *arch_fp_get(struct arch_thread *a)
{
	fp_save(a);
	return &a->fp;
}

/* The next use loads what is there by then, even if the thread loses the hart meanwhile. */
struct arch_fp *arch_fp_edit(struct arch_thread *a)
{
	a->fp_hart = NO_HART;
	fs_set(a->user, FS_OFF);
	return &a->fp;
}

bool arch_in_syscall(const struct arch_thread *a)
{
	return a->user->cause == CAUSE_ECALL_U;
}

void arch_user_init(struct arch_thread *a, uint64_t pc, uint64_t sp)
{
	memset(a->user, 0, sizeof *a->user);
	a->user->pc = pc;
	a->user->x[2] = sp;
	/* 2: 64-bit registers. Interrupts are on in the program. */
	a->user->status = MSTATUS_SPIE | (uint64_t)2 << MSTATUS_UXL_SHIFT;
	memset(&a->fp, 0, sizeof a->fp);
	a->fp_hart = NO_HART;
}

_Noreturn void arch_user_enter(struct arch_thread *a)
{
	arch_irq_disable();
	user_enter(a->user);
}

#define VDSO_SIGRETURN 0x800 /* vdso/vdso.ld, both */
#define VDSO_DATA      0xfe0

extern const char vdso_image[], vdso_image_end[];

struct arch_vdso arch_vdso(void)
{
	return (struct arch_vdso){.code = vdso_image,
				  .len = (size_t)(vdso_image_end - vdso_image),
				  .sigreturn = VDSO_SIGRETURN,
				  .data = VDSO_DATA};
}
