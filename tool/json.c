/*
 * Statistics as JSON. Keys are never renamed or removed within a version of the
 * schema; new ones may appear. Numbers are integers, exact up to 2^63 - 1.
 */
#include "tool/json.h"

#include <errno.h>
#include <jansson.h>

#include "tool/counters.h"
#include "tool/tool.h"

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *instructions(const struct lens_stats *st)
{
	const struct hart_counters *c = &st->total;
	json_t *o = json_object();

	json_object_set_new(o, "retired", integer(c->retired));
	json_object_set_new(o, "user", integer(st->user));
	json_object_set_new(o, "kernel", integer(st->kernel));
	json_object_set_new(o, "firmware", integer(st->firmware));
	json_object_set_new(o, "before_program",
			    st->started ? integer(st->boot.retired) : json_null());
	json_object_set_new(o, "steps", integer(c->steps));
	json_object_set_new(o, "exceptions", integer(c->exceptions));
	json_object_set_new(o, "interrupts", integer(c->interrupts));
	return o;
}

static json_t *faults(const struct lens_stats *st)
{
	json_t *o = json_object(), *kinds = json_object();

	json_object_set_new(o, "raised", integer(st->total.page_faults));
	json_object_set_new(o, "served", integer(st->faults_begun));
	for (unsigned k = 1; k < TK_MAX; k++)
		json_object_set_new(kinds, lens_fault_key(k), integer(st->faults[k]));
	json_object_set_new(o, "by_kind", kinds);
	return o;
}

static json_t *frames(const struct lens_stats *st)
{
	json_t *o = json_object(), *states = json_object();

	json_object_set_new(o, "total", integer(st->frames_total));
	for (unsigned s = 0; s < TF_MAX; s++)
		json_object_set_new(states, lens_frame_key(s), integer(st->frames[s]));
	json_object_set_new(o, "by_state", states);
	return o;
}

static json_t *memory(const struct lens_stats *st)
{
	json_t *o = json_object();

	json_object_set_new(o, "vmas", integer(st->nvmas));
	json_object_set_new(o, "reserved_bytes", integer(st->reserved));
	json_object_set_new(o, "resident_pages", integer(st->resident));
	json_object_set_new(o, "resident_peak_pages", integer(st->resident_peak));
	json_object_set_new(o, "page_table_frames", integer(st->tables));
	json_object_set_new(o, "anonymous_frames",
			    st->zero_known ? integer(st->anon_frames) : json_null());
	json_object_set_new(o, "anonymous_zero_bytes",
			    st->zero_known ? integer(st->zero_bytes) : json_null());
	json_object_set_new(o, "never_touched_bytes", json_null());
	return o;
}

static json_t *processes(const struct lens_stats *st)
{
	json_t *o = json_object();

	json_object_set_new(o, "started", integer(st->processes));
	json_object_set_new(o, "forks", integer(st->forks));
	json_object_set_new(o, "programs", integer(st->execs));
	json_object_set_new(o, "more_threads", integer(st->threads));
	json_object_set_new(o, "switches", integer(st->switches));
	json_object_set_new(o, "signals_handled", integer(st->signals));
	return o;
}

int json_write(FILE *f, const struct run_facts *facts, const struct lens *l, struct machine *m)
{
	const struct lens_stats *st = lens_stats(l);
	const char *violation = lens_violation(l);
	json_t *o = json_object(), *end = json_object(), *accounts = json_object();
	int error = 0;

	json_object_set_new(o, "schema", json_string("limpid.stats/1"));
	json_object_set_new(o, "limpid", json_string(LIMPID_VERSION));
	json_object_set_new(o, "program", json_string(facts->program));
	if (!json_object_get(o, "program")) /* a name that is no UTF-8 */
		json_object_set_new(o, "program", json_null());
	json_object_set_new(o, "memory_bytes", integer(facts->memory));
	json_object_set_new(o, "seed", integer(facts->seed));
	json_object_set_new(end, "how", json_string(facts->end));
	json_object_set_new(end, "status", integer(facts->status));
	json_object_set_new(o, "end", end);
	json_object_set_new(o, "instructions", instructions(st));
	json_object_set_new(o, "processes", processes(st));
	json_object_set_new(o, "page_faults", faults(st));
	json_object_set_new(o, "tlb", counters_tlb_json(&st->total));
	json_object_set_new(o, "walks", counters_walks_json(&st->total));
	json_object_set_new(o, "address_spaces", counters_spaces_json(m));
	json_object_set_new(o, "frames", frames(st));
	json_object_set_new(o, "memory", memory(st));
	json_object_set_new(accounts, "checked", integer(st->accounts_checked));
	json_object_set_new(accounts, "of", integer(LENS_ACCOUNTS));
	json_object_set_new(accounts, "agree", json_boolean(st->agree));
	json_object_set_new(accounts, "violation",
			    violation ? json_string(violation) : json_null());
	json_object_set_new(o, "accounts", accounts);

	errno = 0;
	if (json_dumpf(o, f, JSON_INDENT(2)) < 0 || fputc('\n', f) == EOF || fflush(f) != 0)
		error = errno ? errno : EIO;
	json_decref(o);
	return error;
}
