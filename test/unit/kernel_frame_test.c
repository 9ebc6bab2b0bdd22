/*
 * The buddy allocator: random use with all its invariants checked, placement,
 * exhaustion, ranges in use at boot, and failures on demand.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "kernel/arch/host/host.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/mm/frame/frame.h"

#define RAM_LEN (9UL << 20) /* two whole chunks and a part of one */
#define HELD    400

static jmp_buf stopped;

static uint64_t frames_free(void)
{
	struct frame_stats s;

	frame_stats(&s);
	return s.free;
}

static void start(size_t len, uint64_t seed)
{
	host_init(len, 0x30000, seed);
	frame_check();
}

static void random_use(void **state)
{
	static struct {
		struct frame *f;
		unsigned order;
		uint8_t mark;
	} held[HELD];
	struct rng rng;
	uint64_t before;

	(void)state;
	for (uint64_t seed = 0; seed < 6; seed++) {
		rand_seed(seed);
		rng = rng_for("frame test");
		start(RAM_LEN, seed);
		before = frames_free();
		memset(held, 0, sizeof held);
		for (unsigned step = 0; step < 6000; step++) {
			unsigned i = (unsigned)rng_below(&rng, HELD);
			unsigned order = (unsigned)rng_below(&rng, 12);

			order = order > 5 ? 0 : order;
			if (held[i].f) {
				uint8_t *p = frame_kva(held[i].f);

				/* here: nobody else has written to it */
				assert_int_equal(p[0], held[i].mark);
				assert_int_equal(p[(PAGE_SIZE << held[i].order) - 1], held[i].mark);
				frame_free(held[i].f, held[i].order);
				held[i].f = NULL;
			} else if ((held[i].f = frame_alloc(order, TF_KALLOC, 0))) {
				held[i].order = order;
				held[i].mark = (uint8_t)step;
				assert_int_equal(frame_pfn(held[i].f).v & ((1UL << order) - 1), 0);
				memset(frame_kva(held[i].f), held[i].mark, PAGE_SIZE << order);
			}
			if (step % 64 == 0)
				frame_check();
		}
		for (unsigned i = 0; i < HELD; i++)
			if (held[i].f)
				frame_free(held[i].f, held[i].order);
		frame_check();
		assert_int_equal(frames_free(), before);
	}
}

/* A program's memory ends where the kernel's reserve begins; that can be had to the last frame. */
static void exhaustion_gives_null_and_all_comes_back(void **state)
{
	struct frame **all = calloc(RAM_LEN / PAGE_SIZE, sizeof *all);
	struct frame_stats s;
	uint64_t before, n = 0, anon;

	(void)state;
	start(RAM_LEN, 7);
	frame_stats(&s);
	before = s.free;
	assert_true(s.reserve > 0);
	while ((all[n] = frame_alloc(0, TF_ANON, FRAME_ZEROED)))
		n++;
	assert_int_equal(n, before - s.reserve);
	assert_null(frame_alloc(0, TF_FILE, 0));
	frame_check();
	anon = n;
	while ((all[n] = frame_alloc(0, TF_SLAB, 0)))
		n++;
	assert_int_equal(n, before);
	assert_int_equal(frames_free(), 0);
	frame_check();
	for (uint64_t i = 0; i < n; i++) {
		if (i < anon)
			assert_int_equal(*(uint64_t *)frame_kva(all[i]), 0);
		assert_true(frame_put(all[i]));
	}
	frame_check();
	assert_int_equal(frames_free(), before);
	assert_non_null(frame_alloc(FRAME_MAX_ORDER, TF_KALLOC, 0));
	free(all);
}

/* What was given out as single frames becomes large blocks again, as soon as one is wanted. */
static void single_frames_are_joined_when_needed(void **state)
{
	struct frame **all = calloc(RAM_LEN / PAGE_SIZE, sizeof *all), *large;
	struct frame_stats s;
	uint64_t n = 0;

	(void)state;
	start(RAM_LEN, 11);
	while ((all[n] = frame_alloc(0, TF_SLAB, 0)))
		n++;
	/* Every other frame: nothing can be joined, and most of what is free is unusable. */
	for (uint64_t i = 0; i < n; i++)
		if (frame_pfn(all[i]).v & 1)
			frame_put(all[i]);
	assert_null(frame_alloc(1, TF_SLAB, 0));
	frame_check();
	frame_stats(&s);
	assert_int_equal(s.blocks[0], s.free);
	assert_int_equal(frame_unusable(&s, 1), 1000);
	assert_int_equal(frame_unusable(&s, 0), 0);
	for (uint64_t i = 0; i < n; i++)
		if (!(frame_pfn(all[i]).v & 1))
			frame_put(all[i]);
	large = frame_alloc(9, TF_ANON, FRAME_ZEROED);
	assert_non_null(large);
	frame_check();
	/* A superpage's frames are ordinary ones: each goes back by itself. */
	for (unsigned i = 0; i < 512; i++)
		assert_true(frame_put(large + i));
	assert_non_null(frame_alloc(9, TF_ANON, 0));
	frame_check();
	free(all);
}

static void cleared_frames_are_handed_out(void **state)
{
	struct frame_stats s;
	unsigned n = 0, pooled;

	(void)state;
	start(RAM_LEN, 12);
	while (frame_pool_fill())
		n++;
	frame_stats(&s);
	pooled = (unsigned)s.cleared;
	assert_true(n > 0);
	assert_int_equal(pooled, n);
	frame_check();
	for (unsigned i = 0; i < n + 2; i++) {
		struct frame *f = frame_alloc(0, TF_ANON, FRAME_ZEROED);
		const uint8_t *p = frame_kva(f);

		for (unsigned j = 0; j < PAGE_SIZE; j++)
			assert_int_equal(p[j], 0);
	}
	frame_stats(&s);
	assert_int_equal(s.cleared, 0);
	frame_check();
	/* The pool is no loss when memory runs out. */
	assert_true(frame_pool_fill());
	while (frame_alloc(0, TF_SLAB, 0))
		;
	assert_int_equal(frames_free(), 0);
	assert_false(frame_pool_fill());
	frame_check();
}

static unsigned last_status;

static void stop(unsigned status)
{
	last_status = status;
	longjmp(stopped, 1);
}

static void a_write_to_a_free_frame_is_noticed(void **state)
{
	struct frame *f;

	(void)state;
	start(RAM_LEN, 13);
	f = frame_alloc(0, TF_KALLOC, 0);
	frame_put(f);
	((uint8_t *)frame_kva(f))[100] = 1;
	host_on_shutdown = stop;
	last_status = 0;
	if (setjmp(stopped) == 0)
		for (unsigned i = 0; i < 100; i++)
			frame_alloc(0, TF_KALLOC, 0);
	host_on_shutdown = NULL;
	assert_int_not_equal(last_status, 0);
}

static void placement_follows_from_the_seed(void **state)
{
	uint64_t pfn[3][32];
	unsigned same = 0;

	(void)state;
	for (unsigned run = 0; run < 3; run++) {
		start(RAM_LEN, run == 2 ? 99 : 1);
		for (unsigned i = 0; i < 32; i++)
			pfn[run][i] = frame_pfn(frame_alloc(0, TF_ANON, 0)).v;
	}
	assert_memory_equal(pfn[0], pfn[1], sizeof pfn[0]);
	for (unsigned i = 0; i < 32; i++)
		same += pfn[0][i] == pfn[2][i];
	assert_true(same < 8);
}

static void ranges_in_use_keep_their_state(void **state)
{
	struct frame_stats s;

	(void)state;
	host_ram(RAM_LEN);
	frame_reserve(PADDR(HOST_RAM_START + 0x1000), PADDR(HOST_RAM_START + 0x3000), TF_KERNEL);
	/* Overlaps the first on both sides, and sticks out of RAM below. */
	frame_reserve(PADDR(HOST_RAM_START - 0x5000), PADDR(HOST_RAM_START + 0x4801), TF_RESERVED);
	frame_reserve(PADDR(HOST_RAM_START + 0x400000), PADDR(HOST_RAM_START + 0x404000), TF_FILE);
	frame_reserve(PADDR(0x1000), PADDR(0x2000), TF_RESERVED);
	frame_ready();
	frame_check();
	assert_int_equal(frame_of(PFN(0x80001))->state, TF_KERNEL);
	assert_int_equal(frame_of(PFN(0x80000))->state, TF_RESERVED);
	assert_int_equal(frame_of(PFN(0x80004))->state, TF_RESERVED);
	assert_int_equal(frame_of(PFN(0x80403))->state, TF_FILE);
	assert_int_equal(frame_of(PFN(0x80403))->refs, 1);
	assert_null(frame_of(PFN(0x7ffff)));
	assert_null(frame_of(PFN(0x80000 + RAM_LEN / PAGE_SIZE)));
	frame_stats(&s);
	assert_int_equal(s.by_state[TF_KERNEL], 2);
	assert_int_equal(s.by_state[TF_RESERVED], 3);
	assert_int_equal(s.by_state[TF_FILE], 4);
	assert_int_equal(s.total, RAM_LEN / PAGE_SIZE);
	assert_true(frame_put(frame_of(PFN(0x80401)))); /* an initrd frame that nobody adopts */
	frame_check();
}

static void references(void **state)
{
	struct frame *f;

	(void)state;
	start(RAM_LEN, 3);
	f = frame_alloc(0, TF_ANON, 0);
	frame_get(f);
	assert_false(frame_put(f));
	assert_int_equal(f->state, TF_ANON);
	assert_true(frame_put(f));
	assert_int_equal(f->state, TF_FREE);
	frame_check();
}

static void fails_on_demand(void **state)
{
	(void)state;
	start(RAM_LEN, 4);
	frame_fail_after(2);
	assert_non_null(frame_alloc(0, TF_ANON, 0));
	assert_null(frame_alloc(0, TF_ANON, 0));
	assert_non_null(frame_alloc(0, TF_ANON, 0));
	frame_check();
}

/* Four MiB must do, and four GiB must cost the host next to nothing: the table is lazy. */
static void small_and_large_ram(void **state)
{
	(void)state;
	start(4UL << 20, 5);
	assert_true(frames_free() > 900);
	assert_non_null(frame_alloc(0, TF_ANON, 0));
	frame_check();
	start(3UL << 20 | 0x5000, 5);
	assert_non_null(frame_alloc(0, TF_ANON, 0));
	frame_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_use),
	    cmocka_unit_test(exhaustion_gives_null_and_all_comes_back),
	    cmocka_unit_test(placement_follows_from_the_seed),
	    cmocka_unit_test(ranges_in_use_keep_their_state),
	    cmocka_unit_test(references),
	    cmocka_unit_test(fails_on_demand),
	    cmocka_unit_test(small_and_large_ram),
	    cmocka_unit_test(single_frames_are_joined_when_needed),
	    cmocka_unit_test(cleared_frames_are_handed_out),
	    cmocka_unit_test(a_write_to_a_free_frame_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
