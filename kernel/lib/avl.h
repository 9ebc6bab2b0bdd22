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

/* In order; NULL at the end. */
struct avl_node *avl_first(const struct avl_tree *t);
struct avl_node *avl_last(const struct avl_tree *t);
struct avl_node *avl_next(const struct avl_node *n);
struct avl_node *avl_prev(const struct avl_node *n);

/* Checks links, heights and balance; stops at the first that is wrong. => number of nodes. */
size_t avl_check(const struct avl_tree *t);

#endif
