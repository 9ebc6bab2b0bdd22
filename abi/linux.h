/*
 * Facts of Linux's riscv64 system-call ABI, as of version 6.12: numbers of
 * calls, error numbers, flags and structures. Nothing here is Limpid's own.
 *
 * Structures are prefixed `linux_`, so that the file can be read beside a C
 * library's headers; they have the layout that programs see, checked by static
 * assertions at the end. Flags and numbers have Linux's names.
 */
#ifndef ABI_LINUX_H
#define ABI_LINUX_H

#include <stdint.h>

/* -- system calls ------------------------------------------------------------------------- */

#define SYS_io_setup                0
#define SYS_io_destroy              1
#define SYS_io_submit               2
#define SYS_io_cancel               3
#define SYS_io_getevents            4
#define SYS_setxattr                5
#define SYS_lsetxattr               6
#define SYS_fsetxattr               7
#define SYS_getxattr                8
#define SYS_lgetxattr               9
#define SYS_fgetxattr               10
#define SYS_listxattr               11
#define SYS_llistxattr              12
#define SYS_flistxattr              13
#define SYS_removexattr             14
#define SYS_lremovexattr            15
#define SYS_fremovexattr            16
#define SYS_getcwd                  17
#define SYS_lookup_dcookie          18
#define SYS_eventfd2                19
#define SYS_epoll_create1           20
#define SYS_epoll_ctl               21
#define SYS_epoll_pwait             22
#define SYS_dup                     23
#define SYS_dup3                    24
#define SYS_fcntl                   25
#define SYS_inotify_init1           26
#define SYS_inotify_add_watch       27
#define SYS_inotify_rm_watch        28
#define SYS_ioctl                   29
#define SYS_ioprio_set              30
#define SYS_ioprio_get              31
#define SYS_flock                   32
#define SYS_mknodat                 33
#define SYS_mkdirat                 34
#define SYS_unlinkat                35
#define SYS_symlinkat               36
#define SYS_linkat                  37
#define SYS_umount2                 39
#define SYS_mount                   40
#define SYS_pivot_root              41
#define SYS_nfsservctl              42
#define SYS_statfs                  43
#define SYS_fstatfs                 44
#define SYS_truncate                45
#define SYS_ftruncate               46
#define SYS_fallocate               47
#define SYS_faccessat               48
#define SYS_chdir                   49
#define SYS_fchdir                  50
#define SYS_chroot                  51
#define SYS_fchmod                  52
#define SYS_fchmodat                53
#define SYS_fchownat                54
#define SYS_fchown                  55
#define SYS_openat                  56
#define SYS_close                   57
#define SYS_vhangup                 58
#define SYS_pipe2                   59
#define SYS_quotactl                60
#define SYS_getdents64              61
#define SYS_lseek                   62
#define SYS_read                    63
#define SYS_write                   64
#define SYS_readv                   65
#define SYS_writev                  66
#define SYS_pread64                 67
#define SYS_pwrite64                68
#define SYS_preadv                  69
#define SYS_pwritev                 70
#define SYS_sendfile                71
#define SYS_pselect6                72
#define SYS_ppoll                   73
#define SYS_signalfd4               74
#define SYS_vmsplice                75
#define SYS_splice                  76
#define SYS_tee                     77
#define SYS_readlinkat              78
#define SYS_newfstatat              79
#define SYS_fstat                   80
#define SYS_sync                    81
#define SYS_fsync                   82
#define SYS_fdatasync               83
#define SYS_sync_file_range         84
#define SYS_timerfd_create          85
#define SYS_timerfd_settime         86
#define SYS_timerfd_gettime         87
#define SYS_utimensat               88
#define SYS_acct                    89
#define SYS_capget                  90
#define SYS_capset                  91
#define SYS_personality             92
#define SYS_exit                    93
#define SYS_exit_group              94
#define SYS_waitid                  95
#define SYS_set_tid_address         96
#define SYS_unshare                 97
#define SYS_futex                   98
#define SYS_set_robust_list         99
#define SYS_get_robust_list         100
#define SYS_nanosleep               101
#define SYS_getitimer               102
#define SYS_setitimer               103
#define SYS_kexec_load              104
#define SYS_init_module             105
#define SYS_delete_module           106
#define SYS_timer_create            107
#define SYS_timer_gettime           108
#define SYS_timer_getoverrun        109
#define SYS_timer_settime           110
#define SYS_timer_delete            111
#define SYS_clock_settime           112
#define SYS_clock_gettime           113
#define SYS_clock_getres            114
#define SYS_clock_nanosleep         115
#define SYS_syslog                  116
#define SYS_ptrace                  117
#define SYS_sched_setparam          118
#define SYS_sched_setscheduler      119
#define SYS_sched_getscheduler      120
#define SYS_sched_getparam          121
#define SYS_sched_setaffinity       122
#define SYS_sched_getaffinity       123
#define SYS_sched_yield             124
#define SYS_sched_get_priority_max  125
#define SYS_sched_get_priority_min  126
#define SYS_sched_rr_get_interval   127
#define SYS_restart_syscall         128
#define SYS_kill                    129
#define SYS_tkill                   130
#define SYS_tgkill                  131
#define SYS_sigaltstack             132
#define SYS_rt_sigsuspend           133
#define SYS_rt_sigaction            134
#define SYS_rt_sigprocmask          135
#define SYS_rt_sigpending           136
#define SYS_rt_sigtimedwait         137
#define SYS_rt_sigqueueinfo         138
#define SYS_rt_sigreturn            139
#define SYS_setpriority             140
#define SYS_getpriority             141
#define SYS_reboot                  142
#define SYS_setregid                143
#define SYS_setgid                  144
#define SYS_setreuid                145
#define SYS_setuid                  146
#define SYS_setresuid               147
#define SYS_getresuid               148
#define SYS_setresgid               149
#define SYS_getresgid               150
#define SYS_setfsuid                151
#define SYS_setfsgid                152
#define SYS_times                   153
#define SYS_setpgid                 154
#define SYS_getpgid                 155
#define SYS_getsid                  156
#define SYS_setsid                  157
#define SYS_getgroups               158
#define SYS_setgroups               159
#define SYS_uname                   160
#define SYS_sethostname             161
#define SYS_setdomainname           162
#define SYS_getrlimit               163
#define SYS_setrlimit               164
#define SYS_getrusage               165
#define SYS_umask                   166
#define SYS_prctl                   167
#define SYS_getcpu                  168
#define SYS_gettimeofday            169
#define SYS_settimeofday            170
#define SYS_adjtimex                171
#define SYS_getpid                  172
#define SYS_getppid                 173
#define SYS_getuid                  174
#define SYS_geteuid                 175
#define SYS_getgid                  176
#define SYS_getegid                 177
#define SYS_gettid                  178
#define SYS_sysinfo                 179
#define SYS_mq_open                 180
#define SYS_mq_unlink               181
#define SYS_mq_timedsend            182
#define SYS_mq_timedreceive         183
#define SYS_mq_notify               184
#define SYS_mq_getsetattr           185
#define SYS_msgget                  186
#define SYS_msgctl                  187
#define SYS_msgrcv                  188
#define SYS_msgsnd                  189
#define SYS_semget                  190
#define SYS_semctl                  191
#define SYS_semtimedop              192
#define SYS_semop                   193
#define SYS_shmget                  194
#define SYS_shmctl                  195
#define SYS_shmat                   196
#define SYS_shmdt                   197
#define SYS_socket                  198
#define SYS_socketpair              199
#define SYS_bind                    200
#define SYS_listen                  201
#define SYS_accept                  202
#define SYS_connect                 203
#define SYS_getsockname             204
#define SYS_getpeername             205
#define SYS_sendto                  206
#define SYS_recvfrom                207
#define SYS_setsockopt              208
#define SYS_getsockopt              209
#define SYS_shutdown                210
#define SYS_sendmsg                 211
#define SYS_recvmsg                 212
#define SYS_readahead               213
#define SYS_brk                     214
#define SYS_munmap                  215
#define SYS_mremap                  216
#define SYS_add_key                 217
#define SYS_request_key             218
#define SYS_keyctl                  219
#define SYS_clone                   220
#define SYS_execve                  221
#define SYS_mmap                    222
#define SYS_fadvise64               223
#define SYS_swapon                  224
#define SYS_swapoff                 225
#define SYS_mprotect                226
#define SYS_msync                   227
#define SYS_mlock                   228
#define SYS_munlock                 229
#define SYS_mlockall                230
#define SYS_munlockall              231
#define SYS_mincore                 232
#define SYS_madvise                 233
#define SYS_remap_file_pages        234
#define SYS_mbind                   235
#define SYS_get_mempolicy           236
#define SYS_set_mempolicy           237
#define SYS_migrate_pages           238
#define SYS_move_pages              239
#define SYS_rt_tgsigqueueinfo       240
#define SYS_perf_event_open         241
#define SYS_accept4                 242
#define SYS_recvmmsg                243
#define SYS_riscv_hwprobe           258
#define SYS_riscv_flush_icache      259
#define SYS_wait4                   260
#define SYS_prlimit64               261
#define SYS_fanotify_init           262
#define SYS_fanotify_mark           263
#define SYS_name_to_handle_at       264
#define SYS_open_by_handle_at       265
#define SYS_clock_adjtime           266
#define SYS_syncfs                  267
#define SYS_setns                   268
#define SYS_sendmmsg                269
#define SYS_process_vm_readv        270
#define SYS_process_vm_writev       271
#define SYS_kcmp                    272
#define SYS_finit_module            273
#define SYS_sched_setattr           274
#define SYS_sched_getattr           275
#define SYS_renameat2               276
#define SYS_seccomp                 277
#define SYS_getrandom               278
#define SYS_memfd_create            279
#define SYS_bpf                     280
#define SYS_execveat                281
#define SYS_userfaultfd             282
#define SYS_membarrier              283
#define SYS_mlock2                  284
#define SYS_copy_file_range         285
#define SYS_preadv2                 286
#define SYS_pwritev2                287
#define SYS_pkey_mprotect           288
#define SYS_pkey_alloc              289
#define SYS_pkey_free               290
#define SYS_statx                   291
#define SYS_io_pgetevents           292
#define SYS_rseq                    293
#define SYS_kexec_file_load         294
#define SYS_clock_gettime64         403
#define SYS_clock_settime64         404
#define SYS_clock_adjtime64         405
#define SYS_timer_gettime64         408
#define SYS_timer_settime64         409
#define SYS_timerfd_gettime64       410
#define SYS_timerfd_settime64       411
#define SYS_pidfd_send_signal       424
#define SYS_io_uring_setup          425
#define SYS_io_uring_enter          426
#define SYS_io_uring_register       427
#define SYS_open_tree               428
#define SYS_move_mount              429
#define SYS_fsopen                  430
#define SYS_fsconfig                431
#define SYS_fsmount                 432
#define SYS_fspick                  433
#define SYS_pidfd_open              434
#define SYS_clone3                  435
#define SYS_close_range             436
#define SYS_openat2                 437
#define SYS_pidfd_getfd             438
#define SYS_faccessat2              439
#define SYS_process_madvise         440
#define SYS_epoll_pwait2            441
#define SYS_mount_setattr           442
#define SYS_quotactl_fd             443
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#define SYS_memfd_secret            447
#define SYS_process_mrelease        448
#define SYS_futex_waitv             449
#define SYS_set_mempolicy_home_node 450
#define SYS_cachestat               451
#define SYS_fchmodat2               452
#define SYS_map_shadow_stack        453
#define SYS_futex_wake              454
#define SYS_futex_wait              455
#define SYS_futex_requeue           456
#define SYS_statmount               457
#define SYS_listmount               458
#define SYS_lsm_get_self_attr       459
#define SYS_lsm_set_self_attr       460
#define SYS_lsm_list_modules        461
#define SYS_mseal                   462

#define SYS_MAX 463 /* first number that is none */

/* -- errors -------------------------------------------------------------------------------- */

#define EPERM        1
#define ENOENT       2
#define ESRCH        3
#define EINTR        4
#define EIO          5
#define ENXIO        6
#define E2BIG        7
#define ENOEXEC      8
#define EBADF        9
#define ECHILD       10
#define EAGAIN       11
#define ENOMEM       12
#define EACCES       13
#define EFAULT       14
#define EBUSY        16
#define EEXIST       17
#define EXDEV        18
#define ENODEV       19
#define ENOTDIR      20
#define EISDIR       21
#define EINVAL       22
#define ENFILE       23
#define EMFILE       24
#define ENOTTY       25
#define ETXTBSY      26
#define EFBIG        27
#define ENOSPC       28
#define ESPIPE       29
#define EROFS        30
#define EMLINK       31
#define EPIPE        32
#define EDOM         33
#define ERANGE       34
#define EDEADLK      35
#define ENAMETOOLONG 36
#define ENOLCK       37
#define ENOSYS       38
#define ENOTEMPTY    39
#define ELOOP        40
#define ENODATA      61
#define EOVERFLOW    75
#define ELIBBAD      80
#define ENOTSOCK     88
#define EOPNOTSUPP   95
#define EAFNOSUPPORT 97
#define ETIMEDOUT    110

/* -- files --------------------------------------------------------------------------------- */

#define O_ACCMODE   03
#define O_RDONLY    00
#define O_WRONLY    01
#define O_RDWR      02
#define O_CREAT     0100
#define O_EXCL      0200
#define O_NOCTTY    0400
#define O_TRUNC     01000
#define O_APPEND    02000
#define O_NONBLOCK  04000
#define O_DSYNC     010000
#define O_ASYNC     020000
#define O_SYNC      04010000
#define O_DIRECT    040000
#define O_LARGEFILE 0100000
#define O_DIRECTORY 0200000
#define O_NOFOLLOW  0400000
#define O_NOATIME   01000000
#define O_CLOEXEC   02000000
#define O_PATH      010000000
#define O_TMPFILE   (020000000 | O_DIRECTORY)

#define S_IFMT   0170000
#define S_IFSOCK 0140000
#define S_IFLNK  0120000
#define S_IFREG  0100000
#define S_IFBLK  0060000
#define S_IFDIR  0040000
#define S_IFCHR  0020000
#define S_IFIFO  0010000
#define S_ISUID  04000
#define S_ISGID  02000
#define S_ISVTX  01000

#define AT_FDCWD            -100
#define AT_SYMLINK_NOFOLLOW 0x100
#define AT_EACCESS          0x200
#define AT_REMOVEDIR        0x200
#define AT_SYMLINK_FOLLOW   0x400
#define AT_NO_AUTOMOUNT     0x800
#define AT_EMPTY_PATH       0x1000
#define AT_STATX_SYNC_TYPE  0x6000

#define F_OK 0
#define X_OK 1
#define W_OK 2
#define R_OK 4

#define F_DUPFD         0
#define F_GETFD         1
#define F_SETFD         2
#define F_GETFL         3
#define F_SETFL         4
#define F_GETLK         5
#define F_SETLK         6
#define F_SETLKW        7
#define F_DUPFD_CLOEXEC 1030
#define F_SETPIPE_SZ    1031
#define F_GETPIPE_SZ    1032
#define F_SETLEASE      1024
#define F_GETLEASE      1025
#define F_NOTIFY        1026
#define F_DUPFD_QUERY   1027
#define F_SETOWN        8
#define F_GETOWN        9
#define F_SETSIG        10
#define F_GETSIG        11
#define F_SETOWN_EX     15
#define F_GETOWN_EX     16
#define F_OFD_GETLK     36
#define F_OFD_SETLK     37
#define F_OFD_SETLKW    38
#define FD_CLOEXEC      1
#define F_RDLCK         0
#define F_WRLCK         1
#define F_UNLCK         2

#define SEEK_SET  0
#define SEEK_CUR  1
#define SEEK_END  2
#define SEEK_DATA 3
#define SEEK_HOLE 4

#define PATH_MAX     4096
#define NAME_MAX     255
#define IOV_MAX      1024
#define MAX_RW_COUNT 0x7ffff000UL /* bytes that one read or write moves at most */

#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#define RENAME_WHITEOUT  4

#define TCGETS     0x5401
#define TIOCGPGRP  0x540f
#define TIOCGWINSZ 0x5413
#define FIONREAD   0x541b
#define FIONBIO    0x5421
#define FIONCLEX   0x5450
#define FIOCLEX    0x5451

#define DT_FIFO 1
#define DT_CHR  2
#define DT_DIR  4
#define DT_REG  8
#define DT_LNK  10

#define POLLIN     0x0001
#define POLLPRI    0x0002
#define POLLOUT    0x0004
#define POLLERR    0x0008
#define POLLHUP    0x0010
#define POLLNVAL   0x0020
#define POLLRDNORM 0x0040
#define POLLWRNORM 0x0100

struct linux_iovec {
	uint64_t base, len;
};

struct linux_timespec {
	int64_t sec, nsec;
};

struct linux_timeval {
	int64_t sec, usec;
};

struct linux_stat {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, pad1;
	int64_t size;
	int32_t blksize, pad2;
	int64_t blocks;
	struct linux_timespec atime, mtime, ctime;
	uint32_t unused[2];
};

struct linux_statx_timestamp {
	int64_t sec;
	uint32_t nsec;
	int32_t pad;
};

#define STATX_BASIC_STATS     0x7ff
#define STATX_BTIME           0x800
#define STATX_MNT_ID          0x1000
#define STATX__RESERVED       0x80000000u
#define STATX_ATTR_MOUNT_ROOT 0x2000

struct linux_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad0;
	uint64_t ino, size, blocks, attributes_mask;
	struct linux_statx_timestamp atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id;
	uint32_t dio_mem_align, dio_offset_align;
	uint64_t spare[12];
};

struct linux_statfs {
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree;
	int32_t fsid[2];
	int64_t namelen, frsize, flags, spare[4];
};
#define TMPFS_MAGIC  0x01021994
#define PIPEFS_MAGIC 0x50495045
#define PROC_MAGIC   0x9fa0
#define SYSFS_MAGIC  0x62656572
#define V9FS_MAGIC   0x01021997
#define ST_VALID     0x20

/* Followed by the name and a NUL; reclen is a multiple of 8. */
struct linux_dirent64 {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
} __attribute__((packed));
#define LINUX_DIRENT64_NAME 19 /* offset of name */

struct linux_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct linux_flock {
	int16_t type, whence;
	int32_t pad;
	int64_t start, len;
	int32_t pid, pad2;
};

/* -- memory -------------------------------------------------------------------------------- */

#define PROT_NONE      0
#define PROT_READ      0x1
#define PROT_WRITE     0x2
#define PROT_EXEC      0x4
#define PROT_GROWSDOWN 0x01000000
#define PROT_GROWSUP   0x02000000

#define MAP_SHARED          0x01
#define MAP_PRIVATE         0x02
#define MAP_SHARED_VALIDATE 0x03
#define MAP_DROPPABLE       0x08
#define MAP_TYPE            0x0f
#define MAP_FIXED           0x10
#define MAP_ANONYMOUS       0x20
#define MAP_GROWSDOWN       0x0100
#define MAP_DENYWRITE       0x0800
#define MAP_EXECUTABLE      0x1000
#define MAP_LOCKED          0x2000
#define MAP_NORESERVE       0x4000
#define MAP_POPULATE        0x8000
#define MAP_NONBLOCK        0x10000
#define MAP_STACK           0x20000
#define MAP_HUGETLB         0x40000
#define MAP_SYNC            0x80000
#define MAP_FIXED_NOREPLACE 0x100000
#define MAP_UNINITIALIZED   0x4000000

#define MREMAP_MAYMOVE   1
#define MREMAP_FIXED     2
#define MREMAP_DONTUNMAP 4

#define MS_ASYNC      1
#define MS_INVALIDATE 2
#define MS_SYNC       4

#define MCL_CURRENT   1
#define MCL_FUTURE    2
#define MCL_ONFAULT   4
#define MLOCK_ONFAULT 1

#define MADV_NORMAL          0
#define MADV_RANDOM          1
#define MADV_SEQUENTIAL      2
#define MADV_WILLNEED        3
#define MADV_DONTNEED        4
#define MADV_FREE            8
#define MADV_REMOVE          9
#define MADV_DONTFORK        10
#define MADV_DOFORK          11
#define MADV_MERGEABLE       12
#define MADV_UNMERGEABLE     13
#define MADV_HUGEPAGE        14
#define MADV_NOHUGEPAGE      15
#define MADV_DONTDUMP        16
#define MADV_DODUMP          17
#define MADV_WIPEONFORK      18
#define MADV_KEEPONFORK      19
#define MADV_COLD            20
#define MADV_PAGEOUT         21
#define MADV_POPULATE_READ   22
#define MADV_POPULATE_WRITE  23
#define MADV_DONTNEED_LOCKED 24
#define MADV_COLLAPSE        25

/* -- processes, signals -------------------------------------------------------------------- */

#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGABRT   6
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGUSR1   10
#define SIGSEGV   11
#define SIGUSR2   12
#define SIGPIPE   13
#define SIGALRM   14
#define SIGTERM   15
#define SIGSTKFLT 16
#define SIGCHLD   17
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXCPU   24
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGIO     29
#define SIGPWR    30
#define SIGSYS    31
#define SIGMAX    64 /* the last number */

#define SI_USER   0
#define SI_KERNEL 0x80
#define SI_TKILL  -6

#define ILL_ILLOPC  1
#define SEGV_MAPERR 1
#define SEGV_ACCERR 2
#define BUS_ADRALN  1
#define BUS_ADRERR  2
#define TRAP_BRKPT  1

#define SIG_DFL 0
#define SIG_IGN 1

#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SS_ONSTACK    1
#define SS_DISABLE    2
#define SS_AUTODISARM (1u << 31)
#define MINSIGSTKSZ   1088 /* as AT_MINSIGSTKSZ of a hart without vectors */

struct linux_sigaction {
	uint64_t handler, flags, mask;
};

struct linux_sigaltstack {
	uint64_t sp;
	int32_t flags, pad;
	uint64_t size;
};

#define RLIMIT_CPU        0
#define RLIMIT_FSIZE      1
#define RLIMIT_DATA       2
#define RLIMIT_STACK      3
#define RLIMIT_CORE       4
#define RLIMIT_RSS        5
#define RLIMIT_NPROC      6
#define RLIMIT_NOFILE     7
#define RLIMIT_MEMLOCK    8
#define RLIMIT_AS         9
#define RLIMIT_LOCKS      10
#define RLIMIT_SIGPENDING 11
#define RLIMIT_MSGQUEUE   12
#define RLIMIT_NICE       13
#define RLIMIT_RTPRIO     14
#define RLIMIT_RTTIME     15
#define RLIM_NLIMITS      16
#define RLIM_INFINITY     (~(uint64_t)0)

struct linux_rlimit {
	uint64_t cur, max;
};

struct linux_rusage {
	struct linux_timeval utime, stime;
	int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock;
	int64_t msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
#define RUSAGE_SELF     0
#define RUSAGE_CHILDREN -1
#define RUSAGE_THREAD   1

struct linux_tms {
	int64_t utime, stime, cutime, cstime;
};

#define CLOCKS_PER_SECOND 100 /* AT_CLKTCK, times(2) */

struct linux_utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

struct linux_sysinfo {
	int64_t uptime;
	uint64_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint32_t pad2;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit, pad3;
};

#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define CLOCK_TAI                11
#define TIMER_ABSTIME            1

#define FUTEX_WAIT           0
#define FUTEX_WAKE           1
#define FUTEX_WAIT_BITSET    9
#define FUTEX_WAKE_BITSET    10
#define FUTEX_PRIVATE_FLAG   128
#define FUTEX_CLOCK_REALTIME 256

#define GRND_NONBLOCK 1
#define GRND_RANDOM   2
#define GRND_INSECURE 4

#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#define CAP_LAST_CAP         40

struct linux_riscv_hwprobe {
	int64_t key;
	uint64_t value;
};
#define RISCV_HWPROBE_KEY_MVENDORID              0
#define RISCV_HWPROBE_KEY_MARCHID                1
#define RISCV_HWPROBE_KEY_MIMPID                 2
#define RISCV_HWPROBE_KEY_BASE_BEHAVIOR          3
#define RISCV_HWPROBE_BASE_BEHAVIOR_IMA          1
#define RISCV_HWPROBE_KEY_IMA_EXT_0              4
#define RISCV_HWPROBE_IMA_FD                     1
#define RISCV_HWPROBE_IMA_C                      2
#define RISCV_HWPROBE_KEY_CPUPERF_0              5
#define RISCV_HWPROBE_MISALIGNED_FAST            3
#define RISCV_HWPROBE_KEY_ZICBOZ_BLOCK_SIZE      6
#define RISCV_HWPROBE_KEY_HIGHEST_VIRT_ADDRESS   7
#define RISCV_HWPROBE_KEY_TIME_CSR_FREQ          8
#define RISCV_HWPROBE_KEY_MISALIGNED_SCALAR_PERF 9
#define RISCV_HWPROBE_KEY_MAX                    9
#define RISCV_HWPROBE_WHICH_CPUS                 1

/* -- executables --------------------------------------------------------------------------- */

#define AT_NULL              0
#define AT_PHDR              3
#define AT_PHENT             4
#define AT_PHNUM             5
#define AT_PAGESZ            6
#define AT_BASE              7
#define AT_FLAGS             8
#define AT_ENTRY             9
#define AT_UID               11
#define AT_EUID              12
#define AT_GID               13
#define AT_EGID              14
#define AT_HWCAP             16
#define AT_CLKTCK            17
#define AT_SECURE            23
#define AT_RANDOM            25
#define AT_RSEQ_FEATURE_SIZE 27
#define AT_RSEQ_ALIGN        28
#define AT_EXECFN            31
#define AT_SYSINFO_EHDR      33
#define AT_MINSIGSTKSZ       51

#define HWCAP_IMAFDC 0x112d /* bit n: extension 'a' + n */

struct linux_elf64_ehdr {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct linux_elf64_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

#define ET_EXEC      2
#define ET_DYN       3
#define EM_RISCV     243
#define PT_LOAD      1
#define PT_INTERP    3
#define PT_PHDR      6
#define PT_GNU_STACK 0x6474e551
#define PF_X         1
#define PF_W         2
#define PF_R         4

_Static_assert(sizeof(struct linux_stat) == 128, "struct stat");
_Static_assert(sizeof(struct linux_statx) == 256, "struct statx");
_Static_assert(sizeof(struct linux_statfs) == 120, "struct statfs");
_Static_assert(sizeof(struct linux_sigaction) == 24, "struct sigaction");
_Static_assert(sizeof(struct linux_sigaltstack) == 24, "stack_t");
_Static_assert(sizeof(struct linux_rusage) == 144, "struct rusage");
_Static_assert(sizeof(struct linux_utsname) == 390, "struct new_utsname");
_Static_assert(sizeof(struct linux_sysinfo) == 112, "struct sysinfo");
_Static_assert(sizeof(struct linux_elf64_ehdr) == 64, "Elf64_Ehdr");
_Static_assert(sizeof(struct linux_elf64_phdr) == 56, "Elf64_Phdr");

#endif
