/*
 * Memory objects: *what* is mapped. An object is a growable array of frames,
 * indexed by page, that VMAs map windows of.
 *
 *   anonymous  pages appear zeroed at first touch and die with the object
 *   file       pages are the file's contents (the page cache); read() and
 *              mappings see the same frames
 *
 * Theory and invariants: mobj.c.
 */
#ifndef KERNEL_MOBJ_H
#define KERNEL_MOBJ_H

#include "kernel/lib/types.h"
#include "kernel/lib/lock.h"

struct frame;

struct mobj;

/*
 * Where the pages of an object come from that has not all of them, and where those go that were
 * written. No lock of the object's is held; an address space's may be. NULL in an object: a page
 * that has no frame is zeroes.
 */
struct mobj_pager {
	/* => page `index` has a frame: 1, it was read; 0, it was there. Or -ENOMEM; -ENXIO, the
	 * contents end before it; another error. */
	int (*page_in)(struct mobj *o, uint64_t index);
	/* A page that has a frame is about to be written through a mapping. => false: no memory. */
	bool (*dirtied)(struct mobj *o, uint64_t index);
	/* Writes what is dirty in [start, end). => 0 or the first error. */
	int (*write_back)(struct mobj *o, uint64_t start, uint64_t end);
	/* The object is about to go, with the frames it has. */
	void (*release)(struct mobj *o);
};

enum mobj_kind { MOBJ_ANON, MOBJ_FILE };

struct mobj {
	enum mobj_kind kind;
	uint32_t refs;
	struct spinlock lock;
	uint64_t size;     /* bytes; a file's length. Pages beyond are SIGBUS. Anon: UINT64_MAX */
	uint64_t nframes;  /* frames held */
	uint64_t promised; /* bytes that count as committed while the object lives */
	struct mobj_node *root; /* radix tree of frames: mobj.c */
	uint64_t base;          /* index of the first page that root can hold */
	unsigned height;        /* levels of nodes; 0: no frame, no root */
	struct mobj *copy;      /* while a space is forked: what the child has in its place */
	uint64_t ino, dev;      /* of the file, for /proc/PID/maps */
	const struct mobj_pager *pager;
	void *pager_ctx; /* the pager's */
	char *label;     /* its path, kmalloc'd; set once. NULL: none is known */
};

struct mobj *mobj_create(enum mobj_kind kind, uint64_t size); /* refs 1; NULL: no memory */
/* The object's pages are promised: `len` bytes. => it was the first such call for o. */
void mobj_promise(struct mobj *o, uint64_t len);
extern uint64_t mobj_promised; /* bytes, of all objects; atomic */
void mobj_get(struct mobj *o);
void mobj_put(struct mobj *o); /* the last reference frees its frames */

static inline const char *mobj_label(const struct mobj *o)
{
	return o->label ? o->label : "";
}

/* => as pager.page_in. */
static inline int mobj_page_in(struct mobj *o, uint64_t index)
{
	return o->pager ? o->pager->page_in(o, index) : 0;
}

/* => dirty pages of [start, end) are where they came from; 0 or -errno. */
static inline int mobj_write_back(struct mobj *o, uint64_t start, uint64_t end)
{
	return o->pager ? o->pager->write_back(o, start, end) : 0;
}

#define MOBJ_SHIFT 6
#define MOBJ_SLOTS (1u << MOBJ_SHIFT)

/* Of the radix tree, for the inline functions here and mobj.c alone. */
struct mobj_node {
	void *slot[MOBJ_SLOTS]; /* struct frame at height 1, else struct mobj_node */
	uint32_t used;
};

/* => the node of height 1 that page `index` belongs to; NULL: there is none. Lock held. */
static inline struct mobj_node *mobj_leaf_locked(const struct mobj *o, uint64_t index)
{
	struct mobj_node *n = o->root;
	unsigned shift = o->height * MOBJ_SHIFT;

	/* here: n, if any, spans 2^shift pages, and page `index` is one of them */
	if (!n || (index - o->base) >> shift)
		return NULL;
	while ((shift -= MOBJ_SHIFT) > 0 && n)
		n = n->slot[(index >> shift) & (MOBJ_SLOTS - 1)];
	return n;
}

/* => the frame of page `index`, without a new reference; NULL if there is none. Lock held. */
static inline struct frame *mobj_lookup_locked(const struct mobj *o, uint64_t index)
{
	const struct mobj_node *n = mobj_leaf_locked(o, index);

	return n ? n->slot[index & (MOBJ_SLOTS - 1)] : NULL;
}

/*
 * Gives the object a frame for page `index`, which has none; takes over the caller's reference
 * (its pin). => 0 or -ENOMEM (the reference stays the caller's). Lock held.
 */
int mobj_insert_locked(struct mobj *o, uint64_t index, struct frame *f);

/* Gives page `index`, which has a frame, another one, whose reference is taken over. Lock held. */
void mobj_replace_locked(struct mobj *o, uint64_t index, struct frame *f);

/*
 * => an anonymous object with the same frames at the same pages, each with one pin more; NULL: no
 *    memory.
 */
struct mobj *mobj_fork(struct mobj *o);

/* Takes out the frames of pages [start, start + n): they are free when nothing maps them any more.
 */
void mobj_discard(struct mobj *o, uint64_t start, uint64_t n);

/*
 * Hands the frames of pages [start, start + n) to `to`, as its pages from to_start, which it has
 * none of. => 0 or -ENOMEM (nothing changed). `to` is the caller's alone.
 */
int mobj_move(struct mobj *from, uint64_t start, uint64_t n, struct mobj *to, uint64_t to_start);

/*
 * => the first page in [*index, end) that has a frame, with its *index; NULL: none. Lock held.
 */
struct frame *mobj_next_locked(struct mobj *o, uint64_t *index, uint64_t end);

/*
 * Copies file contents to a kernel buffer; holes read as zeroes.
 * => bytes copied: fewer than len only at the end of the object, or where a page cannot be had.
 */
size_t mobj_read(struct mobj *o, uint64_t offset, void *buf, size_t len);
/* Writes, extending size. => bytes written; fewer only when memory ran out. */
size_t mobj_write(struct mobj *o, uint64_t offset, const void *buf, size_t len);
/* Sets the size; frames beyond are freed (mappings must be gone) and the tail zeroed. */
void mobj_truncate(struct mobj *o, uint64_t size);

void mobj_check(struct mobj *o);

#endif
