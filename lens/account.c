/*
 * The accounts: trace events in, state of frames, address spaces, processes and
 * faults out.
 *
 * Terms. A *reference* to a frame is a PTE that maps it or a pin (FRAME_PIN).
 * The *program* is the first process that starts; its end is the moment of the
 * snapshot that `--stats` shows, since afterwards nothing of it is left.
 *
 * Moments
 *
 *      reset --> HELLO --> USER_ENTER --> ... --> PROC_SIGNAL / PROC_EXIT --> off
 *        |  boot   |  kernel    |    the program     |                         |
 *        |  faults |  start     '-- stats.boot       '-- tables checked,       '-- counts
 *        '- not                                          snapshot                  checked
 *           counted
 *
 * Page faults that the kernel provokes before HELLO, and on the other harts before
 * HART_START, while it turns paging on, have no events; they are left out of account 6.
 *
 * Invariants
 *   I1  by_state[s] = number of frames with state s; all of RAM is in frames[].
 *   I2  frames[pfn].ptes = leaves that map pfn in the tables of live spaces; a table that
 *       several spaces use counts once.
 *   I3  resident = sum of spaces' resident.
 */
#include "lens/account.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lens *lens_create(const struct lens_options *options)
{
	struct lens *l = calloc(1, sizeof *l);

	if (l)
		l->options = *options;
	return l;
}

bool lens_program(struct lens *l, const void *image, size_t len)
{
	l->has_symbols = symbols_init(&l->symbols, image, len);
	return l->has_symbols;
}

void lens_disagree(struct lens *l, unsigned account, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	if (l->violation.len)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (account)
		text_printf(&l->violation, "account %u: %s", account, line);
	else
		text_printf(&l->violation, "%s", line);
}

static void out_of_memory(struct lens *l)
{
	lens_disagree(l, 0, "the host has no memory left for them");
}

const char *lens_violation(const struct lens *l)
{
	return l->violation.len ? l->violation.data : NULL;
}

const char *lens_crash(const struct lens *l)
{
	return text_string(&l->crash);
}

const struct lens_stats *lens_stats(const struct lens *l)
{
	return &l->stats;
}

void lens_counters(const struct machine *m, struct hart_counters *out)
{
	_Static_assert(sizeof *out % sizeof(uint64_t) == 0, "counters are 64-bit numbers");
	memset(out, 0, sizeof *out);
	for (unsigned hart = 0; hart < machine_harts(m); hart++) {
		struct hart_counters c;

		machine_counters(m, hart, &c);
		for (size_t i = 0; i < sizeof c / sizeof(uint64_t); i++)
			((uint64_t *)out)[i] += ((const uint64_t *)&c)[i];
	}
}

struct process *lens_process(struct lens *l, uint64_t pid)
{
	struct process *p = l->processes;

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

/* => the process, made if it is new; NULL: no memory. */
static struct process *process_get(struct lens *l, uint64_t pid)
{
	struct process *p = lens_process(l, pid);

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p) {
		out_of_memory(l);
		return NULL;
	}
	p->pid = pid;
	p->next = l->processes;
	l->processes = p;
	if (!l->first_pid)
		l->first_pid = pid;
	return p;
}

/* A process begins as a copy of another, in its name and, until it execs, its program. */
static void process_forked(struct lens *l, struct process *p, uint64_t as, uint64_t forker)
{
	const struct process *of = lens_process(l, forker);
	struct space *s = space_find(l->spaces, (uint32_t)as);

	l->stats.processes++;
	p->as = (uint32_t)as;
	if (of)
		memcpy(p->name, of->name, sizeof p->name);
	if (s)
		s->from = 0; /* what it maps from now on is its own */
}

/* Text that travels in four registers, made printable. */
static void name_from(char name[LENS_NAME_SIZE], const uint64_t words[4])
{
	unsigned n = 0;

	_Static_assert((int)LENS_NAME_SIZE == (int)SPACE_NAME_SIZE, "one form of name");
	for (; n < LENS_NAME_SIZE - 1; n++) {
		char c = (char)(words[n / 8] >> (n % 8 * 8));

		if (!c)
			break;
		name[n] = c < ' ' || c == 0x7f ? '?' : c;
	}
	memset(name + n, 0, LENS_NAME_SIZE - n);
}

/* -- frames ------------------------------------------------------------------------------- */

/* => the frame accounts exist. */
static bool frames_ready(struct lens *l, const struct machine *m)
{
	if (l->frames)
		return true;
	l->nframes = machine_ram_size(m) >> RV_PAGE_SHIFT;
	l->frames = calloc(l->nframes ? l->nframes : 1, sizeof *l->frames);
	l->tables = (struct shadow_index){
	    .first = BOARD_RAM_BASE >> RV_PAGE_SHIFT,
	    .nframes = l->nframes,
	    .table = calloc(l->nframes ? l->nframes : 1, sizeof *l->tables.table),
	};
	if (!l->frames || !l->tables.table) {
		l->tables.nframes = 0;
		l->nframes = 0;
		out_of_memory(l);
		return false;
	}
	_Static_assert(TF_FREE == 0, "zeroed accounts are of free frames");
	l->by_state[TF_FREE] = l->nframes;
	l->stats.frames_total = l->nframes;
	return true;
}

static void frames_set(struct lens *l, uint64_t pfn, uint64_t count, uint64_t state)
{
	if (state >= TF_MAX) {
		lens_disagree(l, 7,
			      "frame 0x%" PRIx64 " was given state %" PRIu64 ": no such state", pfn,
			      state);
		return;
	}
	for (uint64_t i = 0; i < count; i++) {
		struct frame_account *f = lens_frame(l, pfn + i);

		if (!f) {
			lens_disagree(l, 7, "frame 0x%" PRIx64 " was given a state and is not RAM",
				      pfn + i);
			return;
		}
		if (state == TF_FREE && f->ptes)
			lens_disagree(l, 10, "frame 0x%" PRIx64 " was freed while %u PTEs map it",
				      pfn + i, f->ptes);
		l->by_state[f->state]--;
		l->by_state[state]++;
		f->state = (uint8_t)state;
	}
}

static void leaf_changed(void *ctx, uint64_t pfn, uint64_t npages, int change)
{
	struct lens *l = ctx;

	for (uint64_t i = 0; i < npages; i++) {
		struct frame_account *f = lens_frame(l, pfn + i);

		if (f)
			f->ptes += (unsigned)change;
	}
}

/* A space had `before` resident pages, and has `now`. */
static void resident_changed(struct lens *l, uint64_t before, uint64_t now)
{
	l->resident += now - before;
	if (l->resident > l->stats.resident_peak)
		l->stats.resident_peak = l->resident;
}

/* -- address spaces ----------------------------------------------------------------------- */

/* => levels of the paging mode that the hart uses; 0: none. */
static unsigned hart_levels(const struct machine *m, unsigned hart, uint64_t *root)
{
	struct hart_regs regs;

	machine_regs(m, hart, &regs);
	*root = regs.satp & SATP_PPN_MASK;
	switch (regs.satp >> SATP_MODE_SHIFT) {
	case SATP_MODE_SV39: return SV39_LEVELS;
	case SATP_MODE_SV48: return SV48_LEVELS;
	case SATP_MODE_SV57: return SV57_LEVELS;
	default: return 0;
	}
}

/* `from`: the space that it is a copy of; 0: none. */
static void space_add(struct lens *l, uint64_t as, uint64_t root, uint64_t from)
{
	if (space_find(l->spaces, (uint32_t)as)) {
		lens_disagree(l, 9, "address space %" PRIu64 " was created twice", as);
		return;
	}
	struct space *s =
	    space_create(&l->tables, (uint32_t)as, root, l->levels ? l->levels : SV39_LEVELS);
	if (!s) {
		out_of_memory(l);
		return;
	}
	s->from = (uint32_t)from;
	s->next = l->spaces;
	l->spaces = s;
}

static void space_drop(struct lens *l, uint64_t as)
{
	for (struct space **at = &l->spaces; *at; at = &(*at)->next) {
		struct space *s = *at;

		if (s->as == as) {
			*at = s->next;
			resident_changed(l, s->resident, 0);
			space_destroy(s, leaf_changed, l);
			return;
		}
	}
	lens_disagree(l, 9, "address space %" PRIu64 " was destroyed and never created", as);
}

/* TRACE_PTE_SET, _PTE_RANGE, _PTE_MOVE, _TABLE_COPY. */
static void pte_changed(struct lens *l, struct space *s, unsigned event, const uint64_t a[6])
{
	uint64_t expected = 0, before = s->resident;
	enum pte_problem problem;

	/* The kernel's half belongs to no program; its tables are checked by walking. */
	if (a[1] >> (RV_LEVEL_SHIFT(s->levels) - 1))
		return;
	if (event == TRACE_PTE_SET)
		problem = space_pte_set(s, a[1], (unsigned)a[2], a[3], a[4], a[5], leaf_changed, l,
					&expected);
	else if (event == TRACE_PTE_RANGE)
		problem = space_pte_range(s, a[1], a[2] & 0xff, a[2] >> 8, a[3], a[4] & UINT32_MAX,
					  a[4] >> 32, a[5], leaf_changed, l, &expected);
	else if (event == TRACE_PTE_MOVE)
		problem =
		    space_pte_move(s, a[1], a[2], a[3], a[4], a[5], leaf_changed, l, &expected);
	else
		problem = space_table_copy(s, a[1], a[2], a[3], leaf_changed, l, &expected);
	resident_changed(l, before, s->resident);
	switch (problem) {
	case PTE_FINE: break;
	case PTE_NO_MEMORY: out_of_memory(l); break;
	case PTE_NO_TABLE:
		lens_disagree(l, 9,
			      "a PTE of level %" PRIu64 " was set for 0x%" PRIx64
			      " where no table of that level was told of",
			      a[2], a[1]);
		break;
	case PTE_OTHER_TABLE:
		lens_disagree(l, 9,
			      "the PTE of level %" PRIu64 " for 0x%" PRIx64
			      " was set in table frame 0x%" PRIx64 ", but lies in 0x%" PRIx64,
			      a[2], a[1], a[5], expected);
		break;
	case PTE_SHARED_TABLE:
		lens_disagree(l, 9,
			      "a PTE for 0x%" PRIx64 " was changed in table frame 0x%" PRIx64
			      ", which %" PRIu64 " address spaces use",
			      a[1], a[5], expected);
		break;
	case PTE_OTHER_OLD:
		lens_disagree(l, 9,
			      "the PTE of level %" PRIu64 " for 0x%" PRIx64 " was 0x%" PRIx64
			      " by the kernel's word, 0x%" PRIx64 " by earlier events",
			      a[2], a[1], a[4], expected);
		break;
	}
}

/* Events about an address space: a[0] is its number. */
static void space_event(struct lens *l, unsigned event, const uint64_t a[6])
{
	struct vma_record v = {.start = a[1], .end = a[2]};
	struct space *s = space_find(l->spaces, (uint32_t)a[0]);

	if (a[0] == 0)
		return;
	if (!s) {
		lens_disagree(l, 9,
			      "event %u names address space %" PRIu64 ", which does not exist",
			      event, a[0]);
		return;
	}
	switch (event) {
	case TRACE_VMA_ADD:
		v.prot = (unsigned)a[3];
		v.kind = (unsigned)a[4];
		v.offset = a[5];
		if (s->from) { /* the copy of a VMA has the name of what it copies */
			const struct space *from = space_find(l->spaces, s->from);
			const struct vma_record *of =
			    from ? space_vma_find(from, v.start, NULL, NULL) : NULL;

			if (of)
				memcpy(v.name, of->name, sizeof v.name);
		}
		if (!space_vma_add(s, &v))
			out_of_memory(l);
		break;
	case TRACE_VMA_REMOVE:
		if (!space_vma_remove(s, a[1], a[2]))
			out_of_memory(l);
		break;
	case TRACE_VMA_NAME:
		name_from(v.name, &a[2]);
		space_vma_name(s, a[1], v.name);
		break;
	case TRACE_PTE_SET:
	case TRACE_PTE_RANGE:
	case TRACE_PTE_MOVE:
	case TRACE_TABLE_COPY: pte_changed(l, s, event, a); break;
	}
}

/* -- the end of a program ----------------------------------------------------------------- */

/*
 * Bytes that are zero in the anonymous frames that programs map: an upper bound of what they
 * never wrote.
 */
static void count_zero_bytes(struct lens *l, const struct machine *m)
{
	uint8_t bytes[RV_PAGE_SIZE];

	l->stats.zero_known = true;
	for (uint64_t i = 0; i < l->nframes; i++) {
		if (l->frames[i].state != TF_ANON || !l->frames[i].ptes)
			continue;
		l->stats.anon_frames++;
		if (!machine_ram_read(m, paddr(BOARD_RAM_BASE + (i << RV_PAGE_SHIFT)), bytes,
				      sizeof bytes))
			continue;
		for (unsigned b = 0; b < sizeof bytes; b++)
			l->stats.zero_bytes += bytes[b] == 0;
	}
}

/* Remembers the memory of programs, once. */
static void snapshot(struct lens *l, const struct machine *m)
{
	if (l->ended)
		return;
	l->ended = true;

	memcpy(l->stats.frames, l->by_state, sizeof l->by_state);
	l->stats.resident = l->resident;
	for (const struct space *s = l->spaces; s; s = s->next) {
		l->stats.nvmas += s->nvmas;
		l->stats.reserved += s->reserved;
	}
	l->stats.tables = l->tables.ntables;
	if (l->options.count_zero_bytes)
		count_zero_bytes(l, m);
}

/* A process ends; its address space is still there. */
static void program_ended(struct lens *l, struct machine *m, uint64_t pid, uint64_t as)
{
	/* The first process ends last. */
	if (pid == l->first_pid) {
		check_tables(l, m);
		snapshot(l, m);
	} else {
		check_space(l, m, (uint32_t)as);
	}
}

/* => a signal that only a fault of the program itself raises. */
static bool is_crash(uint64_t signo, uint64_t code)
{
	enum { ILL = 4, BUS = 7, SEGV = 11 };

	/* si_code is positive when the kernel raised it, not kill(). */
	return (signo == ILL || signo == BUS || signo == SEGV) && (int32_t)code > 0;
}

/* -- events ------------------------------------------------------------------------------- */

static void hello(struct lens *l, struct machine *m, unsigned hart, const uint64_t a[6])
{
	struct hart_counters c;

	if (a[0] != TRACE_VERSION)
		lens_disagree(
		    l, 0, "the kernel speaks version %" PRIu64 " of the trace, limpid version %d",
		    a[0], TRACE_VERSION);
	l->greeted = true;
	l->told_frames = a[2];
	l->levels = hart_levels(m, hart, &l->kernel_root);
	lens_counters(m, &c);
	l->faults_before = c.page_faults;
}

void lens_trace(struct lens *l, struct machine *m, unsigned hart, unsigned event,
		const uint64_t a[6])
{
	struct process *p;
	struct frame_account *f;
	struct hart_regs regs;

	/* A program may execute the HINT too; only a kernel is believed. */
	machine_regs(m, hart, &regs);
	if (regs.prv == PRV_U || !frames_ready(l, m))
		return;
	switch (event) {
	case TRACE_HELLO: hello(l, m, hart, a); break;
	case TRACE_HART_START: {
		struct hart_counters c;

		machine_counters(m, hart, &c);
		l->faults_before += c.page_faults;
		break;
	}
	case TRACE_PROC_START:
		l->stats.forks += a[3] != 0;
		p = process_get(l, a[0]);
		if (p) {
			p->ppid = a[1];
			process_forked(l, p, a[2], a[3]);
		}
		break;
	case TRACE_PROC_EXEC:
		l->stats.execs++;
		p = process_get(l, a[0]);
		if (p) {
			p->as = (uint32_t)a[1];
			name_from(p->name, &a[2]);
		}
		break;
	case TRACE_USER_ENTER:
		if (!l->stats.started) {
			l->stats.started = true;
			lens_counters(m, &l->stats.boot);
		}
		break;
	case TRACE_PROC_SIGNAL:
		if (is_crash(a[1], a[2]))
			explain_crash(l, m, hart, a);
		break;
	case TRACE_PROC_EXIT: program_ended(l, m, a[0], a[2]); break;
	case TRACE_SWITCH: l->stats.switches++; break;
	case TRACE_THREAD_START: l->stats.threads++; break;
	case TRACE_THREAD_EXIT: l->stats.threads_ended++; break;
	case TRACE_SIGNAL: l->stats.signals++; break;
	case TRACE_AS_CREATE:
		if (a[0])
			space_add(l, a[0], a[1], a[2]);
		break;
	case TRACE_AS_DESTROY:
		if (a[0])
			space_drop(l, a[0]);
		break;
	case TRACE_FRAME_SET: frames_set(l, a[0], a[1], a[2]); break;
	case TRACE_FRAME_PIN:
		f = lens_frame(l, a[0]);
		if (f)
			f->pins += (int32_t)a[1];
		else
			lens_disagree(l, 10, "frame 0x%" PRIx64 " was pinned and is not RAM", a[0]);
		break;
	case TRACE_FAULT_BEGIN: l->stats.faults_begun++; break;
	case TRACE_FAULT_END:
		l->faults_ended++;
		l->last_fault_kind = (unsigned)a[2];
		if (a[2] < TK_MAX)
			l->stats.faults[a[2]]++;
		else
			lens_disagree(l, 6, "a page fault ended as kind %" PRIu64 ": no such kind",
				      a[2]);
		break;
	case TRACE_VMA_ADD:
	case TRACE_VMA_REMOVE:
	case TRACE_VMA_NAME:
	case TRACE_PTE_SET:
	case TRACE_PTE_RANGE:
	case TRACE_PTE_MOVE:
	case TRACE_TABLE_COPY: space_event(l, event, a); break;
	default: /* a HINT that is no event of ours: programs may use the encoding */ break;
	}
}

void lens_finish(struct lens *l, struct machine *m, bool ended)
{
	lens_counters(m, &l->stats.total);
	l->stats.user = l->stats.total.retired_by_prv[PRV_U];
	l->stats.kernel = l->stats.total.retired_by_prv[PRV_S];
	l->stats.firmware = l->stats.total.retired_by_prv[PRV_M];
	if (!frames_ready(l, m))
		return;
	snapshot(l, m); /* of a program that was stopped: what there is now */
	check_counts(l, m, ended);
}

void lens_destroy(struct lens *l)
{
	if (!l)
		return;
	while (l->spaces) {
		struct space *s = l->spaces;

		l->spaces = s->next;
		space_destroy(s, NULL, NULL);
	}
	while (l->processes) {
		struct process *p = l->processes;

		l->processes = p->next;
		free(p);
	}
	if (l->has_symbols)
		symbols_fini(&l->symbols);
	text_free(&l->crash);
	text_free(&l->violation);
	free(l->frames);
	free(l->tables.table);
	free(l);
}
