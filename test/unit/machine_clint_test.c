/* Comparators, software interrupts, and what a deadline is. */
#include "test/unit/machine_board.h"

#define MSIP(h)     (BOARD_CLINT_BASE + 4 * (h))
#define MTIMECMP(h) (BOARD_CLINT_BASE + 0x4000 + 8 * (h))
#define MTIME       (BOARD_CLINT_BASE + 0xbff8)

static void software_interrupts(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 2);
	board_put(&b, MSIP(1), 4, 0xffffffff);
	assert_true(board_irq(&b, 1, IRQ_MSIP));
	assert_false(board_irq(&b, 0, IRQ_MSIP));
	assert_int_equal(board_get(&b, MSIP(1), 4), 1);
	board_put(&b, MSIP(1), 4, 0);
	assert_false(board_irq(&b, 1, IRQ_MSIP));
	board_put(&b, MSIP(2), 4, 1); /* there is no hart 2 */
	assert_int_equal(board_get(&b, MSIP(2), 4), 0);
	board_fini(&b);
}

static void machine_timer(void **state)
{
	struct board b;
	struct hart *h;

	board_init(&b, 1 << 20, 1);
	h = &b.m->harts[0];
	h->clock = 1050;
	assert_int_equal(board_get(&b, MTIME, 8), 10);
	board_put(&b, MTIMECMP(0), 4, 12);
	board_put(&b, MTIMECMP(0) + 4, 4, 0);
	assert_int_equal(board_get(&b, MTIMECMP(0), 8), 12);
	assert_int_equal(hart_timer_deadline(h), 1200);
	assert_false(board_irq(&b, 0, IRQ_MTIP));
	h->clock = 1199;
	hart_timer_update(h);
	assert_false(board_irq(&b, 0, IRQ_MTIP));
	h->clock = 1200;
	hart_timer_update(h);
	assert_true(board_irq(&b, 0, IRQ_MTIP));
	assert_int_equal(hart_timer_deadline(h), UINT64_MAX);
	board_put(&b, MTIMECMP(0), 8, UINT64_MAX);
	assert_false(board_irq(&b, 0, IRQ_MTIP));
	board_put(&b, MTIMECMP(0), 8, UINT64_MAX / 100 + 1); /* beyond the end of time */
	assert_int_equal(hart_timer_deadline(h), UINT64_MAX);
	board_put(&b, MTIMECMP(0), 8, 0);
	assert_true(board_irq(&b, 0, IRQ_MTIP));
	board_fini(&b);
}

static void supervisor_timer(void **state)
{
	struct board b;
	struct hart *h;

	board_init(&b, 1 << 20, 1);
	h = &b.m->harts[0];
	h->mtimecmp = UINT64_MAX;
	h->menvcfg = MENVCFG_STCE;
	h->stimecmp = 50;
	h->deadline = UINT64_MAX;
	hart_timer_update(h);
	assert_int_equal(h->deadline, 5000);
	assert_false(board_irq(&b, 0, IRQ_STIP));
	h->clock = 5000;
	hart_timer_update(h);
	assert_true(board_irq(&b, 0, IRQ_STIP));
	h->stimecmp = 51;
	hart_timer_update(h);
	assert_false(board_irq(&b, 0, IRQ_STIP));

	/* Without STCE, STIP is software's, and the firmware's comparator only raises it. */
	h->menvcfg = 0;
	h->mip |= 1 << IRQ_STIP;
	hart_timer_update(h);
	assert_true(board_irq(&b, 0, IRQ_STIP));
	h->mip = 0;
	assert_int_equal(hart_timer_deadline(h), UINT64_MAX);
	b.m->sbi_timer[0] = 60;
	assert_int_equal(hart_timer_deadline(h), 6000);
	h->clock = 6000;
	hart_timer_update(h);
	assert_true(board_irq(&b, 0, IRQ_STIP));
	board_fini(&b);
}

static void wakes_a_waiting_hart_in_time(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 2);
	b.m->harts[0].clock = 700;
	b.m->harts[1].clock = 300;
	b.m->harts[1].status = HART_WAITING;
	b.m->harts[1].mie = 1 << IRQ_MSIP;
	b.m->current = &b.m->harts[0];
	board_put(&b, MSIP(1), 4, 1);
	assert_int_equal(b.m->harts[1].clock, 700); /* not before it was called */
	b.m->current = NULL;
	board_fini(&b);
}

static void other_accesses(void **state)
{
	struct board b;
	struct bus_device *dev;
	uint64_t value;

	board_init(&b, 1 << 20, 1);
	dev = bus_find(b.m, BOARD_CLINT_BASE, 4);
	assert_false(dev->load(dev->self, 0, 1, &value));
	assert_false(dev->load(dev->self, 4, 8, &value));
	assert_false(dev->store(dev->self, 2, 4, 0));
	for (uint64_t off = 0; off < BOARD_CLINT_SIZE; off += 8) {
		assert_true(dev->load(dev->self, off, 8, &value));
		assert_true(dev->store(dev->self, off, 8, value));
	}
	board_put(&b, MTIME, 8, 12345);
	assert_int_equal(board_get(&b, MTIME, 8), 0);
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(software_interrupts), cmocka_unit_test(machine_timer),
	    cmocka_unit_test(supervisor_timer),    cmocka_unit_test(wakes_a_waiting_hart_in_time),
	    cmocka_unit_test(other_accesses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
