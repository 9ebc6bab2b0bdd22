/*
 * What the machine counted, as sums, as lines and as JSON.
 */
#ifndef TOOL_COUNTERS_H
#define TOOL_COUNTERS_H

#include <jansson.h>

#include "machine/machine.h"

/* All harts' counters, added up. */
void counters_sum(const struct machine *m, struct hart_counters *sum);

/* On standard error, a line each. */
void counters_print(const struct hart_counters *c);

/* => an object; keys are never renamed or removed, new ones may appear. */
json_t *counters_json(const struct hart_counters *c);

/* The same of the TLB and of walks in full: doc/stats.md has the keys. */
json_t *counters_tlb_json(const struct hart_counters *c);
json_t *counters_walks_json(const struct hart_counters *c);

/* => a list: each value of satp that was in force, with what it had. */
json_t *counters_spaces_json(struct machine *m);

#endif
