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
