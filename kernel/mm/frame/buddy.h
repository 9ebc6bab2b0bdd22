/*
 * The buddy allocator, for frame.c alone: free blocks of 2^order frames. Theory and invariants:
 * buddy.c. All calls are for the holder of buddy_lock, but for buddy_frame().
 */
#ifndef KERNEL_BUDDY_H
#define KERNEL_BUDDY_H

#include "kernel/lib/lock.h"
#include "kernel/mm/frame/frame.h"

extern struct spinlock buddy_lock;

/* What frame.flags says. */
#define FRAME_HEAD  0x1 /* first frame of a free block */
#define FRAME_FRESH 0x2 /* the block is on the list `fresh` */
#define FRAME_KEPT  0x4 /* free, but in no block: in a list of frame.c's */

/* Sets all four at once; the order is 0. */
static inline void frame_mark(struct frame *f, uint32_t refs, unsigned state, unsigned flags)
{
	f->mark = (uint64_t)flags << 48 | (uint64_t)state << 32 | refs;
}
_Static_assert(offsetof(struct frame, state) == offsetof(struct frame, mark) + 4 &&
		   offsetof(struct frame, flags) == offsetof(struct frame, mark) + 6,
	       "frame_mark()");

/*
 * Boot: RAM is the frames [start, end). buddy_reserve(): [start, end), which touches no other
 * range, is in use. => buddy_ready(): as frame_ready(), and `extra` bytes more behind the table.
 */
void buddy_init(uint64_t start, uint64_t end);
void buddy_seed(uint64_t seed);
void buddy_reserve(uint64_t start, uint64_t end, unsigned state);
void *buddy_ready(size_t extra);

/* => the descriptor of a frame of RAM, which is initialised now. Takes the lock itself. */
struct frame *buddy_frame(uint64_t pfn);

/* => a block of that order, in no list; NULL: there is none. */
struct frame *buddy_take(unsigned order);
/* => how many single frames out[] has now: n, or as many as there are. */
unsigned buddy_take_singles(struct frame **out, unsigned n);
/* The frames are TF_FREE, and in no list. */
void buddy_give(struct frame *f, unsigned order);
void buddy_give_single(struct frame *f);

/* Frames in blocks, and in chunks that are not ready yet. */
uint64_t buddy_free(void);
/* Of the boot's ranges. */
uint64_t buddy_reserved(unsigned state);
void buddy_orders(uint64_t nblocks[FRAME_MAX_ORDER + 1]);

/*
 * Checks all blocks and all frames. Adds the frames in use to by_state[]; => those that are kept.
 */
uint64_t buddy_check(uint64_t by_state[TF_MAX]);

#endif
