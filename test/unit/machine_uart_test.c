/* The serial port, and the real-time clock and finisher beside it. */
#include "test/unit/machine_board.h"

#define UART BOARD_UART_BASE

/* Lets the PLIC pass the UART's line to hart 0's S-mode. */
static void listen(struct board *b, unsigned source)
{
	board_put(b, BOARD_PLIC_BASE + 4 * source, 4, 1);
	board_put(b, BOARD_PLIC_BASE + 0x2080, 4, 1u << source);
}

static void sends_bytes(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	board_put(&b, UART, 1, 'h');
	board_put(&b, UART, 1, 'i');
	assert_int_equal(b.out_len[STREAM_UART], 2);
	assert_memory_equal(b.out[STREAM_UART], "hi", 2);
	assert_int_equal(board_get(&b, UART + 5, 1), 0x60);
	board_fini(&b);
}

static void divisor_latch_hides_data(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	board_put(&b, UART + 3, 1, 0x83);
	board_put(&b, UART, 1, 0x12);
	board_put(&b, UART + 1, 1, 0x34);
	assert_int_equal(board_get(&b, UART, 1), 0x12);
	assert_int_equal(board_get(&b, UART + 1, 1), 0x34);
	board_put(&b, UART + 3, 1, 0x03);
	assert_int_equal(board_get(&b, UART + 1, 1), 0);
	assert_int_equal(b.out_len[STREAM_UART], 0);
	board_put(&b, UART + 7, 1, 0x5a);
	assert_int_equal(board_get(&b, UART + 7, 1), 0x5a);
	board_fini(&b);
}

static void empty_interrupt_is_an_event(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	listen(&b, BOARD_IRQ_UART);
	assert_int_equal(board_get(&b, UART + 2, 1), 0x01);
	board_put(&b, UART + 1, 1, 0x02);
	assert_true(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(board_get(&b, UART + 2, 1), 0x02);
	assert_int_equal(board_get(&b, UART + 2, 1), 0x01); /* reading IIR cleared it */
	board_put(&b, UART, 1, 'x');
	assert_int_equal(board_get(&b, UART + 2, 1), 0x02);
	board_put(&b, UART + 2, 1, 0x01);
	board_put(&b, UART, 1, 'x');
	assert_int_equal(board_get(&b, UART + 2, 1), 0xc2);
	board_fini(&b);
}

static void receives_input(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	listen(&b, BOARD_IRQ_UART);
	board_put(&b, UART + 1, 1, 0x01);
	assert_false(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(uart_input(b.m, "0123456789abcdefgh", 18), 16);
	assert_true(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(board_get(&b, UART + 2, 1), 0x04);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(board_get(&b, UART + 5, 1) & 1, 1);
		assert_int_equal(board_get(&b, UART, 1), "0123456789abcdef"[i]);
	}
	assert_int_equal(board_get(&b, UART + 5, 1) & 1, 0);
	assert_int_equal(board_get(&b, UART, 1), 0);
	board_fini(&b);
}

static void refused_output_is_swallowed(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	b.refuse[STREAM_UART] = true;
	board_put(&b, UART, 1, 'x');
	b.refuse[STREAM_UART] = false;
	board_put(&b, UART, 1, 'y');
	assert_int_equal(b.out_len[STREAM_UART], 0);
	board_fini(&b);
}

static void clock_goes_and_alarm_rings(void **state)
{
	struct board b;
	uint64_t epoch, now;

	board_init(&b, 1 << 20, 1);
	listen(&b, BOARD_IRQ_RTC);
	epoch = b.cfg.epoch_ns;
	b.m->harts[0].clock = 5000;
	now = board_get(&b, BOARD_RTC_BASE, 4);
	now |= board_get(&b, BOARD_RTC_BASE + 4, 4) << 32;
	assert_int_equal(now, epoch + 5000);

	board_put(&b, BOARD_RTC_BASE + 0x10, 4, 1);
	board_put(&b, BOARD_RTC_BASE + 0x0c, 4, (epoch + 9000) >> 32);
	board_put(&b, BOARD_RTC_BASE + 0x08, 4, (epoch + 9000) & 0xffffffff);
	assert_int_equal(rtc_deadline(b.m), 9000);
	rtc_update(b.m, 8999);
	assert_false(board_irq(&b, 0, IRQ_SEIP));
	rtc_update(b.m, 9000);
	assert_true(board_irq(&b, 0, IRQ_SEIP));
	assert_int_equal(rtc_deadline(b.m), UINT64_MAX);
	assert_int_equal(board_get(&b, BOARD_RTC_BASE + 0x18, 4), 0);

	/* An alarm in the past rings at once; the guest may set the time. */
	board_put(&b, BOARD_RTC_BASE + 0x04, 4, 7);
	board_put(&b, BOARD_RTC_BASE + 0x00, 4, 0);
	assert_int_equal(board_get(&b, BOARD_RTC_BASE, 4), 0);
	assert_int_equal(board_get(&b, BOARD_RTC_BASE + 4, 4), 7);
	board_put(&b, BOARD_RTC_BASE + 0x0c, 4, 6);
	board_put(&b, BOARD_RTC_BASE + 0x08, 4, 0);
	assert_int_equal(rtc_deadline(b.m), UINT64_MAX);
	board_fini(&b);
}

static void finisher_ends(void **state)
{
	struct board b;

	board_init(&b, 1 << 20, 1);
	board_put(&b, BOARD_FINISHER_BASE, 4, 1);
	board_put(&b, BOARD_FINISHER_BASE + 4, 4, FINISHER_PASS);
	assert_false(b.m->finished);
	board_put(&b, BOARD_FINISHER_BASE, 4, FINISHER_FAIL | 0x8b << 16);
	assert_int_equal(machine_run(b.m, 100), STOP_FINISHED);
	assert_int_equal(machine_finish_code(b.m), 0x8b);
	board_fini(&b);
	board_init(&b, 1 << 20, 1);
	board_put(&b, BOARD_FINISHER_BASE, 4, FINISHER_RESET);
	assert_int_equal(machine_run(b.m, 100), STOP_RESET);
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sends_bytes),
	    cmocka_unit_test(divisor_latch_hides_data),
	    cmocka_unit_test(empty_interrupt_is_an_event),
	    cmocka_unit_test(receives_input),
	    cmocka_unit_test(refused_output_is_swallowed),
	    cmocka_unit_test(clock_goes_and_alarm_rings),
	    cmocka_unit_test(finisher_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
