/*
 * Memory of the 9P server, and its hash tables.
 *
 * The machine's host gives memory in large pieces that live as long as the machine; the server
 * needs many small ones that come and go. So it takes one large piece, which the host reserves
 * and does not touch, and cuts blocks from it, in sizes of powers of two. A freed block goes to
 * the list of its size, and is only used again for that size.
 *
 *     mem                      used                           P9_HEAP_SIZE
 *      | block | block | block |  never used yet                  |
 *
 * I1. Every block below `used` is in use, or in exactly one list, that of its size.
 * I2. A table has at least as many buckets as links, but when there was no memory to grow: then
 *     it is only slower.
 */
#include <string.h>

#include "machine/dev/p9.h"

/* => the bin of blocks that have room for `size`; P9_HEAP_BINS: none. */
static unsigned bin_of(size_t size)
{
	unsigned bin = 0;

	while (bin < P9_HEAP_BINS && (size_t)1 << (bin + P9_HEAP_MIN) < size)
		bin++;
	return bin;
}

void *p9_alloc(struct p9_heap *heap, size_t size)
{
	unsigned bin = bin_of(size);
	size_t block = (size_t)1 << (bin + P9_HEAP_MIN);
	void *mem;

	if (bin == P9_HEAP_BINS)
		return NULL;
	mem = heap->free[bin];
	if (mem) {
		memcpy(&heap->free[bin], mem, sizeof(void *));
	} else {
		if (block > P9_HEAP_SIZE - heap->used)
			return NULL;
		mem = heap->mem + heap->used;
		heap->used += block;
	}
	memset(mem, 0, size);
	return mem;
}

void p9_free(struct p9_heap *heap, void *mem, size_t size)
{
	unsigned bin = bin_of(size);

	if (!mem)
		return;
	memcpy(mem, &heap->free[bin], sizeof(void *));
	heap->free[bin] = mem;
}

/* -- tables ------------------------------------------------------------------------------- */

#define FIRST_BUCKETS 64

static struct p9_link **bucket_of(const struct p9_table *t, uint64_t key)
{
	return &t->buckets[(key * 0x9e3779b97f4a7c15 >> 32) & (t->nbuckets - 1)];
}

/* => false: there are no buckets, old or new. */
static bool grow(struct p9_heap *heap, struct p9_table *t)
{
	struct p9_table bigger = {NULL, t->nbuckets ? t->nbuckets * 2 : FIRST_BUCKETS, t->count};

	bigger.buckets = p9_alloc(heap, bigger.nbuckets * sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return t->nbuckets != 0;
	for (size_t i = 0; i < t->nbuckets; i++) {
		struct p9_link *link = t->buckets[i], *next;

		for (; link; link = next) {
			struct p9_link **bucket = bucket_of(&bigger, link->key);

			next = link->next;
			link->next = *bucket;
			*bucket = link;
		}
	}
	p9_free(heap, t->buckets, t->nbuckets * sizeof(*t->buckets));
	*t = bigger;
	return true;
}

bool p9_table_add(struct p9_heap *heap, struct p9_table *t, struct p9_link *link, uint64_t key)
{
	struct p9_link **bucket;

	if (t->count >= t->nbuckets && !grow(heap, t))
		return false;
	bucket = bucket_of(t, key);
	link->key = key;
	link->next = *bucket;
	*bucket = link;
	t->count++;
	return true;
}

void p9_table_remove(struct p9_table *t, struct p9_link *link)
{
	struct p9_link **at = bucket_of(t, link->key);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	t->count--;
}

struct p9_link *p9_table_find(const struct p9_table *t, uint64_t key, const struct p9_link *after)
{
	struct p9_link *link;

	if (!t->nbuckets)
		return NULL;
	link = after ? after->next : *bucket_of(t, key);
	while (link && link->key != key)
		link = link->next;
	return link;
}
