/*
 * Describing a TLB in a line: `--tlb fetch=48,data=64:4:plru,l2=1536:12:4k+2m,walk=16`.
 *
 * An item is NAME=SHAPE; a shape is fields between colons, the first a number of
 * entries, the others in any order: a second number is the ways (all entries,
 * if it is not there), a word is a policy or the page sizes that are held whole.
 */
#include "tool/tlb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/tool.h"

#define SPEC_MAX 256

static const struct {
	const char *word;
	enum tlb_policy policy;
} policies[] = {{"lru", TLB_LRU}, {"plru", TLB_PLRU}, {"fifo", TLB_FIFO}, {"random", TLB_RANDOM}};

static const struct {
	const char *word;
	unsigned sizes;
} sizes[] = {{"4k", 1}, {"4k+2m", 3}, {"4k+2m+1g", 7}, {"all", TLB_ALL_SIZES}};

/* A number of at most 6 digits, all of the text. */
static bool read_count(const char *text, unsigned *out)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 6 || text[n])
		return false;
	*out = (unsigned)strtoul(text, NULL, 10);
	return true;
}

/* => NULL, or what is wrong. */
static const char *read_word(const char *word, struct tlb_geometry *g)
{
	for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++)
		if (strcmp(word, policies[i].word) == 0) {
			g->policy = policies[i].policy;
			return NULL;
		}
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (strcmp(word, sizes[i].word) == 0) {
			g->sizes = sizes[i].sizes;
			return NULL;
		}
	return "neither a number, nor lru, plru, fifo or random, nor 4k, 4k+2m, 4k+2m+1g or all";
}

/* Cuts `shape` at its colons. => NULL, or what is wrong. */
static const char *read_shape(char *shape, bool may_be_absent, struct tlb_geometry *out)
{
	struct tlb_geometry g = {.policy = TLB_LRU, .sizes = TLB_ALL_SIZES};
	char *rest = shape, *field = strsep(&rest, ":");
	bool has_ways = false;

	if (may_be_absent && strcmp(field, "none") == 0 && !rest) {
		*out = (struct tlb_geometry){.sizes = 1};
		return NULL;
	}
	if (!read_count(field, &g.entries) || g.entries == 0)
		return "a shape begins with a number of entries, 1 to 4096";
	while ((field = strsep(&rest, ":"))) {
		const char *why;
		if (!has_ways && read_count(field, &g.ways)) {
			has_ways = true;
			continue;
		}
		why = read_word(field, &g);
		if (why)
			return why;
	}
	if (!has_ways)
		g.ways = g.entries;
	*out = g;
	return tlb_geometry_check(&g, false);
}

static const char *read_item(char *item, struct machine_config *cfg)
{
	char *shape = item;
	const char *name = strsep(&shape, "="), *why;

	if (!shape)
		return "not of the form NAME=SHAPE";
	if (strcmp(name, "walk") == 0) {
		if (!read_count(shape, &cfg->walk_cache) || cfg->walk_cache > 4096)
			return "a walk cache has 0 to 4096 entries";
		return NULL;
	}
	if (strcmp(name, "fetch") == 0 || strcmp(name, "data") == 0) {
		cfg->tlb_unified = false;
		return read_shape(shape, false,
				  &cfg->tlb[*name == 'f' ? TLB_L1_FETCH : TLB_L1_DATA]);
	}
	if (strcmp(name, "l1") == 0) {
		cfg->tlb_unified = true;
		why = read_shape(shape, false, &cfg->tlb[TLB_L1_DATA]);
		cfg->tlb[TLB_L1_FETCH] = cfg->tlb[TLB_L1_DATA];
		return why;
	}
	if (strcmp(name, "l2") == 0)
		return read_shape(shape, true, &cfg->tlb[TLB_L2]);
	return "the names are fetch, data, l1, l2 and walk";
}

bool tlb_option(const char *verb, const char *value, struct machine_config *cfg)
{
	char copy[SPEC_MAX], *rest = copy, *item;

	if (strlen(value) >= sizeof copy) {
		complain("%s: --tlb: longer than %d characters", verb, SPEC_MAX - 1);
		return false;
	}
	strcpy(copy, value);
	while ((item = strsep(&rest, ","))) {
		char shown[SPEC_MAX];
		const char *why;
		strcpy(shown, item);
		why = read_item(item, cfg);
		if (why) {
			complain("%s: --tlb %s: %s", verb, shown, why);
			return false;
		}
	}
	return true;
}

bool paging_option(const char *verb, const char *value, struct machine_config *cfg)
{
	static const char *const modes[] = {"sv39", "sv48", "sv57"};

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(value, modes[i]) == 0) {
			cfg->max_levels = 3 + i;
			return true;
		}
	complain("%s: --paging %s: sv39, sv48 or sv57", verb, value);
	return false;
}

void stale_complain(const struct stale_translation *what)
{
	static const char *const access[] = {"fetch from", "load from", "store to"};
	static const char *const where[] = {"fetch TLB", "data TLB", "level-2 TLB"};

	complain("stale TLB: pc 0x%" PRIx64 ", %s 0x%" PRIx64 ": the %s has frame 0x%" PRIx64
		 ", the table now 0x%" PRIx64 " at level %u",
		 what->pc, access[what->access], what->va, where[what->where], what->cached_ppn,
		 what->pte, what->level);
}
