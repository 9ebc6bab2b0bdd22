/*
 * Address spaces: a model of one entry a page against thousands of random
 * operations; Linux's errors, placement and stack growth case by case; and a
 * failure of every allocation in turn, after which nothing may have leaked.
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
#include "kernel/mm/space/aspace.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

#define RAM_LEN    (14UL << 20)
#define BASE       0x10000000UL
#define PAGES      192
#define FILE_PAGES 40
#define FILE_SIZE  (FILE_PAGES * PAGE_SIZE - 100)

static struct aspace *as;
static struct mobj *file;

static vaddr_t page_va(uint64_t page)
{
	return VADDR(BASE + page * PAGE_SIZE);
}

static struct frame_stats stats_now(void)
{
	struct frame_stats s;

	frame_stats(&s);
	return s;
}

static int setup(void **state)
{
	(void)state;
	as = aspace_create();
	aspace_switch(as);
	return as ? 0 : -1;
}

static int teardown(void **state)
{
	struct frame_stats s;

	(void)state;
	frame_fail_after(0);
	aspace_check(as);
	aspace_put(as);
	frame_check();
	slab_check();
	s = stats_now();
	return s.by_state[TF_ANON] || s.by_state[TF_PAGETABLE] ? -1 : 0;
}

static int map(uint64_t at, uint64_t len, unsigned flags, bool fixed, uint64_t *out)
{
	struct map_request r = {.hint = VADDR(at), .len = len, .flags = flags, .fixed = fixed};
	vaddr_t where = VADDR(0);
	int err = aspace_map(as, &r, &where);

	if (out)
		*out = where.v;
	return err;
}

static int map_file(uint64_t at, uint64_t len, unsigned flags, uint64_t offset)
{
	struct map_request r = {.hint = VADDR(at),
				.len = len,
				.flags = flags,
				.kind = TV_FILE,
				.fixed = true,
				.file = file,
				.offset = offset};
	vaddr_t where;

	return aspace_map(as, &r, &where);
}

/* An access of one byte, as a program makes it. => 0, or the signal; *kind, if a fault was made. */
static int touch(uint64_t va, unsigned access, uint8_t **byte, unsigned *kind)
{
	unsigned right = access == VMA_READ ? ARCH_R : access == VMA_WRITE ? ARCH_W : ARCH_X;
	void *kva = NULL;

	for (unsigned tries = 0; !host_access(&as->pt, VADDR(va), right, &kva); tries++) {
		struct fault_result r = aspace_fault(as, VADDR(va), access);

		assert_true(tries < 2);
		if (kind)
			*kind = r.kind;
		if (r.signo)
			return r.signo;
	}
	if (byte)
		*byte = kva;
	return 0;
}

static unsigned kind_of(uint64_t va, unsigned access)
{
	unsigned kind = TK_NONE;

	touch(va, access, NULL, &kind);
	return kind;
}

/* -- the model ----------------------------------------------------------------------------- */

struct page {
	bool mapped;
	unsigned prot, flags;
	int file_page; /* -1: anonymous */
	bool own;      /* value is the page's own, private one */
	uint8_t value; /* first byte */
};

static struct page model[PAGES];
static uint8_t file_value[FILE_PAGES];

static void model_compare_vmas(void)
{
	unsigned page = 0;

	/* Each page is in a VMA just as the model says; VMAs beyond the window belong to nobody. */
	for (; page < PAGES; page++) {
		struct vma *v = aspace_find(as, page_va(page));

		assert_int_equal(v != NULL, model[page].mapped);
		if (!v)
			continue;
		assert_int_equal(v->flags & VMA_PROT, model[page].prot);
		assert_int_equal(v->flags & VMA_SHARED, model[page].flags);
		if (model[page].file_page >= 0)
			assert_int_equal(v->file_offset +
					     (page_va(page).v - v->start.v) / PAGE_SIZE,
					 model[page].file_page);
		else
			assert_null(v->file);
	}
}

static void model_unmap(unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		model[i] = (struct page){.mapped = false};
}

static uint8_t model_value(const struct page *p)
{
	if (p->own || p->file_page < 0)
		return p->value;
	return file_value[p->file_page];
}

static void model_touch(struct rng *rng, unsigned page)
{
	static const unsigned accesses[] = {VMA_READ, VMA_WRITE, VMA_EXEC};
	unsigned access = accesses[rng_below(rng, 3)];
	struct page *p = &model[page];
	unsigned allowed = access == VMA_READ ? p->prot & (VMA_READ | VMA_WRITE) : p->prot & access;
	uint8_t *byte = NULL;
	int sig = touch(page_va(page).v, access, &byte, NULL);

	if (!p->mapped || !allowed) {
		assert_int_equal(sig, SIGSEGV);
		return;
	}
	if (p->file_page >= FILE_PAGES) {
		assert_int_equal(sig, SIGBUS);
		return;
	}
	assert_int_equal(sig, 0);
	assert_int_equal(*byte, model_value(p));
	if (access != VMA_WRITE)
		return;
	*byte = (uint8_t)rng_next(rng);
	if (p->flags & VMA_SHARED) {
		file_value[p->file_page] = *byte;
	} else {
		p->own = true;
		p->value = *byte;
	}
}

static void model_map(struct rng *rng, unsigned first, unsigned n)
{
	unsigned prot = (unsigned)rng_below(rng, 8), shared = 0;
	int offset = -1;

	if (rng_below(rng, 2)) {
		offset = (int)rng_below(rng, FILE_PAGES);
		shared = rng_below(rng, 2) ? VMA_SHARED : 0;
		assert_int_equal(map_file(page_va(first).v, n * PAGE_SIZE, prot | shared,
					  (uint64_t)offset * PAGE_SIZE),
				 0);
	} else {
		assert_int_equal(map(page_va(first).v, n * PAGE_SIZE, prot, true, NULL), 0);
	}
	for (unsigned i = 0; i < n; i++)
		model[first + i] = (struct page){
		    .mapped = true,
		    .prot = prot,
		    .flags = shared,
		    .file_page = offset < 0 ? -1 : offset + (int)i,
		};
}

static void model_protect(struct rng *rng, unsigned first, unsigned n)
{
	unsigned prot = (unsigned)rng_below(rng, 8), i;

	for (i = 0; i < n && model[first + i].mapped; i++)
		model[first + i].prot = prot;
	assert_int_equal(aspace_protect(as, page_va(first), n * PAGE_SIZE, prot),
			 i < n ? -ENOMEM : 0);
}

static void model_discard(unsigned first, unsigned n)
{
	bool hole = false;

	for (unsigned i = first; i < first + n; i++) {
		hole |= !model[i].mapped;
		model[i].own = false;
		model[i].value = 0;
	}
	assert_int_equal(aspace_discard(as, page_va(first), n * PAGE_SIZE), hole ? -ENOMEM : 0);
}

/* Moves n pages to where nothing may overlap them, with a length that may differ. */
static void model_remap(struct rng *rng, unsigned first, unsigned n)
{
	unsigned to = (unsigned)rng_below(rng, PAGES), to_n = 1 + (unsigned)rng_below(rng, 12);
	struct page copy[PAGES], one;
	struct vma *v = aspace_find(as, page_va(first));
	/* Only what moves must lie in one VMA; what is cut off need not. */
	bool whole = v && v->end.v >= page_va(first + (n < to_n ? n : to_n)).v;
	int64_t result;

	if (to + to_n > PAGES || (to < first + n && first < to + to_n))
		return;
	result = aspace_remap(as, page_va(first), n * PAGE_SIZE, to_n * PAGE_SIZE,
			      MREMAP_MAYMOVE | MREMAP_FIXED, page_va(to));
	if (!whole) {
		assert_int_equal(result, -EFAULT);
		/* As on Linux, what was in the way is gone, and the end that is not wanted. */
		if (v) {
			model_unmap(to, to_n);
			if (n > to_n)
				model_unmap(first + to_n, n - to_n);
		}
		return;
	}
	assert_int_equal(result, page_va(to).v);
	memcpy(copy, model, sizeof copy);
	model_unmap(first, n);
	for (unsigned i = 0; i < to_n; i++) {
		one = copy[first + (i < n ? i : 0)];
		if (i >= n) {
			one.own = false;
			one.value = 0;
			if (one.file_page >= 0)
				one.file_page += (int)i;
		}
		model[to + i] = one;
	}
}

static void random_against_a_model(void **state)
{
	struct rng rng;

	(void)state;
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		file_value[i] = (uint8_t)(i + 1);
		assert_int_equal(mobj_write(file, i * PAGE_SIZE, &file_value[i], 1), 1);
	}
	mobj_truncate(file, FILE_SIZE);
	model_unmap(0, PAGES);
	rng = rng_for("vma");
	for (unsigned step = 0; step < 12000; step++) {
		unsigned first = (unsigned)rng_below(&rng, PAGES - 1);
		unsigned n = 1 + (unsigned)rng_below(&rng, 24);

		if (first + n > PAGES)
			n = PAGES - first;
		switch (rng_below(&rng, 12)) {
		case 0: model_map(&rng, first, n); break;
		case 1:
			assert_int_equal(aspace_unmap(as, page_va(first), n * PAGE_SIZE), 0);
			model_unmap(first, n);
			break;
		case 2:
		case 3: model_protect(&rng, first, n); break;
		case 4: model_discard(first, n); break;
		case 5: model_remap(&rng, first, n); break;
		default:
			for (unsigned i = 0; i < 8; i++)
				model_touch(&rng, (unsigned)rng_below(&rng, PAGES));
		}
		if (step % 16 == 0) {
			model_compare_vmas();
			aspace_check(as);
		}
		if (step % 512 == 0)
			frame_check();
	}
	/* What was never changed in the file still holds: private writes went elsewhere. */
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		uint8_t c;

		assert_int_equal(mobj_read(file, i * PAGE_SIZE, &c, 1), 1);
		assert_int_equal(c, file_value[i]);
	}
}

/* -- case by case -------------------------------------------------------------------------- */

static void kinds_of_faults(void **state)
{
	uint64_t at;

	(void)state;
	assert_int_equal(map(0, 8 * PAGE_SIZE, VMA_READ | VMA_WRITE, false, &at), 0);
	assert_int_equal(kind_of(at, VMA_READ), TK_ZERO_READ);
	assert_int_equal(aspace_npages(as), 0);
	assert_int_equal(kind_of(at, VMA_WRITE), TK_ZERO);
	assert_int_equal(kind_of(at, VMA_WRITE), TK_NONE);
	assert_int_equal(kind_of(at + PAGE_SIZE, VMA_WRITE), TK_ZERO);
	assert_int_equal(aspace_npages(as), 2);
	assert_int_equal(kind_of(at, VMA_EXEC), TK_SEGV_ACCERR);
	assert_int_equal(kind_of(at + 8 * PAGE_SIZE, VMA_READ), TK_SEGV_MAPERR);
	assert_int_equal(aspace_fault(as, VADDR(at), VMA_WRITE).kind, TK_SPURIOUS);
	assert_int_equal(aspace_protect(as, VADDR(at), PAGE_SIZE, VMA_READ), 0);
	assert_int_equal(kind_of(at, VMA_WRITE), TK_SEGV_ACCERR);
	assert_int_equal(aspace_protect(as, VADDR(at), PAGE_SIZE, VMA_READ | VMA_WRITE), 0);
	assert_int_equal(kind_of(at, VMA_WRITE), TK_NONE); /* W has come back without a fault */
	assert_int_equal(aspace_protect(as, VADDR(at), PAGE_SIZE, 0), 0);
	assert_int_equal(aspace_npages(as), 1);
	assert_int_equal(aspace_protect(as, VADDR(at), PAGE_SIZE, VMA_READ), 0);
	assert_int_equal(kind_of(at, VMA_READ), TK_REMAP);
	assert_int_equal(map_file(BASE, 64 * PAGE_SIZE, VMA_READ | VMA_WRITE, 0), 0);
	assert_int_equal(kind_of(BASE, VMA_READ), TK_FILE);
	assert_int_equal(kind_of(BASE, VMA_WRITE), TK_FILE_COPY);
	assert_int_equal(kind_of(BASE + FILE_PAGES * PAGE_SIZE, VMA_READ), TK_SIGBUS);
	assert_int_equal(map_file(BASE, PAGE_SIZE, VMA_READ | VMA_WRITE | VMA_SHARED, 0), 0);
	assert_int_equal(kind_of(BASE, VMA_READ), TK_FILE);
	assert_int_equal(kind_of(BASE, VMA_WRITE), TK_SHARED_WRITE);
	assert_int_equal(aspace_fault(as, VADDR(-PAGE_SIZE), VMA_READ).kind, TK_SEGV_MAPERR);
}

static void errors_are_linux(void **state)
{
	uint64_t end = arch_user_end().v, at;

	(void)state;
	assert_int_equal(map(0, 0, VMA_READ, false, NULL), -EINVAL);
	assert_int_equal(map(0, UINT64_MAX, VMA_READ, false, NULL), -ENOMEM);
	assert_int_equal(map(0, end, VMA_READ, false, NULL), -ENOMEM);
	assert_int_equal(map(0x10001, 1, VMA_READ, true, NULL), -EINVAL);
	assert_int_equal(map(0xf000, 1, VMA_READ, true, NULL), -EPERM);
	assert_int_equal(map(0x10000, 1, VMA_READ, true, NULL), 0);
	assert_int_equal(map(end - PAGE_SIZE, 2 * PAGE_SIZE, VMA_READ, true, NULL), -ENOMEM);
	assert_int_equal(map(end - PAGE_SIZE, PAGE_SIZE, VMA_READ, true, NULL), 0);
	assert_int_equal(map(0, 1UL << 35, VMA_READ | VMA_WRITE, false, NULL), -ENOMEM);
	assert_int_equal(map(0, 1UL << 35, VMA_READ, false, NULL), 0);
	assert_int_equal(aspace_unmap(as, VADDR(0x10001), 1), -EINVAL);
	assert_int_equal(aspace_unmap(as, VADDR(0x10000), 0), -EINVAL);
	assert_int_equal(aspace_unmap(as, VADDR(end), PAGE_SIZE), -EINVAL);
	assert_int_equal(aspace_unmap(as, VADDR(0x10000), 1), 0);
	assert_int_equal(aspace_unmap(as, VADDR(0x10000), 1), 0); /* nothing there is fine */
	assert_int_equal(aspace_protect(as, VADDR(0x10001), 1, VMA_READ), -EINVAL);
	assert_int_equal(aspace_protect(as, VADDR(0x10000), 1, VMA_READ), -ENOMEM);
	assert_int_equal(aspace_protect(as, VADDR(0x10000), 0, VMA_READ), 0);
	assert_int_equal(aspace_protect(as, VADDR(0x10000), UINT64_MAX, VMA_READ), -ENOMEM);
	assert_int_equal(aspace_discard(as, VADDR(1), 1), -EINVAL);
	assert_int_equal(aspace_discard(as, VADDR(0x20000), PAGE_SIZE), -ENOMEM);
	assert_int_equal(map(BASE, 3 * PAGE_SIZE, VMA_READ, true, &at), 0);
	assert_int_equal(aspace_remap(as, VADDR(BASE + 1), 1, 1, 0, VADDR(0)), -EINVAL);
	assert_int_equal(aspace_remap(as, VADDR(BASE), 1, 0, 0, VADDR(0)), -EINVAL);
	assert_int_equal(aspace_remap(as, VADDR(BASE), 1, 1, MREMAP_FIXED, VADDR(0)), -EINVAL);
	assert_int_equal(aspace_remap(as, VADDR(BASE), 4 * PAGE_SIZE, 5 * PAGE_SIZE, 1, VADDR(0)),
			 -EFAULT);
	assert_int_equal(aspace_remap(as, VADDR(0x40000), 1, 1, 0, VADDR(0)), -EFAULT);
	assert_int_equal(map(BASE + 3 * PAGE_SIZE, PAGE_SIZE, VMA_EXEC, true, NULL), 0);
	assert_int_equal(aspace_remap(as, VADDR(BASE), 3 * PAGE_SIZE, 4 * PAGE_SIZE, 0, VADDR(0)),
			 -ENOMEM);
	as->as_limit = as->mapped + PAGE_SIZE;
	assert_int_equal(map(0, 2 * PAGE_SIZE, VMA_READ, false, NULL), -ENOMEM);
	assert_int_equal(map(0, PAGE_SIZE, VMA_READ, false, NULL), 0);
	assert_int_equal(map(BASE, 3 * PAGE_SIZE, VMA_READ, true, NULL), 0); /* replaces as much */
	as->as_limit = UINT64_MAX;
}

/* mprotect over a hole changes what comes before it. */
static void protect_stops_at_a_hole(void **state)
{
	(void)state;
	map(BASE, 2 * PAGE_SIZE, VMA_READ, true, NULL);
	map(BASE + 3 * PAGE_SIZE, PAGE_SIZE, VMA_READ, true, NULL);
	assert_int_equal(aspace_protect(as, VADDR(BASE), 4 * PAGE_SIZE, 0), -ENOMEM);
	assert_int_equal(aspace_find(as, VADDR(BASE + PAGE_SIZE))->flags, 0);
	assert_int_equal(aspace_find(as, VADDR(BASE + 3 * PAGE_SIZE))->flags, VMA_READ);
	aspace_find(as, VADDR(BASE))->flags |= VMA_NOWRITE;
	assert_int_equal(aspace_protect(as, VADDR(BASE), PAGE_SIZE, VMA_WRITE), -EACCES);
}

static void placement_is_top_down(void **state)
{
	uint64_t a, b, c, top = as->mmap_top.v;
	struct map_request r = {.hint = VADDR(top - PAGE_SIZE), .len = 1, .noreplace = true};
	vaddr_t out;

	(void)state;
	map(0, 3 * PAGE_SIZE, VMA_READ, false, &a);
	map(0, PAGE_SIZE, VMA_WRITE, false, &b);
	assert_int_equal(a, top - 3 * PAGE_SIZE);
	assert_int_equal(b, a - PAGE_SIZE);
	assert_int_equal(as->nvmas, 2);
	assert_int_equal(aspace_map(as, &r, &out), -EEXIST);
	aspace_unmap(as, VADDR(a + PAGE_SIZE), PAGE_SIZE);
	map(0, PAGE_SIZE, VMA_READ, false, &c);
	assert_int_equal(c, a + PAGE_SIZE); /* the hole is used, and the neighbours are joined */
	assert_int_equal(as->nvmas, 2);
	map(BASE, PAGE_SIZE, VMA_READ, false, &c);
	assert_int_equal(c, BASE); /* a hint that is free */
	map(BASE, PAGE_SIZE, VMA_READ, false, &c);
	assert_int_equal(c, b - PAGE_SIZE);
}

static void holes_against_a_search(void **state)
{
	struct rng rng = rng_for("holes");

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		map(BASE + rng_below(&rng, 2000) * PAGE_SIZE, PAGE_SIZE * (1 + rng_below(&rng, 5)),
		    1u << rng_below(&rng, 3), true, NULL);
	for (unsigned i = 0; i < 400; i++) {
		uint64_t low = BASE + rng_below(&rng, 1000) * PAGE_SIZE;
		uint64_t high = low + rng_below(&rng, 1000) * PAGE_SIZE;
		uint64_t len = (1 + rng_below(&rng, 12)) * PAGE_SIZE, expected = 0;

		for (uint64_t at = low; at + len <= high; at += PAGE_SIZE)
			if (space_covered(as, at, at + len, NULL) == 0)
				expected = at;
		assert_int_equal(space_hole(as, low, high, len), expected);
	}
	for (unsigned i = 0; i < 2500; i += 7)
		aspace_unmap(as, page_va(i), PAGE_SIZE * 3);
}

static void stacks_grow(void **state)
{
	uint64_t top = 0x3ffff00000, low;
	struct map_request r = {.hint = VADDR(top - 4 * PAGE_SIZE),
				.len = 4 * PAGE_SIZE,
				.flags = VMA_READ | VMA_WRITE | VMA_GROWSDOWN,
				.kind = TV_STACK,
				.fixed = true};
	vaddr_t out;
	uint64_t at;

	(void)state;
	assert_int_equal(aspace_map(as, &r, &out), 0);
	assert_int_equal(kind_of(top - 8, VMA_WRITE), TK_ZERO);
	assert_int_equal(kind_of(top - 0x100000, VMA_WRITE), TK_STACK);
	assert_int_equal(aspace_find(as, VADDR(top - 8))->start.v, top - 0x100000);
	assert_int_equal(kind_of(top - 0x200000, VMA_EXEC), TK_SEGV_ACCERR);
	assert_int_equal(kind_of(top - as->stack_limit, VMA_WRITE), TK_STACK);
	assert_int_equal(kind_of(top - as->stack_limit - 1, VMA_WRITE), TK_SEGV_MAPERR);
	as->stack_limit *= 2;
	low = top - as->stack_limit / 2;
	/* Another mapping keeps its distance by itself, */
	as->mmap_top = VADDR(top);
	map(0, PAGE_SIZE, VMA_READ, false, &at);
	assert_int_equal(at, low - STACK_GUARD - PAGE_SIZE);
	aspace_check(as);
	/* and the stack keeps it from a mapping. */
	assert_int_equal(kind_of(low - 8, VMA_WRITE), TK_SEGV_MAPERR);
	aspace_unmap(as, VADDR(at), PAGE_SIZE);
	assert_int_equal(kind_of(low - 8, VMA_WRITE), TK_STACK);
	aspace_check(as);
}

static void brk_moves(void **state)
{
	uint64_t start = 0x20123;

	(void)state;
	as->brk_start = as->brk = start;
	assert_int_equal(aspace_brk(as, 0), start);
	assert_int_equal(aspace_brk(as, start + 0x10001), start + 0x10001);
	assert_int_equal(kind_of(0x21000, VMA_WRITE), TK_ZERO);
	assert_int_equal(aspace_find(as, VADDR(0x21000))->kind, TV_HEAP);
	assert_int_equal(aspace_brk(as, start + 0x20001), start + 0x20001);
	assert_int_equal(as->nvmas, 1);
	assert_int_equal(aspace_brk(as, start - 1), start + 0x20001);
	assert_int_equal(aspace_brk(as, start + 5), start + 5);
	assert_int_equal(as->nvmas, 0);
	assert_int_equal(aspace_npages(as), 0);
	map(0x30000, PAGE_SIZE, VMA_READ, true, NULL);
	assert_int_equal(aspace_brk(as, 0x2f001), start + 5); /* one page stays free between */
	assert_int_equal(aspace_brk(as, 0x2f000), 0x2f000);
	as->data_limit = 0x1000;
	assert_int_equal(aspace_brk(as, start + 0x1001), 0x2f000);
	as->data_limit = UINT64_MAX;
	assert_int_equal(aspace_brk(as, UINT64_MAX), 0x2f000);
}

static void remap_keeps_contents(void **state)
{
	uint64_t a, b;
	uint8_t *p;

	(void)state;
	map(0, 4 * PAGE_SIZE, VMA_READ | VMA_WRITE, false, &a);
	map(a + 4 * PAGE_SIZE, PAGE_SIZE, VMA_READ, true, NULL);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(touch(a + i * PAGE_SIZE, VMA_WRITE, &p, NULL), 0);
		*p = (uint8_t)(10 + i);
	}
	b = (uint64_t)aspace_remap(as, VADDR(a), 4 * PAGE_SIZE, 100 * PAGE_SIZE, MREMAP_MAYMOVE,
				   VADDR(0));
	assert_int_not_equal(a, b);
	assert_int_equal(aspace_npages(as), 4); /* moved with their PTEs: no fault needed */
	for (unsigned i = 0; i < 4; i++) {
		unsigned kind = TK_NONE;

		assert_int_equal(touch(b + i * PAGE_SIZE, VMA_WRITE, &p, &kind), 0);
		assert_int_equal(kind, TK_NONE);
		assert_int_equal(*p, 10 + i);
	}
	assert_null(aspace_find(as, VADDR(a)));
	assert_int_equal(aspace_remap(as, VADDR(b), 100 * PAGE_SIZE, PAGE_SIZE, 0, VADDR(0)), b);
	assert_int_equal(aspace_npages(as), 1);
}

static void shared_anonymous_memory(void **state)
{
	uint64_t at;
	uint8_t *p;

	(void)state;
	assert_int_equal(map(0, 4 * PAGE_SIZE, VMA_READ | VMA_WRITE | VMA_SHARED, false, &at), 0);
	assert_int_equal(kind_of(at, VMA_READ), TK_ZERO);
	assert_int_equal(touch(at, VMA_WRITE, &p, NULL), 0);
	*p = 5;
	assert_int_equal(aspace_discard(as, VADDR(at), PAGE_SIZE), 0); /* the object keeps it */
	assert_int_equal(touch(at, VMA_READ, &p, NULL), 0);
	assert_int_equal(*p, 5);
}

/* -- the reverse map ------------------------------------------------------------------------ */

#define NSPACES 4

struct found {
	struct aspace *as[16];
	uint64_t va[16];
	unsigned n;
};

static void visit(void *ctx, struct aspace *space, vaddr_t va, struct arch_mapping m)
{
	struct found *f = ctx;

	(void)m;
	assert_true(mutex_is_locked(&space->lock));
	assert_in_range(f->n, 0, 15);
	f->as[f->n] = space;
	f->va[f->n++] = va.v;
}

/* The walk from the frame at va of `of` finds just the pages, in all spaces, that show the frame.
 */
static void compare_reverse(struct aspace *const space[NSPACES], const uint64_t *base,
			    unsigned nbases, unsigned of, uint64_t va)
{
	struct arch_mapping m = arch_pt_get(&space[of]->pt, VADDR(va));
	struct found f = {.n = 0};
	unsigned expected = 0;

	if (!m.present || frame_of(m.pfn)->kind == FRAME_ZERO)
		return;
	rmap_walk(frame_of(m.pfn), visit, &f);
	for (unsigned s = 0; s < NSPACES; s++) {
		for (uint64_t i = 0; space[s] && i < 64ULL * nbases; i++) {
			uint64_t at = base[i / 64] + i % 64 * PAGE_SIZE;
			struct arch_mapping other = arch_pt_get(&space[s]->pt, VADDR(at));
			bool listed = false;

			if (!other.present || other.pfn.v != m.pfn.v)
				continue;
			expected++;
			for (unsigned k = 0; k < f.n; k++)
				listed |= f.as[k] == space[s] && f.va[k] == at;
			assert_true(listed);
		}
	}
	assert_int_equal(f.n, expected);
}

/* Forks, forks of forks, writes, moves and cuts: every mapped page is found from its frame. */
static void reverse_map_finds_every_page(void **state)
{
	struct aspace *space[NSPACES] = {as};
	uint64_t base[] = {BASE, BASE + 0x40000000, BASE + 0x80000000, BASE + 0x100000};
	struct mobj *others = file; /* what other tests map stays whole */
	unsigned n = ARRAY_SIZE(base);

	(void)state;
	file = mobj_create(MOBJ_FILE, FILE_SIZE);
	assert_non_null(file);
	assert_int_equal(map(base[0], 64 * PAGE_SIZE, VMA_READ | VMA_WRITE, true, NULL), 0);
	assert_int_equal(map_file(base[2], 32 * PAGE_SIZE, VMA_READ | VMA_WRITE | VMA_SHARED, 0),
			 0);
	assert_int_equal(map_file(base[3], 32 * PAGE_SIZE, VMA_READ | VMA_WRITE, 0), 0);
	for (unsigned i = 0; i < 64; i++)
		touch(base[0] + i * PAGE_SIZE, VMA_WRITE, NULL, NULL);
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		touch(base[2] + i * PAGE_SIZE, VMA_WRITE, NULL, NULL);
		touch(base[3] + i * PAGE_SIZE, i % 2 ? VMA_READ : VMA_WRITE, NULL, NULL);
	}
	for (unsigned s = 1; s < NSPACES; s++) {
		space[s] = aspace_fork(space[s / 2]);
		assert_non_null(space[s]);
		as = space[s];
		for (unsigned i = s; i < 64; i += 7)
			touch(base[0] + i * PAGE_SIZE, VMA_WRITE, NULL, NULL);
		if (s == 2) /* pages that move keep their indexes */
			assert_int_equal(aspace_remap(as, VADDR(base[0] + 8 * PAGE_SIZE),
						      8 * PAGE_SIZE, 8 * PAGE_SIZE,
						      MREMAP_MAYMOVE | MREMAP_FIXED,
						      VADDR(base[1])),
					 base[1]);
	}
	as = space[0];
	assert_int_equal(aspace_unmap(as, VADDR(base[0] + 20 * PAGE_SIZE), 4 * PAGE_SIZE), 0);
	for (unsigned s = 0; s < NSPACES; s++)
		for (unsigned i = 0; i < 64 * n; i++)
			compare_reverse(space, base, n, s, base[i / 64] + i % 64 * PAGE_SIZE);
	/* What is cut off a file goes from every space. */
	mobj_resize(file, PAGE_SIZE);
	rmap_forget(file, 1, UINT64_MAX, true);
	for (unsigned s = 0; s < NSPACES; s++) {
		for (unsigned i = 1; i < 32; i++) {
			assert_false(
			    arch_pt_get(&space[s]->pt, VADDR(base[2] + i * PAGE_SIZE)).present);
			assert_false(
			    arch_pt_get(&space[s]->pt, VADDR(base[3] + i * PAGE_SIZE)).present);
		}
	}
	mobj_trim(file);
	for (unsigned s = 0; s < NSPACES; s++)
		aspace_check(space[s]);
	for (unsigned s = 1; s < NSPACES; s++)
		aspace_put(space[s]);
	mobj_put(file);
	file = others;
}

static void user_copies(void **state)
{
	char buf[32] = "";
	uint64_t at;

	(void)state;
	map(0, 2 * PAGE_SIZE, VMA_READ | VMA_WRITE, false, &at);
	assert_int_equal(arch_copy_to_user(VADDR(at + 2 * PAGE_SIZE - 4), "12345678", 8), 4);
	assert_int_equal(arch_strncpy_from_user(buf, VADDR(at + 2 * PAGE_SIZE - 4), 32), -EFAULT);
	assert_int_equal(arch_clear_user(VADDR(at + 2 * PAGE_SIZE - 1), 1), 0);
	assert_int_equal(arch_strncpy_from_user(buf, VADDR(at + 2 * PAGE_SIZE - 4), 32), 3);
	assert_string_equal(buf, "123");
	assert_int_equal(arch_copy_from_user(buf, VADDR(-16), 32), 32);
}

/* What arch.c's copies call in place of a trap. */
bool kernel_page_fault(struct trapframe *tf, vaddr_t va, unsigned access, bool from_user)
{
	struct fault_result refused = {.signo = -1};
	int how = aspace_fault_trap(as, va, 13, 0, 1, access, from_user, &refused);

	(void)tf;
	if (how < 0)
		assert_true(refused.signo == SIGSEGV || refused.signo == SIGBUS ||
			    refused.signo == SIGKILL);
	return how >= 0;
}

/* -- lack of memory ------------------------------------------------------------------------ */

static bool scenario(void)
{
	uint64_t at;
	bool ok = true;

	ok &= map(BASE, 64 * PAGE_SIZE, VMA_READ | VMA_WRITE, true, NULL) == 0;
	for (unsigned i = 0; i < 64; i += 5)
		ok &= touch(BASE + i * PAGE_SIZE, i % 2 ? VMA_READ : VMA_WRITE, NULL, NULL) == 0;
	ok &= map_file(BASE + 10 * PAGE_SIZE, 20 * PAGE_SIZE, VMA_READ | VMA_WRITE, 0) == 0;
	ok &= touch(BASE + 12 * PAGE_SIZE, VMA_WRITE, NULL, NULL) == 0;
	ok &= aspace_protect(as, VADDR(BASE + 3 * PAGE_SIZE), 3 * PAGE_SIZE, VMA_READ) == 0;
	ok &= aspace_remap(as, VADDR(BASE + 40 * PAGE_SIZE), 10 * PAGE_SIZE, 800 * PAGE_SIZE,
			   MREMAP_MAYMOVE, VADDR(0)) > 0;
	ok &= aspace_unmap(as, VADDR(BASE + 35 * PAGE_SIZE), PAGE_SIZE) == 0;
	ok &= map(0, PAGE_SIZE, VMA_READ | VMA_SHARED, false, &at) == 0;
	as->brk_start = as->brk = 0x20000;
	ok &= aspace_brk(as, 0x30000) == 0x30000;
	return ok;
}

static void every_allocation_fails_once(void **state)
{
	struct frame_stats before, after;
	bool done = false;

	(void)state;
	/* A page-table frame that a move cannot get fails nothing, so success ends no loop. */
	for (unsigned n = 1; n < 60; n++) {
		struct aspace *mine = as;

		before = stats_now();
		frame_fail_after(n);
		as = aspace_create();
		if (as) {
			done = scenario();
			frame_fail_after(0);
			aspace_check(as);
			aspace_put(as);
		}
		frame_fail_after(0);
		as = mine;
		after = stats_now();
		frame_check();
		slab_check();
		assert_int_equal(after.by_state[TF_ANON], before.by_state[TF_ANON]);
		assert_int_equal(after.by_state[TF_FILE], before.by_state[TF_FILE]);
		assert_int_equal(after.by_state[TF_PAGETABLE], before.by_state[TF_PAGETABLE]);
	}
	assert_true(done);
}

static void out_of_memory_is_a_kill(void **state)
{
	uint64_t at;
	int sig = 0;

	(void)state;
	map(0, RAM_LEN, VMA_READ | VMA_WRITE, false, &at);
	for (uint64_t i = 0; i < RAM_LEN && !sig; i += PAGE_SIZE)
		sig = touch(at + i, VMA_WRITE, NULL, NULL);
	assert_int_equal(sig, SIGKILL);
	assert_int_equal(aspace_unmap(as, VADDR(at), RAM_LEN), 0);
	assert_int_equal(aspace_npages(as), 0);
}

static int group_setup(void **state)
{
	(void)state;
	host_init(RAM_LEN, 0x10000, 1);
	slab_init();
	rand_seed(3);
	file = mobj_create(MOBJ_FILE, 0);
	return file && mobj_write(file, FILE_SIZE - 1, "", 1) == 1 ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(random_against_a_model),
	    TEST(kinds_of_faults),
	    TEST(errors_are_linux),
	    TEST(protect_stops_at_a_hole),
	    TEST(placement_is_top_down),
	    TEST(holes_against_a_search),
	    TEST(stacks_grow),
	    TEST(brk_moves),
	    TEST(remap_keeps_contents),
	    TEST(shared_anonymous_memory),
	    TEST(reverse_map_finds_every_page),
	    TEST(user_copies),
	    TEST(every_allocation_fails_once),
	    TEST(out_of_memory_is_a_kill),
	};
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
