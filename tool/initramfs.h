/*
 * The archive from which the kernel starts a program.
 */
#ifndef TOOL_INITRAMFS_H
#define TOOL_INITRAMFS_H

#include "tool/cpio.h"
#include "tool/folders.h"
#include "tool/program.h"

struct initramfs {
	struct cpio archive;
	char *append; /* the kernel's command line: init=PATH seed=N */
};

/*
 * `args`: the program's arguments after its own name; NULL ends them.
 * => 0, or an exit status; a line was printed. initramfs_free() is due in either case.
 */
int initramfs_build(struct initramfs *r, const struct program *p, char *const *args,
		    char *const *env, uint64_t seed, const struct folders *folders);
void initramfs_free(struct initramfs *r);

#endif
