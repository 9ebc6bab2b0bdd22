/*
 * The Linux ABI of processes and signals on riscv64, beside what linux.h has:
 * numbers, and structures as programs see them.
 */
#ifndef ABI_PROCESS_H
#define ABI_PROCESS_H

#include "abi/linux.h"

/* -- clone, wait, exec --------------------------------------------------------------------- */

#define CSIGNAL              0xff
#define CLONE_VM             0x100
#define CLONE_FS             0x200
#define CLONE_FILES          0x400
#define CLONE_SIGHAND        0x800
#define CLONE_PIDFD          0x1000
#define CLONE_PTRACE         0x2000
#define CLONE_VFORK          0x4000
#define CLONE_PARENT         0x8000
#define CLONE_THREAD         0x10000
#define CLONE_NEWNS          0x20000
#define CLONE_SYSVSEM        0x40000
#define CLONE_SETTLS         0x80000
#define CLONE_PARENT_SETTID  0x100000
#define CLONE_CHILD_CLEARTID 0x200000
#define CLONE_DETACHED       0x400000
#define CLONE_UNTRACED       0x800000
#define CLONE_CHILD_SETTID   0x1000000
#define CLONE_NEWCGROUP      0x2000000
#define CLONE_NEWUTS         0x4000000
#define CLONE_NEWIPC         0x8000000
#define CLONE_NEWUSER        0x10000000
#define CLONE_NEWPID         0x20000000
#define CLONE_NEWNET         0x40000000
#define CLONE_IO             0x80000000u
#define CLONE_CLEAR_SIGHAND  0x100000000u
#define CLONE_INTO_CGROUP    0x200000000u
#define CLONE_NEWTIME        0x80

struct linux_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};
#define CLONE_ARGS_SIZE_VER0 64

#define WNOHANG    1
#define WUNTRACED  2
#define WSTOPPED   2
#define WEXITED    4
#define WCONTINUED 8
#define WNOWAIT    0x1000000
#define W_NOTHREAD 0x20000000
#define W_ALL      0x40000000
#define W_CLONE    0x80000000u

#define P_ALL   0
#define P_PID   1
#define P_PGID  2
#define P_PIDFD 3

#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

#define SCHED_OTHER         0
#define SCHED_FIFO          1
#define SCHED_RR            2
#define SCHED_BATCH         3
#define SCHED_IDLE          5
#define SCHED_RESET_ON_FORK 0x40000000

struct linux_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};
#define SCHED_ATTR_SIZE_VER0     48
#define SCHED_FLAG_RESET_ON_FORK 0x01
#define SCHED_FLAG_KEEP_POLICY   0x08
#define SCHED_FLAG_KEEP_PARAMS   0x10
#define SCHED_FLAG_UTIL_CLAMP    0x60
#define SCHED_FLAG_ALL           0x7f

/* -- prctl, personality ------------------------------------------------------------------- */

#define PR_SET_PDEATHSIG  1
#define PR_GET_PDEATHSIG  2
#define PR_GET_DUMPABLE   3
#define PR_SET_DUMPABLE   4
#define PR_SET_NAME       15
#define PR_GET_NAME       16
#define PR_GET_KEEPCAPS   7
#define PR_SET_KEEPCAPS   8
#define PR_GET_TIMING     13
#define PR_SET_TIMING     14
#define PR_GET_SECCOMP    21
#define PR_CAPBSET_READ   23
#define PR_CAPBSET_DROP   24
#define PR_GET_SECUREBITS 27
#define PR_SET_SECUREBITS 28
#define PR_SET_TIMERSLACK 29
#define PR_GET_TIMERSLACK 30
#define PR_MCE_KILL_GET   34
#define PR_CAP_AMBIENT    47
#define PR_SET_IO_FLUSHER 57
#define PR_GET_IO_FLUSHER 58

#define PR_TASK_PERF_EVENTS_DISABLE 31
#define PR_TASK_PERF_EVENTS_ENABLE  32
#define PR_TIMING_STATISTICAL       0
#define PR_MCE_KILL_DEFAULT         2
#define PR_CAP_AMBIENT_IS_SET       1
#define PR_CAP_AMBIENT_RAISE        2
#define PR_CAP_AMBIENT_LOWER        3
#define PR_CAP_AMBIENT_CLEAR_ALL    4

#define ADDR_NO_RANDOMIZE 0x40000 /* personality */

#define PR_SET_NO_NEW_PRIVS    38
#define PR_GET_NO_NEW_PRIVS    39
#define PR_GET_TID_ADDRESS     40
#define PR_SET_THP_DISABLE     41
#define PR_GET_THP_DISABLE     42
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37

/* -- signals ------------------------------------------------------------------------------- */

#define SIGRTMIN 32

#define SA_NOCLDSTOP 0x1
#define SA_NOCLDWAIT 0x2
#define SA_SIGINFO   0x4
#define SA_ONSTACK   0x08000000
#define SA_RESTART   0x10000000
#define SA_NODEFER   0x40000000
#define SA_RESETHAND 0x80000000u
#define SA_KNOWN     0xd8000007u /* all of these; others read back as 0 */

#define SI_QUEUE   -1
#define SI_TIMER   -2
#define SI_MESGQ   -3
#define SI_ASYNCIO -4
#define SI_SIGIO   -5

#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_DUMPED    3
#define CLD_TRAPPED   4
#define CLD_STOPPED   5
#define CLD_CONTINUED 6

/* What of siginfo_t has a meaning. The rest of its SIGINFO_LEN bytes is zero when Linux writes it.
 */
#define SIGINFO_LEN 128
struct linux_siginfo {
	int32_t signo, error, code, pad;
	union {
		struct {
			int32_t pid;
			uint32_t uid;
			union {
				struct {
					int32_t status, unused;
					int64_t utime, stime; /* SIGCHLD; clock ticks */
				};
				uint64_t value; /* kill, sigqueue */
			};
		};
		struct {
			int32_t timer_id, overrun;
			uint64_t timer_value;
		};
		uint64_t addr; /* faults */
	};
};
_Static_assert(sizeof(struct linux_siginfo) == 48, "siginfo_t, up to si_stime");

struct linux_ucontext {
	uint64_t flags, link;
	struct linux_sigaltstack stack;
	uint64_t sigmask;
	uint8_t unused[120];
	uint64_t padding;   /* what follows is aligned to 16 */
	uint64_t gregs[32]; /* pc, x1 .. x31 */
	uint64_t fpregs[32];
	uint32_t fcsr;
	uint32_t reserved[67]; /* up to the size of the quad format */
};

_Static_assert(sizeof(struct linux_ucontext) == 960, "ucontext_t");

/* What lies on the stack when a handler begins; sp points to it. */
struct linux_sigframe {
	struct linux_siginfo info;
	uint64_t info_rest[(SIGINFO_LEN - sizeof(struct linux_siginfo)) / 8];
	struct linux_ucontext uc;
};

struct linux_itimerval {
	struct linux_timeval interval, value;
};
struct linux_itimerspec {
	struct linux_timespec interval, value;
};
#define ITIMER_REAL    0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF    2

struct linux_sigevent {
	uint64_t value;
	int32_t signo, notify;
	int32_t tid, pad;
	uint64_t words[5];
};
_Static_assert(sizeof(struct linux_sigevent) == 64, "struct sigevent");
#define SIGEV_SIGNAL    0
#define SIGEV_NONE      1
#define SIGEV_THREAD    2
#define SIGEV_THREAD_ID 4

/* -- adjtimex ------------------------------------------------------------------------------ */

struct linux_timex {
	uint32_t modes, pad;
	int64_t offset, freq, maxerror, esterror;
	int32_t status, pad2;
	int64_t constant, precision, tolerance;
	struct linux_timeval time;
	int64_t tick, ppsfreq, jitter;
	int32_t shift, pad3;
	int64_t stabil, jitcnt, calcnt, errcnt, stbcnt;
	int32_t tai, unused[11];
};
_Static_assert(sizeof(struct linux_timex) == 208, "struct timex");
#define ADJ_OFFSET_SS_READ 0xa001
#define STA_UNSYNC         0x40
#define TIME_ERROR         5

/* -- futexes ------------------------------------------------------------------------------- */

#define FUTEX_FD              2
#define FUTEX_REQUEUE         3
#define FUTEX_CMP_REQUEUE     4
#define FUTEX_WAKE_OP         5
#define FUTEX_LOCK_PI         6
#define FUTEX_UNLOCK_PI       7
#define FUTEX_TRYLOCK_PI      8
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI  12
#define FUTEX_LOCK_PI2        13
#define FUTEX_BITSET_ANY      0xffffffffu

#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

#define ROBUST_LIST_LIMIT 2048

#endif
