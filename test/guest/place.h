/*
 * Where the tests of files work: a fresh folder of a tmpfs, as a user who is not root, so that a
 * Linux that runs them as root says the same.
 */
#ifndef TEST_GUEST_PLACE_H
#define TEST_GUEST_PLACE_H

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "test/guest/say.h"

static char place[] = "/dev/shm/limpid-XXXXXX";

static inline void place_enter(void)
{
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) || setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000)))
		abort();
	umask(022);
	if (!mkdtemp(place) || chdir(place))
		abort();
}

/* The folder must be empty by now. */
static inline void place_leave(void)
{
	say("the folder is empty in the end", chdir("/") ? -1 : rmdir(place));
}

/* A file of that text. => a descriptor, open to read and write. */
static inline int make_file(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	return fd;
}

#endif
