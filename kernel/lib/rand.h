/*
 * Numbers that look random and follow from a seed.
 *
 * Nothing in the kernel is random: the layout of address spaces, AT_RANDOM and
 * getrandom() all follow from the seed, so that a run can be repeated. Each use
 * has a stream of its own, derived from the seed and a label, so that one more
 * draw in one place does not shift what another place sees.
 */
#ifndef KERNEL_RAND_H
#define KERNEL_RAND_H

#include "kernel/lib/types.h"

struct rng {
	uint64_t state;
};

/* Sets the seed that all streams are derived from. */
void rand_seed(uint64_t seed);

/* => a stream of numbers that depends on the seed and on `label`, and on nothing else. */
struct rng rng_for(const char *label);

uint64_t rng_next(struct rng *r);
/* => a number in [0, bound); bound > 0. The bias is below bound / 2^64. */
uint64_t rng_below(struct rng *r, uint64_t bound);
void rng_fill(struct rng *r, void *buf, size_t len);

/* => a hash of the bytes, mixed into `h`. */
uint64_t rand_hash(uint64_t h, const void *bytes, size_t len);

#endif
