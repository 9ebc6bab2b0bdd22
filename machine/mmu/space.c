/*
 * Counts by address space.
 *
 * A hart's counters go on; what an address space had is the difference between
 * two moments at which satp was written. The present space's share since the
 * last such moment is added when somebody asks.
 *
 *   counters   0 ........ 120 ........ 300 ........ now
 *   satp         A          B            A
 *   A: 120 + (now - 300)    B: 180
 *
 * I1. The sum over all spaces is the sum of all harts' counters.
 * I2. at[].satp are different from each other. When MAX_SPACES are known, the
 *     last entry, satp ~0, collects the rest.
 */
#include <string.h>

#include "machine/machine_state.h"

#define FIRST_SPACES 16
#define MAX_SPACES   4096

struct space_count {
	uint64_t satp;
	struct hart_counters sum;
};

/* Counters are 64-bit numbers and nothing else, so they can be added one by one. */
_Static_assert(sizeof(struct hart_counters) % sizeof(uint64_t) == 0, "no padding");
#define NCOUNTERS (sizeof(struct hart_counters) / sizeof(uint64_t))

static void add_difference(struct hart_counters *sum, const struct hart_counters *now,
			   const struct hart_counters *then)
{
	uint64_t s[NCOUNTERS], a[NCOUNTERS], b[NCOUNTERS];

	memcpy(s, sum, sizeof(s));
	memcpy(a, now, sizeof(a));
	memcpy(b, then, sizeof(b));
	for (unsigned i = 0; i < NCOUNTERS; i++)
		s[i] += a[i] - b[i];
	memcpy(sum, s, sizeof(s));
}

static bool grow(struct machine *m)
{
	unsigned size = m->spaces.size ? m->spaces.size * 2 : FIRST_SPACES;
	struct space_count *at = machine_zalloc(m, size * sizeof(*at));

	if (!at)
		return false;
	if (m->spaces.n)
		memcpy(at, m->spaces.at, m->spaces.n * sizeof(*at));
	m->spaces.at = at;
	m->spaces.size = size;
	return true;
}

/* => the entry of satp; I2. NULL: the host has no memory. */
static struct space_count *find(struct machine *m, uint64_t satp)
{
	for (unsigned i = 0; i < m->spaces.n; i++)
		if (m->spaces.at[i].satp == satp)
			return &m->spaces.at[i];
	if (m->spaces.n == MAX_SPACES)
		return &m->spaces.at[MAX_SPACES - 1];
	if (m->spaces.n == m->spaces.size && !grow(m))
		return NULL;
	struct space_count *s = &m->spaces.at[m->spaces.n++];
	s->satp = m->spaces.n == MAX_SPACES ? UINT64_MAX : satp;
	return s;
}

void space_settle(struct hart *h)
{
	struct hart_counters now;
	struct space_count *s = find(h->m, h->space_satp);

	hart_counters_get(h, &now);
	if (s)
		add_difference(&s->sum, &now, &h->space_since);
	h->space_since = now;
	h->space_satp = h->satp;
}

unsigned machine_spaces(struct machine *m)
{
	for (unsigned i = 0; i < m->cfg.harts; i++)
		space_settle(&m->harts[i]);
	return m->spaces.n;
}

void machine_space(const struct machine *m, unsigned i, uint64_t *satp, struct hart_counters *out)
{
	*satp = m->spaces.at[i].satp;
	*out = m->spaces.at[i].sum;
}
