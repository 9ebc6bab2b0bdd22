/* The page-table walk. */
#ifndef MMU_WALK_H
#define MMU_WALK_H

#include "machine/machine.h"

struct hart;

/* What an access is, as far as translation asks. */
struct walk_request {
	uint64_t va, satp;
	enum access access;
	unsigned prv;         /* effective privilege: PRV_U or PRV_S */
	bool sum, mxr;        /* mstatus */
	uint64_t table;       /* not 0: a cached pointer; begin at this table, ... */
	unsigned table_level; /* ... whose entries are of this level */
	bool update_ad; /* Svadu: set A and D in hardware; else their absence is a page fault */
};

enum walk_end { WALK_OK, WALK_PAGE_FAULT, WALK_ACCESS_FAULT };

struct walk_result {
	uint64_t ppn;       /* of the 4 KiB page at va */
	uint64_t pte;       /* leaf, after A and D were set */
	unsigned level;     /* of the leaf */
	unsigned set;       /* PTE_A and PTE_D, those that were set */
	unsigned reads[5];  /* PTEs read, by level */
	uint64_t tables[5]; /* tables read, by the level of their entries; 0: none */
};

/* Walks, setting A and D; PTEs are read and written as S-mode, under the hart's PMP. => WALK_OK
 * with *out; out->reads is always right. */
enum walk_end walk(const struct hart *h, const struct walk_request *rq, struct walk_result *out);

/* Levels of a satp mode; 0: bare or not implemented. */
unsigned walk_levels(uint64_t satp);

/* Whether a leaf with these PTE bits lets this access through (step 5). */
bool walk_permits(unsigned perm, enum access access, unsigned prv, bool sum, bool mxr);

#endif
