/*
 * Which folders of the host a program sees. Rules: folders.c.
 */
#ifndef TOOL_FOLDERS_H
#define TOOL_FOLDERS_H

#include <stdbool.h>

#include "tool/share.h"

#define FOLDERS_MAX 5 /* virtio slots that are left beside the root */

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
	struct folder root; /* shows wherever the guest has nothing else; path NULL: none */
};

/*
 * Chooses the folder that the guest's root is: `path`, or, NULL, where the cross compiler has its
 * libraries, if it has. => 0, or an exit status, one line having been printed.
 */
int folders_root(struct folders *f, const char *path);

/*
 * Adds a folder; one that a listed one shows already is left out. `asked`: by an option, so that
 * what cannot be shown is an error; otherwise it is not shown.
 * => 0, or an exit status, one line having been printed.
 */
int folders_add(struct folders *f, const char *path, bool writable, bool asked);

/* Adds the current folder and the program's. => as above. */
int folders_add_usual(struct folders *f, const char *program_path);

/* => whether the guest finds a file at an absolute path, in a folder or in its root. */
bool folders_have(const struct folders *f, const char *path);

/* => whether the guest sees that file through one of them. */
bool folders_show(const struct folders *f, const char *path);

/* Opens all and plugs them in. => 0 or an exit status. */
int folders_attach(struct folders *f, struct machine *m);

/* => the words of the kernel's command line that mount them, or NULL: no memory. */
char *folders_words(const struct folders *f);

void folders_close(struct folders *f);

#endif
