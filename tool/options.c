/*
 * Options are read one by one, in order, so that a verb sees each once and the
 * last of several wins. Nothing after the first operand is looked at: it belongs
 * to the program.
 *
 * A value is a size or a number only as a whole: `12Q` and `0x` are refused, not
 * read as far as they go.
 */
#include "tool/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

/* => whether `arg` is this option; *value: what follows its `=`, or NULL. */
static bool matches(const struct option_spec *spec, const char *arg, const char **value)
{
	size_t len = strlen(spec->name);

	*value = NULL;
	if (arg[0] == '-' && arg[1] == spec->letter && spec->letter && arg[2] == 0)
		return true;
	if (strncmp(arg, spec->name, len) != 0)
		return false;
	if (arg[len] == '=')
		*value = arg + len + 1;
	return arg[len] == 0 || arg[len] == '=';
}

/* => the index of `arg` in a list that may be NULL, and its value as `matches` has it; or -1. */
static int find(const struct option_spec *list, const char *arg, const char **value)
{
	for (int i = 0; list && list[i].name; i++)
		if (matches(&list[i], arg, value))
			return i;
	return -1;
}

int options_next(struct options *o)
{
	const char *arg = o->at < o->argc ? o->argv[o->at] : NULL;
	const struct option_spec *list = o->specs;
	int i;

	if (!arg || arg[0] != '-' || arg[1] == 0)
		return OPTIONS_END;
	o->at++;
	if (strcmp(arg, "--") == 0)
		return OPTIONS_END;

	i = find(list, arg, &o->value);
	if (i < 0) {
		list = o->more;
		i = find(list, arg, &o->value);
	}
	if (i < 0) {
		complain("%s: unknown option %s; see limpid %s --help", o->verb, arg, o->verb);
		return OPTIONS_ERROR;
	}
	o->name = list[i].name;
	if (!list[i].has_value && o->value) {
		complain("%s: %s takes no value", o->verb, o->name);
		return OPTIONS_ERROR;
	}
	if (list[i].has_value && !o->value) {
		if (o->at == o->argc) {
			complain("%s: %s needs a value", o->verb, o->name);
			return OPTIONS_ERROR;
		}
		o->value = o->argv[o->at++];
	}
	return list == o->more ? OPTIONS_MORE + i : i;
}

int options_help(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return 0;
	complain("standard output: %s", strerror(errno));
	return EXIT_TROUBLE;
}

/* => digits were read without overflow; *end: what follows them. */
static bool digits(const char *s, int base, uint64_t *out, const char **end)
{
	char *stop;

	if (base == 16 ? !isxdigit((unsigned char)*s) : !isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*out = strtoull(s, &stop, base);
	*end = stop;
	return errno == 0;
}

bool options_size(const struct options *o, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *end, *unit;
	uint64_t n;

	if (!digits(o->value, 10, &n, &end))
		goto wrong;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			goto wrong;
		unsigned shift = 10 * (unsigned)(unit - units + 1);
		if (n > UINT64_MAX >> shift)
			goto wrong;
		n <<= shift;
	}
	*out = n;
	return true;
wrong:
	complain("%s: %s %s: not a size; write 64M or 1G", o->verb, o->name, o->value);
	return false;
}

bool options_number(const struct options *o, uint64_t *out)
{
	const char *s = o->value, *end;
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');

	if (digits(hex ? s + 2 : s, hex ? 16 : 10, out, &end) && *end == 0)
		return true;
	complain("%s: %s %s: not a number", o->verb, o->name, o->value);
	return false;
}
