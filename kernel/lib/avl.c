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
 * break I1, I2 and I4 only at n's ancestors; avl_repair() walks up and mends
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

static void node_refresh(struct avl_tree *t, struct avl_node *n)
{
	avl_refresh(n, avl_height(n->left), avl_height(n->right), t->update);
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

struct avl_node *avl_rotate(struct avl_tree *t, struct avl_node *n)
{
	if (avl_height(n->left) > avl_height(n->right)) {
		if (avl_height(n->left->left) < avl_height(n->left->right))
			rotate_left(t, n->left);
		return rotate_right(t, n);
	}
	if (avl_height(n->right->right) < avl_height(n->right->left))
		rotate_right(t, n->right);
	return rotate_left(t, n);
}

struct avl_node *avl_take(struct avl_tree *t, struct avl_node *n, struct avl_node **moved)
{
	struct avl_node *next, *lowest;

	*moved = NULL;
	if (!n->left || !n->right) {
		node_replace(t, n, n->left ? n->left : n->right);
		return n->parent;
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
	*moved = next;
	return lowest;
}

void avl_insert(struct avl_tree *t, struct avl_node *n, struct avl_node *parent,
		struct avl_node **link)
{
	avl_insert_with(t, n, parent, link, t->update);
}

void avl_remove(struct avl_tree *t, struct avl_node *n)
{
	avl_remove_with(t, n, t->update);
}

void avl_update(struct avl_tree *t, struct avl_node *n)
{
	avl_update_with(n, t->update);
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
	l = avl_height(n->left);
	r = avl_height(n->right);
	CHECK3(n->height, ==, 1 + (l > r ? l : r)); /* I1 */
	CHECK(l - r <= 1 && r - l <= 1);            /* I2 */
	return count;
}

size_t avl_check(const struct avl_tree *t)
{
	return node_check(t->root, NULL);
}
