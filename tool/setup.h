/*
 * What `run` and `boot` have in common: the machine that their options describe, when it stops,
 * and what is asked of it at the end.
 */
#ifndef TOOL_SETUP_H
#define TOOL_SETUP_H

#include <stdio.h>

#include "machine/machine.h"
#include "tool/options.h"

struct setup {
	const char *verb;
	struct machine_config config;
	uint64_t max; /* instructions; 0: no limit */
	bool stats;
	const char *json_path, *gdb_at; /* or NULL */
	FILE *json;                     /* from setup_open_json until it is written */
	uint64_t stale_uses;
};

/* The default machine, with seed 1. */
void setup_init(struct setup *s, const char *verb);

/* The options, as `more` of struct options. */
extern const struct option_spec setup_specs[];

/*
 * Takes what options_next said, if it is one of these options.
 * => false: it is none, or its value is wrong; a line that names it was printed.
 */
bool setup_option(struct setup *s, const struct options *o, int index);

/* Before anything runs, so that a wrong name costs nothing. => 0, or an exit status. */
int setup_open_json(struct setup *s);

/* `error`: 0, or the errno of what was written. Closes it. => 0, or an exit status. */
int setup_close_json(struct setup *s, int error);

/* A use of a stale translation: the first ones get a line each, all are counted. */
void setup_stale(struct setup *s, const struct stale_translation *what);

/* => 0, or the exit status of a run that made such uses, after a line with their number. */
int setup_stale_status(const struct setup *s);

#endif
