/*
 * Processes and threads. Theory, invariants and locks: proc.c. Their beginning: clone.c; their end:
 * exit.c; programs: exec.h; signals: signal.h; scheduling: sched.h; sleeping: wait.h.
 */
#ifndef KERNEL_PROC_H
#define KERNEL_PROC_H

#include "kernel/arch/arch.h"
#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/proc/sched.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/timer.h"
#include "kernel/proc/wait.h"
#include "abi/board.h"
#include "abi/linux.h"
#include "abi/process.h"

struct aspace;
struct fdtable;
struct fs_context;
struct inode;
struct mobj;
struct pidref;
struct trapframe;
struct tty;

#define FIRST_UID 1000 /* whose the first process is: an ordinary user of Debian */

#define COMM_LEN 16 /* PR_SET_NAME: with its NUL */

/* Supplementary groups: never changed, only replaced. */
struct cred_groups {
	uint32_t refs; /* atomic: processes */
	uint32_t n;
	uint32_t gid[];
};

struct cred {
	uint32_t uid, euid, suid, gid, egid, sgid;
	struct cred_groups *groups; /* NULL: none; a process's holds a reference */
};

void cred_groups_put(struct cred_groups *g);
/* => whether gid is the effective group, or one of the others. */
bool cred_has_group(const struct cred *c, uint32_t gid);

/* What a thread has read and written: bytes, and calls. */
struct io_counts {
	uint64_t rchar, wchar, syscr, syscw;
};

/* What is to be done before a thread goes back to its program. */
#define WORK_SIGNAL    0x1                 /* a signal may be due, or the process stops or ends */
#define WORK_RESCHED   0x2                 /* another thread should run */
#define WORK_REGISTERS ARCH_WORK_REGISTERS /* a system call has changed all of the program's */
#define WORK_CPU_TIME  0x8                 /* proc.cpu_left is used up */
#define WORK_RSEQ      0x10                /* it lost its hart, or came to another: rseq.c */

struct thread {
	struct arch_thread arch;  /* first, and work after it: the seam relies on it */
	uint32_t work;            /* WORK_*; atomic */
	struct list_node link;    /* in proc.threads */
	struct thread *hash_next; /* of all threads, by tid: proc.c */
	struct proc *proc;
	uint32_t tid;
	struct sched_entity sched;
	struct aspace *exec_as; /* user addresses are in this one: exec.h. NULL: in the process's */
	void *stack;            /* of the kernel: THREAD_STACK_LEN bytes */
	uint64_t start_ns;

	/* Its own, or under proc.sighand's lock. */
	uint64_t sigmask;    /* bit n - 1: signal n is blocked */
	uint64_t saved_mask; /* of rt_sigsuspend, ppoll, ...: restored on the way out */
	bool has_saved_mask;
	bool is_exiting;           /* takes no more signals */
	bool is_leader, is_reaped; /* tree locked; reaped: to be freed when it is off its stack */
	struct sigqueue pending;
	uint64_t sigwait; /* rt_sigtimedwait waits for these */
	struct linux_sigaltstack altstack;

	/* Restartable sequences: rseq.c. */
	uint64_t rseq; /* the area, a user address; 0: none */
	uint32_t rseq_len, rseq_signature;
	uint32_t rseq_hart; /* what the area says, or RSEQ_NO_HART */

	uint64_t clear_child_tid, child_tid, robust_list; /* user addresses; 0: none */
	struct vfork *vfork;   /* the parent waits until this thread has its own program */
	struct pidref *pidref; /* NULL: nobody holds one; tree locked */
	uint64_t minor_faults, major_faults;
	uint64_t timer_slack_ns; /* 0: the default */
	uint16_t ioprio;
	struct io_counts io;
	char comm[COMM_LEN];

	/* ERESTART_BLOCK: what restart_syscall(2) goes on with. */
	int64_t (*restart)(const uint64_t *args);
	uint64_t restart_args[6];
};

struct proc {
	uint32_t pid;      /* = tid of its leader */
	struct aspace *as; /* holds a reference; NULL: it has ended */
	struct cred cred;
	uint64_t start_ns;       /* arch_time_ns() at creation */
	struct sighand *sighand; /* may be shared: CLONE_SIGHAND */

	/* Guarded by the tree's lock. */
	uint32_t ppid, pgid, sid; /* ppid 0: its parent is not a process */
	struct proc *parent;      /* NULL: the first process */
	struct list_node children, sibling, all;
	struct list_node threads; /* struct thread, oldest first */
	struct thread *leader;
	unsigned nthreads, nlive; /* that exist; of these, that have not begun to exit */
	bool is_zombie;           /* has ended; its parent has not asked yet */
	bool is_reaped, did_exec;
	bool is_adopted; /* an orphan: its parent is the first process for want of another */
	int exit_status, exit_signal; /* as wait(2) tells; what the parent is sent, 0: nothing */
	int stop_report;         /* wait status of a stop or continuation not yet asked for; 0 */
	struct waitq child_wait; /* its threads that wait for children */
	uint64_t child_user_ns;  /* of children that were waited for, and theirs */
	uint64_t child_minflt, child_majflt, child_maxrss;
	uint64_t dead_ns; /* time that its ended threads ran */
	struct io_counts dead_io;
	uint64_t dead_minflt, dead_majflt, dead_maxrss, nvoluntary, nforced;

	/* Guarded by sighand's lock. */
	struct sigqueue pending; /* for any thread */
	bool is_ending;          /* exit_group, or a deadly signal; status below */
	int end_status;
	bool is_stopped;   /* by job control */
	unsigned nstopped; /* threads that have come to rest */
	int stop_signal;
	struct thread *execing; /* ends all others; NULL: none */
	struct waitq exec_wait; /* its execing thread */

	/* Timers: itimer.c. */
	struct mutex timer_lock;
	struct itimer *timers;      /* timer_create */
	struct itimer *interval[3]; /* setitimer, by ITIMER_* */
	int64_t cpu_left;           /* ns of processor time until the next check; atomic */
	bool cpu_armed;             /* else nobody waits for processor time; atomic */

	struct spinlock lock; /* guards what follows */
	struct linux_rlimit rlimits[RLIM_NLIMITS];
	bool no_new_privs, dumpable, keep_caps, thp_disabled; /* prctl */
	uint64_t cap_dropped; /* set: not in the bounding set any more */
	uint32_t personality;
	int32_t pdeath_signal;
	bool is_subreaper;

	/* Belongs to fs/, which fills it in; released by release_files. */
	struct fdtable *fds;   /* may be shared */
	struct fs_context *fs; /* current folder and umask; may be shared */
	struct inode *exe;
	char *exe_path;  /* what /proc/self/exe shows */
	struct tty *tty; /* controlling terminal, or NULL; tree locked, for fs/ */
	void (*release_files)(struct proc *p);
};

/* A parent that waits for its vfork child. */
struct vfork {
	uint32_t refs;        /* atomic: the parent while it waits, and the child */
	struct spinlock lock; /* guards done */
	struct waitq wait;
	bool done;
};

#define RSEQ_NO_HART ~0u

#define THREAD_STACK_ORDER 2
#define THREAD_STACK_LEN   (PAGE_SIZE << THREAD_STACK_ORDER)
#define MAX_THREADS        32768 /* of the whole machine, as Linux's pid_max */

/* => the thread that runs on this hart; the idle one has no process. */
static inline struct thread *thread_current(void)
{
	return arch_current();
}

static inline struct proc *proc_current(void)
{
	return thread_current()->proc;
}

/* => the space that its user addresses are in; NULL: none any more. */
static inline struct aspace *thread_space(const struct thread *t)
{
	return t->exec_as ? t->exec_as : t->proc->as;
}

/* Has t look at its work before it goes back to its program. */
static inline void thread_work(struct thread *t, uint32_t work)
{
	__atomic_fetch_or(&t->work, work, __ATOMIC_SEQ_CST);
}

/* Does it: on the way out of the kernel, when thread.work is not 0. May not return. */
void thread_do_work(void);

/* -- the tree of processes: proc.c --------------------------------------------------------- */

extern struct spinlock proc_tree_lock; /* taken before any sighand's lock */

/* Tree locked. => the process or thread of that number, or NULL; zombies too. */
struct proc *proc_find_locked(uint32_t pid);
struct thread *thread_find_locked(uint32_t tid);

/* Tree locked: all processes, in order of creation. */
extern struct list_node proc_all; /* proc.all */
bool proc_tid_is_used_locked(uint32_t tid);
unsigned thread_count(void);
uint64_t thread_started(void); /* since boot */

/* Tree locked. => whether a process of that group, or in that session, exists. */
bool proc_group_exists_locked(uint32_t pgid, uint32_t sid);
/* Tree locked. => no process of the group has a parent in another group of its session. */
bool proc_group_is_orphaned_locked(uint32_t pgid, const struct proc *but);

/*
 * Job control from outside the machine: the group that somebody there could continue (0: none), and
 * whom to tell that it has stopped, tree locked. Set before anything runs.
 */
extern uint32_t proc_outer_group;
extern void (*proc_outer_stopped)(void);

/* => the first process, one thread that begins in `entry`; NULL: no memory. */
struct proc *proc_create_first(void (*entry)(void));
/*
 * => the same as a child of the current one, which is the kernel's own, in its session and a group
 *    (0: a new one); to be started.
 */
struct proc *proc_create_program(uint32_t group, void (*entry)(void));

/* Its parts, for clone.c. => NULL: no memory, or no number left. */
struct thread *thread_create(struct proc *p, void (*entry)(void));
struct proc *proc_alloc(void);
void proc_free(struct proc *p);
void thread_link_locked(struct thread *t);
void thread_unlink_locked(struct thread *t);
void thread_free(struct thread *t);        /* => it does not run, and is on no list */
void thread_reap_locked(struct thread *t); /* unlinked, and freed as soon as it can be */
void thread_renumber_locked(struct thread *t, uint32_t tid);
#define STACK_CANARY 0x5ca1ab1e0ddba11UL /* the lowest word of every kernel stack */
static inline bool thread_stack_is_intact(const struct thread *t)
{
	return !t->stack || *(const uint64_t *)t->stack == STACK_CANARY;
}

/* Processor time of all its threads, in ns. Tree locked. */
uint64_t proc_ran_ns_locked(const struct proc *p);

/* -- beginning and ending ------------------------------------------------------------------ */

struct clone_request {
	uint64_t flags; /* CLONE_*, without the signal */
	int exit_signal;
	uint64_t stack; /* 0: the parent's stack pointer */
	uint64_t tls, child_tid, parent_tid, pidfd;
	/* fs/: gives the child its files. => 0 or -errno */
	int (*fork_files)(struct proc *child, struct proc *parent, bool files, bool context);
	/* fs/: CLONE_PIDFD. => the new descriptor, written to `user`, or -errno; takes it back */
	int (*pidfd_make)(struct thread *t, bool is_thread, uint64_t user);
	void (*pidfd_drop)(int fd);
	const int32_t *set_tid; /* the child's number; NULL: the next one */
};

/* => the child's number, or -errno. clone.c */
int64_t proc_clone(const struct clone_request *req);

extern bool proc_is_shutting_down;                  /* the first process has ended; tree locked */
extern uint64_t proc_past_minflt, proc_past_majflt; /* page faults of all ended threads; likewise */

/* Ends the current thread; the last one ends the process, with its status. exit.c */
_Noreturn void thread_exit(int status);
/* Ends the current process: `status` is as wait(2) reports it. The first takes all others along. */
_Noreturn void proc_exit(int status);
/* The same for any; tree and sighand locked. */
void proc_end_locked(struct proc *p, int status);
/* Tells the parent of a stop or continuation; tree locked. */
void proc_tell_stop_locked(struct proc *p, int code, int status);
/* Ends all other threads of the current process, for exec. => 0, or -EINTR: it is ending itself. */
int proc_become_single(void);
/* The current thread's vfork parent, if any, may go on. */
void vfork_done(struct thread *t);

struct wait_request {
	int type; /* P_ALL, P_PID, P_PGID or P_PIDFD */
	uint32_t id;
	const struct pidref *ref; /* P_PIDFD */
	uint32_t options;         /* WEXITED, WSTOPPED, WCONTINUED, WNOHANG, WNOWAIT */
};
struct wait_result {
	uint32_t pid, uid;
	int status; /* as wait(2) */
	uint64_t ran_ns, minflt, majflt, maxrss;
};
/* => the pid; 0: WNOHANG, none yet; -ECHILD, -ERESTARTSYS. exit.c */
int64_t proc_wait(const struct wait_request *req, struct wait_result *out);

/* futex.c: wakes who waits at a user address; the robust list of a thread that ends. */
int futex_wake(uint64_t addr, unsigned n);
void futex_exit(struct thread *t);

/* itimer.c: of a process that ends, or (exec) gets a new program. */
void itimers_end(struct proc *p, bool exec);

/* check.c: all checkers, when the process of that space ends. For FRAME_DEBUG. */
void system_check(struct aspace *as);

#endif
