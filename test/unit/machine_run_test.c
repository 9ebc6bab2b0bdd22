/* Turns of several harts, idle time, limits: a program of two harts, run in many ways. */
#include "test/unit/machine_board.h"

/*
 * Hart 0 starts hart 1; both add to one counter; hart 1 sleeps until hart 0 sends it an
 * interrupt (SBI IPI); hart 0 sleeps 50 us by stimecmp; hart 1 notes the time when it was woken
 * and stops; hart 0 ends the run. Data at DATA: counter, "asleep", last time of hart 0, time of
 * waking.
 *
 *          lla s0, data;  lla t0, trap;  csrw stvec, t0
 *          HSM hart_start(1, second, 0x77)
 *          li s2, 3000
 *   1:     amoadd.d t1, s2, (s0);  rdtime t2;  sd t2, 16(s0);  addi s2, s2, -1;  bnez s2, 1b
 *   2:     ld t0, 8(s0);  beqz t0, 2b
 *          IPI send_ipi(2, 0)
 *          rdtime t0;  addi t0, t0, 500;  csrw stimecmp, t0;  csrw sie, 0x20;  wfi
 *          csrw stimecmp, -1
 *   3:     ld t0, 24(s0);  beqz t0, 3b
 *          finisher = 0x5555;  4: j 4b
 *   second: lla s0, data;  lla t0, trap;  csrw stvec, t0
 *          li s2, 5000
 *   1:     amoadd.d t1, s2, (s0);  addi s2, s2, -1;  bnez s2, 1b
 *          8(s0) = 1;  csrw sie, 2;  wfi
 *          rdtime t0;  sd t0, 24(s0)
 *          HSM hart_stop
 *   trap:  finisher = 0x13333;  5: j 5b
 */
static const uint32_t program[] = {
    0x00000417, 0x11840413, 0x00000297, 0x0f828293, 0x10529073, 0x00100513, 0x00000597, 0x09458593,
    0x07700613, 0x004858b7, 0x34d8889b, 0x00000813, 0x00000073, 0x00001937, 0xbb89091b, 0x0124332f,
    0xc01023f3, 0x00743823, 0xfff90913, 0xfe0918e3, 0x00843283, 0xfe028ee3, 0x00200513, 0x00000593,
    0x007358b7, 0x0498889b, 0x00000813, 0x00000073, 0xc01022f3, 0x1f428293, 0x14d29073, 0x02000293,
    0x10429073, 0x10500073, 0xfff00293, 0x14d29073, 0x01843283, 0xfe028ee3, 0x001004b7, 0x000052b7,
    0x5552829b, 0x0054a023, 0x0000006f, 0x00000417, 0x06c40413, 0x00000297, 0x04c28293, 0x10529073,
    0x00001937, 0x3889091b, 0x0124332f, 0xfff90913, 0xfe091ce3, 0x00100293, 0x00543423, 0x00200293,
    0x10429073, 0x10500073, 0xc01022f3, 0x00543c23, 0x004858b7, 0x34d8889b, 0x00100813, 0x00000073,
    0x001004b7, 0x000132b7, 0x3332829b, 0x0054a023, 0x0000006f, 0x00000013, 0x00000000, 0x00000000,
    0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
};
#define DATA    (BOARD_RAM_BASE + BOARD_KERNEL_OFFSET + 0x118)
#define FOREVER (1ull << 40)

static uint64_t data(struct board *b, unsigned i)
{
	uint64_t value;

	assert_true(machine_ram_read(b->m, paddr(DATA + 8 * i), &value, 8));
	return value;
}

static void start(struct board *b, const uint32_t *code, size_t len, unsigned harts)
{
	board_init(b, 4 << 20, harts);
	assert_null(machine_load(b->m, code, len, NULL, 0, NULL));
}

static void two_harts_work_together(void **state)
{
	struct board b;
	struct hart_counters count;

	start(&b, program, sizeof(program), 2);
	assert_int_equal(machine_run(b.m, FOREVER), STOP_FINISHED);
	assert_int_equal(machine_finish_code(b.m), 0);
	assert_int_equal(data(&b, 0), 3000 * 3001 / 2 + 5000 * 5001 / 2);
	/* Hart 1 did not wake before hart 0 called it. */
	assert_true(data(&b, 3) >= data(&b, 2));
	/* Idle time passes without steps. */
	machine_counters(b.m, 0, &count);
	assert_true(machine_clock(b.m, 0) >= count.steps + 40000);
	assert_int_equal(b.m->harts[1].status, HART_STOPPED);
	board_fini(&b);
}

static void limits_leave_no_trace(void **state)
{
	struct board b;
	uint64_t hash, clock, steps[] = {1, 7, 997, 10000, 12345};

	start(&b, program, sizeof(program), 2);
	machine_run(b.m, FOREVER);
	hash = machine_state_hash(b.m);
	clock = machine_clock(b.m, 0);
	board_fini(&b);
	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t limit = 0;
		enum machine_stop stop;

		start(&b, program, sizeof(program), 2);
		do {
			limit += steps[i];
			stop = machine_run(b.m, limit);
			assert_true(stop != STOP_LIMIT || machine_clock(b.m, 0) == limit);
		} while (stop == STOP_LIMIT);
		assert_int_equal(stop, STOP_FINISHED);
		assert_int_equal(machine_clock(b.m, 0), clock);
		assert_int_equal(machine_state_hash(b.m), hash);
		board_fini(&b);
	}
}

static void modes_leave_no_trace(void **state)
{
	uint64_t hash[4];

	for (unsigned mode = 0; mode < 4; mode++) {
		struct board b;

		start(&b, program, sizeof(program), 2);
		b.m->cfg.no_lookaside = mode & 1;
		b.m->cfg.single_blocks = mode & 2;
		mmu_mode_changed(&b.m->harts[0]);
		mmu_mode_changed(&b.m->harts[1]);
		machine_run(b.m, FOREVER);
		hash[mode] = machine_state_hash(b.m);
		assert_int_equal(hash[mode], hash[0]);
		board_fini(&b);
	}
}

static void hash_sees_differences(void **state)
{
	struct board b;
	uint64_t hash;

	start(&b, program, sizeof(program), 1);
	hash = machine_state_hash(b.m);
	assert_int_equal(machine_state_hash(b.m), hash);
	b.m->harts[0].x[7] ^= 1;
	assert_int_not_equal(machine_state_hash(b.m), hash);
	b.m->harts[0].x[7] ^= 1;
	b.m->harts[0].x[REG_SINK] ^= 1;
	assert_int_equal(machine_state_hash(b.m), hash);
	b.m->ram[123456] = 1; /* in a page that was all zero */
	assert_int_not_equal(machine_state_hash(b.m), hash);
	b.m->ram[123456] = 0;
	plic_set_level(b.m, 5, true);
	assert_int_not_equal(machine_state_hash(b.m), hash);
	board_fini(&b);
}

static void waiting_for_nothing_is_stuck(void **state)
{
	static const uint32_t wait[] = {0x10500073, 0xffdff06f}; /* 1: wfi;  j 1b */
	struct board b;

	start(&b, wait, sizeof(wait), 1);
	assert_int_equal(machine_run(b.m, FOREVER), STOP_STUCK);
	assert_int_equal(b.m->harts[0].pc, BOARD_RAM_BASE + BOARD_KERNEL_OFFSET + 4);
	board_fini(&b);
}

static void stops_when_asked(void **state)
{
	static const uint32_t spin[] = {0x0000006f};
	struct board b;

	start(&b, spin, sizeof(spin), 1);
	machine_request_stop(b.m);
	assert_int_equal(machine_run(b.m, 1000), STOP_LIMIT);
	assert_int_equal(machine_clock(b.m, 0), 0);
	assert_int_equal(machine_run(b.m, 1000), STOP_LIMIT);
	assert_int_equal(machine_clock(b.m, 0), 1000);
	board_fini(&b);
}

static void refuses_impossible_machines(void **state)
{
	struct board b = {0};
	struct machine_host host = {.ctx = &b, .mem_alloc = board_alloc, .mem_free = board_free};
	struct machine_config cfg;
	const char *why;

	machine_config_init(&cfg);
	cfg.memory_size = 4097;
	assert_null(machine_create(&cfg, &host, &why));
	assert_non_null(strstr(why, "4 KiB"));
	machine_config_init(&cfg);
	cfg.harts = 9;
	assert_null(machine_create(&cfg, &host, &why));
	assert_non_null(strstr(why, "harts"));
	machine_config_init(&cfg);
	cfg.tlb[TLB_L2].ways = 3;
	assert_null(machine_create(&cfg, &host, &why));
	assert_non_null(strstr(why, "TLB"));
}

static unsigned allocations_left;

static void *scarce_alloc(void *ctx, size_t len)
{
	return allocations_left && allocations_left-- ? calloc(1, len) : NULL;
}

static void every_allocation_may_fail(void **state)
{
	struct machine_host host = {.mem_alloc = scarce_alloc, .mem_free = board_free};
	struct machine_config cfg;
	struct machine *m = NULL;
	const char *why;

	machine_config_init(&cfg);
	cfg.memory_size = 1 << 20;
	for (unsigned n = 0; !m; n++) {
		assert_true(n < 100);
		allocations_left = n;
		m = machine_create(&cfg, &host, &why);
		assert_true(m || strstr(why, "out of memory"));
	}
	machine_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_harts_work_together),
	    cmocka_unit_test(limits_leave_no_trace),
	    cmocka_unit_test(modes_leave_no_trace),
	    cmocka_unit_test(hash_sees_differences),
	    cmocka_unit_test(waiting_for_nothing_is_stuck),
	    cmocka_unit_test(stops_when_asked),
	    cmocka_unit_test(refuses_impossible_machines),
	    cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
