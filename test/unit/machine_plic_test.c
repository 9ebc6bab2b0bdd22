/* The interrupt controller: life of a source, priorities, thresholds, contexts. */
#include "test/unit/machine_board.h"

#define PRIORITY(s)    (BOARD_PLIC_BASE + 4 * (s))
#define PENDING        (BOARD_PLIC_BASE + 0x1000)
#define ENABLE(ctx)    (BOARD_PLIC_BASE + 0x2000 + 0x80 * (ctx))
#define THRESHOLD(ctx) (BOARD_PLIC_BASE + 0x200000 + 0x1000 * (ctx))
#define CLAIM(ctx)     (THRESHOLD(ctx) + 4)

static void life_of_a_source(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	board_put(&b, PRIORITY(10), 4, 1);
	board_put(&b, ENABLE(1), 4, 1 << 10);
	plic_set_level(b.m, 10, true);
	assert_true(board_irq(&b, 0, IRQ_SEIP));
	assert_false(board_irq(&b, 0, IRQ_MEIP));
	assert_int_equal(board_get(&b, PENDING, 4), 1 << 10);
	assert_int_equal(board_get(&b, CLAIM(1), 4), 10);
	assert_int_equal(board_get(&b, PENDING, 4), 0);
	assert_false(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(board_get(&b, CLAIM(1), 4), 0);

	/* Still high when completed: pending again. */
	board_put(&b, CLAIM(1), 4, 10);
	assert_true(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(board_get(&b, CLAIM(1), 4), 10);
	plic_set_level(b.m, 10, false);
	board_put(&b, CLAIM(1), 4, 10);
	assert_false(board_irq(&b, 0, IRQ_SEIP));

	/* A line that falls before the claim leaves its request behind. */
	plic_set_level(b.m, 10, true);
	plic_set_level(b.m, 10, false);
	assert_int_equal(board_get(&b, CLAIM(1), 4), 10);
	board_put(&b, CLAIM(1), 4, 10);
	assert_int_equal(board_get(&b, CLAIM(1), 4), 0);
	board_fini(&b);
}

static void best_source_first(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	board_put(&b, PRIORITY(3), 4, 2);
	board_put(&b, PRIORITY(40), 4, 5);
	board_put(&b, PRIORITY(96), 4, 5);
	board_put(&b, PRIORITY(7), 4, 0);
	board_put(&b, ENABLE(1), 4, 1 << 3 | 1 << 7);
	board_put(&b, ENABLE(1) + 4, 4, 1 << 8);
	board_put(&b, ENABLE(1) + 12, 4, 1);
	plic_set_level(b.m, 3, true);
	plic_set_level(b.m, 7, true); /* priority 0: never */
	plic_set_level(b.m, 40, true);
	plic_set_level(b.m, 96, true);
	board_put(&b, THRESHOLD(1), 4, 5);
	assert_false(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(board_get(&b, CLAIM(1), 4), 40); /* a claim asks no threshold */
	board_put(&b, THRESHOLD(1), 4, 4);
	assert_true(board_irq(&b, 0, IRQ_SEIP));
	board_put(&b, THRESHOLD(1), 4, 0);
	assert_int_equal(board_get(&b, CLAIM(1), 4), 96);
	assert_int_equal(board_get(&b, CLAIM(1), 4), 3);
	assert_int_equal(board_get(&b, CLAIM(1), 4), 0);
	assert_false(board_irq(&b, 0, IRQ_SEIP));
	board_fini(&b);
}

static void contexts_are_apart(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 2);
	board_put(&b, PRIORITY(1), 4, 1);
	board_put(&b, ENABLE(2), 4, 2); /* hart 1, M-mode */
	plic_set_level(b.m, 1, true);
	assert_false(board_irq(&b, 0, IRQ_SEIP));
	assert_true(board_irq(&b, 1, IRQ_MEIP));
	assert_int_equal(board_get(&b, CLAIM(3), 4), 0);
	assert_int_equal(board_get(&b, CLAIM(2), 4), 1);
	board_put(&b, CLAIM(3), 4, 1); /* not enabled there: ignored */
	assert_false(board_irq(&b, 1, IRQ_MEIP));
	board_put(&b, CLAIM(2), 4, 1);
	assert_true(board_irq(&b, 1, IRQ_MEIP));
	board_fini(&b);
}

static void what_does_not_exist(void **state)
{
	struct board b;
	struct bus_device *dev;
	uint64_t value;

	board_init(&b, 1 << 20, 1);
	board_put(&b, PRIORITY(0), 4, 7);
	assert_int_equal(board_get(&b, PRIORITY(0), 4), 0);
	board_put(&b, PRIORITY(97), 4, 7);
	assert_int_equal(board_get(&b, PRIORITY(97), 4), 0);
	board_put(&b, ENABLE(0), 4, 0xffffffff);
	assert_int_equal(board_get(&b, ENABLE(0), 4), 0xfffffffe);
	board_put(&b, ENABLE(0) + 12, 4, 0xffffffff);
	assert_int_equal(board_get(&b, ENABLE(0) + 12, 4), 1);
	board_put(&b, ENABLE(9), 4, 0xffffffff);
	assert_int_equal(board_get(&b, ENABLE(9), 4), 0);
	board_put(&b, CLAIM(0), 4, 0xffffffff);
	board_put(&b, PENDING, 4, 0xffffffff);
	assert_int_equal(board_get(&b, PENDING, 4), 0);
	dev = bus_find(b.m, BOARD_PLIC_BASE, 4);
	assert_false(dev->load(dev->self, 0, 8, &value));
	assert_false(dev->load(dev->self, 2, 4, &value));

	/* Every word of the window answers. */
	for (uint64_t off = 0; off < BOARD_PLIC_SIZE; off += 4) {
		assert_true(dev->load(dev->self, off, 4, &value));
		assert_true(dev->store(dev->self, off, 4, 0x5a5a5a5a));
	}
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(life_of_a_source),
	    cmocka_unit_test(best_source_first),
	    cmocka_unit_test(contexts_are_apart),
	    cmocka_unit_test(what_does_not_exist),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
