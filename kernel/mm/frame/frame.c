/*
 * Frames: who has which, and how one is had quickly.
 *
 * RAM is cut into frames of 4 KiB. Each has a descriptor, and at any time exactly
 * one state (TF_* of abi/trace.h), which says who owns it. The free ones are in
 * one of three places:
 *
 *	 frame_alloc(0)  ^   | frame_put
 *	                 |   v
 *	      [ the hart's list, up to 32 ] ... one for each hart
 *	                 ^   | 16 at a time
 *	                 |   v
 *	      [ blocks of 2^k frames ] ---------> frame_alloc(k)         buddy.c
 *	                 |
 *	                 v while the hart idles
 *	      [ cleared frames, up to 64 ] -----> frame_alloc(0, FRAME_ZEROED)
 *
 * A hart's list makes the common case short: one lock that nobody else wants, one
 * array, and a state that is counted by hart. What has been freed last is given
 * out first. A list that is empty is filled from the blocks, one that is full
 * gives half of itself back.
 *
 * The pool of cleared frames spares a program that has just been waited for the
 * clearing of its first pages. Only a hart without a thread fills it, so that it
 * costs nobody any time.
 *
 * Watermark. The last `reserve` frames are for the kernel's own needs (tables,
 * objects, stacks, buffers): while no more than that are free, none becomes a
 * program's memory or a file's contents (TF_ANON, TF_FILE). So a program that
 * has eaten all memory is killed, while others can still make a system call, and
 * it can end. What is left in a hart's own list is outside of this rule.
 *
 * When there is no block, the harts' lists and the pool are given back, and it is
 * tried once more: so a failure means that there really is no memory.
 *
 * Invariants (buddy.c has those of blocks and of single frames):
 *   I1  a frame of a list or of the pool is TF_FREE and FRAME_KEPT, and there is no
 *       other such frame
 *   I2  frames in use in state s, by the table = boot's + the sum over harts of
 *       in_use[s]; a single hart's figure may be negative
 *   I3  frames in use + kept + of blocks = RAM
 * With FRAME_DEBUG, where what is free is poisoned:
 *   I4  a frame of a list holds FRAME_POISON, one of the pool zeroes, when it is
 *       given out
 *
 * Locks. A hart's list has one; buddy_lock, which guards the pool too, is taken
 * inside it. No two lists are locked at once. Interrupts are off in the kernel,
 * so a hart does not meet itself. Only frame_alloc() can fail.
 */
#include "kernel/mm/frame/frame.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/buddy.h"

/* A list is filled with half of what it holds; 16 single frames cost some 250 instructions. */
#define LIST_LEN   32
#define LIST_BATCH (LIST_LEN / 2)

/* What a program touches when it is woken, rather than what it computes with. */
#define POOL_LEN 64

/* The reserve: this part of RAM, within limits. Of 4 MiB 8 frames, of 128 MiB 1 MiB. */
#define RESERVE_PART 128
#define RESERVE_MIN  8
#define RESERVE_MAX  512

struct hart_list {
	struct spinlock lock;
	uint32_t n;
	struct frame *frame[LIST_LEN]; /* the first n */
	int64_t in_use[TF_MAX];        /* allocated here less freed here, by state */
};

static struct hart_list *lists; /* arch_harts() of them */

static struct {
	uint32_t n, size;
	struct frame *frame[POOL_LEN];
} pool; /* under buddy_lock */

static uint64_t nframes, reserve;

#if FRAME_DEBUG
static uint64_t fail_after;
static const void *fail_for;

void frame_fail_after(uint64_t n)
{
	fail_for = NULL;
	fail_after = n;
}

void frame_fail_for(const void *current, uint64_t n)
{
	fail_for = current;
	fail_after = n;
}

uint64_t frame_fail_left(void)
{
	return fail_after;
}

bool frame_fail_now(void)
{
	if (!fail_after || (fail_for && fail_for != arch_current()))
		return false;
	return --fail_after == 0;
}

/* I4, and the frame is to be its owner's. */
static void poison_check(const struct frame *f, uint64_t byte)
{
	const uint64_t *word = frame_kva(f), pattern = byte * 0x0101010101010101UL;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof *word; i++)
		if (word[i] != pattern)
			panic("free frame %lx was written at byte %lu: %lx", frame_pfn(f).v,
			      i * sizeof *word, word[i]);
}

static void poison(const struct frame *f, unsigned order)
{
	memset(frame_kva(f), FRAME_POISON, PAGE_SIZE << order);
}
#else
static void poison_check(const struct frame *f, uint64_t byte)
{
	(void)f, (void)byte;
}

static void poison(const struct frame *f, unsigned order)
{
	(void)f, (void)order;
}
#define FRAME_POISON 0
#endif

/* -- the slow ways ------------------------------------------------------------------------- */

static struct hart_list *list_here(void)
{
	return &lists[arch_hart()];
}

/* buddy_lock held. => frames that may be had for that state. */
static uint64_t frames_for(unsigned state)
{
	uint64_t n = buddy_free() + pool.n;

	if (state != TF_ANON && state != TF_FILE)
		return n;
	return n > reserve ? n - reserve : 0;
}

/* Gives the oldest n frames of a list back to the blocks. buddy_lock and the list's held. */
static void list_give(struct hart_list *h, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		h->frame[i]->flags = 0;
		buddy_give_single(h->frame[i]);
	}
	h->n -= n;
	for (unsigned i = 0; i < h->n; i++)
		h->frame[i] = h->frame[i + n];
}

/* Gives all lists and the pool back to the blocks. No lock held. */
static void lists_drain(void)
{
	for (unsigned i = 0; i < arch_harts(); i++) {
		struct hart_list *h = &lists[i];

		spin_lock(&h->lock);
		spin_lock(&buddy_lock);
		list_give(h, h->n);
		spin_unlock(&buddy_lock);
		spin_unlock(&h->lock);
	}
	spin_lock(&buddy_lock);
	while (pool.n > 0) {
		struct frame *f = pool.frame[--pool.n];

		poison(f, 0);
		f->flags = 0;
		buddy_give_single(f);
	}
	spin_unlock(&buddy_lock);
}

/* The list, which is empty and locked, is filled for an allocation in `state`. => it has any. */
static bool list_fill(struct hart_list *h, unsigned state)
{
	uint64_t room;

	spin_lock(&buddy_lock);
	room = frames_for(state);
	h->n = buddy_take_singles(h->frame, room < LIST_BATCH ? (unsigned)room : LIST_BATCH);
	for (unsigned i = 0; i < h->n; i++)
		h->frame[i]->flags = FRAME_KEPT;
	spin_unlock(&buddy_lock);
	return h->n > 0;
}

/* -- one frame ----------------------------------------------------------------------------- */

/* => f, taken off the list h, which is locked and not empty, for its new owner; unlocks. */
static inline struct frame *list_pop(struct hart_list *h, unsigned state)
{
	struct frame *f = h->frame[--h->n];

	h->in_use[state]++;
	frame_mark(f, 1, state, 0);
	f->owner = 0;
	spin_unlock(&h->lock);
	TRACE(TRACE_FRAME_SET, frame_pfn(f).v, 1, state, 0, 0, 0);
	poison_check(f, FRAME_POISON);
	return f;
}

/* frame_alloc_one() with the hart's list empty; it is locked, and unlocked here. */
static __attribute__((noinline)) struct frame *one_slow(struct hart_list *h, unsigned state)
{
	if (!list_fill(h, state)) {
		spin_unlock(&h->lock);
		lists_drain();
		spin_lock(&h->lock);
		if (h->n == 0 && !list_fill(h, state)) {
			spin_unlock(&h->lock);
			return NULL;
		}
	}
	return list_pop(h, state);
}

/* frame_alloc_one() with the list's lock taken by another hart. */
static __attribute__((noinline)) struct frame *one_waiting(struct hart_list *h, unsigned state)
{
	spin_lock(&h->lock);
	return h->n == 0 ? one_slow(h, state) : list_pop(h, state);
}

/* What is rare ends this function, so that it has no register to save. */
struct frame *frame_alloc_one(unsigned state)
{
	struct hart_list *h;

	if (frame_fail_now())
		return NULL;
	h = list_here();
	if (__builtin_expect(!spin_trylock(&h->lock), 0))
		return one_waiting(h, state);
	if (__builtin_expect(h->n == 0, 0))
		return one_slow(h, state);
	return list_pop(h, state);
}

/* => a frame of the pool; NULL: it is empty, or the memory that is left is not for this state. */
static __attribute__((noinline)) struct frame *pool_take(unsigned state)
{
	struct hart_list *h = list_here();
	struct frame *f = NULL;

	if (frame_fail_now())
		return NULL;
	spin_lock(&h->lock);
	spin_lock(&buddy_lock);
	if (pool.n > 0 && frames_for(state) > 0) {
		f = pool.frame[--pool.n];
		h->in_use[state]++;
		frame_mark(f, 1, state, 0);
		f->owner = 0;
	}
	spin_unlock(&buddy_lock);
	spin_unlock(&h->lock);
	if (f) {
		TRACE(TRACE_FRAME_SET, frame_pfn(f).v, 1, state, 0, 0, 0);
		poison_check(f, 0);
	}
	return f;
}

struct frame *frame_alloc_zeroed(unsigned state)
{
	struct frame *f;

	if (__builtin_expect(pool.n > 0, 0)) {
		f = pool_take(state);
		if (f)
			return f;
	}
	f = frame_alloc_one(state);
	if (f)
		arch_page_clear(frame_kva(f));
	return f;
}

static __attribute__((noinline)) void list_spill(struct hart_list *h)
{
	spin_lock(&buddy_lock);
	list_give(h, LIST_BATCH);
	spin_unlock(&buddy_lock);
}

void frame_release(struct frame *f)
{
	unsigned state = f->state;
	struct hart_list *h;

	CHECK3(state, !=, TF_FREE);
	poison(f, 0);
	TRACE(TRACE_FRAME_SET, frame_pfn(f).v, 1, TF_FREE, 0, 0, 0);
	h = list_here();
	spin_lock(&h->lock);
	if (__builtin_expect(h->n == LIST_LEN, 0))
		list_spill(h);
	h->in_use[state]--;
	frame_mark(f, 0, TF_FREE, FRAME_KEPT);
	h->frame[h->n++] = f;
	spin_unlock(&h->lock);
}

bool frame_pool_fill(void)
{
	struct frame *f;
	bool wanted;

	spin_lock(&buddy_lock);
	wanted = pool.n < pool.size && buddy_free() > 2 * reserve + pool.size &&
		 buddy_take_singles(&f, 1) == 1;
	if (wanted)
		f->flags = FRAME_KEPT;
	spin_unlock(&buddy_lock);
	if (!wanted)
		return false;
	/* here: f is free, but in no list: nobody else knows it */
	poison_check(f, FRAME_POISON);
	arch_page_clear(frame_kva(f));
	spin_lock(&buddy_lock);
	if (pool.n < pool.size) {
		pool.frame[pool.n++] = f;
	} else { /* another hart was faster */
		poison(f, 0);
		f->flags = 0;
		buddy_give_single(f);
	}
	spin_unlock(&buddy_lock);
	return true;
}

/* -- blocks -------------------------------------------------------------------------------- */

static struct frame *block_take(unsigned order, unsigned state)
{
	struct frame *f = NULL;

	spin_lock(&buddy_lock);
	if (frames_for(state) >= 1UL << order)
		f = buddy_take(order);
	spin_unlock(&buddy_lock);
	return f;
}

static void in_use_add(unsigned state, int64_t n)
{
	struct hart_list *h = list_here();

	spin_lock(&h->lock);
	h->in_use[state] += n;
	spin_unlock(&h->lock);
}

struct frame *frame_alloc_block(unsigned order, unsigned state, unsigned flags)
{
	struct frame *f;

	CHECK3(order, <=, FRAME_MAX_ORDER);
	if (frame_fail_now())
		return NULL;
	f = block_take(order, state);
	if (!f) {
		lists_drain();
		f = block_take(order, state);
	}
	if (!f)
		return NULL;
	in_use_add(state, 1L << order);
	TRACE(TRACE_FRAME_SET, frame_pfn(f).v, 1UL << order, state, 0, 0, 0);
	for (uint64_t i = 0; i < 1UL << order; i++) {
		frame_mark(f + i, 1, state, 0);
		f[i].owner = 0;
		poison_check(f + i, FRAME_POISON);
		if (flags & FRAME_ZEROED)
			arch_page_clear(frame_kva(f + i));
	}
	return f;
}

void frame_free(struct frame *f, unsigned order)
{
	unsigned state = f->state;

	CHECK3(f->refs, ==, 1);
	if (order == 0) {
		frame_release(f);
		return;
	}
	CHECK3(frame_pfn(f).v & ((1UL << order) - 1), ==, 0);
	CHECK3(state, !=, TF_FREE);
	poison(f, order);
	TRACE(TRACE_FRAME_SET, frame_pfn(f).v, 1UL << order, TF_FREE, 0, 0, 0);
	for (uint64_t i = 0; i < 1UL << order; i++) {
		CHECK3(f[i].state, ==, state);
		frame_mark(f + i, 0, TF_FREE, 0);
	}
	in_use_add(state, -(1L << order));
	spin_lock(&buddy_lock);
	buddy_give(f, order);
	spin_unlock(&buddy_lock);
}

struct frame *frame_of(pfn_t pfn)
{
	if (pfn.v < frame_first || pfn.v - frame_first >= nframes)
		return NULL;
	return buddy_frame(pfn.v);
}

/* -- figures ------------------------------------------------------------------------------- */

uint64_t frame_total(void)
{
	return nframes;
}

unsigned frame_listed(unsigned hart, unsigned *most, unsigned *batch)
{
	*most = LIST_LEN;
	*batch = LIST_BATCH;
	return lists[hart].n;
}

/* Frames in `state`, which is not TF_FREE. */
static uint64_t frames_in(unsigned state)
{
	int64_t n = (int64_t)buddy_reserved(state);

	for (unsigned i = 0; i < arch_harts(); i++)
		n += __atomic_load_n(&lists[i].in_use[state], __ATOMIC_RELAXED);
	return n > 0 ? (uint64_t)n : 0;
}

void frame_stats(struct frame_stats *out)
{
	uint64_t used = 0;

	memset(out, 0, sizeof *out);
	for (unsigned s = 0; s < TF_MAX; s++) {
		if (s == TF_FREE)
			continue;
		out->by_state[s] = frames_in(s);
		used += out->by_state[s];
	}
	out->total = nframes;
	out->free = used < nframes ? nframes - used : 0;
	out->by_state[TF_FREE] = out->free;
	out->usable = nframes - out->by_state[TF_RESERVED] - out->by_state[TF_KERNEL] -
		      out->by_state[TF_METADATA];
	out->reserve = reserve;
	spin_lock(&buddy_lock);
	buddy_orders(out->blocks);
	out->cleared = pool.n;
	spin_unlock(&buddy_lock);
	for (unsigned i = 0; i < arch_harts(); i++)
		out->listed += lists[i].n;
}

unsigned frame_unusable(const struct frame_stats *s, unsigned order)
{
	uint64_t free = 0, usable = 0;

	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++) {
		free += s->blocks[k] << k;
		usable += k >= order ? s->blocks[k] << k : 0;
	}
	return free ? (unsigned)((free - usable) * 1000 / free) : 0;
}

/* -- boot ---------------------------------------------------------------------------------- */

void frame_init(paddr_t ram_start, paddr_t ram_end)
{
	uint64_t start = ROUND_UP(ram_start.v, PAGE_SIZE) >> PAGE_SHIFT;

	buddy_init(start, ram_end.v >> PAGE_SHIFT);
	nframes = (ram_end.v >> PAGE_SHIFT) - start;
	reserve = nframes / RESERVE_PART;
	reserve = reserve < RESERVE_MIN ? RESERVE_MIN : reserve;
	reserve = reserve > RESERVE_MAX ? RESERVE_MAX : reserve;
	pool.n = 0;
	pool.size = nframes / POOL_LEN < POOL_LEN ? (uint32_t)(nframes / POOL_LEN) : POOL_LEN;
}

void frame_seed(uint64_t seed)
{
	buddy_seed(seed);
}

void frame_reserve(paddr_t start, paddr_t end, unsigned state)
{
	CHECK(!frame_is_ready());
	buddy_reserve(start.v >> PAGE_SHIFT, ROUND_UP(end.v, PAGE_SIZE) >> PAGE_SHIFT, state);
}

bool frame_is_ready(void)
{
	return frame_table != NULL;
}

void frame_ready(void)
{
	lists = buddy_ready(arch_harts() * sizeof *lists);
}

/* -- check --------------------------------------------------------------------------------- */

void frame_check(void)
{
	uint64_t by_state[TF_MAX] = {0}, kept = 0, sum = 0, found;

	for (unsigned i = 0; i < arch_harts(); i++) {
		spin_lock(&lists[i].lock);
		kept += lists[i].n;
		for (unsigned j = 0; j < lists[i].n; j++) { /* I1 */
			CHECK3(lists[i].frame[j]->state, ==, TF_FREE);
			CHECK3(lists[i].frame[j]->flags, ==, FRAME_KEPT);
		}
		spin_unlock(&lists[i].lock);
	}
	spin_lock(&buddy_lock);
	kept += pool.n;
	for (unsigned j = 0; j < pool.n; j++) {
		CHECK3(pool.frame[j]->state, ==, TF_FREE);
		CHECK3(pool.frame[j]->flags, ==, FRAME_KEPT);
	}
	found = buddy_check(by_state);
	CHECK3(found, ==, kept);
	for (unsigned s = 0; s < TF_MAX; s++) {
		CHECK3(by_state[s], ==, s == TF_FREE ? 0 : frames_in(s)); /* I2 */
		sum += by_state[s];
	}
	CHECK3(sum + kept + buddy_free(), ==, nframes); /* I3 */
	spin_unlock(&buddy_lock);
}
