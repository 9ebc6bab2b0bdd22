/*
 * A file mapped is the file read: the program's own executable, by mmap and by
 * read, whole and in windows; private writes stay private.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "test/guest/say.h"

int main(int argc, char **argv)
{
	(void)argc;
	int fd = open(argv[0], O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		perror(argv[0]);
		return 1;
	}
	check("a regular file", S_ISREG(st.st_mode));
	size_t size = (size_t)st.st_size, whole = (size + 4095) & ~4095UL;
	char *copy = malloc(whole);
	memset(copy, 0, whole);
	size_t done = 0;
	ssize_t n;
	while ((n = read(fd, copy + done, 10000)) > 0)
		done += (size_t)n;
	check("read gives st_size bytes", done == size);
	check("it starts as an ELF file", memcmp(copy, "\177ELF", 4) == 0);

	char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	check("mapped privately: equal, zeroes after the end", memcmp(map, copy, whole) == 0);
	munmap(map, size);
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	check("mapped shared: equal, zeroes after the end", memcmp(map, copy, whole) == 0);
	munmap(map, size);
	map = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE, fd, 5 * 4096);
	check("a window of three pages", memcmp(map, copy + 5 * 4096, 3 * 4096) == 0);
	munmap(map, 3 * 4096);

	char *mine = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *other = mmap(NULL, whole, PROT_READ, MAP_PRIVATE, fd, 0);
	mine[0] = 'x';
	mine[4096] = 'y';
	check("a private write is seen", mine[0] == 'x' && mine[4096] == 'y');
	check("beside it the page is the file's", memcmp(mine + 1, copy + 1, 4095) == 0);
	check("the other mapping is as before", memcmp(other, copy, whole) == 0);
	char back[2];
	check("so is the file", pread(fd, back, 2, 0) == 2 && memcmp(back, copy, 2) == 0);
	close(fd);
	check("a mapping outlives its descriptor", other[1] == 'E');
	return 0;
}
