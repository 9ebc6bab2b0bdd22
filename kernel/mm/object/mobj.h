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

#include "kernel/lib/list.h"
#include "kernel/lib/lock.h"
#include "kernel/mm/object/tree.h"

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
	uint32_t refs; /* users: VMAs, files */
	uint32_t
	    holds; /* what keeps the structure: the users, one; each relative that has it as top */
	struct spinlock lock;
	bool is_shmem;     /* its pages count as shared memory: anonymous and shared, or tmpfs's */
	uint64_t size;     /* bytes; a file's length. Pages beyond are SIGBUS. Anon: UINT64_MAX */
	uint64_t promised; /* bytes that count as committed while the object lives */
	struct tree tree;  /* its frames */
	struct list_node vmas; /* that map it: mm/space/rmap.c; guarded by lock */
	struct mobj *copy;     /* while a space is forked: what the child has in its place */

	/* Its family: top, and all that descend from it by mobj_fork() and mobj_split(). */
	struct mobj *top;
	struct spinlock kin_lock; /* of top: guards its kin list and who is on it */
	struct list_node kin;     /* of top: the list; else this one's place on it */

	uint64_t ino, dev; /* of the file, for /proc/PID/maps */
	bool is_sealed;    /* F_SEAL_WRITE or _FUTURE_WRITE: nothing may be cut out of it */
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

uint64_t mobj_nframes(struct mobj *o); /* => frames held */

/* => the frame of page `index`, without a new reference; NULL if there is none. Lock held. */
static inline struct frame *mobj_lookup_locked(const struct mobj *o, uint64_t index)
{
	return tree_lookup(&o->tree, index);
}

/* What a frame knows of the object that it was first in. kind: FRAME_ANON or the like. */
static inline void mobj_own_frame(const struct mobj *o, uint64_t index, struct frame *f,
				  unsigned kind)
{
	f->object = o->top;
	f->index = index;
	f->kind = (uint8_t)kind;
}

/*
 * Gives page `index` of private memory, whose tree_own_leaf() is `leaf`, frame f:
 * mobj_insert_locked() where it cannot fail. Lock held.
 */
static inline __attribute__((always_inline)) void mobj_put_locked(struct mobj *o,
								  struct tree_node *leaf,
								  uint64_t index, struct frame *f)
{
	if (leaf->slot[index & (TREE_SLOTS - 1)])
		tree_replace(leaf, index, f);
	else
		tree_fill(&o->tree, leaf, index, f);
	mobj_own_frame(o, index, f, FRAME_ANON);
}

/*
 * Gives page `index` the frame f, in the place of what it had; takes over the caller's reference
 * (its pin). => 0 or -ENOMEM (nothing changed, the reference stays the caller's). Lock held.
 */
int mobj_insert_locked(struct mobj *o, uint64_t index, struct frame *f);

/*
 * => an anonymous object with the same frames at the same pages, at no cost for each of them; NULL:
 *    no memory. Both are of one family.
 */
struct mobj *mobj_fork(struct mobj *o);

/*
 * => the relative that comes after o, NULL: the first, in top's family, top itself aside; with a
 *    new reference. NULL: there is no other. A relative that comes meanwhile may be left out.
 */
struct mobj *mobj_next_relative(struct mobj *top, struct mobj *o);

/*
 * Makes sure that mobj_discard() of pages [start, start + n) can do its work. => 0 or -ENOMEM.
 * Needed only for an object that a fork may have shared, and for less than all of it.
 */
int mobj_prepare(struct mobj *o, uint64_t start, uint64_t n);

/* Takes out the frames of pages [start, start + n): they are free when nothing maps them any more.
 */
void mobj_discard(struct mobj *o, uint64_t start, uint64_t n);

/*
 * => a new object of the same family, to which pages [start, start + n) have moved, at the same
 *    indexes; NULL: no memory, nothing changed.
 */
struct mobj *mobj_split(struct mobj *o, uint64_t start, uint64_t n);

/*
 * => the first page in [*index, end) that has a frame, with its *index; NULL: none. Lock held.
 */
static inline struct frame *mobj_next_locked(const struct mobj *o, uint64_t *index, uint64_t end)
{
	return tree_next(&o->tree, index, end);
}

/*
 * Copies file contents to a kernel buffer; holes read as zeroes.
 * => bytes copied: fewer than len only at the end of the object, or where a page cannot be had.
 */
size_t mobj_read(struct mobj *o, uint64_t offset, void *buf, size_t len);
/* Writes, extending size. => bytes written; fewer only when memory ran out. */
size_t mobj_write(struct mobj *o, uint64_t offset, const void *buf, size_t len);
/* Sets the size: from now on nobody finds a page beyond it. Their frames stay, for mobj_trim(). */
void mobj_resize(struct mobj *o, uint64_t size);
/* Frees the frames beyond the size, of which no mapping is left, and clears the rest of its page.
 */
void mobj_trim(struct mobj *o);
/* Both, of an object that nobody maps. */
void mobj_truncate(struct mobj *o, uint64_t size);

void mobj_check(struct mobj *o);

#endif
