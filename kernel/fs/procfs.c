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
 *             `-- sys ...            `-- task --- 7 9 ...         as a process's folder
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
#include "kernel/lib/lib.h"
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
	TASKS,
	EXE,
	CWD,
	ROOT,
	SYS,
	SYS_DIR
};

struct node {
	enum kind kind;
	uint32_t pid, tid; /* PID and below; tid 0: the process itself */
	int number;        /* FD: the descriptor; SYS_DIR: which; TEXT: row, + (SYS_DIR + 1) << 8 */
};

struct row {
	const char *name;
	enum kind kind;
	uint32_t mode;
	text_fn *text;
};

static const struct row top_rows[] = {{"self", SELF, S_IFLNK | 0777, NULL},
				      {"thread-self", THREAD_SELF, S_IFLNK | 0777, NULL},
				      {"mounts", MOUNTS_LINK, S_IFLNK | 0777, NULL},
				      {"cmdline", TEXT, S_IFREG | 0444, text_boot_line},
				      {"cpuinfo", TEXT, S_IFREG | 0444, text_cpuinfo},
				      {"filesystems", TEXT, S_IFREG | 0444, text_filesystems},
				      {"loadavg", TEXT, S_IFREG | 0444, text_loadavg},
				      {"meminfo", TEXT, S_IFREG | 0444, text_meminfo},
				      {"stat", TEXT, S_IFREG | 0444, text_stat_all},
				      {"swaps", TEXT, S_IFREG | 0444, text_swaps},
				      {"uptime", TEXT, S_IFREG | 0444, text_uptime},
				      {"version", TEXT, S_IFREG | 0444, text_version},
				      {"sys", SYS, S_IFDIR | 0555, NULL}};

static const struct row pid_rows[] = {{"cmdline", TEXT, S_IFREG | 0444, text_cmdline},
				      {"comm", TEXT, S_IFREG | 0644, text_comm},
				      {"cwd", CWD, S_IFLNK | 0777, NULL},
				      {"environ", TEXT, S_IFREG | 0400, text_environ},
				      {"exe", EXE, S_IFLNK | 0777, NULL},
				      {"fd", FDS, S_IFDIR | 0500, NULL},
				      {"limits", TEXT, S_IFREG | 0444, text_limits},
				      {"maps", TEXT, S_IFREG | 0444, text_maps},
				      {"mounts", TEXT, S_IFREG | 0444, text_mounts},
				      {"mountinfo", TEXT, S_IFREG | 0444, text_mountinfo},
				      {"oom_score_adj", TEXT, S_IFREG | 0644, text_zero},
				      {"root", ROOT, S_IFLNK | 0777, NULL},
				      {"stat", TEXT, S_IFREG | 0444, text_stat},
				      {"statm", TEXT, S_IFREG | 0444, text_statm},
				      {"status", TEXT, S_IFREG | 0444, text_status},
				      {"task", TASKS, S_IFDIR | 0555, NULL}};

/* Folders of /proc/sys, and what is in them. */
static const struct row kernel_rows[] = {{"hostname", TEXT, S_IFREG | 0444, text_hostname},
					 {"ngroups_max", TEXT, S_IFREG | 0444, text_ngroups_max},
					 {"osrelease", TEXT, S_IFREG | 0444, text_osrelease},
					 {"ostype", TEXT, S_IFREG | 0444, text_ostype},
					 {"pid_max", TEXT, S_IFREG | 0444, text_pid_max},
					 {"version", TEXT, S_IFREG | 0444, text_osversion}};
static const struct row vm_rows[] = {{"max_map_count", TEXT, S_IFREG | 0444, text_max_map_count},
				     {"overcommit_memory", TEXT, S_IFREG | 0444, text_zero}};
static const struct row fs_rows[] = {{"pipe-max-size", TEXT, S_IFREG | 0444, text_pipe_max}};

static const struct sys_dir {
	const char *name;
	const struct row *rows;
	size_t count;
} sys_dirs[] = {{"fs", fs_rows, ARRAY_SIZE(fs_rows)},
		{"kernel", kernel_rows, ARRAY_SIZE(kernel_rows)},
		{"vm", vm_rows, ARRAY_SIZE(vm_rows)}};

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
	struct proc_handle *p = pid ? proc_find(pid) : NULL;

	if (!p)
		return;
	i->uid = p->cred.euid;
	i->gid = p->cred.egid;
	proc_put(p);
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
	p = proc_find(d->kind == TOP ? (uint32_t)number : d->pid);
	if (!p)
		return -ENOENT;
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
	case FDS: {
		struct file *f = p->fds ? fd_get(p->fds, (int)number) : NULL;

		exists = f != NULL;
		n.kind = FD;
		n.number = (int)number;
		if (f)
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

static int procfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	const struct node *d = node_of(dir);

	if (d->kind == SYS) {
		for (size_t s = 0; s < ARRAY_SIZE(sys_dirs); s++) {
			struct node n = {.kind = SYS_DIR, .number = (int)s};

			if (strlen(sys_dirs[s].name) != len ||
			    memcmp(sys_dirs[s].name, name, len) != 0)
				continue;
			*out = make_inode(dir, name, len, S_IFDIR | 0555, &n);
			return *out ? 0 : -ENOMEM;
		}
		return -ENOENT;
	}
	int error = lookup_row(dir, name, len, out);
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
	case FDS: return p->fds ? fd_next(p->fds, (int)from) : -1;
	default: return -1;
	}
}

static int procfs_list(struct inode *dir, uint64_t *pos, struct dir_sink *s)
{
	const struct node *d = node_of(dir);
	const struct row *rows = NULL;
	size_t count = 0;
	char name[16];

	rows_of(d, &rows, &count);
	for (size_t r = *pos < ROW_COOKIE ? 0 : *pos - ROW_COOKIE + 1; r < count; r++) {
		if (!dir_emit(s, rows[r].name, strlen(rows[r].name),
			      INO_OF(rows[r].kind, d->tid ? d->tid : d->pid, r), rows[r].mode,
			      ROW_COOKIE + r))
			return 0;
		*pos = ROW_COOKIE + r;
	}
	for (size_t r = *pos < ROW_COOKIE ? 0 : *pos - ROW_COOKIE + 1;
	     d->kind == SYS && r < ARRAY_SIZE(sys_dirs); r++) {
		if (!dir_emit(s, sys_dirs[r].name, strlen(sys_dirs[r].name), INO_OF(SYS_DIR, 0, r),
			      S_IFDIR, ROW_COOKIE + r))
			return 0;
		*pos = ROW_COOKIE + r;
	}
	if (d->kind != TOP && d->kind != TASKS && d->kind != FDS)
		return 0;
	struct proc_handle *p = d->pid ? proc_find(d->pid) : NULL;
	if (d->pid && !p)
		return -ENOENT;
	int64_t n = *pos < NUMBER_COOKIE ? 0 : (int64_t)(*pos - NUMBER_COOKIE) + 1;
	while ((n = next_number(d, p, n)) >= 0) {
		size_t len = (size_t)ksnprintf(name, sizeof name, "%ld", n);

		if (!dir_emit(s, name, len, INO_OF(d->kind == FDS ? FD : PID, n, n),
			      d->kind == FDS ? S_IFLNK : S_IFDIR, NUMBER_COOKIE + (uint64_t)n))
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
	struct proc_handle *p = proc_find(n->pid);

	if (!p)
		return -ENOENT;
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

static int procfs_open(struct inode *i, uint32_t flags, struct file *f)
{
	const struct node *n = node_of(i);
	struct text_request r = {.tid = n->tid};
	struct mobj *o;

	(void)flags;
	if (n->kind != TEXT)
		return 0;
	if (n->pid) {
		r.proc = proc_find(n->pid);
		if (!r.proc)
			return -ESRCH;
	}
	o = text_make(row_of(n)->text, &r);
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
	return regular_ops.read(f, u, pos);
}

/* /proc/PID/comm: the name of a thread. What else can be written is taken and forgotten. */
static ssize_t text_write(struct file *f, struct uio *u, uint64_t *pos)
{
	const struct node *n = node_of(f->inode);
	char name[COMM_LEN] = "";
	size_t left = u->left, len = left < COMM_LEN - 1 ? left : COMM_LEN - 1;

	(void)pos;
	if (uio_take(u, name, len) != len)
		return -EFAULT;
	if (n->pid != proc_current()->pid || row_of(n)->text != text_comm)
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

int procfs_init(void)
{
	struct inode *on = tree_make_dirs("/proc");
	struct fsys *fs = kzalloc(sizeof *fs);
	struct node *top = kzalloc(sizeof *top);

	if (!on || !fs || !top)
		return -ENOMEM;
	*fs = (struct fsys){.ops = &procfs_ops,
			    .type = "proc",
			    .source = "proc",
			    .options = "rw,nosuid,nodev,noexec",
			    .dev = fsys_next_dev(),
			    .magic = PROC_MAGIC};
	fs->root = inode_create(fs, S_IFDIR | 0555, 0, 0);
	if (!fs->root)
		return -ENOMEM;
	fs->root->ctx = top;
	fs->root->ino = 1;
	return fsys_mount(fs, on);
}
