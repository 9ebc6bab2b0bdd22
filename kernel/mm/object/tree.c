/*
 * Trees of frames: radix trees whose nodes may be shared.
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
 * Copies. A copy of a tree is one more pointer to its root, however many frames
 * it has. From then on a node with several parents is the same in several trees,
 * and is never changed: who wants to change a page below it first takes a copy of
 * each shared node on the way down, whose slots then point to what the old node's
 * point to (a persistent tree by path copying: Driscoll, Sarnak, Sleator, Tarjan,
 * JCSS 38(1), 1989).
 *
 *	  A       B               A       B
 *	   \     /                |       |
 *	    root (2)    A writes  root'   root
 *	   /    \       ------->  |   \  /   \
 *	  n      m                n'   m(2)   n        frames of n: a pin more
 *
 * Each frame carries one reference for each node that holds it, its *pin*, told
 * to the lens as TRACE_FRAME_PIN; every PTE that maps it adds one. So a frame is
 * a tree's alone when no node on the way to it is shared and its references are
 * one pin and the PTE of its page.
 *
 * Removing. A node whose pages all go is let go whole, shared or not. One that
 * loses a part is changed, and must be the tree's own: tree_prepare() makes the
 * two paths along the ends of the range its own, which can fail; tree_remove()
 * then cannot.
 *
 * Invariants:
 *   I1  height = 0 if and only if root = NULL; base is a multiple of 64^height
 *   I2  a node's `count` is the number of frames below it, and is not 0
 *   I3  a node's `refs` is the number of its parents: trees and slots of nodes
 *   I4  where `shared` is false, every node has refs 1
 *
 * Locks: the tree's owner has one, held by every caller but of tree_copy()'s `to`
 * and tree_split()'s `to`, which are new. A node with refs 1 belongs to the tree
 * that leads to it: nobody else can find it. One with more is read by several
 * owners under several locks, and changes in `refs` alone, which is atomic; who
 * takes the last reference away frees it.
 */
#include "kernel/mm/object/tree.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "abi/linux.h"

#define SLOT_MASK (TREE_SLOTS - 1)

/* Nine levels hold 2^54 pages, more than 64-bit byte offsets can name. */
#define MAX_HEIGHT 9

static struct cache *node_cache;

/* A node without a slot that is in use: what all are when they are free. */
static void node_construct(void *obj)
{
	struct tree_node *n = obj;

	memset(n, 0, sizeof *n);
	n->refs = 1;
}

bool tree_ready(void)
{
	if (!node_cache)
		node_cache = cache_create_constructed("tree node", sizeof(struct tree_node),
						      _Alignof(struct tree_node), node_construct);
	return node_cache;
}

/* Pages that a node of this height spans. */
static uint64_t node_span(unsigned height)
{
	return 1UL << (TREE_SHIFT * height);
}

static unsigned slot_of(uint64_t index, unsigned height)
{
	return (unsigned)(index >> (TREE_SHIFT * (height - 1))) & SLOT_MASK;
}

/* => whether a root of that height and base can hold page `index`. */
static bool root_spans(uint64_t base, unsigned height, uint64_t index)
{
	return height > 0 && (index - base) >> (TREE_SHIFT * height) == 0;
}

/* -- nodes --------------------------------------------------------------------------------- */

static void frame_pin(struct frame *f)
{
	frame_get(f);
	__atomic_fetch_add(&f->pins, 1, __ATOMIC_RELAXED);
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
}

static void frame_unpin(struct frame *f)
{
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, -1, 0, 0, 0, 0);
	__atomic_fetch_sub(&f->pins, 1, __ATOMIC_RELAXED);
	frame_put(f);
}

static struct tree_node *node_create(void)
{
	return cache_alloc(node_cache);
}

static bool node_is_shared(const struct tree_node *n)
{
	return __atomic_load_n(&n->refs, __ATOMIC_ACQUIRE) > 1;
}

/* Gives a parent's reference back; the last one takes along what is below. */
static void node_put(struct tree_node *n, unsigned height)
{
	uint32_t before = __atomic_fetch_sub(&n->refs, 1, __ATOMIC_ACQ_REL);

	CHECK3(before, >, 0);
	if (before > 1)
		return;
	for (unsigned i = 0; i < TREE_SLOTS; i++) {
		if (!n->slot[i])
			continue;
		if (height > 1)
			node_put(n->slot[i], height - 1);
		else
			frame_unpin(n->slot[i]);
		n->slot[i] = NULL;
	}
	n->refs = 1;
	n->count = 0;
	cache_free(node_cache, n);
}

/* Makes the node at *link, whose parent is the tree's own, its own too. => NULL: no memory. */
static struct tree_node *node_own(struct tree_node **link, unsigned height)
{
	struct tree_node *n = *link, *copy;

	if (!node_is_shared(n))
		return n;
	copy = cache_alloc(node_cache);
	if (!copy)
		return NULL;
	memcpy(copy->slot, n->slot, sizeof n->slot);
	copy->refs = 1;
	copy->count = n->count;
	for (unsigned i = 0; i < TREE_SLOTS; i++) {
		if (!copy->slot[i])
			continue;
		if (height > 1) {
			struct tree_node *below = copy->slot[i];

			__atomic_fetch_add(&below->refs, 1, __ATOMIC_RELAXED);
		} else {
			frame_pin(copy->slot[i]);
		}
	}
	node_put(n, height);
	*link = copy;
	return copy;
}

static struct tree_node **link_of(struct tree_node *n, uint64_t index, unsigned height)
{
	return (struct tree_node **)&n->slot[slot_of(index, height)];
}

/* -- looking ------------------------------------------------------------------------------- */

bool tree_is_private(const struct tree *t, uint64_t index)
{
	struct tree_node *n = t->root;

	if (!t->shared)
		return true;
	for (unsigned height = t->height; height > 0 && !node_is_shared(n); height--) {
		if (height == 1)
			return true;
		n = *link_of(n, index, height);
	}
	return false;
}

/* => the first frame at or after *index in the subtree, below end. */
static struct frame *node_next(const struct tree_node *n, unsigned height, uint64_t base,
			       uint64_t *index, uint64_t end)
{
	uint64_t span = node_span(height - 1);
	unsigned i = *index <= base ? 0 : (unsigned)((*index - base) / span);

	for (; i < TREE_SLOTS && base + i * span < end; i++) {
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

struct frame *tree_next(const struct tree *t, uint64_t *index, uint64_t end)
{
	if (t->height == 0 || *index > t->base + (node_span(t->height) - 1))
		return NULL;
	return node_next(t->root, t->height, t->base, index, end);
}

/* -- setting ------------------------------------------------------------------------------- */

/* Puts a page outside the root's span into it. => 0 or -ENOMEM. */
static int root_raise(struct tree *t, uint64_t index)
{
	while (!root_spans(t->base, t->height, index)) {
		struct tree_node *n = node_create();

		if (!n)
			return -ENOMEM;
		n->slot[slot_of(t->base, t->height + 1)] = t->root;
		n->count = t->root->count;
		t->root = n;
		t->height++;
		t->base &= ~(node_span(t->height) - 1);
	}
	return 0;
}

/* The rest of tree_set(), where nodes are missing or shared. */
static __attribute__((noinline)) int set_slowly(struct tree *t, uint64_t index, struct frame *f)
{
	struct tree_node **link = &t->root, **fresh = NULL, *n;
	unsigned fresh_height = 0, height;
	void **slot;

	if (t->height == 0) {
		t->root = node_create();
		if (!t->root)
			return -ENOMEM;
		t->height = 1;
		t->base = index & ~(uint64_t)SLOT_MASK;
	} else if (root_raise(t, index)) {
		return -ENOMEM;
	}
	for (height = t->height;; height--) {
		if (*link) {
			n = node_own(link, height);
		} else {
			n = *link = node_create();
			if (n && !fresh) {
				fresh = link;
				fresh_height = height;
			}
		}
		if (!n || height == 1)
			break;
		link = link_of(n, index, height);
	}
	if (!n) {
		/* here: the copies made so far stay; what has no frame goes, I2 */
		if (fresh) {
			node_put(*fresh, fresh_height);
			*fresh = NULL;
		}
		return -ENOMEM;
	}
	slot = &n->slot[index & SLOT_MASK];
	if (*slot) {
		frame_unpin(*slot);
	} else {
		for (n = t->root, height = t->height; height > 0; height--) {
			n->count++;
			n = *link_of(n, index, height);
		}
	}
	*slot = f;
	return 0;
}

int tree_set(struct tree *t, uint64_t index, struct frame *f)
{
	struct tree_node *leaf = tree_own_leaf(t, index);
	int err;

	if (leaf && !leaf->slot[index & SLOT_MASK]) {
		tree_fill(t, leaf, index, f);
		return 0;
	}
	err = set_slowly(t, index, f);
	if (err)
		return err;
	__atomic_fetch_add(&f->pins, 1, __ATOMIC_RELAXED);
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
	return 0;
}

/* -- removing ------------------------------------------------------------------------------ */

/* A range of pages [start, last], as seen by a node with its first page at `base`. */
static bool is_covered(unsigned height, uint64_t base, uint64_t start, uint64_t last)
{
	return start <= base && last >= base + (node_span(height) - 1);
}

static unsigned first_slot(unsigned height, uint64_t base, uint64_t start)
{
	return start <= base ? 0 : (unsigned)((start - base) / node_span(height - 1));
}

static unsigned last_slot(unsigned height, uint64_t base, uint64_t last)
{
	if (last >= base + (node_span(height) - 1))
		return SLOT_MASK;
	return (unsigned)((last - base) / node_span(height - 1));
}

/* => whether [start, end) has pages that the tree could hold; *last is its last page. */
static bool range_meets(const struct tree *t, uint64_t start, uint64_t end, uint64_t *last)
{
	*last = end - 1;
	return t->height > 0 && start < end && *last >= t->base &&
	       start <= t->base + (node_span(t->height) - 1);
}

static int node_prepare(struct tree_node **link, unsigned height, uint64_t base, uint64_t start,
			uint64_t last)
{
	unsigned i = first_slot(height, base, start), stop = last_slot(height, base, last);
	uint64_t span = node_span(height - 1);
	struct tree_node *n;
	int err = 0;

	if (is_covered(height, base, start, last))
		return 0;
	n = node_own(link, height);
	if (!n)
		return -ENOMEM;
	/* here: only the slots at the two ends can lose a part */
	if (height > 1 && n->slot[i])
		err = node_prepare((struct tree_node **)&n->slot[i], height - 1, base + i * span,
				   start, last);
	if (height > 1 && stop > i && n->slot[stop] && !err)
		err = node_prepare((struct tree_node **)&n->slot[stop], height - 1,
				   base + stop * span, start, last);
	return err;
}

int tree_prepare(struct tree *t, uint64_t start, uint64_t end)
{
	uint64_t last;

	if (!t->shared || !range_meets(t, start, end, &last))
		return 0;
	return node_prepare(&t->root, t->height, t->base, start, last);
}

/* Takes [start, last] out of the subtree at *link. => how many frames it lost. */
static uint32_t node_remove(struct tree_node **link, unsigned height, uint64_t base, uint64_t start,
			    uint64_t last)
{
	unsigned i = first_slot(height, base, start), stop = last_slot(height, base, last);
	uint64_t span = node_span(height - 1);
	struct tree_node *n = *link;
	uint32_t lost = 0;

	if (is_covered(height, base, start, last)) {
		lost = n->count;
		node_put(n, height);
		*link = NULL;
		return lost;
	}
	CHECK3(n->refs, ==, 1); /* prepared */
	for (; i <= stop; i++) {
		if (!n->slot[i])
			continue;
		if (height > 1) {
			lost += node_remove((struct tree_node **)&n->slot[i], height - 1,
					    base + i * span, start, last);
		} else {
			frame_unpin(n->slot[i]);
			n->slot[i] = NULL;
			lost++;
		}
	}
	n->count -= lost;
	if (n->count == 0) {
		cache_free(node_cache, n);
		*link = NULL;
	}
	return lost;
}

static void tree_settle(struct tree *t)
{
	if (!t->root)
		*t = (struct tree){.root = NULL};
}

void tree_remove(struct tree *t, uint64_t start, uint64_t end)
{
	uint64_t last;

	if (!range_meets(t, start, end, &last))
		return;
	node_remove(&t->root, t->height, t->base, start, last);
	tree_settle(t);
}

/* -- splitting and copying ----------------------------------------------------------------- */

/* Moves [start, last] of the subtree at *link to *to, with nodes from the list *spare. */
static uint32_t node_split(struct tree_node **link, unsigned height, uint64_t base, uint64_t start,
			   uint64_t last, struct tree_node **to, struct tree_node **spare)
{
	unsigned i = first_slot(height, base, start), stop = last_slot(height, base, last);
	uint64_t span = node_span(height - 1);
	struct tree_node *n = *link, *half;
	uint32_t moved = 0;

	if (is_covered(height, base, start, last)) {
		*to = n;
		*link = NULL;
		return n->count;
	}
	half = *spare;
	*spare = half->slot[0];
	half->slot[0] = NULL;
	for (; i <= stop; i++) {
		if (!n->slot[i])
			continue;
		if (height > 1) {
			moved += node_split((struct tree_node **)&n->slot[i], height - 1,
					    base + i * span, start, last,
					    (struct tree_node **)&half->slot[i], spare);
		} else {
			half->slot[i] = n->slot[i];
			n->slot[i] = NULL;
			moved++;
		}
	}
	n->count -= moved;
	half->count = moved;
	if (n->count == 0) {
		cache_free(node_cache, n);
		*link = NULL;
	}
	if (moved == 0) {
		cache_free(node_cache, half);
		half = NULL;
	}
	*to = half;
	return moved;
}

int tree_split(struct tree *from, uint64_t start, uint64_t end, struct tree *to)
{
	struct tree_node *spare = NULL, *n;
	uint64_t last;
	int err;

	if (!range_meets(from, start, end, &last))
		return 0;
	err = tree_prepare(from, start, end);
	/* A node is cut in two at either end of the range, at each height. */
	for (unsigned i = 0; i < 2 * from->height && !err; i++) {
		n = node_create();
		if (!n) {
			err = -ENOMEM;
			break;
		}
		n->slot[0] = spare;
		spare = n;
	}
	if (!err) {
		*to = *from;
		node_split(&from->root, from->height, from->base, start, last, &to->root, &spare);
		tree_settle(from);
		tree_settle(to);
	}
	while (spare) {
		n = spare;
		spare = n->slot[0];
		n->slot[0] = NULL;
		cache_free(node_cache, n);
	}
	return err;
}

void tree_copy(struct tree *from, struct tree *to)
{
	if (!from->root)
		return;
	from->shared = true;
	*to = *from;
	__atomic_fetch_add(&from->root->refs, 1, __ATOMIC_RELAXED);
}

/* -- check --------------------------------------------------------------------------------- */

/* => frames in the subtree. I2 to I4. */
static uint64_t node_check(const struct tree *t, const struct tree_node *n, unsigned height,
			   void (*each)(const void *ctx, const struct frame *f), const void *ctx)
{
	uint64_t count = 0;

	CHECK3(n->refs, >=, 1);
	if (!t->shared)
		CHECK3(n->refs, ==, 1);
	for (unsigned i = 0; i < TREE_SLOTS; i++) {
		if (!n->slot[i])
			continue;
		if (height > 1) {
			count += node_check(t, n->slot[i], height - 1, each, ctx);
		} else {
			each(ctx, n->slot[i]);
			count++;
		}
	}
	CHECK3(count, ==, n->count);
	CHECK3(count, >, 0);
	return count;
}

void tree_check(const struct tree *t, void (*each)(const void *ctx, const struct frame *f),
		const void *ctx)
{
	CHECK3(t->height == 0, ==, t->root == NULL); /* I1 */
	CHECK3(t->height, <=, MAX_HEIGHT);
	if (!t->root)
		return;
	CHECK3(t->base & (node_span(t->height) - 1), ==, 0);
	node_check(t, t->root, t->height, each, ctx);
}
