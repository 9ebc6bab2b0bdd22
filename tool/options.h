/*
 * Options of a verb: `--name VALUE`, `--name=VALUE`, `--flag`; they stop at the
 * first operand, or behind `--`, so that a program's own options are its own.
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct option_spec {
	const char *name; /* with its dashes; NULL ends the list */
	char letter;      /* of a one-letter form, or 0 */
	bool has_value;
};

struct options {
	const char *verb;
	const struct option_spec *specs;
	const struct option_spec *more; /* a list that several verbs share, or NULL */
	char **argv;                    /* argv[0] is the verb */
	int argc, at;
	const char *name;  /* of the option at hand, as it was typed */
	const char *value; /* its value, or NULL */
};

#define OPTIONS_END   (-1) /* argv[at] is the first operand, or at == argc */
#define OPTIONS_ERROR (-2) /* one line was printed */

#define OPTIONS_MORE 1000 /* + an index into `more` */

/* => index into specs of the next option, or one of the above. */
int options_next(struct options *o);

/* Prints the answer to --help. => the exit status. */
int options_help(const char *text);

/*
 * The value of the option at hand, as a size (64M, 1G, 4096K, 123) or a number (decimal, or 0x
 * and hexadecimal).
 * => false: not one; a line that names option and value was printed.
 */
bool options_size(const struct options *o, uint64_t *out);
bool options_number(const struct options *o, uint64_t *out);

#endif
