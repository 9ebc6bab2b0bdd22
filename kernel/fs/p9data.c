/*
 * Contents of files behind 9P.
 *
 * They are pages of the inode's memory object. One that the object has is what the server had when
 * it was read, with what was written since; one that it has not is read when it is asked for, by
 * read() or by a fault (page_in), and some that follow with it:
 *
 *     asked in order    4 pages, then 8, then what one message carries, at most 15
 *     elsewhere         4 pages
 *
 * write() goes to the server first, and then to pages that are here. A page that is written through
 * a shared mapping is *dirty*: it goes to the server when the mapping does, or at msync and fsync.
 * It stays dirty as long as anybody maps it, since nobody tells of later stores.
 *
 *     object   page 0   page 1   -   page 3   -   -        fids at the server:
 *     dirty      -       yes     -     -      -   -        read_fid, write_fid
 *
 * Files may be larger than memory. read() leaves pages in the object as long as the file has not
 * an eighth of RAM, and a quarter of RAM is free; what it reads beyond that is handed on at once.
 * Pages that are mapped cannot be given back yet: a mapping that is touched from end to end needs
 * as much memory.
 *
 * Fids are the object's own, so it can be read after the inode has gone, and after the file's last
 * name has: the server keeps what is open.
 *
 * Invariants
 *   I1  a page that is dirty has a frame
 *   I2  bytes of a frame beyond the object's size were zero when it was read
 *
 * Locks. data.lock, a mutex, is held while the server is asked, and guards the fids and the window;
 * it may be taken with an address space's lock held. The object's lock guards the dirty bits.
 */
#include "kernel/fs/p9data.h"
#include "kernel/fs/file.h"
#include "kernel/fs/p9_client.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"
#include "kernel/mm/space/aspace.h"

#define WINDOW_MIN 4
#define WINDOW_MAX 15 /* pages that fit beside a header in the largest message, 64 KiB */

struct p9_data {
	struct p9_client *client;
	struct mutex lock;
	uint32_t read_fid, write_fid; /* P9_NO_FID: not open */
	uint64_t next;                /* the page after those that were read last */
	unsigned window;              /* pages to read at once */
	bool own_change;
	int error; /* of a write-back that nobody waited for: told by the next sync */

	uint64_t *dirty; /* a bit for each page; NULL: none ever was */
	uint64_t ndirty; /* pages that have a bit */
};

static const struct mobj_pager pager;

static struct p9_data *own(const struct mobj *o)
{
	return o->pager_ctx;
}

int p9_data_attach(struct mobj *o, struct p9_client *c)
{
	struct p9_data *d = kzalloc(sizeof *d);

	if (!d)
		return -ENOMEM;
	d->client = c;
	d->read_fid = d->write_fid = P9_NO_FID;
	mutex_init(&d->lock);
	o->pager = &pager;
	o->pager_ctx = d;
	return 0;
}

/* => *out is open; 0 or the server's error. */
static int open_fid(struct p9_data *d, uint32_t fid, uint32_t flags, uint32_t *out)
{
	uint32_t new;
	int error;

	if (*out != P9_NO_FID)
		return 0;
	error = p9_walk(d->client, fid, NULL, 0, &new, NULL);
	if (error)
		return error;
	error = p9_open(d->client, new, flags);
	if (error)
		p9_clunk(d->client, new);
	else
		*out = new;
	return error;
}

int p9_data_open(struct mobj *o, uint32_t fid, bool write)
{
	struct p9_data *d = own(o);
	int error;

	mutex_lock(&d->lock);
	error = open_fid(d, fid, O_RDONLY, &d->read_fid);
	if (!error && write)
		error = open_fid(d, fid, O_RDWR, &d->write_fid);
	mutex_unlock(&d->lock);
	return error;
}

/* -- reading pages ------------------------------------------------------------------------- */

static bool has_page(struct mobj *o, uint64_t index)
{
	spin_lock(&o->lock);
	bool has = mobj_lookup_locked(o, index) != NULL;
	spin_unlock(&o->lock);
	return has;
}

/* Gives the object a page that it has not. => 0 or -ENOMEM. */
static int add_page(struct mobj *o, uint64_t index, const uint8_t *bytes, size_t len)
{
	struct frame *f = frame_alloc(0, TF_FILE, len < PAGE_SIZE ? FRAME_ZEROED : 0);

	if (!f)
		return -ENOMEM;
	memcpy(frame_kva(f), bytes, len);
	spin_lock(&o->lock);
	int error = mobj_lookup_locked(o, index) ? -EEXIST : mobj_insert_locked(o, index, f);
	spin_unlock(&o->lock);
	if (error)
		frame_put(f);
	return error == -EEXIST ? 0 : error;
}

static uint64_t npages_of(const struct mobj *o)
{
	return (o->size >> PAGE_SHIFT) + ((o->size & PAGE_MASK) != 0);
}

/* data.lock held. => how many pages are to be read from `index` on, where there is none. */
static uint64_t choose_window(struct p9_data *d, struct mobj *o, uint64_t index, uint64_t want)
{
	uint64_t end = npages_of(o), n = 1;
	unsigned most = (unsigned)(p9_chunk(d->client) / PAGE_SIZE);

	if (most > WINDOW_MAX)
		most = WINDOW_MAX;
	d->window = index == d->next && d->window ? 2 * d->window : WINDOW_MIN;
	if (d->window < want)
		d->window = (unsigned)(want < WINDOW_MAX ? want : WINDOW_MAX);
	if (d->window > most)
		d->window = most ? most : 1;
	while (n < d->window && index + n < end && !has_page(o, index + n))
		n++;
	d->next = index + n;
	return n;
}

/* data.lock held. Reads all of len bytes, in as many messages as it takes. => bytes, or -errno. */
static ssize_t read_fully(struct p9_data *d, uint64_t at, uint8_t *buf, size_t len)
{
	size_t done = 0;

	if (d->read_fid == P9_NO_FID)
		return -EIO;
	while (done < len) {
		ssize_t n = p9_read(d->client, d->read_fid, at + done, buf + done, len - done);

		if (n < 0 && done == 0)
			return n;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* The server's file ends before ours: others have cut it, and so it is. */
static void shrink(struct mobj *o, uint64_t size)
{
	uint64_t index = (size >> PAGE_SHIFT) + ((size & PAGE_MASK) != 0);

	spin_lock(&o->lock);
	if (size < o->size && !mobj_next_locked(o, &index, UINT64_MAX))
		o->size = size;
	spin_unlock(&o->lock);
}

/*
 * data.lock held. Reads page `index`, which has no frame, and some that follow; `want` of them if
 * possible. => how many; 0: the file ends before it; -errno.
 */
static ssize_t read_pages(struct p9_data *d, struct mobj *o, uint64_t index, uint64_t want)
{
	uint64_t n = choose_window(d, o, index, want), at = index << PAGE_SHIFT, size = o->size;
	uint8_t *buf = kmalloc(n * PAGE_SIZE);
	ssize_t got;
	int error = 0;

	if (!buf && n > 1)
		buf = kmalloc((n = 1) * PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	uint64_t len = size > at && size - at < n * PAGE_SIZE ? size - at : n * PAGE_SIZE;
	got = read_fully(d, at, buf, len);
	if (got >= 0 && (uint64_t)got < len && at + (uint64_t)got < size)
		shrink(o, at + (uint64_t)got);
	if (got > 0)
		n = ((uint64_t)got + PAGE_MASK) >> PAGE_SHIFT;
	for (uint64_t p = 0; p < n && got > 0 && !error; p++) {
		uint64_t from = p * PAGE_SIZE, rest = (uint64_t)got - from;

		error = add_page(o, index + p, buf + from, rest < PAGE_SIZE ? rest : PAGE_SIZE);
	}
	kfree(buf);
	return error ? error : got <= 0 ? got : (ssize_t)n;
}

static int page_in(struct mobj *o, uint64_t index)
{
	struct p9_data *d = own(o);
	ssize_t n = 1;
	int was_read = 0;

	mutex_lock(&d->lock);
	if (!has_page(o, index)) {
		n = read_pages(d, o, index, 1);
		was_read = 1;
	}
	mutex_unlock(&d->lock);
	return n < 0 ? (int)n : n == 0 ? -ENXIO : was_read;
}

/* => whether pages that read() brings may stay. */
static bool may_keep(struct mobj *o)
{
	struct frame_stats s;

	frame_stats(&s);
	return mobj_nframes(o) < s.total / 8 && s.free > s.total / 4;
}

/* Hands on what the server has at pos, up to the next page that is here. => bytes or -errno. */
static ssize_t read_through(struct p9_data *d, struct mobj *o, struct uio *u, uint64_t pos)
{
	uint64_t room = PAGE_SIZE - (pos & PAGE_MASK), index = pos >> PAGE_SHIFT;
	uint8_t *buf;
	ssize_t n;

	for (unsigned p = 1; p < WINDOW_MAX && room < u->left && !has_page(o, index + p); p++)
		room += PAGE_SIZE;
	room = room < u->left ? room : u->left;
	room = room < o->size - pos ? room : o->size - pos;
	buf = kmalloc(room);
	if (!buf)
		return -ENOMEM;
	mutex_lock(&d->lock);
	n = read_fully(d, pos, buf, room);
	mutex_unlock(&d->lock);
	if (n > 0) {
		size_t moved = uio_put(u, buf, (size_t)n);

		n = moved > 0 ? (ssize_t)moved : -EFAULT;
	}
	kfree(buf);
	return n;
}

/* Moves from pages that are here, up to the first that is not. => bytes or -errno. */
static ssize_t read_here(struct file *f, struct uio *u, uint64_t *pos)
{
	struct mobj *o = f->data;
	uint64_t index = *pos >> PAGE_SHIFT, room = PAGE_SIZE - (*pos & PAGE_MASK), left = u->left;
	uint64_t allowed;

	while (room < left && has_page(o, ++index))
		room += PAGE_SIZE;
	allowed = room < left ? room : left;
	u->left = allowed;
	ssize_t n = regular_ops.read(f, u, pos);
	u->left = left - (allowed - u->left);
	return n;
}

ssize_t p9_data_read(struct file *f, struct uio *u, uint64_t *pos)
{
	struct mobj *o = f->data;
	struct p9_data *d = own(o);
	ssize_t total = 0, n = 1;

	while (u->left > 0 && *pos < o->size && n > 0) {
		uint64_t index = *pos >> PAGE_SHIFT;

		if (has_page(o, index)) {
			n = read_here(f, u, pos);
			total += n > 0 ? n : 0;
		} else if (may_keep(o)) {
			mutex_lock(&d->lock);
			if (!has_page(o, index))
				n = read_pages(d, o, index,
					       ((*pos & PAGE_MASK) + u->left + PAGE_MASK) >>
						   PAGE_SHIFT);
			mutex_unlock(&d->lock);
		} else {
			n = read_through(d, o, u, *pos);
			*pos += n > 0 ? (uint64_t)n : 0;
			total += n > 0 ? n : 0;
		}
	}
	return total > 0 || n > 0 ? total : n;
}

/* -- writing ------------------------------------------------------------------------------- */

void p9_data_written(struct mobj *o, uint64_t at, const uint8_t *bytes, size_t len)
{
	own(o)->own_change = true;
	while (len > 0) {
		uint64_t offset = at & PAGE_MASK, n = PAGE_SIZE - offset;

		if (n > len)
			n = len;
		spin_lock(&o->lock);
		struct frame *fr = mobj_lookup_locked(o, at >> PAGE_SHIFT);
		if (fr)
			memcpy((uint8_t *)frame_kva(fr) + offset, bytes, n);
		if (at + n > o->size)
			o->size = at + n;
		spin_unlock(&o->lock);
		at += n;
		bytes += n;
		len -= n;
	}
}

/* Room for a bit of page `index`. => false: no memory. */
static bool reserve_bit(struct mobj *o, uint64_t index)
{
	struct p9_data *d = own(o);
	uint64_t want = ROUND_UP((index + 1 > npages_of(o) ? index + 1 : npages_of(o)), 64);
	uint64_t *bits, *old;

	if (index < d->ndirty)
		return true;
	bits = kzalloc(want / 8);
	if (!bits)
		return false;
	spin_lock(&o->lock);
	old = bits;
	if (want > d->ndirty) {
		if (d->dirty)
			memcpy(bits, d->dirty, d->ndirty / 8);
		old = d->dirty;
		d->dirty = bits;
		d->ndirty = want;
	}
	spin_unlock(&o->lock);
	kfree(old);
	return true;
}

static bool dirtied(struct mobj *o, uint64_t index)
{
	struct p9_data *d = own(o);

	if (!reserve_bit(o, index))
		return false;
	spin_lock(&o->lock);
	d->dirty[index / 64] |= 1UL << index % 64;
	spin_unlock(&o->lock);
	return true;
}

static bool is_dirty_locked(const struct p9_data *d, uint64_t index)
{
	return index < d->ndirty && (d->dirty[index / 64] >> index % 64 & 1);
}

/* Writes all of a page, and its dirt is gone if nobody maps it. => 0 or -errno. */
static int write_page(struct p9_data *d, struct mobj *o, uint64_t index)
{
	uint64_t at = index << PAGE_SHIFT, len = PAGE_SIZE, done = 0;
	struct frame *f;
	int error = 0;

	spin_lock(&o->lock);
	f = is_dirty_locked(d, index) ? mobj_lookup_locked(o, index) : NULL;
	if (!f || at >= o->size) {
		spin_unlock(&o->lock);
		return 0;
	}
	if (len > o->size - at)
		len = o->size - at;
	frame_get(f);
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
	if (__atomic_load_n(&f->refs, __ATOMIC_RELAXED) == 2) /* here: the object's and ours */
		d->dirty[index / 64] &= ~(1UL << index % 64);
	spin_unlock(&o->lock);
	mutex_lock(&d->lock);
	d->own_change = true;
	while (done < len && !error) {
		ssize_t n = p9_write(d->client, d->write_fid, at + done,
				     (uint8_t *)frame_kva(f) + done, len - done);

		if (n > 0)
			done += (uint64_t)n;
		else
			error = n ? (int)n : -EIO;
	}
	mutex_unlock(&d->lock);
	if (error) {
		spin_lock(&o->lock);
		d->dirty[index / 64] |= 1UL << index % 64;
		spin_unlock(&o->lock);
	}
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, -1, 0, 0, 0, 0);
	frame_put(f);
	return error;
}

static int write_back(struct mobj *o, uint64_t start, uint64_t end)
{
	struct p9_data *d = own(o);
	int error = 0;

	if (end > d->ndirty)
		end = d->ndirty;
	for (uint64_t index = start; index < end; index++) {
		int result = is_dirty_locked(d, index) ? write_page(d, o, index) : 0;

		if (!error)
			error = result;
	}
	if (error)
		d->error = error;
	return error;
}

int p9_data_sync(struct mobj *o)
{
	struct p9_data *d = own(o);
	int error = write_back(o, 0, UINT64_MAX);

	mutex_lock(&d->lock);
	if (!error)
		error = d->error;
	d->error = 0;
	if (!error && d->write_fid != P9_NO_FID)
		error = p9_sync(d->client, d->write_fid);
	mutex_unlock(&d->lock);
	return error;
}

/* -- changes by others --------------------------------------------------------------------- */

void p9_data_own_change(struct mobj *o)
{
	own(o)->own_change = true;
}

bool p9_data_was_ours(struct mobj *o)
{
	struct p9_data *d = own(o);
	bool was = d->own_change;

	d->own_change = false;
	return was;
}

void p9_data_renew(struct mobj *o, uint64_t size)
{
	const struct p9_data *d = own(o);
	uint64_t index = 0, end = (size >> PAGE_SHIFT) + ((size & PAGE_MASK) != 0);
	bool has, shrinks = size < o->size;

	mobj_resize(o, size);
	do {
		spin_lock(&o->lock);
		while ((has = mobj_next_locked(o, &index, UINT64_MAX) != NULL) &&
		       is_dirty_locked(d, index))
			index++;
		spin_unlock(&o->lock);
		if (has)
			mobj_discard(o, index++, 1);
	} while (has);
	/* here: what is mapped now is dirty, or what the server had; who touches it again asks */
	rmap_forget(o, 0, UINT64_MAX, false);
	if (shrinks)
		rmap_forget(o, end, UINT64_MAX, true);
	mobj_trim(o);
}

/* -- the end ------------------------------------------------------------------------------- */

static void release(struct mobj *o)
{
	struct p9_data *d = own(o);

	write_back(o, 0, UINT64_MAX);
	if (d->read_fid != P9_NO_FID)
		p9_clunk(d->client, d->read_fid);
	if (d->write_fid != P9_NO_FID)
		p9_clunk(d->client, d->write_fid);
	kfree(d->dirty);
	kfree(d);
}

static const struct mobj_pager pager = {
    .page_in = page_in, .dirtied = dirtied, .write_back = write_back, .release = release};
