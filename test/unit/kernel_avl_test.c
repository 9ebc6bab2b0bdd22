/*
 * AVL trees: random insertion and removal against a sorted array, balance, and
 * subtree summaries (here: the sum of the keys).
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "kernel/lib/avl.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"

#define KEYS 300

struct item {
	struct avl_node node;
	uint64_t key, sum;
	bool in;
};

static struct item items[KEYS];

static struct item *item_of(struct avl_node *n)
{
	return container_of(n, struct item, node);
}

/* Keys above KEYS / 2 do not count, so that many changes do not reach the root. */
static uint64_t value_of(const struct item *it)
{
	return it->key > KEYS / 2 ? 0 : it->key;
}

static bool item_update(struct avl_node *n)
{
	uint64_t before = item_of(n)->sum;

	item_of(n)->sum = value_of(item_of(n)) + (n->left ? item_of(n->left)->sum : 0) +
			  (n->right ? item_of(n->right)->sum : 0);
	return item_of(n)->sum != before;
}

/* Every node's summary, and not only the root's. */
static uint64_t sums_check(struct avl_node *n)
{
	uint64_t sum;

	if (!n)
		return 0;
	sum = value_of(item_of(n)) + sums_check(n->left) + sums_check(n->right);
	assert_int_equal(item_of(n)->sum, sum);
	return sum;
}

static void item_insert(struct avl_tree *t, struct item *it)
{
	struct avl_node **link = &t->root, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < item_of(parent)->key ? &parent->left : &parent->right;
	}
	avl_insert(t, &it->node, parent, link);
	it->in = true;
}

static void compare(const struct avl_tree *t)
{
	struct avl_node *n = avl_first(t), *last = NULL;
	uint64_t sum = 0;
	size_t count = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		if (!items[i].in)
			continue;
		assert_ptr_equal(n, &items[i].node);
		assert_ptr_equal(avl_prev(n), last);
		sum += value_of(&items[i]);
		count++;
		last = n;
		n = avl_next(n);
	}
	assert_null(n);
	assert_ptr_equal(avl_last(t), last);
	assert_int_equal(avl_check(t), count);
	assert_int_equal(sums_check(t->root), sum);
}

static void random_against_an_array(void **state)
{
	struct avl_tree t;
	struct rng rng;

	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		rand_seed(seed);
		rng = rng_for("avl");
		memset(items, 0, sizeof items);
		for (unsigned i = 0; i < KEYS; i++)
			items[i].key = i + 1;
		avl_init(&t, item_update);
		for (unsigned step = 0; step < 4000; step++) {
			struct item *it = &items[rng_below(&rng, KEYS)];

			if (it->in) {
				avl_remove(&t, &it->node);
				it->in = false;
			} else {
				item_insert(&t, it);
			}
			if (step % 4 == 0)
				compare(&t);
		}
		compare(&t);
	}
}

static void sorted_input_stays_low(void **state)
{
	struct avl_tree t;

	(void)state;
	memset(items, 0, sizeof items);
	avl_init(&t, NULL);
	for (unsigned i = 0; i < KEYS; i++) {
		items[i].key = i;
		item_insert(&t, &items[i]);
	}
	assert_int_equal(avl_check(&t), KEYS);
	assert_true(t.root->height <= 11); /* 1.44 log2(300) */
}

static void changed_fields(void **state)
{
	struct avl_tree t;

	(void)state;
	memset(items, 0, sizeof items);
	avl_init(&t, item_update);
	for (unsigned i = 0; i < 50; i++) {
		items[i].key = 1;
		item_insert(&t, &items[i]);
	}
	items[30].key = 100; /* summaries only: the order is not looked at */
	avl_update(&t, &items[30].node);
	assert_int_equal(item_of(t.root)->sum, 149);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_against_an_array),
	    cmocka_unit_test(sorted_input_stays_low),
	    cmocka_unit_test(changed_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
