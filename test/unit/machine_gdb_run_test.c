/*
 * The run under the debugger's stub: it stops where gdb wants it, and is the same run otherwise.
 * What `monitor` shows of the MMU.
 */
#include "test/unit/machine_gdb_peer.h"

/* -- the run ------------------------------------------------------------------------------ */

static void breakpoints_and_watchpoints_stop(void **state)
{
	struct peer *p = &peer;
	char want[64], data[40];

	start_loop(p, 1);
	assert_string_equal(ask(p, "Z0,80001008,4"), "OK");
	assert_string_equal(ask(p, "Z0,80001008,4"), "OK"); /* once more is no more */
	assert_int_equal(p->b.m->breaks.n, 1);
	assert_string_equal(resume(p, "vCont;c"), "T0520:0810008000000000;02:0000000000000000;"
						  "08:0000000000000000;thread:1;");
	assert_string_equal(ask(p, "?"), "T0520:0810008000000000;02:0000000000000000;"
					 "08:0000000000000000;thread:1;");
	assert_int_equal(machine_clock(p->b.m, 0), 2);
	resume(p, "c");
	assert_int_equal(machine_clock(p->b.m, 0), 6);
	assert_string_equal(ask(p, "z0,80001008,4"), "OK");
	assert_string_equal(ask(p, "z0,80001008,4"), "OK");

	static const struct {
		const char *set, *clear, *word;
		uint64_t pc;
	} cases[] = {
	    {"Z2,8000800c,4", "z2,8000800c,4", "watch:8000800c;", CODE + 4},
	    {"Z3,80008008,8", "z3,80008008,8", "rwatch:80008008;", CODE + 8},
	    {"Z4,80008000,10", "z4,80008000,10", "awatch:80008008;", CODE + 4},
	};
	for (unsigned i = 0; i < 3; i++) {
		assert_string_equal(ask(p, cases[i].set), "OK");
		resume(p, "vCont;c:1");
		snprintf(want, sizeof(want), "thread:1;%s", cases[i].word);
		assert_non_null(strstr(p->answer, want));
		assert_int_equal(reg(p, GDB_REG_PC), cases[i].pc);
		assert_string_equal(ask(p, cases[i].clear), "OK");
	}
	for (unsigned i = 0; i < BREAKS_MAX; i++) {
		snprintf(data, sizeof(data), "Z1,%x,4", 0x1000 + 4 * i);
		assert_string_equal(ask(p, data), "OK");
	}
	assert_string_equal(ask(p, "Z1,80001008,4"), "E1c");
	assert_string_equal(ask(p, "D"), "OK");
	assert_int_equal(p->b.m->breaks.n, 0);
	assert_int_equal(gdb_state(p->g), GDB_DETACHED);
	uint64_t before = machine_clock(p->b.m, 0);
	assert_int_equal(gdb_run(p->g, before + 100), STOP_LIMIT);
	assert_int_equal(machine_clock(p->b.m, 0), before + 100);
	peer_fini(p);
}

static void a_run_under_gdb_is_the_same_run(void **state)
{
	static struct peer plain;
	struct peer *p = &peer;

	for (unsigned harts = 1; harts <= 3; harts += 2) {
		start_loop(p, harts);
		start_loop(&plain, harts);
		/* Looking at everything, stepping any hart, stopping anywhere. */
		ask(p, "Z0,80001008,4");
		for (unsigned i = 0; i < 200; i++) {
			char data[40];
			unsigned hart = 1 + i % harts;
			uint64_t steps = p->b.m->harts[hart - 1].count.steps;

			snprintf(data, sizeof(data), "vCont;s:%x;c", hart);
			if (i % 10 == 0)
				ask(p, "z0,80001008,4");
			if (i % 10 == 0)
				resume(p, data);
			else
				resume(p, "vCont;c");
			assert_int_equal(p->answer[0], 'T');
			if (i % 10 == 0) {
				assert_int_equal(p->b.m->harts[hart - 1].count.steps, steps + 1);
				ask(p, "Z0,80001008,4");
			}
			ask(p, "g");
			ask(p, "p1c1");
			ask(p, "m80000000,100");
			monitor(p, "info tlb");
			monitor(p, "info mem");
			monitor(p, "walk 80001000");
			ask(p, "qXfer:features:read:target.xml:0,1000");
		}
		ask(p, "D");
		assert_int_equal(gdb_run(p->g, 100000), STOP_LIMIT);
		assert_int_equal(machine_run(plain.b.m, 100000), STOP_LIMIT);
		assert_int_equal(machine_state_hash(p->b.m), machine_state_hash(plain.b.m));
		peer_fini(p);
		peer_fini(&plain);
	}
}

static void one_hart_alone(void **state)
{
	struct peer *p = &peer;

	start_loop(p, 3);
	for (unsigned i = 1; i <= 10; i++) {
		assert_non_null(strstr(resume(p, "vCont;s:2"), "thread:2;"));
		assert_int_equal(machine_clock(p->b.m, 0), 0);
		assert_int_equal(machine_clock(p->b.m, 1), i);
		assert_int_equal(machine_clock(p->b.m, 2), 0);
	}
	assert_string_equal(ask(p, "Hc3"), "OK"); /* the old way to say so */
	assert_non_null(strstr(resume(p, "s"), "thread:3;"));
	assert_int_equal(machine_clock(p->b.m, 2), 1);
	ask(p, "Z0,80001004,4");
	assert_non_null(strstr(resume(p, "vCont;c:1"), "thread:1;"));
	assert_int_equal(machine_clock(p->b.m, 0), 1);
	assert_int_equal(machine_clock(p->b.m, 1), 10);
	/* A hart that is off makes no step, and the question is answered. */
	p->b.m->harts[2].status = HART_STOPPED;
	assert_non_null(strstr(resume(p, "vCont;s:3"), "thread:3;"));
	assert_non_null(strstr(resume(p, "vCont;s:3;c"), "thread:3;"));
	assert_int_equal(machine_clock(p->b.m, 2), 1);
	peer_fini(p);
}

static void ctrl_c_stops(void **state)
{
	struct peer *p = &peer;

	start_loop(p, 1);
	gdb_feed(p->g, "\x03", 1); /* it stands: nothing to stop */
	assert_int_equal(gdb_run(p->g, 100), STOP_LIMIT);
	assert_int_equal(machine_clock(p->b.m, 0), 0);
	ask(p, "vCont;c");
	assert_int_equal(gdb_run(p->g, 100), STOP_LIMIT);
	assert_int_equal(machine_clock(p->b.m, 0), 100);
	p->len = 0;
	put_packet(p, "g", 1); /* no answer while it runs */
	assert_int_equal(p->len, 1);
	gdb_feed(p->g, "\x03", 1);
	p->len = 0;
	assert_int_equal(gdb_run(p->g, 200), STOP_LIMIT);
	understand(p);
	assert_memory_equal(p->answer, "T02", 3);
	assert_int_equal(machine_clock(p->b.m, 0), 100);
	/* In one breath with the packet. */
	p->len = 0;
	gdb_feed(p->g, "$c#63\x03", 6);
	gdb_run(p->g, 200);
	understand(p);
	assert_memory_equal(p->answer, "T02", 3);
	assert_int_equal(machine_clock(p->b.m, 0), 100);
	peer_fini(p);
}

static void the_end_is_told(void **state)
{
	/* sw a0, 0(a1); j . */
	static const uint32_t code[] = {0x00a5a023, 0x0000006f};
	static const struct {
		uint32_t value;
		const char *want;
	} cases[] = {
	    {FINISHER_PASS, "W00"},
	    {FINISHER_FAIL | 3 << 16, "W03"},
	    {FINISHER_FAIL | (uint32_t)(FINISHER_SIGNALED | 139) << 16, "X0b"},
	};
	struct peer *p = &peer;

	for (unsigned i = 0; i < 3; i++) {
		peer_init(p, 1);
		put_code(p, CODE, code, sizeof(code));
		set_reg(p, 10, cases[i].value);
		set_reg(p, 11, BOARD_FINISHER_BASE);
		ask(p, "vCont;c");
		p->len = 0;
		assert_int_equal(gdb_run(p->g, 1000), STOP_FINISHED);
		understand(p);
		assert_string_equal(p->answer, cases[i].want);
		assert_int_equal(gdb_state(p->g), GDB_ENDED);
		peer_fini(p);
	}
	start_loop(p, 1);
	ask(p, "vCont;c");
	p->len = 0;
	gdb_exited(p->g, 124);
	understand(p);
	assert_string_equal(p->answer, "W7c");
	peer_fini(p);

	start_loop(p, 1);
	put_packet(p, "k", 1);
	assert_int_equal(p->len, 1); /* only acknowledged */
	assert_int_equal(gdb_state(p->g), GDB_KILLED);
	assert_int_equal(gdb_run(p->g, 1000), STOP_FINISHED);
	assert_int_equal(machine_finish_code(p->b.m), FINISHER_SIGNALED | 137);
	peer_fini(p);
}

/*
 * U-mode at CODE + 0x100: nop; ecall; nop; lw (no page: the handler maps it); j . The handler, in
 * M-mode at CODE: after an ecall, mepc += 4; else the PTE in a7 is stored to a6.
 */
static void a_step_from_user_mode_passes_over_traps(void **state)
{
	static const uint32_t handler[] = {
	    0x342022f3, /* csrr t0, mcause */
	    0x00800313, /* li t1, 8: ecall from U */
	    0x00629a63, /* bne t0, t1, +20 */
	    0x341022f3, /* csrr t0, mepc */
	    0x00428293, /* addi t0, t0, 4 */
	    0x34129073, /* csrw mepc, t0 */
	    0x30200073, /* mret */
	    0x01183023, /* sd a7, 0(a6) */
	    0x30200073, /* mret */
	};
	static const uint32_t user[] = {0x00000013, 0x00000073, 0x00000013, 0x00062503, 0x0000006f};
	struct peer *p = &peer;
	uint64_t l0 = ROOT + 0x2000;

	for (unsigned traps = 0; traps < 2; traps++) {
		peer_init(p, 1);
		put_code(p, CODE, handler, sizeof(handler));
		put_code(p, CODE + 0x100, user, sizeof(user));
		map_some(p);
		put_pte(p, l0, 6, CODE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
		set_reg(p, CSR(CSR_MTVEC), CODE);
		set_reg(p, GDB_REG_PC, 0x6100);
		set_reg(p, 12, 0x7000);
		set_reg(p, 16, l0 + 7 * 8);
		set_reg(p, 17,
			(CODE + 0x100) >> RV_PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V | PTE_R | PTE_U |
			    PTE_A);
		if (traps) {
			monitor(p, "step traps");
			resume(p, "vCont;s");
			resume(p, "vCont;s");
			assert_int_equal(reg(p, GDB_REG_PC), CODE);
			assert_int_equal(reg(p, GDB_REG_PRV), PRV_M);
		} else {
			static const uint64_t pcs[] = {0x6104, 0x6108, 0x610c, 0x6110, 0x6110};
			for (unsigned i = 0; i < 5; i++) {
				resume(p, "vCont;s");
				assert_int_equal(reg(p, GDB_REG_PC), pcs[i]);
				assert_int_equal(reg(p, GDB_REG_PRV), PRV_U);
			}
			assert_int_equal(reg(p, 10), handler[0] == 0x342022f3 ? 0x342022f3 : 0);
			/* A breakpoint on the way counts all the same. */
			set_reg(p, GDB_REG_PC, 0x6104);
			ask(p, "Z0,8000100c,4");
			resume(p, "vCont;s");
			assert_int_equal(reg(p, GDB_REG_PC), CODE + 12);
		}
		peer_fini(p);
	}
}

/* -- monitor ------------------------------------------------------------------------------ */

static void monitor_shows_the_mmu(void **state)
{
	struct peer *p = &peer;
	uint64_t l0 = ROOT + 0x2000;

	peer_init(p, 1);
	assert_string_equal(monitor(p, "info mem"), "No translation or protection\n");
	map_some(p);
	put_pte(p, l0, 7, DATA, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A); /* three in a row */
	put_pte(p, l0, 8, DATA + 0x1000, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A);
	put_pte(p, l0, 9, DATA + 0x2000, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A);
	put_pte(p, l0, 10, DATA + 0x3000, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	put_pte(p, l0, 12, DATA + 0x5000, PTE_V | PTE_R | PTE_W | PTE_U | PTE_A | PTE_D);
	put_pte(p, ROOT, 511, 0, PTE_V | PTE_R | PTE_G);
	assert_string_equal(monitor(p, "info mem"),
			    "vaddr            paddr            size             attr\n"
			    "---------------- ---------------- ---------------- -------\n"
			    "0000000000003000 0000000080008000 0000000000001000 rw-u---\n"
			    "0000000000004000 000000008000b000 0000000000001000 --x----\n"
			    "0000000000005000 0000000010000000 0000000000001000 rw-----\n"
			    "0000000000007000 0000000080008000 0000000000003000 rw-u-a-\n"
			    "000000000000a000 000000008000b000 0000000000001000 rw-u-ad\n"
			    "000000000000c000 000000008000d000 0000000000001000 rw-u-ad\n"
			    "0000000040000000 0000000080000000 0000000000200000 r------\n"
			    "ffffffffc0000000 0000000000000000 0000000040000000 r---g--\n");
	assert_string_equal(
	    monitor(p, " walk 0x3010 "),
	    "hart 0: Sv39, ASID 0, root table at 0000000080010000\n"
	    "level 2  index   0  PTE at 80010000: 0000000020004401  V-------  table\n"
	    "level 1  index   0  PTE at 80011000: 0000000020004801  V-------  table\n"
	    "level 0  index   3  PTE at 80012018: 0000000020002017  VRW-U---  leaf\n"
	    "0x3010 -> 0x80008010, page of 4K\n");
	assert_non_null(
	    strstr(monitor(p, "walk 40012345"), "0x40012345 -> 0x80012345, page of 2M"));
	assert_non_null(strstr(monitor(p, "walk 2000"), "not valid\n0x2000 is not mapped\n"));
	assert_non_null(strstr(monitor(p, "walk 4000000000"), "no address of this mode"));
	put_pte(p, l0, 20, 0, PTE_V | PTE_W);
	assert_non_null(strstr(monitor(p, "walk 14000"), "reserved: W without R"));
	put_pte(p, ROOT, 5, 0x1000, PTE_V);
	assert_non_null(strstr(monitor(p, "walk 140000000"), "the next table is not in RAM"));
	assert_non_null(strstr(monitor(p, "walk"), "no such command"));
	assert_non_null(strstr(monitor(p, "walk x"), "in hexadecimal"));
	assert_non_null(strstr(monitor(p, "info"), "monitor help"));
	assert_non_null(strstr(monitor(p, ""), "monitor help"));
	assert_non_null(strstr(monitor(p, "help"), "walk ADDRESS"));
	assert_non_null(strstr(monitor(p, "step x"), "is wanted"));

	/* The TLB after one load. */
	put_pte(p, l0, 6, CODE, PTE_V | PTE_R | PTE_X | PTE_U | PTE_A);
	put_code(p, CODE, (const uint32_t[]){0x00062503}, 4); /* lw a0, 0(a2) */
	set_reg(p, 12, 0x3000);
	set_reg(p, GDB_REG_PC, 0x6000);
	resume(p, "vCont;s");
	monitor(p, "info tlb");
	assert_non_null(strstr(p->text, "fetch    0    0  0000000000006  00000080001  4K       0  "
					"VR-XU-A-"));
	assert_non_null(strstr(p->text, "0000000000003  00000080008  4K       0  VRW-U-A-"));
	assert_non_null(strstr(p->text, "\nL2 "));
	for (const char *at = p->text; *at; at = strchr(at, '\n') + 1)
		assert_true(strchr(at, '\n') - at <= 80);
	peer_fini(p);
}

static void tables_without_an_end_are_cut(void **state)
{
	struct peer *p = &peer;

	peer_init(p, 1);
	for (unsigned i = 0; i < NPTES; i++)
		put_pte(p, ROOT, i, ROOT, PTE_V);
	set_reg(p, CSR(CSR_SATP), SV39 + (2ull << SATP_MODE_SHIFT)); /* Sv57 */
	set_reg(p, GDB_REG_PRV, PRV_S);
	assert_non_null(strstr(monitor(p, "info mem"), "... cut: there is no end to it"));
	assert_non_null(strstr(monitor(p, "walk 0"), "a table at level 0"));
	for (unsigned i = 1; i < NPTES; i += 2) /* ranges without number */
		put_pte(p, ROOT, i, RAM, PTE_V | PTE_R);
	p->total = 0;
	monitor(p, "info mem");
	assert_true(p->total < 16 << 20);
	peer_fini(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(breakpoints_and_watchpoints_stop),
	    cmocka_unit_test(a_run_under_gdb_is_the_same_run),
	    cmocka_unit_test(one_hart_alone),
	    cmocka_unit_test(ctrl_c_stops),
	    cmocka_unit_test(the_end_is_told),
	    cmocka_unit_test(a_step_from_user_mode_passes_over_traps),
	    cmocka_unit_test(monitor_shows_the_mmu),
	    cmocka_unit_test(tables_without_an_end_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
