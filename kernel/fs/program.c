/*
 * From a path to what exec maps: a program, or the dynamic linker that it names.
 */
#include "kernel/fs/program.h"
#include "kernel/fs/context.h"
#include "kernel/fs/path.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/proc.h"

int program_prepare(struct inode *i)
{
	if (inode_is_link(i))
		return -ELOOP;
	if (!inode_is_regular(i) || !i->data)
		return -EACCES;
	int error = inode_access(i, &proc_current()->cred, X_OK);
	return error ? error : inode_prepare(i, false);
}

/* Lets the contents know their path, for /proc/PID/maps. */
static void label(struct mobj *o, const char *path)
{
	size_t len = strlen(path) + 1;
	char *copy = o->label ? NULL : kmalloc(len);

	if (!copy)
		return;
	memcpy(copy, path, len);
	spin_lock(&o->lock);
	if (!o->label) {
		o->label = copy;
		copy = NULL;
	}
	spin_unlock(&o->lock);
	kfree(copy);
}

int program_interpreter(const char *path, struct mobj **out)
{
	struct inode *start = fs_root();
	struct path found;
	int error = path_walk(start, path, WALK_FOLLOW, &found);

	inode_put(start);
	if (error)
		return error;
	error = program_prepare(found.inode);
	if (!error) {
		*out = found.inode->data;
		mobj_get(*out);
		label(*out, path);
	}
	path_put(&found);
	return error;
}
