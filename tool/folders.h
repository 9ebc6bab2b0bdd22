/*
 * Which folders of the host a program sees. Rules: folders.c.
 */
#ifndef TOOL_FOLDERS_H
#define TOOL_FOLDERS_H

#include <stdbool.h>

#include "tool/share.h"

#define FOLDERS_MAX 6 /* virtio slots that are left */

struct folder {
	char *path; /* absolute, without links: the same in the guest */
	bool writable;
	char tag[16];
	bool is_open;
	struct share share;
	struct machine_share attached;
};

struct folders {
	struct folder list[FOLDERS_MAX]; /* outer ones before inner ones */
	unsigned count;
};

/*
 * Adds a folder; one that a listed one shows already is left out. `asked`: by an option, so that
 * what cannot be shown is an error; otherwise it is not shown.
 * => 0, or an exit status, one line having been printed.
 */
int folders_add(struct folders *f, const char *path, bool writable, bool asked);

/* Adds the current folder and the program's. => as above. */
int folders_add_usual(struct folders *f, const char *program_path);

/* => whether the guest sees that file through one of them. */
bool folders_show(const struct folders *f, const char *path);

/* Opens all and plugs them in. => 0 or an exit status. */
int folders_attach(struct folders *f, struct machine *m);

/* => the words of the kernel's command line that mount them, or NULL: no memory. */
char *folders_words(const struct folders *f);

void folders_close(struct folders *f);

#endif
