/*
 * Terminals: the line discipline, and jobs. Theory: tty.c.
 */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include "kernel/lib/types.h"

struct file;
struct file_ops;
struct stream;

/* /dev/tty, the terminal of the process's session; /dev/console, the machine's. */
extern const struct file_ops tty_own_ops, tty_console_ops;

/* Makes the stream a terminal. => 0 or -ENOMEM. */
int tty_init(struct stream *s);
/* => the machine has one. */
bool tty_exists(void);

#define TTY_DEV (5 << 8 | 1) /* the machine's terminal is its console */

/* => the group in the foreground; -1: none. */
int32_t tty_foreground(void);

/* Opens it for the first process, whose session it becomes. => NULL: no memory. */
struct file *tty_open_first(uint32_t flags);

#endif
