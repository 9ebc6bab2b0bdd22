/*
 * Slab caches: small objects of one size, packed into frames.
 *
 * Terms (J. Bonwick, "The Slab Allocator", USENIX 1994; with J. Adams,
 * "Magazines and Vmem", USENIX 2001). A *cache* gives out *objects* of one size.
 * A *slab* is one frame cut into objects. Free objects of a slab form a list
 * inside themselves: a link of two bytes in each says where in the frame the next
 * one is. All that must be known of a slab is in its frame descriptor, so a
 * slab's whole 4 KiB are objects, and an object's slab is found from its address
 * alone.
 *
 *	descriptor: cache 5, used 3, free ------.
 *	                                        v
 *	frame:  | object | object | NEXT:.. | object | NEXT:END | NEXT:END ...
 *	                                   '-------------^
 *
 * Before the slabs stand *magazines*, one for each cache and hart: arrays of free
 * objects, which need no lock, as only their hart looks into them and interrupts
 * are off in the kernel. One that is empty is filled by half from the slabs, one
 * that is full gives half of itself back. A magazine holds no more than a frame's
 * worth of objects.
 *
 * A slab is on its cache's list `partial` (some objects free), `full` (none), or
 * is the cache's one `spare` (all free), which keeps an allocation and a free
 * in turn from moving a frame to and fro. A second empty slab gives its frame
 * back.
 *
 * A cache may have a constructor. Its objects are constructed whenever they are
 * free, so their links lie behind them. Otherwise a link lies in the object's
 * first bytes.
 *
 * Invariants, of a cache:
 *   I1  a slab of it is TF_SLAB, with refs 1, and names this cache
 *   I2  used + length of the free list = objects in a slab
 *   I3  0 < used < all on `partial`, used = all on `full`, used = 0 of `spare`
 *   I4  used of all slabs sum to cache.used: the objects in use and in magazines;
 *       nslabs counts the slabs
 * With FRAME_DEBUG a *red zone* of two words lies behind each object: a mark, which
 * tells whether it is in use, and from where it was allocated.
 *   I5  a free object holds SLAB_POISON, but for its link, until it is given out
 *   I6  the mark is right; so a write beyond an object and a second free are seen
 * and a constructed object is made anew when it is given out.
 *
 * Locks: each cache has one; the frame allocator's is taken inside it. Only
 * allocations can fail. Caches live in a fixed array and are named by index.
 */
#include "kernel/mm/frame/slab.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/frame/frame.h"

#define MAX_CACHES  64 /* some 40 kinds of object are foreseen */
#define FREE_END    0xffff
#define SLAB_POISON 0xa5
#define MIN_ALIGN   8
#define LINK_LEN    sizeof(uint16_t)

/* The longest that fits, with its count, into 128 bytes. */
#define MAGAZINE_LEN 15

#define ZONE_FREE 0x66726565667265UL
#define ZONE_USED 0x757365647573UL

struct magazine {
	uint64_t n;
	void *object[MAGAZINE_LEN]; /* the first n */
};

struct cache {
	const char *name;  /* NULL: this slot of the array is unused */
	uint32_t size;     /* bytes of an object */
	uint32_t stride;   /* bytes from one object to the next */
	uint32_t capacity; /* objects in a slab */
	uint32_t link;     /* where in an object's stride its link is */
	uint32_t zone;     /* where its red zone is; 0: it has none */
	uint32_t magazine_len;
	struct magazine *magazines; /* the first hart's; NULL: none */
	void (*construct)(void *obj);
	struct spinlock lock;
	uint64_t used; /* objects in use or in magazines */
	uint64_t nslabs;
	struct list_node partial, full; /* of frames */
	struct frame *spare;
};

static struct cache caches[MAX_CACHES];
static struct spinlock caches_lock; /* guards which slots are in use */
static struct magazine *magazines;  /* of all harts, a row of MAX_CACHES each; NULL: not yet */

static uint16_t cache_index(const struct cache *c)
{
	return (uint16_t)(c - caches);
}

/* -- red zones and poison ------------------------------------------------------------------ */

#if FRAME_DEBUG
/* Room for one constructed object, to compare with. */
static uint8_t made[PAGE_SIZE] __attribute__((aligned(16)));
static struct spinlock made_lock;

static uint64_t *zone_of(const struct cache *c, void *obj)
{
	return (uint64_t *)((char *)obj + c->zone);
}

static void zone_check(const struct cache *c, void *obj, uint64_t expected)
{
	uint64_t mark = c->zone ? *zone_of(c, obj) : expected;

	if (mark == expected)
		return;
	if (mark == ZONE_FREE)
		panic("slab %s: object %p was freed twice", c->name, obj);
	panic("slab %s: the red zone behind object %p, allocated at %lx, was written: %lx", c->name,
	      obj, zone_of(c, obj)[1], mark); /* I6 */
}

static void zone_mark(const struct cache *c, void *obj, uint64_t mark)
{
	if (c->zone)
		*zone_of(c, obj) = mark;
}

/* The object, which is the cache's alone now, becomes free. */
static void object_retire(const struct cache *c, void *obj)
{
	memset(obj, SLAB_POISON, c->size);
	zone_mark(c, obj, ZONE_FREE);
}

/* It is given out to who asked from `caller`. */
static void object_issue(const struct cache *c, void *obj, const void *caller)
{
	const uint8_t *p = obj;

	for (size_t i = c->link == 0 ? LINK_LEN : 0; i < c->size; i++)
		if (p[i] != SLAB_POISON)
			panic("slab %s: free object %p written at byte %lu: %x", c->name, obj,
			      (unsigned long)i, p[i]); /* I5 */
	zone_check(c, obj, ZONE_FREE);
	zone_mark(c, obj, ZONE_USED);
	if (c->zone)
		zone_of(c, obj)[1] = (uintptr_t)caller;
	if (c->link == 0)
		memset(obj, SLAB_POISON, LINK_LEN);
	if (c->construct)
		c->construct(obj);
}

static void object_check_in_use(const struct cache *c, void *obj)
{
	CHECK3(((uintptr_t)obj & PAGE_MASK) % c->stride, ==, 0);
	zone_check(c, obj, ZONE_USED);
	if (!c->construct)
		return;
	spin_lock(&made_lock);
	c->construct(made);
	if (memcmp(made, obj, c->size) != 0)
		panic("slab %s: object %p came back otherwise than it was made", c->name, obj);
	spin_unlock(&made_lock);
}
#define ZONE_LEN (2 * sizeof(uint64_t))
#else
static void object_retire(const struct cache *c, void *obj)
{
	(void)c, (void)obj;
}

static void object_issue(const struct cache *c, void *obj, const void *caller)
{
	(void)c, (void)obj, (void)caller;
}

static void object_check_in_use(const struct cache *c, void *obj)
{
	(void)c, (void)obj;
}
#define ZONE_LEN 0
#endif

/* -- caches -------------------------------------------------------------------------------- */

void slab_start_magazines(void)
{
	magazines = kzalloc(MAX_CACHES * arch_harts() * sizeof *magazines);
	for (unsigned i = 0; i < MAX_CACHES && magazines; i++)
		caches[i].magazines = &magazines[i];
}

struct cache *cache_create_constructed(const char *name, size_t size, size_t align,
				       void (*construct)(void *obj))
{
	size_t link = construct ? size : 0, zone, stride;
	struct cache *c = NULL;

	CHECK3(align & (align - 1), ==, 0);
	CHECK3(size, >, 0);
	align = align < MIN_ALIGN ? MIN_ALIGN : align;
	link = ROUND_UP(link, LINK_LEN);
	zone = ROUND_UP(construct ? link + LINK_LEN : size, sizeof(uint64_t));
	stride = ROUND_UP(zone + ZONE_LEN, align);
	if (ZONE_LEN == 0 || stride > PAGE_SIZE) { /* no room: an object as large as a frame */
		stride = ROUND_UP(zone, align);
		zone = 0;
	}
	CHECK3(stride, <=, PAGE_SIZE);
	spin_lock(&caches_lock);
	for (unsigned i = 0; i < MAX_CACHES && !c; i++)
		if (!caches[i].name)
			c = &caches[i];
	if (c) {
		*c = (struct cache){.name = name,
				    .size = (uint32_t)size,
				    .stride = (uint32_t)stride,
				    .capacity = (uint32_t)(PAGE_SIZE / stride),
				    .link = (uint32_t)link,
				    .zone = (uint32_t)zone,
				    .magazines = magazines ? &magazines[cache_index(c)] : NULL,
				    .construct = construct};
		c->magazine_len = c->capacity < MAGAZINE_LEN ? c->capacity : MAGAZINE_LEN;
		list_init(&c->partial);
		list_init(&c->full);
	}
	spin_unlock(&caches_lock);
	return c;
}

struct cache *cache_create(const char *name, size_t size, size_t align)
{
	return cache_create_constructed(name, size, align, NULL);
}

/* -- slabs, under the cache's lock --------------------------------------------------------- */

/* The link of the object at a byte offset of the slab. */
static uint16_t *link_at(const struct cache *c, const struct frame *slab, unsigned offset)
{
	return (uint16_t *)((char *)frame_kva(slab) + offset + c->link);
}

/* => an empty slab on no list, its objects linked in order of address; NULL: no memory. */
static struct frame *slab_create(struct cache *c)
{
	struct frame *slab = frame_alloc(0, TF_SLAB, 0);
	char *base;

	if (!slab)
		return NULL;
	base = frame_kva(slab);
	for (unsigned i = 0; i < c->capacity; i++) {
		uint32_t next = i + 1 < c->capacity ? (i + 1) * c->stride : FREE_END;

		object_retire(c, base + i * c->stride);
		if (c->construct && !FRAME_DEBUG)
			c->construct(base + i * c->stride);
		*link_at(c, slab, i * c->stride) = (uint16_t)next;
	}
	slab->slab.cache = cache_index(c);
	slab->slab.used = 0;
	slab->slab.free = 0;
	c->nslabs++;
	return slab;
}

/* => an object off a slab; NULL: no memory. */
static void *slab_take(struct cache *c)
{
	struct frame *slab;
	unsigned offset;

	if (!list_is_empty(&c->partial)) {
		slab = container_of(c->partial.next, struct frame, link);
	} else {
		slab = c->spare ? c->spare : slab_create(c);
		c->spare = NULL;
		if (!slab)
			return NULL;
		list_add(&c->partial, &slab->link);
	}
	/* here: slab is on partial, or was just put there, and has a free object */
	offset = slab->slab.free;
	slab->slab.free = *link_at(c, slab, offset);
	slab->slab.used++;
	c->used++;
	if (slab->slab.used == c->capacity) {
		list_remove(&slab->link);
		list_add(&c->full, &slab->link);
	}
	return (char *)frame_kva(slab) + offset;
}

/* => a slab that is empty now, and to be freed; or NULL. */
static struct frame *slab_give(struct cache *c, void *obj)
{
	struct frame *slab = frame_in_use(paddr_pfn(arch_pa(obj)));
	uint16_t offset = (uint16_t)((uintptr_t)obj & PAGE_MASK);

	*link_at(c, slab, offset) = slab->slab.free;
	slab->slab.free = offset;
	c->used--;
	if (slab->slab.used-- == c->capacity) {
		list_remove(&slab->link);
		list_add(&c->partial, &slab->link);
	}
	if (slab->slab.used > 0)
		return NULL;
	list_remove(&slab->link);
	if (!c->spare) {
		c->spare = slab;
		return NULL;
	}
	c->nslabs--;
	return slab;
}

/* -- magazines ----------------------------------------------------------------------------- */

/* => NULL: no memory. *m, empty, has more objects then; m may be NULL. */
static __attribute__((noinline)) void *alloc_slow(struct cache *c, struct magazine *m)
{
	void *obj;

	spin_lock(&c->lock);
	obj = slab_take(c);
	/* What is there already, and no new slab for the magazine's sake. */
	while (obj && m && m->n < c->magazine_len / 2 && !list_is_empty(&c->partial))
		m->object[m->n++] = slab_take(c);
	spin_unlock(&c->lock);
	return obj;
}

/* Gives the n objects back to their slabs. */
static __attribute__((noinline)) void free_slow(struct cache *c, void **object, uint64_t n)
{
	struct frame *empty[MAGAZINE_LEN];
	unsigned nempty = 0;

	spin_lock(&c->lock);
	for (uint64_t i = 0; i < n; i++) {
		struct frame *slab = slab_give(c, object[i]);

		if (slab)
			empty[nempty++] = slab;
	}
	spin_unlock(&c->lock);
	while (nempty > 0)
		frame_free(empty[--nempty], 0);
}

static struct magazine *magazine_of(const struct cache *c, unsigned hart)
{
	return c->magazines ? &c->magazines[hart * MAX_CACHES] : NULL;
}

void *cache_alloc(struct cache *c)
{
	struct magazine *m;
	void *obj;

	if (frame_fail_now())
		return NULL;
	m = magazine_of(c, arch_hart());
	obj = m && m->n > 0 ? m->object[--m->n] : alloc_slow(c, m);
	if (FRAME_DEBUG && obj)
		object_issue(c, obj, __builtin_return_address(0));
	return obj;
}

static void object_free(struct cache *c, void *obj)
{
	struct magazine *m = magazine_of(c, arch_hart());
	uint64_t half = (c->magazine_len + 1) / 2;

	object_check_in_use(c, obj);
	object_retire(c, obj);
	if (!m) {
		free_slow(c, &obj, 1);
		return;
	}
	if (m->n == c->magazine_len) { /* the oldest half goes */
		free_slow(c, m->object, half);
		m->n -= half;
		for (uint64_t i = 0; i < m->n; i++)
			m->object[i] = m->object[i + half];
	}
	m->object[m->n++] = obj;
}

void cache_free(struct cache *c, void *obj)
{
	const struct frame *slab = frame_in_use(paddr_pfn(arch_pa(obj)));

	CHECK3(slab->state, ==, TF_SLAB);
	CHECK3(slab->slab.cache, ==, cache_index(c));
	object_free(c, obj);
}

void slab_free(struct frame *slab, void *obj)
{
	CHECK3(slab->state, ==, TF_SLAB);
	object_free(&caches[slab->slab.cache], obj);
}

void cache_destroy(struct cache *c)
{
	for (unsigned i = 0; i < arch_harts(); i++) {
		struct magazine *m = magazine_of(c, i);

		if (m)
			free_slow(c, m->object, m->n);
		if (m)
			m->n = 0;
	}
	CHECK3(c->used, ==, 0);
	if (c->spare)
		frame_free(c->spare, 0);
	spin_lock(&caches_lock);
	c->name = NULL;
	spin_unlock(&caches_lock);
}

/* -- figures ------------------------------------------------------------------------------- */

/* => free objects in magazines. */
static uint64_t in_magazines(const struct cache *c)
{
	uint64_t n = 0;

	for (unsigned i = 0; c->magazines && i < arch_harts(); i++)
		n += magazine_of(c, i)->n;
	return n;
}

bool cache_info(unsigned index, struct cache_info *out)
{
	struct cache *c = &caches[index];

	if (index >= MAX_CACHES)
		return false;
	spin_lock(&c->lock);
	*out = (struct cache_info){.name = c->name,
				   .size = c->size,
				   .stride = c->stride,
				   .capacity = c->capacity,
				   .used = c->used - in_magazines(c),
				   .nslabs = c->nslabs,
				   .nactive = c->nslabs - (c->spare ? 1 : 0)};
	spin_unlock(&c->lock);
	return true;
}

uint64_t slab_used(void)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < MAX_CACHES; i++)
		if (caches[i].name)
			used += caches[i].used - in_magazines(&caches[i]);
	return used;
}

/* -- check --------------------------------------------------------------------------------- */

/* => used objects of the slab. I1, I2. */
static uint64_t slab_check_one(const struct cache *c, const struct frame *f)
{
	unsigned nfree = 0;

	CHECK3(f->state, ==, TF_SLAB);
	CHECK3(f->refs, ==, 1);
	CHECK3(f->slab.cache, ==, cache_index(c));
	for (uint16_t at = f->slab.free; at != FREE_END; at = *link_at(c, f, at)) {
		CHECK3(at % c->stride, ==, 0);
		CHECK3(at + c->stride, <=, PAGE_SIZE);
		nfree++;
		CHECK3(nfree, <=, c->capacity);
	}
	CHECK3(f->slab.used + nfree, ==, c->capacity);
	return f->slab.used;
}

static void cache_check(struct cache *c)
{
	uint64_t used = 0, nslabs = c->spare ? 1 : 0;

	spin_lock(&c->lock);
	list_for_each (it, &c->partial) { /* I3 */
		struct frame *f = container_of(it, struct frame, link);

		used += slab_check_one(c, f);
		CHECK3(f->slab.used, >, 0);
		CHECK3(f->slab.used, <, c->capacity);
		nslabs++;
	}
	list_for_each (it, &c->full) {
		struct frame *f = container_of(it, struct frame, link);

		used += slab_check_one(c, f);
		CHECK3(f->slab.used, ==, c->capacity);
		nslabs++;
	}
	if (c->spare)
		CHECK3(slab_check_one(c, c->spare), ==, 0);
	CHECK3(used, ==, c->used); /* I4 */
	CHECK3(nslabs, ==, c->nslabs);
	spin_unlock(&c->lock);
}

void slab_check(void)
{
	for (unsigned i = 0; i < MAX_CACHES; i++)
		if (caches[i].name)
			cache_check(&caches[i]);
}
