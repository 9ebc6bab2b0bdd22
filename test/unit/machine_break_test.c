/*
 * Breakpoints stop before an instruction, watchpoints after an access, and a run that was stopped
 * ends in the same state, to the digit, as one that was not.
 */
#include "test/unit/machine_board.h"

#define CODE (BOARD_RAM_BASE + 0x1000)
#define DATA (BOARD_RAM_BASE + 0x8000)

/* loop: sd a0, 8(a1); ld a2, 8(a1); addi a0, a0, 1; j loop, in 4-byte forms */
static const uint32_t loop[] = {0x00a5b423, 0x0085b603, 0x00150513, 0xff5ff06f};

static void start(struct board *b)
{
	board_init(b, 4 << 20, 1);
	machine_ram_write(b->m, paddr(CODE), loop, sizeof(loop));
	machine_start_bare(b->m, paddr(CODE));
	b->m->harts[0].x[11] = DATA;
}

static void stops_before_the_instruction(void **state)
{
	struct board b;
	struct break_hit hit;

	start(&b);
	machine_run(b.m, 10); /* decoded, and running without breakpoints */
	assert_true(machine_break_set(b.m, BREAK_EXEC, vaddr(CODE + 8), 4));
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(machine_run(b.m, 1000), STOP_BREAK);
		machine_break_hit(b.m, &hit);
		assert_int_equal(hit.kind, BREAK_EXEC);
		assert_int_equal(hit.va, CODE + 8);
		assert_int_equal(b.m->harts[0].pc, CODE + 8);
		assert_int_equal(machine_clock(b.m, 0), i == 0 ? 10 : 10 + 4 * i);
	}
	assert_true(machine_break_clear(b.m, BREAK_EXEC, vaddr(CODE + 8), 4));
	assert_false(machine_break_clear(b.m, BREAK_EXEC, vaddr(CODE + 8), 4));
	assert_int_equal(machine_run(b.m, 1000), STOP_LIMIT);

	struct board plain;
	start(&plain);
	machine_run(plain.m, 1000);
	assert_int_equal(machine_state_hash(b.m), machine_state_hash(plain.m));
	board_fini(&plain);
	board_fini(&b);
}

static void stops_after_the_access(void **state)
{
	static const struct {
		enum machine_break kind;
		uint64_t va, len;
		uint64_t clock; /* of the stop; 0: none */
	} cases[] = {
	    {BREAK_STORE, DATA + 8, 8, 1},  {BREAK_LOAD, DATA + 8, 8, 2},
	    {BREAK_ACCESS, DATA + 8, 1, 1}, {BREAK_STORE, DATA + 15, 1, 1},
	    {BREAK_STORE, DATA + 16, 8, 0}, {BREAK_LOAD, DATA, 8, 0},
	    {BREAK_LOAD, DATA, 9, 2},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct board b;
		struct break_hit hit;
		start(&b);
		machine_break_set(b.m, cases[i].kind, vaddr(cases[i].va), cases[i].len);
		enum machine_stop stop = machine_run(b.m, 100);
		if (cases[i].clock) {
			assert_int_equal(stop, STOP_BREAK);
			machine_break_hit(b.m, &hit);
			assert_int_equal(hit.va, DATA + 8);
			assert_int_equal(hit.kind, cases[i].kind);
			assert_int_equal(machine_clock(b.m, 0), cases[i].clock);
		} else {
			assert_int_equal(stop, STOP_LIMIT);
		}
		board_fini(&b);
	}
}

static void the_table_is_bounded(void **state)
{
	struct board b;

	start(&b);
	for (unsigned i = 0; i < BREAKS_MAX; i++)
		assert_true(machine_break_set(b.m, BREAK_STORE, vaddr(i), 1));
	assert_false(machine_break_set(b.m, BREAK_EXEC, vaddr(CODE), 4));
	for (unsigned i = 0; i < BREAKS_MAX; i++)
		assert_true(machine_break_clear(b.m, BREAK_STORE, vaddr(i), 1));
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stops_before_the_instruction),
	    cmocka_unit_test(stops_after_the_access),
	    cmocka_unit_test(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
