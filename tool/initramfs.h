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

/* A program, and its arguments after its own name; NULL ends them. */
struct initramfs_program {
	struct program program;
	char *const *args;
};

/*
 * Programs that run side by side, at least one. folders: what the guest is shown; NULL: nothing.
 * => 0, or an exit status; a line was printed. initramfs_free() is due in either case.
 */
int initramfs_build(struct initramfs *r, const struct initramfs_program *programs, unsigned count,
		    char *const *env, uint64_t seed, const struct folders *folders);
/* Adds a word to the kernel's command line. => false: no memory. */
bool initramfs_word(struct initramfs *r, const char *word);
void initramfs_free(struct initramfs *r);

#endif
