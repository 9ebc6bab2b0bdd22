/* Why a TLB misses. */
#ifndef MMU_MISS_H
#define MMU_MISS_H

#include "machine/machine.h"

struct tlb;
struct tlb_entry;
struct miss_log;

/* => NULL: no memory. */
struct miss_log *miss_log_create(struct machine *m, unsigned entries);
void miss_log_reset(struct miss_log *log);

/*
 * The cause of a miss on the page that `e` translates, which is about to be put into `t`.
 * => not MISS_UNMAPPED, which is the caller's for a walk that found nothing.
 */
enum miss_cause miss_classify(struct miss_log *log, const struct tlb *t, const struct tlb_entry *e);

/* The page classified last is entry `index` now. */
void miss_filled(struct miss_log *log, unsigned index);

/* Entry `index` of `t` goes: replaced, or flushed. */
void miss_removed(struct miss_log *log, const struct tlb *t, unsigned index, bool flushed);

#endif
