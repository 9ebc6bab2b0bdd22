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

/* What a program's frame counts as, where it is mapped. */
#define FRAME_ANON  0
#define FRAME_FILE  1
#define FRAME_SHMEM 2 /* anonymous and shared, or of a file in memory */
#define FRAME_ZERO  3 /* the zero frame: not counted as resident */
#define FRAME_KINDS 4

struct frame {
	union {
		struct list_node link; /* free list of its order, or the owner's use */
		struct {               /* TF_ANON, TF_FILE: mobj.c */
			struct mobj *object;
			uint64_t index; /* its page there */
		};
	};
	union {
		struct {
			uint32_t refs;  /* 0: free. PTEs that map it, plus pins; atomic */
			uint8_t state;  /* TF_* of abi/trace.h: exactly one */
			uint8_t order;  /* of the free block that starts here; else 0 */
			uint16_t flags; /* of a free frame: buddy.h */
		};
		uint64_t mark; /* all four: buddy.h */
	};
	union {                        /* the owner's own, by state */
		uint64_t owner;        /* TF_KALLOC: frames that belong together, in the first */
		struct {               /* TF_ANON, TF_FILE, TF_ZERO */
			uint8_t kind;  /* FRAME_ANON .., as what it is resident */
			uint32_t pins; /* of refs, those of objects' trees; atomic */
		};
		/* TF_PAGETABLE: valid entries, by kind of what they map; of tables, all in [0] */
		uint16_t entries[FRAME_KINDS];
		struct {
			uint16_t cache, used, free;
		} slab; /* TF_SLAB: slab.c */
	};
};
_Static_assert(sizeof(struct frame) <= 32, "at most 32 bytes a frame");

/* Allocation flags. */
#define FRAME_ZEROED 0x1

struct frame *frame_alloc_one(unsigned state);
struct frame *frame_alloc_zeroed(unsigned state);
struct frame *frame_alloc_block(unsigned order, unsigned state, unsigned flags);

/*
 * => the first of 2^order frames, aligned to their size, each with refs 1 and in `state` (not
 *    TF_FREE); NULL when there is none. Contents are undefined unless FRAME_ZEROED. The frames may
 *    be given back one by one.
 */
static inline struct frame *frame_alloc(unsigned order, unsigned state, unsigned flags)
{
	if (order > 0)
		return frame_alloc_block(order, state, flags);
	return flags & FRAME_ZEROED ? frame_alloc_zeroed(state) : frame_alloc_one(state);
}

/* One frame of the pool of cleared ones is cleared. => false: there was no need. */
bool frame_pool_fill(void);

/* => each had refs 1; the block of 2^order frames becomes free. */
void frame_free(struct frame *f, unsigned order);

static inline void frame_get(struct frame *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

/* => references that are leaves of page tables. */
static inline uint32_t frame_leaves(const struct frame *f)
{
	uint32_t refs = __atomic_load_n(&f->refs, __ATOMIC_RELAXED);
	uint32_t pins = __atomic_load_n(&f->pins, __ATOMIC_RELAXED);

	return refs > pins ? refs - pins : 0;
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
	uint64_t usable;          /* not taken for ever at boot: Linux's MemTotal */
	uint64_t reserve;         /* of the free ones, for the kernel alone */
	uint64_t listed, cleared; /* of the free ones, in harts' lists and in the pool */
	uint64_t blocks[FRAME_MAX_ORDER + 1]; /* free blocks, by order */
};
void frame_stats(struct frame_stats *out);
uint64_t frame_total(void);
/* => free frames in the list of that hart, and how many it may hold and gets at once. */
unsigned frame_listed(unsigned hart, unsigned *most, unsigned *batch);

/*
 * => of the frames in free blocks, those in blocks too small for a request of that order, in
 *    thousandths: Linux's unusable free space index.
 */
unsigned frame_unusable(const struct frame_stats *s, unsigned order);

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
/* The same for what allocates while arch_current() is `current`. */
void frame_fail_for(const void *current, uint64_t n);
/* => how many allocations are left until then; 0: it has been, or none is to fail. */
uint64_t frame_fail_left(void);
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
