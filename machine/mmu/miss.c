/*
 * The cause of a miss, from the order of use.
 *
 * Terms. A *page* here is (VPN, level, address space). Each page that was ever
 * cached in an array has a record. The record of a cached page says only that;
 * its time of last use is the entry's stamp. When the page leaves the array,
 * the record keeps that stamp, and whether a flush took it.
 *
 *   cold      the page was never cached, and no other address space's is now
 *   other     never cached, but the same VPN is, for another address space
 *   flushed   cached once, and a flush took it away
 *   capacity  replaced, and at least as many other pages were used since as
 *             the array has entries: a fully associative one would miss too
 *   conflict  replaced, and fewer were: only the sets (or a policy that is not
 *             LRU) are to blame. After Hill's three C's (1987)
 *
 * "Other pages used since" are those whose last use is later than s, the page's own:
 * cached ones by their stamps, gone ones by their records. The latter are linked
 * in the order in which they went, latest first. A page that went before s was
 * last used before s, so the walk ends at the first such; and it ends when as many
 * were found as the array has entries.
 *
 *   latest -> [gone 95, stamp 70] -> [gone 93, stamp 90] -> ... -> [gone <= s]
 *
 * I1. A record is in the list exactly if it is REPLACED or FLUSHED.
 * I2. Times of going do not increase along the list, and stamp <= gone.
 * I3. There is one record a page, found from its hash by linear probing.
 * I4. record_of[i] is the record of the page that entry i holds, plus 1; or 0.
 *
 * Cost: a hash look-up a miss; none when an entry goes. If the host has no memory for a larger
 * table, pages without a record count as cold.
 */
#include "machine/mmu/miss.h"

#include <string.h>

#include "machine/bus/bus.h"
#include "machine/mmu/tlb.h"
#include "rv/pte.h"

enum { FREE, CACHED, REPLACED, FLUSHED };

struct record {
	uint64_t vpn, stamp, gone;
	uint32_t later, earlier; /* neighbours in the list: index + 1, 0 for none */
	uint16_t asid;
	uint8_t level, state;
	bool global;
};

struct miss_log {
	struct machine *m;
	struct record *records;
	uint32_t *table;     /* record index + 1, 0: free */
	uint32_t n, size;    /* records in use, and room; the table has 2 * size places */
	uint32_t *record_of; /* I4 */
	uint32_t filled;     /* record of the page that was classified last, plus 1 */
	uint32_t latest;     /* head of the list: index + 1 */
};

#define FIRST_SIZE 1024

static bool log_allocate(struct miss_log *log, uint32_t size)
{
	struct record *records = machine_zalloc(log->m, size * sizeof(*records));
	uint32_t *table = machine_zalloc(log->m, 2 * size * sizeof(*table));

	if (!records || !table)
		return false;
	if (log->n)
		memcpy(records, log->records, log->n * sizeof(*records));
	log->records = records;
	log->table = table;
	log->size = size;
	return true;
}

struct miss_log *miss_log_create(struct machine *m, unsigned entries)
{
	struct miss_log *log = machine_zalloc(m, sizeof(*log));

	if (!log)
		return NULL;
	log->m = m;
	log->record_of = machine_zalloc(m, (entries + 1) * sizeof(*log->record_of));
	if (!log->record_of)
		return NULL;
	return log_allocate(log, FIRST_SIZE) ? log : NULL;
}

void miss_log_reset(struct miss_log *log)
{
	log->n = log->latest = 0;
	memset(log->table, 0, 2 * log->size * sizeof(*log->table));
}

static uint32_t place_of(const struct miss_log *log, uint64_t vpn, unsigned level, unsigned asid)
{
	uint64_t h = (vpn ^ (uint64_t)level << 60 ^ (uint64_t)asid << 40) * 0x9e3779b97f4a7c15;

	return (uint32_t)(h >> 32) & (2 * log->size - 1);
}

static bool is_same(const struct record *r, const struct tlb_entry *e)
{
	bool global = e->perm & PTE_G;

	return r->vpn == e->vpn && r->level == e->level && r->global == global &&
	       (global || r->asid == e->asid);
}

/* => the place in the table of the page's record, or the free place for it. */
static uint32_t find(const struct miss_log *log, const struct tlb_entry *e)
{
	uint32_t at = place_of(log, e->vpn, e->level, e->perm & PTE_G ? 0 : e->asid);

	while (log->table[at] && !is_same(&log->records[log->table[at] - 1], e))
		at = (at + 1) & (2 * log->size - 1);
	return at;
}

static bool log_grow(struct miss_log *log)
{
	if (!log_allocate(log, log->size * 2))
		return false;
	for (uint32_t i = 0; i < log->n; i++) {
		const struct record *r = &log->records[i];
		struct tlb_entry key = {.vpn = r->vpn,
					.asid = r->asid,
					.level = r->level,
					.perm = r->global ? PTE_G : 0};
		log->table[find(log, &key)] = i + 1;
	}
	return true;
}

static void unlink_record(struct miss_log *log, struct record *r)
{
	if (r->later)
		log->records[r->later - 1].earlier = r->earlier;
	else
		log->latest = r->earlier;
	if (r->earlier)
		log->records[r->earlier - 1].later = r->later;
	r->later = r->earlier = 0;
}

static void link_record(struct miss_log *log, struct record *r)
{
	uint32_t me = (uint32_t)(r - log->records) + 1;

	r->later = 0;
	r->earlier = log->latest;
	if (r->earlier)
		log->records[r->earlier - 1].later = me;
	log->latest = me;
}

/* Whether at least as many pages as t has entries were used after `stamp`. */
static bool is_beyond_capacity(const struct miss_log *log, const struct tlb *t, uint64_t stamp)
{
	unsigned entries = t->sets * t->ways, used = 0;

	if (t->sets == 1 && t->policy == TLB_LRU) /* it is the fully associative one itself */
		return true;
	for (unsigned i = 0; i < entries; i++)
		used += t->stamp[i] > stamp;
	for (uint32_t at = log->latest; at && used < entries; at = log->records[at - 1].earlier) {
		if (log->records[at - 1].gone <= stamp)
			break;
		used += log->records[at - 1].stamp > stamp;
	}
	return used >= entries;
}

static bool is_cached_for_another(const struct tlb *t, const struct tlb_entry *e)
{
	for (unsigned i = 0; i < t->sets * t->ways; i++)
		if (t->entries[i].valid && t->entries[i].vpn == e->vpn &&
		    t->entries[i].asid != e->asid)
			return true;
	return false;
}

enum miss_cause miss_classify(struct miss_log *log, const struct tlb *t, const struct tlb_entry *e)
{
	uint32_t at = find(log, e);
	enum miss_cause cause;

	if (!log->table[at]) {
		cause = is_cached_for_another(t, e) ? MISS_OTHER_SPACE : MISS_COLD;
		log->filled = 0;
		if (log->n == log->size) {
			if (!log_grow(log))
				return cause;
			at = find(log, e);
		}
		log->records[log->n] = (struct record){.vpn = e->vpn,
						       .asid = e->asid,
						       .level = e->level,
						       .global = e->perm & PTE_G,
						       .state = CACHED};
		log->table[at] = log->filled = ++log->n;
		return cause;
	}
	log->filled = log->table[at];
	struct record *r = &log->records[log->table[at] - 1];
	if (r->state == CACHED) /* its table entry was changed to another size and back */
		return MISS_FLUSHED;
	if (r->state == FLUSHED)
		cause = MISS_FLUSHED;
	else
		cause = is_beyond_capacity(log, t, r->stamp) ? MISS_CAPACITY : MISS_CONFLICT;
	unlink_record(log, r);
	r->state = CACHED;
	return cause;
}

void miss_filled(struct miss_log *log, unsigned index)
{
	log->record_of[index] = log->filled;
}

void miss_removed(struct miss_log *log, const struct tlb *t, unsigned index, bool flushed)
{
	uint32_t n = log->record_of[index];

	log->record_of[index] = 0;
	if (!n)
		return;
	struct record *r = &log->records[n - 1];
	r->state = flushed ? FLUSHED : REPLACED;
	r->stamp = t->stamp[index];
	r->gone = t->now;
	link_record(log, r);
}
