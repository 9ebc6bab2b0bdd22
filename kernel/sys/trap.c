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
#include "kernel/mm/space/aspace.h"

bool kernel_page_fault(struct trapframe *tf, vaddr_t va, unsigned access, bool from_user)
{
	struct thread *t = thread_current();
	struct fault_result r;

	if (from_user)
		t->user = tf;
	r = aspace_fault_trap(t->proc->as, va, tf->cause, tf->pc, t->proc->pid, access, from_user);
	if (r.signo == 0)
		return true;
	if (from_user)
		signal_fatal(r.signo, r.code, va.v);
	if (r.signo == SIGKILL)
		signal_send(t, SIGKILL, SI_KERNEL);
	return false;
}

void kernel_exception(struct trapframe *tf, int signo, int code, uint64_t addr)
{
	thread_current()->user = tf;
	signal_fatal(signo, code, addr);
}

void kernel_external_irq(void)
{
	plic_serve();
}

void kernel_timer_irq(void)
{
	/* Sleepers look at the clock by themselves; that the hart woke up is all they need. */
}
