/*
 * From a machine with memory to a program that runs.
 *
 * The architecture has paging on and frames to give (kernel/arch/riscv/boot.c).
 * Here follows, in this order: small objects, the device tree's words, the seed,
 * the file tree from the initial RAM disk, devices, and the first process.
 *
 * Words of the kernel command line, separated by spaces; unknown ones are ignored:
 *
 *     init=PATH      the program, an absolute path; default /init. Given several times, all
 *                    run side by side, and the first process is the kernel's own
 *     seed=N         decimal or 0x; default: a hash of the tree's rng-seed, else 0
 *     epoch=SECONDS  what the real-time clock shows at start; default 2026-01-01
 *     9p=TAG[/FOLDER],PATH[,rw]   a folder of the host's, of the 9P device of that tag, is
 *                    mounted on PATH; may come several times. %XX stands for a byte
 *     root=TAG[/FOLDER]   the same for a folder that shows wherever the tree has nothing else
 *     user=N         the programs' user and group; default 1000, not the superuser
 *     tty=DIGITS[,late][,stops]   which of 0, 1 and 2 are the terminal, if there is one; default:
 *                    those that have no port of their own. late: its port is opened when a program
 *                    first wants what is typed, not at once. stops: when the programs stop, the
 *                    port is closed until the other side opens it again; else they do not stop
 *     streams=closed where there is no port, there is no standard stream; else they are the UART
 *     verbose        says what is found
 *     superpages=always|madvise|never   which anonymous memory gets them; default: madvise
 *     zicboz=off     pages are cleared by stores even where the hart has cbo.zero (boot.c)
 *
 * What else the first program needs comes from files of the RAM disk, which are
 * gone from the tree before it starts:
 *
 *     /.limpid/argv, /.limpid/envp    strings, each with its NUL
 *     /.limpid/cwd                    the current folder; default /
 *     /.limpid/execfn                 the program's name as the user typed it
 *     /.limpid/argv.2 ...             the same for the second program, and so on
 *
 * When a program cannot be started, the kernel says why in one line and ends as
 * a shell would: 127, it is not there; 126, it cannot be run.
 */
#include "kernel/dev/console.h"
#include "kernel/dev/plic.h"
#include "kernel/dev/stream.h"
#include "kernel/dev/uart.h"
#include "kernel/dev/virtio_9p.h"
#include "kernel/fs/context.h"
#include "kernel/fs/file.h"
#include "kernel/fs/initramfs.h"
#include "kernel/fs/p9fs.h"
#include "kernel/fs/path.h"
#include "kernel/fs/program.h"
#include "kernel/fs/tty.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/clock.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/proc.h"

#define MAX_DT_SIZE       (2u << 20)
#define STATUS_NOT_FOUND  127
#define STATUS_CANNOT_RUN 126
#define OWN_FOLDER        ".limpid"
#define MAX_PROGRAMS      16
#define MAX_MOUNTS        32

struct options {
	char *inits[MAX_PROGRAMS];
	unsigned ninits;
	bool has_seed, verbose, streams_closed;
	char *root;               /* as p9fs_put_under() takes it; NULL: none */
	char *mounts[MAX_MOUNTS]; /* as p9fs_mount() takes them */
	uint64_t user;
	bool has_user;
	unsigned nmounts;
	uint64_t seed;
	char *tty_fds; /* NULL: not told */
	bool tty_is_late, tty_stops;
};

static struct options options;

/* Ends the machine with one line. */
static _Noreturn void give_up(unsigned status, const char *fmt, ...)
{
	char line[PATH_MAX / 8];
	va_list ap;

	va_start(ap, fmt);
	kvsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	kprintf("%s\n", line);
	arch_shutdown(status);
}

static _Noreturn void no_memory(void)
{
	give_up(STATUS_CANNOT_RUN, "not enough memory to start; give the machine more");
}

/* -- command line -------------------------------------------------------------------------- */

static uint64_t parse_number(const char *s, size_t len)
{
	unsigned base = len > 2 && s[0] == '0' && (s[1] | 0x20) == 'x' ? 16 : 10;
	uint64_t v = 0;

	for (size_t i = base == 16 ? 2 : 0; i < len; i++) {
		unsigned digit = (uint8_t)s[i] - '0';

		if (digit > 9 && base == 16)
			digit = ((uint8_t)s[i] | 0x20) - 'a' + 10u;
		if (digit >= base)
			break;
		v = v * base + digit;
	}
	return v;
}

/* => the length of the value, if the word is `key` followed by one; *value is where it begins. */
static bool has_key(const char *word, size_t len, const char *key, const char **value,
		    size_t *value_len)
{
	size_t n = strlen(key);

	if (len <= n || strncmp(word, key, n) != 0)
		return false;
	*value = word + n;
	*value_len = len - n;
	return true;
}

static char *copy_text(const char *text, size_t len)
{
	char *s = kmalloc(len + 1);

	if (!s)
		no_memory();
	memcpy(s, text, len);
	s[len] = 0;
	return s;
}

static void parse_terminal(struct options *o, char *text)
{
	char *comma;

	o->tty_fds = text;
	while ((comma = strchr(text, ','))) {
		*comma = 0;
		text = comma + 1;
		o->tty_is_late |= strncmp(text, "late", 4) == 0;
		o->tty_stops |= strncmp(text, "stops", 5) == 0;
	}
}

static void parse_superpages(const char *value, size_t len)
{
	static const char *const words[] = {
	    [SUPER_NEVER] = "never", [SUPER_MADVISE] = "madvise", [SUPER_ALWAYS] = "always"};

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && strncmp(value, words[i], len) == 0)
			space_policy.superpages = i;
}

static void parse_options(const char *line, struct options *o)
{
	while (*line) {
		const char *value;
		size_t len = 0, n;

		while (line[len] && line[len] != ' ')
			len++;
		if (has_key(line, len, "init=", &value, &n)) {
			if (o->ninits == MAX_PROGRAMS)
				give_up(STATUS_CANNOT_RUN, "more than %d programs", MAX_PROGRAMS);
			o->inits[o->ninits++] = copy_text(value, n);
		} else if (has_key(line, len, "seed=", &value, &n)) {
			o->seed = parse_number(value, n);
			o->has_seed = true;
		} else if (has_key(line, len, "epoch=", &value, &n)) {
			clock_set_epoch(parse_number(value, n));
		} else if (has_key(line, len, "root=", &value, &n)) {
			kfree(o->root);
			o->root = copy_text(value, n);
		} else if (has_key(line, len, "user=", &value, &n)) {
			o->user = parse_number(value, n);
			o->has_user = true;
		} else if (has_key(line, len, "9p=", &value, &n) && o->nmounts < MAX_MOUNTS) {
			o->mounts[o->nmounts++] = copy_text(value, n);
		} else if (has_key(line, len, "tty=", &value, &n)) {
			parse_terminal(o, copy_text(value, n));
		} else if (len == 14 && strncmp(line, "streams=closed", len) == 0) {
			o->streams_closed = true;
		} else if (has_key(line, len, "superpages=", &value, &n)) {
			parse_superpages(value, n);
		} else if (len == 7 && strncmp(line, "verbose", len) == 0) {
			o->verbose = true;
		}
		line += len;
		while (*line == ' ')
			line++;
	}
}

static void read_options(const struct dt *dt, struct options *o)
{
	const char *line = NULL;
	const void *seed = NULL;
	struct dt_node chosen;
	uint32_t len;

	if (dt_find(dt, "/chosen", &chosen)) {
		line = dt_prop_string(dt, &chosen, "bootargs");
		seed = dt_prop(dt, &chosen, "rng-seed", &len);
	}
	if (line)
		parse_options(line, o);
	if (!o->has_seed && seed)
		o->seed = rand_hash(0, seed, len);
}

/* -- files --------------------------------------------------------------------------------- */

static void unpack_initrd(const struct dt *dt, const struct options *o)
{
	struct dt_node chosen;
	uint64_t start, end;

	if (!dt_find(dt, "/chosen", &chosen) ||
	    !dt_prop_number(dt, &chosen, "linux,initrd-start", &start) ||
	    !dt_prop_number(dt, &chosen, "linux,initrd-end", &end) || end <= start)
		give_up(STATUS_NOT_FOUND, "no initial RAM disk: there is no program to run");
	int error = initramfs_unpack(PADDR(start), PADDR(end));
	if (error == -ENOMEM)
		no_memory();
	if (error)
		give_up(STATUS_CANNOT_RUN, "the initial RAM disk is not a cpio archive (newc)");
	if (o->verbose)
		kprintf("initial RAM disk: %lx to %lx\n", start, end);
}

/* => which of several programs the current process is to be, from 0. */
static unsigned program_number(void)
{
	return options.ninits > 1 ? proc_current()->pid - 2 : 0;
}

/*
 * Takes the contents of /.limpid/NAME out of the tree. => the object, with a reference; NULL: there
 * is no such file.
 */
static struct mobj *take_own_file(const char *base)
{
	char name[32];
	struct mobj *o = NULL;
	unsigned program = program_number();

	if (program > 0)
		ksnprintf(name, sizeof name, "%s.%u", base, program + 1);
	else
		ksnprintf(name, sizeof name, "%s", base);

	tree_lock();
	struct inode *dir = dir_find(tree_root(), OWN_FOLDER, strlen(OWN_FOLDER));
	struct inode *i = dir && inode_is_dir(dir) ? dir_find(dir, name, strlen(name)) : NULL;
	if (i && i->data) {
		o = i->data;
		mobj_get(o);
		dir_remove(dir, name, strlen(name));
	}
	if (dir && inode_is_dir(dir) && !dir->first)
		dir_remove(tree_root(), OWN_FOLDER, strlen(OWN_FOLDER));
	tree_unlock();
	return o;
}

/* => the text of /.limpid/NAME, or a copy of `otherwise`. */
static char *take_own_text(const char *name, const char *otherwise)
{
	struct mobj *o = take_own_file(name);
	char *text;

	if (!o)
		return copy_text(otherwise, strlen(otherwise));
	size_t len = o->size < PATH_MAX ? o->size : PATH_MAX - 1;
	text = kmalloc(len + 1);
	if (!text)
		no_memory();
	text[mobj_read(o, 0, text, len)] = 0;
	mobj_put(o);
	return text;
}

static void take_own_strings(const char *name, const char *otherwise, struct string_table *t)
{
	struct mobj *o = take_own_file(name);

	if (!o)
		o = mobj_create(MOBJ_FILE, 0);
	if (!o)
		no_memory();
	if (o->size == 0 && otherwise)
		mobj_write(o, 0, otherwise, strlen(otherwise) + 1);
	if (string_table_init(t, o) != 0)
		no_memory();
}

static const char *reason_of(int error)
{
	switch (error) {
	case -ENOENT: return "no such file";
	case -ENOTDIR: return "a part of its path is not a folder";
	case -EACCES: return "permission denied";
	case -ELOOP: return "too many symbolic links";
	case -ENAMETOOLONG: return "its name is too long";
	default: return "not enough memory";
	}
}

static void check_mount(int error, const char *spec)
{
	if (error)
		give_up(STATUS_CANNOT_RUN, "cannot mount %s: %s", spec,
			error == -ENODEV   ? "no 9P device has that tag"
			: error == -EINVAL ? "it is not TAG[/FOLDER],PATH[,rw]"
					   : reason_of(error));
}

/* Mounts what the command line asks for. */
static void mount_folders(const struct dt *dt, struct options *o)
{
	p9_devices_init(dt);
	if (o->root)
		check_mount(p9fs_put_under(o->root, strlen(o->root)), o->root);
	kfree(o->root);
	for (unsigned n = 0; n < o->nmounts; n++) {
		check_mount(p9fs_mount(o->mounts[n], strlen(o->mounts[n])), o->mounts[n]);
		kfree(o->mounts[n]);
	}
}

/* => the program's inode, with a reference. */
static struct inode *find_program(const char *path)
{
	struct path found;
	int error = path_walk(tree_root(), path, WALK_FOLLOW, &found);

	if (error)
		give_up(error == -ENOENT || error == -ENOTDIR ? STATUS_NOT_FOUND
							      : STATUS_CANNOT_RUN,
			"cannot run %s: %s", path, reason_of(error));
	struct inode *i = found.inode;
	inode_get(i);
	path_put(&found);
	if (inode_is_dir(i))
		give_up(STATUS_CANNOT_RUN, "cannot run %s: it is a folder", path);
	if (!i->data)
		give_up(STATUS_CANNOT_RUN, "cannot run %s: it is not a regular file", path);
	if (inode_access(i, &proc_current()->cred, X_OK) != 0)
		give_up(STATUS_CANNOT_RUN, "cannot run %s: it is not executable", path);
	error = inode_prepare(i, false);
	if (error)
		give_up(STATUS_CANNOT_RUN, "cannot run %s: %s", path, reason_of(error));
	return i;
}

static struct inode *find_cwd(const char *path)
{
	struct path found;
	int error = path_walk(tree_root(), path, WALK_FOLLOW, &found);

	if (error)
		give_up(STATUS_CANNOT_RUN, "current folder %s: %s", path, reason_of(error));
	struct inode *i = found.inode;
	inode_get(i);
	path_put(&found);
	if (!inode_is_dir(i))
		give_up(STATUS_CANNOT_RUN, "current folder %s: it is not a folder", path);
	return i;
}

/* -- standard streams ---------------------------------------------------------------------- */

/* => which of the three streams are the terminal's: as told, else those without a port. */
static unsigned terminal_streams(struct stream *const streams[3])
{
	unsigned fds = 0;

	if (options.tty_fds)
		for (const char *c = options.tty_fds; *c; c++)
			fds |= *c >= '0' && *c <= '2' ? 1u << (*c - '0') : 0;
	else
		for (int fd = 0; fd < 3; fd++)
			fds |= streams[fd] ? 0 : 1u << fd;
	return tty_console() ? fds : 0;
}

/*
 * A port that is missing leaves its number closed, or the terminal's if there is one; where there
 * is none at all, all are the UART, unless the command line knows better.
 */
static void open_streams(const struct dt *dt, struct proc *p)
{
	static const char *const names[3] = {"stdin", "stdout", "stderr"};
	struct stream *streams[3], *uart = NULL;
	unsigned terminal;

	for (int fd = 0; fd < 3; fd++)
		streams[fd] = console_port(names[fd]);
	terminal = terminal_streams(streams);
	if (!terminal && !streams[0] && !streams[1] && !streams[2] && !options.streams_closed)
		uart = uart_init(dt);
	if (terminal && tty_open_streams(p, terminal) != 0)
		no_memory();
	for (int fd = 0; fd < 3; fd++) {
		struct stream *s = uart ? uart : streams[fd];
		struct file *f;

		if (!s || terminal >> fd & 1)
			continue;
		f = stream_file_open(s, fd == 0 ? O_RDONLY : O_WRONLY);
		if (!f || fd_replace(p->fds, fd, f, RLIM_INFINITY, false) < 0)
			no_memory();
		file_put(f);
	}
}

/* The machine's terminal, if there is one, becomes that of p's session and group. */
static void give_terminal(struct proc *p)
{
	if (!tty_console())
		return;
	tty_give(tty_console(), p);
	if (options.tty_stops)
		tty_stops_outside(p->pgid);
}

/* -- the first process --------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What the first thread needs, which begins on a stack of its own. */
static struct dt dt;

static void start_program(void)
{
	const char *init = options.ninits ? options.inits[program_number()] : "/init", *why;
	struct thread *t = thread_current();
	struct proc *p = t->proc;
	struct exec_request request = {.name = base_name(init),
				       .find_interpreter = program_interpreter};
	uint64_t pc, sp;

	sched_begin();
	if (options.has_user) {
		struct cred *c = &p->cred;

		c->uid = c->euid = c->suid = (uint32_t)options.user;
		c->gid = c->egid = c->sgid = (uint32_t)options.user;
	}
	take_own_strings("argv", init, &request.argv);
	take_own_strings("envp", NULL, &request.envp);
	char *cwd_path = take_own_text("cwd", "/");
	char *execfn = take_own_text("execfn", init);
	struct inode *exe = find_program(init), *cwd = find_cwd(cwd_path);
	if (fs_attach(p, cwd, exe, init) != 0)
		no_memory();
	inode_put(cwd);
	inode_put(exe);
	if (options.ninits <= 1)
		give_terminal(p);
	open_streams(&dt, p);

	request.file = exe->data;
	request.execfn = execfn;
	struct aspace *as = exec_space_create(p);
	if (!as)
		no_memory();
	exec_begin(as);
	if (exec_load(p, as, &request, &pc, &sp, &why) != 0)
		give_up(STATUS_CANNOT_RUN, "cannot run %s: %s", init, why);
	if (exec_commit(&request, pc, sp) != 0)
		no_memory();
	mobj_put(request.argv.strings);
	mobj_put(request.envp.strings);
	kfree(execfn);
	kfree(cwd_path);
	if (options.verbose)
		kprintf("%s: entry %lx, stack %lx\n", init, pc, sp);
	arch_user_enter(&t->arch);
}

/*
 * The first process of several programs: starts them, waits until all have ended, and ends with
 * the first status in their order that is not 0. They are one group, in the foreground of the
 * first one's session, as a shell's pipeline would be.
 */
static void start_programs(void)
{
	const struct wait_request any = {.type = P_ALL, .options = WEXITED};
	int status[MAX_PROGRAMS] = {0};
	unsigned left = options.ninits, n = 0;
	struct proc *first = NULL;
	struct wait_result r;

	sched_begin();
	ksnprintf(thread_current()->comm, COMM_LEN, "programs");
	for (unsigned i = 0; i < options.ninits; i++) {
		struct proc *p = proc_create_program(first ? first->pid : 0, start_program);

		if (!p)
			no_memory();
		if (!first)
			first = p;
		p->tty = tty_console();
		if (p == first)
			give_terminal(p);
		sched_start(p->leader);
	}
	while (left > 0 && proc_wait(&any, &r) > 0) {
		if (r.pid < 2 || r.pid >= 2 + options.ninits)
			continue; /* here: somebody's orphan */
		status[r.pid - 2] = r.status;
		left--;
	}
	while (n < options.ninits - 1 && status[n] == 0)
		n++;
	proc_exit(status[n]);
}

_Noreturn void kernel_hart_main(void)
{
	TRACE(TRACE_HART_START, arch_hart(), 0, 0, 0, 0, 0);
	sched_init_hart();
	sched_idle();
}

_Noreturn void kernel_main(const void *fdt)
{
	slab_init();
	timer_init();
	wait_init();
	futex_init();
	sched_init_hart();
	if (dt_open(&dt, fdt, MAX_DT_SIZE) != 0)
		panic("the device tree is not well-formed");
	read_options(&dt, &options);
	rand_seed(options.seed);
	frame_seed(options.seed);

	if (files_init() != 0 || tree_init() != 0)
		no_memory();
	unpack_initrd(&dt, &options);
	if (devices_init() != 0 || procfs_init() != 0)
		no_memory();
	plic_init(&dt);
	mount_folders(&dt, &options);
	console_init(&dt);
	if (tty_init(options.tty_is_late) != 0)
		no_memory();
	if (options.verbose) {
		struct frame_stats fs;

		frame_stats(&fs);
		kprintf("memory: %lu KiB, %lu KiB free; seed %lu\n", fs.total * 4, fs.free * 4,
			options.seed);
	}
	struct proc *p = proc_create_first(options.ninits > 1 ? start_programs : start_program);
	if (!p)
		no_memory();
	sched_start(p->leader);
	arch_harts_start();
	sched_idle();
}
