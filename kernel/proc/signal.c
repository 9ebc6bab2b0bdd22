/*
 * Signals, as far as they end a program.
 *
 * A signal is first *pending*, a bit in its thread, and *acts* when the thread
 * leaves the kernel and has it not blocked. What it does:
 *
 *     SIG_IGN, or SIG_DFL of CHLD CONT URG WINCH    nothing; it never gets pending
 *     SIG_DFL of STOP TSTP TTIN TTOU                 would stop the process: nothing, there
 *                                                    is no one who could let it go on
 *     SIG_DFL of all others                          ends the process
 *     a handler                                      acts as SIG_DFL: programs are not called
 *                                                    back yet
 *
 * Faults of the program itself (signal_fatal) can be neither blocked nor
 * ignored, as on Linux: the instruction cannot go on.
 */
#include "kernel/proc/proc.h"
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/space/aspace.h"

#define BIT(signo) ((uint64_t)1 << ((signo)-1))

static const uint64_t ignored_by_default = BIT(SIGCHLD) | BIT(SIGCONT) | BIT(SIGURG) |
					   BIT(SIGWINCH) | BIT(SIGSTOP) | BIT(SIGTSTP) |
					   BIT(SIGTTIN) | BIT(SIGTTOU);

static bool is_ignored(const struct proc *p, int signo)
{
	uint64_t handler = p->sigactions[signo].handler;

	return handler == SIG_IGN || (handler == SIG_DFL && (ignored_by_default & BIT(signo)) != 0);
}

void signal_send(struct thread *t, int signo, int code)
{
	/* A blocked signal stays pending even when ignored: the disposition may yet change. */
	if (is_ignored(t->proc, signo) && !(t->sigmask & BIT(signo)))
		return;
	t->pending_code[signo] = code;
	__atomic_fetch_or(&t->pending, BIT(signo), __ATOMIC_RELEASE);
}

void signal_drop_ignored(struct thread *t, int signo)
{
	if (is_ignored(t->proc, signo))
		__atomic_fetch_and(&t->pending, ~BIT(signo), __ATOMIC_RELAXED);
}

void signal_act(void)
{
	struct thread *t = thread_current();
	uint64_t due;

	while ((due = t->pending & ~t->sigmask) != 0) {
		int signo = (int)lowest_bit(due) + 1;

		__atomic_fetch_and(&t->pending, ~BIT(signo), __ATOMIC_RELAXED);
		if (is_ignored(t->proc, signo) || (ignored_by_default & BIT(signo)) != 0)
			continue;
		signal_fatal(signo, t->pending_code[signo], 0);
	}
}

_Noreturn void signal_fatal(int signo, int code, uint64_t addr)
{
	struct thread *t = thread_current();

	TRACE(TRACE_PROC_SIGNAL, t->proc->pid, signo, code, addr, t->user ? t->user->pc : 0,
	      t->proc->as->id);
	proc_exit(signo);
}
