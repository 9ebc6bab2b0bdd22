/*
 * What makes the kernel need much memory in a row: the text of many mappings, a table of many
 * descriptors, and both in several processes at once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test/guest/say.h"

#define PAGE 4096L
#define MANY 4000L /* mappings; each is a line */

static long lines_of(const char *path)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY);
	long lines = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	close(fd);
	return n < 0 ? -1 : lines;
}

static void many_lines(void)
{
	long before = lines_of("/proc/self/maps"), after;
	char *p = mmap(NULL, 2 * MANY * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (long i = 0; i < MANY; i++)
		if (mprotect(p + 2 * i * PAGE, PAGE, PROT_NONE))
			say("mprotect", -1);
	after = lines_of("/proc/self/maps");
	check("each mapping has its line",
	      after - before >= 2 * MANY - 2 && after - before <= 2 * MANY);
	check("smaps tells of each", lines_of("/proc/self/smaps") >= after * 20);
	munmap(p, 2 * MANY * PAGE);
	check("they are gone", lines_of("/proc/self/maps") <= before + 1);
}

static void many_descriptors(void)
{
	struct rlimit limit;
	int high;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 400000 ? limit.rlim_max : 400000;
	setrlimit(RLIMIT_NOFILE, &limit);
	high = (int)limit.rlim_cur - 1;
	check("the highest descriptor", dup2(1, high) == high);
	check("it works", write(high, "", 0) == 0 && fcntl(high, F_GETFD) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(fcntl(high, F_GETFD) == 0 ? 0 : 1);
	int status = -1;
	waitpid(pid, &status, 0);
	check("a child has it, too", status == 0);
	close(high);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	many_lines();
	many_descriptors();
	for (int n = 0; n < 2; n++)
		if (fork() == 0) {
			freopen("/dev/null", "w", stdout);
			many_lines();
			many_descriptors();
			_exit(0);
		}
	int status, well = 0;
	while (wait(&status) > 0)
		well += status == 0;
	check("two at once", well == 2);
	return 0;
}
