/*
 * Advisory locks on files.
 *
 * A lock is a range of bytes with an owner, shared or exclusive. Two locks of one
 * kind conflict when they overlap, have different owners, and one is exclusive.
 * The two kinds do not see each other:
 *
 *     flock   the whole file; the owner is an open file, so it is inherited by fork
 *     record  any range; the owner is a table of descriptors (a process), or with
 *             OFD locks an open file
 *
 * An owner's own locks never overlap: a new one takes the place of what it covers.
 *
 *     held      [----- shared -----)
 *     set            [ excl )
 *     then      [shar)[ excl )[sha)      so setting one may need two more
 *
 * Who must wait sleeps on the file's queue and looks again whenever a lock goes.
 * For record locks a circle of waiters is found before the sleep: each waiting
 * owner waits for one lock, and following these from the lock's owner leads back
 * to who asks (EDEADLK).
 *
 * Locks. locks_lock guards all lists; allocation is done outside it.
 */
#include "kernel/fs/lock.h"
#include "kernel/fs/inode.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/list.h"
#include "kernel/mm/frame/slab.h"
#include "kernel/proc/wait.h"

#define CIRCLE_MAX 16 /* owners that a search for a circle follows */

struct held {
	struct list_node link; /* in file_locks.held */
	struct file_lock l;
};

struct file_locks {
	struct list_node held;
	struct waitq waiters;
};

/* An owner that sleeps, and for whom. */
struct blocked {
	struct list_node link;
	const void *owner, *holder;
};

static struct spinlock locks_lock = SPINLOCK_INIT;
static LIST_HEAD(all_blocked);

static struct file_locks *locks_of(struct inode *i)
{
	struct file_locks *n, *now;

	if (i->locks)
		return i->locks;
	n = kzalloc(sizeof *n);
	if (!n)
		return NULL;
	list_init(&n->held);
	waitq_init(&n->waiters);
	spin_lock(&locks_lock);
	now = i->locks;
	if (!now)
		i->locks = n;
	spin_unlock(&locks_lock);
	if (now)
		kfree(n);
	return i->locks;
}

void file_locks_free(struct file_locks *locks)
{
	kfree(locks);
}

static bool overlaps(const struct file_lock *a, const struct file_lock *b)
{
	return a->kind == b->kind && a->start < b->end && b->start < a->end;
}

/* Lock held. => the first lock that stands in l's way, or NULL. */
static struct held *conflict_locked(struct file_locks *fl, const struct file_lock *l)
{
	list_for_each (it, &fl->held) {
		struct held *h = container_of(it, struct held, link);

		if (h->l.owner != l->owner && overlaps(&h->l, l) &&
		    (h->l.exclusive || l->exclusive))
			return h;
	}
	return NULL;
}

/*
 * Lock held. Takes the owner's hold off l's range. `spare` (may be NULL) becomes the second half
 * of a lock that is split. => whether spare was used; *changed: whether anything was held.
 */
static bool cut_locked(struct file_locks *fl, const struct file_lock *l, struct held *spare,
		       struct list_node *gone, bool *changed)
{
	bool used = false;

	for (struct list_node *it = fl->held.next, *next; it != &fl->held; it = next) {
		struct held *h = container_of(it, struct held, link);

		next = it->next;
		if (h->l.owner != l->owner || !overlaps(&h->l, l))
			continue;
		*changed = true;
		if (h->l.start < l->start && h->l.end > l->end) {
			CHECK(spare != NULL);
			spare->l = h->l;
			spare->l.start = l->end;
			h->l.end = l->start;
			list_add(&h->link, &spare->link);
			used = true;
		} else if (h->l.start < l->start) {
			h->l.end = l->start;
		} else if (h->l.end > l->end) {
			h->l.start = l->end;
		} else {
			list_remove(&h->link);
			list_add(gone, &h->link);
		}
	}
	return used;
}

static void free_all(struct list_node *gone)
{
	while (!list_is_empty(gone)) {
		struct held *h = container_of(gone->next, struct held, link);

		list_remove(&h->link);
		kfree(h);
	}
}

/* Lock held. => whether `holder`, by whom it waits for, waits for `owner` in the end. */
static bool is_circle_locked(const void *owner, const void *holder)
{
	for (int n = 0; n < CIRCLE_MAX; n++) {
		const void *next = NULL;

		if (holder == owner)
			return true;
		list_for_each (it, &all_blocked) {
			const struct blocked *b = container_of(it, struct blocked, link);

			if (b->owner == holder)
				next = b->holder;
		}
		if (!next)
			return false;
		holder = next;
	}
	return false;
}

/* Lock held. => 0: nothing is in the way; -errno. */
static int wait_turn_locked(struct file_locks *fl, const struct file_lock *l, bool wait)
{
	struct held *h;

	while ((h = conflict_locked(fl, l)) != NULL) {
		struct blocked me = {.owner = l->owner, .holder = h->l.owner};

		if (!wait)
			return -EAGAIN;
		if (l->kind == LOCK_RECORD && is_circle_locked(l->owner, h->l.owner))
			return -EDEADLK;
		list_add(&all_blocked, &me.link);
		int error = waitq_sleep(&fl->waiters, &locks_lock, UINT64_MAX, true);
		list_remove(&me.link);
		if (error)
			return error;
	}
	return 0;
}

int file_lock_set(struct inode *i, const struct file_lock *l, bool wait)
{
	struct file_locks *fl = locks_of(i);
	struct held *h = kmalloc(sizeof *h), *spare = kmalloc(sizeof *spare);
	LIST_HEAD(gone);
	bool changed = false;
	int error = fl && h && spare ? 0 : -ENOMEM;

	if (!error) {
		spin_lock(&locks_lock);
		/* A flock is converted by giving the old one up first. */
		if (l->kind == LOCK_FLOCK)
			cut_locked(fl, l, NULL, &gone, &changed);
		error = wait_turn_locked(fl, l, wait);
		if (!error) {
			if (cut_locked(fl, l, spare, &gone, &changed))
				spare = NULL;
			h->l = *l;
			list_add_tail(&fl->held, &h->link);
			h = NULL;
		}
		spin_unlock(&locks_lock);
		if (changed)
			waitq_wake_all(&fl->waiters);
	}
	free_all(&gone);
	kfree(h);
	kfree(spare);
	return error;
}

int file_lock_clear(struct inode *i, const struct file_lock *l)
{
	struct file_locks *fl = i->locks;
	struct held *spare;
	LIST_HEAD(gone);
	bool changed = false;

	if (!fl)
		return 0;
	spare = kmalloc(sizeof *spare);
	if (!spare)
		return -ENOMEM;
	spin_lock(&locks_lock);
	if (cut_locked(fl, l, spare, &gone, &changed))
		spare = NULL;
	spin_unlock(&locks_lock);
	if (changed)
		waitq_wake_all(&fl->waiters);
	free_all(&gone);
	kfree(spare);
	return 0;
}

bool file_lock_test(struct inode *i, struct file_lock *l)
{
	struct held *h = NULL;

	if (!i->locks)
		return false;
	spin_lock(&locks_lock);
	h = conflict_locked(i->locks, l);
	if (h)
		*l = h->l;
	spin_unlock(&locks_lock);
	return h != NULL;
}

void file_locks_drop(struct file_locks *fl, const void *owner)
{
	LIST_HEAD(gone);

	spin_lock(&locks_lock);
	for (struct list_node *it = fl->held.next, *next; it != &fl->held; it = next) {
		struct held *h = container_of(it, struct held, link);

		next = it->next;
		if (h->l.owner == owner) {
			list_remove(&h->link);
			list_add(&gone, &h->link);
		}
	}
	spin_unlock(&locks_lock);
	if (list_is_empty(&gone))
		return;
	waitq_wake_all(&fl->waiters);
	free_all(&gone);
}
