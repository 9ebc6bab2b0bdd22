/*
 * Signals. Theory: signal.c; the frame on the program's stack: sigframe.c.
 */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include "kernel/lib/lock.h"
#include "abi/linux.h"
#include "abi/process.h"

struct proc;
struct thread;

#define SIGBIT(signo)   ((uint64_t)1 << ((signo)-1))
#define SIG_UNBLOCKABLE (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))

/* One pending signal. */
struct sigentry {
	struct sigentry *next;
	struct linux_siginfo info; /* of a queue's own: signo 0 while it is not in use */
	struct itimer *timer;      /* whose expiry it is: it stays the timer's; NULL: kfree'd */
};

struct sigqueue {
	uint64_t set;           /* bit n - 1: signal n is pending */
	struct sigentry *first; /* in order of arrival; may lack signals of set: no memory */
	struct sigentry own;    /* for the first of several: most are alone, and need no memory */
	uint32_t n;             /* entries, but for those of timers */
};

/* Dispositions; shared by processes cloned with CLONE_SIGHAND. */
struct sighand {
	uint32_t refs;
	struct spinlock lock; /* guards signals of all its processes and threads */
	struct linux_sigaction action[SIGMAX + 1];
};

struct sighand *sighand_create(
    const struct sighand *from); /* NULL: no memory. from NULL: default */
void sighand_put(struct sighand *h);

/*
 * Makes a signal pending, for thread t or (signal_send_proc) for any of p, unless it is ignored.
 * info is copied; its signo says which. => 0 or -EAGAIN (queued signals have a limit).
 * Tree locked, so that neither vanishes; sighand's lock is not held.
 */
int signal_send_thread(struct thread *t, const struct linux_siginfo *info);
int signal_send_proc(struct proc *p, const struct linux_siginfo *info);
/* Of the current thread's own doing: SIGPIPE, SIGXFSZ. */
void signal_send(struct thread *t, int signo, int code);
/* From the kernel itself, tree locked. */
void signal_kernel(struct proc *p, int signo);
/* To each of a process group. Tree locked. => how many were sent it. */
unsigned signal_send_group_locked(uint32_t pgid, const struct linux_siginfo *info);
/* The same, taking the tree's lock: for terminals. */
void signal_group(uint32_t pgid, int signo);

/* For the current thread: cannot be ignored or blocked; acts when it leaves the kernel. */
void signal_force(int signo, int code, uint64_t addr);

/* => whether a signal that may act is pending for t, the current one. Cheap. */
bool signal_is_due(const struct thread *t);
/* => whether t, the current one, is to end instead of going on. */
bool signal_is_deadly(const struct thread *t);
/* Changes the current thread's mask. */
void signal_set_mask(uint64_t mask);
/* The mask until the system call is over: rt_sigsuspend, ppoll, pselect6. */
void signal_set_temporary_mask(uint64_t mask);
/* Such a call ends without a signal: the old mask is back. */
void signal_restore_mask(void);

/* Sees to it that t looks at its signals again: mask or disposition has changed. Lock held. */
void signal_recalculate_locked(struct thread *t);

/* Takes the first pending signal in `set` for the current thread. => its number; 0: none. */
int signal_take(uint64_t set, struct linux_siginfo *info);

/* A new disposition. => the old one. */
struct linux_sigaction signal_set_action(int signo, const struct linux_sigaction *action);

/* Acts on what is due; may not return. */
void signal_act(void);

/* exec: handlers become SIG_DFL, ignored signals stay. The current process, now single. */
int signal_exec(void);
void signal_queue_flush(struct sigqueue *q);
/* Thread t exits: what it would have acted on goes to others. Lock held. */
void signal_retarget_locked(struct thread *t);

/* Is the signal ignored or blocked for the current thread: terminals ask before SIGTTOU. */
bool signal_is_blocked_or_ignored(int signo);

/* -- sigframe.c ---------------------------------------------------------------------------- */

struct linux_sigaltstack sigframe_altstack(const struct thread *t);

/* Has the current program continue in its handler. => false: the stack cannot take the frame. */
bool sigframe_push(const struct linux_sigaction *action, const struct linux_siginfo *info,
		   uint64_t old_mask);
/* rt_sigreturn: => the a0 that the program goes on with. */
int64_t sigframe_pop(void);

#endif
