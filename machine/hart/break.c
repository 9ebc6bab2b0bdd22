/*
 * Breakpoints and watchpoints.
 *
 * They use what must make no difference anyway (exec.c, mmu.c): while there is
 * a breakpoint, blocks have one instruction and each compares its pc; while
 * there is a watchpoint, the lookaside is off and every access comes by
 * mmu_load, mmu_store or mmu_atomic. A machine without them pays nothing.
 *
 * I1. n counts all entries of at[], nexec those of kind BREAK_EXEC.
 * I2. Decoded code was decoded under the present value of (nexec != 0).
 */
#include "machine/hart/code.h"
#include "machine/machine_state.h"

/* After a change: I2, and the banks that mmu_mode_changed chooses by n. */
static void breaks_changed(struct machine *m)
{
	code_invalidate(m, BOARD_RAM_BASE, m->ram_size);
	for (unsigned i = 0; i < m->cfg.harts; i++)
		mmu_mode_changed(&m->harts[i]);
}

bool machine_break_set(struct machine *m, enum machine_break kind, vaddr_t va, uint64_t len)
{
	struct breaks *b = &m->breaks;

	if (b->n == BREAKS_MAX)
		return false;
	b->at[b->n].kind = kind;
	b->at[b->n].va = va.v;
	b->at[b->n].len = len;
	b->n++;
	b->nexec += kind == BREAK_EXEC;
	breaks_changed(m);
	return true;
}

bool machine_break_clear(struct machine *m, enum machine_break kind, vaddr_t va, uint64_t len)
{
	struct breaks *b = &m->breaks;

	for (unsigned i = 0; i < b->n; i++) {
		if (b->at[i].kind != kind || b->at[i].va != va.v || b->at[i].len != len)
			continue;
		b->at[i] = b->at[--b->n];
		b->nexec -= kind == BREAK_EXEC;
		breaks_changed(m);
		return true;
	}
	return false;
}

void machine_break_hit(const struct machine *m, struct break_hit *out)
{
	*out = m->breaks.hit;
}

static void stop(struct hart *h, enum machine_break kind, uint64_t va)
{
	struct breaks *b = &h->m->breaks;

	b->hit = (struct break_hit){.hart = h->id, .kind = kind, .va = va};
	b->stopped = true;
	machine_request_stop(h->m);
}

bool break_exec(struct hart *h, uint64_t pc, uint64_t clock)
{
	struct breaks *b = &h->m->breaks;

	/* Going on from here: the instruction is executed this time. */
	if (b->hit.kind == BREAK_EXEC && b->hit.hart == h->id && b->passed == clock)
		return false;
	for (unsigned i = 0; i < b->n; i++)
		if (b->at[i].kind == BREAK_EXEC && b->at[i].va == pc) {
			stop(h, BREAK_EXEC, pc);
			b->passed = clock;
			return true;
		}
	return false;
}

void break_access(struct hart *h, enum access access, uint64_t va, unsigned size)
{
	const struct breaks *b = &h->m->breaks;

	if (b->n == b->nexec)
		return;
	for (unsigned i = 0; i < b->n; i++) {
		enum machine_break kind = b->at[i].kind;
		bool meant = kind == BREAK_ACCESS ||
			     (kind == BREAK_LOAD && access == ACCESS_LOAD) ||
			     (kind == BREAK_STORE && access == ACCESS_STORE);
		/* Two ranges meet if one begins within the other. */
		if (meant && (va - b->at[i].va < b->at[i].len || b->at[i].va - va < size)) {
			stop(h, kind, va);
			return;
		}
	}
}
