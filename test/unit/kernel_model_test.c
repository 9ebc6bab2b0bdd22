/*
 * A family of address spaces against a naive model: an array of pages for each
 * space, a counted cell for each private page.
 *
 * Spaces map, unmap, protect, move, discard and touch ranges of a window that
 * spans several leaf tables; they fork, and die in any order; files change under
 * them. The model says what each access must give, and what is seen of every page
 * that is mapped. A cell is shared by a fork and copied by the first write of one
 * who is not alone, so the number of cells is the number of frames that anonymous
 * memory may use: one more is a leak or a needless copy, one less is two pages in
 * one.
 *
 * The same runs are made again with the Nth frame allocation failing, for N = 1,
 * 2, ... to the end: what fails has changed nothing, and nothing is left over.
 *
 * MODEL_SEED, MODEL_RUNS and MODEL_STEPS in the environment make other, more and longer runs.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "kernel/arch/host/host.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/rand.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

#define RAM_LEN     (96UL << 20)
#define TABLE_PAGES 512
#define PAGES       (4 * TABLE_PAGES + 100)
#define BASE        (0x10000000UL + 300 * PAGE_SIZE) /* in the middle of a leaf table's range */
#define FILE_PAGES  (TABLE_PAGES + 200)
#define SPACES      7
#define OBJECTS     24
#define NONE        (-1)
#define THE_FILE    0

/* -- the model ------------------------------------------------------------------------------ */

struct cell {
	unsigned refs;
	uint64_t value;
};

/* What shared mappings show: object 0 is the file, the others are anonymous. */
struct object {
	unsigned refs; /* pages of the model that show it */
	unsigned npages;
	struct mobj *mobj; /* compared, never followed */
	uint64_t value[PAGES];
	bool touched[PAGES];
};

struct page {
	bool mapped;
	unsigned flags;   /* VMA_* */
	int object;       /* NONE: private and anonymous */
	unsigned index;   /* in the object */
	struct cell *own; /* the private page; NULL: none yet */
};

struct space {
	struct aspace *as; /* NULL: this one is free */
	struct page page[PAGES];
};

static struct space space[SPACES];
static struct object object[OBJECTS];
static struct mobj *file;
static unsigned ncells;
static struct rng rng;
static bool failing; /* an allocation of this run fails */

static unsigned below(unsigned n)
{
	return (unsigned)rng_below(&rng, n);
}

static vaddr_t page_va(unsigned page)
{
	return VADDR(BASE + page * PAGE_SIZE);
}

static struct cell *cell_create(uint64_t value)
{
	struct cell *c = calloc(1, sizeof *c);

	*c = (struct cell){.refs = 1, .value = value};
	ncells++;
	return c;
}

static void cell_put(struct cell *c)
{
	if (!c || --c->refs > 0)
		return;
	ncells--;
	free(c);
}

static void page_get(const struct page *p)
{
	if (p->own)
		p->own->refs++;
	if (p->mapped && p->object != NONE)
		object[p->object].refs++;
}

static void page_put(struct page *p)
{
	cell_put(p->own);
	if (p->mapped && p->object > THE_FILE && --object[p->object].refs == 0)
		object[p->object] = (struct object){.mobj = NULL};
	*p = (struct page){.object = NONE};
}

static void pages_put(struct space *s, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		page_put(&s->page[i]);
}

static bool is_beyond(const struct page *p)
{
	return p->object != NONE && p->index >= object[p->object].npages;
}

static uint64_t page_value(const struct page *p)
{
	if (p->own)
		return p->own->value;
	return p->object == NONE ? 0 : object[p->object].value[p->index];
}

/* -- what is seen --------------------------------------------------------------------------- */

/* A page's contents stand at both of its ends, so that half a copy is seen. */
static uint64_t mirror(uint64_t value)
{
	return value * 0x9e3779b97f4a7c15;
}

static void contents_set(uint64_t *page, uint64_t value)
{
	page[0] = value;
	page[PAGE_SIZE / 8 - 1] = mirror(value);
}

static void contents_check(const uint64_t *page, uint64_t value)
{
	assert_int_equal(page[0], value);
	assert_int_equal(page[PAGE_SIZE / 8 - 1], mirror(value));
	assert_int_equal(page[PAGE_SIZE / 16], 0);
}

/*
 * Neighbours that continue each other in every respect are one VMA; but for those that a fork
 * wiped: what kept them apart is gone, and they wait for the next change.
 */
static void merging_check(const struct vma *v)
{
	const struct vma *next = vma_next(v);
	uint64_t pages = (v->end.v - v->start.v) / PAGE_SIZE;

	if (!next || v->end.v != next->start.v || v->flags != next->flags ||
	    v->kind != next->kind || v->flags & VMA_WIPEONFORK)
		return;
	if (v->file != next->file || (v->file && v->file_offset + pages != next->file_offset))
		return;
	assert_true(v->anon && next->anon && v->anon != next->anon);
}

static void page_check(const struct space *s, unsigned i, const struct vma *v)
{
	const struct page *p = &s->page[i];
	struct arch_mapping m = arch_pt_get(&s->as->pt, page_va(i));

	assert_int_equal(v != NULL, p->mapped);
	if (!v) {
		assert_false(m.present);
		return;
	}
	assert_int_equal(v->flags & ~(unsigned)VMA_ACCOUNT, p->flags); /* promises: limit.c */
	assert_ptr_equal(v->file, p->object == NONE ? NULL : object[p->object].mobj);
	if (v->file)
		assert_int_equal(v->file_offset + (page_va(i).v - v->start.v) / PAGE_SIZE,
				 p->index);
	if (!m.present)
		return;
	assert_false(is_beyond(p));
	assert_int_equal(m.rights & ~vma_rights(v), 0);
	if (m.rights & ARCH_W && !(p->flags & VMA_SHARED))
		assert_true(p->own && p->own->refs == 1);
	contents_check(frame_kva(frame_of(m.pfn)), page_value(p));
}

static void space_compare(const struct space *s)
{
	const struct vma *v = aspace_next(s->as, VADDR(0));
	unsigned nvmas = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		while (v && v->end.v <= page_va(i).v)
			v = vma_next(v);
		page_check(s, i, v && v->start.v <= page_va(i).v ? v : NULL);
	}
	for (v = aspace_next(s->as, VADDR(0)); v; v = vma_next(v)) {
		merging_check(v);
		nvmas++;
	}
	assert_int_equal(nvmas, s->as->nvmas);
	aspace_check(s->as);
}

static uint64_t frames_in(unsigned state)
{
	struct frame_stats stats;

	frame_stats(&stats);
	return stats.by_state[state];
}

static uint64_t shared_frames(void)
{
	uint64_t sum = 0;

	for (unsigned o = THE_FILE + 1; o < OBJECTS; o++)
		for (unsigned i = 0; object[o].refs && i < object[o].npages; i++)
			sum += object[o].touched[i];
	return sum;
}

static void compare(void)
{
	for (unsigned i = 0; i < SPACES; i++)
		if (space[i].as)
			space_compare(&space[i]);
	assert_int_equal(frames_in(TF_ANON), ncells + shared_frames());
	frame_check();
}

/* => whether a call failed for want of memory, as this run provokes, and so changed nothing. */
static bool is_refused(int64_t result)
{
	if (result != -ENOMEM || !failing)
		return false;
	compare();
	return true;
}

/* -- operations ----------------------------------------------------------------------------- */

struct range {
	unsigned first, n;
};

/* Mostly a few pages; some ranges are large, or end where leaf tables do. */
static struct range range_choose(void)
{
	struct range r = {.first = below(PAGES), .n = 1 + below(24)};

	switch (below(24)) {
	case 0: r.n = 1 + below(PAGES); break;
	case 1:
	case 2: r.n = 1 + below(TABLE_PAGES); break;
	case 3:
		r.first = TABLE_PAGES * (1 + below(3)) - 300;
		r.n = TABLE_PAGES;
		break;
	case 4:
	case 5: r.first = TABLE_PAGES * (1 + below(4)) - 300 - below(3); break;
	default: break;
	}
	if (r.n > PAGES - r.first)
		r.n = PAGES - r.first;
	return r;
}

/*
 * An access of a program. => 0 and the page's contents, or the signal. Where there was no memory,
 * what the fault had got may stay, so it is made again.
 */
static int touch(struct space *s, unsigned page, unsigned access, uint64_t **contents)
{
	unsigned right = access == VMA_READ ? ARCH_R : access == VMA_WRITE ? ARCH_W : ARCH_X;
	void *kva;

	for (unsigned tries = 0; !host_access(&s->as->pt, page_va(page), right, &kva); tries++) {
		struct fault_result r = aspace_fault(s->as, page_va(page), access);

		assert_true(tries < 3);
		if (r.signo == SIGKILL && failing && tries == 0)
			continue;
		if (r.signo)
			return r.signo;
	}
	*contents = kva;
	return 0;
}

static void page_touch(struct space *s, unsigned i, unsigned access)
{
	struct page *p = &s->page[i];
	unsigned allowed = access == VMA_READ ? VMA_READ | VMA_WRITE : access;
	uint64_t *contents = NULL, value;
	int signo = touch(s, i, access, &contents);

	if (!p->mapped || !(p->flags & allowed)) {
		assert_int_equal(signo, SIGSEGV);
		return;
	}
	if (is_beyond(p)) {
		assert_int_equal(signo, SIGBUS);
		return;
	}
	assert_int_equal(signo, 0);
	contents_check(contents, page_value(p));
	if (p->flags & VMA_SHARED)
		object[p->object].touched[p->index] = true;
	if (access != VMA_WRITE)
		return;
	value = rng_next(&rng);
	contents_set(contents, value);
	if (p->flags & VMA_SHARED) {
		object[p->object].value[p->index] = value;
	} else if (p->own && p->own->refs == 1) {
		p->own->value = value;
	} else {
		cell_put(p->own);
		p->own = cell_create(value);
	}
}

static void do_touch(struct space *s)
{
	static const unsigned accesses[] = {VMA_READ, VMA_WRITE, VMA_WRITE, VMA_EXEC};
	struct range r = range_choose();
	unsigned access = accesses[below(4)], step = 1 + below(5);

	for (unsigned i = 0; i < r.n; i += step)
		page_touch(s, r.first + i, access);
}

static int object_free(void)
{
	for (int o = THE_FILE + 1; o < OBJECTS; o++)
		if (!object[o].refs)
			return o;
	return NONE;
}

static void do_map(struct space *s, struct range r)
{
	unsigned flags = below(4) ? VMA_READ | VMA_WRITE : below(8);
	int o = NONE;
	struct map_request req = {.hint = page_va(r.first), .len = r.n * PAGE_SIZE, .fixed = true};
	unsigned index = 0;
	vaddr_t at;
	int err;

	switch (below(8)) {
	case 0: flags |= VMA_SHARED; /* fall through */
	case 1:
		o = THE_FILE;
		index = below(FILE_PAGES);
		req.file = file;
		req.kind = TV_FILE;
		req.offset = index * PAGE_SIZE;
		break;
	case 2:
		o = object_free();
		flags |= o == NONE ? 0 : VMA_SHARED;
		break;
	case 3: flags |= VMA_WIPEONFORK; break;
	default: break;
	}
	if (below(8) == 0)
		flags |= VMA_DONTFORK;
	req.flags = flags;
	req.noreplace = below(4) == 0;
	for (unsigned i = r.first; req.noreplace && i < r.first + r.n; i++) {
		if (!s->page[i].mapped)
			continue;
		assert_int_equal(aspace_map(s->as, &req, &at), -EEXIST);
		return;
	}
	err = aspace_map(s->as, &req, &at);
	if (is_refused(err))
		return;
	assert_int_equal(err, 0);
	assert_int_equal(at.v, page_va(r.first).v);
	pages_put(s, r.first, r.n);
	if (o > THE_FILE) {
		object[o].mobj = aspace_find(s->as, at)->file;
		object[o].npages = r.n;
	}
	for (unsigned i = 0; i < r.n; i++) {
		struct page *p = &s->page[r.first + i];

		*p = (struct page){.mapped = true, .flags = flags, .object = o, .index = index + i};
		page_get(p);
	}
}

/* A place is the highest hole that fits. */
static void do_place(struct space *s)
{
	unsigned n = 1 + below(40), run = 0, i;
	struct map_request req = {.len = n * PAGE_SIZE, .flags = VMA_READ | VMA_WRITE};
	vaddr_t at;
	int err;

	for (i = PAGES; i > 0 && run < n; i--)
		run = s->page[i - 1].mapped ? 0 : run + 1;
	err = aspace_map(s->as, &req, &at);
	if (is_refused(err))
		return;
	assert_int_equal(err, 0);
	if (run < n) {
		/* here: pages [0, run) of the window are free, and all that is below it */
		assert_int_equal(at.v, page_va(run).v - n * PAGE_SIZE);
		err = aspace_unmap(s->as, at, n * PAGE_SIZE);
		failing ? (void)0 : assert_int_equal(err, 0);
		if (err)
			assert_int_equal(aspace_unmap(s->as, at, n * PAGE_SIZE), 0);
		return;
	}
	assert_int_equal(at.v, page_va(i).v);
	for (; n > 0; n--, i++)
		s->page[i] =
		    (struct page){.mapped = true, .flags = VMA_READ | VMA_WRITE, .object = NONE};
}

static void do_unmap(struct space *s)
{
	struct range r = range_choose();
	int err = aspace_unmap(s->as, page_va(r.first), r.n * PAGE_SIZE);

	if (is_refused(err))
		return;
	assert_int_equal(err, 0);
	pages_put(s, r.first, r.n);
}

static void do_protect(struct space *s)
{
	struct range r = range_choose();
	unsigned prot = below(2) ? VMA_READ | VMA_WRITE : below(8), i;
	int err = aspace_protect(s->as, page_va(r.first), r.n * PAGE_SIZE, prot);
	bool hole = false;

	for (i = 0; i < r.n; i++)
		hole |= !s->page[r.first + i].mapped;
	if (!failing)
		assert_int_equal(err, hole ? -ENOMEM : 0);
	/* As on Linux, what lies before the hole, or before where memory ran out, has changed. */
	for (i = 0; i < r.n && s->page[r.first + i].mapped; i++) {
		if (failing && err &&
		    (aspace_find(s->as, page_va(r.first + i))->flags & VMA_PROT) != prot)
			break;
		s->page[r.first + i].flags =
		    (s->page[r.first + i].flags & ~(unsigned)VMA_PROT) | prot;
	}
	if (failing)
		compare();
}

static void do_discard(struct space *s)
{
	struct range r = range_choose();
	int err = aspace_discard(s->as, page_va(r.first), r.n * PAGE_SIZE);
	bool hole = false;

	for (unsigned i = r.first; i < r.first + r.n; i++)
		hole |= !s->page[i].mapped;
	if (!hole && is_refused(err))
		return;
	if (failing && hole) /* whose error was it? */
		err = aspace_discard(s->as, page_va(r.first), r.n * PAGE_SIZE);
	assert_int_equal(err, hole ? -ENOMEM : 0);
	for (unsigned i = r.first; i < r.first + r.n; i++) {
		cell_put(s->page[i].own);
		s->page[i].own = NULL;
	}
}

/* The pages may have gone, all of them. */
static void gone_check(struct space *s, unsigned first, unsigned n)
{
	struct vma *v = aspace_next(s->as, page_va(first));

	if (!v || v->start.v >= page_va(first + n).v)
		pages_put(s, first, n);
}

/* Moves a range, of which as much as is kept lies in one VMA, to where it does not overlap. */
static void do_remap(struct space *s)
{
	static struct page moved[PAGES];
	struct range r = range_choose(), to = range_choose();
	struct vma *v = aspace_find(s->as, page_va(r.first));
	unsigned keep = r.n < to.n ? r.n : to.n;
	int64_t result;

	if (!v || (to.first < r.first + r.n && r.first < to.first + to.n) ||
	    v->end.v < page_va(r.first + keep).v)
		return;
	result = aspace_remap(s->as, page_va(r.first), r.n * PAGE_SIZE, to.n * PAGE_SIZE,
			      MREMAP_MAYMOVE | MREMAP_FIXED, page_va(to.first));
	if (failing && result == -ENOMEM) {
		/* As on Linux, what was in the way may be gone, and the end that is not wanted. */
		gone_check(s, to.first, to.n);
		if (r.n > to.n)
			gone_check(s, r.first + to.n, r.n - to.n);
		compare();
		return;
	}
	assert_int_equal(result, page_va(to.first).v);
	for (unsigned i = 0; i < to.n; i++) {
		moved[i] = s->page[r.first + (i < keep ? i : 0)];
		if (i >= keep)
			moved[i].own = NULL;
		if (i >= keep && moved[i].object != NONE)
			moved[i].index += i;
		page_get(&moved[i]);
	}
	pages_put(s, r.first, r.n);
	pages_put(s, to.first, to.n);
	memcpy(&s->page[to.first], moved, to.n * sizeof *moved);
}

/* Grows a VMA where it is, or cuts its end. */
static void do_resize(struct space *s)
{
	unsigned first = below(PAGES), end, n, last;
	struct vma *v = aspace_find(s->as, page_va(first));
	int64_t result;
	bool free = true;

	if (!v)
		return;
	end = (unsigned)((v->end.v - BASE) / PAGE_SIZE);
	n = 1 + below(end - first + 60);
	last = first + n;
	if (last > PAGES)
		return;
	for (unsigned i = end; i < last; i++)
		free &= !s->page[i].mapped;
	result = aspace_remap(s->as, page_va(first), page_va(end).v - page_va(first).v,
			      n * PAGE_SIZE, 0, VADDR(0));
	if (free && is_refused(result))
		return;
	assert_int_equal(result, free ? (int64_t)page_va(first).v : -ENOMEM);
	if (last < end)
		pages_put(s, last, end - last);
	for (unsigned i = end; free && i < last; i++) {
		s->page[i] = s->page[end - 1];
		s->page[i].own = NULL;
		s->page[i].index += i - (end - 1);
		page_get(&s->page[i]);
	}
}

static void do_fork(struct space *s)
{
	struct space *child = space;

	while (child < space + SPACES && child->as)
		child++;
	if (child == space + SPACES)
		return;
	child->as = aspace_fork(s->as);
	if (!child->as) {
		assert_true(failing);
		compare();
		return;
	}
	for (unsigned i = 0; i < PAGES; i++) {
		child->page[i] = s->page[i];
		if (s->page[i].flags & VMA_DONTFORK)
			child->page[i] = (struct page){.object = NONE};
		if (s->page[i].flags & VMA_WIPEONFORK)
			child->page[i].own = NULL;
		page_get(&child->page[i]);
	}
}

static void do_exit(struct space *s)
{
	aspace_put(s->as);
	s->as = NULL;
	pages_put(s, 0, PAGES);
}

/* write(2) to the file, of which mappings are to know. */
static void file_write(unsigned i)
{
	uint64_t page[PAGE_SIZE / 8] = {0}, value = rng_next(&rng);

	contents_set(page, value);
	if (mobj_write(file, i * PAGE_SIZE, page, PAGE_SIZE) != PAGE_SIZE)
		assert_true(failing);
	else
		object[THE_FILE].value[i] = value;
}

static unsigned living(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SPACES; i++)
		n += space[i].as != NULL;
	return n;
}

static void step(void)
{
	struct space *s;

	do
		s = &space[below(SPACES)];
	while (!s->as);
	switch (below(24)) {
	case 0:
	case 1:
	case 2: do_map(s, range_choose()); break;
	case 3: do_unmap(s); break;
	case 4:
	case 5: do_protect(s); break;
	case 6: do_discard(s); break;
	case 7: do_remap(s); break;
	case 8: do_resize(s); break;
	case 9:
	case 10: do_fork(s); break;
	case 11:
		if (living() > 1)
			do_exit(s);
		break;
	case 12: do_place(s); break;
	case 13: file_write(below(FILE_PAGES)); break;
	default: do_touch(s); break;
	}
}

/* => whether the allocation that was to fail did. */
static bool has_failed(uint64_t nth)
{
	for (uint64_t i = 0; i < nth; i++) {
		struct frame *f = frame_alloc(0, TF_ANON, 0);

		if (!f)
			return false;
		frame_free(f, 0);
	}
	return true;
}

/* All pages of the file are there, so that it holds as much after a run as before. */
static void file_fill(void)
{
	for (unsigned i = 0; i < FILE_PAGES; i++)
		file_write(i);
}

/*
 * A family's life, from one space until all are dead, the nth frame allocation failing; 0: none.
 * => whether it failed.
 */
static bool run(uint64_t seed, unsigned steps, unsigned every, uint64_t nth)
{
	uint64_t tables = frames_in(TF_PAGETABLE), objects;
	bool failed;

	rand_seed(seed);
	rng = rng_for("model");
	failing = false;
	file_fill();
	objects = slab_used();
	space[0].as = aspace_create();
	assert_non_null(space[0].as);
	space[0].as->mmap_top = page_va(PAGES);
	for (unsigned at = 0; at < PAGES; at += PAGES / 4)
		do_map(&space[0], (struct range){.first = at, .n = PAGES / 4});
	failing = nth > 0;
	frame_fail_after(nth);
	for (unsigned i = 1; i <= steps; i++) {
		step();
		if (i % every == 0)
			compare();
	}
	failed = nth > 0 && has_failed(nth);
	frame_fail_after(0);
	compare();
	slab_check();
	for (unsigned i = SPACES; i-- > 0;)
		if (space[i].as)
			do_exit(&space[i]);
	assert_int_equal(ncells, 0);
	assert_int_equal(frames_in(TF_ANON), 0);
	assert_int_equal(frames_in(TF_PAGETABLE), tables);
	assert_int_equal(slab_used(), objects);
	return failed;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

/* -- tests ---------------------------------------------------------------------------------- */

static void families_against_a_model(void **state)
{
	uint64_t seed = setting("MODEL_SEED", 1), steps = setting("MODEL_STEPS", 5000);

	(void)state;
	for (uint64_t i = seed; i < seed + 2 * setting("MODEL_RUNS", 1); i++) {
		print_message("MODEL_SEED=%lu\n", i);
		run(i, (unsigned)steps, 32, 0);
	}
}

static void every_step_is_checked(void **state)
{
	(void)state;
	run(setting("MODEL_SEED", 1) + 100, 500, 1, 0);
}

static void every_allocation_fails_once(void **state)
{
	uint64_t seed = setting("MODEL_SEED", 1) + 200, nth;

	(void)state;
	for (uint64_t i = seed; i < seed + setting("MODEL_RUNS", 1); i++) {
		for (nth = 1; run(i, 80, 80, nth); nth++)
			;
		assert_true(nth > 100);
	}
}

static int group_setup(void **state)
{
	(void)state;
	host_init(RAM_LEN, 0x10000, 1);
	slab_init();
	file = mobj_create(MOBJ_FILE, 0);
	if (!file)
		return -1;
	mobj_truncate(file, FILE_PAGES * PAGE_SIZE);
	object[THE_FILE] = (struct object){.npages = FILE_PAGES, .mobj = file};
	for (unsigned i = 0; i < SPACES; i++)
		for (unsigned j = 0; j < PAGES; j++)
			space[i].page[j].object = NONE;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(families_against_a_model),
	    cmocka_unit_test(every_step_is_checked),
	    cmocka_unit_test(every_allocation_fails_once),
	};
	return cmocka_run_group_tests(tests, group_setup, NULL);
}
