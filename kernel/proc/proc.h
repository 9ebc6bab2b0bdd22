/*
 * Processes and threads. Theory, invariants and the end of a process: proc.c.
 */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "kernel/arch/arch.h"
#include "kernel/lib/lock.h"
#include "abi/board.h"
#include "abi/linux.h"

struct aspace;
struct fdtable;
struct fs_context;
struct inode;
struct mobj;
struct trapframe;

#define COMM_LEN 16 /* PR_SET_NAME: with its NUL */

struct cred {
	uint32_t uid, euid, suid, gid, egid, sgid;
};

struct thread {
	struct thread *next; /* in proc.threads */
	struct proc *proc;
	uint32_t tid;
	struct trapframe *user;           /* registers of the program, while it is in the kernel */
	uint64_t sigmask;                 /* bit n - 1: signal n is blocked */
	uint64_t pending;                 /* bit n - 1: signal n waits to act */
	int32_t pending_code[SIGMAX + 1]; /* si_code of each pending signal */
	struct linux_sigaltstack altstack;
	uint64_t clear_child_tid, robust_list; /* user addresses; 0: none */
	char comm[COMM_LEN];
};

struct proc {
	uint32_t pid, ppid;
	struct thread *threads;
	struct aspace *as; /* holds a reference */
	struct cred cred;
	uint64_t start_ns; /* arch_time_ns() at creation */

	struct spinlock lock; /* guards what follows */
	struct linux_rlimit rlimits[RLIM_NLIMITS];
	struct linux_sigaction sigactions[SIGMAX + 1];
	bool no_new_privs, dumpable;
	int32_t pdeath_signal;

	/* Belongs to fs/, which fills it in; released by release_files. */
	struct fdtable *fds;   /* may be shared */
	struct fs_context *fs; /* current folder and umask; may be shared */
	struct inode *exe;
	char *exe_path; /* what /proc/self/exe shows */
	void (*release_files)(struct proc *p);
};

/*
 * => a process with one thread, an empty address space, Linux's default limits and the
 *    credentials of an ordinary user; NULL: no memory.
 */
struct proc *proc_create(uint32_t ppid);

/* => the thread that runs on this hart; NULL before the first one. */
static inline struct thread *thread_current(void)
{
	return arch_current();
}

static inline struct proc *proc_current(void)
{
	return thread_current()->proc;
}

/*
 * Ends the current process. `status` is as wait(2) reports it: code << 8, or a signal's number.
 * The first process takes the machine with it.
 */
_Noreturn void proc_exit(int status);

/* -- signals: signal.c --------------------------------------------------------------------- */

/* Makes a signal pending for t, unless it is ignored. => 1 <= signo <= SIGMAX. */
void signal_send(struct thread *t, int signo, int code);

/* Drops the pending signal if the process, whose disposition of it has changed, ignores it now. */
void signal_drop_ignored(struct thread *t, int signo);

/* Acts on the pending signals of the current thread that are not blocked; may not return. */
void signal_act(void);

/* => whether signal_act has something to do. Cheap: asked at the end of every system call. */
static inline bool signal_is_due(const struct thread *t)
{
	return (t->pending & ~t->sigmask) != 0;
}

/* Ends the current process by a signal that can neither be blocked nor ignored. */
_Noreturn void signal_fatal(int signo, int code, uint64_t addr);

#endif
