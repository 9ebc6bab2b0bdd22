/*
 * The slow path of locks: waiting. See lock.h for the rules.
 *
 * A waiter reads until the word looks free and only then tries to take it, so
 * that waiting harts share the cache line instead of tearing it from the holder.
 */
#include "kernel/lib/lock.h"
#include "kernel/lib/lib.h"

/* Far more than any section takes (seconds of spinning): only a deadlock gets here. */
#define LOCK_PATIENCE (UINT64_C(1) << 32)

void lock_wait(uint32_t *word)
{
	uint64_t tries = 0;

	do {
		while (__atomic_load_n(word, __ATOMIC_RELAXED)) {
			if (++tries > LOCK_PATIENCE)
				panic("deadlock on lock %p", (void *)word);
		}
	} while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE));
}

/* Where nothing can run in a waiter's place; the kernel proper has its own, in kernel/proc/wait.c.
 */
__attribute__((weak)) void mutex_lock_slow(struct mutex *m)
{
	lock_wait(&m->locked);
}

__attribute__((weak)) void mutex_unlock_slow(struct mutex *m)
{
	(void)m;
}
