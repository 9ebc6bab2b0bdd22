/*
 * Slab caches and kmalloc: random use with invariants checked, sizes, poison,
 * and lack of memory.
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

#define HELD 500

static uint64_t frames_free(void)
{
	struct frame_stats s;

	frame_stats(&s);
	return s.free;
}

static void fill(uint8_t *p, size_t size, uint8_t mark)
{
	memset(p, mark, size);
}

static void assert_filled(const uint8_t *p, size_t size, uint8_t mark)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(p[i], mark);
}

static void random_kmalloc(void **state)
{
	static struct {
		uint8_t *p;
		size_t size;
		uint8_t mark;
	} held[HELD];
	struct rng rng = rng_for("slab test");

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rng_below(&rng, HELD);

		if (held[i].p) {
			assert_filled(held[i].p, held[i].size, held[i].mark);
			kfree(held[i].p);
			held[i].p = NULL;
		} else {
			held[i].size = rng_below(&rng, rng_below(&rng, 50) ? 600 : 9000);
			held[i].mark = (uint8_t)step;
			held[i].p = kmalloc(held[i].size);
			assert_non_null(held[i].p);
			assert_int_equal((uintptr_t)held[i].p % 16, 0);
			fill(held[i].p, held[i].size, held[i].mark);
		}
		if (step % 512 == 0) {
			slab_check();
			frame_check();
		}
	}
	for (unsigned i = 0; i < HELD; i++)
		kfree(held[i].p);
	slab_check();
}

static void every_size(void **state)
{
	(void)state;
	for (size_t size = 0; size < 5000; size++) {
		uint8_t *p = kmalloc(size);

		fill(p, size, 1);
		kfree(p);
	}
	assert_null(kmalloc(1UL << 40));
	kfree(NULL);
	slab_check();
}

static void caches_return_their_frames(void **state)
{
	uint64_t before = frames_free();
	struct cache *c = cache_create("test", 520, 8);
	void *obj[100];

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_non_null(obj[i] = cache_alloc(c));
	assert_int_equal(before - frames_free(), 15); /* 7 in a frame */
	for (unsigned i = 0; i < 100; i++)
		cache_free(c, obj[(i * 37) % 100]);
	/* One is spare, and each object in the magazine, a frame's worth of them, may hold one. */
	assert_true(before - frames_free() <= 1 + 7);
	slab_check();
	cache_destroy(c);
	assert_int_equal(frames_free(), before);
}

static void objects_as_large_as_a_frame(void **state)
{
	struct cache *c = cache_create("frames", PAGE_SIZE, 8);
	void *a = cache_alloc(c), *b = cache_alloc(c);

	(void)state;
	slab_check();
	cache_free(c, a);
	cache_free(c, b);
	cache_destroy(c);
}

static void lack_of_memory(void **state)
{
	struct cache *c = cache_create("none", 2048, 8);
	void *p;

	(void)state;
	frame_fail_after(1);
	assert_null(cache_alloc(c));
	slab_check();
	assert_non_null(p = cache_alloc(c));
	cache_free(c, p);
	cache_destroy(c);
	frame_fail_after(1);
	assert_null(kmalloc(5000));
	frame_fail_after(0);
}

static jmp_buf stopped;

static void note_stop(unsigned status)
{
	(void)status;
	longjmp(stopped, 1);
}

/* A write after a free is found when the object is given out again. */
static void poison_catches_use_after_free(void **state)
{
	struct cache *c = cache_create("victim", 64, 8);
	uint8_t *volatile p = cache_alloc(c);

	(void)state;
	cache_free(c, p);
	p[17] = 1;
	host_on_shutdown = note_stop;
	if (setjmp(stopped) == 0) {
		cache_alloc(c);
		fail_msg("the write was not found");
	}
	host_on_shutdown = NULL;
}

/* A write beyond an object is found when that is freed, and so is a second free. */
static void red_zones(void **state)
{
	struct cache *c = cache_create("victim", 60, 8);
	uint8_t *volatile p = cache_alloc(c), *volatile q = cache_alloc(c);

	(void)state;
	memset(p, 1, 60);
	p[64] = 1;
	host_on_shutdown = note_stop;
	if (setjmp(stopped) == 0) {
		cache_free(c, p);
		fail_msg("the write beyond the object was not found");
	}
	cache_free(c, q);
	if (setjmp(stopped) == 0) {
		cache_free(c, q);
		fail_msg("the second free was not found");
	}
	host_on_shutdown = NULL;
}

static unsigned nconstructed;

struct made {
	uint64_t value;
	char rest[7];
};

static void construct(void *obj)
{
	struct made *m = obj;

	memset(m, 0, sizeof *m);
	m->value = 42;
	nconstructed++;
}

static void constructed_objects(void **state)
{
	struct cache *c =
	    cache_create_constructed("made", sizeof(struct made), _Alignof(struct made), construct);
	struct made *m[200];

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 200; i++) {
			m[i] = cache_alloc(c);
			assert_int_equal(m[i]->value, 42);
			m[i]->value = i;
		}
		slab_check();
		for (unsigned i = 0; i < 200; i++) {
			m[i]->value = 42;
			cache_free(c, m[i]);
		}
	}
	assert_true(nconstructed >= 200);
	slab_check();
	cache_destroy(c);
}

/* One that is not as it was made is found when it is freed. */
static void constructed_objects_come_back_as_they_were(void **state)
{
	struct cache *c = cache_create_constructed("spoiled", sizeof(struct made),
						   _Alignof(struct made), construct);
	struct made *volatile m = cache_alloc(c);

	(void)state;
	m->value = 1;
	host_on_shutdown = note_stop;
	if (setjmp(stopped) == 0) {
		cache_free(c, m);
		fail_msg("the change was not found");
	}
	host_on_shutdown = NULL;
}

/* What a leak is found by: objects in use, by cache; free ones in magazines are none. */
static void objects_in_use_are_counted(void **state)
{
	struct cache *c = cache_create("counted", 100, 8);
	uint64_t before = slab_used();
	struct cache_info info = {.name = NULL};
	void *obj[50];

	(void)state;
	for (unsigned i = 0; i < 50; i++)
		obj[i] = cache_alloc(c);
	assert_int_equal(slab_used() - before, 50);
	for (unsigned i = 0; cache_info(i, &info); i++)
		if (info.name && strcmp(info.name, "counted") == 0)
			break;
	assert_int_equal(info.used, 50);
	assert_int_equal(info.size, 100);
	assert_true(info.nactive > 0 && info.nactive <= info.nslabs);
	for (unsigned i = 0; i < 50; i++)
		cache_free(c, obj[i]);
	assert_int_equal(slab_used(), before);
	cache_destroy(c);
}

/* Of a large size no more frames are taken than it needs. */
static void large_sizes_are_exact(void **state)
{
	uint64_t before = frames_free();
	void *p = kmalloc(64 * 1024 + 8);

	(void)state;
	assert_int_equal(before - frames_free(), 17);
	memset(p, 1, 64 * 1024 + 8);
	kfree(p);
	assert_int_equal(frames_free(), before);
	frame_check();
	assert_int_equal(kbuffer_size(1UL << 30), 16 * PAGE_SIZE); /* of 16 MiB */
	assert_int_equal(kbuffer_size(100), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_kmalloc),
	    cmocka_unit_test(every_size),
	    cmocka_unit_test(caches_return_their_frames),
	    cmocka_unit_test(objects_as_large_as_a_frame),
	    cmocka_unit_test(lack_of_memory),
	    cmocka_unit_test(constructed_objects),
	    cmocka_unit_test(objects_in_use_are_counted),
	    cmocka_unit_test(large_sizes_are_exact),
	    cmocka_unit_test(red_zones),
	    cmocka_unit_test(constructed_objects_come_back_as_they_were),
	    cmocka_unit_test(poison_catches_use_after_free),
	};

	host_init(16UL << 20, 0x10000, 1);
	slab_init();
	rand_seed(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
