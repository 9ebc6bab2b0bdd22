/* The smallest program that prints: its exit status is its number of arguments less one. */
#include <stdio.h>

int main(int argc, char **argv)
{
	(void)argv;
	printf("Hello from a program\n");
	return argc - 1;
}
