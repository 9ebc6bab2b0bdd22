/*
 * The program that is to be run: found, compiled if it is a source, read, and
 * checked before a machine is started for it.
 */
#ifndef TOOL_PROGRAM_H
#define TOOL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct program {
	const char *shown; /* as the user named it, for messages */
	char *argv0;       /* what the program sees as its own name */
	char *path;        /* absolute, without links: where it lies in the guest */
	uint8_t *image;    /* the ELF file */
	size_t len;
	bool is_compiled; /* path is where it would lie, but no file is there */
};

/*
 * => 0, or the exit status (126, 127, 125), one line having been printed. Then, too, p is to be
 *    closed. `cc` and `cflags` may be NULL.
 */
int program_open(struct program *p, const char *operand, const char *cc, const char *cflags);
void program_close(struct program *p);

/*
 * Checks an ELF image: a static RISC-V program for Linux, whole and sane.
 * => NULL when it can be run, else what is wrong and what to do, as half a sentence. In `buf` or
 *    static.
 */
const char *program_check(const void *image, size_t len, char *buf, size_t size);

/* => the path of the dynamic linker that a program, which was checked, names; NULL: none. */
const char *program_interpreter(const void *image, size_t len);

/* => bytes of its largest writable segment in memory. The image passed program_check(). */
uint64_t program_data_size(const void *image);

#endif
