/*
 * execve(2): from a path and two user vectors to a new program. What an exec
 * does to a process is kernel/proc/exec.c's matter.
 *
 * Strings are copied before anything else is looked at, because the space that
 * they are in goes; a memory object holds them one after another. A file that
 * begins with "#!" names its interpreter and at most one argument for it:
 *
 *	exec SCRIPT a b     "#!/bin/sh -e"     exec /bin/sh -e SCRIPT a b
 *
 * The interpreter may be a script again, four times.
 */
#include "kernel/sys/sys.h"
#include "kernel/fs/context.h"
#include "kernel/fs/program.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/exec.h"

#define STRING_MAX   (128UL << 10) /* Linux: MAX_ARG_STRLEN */
#define SCRIPT_HEAD  256           /* Linux: BINPRM_BUF_SIZE */
#define SCRIPT_DEPTH 5             /* Linux: interpreters of interpreters, then ELOOP */

/* Adds text to the table. => 0, -ENOMEM. */
static int add_bytes(struct string_table *t, const char *text, size_t len)
{
	if (mobj_write(t->strings, t->len, text, len) != len)
		return -ENOMEM;
	t->len += len;
	return 0;
}

static int add_string(struct string_table *t, const char *text)
{
	t->count++;
	return add_bytes(t, text, strlen(text) + 1);
}

/* Adds the string at a user address; `chunk` is a frame's room. => 0, -EFAULT, -E2BIG, -ENOMEM. */
static int add_user_string(struct string_table *t, uint64_t at, char *chunk)
{
	uint64_t start = t->len;

	for (;;) {
		/* Pieces end with pages, so that a fault is the string's own. */
		size_t room = PAGE_SIZE - (at & PAGE_MASK);
		ssize_t n = arch_strncpy_from_user(chunk, VADDR(at), room);
		int error;

		if (n < 0 && n != -ENAMETOOLONG)
			return (int)n;
		error = add_bytes(t, chunk, n < 0 ? room : (size_t)n + 1);
		if (error)
			return error;
		if (t->len - start > STRING_MAX)
			return -E2BIG;
		if (n >= 0)
			break;
		at += room;
	}
	t->count++;
	return 0;
}

/* Copies a vector of user strings. `limit`: bytes for strings and pointers. */
static int add_vector(struct string_table *t, uint64_t user, uint64_t limit, char *chunk)
{
	int error = 0;

	for (; user && !error; user += sizeof(uint64_t)) {
		uint64_t at;

		if (arch_copy_from_user(&at, VADDR(user), sizeof at) != 0)
			return -EFAULT;
		if (!at)
			return 0;
		error = add_user_string(t, at, chunk);
		if (!error && t->len + t->count * sizeof(uint64_t) > limit)
			return -E2BIG;
	}
	return error;
}

static int table_init(struct string_table *t)
{
	*t = (struct string_table){.strings = mobj_create(MOBJ_FILE, 0)};
	return t->strings ? 0 : -ENOMEM;
}

static void table_fini(struct string_table *t)
{
	if (t->strings)
		mobj_put(t->strings);
}

/* -- scripts ------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Splits the first line of a script, in `head`, which ends with a NUL.
 * => 0 with the interpreter and its argument (NULL: none), both inside head; -ENOEXEC.
 */
static int script_parse(char *head, char **interpreter, char **argument)
{
	char *end = strchr(head, '\n'), *at = head + 2;

	if (!end) {
		/* A line that is cut: the interpreter's name must still be whole. */
		end = head + strlen(head);
		while (is_blank(*at))
			at++;
		while (*at && !is_blank(*at))
			at++;
		if (at == end && (size_t)(end - head) >= SCRIPT_HEAD - 1)
			return -ENOEXEC;
		at = head + 2;
	}
	*end = 0;
	while (end > at && is_blank(end[-1]))
		*--end = 0;
	while (is_blank(*at))
		at++;
	if (!*at)
		return -ENOEXEC;
	*interpreter = at;
	while (*at && !is_blank(*at))
		at++;
	*argument = NULL;
	if (*at) {
		*at++ = 0;
		while (is_blank(*at))
			at++;
		*argument = *at ? at : NULL;
	}
	return 0;
}

/* argv becomes interpreter, argument, path, and what followed argv[0]. */
static int script_arguments(struct string_table *argv, const char *interpreter,
			    const char *argument, const char *path, char *chunk)
{
	struct string_table new;
	uint64_t at = 0;
	bool skipping = argv->count > 0;
	size_t n;
	int error = table_init(&new);

	if (!error)
		error = add_string(&new, interpreter);
	if (!error && argument)
		error = add_string(&new, argument);
	if (!error)
		error = add_string(&new, path);
	while (!error && at < argv->len &&
	       (n = mobj_read(argv->strings, at, chunk, PAGE_SIZE)) > 0) {
		size_t skip = 0;

		at += n;
		if (skipping) {
			while (skip < n && chunk[skip])
				skip++;
			skipping = skip == n;
			skip += skip < n;
		}
		error = add_bytes(&new, chunk + skip, n - skip);
	}
	if (error) {
		table_fini(&new);
		return error;
	}
	new.count += argv->count ? argv->count - 1 : 0;
	table_fini(argv);
	*argv = new;
	return 0;
}

/* -- the call ------------------------------------------------------------------------------ */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* => the program at `path`, which may be run, with a reference. */
static int program_find(int dirfd, const char *path, bool follow, struct inode **out)
{
	struct inode *start;
	struct path found;
	int error = sys_start_of(dirfd, path, &start);

	if (error)
		return error;
	error = path_walk(start, path, follow ? WALK_FOLLOW : 0, &found);
	inode_put(start);
	if (error)
		return error;
	*out = found.inode;
	inode_get(*out);
	path_put(&found);
	error = program_prepare(*out);
	if (error)
		inode_put(*out);
	return error;
}

/* => the program that descriptor fd is of, which may be run, with a reference. */
static int program_of(int fd, struct inode **out)
{
	struct file *f = fd == AT_FDCWD ? NULL : sys_fd((uint64_t)fd);
	int error;

	if (fd != AT_FDCWD && !f)
		return -EBADF;
	*out = f ? f->inode : sys_cwd();
	if (f) {
		inode_get(*out);
		file_put(f);
	}
	error = program_prepare(*out);
	if (error)
		inode_put(*out);
	return error;
}

/* Writes the path of descriptor fd, or of the current folder, to buf. => its length; 0: none. */
static size_t path_of_fd(int fd, char *buf, size_t size)
{
	struct file *f = fd == AT_FDCWD ? NULL : sys_fd((uint64_t)fd);
	struct inode *cwd = f ? NULL : sys_cwd();
	ssize_t n;

	if (f) {
		tree_lock();
		n = file_path(f, buf, size);
		tree_unlock();
		file_put(f);
	} else {
		n = tree_path(cwd, buf, size); /* with its NUL */
		n -= n > 0;
		inode_put(cwd);
	}
	return n > 0 ? (size_t)n : 0;
}

/* => the absolute path of what is run, for /proc/self/exe; NULL: no memory. */
static char *exe_path_of(int dirfd, const char *path)
{
	char *full = kmalloc(2 * PATH_MAX);
	size_t n = 0;

	if (full && *path != '/') {
		n = path_of_fd(dirfd, full, PATH_MAX);
		if (n == 1)
			n = 0; /* the root */
		if (*path)
			full[n++] = '/';
		while (path[0] == '.' && path[1] == '/')
			path += 2;
	}
	if (full)
		ksnprintf(full + n, 2 * PATH_MAX - n, "%s", path);
	return full;
}

/* Everything is in kernel memory now. Takes `exe` and exe_path (NULL: no memory) over. */
static int run(struct inode *exe, char *exe_path, struct exec_request *req)
{
	struct proc *p = proc_current();
	uint64_t pc, sp;
	const char *why;
	struct aspace *as = NULL;
	bool runs = false;
	int error = exe_path ? fs_exec_prepare(p) : -ENOMEM;

	if (!error) {
		error = inode_run_get(exe);
		runs = !error;
	}
	if (!error) {
		as = exec_space_create(p);
		error = as ? 0 : -ENOMEM;
	}
	if (!error) {
		req->file = exe->data;
		exec_begin(as);
		error = exec_load(p, as, req, &pc, &sp, &why);
		if (!error)
			error = exec_commit(req, pc, sp);
		if (error)
			exec_cancel();
	}
	if (!error) {
		fs_exec_commit(p, exe, exe_path);
		exe_path = NULL;
		runs = false;
	}
	if (runs)
		inode_run_put(exe);
	kfree(exe_path);
	inode_put(exe);
	return error;
}

#define FD_NAME "/dev/fd/"

/*
 * How a program that a descriptor leads to is called: by its own argument, and by the interpreter
 * of a script. => to be kfree'd; NULL: no memory.
 */
static char *fd_name(int dirfd, const char *path)
{
	size_t size = sizeof FD_NAME + 12 + strlen(path);
	char *name = kmalloc(size);

	if (name)
		ksnprintf(name, size, *path ? FD_NAME "%d/%s" : FD_NAME "%d%s", dirfd, path);
	return name;
}

/* Follows scripts to a program. => as execve; `path` is the kernel's. */
static int exec_path(int dirfd, const char *path, bool follow, struct exec_request *req,
		     char *chunk)
{
	char head[SCRIPT_HEAD], last[SCRIPT_HEAD], *interpreter, *argument, *name = NULL;
	bool by_fd = dirfd != AT_FDCWD && *path != '/', closes = false;
	struct inode *exe;
	int error = *path ? program_find(dirfd, path, follow, &exe) : program_of(dirfd, &exe);
	int at = dirfd;

	if (error)
		return error;
	if (by_fd) {
		name = fd_name(dirfd, path);
		if (!name) {
			inode_put(exe);
			return -ENOMEM;
		}
		closes = fd_flags(proc_current()->fds, dirfd) & FD_CLOEXEC;
		req->execfn = name;
	}
	req->name = base_name(req->execfn);
	for (unsigned depth = 0; !error; depth++) {
		size_t n = mobj_read(exe->data, 0, head, sizeof head - 1);

		head[n] = 0;
		if (n < 2 || head[0] != '#' || head[1] != '!') {
			error = run(exe, exe_path_of(at, path), req);
			break;
		}
		inode_put(exe);
		error =
		    depth == SCRIPT_DEPTH ? -ELOOP : script_parse(head, &interpreter, &argument);
		if (!error && closes)
			error = -ENOENT; /* its interpreter would find nothing under that name */
		if (!error)
			error = script_arguments(&req->argv, interpreter, argument,
						 depth ? path : req->execfn, chunk);
		if (error)
			break;
		memcpy(last, interpreter, strlen(interpreter) + 1);
		path = last;
		at = AT_FDCWD;
		closes = false;
		error = program_find(AT_FDCWD, path, true, &exe);
	}
	kfree(name);
	return error;
}

static int64_t exec(int dirfd, uint64_t user_path, uint64_t argv, uint64_t envp, unsigned flags)
{
	struct exec_request req = {.find_interpreter = program_interpreter};
	struct proc *p = proc_current();
	uint64_t limit = p->rlimits[RLIMIT_STACK].cur / 4;
	char *path = NULL, *chunk = kmalloc(PAGE_SIZE);
	int error = chunk ? sys_path_get(user_path, &path) : -ENOMEM;

	limit = limit > (6UL << 20) ? 6UL << 20 : limit < (128UL << 10) ? 128UL << 10 : limit;
	if (!error)
		error = table_init(&req.argv);
	if (!error)
		error = table_init(&req.envp);
	if (!error)
		error = add_vector(&req.argv, argv, limit, chunk);
	/* As on Linux, a program always has a name. */
	if (!error && req.argv.count == 0)
		error = add_string(&req.argv, "");
	if (!error)
		error = add_vector(&req.envp, envp, limit, chunk);
	if (!error && !*path && !(flags & AT_EMPTY_PATH))
		error = -ENOENT;
	if (!error) {
		req.execfn = path;
		error = exec_path(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW), &req, chunk);
	}
	table_fini(&req.argv);
	table_fini(&req.envp);
	kfree(path);
	kfree(chunk);
	/* A success leaves the new program's a0 as it is: 0. */
	return error;
}

int64_t sys_execve(const uint64_t *a)
{
	return exec(AT_FDCWD, a[0], a[1], a[2], 0);
}

int64_t sys_execveat(const uint64_t *a)
{
	if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return exec((int)a[0], a[1], a[2], a[3], (unsigned)a[4]);
}
