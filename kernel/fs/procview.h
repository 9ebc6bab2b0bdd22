/*
 * What others may see of processes and threads: for /proc. Theory: procview.c.
 */
#ifndef KERNEL_PROCVIEW_H
#define KERNEL_PROCVIEW_H

#include "kernel/proc/proc.h"

/* A process held for a look: what it had at one moment, with references. */
struct proc_handle {
	uint32_t pid;
	struct aspace *as; /* NULL: it has ended */
	struct fdtable *fds;
	struct fs_context *fs;
	struct inode *exe;
	char *exe_path; /* its own copy; NULL: none */
	struct cred cred;
	uint64_t start_ns;
	struct linux_rlimit rlimits[RLIM_NLIMITS];
	bool no_new_privs;
};

/* => *out is the process of that number, to be given back; 0, -ESRCH or -ENOMEM. */
int proc_find(uint32_t pid, struct proc_handle **out);
void proc_put(struct proc_handle *h);

/* One moment of a process, or of one of its threads. */
struct proc_view {
	struct io_counts io;
	char comm[COMM_LEN];
	char state; /* R, S, D, T, Z or X, as proc(5) has them */
	uint32_t ppid, pgid, sid, umask;
	uint32_t tty_dev;
	int32_t tty_pgid; /* -1: no terminal */
	uint32_t nthreads, hart;
	int32_t nice;
	uint64_t utime_ns, stime_ns, child_utime_ns, child_stime_ns, nvcsw, nivcsw;
	uint64_t pending, shared_pending, blocked, ignored, caught; /* sets of signals */
};

struct proc_totals {
	uint32_t running, threads, last_pid;
	uint64_t switches, started;           /* since boot; started: processes and threads */
	uint64_t minor_faults, major_faults;  /* of all that were ever there */
	uint64_t mapped_files, mapped_shared; /* pages, for each space that maps them */
};

/* tid 0: the process as a whole. One that has gone meanwhile is shown as dead. */
void proc_look(const struct proc_handle *h, uint32_t tid, struct proc_view *out);
void proc_totals(struct proc_totals *out);
/* The name of a thread; tid 0: the first one's. */
void proc_comm(const struct proc_handle *h, uint32_t tid, char out[COMM_LEN]);

bool proc_has_thread(const struct proc_handle *h, uint32_t tid);
/* => the lowest number of a process, or of a thread of h, at or above `from`; -1: none. */
int64_t proc_next(uint32_t from);
/* => whether there is a process of that number, a zombie too. */
bool proc_exists(uint32_t pid);
int64_t proc_next_thread(const struct proc_handle *h, uint32_t from);

#endif
