/*
 * Memory objects: their lives, families and contents. What maps them: mm/space.
 *
 * An object's frames are a tree (tree.c). A fork copies the tree, in no time, and
 * shares all frames until one side puts another one in a page's place. The copy,
 * and what is split off when a mapping moves, are *relatives*: all descend from
 * one object, their *top*, and a page keeps its index for life:
 *
 *	top  A   0 1 2 3 4 5 . .       frame of page 3 of A and B, while shared:
 *	 |   B   0 1 2 3 4 5 . .  fork     frame->object = top A, index 3
 *	 `-- C   . . . . 4 5 . .  split off
 *
 * So a frame names its top and its index once, when it is put in, and whoever wants
 * to know who maps it looks at that index of every relative (mm/space/rmap.c). The
 * top's structure stays as long as it has relatives; its frames go with its users.
 *
 * Invariants:
 *   I1  a frame of a file object is TF_FILE, of an anonymous one TF_ANON, refs >= 1;
 *       its object is the top of the family, its index the page's, its kind the
 *       object's
 *   I2  of a file, no page from ROUND_UP(size) on has a frame, and the bytes of
 *       the last frame beyond size are zero as far as the object wrote them; except
 *       between mobj_resize() and mobj_trim()
 *   I3  holds = 1 while there are users, + relatives for whom it is the top
 *
 * Locks: `lock` guards the tree, size and the list of VMAs; refs and holds are
 * atomic. It is taken inside an address space's lock, and the slab's and frame
 * allocator's inside it. Two objects are never locked at once. A top's kin_lock
 * comes after `lock`, that of any relative. Insertion and writing, and what changes
 * a part of what a fork shared, can fail for lack of memory; nothing else can.
 */
#include "kernel/mm/object/mobj.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "abi/linux.h"

/* Made at the first use: an object's creator holds no other lock that could be in the way. */
static struct cache *mobj_cache;

struct mobj *mobj_create(enum mobj_kind kind, uint64_t size)
{
	struct mobj *o;

	if (!mobj_cache)
		mobj_cache = cache_create("mobj", sizeof(struct mobj), 8);
	if (!mobj_cache || !tree_ready())
		return NULL;
	o = cache_alloc(mobj_cache);
	if (!o)
		return NULL;
	memset(o, 0, sizeof *o);
	o->kind = kind;
	o->refs = o->holds = 1;
	o->size = size;
	o->top = o;
	spin_init(&o->lock);
	spin_init(&o->kin_lock);
	list_init(&o->vmas);
	list_init(&o->kin);
	return o;
}

uint64_t mobj_promised;

void mobj_promise(struct mobj *o, uint64_t len)
{
	CHECK3(o->promised, ==, 0);
	o->promised = len;
	__atomic_fetch_add(&mobj_promised, len, __ATOMIC_RELAXED);
}

/* => an empty object of o's family; NULL: no memory. */
static struct mobj *relative_create(struct mobj *o)
{
	struct mobj *new = mobj_create(o->kind, o->size);

	if (!new)
		return NULL;
	new->is_shmem = o->is_shmem;
	new->top = o->top;
	__atomic_fetch_add(&o->top->holds, 1, __ATOMIC_RELAXED);
	spin_lock(&o->top->kin_lock);
	list_add(&o->top->kin, &new->kin);
	spin_unlock(&o->top->kin_lock);
	return new;
}

static void release(struct mobj *o)
{
	uint32_t before = __atomic_fetch_sub(&o->holds, 1, __ATOMIC_ACQ_REL);

	CHECK3(before, >, 0);
	if (before > 1)
		return;
	kfree(o->label);
	cache_free(mobj_cache, o);
}

void mobj_get(struct mobj *o)
{
	__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
}

void mobj_put(struct mobj *o)
{
	uint32_t before = __atomic_fetch_sub(&o->refs, 1, __ATOMIC_ACQ_REL);
	struct mobj *top = o->top;

	CHECK3(before, >, 0);
	if (before > 1)
		return;
	CHECK(list_is_empty(&o->vmas));
	if (o->pager)
		o->pager->release(o);
	mobj_discard(o, 0, UINT64_MAX);
	CHECK3(mobj_nframes(o), ==, 0);
	if (o->promised)
		__atomic_fetch_sub(&mobj_promised, o->promised, __ATOMIC_RELAXED);
	if (top != o) {
		spin_lock(&top->kin_lock);
		list_remove(&o->kin);
		spin_unlock(&top->kin_lock);
	}
	release(o);
	if (top != o)
		release(top);
}

uint64_t mobj_nframes(struct mobj *o)
{
	uint64_t n;

	spin_lock(&o->lock);
	n = tree_count(&o->tree);
	spin_unlock(&o->lock);
	return n;
}

/* -- frames, under the lock ---------------------------------------------------------------- */

static unsigned kind_of(const struct mobj *o)
{
	if (o->is_shmem)
		return FRAME_SHMEM;
	return o->kind == MOBJ_FILE ? FRAME_FILE : FRAME_ANON;
}

int mobj_insert_locked(struct mobj *o, uint64_t index, struct frame *f)
{
	int err = tree_set(&o->tree, index, f);

	if (!err)
		mobj_own_frame(o, index, f, kind_of(o));
	return err;
}

/* End of the n pages from start on. */
static uint64_t range_end(uint64_t start, uint64_t n)
{
	return start + n < start ? UINT64_MAX : start + n;
}

int mobj_prepare(struct mobj *o, uint64_t start, uint64_t n)
{
	int err = 0;

	if (o->tree.shared) {
		spin_lock(&o->lock);
		err = tree_prepare(&o->tree, start, range_end(start, n));
		spin_unlock(&o->lock);
	}
	return err;
}

void mobj_discard(struct mobj *o, uint64_t start, uint64_t n)
{
	spin_lock(&o->lock);
	tree_remove(&o->tree, start, range_end(start, n));
	spin_unlock(&o->lock);
}

struct mobj *mobj_split(struct mobj *o, uint64_t start, uint64_t n)
{
	struct mobj *new = relative_create(o);
	int err;

	if (!new)
		return NULL;
	spin_lock(&o->lock);
	err = tree_split(&o->tree, start, range_end(start, n), &new->tree);
	spin_unlock(&o->lock);
	if (!err)
		return new;
	mobj_put(new);
	return NULL;
}

struct mobj *mobj_next_relative(struct mobj *top, struct mobj *o)
{
	struct list_node *link;
	struct mobj *next = NULL;

	spin_lock(&top->kin_lock);
	for (link = o ? o->kin.next : top->kin.next; link != &top->kin && !next;
	     link = link->next) {
		struct mobj *r = container_of(link, struct mobj, kin);
		uint32_t refs = __atomic_load_n(&r->refs, __ATOMIC_RELAXED);

		/* one without users is about to leave the list */
		while (refs > 0 && !next)
			if (__atomic_compare_exchange_n(&r->refs, &refs, refs + 1, false,
							__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				next = r;
	}
	spin_unlock(&top->kin_lock);
	return next;
}

struct mobj *mobj_fork(struct mobj *o)
{
	struct mobj *new = relative_create(o);

	if (!new)
		return NULL;
	spin_lock(&o->lock);
	tree_copy(&o->tree, &new->tree);
	spin_unlock(&o->lock);
	return new;
}

/* -- contents ------------------------------------------------------------------------------ */

/* => len, or less: up to the first page of [offset, offset + len) that cannot be had. */
static size_t pages_in(struct mobj *o, uint64_t offset, size_t len)
{
	uint64_t at = ROUND_DOWN(offset, PAGE_SIZE);

	for (; at < offset + len && at < o->size; at += PAGE_SIZE)
		if (mobj_page_in(o, at >> PAGE_SHIFT) < 0)
			return at > offset ? at - offset : 0;
	return len;
}

size_t mobj_read(struct mobj *o, uint64_t offset, void *buf, size_t len)
{
	size_t done = 0;

	if (o->pager)
		len = pages_in(o, offset, len);
	spin_lock(&o->lock);
	if (offset >= o->size)
		len = 0;
	else if (len > o->size - offset)
		len = o->size - offset;
	while (done < len) {
		uint64_t at = offset + done, in_page = at & PAGE_MASK;
		size_t n = len - done < PAGE_SIZE - in_page ? len - done : PAGE_SIZE - in_page;
		struct frame *f = mobj_lookup_locked(o, at >> PAGE_SHIFT);

		if (f)
			memcpy((char *)buf + done, (char *)frame_kva(f) + in_page, n);
		else
			memset((char *)buf + done, 0, n);
		done += n;
	}
	spin_unlock(&o->lock);
	return done;
}

/* => the frame of page `index`, made of zeroes if there was none; NULL: no memory. Lock held. */
static struct frame *page_obtain(struct mobj *o, uint64_t index)
{
	struct frame *f = mobj_lookup_locked(o, index);

	if (f)
		return f;
	f = frame_alloc(0, o->kind == MOBJ_FILE ? TF_FILE : TF_ANON, FRAME_ZEROED);
	if (f && mobj_insert_locked(o, index, f)) {
		frame_put(f);
		f = NULL;
	}
	return f;
}

size_t mobj_write(struct mobj *o, uint64_t offset, const void *buf, size_t len)
{
	size_t done = 0;

	spin_lock(&o->lock);
	if (len > UINT64_MAX - offset)
		len = UINT64_MAX - offset;
	while (done < len) {
		uint64_t at = offset + done, in_page = at & PAGE_MASK;
		size_t n = len - done < PAGE_SIZE - in_page ? len - done : PAGE_SIZE - in_page;
		struct frame *f = page_obtain(o, at >> PAGE_SHIFT);

		if (!f)
			break;
		memcpy((char *)frame_kva(f) + in_page, (const char *)buf + done, n);
		done += n;
		if (at + n > o->size)
			o->size = at + n;
	}
	spin_unlock(&o->lock);
	return done;
}

void mobj_resize(struct mobj *o, uint64_t size)
{
	spin_lock(&o->lock);
	o->size = size;
	spin_unlock(&o->lock);
}

void mobj_trim(struct mobj *o)
{
	struct frame *f;

	spin_lock(&o->lock);
	tree_remove(&o->tree, (o->size >> PAGE_SHIFT) + ((o->size & PAGE_MASK) != 0), UINT64_MAX);
	f = mobj_lookup_locked(o, o->size >> PAGE_SHIFT);
	if (f)
		memset((char *)frame_kva(f) + (o->size & PAGE_MASK), 0,
		       PAGE_SIZE - (o->size & PAGE_MASK));
	spin_unlock(&o->lock);
}

void mobj_truncate(struct mobj *o, uint64_t size)
{
	bool is_shorter = size < o->size;

	mobj_resize(o, size);
	if (is_shorter)
		mobj_trim(o);
}

/* -- check --------------------------------------------------------------------------------- */

/* I1 of one frame. */
static void frame_check_owner(const void *ctx, const struct frame *f)
{
	const struct mobj *o = ctx;

	CHECK3(f->refs, >=, 1);
	CHECK3(f->state, ==, o->kind == MOBJ_FILE ? TF_FILE : TF_ANON);
	CHECK3((uintptr_t)f->object, ==, (uintptr_t)o->top);
	CHECK3(f->kind, ==, kind_of(o));
	CHECK3((uintptr_t)tree_lookup(&o->tree, f->index), ==, (uintptr_t)f);
}

void mobj_check(struct mobj *o)
{
	uint64_t index;

	spin_lock(&o->lock);
	tree_check(&o->tree, frame_check_owner, o);
	if (o->kind == MOBJ_FILE) { /* I2 */
		index = (o->size >> PAGE_SHIFT) + ((o->size & PAGE_MASK) != 0);
		CHECK(!mobj_next_locked(o, &index, UINT64_MAX));
	}
	spin_unlock(&o->lock);
}
