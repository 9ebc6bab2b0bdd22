/*
 * The TLB model and its lookaside: how a hart translates.
 *
 * tlb.c     arrays of cached translations: find, fill, evict, flush
 * walk.c    the page-table walk, step by step as the specification numbers it
 * mmu.c     a page asked of the model; the lookaside
 * access.c  one access from virtual address to RAM or device
 */
#ifndef MMU_TLB_H
#define MMU_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/machine.h"

struct hart;
struct code_page;

#define TLB_MAX_ENTRIES 4096
#define TLB_NONE        0xffff

/* One cached translation. What is valid in it is the specification's, never the lookaside's. */
struct tlb_entry {
	uint64_t vpn; /* first 4 KiB page of the (super)page */
	uint64_t ppn; /* of the same page */
	uint16_t asid;
	uint8_t level; /* page size: RV_LEVEL_SHIFT(level) */
	uint8_t perm;  /* low byte of the PTE: V R W X U G A D */
	bool valid;
};

/* The arrays are apart because searches read only one of them: each in entry order. */
struct tlb {
	unsigned sets, ways; /* 0, 0: there is none, and every lookup misses */
	enum tlb_policy policy;
	unsigned sizes;            /* bit l: holds pages of level l whole */
	struct tlb_entry *entries; /* [set * ways + way] */
	uint64_t *stamp;           /* order of use: clock, or number, of the last access */
	uint64_t *filled;          /* order of filling */
	uint64_t fills, random;    /* number of the last one; state of the generator */
	unsigned of_level[5];      /* entries held, by level: which sizes to look for */
	uint64_t now;              /* latest stamp given */
	struct miss_log *log;      /* why it misses */
};

/* A pointer PTE, cached: where the table is that translates a range. */
struct walk_cache_entry {
	uint64_t prefix; /* VPN bits above the table's own */
	uint64_t table;  /* its physical address */
	uint64_t used;   /* number of the last use; 0: free */
	uint16_t asid;
	uint8_t level; /* of the table's entries */
};

/* Where translations are looked up: privilege and SUM decide which bank is the current one. */
enum { BANK_USER, BANK_SUPER, BANK_SUPER_SUM, BANK_BARE, BANK_BARE_M, BANK_NONE, DATA_BANKS };
enum { FETCH_USER, FETCH_SUPER, FETCH_BARE, FETCH_BARE_M, FETCH_BANKS };

#define DATA_SLOTS  256
#define FETCH_SLOTS 64
/*
 * No address equals it. A tag is compared with an address whose bits 3 to 11 are cleared, while the
 * lower ones stay, so that a misaligned access does not hit.
 */
#define TAG_INVALID 0x800

/* A page that loads or stores may reach without asking the model again. */
struct data_slot {
	uint64_t load_tag, store_tag; /* virtual address of the page, or TAG_INVALID */
	uint64_t addend;              /* host address = virtual address + addend */
	uint64_t *stamp;              /* of the L1 entry that it stands for */
};

/* A page that instructions may be fetched from without asking the model again. */
struct fetch_slot {
	uint64_t tag;
	uint64_t *stamp; /* of the L1 entry that it stands for */
	struct code_page *page;
	uint64_t owner; /* index in l1f, or TLB_NONE */
};

static inline unsigned data_index(uint64_t va)
{
	/* Folded, so that arrays a power of two apart do not meet in one slot. */
	return (unsigned)(va >> 12 ^ va >> 20) & (DATA_SLOTS - 1);
}

static inline unsigned fetch_index(uint64_t va)
{
	return (unsigned)(va >> 12) & (FETCH_SLOTS - 1);
}

struct mmu {
	struct data_slot *data;   /* current bank */
	struct fetch_slot *fetch; /* current bank */
	struct fetch_slot *cur;   /* slot of the page being executed; its stamp lags */
	unsigned data_bank_no, fetch_bank_no;
	bool paged_fetch;    /* fetches are translated */
	bool fault_as_store; /* a load's faults are told as a store's: cbo.* */

	struct data_slot data_bank[DATA_BANKS][DATA_SLOTS];
	uint16_t data_owner[DATA_BANKS][DATA_SLOTS]; /* index in l1d, or TLB_NONE */
	struct fetch_slot fetch_bank[FETCH_BANKS][FETCH_SLOTS];
	struct fetch_slot nowhere; /* cur when no page is being executed */
	struct fetch_slot lone;    /* cur while fetch_once */
	bool fetch_once; /* of the page last fetched from, PMP refuses a part: one instruction */

	uint64_t no_stamp; /* where slots of no entry write to: bare mode */

	struct tlb arrays[TLB_KINDS];
	struct tlb *tlb[TLB_KINDS]; /* which array serves: one for both L1s if unified */
	uint64_t l2_seq;            /* number of the last access to L2: its order of use */

	struct walk_cache_entry *walk_cache; /* cfg.walk_cache entries */
	uint64_t walk_cache_seq;
};

/* => false: no memory. Geometry was checked by tlb_geometry_check. */
bool mmu_init(struct hart *h);

/* Forgets everything: reset. */
void mmu_reset(struct hart *h);

/* Chooses the banks; to be called when prv, satp, or mstatus.{SUM,MXR,MPRV,MPP} changed. */
void mmu_mode_changed(struct hart *h);

/* satp was written: cached translations stay (they have ASIDs), lookaside slots go. */
void mmu_satp_changed(struct hart *h);

/* Empties the lookaside; what is cached stays. */
void mmu_slots_drop(struct hart *h);

/* sfence.vma in its four forms. */
void mmu_flush_all(struct hart *h);
void mmu_flush_page(struct hart *h, uint64_t va);
void mmu_flush_asid(struct hart *h, unsigned asid);
void mmu_flush_page_asid(struct hart *h, uint64_t va, unsigned asid);

/*
 * Loads and stores at h->pc, of 1, 2, 4 or 8 bytes, at any alignment, at clock h->clock.
 * => false: the trap has been raised.
 */
bool mmu_load(struct hart *h, uint64_t va, unsigned size, uint64_t *out);
bool mmu_store(struct hart *h, uint64_t va, unsigned size, uint64_t value);

/*
 * Translates for an atomic access (aligned, RAM only).
 * => host pointer and *pa; NULL: the trap has been raised.
 */
void *mmu_atomic(struct hart *h, uint64_t va, unsigned size, enum access access, uint64_t *pa);

/*
 * Cache-block operations on the block that holds va: management (allowed where a load is; its
 * faults are a store's), and zeroing. => false: the trap has been raised.
 */
bool mmu_cbo(struct hart *h, uint64_t va);
bool mmu_cbo_zero(struct hart *h, uint64_t va);

/*
 * The page that holds va, for execution; becomes the current one (mmu.cur). With mmu.fetch_once,
 * only the instruction at va may be executed from it.
 * => NULL: the trap has been raised.
 */
struct code_page *mmu_fetch_page(struct hart *h, uint64_t va);

/* A lookup for a fetch from the page being executed. => false: the trap has been raised. */
bool mmu_fetch_again(struct hart *h, uint64_t va);

/* The 16 bits at va, the second half of an instruction that lies in two pages. */
bool mmu_fetch_half(struct hart *h, uint64_t va, uint16_t *out);

/* No page is being executed any more; the last fetch was at clock `last`. */
static inline void mmu_leave_page(struct mmu *mmu, uint64_t last)
{
	*mmu->cur->stamp = last;
	mmu->cur = &mmu->nowhere;
}

/* h goes on while other harts hold reservations: its stores to their frames must be seen. */
void mmu_watch_reservations(struct hart *h);

/* A frame now holds decoded code: stores to it must take the slow path on every hart. */
void mmu_protect_code(struct machine *m, uint64_t pa);
/* A code page is going away. */
void mmu_forget_code(struct machine *m, const struct code_page *page);

/* Folds the model's state into *hash; the lookaside has no part in it. */
void mmu_hash(const struct hart *h, uint64_t *hash);

/* -- tlb.c, for mmu.c ---------------------------------------------------------------------- */

/* => index of the entry that translates vpn for asid, or TLB_NONE. */
unsigned tlb_find(const struct tlb *t, uint64_t vpn, unsigned asid);

/* => index of the entry to replace for a page of this level: a free way, else the policy's. */
unsigned tlb_victim(struct tlb *t, uint64_t vpn, unsigned level);

void tlb_put(struct tlb *t, unsigned index, const struct tlb_entry *e, uint64_t stamp);
/* `flushed`: by a fence, not to make room. */
void tlb_drop(struct tlb *t, unsigned index, bool flushed);

#endif
