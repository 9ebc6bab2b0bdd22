/*
 * What the machine counted, whatever kernel runs on it: `limpid boot`. (Of Limpid's own kernel the
 * lens knows more.)
 */
#include "tool/counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lens/text.h"

void counters_sum(const struct machine *m, struct hart_counters *sum)
{
	uint64_t *to = (uint64_t *)sum;

	memset(sum, 0, sizeof(*sum));
	for (unsigned hart = 0; hart < machine_harts(m); hart++) {
		struct hart_counters one;
		const uint64_t *from = (const uint64_t *)&one;

		machine_counters(m, hart, &one);
		for (size_t i = 0; i < sizeof(one) / sizeof(*from); i++)
			to[i] += from[i];
	}
}
_Static_assert(sizeof(struct hart_counters) % sizeof(uint64_t) == 0, "numbers, and only these");

static void print_line(const char *name, uint64_t value)
{
	char number[COMMAS_SIZE];

	fprintf(stderr, "  %-28s %20s\n", name, commas(number, value));
}

void counters_print(const struct hart_counters *c)
{
	uint64_t reads = 0;

	for (unsigned level = 0; level < 5; level++)
		reads += c->pte_reads[level];
	fputs("limpid: what the machine counted\n", stderr);
	print_line("instructions retired", c->retired);
	print_line("  in U-mode", c->retired_by_prv[0]);
	print_line("  in S-mode", c->retired_by_prv[1]);
	print_line("  in M-mode", c->retired_by_prv[3]);
	print_line("exceptions", c->exceptions);
	print_line("interrupts", c->interrupts);
	print_line("TLB lookups, fetch", c->lookups[ACCESS_FETCH]);
	print_line("TLB lookups, load", c->lookups[ACCESS_LOAD]);
	print_line("TLB lookups, store", c->lookups[ACCESS_STORE]);
	print_line("TLB misses, first level", c->misses[TLB_L1_FETCH] + c->misses[TLB_L1_DATA]);
	print_line("TLB misses, second level", c->misses[TLB_L2]);
	print_line("page-table walks", c->walks);
	print_line("  PTEs read", reads);
	print_line("  A set", c->sets_accessed);
	print_line("  D set", c->sets_dirty);
	print_line("page faults", c->page_faults);
	print_line("TLB flushes", c->flushes);
	print_line("writes of satp", c->satp_writes);
}

json_t *counters_json(const struct hart_counters *c)
{
	static const struct {
		const char *key;
		size_t offset;
	} numbers[] = {
#define NUMBER(key, field) {key, offsetof(struct hart_counters, field)}
	    NUMBER("steps", steps),
	    NUMBER("retired", retired),
	    NUMBER("retired_user", retired_by_prv[0]),
	    NUMBER("retired_supervisor", retired_by_prv[1]),
	    NUMBER("retired_machine", retired_by_prv[3]),
	    NUMBER("exceptions", exceptions),
	    NUMBER("interrupts", interrupts),
	    NUMBER("lookups_fetch", lookups[ACCESS_FETCH]),
	    NUMBER("lookups_load", lookups[ACCESS_LOAD]),
	    NUMBER("lookups_store", lookups[ACCESS_STORE]),
	    NUMBER("misses_fetch", misses[TLB_L1_FETCH]),
	    NUMBER("misses_data", misses[TLB_L1_DATA]),
	    NUMBER("misses_level2", misses[TLB_L2]),
	    NUMBER("walks", walks),
	    NUMBER("page_faults", page_faults),
	    NUMBER("flushes", flushes),
	    NUMBER("satp_writes", satp_writes),
#undef NUMBER
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t value;

		memcpy(&value, (const char *)c + numbers[i].offset, sizeof(value));
		json_object_set_new(o, numbers[i].key, json_integer((json_int_t)value));
	}
	return o;
}

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *counters_tlb_json(const struct hart_counters *c)
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
	json_object_set_new(o, "misses_fetch", integer(c->misses_by[ACCESS_FETCH]));
	json_object_set_new(o, "misses_load", integer(c->misses_by[ACCESS_LOAD]));
	json_object_set_new(o, "misses_store", integer(c->misses_by[ACCESS_STORE]));
	json_object_set_new(o, "flushes", integer(c->flushes));
	return o;
}

json_t *counters_walks_json(const struct hart_counters *c)
{
	json_t *o = json_object(), *reads = json_array();

	json_object_set_new(o, "total", integer(c->walks));
	json_object_set_new(o, "translated",
			    integer(c->walks - c->walks_faulted - c->walks_no_access));
	json_object_set_new(o, "faulted", integer(c->walks_faulted));
	json_object_set_new(o, "only_dirty", integer(c->walks_dirty));
	json_object_set_new(o, "no_access", integer(c->walks_no_access));
	json_object_set_new(o, "for_fetch", integer(c->walks_by[ACCESS_FETCH]));
	json_object_set_new(o, "for_load", integer(c->walks_by[ACCESS_LOAD]));
	json_object_set_new(o, "for_store", integer(c->walks_by[ACCESS_STORE]));
	json_object_set_new(o, "set_accessed", integer(c->sets_accessed));
	json_object_set_new(o, "set_dirty", integer(c->sets_dirty));
	for (unsigned level = 0; level < 5; level++)
		json_array_append_new(reads, integer(c->pte_reads[level]));
	json_object_set_new(o, "pte_reads_by_level", reads);
	return o;
}

json_t *counters_spaces_json(struct machine *m)
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
		json_object_set_new(o, "tlb", counters_tlb_json(&c));
		json_object_set_new(o, "walks", counters_walks_json(&c));
		json_array_append_new(list, o);
	}
	return list;
}
