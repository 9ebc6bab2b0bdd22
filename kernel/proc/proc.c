/*
 * Processes.
 *
 * A process is what programs share and what ends at once: an address space, a
 * table of files, limits, credentials, dispositions of signals. A thread is what
 * runs: registers, a mask of signals, and its own number. Numbers of threads and
 * processes are drawn from one sequence, and a process has the number of its
 * first thread.
 *
 *     struct proc  pid 1 --threads--> struct thread tid 1 --next--> NULL
 *        |  |  `- fds, fs, exe: belong to fs/, freed through release_files
 *        |  `---- rlimits, sigactions
 *        `------- as: one reference to its address space
 *
 * The first process is the program itself, with number 1: there is no other
 * program in the machine that could be its parent, and getppid() answers 0. When
 * it ends, the machine ends with its status.
 *
 * Invariants
 *   I1  every thread is in the list of its process; the list is never empty
 *   I2  a process holds exactly one reference to its address space while it lives
 *   I3  thread_current() on a hart is the thread whose address space is active there
 *
 * Locks. proc.lock guards limits and dispositions; it is a leaf: nothing
 * is locked while it is held.
 */
#include "kernel/proc/proc.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"

#define FIRST_UID 1000 /* an ordinary user of Debian */

static uint32_t last_tid;

/* What Linux gives its first process, where that does not depend on the size of memory. */
static const struct linux_rlimit default_limits[RLIM_NLIMITS] = {
    [RLIMIT_CPU] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_FSIZE] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_DATA] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_STACK] = {8 << 20, RLIM_INFINITY},
    [RLIMIT_CORE] = {0, RLIM_INFINITY},
    [RLIMIT_RSS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_NPROC] = {1024, 1024},
    [RLIMIT_NOFILE] = {1024, 4096},
    [RLIMIT_MEMLOCK] = {8 << 20, 8 << 20},
    [RLIMIT_AS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_LOCKS] = {RLIM_INFINITY, RLIM_INFINITY},
    [RLIMIT_SIGPENDING] = {1024, 1024},
    [RLIMIT_MSGQUEUE] = {819200, 819200},
    [RLIMIT_NICE] = {0, 0},
    [RLIMIT_RTPRIO] = {0, 0},
    [RLIMIT_RTTIME] = {RLIM_INFINITY, RLIM_INFINITY},
};

struct proc *proc_create(uint32_t ppid)
{
	struct proc *p = kzalloc(sizeof *p);
	struct thread *t = kzalloc(sizeof *t);
	struct aspace *as = aspace_create();

	if (!p || !t || !as) {
		kfree(p);
		kfree(t);
		if (as)
			aspace_put(as);
		return NULL;
	}
	t->tid = __atomic_add_fetch(&last_tid, 1, __ATOMIC_RELAXED);
	t->proc = p;
	t->altstack.flags = SS_DISABLE;
	p->pid = t->tid;
	p->ppid = ppid;
	p->threads = t;
	p->as = as;
	p->cred = (struct cred){FIRST_UID, FIRST_UID, FIRST_UID, FIRST_UID, FIRST_UID, FIRST_UID};
	p->start_ns = arch_time_ns();
	spin_init(&p->lock);
	memcpy(p->rlimits, default_limits, sizeof default_limits);
	p->dumpable = true;
	as->stack_limit = p->rlimits[RLIMIT_STACK].cur;
	as->data_limit = p->rlimits[RLIMIT_DATA].cur;
	as->as_limit = p->rlimits[RLIMIT_AS].cur;
	TRACE(TRACE_PROC_START, p->pid, ppid, 0, 0, 0, 0);
	return p;
}

/* => the finisher's code for a wait status: what a shell shows in `$?`, and how it came. */
static unsigned shutdown_code(int status)
{
	int signo = status & 0x7f;

	return signo ? (128 + (unsigned)signo) | FINISHER_SIGNALED : (status >> 8) & 0xff;
}

_Noreturn void proc_exit(int status)
{
	struct proc *p = proc_current();

	/* The event comes first: whoever listens sees the memory of the process as it was. */
	TRACE(TRACE_PROC_EXIT, p->pid, status, 0, 0, 0, 0);
	if (p->release_files)
		p->release_files(p);
	aspace_switch(NULL);
	aspace_put(p->as);
	p->as = NULL;
	arch_shutdown(shutdown_code(status));
}
