/*
 * Address spaces: the tree of VMAs, and the life of a space.
 *
 * Terms. A *VMA* is a range of pages with one set of rights and one source of
 * contents. A private VMA has up to two: pages of its own in `anon`, a memory
 * object, and below it the file, if it maps one:
 *
 *	 VMA      start ........................ end
 *	 anon       .    P    .    P    P    .    .      own page, if there is one
 *	 file       F    F    F    F    F    F    .      else the file's page
 *
 * A shared VMA has `file` alone (a shared anonymous one, an anonymous object in
 * its place). VMAs that came from one VMA by splitting share its `anon`, each
 * owning the pages of its own range, all at the same distance between address and
 * index; one that moves alone takes its pages along in an object of its own. So the
 * object of a range that is extended into free space has no pages there.
 *
 * The tree is ordered by address. Each VMA knows the *gap* above it, up to the next
 * VMA, and each node the largest gap of its subtree; so the highest hole of a given
 * length is found without visiting subtrees that have none, in O(log n). What is known
 * in the tree of a gap from 1 GiB on is its size rounded up to GiB: a mapping that
 * takes a little from the top of the one great hole, as most do, then changes nothing
 * but the VMA below. A stack keeps a guard gap below itself free of what does not ask
 * for a fixed place.
 *
 * Invariants:
 *   I1  VMAs are page-aligned, not empty, below the end of user addresses, and
 *       do not overlap
 *   I2  a VMA's gap is the free room above it, the next one's guard gap aside;
 *       subtree_gap is as summary_refresh() says; first is the lowest VMA
 *   I3  nvmas counts the VMAs, mapped their bytes, and code, data, stack, locked and
 *       committed the bytes of those that their names say
 *   I4  anon is NULL or anonymous, and NULL in a shared VMA
 *   I5  a frame mapped at a page is the VMA's own page, or its file's, or the
 *       zero frame, and rights are at most the VMA's; only the VMA's own pages
 *       that nobody else has and shared pages are writable
 *   I6  the page table's npages count the pages mapped, by kind
 *   I7  refs of a frame in use = PTEs that map it, in tables that are counted once
 *       whoever shares them, + nodes of objects that hold it (told to the lens,
 *       which checks it)
 *   I8  a VMA in the tree is on the lists of the objects that it maps
 *
 * Locks: `lock` guards all of a space, its page table too. Objects' locks are
 * taken inside it. What can fail does so before anything changes: callers
 * allocate the VMAs that a change may need (`spare`), then commit.
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/trace.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/mm/space/vma.h"
#include "abi/linux.h"

/* Linux's gap between the stack's top and the first mapping below: at least 128 MiB. */
#define MMAP_GAP            0x8000000UL
#define ROUGH_GAP           (1UL << 30)
#define DEFAULT_STACK_LIMIT 0x800000UL

struct frame *zero_frame;
static struct cache *aspace_cache, *vma_cache;
static uint32_t last_id;

/* -- VMAs ---------------------------------------------------------------------------------- */

struct vma *vma_alloc(void)
{
	return cache_alloc(vma_cache);
}

void vma_free(struct vma *v)
{
	if (v)
		cache_free(vma_cache, v);
}

void vma_release(struct vma *v)
{
	if (v->anon)
		mobj_put(v->anon);
	if (v->file) {
		if (v->flags & VMA_SHARED) /* whoever waits for the result has called msync */
			mobj_write_back(v->file, v->file_offset, v->file_offset + vma_npages(v));
		mobj_put(v->file);
	}
	vma_name_put(v->name);
	vma_free(v);
}

static void tell_add(const struct aspace *as, const struct vma *v)
{
	unsigned prot = v->flags & VMA_PROT;

	if (v->flags & VMA_SHARED)
		prot |= TP_SHARED;
	TRACE(TRACE_VMA_ADD, as->id, v->start.v, v->end.v, prot, v->kind,
	      v->file_offset << PAGE_SHIFT);
}

static void tell_remove(const struct aspace *as, const struct vma *v)
{
	TRACE(TRACE_VMA_REMOVE, as->id, v->start.v, v->end.v, 0, 0, 0);
}

/* -- the tree ------------------------------------------------------------------------------ */

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* a - b, and 0 where that would be negative. */
static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* Changes the sums of I3 by `delta` bytes of VMAs with these flags. */
static void count(struct aspace *as, unsigned flags, uint64_t delta)
{
	as->mapped += delta;
	if (as->mapped > as->mapped_peak)
		as->mapped_peak = as->mapped;
	switch (vma_use(flags)) {
	case USE_CODE: as->code += delta; break;
	case USE_DATA: as->data += delta; break;
	case USE_STACK: as->stack += delta; break;
	case USE_OTHER: break;
	}
	if (flags & VMA_LOCKED)
		as->locked += delta;
	if (flags & VMA_ACCOUNT) {
		as->committed += delta;
		commit_add(delta);
	}
}

/* What is known above of a hole of that size: never less. */
static uint64_t rough(uint64_t gap)
{
	return gap < ROUGH_GAP ? gap : ROUND_UP(gap, ROUGH_GAP);
}

/* I2. => whether that is new. */
static inline __attribute__((always_inline)) bool summary_refresh(struct avl_node *n)
{
	struct vma *v = vma_of(n), *left = vma_of(n->left), *right = vma_of(n->right);
	uint64_t gap = rough(v->gap), before = v->subtree_gap;

	if (left)
		gap = max(gap, left->subtree_gap);
	if (right)
		gap = max(gap, right->subtree_gap);
	v->subtree_gap = gap;
	return gap != before;
}

/* v's gap, `next` being behind it (NULL: nothing). => v and the nodes above are to be updated. */
static void gap_set(struct vma *v, const struct vma *next)
{
	v->gap = distance(next ? vma_gap_start(next) : arch_user_end().v, v->end.v);
}

/* The same for v in the tree, all done. */
static void gap_update(struct vma *v, const struct vma *next)
{
	gap_set(v, next);
	avl_update_with(&v->node, summary_refresh);
}

static bool node_summary(struct avl_node *n)
{
	return summary_refresh(n);
}

/* Puts v on the lists of the objects that it maps: rmap.c. */
static void vma_link(struct aspace *as, struct vma *v)
{
	v->as = as;
	v->walk = 0;
	if (v->anon) {
		spin_lock(&v->anon->lock);
		list_add(&v->anon->vmas, &v->anon_link);
		spin_unlock(&v->anon->lock);
	}
	if (v->file) {
		spin_lock(&v->file->lock);
		list_add(&v->file->vmas, &v->file_link);
		spin_unlock(&v->file->lock);
	}
}

static void vma_unlink(struct vma *v)
{
	if (v->anon) {
		spin_lock(&v->anon->lock);
		list_remove(&v->anon_link);
		spin_unlock(&v->anon->lock);
	}
	if (v->file) {
		spin_lock(&v->file->lock);
		list_remove(&v->file_link);
		spin_unlock(&v->file->lock);
	}
}

void vma_set_anon(struct vma *v, struct mobj *anon)
{
	v->anon = anon;
	spin_lock(&anon->lock);
	list_add(&anon->vmas, &v->anon_link);
	spin_unlock(&anon->lock);
}

/* Into the tree, where prev and next (NULL: none) are neighbours. */
/* => whether u's own pages are indexed by their address, in the same node of the tree as va's. */
static bool is_nearby(const struct vma *u, uint64_t va)
{
	return u && u->anon && u->anon_offset == u->start.v >> PAGE_SHIFT &&
	       (u->start.v ^ va) >> (PAGE_SHIFT + TREE_SHIFT) == 0;
}

/*
 * => an object that v, which has none, may share: of a VMA nearby, which has no pages in v's range.
 * NULL: there is none. So many small VMAs have few objects, and join when they can.
 */
static struct mobj *anon_nearby(const struct vma *v)
{
	const struct vma *prev = vma_prev(v), *next = vma_next(v);

	if (prev && !prev->anon && prev->end.v == v->start.v)
		prev = vma_prev(prev);
	if (is_nearby(prev, v->start.v))
		return prev->anon;
	if (next && !next->anon && next->start.v == v->end.v)
		next = vma_next(next);
	return is_nearby(next, v->start.v) ? next->anon : NULL;
}

bool vma_need_anon(struct vma *v)
{
	struct mobj *anon;

	if (v->anon)
		return true;
	anon = anon_nearby(v);
	if (anon)
		mobj_get(anon);
	else
		anon = mobj_create(MOBJ_ANON, UINT64_MAX);
	if (!anon)
		return false;
	v->anon_offset = v->start.v >> PAGE_SHIFT;
	vma_set_anon(v, anon);
	return true;
}

static void vmas_insert(struct aspace *as, struct vma *v, struct vma *prev, struct vma *next)
{
	struct avl_node **link = &as->vmas.root, *parent = NULL;

	/* here: of two neighbours one is below the other, which has no child on this side */
	if (prev && !prev->node.right) {
		parent = &prev->node;
		link = &parent->right;
	} else if (next) {
		parent = &next->node;
		link = &parent->left;
	}
	gap_set(v, next);
	avl_insert_with(&as->vmas, &v->node, parent, link, summary_refresh);
	if (prev)
		gap_update(prev, v);
	else
		as->first = v;
	vma_link(as, v);
	as->nvmas++;
	count(as, v->flags, v->end.v - v->start.v);
}

static void vmas_remove(struct aspace *as, struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = NULL;
	bool adds_up = prev && v->gap && !(v->flags & VMA_GROWSDOWN);

	if (!adds_up)
		next = vma_next(v);
	avl_remove_with(&as->vmas, &v->node, summary_refresh);
	if (adds_up) { /* here: no guard gap has cut either gap to nothing */
		prev->gap += v->end.v - v->start.v + v->gap;
		avl_update_with(&prev->node, summary_refresh);
	} else if (prev) {
		gap_update(prev, next);
	} else {
		as->first = next;
	}
	vma_unlink(v);
	as->nvmas--;
	count(as, v->flags, v->start.v - v->end.v);
}

struct vma *aspace_next(struct aspace *as, vaddr_t va)
{
	struct avl_node *n = as->vmas.root;
	struct vma *best = NULL;

	/* here: best ends above va; a better one can only be below n */
	while (n) {
		struct vma *v = vma_of(n);

		if (v->end.v > va.v) {
			best = v;
			if (v->start.v <= va.v)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct vma *aspace_find(struct aspace *as, vaddr_t va)
{
	struct vma *v = aspace_next(as, va);

	return v && v->start.v <= va.v ? v : NULL;
}

/* => where len bytes go, at the top of [bottom, top) as far as it is in [low, high); 0: nowhere. */
static uint64_t hole_within(uint64_t bottom, uint64_t top, uint64_t low, uint64_t high,
			    uint64_t len)
{
	top = min(top, high);
	return distance(top, max(bottom, low)) >= len ? top - len : 0;
}

/* => the highest hole of len bytes in [low, high) above a VMA of the subtree; 0: none. */
static uint64_t hole_above(const struct avl_node *n, uint64_t low, uint64_t high, uint64_t len)
{
	for (; n; n = n->left) {
		const struct vma *v = vma_of(n);
		uint64_t end = v->end.v, at = 0;

		if (v->subtree_gap < len)
			break;
		if (n->right && end < high)
			at = hole_above(n->right, low, high, len);
		if (!at && v->gap >= len)
			at = hole_within(end, end + v->gap, low, high, len);
		if (at)
			return at;
		if (v->start.v <= low)
			break;
	}
	return 0;
}

/*
 * The same for the whole tree, as far as it goes by size alone: the highest VMA with such a gap has
 * the answer, unless a bound cuts it. => 0: it may be another.
 */
static uint64_t hole_by_size(const struct avl_node *n, uint64_t low, uint64_t high, uint64_t len)
{
	while (n && vma_of(n)->subtree_gap >= len) {
		const struct vma *v = vma_of(n), *right = vma_of(n->right);

		if (right && right->subtree_gap >= len && v->end.v < high)
			n = n->right;
		else if (v->gap >= len)
			return hole_within(v->end.v, v->end.v + v->gap, low, high, len);
		else
			n = n->left;
	}
	return 0;
}

uint64_t space_hole(const struct aspace *as, uint64_t low, uint64_t high, uint64_t len)
{
	uint64_t at = hole_by_size(as->vmas.root, low, high, len);

	if (!at)
		at = hole_above(as->vmas.root, low, high, len);
	return at ? at
		  : hole_within(low, as->first ? vma_gap_start(as->first) : high, low, high, len);
}

uint64_t space_place(const struct aspace *as, uint64_t len)
{
	uint64_t low = space_policy.min_address, at = space_hole(as, low, as->mmap_top.v, len);

	return at ? at : space_hole(as, low, arch_user_end().v, len);
}

uint64_t space_covered(struct aspace *as, uint64_t start, uint64_t end, uint64_t *promised)
{
	uint64_t sum = 0, part;

	for (struct vma *v = aspace_next(as, VADDR(start)); v && v->start.v < end;
	     v = vma_next(v)) {
		part = min(v->end.v, end) - max(v->start.v, start);
		sum += part;
		if (promised && v->flags & VMA_ACCOUNT)
			*promised += part;
	}
	return sum;
}

/* -- changes of the tree ------------------------------------------------------------------- */

/* The same as vma_insert(), when the neighbours are at hand. */
static inline void insert_between(struct aspace *as, struct vma *v, struct vma *prev,
				  struct vma *next)
{
	vmas_insert(as, v, prev, next);
	tell_add(as, v);
}

/* The VMAs before and after `at`, where none is. */
static void neighbours(const struct aspace *as, uint64_t at, struct vma **prev, struct vma **next)
{
	struct avl_node *n = as->vmas.root, *below = NULL, *above = NULL;

	while (n) {
		if (vma_of(n)->start.v > at) {
			above = n;
			n = n->left;
		} else {
			below = n;
			n = n->right;
		}
	}
	*prev = vma_of(below);
	*next = vma_of(above);
}

void vma_insert(struct aspace *as, struct vma *v)
{
	struct vma *prev, *next;

	neighbours(as, v->start.v, &prev, &next);
	insert_between(as, v, prev, next);
}

void vma_remove(struct aspace *as, struct vma *v)
{
	tell_remove(as, v);
	vmas_remove(as, v);
}

void vma_resize(struct aspace *as, struct vma *v, uint64_t start, uint64_t end)
{
	bool moves_start = start != v->start.v, moves_end = end != v->end.v;
	struct vma *prev;

	tell_remove(as, v);
	count(as, v->flags, (end - start) - (v->end.v - v->start.v));
	if (v->file)
		v->file_offset += (start >> PAGE_SHIFT) - (v->start.v >> PAGE_SHIFT);
	v->anon_offset += (start >> PAGE_SHIFT) - (v->start.v >> PAGE_SHIFT);
	v->start = VADDR(start);
	v->end = VADDR(end);
	if (moves_end)
		gap_update(v, vma_next(v));
	prev = moves_start ? vma_prev(v) : NULL;
	if (prev)
		gap_update(prev, v);
	tell_add(as, v);
}

void vma_set(struct aspace *as, struct vma *v, unsigned flags, struct vma_name *name)
{
	uint64_t len = v->end.v - v->start.v;

	CHECK3((flags ^ v->flags) & VMA_GROWSDOWN, ==, 0); /* here: I2 holds, as the gap stays */
	tell_remove(as, v);
	count(as, v->flags, -len);
	v->flags = flags;
	count(as, flags, len);
	if (name != v->name) {
		vma_name_get(name);
		vma_name_put(v->name);
		v->name = name;
	}
	tell_add(as, v);
}

void vma_split(struct aspace *as, struct vma *v, uint64_t at, struct vma *spare)
{
	tell_remove(as, v);
	arch_pt_split(&as->pt, VADDR(at));
	*spare = *v;
	spare->anon_offset += (at - v->start.v) >> PAGE_SHIFT;
	if (spare->anon)
		mobj_get(spare->anon);
	if (spare->file) {
		mobj_get(spare->file);
		spare->file_offset += (at - v->start.v) >> PAGE_SHIFT;
	}
	vma_name_get(spare->name);
	spare->start = VADDR(at);
	count(as, v->flags, at - v->end.v);
	v->end = VADDR(at);
	tell_add(as, v);
	insert_between(as, spare, v, vma_next(v));
}

/* Makes a and b, which continues it and is not in the tree, one; takes over b's references. */
static void absorb(struct aspace *as, struct vma *a, const struct vma *b)
{
	if (!a->anon && b->anon) {
		a->anon_offset = b->anon_offset - vma_npages(a);
		vma_set_anon(a, b->anon);
	} else if (b->anon) {
		mobj_put(b->anon);
	}
	if (b->file)
		mobj_put(b->file);
	vma_name_put(b->name);
	a->touched |= b->touched;
	vma_resize(as, a, a->start.v, b->end.v);
}

struct vma *vma_join(struct aspace *as, struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = vma_next(v);

	if (next && vma_is_continued(v, next)) {
		vma_remove(as, next);
		absorb(as, v, next);
		vma_free(next);
	}
	if (prev && vma_is_continued(prev, v)) {
		vma_remove(as, v);
		absorb(as, prev, v);
		vma_free(v);
		v = prev;
	}
	return v;
}

/* Makes b and a, which has no own pages and is not in the tree, one; takes over a's references. */
static void absorb_below(struct aspace *as, const struct vma *a, struct vma *b)
{
	/* here: as a new mapping is, below the one before: the top of what is free was taken */
	if (a->file)
		mobj_put(a->file);
	vma_name_put(a->name);
	b->touched |= a->touched;
	vma_resize(as, b, a->start.v, b->end.v);
}

/* What a template says; the rest belongs to the tree, and to lists. */
static void vma_fill(struct vma *v, const struct vma *template)
{
	v->start = template->start;
	v->end = template->end;
	v->flags = template->flags;
	v->kind = template->kind;
	v->touched = template->touched;
	v->anon = template->anon;
	v->anon_offset = template->anon_offset;
	v->file = template->file;
	v->file_offset = template->file_offset;
	v->name = template->name;
}

int vma_place(struct aspace *as, const struct vma *v, struct vma *spare)
{
	struct vma *prev, *next;

	neighbours(as, v->start.v, &prev, &next);
	if (prev && vma_is_continued(prev, v)) {
		absorb(as, prev, v);
		vma_free(spare);
		vma_join(as, prev);
	} else if (next && !v->anon && vma_is_continued(v, next)) {
		absorb_below(as, v, next);
		vma_free(spare);
	} else {
		if (!spare)
			spare = vma_alloc();
		if (!spare)
			return -ENOMEM;
		vma_fill(spare, v);
		insert_between(as, spare, prev, next);
		if (v->anon)
			vma_join(as, spare);
	}
	return 0;
}

/* -- pages --------------------------------------------------------------------------------- */

void space_unmap_pages(struct aspace *as, uint64_t start, uint64_t end)
{
	arch_pt_clear(&as->pt, VADDR(start), VADDR(end));
}

int space_prepare_from(struct vma *v, uint64_t start, uint64_t end)
{
	int err = 0;

	for (; v && v->start.v < end && !err; v = v->end.v < end ? vma_next(v) : NULL) {
		uint64_t from = max(v->start.v, start), to = min(v->end.v, end);

		if (v->anon && v->touched)
			err = mobj_prepare(v->anon, vma_anon_index(v, from),
					   (to - from) >> PAGE_SHIFT);
	}
	return err;
}

int space_prepare(struct aspace *as, uint64_t start, uint64_t end)
{
	return space_prepare_from(aspace_next(as, VADDR(start)), start, end);
}

void vma_drop_pages(struct aspace *as, struct vma *v, uint64_t start, uint64_t end)
{
	if (!v->touched)
		return;
	space_unmap_pages(as, start, end);
	if (v->anon)
		mobj_discard(v->anon, vma_anon_index(v, start), (end - start) >> PAGE_SHIFT);
}

/* -- life ---------------------------------------------------------------------------------- */

/* What all spaces share, made with the first. => false: no memory. */
static bool shared_create(void)
{
	if (!aspace_cache)
		aspace_cache = cache_create("aspace", sizeof(struct aspace), 8);
	if (!vma_cache)
		vma_cache = cache_create("vma", sizeof(struct vma), 8);
	if (!zero_frame) {
		zero_frame = frame_alloc(0, TF_ZERO, FRAME_ZEROED);
		if (zero_frame) {
			zero_frame->kind = FRAME_ZERO;
			TRACE(TRACE_FRAME_PIN, frame_pfn(zero_frame).v, 1, 0, 0, 0, 0);
		}
	}
	return aspace_cache && vma_cache && zero_frame;
}

struct aspace *space_create(uint32_t from)
{
	struct aspace *as;

	if (!shared_create())
		return NULL;
	as = cache_alloc(aspace_cache);
	if (!as)
		return NULL;
	memset(as, 0, sizeof *as);
	as->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	as->refs = 1;
	mutex_init(&as->lock);
	avl_init(&as->vmas, node_summary);
	as->stack_limit = DEFAULT_STACK_LIMIT;
	as->data_limit = as->as_limit = as->lock_limit = UINT64_MAX;
	as->mmap_top = VADDR(arch_user_end().v - MMAP_GAP);
	if (arch_pt_init(&as->pt, as->id)) {
		cache_free(aspace_cache, as);
		return NULL;
	}
	TRACE(TRACE_AS_CREATE, as->id, as->pt.root.v >> PAGE_SHIFT, from, 0, 0, 0);
	return as;
}

struct aspace *aspace_create(void)
{
	return space_create(0);
}

void aspace_get(struct aspace *as)
{
	__atomic_fetch_add(&as->refs, 1, __ATOMIC_RELAXED);
}

void aspace_put(struct aspace *as)
{
	uint32_t before = __atomic_fetch_sub(&as->refs, 1, __ATOMIC_ACQ_REL);
	struct vma *v;

	CHECK3(before, >, 0);
	if (before > 1)
		return;
	for (v = vma_of(avl_first(&as->vmas)); v; v = vma_next(v))
		arch_pt_clear_shared(&as->pt, v->start, v->end);
	while ((v = vma_of(as->vmas.root))) {
		space_unmap_pages(as, v->start.v, v->end.v);
		vma_remove(as, v);
		vma_release(v);
	}
	CHECK3(aspace_npages(as), ==, 0);
	CHECK3(as->mapped, ==, 0);
	arch_pt_fini(&as->pt);
	TRACE(TRACE_AS_DESTROY, as->id, 0, 0, 0, 0, 0);
	cache_free(aspace_cache, as);
}

void aspace_switch(struct aspace *as)
{
	arch_pt_switch(as ? &as->pt : NULL);
}

/* -- check --------------------------------------------------------------------------------- */

/* I5 of one page. => whether it counts as resident. */
static bool page_check(const struct vma *v, uint64_t va, struct arch_mapping m)
{
	struct frame *f = frame_of(m.pfn), *own = NULL, *files = NULL;

	if (v->anon)
		own = mobj_lookup_locked(v->anon, vma_anon_index(v, va));
	if (v->file)
		files = mobj_lookup_locked(v->file, vma_file_index(v, va));
	CHECK3(m.rights & ~vma_rights(v), ==, 0);
	CHECK3(f->refs, >, 0);
	if (own)
		CHECK3((uintptr_t)f, ==, (uintptr_t)own);
	else if (v->file)
		CHECK3((uintptr_t)f, ==, (uintptr_t)files);
	else
		CHECK3((uintptr_t)f, ==, (uintptr_t)zero_frame);
	if (m.rights & ARCH_W)
		CHECK((own && own->refs <= 2) || v->flags & VMA_SHARED);
	return f != zero_frame;
}

/* The pages outside all VMAs, whose tables must be empty, are left to I6. */
void aspace_check(struct aspace *as)
{
	uint64_t end = 0, mapped = 0, locked = 0, committed = 0, resident = 0,
		 use[USE_OTHER + 1] = {0};
	unsigned n = 0;

	mutex_lock(&as->lock);
	CHECK3(avl_check(&as->vmas), ==, as->nvmas);
	for (struct vma *v = vma_of(avl_first(&as->vmas)); v; v = vma_next(v)) {
		struct vma copy = *v;

		CHECK3(v->start.v, >=, end); /* I1 */
		CHECK3(v->start.v, <, v->end.v);
		CHECK3((v->start.v | v->end.v) & PAGE_MASK, ==, 0);
		gap_set(v, vma_next(v)); /* I2 */
		CHECK3(v->gap, ==, copy.gap);
		CHECK(!summary_refresh(&v->node));
		if (v->anon) { /* I4 */
			CHECK3(v->anon->kind, ==, MOBJ_ANON);
			CHECK(!(v->flags & VMA_SHARED));
			mobj_check(v->anon);
		}
		for (uint64_t va = v->start.v; va < v->end.v; va += PAGE_SIZE) {
			struct arch_mapping m = arch_pt_get(&as->pt, VADDR(va));

			CHECK(!m.present || v->touched);
			if (m.present)
				resident += page_check(v, va, m);
		}
		end = v->end.v;
		mapped += v->end.v - v->start.v;
		use[vma_use(v->flags)] += v->end.v - v->start.v;
		locked += v->flags & VMA_LOCKED ? v->end.v - v->start.v : 0;
		committed += v->flags & VMA_ACCOUNT ? v->end.v - v->start.v : 0;
		n++;
	}
	CHECK3(end, <=, arch_user_end().v);
	CHECK3(n, ==, as->nvmas); /* I3 */
	CHECK3(mapped, ==, as->mapped);
	CHECK3(use[USE_CODE], ==, as->code);
	CHECK3(use[USE_DATA], ==, as->data);
	CHECK3(use[USE_STACK], ==, as->stack);
	CHECK3(locked, ==, as->locked);
	CHECK3(committed, ==, as->committed);
	CHECK3(resident, ==, aspace_npages(as)); /* I6 */
	mutex_unlock(&as->lock);
}
