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
	assert_int_equal(mobj_nframes(o), 4);
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
	assert_int_equal(o->tree.height, 1);
	mobj_discard(o, 0, UINT64_MAX);
	assert_int_equal(o->tree.height, 0);
	mobj_put(o);
}

static void splits(void **state)
{
	struct mobj *a = mobj_create(MOBJ_ANON, UINT64_MAX), *b;
	struct frame *f;

	(void)state;
	for (unsigned i = 0; i < 300; i += 3)
		assert_true(put_page(a, 1000 + i));
	f = get_page(a, 1030);
	/* Every allocation of the split fails once: nothing may change then. */
	for (unsigned n = 1;; n++) {
		frame_fail_after(n);
		b = mobj_split(a, 1000, 200);
		frame_fail_after(0);
		if (b)
			break;
		assert_int_equal(mobj_nframes(a), 100);
		mobj_check(a);
	}
	assert_ptr_equal(get_page(b, 1030), f);
	assert_null(get_page(a, 1030));
	assert_int_equal(mobj_nframes(a), 33);
	assert_int_equal(mobj_nframes(b), 67);
	mobj_check(a);
	mobj_check(b);
	mobj_put(a);
	mobj_check(b);
	mobj_put(b);
	assert_int_equal(frames_in(TF_ANON), 0);
}

/* -- forks against arrays ------------------------------------------------------------------- */

#define NOBJECTS 6
#define NPAGES   700u /* more than one node of height 2 would need; the base is not a multiple */
#define FIRST    4000u

struct model {
	struct mobj *o;
	struct frame *page[NPAGES];
};

static struct rng family_rng;

static unsigned rand_below(unsigned bound)
{
	return (unsigned)rng_below(&family_rng, bound);
}

static void model_compare(const struct model *m)
{
	uint64_t n = 0;

	mobj_check(m->o);
	for (unsigned i = 0; i < NPAGES; i++) {
		assert_ptr_equal(get_page(m->o, FIRST + i), m->page[i]);
		n += m->page[i] != NULL;
	}
	assert_int_equal(mobj_nframes(m->o), n);
}

/* => how many of the models have f. */
static unsigned owners_of(const struct model m[NOBJECTS], const struct frame *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NOBJECTS; i++)
		for (unsigned j = 0; m[i].o && j < NPAGES; j++)
			n += m[i].page[j] == f;
	return n;
}

/* One random change of m[i], or of what is empty at m[j]; an allocation may fail. */
static void model_step(struct model m[NOBJECTS], unsigned i, unsigned j)
{
	unsigned first = rand_below(NPAGES), n = 1 + rand_below(NPAGES - first);

	if (rand_below(4) == 0)
		frame_fail_after(1 + rand_below(4));
	switch (rand_below(8)) {
	case 0:
		if (!m[j].o && (m[j].o = mobj_fork(m[i].o)))
			memcpy(m[j].page, m[i].page, sizeof m[i].page);
		break;
	case 1:
		if (!m[j].o && (m[j].o = mobj_split(m[i].o, FIRST + first, n))) {
			memset(m[j].page, 0, sizeof m[j].page);
			memcpy(m[j].page + first, m[i].page + first, n * sizeof m[i].page[0]);
			memset(m[i].page + first, 0, n * sizeof m[i].page[0]);
		}
		break;
	case 2:
		if (mobj_prepare(m[i].o, FIRST + first, n))
			break;
		mobj_discard(m[i].o, FIRST + first, n);
		memset(m[i].page + first, 0, n * sizeof m[i].page[0]);
		break;
	case 3:
		if (i == j)
			break;
		mobj_put(m[i].o);
		m[i].o = NULL;
		break;
	default:
		for (unsigned k = 0; k < 20; k++) {
			unsigned at = (first + k * 5) % NPAGES;

			if (put_page(m[i].o, FIRST + at))
				m[i].page[at] = get_page(m[i].o, FIRST + at);
		}
	}
	frame_fail_after(0);
}

static void families_against_arrays(void **state)
{
	static struct model m[NOBJECTS];

	(void)state;
	family_rng = rng_for("families");
	m[0].o = mobj_create(MOBJ_ANON, UINT64_MAX);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned i = rand_below(NOBJECTS), j = rand_below(NOBJECTS);

		while (!m[i].o)
			i = (i + 1) % NOBJECTS;
		if (m[(i + 1) % NOBJECTS].o || rand_below(8) > 0)
			model_step(m, i, j);
		if (!m[i].o)
			for (i = 0; i < NOBJECTS - 1 && !m[i].o; i++)
				;
		if (!m[i].o)
			m[i = 0] = (struct model){.o = mobj_create(MOBJ_ANON, UINT64_MAX)};
		if (step % 50)
			continue;
		for (i = 0; i < NOBJECTS; i++)
			if (m[i].o)
				model_compare(&m[i]);
	}
	/* What is in one tree only must be known to be. */
	for (unsigned i = 0; i < NOBJECTS; i++) {
		for (unsigned p = 0; m[i].o && p < NPAGES; p++) {
			struct frame *f = m[i].page[p];

			if (f && f->refs == 1 && tree_is_private(&m[i].o->tree, FIRST + p))
				assert_int_equal(owners_of(m, f), 1);
			if (f && owners_of(m, f) > 1)
				assert_true(f->refs > 1 ||
					    !tree_is_private(&m[i].o->tree, FIRST + p));
		}
	}
	for (unsigned i = 0; i < NOBJECTS; i++)
		if (m[i].o)
			mobj_put(m[i].o);
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
	    cmocka_unit_test(splits),
	    cmocka_unit_test(families_against_arrays),
	    cmocka_unit_test(write_without_memory),
	};

	host_init(16UL << 20, 0x10000, 1);
	slab_init();
	rand_seed(2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
