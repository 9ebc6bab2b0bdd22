/*
 * Frames and the buddy allocator.
 *
 * Terms. RAM is cut into frames of 4 KiB. A *block* of order k is 2^k frames,
 * aligned to its own size; its *buddy* is the block of the same order with
 * which it makes up one of order k + 1 (their numbers differ in bit k alone).
 * Free memory is a set of free blocks, each on the list of its order. An
 * allocation takes a block and halves it until it fits; a free joins a block
 * with its buddy as long as that is free too (K. Knowlton, CACM 8(10), 1965).
 *
 *      order 2  [ 4 5 6 7 ]
 *      order 1  [ 4 5 ] [ 6 7 ]          allocate 1 frame:  4
 *      order 0  [ 4 ] [ 5 ]              lists then hold    5, [6 7]
 *
 * Most requests are for one frame. So blocks of order 0 are not joined when they
 * are freed, but all at once, when a larger block is wanted and there is none
 * (a lazy buddy system); and a block that is halved for one frame is cut into
 * single frames from BATCH_ORDER down.
 *
 * The frame table has one `struct frame` for each frame of RAM. Writing all of
 * it at boot would take time in proportion to RAM, so it is written chunk by
 * chunk: a *chunk* is an aligned block of the largest order, 1024 frames, which
 * no free block ever crosses. A chunk is *ready* when its descriptors are
 * written and its free frames are on lists. The allocator makes chunks ready
 * one at a time, as it runs dry. What the frame table's own memory held before
 * does not matter.
 *
 * What is in use at boot (firmware, image, RAM disk, ...) is a short sorted
 * list of ranges, which says what a chunk's descriptors are to hold.
 *
 * Placement. Of two halves either may be kept, of a list either end may be
 * taken, and any chunk may come first: bits that follow from the seed decide.
 *
 * Invariants (of ready chunks; the others are all free or all of one range):
 *   I1  refs = 0 if and only if state is TF_FREE
 *   I2  a free block is on free[order], its first frame has FRAME_HEAD and its
 *       order; no other frame of it has FRAME_HEAD
 *   I3  a free block is aligned to its size, and all its frames are TF_FREE
 *   I4  a free block's buddy is not a free block of the same order, but for order 0
 *   I5  every free frame lies in exactly one free block
 *   I6  by_state[s] counts the frames in state s, of all chunks; the sum is RAM
 *
 * Locks. `zone.lock` guards all but refs, which is atomic: a frame in use is
 * its owner's. It is the innermost lock but the console's, and must not be
 * taken in interrupt handlers. Only frame_alloc() can fail.
 */
#include "kernel/mm/frame/frame.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/lib/trace.h"

#define CHUNK_SHIFT  FRAME_MAX_ORDER
#define CHUNK_FRAMES (1UL << CHUNK_SHIFT)

/* Eight frames at a time: halving then costs some 15 instructions a frame, of 60 one by one. */
#define BATCH_ORDER 3

/* Ranges in use at boot: image, tables, initrd, device tree, and some 20 of the firmware's. */
#define MAX_RANGES 48

struct range {
	uint64_t start, end; /* frame numbers */
	unsigned state;
};

static struct zone {
	struct spinlock lock;
	uint64_t start, end; /* frame numbers of RAM */
	struct list_node free[FRAME_MAX_ORDER + 1];

	uint64_t *ready;      /* one bit a chunk */
	uint64_t first_chunk; /* number of the chunk that holds `start` */
	uint64_t nchunks, nready;
	uint64_t next_chunk; /* index of the one to be made ready next; wraps around */

	uint64_t by_state[TF_MAX];
	uint64_t rng, bits; /* placement: a generator, and what is left of its last number */

	struct range ranges[MAX_RANGES]; /* by address, apart from each other */
	unsigned nranges;
} zone;

/* The table starts with the frame `zone.start`; NULL until frame_ready(). */
struct frame *frame_table;
uint64_t frame_first;

#if FRAME_DEBUG
static uint64_t fail_after;

void frame_fail_after(uint64_t n)
{
	fail_after = n;
}

bool frame_fail_now(void)
{
	return fail_after && --fail_after == 0;
}
#endif

/* -- descriptors --------------------------------------------------------------------------- */

static struct frame *frame_at(uint64_t pfn)
{
	return frame_in_use(PFN(pfn));
}

static void state_count(unsigned from, unsigned to, uint64_t n)
{
	zone.by_state[from] -= n;
	zone.by_state[to] += n;
}

/* One bit that follows from the seed (xorshift64: G. Marsaglia, 2003). */
static bool placement_bit(void)
{
	bool bit;

	/* The leading 1 marks the end of the number. */
	if (__builtin_expect(zone.bits <= 1, 0)) {
		zone.rng ^= zone.rng << 13;
		zone.rng ^= zone.rng >> 7;
		zone.rng ^= zone.rng << 17;
		zone.bits = zone.rng | 1UL << 63;
	}
	bit = zone.bits & 1;
	zone.bits >>= 1;
	return bit;
}

/* -- blocks, under the lock ---------------------------------------------------------------- */

static void block_link(struct frame *f, unsigned order)
{
	f->order = (uint8_t)order;
	f->flags = FRAME_HEAD;
	list_add(&zone.free[order], &f->link);
}

static void block_unlink(struct frame *f)
{
	list_remove(&f->link);
	f->flags = 0;
	f->order = 0;
}

/* => the block of free frames at pfn is on a list, joined with its buddies. */
static void block_free(uint64_t pfn, unsigned order)
{
	for (; order < FRAME_MAX_ORDER; order++) {
		uint64_t buddy = pfn ^ (1UL << order);
		struct frame *b;

		if (buddy < zone.start || buddy >= zone.end)
			break;
		b = frame_at(buddy);
		if (!(b->flags & FRAME_HEAD) || b->order != order)
			break;
		block_unlink(b);
		pfn &= ~(1UL << order);
	}
	block_link(frame_at(pfn), order);
}

/* Frees [start, end), which lies in one chunk, as the fewest blocks. */
static void run_free(uint64_t start, uint64_t end)
{
	while (start < end) {
		unsigned order = 0;

		while (order < FRAME_MAX_ORDER && (start & (1UL << order)) == 0 &&
		       start + (2UL << order) <= end)
			order++;
		block_link(frame_at(start), order);
		start += 1UL << order;
	}
}

static bool chunk_is_ready(uint64_t index)
{
	return zone.ready[index / 64] >> (index % 64) & 1;
}

/* Writes the chunk's descriptors and frees what no range claims. => it was not ready. */
static void chunk_init(uint64_t index)
{
	uint64_t start = (zone.first_chunk + index) << CHUNK_SHIFT, end = start + CHUNK_FRAMES;
	uint64_t at;

	start = start < zone.start ? zone.start : start;
	end = end > zone.end ? zone.end : end;
	for (uint64_t pfn = start; pfn < end; pfn++) {
		struct frame *f = frame_at(pfn);

		f->refs = 0;
		f->state = TF_FREE;
		f->order = 0;
		f->flags = 0;
	}
	at = start;
	for (unsigned i = 0; i < zone.nranges; i++) {
		struct range r = zone.ranges[i];

		r.start = r.start < start ? start : r.start;
		r.end = r.end > end ? end : r.end;
		if (r.start >= r.end)
			continue;
		run_free(at, r.start);
		for (at = r.start; at < r.end; at++) {
			frame_at(at)->refs = 1;
			frame_at(at)->state = (uint8_t)r.state;
			frame_at(at)->owner = 0;
		}
	}
	run_free(at, end);
	zone.ready[index / 64] |= 1UL << (index % 64);
	zone.nready++;
}

/* => false: all chunks are ready. */
static bool chunk_next(void)
{
	if (zone.nready == zone.nchunks)
		return false;
	while (chunk_is_ready(zone.next_chunk))
		zone.next_chunk = zone.next_chunk + 1 == zone.nchunks ? 0 : zone.next_chunk + 1;
	chunk_init(zone.next_chunk);
	return true;
}

/* => either end of a list that is not empty, taken off it. */
static struct frame *list_take(struct list_node *list)
{
	struct frame *f =
	    container_of(placement_bit() ? list->next : list->prev, struct frame, link);

	block_unlink(f);
	return f;
}

/* Joins all single frames with their buddies, as far as those are free. */
static void singles_join(void)
{
	struct list_node todo;

	if (list_is_empty(&zone.free[0]))
		return;
	/* The whole list moves to `todo`; block_free() takes a buddy off either list alike. */
	list_add(&zone.free[0], &todo);
	list_remove(&zone.free[0]);
	list_init(&zone.free[0]);
	while (!list_is_empty(&todo)) {
		struct frame *f = container_of(todo.next, struct frame, link);

		block_unlink(f);
		block_free(frame_pfn(f).v, 0);
	}
}

/* Cuts a block of at most BATCH_ORDER, on no list, into single frames. => one of them. */
static struct frame *block_cut(struct frame *f, unsigned order)
{
	uint64_t n = 1UL << order, pick = 0;

	for (unsigned i = 0; i < order; i++)
		pick = pick << 1 | placement_bit();
	for (uint64_t i = 0; i < n; i++)
		if (i != pick)
			block_link(f + i, 0);
	return f + pick;
}

/* => a block of that order, on no list, made by halving larger ones; NULL: none. */
static __attribute__((noinline)) struct frame *block_take(unsigned order)
{
	struct frame *f;
	unsigned k = order;
	bool joined = order == 0;

	while (list_is_empty(&zone.free[k])) {
		if (++k <= FRAME_MAX_ORDER)
			continue;
		if (!chunk_next()) {
			if (joined)
				return NULL;
			singles_join();
			joined = true;
		}
		k = order;
	}
	f = list_take(&zone.free[k]);
	while (k > order) { /* here: f is a block of order k, on no list */
		if (order == 0 && k <= BATCH_ORDER)
			return block_cut(f, k);
		struct frame *half = f + (1UL << --k);

		if (placement_bit()) {
			block_link(f, k);
			f = half;
		} else {
			block_link(half, k);
		}
	}
	return f;
}

/* -- the calls ----------------------------------------------------------------------------- */

/*
 * The two sides of a block's life, inline so that the compiler makes a version of each for single
 * frames, which every page fault needs.
 */
static inline __attribute__((always_inline)) struct frame *block_alloc(unsigned order,
								       unsigned state)
{
	struct frame *f;

	spin_lock(&zone.lock);
	if (!list_is_empty(&zone.free[order]))
		f = list_take(&zone.free[order]);
	else
		f = block_take(order);
	if (f) {
		state_count(TF_FREE, state, 1UL << order);
		for (uint64_t i = 0; i < 1UL << order; i++) {
			f[i].refs = 1;
			f[i].state = (uint8_t)state;
			f[i].owner = 0;
		}
		TRACE(TRACE_FRAME_SET, frame_pfn(f).v, 1UL << order, state, 0, 0, 0);
	}
	spin_unlock(&zone.lock);
	return f;
}

/* => the last references are gone already, and the block is the caller's alone. */
static inline __attribute__((always_inline)) void block_release(struct frame *f, unsigned order)
{
	uint64_t pfn = frame_pfn(f).v;
	unsigned state = f->state;

	CHECK3(pfn & ((1UL << order) - 1), ==, 0);
	CHECK3(state, !=, TF_FREE);
#if FRAME_DEBUG
	memset(frame_kva(f), FRAME_POISON, PAGE_SIZE << order);
#endif
	spin_lock(&zone.lock);
	for (uint64_t i = 0; i < 1UL << order; i++) {
		CHECK3(f[i].state, ==, state);
		f[i].refs = 0;
		f[i].state = TF_FREE;
	}
	state_count(state, TF_FREE, 1UL << order);
	TRACE(TRACE_FRAME_SET, pfn, 1UL << order, TF_FREE, 0, 0, 0);
	if (order == 0)
		block_link(f, 0);
	else
		block_free(pfn, order);
	spin_unlock(&zone.lock);
}

struct frame *frame_alloc(unsigned order, unsigned state, unsigned flags)
{
	struct frame *f;

	CHECK3(order, <=, FRAME_MAX_ORDER);
	if (frame_fail_now())
		return NULL;
	f = order == 0 ? block_alloc(0, state) : block_alloc(order, state);
	if (f && flags & FRAME_ZEROED) {
		char *kva = frame_kva(f);

		for (uint64_t i = 0; i < 1UL << order; i++)
			arch_page_clear(kva + i * PAGE_SIZE);
	}
	return f;
}

void frame_free(struct frame *f, unsigned order)
{
	CHECK3(f->refs, ==, 1);
	block_release(f, order);
}

void frame_release(struct frame *f)
{
	block_release(f, 0);
}

struct frame *frame_of(pfn_t pfn)
{
	uint64_t index;

	if (pfn.v < zone.start || pfn.v >= zone.end)
		return NULL;
	index = (pfn.v >> CHUNK_SHIFT) - zone.first_chunk;
	if (!chunk_is_ready(index)) {
		spin_lock(&zone.lock);
		if (!chunk_is_ready(index))
			chunk_init(index);
		spin_unlock(&zone.lock);
	}
	return frame_at(pfn.v);
}

void frame_stats(struct frame_stats *out)
{
	spin_lock(&zone.lock);
	out->total = zone.end - zone.start;
	out->free = zone.by_state[TF_FREE];
	memcpy(out->by_state, zone.by_state, sizeof out->by_state);
	spin_unlock(&zone.lock);
}

/* -- boot ---------------------------------------------------------------------------------- */

void frame_init(paddr_t ram_start, paddr_t ram_end)
{
	memset(&zone, 0, sizeof zone);
	frame_table = NULL;
	zone.start = ROUND_UP(ram_start.v, PAGE_SIZE) >> PAGE_SHIFT;
	frame_first = zone.start;
	zone.end = ram_end.v >> PAGE_SHIFT;
	CHECK3(zone.start, <, zone.end);
	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++)
		list_init(&zone.free[k]);
	zone.first_chunk = zone.start >> CHUNK_SHIFT;
	zone.nchunks = ((zone.end - 1) >> CHUNK_SHIFT) - zone.first_chunk + 1;
	zone.by_state[TF_FREE] = zone.end - zone.start;
	frame_seed(0);
}

void frame_seed(uint64_t seed)
{
	/* An odd multiplier (2^64 over the golden ratio) spreads small seeds; 0 would stay 0. */
	zone.rng = (seed + 1) * 0x9e3779b97f4a7c15UL;
	zone.rng = zone.rng ? zone.rng : 1;
	zone.bits = 0;
	zone.next_chunk = (zone.rng >> 32) % zone.nchunks;
}

/* Puts [start, end), which touches no other range, in its place. */
static void range_insert(uint64_t start, uint64_t end, unsigned state)
{
	unsigned i = zone.nranges;

	CHECK3(zone.nranges, <, MAX_RANGES);
	for (; i > 0 && zone.ranges[i - 1].start > start; i--)
		zone.ranges[i] = zone.ranges[i - 1];
	zone.ranges[i] = (struct range){start, end, state};
	zone.nranges++;
	state_count(TF_FREE, state, end - start);
}

void frame_reserve(paddr_t start, paddr_t end, unsigned state)
{
	uint64_t at = start.v >> PAGE_SHIFT, stop = ROUND_UP(end.v, PAGE_SIZE) >> PAGE_SHIFT;

	CHECK(!frame_is_ready());
	at = at < zone.start ? zone.start : at;
	stop = stop > zone.end ? zone.end : stop;
	for (unsigned i = 0; i < zone.nranges && at < stop; i++) {
		struct range r = zone.ranges[i];

		if (r.end <= at)
			continue;
		if (r.start >= stop)
			break;
		if (at < r.start) /* the new range takes index i, and r is met again */
			range_insert(at, r.start, state);
		at = r.end > at ? r.end : at;
	}
	if (at < stop)
		range_insert(at, stop, state);
}

/* => the lowest run of n frames that no range claims; stops the kernel if there is none. */
static uint64_t hole_find(uint64_t n)
{
	uint64_t at = zone.start;

	for (unsigned i = 0; i < zone.nranges && zone.ranges[i].start < at + n; i++)
		at = zone.ranges[i].end;
	if (at + n > zone.end)
		panic("no room for the frame table: %lu frames of %lu", n, zone.end - zone.start);
	return at;
}

bool frame_is_ready(void)
{
	return frame_table != NULL;
}

void frame_ready(void)
{
	uint64_t nframes = zone.end - zone.start;
	uint64_t table_len = nframes * sizeof(struct frame);
	uint64_t bitmap_len = (zone.nchunks + 63) / 64 * sizeof(uint64_t);
	uint64_t n = (table_len + bitmap_len + PAGE_MASK) >> PAGE_SHIFT;
	uint64_t pfn = hole_find(n);

	range_insert(pfn, pfn + n, TF_METADATA);
	frame_table = arch_kva(pfn_paddr(PFN(pfn)));
	zone.ready = (uint64_t *)((char *)frame_table + table_len);
	memset(zone.ready, 0, bitmap_len);
	TRACE(TRACE_HELLO, TRACE_VERSION, zone.start, nframes, 0, 0, 0);
	for (unsigned i = 0; i < zone.nranges; i++) {
		struct range r = zone.ranges[i];

		TRACE(TRACE_FRAME_SET, r.start, r.end - r.start, r.state, 0, 0, 0);
	}
}

/* -- check --------------------------------------------------------------------------------- */

/* Counts a chunk's frames by state. I1, and I2 to I5 seen from the frames. */
static void chunk_check(uint64_t index, uint64_t by_state[TF_MAX])
{
	uint64_t pfn = (zone.first_chunk + index) << CHUNK_SHIFT, end = pfn + CHUNK_FRAMES;

	pfn = pfn < zone.start ? zone.start : pfn;
	end = end > zone.end ? zone.end : end;
	while (pfn < end) {
		struct frame *f = frame_at(pfn);
		uint64_t n, buddy;

		CHECK3(f->state, <, TF_MAX);
		CHECK3(f->refs == 0, ==, f->state == TF_FREE); /* I1 */
		if (f->state != TF_FREE) {
			CHECK3(f->flags, ==, 0);
			by_state[f->state]++;
			pfn++;
			continue;
		}
		CHECK3(f->flags, ==, FRAME_HEAD); /* I5: not inside another block */
		CHECK3(f->order, <=, FRAME_MAX_ORDER);
		n = 1UL << f->order;
		CHECK3(pfn & (n - 1), ==, 0); /* I3 */
		CHECK3(pfn + n, <=, end);
		for (uint64_t i = 1; i < n; i++) {
			CHECK3(f[i].state, ==, TF_FREE);
			CHECK3(f[i].flags, ==, 0);
		}
		buddy = pfn ^ n;
		if (f->order > 0 && f->order < FRAME_MAX_ORDER && buddy >= zone.start &&
		    buddy < zone.end) /* I4 */
			CHECK(!(frame_at(buddy)->flags & FRAME_HEAD) ||
			      frame_at(buddy)->order != f->order);
		by_state[TF_FREE] += n;
		pfn += n;
	}
}

void frame_check(void)
{
	uint64_t by_state[TF_MAX] = {0}, nlisted = 0, nready_free, sum = 0;

	spin_lock(&zone.lock);
	for (uint64_t i = 0; i < zone.nchunks; i++)
		if (chunk_is_ready(i))
			chunk_check(i, by_state);
	nready_free = by_state[TF_FREE];
	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++) {
		list_for_each (it, &zone.free[k]) { /* I2 */
			struct frame *f = container_of(it, struct frame, link);

			CHECK3(f->order, ==, k);
			CHECK3(f->flags, ==, FRAME_HEAD);
			CHECK3(it->next->prev == it, ==, true);
			nlisted += 1UL << k;
		}
	}
	CHECK3(nlisted, ==, nready_free); /* I5 */
	for (uint64_t i = 0; i < zone.nchunks; i++) {
		uint64_t pfn = (zone.first_chunk + i) << CHUNK_SHIFT, end = pfn + CHUNK_FRAMES;
		uint64_t at = pfn < zone.start ? zone.start : pfn;

		if (chunk_is_ready(i))
			continue;
		end = end > zone.end ? zone.end : end;
		by_state[TF_FREE] += end - at;
		for (unsigned j = 0; j < zone.nranges; j++) {
			struct range r = zone.ranges[j];
			uint64_t lo = r.start < at ? at : r.start, hi = r.end > end ? end : r.end;

			if (lo < hi) {
				by_state[TF_FREE] -= hi - lo;
				by_state[r.state] += hi - lo;
			}
		}
	}
	for (unsigned s = 0; s < TF_MAX; s++) { /* I6 */
		CHECK3(by_state[s], ==, zone.by_state[s]);
		sum += by_state[s];
	}
	CHECK3(sum, ==, zone.end - zone.start);
	spin_unlock(&zone.lock);
}
