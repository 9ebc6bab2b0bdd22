/*
 * Large buffers of the kernel: single frames, mapped side by side.
 *
 * Frames that lie together become rare, and no block has more than 1024 of them. A
 * table of a million descriptors, or a text of ten megabytes, needs neither: only
 * the addresses must be in a row. They come from a part of the kernel's half that
 * is for this alone:
 *
 *	start  [ buffer | guard ][ buffer | guard ]   hole   [ buffer | guard ]  end
 *
 * Behind each buffer a page stays unmapped, so that who runs over its end stops the
 * kernel. Areas are a list by address; the lowest hole that is large enough is
 * taken. What is small, and what finds room in a few frames, is kmalloc()'s.
 *
 * Invariants
 *   I1  areas are by address, apart, and inside of the range
 *   I2  each page of an area but its guard is mapped to a TF_KALLOC frame of its own
 *
 * Locks: vmap_lock guards the list. What is mapped or unmapped is its caller's
 * alone; a flush of other harts happens without the lock.
 */
#include "kernel/lib/lib.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/frame/frame.h"
#include "kernel/mm/frame/slab.h"

/* Up to this size frames that lie together are asked for first: it is cheaper to free. */
#define SMALL (4 * PAGE_SIZE)

struct area {
	struct area *next;
	uint64_t start, len; /* bytes, without the guard */
};

static struct spinlock vmap_lock;
static struct area *areas;

/* Puts a into the lowest hole that has room for it. => false: there is none. */
static bool area_place(struct area *a)
{
	uint64_t at = arch_buffer_start().v, need = a->len + PAGE_SIZE;
	struct area **link = &areas;
	bool fits;

	spin_lock(&vmap_lock);
	while (*link && (*link)->start - at < need) {
		at = (*link)->start + (*link)->len + PAGE_SIZE;
		link = &(*link)->next;
	}
	fits = *link || (at < arch_buffer_end().v && arch_buffer_end().v - at >= need);
	if (fits) {
		a->start = at;
		a->next = *link;
		*link = a;
	}
	spin_unlock(&vmap_lock);
	return fits;
}

/* => the link to the area that begins there. Lock held. */
static struct area **link_of(uint64_t start)
{
	struct area **link = &areas;

	while (*link && (*link)->start != start)
		link = &(*link)->next;
	CHECK(*link);
	return link;
}

/* Takes an area, of which nothing is mapped any more, off the list. */
static void area_free(struct area *a)
{
	spin_lock(&vmap_lock);
	*link_of(a->start) = a->next;
	spin_unlock(&vmap_lock);
	kfree(a);
}

static void frame_gone(pfn_t pfn)
{
	frame_free(frame_in_use(pfn), 0);
}

static void *vmap_alloc(size_t size)
{
	struct area *a;
	uint64_t done = 0;

	if (size > arch_buffer_end().v - arch_buffer_start().v)
		return NULL;
	a = kmalloc(sizeof *a);
	if (!a)
		return NULL;
	a->len = ROUND_UP(size, PAGE_SIZE);
	if (!area_place(a)) {
		kfree(a);
		return NULL;
	}
	for (; done < a->len; done += PAGE_SIZE) {
		struct frame *f = frame_alloc(0, TF_KALLOC, FRAME_ZEROED);

		if (!f)
			break;
		if (!arch_buffer_map(VADDR(a->start + done), frame_pfn(f))) {
			frame_free(f, 0);
			break;
		}
	}
	if (done == a->len) {
		arch_buffer_ready(VADDR(a->start), a->len);
		return (void *)a->start;
	}
	arch_buffer_unmap(VADDR(a->start), done, frame_gone);
	area_free(a);
	return NULL;
}

void *kvzalloc(size_t size)
{
	void *p =
	    size <= SMALL || arch_buffer_start().v == arch_buffer_end().v ? kzalloc(size) : NULL;

	return p ? p : vmap_alloc(size);
}

void kvfree(void *p)
{
	uint64_t at = (uintptr_t)p;
	struct area *a;

	if (at < arch_buffer_start().v || at >= arch_buffer_end().v) {
		kfree(p);
		return;
	}
	spin_lock(&vmap_lock);
	a = *link_of(at);
	spin_unlock(&vmap_lock);
	arch_buffer_unmap(VADDR(at), a->len, frame_gone);
	area_free(a);
}
