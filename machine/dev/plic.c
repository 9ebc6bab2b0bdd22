/*
 * The interrupt controller: 96 sources, and two contexts (M-mode, S-mode) per hart.
 *
 * A source's life, here a line that a device holds high until it is served:
 *
 *     level high            claim                  complete
 *   --------------> pending --------> in service ----------> idle, or pending if still high
 *
 * A context's interrupt is up while some source is pending, enabled for it, and of a priority
 * above its threshold. A claim takes the one of highest priority, the lowest number first; it
 * does not ask the threshold, so that a hart may poll with its interrupt masked.
 * A request once made stays pending if its line falls before the claim: who claims it finds
 * nothing to do.
 *
 * I1. pending and in_service are disjoint.
 * I2. A line that is high is pending or in service.
 * I3. xEIP of a hart = its context has such a source; kept by plic_update after each change.
 *
 * Source: RISC-V Platform-Level Interrupt Controller 1.0.0.
 */
#include "machine/machine_state.h"

#define PLIC_WORDS        4 /* bitmaps of sources 0 to 127 */
#define PLIC_CONTEXTS     (2 * BOARD_MAX_HARTS)
#define PLIC_MAX_PRIORITY 7

#define PLIC_PENDING        0x001000
#define PLIC_ENABLE         0x002000
#define PLIC_ENABLE_STRIDE  0x80
#define PLIC_CONTEXT        0x200000 /* threshold; claim and complete at + 4 */
#define PLIC_CONTEXT_STRIDE 0x1000

_Static_assert(BOARD_PLIC_SOURCES < 32 * PLIC_WORDS, "source numbers start at 1");

struct plic {
	struct machine *m;
	uint32_t level[PLIC_WORDS], pending[PLIC_WORDS], in_service[PLIC_WORDS];
	uint32_t enable[PLIC_CONTEXTS][PLIC_WORDS];
	uint32_t threshold[PLIC_CONTEXTS];
	uint32_t priority[BOARD_PLIC_SOURCES + 1];
};

static bool bit_get(const uint32_t *map, unsigned i)
{
	return map[i / 32] >> i % 32 & 1;
}

static void bit_set(uint32_t *map, unsigned i, bool value)
{
	map[i / 32] = (map[i / 32] & ~(1u << i % 32)) | (uint32_t)value << i % 32;
}

static unsigned context_count(const struct plic *p)
{
	return 2 * p->m->cfg.harts;
}

/* => the source of highest priority above `threshold`, 0 if none. Priority 0 is never above one. */
static unsigned context_best(const struct plic *p, unsigned ctx, uint32_t threshold)
{
	uint32_t best_priority = threshold;
	unsigned best = 0;

	for (unsigned w = 0; w < PLIC_WORDS; w++) {
		uint32_t bits = p->pending[w] & p->enable[ctx][w];

		for (; bits; bits &= bits - 1) {
			unsigned source = 32 * w + (unsigned)__builtin_ctz(bits);

			if (p->priority[source] > best_priority) {
				best_priority = p->priority[source];
				best = source;
			}
		}
	}
	return best;
}

static void plic_update(struct plic *p)
{
	for (unsigned ctx = 0; ctx < context_count(p); ctx++)
		hart_set_irq(&p->m->harts[ctx / 2], ctx % 2 ? IRQ_SEIP : IRQ_MEIP,
			     context_best(p, ctx, p->threshold[ctx]) != 0);
}

void plic_set_level(struct machine *m, unsigned source, bool level)
{
	struct plic *p = m->plic;

	if (bit_get(p->level, source) == level)
		return;
	bit_set(p->level, source, level);
	if (level && !bit_get(p->in_service, source) && !bit_get(p->pending, source)) {
		bit_set(p->pending, source, true);
		plic_update(p);
	}
}

static uint32_t plic_claim(struct plic *p, unsigned ctx)
{
	unsigned source = context_best(p, ctx, 0);

	if (source) {
		bit_set(p->pending, source, false);
		bit_set(p->in_service, source, true);
		plic_update(p);
	}
	return source;
}

/* Completing what is not enabled for the context is ignored, as the specification says. */
static void plic_complete(struct plic *p, unsigned ctx, uint64_t source)
{
	if (source == 0 || source > BOARD_PLIC_SOURCES ||
	    !bit_get(p->enable[ctx], (unsigned)source) || !bit_get(p->in_service, (unsigned)source))
		return;
	bit_set(p->in_service, (unsigned)source, false);
	if (bit_get(p->level, (unsigned)source))
		bit_set(p->pending, (unsigned)source, true);
	plic_update(p);
}

/* The part of an enable word that stands for sources which exist. */
static uint32_t source_mask(unsigned word)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < 32; i++) {
		unsigned source = 32 * word + i;

		if (source >= 1 && source <= BOARD_PLIC_SOURCES)
			mask |= 1u << i;
	}
	return mask;
}

static bool plic_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	struct plic *p = self;
	uint64_t i, ctx;

	if (size != 4 || offset % 4)
		return false;
	*out = 0;
	if (offset < PLIC_PENDING) {
		i = offset / 4;
		if (i <= BOARD_PLIC_SOURCES)
			*out = p->priority[i];
	} else if (offset < PLIC_ENABLE) {
		i = (offset - PLIC_PENDING) / 4;
		if (i < PLIC_WORDS)
			*out = p->pending[i];
	} else if (offset < PLIC_CONTEXT) {
		ctx = (offset - PLIC_ENABLE) / PLIC_ENABLE_STRIDE;
		i = (offset - PLIC_ENABLE) % PLIC_ENABLE_STRIDE / 4;
		if (ctx < context_count(p) && i < PLIC_WORDS)
			*out = p->enable[ctx][i];
	} else {
		ctx = (offset - PLIC_CONTEXT) / PLIC_CONTEXT_STRIDE;
		i = (offset - PLIC_CONTEXT) % PLIC_CONTEXT_STRIDE;
		if (ctx < context_count(p) && i == 0)
			*out = p->threshold[ctx];
		else if (ctx < context_count(p) && i == 4)
			*out = plic_claim(p, (unsigned)ctx);
	}
	return true;
}

static bool plic_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	struct plic *p = self;
	uint64_t i, ctx;

	if (size != 4 || offset % 4)
		return false;
	if (offset < PLIC_PENDING) {
		i = offset / 4;
		if (i >= 1 && i <= BOARD_PLIC_SOURCES)
			p->priority[i] = value & PLIC_MAX_PRIORITY;
	} else if (offset < PLIC_ENABLE) {
		return true; /* pending bits are read-only */
	} else if (offset < PLIC_CONTEXT) {
		ctx = (offset - PLIC_ENABLE) / PLIC_ENABLE_STRIDE;
		i = (offset - PLIC_ENABLE) % PLIC_ENABLE_STRIDE / 4;
		if (ctx < context_count(p) && i < PLIC_WORDS)
			p->enable[ctx][i] = (uint32_t)value & source_mask((unsigned)i);
	} else {
		ctx = (offset - PLIC_CONTEXT) / PLIC_CONTEXT_STRIDE;
		i = (offset - PLIC_CONTEXT) % PLIC_CONTEXT_STRIDE;
		if (ctx < context_count(p) && i == 0)
			p->threshold[ctx] = value & PLIC_MAX_PRIORITY;
		else if (ctx < context_count(p) && i == 4)
			plic_complete(p, (unsigned)ctx, value & 0xffffffff);
	}
	plic_update(p);
	return true;
}

static void plic_hash(void *self, uint64_t *h)
{
	const struct plic *p = self;

	machine_hash_bytes(h, p->level, sizeof(p->level));
	machine_hash_bytes(h, p->pending, sizeof(p->pending));
	machine_hash_bytes(h, p->in_service, sizeof(p->in_service));
	machine_hash_bytes(h, p->enable, sizeof(p->enable));
	machine_hash_bytes(h, p->threshold, sizeof(p->threshold));
	machine_hash_bytes(h, p->priority, sizeof(p->priority));
}

bool plic_create(struct machine *m)
{
	struct plic *p = machine_zalloc(m, sizeof(*p));

	if (!p)
		return false;
	p->m = m;
	m->plic = p;
	bus_attach(m, &(struct bus_device){
			  .name = "plic",
			  .base = BOARD_PLIC_BASE,
			  .size = BOARD_PLIC_SIZE,
			  .self = p,
			  .load = plic_load,
			  .store = plic_store,
			  .hash = plic_hash,
		      });
	return true;
}
