/*
 * Futexes: threads that wait at a word of user memory until another wakes them.
 *
 * A word has a *key* that is the same for all who mean the same word: for private
 * operations the address space and the address; for shared ones, in a mapping of
 * an object that others may see, the object and the offset in it, wherever it is
 * mapped, else space and address again, but marked: as on Linux, private and
 * shared operations never meet.
 *
 * Keys are hashed to buckets, each a list of waiters. To wait is to compare the
 * word and join the list in one step as seen by wakers: both happen under the
 * bucket's lock. Reading the word may fault and so sleep; therefore that lock is
 * a mutex.
 *
 * Robust lists. A thread that ends tells those who wait for a lock it held: the
 * list of its locks is in user memory, so every pointer in it is distrusted, and
 * its length is limited.
 *
 * Invariants (bucket locked)
 *   I1  a waiter is in the bucket of its key exactly while it is not `done`
 *   I2  a waiter's stack lives until it has seen `done`, or locked its bucket and left it
 *
 * Locks. A bucket's mutex; of two, that with the lower address first. A space's
 * lock and run queues' are taken inside.
 */
#include "kernel/proc/futex.h"
#include "kernel/lib/lib.h"
#include "kernel/lib/list.h"
#include "kernel/mm/space/aspace.h"
#include "kernel/proc/proc.h"

#define BUCKETS   256
#define IS_SHARED 1 /* in key.at: words lie at multiples of 4 */

struct key {
	const void *what; /* space or object */
	uint64_t at;
};

struct bucket {
	struct mutex lock;
	struct list_node waiters;
};

struct waiter_at {
	struct list_node link;
	struct key key;
	struct bucket *bucket;
	struct thread *thread;
	uint32_t bitset;
	bool done;
};

static struct bucket buckets[BUCKETS];

void futex_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		mutex_init(&buckets[i].lock);
		list_init(&buckets[i].waiters);
	}
}

static bool key_equal(const struct key *a, const struct key *b)
{
	return a->what == b->what && a->at == b->at;
}

static struct bucket *bucket_of(const struct key *k)
{
	uint64_t h = ((uintptr_t)k->what >> 4) * 31 + (k->at >> 2);

	return &buckets[(h ^ h >> 8 ^ h >> 16) % BUCKETS];
}

/* => 0 or -EFAULT. */
static int key_of(uint64_t addr, bool is_private, struct key *k)
{
	struct aspace *as = thread_space(thread_current());
	struct vma *v;

	if (addr >= arch_user_end().v)
		return -EFAULT;
	k->what = as;
	k->at = addr;
	if (is_private)
		return 0;
	mutex_lock(&as->lock);
	v = aspace_find(as, VADDR(addr));
	if (v && (v->flags & VMA_SHARED || (v->file && !(v->flags & VMA_WRITE)))) {
		k->what = v->file;
		k->at = (v->file_offset << PAGE_SHIFT) + (addr - v->start.v);
	} else {
		k->at = addr | IS_SHARED;
	}
	/* Private memory that cannot be written has nobody who could wake. */
	if (v && !v->file && !(v->flags & (VMA_SHARED | VMA_WRITE)))
		v = NULL;
	mutex_unlock(&as->lock);
	return v ? 0 : -EFAULT;
}

/* Bucket locked. */
static void wake_one(struct waiter_at *w)
{
	list_remove(&w->link);
	thread_wake(w->thread);
	/* Last: who sees it may leave, and take w along. */
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
}

static void bucket_lock_of(struct waiter_at *w)
{
	for (;;) {
		struct bucket *b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE);

		mutex_lock(&b->lock);
		if (b == w->bucket)
			return;
		mutex_unlock(&b->lock);
	}
}

int futex_wait(uint64_t addr, bool is_private, uint32_t value, uint32_t bitset, uint64_t deadline)
{
	struct waiter_at w = {.thread = thread_current(), .bitset = bitset};
	uint32_t seen;
	int error = key_of(addr, is_private, &w.key);

	if (error)
		return error;
	w.bucket = bucket_of(&w.key);
	mutex_lock(&w.bucket->lock);
	if (arch_copy_from_user(&seen, VADDR(addr), sizeof seen) != 0)
		error = -EFAULT;
	else if (seen != value)
		error = -EAGAIN;
	if (error) {
		mutex_unlock(&w.bucket->lock);
		return error;
	}
	list_add_tail(&w.bucket->waiters, &w.link);
	while (!error && !w.done) {
		thread_sleep_begin(true);
		mutex_unlock(&w.bucket->lock);
		error = thread_sleep(deadline, true);
		if (__atomic_load_n(&w.done, __ATOMIC_ACQUIRE))
			return 0;
		bucket_lock_of(&w); /* it may be about to be woken */
	}
	if (!w.done)
		list_remove(&w.link);
	mutex_unlock(&w.bucket->lock);
	return w.done ? 0 : error;
}

int futex_wake_bitset(uint64_t addr, bool is_private, unsigned n, uint32_t bitset)
{
	struct list_node *it, *next;
	struct bucket *b;
	struct key k;
	int woken = 0, error = key_of(addr, is_private, &k);

	if (error)
		return error;
	b = bucket_of(&k);
	/* Nobody can join unseen: who waits compares the word, which has changed, under the lock.
	 */
	mutex_lock(&b->lock);
	for (it = b->waiters.next; it != &b->waiters && (unsigned)woken < n; it = next) {
		struct waiter_at *w = container_of(it, struct waiter_at, link);

		next = it->next;
		if (key_equal(&w->key, &k) && w->bitset & bitset) {
			wake_one(w);
			woken++;
		}
	}
	mutex_unlock(&b->lock);
	return woken;
}

int futex_wake(uint64_t addr, unsigned n)
{
	return futex_wake_bitset(addr, false, n, FUTEX_BITSET_ANY);
}

static void lock_two(struct bucket *a, struct bucket *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		mutex_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	mutex_unlock(&a->lock);
	if (a != b)
		mutex_unlock(&b->lock);
}

int futex_requeue(uint64_t addr, uint64_t addr2, bool is_private, unsigned n, unsigned move,
		  const uint32_t *expected)
{
	struct list_node *it, *next;
	struct bucket *from, *to;
	struct key k, k2;
	unsigned woken = 0, moved = 0;
	uint32_t seen;
	int error = key_of(addr, is_private, &k);

	if (!error)
		error = key_of(addr2, is_private, &k2);
	if (error)
		return error;
	from = bucket_of(&k);
	to = bucket_of(&k2);
	lock_two(from, to);
	if (expected) {
		if (arch_copy_from_user(&seen, VADDR(addr), sizeof seen) != 0)
			error = -EFAULT;
		else if (seen != *expected)
			error = -EAGAIN;
	}
	for (it = from->waiters.next; !error && it != &from->waiters; it = next) {
		struct waiter_at *w = container_of(it, struct waiter_at, link);

		next = it->next;
		if (!key_equal(&w->key, &k))
			continue;
		if (woken < n) {
			wake_one(w);
			woken++;
		} else if (moved < move && key_equal(&k, &k2)) {
			moved++; /* to itself: it stays where it is */
		} else if (moved < move) {
			list_remove(&w->link);
			w->key = k2;
			__atomic_store_n(&w->bucket, to, __ATOMIC_RELEASE);
			list_add_tail(&to->waiters, &w->link);
			moved++;
		} else {
			break;
		}
	}
	unlock_two(from, to);
	return error ? error : (int)(woken + moved);
}

/* -- FUTEX_WAKE_OP: (op << 28 | comparison << 24 | op argument << 12 | comparison argument) ------
 */

static int32_t argument(uint32_t bits)
{
	return (int32_t)(bits << 20) >> 20; /* 12 bits, signed */
}

static int op_apply(uint32_t op, int32_t old, int32_t *new)
{
	int32_t arg = argument(op >> 12 & 0xfff);

	if (op >> 31)
		arg = (int32_t)(1u << (arg & 31));
	switch (op >> 28 & 7) {
	case 0: *new = arg; return 0;
	case 1: *new = (int32_t)((uint32_t)old + (uint32_t)arg); return 0;
	case 2: *new = old | arg; return 0;
	case 3: *new = old & ~arg; return 0;
	case 4: *new = old ^ arg; return 0;
	default: return -ENOSYS;
	}
}

/* => whether; -ENOSYS. */
static int op_compare(uint32_t op, int32_t old)
{
	int32_t arg = argument(op & 0xfff);

	switch (op >> 24 & 15) {
	case 0: return old == arg;
	case 1: return old != arg;
	case 2: return old < arg;
	case 3: return old <= arg;
	case 4: return old > arg;
	case 5: return old >= arg;
	default: return -ENOSYS;
	}
}

int futex_wake_op(uint64_t addr, uint64_t addr2, bool is_private, unsigned n, unsigned n2,
		  uint32_t op)
{
	uint32_t old, seen;
	int32_t new;
	int woken, more, error;

	if (arch_copy_from_user(&old, VADDR(addr2), sizeof old) != 0)
		return -EFAULT;
	for (;;) {
		error = op_apply(op, (int32_t)old, &new);
		if (error)
			return error;
		if (arch_user_exchange32(VADDR(addr2), old, (uint32_t) new, &seen))
			return -EFAULT;
		if (seen == old)
			break;
		old = seen;
	}
	more = op_compare(op, (int32_t)old);
	if (more < 0)
		return more;
	woken = futex_wake_bitset(addr, is_private, n, FUTEX_BITSET_ANY);
	if (woken < 0 || !more)
		return woken;
	more = futex_wake_bitset(addr2, is_private, n2, FUTEX_BITSET_ANY);
	return more < 0 ? more : woken + more;
}

/* -- robust lists -------------------------------------------------------------------------- */

/* The lock at `addr` was held by t, or t was about to take it (`pending`). */
static void lock_dies(const struct thread *t, uint64_t addr, bool pending)
{
	uint32_t old, seen;

	if (addr & 3 || arch_copy_from_user(&old, VADDR(addr), sizeof old) != 0)
		return;
	for (;;) {
		if (pending && !old) {
			futex_wake(addr, 1);
			return;
		}
		if ((old & FUTEX_TID_MASK) != t->tid)
			return;
		if (arch_user_exchange32(VADDR(addr), old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
					 &seen))
			return;
		if (seen == old)
			break;
		old = seen;
	}
	if (old & FUTEX_WAITERS)
		futex_wake(addr, 1);
}

void futex_exit(struct thread *t)
{
	uint64_t head[3],
	    entry; /* first entry, offset of the lock from it, the one in the making */

	if (!t->robust_list)
		return;
	if (arch_copy_from_user(head, VADDR(t->robust_list), sizeof head) != 0)
		return;
	entry = head[0];
	for (unsigned n = 0; entry != t->robust_list && n < ROBUST_LIST_LIMIT; n++) {
		uint64_t next;
		bool readable = arch_copy_from_user(&next, VADDR(entry & ~1UL), sizeof next) == 0;

		if (entry != head[2])
			lock_dies(t, (entry & ~1UL) + head[1], false);
		if (!readable)
			break;
		entry = next;
	}
	if (head[2])
		lock_dies(t, (head[2] & ~1UL) + head[1], true);
	t->robust_list = 0;
}
