/*
 * Small objects: slab caches over whole frames (slab.c), and memory of any size on top of them
 * (kmalloc.c).
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "kernel/lib/types.h"

struct cache;

/* A cache of objects of `size` bytes. => NULL: no memory. `name` is kept, not copied. */
struct cache *cache_create(const char *name, size_t size, size_t align);
/*
 * The same, of *constructed* objects: `construct` makes one when its frame is had, cache_alloc()
 * gives it out as it is, and cache_free() wants it back as it was made: the same bytes, wherever it
 * lies.
 */
struct cache *cache_create_constructed(const char *name, size_t size, size_t align,
				       void (*construct)(void *obj));
void cache_destroy(struct cache *c); /* => no object of it is in use */
void *cache_alloc(struct cache *c);  /* NULL: no memory. Contents undefined, if not constructed */
void cache_free(struct cache *c, void *obj);

/* Any size; above half a frame, whole frames, that lie together. NULL: no memory. */
void *kmalloc(size_t size);
void *kzalloc(size_t size);
void kfree(void *p); /* NULL is allowed */

/*
 * The same for what may be large: of single frames, that need not lie together, mapped side by side
 * in the kernel's half. Not for devices. Cleared. vmap.c
 */
void *kvzalloc(size_t size);
void kvfree(void *p); /* NULL is allowed */

/* => how long a buffer may be that would best be `want` bytes: not out of proportion to RAM. */
size_t kbuffer_size(size_t want);

void slab_init(void);
void slab_check(void);

/* => objects in use, of all caches. */
uint64_t slab_used(void);

struct cache_info {
	const char *name;
	uint32_t size, stride, capacity; /* bytes; bytes from one to the next; objects in a slab */
	uint64_t used, nslabs, nactive;  /* objects in use; slabs; of these, with one in use */
};
/* => false: there is no cache `index`, nor a later one. A name of NULL: no longer. */
bool cache_info(unsigned index, struct cache_info *out);

/* For kmalloc.c: gives back an object of whatever cache its frame belongs to. */
struct frame;
void slab_free(struct frame *slab, void *obj);
/* For slab_init(): from now on caches have magazines. */
void slab_start_magazines(void);

#endif
