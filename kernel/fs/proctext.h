/*
 * The texts of /proc. Forms: proctext.c; where they are found: procfs.c.
 */
#ifndef KERNEL_PROCTEXT_H
#define KERNEL_PROCTEXT_H

#include "kernel/lib/types.h"

struct file_ops;
struct mobj;
struct file;
struct proc_handle;

/* A text under construction: it grows as it is written. */
struct text {
	char *buf;
	size_t len, size;
	bool failed; /* no memory */
};

struct text_request {
	struct proc_handle *proc; /* whose; NULL: the machine's */
	uint32_t tid;             /* 0: the process as a whole */
	int fd;                   /* text_fdinfo */
	const char *constant;     /* text_constant */
};

typedef void text_fn(struct text *t, const struct text_request *r);

/* Appends; what does not fit into memory sets `failed`. A formatted piece has at most 511 bytes. */
void text_put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_put_bytes(struct text *t, const void *bytes, size_t len);

/* => a memory object with the text; NULL: no memory. */
struct mobj *text_make(text_fn *fn, const struct text_request *r);

extern const struct file_ops proc_text_ops;

/* Files that are no text: procraw.c. */
extern const struct file_ops proc_kpagecount_ops, proc_kpageflags_ops, proc_fail_nth_ops;
/* => f, just opened, reads the pagemap of that process; 0 or -ENOMEM, -ESRCH. */
int pagemap_open(struct file *f, uint32_t pid);

text_fn text_auxv, text_cmdline, text_comm, text_environ, text_fdinfo, text_io, text_limits,
    text_maps, text_smaps, text_smaps_rollup, text_mounts, text_mountinfo, text_stat, text_statm,
    text_status, text_zero;
text_fn text_buddyinfo, text_slabinfo, text_unusable, text_vmstat, text_zoneinfo;
text_fn text_boot_line, text_cpuinfo, text_filesystems, text_loadavg, text_meminfo, text_stat_all,
    text_swaps, text_uptime, text_version;
text_fn text_boot_id, text_constant, text_cpus, text_hostname, text_osrelease, text_ostype,
    text_osversion, text_threads_max, text_file_nr, text_uuid;

#endif
