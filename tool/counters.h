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

#endif
