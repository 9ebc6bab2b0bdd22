/*
 * What programs look for in /proc: self/exe and self/maps, made when asked for.
 *
 * `maps` has Linux's form: one line for each VMA, with the device and inode
 * number of the program where it shows that. It is text of one moment, taken when the file is
 * opened.
 */
#include "kernel/fs/file.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/proc.h"
#include "abi/trace.h"

static ssize_t exe_target(char *buf, size_t size)
{
	const char *path = proc_current()->exe_path;
	size_t len = strlen(path);

	if (len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, path, len);
	return (ssize_t)len;
}

/* => the name at the end of a line of maps. */
static const char *vma_label(const struct proc *p, const struct vma *v)
{
	if (v->kind == TV_STACK)
		return "[stack]";
	if (v->kind == TV_HEAP)
		return "[heap]";
	return v->file && v->file == p->exe->data ? p->exe_path : "";
}

static int put_vma(struct mobj *o, const struct proc *p, const struct vma *v, char *line,
		   size_t size)
{
	const char *label = vma_label(p, v);
	int n = ksnprintf(line, size, "%08lx-%08lx %c%c%c%c %08lx 00:%02x %lu ", v->start.v,
			  v->end.v, v->flags & VMA_READ ? 'r' : '-',
			  v->flags & VMA_WRITE ? 'w' : '-', v->flags & VMA_EXEC ? 'x' : '-',
			  v->flags & VMA_SHARED ? 's' : 'p', v->file_offset << PAGE_SHIFT,
			  v->file ? 1 : 0, v->file == p->exe->data ? p->exe->ino : 0);

	if (*label) /* Linux aligns names to column 73 */
		n += ksnprintf(line + n, size - (size_t)n, "%*s%s", n < 73 ? 73 - n : 0, "", label);
	if ((size_t)n > size - 2)
		n = (int)size - 2;
	line[n++] = '\n';
	return mobj_write(o, o->size, line, (size_t)n) == (size_t)n ? 0 : -ENOMEM;
}

static struct mobj *make_maps(void)
{
	struct proc *p = proc_current();
	struct mobj *o = mobj_create(MOBJ_FILE, 0);
	char *line = kmalloc(PAGE_SIZE);
	int error = o && line ? 0 : -ENOMEM;

	if (!error) {
		mutex_lock(&p->as->lock);
		for (struct vma *v = aspace_next(p->as, VADDR(0)); v && !error;
		     v = aspace_next(p->as, v->end))
			error = put_vma(o, p, v, line, PAGE_SIZE);
		mutex_unlock(&p->as->lock);
	}
	kfree(line);
	if (error && o) {
		mobj_put(o);
		o = NULL;
	}
	return o;
}

static int add(struct inode *dir, const char *name, struct inode *i)
{
	size_t len = strlen(name);

	if (!i)
		return -ENOMEM;
	if (dir_find(dir, name, len))
		dir_remove(dir, name, len);
	int error = dir_add(dir, name, len, i);
	inode_put(i);
	return error;
}

int procfs_init(void)
{
	struct inode *dir = tree_make_dirs("/proc/self");
	struct inode *exe = inode_create(S_IFLNK | 0777, 0, 0);
	struct inode *maps = inode_create(S_IFREG | 0444, 0, 0);

	if (exe)
		exe->make_target = exe_target;
	if (maps)
		maps->make_data = make_maps;
	int error = dir ? add(dir, "exe", exe) : -ENOMEM;
	if (!error)
		error = add(dir, "maps", maps);
	return error;
}
