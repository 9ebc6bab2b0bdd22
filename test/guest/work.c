/*
 * Ordinary work: malloc, realloc and free of many sizes, qsort, printf in many
 * formats, floating point. Prints checksums and some values in full.
 */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 88172645463325252u;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3u;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void heap(void)
{
	enum { SLOTS = 500, ROUNDS = 20000 };
	static unsigned char *slot[SLOTS];
	static size_t size[SLOTS];
	uint64_t h = 0xcbf29ce484222325u;

	for (int round = 0; round < ROUNDS; round++) {
		int i = (int)(next() % SLOTS);
		size_t n = (size_t)(next() % 3000) + 1;
		if (next() % 200 == 0)
			n *= 300;
		for (size_t k = 0; k < size[i]; k += 97)
			if (slot[i][k] != (unsigned char)(i + (int)k)) {
				printf("heap: slot %d lost byte %zu\n", i, k);
				exit(1);
			}
		if (next() % 3 == 0) {
			free(slot[i]);
			slot[i] = malloc(n);
		} else {
			slot[i] = realloc(slot[i], n);
		}
		if (!slot[i]) {
			printf("heap: no memory for %zu bytes\n", n);
			exit(1);
		}
		size[i] = n;
		for (size_t k = 0; k < n; k++)
			slot[i][k] = (unsigned char)(i + (int)k);
		h = mix(h, n);
	}
	for (int i = 0; i < SLOTS; i++)
		free(slot[i]);
	unsigned char *zero = calloc(1000, 1000);
	for (int i = 0; i < 1000000; i++)
		h = mix(h, zero[i]);
	free(zero);
	printf("heap %016" PRIx64 "\n", h);
}

static void sort(void)
{
	enum { N = 50000 };
	uint64_t *v = malloc(N * sizeof(*v)), h = 0;

	for (int i = 0; i < N; i++)
		v[i] = next();
	qsort(v, N, sizeof(*v), by_value);
	for (int i = 0; i < N; i++) {
		if (i && v[i - 1] > v[i])
			printf("sort: out of order at %d\n", i);
		h = mix(h, v[i]);
	}
	printf("sort %016" PRIx64 " smallest %" PRIu64 " largest %" PRIu64 "\n", h, v[0], v[N - 1]);
	free(v);
}

static uint64_t bits_of(double d)
{
	uint64_t b;

	memcpy(&b, &d, sizeof(b));
	return b;
}

static void floating(void)
{
	uint64_t h = 0;
	double sum = 0, product = 1;
	float single = 0;

	for (int i = 1; i < 20000; i++) {
		sum += 1.0 / i;
		product *= 1.0 + 1.0 / ((double)i * i);
		single += 1.0f / (float)i;
		h = mix(h, bits_of(sqrt(i) * sum - product));
		h = mix(h, (uint64_t)(int64_t)(sum * -1e6));
	}
	printf("floating %016" PRIx64 " %.17g %.17g %.9g\n", h, sum, product, (double)single);
	printf("sin %.15f exp %.15f log %.15f pow %.15f\n", sin(1), exp(1), log(10), pow(2, 0.5));
	printf("%g %g %g %g\n", DBL_MAX, DBL_MIN, DBL_MIN / 4096, 1 / 3.0);
	volatile double zero = 0;
	printf("%f %f %d\n", 1 / zero, -1 / zero, isnan(zero / zero));
	printf("%.3e|%10.4f|%-10.2f|%+.0f|%a\n", 12345.678, 3.14159265, 2.5, 2.5, 0.1);
	printf("%s %ld %d\n", strtod("1e-310", NULL) > 0 ? "subnormal" : "zero", lround(2.5),
	       (int)nearbyint(2.5));
}

static void formats(void)
{
	char buffer[64];
	int n = snprintf(buffer, sizeof(buffer), "%5d|%-5d|%05d|%x|%#o|%c|%.3s|%%", 42, -42, 42,
			 48879, 8, 'Z', "abcdef");

	printf("%s (%d)\n", buffer, n);
	printf("%zu %" PRId64 " %" PRIu64 " %lld\n", (size_t)-1, INT64_MIN, UINT64_MAX, 1LL << 40);
	int a, b;
	char word[16];
	n = sscanf("12 0x1f limpid", "%d %i %15s", &a, &b, word);
	printf("%d: %d %d %s\n", n, a, b, word);
}

int main(void)
{
	heap();
	sort();
	floating();
	formats();
	return 0;
}
