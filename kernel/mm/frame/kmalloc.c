/*
 * Memory of any size for the kernel.
 *
 * Up to half a frame, kmalloc() chooses among caches of a few sizes: powers of two
 * and the sizes halfway below 512, so that at most a third of an object is lost.
 * Above, it gives whole frames that lie together (TF_KALLOC): of a block as large
 * as the next power of two, whose rest goes back at once. The first frame's
 * `owner` counts them.
 *
 * Locks: none of its own. Only allocation can fail.
 */
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"

/* Ascending multiples of 16; the last is half a frame. */
static const struct {
	uint16_t size;
	const char *name;
} classes[] = {{16, "kmalloc-16"},   {32, "kmalloc-32"},     {48, "kmalloc-48"},
	       {64, "kmalloc-64"},   {96, "kmalloc-96"},     {128, "kmalloc-128"},
	       {192, "kmalloc-192"}, {256, "kmalloc-256"},   {384, "kmalloc-384"},
	       {512, "kmalloc-512"}, {1024, "kmalloc-1024"}, {2048, "kmalloc-2048"}};
#define KMALLOC_MAX 2048
static struct cache *class_caches[ARRAY_SIZE(classes)];
static uint8_t class_of[KMALLOC_MAX / 16 + 1]; /* by size / 16, rounded up */

/* A buffer takes at most this part of RAM: of 4 MiB, four frames. */
#define BUFFER_PART 256

void slab_init(void)
{
	unsigned class = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++)
		if (!class_caches[i])
			class_caches[i] = cache_create(classes[i].name, classes[i].size, 16);
	for (unsigned i = 0; i < ARRAY_SIZE(class_of); i++) {
		if (i * 16 > classes[class].size)
			class ++;
		class_of[i] = (uint8_t) class;
	}
	slab_start_magazines();
}

static void *frames_alloc(size_t size)
{
	size_t n = (size + PAGE_MASK) >> PAGE_SHIFT;
	unsigned order = 0;
	struct frame *f;

	if (size > PAGE_SIZE << FRAME_MAX_ORDER)
		return NULL;
	while (1UL << order < n)
		order++;
	f = frame_alloc(order, TF_KALLOC, 0);
	if (!f)
		return NULL;
	for (size_t i = n; i < 1UL << order; i++)
		frame_free(f + i, 0);
	f->owner = n;
	return frame_kva(f);
}

void *kmalloc(size_t size)
{
	if (size > KMALLOC_MAX)
		return frames_alloc(size);
	return cache_alloc(class_caches[class_of[(size + 15) / 16]]);
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
	if (f->state != TF_KALLOC) {
		slab_free(f, p);
		return;
	}
	CHECK3((uintptr_t)p & PAGE_MASK, ==, 0);
	for (uint64_t n = f->owner; n-- > 0;)
		frame_free(f + n, 0);
}

size_t kbuffer_size(size_t want)
{
	size_t most = frame_total() / BUFFER_PART * PAGE_SIZE;

	most = most < PAGE_SIZE ? PAGE_SIZE : most;
	return want < most ? want : most;
}
