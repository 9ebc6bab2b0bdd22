/*
 * Folders of the host for the machine's 9P server.
 */
#ifndef TOOL_SHARE_H
#define TOOL_SHARE_H

#include "machine/machine.h"

struct share {
	int root; /* the folder, open as a place to begin from */
	bool writable;
};

/*
 * Opens the folder. `path` may be any path of the host's; links in it are followed, this once.
 * => true: *out is ready for machine_attach_share; `tag` and *s must outlive the machine.
 *    false: *why says, in half a line, why not.
 */
bool share_open(struct share *s, const char *path, const char *tag, bool writable,
		struct machine_share *out, const char **why);

/* The folder is not served any more; files that the guest has open stay so. */
void share_close(struct share *s);

#endif
