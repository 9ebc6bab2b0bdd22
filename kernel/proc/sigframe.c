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

/* The part of a ucontext up to the floating-point registers: what has a value of its own. */
struct frame_head {
	struct linux_siginfo info;
	uint64_t flags, link;
	struct linux_sigaltstack stack;
	uint64_t sigmask;
	uint8_t unused[120];
	uint64_t padding;
	uint64_t gregs[32];
};
_Static_assert(sizeof(struct frame_head) == offsetof(struct linux_sigframe, uc.fpregs), "ucontext");
_Static_assert(sizeof(struct arch_fp) == 264, "fpregs and fcsr, with its padding");

bool sigframe_push(const struct linux_sigaction *action, const struct linux_siginfo *info,
		   uint64_t old_mask)
{
	struct thread *t = thread_current();
	struct trapframe *tf = t->arch.user;
	uint64_t at = place(t, action), fp = at + offsetof(struct linux_sigframe, uc.fpregs);
	struct frame_head head;
	const struct arch_fp *values;

	if (!at)
		return false;
	head.info = *info;
	head.flags = head.link = 0;
	head.stack = sigframe_altstack(t);
	head.sigmask = old_mask;
	memset(head.unused, 0, sizeof head.unused + sizeof head.padding);
	head.gregs[0] = tf->pc;
	memcpy(&head.gregs[1], &tf->x[1], 31 * sizeof tf->x[0]);
	values = arch_fp_get(&t->arch);
	if (arch_copy_to_user(VADDR(at), &head, sizeof head) != 0 ||
	    arch_copy_to_user(VADDR(fp), values, sizeof *values) != 0 ||
	    arch_clear_user(VADDR(fp + sizeof *values),
			    sizeof(struct linux_sigframe) -
				offsetof(struct linux_sigframe, uc.fpregs) - sizeof *values) != 0)
		return false;
	if ((uint32_t)t->altstack.flags & SS_AUTODISARM)
		t->altstack = (struct linux_sigaltstack){.flags = SS_DISABLE};
	tf->x[REG_RA] = vdso_sigreturn(t->proc->as);
	tf->x[REG_SP] = at;
	tf->x[REG_A0] = (uint64_t)info->signo;
	tf->x[REG_A1] = at;
	tf->x[REG_A2] = at + offsetof(struct linux_sigframe, uc);
	tf->pc = action->handler;
	return true;
}

static bool fp_differ(const struct arch_fp *a, const struct arch_fp *b)
{
	uint64_t differ = a->fcsr ^ b->fcsr;

	for (unsigned i = 0; i < 32; i++)
		differ |= a->f[i] ^ b->f[i];
	return differ;
}

int64_t sigframe_pop(void)
{
	struct thread *t = thread_current();
	struct trapframe *tf = t->arch.user;
	uint64_t at = tf->x[REG_SP];
	struct frame_head head;
	struct arch_fp fp;

	if (at % 16 ||
	    arch_copy_from_user(&head.flags, VADDR(at + offsetof(struct linux_sigframe, uc)),
				sizeof head - sizeof head.info) != 0 ||
	    arch_copy_from_user(&fp, VADDR(at + offsetof(struct linux_sigframe, uc.fpregs)),
				sizeof fp) != 0) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	tf->pc = head.gregs[0];
	memcpy(&tf->x[1], &head.gregs[1], 31 * sizeof tf->x[0]);
	thread_work(t, WORK_REGISTERS);
	tf->cause = 0; /* no system call to begin again */
	if (fp_differ(arch_fp_get(&t->arch), &fp))
		arch_fp_set(&t->arch, &fp);
	signal_set_mask(head.sigmask);
	/* As sigaltstack(2) would; a bad one is ignored. */
	if (!is_on_altstack(t, tf->x[REG_SP])) {
		t->altstack = head.stack;
		t->altstack.flags &= ~SS_ONSTACK;
	}
	t->restart = NULL;
	return (int64_t)tf->x[REG_A0];
}
