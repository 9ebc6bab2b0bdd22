/*
 * Paths.
 *
 * A walk holds one folder, and takes one component after another from what is
 * left of the path:
 *
 *     left     "usr/../lib/x"    component "usr", then "..", then "lib", then "x"
 *     folder    /    /usr   /       /lib
 *
 * A symbolic link is replaced by its target: what is left becomes target, slash,
 * rest; and the walk goes on from the link's folder, or from the root. After 40
 * of them it gives up (ELOOP, Linux's limit). The text lives in two buffers used
 * in turn, since the rest must be copied behind the target.
 *
 * The tree is locked during a whole walk. A walk runs no user code and touches
 * no user memory, so that is short.
 */
#include "kernel/fs/path.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/proc.h"

#define MAX_LINKS 40

struct walk {
	char *text[2]; /* PATH_MAX bytes each */
	unsigned turn; /* text[turn] holds what is left */
	const char *left;
	unsigned nlinks;
	struct inode *dir; /* borrowed: the tree is locked */
};

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* Replaces the link `i`, just taken from w->left, by its target. => 0 or -errno. */
static int walk_link(struct walk *w, const struct inode *i)
{
	char *to = w->text[!w->turn];
	ssize_t len;

	if (++w->nlinks > MAX_LINKS)
		return -ELOOP;
	if (i->make_target) {
		len = i->make_target(to, PATH_MAX);
		if (len < 0)
			return (int)len;
	} else {
		len = (ssize_t)strlen(i->target);
		memcpy(to, i->target, (size_t)len);
	}
	if (len == 0)
		return -ENOENT;

	size_t rest = strlen(w->left);
	if ((size_t)len + 1 + rest >= PATH_MAX)
		return -ENAMETOOLONG;
	if (rest > 0)
		to[len++] = '/';
	memcpy(to + len, w->left, rest + 1);
	w->turn = !w->turn;
	w->left = to;
	if (*to == '/')
		w->dir = tree_root();
	return 0;
}

static void set_result(struct path *out, struct inode *dir, struct inode *inode, const char *name,
		       size_t len, bool wants_dir)
{
	inode_get(dir);
	if (inode)
		inode_get(inode);
	out->dir = dir;
	out->inode = inode;
	memcpy(out->name, name, len);
	out->name[len] = 0;
	out->len = len;
	out->wants_dir = wants_dir;
}

/* The walk itself, on w->left. => as path_walk. */
static int walk_left(struct walk *w, unsigned flags, struct path *out)
{
	const struct cred *cred = &proc_current()->cred;

	for (;;) {
		while (*w->left == '/')
			w->left++;
		if (*w->left == 0) {
			/* here: the path was "/", or slashes only */
			set_result(out, w->dir, w->dir, "/", 1, true);
			return 0;
		}

		const char *name = w->left;
		size_t len = 0;
		while (name[len] && name[len] != '/')
			len++;
		w->left += len;
		bool slash = *w->left == '/';
		while (*w->left == '/')
			w->left++;
		bool is_last = *w->left == 0;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		if (inode_access(w->dir, cred, X_OK) != 0)
			return -EACCES;

		struct inode *next;
		if (is_dots(name, len))
			next = len == 1 ? w->dir : w->dir->parent;
		else
			next = dir_find(w->dir, name, len);

		if (!next) {
			if (!is_last || !(flags & WALK_PARENT))
				return -ENOENT;
			set_result(out, w->dir, NULL, name, len, slash);
			return 0;
		}
		if (inode_is_link(next) && (!is_last || slash || (flags & WALK_FOLLOW))) {
			int error = walk_link(w, next);

			if (error)
				return error;
			continue;
		}
		if ((!is_last || slash) && !inode_is_dir(next))
			return -ENOTDIR;
		if (is_last) {
			set_result(out, w->dir, next, name, len, slash);
			return 0;
		}
		w->dir = next;
	}
}

int path_walk(struct inode *start, const char *path, unsigned flags, struct path *out)
{
	struct walk w = {.dir = *path == '/' ? tree_root() : start};
	size_t len = strlen(path);
	int error;

	if (len == 0)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	if (!inode_is_dir(w.dir))
		return -ENOTDIR;
	w.text[0] = kmalloc(2 * PATH_MAX);
	if (!w.text[0])
		return -ENOMEM;
	w.text[1] = w.text[0] + PATH_MAX;
	memcpy(w.text[0], path, len + 1);
	w.left = w.text[0];

	tree_lock();
	error = walk_left(&w, flags, out);
	tree_unlock();
	kfree(w.text[0]);
	return error;
}

void path_put(struct path *p)
{
	inode_put(p->dir);
	inode_put(p->inode);
}
