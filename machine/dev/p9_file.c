/*
 * Open files and folders of the 9P server: reading, writing, listing, attributes.
 *
 * A regular file is open at the host as long as its fid is open, so it goes on to be there when
 * its name is removed. A folder is not: each listing asks for its path, and is kept with the fid
 * from its beginning (offset 0) on, so that a reader sees one state of it.
 *
 *     offset  0: "."   1: ".."   2 + i: the i-th name in the order of bytes
 *
 * The offset that an entry carries is that of the next one.
 *
 * Source: see p9.h.
 */
#include <string.h>

#include "machine/dev/p9.h"
#include "machine/machine_state.h"
#include "abi/linux.h"

#define GETATTR_BASIC 0x7ff /* mode to blocks: all that Linux' struct stat has */
#define FOLDER_SIZE   4096
#define BLOCK_SIZE    4096
#define PERMISSIONS   0777u

enum {
	SETATTR_MODE = 0x1,
	SETATTR_UID = 0x2,
	SETATTR_GID = 0x4,
	SETATTR_SIZE = 0x8,
	SETATTR_MTIME = 0x20,
	SETATTR_MTIME_SET = 0x100,
};

static uint32_t io_unit(const struct p9_server *s)
{
	return s->msize - P9_IO_HEADER;
}

/* -- opening ------------------------------------------------------------------------------ */

/* => SHARE_*; 0: there is no such way to open. */
static unsigned how_of(uint32_t flags)
{
	unsigned how = 0;

	switch (flags & O_ACCMODE) {
	case O_RDONLY: how = SHARE_READ; break;
	case O_WRONLY: how = SHARE_WRITE; break;
	case O_RDWR: how = SHARE_READ | SHARE_WRITE; break;
	default: return 0;
	}
	if (flags & O_TRUNC)
		how |= SHARE_TRUNCATE;
	if (flags & O_EXCL)
		how |= SHARE_EXCLUSIVE;
	return how;
}

int p9_open(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	uint32_t flags = p9_take4(in);
	unsigned how = how_of(flags) & ~(unsigned)SHARE_EXCLUSIVE;
	char path[SHARE_PATH_MAX];
	struct share_info info;
	struct p9_qid qid;
	int error;

	if (!p9_taken(in) || !how)
		return EINVAL;
	if (!f || f->how)
		return EBADF;
	error = p9_path(f->node, NULL, 0, path);
	if (!error)
		error = p9_look(s, path, &info, &qid);
	if (error)
		return error;
	if (qid.type & P9_QID_FOLDER) {
		if (how & (SHARE_WRITE | SHARE_TRUNCATE))
			return EISDIR;
	} else {
		if (flags & O_DIRECTORY)
			return ENOTDIR;
		if (qid.type & P9_QID_LINK)
			return ELOOP;
		if ((how & (SHARE_WRITE | SHARE_TRUNCATE)) && !s->share.writable)
			return EROFS;
		error = s->share.ops->open(s->share.ctx, path, how, p9_now(s), &f->handle);
		if (error)
			return error;
		f->has_handle = true;
	}
	f->how = how & (SHARE_READ | SHARE_WRITE);
	f->qid = qid;
	p9_put_qid(out, &qid);
	p9_put4(out, io_unit(s));
	return 0;
}

/* The fid was a folder's, and becomes the new file's, open. */
int p9_create(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f;
	struct p9_string name;
	int error = p9_take_place(s, in, &f, &name);
	unsigned how = how_of(p9_take4(in));
	uint32_t mode = p9_take4(in) & PERMISSIONS;
	char path[SHARE_PATH_MAX];
	struct share_info info;
	struct p9_node *node;
	struct p9_qid qid;
	int64_t handle;

	p9_take4(in); /* the group: N3 */
	if (!p9_taken(in) || !how)
		return EINVAL;
	if (error)
		return error;
	if (f->how)
		return EBADF;
	error = p9_path(f->node, name.text, name.len, path);
	if (error)
		return error;
	node = p9_node_get(s, f->node, name.text, name.len);
	if (!node)
		return ENOMEM;
	error = s->share.ops->create(s->share.ctx, path, how, mode, p9_now(s), &handle);
	if (error)
		goto fail;
	error = s->share.ops->handle_info(s->share.ctx, handle, &info);
	if (!error && !p9_qid_of(s, &info, &qid))
		error = ENOMEM;
	if (error) {
		s->share.ops->close(s->share.ctx, handle);
		goto fail;
	}
	p9_node_put(s, f->node);
	f->node = node;
	f->qid = qid;
	f->how = how & (SHARE_READ | SHARE_WRITE);
	f->has_handle = true;
	f->handle = handle;
	p9_put_qid(out, &qid);
	p9_put4(out, io_unit(s));
	return 0;
fail:
	p9_node_put(s, node);
	return error;
}

/* -- data --------------------------------------------------------------------------------- */

/* => 0: [at, at + count) is a range of a file that is open so. */
static int check_io(const struct p9_fid *f, unsigned how, uint64_t at, uint32_t count)
{
	if (!f || !(f->how & how))
		return EBADF;
	if (!f->has_handle)
		return EISDIR;
	return at > (uint64_t)INT64_MAX - count ? EINVAL : 0;
}

int p9_read(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	uint64_t at = p9_take8(in);
	uint32_t count = p9_take4(in), len;
	uint8_t *start = out->at;
	int64_t n;
	int error;

	if (!p9_taken(in))
		return EINVAL;
	error = check_io(f, SHARE_READ, at, count);
	if (error)
		return error;
	p9_put4(out, 0);
	if (out->full)
		return EINVAL;
	if (count > out->end - out->at)
		count = (uint32_t)(out->end - out->at);
	n = s->share.ops->read(s->share.ctx, f->handle, at, out->at, count);
	if (n < 0)
		return (int)-n;
	len = n < count ? (uint32_t)n : count;
	memcpy(start, &len, sizeof(len));
	out->at += len;
	return 0;
}

int p9_write(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	uint64_t at = p9_take8(in);
	uint32_t count = p9_take4(in);
	int64_t n;
	int error;

	if (in->bad || in->end - in->at != count)
		return EINVAL;
	error = check_io(f, SHARE_WRITE, at, count);
	if (error)
		return error;
	n = s->share.ops->write(s->share.ctx, f->handle, at, in->at, count, p9_now(s));
	if (n < 0)
		return (int)-n;
	p9_put4(out, (uint32_t)n);
	return 0;
}

int p9_sync(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));

	if (in->at != in->end)
		p9_take4(in); /* data only: newer clients say so */
	if (!p9_taken(in))
		return EINVAL;
	if (!f || !f->how)
		return EBADF;
	return f->has_handle ? s->share.ops->sync(s->share.ctx, f->handle) : 0;
}

/* -- folders ------------------------------------------------------------------------------ */

/* Names of a listing under construction: in f->names and f->order, as they come. */
struct listing {
	struct p9_server *s;
	struct p9_fid *f;
	size_t used; /* bytes of f->names */
	bool no_memory;
};

/* Twice as much of *mem, at least `need`. => false: no memory. */
static bool extend(struct p9_heap *heap, void **mem, size_t *size, size_t need)
{
	size_t bigger = *size ? *size * 2 : 1024;
	void *more;

	if (need <= *size)
		return true;
	while (bigger < need)
		bigger *= 2;
	more = p9_alloc(heap, bigger);
	if (!more)
		return false;
	if (*size)
		memcpy(more, *mem, *size);
	p9_free(heap, *mem, *size);
	*mem = more;
	*size = bigger;
	return true;
}

static bool listing_add(void *arg, const char *name)
{
	struct listing *l = arg;
	struct p9_fid *f = l->f;
	size_t len = strlen(name), bytes = f->order_size * sizeof(*f->order);
	void *names = f->names, *order = f->order;

	if (p9_check_name(name, len))
		return true; /* no guest could say this name */
	l->no_memory = !extend(&l->s->heap, &names, &f->names_size, l->used + len + 1) ||
		       !extend(&l->s->heap, &order, &bytes, (f->norder + 1) * sizeof(*f->order));
	f->names = names;
	f->order = order;
	f->order_size = bytes / sizeof(*f->order);
	if (l->no_memory)
		return false;
	memcpy(f->names + l->used, name, len + 1);
	f->order[f->norder++] = (uint32_t)l->used;
	l->used += len + 1;
	return true;
}

/* Lets the name at `root` sink in the heap of order[0, n): no name is before those below it. */
static void sift(const char *names, uint32_t *order, size_t root, size_t n)
{
	for (;;) {
		size_t child = 2 * root + 1;
		uint32_t held = order[root];

		if (child >= n)
			return;
		if (child + 1 < n && strcmp(names + order[child], names + order[child + 1]) < 0)
			child++;
		if (strcmp(names + held, names + order[child]) >= 0)
			return;
		order[root] = order[child];
		order[child] = held;
		root = child;
	}
}

static void sort(const char *names, uint32_t *order, size_t n)
{
	for (size_t root = n / 2; root-- > 0;)
		sift(names, order, root, n);
	while (n-- > 1) {
		uint32_t last = order[0];

		order[0] = order[n];
		order[n] = last;
		sift(names, order, 0, n);
	}
}

static int listing_make(struct p9_server *s, struct p9_fid *f)
{
	unsigned how = f->how;
	struct listing l = {s, f, 0, false};
	char path[SHARE_PATH_MAX];
	int error = p9_path(f->node, NULL, 0, path);

	p9_fid_close(s, f); /* forgets the old one */
	f->how = how;
	if (!error)
		error = s->share.ops->list(s->share.ctx, path, listing_add, &l);
	if (!error && l.no_memory)
		error = ENOMEM;
	if (error) {
		p9_fid_close(s, f);
		f->how = how;
		return error;
	}
	sort(f->names, f->order, f->norder);
	return 0;
}

/* The entry at `offset`, of which there is one. => ENOENT: it is there no more. */
static int put_entry(struct p9_server *s, struct p9_fid *f, uint64_t offset, struct p9_out *out)
{
	struct p9_node *dir = f->node;
	const char *name = offset == 0 ? "." : offset == 1 ? ".." : f->names + f->order[offset - 2];
	size_t len = strlen(name);
	char path[SHARE_PATH_MAX];
	struct share_info info;
	struct p9_qid qid;
	int error;

	if (offset == 1 && dir->parent)
		dir = dir->parent;
	error = p9_path(dir, offset < 2 ? NULL : name, len, path);
	if (!error)
		error = p9_look(s, path, &info, &qid);
	if (error)
		return error;
	p9_put_qid(out, &qid);
	p9_put8(out, offset + 1);
	p9_put1(out, (info.mode & S_IFMT) >> 12); /* DT_* */
	p9_put_string(out, name, len);
	return 0;
}

int p9_list(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	uint64_t offset = p9_take8(in);
	uint32_t count = p9_take4(in), len;
	uint8_t *start = out->at, *data;
	int error;

	if (!p9_taken(in))
		return EINVAL;
	if (!f || !f->how)
		return EBADF;
	if (!(f->qid.type & P9_QID_FOLDER))
		return ENOTDIR;
	if (offset == 0 || !f->order) {
		error = listing_make(s, f);
		if (error)
			return error;
	}
	p9_put4(out, 0);
	if (out->full)
		return EINVAL;
	data = out->at;
	if (count < out->end - data)
		out->end = data + count;
	for (; offset < f->norder + 2; offset++) {
		struct p9_out before = *out;

		error = put_entry(s, f, offset, out);
		if (error == ENOMEM)
			return error;
		if (error)
			continue; /* removed on the host since */
		if (out->full) {
			*out = before;
			if (out->at == data)
				return EINVAL; /* not even one fits */
			break;
		}
	}
	len = (uint32_t)(out->at - data);
	memcpy(start, &len, sizeof(len));
	return 0;
}

/* -- attributes --------------------------------------------------------------------------- */

int p9_get_attributes(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	char path[SHARE_PATH_MAX];
	struct share_info info;
	struct p9_qid qid;
	uint64_t size, links;
	int error;

	p9_take8(in); /* what is asked for: all is told */
	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	if (f->has_handle) {
		error = s->share.ops->handle_info(s->share.ctx, f->handle, &info);
		if (!error && !p9_qid_of(s, &info, &qid))
			error = ENOMEM;
		qid.path = f->qid.path; /* a removed file keeps its number */
	} else {
		error = p9_path(f->node, NULL, 0, path);
		if (!error)
			error = p9_look(s, path, &info, &qid);
	}
	if (error)
		return error;
	f->qid = qid;
	size = qid.type & P9_QID_FOLDER ? FOLDER_SIZE : info.size;
	links = qid.type & P9_QID_FOLDER ? 1 : info.links;

	p9_put8(out, GETATTR_BASIC);
	p9_put_qid(out, &qid);
	p9_put4(out, info.mode & (S_IFMT | PERMISSIONS));
	p9_put4(out, s->share.uid);
	p9_put4(out, s->share.gid);
	p9_put8(out, links);
	p9_put8(out, 0); /* device number */
	p9_put8(out, size);
	p9_put8(out, BLOCK_SIZE);
	p9_put8(out, size / 512 + (size % 512 != 0));
	for (unsigned i = 0; i < 3; i++) { /* atime, mtime, ctime: N4 */
		p9_put8(out, (uint64_t)info.mtime);
		p9_put8(out, info.mtime_ns);
	}
	for (unsigned i = 0; i < 4; i++) /* birth, generation, data version: unknown */
		p9_put8(out, 0);
	return 0;
}

int p9_set_attributes(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	uint32_t valid = p9_take4(in), mode = p9_take4(in), uid = p9_take4(in), gid = p9_take4(in);
	struct share_info to = {.mode = mode & PERMISSIONS, .size = p9_take8(in)};
	const struct share_ops *ops = s->share.ops;
	char path[SHARE_PATH_MAX];
	uint64_t now = p9_now(s), mtime_ns;
	unsigned what = 0;
	int error;

	p9_take8(in); /* atime: N4 */
	p9_take8(in);
	to.mtime = (int64_t)p9_take8(in);
	mtime_ns = p9_take8(in);
	if (!p9_taken(in) || mtime_ns > 999999999)
		return EINVAL;
	to.mtime_ns = (uint32_t)mtime_ns;
	if (!f)
		return EBADF;
	if (((valid & SETATTR_UID) && uid != s->share.uid) ||
	    ((valid & SETATTR_GID) && gid != s->share.gid))
		return EPERM;
	if (valid & SETATTR_MODE)
		what |= SHARE_SET_MODE;
	if (valid & SETATTR_SIZE)
		what |= SHARE_SET_SIZE;
	if (valid & SETATTR_MTIME)
		what |= SHARE_SET_MTIME;
	if (!(valid & SETATTR_MTIME_SET)) {
		to.mtime = (int64_t)(now / 1000000000);
		to.mtime_ns = (uint32_t)(now % 1000000000);
	}
	if ((what & SHARE_SET_SIZE) && (f->qid.type & P9_QID_FOLDER))
		return EISDIR;
	if ((what & SHARE_SET_SIZE) && to.size > INT64_MAX)
		return EFBIG;
	if (!what)
		return 0;
	/* By the handle a file without a name can be changed; its size, only if it may write. */
	if (f->has_handle && (!(what & SHARE_SET_SIZE) || (f->how & SHARE_WRITE)))
		return ops->handle_set(s->share.ctx, f->handle, what, &to, now);
	error = p9_path(f->node, NULL, 0, path);
	return error ? error : ops->set(s->share.ctx, path, what, &to, now);
}

int p9_read_link(struct p9_server *s, struct p9_in *in, struct p9_out *out)
{
	struct p9_fid *f = p9_fid_find(s, p9_take4(in));
	char path[SHARE_PATH_MAX], target[SHARE_PATH_MAX];
	size_t len = 0;
	int error;

	if (!p9_taken(in))
		return EINVAL;
	if (!f)
		return EBADF;
	error = p9_path(f->node, NULL, 0, path);
	if (!error)
		error = s->share.ops->read_link(s->share.ctx, path, target, sizeof(target), &len);
	if (!error)
		p9_put_string(out, target, len);
	return error;
}
