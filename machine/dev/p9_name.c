/*
 * Names of the 9P server: making, linking, renaming, removing.
 *
 * Each of these is one call of the host, and then a change of the tree of nodes that cannot fail:
 * what it needs is got before. A name that is removed, or that another takes the place of,
 * may have been its file's last: the file's number is then forgotten, because a host gives the
 * identity of a removed file to a new one as it likes.
 *
 * Source: see p9.h.
 */
#include <string.h>

#include "machine/dev/p9.h"
#include "machine/machine_state.h"
#include "abi/linux.h"

#define PERMISSIONS 0777u

/* What is at the path, if something is, is about to lose that name. */
struct victim {
	bool exists, last; /* last: no other name will be left */
	struct share_info info;
};

static struct victim victim_at(struct p9_server *s, const char *path)
{
	struct victim v = {0};

	v.exists = s->share.ops->info(s->share.ctx, path, &v.info) == 0;
	v.last = v.exists && ((v.info.mode & S_IFMT) == S_IFDIR || v.info.links <= 1);
	return v;
}

/* It has lost it; nodes of that name are of no file now. */
static void victim_lost(struct p9_server *s, const struct victim *v, struct p9_node *dir,
			const char *name, size_t len)
{
	struct p9_node *node = p9_node_find(s, dir, name, len);

	if (node)
		p9_node_gone(s, node);
	if (v->last)
		p9_forget(s, &v->info);
}

/* -- making ------------------------------------------------------------------------------- */

/* Answers with the qid of what was made. */
static int put_made(struct p9_server *s, const char *path, struct p9_out *out)
{
	struct share_info info;
	struct p9_qid qid;
	int error = p9_look(s, path, &info, &qid);

	if (!error)
		p9_put_qid(out, &qid);
	return error;
}

int p9_make_folder(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *dir;
	struct p9_string name;
	int error = p9_take_place(s, in, &dir, &name);
	uint32_t mode = p9_take4(in) & PERMISSIONS;
	char path[SHARE_PATH_MAX];

	p9_take4(in); /* the group */
	if (!p9_taken(in))
		return EINVAL;
	if (!error)
		error = p9_path(dir->node, name.text, name.len, path);
	if (!error)
		error = s->share.ops->make_folder(s->share.ctx, path, mode, p9_now(s));
	return error ? error : put_made(s, path, out);
}

int p9_make_symlink(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *dir;
	struct p9_string name, target;
	int error = p9_take_place(s, in, &dir, &name);
	char path[SHARE_PATH_MAX], text[SHARE_PATH_MAX];

	target = p9_take_string(in);
	p9_take4(in); /* the group */
	if (!p9_taken(in) || memchr(target.text, 0, target.len))
		return EINVAL;
	if (error)
		return error;
	if (target.len == 0)
		return ENOENT;
	if (target.len >= sizeof(text))
		return ENAMETOOLONG;
	memcpy(text, target.text, target.len);
	text[target.len] = 0;
	error = p9_path(dir->node, name.text, name.len, path);
	if (!error)
		error = s->share.ops->make_link(s->share.ctx, path, text, p9_now(s));
	return error ? error : put_made(s, path, out);
}

int p9_make_device(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	return EPERM; /* nor pipes, nor sockets: the folder holds files */
}

int p9_link_file(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *dir = p9_fid_find(s, p9_take4(in)), *f = p9_fid_find(s, p9_take4(in));
	struct p9_string name = p9_take_string(in);
	char path[SHARE_PATH_MAX], new_path[SHARE_PATH_MAX];
	int error;

	if (!p9_taken(in))
		return EINVAL;
	if (!dir || !f)
		return EBADF;
	if (!(dir->qid.type & P9_QID_FOLDER))
		return ENOTDIR;
	if (f->qid.type & P9_QID_FOLDER)
		return EPERM;
	error = p9_check_name(name.text, name.len);
	if (!error)
		error = p9_path(f->node, NULL, 0, path);
	if (!error)
		error = p9_path(dir->node, name.text, name.len, new_path);
	return error ? error : s->share.ops->add_name(s->share.ctx, path, new_path, p9_now(s));
}

/* -- renaming ----------------------------------------------------------------------------- */

struct place {
	struct p9_node *dir;
	const char *name;
	size_t len;
};

static bool is_below(const struct p9_node *node, const struct p9_node *top)
{
	while (node && node != top)
		node = node->parent;
	return node != NULL;
}

static int rename_place(struct p9_server *s, struct place from, struct place to)
{
	struct p9_node *node = p9_node_find(s, from.dir, from.name, from.len);
	char path[SHARE_PATH_MAX], new_path[SHARE_PATH_MAX];
	struct share_info info;
	struct victim victim;
	char *name = NULL;
	int error;

	error = p9_path(from.dir, from.name, from.len, path);
	if (!error)
		error = p9_path(to.dir, to.name, to.len, new_path);
	if (!error)
		error = s->share.ops->info(s->share.ctx, path, &info);
	if (error)
		return error;
	if (node && is_below(to.dir, node))
		return EINVAL; /* a folder into itself */
	victim = victim_at(s, new_path);
	if (victim.exists && !memcmp(victim.info.id, info.id, sizeof(info.id)))
		return 0; /* two names of one file: nothing happens, says POSIX */
	if (node) {
		name = p9_alloc(&s->heap, to.len);
		if (!name)
			return ENOMEM;
		memcpy(name, to.name, to.len);
	}
	error = s->share.ops->rename(s->share.ctx, path, new_path, p9_now(s));
	if (error) {
		p9_free(&s->heap, name, to.len);
		return error;
	}
	victim_lost(s, &victim, to.dir, to.name, to.len);
	if (node)
		p9_node_move(s, node, to.dir, name, to.len);
	return 0;
}

/* Of the fid's file: it gets a name in a folder. */
int p9_rename(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in)), *dir;
	struct p9_string name;
	int error = p9_take_place(s, in, &dir, &name);

	if (!p9_taken(in))
		return EINVAL;
	if (error)
		return error;
	if (!f)
		return EBADF;
	if (!f->node->parent)
		return EBUSY; /* the folder itself */
	if (f->node->gone)
		return ENOENT;
	return rename_place(s, (struct place){f->node->parent, f->node->name, f->node->len},
			    (struct place){dir->node, name.text, name.len});
}

int p9_rename_at(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *dir, *new_dir;
	struct p9_string name, new_name;
	int error = p9_take_place(s, in, &dir, &name);
	int new_error = p9_take_place(s, in, &new_dir, &new_name);

	if (!p9_taken(in))
		return EINVAL;
	if (error || new_error)
		return error ? error : new_error;
	return rename_place(s, (struct place){dir->node, name.text, name.len},
			    (struct place){new_dir->node, new_name.text, new_name.len});
}

/* -- removing ----------------------------------------------------------------------------- */

static int remove_place(struct p9_server *s, struct place place, bool folder)
{
	char path[SHARE_PATH_MAX];
	struct victim victim;
	int error = p9_path(place.dir, place.name, place.len, path);

	if (error)
		return error;
	victim = victim_at(s, path);
	error = s->share.ops->remove(s->share.ctx, path, folder, p9_now(s));
	if (!error)
		victim_lost(s, &victim, place.dir, place.name, place.len);
	return error;
}

/* The fid goes in any case. */
int p9_remove(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	struct p9_node *node;
	int error;

	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	node = f->node;
	if (!s->share.writable)
		error = EROFS;
	else if (!node->parent)
		error = EBUSY;
	else if (node->gone)
		error = ENOENT;
	else
		error = remove_place(s, (struct place){node->parent, node->name, node->len},
				     f->qid.type & P9_QID_FOLDER);
	p9_fid_remove(s, f);
	return error;
}

int p9_unlink_at(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *dir;
	struct p9_string name;
	int error = p9_take_place(s, in, &dir, &name);
	uint32_t flags = p9_take4(in);

	if (!p9_taken(in) || (flags & ~(uint32_t)AT_REMOVEDIR))
		return EINVAL;
	if (error)
		return error;
	return remove_place(s, (struct place){dir->node, name.text, name.len},
			    flags & AT_REMOVEDIR);
}
