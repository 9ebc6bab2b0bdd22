/*
 * A handler's frame on the program's stack, as Linux lays it out on riscv64:
 *
 *	old sp ->  (red zone: there is none)
 *	           ucontext: flags, link, stack, mask, pc and x1..x31, f0..f31, fcsr
 *	new sp ->  siginfo                                        a multiple of 16
 *
 * The handler begins with a0 = signal, a1 = &siginfo, a2 = &ucontext, and returns
 * to the vDSO's rt_sigreturn, which comes back here with sp as it was.
 *
 * The frame goes to the alternate stack if the action asks for it (SA_ONSTACK),
 * there is one, and the program is not on it already.
 *
 * What comes back from the program is believed only as far as registers go: the
 * mask is cut to what may be blocked, and status bits are the kernel's own.
 */
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/lib/lib.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/vdso.h"

#define REG_RA 1
#define REG_SP 2
#define REG_A0 10
#define REG_A1 11
#define REG_A2 12

static bool is_on_altstack(const struct thread *t, uint64_t sp)
{
	return !(t->altstack.flags & SS_DISABLE) &&
	       !((uint32_t)t->altstack.flags & SS_AUTODISARM) && sp > t->altstack.sp &&
	       sp - t->altstack.sp <= t->altstack.size;
}

/* What sigaltstack(2) and frames show as its state. */
struct linux_sigaltstack sigframe_altstack(const struct thread *t)
{
	struct linux_sigaltstack s = t->altstack;

	if (is_on_altstack(t, t->arch.user->x[REG_SP]))
		s.flags |= SS_ONSTACK;
	return s;
}

/* => where the frame goes; 0: nowhere. */
static uint64_t place(const struct thread *t, const struct linux_sigaction *action)
{
	uint64_t sp = t->arch.user->x[REG_SP];
	bool on = is_on_altstack(t, sp);

	/* A frame that would leave the alternate stack it is on is not written at all. */
	if (on && sp - sizeof(struct linux_sigframe) - 16 < t->altstack.sp)
		return 0;
	if (action->flags & SA_ONSTACK && !on && !(t->altstack.flags & SS_DISABLE))
		sp = t->altstack.sp + t->altstack.size;
	return ROUND_DOWN(sp - sizeof(struct linux_sigframe), 16);
}

/* What lies before the registers, as far as it has a meaning. */
struct frame_head {
	struct linux_siginfo info;
	struct info_rest {
		uint64_t words[(SIGINFO_LEN - sizeof(struct linux_siginfo)) / 8];
	} info_rest;
	uint64_t flags, link;
	struct linux_sigaltstack stack;
	uint64_t sigmask;
};
#define FRAME_UC       offsetof(struct linux_sigframe, uc)
#define FRAME_REGS     offsetof(struct linux_sigframe, uc.gregs)
#define FRAME_FP       offsetof(struct linux_sigframe, uc.fpregs)
#define FRAME_MORE     (sizeof(struct linux_sigframe) - FRAME_MORE_LEN)
#define FRAME_MORE_LEN 16 /* the end: reserved, and the head of an extension that is none */
_Static_assert(sizeof(struct frame_head) == offsetof(struct linux_sigframe, uc.unused), "frame");
_Static_assert(offsetof(struct trapframe, x) == 0, "copied whole: x[0] travels as pc");
_Static_assert(sizeof(struct arch_fp) == 264, "fpregs and fcsr, with its padding");

/* As Linux, leaves alone what has no meaning: what the stack held is the program's own. */
bool sigframe_push(const struct linux_sigaction *action, const struct linux_siginfo *info,
		   uint64_t old_mask)
{
	struct thread *t = thread_current();
	struct trapframe *tf = t->arch.user;
	uint64_t at = place(t, action);
	struct frame_head head;

	if (!at)
		return false;
	head.info = *info;
	head.info_rest = (struct info_rest){0};
	head.flags = head.link = 0;
	head.stack = sigframe_altstack(t);
	head.sigmask = old_mask;
	tf->x[0] = tf->pc;
	if (arch_copy_to_user(VADDR(at), &head, sizeof head) != 0 ||
	    arch_copy_to_user(VADDR(at + FRAME_REGS), tf->x, sizeof tf->x) != 0 ||
	    arch_copy_to_user(VADDR(at + FRAME_FP), arch_fp_get(&t->arch),
			      sizeof(struct arch_fp)) != 0 ||
	    arch_clear_user(VADDR(at + FRAME_MORE), FRAME_MORE_LEN) != 0)
		return false;
	if ((uint32_t)t->altstack.flags & SS_AUTODISARM)
		t->altstack = (struct linux_sigaltstack){.flags = SS_DISABLE};
	tf->x[REG_RA] = vdso_sigreturn(t->proc->as);
	tf->x[REG_SP] = at;
	tf->x[REG_A0] = (uint64_t)info->signo;
	tf->x[REG_A1] = at;
	tf->x[REG_A2] = at + FRAME_UC;
	tf->pc = action->handler;
	return true;
}

int64_t sigframe_pop(void)
{
	struct thread *t = thread_current();
	struct trapframe *tf = t->arch.user;
	uint64_t at = tf->x[REG_SP];
	struct frame_head head;

	thread_work(t, WORK_REGISTERS);
	tf->cause = 0; /* no system call to begin again */
	/* A frame that cannot be read ends the program: what was read of it until then stays. */
	if (at % 16 ||
	    arch_copy_from_user(&head.stack, VADDR(at + offsetof(struct linux_sigframe, uc.stack)),
				sizeof head.stack + sizeof head.sigmask) != 0 ||
	    arch_copy_from_user(tf->x, VADDR(at + FRAME_REGS), sizeof tf->x) != 0 ||
	    arch_copy_from_user(arch_fp_edit(&t->arch), VADDR(at + FRAME_FP),
				sizeof(struct arch_fp)) != 0) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	tf->pc = tf->x[0];
	signal_set_mask(head.sigmask);
	/* As sigaltstack(2) would; a bad one is ignored. */
	if (!is_on_altstack(t, tf->x[REG_SP])) {
		t->altstack = head.stack;
		t->altstack.flags &= ~SS_ONSTACK;
	}
	t->restart = NULL;
	return (int64_t)tf->x[REG_A0];
}
