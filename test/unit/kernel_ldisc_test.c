/*
 * The line discipline by itself: what is typed, what is shown, what a reader gets. What each case
 * wants is what termios(3) says, or what Linux's own terminal shows where that is silent; the same
 * from end to end, beside Linux: test/run-terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "kernel/fs/ldisc.h"
#include "kernel/lib/lib.h"

static struct ldisc l;

static int setup(void **state)
{
	(void)state;
	ldisc_init(&l);
	return 0;
}

static void set(uint32_t lflag_off, uint32_t lflag_on, uint32_t iflag_on, uint32_t oflag_on)
{
	struct linux_termios2 t = l.set;

	t.lflag = (t.lflag & ~lflag_off) | lflag_on;
	t.iflag |= iflag_on;
	t.oflag |= oflag_on;
	ldisc_set(&l, &t);
	ldisc_check(&l);
}

/* => the signal that came with the last byte. */
static int type_bytes(const char *text, size_t len)
{
	int signo = 0;

	for (size_t at = 0; at < len;) {
		size_t n = ldisc_receive(&l, (const uint8_t *)text + at, len - at, &signo);

		ldisc_check(&l);
		assert_true(n > 0);
		at += n;
	}
	return signo;
}

static int type(const char *text)
{
	return type_bytes(text, strlen(text));
}

static void assert_shown(const char *want)
{
	char got[2 * LDISC_SIZE];
	size_t len = 0, n;
	const uint8_t *p;

	while ((n = ldisc_output(&l, &p)) > 0) {
		memcpy(got + len, p, n);
		len += n;
		ldisc_output_done(&l, n);
	}
	got[len] = 0;
	assert_string_equal(got, want);
}

static void assert_read(size_t size, const char *want)
{
	uint8_t got[LDISC_SIZE + 1];
	bool more;
	size_t n = ldisc_take(&l, got, size, &more);

	if (n == size && more)
		assert_int_equal(ldisc_take(&l, got, 0, &more), 0);
	ldisc_check(&l);
	got[n] = 0;
	assert_string_equal((char *)got, want);
}

/* -- canonical mode ------------------------------------------------------------------------ */

static void lines_are_read_one_by_one(void **state)
{
	(void)state;
	type("one\ntwo\nthr");
	assert_shown("one\r\ntwo\r\nthr");
	assert_int_equal(ldisc_input_len(&l), 8);
	assert_read(100, "one\n");
	assert_read(2, "tw");
	assert_read(100, "o\n");
	assert_false(ldisc_has_input(&l, false));
	type("ee\r");
	assert_read(100, "three\n");
}

static void eof_ends_a_line_and_is_not_in_it(void **state)
{
	(void)state;
	type("ab\004\004cd\n");
	assert_int_equal(ldisc_input_len(&l), 5);
	assert_read(100, "ab");
	assert_true(ldisc_has_input(&l, false));
	assert_read(100, "");
	assert_read(100, "cd\n");
	/* A buffer that just holds the line takes the mark along: no end of file follows. */
	type("xy\004");
	assert_read(2, "xy");
	assert_false(ldisc_has_input(&l, false));
	type("vwxy\004");
	assert_read(2, "vw");
	assert_read(2, "xy");
	assert_false(ldisc_has_input(&l, false));
}

static void erase_takes_the_last_character(void **state)
{
	(void)state;
	type("abc\177\177x\n");
	assert_shown("abc\b \b\b \bx\r\n");
	assert_read(100, "ax\n");
	type("a\177\177\177b\n"); /* not beyond the beginning */
	assert_shown("a\b \bb\r\n");
	assert_read(100, "b\n");
}

static void erase_knows_how_wide_things_are(void **state)
{
	(void)state;
	type("\026\001\177"); /* quoted Ctrl-A shows as two */
	assert_shown("^\b^A\b \b\b \b");
	type("ab\t\177");
	assert_shown("ab\t\b\b\b\b\b\b");
	type("\t\177\n"); /* at column 2 again */
	assert_shown("\t\b\b\b\b\b\b\r\n");
	set(0, 0, IUTF8, 0);
	type("\xc3\xa9\177x\n");
	assert_shown("\xc3\xa9\b \bx\r\n");
	assert_read(100, "ab\n");
	assert_read(100, "x\n");
}

static void tab_is_erased_back_to_where_it_began(void **state)
{
	(void)state;
	ldisc_put(&l, (const uint8_t *)"$ ", 2); /* a prompt */
	type("abc\t\177");
	assert_shown("$ abc\t\b\b\b");
	type("\t\t\177");
	assert_shown("\t\t\b\b\b\b\b\b\b\b");
}

static void werase_takes_a_word(void **state)
{
	(void)state;
	type("foo bar_1  \027x\n");
	assert_read(100, "foo x\n");
	type("foo+bar\027\027\n");
	assert_read(100, "\n");
}

static void kill_takes_the_line(void **state)
{
	(void)state;
	type("abc\025x\n");
	assert_shown("abc\b \b\b \b\b \bx\r\n");
	assert_read(100, "x\n");
	set(ECHOKE, 0, 0, 0);
	type("abc\025x\n");
	assert_shown("abc^U\r\nx\r\n");
	assert_read(100, "x\n");
	set(ECHO, 0, 0, 0);
	type("abc\025x\n");
	assert_shown("");
	assert_read(100, "x\n");
}

static void echoprt_shows_what_is_erased(void **state)
{
	(void)state;
	set(0, ECHOPRT, 0, 0);
	type("abc\177\177d\n");
	assert_shown("abc\\cb/d\r\n");
	type("ab\177\177c\n");
	assert_shown("ab\\ba/c\r\n");
}

static void quoted_bytes_are_data(void **state)
{
	(void)state;
	assert_int_equal(type("a\026\003\026\177\026\004b\n"), 0);
	assert_shown("a^\b^C^\b^?^\b^Db\r\n");
	assert_read(100, "a\003\177\004b\n");
	set(IEXTEN, 0, 0, 0);
	type("a\026b\n");
	assert_read(100, "a\026b\n");
}

static void reprint_shows_the_line_again(void **state)
{
	(void)state;
	type("one\nab\022c\n");
	assert_shown("one\r\nab^R\r\nabc\r\n");
	assert_read(100, "one\n");
	assert_read(100, "abc\n");
}

static void eol_ends_a_line_and_is_in_it(void **state)
{
	struct linux_termios2 t = l.set;

	(void)state;
	t.cc[VEOL] = ';';
	t.cc[VEOL2] = '.';
	ldisc_set(&l, &t);
	type("a;b.c");
	assert_shown("a;b.c");
	assert_read(100, "a;");
	assert_read(100, "b.");
	assert_false(ldisc_has_input(&l, false));
}

static void a_line_without_end_can_still_end(void **state)
{
	char *long_line = malloc(3 * LDISC_SIZE);
	uint8_t got[LDISC_SIZE];
	bool more;

	(void)state;
	memset(long_line, 'x', 3 * LDISC_SIZE);
	set(ECHO, 0, 0, 0);
	type_bytes(long_line, 3 * LDISC_SIZE);
	assert_false(ldisc_has_input(&l, false));
	type("y\n");
	assert_int_equal(ldisc_take(&l, got, sizeof got, &more), LDISC_SIZE);
	assert_int_equal(got[LDISC_SIZE - 1], '\n');
	assert_int_equal(got[LDISC_SIZE - 2], 'x');
	assert_false(more);
	free(long_line);
}

static void a_full_ring_takes_no_more(void **state)
{
	int signo;
	size_t total = 0, n;

	(void)state;
	set(ECHO, 0, 0, 0);
	while ((n = ldisc_receive(&l, (const uint8_t *)"12345678901234\n", 15, &signo)) == 15)
		total += n;
	ldisc_check(&l);
	assert_int_equal(total + n, LDISC_SIZE - 1);
	assert_read(100, "12345678901234\n");
	assert_int_equal(ldisc_receive(&l, (const uint8_t *)"abcdefghijklmnopq", 17, &signo), 15);
}

/* -- settings of input --------------------------------------------------------------------- */

static void newlines_are_translated(void **state)
{
	struct linux_termios2 t = l.set;

	(void)state;
	t.iflag = IGNCR;
	ldisc_set(&l, &t);
	type("a\rb\n");
	assert_read(100, "ab\n");
	t.iflag = INLCR;
	t.cc[VEOL] = '\r';
	ldisc_set(&l, &t);
	type("a\n");
	assert_read(100, "a\r");
	t.iflag = ISTRIP | IUCLC;
	ldisc_set(&l, &t);
	type("\xc1"
	     "B\n");
	assert_read(100, "ab\n");
	t.iflag = PARMRK;
	ldisc_set(&l, &t);
	type("a\xff\n");
	assert_read(100, "a\xff\xff\n");
}

static void raw_input_is_read_as_it_comes(void **state)
{
	struct linux_termios2 t = l.set;

	(void)state;
	t.lflag = 0;
	t.iflag = 0;
	t.cc[VMIN] = 3;
	ldisc_set(&l, &t);
	assert_int_equal(type("\003\n"), 0);
	assert_shown("");
	assert_true(ldisc_has_input(&l, false));
	assert_false(ldisc_has_input(&l, true)); /* poll waits for VMIN */
	type("\004");
	assert_true(ldisc_has_input(&l, true));
	assert_read(100, "\003\n\004");
}

static void modes_change_with_input_there(void **state)
{
	(void)state;
	type("one\ntw\004");
	set(ICANON, 0, 0, 0);
	assert_int_equal(ldisc_input_len(&l), 7);
	assert_read(4, "one\n");
	assert_read(2, "tw");
	assert_true(ldisc_has_input(&l, false)); /* VEOF's mark is a 0 now */
	assert_read(1, "");
	type("abc");
	set(0, ICANON, 0, 0);
	assert_true(ldisc_has_input(&l, false)); /* what came without lines is one */
	type("d\n");
	assert_read(100, "abc");
	assert_read(100, "d\n");
}

/* -- signals and flow ---------------------------------------------------------------------- */

static void control_characters_ask_for_signals(void **state)
{
	(void)state;
	assert_int_equal(type("abc\003"), SIGINT);
	assert_shown("^C"); /* what was typed and not read is gone, and its echo with it */
	assert_int_equal(type("\034"), SIGQUIT);
	assert_shown("^\\");
	assert_int_equal(type("\032"), SIGTSTP);
	assert_shown("^Z");
	type("x\n");
	assert_read(100, "x\n");
	set(0, NOFLSH, 0, 0);
	assert_int_equal(type("abc\003"), SIGINT);
	assert_shown("x\r\nabc^C");
	type("\n");
	assert_read(100, "abc\n");
	set(ISIG, 0, 0, 0);
	assert_int_equal(type("\003\n"), 0);
	assert_read(100, "\003\n");
}

static void input_stops_at_a_signal(void **state)
{
	int signo;

	(void)state;
	assert_int_equal(ldisc_receive(&l, (const uint8_t *)"a\003b\n", 4, &signo), 2);
	assert_int_equal(signo, SIGINT);
	assert_int_equal(ldisc_receive(&l, (const uint8_t *)"b\n", 2, &signo), 2);
	assert_int_equal(signo, 0);
	assert_read(100, "b\n");
}

static void output_stops_and_starts(void **state)
{
	(void)state;
	type("\023");
	ldisc_put(&l, (const uint8_t *)"held", 4);
	assert_shown("");
	assert_int_equal(ldisc_output_len(&l), 4);
	type("x");
	assert_shown("");
	type("\021");
	assert_shown("heldx");
	set(0, 0, IXANY, 0);
	type("\023");
	ldisc_put(&l, (const uint8_t *)"held", 4);
	type("y");
	assert_shown("heldy");
	/* What a program has stopped, a key does not start. */
	ldisc_stop(&l);
	type("\021z");
	assert_shown("");
	ldisc_start(&l);
	assert_shown("z");
}

/* -- output -------------------------------------------------------------------------------- */

static void put(const char *text)
{
	assert_int_equal(ldisc_put(&l, (const uint8_t *)text, strlen(text)), strlen(text));
}

static void output_is_processed(void **state)
{
	struct linux_termios2 t = l.set;

	(void)state;
	put("a\nb\tc");
	assert_shown("a\r\nb\tc");
	t.oflag = OPOST | XTABS;
	ldisc_set(&l, &t);
	put("\r\tx\ty\b\b\tz");
	assert_shown("\r        x       y\b\b z");
	t.oflag = OPOST | OCRNL | OLCUC;
	ldisc_set(&l, &t);
	put("ab\r");
	assert_shown("AB\n");
	t.oflag = OPOST | ONOCR;
	ldisc_set(&l, &t);
	put("\r\rx\r");
	assert_shown("\rx\r"); /* here: the column was not 0 */
	t.oflag = 0;
	ldisc_set(&l, &t);
	put("a\n\t\r");
	assert_shown("a\n\t\r");
}

static void a_full_ring_of_output_waits(void **state)
{
	uint8_t text[LDISC_SIZE];
	size_t n;

	(void)state;
	memset(text, '\n', sizeof text);
	n = ldisc_put(&l, text, sizeof text);
	assert_true(n >= LDISC_SIZE / 2 - 8 && n <= LDISC_SIZE / 2);
	ldisc_check(&l);
	type("echo is dropped\n");
	ldisc_check(&l);
	assert_read(100, "echo is dropped\n");
	ldisc_flush_output(&l);
	assert_int_equal(ldisc_output_room(&l), LDISC_SIZE);
}

/* -- anything ------------------------------------------------------------------------------ */

/* Whatever is typed, set and read, the invariants hold and no byte is made up. */
static void random_use_keeps_the_invariants(void **state)
{
	static const uint32_t lflags[] = {ICANON,  ECHO,   ECHOE, ECHOK,  ECHOKE, ECHOCTL,
					  ECHOPRT, IEXTEN, ISIG,  NOFLSH, ECHONL};
	static const uint32_t iflags[] = {IXON, IXANY, ICRNL, IGNCR, INLCR, ISTRIP, IUTF8, PARMRK};
	static const uint32_t oflags[] = {OPOST, ONLCR, OCRNL, ONOCR, ONLRET, XTABS};
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct linux_termios2 t = l.set;
		uint8_t bytes[40];
		const uint8_t *p;
		bool more;
		int signo;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		unsigned r = (unsigned)(seed >> 33), n = r % sizeof bytes;
		for (unsigned i = 0; i < n; i++)
			bytes[i] = (uint8_t)(r >> 8 & 1 ? (seed >> i % 24) % 32 : seed >> i % 40);
		switch (r >> 10 & 7) {
		case 0: ldisc_put(&l, bytes, n); break;
		case 1: ldisc_take(&l, bytes, n, &more); break;
		case 2:
			n = (unsigned)ldisc_output(&l, &p);
			ldisc_output_done(&l, n);
			break;
		case 3:
			if (r >> 13 & 7)
				break;
			t.lflag ^= lflags[(r >> 16) % ARRAY_SIZE(lflags)];
			t.iflag ^= iflags[(r >> 20) % ARRAY_SIZE(iflags)];
			t.oflag ^= oflags[(r >> 24) % ARRAY_SIZE(oflags)];
			ldisc_set(&l, &t);
			break;
		case 4:
			if ((r >> 13 & 63) == 0)
				ldisc_flush_input(&l);
			break;
		default: assert_true(ldisc_receive(&l, bytes, n, &signo) <= n);
		}
		ldisc_check(&l);
		assert_true(ldisc_input_len(&l) <= LDISC_SIZE);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(lines_are_read_one_by_one, setup),
	    cmocka_unit_test_setup(eof_ends_a_line_and_is_not_in_it, setup),
	    cmocka_unit_test_setup(erase_takes_the_last_character, setup),
	    cmocka_unit_test_setup(erase_knows_how_wide_things_are, setup),
	    cmocka_unit_test_setup(tab_is_erased_back_to_where_it_began, setup),
	    cmocka_unit_test_setup(werase_takes_a_word, setup),
	    cmocka_unit_test_setup(kill_takes_the_line, setup),
	    cmocka_unit_test_setup(echoprt_shows_what_is_erased, setup),
	    cmocka_unit_test_setup(quoted_bytes_are_data, setup),
	    cmocka_unit_test_setup(reprint_shows_the_line_again, setup),
	    cmocka_unit_test_setup(eol_ends_a_line_and_is_in_it, setup),
	    cmocka_unit_test_setup(a_line_without_end_can_still_end, setup),
	    cmocka_unit_test_setup(a_full_ring_takes_no_more, setup),
	    cmocka_unit_test_setup(newlines_are_translated, setup),
	    cmocka_unit_test_setup(raw_input_is_read_as_it_comes, setup),
	    cmocka_unit_test_setup(modes_change_with_input_there, setup),
	    cmocka_unit_test_setup(control_characters_ask_for_signals, setup),
	    cmocka_unit_test_setup(input_stops_at_a_signal, setup),
	    cmocka_unit_test_setup(output_stops_and_starts, setup),
	    cmocka_unit_test_setup(output_is_processed, setup),
	    cmocka_unit_test_setup(a_full_ring_of_output_waits, setup),
	    cmocka_unit_test_setup(random_use_keeps_the_invariants, setup),
	};

	return cmocka_run_group_tests_name("ldisc", tests, NULL, NULL);
}
