/*
 * The debugger's stub: dialogues in gdb's protocol, word for word; and nonsense, of which it must
 * take no harm.
 */
#include "test/unit/machine_gdb_peer.h"

/* -- dialogues ---------------------------------------------------------------------------- */

static void packets_are_acknowledged_and_repeated(void **state)
{
	struct peer *p = &peer;

	peer_init(p, 1);
	p->len = 0;
	gdb_feed(p->g, "+$qC#b4", 7);
	assert_int_equal(p->len, 8);
	assert_memory_equal(p->got, "+$QC1#c5", 8);
	p->len = 0;
	gdb_feed(p->g, "-", 1); /* again */
	assert_int_equal(p->len, 7);
	assert_memory_equal(p->got, "$QC1#c5", 7);
	p->len = 0;
	gdb_feed(p->g, "$qC#b5$qC#zz$qC#b", 17); /* wrong sums; the third is not complete */
	assert_int_equal(p->len, 2);
	assert_memory_equal(p->got, "--", 2);
	p->len = 0;
	gdb_feed(p->g, "4$q$qC#b4", 9); /* ... now it is; then one that was cut short */
	assert_int_equal(p->len, 16);
	assert_memory_equal(p->got, "+$QC1#c5+$QC1#c5", 16);
	assert_string_equal(ask(p, "QStartNoAckMode"), "OK");
	p->len = 0;
	gdb_feed(p->g, "$qC#b4", 6);
	assert_int_equal(p->len, 7);
	gdb_feed(p->g, "-", 1); /* means nothing now */
	assert_int_equal(p->len, 7);
	peer_fini(p);
}

static void what_is_unknown_is_answered_so(void **state)
{
	static const char *const unknown[] = {"vMustReplyEmpty",
					      "",
					      "!",
					      "qTStatus",
					      "vFile:open:00",
					      "Z9,80001000,4",
					      "QNonStop:1",
					      "qOffsets",
					      "b",
					      "R00",
					      "qemu",
					      "Qqemu",
					      "jThreadsInfo",
					      "_",
					      "qCRC:80000000,4"};
	static const char *const wrong[] = {"p",
					    "px",
					    "p0g",
					    "p10000",
					    "pffffffffffffffffff",
					    "P1",
					    "P1=",
					    "P1=00",
					    "P2000=0",
					    "m",
					    "m80001000",
					    "m80001000,",
					    "m,4",
					    "m80001000,4x",
					    "M80001000,4:00",
					    "M80001000,1:0g",
					    "X80001000,4:abc",
					    "G00",
					    "Hx1",
					    "Hg9",
					    "Hg",
					    "T0",
					    "T9",
					    "T",
					    "Z0",
					    "Z0,",
					    "Z0,1",
					    "Z0,1,",
					    "z0,1,4;x",
					    "vCont;",
					    "vCont;x",
					    "vCont;s:9",
					    "vCont;c:",
					    "vCont;C",
					    "sx",
					    "Cx",
					    "qXfer:features:read:target.xml:",
					    "qXfer:features:read:target.xml:fffff,10",
					    "qXfer:memory-map:read::0",
					    "qRcmd,0",
					    "qRcmd,xx",
					    "qThreadExtraInfo,9",
					    "Qqemu.PhyMemMode:2",
					    "qXfer:features:read:other.xml:0,10",
					    "Z2,80001000"};
	static char big[GDB_PACKET + 2];
	struct peer *p = &peer;

	peer_init(p, 2);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		if (*ask(p, unknown[i]))
			fail_msg("%s was answered: %s", unknown[i], p->answer);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (*ask(p, wrong[i]) != 'E')
			fail_msg("%s was answered: %s", wrong[i], p->answer);
	memset(big, 'm', sizeof(big));
	put_packet(p, big, GDB_PACKET);
	understand(p);
	assert_string_equal(p->answer, "E16");
	put_packet(p, big, GDB_PACKET + 1); /* longer than we said we take */
	understand(p);
	assert_string_equal(p->answer, "E1c");
	assert_string_equal(ask(p, "qSupported:multiprocess+;swbreak+"),
			    "PacketSize=4000;QStartNoAckMode+;vContSupported+;"
			    "qXfer:features:read+;qXfer:memory-map:read+");
	assert_string_equal(ask(p, "vCont?"), "vCont;c;C;s;S");
	assert_string_equal(ask(p, "qAttached"), "1");
	assert_string_equal(ask(p, "qSymbol::"), "OK");
	peer_fini(p);
}

static void harts_are_threads(void **state)
{
	struct peer *p = &peer;

	peer_init(p, 3);
	p->b.m->harts[2].status = HART_WAITING;
	p->b.m->harts[1].x[5] = 0x1234;
	assert_string_equal(ask(p, "qfThreadInfo"), "m1,2,3");
	assert_string_equal(ask(p, "qsThreadInfo"), "l");
	assert_string_equal(ask(p, "qC"), "QC1");
	assert_string_equal(ask(p, "T3"), "OK");
	assert_string_equal(ask(p, "T4"), "E16");
	/* "hart 2, waiting, M-mode" */
	assert_string_equal(ask(p, "qThreadExtraInfo,3"),
			    "6861727420322c2077616974696e672c204d2d6d6f6465");
	assert_string_equal(ask(p, "Hg2"), "OK");
	assert_int_equal(reg(p, 5), 0x1234);
	assert_string_equal(ask(p, "Hg0"), "OK"); /* any: stays */
	assert_int_equal(reg(p, 5), 0x1234);
	assert_string_equal(ask(p, "Hg1"), "OK");
	assert_int_equal(reg(p, 5), 0);
	peer_fini(p);
}

static void registers_have_gdbs_numbers(void **state)
{
	struct peer *p = &peer;
	struct hart *h;

	peer_init(p, 1);
	h = &p->b.m->harts[0];
	assert_string_equal(set_reg(p, 10, 0x1122334455667788), "OK");
	assert_int_equal(h->x[10], 0x1122334455667788);
	assert_string_equal(ask(p, "pa"), "8877665544332211");
	assert_string_equal(set_reg(p, 0, 5), "E16");
	assert_int_equal(reg(p, 0), 0);
	assert_string_equal(set_reg(p, GDB_REG_PC, CODE + 4), "OK");
	assert_int_equal(h->pc, CODE + 4);
	assert_string_equal(set_reg(p, GDB_REG_F0 + 3, 0x4000000000000000), "OK");
	assert_int_equal(h->f[3], 0x4000000000000000);

	/* CSRs: FS is off, and the hart would not be let at these in U-mode. */
	assert_int_equal(h->mstatus & MSTATUS_FS, 0);
	assert_string_equal(set_reg(p, GDB_REG_PRV, PRV_U), "OK");
	assert_int_equal(reg(p, CSR(CSR_FCSR)), 0);
	assert_int_equal(reg(p, CSR(CSR_MSTATUS)), h->mstatus);
	assert_int_equal(reg(p, CSR(CSR_MHARTID)), 0);
	assert_string_equal(set_reg(p, CSR(CSR_SATP), SV39), "OK");
	assert_int_equal(h->satp, SV39);
	assert_true(h->mmu.paged_fetch);
	assert_string_equal(set_reg(p, CSR(CSR_MHARTID), 1), "E16");
	assert_string_equal(set_reg(p, CSR(0x7ff), 1), "E16");
	assert_string_equal(set_reg(p, GDB_REG_PRV, 2), "E16");
	assert_int_equal(reg(p, GDB_REG_PRV), PRV_U);
	assert_string_equal(set_reg(p, GDB_REG_PRV, PRV_M), "OK");
	assert_false(h->mmu.paged_fetch);

	/* All at once. */
	ask(p, "g");
	assert_int_equal(strlen(p->answer), 65 * 16);
	char all[65 * 16 + 2] = "G";
	memcpy(all + 1, p->answer, 65 * 16 + 1);
	memcpy(all + 1 + 16 * 7, "efcdab8967452301", 16);
	assert_string_equal(ask(p, all), "OK");
	assert_int_equal(h->x[7], 0x0123456789abcdef);
	assert_int_equal(h->x[10], 0x1122334455667788);
	peer_fini(p);
}

static void counters_read_as_the_guest_would_read_them(void **state)
{
	/* loop: csrr a0, minstret; j loop */
	static const uint32_t code[] = {0xb0202573, 0xffdff06f};
	struct peer *p = &peer;

	peer_init(p, 1);
	put_code(p, CODE, code, sizeof(code));
	for (unsigned i = 1; i <= 4; i++) {
		/* here: the instruction will read what gdb reads now */
		uint64_t now = reg(p, CSR(CSR_MINSTRET));
		assert_int_equal(now, 2 * (i - 1));
		resume(p, "vCont;s");
		assert_int_equal(reg(p, 10), now);
		resume(p, "vCont;s");
	}
	set_reg(p, CSR(CSR_MINSTRET), 1000);
	assert_int_equal(reg(p, CSR(CSR_MINSTRET)), 1000);
	resume(p, "vCont;s");
	assert_int_equal(reg(p, 10), 1000);
	peer_fini(p);
}

static void the_description_matches_the_registers(void **state)
{
	static char xml[65536];
	struct peer *p = &peer;
	size_t len = 0;
	unsigned nregs = 0, last = 0;

	peer_init(p, 1);
	for (;;) {
		char data[80];
		snprintf(data, sizeof(data), "qXfer:features:read:target.xml:%zx,3f1", len);
		ask(p, data);
		size_t n = strlen(p->answer + 1);
		assert_true(len + n < sizeof(xml));
		memcpy(xml + len, p->answer + 1, n);
		len += n;
		if (p->answer[0] == 'l')
			break;
		assert_int_equal(p->answer[0], 'm');
		assert_int_equal(n, 0x3f1);
	}
	xml[len] = 0;
	assert_null(strpbrk(xml, "#$}*")); /* sent as it is */
	assert_non_null(strstr(xml, "org.gnu.gdb.riscv.cpu"));
	assert_non_null(strstr(xml, "org.gnu.gdb.riscv.fpu"));
	assert_non_null(strstr(xml, "org.gnu.gdb.riscv.csr"));
	assert_non_null(strstr(xml, "org.gnu.gdb.riscv.virtual"));
	assert_non_null(strstr(xml, "\"satp\" bitsize=\"64\" regnum=\"449\""));
	assert_non_null(strstr(xml, "\"mhpmcounter31\""));
	assert_null(strstr(xml, "name=\"csr"));
	/* Each that it names can be read, and they ascend. */
	for (const char *at = xml; (at = strstr(at, "regnum=\"")); nregs++) {
		unsigned number = (unsigned)strtoul(at + 8, NULL, 10);
		assert_true(nregs == 0 || number > last ||
			    (last == CSR(CSR_FCSR) && number > last));
		last = number;
		at += 8;
		reg(p, number);
	}
	assert_true(nregs > 65 + 3 + 60);
	ask(p, "qXfer:memory-map:read::0,3ff");
	assert_int_equal(p->answer[0], 'l');
	assert_null(strpbrk(p->answer, "#$}*"));
	peer_fini(p);
}

/* -- memory ------------------------------------------------------------------------------- */

static void memory_is_that_of_the_present_tables(void **state)
{
	struct peer *p = &peer;

	peer_init(p, 1);
	assert_string_equal(ask(p, "M80008ffc,8:0102030405060708"), "OK");
	assert_string_equal(ask(p, "m80008ffc,8"), "0102030405060708");
	map_some(p);
	assert_string_equal(ask(p, "m3ffc,4"), "01020304");
	assert_string_equal(ask(p, "m3ffc,8"), "0102030400000000"); /* two frames apart */
	assert_string_equal(ask(p, "M3ffe,4:a1a2a3a4"), "OK");
	assert_string_equal(ask(p, "m3ffc,8"), "0102a1a2a3a40000");
	assert_string_equal(ask(p, "m40008ffc,4"), "0102a1a2"); /* the superpage */
	assert_string_equal(ask(p, "m80008ffc,4"), "E0e");
	assert_string_equal(ask(p, "m5000,1"), "E0e");  /* a device is left alone */
	assert_string_equal(ask(p, "m4ffe,4"), "0000"); /* as far as it goes */
	assert_string_equal(ask(p, "M4ffe,4:00000000"), "E0e");
	assert_string_equal(ask(p, "m4000000000000000,1"), "E0e"); /* no address of Sv39 */
	assert_string_equal(ask(p, "mfffffffffffffffe,10"), "E0e");

	assert_string_equal(ask(p, "qqemu.PhyMemMode"), "0");
	assert_string_equal(ask(p, "Qqemu.PhyMemMode:1"), "OK");
	assert_string_equal(ask(p, "qqemu.PhyMemMode"), "1");
	assert_string_equal(ask(p, "m80008ffc,4"), "0102a1a2");
	assert_string_equal(ask(p, "m3000,1"), "E0e");
	assert_string_equal(ask(p, "Qqemu.PhyMemMode:0"), "OK");

	/* Binary, with every byte that must be escaped. */
	assert_string_equal(ask(p, "X3000,0:"), "OK");
	put_packet(p, "X3000,5:}\x03}\x04}]}\x0a\x00", 17);
	understand(p);
	assert_string_equal(p->answer, "OK");
	assert_string_equal(ask(p, "m3000,5"), "23247d2a00");

	/* As many bytes as a packet holds, however many are asked for. */
	assert_string_equal(ask(p, "Qqemu.PhyMemMode:1"), "OK");
	assert_int_equal(strlen(ask(p, "m80000000,fffffffffffffff")), GDB_PACKET);
	peer_fini(p);
}

static void code_written_by_gdb_is_what_runs(void **state)
{
	struct peer *p = &peer;

	start_loop(p, 1);
	resume(p, "vCont;s"); /* decoded */
	set_reg(p, GDB_REG_PC, CODE);
	assert_string_equal(ask(p, "M80001000,4:13057007"), "OK"); /* li a0, 119 */
	resume(p, "vCont;s");
	assert_int_equal(reg(p, 10), 119);
	peer_fini(p);
}

/* -- nonsense ----------------------------------------------------------------------------- */

static uint64_t seed = 1;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(seed >> 33) % n;
}

static void nonsense_does_no_harm(void **state)
{
	static const char *const words[] = {"qSupported",
					    "qXfer:features:read:target.xml:0,1000",
					    "?",
					    "g",
					    "p20",
					    "p1c1",
					    "P20=00",
					    "P1c1=0000008000000080",
					    "P1041=0100000000000000",
					    "P1041=0300000000000000",
					    "m80001000,40",
					    "M80008000,4:01020304",
					    "X80008000,4:abcd",
					    "vCont;c",
					    "vCont;s:1;c",
					    "vCont;s:2",
					    "c",
					    "s",
					    "Hg2",
					    "Hc1",
					    "Z0,80001008,4",
					    "Z2,80008008,8",
					    "z0,80001008,4",
					    "z2,80008008,8",
					    "T1",
					    "qfThreadInfo",
					    "qThreadExtraInfo,1",
					    "qRcmd,696e666f206d656d",
					    "qRcmd,696e666f20746c62",
					    "qRcmd,77616c6b2038303030",
					    "qqemu.PhyMemMode",
					    "Qqemu.PhyMemMode:1",
					    "Qqemu.PhyMemMode:0",
					    "QStartNoAckMode",
					    "Z4,0,ffffffffffffffff",
					    "vCont;C05:1;S0b:-1"};
	struct peer *p = &peer;
	char data[256];

	for (unsigned round = 0; round < 40; round++) {
		start_loop(p, 2);
		for (unsigned i = 0; i < 300; i++) {
			const char *word = words[below(sizeof(words) / sizeof(words[0]))];
			size_t len = strlen(word);

			memcpy(data, word, len);
			for (unsigned n = below(4); n > 0; n--) {
				switch (below(4)) {
				case 0: data[below((unsigned)len + 1)] = (char)below(256); break;
				case 1: len = below((unsigned)len + 1); break;
				case 2: data[len++] = (char)below(256); break;
				case 3: data[len++] = "0f,:;=-"[below(7)]; break;
				}
				if (len == 0)
					data[len++] = 'q';
			}
			if (below(8) == 0)
				gdb_feed(p->g, data, len); /* in no packet at all */
			else
				put_packet(p, data, len);
			if (below(4) == 0)
				gdb_feed(p->g, "\x03", 1);
			if (p->len > sizeof(p->got) / 2)
				p->len = 0;
			gdb_run(p->g, machine_clock(p->b.m, 0) + below(50));
			if (gdb_state(p->g) > GDB_RUNNING) {
				gdb_destroy(p->g);
				p->g = gdb_create(p->b.m, hear, p);
			}
		}
		for (unsigned i = 0; i < 100; i++) {
			for (unsigned j = 0; j < sizeof(data); j++)
				data[j] = (char)(below(3) ? (unsigned)"$#+-}\x03qvm0,"[below(11)]
							  : below(256));
			gdb_feed(p->g, data, sizeof(data));
			p->len = 0;
			gdb_run(p->g, machine_clock(p->b.m, 0) + 10);
		}
		peer_fini(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(packets_are_acknowledged_and_repeated),
	    cmocka_unit_test(what_is_unknown_is_answered_so),
	    cmocka_unit_test(harts_are_threads),
	    cmocka_unit_test(registers_have_gdbs_numbers),
	    cmocka_unit_test(counters_read_as_the_guest_would_read_them),
	    cmocka_unit_test(the_description_matches_the_registers),
	    cmocka_unit_test(memory_is_that_of_the_present_tables),
	    cmocka_unit_test(code_written_by_gdb_is_what_runs),
	    cmocka_unit_test(nonsense_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
