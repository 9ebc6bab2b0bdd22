/*
 * Memory objects: contents against an array, sparse and far pages, truncation,
 * moves, adoption, and a failure of every allocation in turn.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "kernel/arch/host/host.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/object/mobj.h"

#define FILE_MAX (600UL << 10)

static uint8_t model[FILE_MAX + PAGE_SIZE], buf[FILE_MAX];

static uint64_t frames_in(unsigned state)
{
	struct frame_stats s;

	frame_stats(&s);
	return s.by_state[state];
}

static void contents_against_an_array(void **state)
{
	struct mobj *o = mobj_create(MOBJ_FILE, 0);
	struct rng rng = rng_for("mobj");
	uint64_t size = 0;

	(void)state;
	for (unsigned step = 0; step < 2000; step++) {
		uint64_t at = rng_below(&rng, FILE_MAX - 20000), len = rng_below(&rng, 20000);

		switch (rng_below(&rng, 4)) {
		case 0:
			memset(buf, (int)step, len);
			assert_int_equal(mobj_write(o, at, buf, len), len);
			memset(model + at, (int)step, len);
			if (len && at + len > size)
				size = at + len;
			break;
		case 1:
			if (step % 5)
				break;
			mobj_truncate(o, at);
			if (at < size)
				memset(model + at, 0, size - at);
			size = at;
			break;
		default:
			memset(buf, 0xee, len);
			uint64_t expected = at >= size ? 0 : len < size - at ? len : size - at;

			assert_int_equal(mobj_read(o, at, buf, len), expected);
			assert_memory_equal(buf, model + at, expected);
		}
		assert_int_equal(o->size, size);
		if (step % 32 == 0)
			mobj_check(o);
	}
	mobj_put(o);
	assert_int_equal(frames_in(TF_FILE), 0);
}

/* Gives page `index` a frame. => whether memory sufficed. */
static bool put_page(struct mobj *o, uint64_t index)
{
	struct frame *f = frame_alloc(0, TF_ANON, 0);
	int err;

	if (!f)
		return false;
	spin_lock(&o->lock);
	err = mobj_insert_locked(o, index, f);
	spin_unlock(&o->lock);
	if (err)
		frame_put(f);
	return !err;
}

static struct frame *get_page(struct mobj *o, uint64_t index)
{
	struct frame *f;

	spin_lock(&o->lock);
	f = mobj_lookup_locked(o, index);
	spin_unlock(&o->lock);
	return f;
}

static void far_pages(void **state)
{
	static const uint64_t index[] = {0x3ffffff, 0x3fffffe,       0, 77,
					 0x2000000, 0xfffffffffffff, 64};
	struct mobj *o = mobj_create(MOBJ_ANON, UINT64_MAX);
	uint64_t at = 0, found = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(index); i++) {
		assert_null(get_page(o, index[i]));
		assert_true(put_page(o, index[i]));
		mobj_check(o);
		for (unsigned j = 0; j <= i; j++)
			assert_non_null(get_page(o, index[j]));
		assert_null(get_page(o, index[i] ^ 0x100));
	}
	spin_lock(&o->lock);
	for (; mobj_next_locked(o, &at, UINT64_MAX); at++)
		found++;
	spin_unlock(&o->lock);
	assert_int_equal(found, ARRAY_SIZE(index));
	mobj_discard(o, 1, 0x2000000);
	mobj_check(o);
	assert_null(get_page(o, 77));
	assert_null(get_page(o, 0x2000000));
	assert_non_null(get_page(o, 0));
	assert_non_null(get_page(o, 0x3fffffe));
	assert_int_equal(o->nframes, 4);
	mobj_put(o);
	assert_int_equal(frames_in(TF_ANON), 0);
}

/* A dense range anywhere needs no more levels than the same range at 0. */
static void trees_are_low(void **state)
{
	struct mobj *o = mobj_create(MOBJ_ANON, UINT64_MAX);

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		assert_true(put_page(o, 0x3ffffff - i));
	assert_int_equal(o->height, 1);
	mobj_discard(o, 0, UINT64_MAX);
	assert_int_equal(o->height, 0);
	mobj_put(o);
}

static void moves(void **state)
{
	struct mobj *a = mobj_create(MOBJ_ANON, UINT64_MAX), *b;
	struct frame *f;

	(void)state;
	for (unsigned i = 0; i < 300; i += 3)
		assert_true(put_page(a, 1000 + i));
	f = get_page(a, 1030);
	/* Every allocation of the move fails once: nothing may change then. */
	for (unsigned n = 1;; n++) {
		b = mobj_create(MOBJ_ANON, UINT64_MAX);
		frame_fail_after(n);
		if (mobj_move(a, 1000, 200, b, 50000) == 0)
			break;
		frame_fail_after(0);
		assert_int_equal(a->nframes, 100);
		assert_int_equal(b->nframes, 0);
		mobj_check(a);
		mobj_check(b);
		mobj_put(b);
	}
	frame_fail_after(0);
	assert_ptr_equal(get_page(b, 50030), f);
	assert_null(get_page(a, 1030));
	assert_int_equal(a->nframes + b->nframes, 100);
	assert_int_equal(b->nframes, 67);
	mobj_check(a);
	mobj_check(b);
	mobj_put(a);
	mobj_put(b);
	assert_int_equal(frames_in(TF_ANON), 0);
}

static void write_without_memory(void **state)
{
	struct mobj *o;
	size_t done;

	(void)state;
	for (unsigned n = 1;; n++) {
		o = mobj_create(MOBJ_FILE, 0);
		frame_fail_after(n);
		done = mobj_write(o, 100, buf, 300000);
		frame_fail_after(0);
		mobj_check(o);
		assert_int_equal(o->size, done ? 100 + done : 0);
		mobj_put(o);
		assert_int_equal(frames_in(TF_FILE), 0);
		if (done == 300000)
			break;
	}
	frame_check();
	slab_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(contents_against_an_array),
	    cmocka_unit_test(far_pages),
	    cmocka_unit_test(trees_are_low),
	    cmocka_unit_test(moves),
	    cmocka_unit_test(write_without_memory),
	};

	host_init(16UL << 20, 0x10000, 1);
	slab_init();
	rand_seed(2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
