/*
 * The texts of /proc, in the forms of Linux 6.12 (proc(5)).
 *
 * Numbers that this kernel does not keep are 0, as Linux shows what is turned off;
 * a reader that takes a field by its place finds every place.
 *
 * Locks. Of a process, its address space is looked at under the address space's
 * lock, and the memory of its arguments through its page table, never by user
 * copies: it is not the reader's memory.
 */
#include "kernel/fs/proctext.h"
#include "kernel/fs/procview.h"
#include "kernel/fs/file.h"
#include "kernel/fs/random.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/proc.h"
#include "kernel/proc/uts.h"
#include "abi/trace.h"

#define TICK_NS   (NS_PER_SECOND / CLOCKS_PER_SECOND)
#define FIRST_LEN 1024

static bool text_reserve(struct text *t, size_t more)
{
	size_t size = t->size ? t->size : FIRST_LEN;

	while (size - t->len < more)
		size *= 2;
	if (size != t->size) {
		char *buf = kvzalloc(size);

		if (!buf) {
			t->failed = true;
			return false;
		}
		if (t->buf)
			memcpy(buf, t->buf, t->len);
		kvfree(t->buf);
		t->buf = buf;
		t->size = size;
	}
	return true;
}

void text_put_bytes(struct text *t, const void *bytes, size_t len)
{
	if (!text_reserve(t, len + 1))
		return;
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
}

void text_put(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	int n = kvsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	text_put_bytes(t, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

struct mobj *text_make(text_fn *fn, const struct text_request *r)
{
	struct text t = {0};
	struct mobj *o = mobj_create(MOBJ_FILE, 0);

	fn(&t, r);
	if (o && (t.failed || mobj_write(o, 0, t.buf, t.len) != t.len)) {
		mobj_put(o);
		o = NULL;
	}
	kvfree(t.buf);
	return o;
}

/* -- of a process -------------------------------------------------------------------------- */

/* => the address space, with a reference; NULL: it has none, or no longer. */
static struct aspace *aspace_of(const struct proc_handle *p)
{
	if (p->as)
		aspace_get(p->as);
	return p->as;
}

/* Appends [start, end) of another address space; what is not resident reads as zeroes. */
static void put_memory(struct text *t, struct aspace *as, uint64_t start, uint64_t end)
{
	while (start < end && text_reserve(t, PAGE_SIZE + 1)) {
		uint64_t offset = start & PAGE_MASK, n = PAGE_SIZE - offset;

		if (n > end - start)
			n = end - start;
		mutex_lock(&as->lock);
		struct arch_mapping m = arch_pt_get(&as->pt, VADDR(start - offset));
		if (m.present)
			memcpy(t->buf + t->len, (char *)arch_kva(pfn_paddr(m.pfn)) + offset, n);
		else
			memset(t->buf + t->len, 0, n);
		mutex_unlock(&as->lock);
		t->len += n;
		start += n;
	}
}

void text_cmdline(struct text *t, const struct text_request *r)
{
	struct aspace *as = aspace_of(r->proc);

	if (!as)
		return;
	put_memory(t, as, as->args, as->envs);
	aspace_put(as);
}

void text_environ(struct text *t, const struct text_request *r)
{
	struct aspace *as = aspace_of(r->proc);

	if (!as)
		return;
	put_memory(t, as, as->envs, as->strings_end);
	aspace_put(as);
}

void text_comm(struct text *t, const struct text_request *r)
{
	char comm[COMM_LEN];

	proc_comm(r->proc, r->tid, comm);
	text_put(t, "%s\n", comm);
}

void text_auxv(struct text *t, const struct text_request *r)
{
	struct aspace *as = aspace_of(r->proc);

	if (!as)
		return;
	put_memory(t, as, as->auxv, as->auxv_end);
	aspace_put(as);
}

void text_io(struct text *t, const struct text_request *r)
{
	struct proc_view v;

	proc_look(r->proc, r->tid, &v);
	text_put(t,
		 "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\nread_bytes: 0\nwrite_bytes: 0\n"
		 "cancelled_write_bytes: 0\n",
		 v.io.rchar, v.io.wchar, v.io.syscr, v.io.syscw);
}

void text_fdinfo(struct text *t, const struct text_request *r)
{
	struct file *f = r->proc->fds ? fd_get(r->proc->fds, r->fd) : NULL;

	if (!f)
		return;
	uint32_t flags = f->flags | (fd_flags(r->proc->fds, r->fd) > 0 ? O_CLOEXEC : 0);
	text_put(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n", f->pos, flags,
		 f->inode->fs ? f->inode->fs->dev : PIPE_DEV, f->inode->ino);
	file_put(f);
}

void text_constant(struct text *t, const struct text_request *r)
{
	text_put_bytes(t, r->constant, strlen(r->constant));
}

void text_zero(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "0\n");
}

struct vm_view {
	uint64_t mapped, mapped_peak, locked, text, library, data, stack; /* bytes */
	uint64_t resident, peak, brk_start, stack_start, args, envs, strings_end, ntables;
	uint64_t minor, major;
	uint64_t npages[FRAME_KINDS]; /* resident */
};

static struct vm_view view_memory(const struct proc_handle *p)
{
	struct aspace *as = aspace_of(p);
	struct vm_view v = {0};

	if (!as)
		return v;
	mutex_lock(&as->lock);
	uint64_t code = ROUND_UP(as->code_end, PAGE_SIZE) - ROUND_DOWN(as->code_start, PAGE_SIZE);
	v = (struct vm_view){.mapped = as->mapped,
			     .mapped_peak = as->mapped_peak,
			     .locked = as->locked,
			     .text = code < as->code ? code : as->code,
			     .library = code < as->code ? as->code - code : 0,
			     .data = as->data,
			     .stack = as->stack,
			     .resident = aspace_npages(as),
			     .peak = as->resident_peak,
			     .brk_start = as->brk_start,
			     .stack_start = as->stack_start,
			     .args = as->args,
			     .envs = as->envs,
			     .strings_end = as->strings_end,
			     .ntables = as->pt.ntables,
			     .minor = as->minor_faults,
			     .major = as->major_faults};
	memcpy(v.npages, as->pt.npages, sizeof v.npages);
	mutex_unlock(&as->lock);
	aspace_put(as);
	return v;
}

void text_statm(struct text *t, const struct text_request *r)
{
	struct vm_view v = view_memory(r->proc);

	text_put(t, "%lu %lu %lu %lu 0 %lu 0\n", v.mapped / PAGE_SIZE, v.resident,
		 v.npages[FRAME_FILE] + v.npages[FRAME_SHMEM], (v.text + v.library) / PAGE_SIZE,
		 (v.data + v.stack) / PAGE_SIZE);
}

void text_stat(struct text *t, const struct text_request *r)
{
	struct proc_handle *p = r->proc;
	struct vm_view v = view_memory(p);
	struct proc_view w;

	proc_look(p, r->tid, &w);
	text_put(t, "%u (%s) %c %u %u %u %u %d %u ", r->tid ? r->tid : p->pid, w.comm, w.state,
		 w.ppid, w.pgid, w.sid, w.tty_dev, w.tty_pgid, 0u);
	text_put(t, "%lu %lu %lu %lu %lu %lu %lu %lu ", v.minor, 0UL, v.major, 0UL,
		 w.utime_ns / TICK_NS, w.stime_ns / TICK_NS, w.child_utime_ns / TICK_NS,
		 w.child_stime_ns / TICK_NS);
	text_put(t, "%d %d %u 0 %lu %lu %lu %lu ", 20 + w.nice, w.nice, w.nthreads,
		 p->start_ns / TICK_NS, v.mapped, v.resident, p->rlimits[RLIMIT_RSS].cur);
	text_put(t, "0 0 %lu 0 0 %lu %lu %lu %lu 0 0 0 %d %u 0 0 0 0 0 0 0 %lu %lu %lu %lu %lu 0\n",
		 v.stack_start, w.pending & 0x7fffffff, w.blocked & 0x7fffffff,
		 w.ignored & 0x7fffffff, w.caught & 0x7fffffff, SIGCHLD, w.hart, v.brk_start,
		 v.args, v.envs, v.envs, v.strings_end);
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R': return "running";
	case 'S': return "sleeping";
	case 'D': return "disk sleep";
	case 'T': return "stopped";
	case 'Z': return "zombie";
	default: return "dead";
	}
}

static void put_hex_set(struct text *t, const char *name, uint64_t set)
{
	text_put(t, "%s:\t%016lx\n", name, set);
}

void text_status(struct text *t, const struct text_request *r)
{
	struct proc_handle *p = r->proc;
	struct vm_view v = view_memory(p);
	struct proc_view w;
	const struct cred *c = &p->cred;

	proc_look(p, r->tid, &w);
	text_put(t, "Name:\t%s\nUmask:\t%04o\nState:\t%c (%s)\n", w.comm, w.umask, w.state,
		 state_name(w.state));
	text_put(t, "Tgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n", p->pid,
		 r->tid ? r->tid : p->pid, w.ppid);
	text_put(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid,
		 c->euid, c->gid, c->egid, c->sgid, c->egid);
	text_put(t, "FDSize:\t%d\nGroups:\t \n", p->fds ? fdtable_end(p->fds) : 0);
	text_put(t, "NStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\nKthread:\t0\n", p->pid,
		 r->tid ? r->tid : p->pid, w.pgid, w.sid);
	if (v.mapped > 0) {
		const struct {
			const char *name;
			uint64_t kib;
		} rows[] = {{"VmPeak", v.mapped_peak >> 10},
			    {"VmSize", v.mapped >> 10},
			    {"VmLck", v.locked >> 10},
			    {"VmPin", 0},
			    {"VmHWM", v.peak * 4},
			    {"VmRSS", v.resident * 4},
			    {"RssAnon", v.npages[FRAME_ANON] * 4},
			    {"RssFile", v.npages[FRAME_FILE] * 4},
			    {"RssShmem", v.npages[FRAME_SHMEM] * 4},
			    {"VmData", v.data >> 10},
			    {"VmStk", v.stack >> 10},
			    {"VmExe", v.text >> 10},
			    {"VmLib", v.library >> 10},
			    {"VmPTE", v.ntables * 4},
			    {"VmSwap", 0}};

		for (size_t n = 0; n < ARRAY_SIZE(rows); n++)
			text_put(t, "%s:\t%8lu kB\n", rows[n].name, rows[n].kib);
		text_put(t, "CoreDumping:\t0\nTHP_enabled:\t1\n");
	}
	text_put(t, "Threads:\t%u\nSigQ:\t0/%lu\n", w.nthreads, p->rlimits[RLIMIT_SIGPENDING].cur);
	put_hex_set(t, "SigPnd", w.pending);
	put_hex_set(t, "ShdPnd", w.shared_pending);
	put_hex_set(t, "SigBlk", w.blocked);
	put_hex_set(t, "SigIgn", w.ignored);
	put_hex_set(t, "SigCgt", w.caught);
	put_hex_set(t, "CapInh", 0);
	put_hex_set(t, "CapPrm", c->euid == 0 ? (2UL << CAP_LAST_CAP) - 1 : 0);
	put_hex_set(t, "CapEff", c->euid == 0 ? (2UL << CAP_LAST_CAP) - 1 : 0);
	put_hex_set(t, "CapBnd", (2UL << CAP_LAST_CAP) - 1);
	put_hex_set(t, "CapAmb", 0);
	uint32_t harts = arch_harts();
	text_put(t, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", p->no_new_privs);
	text_put(t, "Cpus_allowed:\t%x\nCpus_allowed_list:\t", (1u << harts) - 1);
	text_put(t, harts > 1 ? "0-%u\n" : "0\n", harts - 1);
	text_put(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", w.nvcsw,
		 w.nivcsw);
}

static void put_limit(struct text *t, uint64_t v)
{
	if (v == RLIM_INFINITY)
		text_put(t, "%-20s ", "unlimited");
	else
		text_put(t, "%-20lu ", v);
}

void text_limits(struct text *t, const struct text_request *r)
{
	static const struct {
		const char *name, *unit;
	} rows[RLIM_NLIMITS] = {[RLIMIT_CPU] = {"Max cpu time", "seconds"},
				[RLIMIT_FSIZE] = {"Max file size", "bytes"},
				[RLIMIT_DATA] = {"Max data size", "bytes"},
				[RLIMIT_STACK] = {"Max stack size", "bytes"},
				[RLIMIT_CORE] = {"Max core file size", "bytes"},
				[RLIMIT_RSS] = {"Max resident set", "bytes"},
				[RLIMIT_NPROC] = {"Max processes", "processes"},
				[RLIMIT_NOFILE] = {"Max open files", "files"},
				[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
				[RLIMIT_AS] = {"Max address space", "bytes"},
				[RLIMIT_LOCKS] = {"Max file locks", "locks"},
				[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
				[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
				[RLIMIT_NICE] = {"Max nice priority", ""},
				[RLIMIT_RTPRIO] = {"Max realtime priority", ""},
				[RLIMIT_RTTIME] = {"Max realtime timeout", "us"}};

	text_put(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (int n = 0; n < RLIM_NLIMITS; n++) {
		text_put(t, "%-25s ", rows[n].name);
		put_limit(t, r->proc->rlimits[n].cur);
		put_limit(t, r->proc->rlimits[n].max);
		text_put(t, "%-10s\n", rows[n].unit);
	}
}

/* => where a file system is mounted. */
static const char *mount_point(struct fsys *fs, char *buf)
{
	tree_lock();
	ssize_t n = tree_path(fs->root, buf, PATH_MAX);
	tree_unlock();
	return n > 0 ? buf : "/";
}

void text_mounts(struct text *t, const struct text_request *r)
{
	char *path = kmalloc(PATH_MAX);

	(void)r;
	for (struct fsys *fs = fsys_first(); fs && path; fs = fs->next)
		text_put(t, "%s %s %s %s 0 0\n", fs->source, mount_point(fs, path), fs->type,
			 fs->options);
	t->failed |= !path;
	kfree(path);
}

void text_mountinfo(struct text *t, const struct text_request *r)
{
	char *path = kmalloc(PATH_MAX);

	(void)r;
	for (struct fsys *fs = fsys_first(); fs && path; fs = fs->next)
		text_put(t, "%lu %lu 0:%lu / %s %s - %s %s %s\n", fs->dev,
			 fs->covered ? fs->covered->fs->dev : fs->dev, fs->dev,
			 mount_point(fs, path), fs->options, fs->type, fs->source,
			 fs->read_only ? "ro" : "rw");
	t->failed |= !path;
	kfree(path);
}

/* -- of the machine ------------------------------------------------------------------------ */

void text_boot_line(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "\n");
}

void text_cpuinfo(struct text *t, const struct text_request *r)
{
	(void)r;
	for (unsigned h = 0; h < arch_harts(); h++)
		text_put(
		    t,
		    "processor\t: %u\nhart\t\t: %u\nisa\t\t: rv64imafdc_zicntr_zicsr_zifencei\n"
		    "mmu\t\t: sv39\nmvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\n"
		    "hart isa\t: rv64imafdc_zicntr_zicsr_zifencei\n\n",
		    h, h);
}

void text_filesystems(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\t9p\n");
}

void text_loadavg(struct text *t, const struct text_request *r)
{
	struct proc_totals totals;

	(void)r;
	proc_totals(&totals);
	text_put(t, "0.00 0.00 0.00 %u/%u %u\n", totals.running, totals.threads, totals.last_pid);
}

/* Time is the programs' or idle: the kernel's own counts as theirs. */
static void put_hart_times(struct text *t, const char *name, uint64_t busy_ns, uint64_t all_ns)
{
	uint64_t busy = busy_ns / TICK_NS, all = all_ns / TICK_NS;

	text_put(t, "%s %lu 0 0 %lu 0 0 0 0 0 0\n", name, busy, all > busy ? all - busy : 0);
}

void text_stat_all(struct text *t, const struct text_request *r)
{
	uint64_t now = arch_time_ns(), switches, busy_ns, busy_all = 0;
	struct proc_totals totals;
	char name[8];

	(void)r;
	proc_totals(&totals);
	for (unsigned h = 0; h < arch_harts(); h++) {
		sched_counts(h, &switches, &busy_ns);
		busy_all += busy_ns;
	}
	put_hart_times(t, "cpu ", busy_all, now * arch_harts());
	for (unsigned h = 0; h < arch_harts(); h++) {
		sched_counts(h, &switches, &busy_ns);
		ksnprintf(name, sizeof name, "cpu%u", h);
		put_hart_times(t, name, busy_ns, now);
	}
	text_put(t,
		 "intr 0\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked 0\n",
		 totals.switches, (clock_realtime_ns() - now) / NS_PER_SECOND, totals.started,
		 totals.running);
	text_put(t, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
}

/* Open files, none of them spare, and how many there may be. */
void text_file_nr(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%lu\t0\t9223372036854775807\n", file_count());
}

void text_swaps(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

void text_uptime(struct text *t, const struct text_request *r)
{
	uint64_t hundredths = arch_time_ns() / TICK_NS;

	(void)r;
	text_put(t, "%lu.%02lu 0.00\n", hundredths / 100, hundredths % 100);
}

void text_version(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%s version %s (limpid) %s\n", UTS_SYSNAME, UTS_RELEASE, UTS_VERSION);
}

void text_hostname(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%s\n", UTS_NODENAME);
}

void text_osrelease(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%s\n", UTS_RELEASE);
}

void text_ostype(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%s\n", UTS_SYSNAME);
}

void text_osversion(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%s\n", UTS_VERSION);
}

void text_threads_max(struct text *t, const struct text_request *r)
{
	(void)r;
	text_put(t, "%u\n", MAX_THREADS);
}

void text_cpus(struct text *t, const struct text_request *r)
{
	unsigned last = arch_harts() - 1;

	(void)r;
	text_put(t, last ? "0-%u\n" : "%u\n", last);
}

/* A UUID of version 4, by the rules of RFC 4122. */
static void put_uuid(struct text *t, const uint8_t b[16])
{
	for (int n = 0; n < 16; n++) {
		uint8_t byte = n == 6 ? (b[n] & 0x0f) | 0x40 : n == 8 ? (b[n] & 0x3f) | 0x80 : b[n];

		text_put(t, n == 4 || n == 6 || n == 8 || n == 10 ? "-%02x" : "%02x", byte);
	}
	text_put(t, "\n");
}

void text_uuid(struct text *t, const struct text_request *r)
{
	uint8_t bytes[16];

	(void)r;
	random_fill(bytes, sizeof bytes);
	put_uuid(t, bytes);
}

void text_boot_id(struct text *t, const struct text_request *r)
{
	struct rng rng = rng_for("boot id");
	uint8_t bytes[16];

	(void)r;
	rng_fill(&rng, bytes, sizeof bytes);
	put_uuid(t, bytes);
}
