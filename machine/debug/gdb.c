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
 * I1. While the machine is stopped, nothing but a write that gdb asks for changes it.
 * I2. Nothing that comes in is believed: a packet that is too long, malformed or unknown is
 *     answered with an error or, as the protocol says, with an empty packet.
 *
 * Source: "Debugging with GDB", appendix "GDB Remote Serial Protocol".
 */
#include "machine/debug/gdb.h"

#include <string.h>

#define CTRL_C 3

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
	g->frame[g->out.len + 2] = gdb_digits[sum >> 4];
	g->frame[g->out.len + 3] = gdb_digits[sum & 15];
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

bool gdb_take_thread(const struct gdb *g, struct gdb_args *a, unsigned *hart)
{
	uint64_t n;

	if (gdb_take(a, "-1")) {
		*hart = BOARD_MAX_HARTS;
		return true;
	}
	if (!gdb_take_hex(a, &n) || n > g->m->cfg.harts)
		return false;
	*hart = n ? (unsigned)n - 1 : GDB_ANY_HART;
	return true;
}

/* H: the hart of what follows. */
static void on_thread_choice(struct gdb *g, struct gdb_args *a)
{
	bool for_resume = gdb_take(a, "c");
	unsigned hart;

	if ((!for_resume && !gdb_take(a, "g")) || !gdb_take_thread(g, a, &hart) || !gdb_at_end(a)) {
		gdb_error(g, GDB_E_INVALID);
		return;
	}
	if (for_resume)
		g->resume_hart = hart == GDB_ANY_HART ? BOARD_MAX_HARTS : hart;
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

	if (!gdb_take_thread(g, a, &hart) || hart >= BOARD_MAX_HARTS) {
		gdb_error(g, GDB_E_INVALID);
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

	if (!gdb_take_dump(a, values, sizeof(values)) || !gdb_at_end(a)) {
		gdb_error(g, GDB_E_INVALID);
		return;
	}
	for (unsigned i = 0; i < GDB_REGS_G; i++)
		gdb_reg_write(g, i, values[i]);
	gdb_put(&g->out, "OK");
}

static void on_reg_read(struct gdb *g, struct gdb_args *a)
{
	uint64_t number, value;

	if (gdb_take_hex(a, &number) && gdb_at_end(a) && gdb_reg_read(g, number, &value))
		gdb_put_dump(&g->out, &value, sizeof(value));
	else
		gdb_error(g, GDB_E_INVALID);
}

static void on_reg_write(struct gdb *g, struct gdb_args *a)
{
	uint64_t number, value;

	answer(g,
	       gdb_take_hex(a, &number) && gdb_take(a, "=") &&
		   gdb_take_dump(a, &value, sizeof(value)) && gdb_at_end(a) &&
		   gdb_reg_write(g, number, value),
	       GDB_E_INVALID);
}

static void on_memory_read(struct gdb *g, struct gdb_args *a)
{
	uint8_t buf[GDB_PACKET / 2];
	uint64_t at, n;

	if (!gdb_take_range(a, &at, &n) || !gdb_at_end(a)) {
		gdb_error(g, GDB_E_INVALID);
		return;
	}
	size_t got = gdb_memory_read(g, at, buf, n < sizeof(buf) ? n : sizeof(buf));
	if (n && !got)
		gdb_error(g, GDB_E_FAULT);
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
	} else if (!gdb_take_dump(a, buf, n) || !gdb_at_end(a)) {
		goto wrong;
	}
	answer(g, gdb_memory_write(g, at, buf, n) == n, GDB_E_FAULT);
	return;
wrong:
	gdb_error(g, GDB_E_INVALID);
}

/* A piece of a document: ANNEX is taken, OFFSET,LENGTH follows. */
static void on_document(struct gdb *g, struct gdb_args *a, const char *text, size_t len)
{
	uint64_t at, n;

	if (!gdb_take_range(a, &at, &n) || !gdb_at_end(a) || at > len) {
		gdb_error(g, GDB_E_INVALID);
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

	if (len >= sizeof(command) || !gdb_take_dump(a, command, len) || !gdb_at_end(a)) {
		gdb_error(g, GDB_E_INVALID);
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
	} else if (gdb_take(a, "C") && gdb_at_end(a)) {
		gdb_put(&g->out, "QC");
		gdb_put_hex(&g->out, g->hart + 1, 0);
	}
}

static void on_set(struct gdb *g, struct gdb_args *a)
{
	if (gdb_take(a, "StartNoAckMode") && gdb_at_end(a)) {
		g->no_ack = true;
		gdb_put(&g->out, "OK");
	} else if (gdb_take(a, "qemu.PhyMemMode:")) {
		bool on = gdb_take(a, "1"), ok = (on || gdb_take(a, "0")) && gdb_at_end(a);

		if (ok)
			g->physical = on;
		answer(g, ok, GDB_E_INVALID);
	}
}

static void leave(struct gdb *g, enum gdb_state state)
{
	gdb_points_clear(g);
	g->state = state;
}

/* => whether an answer is to be sent: not to what resumes the machine. */
static bool on_v(struct gdb *g, struct gdb_args *a)
{
	if (gdb_take(a, "Cont?")) {
		gdb_put(&g->out, "vCont;c;C;s;S");
	} else if (gdb_take(a, "Cont")) {
		return gdb_on_resume_v(g, a);
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

	if (gdb_at_end(a))
		return true;
	switch (*a->p++) {
	case '?': gdb_put_stop(g); return true;
	case 'c': return gdb_on_resume(g, a, GDB_CONTINUE, false);
	case 'C': return gdb_on_resume(g, a, GDB_CONTINUE, true);
	case 's': return gdb_on_resume(g, a, GDB_STEP, false);
	case 'S': return gdb_on_resume(g, a, GDB_STEP, true);
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
		answer(g, gdb_take_thread(g, a, &hart) && hart < BOARD_MAX_HARTS && gdb_at_end(a),
		       GDB_E_INVALID);
		return true;
	case 'Z': gdb_on_point(g, a, true); return true;
	case 'z': gdb_on_point(g, a, false); return true;
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
		gdb_error(g, GDB_E_NOSPACE);
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
		int digit = gdb_digit((char)p[i]);

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
	g->stop.signal = GDB_SIGNAL_TRAP;
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
	gdb_points_clear(g);
	g->m->host.mem_free(g->m->host.ctx, g, sizeof(*g));
}
