/*
 * What of the host's files a program asked for and did not get: told in one hint at its end.
 */
#ifndef TOOL_HINTS_H
#define TOOL_HINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/folders.h"

#define HINTS_KEPT 16

struct hints {
	char *missing[HINTS_KEPT]; /* absolute paths in the guest, each once */
	bool made[HINTS_KEPT];     /* it was to be made */
	unsigned nmissing;
	char *refused;   /* source of the first file system that was to be changed; or NULL */
	char text[4100]; /* of a path that is not yet whole */
	size_t len;
};

/* A trace event of the kernel; others than those of files are ignored. */
void hints_trace(struct hints *h, unsigned event, const uint64_t args[6]);

/* Prints the hint, if there is one, to standard error. */
void hints_print(const struct hints *h, const struct folders *f);
void hints_free(struct hints *h);

#endif
