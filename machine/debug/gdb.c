/*
 * gdb's remote serial protocol, the target's side.
 *
 * Terms. gdb sends *packets*, `$data#checksum`; the other side acknowledges each with `+`, or asks
 * for it again with `-`, until both have agreed to leave that out (QStartNoAckMode). `}` in data
 * takes bit 5 of the byte after it away. Between packets, byte 3 is the user's Ctrl-C. All-stop
 * mode: a packet that resumes the machine is answered when the machine has stopped, and until then
 * there is no other traffic. A hart is a *thread*; its number is the hart's plus 1.
 *
 *       gdb_feed                                     gdb_run
 *     bytes ──> receiver ──> packet ──> answer        │  machine_run, until a breakpoint, the end
 *                              │                      │  of a step, Ctrl-C or the program's end
 *                              └ resume: GDB_RUNNING ─┘──> stop reply, GDB_STOPPED
 *
 * Steps. A step is one step of the machine's schedule: the other harts run when it is their turn,
 * so a run that was stepped is the same run. Only when gdb asks for one hart alone (as when it
 * steps off a breakpoint that it has taken away) do the others stand still; if that hart has the
 * turn anyway, and it has after a stop of its own, this makes no difference either. A step from
 * U-mode that traps goes on until the handler has returned to the same address space, and the
 * instruction has been done: what a user of gdb expects who knows of no kernel. `monitor step
 * traps` shows the handler instead.
 *
 * I1. While the machine is stopped, nothing but a write that gdb asks for changes it.
 * I2. The machine has each breakpoint of points[], once for each entry.
 * I3. m->stepping and m->only are NULL outside gdb_run.
 * I4. Nothing that comes in is believed: a packet that is too long, malformed or unknown is
 *     answered with an error or, as the protocol says, with an empty packet.
 *
 * Source: "Debugging with GDB", appendix "GDB Remote Serial Protocol".
 */
#include "machine/debug/gdb.h"

#include <string.h>

#include "abi/board.h"

/* Errors are numbers that gdb only shows: those of Linux. */
#define E_FAULT   14 /* no such memory */
#define E_INVALID 22
#define E_NOSPACE 28

/* gdb's numbers of signals: those of Linux where they are small. */
#define SIGNAL_INT  2
#define SIGNAL_KILL 9
#define SIGNAL_TRAP 5
#define SIGNAL_EXIT 128 /* a shell's status for death by signal n is this plus n */

#define CTRL_C 3

static const char digits[] = "0123456789abcdef";

/* -- text --------------------------------------------------------------------------------- */

void gdb_put_bytes(struct gdb_text *t, const void *bytes, size_t len)
{
	size_t room = t->size - t->len;

	if (len > room) {
		t->full = true;
		len = room;
	}
	memcpy(t->buf + t->len, bytes, len);
	t->len += len;
}

void gdb_put(struct gdb_text *t, const char *s)
{
	gdb_put_bytes(t, s, strlen(s));
}

void gdb_put_hex(struct gdb_text *t, uint64_t v, unsigned ndigits)
{
	char buf[16];

	if (!ndigits)
		for (ndigits = 1; ndigits < 16 && v >> (4 * ndigits); ndigits++)
			;
	for (unsigned i = 0; i < ndigits; i++)
		buf[i] = digits[v >> (4 * (ndigits - 1 - i)) & 15];
	gdb_put_bytes(t, buf, ndigits);
}

void gdb_put_dec(struct gdb_text *t, uint64_t v, unsigned width)
{
	char buf[20];
	unsigned n = 0;

	do {
		buf[sizeof(buf) - ++n] = digits[v % 10];
		v /= 10;
	} while (v);
	for (unsigned i = n; i < width; i++)
		gdb_put(t, " ");
	gdb_put_bytes(t, buf + sizeof(buf) - n, n);
}

void gdb_put_dump(struct gdb_text *t, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		gdb_put_hex(t, p[i], 2);
}

/* -- arguments ---------------------------------------------------------------------------- */

bool gdb_take(struct gdb_args *a, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(a->end - a->p) < len || memcmp(a->p, literal, len) != 0)
		return false;
	a->p += len;
	return true;
}

/* => 0 to 15, or -1. */
static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool gdb_take_hex(struct gdb_args *a, uint64_t *out)
{
	const char *start = a->p;

	*out = 0;
	while (a->p < a->end && digit_of(*a->p) >= 0) {
		if (*out >> 60)
			return false;
		*out = *out << 4 | (unsigned)digit_of(*a->p++);
	}
	return a->p > start;
}

bool gdb_take_dump(struct gdb_args *a, void *out, size_t len)
{
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++) {
		if (a->end - a->p < 2 || digit_of(a->p[0]) < 0 || digit_of(a->p[1]) < 0)
			return false;
		to[i] = (uint8_t)(digit_of(a->p[0]) << 4 | digit_of(a->p[1]));
		a->p += 2;
	}
	return true;
}

bool gdb_take_range(struct gdb_args *a, uint64_t *at, uint64_t *n)
{
	return gdb_take_hex(a, at) && gdb_take(a, ",") && gdb_take_hex(a, n);
}

static bool at_end(const struct gdb_args *a)
{
	return a->p == a->end;
}

/* -- sending ------------------------------------------------------------------------------ */

void gdb_send(struct gdb *g)
{
	uint8_t sum = 0;

	if (g->out.full)
		__builtin_trap(); /* a bug: every answer is bounded by GDB_PACKET */
	for (size_t i = 0; i < g->out.len; i++)
		sum = (uint8_t)(sum + (uint8_t)g->out.buf[i]);
	g->frame[0] = '$';
	memcpy(g->frame + 1, g->out.buf, g->out.len);
	g->frame[g->out.len + 1] = '#';
	g->frame[g->out.len + 2] = digits[sum >> 4];
	g->frame[g->out.len + 3] = digits[sum & 15];
	g->frame_len = g->out.len + 4;
	g->out.len = 0;
	g->send(g->ctx, g->frame, g->frame_len);
}

void gdb_error(struct gdb *g, unsigned number)
{
	g->out.len = 0;
	g->out.full = false;
	gdb_put(&g->out, "E");
	gdb_put_hex(&g->out, number, 2);
}

static void answer(struct gdb *g, bool ok, unsigned error)
{
	if (ok)
		gdb_put(&g->out, "OK");
	else
		gdb_error(g, error);
}

/* -- threads ------------------------------------------------------------------------------ */

#define ANY_HART (BOARD_MAX_HARTS + 1)

/* A thread's number. => false, or a hart, BOARD_MAX_HARTS for all of them, ANY_HART. */
static bool take_thread(const struct gdb *g, struct gdb_args *a, unsigned *hart)
{
	uint64_t n;

	if (gdb_take(a, "-1")) {
		*hart = BOARD_MAX_HARTS;
		return true;
	}
	if (!gdb_take_hex(a, &n) || n > g->m->cfg.harts)
		return false;
	*hart = n ? (unsigned)n - 1 : ANY_HART;
	return true;
}

/* H: the hart of what follows. */
static void on_thread_choice(struct gdb *g, struct gdb_args *a)
{
	bool for_resume = gdb_take(a, "c");
	unsigned hart;

	if ((!for_resume && !gdb_take(a, "g")) || !take_thread(g, a, &hart) || !at_end(a)) {
		gdb_error(g, E_INVALID);
		return;
	}
	if (for_resume)
		g->resume_hart = hart == ANY_HART ? BOARD_MAX_HARTS : hart;
	else if (hart < BOARD_MAX_HARTS)
		g->hart = hart;
	gdb_put(&g->out, "OK");
}

static void on_thread_extra(struct gdb *g, struct gdb_args *a)
{
	static const char *const states[] = {
	    [HART_STOPPED] = "off", [HART_RUNNING] = "running", [HART_WAITING] = "waiting"};
	static const char *const prvs[] = {"U-mode", "S-mode", "?", "M-mode"};
	char buf[64];
	struct gdb_text t = {.buf = buf, .size = sizeof(buf)};
	unsigned hart;

	if (!take_thread(g, a, &hart) || hart >= BOARD_MAX_HARTS) {
		gdb_error(g, E_INVALID);
		return;
	}
	gdb_put(&t, "hart ");
	gdb_put_dec(&t, hart, 0);
	gdb_put(&t, ", ");
	gdb_put(&t, states[g->m->harts[hart].status]);
	gdb_put(&t, ", ");
	gdb_put(&t, prvs[g->m->harts[hart].prv]);
	gdb_put_dump(&g->out, buf, t.len);
}

static void on_thread_list(struct gdb *g)
{
	for (unsigned i = 0; i < g->m->cfg.harts; i++) {
		gdb_put(&g->out, i ? "," : "m");
		gdb_put_hex(&g->out, i + 1, 0);
	}
}

/* -- breakpoints -------------------------------------------------------------------------- */

static void points_clear(struct gdb *g)
{
	while (g->npoints) {
		const struct gdb_point *p = &g->points[--g->npoints];
		machine_break_clear(g->m, p->kind, vaddr(p->va), p->len);
	}
}

/* Z and z: TYPE,ADDRESS,LENGTH. What is set twice is set once. */
static void on_point(struct gdb *g, struct gdb_args *a, bool set)
{
	static const enum machine_break kinds[] = {BREAK_EXEC, BREAK_EXEC, BREAK_STORE, BREAK_LOAD,
						   BREAK_ACCESS};
	struct gdb_point p;
	uint64_t type;
	unsigned i;

	if (!gdb_take_hex(a, &type) || !gdb_take(a, ",") || !gdb_take_range(a, &p.va, &p.len) ||
	    !at_end(a)) {
		gdb_error(g, E_INVALID);
		return;
	}
	if (type >= sizeof(kinds) / sizeof(kinds[0]))
		return; /* an empty answer: not supported */
	p.type = (unsigned)type;
	p.kind = kinds[type];
	for (i = 0; i < g->npoints; i++)
		if (g->points[i].type == p.type && g->points[i].va == p.va &&
		    g->points[i].len == p.len)
			break;
	bool there = i < g->npoints;
	if (set && !there) {
		if (g->npoints == BREAKS_MAX ||
		    !machine_break_set(g->m, p.kind, vaddr(p.va), p.len)) {
			gdb_error(g, E_NOSPACE);
			return;
		}
		g->points[g->npoints++] = p;
	} else if (!set && there) {
		machine_break_clear(g->m, p.kind, vaddr(p.va), p.len);
		g->points[i] = g->points[--g->npoints];
	}
	gdb_put(&g->out, "OK");
}

/* -- stops -------------------------------------------------------------------------------- */

/* The answer to what resumed the machine; and again, to `?`. */
static void put_stop(struct gdb *g)
{
	/* What gdb asks for first at every stop: pc, sp, frame pointer. */
	static const uint8_t first[] = {GDB_REG_PC, 2, 8};

	gdb_put(&g->out, "T");
	gdb_put_hex(&g->out, g->stop.signal, 2);
	for (unsigned i = 0; i < sizeof(first); i++) {
		uint64_t value = 0;

		gdb_reg_read(g, first[i], &value);
		gdb_put_hex(&g->out, first[i], 2);
		gdb_put(&g->out, ":");
		gdb_put_dump(&g->out, &value, sizeof(value));
		gdb_put(&g->out, ";");
	}
	gdb_put(&g->out, "thread:");
	gdb_put_hex(&g->out, g->hart + 1, 0);
	gdb_put(&g->out, ";");
	if (g->stop.watch) {
		gdb_put(&g->out, g->stop.watch);
		gdb_put(&g->out, ":");
		gdb_put_hex(&g->out, g->stop.va, 0);
		gdb_put(&g->out, ";");
	}
}

static void stopped(struct gdb *g, unsigned hart, unsigned signal)
{
	g->state = GDB_STOPPED;
	g->interrupt = false;
	g->hart = hart;
	g->stop.signal = signal;
	g->stop.watch = NULL;
	put_stop(g);
	gdb_send(g);
}

/*
 * gdb looks the address up among its watchpoints: it must lie in one, though the access may have
 * begun before it.
 */
static uint64_t watched_address(const struct gdb *g, const struct break_hit *hit)
{
	uint64_t best = hit->va;

	for (unsigned i = 0; i < g->npoints; i++) {
		const struct gdb_point *p = &g->points[i];
		if (p->kind != hit->kind)
			continue;
		if (hit->va - p->va < p->len)
			return hit->va;
		if (p->va - hit->va < 8) /* no access is wider */
			best = p->va;
	}
	return best;
}

static void stopped_at_point(struct gdb *g)
{
	static const char *const words[] = {
	    [BREAK_LOAD] = "rwatch", [BREAK_STORE] = "watch", [BREAK_ACCESS] = "awatch"};
	struct break_hit hit;

	machine_break_hit(g->m, &hit);
	g->state = GDB_STOPPED;
	g->interrupt = false;
	g->hart = hit.hart;
	g->stop.signal = SIGNAL_TRAP;
	g->stop.watch = words[hit.kind];
	g->stop.va = watched_address(g, &hit);
	put_stop(g);
	gdb_send(g);
}

/* W: exited with a status; X: died of a signal. The status is a shell's. */
static void ended(struct gdb *g, unsigned status, bool signalled)
{
	bool tell = g->state == GDB_RUNNING;

	g->state = GDB_ENDED;
	if (!tell)
		return;
	gdb_put(&g->out, signalled ? "X" : "W");
	gdb_put_hex(&g->out, signalled ? status - SIGNAL_EXIT : status, 2);
	gdb_send(g);
}

/* The stop when nothing in particular has happened: at the hart that ran last. */
static void stopped_anywhere(struct gdb *g, unsigned signal)
{
	unsigned hart = g->hart;

	if (g->step || g->alone)
		hart = g->stepper;
	else if (g->m->last)
		hart = g->m->last->id;
	stopped(g, hart, signal);
}

/* -- resuming ----------------------------------------------------------------------------- */

enum action { STAND, CONTINUE, STEP };

/* => false: no hart is to do anything. */
static bool resume(struct gdb *g, const enum action actions[])
{
	unsigned n = g->m->cfg.harts, active = 0, who = n;

	for (unsigned i = 0; i < n; i++) {
		active += actions[i] != STAND;
		if (actions[i] == STAND || (who < n && actions[who] == STEP))
			continue;
		if (who == n || actions[i] == STEP)
			who = i;
	}
	if (!active)
		return false;
	if (actions[who] == STEP && actions[g->hart] == STEP)
		who = g->hart;

	const struct hart *h = &g->m->harts[who];
	g->step = actions[who] == STEP;
	g->alone = active == 1 && n > 1;
	g->stepper = who;
	g->in_trap = false;
	g->step_pc = h->pc;
	g->step_satp = h->satp;
	g->step_prv = h->prv;
	g->interrupt = false;
	g->state = GDB_RUNNING;
	return true;
}

/* vCont;ACTION[:THREAD]...: of those that name a hart, or all harts, the first counts. */
static bool take_actions(struct gdb *g, struct gdb_args *a, enum action actions[])
{
	bool chosen[BOARD_MAX_HARTS] = {false};

	while (gdb_take(a, ";")) {
		enum action what = STAND;
		unsigned hart = BOARD_MAX_HARTS;
		uint64_t signal; /* the machine has none to be given */

		if (gdb_take(a, "c"))
			what = CONTINUE;
		else if (gdb_take(a, "s"))
			what = STEP;
		else if (gdb_take(a, "C") && gdb_take_hex(a, &signal))
			what = CONTINUE;
		else if (gdb_take(a, "S") && gdb_take_hex(a, &signal))
			what = STEP;
		else
			return false;
		if (gdb_take(a, ":") && !take_thread(g, a, &hart))
			return false;
		if (hart == ANY_HART)
			hart = g->hart;
		for (unsigned i = 0; i < g->m->cfg.harts; i++)
			if ((hart == i || hart == BOARD_MAX_HARTS) && !chosen[i]) {
				chosen[i] = true;
				actions[i] = what;
			}
	}
	return at_end(a);
}

/* => whether an answer is to be sent. */
static bool on_resume_v(struct gdb *g, struct gdb_args *a)
{
	enum action actions[BOARD_MAX_HARTS] = {STAND};

	if (take_actions(g, a, actions) && resume(g, actions))
		return false;
	gdb_error(g, E_INVALID);
	return true;
}

/* c, s [ADDRESS] and C, S SIGNAL[;ADDRESS]. => whether an answer is to be sent. */
static bool on_resume(struct gdb *g, struct gdb_args *a, enum action what, bool has_signal)
{
	enum action actions[BOARD_MAX_HARTS] = {STAND};
	unsigned hart = g->resume_hart < BOARD_MAX_HARTS ? g->resume_hart : g->hart;
	uint64_t ignored, pc;
	bool jump = false;

	if (has_signal) {
		if (!gdb_take_hex(a, &ignored))
			goto wrong;
		jump = gdb_take(a, ";");
	} else {
		jump = !at_end(a);
	}
	if (jump && !gdb_take_hex(a, &pc))
		goto wrong;
	if (!at_end(a))
		goto wrong;
	for (unsigned i = 0; i < g->m->cfg.harts; i++)
		if (g->resume_hart == BOARD_MAX_HARTS || i == hart)
			actions[i] = CONTINUE;
	actions[hart] = what;
	if (jump) {
		g->hart = hart;
		gdb_reg_write(g, GDB_REG_PC, pc);
	}
	resume(g, actions);
	return false;
wrong:
	gdb_error(g, E_INVALID);
	return true;
}

/* -- packets ------------------------------------------------------------------------------ */

static void on_regs_read(struct gdb *g)
{
	for (unsigned i = 0; i < GDB_REGS_G; i++) {
		uint64_t value = 0;

		gdb_reg_read(g, i, &value);
		gdb_put_dump(&g->out, &value, sizeof(value));
	}
}

static void on_regs_write(struct gdb *g, struct gdb_args *a)
{
	uint64_t values[GDB_REGS_G];

	if (!gdb_take_dump(a, values, sizeof(values)) || !at_end(a)) {
		gdb_error(g, E_INVALID);
		return;
	}
	for (unsigned i = 0; i < GDB_REGS_G; i++)
		gdb_reg_write(g, i, values[i]);
	gdb_put(&g->out, "OK");
}

static void on_reg_read(struct gdb *g, struct gdb_args *a)
{
	uint64_t number, value;

	if (gdb_take_hex(a, &number) && at_end(a) && gdb_reg_read(g, number, &value))
		gdb_put_dump(&g->out, &value, sizeof(value));
	else
		gdb_error(g, E_INVALID);
}

static void on_reg_write(struct gdb *g, struct gdb_args *a)
{
	uint64_t number, value;

	answer(g,
	       gdb_take_hex(a, &number) && gdb_take(a, "=") &&
		   gdb_take_dump(a, &value, sizeof(value)) && at_end(a) &&
		   gdb_reg_write(g, number, value),
	       E_INVALID);
}

static void on_memory_read(struct gdb *g, struct gdb_args *a)
{
	uint8_t buf[GDB_PACKET / 2];
	uint64_t at, n;

	if (!gdb_take_range(a, &at, &n) || !at_end(a)) {
		gdb_error(g, E_INVALID);
		return;
	}
	size_t got = gdb_memory_read(g, at, buf, n < sizeof(buf) ? n : sizeof(buf));
	if (n && !got)
		gdb_error(g, E_FAULT);
	else
		gdb_put_dump(&g->out, buf, got);
}

/* M ADDRESS,LENGTH:HEX and X ADDRESS,LENGTH:BYTES. */
static void on_memory_write(struct gdb *g, struct gdb_args *a, bool binary)
{
	uint8_t buf[GDB_PACKET];
	uint64_t at, n;

	if (!gdb_take_range(a, &at, &n) || !gdb_take(a, ":") || n > sizeof(buf))
		goto wrong;
	if (binary) {
		if ((size_t)(a->end - a->p) != n)
			goto wrong;
		memcpy(buf, a->p, n);
	} else if (!gdb_take_dump(a, buf, n) || !at_end(a)) {
		goto wrong;
	}
	answer(g, gdb_memory_write(g, at, buf, n) == n, E_FAULT);
	return;
wrong:
	gdb_error(g, E_INVALID);
}

/* A piece of a document: ANNEX is taken, OFFSET,LENGTH follows. */
static void on_document(struct gdb *g, struct gdb_args *a, const char *text, size_t len)
{
	uint64_t at, n;

	if (!gdb_take_range(a, &at, &n) || !at_end(a) || at > len) {
		gdb_error(g, E_INVALID);
		return;
	}
	/* The documents have no byte that would need an escape: a test. */
	if (n > GDB_PACKET - 1)
		n = GDB_PACKET - 1;
	bool more = n < len - at;
	gdb_put(&g->out, more ? "m" : "l");
	gdb_put_bytes(&g->out, text + at, more ? n : len - at);
}

static void on_monitor(struct gdb *g, struct gdb_args *a)
{
	char command[256];
	size_t len = (size_t)(a->end - a->p) / 2;

	if (len >= sizeof(command) || !gdb_take_dump(a, command, len) || !at_end(a)) {
		gdb_error(g, E_INVALID);
		return;
	}
	command[len] = 0;
	gdb_monitor(g, command);
	gdb_put(&g->out, "OK");
}

static void on_query(struct gdb *g, struct gdb_args *a)
{
	if (gdb_take(a, "Supported")) {
		gdb_put(&g->out, "PacketSize=");
		gdb_put_hex(&g->out, GDB_PACKET, 0);
		gdb_put(&g->out, ";QStartNoAckMode+;vContSupported+;qXfer:features:read+;"
				 "qXfer:memory-map:read+");
	} else if (gdb_take(a, "Xfer:features:read:target.xml:")) {
		const struct gdb_text *xml = gdb_target_xml(g);

		on_document(g, a, xml->buf, xml->len);
	} else if (gdb_take(a, "Xfer:memory-map:read::")) {
		on_document(g, a, gdb_memory_map, strlen(gdb_memory_map));
	} else if (gdb_take(a, "Xfer:features:read:")) {
		gdb_put(&g->out, "E00"); /* no such annex */
	} else if (gdb_take(a, "fThreadInfo")) {
		on_thread_list(g);
	} else if (gdb_take(a, "sThreadInfo")) {
		gdb_put(&g->out, "l"); /* qfThreadInfo told them all */
	} else if (gdb_take(a, "ThreadExtraInfo,")) {
		on_thread_extra(g, a);
	} else if (gdb_take(a, "Rcmd,")) {
		on_monitor(g, a);
	} else if (gdb_take(a, "Attached")) {
		gdb_put(&g->out, "1"); /* so that leaving gdb does not end the machine */
	} else if (gdb_take(a, "Symbol::")) {
		gdb_put(&g->out, "OK"); /* none is wanted */
	} else if (gdb_take(a, "qemu.PhyMemMode")) {
		gdb_put(&g->out, g->physical ? "1" : "0");
	} else if (gdb_take(a, "C") && at_end(a)) {
		gdb_put(&g->out, "QC");
		gdb_put_hex(&g->out, g->hart + 1, 0);
	}
}

static void on_set(struct gdb *g, struct gdb_args *a)
{
	if (gdb_take(a, "StartNoAckMode") && at_end(a)) {
		g->no_ack = true;
		gdb_put(&g->out, "OK");
	} else if (gdb_take(a, "qemu.PhyMemMode:")) {
		bool on = gdb_take(a, "1"), ok = (on || gdb_take(a, "0")) && at_end(a);

		if (ok)
			g->physical = on;
		answer(g, ok, E_INVALID);
	}
}

static void leave(struct gdb *g, enum gdb_state state)
{
	points_clear(g);
	g->state = state;
}

/* => whether an answer is to be sent: not to what resumes the machine. */
static bool on_v(struct gdb *g, struct gdb_args *a)
{
	if (gdb_take(a, "Cont?")) {
		gdb_put(&g->out, "vCont;c;C;s;S");
	} else if (gdb_take(a, "Cont")) {
		return on_resume_v(g, a);
	} else if (gdb_take(a, "Kill")) {
		leave(g, GDB_KILLED);
		gdb_put(&g->out, "OK");
	}
	return true;
}

/* => whether `out` is to be sent; empty: gdb learns that this is not supported. */
static bool on_packet(struct gdb *g, struct gdb_args *a)
{
	unsigned hart;

	if (at_end(a))
		return true;
	switch (*a->p++) {
	case '?': put_stop(g); return true;
	case 'c': return on_resume(g, a, CONTINUE, false);
	case 'C': return on_resume(g, a, CONTINUE, true);
	case 's': return on_resume(g, a, STEP, false);
	case 'S': return on_resume(g, a, STEP, true);
	case 'v': return on_v(g, a);
	case 'g': on_regs_read(g); return true;
	case 'G': on_regs_write(g, a); return true;
	case 'p': on_reg_read(g, a); return true;
	case 'P': on_reg_write(g, a); return true;
	case 'm': on_memory_read(g, a); return true;
	case 'M': on_memory_write(g, a, false); return true;
	case 'X': on_memory_write(g, a, true); return true;
	case 'H': on_thread_choice(g, a); return true;
	case 'T':
		answer(g, take_thread(g, a, &hart) && hart < BOARD_MAX_HARTS && at_end(a),
		       E_INVALID);
		return true;
	case 'Z': on_point(g, a, true); return true;
	case 'z': on_point(g, a, false); return true;
	case 'q': on_query(g, a); return true;
	case 'Q': on_set(g, a); return true;
	case 'D':
		leave(g, GDB_DETACHED);
		gdb_put(&g->out, "OK");
		return true;
	case 'k': leave(g, GDB_KILLED); return false;
	default: return true;
	}
}

/* -- receiving ---------------------------------------------------------------------------- */

static void packet_done(struct gdb *g)
{
	struct gdb_args a = {g->in, g->in + g->in_len};
	bool right = !g->in_wrong && g->in_sum == g->in_want;

	if (!g->no_ack)
		g->send(g->ctx, right ? "+" : "-", 1);
	/* here: what comes while the machine runs, or after the end, breaks the protocol */
	if (!right || g->state != GDB_STOPPED)
		return;
	if (g->in_full) {
		gdb_error(g, E_NOSPACE);
		gdb_send(g);
	} else if (on_packet(g, &a)) {
		gdb_send(g);
	}
}

static void packet_byte(struct gdb *g, uint8_t c)
{
	if (c == '$') { /* never within data: the rest of the packet before it was lost */
		g->in_len = 0;
		g->in_sum = 0;
		g->in_escape = g->in_full = g->in_wrong = false;
		return;
	}
	if (c == '#') {
		g->in_state = IN_SUM_HIGH;
		return;
	}
	g->in_sum = (uint8_t)(g->in_sum + c);
	if (c == '}' && !g->in_escape) {
		g->in_escape = true;
		return;
	}
	if (g->in_escape)
		c ^= 0x20;
	g->in_escape = false;
	if (g->in_len < sizeof(g->in))
		g->in[g->in_len++] = (char)c;
	else
		g->in_full = true;
}

static void idle_byte(struct gdb *g, uint8_t c)
{
	switch (c) {
	case '$':
		g->in_state = IN_DATA;
		packet_byte(g, c);
		break;
	case '-':
		if (!g->no_ack && g->frame_len)
			g->send(g->ctx, g->frame, g->frame_len);
		break;
	case CTRL_C: g->interrupt = g->state == GDB_RUNNING; break;
	default: break; /* '+', or what is left of something that was lost */
	}
}

void gdb_feed(struct gdb *g, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	for (size_t i = 0; i < len; i++) {
		int digit = digit_of((char)p[i]);

		switch (g->in_state) {
		case IN_IDLE: idle_byte(g, p[i]); break;
		case IN_DATA: packet_byte(g, p[i]); break;
		case IN_SUM_HIGH:
		case IN_SUM_LOW:
			g->in_want = (uint8_t)(g->in_want << 4 | (digit & 15));
			g->in_wrong |= digit < 0;
			if (g->in_state++ == IN_SUM_HIGH)
				break;
			g->in_state = IN_IDLE;
			packet_done(g);
			break;
		}
	}
}

/* -- the run ------------------------------------------------------------------------------ */

/* After a step of the machine's. => whether it was all of the step that gdb wants. */
static bool step_complete(struct gdb *g)
{
	const struct hart *h = &g->m->harts[g->stepper];

	if (g->traps || g->step_prv != PRV_U)
		return true;
	if (h->prv != PRV_U || h->satp != g->step_satp) {
		g->in_trap = true;
		return false;
	}
	/* here: in U-mode; back from a trap, a fault's instruction is still to be done */
	bool again = g->in_trap && h->pc == g->step_pc;
	g->in_trap = false;
	return !again;
}

/* A hart that is off, or waits while the others stand still, makes no step. */
static bool can_step(const struct gdb *g)
{
	const struct hart *h = &g->m->harts[g->stepper];

	if (h->status == HART_WAITING)
		return !g->alone || g->in_trap || trap_pending(h);
	return h->status == HART_RUNNING;
}

/* => as machine_run; STOP_LIMIT with *done: the step is made. */
static enum machine_stop run_steps(struct gdb *g, uint64_t limit, bool *done)
{
	struct hart *h = &g->m->harts[g->stepper];
	enum machine_stop stop;

	do {
		g->m->stepping = h;
		/* A handler may need the other harts, so only the step itself is made alone. */
		g->m->only = g->alone && !g->in_trap ? h : NULL;
		stop = machine_run(g->m, limit);
		if (g->m->stepping)
			return stop; /* no step was made */
		*done = step_complete(g);
	} while (stop == STOP_LIMIT && !*done);
	return stop;
}

enum gdb_state gdb_state(const struct gdb *g)
{
	return g->state;
}

enum machine_stop gdb_run(struct gdb *g, uint64_t limit)
{
	struct machine *m = g->m;
	enum machine_stop stop;
	bool done = false;

	switch (g->state) {
	case GDB_STOPPED: return STOP_LIMIT;
	case GDB_KILLED: machine_finish(m, FINISHER_SIGNALED | (SIGNAL_EXIT + SIGNAL_KILL)); break;
	case GDB_RUNNING: break;
	case GDB_DETACHED:
	case GDB_ENDED: return machine_run(m, limit);
	}
	if (g->interrupt) {
		stopped_anywhere(g, SIGNAL_INT);
		return STOP_LIMIT;
	}
	if (g->state == GDB_RUNNING && g->step) {
		stop = can_step(g) ? run_steps(g, limit, &done) : STOP_STUCK;
		if (stop == STOP_STUCK && !g->in_trap) {
			stop = STOP_LIMIT;
			done = true;
		}
	} else {
		m->only = g->alone && g->state == GDB_RUNNING ? &m->harts[g->stepper] : NULL;
		stop = machine_run(m, limit);
	}
	m->stepping = m->only = NULL;

	if (stop == STOP_BREAK) {
		stopped_at_point(g);
		return STOP_LIMIT;
	}
	if (stop == STOP_LIMIT && done)
		stopped(g, g->stepper, SIGNAL_TRAP);
	if (stop == STOP_FINISHED) {
		unsigned code = machine_finish_code(m);
		ended(g, code & 0xff, (code & FINISHER_SIGNALED) && (code & 0xff) > SIGNAL_EXIT);
	}
	return stop;
}

void gdb_exited(struct gdb *g, unsigned status)
{
	ended(g, status & 0xff, false);
}

/* -- life --------------------------------------------------------------------------------- */

struct gdb *gdb_create(struct machine *m, void (*send)(void *ctx, const void *buf, size_t len),
		       void *ctx)
{
	struct gdb *g = m->host.mem_alloc(m->host.ctx, sizeof(*g));

	if (!g)
		return NULL;
	g->m = m;
	g->send = send;
	g->ctx = ctx;
	g->state = GDB_STOPPED;
	g->stop.signal = SIGNAL_TRAP;
	g->resume_hart = BOARD_MAX_HARTS;
	g->hart = m->last ? m->last->id : 0;
	g->out = (struct gdb_text){.buf = g->out_buf, .size = sizeof(g->out_buf)};
	g->line = (struct gdb_text){.buf = g->line_buf, .size = sizeof(g->line_buf)};
	g->xml = (struct gdb_text){.buf = g->xml_buf, .size = sizeof(g->xml_buf)};
	return g;
}

void gdb_destroy(struct gdb *g)
{
	if (!g)
		return;
	points_clear(g);
	g->m->host.mem_free(g->m->host.ctx, g, sizeof(*g));
}
