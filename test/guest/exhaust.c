/*
 * Memory that is not there.
 *
 *   exhaust refuse   absurd sizes: NULL and ENOMEM, and the program goes on
 *   exhaust touch    touches more than RAM: killed
 *   exhaust limit    RLIMIT_AS
 *   exhaust files    a file as large as memory: ENOSPC, and the program goes on
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "test/guest/say.h"

static void refuse(const char *what, size_t size)
{
	errno = 0;
	volatile size_t n = size;
	void *p = malloc(n);
	int error = errno;

	printf("malloc(%s): %s %s\n", what, p ? "memory" : "NULL", strerrorname_np(error));
	free(p);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(how, "refuse") == 0) {
		refuse("SIZE_MAX", SIZE_MAX);
		refuse("SIZE_MAX / 2", SIZE_MAX / 2);
		refuse("2^62", (size_t)1 << 62);
		refuse("2^48", (size_t)1 << 48);
		volatile size_t half = (size_t)1 << 33;
		check("calloc that overflows is NULL", calloc(half, half) == NULL);
		char *small = malloc(100);
		check("small memory is still there", small != NULL);
		small[99] = 1;
		char *volatile same = small;
		volatile size_t absurd = (size_t)1 << 62;
		check("realloc to an absurd size is NULL", realloc(small, absurd) == NULL);
		check("what it was called for stays", same[99] == 1);
	} else if (strcmp(how, "limit") == 0) {
		struct rlimit limit = {64 << 20, 64 << 20};
		say("setrlimit(RLIMIT_AS, 64 MiB)", setrlimit(RLIMIT_AS, &limit));
		void *p = mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check("mmap of 128 MiB fails", p == MAP_FAILED && errno == ENOMEM);
		p = mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check("mmap of 16 MiB succeeds", p != MAP_FAILED);
	} else if (strcmp(how, "files") == 0) {
		static char block[1 << 20];
		int fd = open("/tmp/large", O_RDWR | O_CREAT, 0600);
		long n = 0;

		memset(block, 1, sizeof block);
		while (write(fd, block, sizeof block) == sizeof block)
			n++;
		say("no more", write(fd, block, sizeof block));
		check("most of memory was used", n >= 24 && n < 32);
		say("writing again what is there", pwrite(fd, block, 4096, 4096));
		say("ftruncate", ftruncate(fd, 0));
		say("room again", write(fd, block, 4096));
	} else {
		size_t step = 1 << 20;
		printf("touching memory without end\n");
		for (;;) {
			char *p = mmap(NULL, step, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			if (p == MAP_FAILED) {
				printf("mmap: %s\n", strerrorname_np(errno));
				return 3;
			}
			for (size_t i = 0; i < step; i += 4096)
				p[i] = 1;
		}
	}
	return 0;
}
