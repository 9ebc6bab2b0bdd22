/*
 * The TLB model against a naive one: a list of translations in order of use,
 * searched from the front, cut at its capacity. Then ASIDs, global pages and
 * the four forms of sfence.vma.
 */
#include "test/unit/machine_board.h"

#include "rv/pte.h"

/* -- least recently used, against a list ------------------------------------------------------ */

struct naive {
	uint64_t vpn[64];
	unsigned n, capacity;
};

/* => hit; the page is the first of the list afterwards. */
static bool naive_access(struct naive *l, uint64_t vpn)
{
	unsigned i = 0;
	bool hit;

	while (i < l->n && l->vpn[i] != vpn)
		i++;
	hit = i < l->n;
	if (!hit)
		i = l->n < l->capacity ? l->n++ : l->capacity - 1;
	memmove(&l->vpn[1], &l->vpn[0], i * sizeof(l->vpn[0]));
	l->vpn[0] = vpn;
	return hit;
}

static void compare_with_naive(unsigned sets, unsigned ways)
{
	struct tlb_entry entries[64];
	uint64_t stamp[64] = {0}, filled[64] = {0};
	struct tlb t = {
	    .sets = sets, .ways = ways, .entries = entries, .stamp = stamp, .filled = filled};
	struct naive list[8];
	uint64_t clock = 1;
	uint32_t random = 12345;

	memset(entries, 0, sizeof(entries));
	memset(list, 0, sizeof(list));
	for (unsigned s = 0; s < sets; s++)
		list[s].capacity = ways;
	for (unsigned i = 0; i < 20000; i++) {
		random = random * 1664525 + 1013904223;
		/* Mostly near pages, so that there are hits. */
		uint64_t vpn = random >> 16 & (random & 0x1000 ? 0x3f : 0xf);
		unsigned index = tlb_find(&t, vpn, 7);
		assert_int_equal(index != TLB_NONE, naive_access(&list[vpn % sets], vpn));
		if (index == TLB_NONE) {
			struct tlb_entry e = {.vpn = vpn, .ppn = vpn, .asid = 7, .valid = true};
			index = tlb_victim(&t, vpn, 0);
			tlb_put(&t, index, &e, clock);
		}
		stamp[index] = clock++;
	}
	unsigned valid = 0;
	for (unsigned i = 0; i < sets * ways; i++)
		valid += entries[i].valid;
	assert_int_equal(t.of_level[0], valid);
}

static void replaces_the_least_recent(void **state)
{
	compare_with_naive(1, 1);
	compare_with_naive(1, 13);
	compare_with_naive(1, 32);
	compare_with_naive(4, 4);
	compare_with_naive(8, 3);
}

static void geometry(void **state)
{
	const struct tlb_geometry bad[] = {
	    {0, 4, TLB_LRU, 1},        {4, 0, TLB_LRU, 1},   {4097, 4097, TLB_LRU, 1},
	    {10, 4, TLB_LRU, 1},       {12, 3, TLB_PLRU, 1}, {8, 8, TLB_LRU, 2},
	    {8, 8, TLB_LRU, 1 | 0x20}, {0, 0, TLB_LRU, 1},
	};

	assert_null(tlb_geometry_check(&(struct tlb_geometry){48, 48, TLB_LRU, 1}, false));
	assert_null(tlb_geometry_check(&(struct tlb_geometry){1536, 12, TLB_FIFO, 3}, true));
	assert_null(tlb_geometry_check(&(struct tlb_geometry){64, 4, TLB_PLRU, 0x1f}, false));
	assert_null(tlb_geometry_check(&(struct tlb_geometry){0, 0, TLB_LRU, 1}, true));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(tlb_geometry_check(&bad[i], false));
}

static void superpages_cover_their_pages(void **state)
{
	struct tlb_entry entries[8];
	uint64_t stamp[8] = {0}, filled[8] = {0};
	struct tlb t = {.sets = 4, .ways = 2, .entries = entries, .stamp = stamp, .filled = filled};
	struct tlb_entry super = {.vpn = 0x400, .level = 1, .asid = 1, .valid = true};

	memset(entries, 0, sizeof(entries));
	unsigned index = tlb_victim(&t, 0x400, 1);
	tlb_put(&t, index, &super, 1);
	assert_int_equal(tlb_find(&t, 0x400, 1), index);
	assert_int_equal(tlb_find(&t, 0x5ff, 1), index);
	assert_int_equal(tlb_find(&t, 0x600, 1), TLB_NONE);
	assert_int_equal(tlb_find(&t, 0x3ff, 1), TLB_NONE);
	assert_int_equal(tlb_find(&t, 0x400, 2), TLB_NONE);
	tlb_drop(&t, index, true);
	assert_int_equal(tlb_find(&t, 0x400, 1), TLB_NONE);
	assert_int_equal(t.of_level[1], 0);
}

/* -- flushes ---------------------------------------------------------------------------------- */

enum { OWN_A, OWN_B, OTHER_ASID, GLOBAL, SUPER, NENTRIES };

static const struct tlb_entry samples[NENTRIES] = {
    [OWN_A] = {.vpn = 0x10, .asid = 1, .perm = PTE_V | PTE_R, .valid = true},
    [OWN_B] = {.vpn = 0x11, .asid = 1, .perm = PTE_V | PTE_R, .valid = true},
    [OTHER_ASID] = {.vpn = 0x10, .asid = 2, .perm = PTE_V | PTE_R, .valid = true},
    [GLOBAL] = {.vpn = 0x12, .asid = 1, .perm = PTE_V | PTE_R | PTE_G, .valid = true},
    [SUPER] = {.vpn = 0x200, .asid = 1, .level = 1, .perm = PTE_V | PTE_R, .valid = true},
};

/* => a bit for each sample that is still cached, in every array alike. */
static unsigned left_after(void (*flush)(struct hart *h))
{
	struct board b;
	unsigned left[TLB_KINDS] = {0};

	board_init(&b, 4 << 20, 1);
	struct hart *h = &b.m->harts[0];
	for (unsigned k = 0; k < TLB_KINDS; k++)
		for (unsigned i = 0; i < NENTRIES; i++)
			tlb_put(h->mmu.tlb[k],
				tlb_victim(h->mmu.tlb[k], samples[i].vpn, samples[i].level),
				&samples[i], i + 1);
	flush(h);
	for (unsigned k = 0; k < TLB_KINDS; k++)
		for (unsigned i = 0; i < NENTRIES; i++)
			if (tlb_find(h->mmu.tlb[k], samples[i].vpn, samples[i].asid) != TLB_NONE)
				left[k] |= 1u << i;
	assert_int_equal(left[TLB_L1_FETCH], left[TLB_L2]);
	assert_int_equal(left[TLB_L1_DATA], left[TLB_L2]);
	board_fini(&b);
	return left[TLB_L2];
}

static void page_10(struct hart *h)
{
	mmu_flush_page(h, 0x10abc);
}

static void page_12(struct hart *h)
{
	mmu_flush_page(h, 0x12000);
}

static void page_in_super(struct hart *h)
{
	mmu_flush_page(h, 0x3ff000);
}

static void asid_1(struct hart *h)
{
	mmu_flush_asid(h, 1);
}

static void page_12_asid_1(struct hart *h)
{
	mmu_flush_page_asid(h, 0x12000, 1);
}

static void page_10_asid_1(struct hart *h)
{
	mmu_flush_page_asid(h, 0x10000, 1);
}

#define ALL    ((1u << NENTRIES) - 1)
#define BIT(i) (1u << (i))

static void flush_forms(void **state)
{
	assert_int_equal(left_after(mmu_flush_all), 0);
	assert_int_equal(left_after(page_10), ALL & ~(BIT(OWN_A) | BIT(OTHER_ASID)));
	assert_int_equal(left_after(page_12), ALL & ~BIT(GLOBAL));
	assert_int_equal(left_after(page_in_super), ALL & ~BIT(SUPER));
	assert_int_equal(left_after(asid_1), BIT(OTHER_ASID) | BIT(GLOBAL));
	assert_int_equal(left_after(page_12_asid_1), ALL); /* global pages stay */
	assert_int_equal(left_after(page_10_asid_1), ALL & ~BIT(OWN_A));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(replaces_the_least_recent),
	    cmocka_unit_test(geometry),
	    cmocka_unit_test(superpages_cover_their_pages),
	    cmocka_unit_test(flush_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
