/* `exit N [raw]`: ends with status N, through libc or by the system call itself. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status = argc > 1 ? atoi(argv[1]) : 0;

	printf("buffered, written at exit\n");
	if (argc > 2)
		syscall(SYS_exit_group, status);
	exit(status);
}
