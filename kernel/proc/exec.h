/*
 * Giving a process a program. Theory and layout: exec.c; the stack: stack.c.
 */
#ifndef KERNEL_EXEC_H
#define KERNEL_EXEC_H

#include "kernel/proc/elf.h"
#include "kernel/lib/rand.h"

struct proc;
struct mobj;
struct trapframe;

/* Strings one after another, each with its NUL, as contents of a memory object. */
struct string_table {
	struct mobj *strings; /* NULL: empty. Borrowed */
	uint64_t len;         /* bytes; the last is a NUL */
	uint64_t count;
};

/* Counts the strings of o; a last one without a NUL gets it. => 0 or -ENOMEM. */
int string_table_init(struct string_table *t, struct mobj *o);

struct exec_request {
	struct mobj *file;  /* the program's contents; borrowed */
	const char *name;   /* file name without folders, for events */
	const char *execfn; /* as the user called it: AT_EXECFN */
	struct string_table argv, envp;
};

/*
 * Maps the program into the empty address space of the current process, builds its stack, and
 * sets the registers of its first instruction in *tf.
 * => 0; or -ENOEXEC, -ELIBBAD, -ENOMEM, -E2BIG, -EIO with *why, one line without a full stop.
 *    After a failure the address space is good for nothing but to be freed.
 */
int exec_load(struct proc *p, const struct exec_request *req, struct trapframe *tf,
	      const char **why);

/* What the auxiliary vector tells of an image where it was put. */
struct exec_image {
	struct elf_image elf;
	uint64_t bias; /* added to every address of the file */
};

/*
 * Maps a stack below `top` and writes strings, vectors and the auxiliary vector on it.
 * => 0 and *sp, 16-byte aligned; -E2BIG or -ENOMEM. stack.c
 */
int exec_stack_build(struct proc *p, const struct exec_request *req, const struct exec_image *im,
		     uint64_t top, struct rng *rng, uint64_t *sp);

#endif
