/*
 * `--json FILE`: the numbers of `--stats`, schema limpid.stats/1 (doc/stats.md).
 */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <stdint.h>
#include <stdio.h>

#include "lens/lens.h"

/* What the lens does not know of a run. */
struct run_facts {
	const char *program;
	uint64_t memory, seed;
	const char *end; /* "exited", "signalled", "limit", "stuck", "reset" */
	unsigned status; /* what a shell would see in $? */
};

/* => 0, or an errno. f stays open. */
int json_write(FILE *f, const struct run_facts *facts, const struct lens *l, struct machine *m);

#endif
