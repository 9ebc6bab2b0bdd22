/*
 * Folders of the host, through 9P.
 *
 * An inode of this file system remembers a fid that stands for it at the server, and
 * is found again by the server's number for the file (qid.path), so that two names of
 * a file are one inode with one copy of its contents:
 *
 *     struct inode --ctx--> struct p9_inode  fid 7, qid 3, hash link
 *          `-------data---> struct mobj      pages that were read, no others
 *
 * Contents are pages of the memory object: p9data.c.
 *
 * Changes by others. Each look-up asks the server; each open and stat compares size,
 * mtime and version with what they were. If they changed behind our back, pages that
 * are here go, from mappings too, and are read again, as Linux shows the new contents.
 *
 * Some inodes are kept when nobody uses them (recent), so that a program that is run
 * again is not read again.
 *
 * Invariants
 *   I1  inodes in the hash have refs > 0, or are about to leave it (p9fs_free)
 *
 * Locks. The tree's lock, where fsys_ops says so; mount.lock guards the hash and the
 * recent ones; p9_inode.lock (a mutex) is held while attributes are compared, and
 * guards the fid. p9data.c's locks and the client's come after it.
 */
#include "kernel/fs/p9fs.h"
#include "kernel/dev/virtio_9p.h"
#include "kernel/fs/file.h"
#include "kernel/fs/p9_client.h"
#include "kernel/fs/p9data.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/list.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/proc/proc.h"

#define BUCKETS     64
#define RECENT      32 /* inodes kept for a while */
#define RECENT_PART 4  /* they have at most this part of RAM */

struct p9_inode {
	struct list_node link; /* in a bucket */
	struct inode *inode;
	uint32_t fid;
	struct p9_qid qid;
	struct mutex lock;
};

struct p9_mount {
	struct fsys fs; /* first: a file system of ours is its mount */
	struct p9_client *client;
	struct spinlock lock;
	struct list_node buckets[BUCKETS];
	struct inode *recent[RECENT]; /* each with a reference, or NULL */
	unsigned next_recent;
};

static struct p9_mount *mount_of(const struct inode *i)
{
	return (struct p9_mount *)i->fs;
}

static struct p9_client *client_of(const struct inode *i)
{
	return mount_of(i)->client;
}

static struct p9_inode *own(const struct inode *i)
{
	return i->ctx;
}

static struct list_node *bucket_of(struct p9_mount *m, uint64_t path)
{
	return &m->buckets[path % BUCKETS];
}

/* -- inodes -------------------------------------------------------------------------------- */

static void set_attributes(struct inode *i, const struct p9_attr *a)
{
	i->mode = a->mode;
	i->uid = a->uid;
	i->gid = a->gid;
	i->nlink = (uint32_t)(a->nlink ? a->nlink : 1);
	i->mtime = i->atime = i->ctime = (struct linux_timespec){a->mtime, a->mtime_ns};
}

/* One that has no reference any more is on its way out. => whether there is one more now. */
static bool inode_try_get(struct inode *i)
{
	uint32_t refs = __atomic_load_n(&i->refs, __ATOMIC_RELAXED);

	while (refs > 0 && !__atomic_compare_exchange_n(&i->refs, &refs, refs + 1, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return refs > 0;
}

/* => the inode of that number with a reference, or NULL. */
static struct inode *find_inode(struct p9_mount *m, uint64_t path)
{
	struct inode *found = NULL;

	spin_lock(&m->lock);
	list_for_each (it, bucket_of(m, path)) {
		struct p9_inode *pi = container_of(it, struct p9_inode, link);

		if (pi->qid.path == path && inode_try_get(pi->inode))
			found = pi->inode;
	}
	spin_unlock(&m->lock);
	return found;
}

/*
 * Takes over fid. => a new inode for what it stands for, as `name` in dir (NULL: a root).
 */
static int make_inode(struct p9_mount *m, struct inode *dir, const char *name, size_t len,
		      uint32_t fid, struct inode **out)
{
	struct p9_inode *pi = kzalloc(sizeof *pi);
	struct p9_attr a;
	int error = pi ? p9_get_attr(m->client, fid, &a) : -ENOMEM;
	struct inode *i = error ? NULL : inode_create(&m->fs, a.mode, a.uid, a.gid);

	if (!error && !i)
		error = -ENOMEM;
	if (error) {
		kfree(pi);
		p9_clunk(m->client, fid);
		return error;
	}
	*pi = (struct p9_inode){.inode = i, .fid = fid, .qid = a.qid};
	mutex_init(&pi->lock);
	i->ctx = pi;
	i->ino = a.qid.path;
	set_attributes(i, &a);
	if (i->data) {
		i->data->ino = i->ino;
		i->data->size = a.size;
		error = p9_data_attach(i->data, m->client);
	}
	spin_lock(&m->lock);
	list_add(bucket_of(m, a.qid.path), &pi->link);
	spin_unlock(&m->lock);
	if (inode_is_dir(i) && dir) {
		i->entry = dirent_create(name, len);
		i->parent = dir;
		inode_get(dir);
		if (!i->entry)
			error = -ENOMEM;
	}
	if (error) {
		inode_put(i);
		return error;
	}
	*out = i;
	return 0;
}

static void p9fs_free(struct inode *i)
{
	struct p9_mount *m = mount_of(i);
	struct p9_inode *pi = own(i);

	if (!pi)
		return;
	spin_lock(&m->lock);
	list_remove(&pi->link);
	spin_unlock(&m->lock);
	p9_clunk(m->client, pi->fid);
	kfree(i->entry);
	kfree(pi);
}

static int p9fs_lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct p9_mount *m = mount_of(dir);
	struct p9_qid qid;
	uint32_t fid;
	int error = p9_walk(m->client, own(dir)->fid, name, len, &fid, &qid);

	if (error)
		return error;
	struct inode *i = find_inode(m, qid.path);
	if (!i)
		return make_inode(m, dir, name, len, fid, out);
	/* The name that led here now is the one that surely exists. */
	mutex_lock(&own(i)->lock);
	uint32_t old = own(i)->fid;
	own(i)->fid = fid;
	mutex_unlock(&own(i)->lock);
	p9_clunk(m->client, old);
	*out = i;
	return 0;
}

/* => the one that was kept first, if all have more than their part of RAM; else NULL. */
static struct inode *recent_evict(struct p9_mount *m)
{
	struct inode *out = NULL;
	uint64_t nframes = 0;

	spin_lock(&m->lock);
	for (unsigned n = 0; n < RECENT; n++)
		nframes += m->recent[n] ? mobj_nframes(m->recent[n]->data) : 0;
	for (unsigned n = 0; n < RECENT && !out && nframes > frame_total() / RECENT_PART; n++) {
		struct inode **slot = &m->recent[(m->next_recent + n) % RECENT];

		out = *slot;
		*slot = NULL;
	}
	spin_unlock(&m->lock);
	return out;
}

/* Keeps the inode for a while, whoever lets go of it. */
static void keep_recent(struct inode *i)
{
	struct p9_mount *m = mount_of(i);
	struct inode *out = NULL;

	inode_get(i);
	spin_lock(&m->lock);
	for (unsigned n = 0; n < RECENT && !out; n++)
		if (m->recent[n] == i)
			out = i;
	if (!out) {
		out = m->recent[m->next_recent];
		m->recent[m->next_recent] = i;
		m->next_recent = (m->next_recent + 1) % RECENT;
	}
	spin_unlock(&m->lock);
	do
		inode_put(out);
	while ((out = recent_evict(m)));
}

static void forget_recent(struct inode *i)
{
	struct p9_mount *m = mount_of(i);
	struct inode *out = NULL;

	spin_lock(&m->lock);
	for (unsigned n = 0; n < RECENT; n++) {
		if (m->recent[n] == i) {
			out = i;
			m->recent[n] = NULL;
		}
	}
	spin_unlock(&m->lock);
	inode_put(out);
}

static bool p9fs_shrink(struct fsys *fs)
{
	struct p9_mount *m = (struct p9_mount *)fs;
	bool any = false;

	for (unsigned n = 0; n < RECENT; n++) {
		spin_lock(&m->lock);
		struct inode *i = m->recent[n];
		m->recent[n] = NULL;
		spin_unlock(&m->lock);
		any |= i != NULL;
		inode_put(i);
	}
	return any;
}

/* -- attributes ---------------------------------------------------------------------------- */

/* pi->lock held. Contents are what they were, or forgotten. */
static void compare(struct inode *i, const struct p9_attr *a)
{
	struct p9_inode *pi = own(i);
	bool same = a->size == i->data->size && a->qid.version == pi->qid.version &&
		    a->mtime == i->mtime.sec && a->mtime_ns == (uint32_t)i->mtime.nsec;
	bool ours = p9_data_was_ours(i->data);

	pi->qid = a->qid;
	if (!same && !(ours && a->size == i->data->size))
		p9_data_renew(i->data, a->size);
}

static int p9fs_refresh(struct inode *i)
{
	struct p9_inode *pi = own(i);
	struct p9_attr a;
	int error;

	mutex_lock(&pi->lock);
	error = i->nlink ? p9_get_attr(client_of(i), pi->fid, &a) : 0;
	if (!error && i->nlink) {
		if ((a.mode & S_IFMT) != (i->mode & S_IFMT))
			error = -ENOENT; /* here: the name is another file's by now */
		else if (inode_is_regular(i))
			compare(i, &a);
		if (!error)
			set_attributes(i, &a);
	}
	mutex_unlock(&pi->lock);
	/* What was removed while it is open still has the attributes that are known. */
	return error == -ENOENT && i->refs > 1 && inode_is_regular(i) ? 0 : error;
}

static int p9fs_changed(struct inode *i, unsigned what)
{
	struct p9_set set = {.what = (what & INODE_SET_MODE ? P9_SET_MODE : 0) |
				     (what & INODE_SET_MTIME ? P9_SET_MTIME : 0),
			     .mode = i->mode & 07777,
			     .mtime = i->mtime.sec,
			     .mtime_ns = (uint32_t)i->mtime.nsec};

	if (i->data)
		p9_data_own_change(i->data);
	return p9_set_attr(client_of(i), own(i)->fid, &set);
}

static int p9fs_set_size(struct inode *i, uint64_t size)
{
	const struct p9_set set = {.what = P9_SET_SIZE, .size = size};

	p9_data_own_change(i->data);
	return p9_set_attr(client_of(i), own(i)->fid, &set);
}

/* -- contents ------------------------------------------------------------------------------ */

/* => pages of the inode's contents can be had, and written back if `write`. */
static int open_data(struct inode *i, bool write)
{
	struct p9_inode *pi = own(i);

	mutex_lock(&pi->lock);
	int error = p9_data_open(i->data, pi->fid, write);
	mutex_unlock(&pi->lock);
	return error;
}

static int p9fs_prepare(struct inode *i, bool write)
{
	int error = i->nlink ? p9fs_refresh(i) : 0;

	if (!error && i->nlink)
		error = open_data(i, write);
	if (!error)
		keep_recent(i);
	return error;
}

static int p9fs_sync(struct inode *i)
{
	return i->data ? p9_data_sync(i->data) : 0;
}

/* => the n-th inode of a bucket with a reference, or NULL: there are not so many. */
static struct inode *nth_inode(struct p9_mount *m, unsigned bucket, unsigned n)
{
	struct inode *found = NULL;

	spin_lock(&m->lock);
	list_for_each (it, &m->buckets[bucket]) {
		struct p9_inode *pi = container_of(it, struct p9_inode, link);

		if (n-- > 0)
			continue;
		if (inode_try_get(pi->inode))
			found = pi->inode;
		break;
	}
	spin_unlock(&m->lock);
	return found;
}

static int p9fs_sync_all(struct fsys *fs)
{
	struct p9_mount *m = (struct p9_mount *)fs;
	int error = 0;

	for (unsigned b = 0; b < BUCKETS; b++) {
		struct inode *i;

		for (unsigned n = 0; (i = nth_inode(m, b, n)) != NULL; n++) {
			int result = p9fs_sync(i);

			error = error ? error : result;
			inode_put(i);
		}
	}
	return error;
}

/* What was appended by others since the file was opened is seen by who reads on. */
static ssize_t p9fs_read(struct file *f, struct uio *u, uint64_t *pos)
{
	if (*pos >= f->data->size && f->inode->nlink)
		p9fs_refresh(f->inode);
	return p9_data_read(f, u, pos);
}

/* inode.writing held. */
static ssize_t write_contents(struct file *f, struct uio *u, uint64_t *pos)
{
	struct p9_client *c = client_of(f->inode);
	uint32_t fid = (uint32_t)(uintptr_t)f->ctx;
	size_t size = u->left < p9_chunk(c) ? u->left : p9_chunk(c);
	uint8_t *buf = kmalloc(size ? size : 1);
	ssize_t total = 0, n = 0;

	if (!buf)
		return -ENOMEM;
	if (file_appends(f, u)) {
		p9fs_refresh(f->inode);
		*pos = f->inode->data->size;
	}
	while (u->left > 0) {
		size_t want = u->left < size ? u->left : size, got = uio_take(u, buf, want);

		n = got > 0 ? p9_write(c, fid, *pos, buf, got) : -EFAULT;
		if (n <= 0)
			break;
		p9_data_written(f->data, *pos, buf, (size_t)n);
		*pos += (uint64_t)n;
		total += n;
		if ((size_t)n < want)
			break;
	}
	kfree(buf);
	if (total > 0)
		inode_touch(f->inode);
	return total > 0 ? total : n;
}

static ssize_t p9fs_write(struct file *f, struct uio *u, uint64_t *pos)
{
	mutex_lock(&f->inode->writing);
	ssize_t n = write_contents(f, u, pos);
	mutex_unlock(&f->inode->writing);
	return n;
}

static void p9fs_release(struct file *f)
{
	uint32_t fid = (uint32_t)(uintptr_t)f->ctx;

	if (fid)
		p9_clunk(client_of(f->inode), fid);
}

static const struct file_ops p9fs_file_ops = {
    .read = p9fs_read, .write = p9fs_write, .release = p9fs_release, .is_seekable = true};

static int p9fs_open(struct inode *i, uint32_t flags, struct file *f)
{
	struct p9_inode *pi = own(i);
	uint32_t fid;
	int error;

	if (inode_is_dir(i))
		return 0;
	if (!inode_is_regular(i))
		return -ENXIO;
	error = p9fs_refresh(i);
	if (!error && (flags & O_ACCMODE) != O_WRONLY)
		error = open_data(i, false);
	if (!error && (flags & O_ACCMODE) != O_RDONLY) {
		error = p9_walk(client_of(i), pi->fid, NULL, 0, &fid, NULL);
		if (!error) {
			error = p9_open(client_of(i), fid, O_RDWR);
			if (error == -EACCES)
				error = p9_open(client_of(i), fid, O_WRONLY);
			if (error)
				p9_clunk(client_of(i), fid);
			else
				f->ctx = (void *)(uintptr_t)fid;
		}
	}
	if (error)
		return error;
	f->ops = &p9fs_file_ops;
	keep_recent(i);
	return 0;
}

/* -- names --------------------------------------------------------------------------------- */

struct listing {
	struct dir_sink *sink;
	uint64_t *pos;
	bool full;
};

static bool list_entry(void *ctx, const struct p9_entry *e)
{
	struct listing *l = ctx;
	bool is_dots = e->name[0] == '.' && (e->len == 1 || (e->len == 2 && e->name[1] == '.'));

	l->full = !is_dots && !dir_emit(l->sink, e->name, e->len, e->qid.path,
					(uint32_t)e->type << 12, e->next + COOKIE_DOTDOT);
	if (!l->full)
		*l->pos = e->next + COOKIE_DOTDOT;
	return !l->full;
}

static int p9fs_list(struct inode *dir, uint64_t *pos, struct dir_sink *s)
{
	struct p9_client *c = client_of(dir);
	struct listing l = {.sink = s, .pos = pos};
	uint32_t fid;
	ssize_t n = 1;
	int error = p9_walk(c, own(dir)->fid, NULL, 0, &fid, NULL);

	if (error)
		return error;
	error = p9_open(c, fid, O_RDONLY | O_DIRECTORY);
	while (!error && n > 0 && !l.full) {
		n = p9_list(c, fid, *pos - COOKIE_DOTDOT, list_entry, &l);
		if (n < 0)
			error = (int)n;
	}
	p9_clunk(c, fid);
	return error;
}

static int p9fs_create(struct inode *dir, const char *name, size_t len,
		       const struct inode_plan *plan, struct inode **out)
{
	struct p9_client *c = client_of(dir);
	uint32_t mode = plan->mode & 07777, fid = own(dir)->fid;
	int error;

	switch (plan->mode & S_IFMT) {
	case S_IFDIR: error = p9_mkdir(c, fid, name, len, mode, plan->gid); break;
	case S_IFLNK: error = p9_symlink(c, fid, name, len, plan->target, plan->gid); break;
	case S_IFREG:
		error = p9_walk(c, own(dir)->fid, NULL, 0, &fid, NULL);
		if (error)
			return error;
		error = p9_create(c, fid, name, len, O_RDWR | O_CREAT | O_EXCL, mode, plan->gid);
		p9_clunk(c, fid);
		break;
	default: error = -EPERM;
	}
	return error ? error : p9fs_lookup(dir, name, len, out);
}

static int p9fs_link(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	return p9_link(client_of(dir), own(dir)->fid, name, len, own(i)->fid);
}

static int p9fs_remove(struct inode *dir, const char *name, size_t len, struct inode *i)
{
	int error = p9_unlink(client_of(dir), own(dir)->fid, name, len, inode_is_dir(i));

	if (error)
		return error;
	if (inode_is_dir(i)) {
		kfree(i->entry);
		i->entry = NULL;
		i->nlink = 0;
	} else if (i->nlink <= 1) {
		i->nlink = 0;
		forget_recent(i);
	}
	return 0;
}

static int p9fs_rename(struct inode *dir, const char *name, size_t len, struct inode *i,
		       struct inode *to_dir, const char *to, size_t to_len, struct inode *old,
		       bool exchange)
{
	struct dirent *e = inode_is_dir(i) ? dirent_create(to, to_len) : NULL;
	int error;

	if (exchange)
		return -EINVAL;
	if (inode_is_dir(i) && !e)
		return -ENOMEM;
	error = p9_rename(client_of(dir), own(dir)->fid, name, len, own(to_dir)->fid, to, to_len);
	if (error) {
		kfree(e);
		return error;
	}
	if (old && (inode_is_dir(old) || old->nlink <= 1))
		old->nlink = 0;
	if (e) {
		kfree(i->entry);
		i->entry = e;
		inode_get(to_dir);
		inode_put(i->parent);
		i->parent = to_dir;
	}
	return 0;
}

static ssize_t p9fs_read_link(struct inode *i, char *buf, size_t size)
{
	return p9_read_link(client_of(i), own(i)->fid, buf, size);
}

static int p9fs_room(struct inode *i, struct linux_statfs *s)
{
	struct p9_fs fs;
	int error = p9_stat_fs(client_of(i), own(i->fs->root)->fid, &fs);

	if (error)
		return error;
	s->bsize = s->frsize = fs.bsize;
	s->blocks = fs.blocks;
	s->bfree = fs.bfree;
	s->bavail = fs.bavail;
	s->files = fs.files;
	s->ffree = fs.ffree;
	return 0;
}

static const struct fsys_ops p9fs_ops = {.lookup = p9fs_lookup,
					 .list = p9fs_list,
					 .create = p9fs_create,
					 .link = p9fs_link,
					 .remove = p9fs_remove,
					 .rename = p9fs_rename,
					 .read_link = p9fs_read_link,
					 .refresh = p9fs_refresh,
					 .changed = p9fs_changed,
					 .set_size = p9fs_set_size,
					 .open = p9fs_open,
					 .prepare = p9fs_prepare,
					 .room = p9fs_room,
					 .sync = p9fs_sync,
					 .sync_all = p9fs_sync_all,
					 .shrink = p9fs_shrink,
					 .free = p9fs_free};

/* -- mounting ------------------------------------------------------------------------------ */

static int hex(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

/* Takes a field up to a comma, with %XX replaced. => it, to be kfree'd; NULL: no memory. */
static char *take_field(const char **spec, const char *end)
{
	char *s = kmalloc((size_t)(end - *spec) + 1);
	size_t n = 0;

	for (; s && *spec < end && **spec != ','; (*spec)++) {
		const char *p = *spec;

		if (*p == '%' && end - p > 2 && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			s[n++] = (char)(hex(p[1]) << 4 | hex(p[2]));
			*spec += 2;
		} else {
			s[n++] = *p;
		}
	}
	if (s)
		s[n] = 0;
	if (*spec < end)
		(*spec)++;
	return s;
}

/* Sessions that were begun, one for each device. */
static struct session {
	struct p9_device *device;
	struct p9_client *client;
	uint32_t root;
	struct session *next;
} * sessions;

static int session_of(struct p9_device *d, struct session **out)
{
	struct session *s = sessions;
	int error;

	while (s && s->device != d)
		s = s->next;
	if (!s) {
		s = kzalloc(sizeof *s);
		if (!s)
			return -ENOMEM;
		s->device = d;
		error = p9_client_create(d, &s->client, &s->root);
		if (error) {
			kfree(s);
			return error;
		}
		s->next = sessions;
		sessions = s;
	}
	*out = s;
	return 0;
}

/* => a fid for a folder below the session's root. */
static int walk_down(const struct session *s, const char *path, uint32_t *fid)
{
	struct p9_qid qid;
	int error = p9_walk(s->client, s->root, NULL, 0, fid, &qid);

	while (!error) {
		uint32_t next;
		size_t len = 0;

		while (*path == '/')
			path++;
		while (path[len] && path[len] != '/')
			len++;
		if (len == 0)
			return 0;
		error = p9_walk(s->client, *fid, path, len, &next, &qid);
		p9_clunk(s->client, *fid);
		*fid = next;
		path += len;
	}
	return error;
}

/* path NULL: under the root. */
static int mount_session(const struct session *s, const char *sub, char *source, const char *path,
			 bool writable)
{
	struct p9_mount *m = kzalloc(sizeof *m);
	struct inode *on;
	uint32_t fid;
	int error;

	if (!m)
		return -ENOMEM;
	m->client = s->client;
	m->fs = (struct fsys){.ops = &p9fs_ops,
			      .type = "9p",
			      .source = source,
			      .options = writable ? "rw,trans=virtio" : "ro,trans=virtio",
			      .dev = fsys_next_dev(),
			      .magic = V9FS_MAGIC,
			      .read_only = !writable};
	spin_init(&m->lock);
	for (unsigned b = 0; b < BUCKETS; b++)
		list_init(&m->buckets[b]);
	error = walk_down(s, sub, &fid);
	if (!error)
		error = make_inode(m, NULL, NULL, 0, fid, &m->fs.root);
	if (error)
		return error;
	tree_lock();
	if (path) {
		on = tree_make_dirs(path);
		error = on ? fsys_mount(&m->fs, on) : -ENOTDIR;
	} else {
		fsys_put_under(&m->fs);
	}
	tree_unlock();
	return error;
}

/* Mounts what `source` says; both were kmalloc'd, and source is taken over. */
static int mount_source(char *source, const char *path, bool writable)
{
	const char *slash = strchr(source, '/');
	size_t tag_len = slash ? (size_t)(slash - source) : strlen(source);
	struct p9_device *d = p9_device_find(source, tag_len);
	struct session *s;
	int error = d ? session_of(d, &s) : -ENODEV;

	if (!error)
		error = mount_session(s, slash ? slash : "", source, path, writable);
	if (error)
		kfree(source);
	return error;
}

int p9fs_mount(const char *spec, size_t len)
{
	const char *end = spec + len;
	char *source = take_field(&spec, end), *path = take_field(&spec, end);
	bool writable = end - spec == 2 && memcmp(spec, "rw", 2) == 0;
	int error = source && path ? 0 : -ENOMEM;

	if (!error && (!*source || *path != '/'))
		error = -EINVAL;
	if (error)
		kfree(source);
	else
		error = mount_source(source, path, writable);
	kfree(path);
	return error;
}

int p9fs_put_under(const char *spec, size_t len)
{
	char *source = take_field(&spec, spec + len);

	return source ? mount_source(source, NULL, false) : -ENOMEM;
}
