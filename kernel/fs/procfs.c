/*
 * /proc: processes and the machine as text, made when asked for.
 *
 * Nothing is stored. A folder's names are a table, or the processes, threads and
 * descriptors that there are; a look-up makes an inode that remembers what it
 * stands for (struct node), and opening a file writes its text (proctext.c) into a
 * memory object of its own: it is the text of one moment, that of the open.
 *
 *     /proc --+-- self -> 7      7 --+-- stat status maps ...     texts
 *             +-- 1                  +-- exe cwd root             jump to an inode
 *             +-- meminfo ...        +-- fd ----- 0 1 2 ...       jump to an open file's
 *             `-- sys ...            +-- fdinfo - 0 1 2 ...       texts
 *                                    `-- task --- 7 9 ...         as a process's folder
 *
 * /sys is made in the same way, of a few texts that programs look for.
 *
 * Invariants
 *   I1  a node holds no process: it is found again by number each time, and may have gone
 *       (ENOENT, ESRCH)
 *   I2  inode numbers are a function of what a node stands for
 *
 * What belongs to a process is its owner's: others may look at texts of mode 0444 only.
 */
#include "kernel/fs/context.h"
#include "kernel/fs/file.h"
#include "kernel/fs/proctext.h"
#include "kernel/fs/procview.h"
#include "kernel/fs/settings.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/proc.h"

/* What a node is; the texts come from table rows. */
enum kind {
	TOP,
	TEXT,
	SELF,
	THREAD_SELF,
	MOUNTS_LINK,
	PID,
	FDS,
	FD,
	FDINFOS,
	FDINFO,
	TASKS,
	EXE,
	CWD,
	ROOT,
	SYS,
	SYS_DIR,
	KPAGECOUNT, /* from here on, no texts: procraw.c */
	KPAGEFLAGS,
	PAGEMAP,
	FAIL_NTH
};

struct node {
	enum kind kind;
	uint32_t pid, tid; /* PID and below; tid 0: the process itself */
	int number; /* FD, FDINFO: the descriptor; SYS_DIR: which; TEXT: row, + (SYS_DIR + 1) << 8
		     */
};

struct row {
	const char *name;
	enum kind kind;
	uint32_t mode;
	text_fn *text;
	const char *constant; /* of text_constant; of text_setting, its name */
};

/* What a row is: a text, a setting that is what it is, a folder or a link. */
#define TEXT_ROW(name, mode, fn)                                                                   \
	{                                                                                          \
		name, TEXT, S_IFREG | (mode), fn, NULL                                             \
	}
#define FIXED(name, value)                                                                         \
	{                                                                                          \
		name, TEXT, S_IFREG | 0444, text_constant, value                                   \
	}
#define SETTING(name)                                                                              \
	{                                                                                          \
		name, TEXT, S_IFREG | 0644, text_setting, name                                     \
	}
#define NODE(name, kind, mode)                                                                     \
	{                                                                                          \
		name, kind, mode, NULL, NULL                                                       \
	}

/* Tests of a kernel that checks itself look for what leaked, and are nobody special. */
#define SLABINFO_MODE (FRAME_DEBUG ? 0444 : 0400)

static const struct row top_rows[] = {NODE("self", SELF, S_IFLNK | 0777),
				      NODE("thread-self", THREAD_SELF, S_IFLNK | 0777),
				      NODE("mounts", MOUNTS_LINK, S_IFLNK | 0777),
				      TEXT_ROW("buddyinfo", 0444, text_buddyinfo),
				      TEXT_ROW("cmdline", 0444, text_boot_line),
				      TEXT_ROW("cpuinfo", 0444, text_cpuinfo),
				      TEXT_ROW("filesystems", 0444, text_filesystems),
				      NODE("kpagecount", KPAGECOUNT, S_IFREG | 0400),
				      NODE("kpageflags", KPAGEFLAGS, S_IFREG | 0400),
				      TEXT_ROW("loadavg", 0444, text_loadavg),
				      TEXT_ROW("meminfo", 0444, text_meminfo),
				      TEXT_ROW("slabinfo", SLABINFO_MODE, text_slabinfo),
				      TEXT_ROW("stat", 0444, text_stat_all),
				      TEXT_ROW("swaps", 0444, text_swaps),
				      TEXT_ROW("uptime", 0444, text_uptime),
				      TEXT_ROW("version", 0444, text_version),
				      TEXT_ROW("vmstat", 0444, text_vmstat),
				      TEXT_ROW("zoneinfo", 0444, text_zoneinfo),
				      NODE("sys", SYS, S_IFDIR | 0555)};

static const struct row pid_rows[] = {
#if FRAME_DEBUG
    NODE("fail-nth", FAIL_NTH, S_IFREG | 0644),
#endif
    TEXT_ROW("auxv", 0400, text_auxv),
    TEXT_ROW("cmdline", 0444, text_cmdline),
    FIXED("coredump_filter", "00000033\n"),
    TEXT_ROW("comm", 0644, text_comm),
    NODE("cwd", CWD, S_IFLNK | 0777),
    TEXT_ROW("environ", 0400, text_environ),
    NODE("exe", EXE, S_IFLNK | 0777),
    NODE("fd", FDS, S_IFDIR | 0500),
    NODE("fdinfo", FDINFOS, S_IFDIR | 0555),
    TEXT_ROW("io", 0400, text_io),
    TEXT_ROW("limits", 0444, text_limits),
    TEXT_ROW("maps", 0444, text_maps),
    NODE("pagemap", PAGEMAP, S_IFREG | 0400),
    TEXT_ROW("smaps", 0444, text_smaps),
    TEXT_ROW("smaps_rollup", 0444, text_smaps_rollup),
    TEXT_ROW("mounts", 0444, text_mounts),
    TEXT_ROW("mountinfo", 0444, text_mountinfo),
    TEXT_ROW("oom_score", 0444, text_zero),
    TEXT_ROW("oom_score_adj", 0644, text_zero),
    FIXED("personality", "00000000\n"),
    NODE("root", ROOT, S_IFLNK | 0777),
    TEXT_ROW("stat", 0444, text_stat),
    TEXT_ROW("statm", 0444, text_statm),
    TEXT_ROW("status", 0444, text_status),
    FIXED("wchan", "0"),
    NODE("task", TASKS, S_IFDIR | 0555)};

/* Folders of /proc/sys and of /sys, and what is in them. */
static const struct row kernel_rows[] = {FIXED("cap_last_cap", "40\n"),
					 FIXED("core_pattern", "core\n"),
					 TEXT_ROW("hostname", 0444, text_hostname),
					 FIXED("ngroups_max", "65536\n"),
					 TEXT_ROW("osrelease", 0444, text_osrelease),
					 TEXT_ROW("ostype", 0444, text_ostype),
					 FIXED("overflowgid", "65534\n"),
					 FIXED("overflowuid", "65534\n"),
					 FIXED("pid_max", "4194304\n"),
					 FIXED("randomize_va_space", "2\n"),
					 FIXED("shmall", "0\n"),
					 FIXED("shmmax", "0\n"),
					 FIXED("shmmni", "0\n"),
					 TEXT_ROW("threads-max", 0444, text_threads_max),
					 TEXT_ROW("version", 0444, text_osversion)};
static const struct row random_rows[] = {TEXT_ROW("boot_id", 0444, text_boot_id),
					 FIXED("entropy_avail", "256\n"),
					 TEXT_ROW("uuid", 0444, text_uuid)};
static const struct row vm_rows[] = {
    SETTING("admin_reserve_kbytes"), SETTING("max_map_count"),      SETTING("mmap_min_addr"),
    SETTING("overcommit_kbytes"),    SETTING("overcommit_memory"),  SETTING("overcommit_ratio"),
    FIXED("swappiness", "60\n"),     SETTING("user_reserve_kbytes")};
static const struct row fs_rows[] = {
    FIXED("file-max", "9223372036854775807\n"), TEXT_ROW("file-nr", 0444, text_file_nr),
    FIXED("nr_open", "1048576\n"), FIXED("pipe-max-size", "1048576\n")};
static const struct row net_rows[] = {FIXED("somaxconn", "4096\n")};
static const struct row cpu_rows[] = {TEXT_ROW("online", 0444, text_cpus),
				      TEXT_ROW("possible", 0444, text_cpus),
				      TEXT_ROW("present", 0444, text_cpus)};
static const struct row thp_rows[] = {SETTING("enabled")};

static const struct row extfrag_rows[] = {TEXT_ROW("unusable_index", 0444, text_unusable)};

enum dir_number {
	D_FS,
	D_KERNEL,
	D_RANDOM,
	D_NET,
	D_CORE,
	D_VM,
	D_SYSFS,
	D_DEVICES,
	D_SYSTEM,
	D_CPU,
	D_SYS_KERNEL,
	D_MM,
	D_THP,
	D_DEBUG,
	D_EXTFRAG,
	IN_SYS = -1, /* /proc/sys itself */
	NOWHERE = -2 /* the root of /sys */
};

static const struct sys_dir {
	const char *name;
	int parent;
	const struct row *rows;
	size_t count;
} sys_dirs[] = {
    [D_FS] = {"fs", IN_SYS, fs_rows, ARRAY_SIZE(fs_rows)},
    [D_KERNEL] = {"kernel", IN_SYS, kernel_rows, ARRAY_SIZE(kernel_rows)},
    [D_RANDOM] = {"random", D_KERNEL, random_rows, ARRAY_SIZE(random_rows)},
    [D_NET] = {"net", IN_SYS, NULL, 0},
    [D_CORE] = {"core", D_NET, net_rows, ARRAY_SIZE(net_rows)},
    [D_VM] = {"vm", IN_SYS, vm_rows, ARRAY_SIZE(vm_rows)},
    [D_SYSFS] = {"", NOWHERE, NULL, 0},
    [D_DEVICES] = {"devices", D_SYSFS, NULL, 0},
    [D_SYSTEM] = {"system", D_DEVICES, NULL, 0},
    [D_CPU] = {"cpu", D_SYSTEM, cpu_rows, ARRAY_SIZE(cpu_rows)},
    [D_SYS_KERNEL] = {"kernel", D_SYSFS, NULL, 0},
    [D_MM] = {"mm", D_SYS_KERNEL, NULL, 0},
    [D_THP] = {"transparent_hugepage", D_MM, thp_rows, ARRAY_SIZE(thp_rows)},
    [D_DEBUG] = {"debug", D_SYS_KERNEL, NULL, 0},
    [D_EXTFRAG] = {"extfrag", D_DEBUG, extfrag_rows, ARRAY_SIZE(extfrag_rows)},
};

#define INO_OF(kind, pid, number)                                                                  \
	((uint64_t)(pid) << 24 | (uint64_t)(kind) << 18 | ((uint64_t)(number)&0x3ffff))

static struct node *node_of(const struct inode *i)
{
	return i->ctx;
}

/* The rows of a folder that has a table. => false: it has none. */
static bool rows_of(const struct node *n, const struct row **rows, size_t *count)
{
	switch (n->kind) {
	case TOP:
		*rows = top_rows;
		*count = ARRAY_SIZE(top_rows);
		return true;
	case PID:
		*rows = pid_rows;
		*count = ARRAY_SIZE(pid_rows) - (n->tid != 0); /* a thread's has no `task` */
		return true;
	case SYS_DIR:
		*rows = sys_dirs[n->number].rows;
		*count = sys_dirs[n->number].count;
		return true;
	default: return false;
	}
}

/* => what of a process is: the owner of its files, the folder's too. */
static void set_owner(struct inode *i, uint32_t pid)
{
	const struct proc *p;

	if (!pid)
		return;
	spin_lock(&proc_tree_lock);
	p = proc_find_locked(pid);
	if (p) {
		i->uid = p->cred.euid;
		i->gid = p->cred.egid;
	}
	spin_unlock(&proc_tree_lock);
}

/* => an inode for the node, as `name` in dir; NULL: no memory. */
static struct inode *make_inode(struct inode *dir, const char *name, size_t len, uint32_t mode,
				const struct node *n)
{
	struct inode *i = inode_create(dir->fs, mode, 0, 0);

	if (!i)
		return NULL;
	i->ctx = kmalloc(sizeof *n);
	if (inode_is_dir(i)) {
		i->entry = dirent_create(name, len);
		i->parent = dir;
		inode_get(dir);
	}
	if (!i->ctx || (inode_is_dir(i) && !i->entry)) {
		inode_put(i);
		return NULL;
	}
	*(struct node *)i->ctx = *n;
	i->nlink = inode_is_dir(i) ? 2 : 1;
	i->ino = INO_OF(n->kind, n->tid ? n->tid : n->pid, n->number);
	set_owner(i, n->pid);
	return i;
}

static void procfs_free(struct inode *i)
{
	kfree(i->ctx);
	kfree(i->entry);
}

/* => the number that a name is, or -1. */
static int64_t parse(const char *name, size_t len)
{
	int64_t v = 0;

	if (len == 0 || len > 9 || (name[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		v = v * 10 + (name[i] - '0');
	}
	return v;
}

/* -- look-up and lists --------------------------------------------------------------------- */

static int lookup_row(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	const struct node *d = node_of(dir);
	const struct row *rows;
	size_t count;

	if (!rows_of(d, &rows, &count))
		return -ENOENT;
	for (size_t r = 0; r < count; r++) {
		struct node n = {.kind = rows[r].kind, .pid = d->pid, .tid = d->tid};

		if (strlen(rows[r].name) != len || memcmp(rows[r].name, name, len) != 0)
			continue;
		if (n.kind == TEXT)
			n.number = (int)r | (d->kind == SYS_DIR ? (d->number + 1) << 8 : 0);
		*out = make_inode(dir, name, len, rows[r].mode, &n);
		return *out ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

/* Numbers: processes, threads, descriptors. */
static int lookup_number(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	const struct node *d = node_of(dir);
	int64_t number = parse(name, len);
	struct node n = {.pid = d->pid, .tid = d->tid};
	uint32_t mode = S_IFDIR | 0555;
	struct proc_handle *p;

	if (number < 0)
		return -ENOENT;
	int error = proc_find(d->kind == TOP ? (uint32_t)number : d->pid, &p);
	if (error)
		return error == -ESRCH ? -ENOENT : error;
	bool exists = true;
	switch (d->kind) {
	case TOP:
		n.kind = PID;
		n.pid = (uint32_t)number;
		exists = p->pid == n.pid;
		break;
	case TASKS:
		n.kind = PID;
		n.tid = (uint32_t)number;
		exists = proc_has_thread(p, n.tid);
		break;
	case FDS:
	case FDINFOS: {
		struct file *f = p->fds ? fd_get(p->fds, (int)number) : NULL;

		exists = f != NULL;
		n.kind = d->kind == FDS ? FD : FDINFO;
		n.number = (int)number;
		if (n.kind == FDINFO)
			mode = S_IFREG | 0444;
		else if (f)
			mode = S_IFLNK | (file_may_read(f) ? 0500 : 0) |
			       (file_may_write(f) ? 0300 : 0);
		if (f)
			file_put(f);
		break;
	}
	default: exists = false;
	}
	proc_put(p);
	if (!exists)
		return -ENOENT;
	*out = make_inode(dir, name, len, mode, &n);
	return *out ? 0 : -ENOMEM;
}

/* => the number of a folder as sys_dirs.parent has it; false: it has no folders of that table. */
static bool dir_number(const struct node *d, int *out)
{
	*out = d->kind == SYS ? IN_SYS : d->number;
	return d->kind == SYS || d->kind == SYS_DIR;
}

static int lookup_dir(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	int parent;

	if (!dir_number(node_of(dir), &parent))
		return -ENOENT;
	for (size_t s = 0; s < ARRAY_SIZE(sys_dirs); s++) {
		struct node n = {.kind = SYS_DIR, .number = (int)s};

		if (sys_dirs[s].parent != parent || strlen(sys_dirs[s].name) != len ||
		    memcmp(sys_dirs[s].name, name, len) != 0)
			continue;
		*out = make_inode(dir, name, len, S_IFDIR | 0555, &n);
		return *out ? 0 : -ENOMEM;
	}
	return -ENOENT;
}

static int procfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	int error = lookup_row(dir, name, len, out);

	if (error == -ENOENT)
		error = lookup_dir(dir, name, len, out);
	return error == -ENOENT ? lookup_number(dir, name, len, out) : error;
}

#define ROW_COOKIE    (COOKIE_DOTDOT + 1)
#define NUMBER_COOKIE 256 /* above all rows */

/* => the first number at or above `from` in a folder of numbers; -1: none. */
static int64_t next_number(const struct node *d, struct proc_handle *p, int64_t from)
{
	switch (d->kind) {
	case TOP: return proc_next((uint32_t)from);
	case TASKS: return proc_next_thread(p, (uint32_t)from);
	case FDS:
	case FDINFOS: return p->fds ? fd_next(p->fds, (int)from) : -1;
	default: return -1;
	}
}

#define DIR_COOKIE 128 /* above all rows, below numbers */

/* Emits the folders below a folder of sys_dirs. => false: the sink is full. */
static bool list_dirs(int parent, uint64_t *pos, struct dir_sink *s)
{
	for (size_t n = *pos < DIR_COOKIE ? 0 : *pos - DIR_COOKIE + 1; n < ARRAY_SIZE(sys_dirs);
	     n++) {
		const struct sys_dir *d = &sys_dirs[n];

		if (d->parent == parent &&
		    !dir_emit(s, d->name, strlen(d->name), INO_OF(SYS_DIR, 0, n), S_IFDIR,
			      DIR_COOKIE + n))
			return false;
		*pos = DIR_COOKIE + n;
	}
	return true;
}

static int procfs_list(struct inode *dir, uint64_t *pos, struct dir_sink *s)
{
	const struct node *d = node_of(dir);
	const struct row *rows = NULL;
	size_t count = 0;
	char name[16];
	int parent;

	rows_of(d, &rows, &count);
	for (size_t r = *pos < ROW_COOKIE ? 0 : *pos - ROW_COOKIE + 1; r < count; r++) {
		if (!dir_emit(s, rows[r].name, strlen(rows[r].name),
			      INO_OF(rows[r].kind, d->tid ? d->tid : d->pid, r), rows[r].mode,
			      ROW_COOKIE + r))
			return 0;
		*pos = ROW_COOKIE + r;
	}
	if (dir_number(d, &parent) && !list_dirs(parent, pos, s))
		return 0;
	if (d->kind != TOP && d->kind != TASKS && d->kind != FDS && d->kind != FDINFOS)
		return 0;
	struct proc_handle *p = NULL;
	int error = d->pid ? proc_find(d->pid, &p) : 0;
	if (error)
		return error == -ESRCH ? -ENOENT : error;
	int64_t n = *pos < NUMBER_COOKIE ? 0 : (int64_t)(*pos - NUMBER_COOKIE) + 1;
	while ((n = next_number(d, p, n)) >= 0) {
		size_t len = (size_t)ksnprintf(name, sizeof name, "%ld", n);

		bool is_fd = d->kind == FDS || d->kind == FDINFOS;
		enum kind kind = d->kind == FDS ? FD : d->kind == FDINFOS ? FDINFO : PID;
		uint64_t ino =
		    is_fd ? INO_OF(kind, d->tid ? d->tid : d->pid, n) : INO_OF(kind, n, 0);

		if (!dir_emit(s, name, len, ino,
			      kind == FD       ? S_IFLNK
			      : kind == FDINFO ? S_IFREG
					       : S_IFDIR,
			      NUMBER_COOKIE + (uint64_t)n))
			break;
		*pos = NUMBER_COOKIE + (uint64_t)n++;
	}
	if (p)
		proc_put(p);
	return 0;
}

/* -- links --------------------------------------------------------------------------------- */

static ssize_t link_text(const struct node *n, struct proc_handle *p, char *buf, size_t size)
{
	ssize_t len;

	switch (n->kind) {
	case EXE: return p->exe_path ? ksnprintf(buf, size, "%s", p->exe_path) : -ENOENT;
	case ROOT: return ksnprintf(buf, size, "/");
	case CWD: {
		if (!p->fs)
			return -ENOENT;
		struct inode *cwd = fs_context_cwd(p->fs);

		len = tree_path(cwd, buf, size);
		inode_put(cwd);
		return len > 0 ? len - 1 : len;
	}
	case FD: {
		struct file *f = p->fds ? fd_get(p->fds, n->number) : NULL;

		if (!f)
			return -ENOENT;
		len = file_path(f, buf, size);
		file_put(f);
		return len;
	}
	default: return -EINVAL;
	}
}

/* Links to what belongs to a process are for its owner. => the process, with a reference. */
static int link_proc(const struct node *n, struct proc_handle **out)
{
	const struct cred *cred = &proc_current()->cred;
	struct proc_handle *p;
	int error = proc_find(n->pid, &p);

	if (error)
		return error == -ESRCH ? -ENOENT : error;
	if (cred->euid != 0 && cred->euid != p->cred.uid) {
		proc_put(p);
		return -EACCES;
	}
	*out = p;
	return 0;
}

static ssize_t procfs_read_link(struct inode *i, char *buf, size_t size)
{
	const struct node *n = node_of(i);
	const struct thread *t = thread_current();
	struct proc_handle *p;
	ssize_t len;

	switch (n->kind) {
	case SELF: return ksnprintf(buf, size, "%u", t->proc->pid);
	case THREAD_SELF: return ksnprintf(buf, size, "%u/task/%u", t->proc->pid, t->tid);
	case MOUNTS_LINK: return ksnprintf(buf, size, "self/mounts");
	default: break;
	}
	int error = link_proc(n, &p);
	if (error)
		return error;
	len = link_text(n, p, buf, size);
	proc_put(p);
	return len;
}

static int procfs_jump(struct inode *i, struct inode **out)
{
	const struct node *n = node_of(i);
	struct proc_handle *p;
	struct inode *to = NULL;

	if (n->kind != EXE && n->kind != CWD && n->kind != ROOT && n->kind != FD)
		return -ENOENT;
	int error = link_proc(n, &p);
	if (error)
		return error == -ENOENT ? -ESRCH : error;
	if (n->kind == EXE) {
		to = p->exe;
		if (to)
			inode_get(to);
	} else if (n->kind == CWD) {
		to = p->fs ? fs_context_cwd(p->fs) : NULL;
	} else if (n->kind == ROOT) {
		to = p->fs ? fs_context_root(p->fs) : NULL;
	} else {
		struct file *f = p->fds ? fd_get(p->fds, n->number) : NULL;

		if (f) {
			to = f->inode;
			inode_get(to);
			file_put(f);
		}
	}
	proc_put(p);
	*out = to;
	return to ? 0 : -ENXIO;
}

/* -- texts --------------------------------------------------------------------------------- */

static const struct row *row_of(const struct node *n)
{
	size_t row = (size_t)(n->number & 0xff);

	if (n->pid)
		return &pid_rows[row];
	/* here: rows of /proc/sys have their folder's number above; the top has none there */
	return n->number >> 8 ? &sys_dirs[(n->number >> 8) - 1].rows[row] : &top_rows[row];
}

/* What is made when it is read. */
static int numbers_open(const struct node *n, struct file *f)
{
	switch (n->kind) {
	case KPAGECOUNT: f->ops = &proc_kpagecount_ops; break;
	case KPAGEFLAGS: f->ops = &proc_kpageflags_ops; break;
	case PAGEMAP: return pagemap_open(f, n->pid);
#if FRAME_DEBUG
	case FAIL_NTH: f->ops = &proc_fail_nth_ops; break;
#endif
	default: break;
	}
	return 0;
}

static int procfs_open(struct inode *i, uint32_t flags, struct file *f)
{
	const struct node *n = node_of(i);
	const struct row *row = n->kind == TEXT ? row_of(n) : NULL;
	struct text_request r = {.tid = n->tid, .fd = n->number};
	struct mobj *o;

	(void)flags;
	if (n->kind != TEXT && n->kind != FDINFO)
		return numbers_open(n, f);
	if (n->pid) {
		int error = proc_find(n->pid, &r.proc);

		if (error)
			return error;
	}
	if (row)
		r.constant = row->constant;
	o = text_make(row ? row->text : text_fdinfo, &r);
	if (r.proc)
		proc_put(r.proc);
	if (!o)
		return -ENOMEM;
	f->data = o;
	f->ops = &proc_text_ops;
	return 0;
}

/* A text is fixed when it is opened. */
static ssize_t text_read(struct file *f, struct uio *u, uint64_t *pos)
{
	const struct node *n = node_of(f->inode);

	if (n->pid && !proc_exists(n->pid))
		return -ESRCH;
	return regular_ops.read(f, u, pos);
}

/* /proc/PID/comm: the name of a thread. What else can be written is taken and forgotten. */
static ssize_t text_write(struct file *f, struct uio *u, uint64_t *pos)
{
	const struct node *n = node_of(f->inode);
	char name[COMM_LEN] = "";
	size_t left = u->left, len = left < COMM_LEN - 1 ? left : COMM_LEN - 1;

	(void)pos;
	if (n->kind == TEXT && row_of(n)->text == text_setting)
		return setting_write(row_of(n)->constant, u);
	if (uio_take(u, name, len) != len)
		return -EFAULT;
	if (n->kind != TEXT || n->pid != proc_current()->pid || row_of(n)->text != text_comm)
		return (ssize_t)left;
	if (len > 0 && name[len - 1] == '\n')
		name[len - 1] = 0;
	memcpy(thread_current()->comm, name, COMM_LEN);
	return (ssize_t)left;
}

const struct file_ops proc_text_ops = {.read = text_read, .write = text_write, .is_seekable = true};

/* O_TRUNC of a text that can be written. */
static int procfs_set_size(struct inode *i, uint64_t size)
{
	(void)i;
	return size == 0 ? 0 : -EINVAL;
}

static const struct fsys_ops procfs_ops = {.lookup = procfs_lookup,
					   .list = procfs_list,
					   .read_link = procfs_read_link,
					   .jump = procfs_jump,
					   .set_size = procfs_set_size,
					   .open = procfs_open,
					   .free = procfs_free};

static int mount(const char *path, const char *type, uint32_t magic, const struct node *root)
{
	struct inode *on = tree_make_dirs(path);
	struct fsys *fs = kzalloc(sizeof *fs);
	struct node *top = kzalloc(sizeof *top);

	if (!on || !fs || !top)
		return -ENOMEM;
	*top = *root;
	*fs = (struct fsys){.ops = &procfs_ops,
			    .type = type,
			    .source = type,
			    .options = "rw,nosuid,nodev,noexec",
			    .dev = fsys_next_dev(),
			    .magic = magic};
	fs->root = inode_create(fs, S_IFDIR | 0555, 0, 0);
	if (!fs->root)
		return -ENOMEM;
	fs->root->ctx = top;
	fs->root->ino = 1;
	return fsys_mount(fs, on);
}

int procfs_init(void)
{
	const struct node proc = {.kind = TOP}, sys = {.kind = SYS_DIR, .number = D_SYSFS};
	int error = mount("/proc", "proc", PROC_MAGIC, &proc);

	return error ? error : mount("/sys", "sysfs", SYSFS_MAGIC, &sys);
}
