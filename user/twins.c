/*
 * One address, two values: after a fork, parent and child each write to x.
 *
 *	child   &x = 0x76000   x = 2
 *	parent  &x = 0x76000   x = 1
 *
 * The pointers are equal because the child's address space is a copy of its
 * parent's; the values differ because it is a copy. The page that holds x was
 * shared until one of the two wrote to it (copy-on-write).
 *
 * With a number, no child: twins 1 : twins 2 are two programs side by side, whose x
 * has one address, too, and nothing else in common.
 *
 *	twin 1  &x = 0x76000   x = 1
 *	twin 2  &x = 0x76000   x = 2
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int x = 1;

/* Both twins have written, before either looks. */
static int alone(int number)
{
	x = number;
	usleep(10000 * (useconds_t)number);
	printf("twin %d  &x = %p   x = %d\n", number, (void *)&x, x);
	return 0;
}

int main(int argc, char **argv)
{
	pid_t child;

	if (argc > 1)
		return alone(atoi(argv[1]));
	child = fork();
	if (child < 0) {
		perror("fork");
		return 1;
	}
	if (child == 0) {
		x = 2;
		printf("child   &x = %p   x = %d\n", (void *)&x, x);
		return 0;
	}
	waitpid(child, NULL, 0);
	printf("parent  &x = %p   x = %d\n", (void *)&x, x);
	return 0;
}
