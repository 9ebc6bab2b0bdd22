/*
 * System calls: what the parts of sys/ share. Theory: table.c.
 */
#ifndef KERNEL_SYS_H
#define KERNEL_SYS_H

#include "kernel/arch/arch.h"
#include "kernel/fs/file.h"
#include "kernel/fs/path.h"
#include "kernel/lib/lib.h"
#include "kernel/proc/proc.h"

/* A call: its six arguments as registers hold them => result, or -errno. */
typedef int64_t sys_call(const uint64_t *a);

/* Every call that exists, for table.c; each is in the file of its subject. */
/* clang-format off */
sys_call /* files.c */
	sys_read, sys_write, sys_readv, sys_writev, sys_pread64, sys_pwrite64, sys_preadv,
	sys_pwritev, sys_preadv2, sys_pwritev2, sys_lseek, sys_close, sys_close_range, sys_dup,
	sys_dup3, sys_fcntl, sys_ioctl, sys_fsync,
	sys_sync, sys_syncfs, sys_sync_file_range;
sys_call /* move.c, space.c */
	sys_sendfile, sys_copy_file_range, sys_splice, sys_tee, sys_vmsplice, sys_ftruncate,
	sys_fallocate, sys_fadvise64, sys_readahead;
sys_call /* open.c, xattr.c */
	sys_openat, sys_openat2, sys_setxattr, sys_lsetxattr, sys_fsetxattr, sys_getxattr,
	sys_lgetxattr, sys_fgetxattr, sys_listxattr, sys_llistxattr, sys_flistxattr,
	sys_removexattr, sys_lremovexattr, sys_fremovexattr;
sys_call /* pipe.c, poll.c, locks.c */
	sys_pipe2, sys_eventfd2, sys_ppoll, sys_pselect6, sys_flock;
sys_call /* paths.c */
	sys_fstat, sys_newfstatat, sys_statx, sys_statfs, sys_fstatfs, sys_faccessat,
	sys_faccessat2, sys_readlinkat, sys_getcwd, sys_chdir, sys_fchdir, sys_chroot,
	sys_getdents64, sys_truncate;
sys_call /* names.c */
	sys_mknodat, sys_fchmodat2,
	sys_mkdirat, sys_unlinkat, sys_symlinkat, sys_linkat, sys_renameat2, sys_fchmod,
	sys_fchmodat, sys_fchown, sys_fchownat, sys_utimensat;
sys_call /* memory.c */
	sys_brk, sys_mmap, sys_munmap, sys_mprotect, sys_mremap, sys_madvise, sys_mincore,
	sys_msync, sys_mlock, sys_mlock2, sys_munlock, sys_mlockall, sys_munlockall;
sys_call /* membarrier.c, memfd.c, peek.c */
	sys_membarrier, sys_memfd_create, sys_process_vm_readv, sys_process_vm_writev;
sys_call /* process.c */
	sys_exit, sys_exit_group, sys_wait4, sys_waitid, sys_clone, sys_clone3, sys_unshare,
	sys_set_tid_address, sys_set_robust_list, sys_get_robust_list, sys_rseq, sys_getpid,
	sys_getppid, sys_gettid, sys_umask, sys_getpgid, sys_getsid, sys_setpgid, sys_setsid;
sys_call /* prctl.c, admin.c */
	sys_prctl, sys_privileged, sys_syslog, sys_sethostname, sys_setdomainname,
	sys_personality, sys_ioprio_set, sys_ioprio_get, sys_kcmp;
sys_call /* pidfd.c */
	sys_pidfd_open, sys_pidfd_getfd;
sys_call /* exec.c */
	sys_execve, sys_execveat;
sys_call /* cred.c */
	sys_getuid, sys_geteuid, sys_getgid, sys_getegid, sys_getresuid, sys_getresgid,
	sys_getgroups, sys_setuid, sys_setgid, sys_setreuid, sys_setregid, sys_setresuid,
	sys_setresgid, sys_setfsuid, sys_setfsgid, sys_setgroups, sys_capget, sys_capset;
sys_call /* limits.c */
	sys_prlimit64, sys_getrlimit, sys_setrlimit, sys_getrusage;
sys_call /* machine.c */
	sys_uname, sys_sysinfo, sys_getrandom, sys_riscv_hwprobe, sys_riscv_flush_icache;
sys_call /* futex.c */
	sys_futex;
sys_call /* sched.c */
	sys_sched_yield, sys_sched_getaffinity, sys_sched_setaffinity, sys_getcpu,
	sys_sched_setattr, sys_sched_getattr, sys_sched_setscheduler, sys_sched_getscheduler, sys_sched_setparam, sys_sched_getparam,
	sys_sched_get_priority_max, sys_sched_get_priority_min, sys_sched_rr_get_interval,
	sys_setpriority, sys_getpriority;
sys_call /* signals.c */
	sys_rt_sigaction, sys_rt_sigprocmask, sys_rt_sigpending, sys_rt_sigsuspend,
	sys_rt_sigtimedwait, sys_rt_sigqueueinfo, sys_rt_tgsigqueueinfo, sys_rt_sigreturn,
	sys_pidfd_send_signal, sys_sigaltstack, sys_kill, sys_tkill, sys_tgkill;
sys_call /* times.c */
	sys_timerfd_create, sys_timerfd_settime, sys_timerfd_gettime,
	sys_clock_settime, sys_settimeofday, sys_adjtimex, sys_clock_adjtime,
	sys_clock_gettime, sys_clock_getres, sys_gettimeofday, sys_nanosleep, sys_clock_nanosleep,
	sys_restart_syscall, sys_setitimer, sys_getitimer, sys_timer_create, sys_timer_settime,
	sys_timer_gettime, sys_timer_getoverrun, sys_timer_delete, sys_times;
/* clang-format on */

/* -- helpers: helpers.c -------------------------------------------------------------------- */

static inline struct file *sys_fd(uint64_t fd)
{
	return fd_get(proc_current()->fds, (int)fd);
}

/* => the number that descriptors stay below: RLIMIT_NOFILE. files.c */
uint64_t sys_fd_limit(void);
/* => the lowest free descriptor from `min`, for the same open file; or -errno. fcntl.c */
int64_t sys_fd_duplicate(uint64_t fd, int min, bool cloexec);

/* Numbers an open file, which is given up if that fails; O_CLOEXEC counts. => number or -errno.
 * pipe.c */
int sys_fd_install(struct file *f, uint32_t flags);

/* Copies a list of buffers and sums it up. => 0 with iov to be kfree'd; -EINVAL, -EFAULT, -ENOMEM.
 * files.c */
int sys_iov_get(uint64_t user, uint64_t count, struct linux_iovec **out, uint64_t *total);

/* F_ADD_SEALS, F_GET_SEALS. memfd.c */
int64_t sys_add_seals(struct file *f, uint64_t seals);
int64_t sys_get_seals(const struct file *f);

/* Copies a path from the program. => 0 and *out, to be kfree'd; -EFAULT, -ENAMETOOLONG, -ENOMEM. */
int sys_path_get(uint64_t user, char **out);

/* => the current folder, with a reference. */
struct inode *sys_cwd(void);

/* => the folder that a relative path starts from, with a reference; 0, -EBADF or -ENOTDIR. */
int sys_start_of(int dirfd, const char *path, struct inode **out);

/*
 * What a path, or with AT_EMPTY_PATH a descriptor, names. => 0 with a reference in *out.
 */
int sys_inode_at(int dirfd, uint64_t user_path, uint32_t flags, struct inode **out);

/* Walks a program's path. => as path_walk, and the errors of the two above. */
int sys_walk(int dirfd, uint64_t user_path, unsigned flags, struct path *out);

/* Sets the length of a regular file. => 0 or -errno. */
int sys_truncate_inode(struct inode *i, uint64_t size);
/* The same for one that is not open: -ETXTBSY if it is being run. */
int sys_truncate_path(struct inode *i, uint64_t size);

/* F_SETLK and its kin. locks.c */
int64_t sys_record_lock(struct file *f, struct fdtable *t, int cmd, uint64_t user);

/* Sets the length of a regular file's contents. memory.c */
void sys_set_length(struct mobj *o, uint64_t size);
/* Makes a hole of pages [first, last) of a file's contents. memory.c */
void sys_discard_pages(struct mobj *o, uint64_t first, uint64_t last);

/* => whether the caller may look into p, as ptrace(2) has it. Tree locked. */
bool sys_may_look(const struct proc *p);

/* PR_SET_VMA_ANON_NAME. => 0 or -errno. memory.c */
int64_t sys_set_vma_name(uint64_t start, uint64_t len, uint64_t user);

/* Reads a time that a program gave. => 0; -EFAULT; -EINVAL: not a time. */
int sys_timespec_get(uint64_t user, uint64_t *ns);

#endif
