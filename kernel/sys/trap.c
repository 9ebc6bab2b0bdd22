/*
 * What traps mean to a program: page faults, other exceptions, interrupts.
 *
 * A page fault is served by the address space. What it cannot serve ends the
 * program when the program made the access, and ends the copy when the kernel
 * made it on the program's behalf: the system call then fails with EFAULT. Only
 * running out of memory kills in both cases, in the second at the end of the
 * call, when no lock is held.
 */
#include "kernel/sys/sys.h"
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/dev/plic.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/space/aspace.h"

/* Memory could not be had, or may not be touched. */
static __attribute__((noinline)) void fault_refused(struct thread *t, const struct fault_result *r,
						    vaddr_t va, bool from_user)
{
	if (from_user && r->signo != SIGKILL) {
		signal_force(r->signo, r->code, va.v);
	} else if (r->signo == SIGKILL) {
		const struct linux_siginfo info = {.signo = SIGKILL, .code = SI_KERNEL};

		TRACE(TRACE_PROC_SIGNAL, t->proc->pid, SIGKILL, SI_KERNEL, va.v, t->arch.user->pc,
		      thread_space(t)->id);
		spin_lock(&proc_tree_lock);
		signal_send_proc(t->proc, &info);
		spin_unlock(&proc_tree_lock);
	}
}

bool kernel_page_fault(struct trapframe *tf, vaddr_t va, unsigned access, bool from_user)
{
	struct thread *t = thread_current();
	struct aspace *as = thread_space(t);
	struct fault_result r;
	int how;

	if (!as)
		return false; /* here: a process that is ending has no memory any more */
	how = aspace_fault_trap(as, va, tf->cause, tf->pc, t->proc->pid, access, from_user, &r);
	if (how == 0)
		t->minor_faults++;
	else if (how == 1)
		t->major_faults++;
	else if (r.signo == SIGKILL && fsys_shrink())
		return true; /* here: there is more memory now; the access is made again */
	else
		fault_refused(t, &r, va, from_user);
	return how >= 0;
}

void kernel_exception(struct trapframe *tf, int signo, int code, uint64_t addr)
{
	(void)tf;
	signal_force(signo, code, addr);
}

void kernel_user_work(void)
{
	thread_do_work();
}

void kernel_external_irq(void)
{
	plic_serve();
}

void kernel_timer_irq(void)
{
	sched_tick();
}

void kernel_ipi(void)
{
	sched_ipi();
}
