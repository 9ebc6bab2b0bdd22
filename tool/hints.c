/*
 * The hint at the end of a run. The kernel tells of each path that led nowhere, and of each write
 * to what is only shown; most of that is nobody's concern: programs look for libraries and settings
 * in many places. What is worth a word is
 *
 *   - a file that the host has, or one that was to be made in a folder that the host has, and that
 *     no folder shows: but not of the system, nor one whose name begins with a dot
 *   - a folder that is shown to be read only, and was to be written
 *
 * One of each is named, the first, with what to do about it.
 */
#define _GNU_SOURCE
#include "tool/hints.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/trace.h"
#include "tool/tool.h"

static void keep_missing(struct hints *h, bool made)
{
	for (unsigned i = 0; i < h->nmissing; i++)
		if (strcmp(h->missing[i], h->text) == 0)
			return;
	if (h->nmissing == HINTS_KEPT)
		return;
	h->missing[h->nmissing] = strdup(h->text);
	h->made[h->nmissing] = made;
	h->nmissing += h->missing[h->nmissing] != NULL;
}

static bool is_system(const char *path)
{
	static const char *const folders[] = {"/bin/", "/boot/", "/dev/", "/etc/", "/lib", "/proc/",
					      "/run/", "/sbin/", "/sys/", "/usr/", "/var/"};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			return true;
	return false;
}

/* => whether the host has what the guest has not, so that showing it would help. */
static bool is_worth_a_word(const char *path, bool made)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	bool has;

	if (is_system(path) || slash[1] == '.' || slash[1] == 0)
		return false;
	if (access(path, F_OK) == 0)
		return true;
	if (!made)
		return false;
	folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	has = folder && slash != path && access(folder, W_OK) == 0;
	free(folder);
	return has;
}

void hints_trace(struct hints *h, unsigned event, const uint64_t args[6])
{
	const size_t piece = 4 * sizeof args[0];

	if (event != TRACE_FILE_MISSING && event != TRACE_FILE_REFUSED)
		return;
	if (h->len + piece >= sizeof h->text) {
		h->len = 0;
		return;
	}
	memcpy(h->text + h->len, &args[2], piece);
	h->len += piece;
	if (!memchr(h->text + h->len - piece, 0, piece))
		return;
	h->len = 0;
	if (event == TRACE_FILE_MISSING && is_worth_a_word(h->text, args[1]))
		keep_missing(h, args[1]);
	else if (event == TRACE_FILE_REFUSED && !h->refused)
		h->refused = strdup(h->text);
}

void hints_print(const struct hints *h, const struct folders *f)
{
	for (unsigned i = 0; i < f->count && h->refused; i++)
		if (strcmp(f->list[i].tag, h->refused) == 0)
			complain("hint: %s is shown to be read only; --write %s lets the program "
				 "change it",
				 f->list[i].path, f->list[i].path);
	for (unsigned i = 0; i < h->nmissing; i++) {
		const char *path = h->missing[i], *slash = strrchr(path, '/');

		if (folders_show(f, path))
			continue;
		complain("hint: %s is not shown to the program; %s %.*s shows its folder", path,
			 h->made[i] ? "--write" : "--share",
			 slash == path ? 1 : (int)(slash - path), path);
		break;
	}
}

void hints_free(struct hints *h)
{
	for (unsigned i = 0; i < h->nmissing; i++)
		free(h->missing[i]);
	free(h->refused);
	*h = (struct hints){0};
}
