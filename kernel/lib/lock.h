/*
 * Locks.
 *
 * spinlock  short sections that never wait: allocator lists, trees of frames.
 *           Interrupts may stay on only if no interrupt handler takes the lock;
 *           otherwise use the _irqsave pair.
 * mutex     long sections that may wait and may be preempted: an address space.
 *           Not to be taken in an interrupt handler or under a spinlock. A waiter
 *           sleeps (kernel/proc/wait.c; on the host, where nothing runs beside
 *           it, a waiter could only spin).
 *
 * Both order memory: what one holder wrote is seen by the next. Neither may be
 * taken twice by one holder; a lock that is waited for implausibly long stops
 * the kernel with its address, which turns a deadlock into a message.
 *
 * Order, outermost first: aspace.lock, mobj.lock, a slab cache's lock, the frame
 * allocator's lock. The console's lock comes last of all.
 */
#ifndef KERNEL_LOCK_H
#define KERNEL_LOCK_H

#include "kernel/lib/types.h"

/* Of the seam kernel/arch/arch.h, which lies above this folder. */
bool arch_irq_disable(void);
void arch_irq_restore(bool enabled);

struct spinlock {
	uint32_t locked; /* 0 or 1 */
};

struct mutex {
	uint32_t locked; /* 0: free, 1: held, 2: held, and someone may wait */
};

#define SPINLOCK_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}
#define MUTEX_INIT                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

/* The slow path of spinlocks: returns when *word could be changed from 0 to 1. */
void lock_wait(uint32_t *word);

/* Those of mutexes: it was held; someone may wait. */
void mutex_lock_slow(struct mutex *m);
void mutex_unlock_slow(struct mutex *m);

static inline void spin_init(struct spinlock *l)
{
	l->locked = 0;
}

static inline void spin_lock(struct spinlock *l)
{
	if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		lock_wait(&l->locked);
}

/* => whether the lock is the caller's now. */
static inline bool spin_trylock(struct spinlock *l)
{
	return !__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE);
}

static inline void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

/* => interrupts are off; the result is for spin_unlock_irqrestore(). */
static inline bool spin_lock_irqsave(struct spinlock *l)
{
	bool enabled = arch_irq_disable();

	spin_lock(l);
	return enabled;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, bool enabled)
{
	spin_unlock(l);
	arch_irq_restore(enabled);
}

static inline bool spin_is_locked(const struct spinlock *l)
{
	return __atomic_load_n(&l->locked, __ATOMIC_RELAXED) != 0;
}

static inline void mutex_init(struct mutex *m)
{
	m->locked = 0;
}

static inline void mutex_lock(struct mutex *m)
{
	uint32_t free = 0;

	if (!__atomic_compare_exchange_n(&m->locked, &free, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		mutex_lock_slow(m);
}

static inline void mutex_unlock(struct mutex *m)
{
	if (__atomic_exchange_n(&m->locked, 0, __ATOMIC_SEQ_CST) == 2)
		mutex_unlock_slow(m);
}

static inline bool mutex_is_locked(const struct mutex *m)
{
	return __atomic_load_n(&m->locked, __ATOMIC_RELAXED) != 0;
}

#endif
