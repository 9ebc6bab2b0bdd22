/*
 * Unpacking the initial RAM disk without copying it.
 *
 * The archive lies in RAM, in frames that boot marked TF_FILE with one reference
 * each, "to be adopted". Where the data of a file begins on a page boundary, its
 * frames simply become the file's frames:
 *
 *     RAM     | header  | data data | data 000 | header | small | header ...
 *     frame        0         1           2          3
 *     then      freed     file page 0  page 1      freed, its small file copied
 *
 * The reference that boot holds passes to the memory object. Two details:
 *
 *   - The rest of a file's last page must read as zeroes. If something else
 *     follows the data in the same frame, that page alone is copied.
 *   - A frame is adopted at most once, and whatever nobody adopted is freed at
 *     the end, when nothing reads headers any more.
 *
 * So a program of megabytes costs a few hundred instructions a page at boot, and
 * its frames hold the only copy.
 */
#include "kernel/fs/initramfs.h"
#include "kernel/fs/cpio.h"
#include "kernel/fs/inode.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"

#define MAX_HARD_LINKS 256 /* inodes with several names that are remembered at a time */

struct unpack {
	uint64_t first_pfn, npfns;
	uint64_t *adopted; /* a bit for each frame of the archive; NULL: all are copied */
	struct {
		uint32_t ino;
		struct inode *inode;
	} links[MAX_HARD_LINKS]; /* each with a reference */
	unsigned nlinks;
};

static bool is_adopted(const struct unpack *u, uint64_t n)
{
	return u->adopted && (u->adopted[n / 64] >> (n % 64) & 1);
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (; len > 0 && ((uintptr_t)p & 7) != 0; p++, len--)
		if (*p)
			return false;
	for (; len >= 8; p += 8, len -= 8)
		if (*(const uint64_t *)p)
			return false;
	for (; len > 0; p++, len--)
		if (*p)
			return false;
	return true;
}

/* => whether the page at `data`, of which `n` bytes are the file's, can be the file's frame. */
static bool is_adoptable(const struct unpack *u, const uint8_t *data, size_t n)
{
	uint64_t pfn = paddr_pfn(arch_pa(data)).v - u->first_pfn;

	return u->adopted && ((uintptr_t)data & PAGE_MASK) == 0 && !is_adopted(u, pfn) &&
	       is_zero(data + n, PAGE_SIZE - n);
}

/* => 0 or -ENOMEM. */
static int adopt(struct unpack *u, struct mobj *o, uint64_t index, const uint8_t *data)
{
	pfn_t pfn = paddr_pfn(arch_pa(data));
	uint64_t n = pfn.v - u->first_pfn;

	spin_lock(&o->lock);
	int error = mobj_insert_locked(o, index, frame_of(pfn));
	spin_unlock(&o->lock);
	if (!error)
		u->adopted[n / 64] |= 1UL << (n % 64);
	return error;
}

static int fill_file(struct unpack *u, struct mobj *o, const struct cpio_entry *e)
{
	for (uint64_t at = 0; at < e->size; at += PAGE_SIZE) {
		size_t n = e->size - at < PAGE_SIZE ? e->size - at : PAGE_SIZE;

		if (is_adoptable(u, e->data + at, n)) {
			if (adopt(u, o, at >> PAGE_SHIFT, e->data + at) != 0)
				return -ENOMEM;
		} else if (mobj_write(o, at, e->data + at, n) != n) {
			return -ENOMEM;
		}
	}
	o->size = e->size;
	return 0;
}

static struct inode *find_link(const struct unpack *u, const struct cpio_entry *e)
{
	for (unsigned n = 0; n < u->nlinks; n++)
		if (u->links[n].ino == e->ino)
			return u->links[n].inode;
	return NULL;
}

/* => the folder of e's name, created where missing, and its last component. NULL: no memory. */
static struct inode *parent_of(const struct cpio_entry *e, const char **last)
{
	const char *slash = strrchr(e->name, '/');
	char *folder;

	*last = slash ? slash + 1 : e->name;
	if (!slash)
		return tree_root();
	size_t len = (size_t)(slash - e->name);
	folder = kmalloc(len + 1);
	if (!folder)
		return NULL;
	memcpy(folder, e->name, len);
	folder[len] = 0;
	struct inode *dir = tree_make_dirs(folder);
	kfree(folder);
	return dir;
}

static int fill_inode(struct unpack *u, struct inode *i, const struct cpio_entry *e)
{
	i->uid = e->uid;
	i->gid = e->gid;
	i->atime = i->mtime = i->ctime = (struct linux_timespec){e->mtime, 0};
	if (inode_is_regular(i))
		return fill_file(u, i->data, e);
	if (inode_is_link(i)) {
		i->target = kmalloc((size_t)e->size + 1);
		if (!i->target)
			return -ENOMEM;
		memcpy(i->target, e->data, e->size);
		i->target[e->size] = 0;
	}
	return 0;
}

static int add_entry(struct unpack *u, const struct cpio_entry *e)
{
	uint32_t type = e->mode & S_IFMT;
	const char *name;
	struct inode *dir = parent_of(e, &name), *i, *old;
	size_t len;
	int error;

	if (!dir)
		return -ENOMEM;
	len = strlen(name);
	if (len == 0 || len > NAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    !inode_is_dir(dir))
		return 0;
	if (type != S_IFDIR && type != S_IFREG && type != S_IFLNK)
		return 0; /* devices of /dev are made by devices_init() */

	old = dir_find(dir, name, len);
	if (old && inode_is_dir(old) && type == S_IFDIR) {
		old = inode_over(old);
		old->mode = e->mode;
		return fill_inode(u, old, e);
	}
	if (old && inode_is_dir(old))
		return 0;
	if (old)
		dir_remove(dir, name, len);

	i = type == S_IFREG && e->nlink > 1 ? find_link(u, e) : NULL;
	if (i) {
		/* Of several names of a file, writers give the data to the last one. */
		error = i->data->size == 0 ? fill_file(u, i->data, e) : 0;
		return error ? error : dir_add(dir, name, len, i);
	}
	i = inode_create(dir->fs, e->mode, e->uid, e->gid);
	if (!i)
		return -ENOMEM;
	error = fill_inode(u, i, e);
	if (!error)
		error = dir_add(dir, name, len, i);
	if (!error && type == S_IFREG && e->nlink > 1 && u->nlinks < MAX_HARD_LINKS) {
		u->links[u->nlinks].ino = e->ino;
		u->links[u->nlinks++].inode = i;
		inode_get(i);
	}
	inode_put(i);
	return error;
}

/* Frees what nobody adopted. => nothing reads the archive any more. */
static void free_rest(const struct unpack *u)
{
	for (uint64_t n = 0; n < u->npfns; n++)
		if (!is_adopted(u, n))
			frame_put(frame_of(PFN(u->first_pfn + n)));
}

int initramfs_unpack(paddr_t start, paddr_t end)
{
	struct unpack *u = kzalloc(sizeof *u);
	struct cpio_entry e;
	struct cpio c;
	int more = 0, error = 0;

	if (!u)
		return -ENOMEM;
	u->first_pfn = paddr_pfn(start).v;
	u->npfns = ROUND_UP(end.v, PAGE_SIZE) / PAGE_SIZE - u->first_pfn;
	u->adopted = kzalloc((u->npfns + 63) / 64 * sizeof u->adopted[0]);

	cpio_init(&c, arch_kva(start), end.v - start.v);
	tree_lock();
	while (!error && (more = cpio_next(&c, &e)) > 0)
		error = add_entry(u, &e);
	tree_unlock();
	while (u->nlinks > 0)
		inode_put(u->links[--u->nlinks].inode);
	free_rest(u);
	kfree(u->adopted);
	kfree(u);
	return error ? error : more;
}
