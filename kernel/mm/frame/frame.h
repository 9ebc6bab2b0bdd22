/*
 * Frames: one descriptor for each 4 KiB of RAM, and the buddy allocator.
 * Theory, drawing and invariants: frame.c.
 */
#ifndef KERNEL_FRAME_H
#define KERNEL_FRAME_H

#include "kernel/arch/arch.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/list.h"
#include "abi/trace.h"

#define FRAME_MAX_ORDER 10

struct frame {
	struct list_node link;  /* free list of its order, or the owner's use */
	uint32_t refs;          /* 0: free. PTEs that map it, plus pins; atomic */
	uint8_t state;          /* TF_* of abi/trace.h: exactly one */
	uint8_t order;          /* of the free block that starts here; else 0 */
	uint16_t flags;         /* FRAME_HEAD */
	union {                 /* the owner's own, by state */
		uint64_t owner; /* TF_PAGETABLE: entries in use. TF_KALLOC: its order */
		struct {
			uint16_t cache, used, free;
		} slab; /* TF_SLAB: slab.c */
	};
};
_Static_assert(sizeof(struct frame) <= 32, "at most 32 bytes a frame");

#define FRAME_HEAD 0x1 /* first frame of a free block */

/* Allocation flags. */
#define FRAME_ZEROED 0x1

/*
 * => the first of 2^order frames, aligned to their size, refs 1, in `state` (not TF_FREE);
 *    NULL when there is none. Contents are undefined unless FRAME_ZEROED.
 */
struct frame *frame_alloc(unsigned order, unsigned state, unsigned flags);

/* => refs of f was 1; its block of 2^order becomes free. */
void frame_free(struct frame *f, unsigned order);

static inline void frame_get(struct frame *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

/* => the last reference to f, of order 0, has just been given back; f becomes free. */
void frame_release(struct frame *f);

/* => true when that was the last reference: f (order 0) is free now. */
static inline bool frame_put(struct frame *f)
{
	uint32_t before = __atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL);

	if (before > 1)
		return false;
	CHECK3(before, ==, 1);
	frame_release(f);
	return true;
}

/* The frame table, and the number of its first frame; for the inline functions below alone. */
extern struct frame *frame_table;
extern uint64_t frame_first;

struct frame *frame_of(pfn_t pfn); /* NULL: not RAM. May initialise its chunk */

/* The same for a frame that is in use, and so is RAM and initialised. */
static inline struct frame *frame_in_use(pfn_t pfn)
{
	return &frame_table[pfn.v - frame_first];
}

static inline pfn_t frame_pfn(const struct frame *f)
{
	return PFN(frame_first + (uint64_t)(f - frame_table));
}

static inline void *frame_kva(const struct frame *f)
{
	return arch_kva(pfn_paddr(frame_pfn(f)));
}

/* Counts, in frames. */
struct frame_stats {
	uint64_t total, free, by_state[TF_MAX];
};
void frame_stats(struct frame_stats *out);

/* Checks the allocator's invariants; stops the kernel at the first that is broken. */
void frame_check(void);

/*
 * Boot. RAM is [start, end); reserve() marks what is in use already, before ready(): widened to
 * whole frames, cut to RAM, and where ranges overlap the first keeps its frames. A range of initrd
 * frames becomes TF_FILE with refs 1, to be adopted by file objects. seed() chooses placement:
 * which of several right frames an allocation gets.
 */
void frame_init(paddr_t ram_start, paddr_t ram_end);
void frame_seed(uint64_t seed);
void frame_reserve(paddr_t start, paddr_t end, unsigned state);
void frame_ready(void);
bool frame_is_ready(void);

/* Poisoning of what is free, and faults on demand: on the host, or with -DLIMPID_DEBUG. */
#if !defined(__riscv) || defined(LIMPID_DEBUG)
#define FRAME_DEBUG  1
#define FRAME_POISON 0xdd

/*
 * The n-th allocation from now (1: the next), of frames or of a slab's object, finds no memory, as
 * if RAM were full; 0: none does.
 */
void frame_fail_after(uint64_t n);
/* => whether this allocation is that one. */
bool frame_fail_now(void);
#else
#define FRAME_DEBUG 0
static inline bool frame_fail_now(void)
{
	return false;
}
#endif

#endif
