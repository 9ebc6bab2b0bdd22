/*
 * Causes of misses against a naive account of the same accesses: every page's last use is known,
 * and the pages used since are counted one by one.
 */
#include "test/unit/machine_board.h"

#include "machine/mmu/miss.h"

#define PAGES 64

struct naive {
	uint64_t last_use[PAGES];
	bool was_cached[PAGES], was_flushed[PAGES];
};

static enum miss_cause expected(const struct naive *n, unsigned page, unsigned entries)
{
	unsigned since = 0;

	if (!n->was_cached[page])
		return MISS_COLD;
	if (n->was_flushed[page])
		return MISS_FLUSHED;
	for (unsigned i = 0; i < PAGES; i++)
		since += i != page && n->last_use[i] > n->last_use[page];
	return since >= entries ? MISS_CAPACITY : MISS_CONFLICT;
}

static void compare(unsigned sets, unsigned ways, enum tlb_policy policy)
{
	struct board b;
	struct tlb_entry entries[PAGES] = {0};
	uint64_t stamp[PAGES] = {0}, filled[PAGES] = {0};
	struct tlb t = {.sets = sets,
			.ways = ways,
			.policy = policy,
			.sizes = 1,
			.entries = entries,
			.stamp = stamp,
			.filled = filled,
			.random = 1};
	struct naive naive = {0};
	uint32_t random = 1;
	unsigned seen[MISS_CAUSES] = {0};

	board_init(&b, 4 << 20, 1);
	t.log = miss_log_create(b.m, sets * ways);
	for (uint64_t clock = 1; clock < 30000; clock++) {
		random = random * 1664525 + 1013904223;
		unsigned page = random >> 16 & (random & 0x3000 ? 15 : PAGES - 1);
		unsigned index = tlb_find(&t, page, 1);
		if (index == TLB_NONE) {
			struct tlb_entry e = {.vpn = page, .asid = 1, .valid = true};
			enum miss_cause cause = miss_classify(t.log, &t, &e);
			assert_int_equal(cause, expected(&naive, page, sets * ways));
			seen[cause]++;
			index = tlb_victim(&t, page, 0);
			tlb_put(&t, index, &e, clock);
			naive.was_cached[page] = true;
			naive.was_flushed[page] = false;
		}
		stamp[index] = clock;
		naive.last_use[page] = clock;
		if (random % 97 == 0) {
			unsigned victim = random >> 8 & (PAGES - 1);
			t.now = clock;
			index = tlb_find(&t, victim, 1);
			if (index != TLB_NONE) {
				tlb_drop(&t, index, true);
				naive.was_flushed[victim] = true;
			}
		}
	}
	assert_int_equal(seen[MISS_COLD], PAGES);
	assert_true(seen[MISS_CAPACITY] > 100);
	assert_true(seen[MISS_FLUSHED] > 20);
	if (sets > 1)
		assert_true(seen[MISS_CONFLICT] > 100);
	board_fini(&b);
}

static void as_a_naive_account(void **state)
{
	compare(1, 8, TLB_LRU);
	compare(4, 2, TLB_LRU);
	compare(8, 1, TLB_LRU);
	compare(3, 4, TLB_FIFO);
	compare(4, 4, TLB_RANDOM);
	compare(2, 4, TLB_PLRU);
}

static void another_address_space(void **state)
{
	struct board b;
	struct tlb_entry entries[4] = {0};
	uint64_t stamp[4] = {0}, filled[4] = {0};
	struct tlb t = {
	    .sets = 1, .ways = 4, .sizes = 1, .entries = entries, .stamp = stamp, .filled = filled};
	struct tlb_entry one = {.vpn = 5, .asid = 1, .valid = true},
			 two = {.vpn = 5, .asid = 2, .valid = true};

	board_init(&b, 4 << 20, 1);
	t.log = miss_log_create(b.m, 4);
	assert_int_equal(miss_classify(t.log, &t, &one), MISS_COLD);
	tlb_put(&t, 0, &one, 1);
	assert_int_equal(miss_classify(t.log, &t, &two), MISS_OTHER_SPACE);
	board_fini(&b);
}

/* More pages than the first table holds. */
static void the_record_grows(void **state)
{
	struct board b;
	struct tlb_entry entries[1] = {0};
	uint64_t stamp[1] = {0}, filled[1] = {0};
	struct tlb t = {
	    .sets = 1, .ways = 1, .sizes = 1, .entries = entries, .stamp = stamp, .filled = filled};

	board_init(&b, 4 << 20, 1);
	t.log = miss_log_create(b.m, 1);
	for (uint64_t round = 0; round < 2; round++)
		for (uint64_t page = 0; page < 20000; page++) {
			struct tlb_entry e = {.vpn = page, .asid = 1, .valid = true};
			assert_int_equal(miss_classify(t.log, &t, &e),
					 round ? MISS_CAPACITY : MISS_COLD);
			tlb_put(&t, 0, &e, round * 20000 + page + 1);
		}
	board_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(as_a_naive_account),
	    cmocka_unit_test(another_address_space),
	    cmocka_unit_test(the_record_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
