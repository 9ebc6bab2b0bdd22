/*
 * One table of options for the verbs that make a machine, so that an option
 * means the same, takes the same values and is refused in the same words in each.
 */
#include "tool/setup.h"

#include <errno.h>
#include <string.h>

#include "abi/board.h"
#include "lens/text.h"
#include "tool/tlb.h"
#include "tool/tool.h"

/* One line each; what more there is, is only counted. */
#define STALE_SHOWN 20

enum { STATS, JSON, MEMORY, HARTS, SEED, MAX, TLB, CHECK_TLB, GDB };

const struct option_spec setup_specs[] = {
    [STATS] = {"--stats", 0, false},  [JSON] = {"--json", 0, true},
    [MEMORY] = {"--memory", 0, true}, [HARTS] = {"--harts", 0, true},
    [SEED] = {"--seed", 0, true},     [MAX] = {"--max-instructions", 0, true},
    [TLB] = {"--tlb", 0, true},       [CHECK_TLB] = {"--check-tlb", 0, false},
    [GDB] = {"--gdb", 0, true},       {NULL, 0, false},
};

void setup_init(struct setup *s, const char *verb)
{
	*s = (struct setup){.verb = verb};
	machine_config_init(&s->config);
	s->config.seed = 1;
}

static bool parse_memory(struct setup *s, const struct options *o)
{
	if (!options_size(o, &s->config.memory_size))
		return false;
	if (s->config.memory_size % 4096 == 0)
		return true;
	complain("%s: --memory %s: not a multiple of 4 KiB; write 64M or 1G", s->verb, o->value);
	return false;
}

static bool parse_harts(struct setup *s, const struct options *o)
{
	uint64_t n;

	if (!options_number(o, &n))
		return false;
	if (n < 1 || n > BOARD_MAX_HARTS) {
		complain("%s: --harts %s: must be 1 to %d", s->verb, o->value, BOARD_MAX_HARTS);
		return false;
	}
	s->config.harts = (unsigned)n;
	return true;
}

static bool parse_max(struct setup *s, const struct options *o)
{
	if (!options_number(o, &s->max))
		return false;
	if (s->max)
		return true;
	complain("%s: --max-instructions 0: must be 1 or more", s->verb);
	return false;
}

bool setup_option(struct setup *s, const struct options *o, int index)
{
	switch (index - OPTIONS_MORE) {
	case STATS: s->stats = s->config.miss_causes = true; return true;
	case JSON:
		s->json_path = o->value;
		s->config.miss_causes = true;
		return true;
	case MEMORY: return parse_memory(s, o);
	case HARTS: return parse_harts(s, o);
	case SEED: return options_number(o, &s->config.seed);
	case MAX: return parse_max(s, o);
	case TLB: return tlb_option(s->verb, o->value, &s->config);
	case CHECK_TLB: s->config.check_tlb = true; return true;
	case GDB: s->gdb_at = o->value; return true;
	default: return false; /* options_next printed the line */
	}
}

static int json_trouble(const struct setup *s, int error)
{
	complain("%s: --json %s: %s", s->verb, s->json_path, strerror(error));
	return EXIT_TROUBLE;
}

int setup_open_json(struct setup *s)
{
	if (!s->json_path)
		return 0;
	s->json = fopen(s->json_path, "we");
	return s->json ? 0 : json_trouble(s, errno);
}

int setup_close_json(struct setup *s, int error)
{
	if (fclose(s->json) != 0 && !error)
		error = errno;
	s->json = NULL;
	return error ? json_trouble(s, error) : 0;
}

void setup_stale(struct setup *s, const struct stale_translation *what)
{
	if (++s->stale_uses <= STALE_SHOWN)
		stale_complain(what);
}

int setup_stale_status(const struct setup *s)
{
	char number[COMMAS_SIZE];

	if (s->stale_uses == 0)
		return 0;
	complain("--check-tlb: %s uses of stale translations: a flush is missing",
		 commas(number, s->stale_uses));
	return EXIT_TROUBLE;
}
