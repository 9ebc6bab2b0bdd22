/*
 * What of the file system belongs to a process: its table of descriptors, its
 * current folder, its root and umask, and its program.
 *
 * Table and context are counted, since clone() may share either:
 *
 *     proc 7 --fds--> struct fdtable (refs 2) <--fds-- proc 8
 *        `---fs---> struct fs_context (refs 1)            `--fs--> (refs 1)
 *
 * A fork copies both: the copies name the same open files, whose positions stay
 * shared, but each process opens, closes and walks for itself.
 *
 * Locks. proc.lock is held while the process's pointers to all this change;
 * fs_context.lock guards the pointer to the folder. Both are leaves.
 */
#include "kernel/fs/context.h"
#include "kernel/fs/file.h"
#include "kernel/fs/tty.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"

#define FIRST_UMASK 022

static struct fs_context *context_create(struct inode *cwd, struct inode *root, uint32_t umask)
{
	struct fs_context *fs = kzalloc(sizeof *fs);

	if (!fs)
		return NULL;
	fs->refs = 1;
	fs->umask = umask;
	spin_init(&fs->lock);
	inode_get(cwd);
	fs->cwd = cwd;
	inode_get(root);
	fs->root = root;
	return fs;
}

void fs_context_get(struct fs_context *fs)
{
	__atomic_fetch_add(&fs->refs, 1, __ATOMIC_RELAXED);
}

void fs_context_put(struct fs_context *fs)
{
	if (__atomic_sub_fetch(&fs->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	inode_put(fs->cwd);
	inode_put(fs->root);
	kfree(fs);
}

static struct fs_context *context_copy(struct fs_context *from)
{
	struct inode *cwd = fs_context_cwd(from), *root = fs_context_root(from);
	struct fs_context *fs = context_create(cwd, root, from->umask);

	inode_put(cwd);
	inode_put(root);
	return fs;
}

struct inode *fs_context_cwd(struct fs_context *fs)
{
	spin_lock(&fs->lock);
	struct inode *cwd = fs->cwd;
	inode_get(cwd);
	spin_unlock(&fs->lock);
	return cwd;
}

struct inode *fs_context_root(struct fs_context *fs)
{
	spin_lock(&fs->lock);
	struct inode *root = fs->root;
	inode_get(root);
	spin_unlock(&fs->lock);
	return root;
}

struct inode *fs_root(void)
{
	const struct proc *p = proc_current();

	if (p && p->fs)
		return fs_context_root(p->fs);
	inode_get(tree_root());
	return tree_root();
}

void fs_context_enter(struct fs_context *fs, struct inode *dir)
{
	spin_lock(&fs->lock);
	struct inode *old = fs->cwd;
	fs->cwd = dir;
	spin_unlock(&fs->lock);
	inode_put(old);
}

void fs_context_confine(struct fs_context *fs, struct inode *dir)
{
	spin_lock(&fs->lock);
	struct inode *old = fs->root;
	fs->root = dir;
	spin_unlock(&fs->lock);
	inode_put(old);
}

#define FIRST_PID 1 /* when it ends, the machine does */

static void release_files(struct proc *p)
{
	tty_leave(p);
	/* Whoever looks at the process takes its references under the lock. */
	spin_lock(&p->lock);
	struct fdtable *fds = p->fds;
	struct fs_context *fs = p->fs;
	struct inode *exe = p->exe;
	char *exe_path = p->exe_path;
	p->fds = NULL;
	p->fs = NULL;
	p->exe = NULL;
	p->exe_path = NULL;
	spin_unlock(&p->lock);
	if (fds)
		fdtable_put(fds);
	if (fs)
		fs_context_put(fs);
	inode_run_put(exe);
	kfree(exe_path);
	if (p->pid == FIRST_PID)
		fsys_sync_all();
}

static char *copy_path(const char *path)
{
	size_t len = strlen(path) + 1;
	char *copy = kmalloc(len);

	if (copy)
		memcpy(copy, path, len);
	return copy;
}

int fs_attach(struct proc *p, struct inode *cwd, struct inode *exe, const char *exe_path)
{
	p->fds = fdtable_create();
	p->fs = context_create(cwd, tree_root(), FIRST_UMASK);
	p->exe_path = copy_path(exe_path);
	if (inode_run_get(exe) == 0)
		p->exe = exe;
	if (!p->fds || !p->fs || !p->exe_path) {
		release_files(p);
		return -ENOMEM;
	}
	p->release_files = release_files;
	return 0;
}

int fs_fork(struct proc *child, struct proc *parent, bool share_files, bool share_context)
{
	if (share_files) {
		fdtable_get(parent->fds);
		child->fds = parent->fds;
	} else {
		child->fds = fdtable_copy(parent->fds);
	}
	if (share_context) {
		fs_context_get(parent->fs);
		child->fs = parent->fs;
	} else {
		child->fs = context_copy(parent->fs);
	}
	child->exe_path = copy_path(parent->exe_path);
	if (inode_run_get(parent->exe) == 0)
		child->exe = parent->exe;
	if (!child->fds || !child->fs || !child->exe_path) {
		release_files(child);
		return -ENOMEM;
	}
	child->release_files = release_files;
	return 0;
}

int fs_unshare(struct proc *p, bool files, bool context)
{
	if (files && fdtable_is_shared(p->fds)) {
		struct fdtable *own = fdtable_copy(p->fds);

		if (!own)
			return -ENOMEM;
		struct fdtable *shared = p->fds;

		spin_lock(&p->lock);
		p->fds = own;
		spin_unlock(&p->lock);
		fdtable_put(shared);
	}
	if (context && __atomic_load_n(&p->fs->refs, __ATOMIC_RELAXED) > 1) {
		struct fs_context *own = context_copy(p->fs);

		if (!own)
			return -ENOMEM;
		struct fs_context *shared = p->fs;

		spin_lock(&p->lock);
		p->fs = own;
		spin_unlock(&p->lock);
		fs_context_put(shared);
	}
	return 0;
}

int fs_exec_prepare(struct proc *p)
{
	return fs_unshare(p, true, false);
}

void fs_exec_commit(struct proc *p, struct inode *exe, char *exe_path)
{
	struct inode *old_exe = p->exe;
	char *old_path = p->exe_path;

	fdtable_exec(p->fds);
	spin_lock(&p->lock);
	p->exe = exe;
	p->exe_path = exe_path;
	spin_unlock(&p->lock);
	inode_run_put(old_exe);
	kfree(old_path);
}
