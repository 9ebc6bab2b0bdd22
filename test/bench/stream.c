/*
 * Streams of doubles: copy, scale, add, triad over three arrays of 4 MiB. `stream ROUNDS`; prints a
 * checksum.
 */
#include <stdio.h>
#include <stdlib.h>

#define N (512 * 1024)

static double a[N], b[N], c[N];

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 40;
	double sum = 0;

	for (long i = 0; i < N; i++) {
		a[i] = (double)(i % 1000);
		b[i] = 2;
	}
	for (long r = 0; r < rounds; r++) {
		for (long i = 0; i < N; i++)
			c[i] = a[i];
		for (long i = 0; i < N; i++)
			b[i] = 0.5 * c[i];
		for (long i = 0; i < N; i++)
			c[i] = a[i] + b[i];
		for (long i = 0; i < N; i++)
			a[i] = b[i] + 0.5 * c[i];
	}
	for (long i = 0; i < N; i++)
		sum += a[i] + b[i] + c[i];
	printf("stream %.17g\n", sum);
	return 0;
}
