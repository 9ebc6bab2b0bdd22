/*
 * Trees of frames: arrays of frames, indexed by page, that are copied in no time
 * and share what neither copy has changed. Theory and invariants: tree.c.
 */
#ifndef KERNEL_TREE_H
#define KERNEL_TREE_H

#include "kernel/lib/trace.h"
#include "kernel/lib/types.h"
#include "kernel/mm/frame/frame.h"

#define TREE_SHIFT 6
#define TREE_SLOTS (1u << TREE_SHIFT)

struct tree_node {
	void *slot[TREE_SLOTS]; /* struct frame at height 1, else struct tree_node */
	uint32_t refs;          /* trees and slots of nodes that point here; atomic */
	uint32_t count;         /* frames in the subtree */
};

/* All zero: empty. */
struct tree {
	struct tree_node *root;
	uint64_t base;   /* index of the first page that root can hold */
	unsigned height; /* levels of nodes; 0: no root */
	bool shared;     /* a node may have other parents. false: none has */
};

/* => the node of height 1 that page `index` belongs to; NULL: there is none. */
static inline struct tree_node *tree_leaf(const struct tree *t, uint64_t index)
{
	struct tree_node *n = t->root;
	unsigned shift = t->height * TREE_SHIFT;

	/* here: n, if any, spans 2^shift pages, and page `index` is one of them */
	if (!n || (index - t->base) >> shift)
		return NULL;
	while ((shift -= TREE_SHIFT) > 0 && n)
		n = n->slot[(index >> shift) & (TREE_SLOTS - 1)];
	return n;
}

/* => the frame of page `index`, without a new reference; NULL if there is none. */
static inline struct frame *tree_lookup(const struct tree *t, uint64_t index)
{
	const struct tree_node *n = tree_leaf(t, index);

	return n ? n->slot[index & (TREE_SLOTS - 1)] : NULL;
}

/*
 * => the node of height 1 that page `index` belongs to, if it and all above it are this tree's
 * alone: its slots may be changed as they are. NULL: one is missing or shared.
 */
static inline struct tree_node *tree_own_leaf(const struct tree *t, uint64_t index)
{
	struct tree_node *n = t->root;
	unsigned shift = t->height * TREE_SHIFT;

	if (!t->shared)
		return tree_leaf(t, index);
	if (!n || (index - t->base) >> shift)
		return NULL;
	while (n && __atomic_load_n(&n->refs, __ATOMIC_ACQUIRE) == 1) {
		shift -= TREE_SHIFT;
		if (shift == 0)
			return n;
		n = n->slot[(index >> shift) & (TREE_SLOTS - 1)];
	}
	return NULL;
}

/* tree_set() for a page that has no frame, but such a node. */
static inline void tree_fill(struct tree *t, struct tree_node *leaf, uint64_t index,
			     struct frame *f)
{
	unsigned shift = t->height * TREE_SHIFT;

	leaf->slot[index & (TREE_SLOTS - 1)] = f;
	for (struct tree_node *n = t->root; n != leaf;
	     n = n->slot[(index >> shift) & (TREE_SLOTS - 1)]) {
		n->count++;
		shift -= TREE_SHIFT;
	}
	leaf->count++;
	__atomic_fetch_add(&f->pins, 1, __ATOMIC_RELAXED);
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
}

/* tree_set() for a page that has a frame, and such a node. */
static inline void tree_replace(struct tree_node *leaf, uint64_t index, struct frame *f)
{
	struct frame *was = leaf->slot[index & (TREE_SLOTS - 1)];

	leaf->slot[index & (TREE_SLOTS - 1)] = f;
	TRACE(TRACE_FRAME_PIN, frame_pfn(f).v, 1, 0, 0, 0, 0);
	TRACE(TRACE_FRAME_PIN, frame_pfn(was).v, -1, 0, 0, 0, 0);
	frame_put(was);
}

/* => the number of frames. */
static inline uint64_t tree_count(const struct tree *t)
{
	return t->root ? t->root->count : 0;
}

/* => the frame of page `index`, which has one, is in no other tree by way of a shared node. */
bool tree_is_private(const struct tree *t, uint64_t index);

/* => the first page in [*index, end) that has a frame, with its *index; NULL: none. */
struct frame *tree_next(const struct tree *t, uint64_t *index, uint64_t end);

/* => false: no memory for the nodes' cache. Before anything else here, as often as one likes. */
bool tree_ready(void);

/*
 * Gives page `index`, which has no frame, or another one, frame f, whose reference the tree takes
 * over as its pin; the old frame's pin is given back.
 * => 0 or -ENOMEM (no page changed, the reference stays the caller's).
 */
int tree_set(struct tree *t, uint64_t index, struct frame *f);

/*
 * Makes what a removal of pages [start, end) has to change the tree's own.
 * => 0 or -ENOMEM (no page changed).
 */
int tree_prepare(struct tree *t, uint64_t start, uint64_t end);

/* Gives back the pins of pages [start, end). => the tree is prepared for it, if it is shared. */
void tree_remove(struct tree *t, uint64_t start, uint64_t end);

/*
 * Takes pages [start, end) out of `from` and makes them the contents of `to`, which is empty, at
 * the same indexes. => 0 or -ENOMEM (no page changed).
 */
int tree_split(struct tree *from, uint64_t start, uint64_t end, struct tree *to);

/* `to`, which is empty, becomes a copy of `from`: every node is now shared. */
void tree_copy(struct tree *from, struct tree *to);

/* Checks the invariants; calls `each` for every frame. */
void tree_check(const struct tree *t, void (*each)(const void *ctx, const struct frame *f),
		const void *ctx);

#endif
