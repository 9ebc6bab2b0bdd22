/*
 * What gdb asks of the run: breakpoints, stops, steps.
 *
 * Resuming notes what each hart is to do (vCont, c, s); gdb_run does it, and the stop reply is the
 * answer.
 *
 *     one hart steps, others go on    the step is one of the machine's own schedule
 *     one hart steps, others stand    that hart alone (m->only)
 *     all go on                       machine_run
 *     one goes on, others stand       that hart alone
 *
 * gdb asks for no other mixture; of several harts that step, one does.
 *
 * Steps. A step is one step of the machine's schedule: the other harts run when it is their turn,
 * so a run that was stepped is the same run. Only when gdb asks for one hart alone (as when it
 * steps off a breakpoint that it has taken away) do the others stand still; if that hart has the
 * turn anyway, and it has after a stop of its own, this makes no difference either. A step from
 * U-mode that traps goes on until the handler has returned to the same address space, and the
 * instruction has been done: what a user of gdb expects who knows of no kernel. `monitor step
 * traps` shows the handler instead.
 *
 * I1. The machine has each breakpoint of points[], once for each entry.
 * I2. m->stepping and m->only are NULL outside gdb_run.
 */
#include "machine/debug/gdb.h"

#define SIGNAL_INT  2
#define SIGNAL_KILL 9
#define SIGNAL_EXIT 128 /* a shell's status for death by signal n is this plus n */

/* -- breakpoints -------------------------------------------------------------------------- */

void gdb_points_clear(struct gdb *g)
{
	while (g->npoints) {
		const struct gdb_point *p = &g->points[--g->npoints];
		machine_break_clear(g->m, p->kind, vaddr(p->va), p->len);
	}
}

/* Z and z: TYPE,ADDRESS,LENGTH. What is set twice is set once. */
void gdb_on_point(struct gdb *g, struct gdb_args *a, bool set)
{
	static const enum machine_break kinds[] = {BREAK_EXEC, BREAK_EXEC, BREAK_STORE, BREAK_LOAD,
						   BREAK_ACCESS};
	struct gdb_point p;
	uint64_t type;
	unsigned i;

	if (!gdb_take_hex(a, &type) || !gdb_take(a, ",") || !gdb_take_range(a, &p.va, &p.len) ||
	    !gdb_at_end(a)) {
		gdb_error(g, GDB_E_INVALID);
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
			gdb_error(g, GDB_E_NOSPACE);
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
void gdb_put_stop(struct gdb *g)
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
	gdb_put_stop(g);
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
	g->stop.signal = GDB_SIGNAL_TRAP;
	g->stop.watch = words[hit.kind];
	g->stop.va = watched_address(g, &hit);
	gdb_put_stop(g);
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

/* => false: no hart is to do anything. */
static bool resume(struct gdb *g, const enum gdb_action actions[])
{
	unsigned n = g->m->cfg.harts, active = 0, who = n;

	for (unsigned i = 0; i < n; i++) {
		active += actions[i] != GDB_STAND;
		if (actions[i] == GDB_STAND || (who < n && actions[who] == GDB_STEP))
			continue;
		if (who == n || actions[i] == GDB_STEP)
			who = i;
	}
	if (!active)
		return false;
	if (actions[who] == GDB_STEP && actions[g->hart] == GDB_STEP)
		who = g->hart;

	const struct hart *h = &g->m->harts[who];
	g->step = actions[who] == GDB_STEP;
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
static bool take_actions(struct gdb *g, struct gdb_args *a, enum gdb_action actions[])
{
	bool chosen[BOARD_MAX_HARTS] = {false};

	while (gdb_take(a, ";")) {
		enum gdb_action what = GDB_STAND;
		unsigned hart = BOARD_MAX_HARTS;
		uint64_t signal; /* the machine has none to be given */

		if (gdb_take(a, "c"))
			what = GDB_CONTINUE;
		else if (gdb_take(a, "s"))
			what = GDB_STEP;
		else if (gdb_take(a, "C") && gdb_take_hex(a, &signal))
			what = GDB_CONTINUE;
		else if (gdb_take(a, "S") && gdb_take_hex(a, &signal))
			what = GDB_STEP;
		else
			return false;
		if (gdb_take(a, ":") && !gdb_take_thread(g, a, &hart))
			return false;
		if (hart == GDB_ANY_HART)
			hart = g->hart;
		for (unsigned i = 0; i < g->m->cfg.harts; i++)
			if ((hart == i || hart == BOARD_MAX_HARTS) && !chosen[i]) {
				chosen[i] = true;
				actions[i] = what;
			}
	}
	return gdb_at_end(a);
}

/* => whether an answer is to be sent. */
bool gdb_on_resume_v(struct gdb *g, struct gdb_args *a)
{
	enum gdb_action actions[BOARD_MAX_HARTS] = {GDB_STAND};

	if (take_actions(g, a, actions) && resume(g, actions))
		return false;
	gdb_error(g, GDB_E_INVALID);
	return true;
}

/* c, s [ADDRESS] and C, S SIGNAL[;ADDRESS]. => whether an answer is to be sent. */
bool gdb_on_resume(struct gdb *g, struct gdb_args *a, enum gdb_action what, bool has_signal)
{
	enum gdb_action actions[BOARD_MAX_HARTS] = {GDB_STAND};
	unsigned hart = g->resume_hart < BOARD_MAX_HARTS ? g->resume_hart : g->hart;
	uint64_t ignored, pc;
	bool jump = false;

	if (has_signal) {
		if (!gdb_take_hex(a, &ignored))
			goto wrong;
		jump = gdb_take(a, ";");
	} else {
		jump = !gdb_at_end(a);
	}
	if (jump && !gdb_take_hex(a, &pc))
		goto wrong;
	if (!gdb_at_end(a))
		goto wrong;
	for (unsigned i = 0; i < g->m->cfg.harts; i++)
		if (g->resume_hart == BOARD_MAX_HARTS || i == hart)
			actions[i] = GDB_CONTINUE;
	actions[hart] = what;
	if (jump) {
		g->hart = hart;
		gdb_reg_write(g, GDB_REG_PC, pc);
	}
	resume(g, actions);
	return false;
wrong:
	gdb_error(g, GDB_E_INVALID);
	return true;
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
		stopped(g, g->stepper, GDB_SIGNAL_TRAP);
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
