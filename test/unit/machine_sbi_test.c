/* The firmware's answers, one extension after the other. */
#include "test/unit/machine_board.h"

enum { BASE = 0x10, TIME = 0x54494d45, IPI = 0x735049, RFENCE = 0x52464e43, HSM = 0x48534d };
enum { SRST = 0x53525354, DBCN = 0x4442434e };

#define ENTRY (BOARD_RAM_BASE + BOARD_KERNEL_OFFSET)

static void start(struct board *b, unsigned harts)
{
	static const uint32_t spin[] = {0x0000006f};

	board_init(b, 4 << 20, harts);
	assert_null(machine_load(b->m, spin, sizeof(spin), NULL, 0, NULL));
}

/* A call from a hart. => a0; a1 stays in its register. */
static long call(struct board *b, unsigned hart, uint64_t eid, uint64_t fid, uint64_t a0,
		 uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct hart *h = &b->m->harts[hart];

	h->x[10] = a0;
	h->x[11] = a1;
	h->x[12] = a2;
	h->x[13] = a3;
	h->x[16] = fid;
	h->x[17] = eid;
	b->m->current = h;
	sbi_call(h);
	b->m->current = NULL;
	return (long)h->x[10];
}

static uint64_t value(struct board *b, unsigned hart)
{
	return b->m->harts[hart].x[11];
}

static void base_and_probes(void **state)
{
	struct board b;

	start(&b, 1);
	assert_int_equal(call(&b, 0, BASE, 0, 0, 0, 0, 0), 0);
	assert_int_equal(value(&b, 0), 0x02000000);
	assert_int_equal(call(&b, 0, BASE, 3, DBCN, 0, 0, 0), 0);
	assert_int_equal(value(&b, 0), 1);
	assert_int_equal(call(&b, 0, BASE, 3, 0x12345, 0, 0, 0), 0);
	assert_int_equal(value(&b, 0), 0);
	assert_int_equal(call(&b, 0, BASE, 7, 0, 0, 0, 0), -2);
	assert_int_equal(call(&b, 0, 0x12345, 0, 0, 0, 0, 0), -2);
	assert_int_equal(call(&b, 0, TIME, 1, 0, 0, 0, 0), -2);
	board_fini(&b);
}

static void timers(void **state)
{
	struct board b;
	struct hart *h;

	start(&b, 1);
	h = &b.m->harts[0];
	assert_int_equal(call(&b, 0, TIME, 0, 100, 0, 0, 0), 0);
	assert_int_equal(h->stimecmp, 100);
	assert_int_equal(hart_timer_deadline(h), 10000);
	assert_int_equal(call(&b, 0, TIME, 0, 0, 0, 0, 0), 0);
	assert_true(board_irq(&b, 0, IRQ_STIP));

	/* Without Sstc the firmware keeps its own comparator. */
	h->menvcfg = 0;
	assert_int_equal(call(&b, 0, TIME, 0, 200, 0, 0, 0), 0);
	assert_false(board_irq(&b, 0, IRQ_STIP));
	assert_int_equal(hart_timer_deadline(h), 20000);
	h->clock = 20000;
	hart_timer_update(h);
	assert_true(board_irq(&b, 0, IRQ_STIP));
	call(&b, 0, 0, 0, UINT64_MAX, 0, 0, 0); /* legacy: never */
	assert_false(board_irq(&b, 0, IRQ_STIP));
	board_fini(&b);
}

static void interrupts_between_harts(void **state)
{
	struct board b;
	uint64_t mask = 1;

	start(&b, 4);
	assert_int_equal(call(&b, 0, IPI, 0, 5, 1, 0, 0), 0); /* harts 1 and 3 */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(board_irq(&b, i, IRQ_SSIP), i & 1);
	assert_int_equal(call(&b, 0, IPI, 0, 8, 1, 0, 0), -3);
	assert_int_equal(call(&b, 0, IPI, 0, 1, 4, 0, 0), -3);
	assert_int_equal(call(&b, 0, IPI, 0, 1, 64, 0, 0), -3);
	assert_int_equal(call(&b, 0, IPI, 0, UINT64_MAX, 1, 0, 0), -3);
	assert_int_equal(call(&b, 0, IPI, 0, 0, UINT64_MAX, 0, 0), 0);
	assert_true(board_irq(&b, 0, IRQ_SSIP));

	call(&b, 0, 3, 0, 0, 0, 0, 0); /* legacy clear_ipi */
	assert_false(board_irq(&b, 0, IRQ_SSIP));
	machine_ram_write(b.m, paddr(BOARD_RAM_BASE), &mask, 8);
	call(&b, 0, 4, 0, BOARD_RAM_BASE, 0, 0, 0);
	assert_true(board_irq(&b, 0, IRQ_SSIP));
	call(&b, 0, 4, 0, 0x1234, 0, 0, 0); /* a mask that is not there names nobody */
	board_fini(&b);
}

static void fences(void **state)
{
	struct board b;
	struct hart_counters before, after;

	start(&b, 2);
	machine_counters(b.m, 1, &before);
	assert_int_equal(call(&b, 0, RFENCE, 0, 2, 0, 0, 0), 0);
	assert_int_equal(call(&b, 0, RFENCE, 1, 2, 0, 0, 0), 0);
	assert_int_equal(call(&b, 0, RFENCE, 1, 2, 0, 0x1000, 0x3000), 0);
	assert_int_equal(call(&b, 0, RFENCE, 2, 2, 0, 0x1000, UINT64_MAX), 0);
	assert_int_equal(call(&b, 0, RFENCE, 2, 3, 0, 0xfff, 2), 0);
	assert_int_equal(call(&b, 0, RFENCE, 1, 2, 0, UINT64_MAX - 4095, 0x2000), -5);
	assert_int_equal(call(&b, 0, RFENCE, 1, 2, 0, UINT64_MAX - 4095, 0x1000), 0);
	assert_int_equal(call(&b, 0, RFENCE, 1, 4, 0, 0, 0), -3);
	assert_int_equal(call(&b, 0, RFENCE, 3, 2, 0, 0, 0), -2);
	machine_counters(b.m, 1, &after);
	assert_int_equal(after.flushes - before.flushes, 1 + 3 + 1 + 2 + 1);
	board_fini(&b);
}

static void harts_start_and_stop(void **state)
{
	struct board b;
	struct hart *h;

	start(&b, 2);
	h = &b.m->harts[1];
	assert_int_equal(call(&b, 0, HSM, 2, 1, 0, 0, 0), 0);
	assert_int_equal(value(&b, 0), 1);
	assert_int_equal(call(&b, 0, HSM, 2, 2, 0, 0, 0), -3);
	assert_int_equal(call(&b, 0, HSM, 0, 2, ENTRY, 0, 0), -3);
	assert_int_equal(call(&b, 0, HSM, 0, 0, ENTRY, 0, 0), -6);
	assert_int_equal(call(&b, 0, HSM, 0, 1, 0x1000, 0, 0), -5);
	b.m->harts[0].clock = 777;
	assert_int_equal(call(&b, 0, HSM, 0, 1, ENTRY, 0x55, 0), 0);
	assert_int_equal(h->status, HART_RUNNING);
	assert_int_equal(h->clock, 777);
	assert_int_equal(h->pc, ENTRY);
	assert_int_equal(h->prv, PRV_S);
	assert_int_equal(h->x[10], 1);
	assert_int_equal(h->x[11], 0x55);
	assert_int_equal(h->satp, 0);
	assert_int_equal(call(&b, 0, HSM, 0, 1, ENTRY, 0, 0), -6);

	assert_int_equal(call(&b, 1, HSM, 3, 0x80000000, 0, 0, 0), -2);
	assert_int_equal(call(&b, 1, HSM, 3, 1, 0, 0, 0), -3);
	assert_int_equal(call(&b, 1, HSM, 3, 0, 0, 0, 0), 0);
	assert_int_equal(h->status, HART_WAITING);
	call(&b, 0, HSM, 2, 1, 0, 0, 0);
	assert_int_equal(value(&b, 0), 4);
	h->mie = 1 << IRQ_SSIP;
	call(&b, 0, IPI, 0, 2, 0, 0, 0);
	machine_run(b.m, 778);
	call(&b, 0, HSM, 2, 1, 0, 0, 0);
	assert_int_equal(value(&b, 0), 0);
	call(&b, 1, HSM, 1, 0, 0, 0, 0);
	assert_int_equal(h->status, HART_STOPPED);
	board_fini(&b);
}

static void console(void **state)
{
	struct board b;
	uint64_t text = BOARD_RAM_BASE + 64;

	start(&b, 1);
	machine_ram_write(b.m, paddr(text), "hello", 5);
	assert_int_equal(call(&b, 0, DBCN, 0, 5, text, 0, 0), 0);
	assert_int_equal(value(&b, 0), 5);
	call(&b, 0, DBCN, 2, '!', 0, 0, 0);
	call(&b, 0, 1, 0, '?', 0, 0, 0);
	assert_memory_equal(b.out[STREAM_UART], "hello!?", 7);
	assert_int_equal(call(&b, 0, DBCN, 0, 5, 0x1000, 0, 0), -3);
	assert_int_equal(call(&b, 0, DBCN, 0, 5, text, 1, 0), -3);
	assert_int_equal(call(&b, 0, DBCN, 0, UINT64_MAX, text, 0, 0), -3);
	b.refuse[STREAM_UART] = true;
	assert_int_equal(call(&b, 0, DBCN, 0, 5, text, 0, 0), -1);
	board_fini(&b);
}

static long typed(void *ctx, void *buf, size_t len)
{
	struct board *b = ctx;

	if (b->in_pos == b->in_len)
		return -1;
	return board_read(b, STREAM_UART, buf, len);
}

/* Input is asked of the host once the firmware was asked in vain; then it waits to be taken. */
static void console_input(void **state)
{
	struct board b;
	uint64_t text = BOARD_RAM_BASE + 64;
	char got[8] = "";

	start(&b, 1);
	b.m->host.uart_read = typed;
	b.in = "some more input than fits";
	b.in_len = strlen(b.in);
	machine_run(b.m, 1000000);
	assert_int_equal(b.nreads, 0);
	assert_int_equal(call(&b, 0, DBCN, 1, 5, text, 0, 0), 0);
	assert_int_equal(value(&b, 0), 0);
	machine_run(b.m, 2000000);
	assert_int_equal(b.nreads, 1);
	assert_int_equal(call(&b, 0, DBCN, 1, 5, text, 0, 0), 0);
	assert_int_equal(value(&b, 0), 5);
	machine_ram_read(b.m, paddr(text), got, 6);
	assert_string_equal(got, "some ");
	assert_int_equal(call(&b, 0, 2, 0, 0, 0, 0, 0), 'm');
	assert_int_equal(call(&b, 0, DBCN, 1, 100, text, 0, 0), 0);
	assert_int_equal(value(&b, 0), 10); /* what the FIFO had left */
	machine_run(b.m, 3000000);
	assert_int_equal(b.nreads, 1); /* nothing was asked in vain */
	assert_int_equal(call(&b, 0, 2, 0, 0, 0, 0, 0), -1);
	machine_run(b.m, 4000000);
	assert_int_equal(b.nreads, 2);
	assert_int_equal(call(&b, 0, DBCN, 1, 100, text, 0, 0), 0);
	assert_int_equal(value(&b, 0), 9);
	assert_int_equal(call(&b, 0, DBCN, 1, 5, 0x1000, 0, 0), -3);
	board_fini(&b);
}

static void ends_the_machine(void **state)
{
	struct board b;

	start(&b, 1);
	assert_int_equal(call(&b, 0, SRST, 0, 9, 0, 0, 0), -3);
	assert_int_equal(machine_run(b.m, 10), STOP_LIMIT);
	call(&b, 0, SRST, 0, 0, 0, 0, 0);
	assert_int_equal(machine_run(b.m, 20), STOP_FINISHED);
	assert_int_equal(machine_clock(b.m, 0), 10);
	assert_int_equal(machine_finish_code(b.m), 0);
	board_fini(&b);
	start(&b, 1);
	call(&b, 0, SRST, 0, 1, 0, 0, 0);
	assert_int_equal(machine_run(b.m, 20), STOP_RESET);
	board_fini(&b);
	start(&b, 1);
	call(&b, 0, 8, 0, 0, 0, 0, 0);
	assert_int_equal(machine_run(b.m, 20), STOP_FINISHED);
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base_and_probes),
	    cmocka_unit_test(timers),
	    cmocka_unit_test(interrupts_between_harts),
	    cmocka_unit_test(fences),
	    cmocka_unit_test(harts_start_and_stop),
	    cmocka_unit_test(console),
	    cmocka_unit_test(console_input),
	    cmocka_unit_test(ends_the_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
