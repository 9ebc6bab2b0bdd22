/*
 * Balanced search trees (AVL), their nodes inside the objects that they order,
 * with an optional summary of each subtree kept up to date. Theory: avl.c.
 *
 * The tree does not know keys. Whoever inserts descends by its own comparison:
 *
 *	struct avl_node **link = &tree->root, *parent = NULL;
 *	while (*link) {
 *		parent = *link;
 *		link = key < key_of(parent) ? &parent->left : &parent->right;
 *	}
 *	avl_insert(tree, node, parent, link);
 */
#ifndef KERNEL_AVL_H
#define KERNEL_AVL_H

#include "kernel/lib/types.h"

struct avl_node {
	struct avl_node *left, *right, *parent;
	int height; /* of the subtree: 1 for a leaf */
};

struct avl_tree {
	struct avl_node *root;
	/*
	 * Recomputes n's summary from n and its two children's. => whether it is another now. NULL:
	 * no summary.
	 */
	bool (*update)(struct avl_node *n);
};

void avl_init(struct avl_tree *t, bool (*update)(struct avl_node *n));

/* => *link, a child pointer of parent (or the root's), was NULL; order is as the caller says. */
void avl_insert(struct avl_tree *t, struct avl_node *n, struct avl_node *parent,
		struct avl_node **link);
void avl_remove(struct avl_tree *t, struct avl_node *n);

/* To be called after a change of n's own fields that its summary depends on. */
void avl_update(struct avl_tree *t, struct avl_node *n);

/*
 * The same three with the tree's update() given as a constant, for where that is worth inlining it:
 * a node's summary is recomputed at every step up. Below: their parts, for them alone.
 */
static inline void avl_insert_with(struct avl_tree *t, struct avl_node *n, struct avl_node *parent,
				   struct avl_node **link, bool (*update)(struct avl_node *n));
static inline void avl_remove_with(struct avl_tree *t, struct avl_node *n,
				   bool (*update)(struct avl_node *n));
static inline void avl_update_with(struct avl_node *n, bool (*update)(struct avl_node *n));

/* In order; NULL at the end. */
struct avl_node *avl_first(const struct avl_tree *t);
struct avl_node *avl_last(const struct avl_tree *t);
struct avl_node *avl_next(const struct avl_node *n);
struct avl_node *avl_prev(const struct avl_node *n);

/* Checks links, heights and balance; stops at the first that is wrong. => number of nodes. */
size_t avl_check(const struct avl_tree *t);

/* -- parts --------------------------------------------------------------------------------- */

#define AVL_INLINE static inline __attribute__((always_inline))

static inline int avl_height(const struct avl_node *n)
{
	return n ? n->height : 0;
}

/* I2 fails at n, and holds below. => what stands in n's place, where all is right. */
struct avl_node *avl_rotate(struct avl_tree *t, struct avl_node *n);

/*
 * Takes n out. => the lowest node whose children have changed, NULL: none. *moved: the node that is
 * in n's place now and was elsewhere; NULL: none.
 */
struct avl_node *avl_take(struct avl_tree *t, struct avl_node *n, struct avl_node **moved);

/* I1 and I4 at n, whose children are l and r high. => whether n looks different from above. */
AVL_INLINE bool avl_refresh(struct avl_node *n, int l, int r, bool (*update)(struct avl_node *n))
{
	int height = 1 + (l > r ? l : r);
	bool differs = height != n->height;

	n->height = height;
	if (update)
		differs |= update(n);
	return differs;
}

/*
 * Mends I1, I2 and I4 from n up: to the root, or as far as subtrees look different from above. n
 * and its ancestors have the heights and summaries of the places where they stand, before the
 * change.
 */
AVL_INLINE void avl_repair(struct avl_tree *t, struct avl_node *n,
			   bool (*update)(struct avl_node *n))
{
	for (; n; n = n->parent) {
		int l = avl_height(n->left), r = avl_height(n->right);

		if (l > r + 1 || r > l + 1)
			n = avl_rotate(t, n);
		else if (!avl_refresh(n, l, r, update))
			break;
	}
}

AVL_INLINE void avl_insert_with(struct avl_tree *t, struct avl_node *n, struct avl_node *parent,
				struct avl_node **link, bool (*update)(struct avl_node *n))
{
	n->left = n->right = NULL;
	n->parent = parent;
	*link = n;
	avl_refresh(n, 0, 0, update);
	avl_repair(t, parent, update);
}

AVL_INLINE void avl_remove_with(struct avl_tree *t, struct avl_node *n,
				bool (*update)(struct avl_node *n))
{
	struct avl_node *moved, *lowest = avl_take(t, n, &moved);

	avl_repair(t, lowest, update);
	if (!moved)
		return;
	/* here: it may not have been reached, or may look as it did at its old place */
	avl_refresh(moved, avl_height(moved->left), avl_height(moved->right), update);
	avl_repair(t, moved->parent, update);
}

AVL_INLINE void avl_update_with(struct avl_node *n, bool (*update)(struct avl_node *n))
{
	while (n && update(n))
		n = n->parent;
}

#endif
