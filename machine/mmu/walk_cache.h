/* The walk cache. */
#ifndef MMU_WALK_CACHE_H
#define MMU_WALK_CACHE_H

#include "machine/hart/hart.h"
#include "machine/mmu/walk.h"

/* Lets a walk begin at the lowest table to which a pointer is cached. */
void walk_cache_look(struct hart *h, struct walk_request *rq);

/* Keeps the pointers that a walk followed, each in the place of the least recently used. */
void walk_cache_keep(struct hart *h, const struct walk_request *rq, const struct walk_result *w);

/* sfence.vma: all entries, or those of an address, of an address space, or of both. */
void walk_cache_flush(struct hart *h, bool by_va, uint64_t vpn, bool by_asid, unsigned asid);

#endif
