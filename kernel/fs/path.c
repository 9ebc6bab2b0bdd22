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
 * Some links of /proc lead to an open file or a folder itself, whatever its path
 * is by now, if it has one: the walk jumps there.
 *
 * A walk never gets above its *top*: the root of the process (chroot), or the folder
 * that openat2 confines it to. ".." of the top is the top, or an error.
 *
 * The tree is locked during a whole walk. A walk runs no user code and touches
 * no user memory, so that is short, but for what a 9P server takes to answer.
 */
#include "kernel/fs/path.h"
#include "kernel/fs/context.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "abi/trace.h"
#include "kernel/proc/proc.h"

#define MAX_LINKS 40

struct walk {
	char *text[2]; /* PATH_MAX bytes each */
	unsigned turn; /* text[turn] holds what is left */
	const char *left;
	unsigned nlinks, flags; /* WALK_* */
	struct inode *dir;      /* with a reference */
	struct inode *top;      /* with a reference */
	bool missed;            /* a name was missing where files of the host could have been */
};

#define WALK_SCOPED (WALK_BENEATH | WALK_IN_ROOT)

static void walk_to(struct walk *w, struct inode *dir)
{
	inode_get(dir);
	inode_put(w->dir);
	w->dir = dir;
}

/* => whether the walk may go on from its folder to `to`. */
static bool may_cross(const struct walk *w, const struct inode *to)
{
	return !(w->flags & WALK_NO_XDEV) || to->fs == w->dir->fs;
}

/* An absolute path, or link, begins at the top. => 0 or -EXDEV. */
static int walk_to_top(struct walk *w)
{
	if ((w->flags & WALK_BENEATH) || (w->dir && !may_cross(w, w->top)))
		return -EXDEV;
	walk_to(w, w->top);
	return 0;
}

static bool is_dots(const char *name, size_t len)
{
	return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/* A link that leads straight to *out, with a reference. => 1; 0: it is none; -errno. */
static int walk_jump(const struct walk *w, struct inode *i, struct inode **out)
{
	int error = i->fs->ops->jump(i, out);

	if (error)
		return error == -ENOENT ? 0 : error;
	if (w->flags & WALK_NO_MAGICLINKS)
		error = -ELOOP;
	else if ((w->flags & WALK_SCOPED) || !may_cross(w, *out))
		error = -EXDEV;
	if (error)
		inode_put(*out);
	return error ? error : 1;
}

/*
 * Replaces the link `i`, just taken from w->left, by its target; what it leads to must be a folder
 * if `slash`. => 0; 1: it leads straight to *out, with a reference; -errno.
 */
static int walk_link(struct walk *w, struct inode *i, bool slash, struct inode **out)
{
	char *to = w->text[!w->turn];
	ssize_t len;

	if (++w->nlinks > MAX_LINKS || (w->flags & WALK_NO_SYMLINKS))
		return -ELOOP;
	if (i->fs->ops->jump) {
		int result = walk_jump(w, i, out);

		if (result)
			return result;
	}
	if (i->fs->ops->read_link) {
		len = i->fs->ops->read_link(i, to, PATH_MAX);
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
	if (slash)
		to[len++] = '/';
	memcpy(to + len, w->left, rest + 1);
	w->turn = !w->turn;
	w->left = to;
	return *to == '/' ? walk_to_top(w) : 0;
}

/* Takes over the references to dir and inode. */
static void set_result(struct path *out, struct inode *dir, struct inode *inode, const char *name,
		       size_t len, bool wants_dir)
{
	out->dir = dir;
	out->inode = inode;
	memcpy(out->name, name, len);
	out->name[len] = 0;
	out->len = len;
	out->wants_dir = wants_dir;
}

/* => what `name` is in w->dir, with a reference, NULL if nothing; or -errno. */
static int walk_step(struct walk *w, const char *name, size_t len, struct inode **out)
{
	struct inode *next;

	*out = NULL;
	if (is_dots(name, len)) {
		bool is_top = w->dir == w->top || w->dir == tree_root();

		if (len == 2 && is_top && (w->flags & WALK_BENEATH))
			return -EXDEV;
		next = len == 1 || is_top ? w->dir : inode_above(w->dir);
		if (!may_cross(w, next))
			return -EXDEV;
		inode_get(next);
	} else {
		int error = w->dir->nlink == 0 ? -ENOENT
					       : w->dir->fs->ops->lookup(w->dir, name, len, &next);

		if (error)
			return error == -ENOENT ? 0 : error;
		if (next->mounted) {
			struct inode *over = inode_over(next);

			inode_get(over);
			inode_put(next);
			next = over;
		}
		if (!may_cross(w, next)) {
			inode_put(next);
			return -EXDEV;
		}
	}
	*out = next;
	return 0;
}

/* => whether a folder is the root's own, or of what is under it. */
static bool is_of_root(const struct inode *dir)
{
	return dir->fs == fsys_first() || dir->fs->root->upper;
}

/* Tells the lens the absolute path of what was not found from `start`. */
static void tell_missing(struct inode *start, const char *path, bool made)
{
	char *text = kmalloc(2 * PATH_MAX);
	ssize_t n = 0;

	if (!text)
		return;
	if (*path != '/') {
		tree_lock();
		n = tree_path(start, text, PATH_MAX);
		tree_unlock();
		if (n > 0)
			text[n - 1] = '/';
	}
	if (n >= 0) {
		memcpy(text + n, path, strlen(path) + 1);
		fs_trace_text(TRACE_FILE_MISSING, made, text);
	}
	kfree(text);
}

/* The walk itself, on w->left. => as path_walk. */
static int walk_left(struct walk *w, struct path *out)
{
	const struct cred *cred = &proc_current()->cred;
	unsigned flags = w->flags;

	for (;;) {
		while (*w->left == '/')
			w->left++;
		if (*w->left == 0) {
			/* here: the path was "/", or slashes only */
			inode_get(w->dir);
			inode_get(w->dir);
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

		int error = inode_access(w->dir, cred, X_OK);
		if (error)
			return error;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;

		struct inode *next;
		error = walk_step(w, name, len, &next);
		if (error)
			return error;
		if (!next) {
			w->missed = is_of_root(w->dir);
			/* Where nothing can be made, what is not there is just that. */
			if (!is_last || !(flags & WALK_PARENT) || !w->dir->fs->ops->create)
				return -ENOENT;
			inode_get(w->dir);
			set_result(out, w->dir, NULL, name, len, slash);
			return 0;
		}
		if (inode_is_link(next) && (!is_last || slash || (flags & WALK_FOLLOW))) {
			struct inode *target;

			error = walk_link(w, next, slash, &target);
			inode_put(next);
			if (error < 0)
				return error;
			if (error == 0)
				continue;
			next = target;
			name = ".";
			len = 1;
		}
		if ((!is_last || slash) && !inode_is_dir(next)) {
			inode_put(next);
			return -ENOTDIR;
		}
		if (is_last) {
			inode_get(w->dir);
			set_result(out, w->dir, next, name, len, slash);
			return 0;
		}
		walk_to(w, next);
		inode_put(next);
	}
}

int path_walk(struct inode *start, const char *path, unsigned flags, struct path *out)
{
	struct walk w = {.flags = flags};
	size_t len = strlen(path);
	int error = 0;

	if (len == 0)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*path != '/' && !inode_is_dir(start))
		return -ENOTDIR;
	w.text[0] = kmalloc(2 * PATH_MAX);
	if (!w.text[0])
		return -ENOMEM;
	w.text[1] = w.text[0] + PATH_MAX;
	memcpy(w.text[0], path, len + 1);
	w.left = w.text[0];

	if (flags & WALK_SCOPED) {
		w.top = start;
		inode_get(start);
	} else {
		w.top = fs_root();
	}
	tree_lock();
	if (*path == '/')
		error = walk_to_top(&w);
	else
		walk_to(&w, start);
	if (!error)
		error = walk_left(&w, out);
	tree_unlock();
	if (w.missed)
		tell_missing(start, path, flags & WALK_PARENT);
	inode_put(w.dir);
	inode_put(w.top);
	kfree(w.text[0]);
	return error;
}

void path_put(struct path *p)
{
	inode_put(p->dir);
	inode_put(p->inode);
}
