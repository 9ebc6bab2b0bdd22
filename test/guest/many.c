/*
 * Many VMAs: thousands of mappings that cannot merge, found, changed and taken
 * away in a pseudo-random order, with their contents checked.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "test/guest/say.h"

#define N 6000

static uint64_t state = 12345;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

int main(void)
{
	static uint32_t *map[N];
	int order[N], wrong = 0;

	for (int i = 0; i < N; i++) {
		int prot = PROT_READ | PROT_WRITE | (i % 2 ? PROT_EXEC : 0);
		map[i] = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (map[i] == MAP_FAILED) {
			printf("mmap %d: %s\n", i, strerrorname_np(errno));
			return 1;
		}
		order[i] = i;
	}
	for (int i = N - 1; i > 0; i--) {
		int j = (int)(next() % (uint64_t)(i + 1)), t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	for (int i = 0; i < N; i++)
		map[order[i]][100] = (uint32_t)order[i];
	for (int i = 0; i < N; i++)
		wrong += map[i][100] != (uint32_t)i || map[i][0] != 0;
	printf("%d mappings, %d wrong\n", N, wrong);

	for (int i = 0; i < N / 2; i++)
		if (munmap(map[order[i]], 4096)) {
			printf("munmap %d: %s\n", i, strerrorname_np(errno));
			return 1;
		}
	for (int i = N / 2; i < N; i++)
		wrong += map[order[i]][100] != (uint32_t)order[i];
	printf("half of them gone, %d wrong\n", wrong);

	/* One mapping cut into every second page, then made whole again. */
	char *p = mmap(NULL, 4096L * N, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < N; i++)
		p[4096L * i] = (char)i;
	for (int i = 0; i < N; i += 2)
		wrong += mprotect(p + 4096L * i, 4096, PROT_READ) != 0;
	for (int i = 0; i < N; i++)
		wrong += p[4096L * i] != (char)i;
	wrong += mprotect(p, 4096L * N, PROT_READ | PROT_WRITE) != 0;
	for (int i = 0; i < N; i++)
		p[4096L * i]++;
	for (int i = 0; i < N; i++)
		wrong += p[4096L * i] != (char)(i + 1);
	wrong += munmap(p, 4096L * N) != 0;
	printf("cut and made whole, %d wrong\n", wrong);
	return wrong != 0;
}
