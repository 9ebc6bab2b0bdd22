/*
 * Slab caches: small objects of one size, packed into frames.
 *
 * Terms (J. Bonwick, "The Slab Allocator", USENIX 1994). A *cache* gives out
 * *objects* of one size. A *slab* is one frame cut into objects. Free objects
 * of a slab form a list inside themselves: the first two bytes of each say
 * where in the frame the next one is. All that must be known of a slab is in
 * its frame descriptor, so a slab's whole 4 KiB are objects, and an object's
 * slab is found from its address alone.
 *
 *	descriptor: cache 5, used 3, free ------.
 *	                                        v
 *	frame:  | object | object | NEXT:.. | object | NEXT:END | NEXT:END ...
 *	                                   '-------------^
 *
 * A slab is on its cache's list `partial` (some objects free), `full` (none), or
 * is the cache's one `spare` (all free), which keeps an allocation and a free
 * in turn from moving a frame to and fro. A second empty slab gives its frame
 * back.
 *
 * kmalloc() chooses among caches of a few sizes: powers of two and the sizes
 * halfway below 512, so that at most a third of an object is lost. Above half a
 * frame it gives whole frames (TF_KALLOC), whose order the descriptor holds.
 *
 * Invariants, of a cache:
 *   I1  a slab of it is TF_SLAB, with refs 1, and names this cache
 *   I2  used + length of the free list = objects in a slab
 *   I3  0 < used < all on `partial`, used = all on `full`, used = 0 of `spare`
 *   I4  used of all slabs sum to cache.used
 * With FRAME_DEBUG a free object holds SLAB_POISON beyond its first two bytes:
 *   I5  it still does when it is given out
 *
 * Locks: each cache has one; the frame allocator's is taken inside it. Only
 * allocations can fail. Caches live in a fixed array and are named by index.
 */
#include "kernel/mm/frame/slab.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/frame/frame.h"

#define MAX_CACHES  48 /* some 30 kinds of object are foreseen */
#define FREE_END    0xffff
#define SLAB_POISON 0xa5
#define MIN_ALIGN   8

struct cache {
	const char *name;  /* NULL: this slot of the array is unused */
	uint32_t size;     /* bytes from one object to the next */
	uint32_t capacity; /* objects in a slab */
	struct spinlock lock;
	uint64_t used;                  /* objects in use */
	struct list_node partial, full; /* of frames */
	struct frame *spare;
};

static struct cache caches[MAX_CACHES];
static struct spinlock caches_lock; /* guards which slots are in use */

/* Ascending multiples of 16; the last is half a frame. */
static const uint16_t kmalloc_sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048};
#define KMALLOC_MAX 2048
static struct cache *kmalloc_caches[ARRAY_SIZE(kmalloc_sizes)];
static uint8_t kmalloc_class[KMALLOC_MAX / 16 + 1]; /* by size / 16, rounded up */

static uint16_t cache_index(const struct cache *c)
{
	return (uint16_t)(c - caches);
}

struct cache *cache_create(const char *name, size_t size, size_t align)
{
	struct cache *c = NULL;

	CHECK3(align & (align - 1), ==, 0);
	align = align < MIN_ALIGN ? MIN_ALIGN : align;
	size = ROUND_UP(size, align);
	CHECK3(size, <=, PAGE_SIZE);
	CHECK3(size, >, 0);
	spin_lock(&caches_lock);
	for (unsigned i = 0; i < MAX_CACHES && !c; i++)
		if (!caches[i].name)
			c = &caches[i];
	if (c) {
		c->name = name;
		c->size = (uint32_t)size;
		c->capacity = (uint32_t)(PAGE_SIZE / size);
		c->used = 0;
		c->spare = NULL;
		spin_init(&c->lock);
		list_init(&c->partial);
		list_init(&c->full);
	}
	spin_unlock(&caches_lock);
	return c;
}

void cache_destroy(struct cache *c)
{
	CHECK3(c->used, ==, 0);
	if (c->spare)
		frame_free(c->spare, 0);
	spin_lock(&caches_lock);
	c->name = NULL;
	spin_unlock(&caches_lock);
}

/* The object at a byte offset of the slab, seen as the link of the free list. */
static uint16_t *object_at(const struct frame *slab, unsigned offset)
{
	return (uint16_t *)((char *)frame_kva(slab) + offset);
}

#if FRAME_DEBUG
static void object_poison(void *obj, size_t size)
{
	memset((uint16_t *)obj + 1, SLAB_POISON, size - sizeof(uint16_t));
}

static void object_check_poison(const struct cache *c, const void *obj)
{
	const uint8_t *p = obj;

	for (size_t i = sizeof(uint16_t); i < c->size; i++)
		if (p[i] != SLAB_POISON)
			panic("slab %s: free object %p written at byte %lu: %x", c->name, obj,
			      (unsigned long)i, p[i]); /* I5 */
}
#else
static void object_poison(void *obj, size_t size)
{
	(void)obj, (void)size;
}

static void object_check_poison(const struct cache *c, const void *obj)
{
	(void)c, (void)obj;
}
#endif

/* => an empty slab on no list, its objects linked in order of address; NULL: no memory. */
static struct frame *slab_create(struct cache *c)
{
	struct frame *slab = frame_alloc(0, TF_SLAB, 0);
	char *base;

	if (!slab)
		return NULL;
	base = frame_kva(slab);
	for (unsigned i = 0; i < c->capacity; i++) {
		uint16_t next = i + 1 < c->capacity ? (uint16_t)((i + 1) * c->size) : FREE_END;

		object_poison(base + i * c->size, c->size);
		*(uint16_t *)(base + i * c->size) = next;
	}
	slab->slab.cache = cache_index(c);
	slab->slab.used = 0;
	slab->slab.free = 0;
	return slab;
}

void *cache_alloc(struct cache *c)
{
	struct frame *slab;
	uint16_t *obj;

	if (frame_fail_now())
		return NULL;
	spin_lock(&c->lock);
	if (!list_is_empty(&c->partial)) {
		slab = container_of(c->partial.next, struct frame, link);
	} else {
		slab = c->spare ? c->spare : slab_create(c);
		c->spare = NULL;
		if (!slab) {
			spin_unlock(&c->lock);
			return NULL;
		}
		list_add(&c->partial, &slab->link);
	}
	/* here: slab is on partial, or was just put there, and has a free object */
	obj = object_at(slab, slab->slab.free);
	slab->slab.free = *obj;
	slab->slab.used++;
	c->used++;
	if (slab->slab.used == c->capacity) {
		list_remove(&slab->link);
		list_add(&c->full, &slab->link);
	}
	spin_unlock(&c->lock);
	object_check_poison(c, obj);
	return obj;
}

void cache_free(struct cache *c, void *obj)
{
	struct frame *slab = frame_of(paddr_pfn(arch_pa(obj))), *empty = NULL;
	uint16_t offset = (uint16_t)((uintptr_t)obj & PAGE_MASK);

	CHECK3(slab->state, ==, TF_SLAB);
	CHECK3(slab->slab.cache, ==, cache_index(c));
#if FRAME_DEBUG
	CHECK3(offset % c->size, ==, 0);
	for (uint16_t at = slab->slab.free; at != FREE_END; at = *object_at(slab, at))
		CHECK3(at, !=, offset); /* freed twice */
#endif
	object_poison(obj, c->size);
	spin_lock(&c->lock);
	*(uint16_t *)obj = slab->slab.free;
	slab->slab.free = offset;
	c->used--;
	if (slab->slab.used-- == c->capacity) {
		list_remove(&slab->link);
		list_add(&c->partial, &slab->link);
	}
	if (slab->slab.used == 0) {
		list_remove(&slab->link);
		if (c->spare)
			empty = slab;
		else
			c->spare = slab;
	}
	spin_unlock(&c->lock);
	if (empty)
		frame_free(empty, 0);
}

/* -- kmalloc ------------------------------------------------------------------------------- */

void slab_init(void)
{
	unsigned class = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		if (!kmalloc_caches[i])
			kmalloc_caches[i] = cache_create("kmalloc", kmalloc_sizes[i], 16);
	for (unsigned i = 0; i < ARRAY_SIZE(kmalloc_class); i++) {
		if (i * 16 > kmalloc_sizes[class])
			class ++;
		kmalloc_class[i] = (uint8_t) class;
	}
}

static void *frames_alloc(size_t size)
{
	unsigned order = 0;
	struct frame *f;

	if (size > PAGE_SIZE << FRAME_MAX_ORDER)
		return NULL;
	while (PAGE_SIZE << order < size)
		order++;
	f = frame_alloc(order, TF_KALLOC, 0);
	if (!f)
		return NULL;
	f->owner = order;
	return frame_kva(f);
}

void *kmalloc(size_t size)
{
	if (size > KMALLOC_MAX)
		return frames_alloc(size);
	return cache_alloc(kmalloc_caches[kmalloc_class[(size + 15) / 16]]);
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *p)
{
	struct frame *f;

	if (!p)
		return;
	f = frame_of(paddr_pfn(arch_pa(p)));
	if (f->state == TF_KALLOC) {
		CHECK3((uintptr_t)p & PAGE_MASK, ==, 0);
		frame_free(f, (unsigned)f->owner);
	} else {
		CHECK3(f->state, ==, TF_SLAB);
		cache_free(&caches[f->slab.cache], p);
	}
}

/* -- check --------------------------------------------------------------------------------- */

/* => used objects of the slab. I1, I2. */
static uint64_t slab_check_one(const struct cache *c, const struct frame *f)
{
	unsigned nfree = 0;

	CHECK3(f->state, ==, TF_SLAB);
	CHECK3(f->refs, ==, 1);
	CHECK3(f->slab.cache, ==, cache_index(c));
	for (uint16_t at = f->slab.free; at != FREE_END; at = *object_at(f, at)) {
		CHECK3(at % c->size, ==, 0);
		CHECK3(at + c->size, <=, PAGE_SIZE);
		nfree++;
		CHECK3(nfree, <=, c->capacity);
	}
	CHECK3(f->slab.used + nfree, ==, c->capacity);
	return f->slab.used;
}

static void cache_check(struct cache *c)
{
	uint64_t used = 0;

	spin_lock(&c->lock);
	list_for_each (it, &c->partial) { /* I3 */
		struct frame *f = container_of(it, struct frame, link);

		used += slab_check_one(c, f);
		CHECK3(f->slab.used, >, 0);
		CHECK3(f->slab.used, <, c->capacity);
	}
	list_for_each (it, &c->full) {
		struct frame *f = container_of(it, struct frame, link);

		used += slab_check_one(c, f);
		CHECK3(f->slab.used, ==, c->capacity);
	}
	if (c->spare)
		CHECK3(slab_check_one(c, c->spare), ==, 0);
	CHECK3(used, ==, c->used); /* I4 */
	spin_unlock(&c->lock);
}

uint64_t slab_used(void)
{
	uint64_t used = 0;

	for (unsigned i = 0; i < MAX_CACHES; i++)
		if (caches[i].name)
			used += caches[i].used;
	return used;
}

void slab_check(void)
{
	for (unsigned i = 0; i < MAX_CACHES; i++)
		if (caches[i].name)
			cache_check(&caches[i]);
}
