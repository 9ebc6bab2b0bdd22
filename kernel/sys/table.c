/*
 * The way into the kernel: system calls.
 *
 * A program's ECALL brings a number in a7 and arguments in a0 to a5. The number
 * is an index into one table; an empty place, or a number beyond it, is ENOSYS.
 * A call sees its arguments as the array of registers, so every call has the same
 * type and the way through here is a handful of instructions.
 *
 *     trap -> kernel_syscall -> calls[a7](&a0) -> a0
 *                 `-> thread_do_work, only when there is some
 *
 * Rules for all calls
 *   - A user pointer is touched by the arch_copy routines alone. What cannot be
 *     reached is EFAULT, never a crash, whatever the address.
 *   - Errors are checked in the order of the manual pages of Linux 6.12: bad
 *     descriptors before bad buffers, bad flags before all else.
 *   - No lock is held when a call returns.
 */
#include "kernel/sys/sys.h"
#include "kernel/arch/riscv/trapframe.h"

#define REG_A0 10
#define REG_A7 17

static sys_call *const calls[SYS_MAX] = {
    /* files */
    [SYS_read] = sys_read,
    [SYS_write] = sys_write,
    [SYS_readv] = sys_readv,
    [SYS_writev] = sys_writev,
    [SYS_pread64] = sys_pread64,
    [SYS_pwrite64] = sys_pwrite64,
    [SYS_preadv] = sys_preadv,
    [SYS_pwritev] = sys_pwritev,
    [SYS_preadv2] = sys_preadv2,
    [SYS_pwritev2] = sys_pwritev2,
    [SYS_lseek] = sys_lseek,
    [SYS_close] = sys_close,
    [SYS_close_range] = sys_close_range,
    [SYS_dup] = sys_dup,
    [SYS_dup3] = sys_dup3,
    [SYS_fcntl] = sys_fcntl,
    [SYS_ioctl] = sys_ioctl,
    [SYS_sendfile] = sys_sendfile,
    [SYS_fsync] = sys_fsync,
    [SYS_fdatasync] = sys_fsync,
    [SYS_ftruncate] = sys_ftruncate,
    [SYS_fallocate] = sys_fallocate,
    [SYS_fadvise64] = sys_fadvise64,
    [SYS_flock] = sys_flock,
    [SYS_readahead] = sys_readahead,
    [SYS_sync_file_range] = sys_sync_file_range,
    [SYS_copy_file_range] = sys_copy_file_range,
    [SYS_splice] = sys_splice,
    [SYS_tee] = sys_tee,
    [SYS_vmsplice] = sys_vmsplice,
    [SYS_sync] = sys_sync,
    [SYS_syncfs] = sys_fsync,
    [SYS_pipe2] = sys_pipe2,
    [SYS_eventfd2] = sys_eventfd2,
    [SYS_memfd_create] = sys_memfd_create,
    [SYS_ppoll] = sys_ppoll,
    [SYS_pselect6] = sys_pselect6,

    /* paths and names */
    [SYS_openat] = sys_openat,
    [SYS_openat2] = sys_openat2,
    [SYS_fstat] = sys_fstat,
    [SYS_newfstatat] = sys_newfstatat,
    [SYS_statx] = sys_statx,
    [SYS_statfs] = sys_statfs,
    [SYS_fstatfs] = sys_fstatfs,
    [SYS_faccessat] = sys_faccessat,
    [SYS_faccessat2] = sys_faccessat2,
    [SYS_readlinkat] = sys_readlinkat,
    [SYS_getcwd] = sys_getcwd,
    [SYS_chdir] = sys_chdir,
    [SYS_fchdir] = sys_fchdir,
    [SYS_chroot] = sys_chroot,
    [SYS_getdents64] = sys_getdents64,
    [SYS_truncate] = sys_truncate,
    [SYS_mkdirat] = sys_mkdirat,
    [SYS_unlinkat] = sys_unlinkat,
    [SYS_symlinkat] = sys_symlinkat,
    [SYS_linkat] = sys_linkat,
    [SYS_renameat2] = sys_renameat2,
    [SYS_fchmod] = sys_fchmod,
    [SYS_fchmodat] = sys_fchmodat,
    [SYS_fchown] = sys_fchown,
    [SYS_fchownat] = sys_fchownat,
    [SYS_utimensat] = sys_utimensat,
    [SYS_mknodat] = sys_mknodat,
    [SYS_fchmodat2] = sys_fchmodat2,
    [SYS_setxattr] = sys_setxattr,
    [SYS_lsetxattr] = sys_lsetxattr,
    [SYS_fsetxattr] = sys_fsetxattr,
    [SYS_getxattr] = sys_getxattr,
    [SYS_lgetxattr] = sys_lgetxattr,
    [SYS_fgetxattr] = sys_fgetxattr,
    [SYS_listxattr] = sys_listxattr,
    [SYS_llistxattr] = sys_llistxattr,
    [SYS_flistxattr] = sys_flistxattr,
    [SYS_removexattr] = sys_removexattr,
    [SYS_lremovexattr] = sys_lremovexattr,
    [SYS_fremovexattr] = sys_fremovexattr,

    /* memory */
    [SYS_brk] = sys_brk,
    [SYS_mmap] = sys_mmap,
    [SYS_munmap] = sys_munmap,
    [SYS_mprotect] = sys_mprotect,
    [SYS_mremap] = sys_mremap,
    [SYS_madvise] = sys_madvise,
    [SYS_mincore] = sys_mincore,
    [SYS_msync] = sys_msync,
    [SYS_mlock] = sys_mlock,
    [SYS_mlock2] = sys_mlock2,
    [SYS_munlock] = sys_munlock,
    [SYS_mlockall] = sys_mlockall,
    [SYS_munlockall] = sys_munlockall,
    [SYS_membarrier] = sys_membarrier,

    /* processes */
    [SYS_exit] = sys_exit,
    [SYS_exit_group] = sys_exit_group,
    [SYS_waitid] = sys_waitid,
    [SYS_clone] = sys_clone,
    [SYS_clone3] = sys_clone3,
    [SYS_execve] = sys_execve,
    [SYS_execveat] = sys_execveat,
    [SYS_pidfd_open] = sys_pidfd_open,
    [SYS_pidfd_getfd] = sys_pidfd_getfd,
    [SYS_unshare] = sys_unshare,
    [SYS_wait4] = sys_wait4,
    [SYS_set_tid_address] = sys_set_tid_address,
    [SYS_set_robust_list] = sys_set_robust_list,
    [SYS_get_robust_list] = sys_get_robust_list,
    [SYS_rseq] = sys_rseq,
    [SYS_getpid] = sys_getpid,
    [SYS_getppid] = sys_getppid,
    [SYS_gettid] = sys_gettid,
    [SYS_getuid] = sys_getuid,
    [SYS_geteuid] = sys_geteuid,
    [SYS_getgid] = sys_getgid,
    [SYS_getegid] = sys_getegid,
    [SYS_getresuid] = sys_getresuid,
    [SYS_getresgid] = sys_getresgid,
    [SYS_getgroups] = sys_getgroups,
    [SYS_getpgid] = sys_getpgid,
    [SYS_getsid] = sys_getsid,
    [SYS_setpgid] = sys_setpgid,
    [SYS_setsid] = sys_setsid,
    [SYS_setuid] = sys_setuid,
    [SYS_setgid] = sys_setgid,
    [SYS_setreuid] = sys_setreuid,
    [SYS_setregid] = sys_setregid,
    [SYS_setresuid] = sys_setresuid,
    [SYS_setresgid] = sys_setresgid,
    [SYS_setfsuid] = sys_setfsuid,
    [SYS_setfsgid] = sys_setfsgid,
    [SYS_setgroups] = sys_setgroups,
    [SYS_capget] = sys_capget,
    [SYS_capset] = sys_capset,
    [SYS_umask] = sys_umask,
    [SYS_prctl] = sys_prctl,
    [SYS_prlimit64] = sys_prlimit64,
    [SYS_getrlimit] = sys_getrlimit,
    [SYS_setrlimit] = sys_setrlimit,
    [SYS_getrusage] = sys_getrusage,
    [SYS_uname] = sys_uname,
    [SYS_sysinfo] = sys_sysinfo,
    [SYS_sched_yield] = sys_sched_yield,
    [SYS_sched_getaffinity] = sys_sched_getaffinity,
    [SYS_sched_setaffinity] = sys_sched_setaffinity,
    [SYS_sched_setscheduler] = sys_sched_setscheduler,
    [SYS_sched_getscheduler] = sys_sched_getscheduler,
    [SYS_sched_setparam] = sys_sched_setparam,
    [SYS_sched_getparam] = sys_sched_getparam,
    [SYS_sched_get_priority_max] = sys_sched_get_priority_max,
    [SYS_sched_get_priority_min] = sys_sched_get_priority_min,
    [SYS_sched_rr_get_interval] = sys_sched_rr_get_interval,
    [SYS_setpriority] = sys_setpriority,
    [SYS_getpriority] = sys_getpriority,
    [SYS_getcpu] = sys_getcpu,
    [SYS_getrandom] = sys_getrandom,
    [SYS_futex] = sys_futex,
    [SYS_riscv_hwprobe] = sys_riscv_hwprobe,
    [SYS_riscv_flush_icache] = sys_riscv_flush_icache,

    /* signals */
    [SYS_rt_sigaction] = sys_rt_sigaction,
    [SYS_rt_sigprocmask] = sys_rt_sigprocmask,
    [SYS_rt_sigpending] = sys_rt_sigpending,
    [SYS_rt_sigsuspend] = sys_rt_sigsuspend,
    [SYS_rt_sigtimedwait] = sys_rt_sigtimedwait,
    [SYS_rt_sigqueueinfo] = sys_rt_sigqueueinfo,
    [SYS_rt_tgsigqueueinfo] = sys_rt_tgsigqueueinfo,
    [SYS_pidfd_send_signal] = sys_pidfd_send_signal,
    [SYS_rt_sigreturn] = sys_rt_sigreturn,
    [SYS_sigaltstack] = sys_sigaltstack,
    [SYS_kill] = sys_kill,
    [SYS_tkill] = sys_tkill,
    [SYS_tgkill] = sys_tgkill,

    /* time */
    [SYS_clock_settime] = sys_clock_settime,
    [SYS_settimeofday] = sys_settimeofday,
    [SYS_adjtimex] = sys_adjtimex,
    [SYS_clock_adjtime] = sys_clock_adjtime,
    [SYS_clock_gettime] = sys_clock_gettime,
    [SYS_clock_getres] = sys_clock_getres,
    [SYS_gettimeofday] = sys_gettimeofday,
    [SYS_nanosleep] = sys_nanosleep,
    [SYS_clock_nanosleep] = sys_clock_nanosleep,
    [SYS_restart_syscall] = sys_restart_syscall,
    [SYS_setitimer] = sys_setitimer,
    [SYS_getitimer] = sys_getitimer,
    [SYS_timer_create] = sys_timer_create,
    [SYS_timer_settime] = sys_timer_settime,
    [SYS_timer_gettime] = sys_timer_gettime,
    [SYS_timer_getoverrun] = sys_timer_getoverrun,
    [SYS_timer_delete] = sys_timer_delete,
    [SYS_times] = sys_times,
};

bool kernel_syscall(struct trapframe *tf, void *current)
{
	uint64_t nr = tf->x[REG_A7];
	sys_call *call = nr < SYS_MAX ? calls[nr] : NULL;
	struct thread *t = current;

	t->sys_a0 = tf->x[REG_A0];
	tf->x[REG_A0] = call ? (uint64_t)call(&tf->x[REG_A0]) : (uint64_t)-ENOSYS;
	if (__builtin_expect(!t->work, 1))
		return false;
	thread_do_work();
	return true;
}
