/*
 * Copies standard input to standard output in reads of an odd size, and says on
 * standard error how much it was. `copy SIZE` reads SIZE bytes at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 0) : 12345;
	char *buffer = malloc(size);
	long total = 0;
	ssize_t n;

	while ((n = read(0, buffer, size)) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(1, buffer + done, (size_t)(n - done));
			if (w < 0) {
				fprintf(stderr, "copy: write: %s\n", strerror(errno));
				return 2;
			}
			done += w;
		}
		total += n;
	}
	if (n < 0) {
		fprintf(stderr, "copy: read: %s\n", strerror(errno));
		return 1;
	}
	if (read(0, buffer, size) != 0)
		fprintf(stderr, "copy: the end of input did not stay\n");
	fprintf(stderr, "copy: %ld bytes\n", total);
	return 0;
}
