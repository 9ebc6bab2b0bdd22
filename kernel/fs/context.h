/*
 * What of the file system belongs to a process. Theory: context.c.
 */
#ifndef KERNEL_CONTEXT_H
#define KERNEL_CONTEXT_H

#include "kernel/lib/lock.h"
#include "kernel/lib/types.h"

struct inode;
struct proc;

struct fs_context {
	uint32_t refs;  /* processes that share it */
	uint32_t umask; /* atomic */
	struct spinlock lock;
	struct inode *cwd, *root; /* guarded by lock; each holds a reference */
};

void fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);
/* => the current folder, with a reference. */
struct inode *fs_context_cwd(struct fs_context *fs);
/* => the folder that "/" is, with a reference. */
struct inode *fs_context_root(struct fs_context *fs);
/* => the same of the current process; before it has one, the tree's. */
struct inode *fs_root(void);
/* Makes `dir` the current folder, or the root; takes over the caller's reference. */
void fs_context_enter(struct fs_context *fs, struct inode *dir);
void fs_context_confine(struct fs_context *fs, struct inode *dir);

/*
 * Gives the first process its table, current folder and program, and makes its end release them.
 * => 0 or -ENOMEM.
 */
int fs_attach(struct proc *p, struct inode *cwd, struct inode *exe, const char *exe_path);

/*
 * The same for a new child: shared with the parent (CLONE_FILES, CLONE_FS) or copied.
 * => 0 or -ENOMEM (the child has nothing to release).
 */
int fs_fork(struct proc *child, struct proc *parent, bool share_files, bool share_context);

/*
 * At exec: a table that is shared is copied (prepare, may fail: -ENOMEM), then (commit) what is
 * close-on-exec is closed and the program is `exe`, whose run (inode_run_get) is taken over, as is
 * exe_path, which was kmalloc'd.
 */
int fs_exec_prepare(struct proc *p);
void fs_exec_commit(struct proc *p, struct inode *exe, char *exe_path);

/* unshare(2), and clone's counterpart. => 0 or -ENOMEM. */
int fs_unshare(struct proc *p, bool files, bool context);

#endif
