/*
 * Integer work in registers: xorshift, multiply and rotate, no memory. `integer ROUNDS`, each of 10
 * million steps; prints a checksum.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 10;
	uint64_t x = 88172645463325252u, h = 0xcbf29ce484222325u;

	for (long i = 0; i < rounds * 10000000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		h = (h ^ x) * 0x100000001b3u;
		if (h & 1)
			h += x >> 32;
	}
	printf("integer %016" PRIx64 "\n", h);
	return 0;
}
