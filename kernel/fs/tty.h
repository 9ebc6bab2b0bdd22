/*
 * Terminals, of which the machine has none yet. tty.c
 */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include "kernel/lib/types.h"

struct file_ops;

/* /dev/tty, the terminal of the process's session; /dev/console, the machine's. */
extern const struct file_ops tty_own_ops, tty_console_ops;

#define TTY_DEV (5 << 8 | 1) /* the machine's terminal is its console */

/* => the group in the foreground; -1: none. */
int32_t tty_foreground(void);

#endif
