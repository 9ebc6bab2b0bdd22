/*
 * Small objects: slab caches over whole frames, and kmalloc sizes on top.
 * Theory, drawing and invariants: slab.c.
 */
#ifndef KERNEL_SLAB_H
#define KERNEL_SLAB_H

#include "kernel/lib/types.h"

struct cache;

/* A cache of objects of `size` bytes. => NULL: no memory. `name` is kept, not copied. */
struct cache *cache_create(const char *name, size_t size, size_t align);
void cache_destroy(struct cache *c); /* => no object of it is in use */
void *cache_alloc(struct cache *c);  /* NULL: no memory. Contents undefined */
void cache_free(struct cache *c, void *obj);

/* Any size; above half a frame, whole frames. NULL: no memory. */
void *kmalloc(size_t size);
void *kzalloc(size_t size);
void kfree(void *p); /* NULL is allowed */

void slab_init(void);
void slab_check(void);

/* => objects in use, of all caches. */
uint64_t slab_used(void);

#endif
