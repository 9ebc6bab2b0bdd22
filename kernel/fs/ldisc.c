/*
 * The line discipline: Linux's N_TTY, for one terminal.
 *
 *                    echo
 *      typed  --> [ receive ] --+--> in ring --> take --> program's read
 *                    |          |
 *                 signals       v
 *      shown <-- out ring <-- [ output ] <-- put <-- program's write
 *
 * It is a pure machine of states: it sleeps for nothing, locks nothing and knows no
 * process. Whoever has a terminal (tty.c) feeds it, drains it, and sends the signals
 * that it asks for; a pseudo-terminal is the same with a program at the left.
 *
 * Canonical mode (ICANON). Input is made of lines. What is typed after the last end
 * of line can be edited (VERASE, VWERASE, VKILL) and cannot be read; a reader gets at
 * most one line.
 *
 *      in    . . h e l l o \n w o r l d \n e d i t a b
 *                ^tail                     ^canon      ^head       ends: both \n
 *
 * VEOF ends a line without being part of it: it lies in the ring as a 0 whose bit in
 * `ends` is set, and is dropped when it is reached. So at the start of a line it is a
 * line of no bytes, which a reader sees as the end of input.
 *
 * Otherwise all input can be read as it comes, and the reader waits as VMIN and VTIME
 * say (tty.c).
 *
 * A ring that is full takes no more, and its terminal has to wait; but a line that
 * fills it alone could then never end, so its last byte is given up for the next.
 *
 * Echo goes out as if the program had written it, and is dropped when the ring has no
 * room. Erasing means to know how wide a character is on the screen: `column` follows
 * the cursor as far as tabs, backspaces and line ends go.
 *
 * Invariants
 *   I1  tail <= canon <= head <= tail + LDISC_SIZE; not ICANON: canon is of no meaning
 *   I2  a bit of `ends` is set only for a place in [tail, canon), while ICANON
 *   I3  out_tail <= out_head <= out_tail + LDISC_SIZE
 *
 * What a byte means to Linux: termios(3), ioctl_tty(2). Parity, breaks, speeds and
 * modem lines have no meaning here: settings are kept, and nothing follows from them.
 */
#include "kernel/fs/ldisc.h"
#include "kernel/lib/lib.h"

#define DISABLED  0 /* _POSIX_VDISABLE: a control character of that value is none */
#define MARK      0377
#define TAB_WIDTH 8

static const struct linux_termios2 first_settings = {
    .iflag = ICRNL | IXON,
    .oflag = OPOST | ONLCR,
    .cflag = B38400 | CS8 | CREAD,
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .line = N_TTY,
    .cc = {[VINTR] = 3,
	   [VQUIT] = 28,
	   [VERASE] = 127,
	   [VKILL] = 21,
	   [VEOF] = 4,
	   [VMIN] = 1,
	   [VSTART] = 17,
	   [VSTOP] = 19,
	   [VSUSP] = 26,
	   [VREPRINT] = 18,
	   [VDISCARD] = 15,
	   [VWERASE] = 23,
	   [VLNEXT] = 22},
    .ispeed = 38400,
    .ospeed = 38400,
};

void ldisc_init(struct ldisc *l)
{
	memset(l, 0, sizeof *l);
	l->set = first_settings;
}

/* -- settings, as questions --------------------------------------------------------------- */

static bool has_local(const struct ldisc *l, uint32_t flags)
{
	return (l->set.lflag & flags) == flags;
}

static bool has_input_flag(const struct ldisc *l, uint32_t flags)
{
	return (l->set.iflag & flags) == flags;
}

/* => whether c is the control character of that index. */
static bool is_control(const struct ldisc *l, unsigned index, uint8_t c)
{
	return c != DISABLED && l->set.cc[index] == c;
}

/* -- kinds of bytes: Latin-1, as Linux has them ------------------------------------------- */

static bool is_unprintable(uint8_t c)
{
	return c < 32 || c == 127;
}

static bool is_upper(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static bool is_lower(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

static bool is_word(uint8_t c)
{
	return is_upper(c) || is_lower(c) || (c >= '0' && c <= '9') || c == '_';
}

static uint8_t to_upper(uint8_t c)
{
	return is_lower(c) && c != 0xdf && c != 0xff ? (uint8_t)(c - 32) : c;
}

static uint8_t to_lower(uint8_t c)
{
	return is_upper(c) ? (uint8_t)(c + 32) : c;
}

/* => whether c goes on with a character that another byte began. */
static bool is_continuation(const struct ldisc *l, uint8_t c)
{
	return has_input_flag(l, IUTF8) && (c & 0xc0) == 0x80;
}

/* -- the ring of output ------------------------------------------------------------------- */

size_t ldisc_output_len(const struct ldisc *l)
{
	return l->out_head - l->out_tail;
}

size_t ldisc_output_room(const struct ldisc *l)
{
	return LDISC_SIZE - ldisc_output_len(l);
}

/* There is room. */
static void emit(struct ldisc *l, uint8_t c)
{
	l->out[l->out_head++ % LDISC_SIZE] = c;
}

void ldisc_put_raw(struct ldisc *l, uint8_t byte)
{
	if (ldisc_output_room(l) > 0)
		emit(l, byte);
}

size_t ldisc_output(const struct ldisc *l, const uint8_t **p)
{
	uint32_t at = l->out_tail % LDISC_SIZE;
	size_t n = ldisc_output_len(l);

	*p = l->out + at;
	if (l->stopped)
		return 0;
	return n < LDISC_SIZE - at ? n : LDISC_SIZE - at;
}

void ldisc_output_done(struct ldisc *l, size_t n)
{
	CHECK3(n, <=, ldisc_output_len(l));
	l->out_tail += (uint32_t)n;
}

void ldisc_flush_output(struct ldisc *l)
{
	l->out_tail = l->out_head;
}

/* Puts out one byte under OPOST, and follows the cursor. => false: no room, nothing happened. */
static bool put_processed(struct ldisc *l, uint8_t c)
{
	uint32_t flags = l->set.oflag;
	unsigned width = TAB_WIDTH - l->column % TAB_WIDTH;

	/* The widest that one byte can become is a tab. */
	if (ldisc_output_room(l) < TAB_WIDTH)
		return false;
	switch (c) {
	case '\n':
		if (flags & ONLRET)
			l->column = 0;
		if (flags & ONLCR) {
			l->column = 0;
			emit(l, '\r');
		}
		l->canon_column = l->column;
		break;
	case '\r':
		if (flags & ONOCR && l->column == 0)
			return true;
		if (flags & OCRNL) {
			c = '\n';
			if (!(flags & ONLRET))
				break;
		}
		l->canon_column = l->column = 0;
		break;
	case '\t':
		l->column += width;
		if ((flags & TABDLY) != XTABS)
			break;
		while (width-- > 0)
			emit(l, ' ');
		return true;
	case '\b':
		if (l->column > 0)
			l->column--;
		break;
	default:
		if (is_unprintable(c))
			break;
		if (flags & OLCUC)
			c = to_upper(c);
		if (!is_continuation(l, c))
			l->column++;
	}
	emit(l, c);
	return true;
}

size_t ldisc_put(struct ldisc *l, const uint8_t *bytes, size_t n)
{
	size_t done = 0, room = ldisc_output_room(l);

	if (l->set.oflag & OPOST) {
		while (done < n && put_processed(l, bytes[done]))
			done++;
		return done;
	}
	while (done < n && done < room)
		emit(l, bytes[done++]);
	return done;
}

/* -- echo --------------------------------------------------------------------------------- */

static void echo_raw(struct ldisc *l, uint8_t c)
{
	ldisc_put(l, &c, 1);
}

/* A control character shows as two: ^C. */
static void echo(struct ldisc *l, uint8_t c)
{
	if (!has_local(l, ECHOCTL) || !is_unprintable(c) || c == '\t') {
		echo_raw(l, c);
		return;
	}
	if (ldisc_output_room(l) < 2)
		return;
	emit(l, '^');
	emit(l, c ^ 0100);
	l->column += 2;
}

static void finish_erasing(struct ldisc *l)
{
	if (l->erasing)
		echo_raw(l, '/');
	l->erasing = false;
}

/* Echoes a byte that goes into the line. */
static void echo_typed(struct ldisc *l, uint8_t c)
{
	if (!has_local(l, ECHO))
		return;
	finish_erasing(l);
	if (l->canon == l->head)
		l->canon_column = l->column;
	echo(l, c);
}

/* -- the ring of input -------------------------------------------------------------------- */

static uint8_t in_at(const struct ldisc *l, uint32_t pos)
{
	return l->in[pos % LDISC_SIZE];
}

static bool is_end(const struct ldisc *l, uint32_t pos)
{
	uint32_t at = pos % LDISC_SIZE;

	return l->ends[at / 64] >> at % 64 & 1;
}

static void set_end(struct ldisc *l, uint32_t pos, bool is)
{
	uint32_t at = pos % LDISC_SIZE;
	uint64_t bit = (uint64_t)1 << at % 64;

	l->ends[at / 64] = is ? l->ends[at / 64] | bit : l->ends[at / 64] & ~bit;
}

/* There is room. */
static void keep(struct ldisc *l, uint8_t c)
{
	if (l->head - l->tail == LDISC_SIZE)
		return; /* here: the second byte of a MARK, in a line that is too long anyway */
	l->in[l->head++ % LDISC_SIZE] = c;
}

/* Keeps a byte as data; a MARK is doubled where it could be taken for one. */
static void keep_data(struct ldisc *l, uint8_t c)
{
	if (c == MARK && has_input_flag(l, PARMRK))
		keep(l, c);
	keep(l, c);
}

static void end_line(struct ldisc *l, uint8_t c)
{
	if (l->head - l->tail == LDISC_SIZE)
		l->head--;
	set_end(l, l->head, true);
	keep(l, c);
	l->canon = l->head;
}

/* Makes room for a byte in a ring that is full. => false: it has to wait. */
static bool make_room(struct ldisc *l)
{
	uint32_t need = has_input_flag(l, PARMRK) ? 3 : 1;
	uint32_t used = l->head - l->tail;

	if (used + need < LDISC_SIZE)
		return true;
	/* A line without end that nobody can read must be able to end. */
	if (!has_local(l, ICANON) || l->canon != l->tail)
		return false;
	if (used + need > LDISC_SIZE)
		l->head = l->tail + LDISC_SIZE - need;
	return true;
}

void ldisc_flush_input(struct ldisc *l)
{
	l->tail = l->canon = l->head;
	memset(l->ends, 0, sizeof l->ends);
	l->quotes = l->erasing = false;
}

/* -- editing the line --------------------------------------------------------------------- */

/* Takes the screen back over a tab that stood before `head`. */
static void erase_tab(struct ldisc *l)
{
	uint32_t pos = l->head, width = 0;
	bool after_tab = false;

	/* How far from a tab stop it began: from the tab before it, or the line's start. */
	while (pos != l->canon && !after_tab) {
		uint8_t c = in_at(l, --pos);

		if (c == '\t')
			after_tab = true;
		else if (is_unprintable(c))
			width += has_local(l, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(l, c))
			width++;
	}
	if (!after_tab)
		width += l->canon_column;
	for (width = TAB_WIDTH - width % TAB_WIDTH; width > 0; width--) {
		ldisc_put_raw(l, '\b');
		if (l->column > 0)
			l->column--;
	}
}

static void erase_cell(struct ldisc *l)
{
	echo_raw(l, '\b');
	echo_raw(l, ' ');
	echo_raw(l, '\b');
}

/* Shows that the character of n bytes at `head`, beginning with c, has gone. */
static void show_erased(struct ldisc *l, uint8_t c, uint32_t n, bool is_erase)
{
	if (!has_local(l, ECHO))
		return;
	if (has_local(l, ECHOPRT)) {
		if (!l->erasing)
			echo_raw(l, '\\');
		l->erasing = true;
		echo(l, c);
		for (uint32_t i = 1; i < n; i++) {
			echo_raw(l, in_at(l, l->head + i));
			if (l->column > 0)
				l->column--;
		}
	} else if (is_erase && !has_local(l, ECHOE)) {
		echo(l, l->set.cc[VERASE]);
	} else if (c == '\t') {
		erase_tab(l);
	} else {
		if (is_unprintable(c) && has_local(l, ECHOCTL))
			erase_cell(l);
		if (!is_unprintable(c) || has_local(l, ECHOCTL))
			erase_cell(l);
	}
}

/* The whole line goes at once, where it cannot be taken off the screen. => false: it can. */
static bool kill_blindly(struct ldisc *l)
{
	if (has_local(l, ECHO | ECHOK | ECHOKE | ECHOE))
		return false;
	l->head = l->canon;
	if (!has_local(l, ECHO))
		return true;
	finish_erasing(l);
	echo(l, l->set.cc[VKILL]);
	if (has_local(l, ECHOK))
		echo_raw(l, '\n');
	return true;
}

/* VERASE, VWERASE, VKILL: `what` is the index. */
static void erase(struct ldisc *l, unsigned what)
{
	bool in_word = false;

	if (l->head == l->canon || (what == VKILL && kill_blindly(l)))
		return;
	while (l->head != l->canon) {
		uint32_t start = l->head;
		uint8_t c;

		do
			c = in_at(l, --start);
		while (is_continuation(l, c) && start != l->canon);
		if (is_continuation(l, c))
			break; /* here: the rest of a character that began in another line */
		if (what == VWERASE && !is_word(c) && in_word)
			break;
		in_word |= is_word(c);
		uint32_t n = l->head - start;
		l->head = start;
		show_erased(l, c, n, what == VERASE);
		if (what == VERASE)
			break;
	}
	if (l->head == l->canon && has_local(l, ECHO))
		finish_erasing(l);
}

/* VREPRINT: the line once more, on a new one. */
static void reprint(struct ldisc *l)
{
	finish_erasing(l);
	echo(l, l->set.cc[VREPRINT]);
	echo_raw(l, '\n');
	for (uint32_t pos = l->canon; pos != l->head; pos++)
		echo(l, in_at(l, pos));
}

/* -- what is typed ------------------------------------------------------------------------ */

static void start(struct ldisc *l)
{
	l->stopped = l->stopped && l->stopped_by_call;
}

/* => the signal that c asks for; 0: none. */
static int signal_of(const struct ldisc *l, uint8_t c)
{
	if (!has_local(l, ISIG))
		return 0;
	return is_control(l, VINTR, c)   ? SIGINT
	       : is_control(l, VQUIT, c) ? SIGQUIT
	       : is_control(l, VSUSP, c) ? SIGTSTP
					 : 0;
}

static void receive_signal(struct ldisc *l, uint8_t c)
{
	if (!has_local(l, NOFLSH)) {
		ldisc_flush_output(l);
		ldisc_flush_input(l);
	}
	if (has_input_flag(l, IXON))
		start(l);
	if (has_local(l, ECHO))
		echo(l, c);
}

static void receive_data(struct ldisc *l, uint8_t c)
{
	if (has_local(l, ECHO) && c == '\n') {
		finish_erasing(l);
		echo_raw(l, c);
	} else {
		echo_typed(l, c);
	}
	keep_data(l, c);
}

/* Canonical mode. => false: c is an ordinary byte. */
static bool receive_canonical(struct ldisc *l, uint8_t c)
{
	bool extended = has_local(l, IEXTEN);

	if (is_control(l, VERASE, c)) {
		erase(l, VERASE);
	} else if (is_control(l, VKILL, c)) {
		erase(l, VKILL);
	} else if (extended && is_control(l, VWERASE, c)) {
		erase(l, VWERASE);
	} else if (extended && is_control(l, VLNEXT, c)) {
		l->quotes = true;
		if (has_local(l, ECHO)) {
			finish_erasing(l);
			if (has_local(l, ECHOCTL)) {
				echo_raw(l, '^');
				echo_raw(l, '\b');
			}
		}
	} else if (extended && has_local(l, ECHO) && is_control(l, VREPRINT, c)) {
		reprint(l);
	} else if (c == '\n') {
		if (has_local(l, ECHO) || has_local(l, ECHONL))
			echo_raw(l, c);
		end_line(l, c);
	} else if (is_control(l, VEOF, c)) {
		end_line(l, DISABLED);
	} else if (is_control(l, VEOL, c) || (extended && is_control(l, VEOL2, c))) {
		if (has_local(l, ECHO)) {
			if (l->canon == l->head)
				l->canon_column = l->column;
			echo(l, c);
		}
		if (c == MARK && has_input_flag(l, PARMRK))
			keep(l, c);
		end_line(l, c);
	} else {
		return false;
	}
	return true;
}

/* => the signal that is to be sent. */
static int receive(struct ldisc *l, uint8_t c)
{
	int signo;

	if (has_input_flag(l, ISTRIP))
		c &= 0x7f;
	if (has_input_flag(l, IUCLC) && has_local(l, IEXTEN))
		c = to_lower(c);
	if (has_local(l, EXTPROC)) {
		keep(l, c); /* here: the other side has done all that follows */
		return 0;
	}
	if (l->quotes) {
		l->quotes = false;
		echo_typed(l, c);
		keep_data(l, c);
		return 0;
	}
	if (has_input_flag(l, IXON)) {
		if (is_control(l, VSTART, c)) {
			start(l);
			return 0;
		}
		if (is_control(l, VSTOP, c)) {
			l->stopped = true;
			return 0;
		}
	}
	signo = signal_of(l, c);
	if (signo) {
		receive_signal(l, c);
		return signo;
	}
	if (has_input_flag(l, IXON | IXANY))
		start(l);
	if (c == '\r') {
		if (has_input_flag(l, IGNCR))
			return 0;
		if (has_input_flag(l, ICRNL))
			c = '\n';
	} else if (c == '\n' && has_input_flag(l, INLCR)) {
		c = '\r';
	}
	if (!has_local(l, ICANON) || !receive_canonical(l, c))
		receive_data(l, c);
	return 0;
}

size_t ldisc_receive(struct ldisc *l, const uint8_t *bytes, size_t n, int *signo)
{
	size_t done = 0;

	*signo = 0;
	while (done < n && !*signo && make_room(l))
		*signo = receive(l, bytes[done++]);
	return done;
}

/* -- reading ------------------------------------------------------------------------------ */

bool ldisc_has_input(const struct ldisc *l, bool for_poll)
{
	uint32_t least = 1;

	if (has_local(l, ICANON) && !has_local(l, EXTPROC))
		return l->canon != l->tail;
	if (for_poll && l->set.cc[VTIME] == 0 && l->set.cc[VMIN] > 0)
		least = l->set.cc[VMIN];
	return l->head - l->tail >= least;
}

size_t ldisc_input_len(const struct ldisc *l)
{
	size_t n = l->canon - l->tail;

	if (!has_local(l, ICANON))
		return l->head - l->tail;
	for (uint32_t pos = l->tail; pos != l->canon; pos++)
		if (is_end(l, pos) && in_at(l, pos) == DISABLED)
			n--;
	return n;
}

static size_t take_line(struct ldisc *l, uint8_t *to, size_t n, bool *more)
{
	bool ended = false;
	size_t done = 0;

	while (l->tail != l->canon && !ended) {
		ended = is_end(l, l->tail);
		bool is_mark = ended && in_at(l, l->tail) == DISABLED;

		/* A reader with no room left may still take the mark behind what it got. */
		if (done == n && !is_mark) {
			ended = false;
			break;
		}
		if (ended)
			set_end(l, l->tail, false);
		if (!is_mark)
			to[done++] = in_at(l, l->tail);
		l->tail++;
	}
	*more = !ended && l->tail != l->canon;
	return done;
}

size_t ldisc_take(struct ldisc *l, uint8_t *to, size_t n, bool *more)
{
	size_t done = 0;

	if (has_local(l, ICANON) && !has_local(l, EXTPROC))
		return take_line(l, to, n, more);
	while (done < n && l->tail != l->head)
		to[done++] = in_at(l, l->tail++);
	*more = l->tail != l->head;
	return done;
}

/* -- settings ----------------------------------------------------------------------------- */

void ldisc_set(struct ldisc *l, const struct linux_termios2 *set)
{
	bool was_canonical = has_local(l, ICANON), had_flow = has_input_flag(l, IXON);

	l->set = *set;
	if (has_local(l, ICANON) != was_canonical) {
		memset(l->ends, 0, sizeof l->ends);
		l->canon = l->tail;
		/* What came without lines is one line now. */
		if (!was_canonical && l->head != l->tail) {
			set_end(l, l->head - 1, true);
			l->canon = l->head;
		}
		l->quotes = l->erasing = false;
	}
	if (had_flow && !has_input_flag(l, IXON))
		start(l);
}

void ldisc_stop(struct ldisc *l)
{
	l->stopped = l->stopped_by_call = true;
}

void ldisc_start(struct ldisc *l)
{
	if (l->stopped_by_call)
		l->stopped = l->stopped_by_call = false;
}

void ldisc_check(const struct ldisc *l)
{
	CHECK3(l->head - l->tail, <=, LDISC_SIZE);         /* I1 */
	CHECK3(l->out_head - l->out_tail, <=, LDISC_SIZE); /* I3 */
	if (has_local(l, ICANON))
		CHECK3(l->canon - l->tail, <=, l->head - l->tail); /* I1 */
	for (uint32_t n = 0; n < LDISC_SIZE; n++)                  /* I2 */
		if (is_end(l, l->tail + n))
			CHECK(has_local(l, ICANON) && n < l->canon - l->tail);
}
