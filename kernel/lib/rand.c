/*
 * Streams of numbers from a seed.
 *
 * The generator is the one known as SplitMix64: a counter that advances by an
 * odd constant (2^64 divided by the golden ratio), and a mixing function that
 * makes every bit of the result depend on every bit of the counter. It passes
 * the usual batteries of tests and its whole state is one word.
 */
#include "kernel/lib/rand.h"
#include "kernel/lib/lib.h"

#define GOLDEN 0x9e3779b97f4a7c15UL

static uint64_t seed_value;

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

void rand_seed(uint64_t seed)
{
	seed_value = seed;
}

uint64_t rand_hash(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = mix(h + GOLDEN + p[i]);
	return h;
}

struct rng rng_for(const char *label)
{
	return (struct rng){rand_hash(mix(seed_value), label, strlen(label))};
}

uint64_t rng_next(struct rng *r)
{
	r->state += GOLDEN;
	return mix(r->state);
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
	return rng_next(r) % bound;
}

void rng_fill(struct rng *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len > 0) {
		uint64_t v = rng_next(r);
		size_t n = len < sizeof v ? len : sizeof v;

		memcpy(p, &v, n);
		p += n;
		len -= n;
	}
}
