/*
 * AVL trees with subtree summaries (G. Adelson-Velsky and E. Landis, 1962).
 *
 * Invariants, for every node n:
 *   I1  n.height = 1 + max(height(n.left), height(n.right)), an empty subtree's height being 0
 *   I2  the two heights differ by at most 1
 *   I3  n.left.parent = n.right.parent = n, and the root's parent is NULL
 *   I4  n's summary is what update() makes of n and its children
 *
 * So a tree of n nodes is at most 1.44 log2(n) high. A change below n can
 * break I1, I2 and I4 only at n's ancestors; tree_repair() walks up and mends
 * them in that order, rotating where I2 fails. It stops at the first subtree that
 * is as high as before and has the same summary, since nothing else of it is seen
 * above:
 *
 *          n                c                    n                g
 *         / \              / \                  / \             /   \
 *        c   z    ->      x   n                c   z    ->     c     n
 *       / \                  / \              / \             / \   / \
 *      x   y                y   z            x   g           x   p q   z
 *     (x at least as high as y)                 / \        (g higher than x)
 *                                              p   q
 *
 * A tree is guarded by the lock of whatever it belongs to. Nothing can fail.
 */
#include "kernel/lib/avl.h"
#include "kernel/lib/lib.h"

void avl_init(struct avl_tree *t, bool (*update)(struct avl_node *n))
{
	t->root = NULL;
	t->update = update;
}

static int node_height(const struct avl_node *n)
{
	return n ? n->height : 0;
}

/* The same as below, when the heights of n's children, l and r, are at hand. */
static inline bool node_set(struct avl_tree *t, struct avl_node *n, int l, int r)
{
	int height = 1 + (l > r ? l : r);
	bool differs = height != n->height;

	n->height = height;
	if (t->update)
		differs |= t->update(n);
	return differs;
}

/* I1 and I4 at n, its children being right. => whether n looks different from above. */
static inline bool node_refresh(struct avl_tree *t, struct avl_node *n)
{
	return node_set(t, n, node_height(n->left), node_height(n->right));
}

/* Puts `to` (may be NULL) where `from` hangs; from's own links stay. */
static void node_replace(struct avl_tree *t, struct avl_node *from, struct avl_node *to)
{
	struct avl_node *parent = from->parent;

	if (!parent)
		t->root = to;
	else if (parent->left == from)
		parent->left = to;
	else
		parent->right = to;
	if (to)
		to->parent = parent;
}

/* => n's left child stands in n's place, n below it on the right. */
static struct avl_node *rotate_right(struct avl_tree *t, struct avl_node *n)
{
	struct avl_node *c = n->left;

	node_replace(t, n, c);
	n->left = c->right;
	if (n->left)
		n->left->parent = n;
	c->right = n;
	n->parent = c;
	node_refresh(t, n);
	node_refresh(t, c);
	return c;
}

static struct avl_node *rotate_left(struct avl_tree *t, struct avl_node *n)
{
	struct avl_node *c = n->right;

	node_replace(t, n, c);
	n->right = c->left;
	if (n->right)
		n->right->parent = n;
	c->left = n;
	n->parent = c;
	node_refresh(t, n);
	node_refresh(t, c);
	return c;
}

/*
 * Mends I1, I2 and I4 from n up: to the root, or as far as subtrees look different from above. n
 * and its ancestors have the heights and summaries of the places where they stand, before the
 * change.
 */
static void tree_repair(struct avl_tree *t, struct avl_node *n)
{
	bool differs = true;

	for (; n && differs; n = n->parent) {
		int l = node_height(n->left), r = node_height(n->right);

		if (l > r + 1) {
			if (node_height(n->left->left) < node_height(n->left->right))
				rotate_left(t, n->left);
			n = rotate_right(t, n);
		} else if (r > l + 1) {
			if (node_height(n->right->right) < node_height(n->right->left))
				rotate_right(t, n->right);
			n = rotate_left(t, n);
		} else {
			differs = node_set(t, n, l, r);
		}
	}
}

void avl_insert(struct avl_tree *t, struct avl_node *n, struct avl_node *parent,
		struct avl_node **link)
{
	n->left = n->right = NULL;
	n->parent = parent;
	*link = n;
	node_refresh(t, n);
	tree_repair(t, parent);
}

void avl_remove(struct avl_tree *t, struct avl_node *n)
{
	struct avl_node *next, *lowest;

	if (!n->left || !n->right) {
		lowest = n->parent;
		node_replace(t, n, n->left ? n->left : n->right);
		tree_repair(t, lowest);
		return;
	}
	/* here: two children; the next in order has no left child and takes n's place */
	next = n->right;
	while (next->left)
		next = next->left;
	lowest = next->parent == n ? next : next->parent;
	node_replace(t, next, next->right);
	next->left = n->left;
	next->left->parent = next;
	next->right = n->right;
	if (next->right)
		next->right->parent = next;
	node_replace(t, n, next);
	tree_repair(t, lowest);
	/* here: next may not have been reached, or may look as it did at its old place */
	node_refresh(t, next);
	tree_repair(t, next->parent);
}

void avl_update(struct avl_tree *t, struct avl_node *n)
{
	while (n && t->update(n))
		n = n->parent;
}

struct avl_node *avl_first(const struct avl_tree *t)
{
	struct avl_node *n = t->root;

	while (n && n->left)
		n = n->left;
	return n;
}

struct avl_node *avl_last(const struct avl_tree *t)
{
	struct avl_node *n = t->root;

	while (n && n->right)
		n = n->right;
	return n;
}

struct avl_node *avl_next(const struct avl_node *n)
{
	if (n->right) {
		for (n = n->right; n->left; n = n->left)
			;
		return (struct avl_node *)n;
	}
	while (n->parent && n->parent->right == n)
		n = n->parent;
	return n->parent;
}

struct avl_node *avl_prev(const struct avl_node *n)
{
	if (n->left) {
		for (n = n->left; n->right; n = n->right)
			;
		return (struct avl_node *)n;
	}
	while (n->parent && n->parent->left == n)
		n = n->parent;
	return n->parent;
}

static size_t node_check(const struct avl_node *n, const struct avl_node *parent)
{
	int l, r;
	size_t count;

	if (!n)
		return 0;
	CHECK3((uintptr_t)n->parent, ==, (uintptr_t)parent); /* I3 */
	count = 1 + node_check(n->left, n) + node_check(n->right, n);
	l = node_height(n->left);
	r = node_height(n->right);
	CHECK3(n->height, ==, 1 + (l > r ? l : r)); /* I1 */
	CHECK(l - r <= 1 && r - l <= 1);            /* I2 */
	return count;
}

size_t avl_check(const struct avl_tree *t)
{
	return node_check(t->root, NULL);
}
