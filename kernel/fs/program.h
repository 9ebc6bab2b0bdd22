/*
 * Files that are programs.
 */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

struct inode;
struct mobj;

/*
 * Whether the current process may run what a walk found, and its contents can be mapped.
 * => 0, -ELOOP (a link), -EACCES, or what reading it failed with.
 */
int program_prepare(struct inode *i);

/* => the contents of a program's interpreter, with a reference; 0 or -errno. */
int program_interpreter(const char *path, struct mobj **out);

#endif
