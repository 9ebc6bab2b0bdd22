/*
 * Memory objects: arrays of frames, as radix trees.
 *
 * A node has 64 slots. At height 1 slots are frames; above, they are nodes. A
 * root of height h holds 64^h consecutive pages, from `base`, a multiple of
 * that. So a tree is as high as the span of its pages demands, wherever they
 * are: four thousand pages at the top of an address space need two levels. A
 * page outside the span puts a new root above the old one:
 *
 *	height 1, base 64               height 2, base 0
 *	                                      root
 *	     root            page 3          /    \
 *	   /   |   \         ----->     [0..63]  [64..127]
 *	 64   ...  127                     3       the old root
 *
 * Each frame in the tree carries one reference for being there, its pin, told
 * to the lens as TRACE_FRAME_PIN; every PTE that maps it adds one. A fork copies
 * the tree and not the frames, which then have a pin for each object; so a frame
 * is an object's alone when its only references are that pin and the one PTE of
 * its page.
 *
 * Invariants:
 *   I1  height = 0 if and only if root = NULL; base is a multiple of 64^height
 *   I2  a node's `used` counts its slots that are not NULL, and is not 0
 *   I3  nframes = frames in the tree; each has refs >= 1
 *   I4  a frame of a file object is TF_FILE, of an anonymous one TF_ANON
 *   I5  of a file, no page from ROUND_UP(size) on has a frame, and the bytes of
 *       the last frame beyond size are zero as far as the object wrote them
 *
 * Locks: `lock` guards the tree and size; refs is atomic. It is taken inside an
 * address space's lock, and the slab's and frame allocator's inside it. Two
 * objects are never locked at once, but for mobj_move(), whose second is new.
 * Insertion and writing can fail for lack of memory; nothing else can.
 */
#include "kernel/mm/object/mobj.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "abi/linux.h"

#define NODE_SHIFT MOBJ_SHIFT
#define NODE_SLOTS MOBJ_SLOTS
#define NODE_MASK  (NODE_SLOTS - 1)

/* Nine levels hold 2^54 pages, more than 64-bit byte offsets can name. */
#define MAX_HEIGHT 9

/* Made at the first use: an object's creator holds no other lock that could be in the way. */
static struct cache *mobj_cache, *node_cache;

static bool caches_create(void)
{
	if (!mobj_cache)
		mobj_cache = cache_create("mobj", sizeof(struct mobj), 8);
	if (!node_cache)
		node_cache = cache_create("mobj node", sizeof(struct mobj_node), 8);
	return mobj_cache && node_cache;
}

struct mobj *mobj_create(enum mobj_kind kind, uint64_t size)
{
	struct mobj *o;

	if (!caches_create())
		return NULL;
	o = cache_alloc(mobj_cache);
	if (!o)
		return NULL;
	memset(o, 0, sizeof *o);
	o->kind = kind;
	o->refs = 1;
	o->size = size;
	spin_init(&o->lock);
	return o;
}

uint64_t mobj_promised;

void mobj_promise(struct mobj *o, uint64_t len)
{
	CHECK3(o->promised, ==, 0);
	o->promised = len;
	__atomic_fetch_add(&mobj_promised, len, __ATOMIC_RELAXED);
}

void mobj_get(struct mobj *o)
{
	__atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED);
}

void mobj_put(struct mobj *o)
{
	uint32_t before = __atomic_fetch_sub(&o->refs, 1, __ATOMIC_ACQ_REL);

	CHECK3(before, >, 0);
	if (before > 1)
		return;
	if (o->pager)
		o->pager->release(o);
	mobj_discard(o, 0, UINT64_MAX);
	CHECK3(o->nframes, ==, 0);
	if (o->promised)
		__atomic_fetch_sub(&mobj_promised, o->promised, __ATOMIC_RELAXED);
	kfree(o->label);
	cache_free(mobj_cache, o);
}

/* -- the tree, under the lock -------------------------------------------------------------- */

/* Pages that a node of this height spans. */
static uint64_t node_span(unsigned height)
{
	return 1UL << (NODE_SHIFT * height);
}

static unsigned slot_of(uint64_t index, unsigned height)
{
	return (unsigned)(index >> (NODE_SHIFT * (height - 1))) & NODE_MASK;
}

/* => whether a root of that height and base can hold page `index`. */
static bool root_spans(uint64_t base, unsigned height, uint64_t index)
{
	return height > 0 && (index - base) >> (NODE_SHIFT * height) == 0;
}

/*
 * Allocates all nodes that an insertion at `index` will need, linked through slot[0].
 * => false: no memory, nothing kept.
 */
static bool nodes_alloc(const struct mobj *o, uint64_t index, struct mobj_node **out)
{
	unsigned height = o->height, need = 0, have = 0;
	uint64_t base = o->base;
	const struct mobj_node *n = o->root;
	struct mobj_node *list = NULL, *fresh;

	if (height == 0) {
		need = 1;
	} else if (!root_spans(base, height, index)) {
		while (!root_spans(base, height, index)) {
			height++;
			need++;
			base &= ~(node_span(height) - 1);
		}
		need += height - 1; /* the new root's path down to the page is all new */
	} else {
		for (unsigned h = height; h > 1; h--) {
			n = n ? n->slot[slot_of(index, h)] : NULL;
			need += !n;
		}
	}
	for (; have < need; have++) {
		fresh = cache_alloc(node_cache);
		if (!fresh)
			break;
		memset(fresh, 0, sizeof *fresh);
		fresh->slot[0] = list;
		list = fresh;
	}
	*out = list;
	if (have == need)
		return true;
	while (list) {
		fresh = list;
		list = list->slot[0];
		cache_free(node_cache, fresh);
	}
	return false;
}

static struct mobj_node *node_pop(struct mobj_node **list)
{
	struct mobj_node *n = *list;

	*list = n->slot[0];
	n->slot[0] = NULL;
	return n;
}

static void leaf_insert(struct mobj *o, struct mobj_node *leaf, uint64_t index, struct frame *f)
{
	CHECK(!leaf->slot[index & NODE_MASK]);
	leaf->slot[index & NODE_MASK] = f;
	leaf->used++;
	o->nframes++;
}

/* tree_insert() where nodes are missing. */
static __attribute__((noinline)) int tree_grow(struct mobj *o, uint64_t index, struct frame *f)
{
	struct mobj_node *spare, *n;

	if (!nodes_alloc(o, index, &spare))
		return -ENOMEM;
	/* here: nothing can fail any more */
	if (o->height == 0) {
		o->root = node_pop(&spare);
		o->height = 1;
		o->base = index & ~(uint64_t)NODE_MASK;
	}
	while (!root_spans(o->base, o->height, index)) {
		n = node_pop(&spare);
		o->height++;
		n->slot[slot_of(o->base, o->height)] = o->root;
		n->used = 1;
		o->root = n;
		o->base &= ~(node_span(o->height) - 1);
	}
	n = o->root;
	for (unsigned h = o->height; h > 1; h--) {
		void **slot = &n->slot[slot_of(index, h)];

		if (!*slot) {
			*slot = node_pop(&spare);
			n->used++;
		}
		n = *slot;
	}
	leaf_insert(o, n, index, f);
	return 0;
}

/* => 0 or -ENOMEM (nothing changed). The page had no frame. Pins are the caller's business. */
static int tree_insert(struct mobj *o, uint64_t index, struct frame *f)
{
	struct mobj_node *leaf = mobj_leaf_locked(o, index);

	if (!leaf)
		return tree_grow(o, index, f);
	leaf_insert(o, leaf, index, f);
	return 0;
}

int mobj_insert_locked(struct mobj *o, uint64_t index, struct frame *f)
{
	int err = tree_insert(o, index, f);

	if (!err)
		TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
	return err;
}

/*
 * Takes the frames of [start, end) out of the subtree `n`, whose first page is `base`, and gives
 * back their pins if `put`. => whether n is empty now, and freed.
 */
static bool node_remove(struct mobj *o, struct mobj_node *n, unsigned height, uint64_t base,
			uint64_t start, uint64_t end, bool put)
{
	uint64_t span = node_span(height - 1);
	uint64_t last = base + (node_span(height) - 1);
	unsigned i = start <= base ? 0 : (unsigned)((start - base) / span);
	unsigned stop = end > last ? NODE_MASK : (unsigned)((end - 1 - base) / span);

	for (; i <= stop; i++) {
		if (!n->slot[i])
			continue;
		if (height > 1) {
			if (!node_remove(o, n->slot[i], height - 1, base + i * span, start, end,
					 put))
				continue;
		} else {
			o->nframes--;
			if (put) {
				struct frame *f = n->slot[i];

				TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, -1, 0, 0, 0, 0);
				frame_put(f);
			}
		}
		n->slot[i] = NULL;
		n->used--;
	}
	if (n->used > 0)
		return false;
	cache_free(node_cache, n);
	return true;
}

/* Gives back all pins of a subtree that belongs to no object yet, and frees it. */
static void node_free(struct mobj_node *n, unsigned height)
{
	for (unsigned i = 0; i < NODE_SLOTS; i++) {
		struct frame *f = n->slot[i];

		if (!f)
			continue;
		if (height > 1) {
			node_free(n->slot[i], height - 1);
			continue;
		}
		TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, -1, 0, 0, 0, 0);
		frame_put(f);
	}
	cache_free(node_cache, n);
}

/* Takes [start, end) out of the tree. */
static void tree_remove(struct mobj *o, uint64_t start, uint64_t end, bool put)
{
	if (o->height == 0 || start >= end || end <= o->base ||
	    start > o->base + (node_span(o->height) - 1))
		return;
	if (node_remove(o, o->root, o->height, o->base, start, end, put)) {
		o->root = NULL;
		o->height = 0;
		o->base = 0;
	}
}

/* => the first frame at or after *index in the subtree, below end. */
static struct frame *node_next(struct mobj_node *n, unsigned height, uint64_t base, uint64_t *index,
			       uint64_t end)
{
	uint64_t span = node_span(height - 1);
	unsigned i = *index <= base ? 0 : (unsigned)((*index - base) / span);

	for (; i < NODE_SLOTS && base + i * span < end; i++) {
		struct frame *f = n->slot[i];

		if (!f)
			continue;
		if (height > 1)
			f = node_next(n->slot[i], height - 1, base + i * span, index, end);
		else
			*index = base + i;
		if (f)
			return f;
	}
	return NULL;
}

struct frame *mobj_next_locked(struct mobj *o, uint64_t *index, uint64_t end)
{
	if (o->height == 0 || *index > o->base + (node_span(o->height) - 1))
		return NULL;
	return node_next(o->root, o->height, o->base, index, end);
}

void mobj_discard(struct mobj *o, uint64_t start, uint64_t n)
{
	uint64_t end = start + n < start ? UINT64_MAX : start + n;

	spin_lock(&o->lock);
	tree_remove(o, start, end, true);
	spin_unlock(&o->lock);
}

int mobj_move(struct mobj *from, uint64_t start, uint64_t n, struct mobj *to, uint64_t to_start)
{
	uint64_t index = start, end = start + n;
	struct frame *f;
	int err = 0;

	spin_lock(&from->lock);
	spin_lock(&to->lock);
	while (!err && (f = mobj_next_locked(from, &index, end))) {
		err = tree_insert(to, to_start + (index - start), f);
		index++;
	}
	if (err) /* here: what was inserted still belongs to from */
		tree_remove(to, to_start, to_start + n, false);
	else
		tree_remove(from, start, end, false);
	spin_unlock(&to->lock);
	spin_unlock(&from->lock);
	return err;
}

void mobj_replace_locked(struct mobj *o, uint64_t index, struct frame *f)
{
	struct mobj_node *leaf = mobj_leaf_locked(o, index);
	struct frame *old = leaf->slot[index & NODE_MASK];

	leaf->slot[index & NODE_MASK] = f;
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
	TRACE(TRACE_FRAME_PIN, frame_pfn(old).v, -1, 0, 0, 0, 0);
	frame_put(old);
}

/* => a copy of the subtree, each frame of it pinned once more; NULL: no memory, nothing kept. */
static struct mobj_node *node_fork(const struct mobj_node *from, unsigned height)
{
	struct mobj_node *n = cache_alloc(node_cache);
	unsigned i;

	if (!n)
		return NULL;
	memset(n, 0, sizeof *n);
	for (i = 0; i < NODE_SLOTS; i++) {
		struct frame *f = from->slot[i];

		if (!f)
			continue;
		if (height > 1) {
			n->slot[i] = node_fork(from->slot[i], height - 1);
			if (!n->slot[i])
				break;
		} else {
			frame_get(f);
			TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
			n->slot[i] = f;
		}
		n->used++;
	}
	if (i == NODE_SLOTS)
		return n;
	/* here: height > 1; slots below i are whole */
	while (i-- > 0)
		if (n->slot[i])
			node_free(n->slot[i], height - 1);
	cache_free(node_cache, n);
	return NULL;
}

struct mobj *mobj_fork(struct mobj *o)
{
	struct mobj *to = mobj_create(o->kind, o->size);

	if (!to)
		return NULL;
	spin_lock(&o->lock);
	if (o->root) {
		to->root = node_fork(o->root, o->height);
		if (to->root) {
			to->height = o->height;
			to->base = o->base;
			to->nframes = o->nframes;
		}
	}
	spin_unlock(&o->lock);
	if (!to->root && o->root) {
		mobj_put(to);
		return NULL;
	}
	return to;
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

void mobj_truncate(struct mobj *o, uint64_t size)
{
	struct frame *f;

	spin_lock(&o->lock);
	if (size < o->size) {
		tree_remove(o, (size >> PAGE_SHIFT) + ((size & PAGE_MASK) != 0), UINT64_MAX, true);
		f = mobj_lookup_locked(o, size >> PAGE_SHIFT);
		if (f)
			memset((char *)frame_kva(f) + (size & PAGE_MASK), 0,
			       PAGE_SIZE - (size & PAGE_MASK));
	}
	o->size = size;
	spin_unlock(&o->lock);
}

/* -- check --------------------------------------------------------------------------------- */

/* => frames in the subtree. I2 to I4. */
static uint64_t node_check(const struct mobj *o, const struct mobj_node *n, unsigned height)
{
	uint64_t nframes = 0;
	uint32_t used = 0;

	for (unsigned i = 0; i < NODE_SLOTS; i++) {
		const struct frame *f = n->slot[i];

		if (!f)
			continue;
		used++;
		if (height > 1) {
			nframes += node_check(o, n->slot[i], height - 1);
			continue;
		}
		nframes++;
		CHECK3(f->refs, >=, 1);
		CHECK3(f->state, ==, o->kind == MOBJ_FILE ? TF_FILE : TF_ANON);
	}
	CHECK3(used, ==, n->used);
	CHECK3(used, >, 0);
	return nframes;
}

void mobj_check(struct mobj *o)
{
	uint64_t nframes = 0, index;

	spin_lock(&o->lock);
	CHECK3(o->height == 0, ==, o->root == NULL); /* I1 */
	CHECK3(o->height, <=, MAX_HEIGHT);
	if (o->root) {
		CHECK3(o->base & (node_span(o->height) - 1), ==, 0);
		nframes = node_check(o, o->root, o->height);
	}
	CHECK3(nframes, ==, o->nframes); /* I3 */
	if (o->kind == MOBJ_FILE) {      /* I5 */
		index = (o->size >> PAGE_SHIFT) + ((o->size & PAGE_MASK) != 0);
		CHECK(!mobj_next_locked(o, &index, UINT64_MAX));
	}
	spin_unlock(&o->lock);
}
