/*
 * A random ring: a cyclic permutation over MIB mebibytes is built in random order, then chased.
 * Every access is to another page: hostile to caches and to the TLB, and every page faults once.
 * `ring MIB STEPS`; prints a checksum.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

int main(int argc, char **argv)
{
	uint64_t n = (argc > 1 ? strtoull(argv[1], NULL, 0) : 256) << 17;
	uint64_t steps = argc > 2 ? strtoull(argv[2], NULL, 0) : 1000000;
	uint64_t *ring = malloc(n * sizeof(*ring));

	if (!ring) {
		fprintf(stderr, "ring: no memory for %" PRIu64 " MiB\n", n >> 17);
		return 1;
	}
	for (uint64_t i = 0; i < n; i++)
		ring[i] = i;
	/* Sattolo: swaps with a strictly lower place leave one single cycle. */
	for (uint64_t i = n - 1; i > 0; i--) {
		uint64_t j = next() % i, t = ring[i];
		ring[i] = ring[j];
		ring[j] = t;
	}
	uint64_t at = 0, h = 0;
	for (uint64_t i = 0; i < steps; i++) {
		at = ring[at];
		h = (h ^ at) * 0x100000001b3u;
	}
	printf("ring %016" PRIx64 "\n", h);
	return 0;
}
