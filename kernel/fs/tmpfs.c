/*
 * tmpfs: folders in memory.
 *
 * Several entries may name the same file; a folder has one name.
 *
 *     "/" inode 1 --first--> [ "bin" | inode 2 ] -> [ "etc" | inode 3 ] -> NULL
 *          ^                        |
 *          `------- parent ---------'
 *
 * Entries are listed in the order of their creation. A reader of a folder says
 * where it stopped by the cookie of the last entry that it saw, and since cookies
 * grow along the list and are never used twice, it can go on after any change.
 *
 * A folder with many entries has them in a hash table as well, which grows with it:
 * one to two entries a bucket. Without memory for it, it goes on as it is.
 *
 * A folder of the root may have another file system's folder *under* it. What it has
 * no entry for is looked up there; a folder that both have is one folder in the same
 * way. So the root's own entries, places for mounts above all, and a tree that is only
 * read are seen as one:
 *
 *     own      /  --+-- home --- me --- project (mounted)      seen   /home/me/project
 *     under    /  --+-- home --- you                                  /home/you
 *                   `-- lib                                           /lib
 *
 * Invariants
 *   I1  cookies grow along a folder's list; those of what is under it lie above all
 *   I2  of a folder in the list, entry is its entry there and parent the list's folder
 *   I3  nlink of a folder in a list = 2 + folders in its own list; nentries = its length
 *   I4  with buckets, each entry of the list is in the bucket of its name's hash
 */
#include "kernel/fs/inode.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"

#define UNDER_COOKIE (1UL << 48) /* added to the cookies of what is under a folder */

static uint64_t last_cookie = COOKIE_DOTDOT;

struct fsys *tmpfs_create(const char *type, const char *source, const char *options, uint32_t mode)
{
	struct fsys *fs = kzalloc(sizeof *fs);

	if (!fs)
		return NULL;
	*fs = (struct fsys){.ops = &tmpfs_ops,
			    .type = type,
			    .source = source,
			    .options = options,
			    .dev = fsys_next_dev(),
			    .magic = TMPFS_MAGIC};
	fs->root = inode_create(fs, S_IFDIR | mode, 0, 0);
	if (!fs->root) {
		kfree(fs);
		return NULL;
	}
	return fs;
}

#define FEW_ENTRIES 32 /* are searched one by one */

static uint32_t hash_name(const char *name, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h;
}

static struct dirent **bucket_of(const struct inode *dir, const char *name, size_t len)
{
	return &dir->buckets[hash_name(name, len) & (dir->nbuckets - 1)];
}

static void bucket_add(struct inode *dir, struct dirent *e)
{
	struct dirent **bucket = bucket_of(dir, e->name, e->len);

	e->same_hash = *bucket;
	*bucket = e;
}

static void bucket_remove(struct inode *dir, const struct dirent *e)
{
	struct dirent **at = bucket_of(dir, e->name, e->len);

	while (*at != e)
		at = &(*at)->same_hash;
	*at = e->same_hash;
}

/* Gives a folder whose entries are many for its buckets more of them. */
static void grow_buckets(struct inode *dir)
{
	uint32_t want = dir->nbuckets ? 4 * dir->nbuckets : 2 * FEW_ENTRIES;
	struct dirent **buckets;

	if (dir->nentries <= (dir->nbuckets ? 2 * dir->nbuckets : FEW_ENTRIES))
		return;
	buckets = kzalloc(want * sizeof buckets[0]);
	if (!buckets)
		return;
	kfree(dir->buckets);
	dir->buckets = buckets;
	dir->nbuckets = want;
	for (struct dirent *e = dir->first; e; e = e->next)
		bucket_add(dir, e);
}

static bool has_name(const struct dirent *e, const char *name, size_t len)
{
	return e->len == len && memcmp(e->name, name, len) == 0;
}

static struct dirent *find_entry(const struct inode *dir, const char *name, size_t len)
{
	struct dirent *e = dir->buckets ? *bucket_of(dir, name, len) : dir->first;

	while (e && !has_name(e, name, len))
		e = dir->buckets ? e->same_hash : e->next;
	return e;
}

struct inode *dir_find(const struct inode *dir, const char *name, size_t len)
{
	const struct dirent *e = find_entry(dir, name, len);

	return e ? e->inode : NULL;
}

struct dirent *dirent_create(const char *name, size_t len)
{
	struct dirent *e = kzalloc(sizeof *e + len + 1);

	if (!e)
		return NULL;
	CHECK3(len - 1, <, NAME_MAX);
	e->len = (uint8_t)len;
	memcpy(e->name, name, len);
	e->name[len] = 0;
	return e;
}

/* Puts a prepared entry at the end of dir's list. */
static void entry_append(struct inode *dir, struct dirent *e, struct inode *i)
{
	e->next = NULL;
	e->inode = i;
	e->cookie = ++last_cookie;
	e->link = dir->last;
	*dir->last = e;
	dir->last = &e->next;
	dir->nentries++;
	if (dir->buckets)
		bucket_add(dir, e);
	grow_buckets(dir);
	inode_get(i);
	if (inode_is_dir(i)) {
		inode_get(dir);
		if (i->parent && i->parent != i)
			inode_put(i->parent);
		i->parent = dir;
		i->entry = e;
		dir->nlink++;
	} else {
		i->nlink++;
	}
	inode_touch(dir);
	inode_touch_ctime(i);
}

/* Takes the entry of that name off the list. => it, with its reference; it exists. */
static struct dirent *entry_take(struct inode *dir, const char *name, size_t len)
{
	struct dirent *e = find_entry(dir, name, len);

	if (!e)
		panic("tmpfs: inode %lu has no entry %.*s", dir->ino, (int)len, name);
	if (dir->buckets)
		bucket_remove(dir, e);
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	else
		dir->last = e->link;
	dir->nentries--;
	if (inode_is_dir(e->inode))
		dir->nlink--;
	else
		e->inode->nlink--;
	inode_touch(dir);
	inode_touch_ctime(e->inode);
	return e;
}

int dir_add(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	struct dirent *e = dirent_create(name, len);

	if (!e)
		return -ENOMEM;
	entry_append(dir, e, i);
	return 0;
}

void dir_remove(struct inode *dir, const char *name, size_t len)
{
	struct dirent *e = entry_take(dir, name, len);

	if (inode_is_dir(e->inode)) {
		e->inode->nlink = 0;
		e->inode->entry = NULL;
	}
	inode_put(e->inode);
	kfree(e);
}

/* -- operations ---------------------------------------------------------------------------- */

/* Puts under a folder what has its name in what is under dir, if that is a folder. */
static void merge(struct inode *dir, struct inode *i, const char *name, size_t len)
{
	struct inode *lower;

	if (dir->under->fs->ops->lookup(dir->under, name, len, &lower) == 0) {
		if (inode_is_dir(lower) && !lower->upper) {
			lower->upper = i;
			i->under = lower;
		} else {
			inode_put(lower);
		}
	}
	i->is_merged = true;
}

static int tmpfs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct inode *i = dir_find(dir, name, len);

	if (!i)
		return dir->under ? dir->under->fs->ops->lookup(dir->under, name, len, out)
				  : -ENOENT;
	if (dir->under && inode_is_dir(i) && !i->is_merged && !i->mounted)
		merge(dir, i, name, len);
	inode_get(i);
	*out = i;
	return 0;
}

/* Emits what shows through from under dir. */
static int list_under(struct inode *dir, uint64_t *pos, struct dir_sink *s)
{
	uint64_t at = *pos < UNDER_COOKIE ? COOKIE_DOTDOT : *pos - UNDER_COOKIE;

	s->hide = dir;
	s->base = UNDER_COOKIE;
	int error = dir->under->fs->ops->list(dir->under, &at, s);
	s->hide = NULL;
	s->base = 0;
	if (at > COOKIE_DOTDOT)
		*pos = at + UNDER_COOKIE;
	return error;
}

static int tmpfs_list(struct inode *dir, uint64_t *pos, struct dir_sink *s)
{
	for (const struct dirent *e = dir->first; e; e = e->next) {
		if (e->cookie <= *pos)
			continue;
		if (!dir_emit(s, e->name, e->len, e->inode->ino, e->inode->mode, e->cookie))
			return 0;
		*pos = e->cookie;
	}
	return dir->under ? list_under(dir, pos, s) : 0;
}

static int tmpfs_new(struct inode *dir, const char *name, size_t len, const struct inode_plan *plan,
		     struct inode **out)
{
	struct inode *i = inode_create(dir->fs, plan->mode, plan->uid, plan->gid);
	int error = 0;

	if (!i)
		return -ENOMEM;
	i->rdev = plan->rdev;
	if (plan->target) {
		size_t size = strlen(plan->target) + 1;

		i->target = kmalloc(size);
		if (i->target)
			memcpy(i->target, plan->target, size);
		else
			error = -ENOMEM;
	}
	/* A folder's group is inherited where it says so. */
	if (dir->mode & S_ISGID) {
		i->gid = dir->gid;
		if (inode_is_dir(i))
			i->mode |= S_ISGID;
	}
	if (!error && name)
		error = dir_add(dir, name, len, i);
	if (error) {
		inode_put(i);
		return error;
	}
	*out = i;
	return 0;
}

static int tmpfs_remove(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	if (inode_is_dir(i) && i->first)
		return -ENOTEMPTY;
	dir_remove(dir, name, len);
	return 0;
}

static int tmpfs_rename(struct inode *dir, const char *name, size_t len, struct inode *i,
			struct inode *to_dir, const char *to, size_t to_len, struct inode *old,
			bool exchange)
{
	struct dirent *new_name = dirent_create(to, to_len), *back = NULL;

	/* Names first: they alone can fail, and then nothing has changed yet. */
	if (exchange)
		back = dirent_create(name, len);
	if (!new_name || (exchange && !back)) {
		kfree(new_name);
		kfree(back);
		return -ENOMEM;
	}
	if (old && inode_is_dir(old) && old->first && !exchange) {
		kfree(new_name);
		return -ENOTEMPTY;
	}
	struct dirent *from = entry_take(dir, name, len), *over = NULL;
	if (old)
		over = entry_take(to_dir, to, to_len);
	entry_append(to_dir, new_name, i);
	if (exchange) {
		entry_append(dir, back, old);
	} else if (old && inode_is_dir(old)) {
		old->nlink = 0;
		old->entry = NULL;
	}
	inode_put(from->inode);
	kfree(from);
	if (over) {
		inode_put(over->inode);
		kfree(over);
	}
	return 0;
}

const struct fsys_ops tmpfs_ops = {.lookup = tmpfs_lookup,
				   .list = tmpfs_list,
				   .create = tmpfs_new,
				   .link = dir_add,
				   .remove = tmpfs_remove,
				   .rename = tmpfs_rename};

struct inode *tree_make_dirs(const char *path)
{
	const struct inode_plan plan = {.mode = S_IFDIR | 0755};
	struct inode *dir = tree_root();

	while (*path) {
		size_t len = 0;

		while (path[len] && path[len] != '/')
			len++;
		if (len > 0 && len <= NAME_MAX) {
			const struct fsys_ops *ops = dir->fs->ops;
			struct inode *child = NULL;

			if (ops == &tmpfs_ops) {
				child = dir_find(dir, path, len);
				if (child)
					inode_get(child);
			} else if (ops->lookup(dir, path, len, &child) != 0) {
				child = NULL;
			}
			if (!child &&
			    (!ops->create || ops->create(dir, path, len, &plan, &child) != 0))
				return NULL;
			if (!inode_is_dir(child)) {
				inode_put(child);
				return NULL;
			}
			/* here: tmpfs holds what it names; of others a mount point must be held */
			if (dir->fs->ops == &tmpfs_ops)
				inode_put(child);
			dir = inode_over(child);
		}
		path += len + (path[len] == '/');
	}
	return dir;
}
