/* How the test programs name a result: errno's name, or the value. */
#ifndef TEST_GUEST_SAY_H
#define TEST_GUEST_SAY_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A system call's result: "ok" for 0, the number if small, "address" if large, or errno's name. */
static inline void say(const char *what, long result)
{
	if (result == -1)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else if (result == 0)
		printf("%s: ok\n", what);
	else if (result > 0 && result < 65536)
		printf("%s: %ld\n", what, result);
	else
		printf("%s: address\n", what);
}

static inline void check(const char *what, int holds)
{
	printf("%s: %s\n", what, holds ? "yes" : "NO");
}

#endif
