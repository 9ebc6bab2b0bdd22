/*
 * Statistics as JSON. Keys are never renamed or removed within a version of the
 * schema; new ones may appear. Numbers are integers, exact up to 2^63 - 1.
 */
#include "tool/json.h"

#include <errno.h>
#include <jansson.h>

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

static json_t *tlb(const struct hart_counters *c)
{
	static const char *const key[TLB_KINDS] = {"fetch", "data", "level2"};
	static const char *const cause[MISS_CAUSES] = {"cold",    "capacity",    "conflict",
						       "flushed", "other_space", "unmapped"};
	json_t *o = json_object();

	for (unsigned k = 0; k < TLB_KINDS; k++) {
		json_t *t = json_object(), *causes = json_object();

		json_object_set_new(t, "lookups", integer(c->hits[k] + c->misses[k]));
		json_object_set_new(t, "hits", integer(c->hits[k]));
		json_object_set_new(t, "misses", integer(c->misses[k]));
		json_object_set_new(t, "misses_user", integer(c->misses_user[k]));
		for (unsigned i = 0; i < MISS_CAUSES; i++)
			json_object_set_new(causes, cause[i], integer(c->causes[k][i]));
		json_object_set_new(t, "misses_by_cause", causes);
		json_object_set_new(o, key[k], t);
	}
	json_object_set_new(o, "fetches", integer(c->lookups[ACCESS_FETCH]));
	json_object_set_new(o, "fetches_user", integer(c->lookups_user[ACCESS_FETCH]));
	json_object_set_new(o, "loads_user", integer(c->lookups_user[ACCESS_LOAD]));
	json_object_set_new(o, "stores_user", integer(c->lookups_user[ACCESS_STORE]));
	json_object_set_new(o, "loads", integer(c->lookups[ACCESS_LOAD]));
	json_object_set_new(o, "stores", integer(c->lookups[ACCESS_STORE]));
	json_object_set_new(o, "flushes", integer(c->flushes));
	return o;
}

static json_t *walks(const struct hart_counters *c)
{
	json_t *o = json_object(), *reads = json_array();

	json_object_set_new(o, "total", integer(c->walks));
	json_object_set_new(o, "translated", integer(c->walks - c->walks_faulted));
	json_object_set_new(o, "faulted", integer(c->walks_faulted));
	json_object_set_new(o, "only_dirty", integer(c->walks_dirty));
	for (unsigned level = 0; level < 5; level++)
		json_array_append_new(reads, integer(c->pte_reads[level]));
	json_object_set_new(o, "pte_reads_by_level", reads);
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

/* Each value of satp that was in force, with what it had. */
static json_t *spaces(struct machine *m)
{
	json_t *list = json_array();
	unsigned n = machine_spaces(m);

	for (unsigned i = 0; i < n; i++) {
		struct hart_counters c;
		uint64_t satp;
		json_t *o = json_object();

		machine_space(m, i, &satp, &c);
		json_object_set_new(o, "satp", integer(satp));
		json_object_set_new(o, "steps", integer(c.steps));
		json_object_set_new(o, "page_faults", integer(c.page_faults));
		json_object_set_new(o, "tlb", tlb(&c));
		json_object_set_new(o, "walks", walks(&c));
		json_array_append_new(list, o);
	}
	return list;
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
	json_object_set_new(o, "page_faults", faults(st));
	json_object_set_new(o, "tlb", tlb(&st->total));
	json_object_set_new(o, "walks", walks(&st->total));
	json_object_set_new(o, "address_spaces", spaces(m));
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
