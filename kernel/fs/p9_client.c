/*
 * A client of 9P2000.L.
 *
 * A message is: u32 its length, u8 type, u16 tag, then fields, little-endian; a
 * string is u16 length and bytes; a qid is u8 type, u32 version, u64 path. The
 * answer's type is the request's plus one, or RLERROR with an errno.
 *
 *     Twalk   fid 1, new fid 7, "lib"     ->     Rwalk   qid
 *     Tlopen  fid 7, O_RDONLY             ->     Rlopen  qid
 *     Tread   fid 7, at 0, 65512 bytes    ->     Rread   bytes
 *     Tclunk  fid 7                       ->     Rclunk
 *
 * One request is under way at a time, under client.lock, so one tag is enough.
 *
 * Invariants
 *   I1  a fid is free, or known to the server and somebody's here
 *   I2  nothing is taken from an answer beyond its end: take_*() says so by `bad`
 *
 * Source: 9P2000 (Plan 9 manual, section 5) and the extension .L as Linux speaks it.
 */
#include "kernel/fs/p9_client.h"
#include "kernel/dev/virtio_9p.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "abi/linux.h"

#define MSIZE     (64u << 10) /* at most: less where memory is small */
#define MSIZE_MIN 8192u       /* a page and a header */
#define IO_HEADER 24          /* what of a message is not data, and some more */
#define HEADER    7
#define TAG       1
#define NO_TAG    0xffff
#define FREE_FIDS 64

/* Where the bytes of Rread and Twrite begin: buffers are shifted so that these are aligned, since
 * copies of words are several times faster than copies of bytes. */
#define DATA_OF_READ  11
#define DATA_OF_WRITE 23
#define DATA_ALIGN    8

#define ATTR_BASIC 0x7ff
#define REMOVE_DIR 0x200

enum message {
	RLERROR = 7,
	TSTATFS = 8,
	TLOPEN = 12,
	TLCREATE = 14,
	TSYMLINK = 16,
	TREADLINK = 22,
	TGETATTR = 24,
	TSETATTR = 26,
	TREADDIR = 40,
	TFSYNC = 50,
	TLINK = 70,
	TMKDIR = 72,
	TRENAMEAT = 74,
	TUNLINKAT = 76,
	TVERSION = 100,
	TATTACH = 104,
	TWALK = 110,
	TREAD = 116,
	TWRITE = 118,
	TCLUNK = 120
};

struct p9_client {
	struct p9_device *device;
	struct mutex lock; /* guards all below */
	uint8_t *out, *in; /* msize bytes each */
	uint32_t msize;
	size_t out_at, in_at, in_len;
	bool bad; /* the answer was too short, or the request too long */
	uint32_t last_fid, free[FREE_FIDS], nfree;
};

/* -- fields -------------------------------------------------------------------------------- */

static void put_bytes(struct p9_client *c, const void *bytes, size_t len)
{
	if (len > c->msize - c->out_at) {
		c->bad = true;
		return;
	}
	memcpy(c->out + c->out_at, bytes, len);
	c->out_at += len;
}

/* The machine is little-endian, as the protocol is. */
static void put8(struct p9_client *c, uint8_t v)
{
	put_bytes(c, &v, sizeof v);
}

static void put16(struct p9_client *c, uint16_t v)
{
	put_bytes(c, &v, sizeof v);
}

static void put32(struct p9_client *c, uint32_t v)
{
	put_bytes(c, &v, sizeof v);
}

static void put64(struct p9_client *c, uint64_t v)
{
	put_bytes(c, &v, sizeof v);
}

static void put_string(struct p9_client *c, const char *s, size_t len)
{
	put16(c, (uint16_t)len);
	put_bytes(c, s, len);
}

static const void *take_bytes(struct p9_client *c, size_t len)
{
	const void *at = c->in + c->in_at;

	if (len > c->in_len - c->in_at) {
		c->bad = true;
		return NULL;
	}
	c->in_at += len;
	return at;
}

static uint64_t take(struct p9_client *c, size_t len)
{
	const void *at = take_bytes(c, len);
	uint64_t v = 0;

	if (at)
		memcpy(&v, at, len);
	return v;
}

static struct p9_qid take_qid(struct p9_client *c)
{
	struct p9_qid q;

	q.type = (uint8_t)take(c, 1);
	q.version = (uint32_t)take(c, 4);
	q.path = take(c, 8);
	return q;
}

/* -- requests ------------------------------------------------------------------------------ */

/* Takes the lock, which call() leaves to be given back by end(). */
static void begin(struct p9_client *c, enum message type)
{
	mutex_lock(&c->lock);
	c->out_at = 4;
	c->bad = false;
	put8(c, (uint8_t)type);
	put16(c, type == TVERSION ? NO_TAG : TAG);
}

/* => 0: the answer's fields can be taken; -errno. */
static int call(struct p9_client *c)
{
	uint8_t type = c->out[4];
	uint32_t len = (uint32_t)c->out_at;

	if (c->bad)
		return -ENAMETOOLONG;
	memcpy(c->out, &len, sizeof len);
	ssize_t got = p9_device_exchange(c->device, c->out, c->out_at, c->in, c->msize);
	c->in_at = 0;
	c->in_len = got > 0 ? (size_t)got : 0;
	len = (uint32_t)take(c, 4);
	if (len >= HEADER && len < c->in_len)
		c->in_len = len;
	uint8_t answer = (uint8_t)take(c, 1);
	take(c, 2);
	if (c->bad)
		return -EIO;
	if (answer == RLERROR) {
		int error = (int)take(c, 4);

		return error > 0 && error < 4096 ? -error : -EIO;
	}
	return answer == type + 1 ? 0 : -EIO;
}

static int end(struct p9_client *c, int error)
{
	if (!error && c->bad)
		error = -EIO;
	mutex_unlock(&c->lock);
	return error;
}

static uint32_t new_fid(struct p9_client *c)
{
	return c->nfree > 0 ? c->free[--c->nfree] : ++c->last_fid;
}

static void free_fid(struct p9_client *c, uint32_t fid)
{
	if (c->nfree < FREE_FIDS)
		c->free[c->nfree++] = fid; /* others are never used again: there are 2^32 */
}

int p9_client_create(struct p9_device *d, struct p9_client **result, uint32_t *root)
{
	struct p9_client *c = kzalloc(sizeof *c);

	if (!c)
		return -ENOMEM;
	c->device = d;
	c->msize = (uint32_t)(kbuffer_size(MSIZE - PAGE_SIZE) + PAGE_SIZE);
	mutex_init(&c->lock);
	uint8_t *out_room = kmalloc(c->msize + DATA_ALIGN);
	uint8_t *in_room = kmalloc(c->msize + DATA_ALIGN);
	if (!out_room || !in_room) {
		kfree(out_room);
		kfree(in_room);
		kfree(c);
		return -ENOMEM;
	}
	c->out = out_room + DATA_ALIGN - DATA_OF_WRITE % DATA_ALIGN;
	c->in = in_room + DATA_ALIGN - DATA_OF_READ % DATA_ALIGN;
	begin(c, TVERSION);
	put32(c, c->msize);
	put_string(c, "9P2000.L", 8);
	int error = call(c);
	uint32_t msize = (uint32_t)take(c, 4);
	if (!error && (msize < MSIZE_MIN || msize > c->msize))
		error = -EIO;
	error = end(c, error);
	if (error)
		return error; /* here: a device of no use; its few pages stay with it */
	c->msize = msize;
	*root = new_fid(c);
	begin(c, TATTACH);
	put32(c, *root);
	put32(c, P9_NO_FID);
	put_string(c, "", 0);
	put_string(c, "", 0);
	put32(c, 0);
	error = end(c, call(c));
	*result = c;
	return error;
}

size_t p9_chunk(const struct p9_client *c)
{
	return c->msize - IO_HEADER;
}

int p9_walk(struct p9_client *c, uint32_t fid, const char *name, size_t len, uint32_t *out,
	    struct p9_qid *qid)
{
	begin(c, TWALK);
	uint32_t to = new_fid(c);
	put32(c, fid);
	put32(c, to);
	put16(c, name ? 1 : 0);
	if (name)
		put_string(c, name, len);
	int error = call(c);
	if (!error && name) {
		if (take(c, 2) == 1)
			*qid = take_qid(c);
		else
			error = -ENOENT;
	}
	if (error)
		free_fid(c, to);
	*out = to;
	return end(c, error);
}

void p9_clunk(struct p9_client *c, uint32_t fid)
{
	begin(c, TCLUNK);
	put32(c, fid);
	call(c);
	free_fid(c, fid);
	end(c, 0);
}

int p9_get_attr(struct p9_client *c, uint32_t fid, struct p9_attr *out)
{
	begin(c, TGETATTR);
	put32(c, fid);
	put64(c, ATTR_BASIC);
	int error = call(c);
	take(c, 8);
	out->qid = take_qid(c);
	out->mode = (uint32_t)take(c, 4);
	out->uid = (uint32_t)take(c, 4);
	out->gid = (uint32_t)take(c, 4);
	out->nlink = take(c, 8);
	take(c, 8);
	out->size = take(c, 8);
	take_bytes(c, 8 + 8 + 16);
	out->mtime = (int64_t)take(c, 8);
	out->mtime_ns = (uint32_t)take(c, 8);
	return end(c, error);
}

int p9_set_attr(struct p9_client *c, uint32_t fid, const struct p9_set *set)
{
	begin(c, TSETATTR);
	put32(c, fid);
	put32(c, set->what);
	put32(c, set->mode);
	put32(c, 0);
	put32(c, 0);
	put64(c, set->size);
	put64(c, 0);
	put64(c, 0);
	put64(c, (uint64_t)set->mtime);
	put64(c, set->mtime_ns);
	return end(c, call(c));
}

int p9_open(struct p9_client *c, uint32_t fid, uint32_t flags)
{
	begin(c, TLOPEN);
	put32(c, fid);
	put32(c, flags);
	return end(c, call(c));
}

int p9_create(struct p9_client *c, uint32_t fid, const char *name, size_t len, uint32_t flags,
	      uint32_t mode, uint32_t gid)
{
	begin(c, TLCREATE);
	put32(c, fid);
	put_string(c, name, len);
	put32(c, flags);
	put32(c, mode);
	put32(c, gid);
	return end(c, call(c));
}

int p9_mkdir(struct p9_client *c, uint32_t fid, const char *name, size_t len, uint32_t mode,
	     uint32_t gid)
{
	begin(c, TMKDIR);
	put32(c, fid);
	put_string(c, name, len);
	put32(c, mode);
	put32(c, gid);
	return end(c, call(c));
}

int p9_symlink(struct p9_client *c, uint32_t fid, const char *name, size_t len, const char *target,
	       uint32_t gid)
{
	begin(c, TSYMLINK);
	put32(c, fid);
	put_string(c, name, len);
	put_string(c, target, strlen(target));
	put32(c, gid);
	return end(c, call(c));
}

int p9_link(struct p9_client *c, uint32_t dir, const char *name, size_t len, uint32_t fid)
{
	begin(c, TLINK);
	put32(c, dir);
	put32(c, fid);
	put_string(c, name, len);
	return end(c, call(c));
}

int p9_unlink(struct p9_client *c, uint32_t dir, const char *name, size_t len, bool is_dir)
{
	begin(c, TUNLINKAT);
	put32(c, dir);
	put_string(c, name, len);
	put32(c, is_dir ? REMOVE_DIR : 0);
	return end(c, call(c));
}

int p9_rename(struct p9_client *c, uint32_t dir, const char *name, size_t len, uint32_t to_dir,
	      const char *to, size_t to_len)
{
	begin(c, TRENAMEAT);
	put32(c, dir);
	put_string(c, name, len);
	put32(c, to_dir);
	put_string(c, to, to_len);
	return end(c, call(c));
}

ssize_t p9_read_link(struct p9_client *c, uint32_t fid, char *buf, size_t size)
{
	begin(c, TREADLINK);
	put32(c, fid);
	int error = call(c);
	size_t len = take(c, 2);
	const void *text = take_bytes(c, len);
	if (len > size)
		len = size;
	if (!error && text)
		memcpy(buf, text, len);
	error = end(c, error);
	return error ? error : (ssize_t)len;
}

ssize_t p9_read(struct p9_client *c, uint32_t fid, uint64_t at, void *buf, size_t len)
{
	begin(c, TREAD);
	put32(c, fid);
	put64(c, at);
	put32(c, (uint32_t)(len < p9_chunk(c) ? len : p9_chunk(c)));
	int error = call(c);
	size_t got = take(c, 4);
	const void *data = take_bytes(c, got);
	if (got > len)
		got = len;
	if (!error && data)
		memcpy(buf, data, got);
	error = end(c, error);
	return error ? error : (ssize_t)got;
}

ssize_t p9_write(struct p9_client *c, uint32_t fid, uint64_t at, const void *buf, size_t len)
{
	if (len > p9_chunk(c))
		len = p9_chunk(c);
	begin(c, TWRITE);
	put32(c, fid);
	put64(c, at);
	put32(c, (uint32_t)len);
	put_bytes(c, buf, len);
	int error = call(c);
	size_t done = take(c, 4);
	error = end(c, error);
	return error ? error : (ssize_t)(done < len ? done : len);
}

int p9_stat_fs(struct p9_client *c, uint32_t fid, struct p9_fs *out)
{
	begin(c, TSTATFS);
	put32(c, fid);
	int error = call(c);
	take_bytes(c, 4);
	out->bsize = (uint32_t)take(c, 4);
	out->blocks = take(c, 8);
	out->bfree = take(c, 8);
	out->bavail = take(c, 8);
	out->files = take(c, 8);
	out->ffree = take(c, 8);
	return end(c, error);
}

int p9_sync(struct p9_client *c, uint32_t fid)
{
	begin(c, TFSYNC);
	put32(c, fid);
	put32(c, 0);
	return end(c, call(c));
}

ssize_t p9_list(struct p9_client *c, uint32_t fid, uint64_t offset,
		bool (*each)(void *ctx, const struct p9_entry *e), void *ctx)
{
	ssize_t n = 0;

	begin(c, TREADDIR);
	put32(c, fid);
	put64(c, offset);
	put32(c, (uint32_t)p9_chunk(c));
	int error = call(c);
	size_t len = take(c, 4);
	if (!error && len < c->in_len - c->in_at)
		c->in_len = c->in_at + len;
	for (bool more = true; !error && more && c->in_at < c->in_len && !c->bad; n++) {
		struct p9_entry e = {.qid = take_qid(c)};

		e.next = take(c, 8);
		e.type = (uint8_t)take(c, 1);
		e.len = take(c, 2);
		e.name = take_bytes(c, e.len);
		if (!c->bad)
			more = each(ctx, &e);
	}
	error = end(c, error);
	return error ? error : n;
}
