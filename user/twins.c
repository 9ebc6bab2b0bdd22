/*
 * One address, two values: after a fork, parent and child each write to x.
 *
 *	parent  &x = 0x75010   x = 1
 *	child   &x = 0x75010   x = 2
 *
 * The pointers are equal because the child's address space is a copy of its
 * parent's; the values differ because it is a copy. The page that holds x was
 * shared until one of the two wrote to it (copy-on-write).
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int x = 1;

int main(void)
{
	pid_t child = fork();

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
