/*
 * Giving a process a program. Theory and layout: exec.c; the stack: stack.c.
 */
#ifndef KERNEL_EXEC_H
#define KERNEL_EXEC_H

#include "kernel/proc/elf.h"
#include "kernel/lib/rand.h"

struct proc;
struct mobj;
struct aspace;

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
	/* Finds the interpreter that a program names: its dynamic linker. => its contents, with a
	 * reference; 0 or -errno. */
	int (*find_interpreter)(const char *path, struct mobj **out);
};

/*
 * An exec has these steps. Until the last one nothing of the old program is lost:
 *
 *	as = exec_space_create(p)      the new space, empty
 *	exec_begin(as)                 the current thread's user addresses are in it
 *	exec_load(...)                 the program is mapped, its stack built
 *	exec_cancel()                  after a failure: back in the old space; as is freed
 *	exec_commit(...)               other threads end, the old space goes
 */
struct aspace *exec_space_create(const struct proc *p); /* NULL: no memory */
void exec_begin(struct aspace *as);

/*
 * => 0; or -ENOEXEC, -ELIBBAD (the interpreter is no program), -ENOMEM, -E2BIG, -EIO, or what
 *    finding the interpreter failed with; and *why, one line without a full stop.
 */
int exec_load(struct proc *p, struct aspace *as, const struct exec_request *req, uint64_t *pc,
	      uint64_t *sp, const char **why);
void exec_cancel(void);
/*
 * => 0, and the thread's registers are the new program's; or -EAGAIN (the process ends), -ENOMEM:
 * to be cancelled.
 */
int exec_commit(const struct exec_request *req, uint64_t pc, uint64_t sp);

/* => a number below n, for a layout; 0 for a process that wants none (personality). */
uint64_t exec_draw(const struct proc *p, struct rng *rng, uint64_t n);

/* What the auxiliary vector tells of an image where it was put. */
struct exec_image {
	struct elf_image elf;
	uint64_t bias;        /* added to every address of the file */
	uint64_t interp_bias; /* the same of the interpreter's; 0: it has none */
};

/*
 * Maps a stack below `top` and writes strings, vectors and the auxiliary vector on it.
 * => 0 and *sp, 16-byte aligned; -E2BIG or -ENOMEM. stack.c
 */
int exec_stack_build(struct proc *p, struct aspace *as, const struct exec_request *req,
		     const struct exec_image *im, uint64_t top, struct rng *rng, uint64_t *sp);

#endif
