/*
 * The buddy allocator.
 *
 * Terms. A *block* of order k is 2^k frames, aligned to its own size; its
 * *buddy* is the block of the same order with which it makes up one of order
 * k + 1 (their numbers differ in bit k alone). Free memory is a set of free
 * blocks, each on the list of its order. An allocation takes a block and halves
 * it until it fits; a free joins a block with its buddy as long as that is free
 * too (K. Knowlton, CACM 8(10), 1965).
 *
 *      order 2  [ 4 5 6 7 ]
 *      order 1  [ 4 5 ] [ 6 7 ]          allocate 1 frame:  4
 *      order 0  [ 4 ] [ 5 ]              lists then hold    5, [6 7]
 *
 * Most requests are for single frames, and most of those come back soon. So a
 * single frame that is freed is not joined at once, but put on the list `fresh`,
 * and all of that list is joined when a larger block is wanted and there is none
 * (a lazy buddy system). What could not be joined then goes to the list of order
 * 0 and is not tried again: only a fresh frame can be the buddy that it lacks.
 * So each free pays for one attempt at most. And a block that is halved for
 * single frames is cut into them at once, from BATCH_ORDER down.
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
 *   I2  a free block is on the list of its order, or on `fresh`; its first frame
 *       has FRAME_HEAD and its order; no other frame of it has either.
 *       FRAME_FRESH marks those of `fresh`
 *   I3  a free block is aligned to its size, and all its frames are TF_FREE
 *   I4  a free block's buddy is not a free block of the same order, unless one of
 *       the two is on `fresh`
 *   I5  every free frame lies in exactly one free block, or is FRAME_KEPT
 *   I6  nblocks[k] counts the blocks of order k, fresh ones too; nfree counts the
 *       frames in them, and those free in chunks that are not ready
 *
 * Locks. buddy_lock guards all but refs, which is atomic: a frame in use is its
 * owner's. It is the innermost lock but the console's, and must not be taken in
 * interrupt handlers.
 */
#include "kernel/mm/frame/buddy.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"

#define CHUNK_SHIFT  FRAME_MAX_ORDER
#define CHUNK_FRAMES (1UL << CHUNK_SHIFT)

/* Sixteen frames at a time, which is what a hart's list is filled with (frame.c). */
#define BATCH_ORDER 4

/* Ranges in use at boot: image, tables, initrd, device tree, and some 20 of the firmware's. */
#define MAX_RANGES 48

struct range {
	uint64_t start, end; /* frame numbers */
	unsigned state;
};

static struct zone {
	uint64_t start, end; /* frame numbers of RAM */
	uint64_t nfree;
	struct list_node free[FRAME_MAX_ORDER + 1];
	uint64_t nblocks[FRAME_MAX_ORDER + 1];
	struct list_node fresh; /* of order 0: not yet tried to be joined */

	uint64_t *ready;      /* one bit a chunk */
	uint64_t first_chunk; /* number of the chunk that holds `start` */
	uint64_t nchunks, nready;
	uint64_t next_chunk; /* index of the one to be made ready next; wraps around */

	uint64_t rng, bits; /* placement: a generator, and what is left of its last number */

	struct range ranges[MAX_RANGES]; /* by address, apart from each other */
	unsigned nranges;
	uint64_t reserved[TF_MAX]; /* frames of ranges, by state */
} zone;

struct spinlock buddy_lock;

/* The table starts with the frame `zone.start`; NULL until buddy_ready(). */
struct frame *frame_table;
uint64_t frame_first;

static struct frame *frame_at(uint64_t pfn)
{
	return frame_in_use(PFN(pfn));
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

/* -- blocks -------------------------------------------------------------------------------- */

static void block_link(struct frame *f, unsigned order, struct list_node *list)
{
	f->order = (uint8_t)order;
	f->flags = FRAME_HEAD;
	list_add(list, &f->link);
	zone.nblocks[order]++;
}

static void block_unlink(struct frame *f)
{
	zone.nblocks[f->order]--;
	list_remove(&f->link);
	f->flags = 0;
	f->order = 0;
}

/* => the block of free frames at pfn is on a list, joined with its buddies. */
static void block_join(uint64_t pfn, unsigned order)
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
	block_link(frame_at(pfn), order, &zone.free[order]);
}

/* => either end of a list that is not empty, taken off it. */
static struct frame *list_take(struct list_node *list)
{
	struct frame *f =
	    container_of(placement_bit() ? list->next : list->prev, struct frame, link);

	block_unlink(f);
	return f;
}

/* Joins all fresh frames with their buddies, as far as those are free. => there were any. */
static bool fresh_join(void)
{
	struct list_node todo;

	if (list_is_empty(&zone.fresh))
		return false;
	/* The whole list moves to `todo`; block_join() takes a buddy off either list alike. */
	list_add(&zone.fresh, &todo);
	list_remove(&zone.fresh);
	list_init(&zone.fresh);
	while (!list_is_empty(&todo)) {
		struct frame *f = container_of(todo.next, struct frame, link);

		block_unlink(f);
		block_join(frame_pfn(f).v, 0);
	}
	return true;
}

/* -- chunks -------------------------------------------------------------------------------- */

static bool chunk_is_ready(uint64_t index)
{
	return zone.ready[index / 64] >> (index % 64) & 1;
}

static void chunk_bounds(uint64_t index, uint64_t *start, uint64_t *end)
{
	uint64_t first = (zone.first_chunk + index) << CHUNK_SHIFT;

	*start = first < zone.start ? zone.start : first;
	*end = first + CHUNK_FRAMES > zone.end ? zone.end : first + CHUNK_FRAMES;
}

/* Calls `fn` for each of the fewest blocks that [start, end), of one chunk, consists of. */
static void run_cut(uint64_t start, uint64_t end, void (*fn)(void *ctx, uint64_t pfn, unsigned k),
		    void *ctx)
{
	while (start < end) {
		unsigned order = 0;

		while (order < FRAME_MAX_ORDER && (start & (1UL << order)) == 0 &&
		       start + (2UL << order) <= end)
			order++;
		fn(ctx, start, order);
		start += 1UL << order;
	}
}

/* The same for what no range claims of a chunk that is not ready. */
static void chunk_cut(uint64_t index, void (*fn)(void *ctx, uint64_t pfn, unsigned k), void *ctx)
{
	uint64_t start, end;

	chunk_bounds(index, &start, &end);
	for (unsigned i = 0; i < zone.nranges && start < end; i++) {
		const struct range *r = &zone.ranges[i];

		if (r->end <= start || r->start >= end)
			continue;
		run_cut(start, r->start, fn, ctx);
		start = r->end;
	}
	run_cut(start, end, fn, ctx);
}

static void cut_link(void *ctx, uint64_t pfn, unsigned order)
{
	(void)ctx;
#if FRAME_DEBUG
	memset(arch_kva(pfn_paddr(PFN(pfn))), FRAME_POISON, PAGE_SIZE << order);
#endif
	block_link(frame_at(pfn), order, &zone.free[order]);
}

/* Writes the chunk's descriptors and frees what no range claims. => it was not ready. */
static void chunk_init(uint64_t index)
{
	uint64_t start, end;

	chunk_bounds(index, &start, &end);
	for (uint64_t pfn = start; pfn < end; pfn++)
		frame_mark(frame_at(pfn), 0, TF_FREE, 0);
	for (unsigned i = 0; i < zone.nranges; i++) {
		const struct range *r = &zone.ranges[i];
		uint64_t at = r->start < start ? start : r->start;

		for (; at < r->end && at < end; at++) {
			frame_mark(frame_at(at), 1, r->state, 0);
			frame_at(at)->owner = 0;
		}
	}
	chunk_cut(index, cut_link, NULL);
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

struct frame *buddy_frame(uint64_t pfn)
{
	uint64_t index = (pfn >> CHUNK_SHIFT) - zone.first_chunk;

	if (!chunk_is_ready(index)) {
		spin_lock(&buddy_lock);
		if (!chunk_is_ready(index))
			chunk_init(index);
		spin_unlock(&buddy_lock);
	}
	return frame_at(pfn);
}

/* -- taking and giving --------------------------------------------------------------------- */

/* => the lowest order from `order` on that has a block; above the largest: none, nowhere. */
static unsigned order_find(unsigned order)
{
	do {
		for (unsigned k = order; k <= FRAME_MAX_ORDER; k++)
			if (!list_is_empty(&zone.free[k]))
				return k;
	} while (chunk_next() || fresh_join());
	return FRAME_MAX_ORDER + 1;
}

struct frame *buddy_take(unsigned order)
{
	unsigned k = order_find(order);
	struct frame *f;

	if (k > FRAME_MAX_ORDER)
		return NULL;
	f = list_take(&zone.free[k]);
	zone.nfree -= 1UL << order;
	while (k > order) { /* here: f is a block of order k, on no list */
		struct frame *half = f + (1UL << --k);

		if (placement_bit()) {
			block_link(f, k, &zone.free[k]);
			f = half;
		} else {
			block_link(half, k, &zone.free[k]);
		}
	}
	return f;
}

/* Takes up to n frames off one end of a list of single frames. => how many. */
static unsigned list_take_some(struct list_node *list, struct frame **out, unsigned n)
{
	bool front = placement_bit();
	unsigned got = 0;

	for (; got < n && !list_is_empty(list); got++) {
		struct frame *f = container_of(front ? list->next : list->prev, struct frame, link);

		block_unlink(f);
		out[got] = f;
	}
	return got;
}

unsigned buddy_take_singles(struct frame **out, unsigned n)
{
	unsigned got = list_take_some(&zone.fresh, out, n);

	got += list_take_some(&zone.free[0], out + got, n - got);
	zone.nfree -= got;
	while (got < n) {
		unsigned order = order_find(1), turn = 0, i = 0;
		struct frame *f;

		if (order > FRAME_MAX_ORDER)
			break;
		order = order < BATCH_ORDER ? order : BATCH_ORDER;
		f = buddy_take(order);
		for (unsigned bit = 0; bit < order; bit++)
			turn = turn << 1 | placement_bit();
		for (; i < 1U << order && got < n; i++)
			out[got++] = f + (i ^ turn);
		for (; i < 1U << order; i++)
			buddy_give_single(f + (i ^ turn));
	}
	return got;
}

void buddy_give(struct frame *f, unsigned order)
{
	zone.nfree += 1UL << order;
	block_join(frame_pfn(f).v, order);
}

void buddy_give_single(struct frame *f)
{
	zone.nfree++;
	block_link(f, 0, &zone.fresh);
	f->flags |= FRAME_FRESH;
}

/* -- figures ------------------------------------------------------------------------------- */

uint64_t buddy_free(void)
{
	return zone.nfree;
}

uint64_t buddy_reserved(unsigned state)
{
	return zone.reserved[state];
}

static void cut_count(void *ctx, uint64_t pfn, unsigned order)
{
	(void)pfn;
	((uint64_t *)ctx)[order]++;
}

void buddy_orders(uint64_t nblocks[FRAME_MAX_ORDER + 1])
{
	memcpy(nblocks, zone.nblocks, sizeof zone.nblocks);
	for (uint64_t i = 0; i < zone.nchunks; i++)
		if (!chunk_is_ready(i))
			chunk_cut(i, cut_count, nblocks);
}

/* -- boot ---------------------------------------------------------------------------------- */

void buddy_init(uint64_t start, uint64_t end)
{
	memset(&zone, 0, sizeof zone);
	frame_table = NULL;
	frame_first = start;
	CHECK3(start, <, end);
	zone.start = start;
	zone.end = end;
	zone.nfree = end - start;
	list_init(&zone.fresh);
	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++)
		list_init(&zone.free[k]);
	zone.first_chunk = start >> CHUNK_SHIFT;
	zone.nchunks = ((end - 1) >> CHUNK_SHIFT) - zone.first_chunk + 1;
	buddy_seed(0);
}

void buddy_seed(uint64_t seed)
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
	zone.reserved[state] += end - start;
	zone.nfree -= end - start;
}

void buddy_reserve(uint64_t at, uint64_t stop, unsigned state)
{
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

void *buddy_ready(size_t extra)
{
	uint64_t nframes = zone.end - zone.start;
	uint64_t table_len = nframes * sizeof(struct frame);
	uint64_t bitmap_len = (zone.nchunks + 63) / 64 * sizeof(uint64_t);
	uint64_t n = (table_len + bitmap_len + extra + PAGE_MASK) >> PAGE_SHIFT;
	uint64_t pfn = hole_find(n);

	range_insert(pfn, pfn + n, TF_METADATA);
	frame_table = arch_kva(pfn_paddr(PFN(pfn)));
	zone.ready = (uint64_t *)((char *)frame_table + table_len);
	memset(zone.ready, 0, bitmap_len + extra);
	TRACE(TRACE_HELLO, TRACE_VERSION, zone.start, nframes, 0, 0, 0);
	for (unsigned i = 0; i < zone.nranges; i++) {
		struct range r = zone.ranges[i];

		TRACE(TRACE_FRAME_SET, r.start, r.end - r.start, r.state, 0, 0, 0);
	}
	return (char *)zone.ready + bitmap_len;
}

/* -- check --------------------------------------------------------------------------------- */

/* I4, of the block at pfn. */
static void check_buddy(uint64_t pfn, unsigned order)
{
	uint64_t buddy = pfn ^ (1UL << order);
	const struct frame *f = frame_at(pfn), *b = frame_at(buddy);

	if (order == FRAME_MAX_ORDER || buddy < zone.start || buddy >= zone.end)
		return;
	if (!(b->flags & FRAME_HEAD) || b->order != order)
		return;
	CHECK((f->flags | b->flags) & FRAME_FRESH);
}

/* I1, and I2 to I5 seen from the frames. => the frames that are free but kept. */
static uint64_t chunk_check(uint64_t index, uint64_t by_state[TF_MAX], uint64_t *nlisted)
{
	uint64_t pfn, end, nkept = 0;

	chunk_bounds(index, &pfn, &end);
	while (pfn < end) {
		struct frame *f = frame_at(pfn);
		uint64_t n;

		CHECK3(f->state, <, TF_MAX);
		CHECK3(f->refs == 0, ==, f->state == TF_FREE); /* I1 */
		if (f->state != TF_FREE || f->flags == FRAME_KEPT) {
			CHECK3(f->flags, ==, f->state == TF_FREE ? FRAME_KEPT : 0);
			CHECK3(f->order, ==, 0);
			by_state[f->state] += f->state != TF_FREE;
			nkept += f->state == TF_FREE;
			pfn++;
			continue;
		}
		CHECK3(f->flags & ~FRAME_FRESH, ==, FRAME_HEAD); /* I5: not inside another block */
		CHECK3(f->order, <=, FRAME_MAX_ORDER);
		n = 1UL << f->order;
		CHECK3(pfn & (n - 1), ==, 0); /* I3 */
		CHECK3(pfn + n, <=, end);
		for (uint64_t i = 1; i < n; i++) {
			CHECK3(f[i].state, ==, TF_FREE);
			CHECK3(f[i].flags, ==, 0);
			CHECK3(f[i].order, ==, 0);
		}
		check_buddy(pfn, f->order);
		*nlisted += n;
		pfn += n;
	}
	return nkept;
}

/* I2, seen from a list. => its blocks. */
static uint64_t list_check(const struct list_node *list, unsigned order, unsigned flags)
{
	uint64_t n = 0;

	list_for_each (it, list) {
		const struct frame *f = container_of(it, struct frame, link);

		CHECK3(f->order, ==, order);
		CHECK3(f->flags, ==, flags);
		CHECK3(it->next->prev == it, ==, true);
		n++;
	}
	return n;
}

uint64_t buddy_check(uint64_t by_state[TF_MAX])
{
	uint64_t nfound = 0, nlisted = 0, nkept = 0;

	for (unsigned k = 0; k <= FRAME_MAX_ORDER; k++) {
		uint64_t n = list_check(&zone.free[k], k, FRAME_HEAD);

		n += k == 0 ? list_check(&zone.fresh, 0, FRAME_HEAD | FRAME_FRESH) : 0;
		CHECK3(n, ==, zone.nblocks[k]); /* I6 */
		nlisted += n << k;
	}
	for (uint64_t i = 0; i < zone.nchunks; i++) {
		uint64_t start, end;

		if (chunk_is_ready(i)) {
			nkept += chunk_check(i, by_state, &nfound);
			continue;
		}
		chunk_bounds(i, &start, &end);
		nlisted += end - start;
		nfound += end - start;
		for (unsigned j = 0; j < zone.nranges; j++) {
			struct range r = zone.ranges[j];
			uint64_t lo = r.start < start ? start : r.start;
			uint64_t hi = r.end > end ? end : r.end;

			if (lo < hi) {
				by_state[r.state] += hi - lo;
				nlisted -= hi - lo;
				nfound -= hi - lo;
			}
		}
	}
	CHECK3(nlisted, ==, nfound);     /* I5: each block that the frames show is on a list */
	CHECK3(nlisted, ==, zone.nfree); /* I6 */
	return nkept;
}
