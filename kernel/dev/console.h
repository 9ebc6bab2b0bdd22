/*
 * The virtio console's ports as byte streams. Theory: console.c.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/lib/fdt.h"

struct stream;
struct ttyport;

/* Finds all consoles, and asks them for their ports. */
void console_init(const struct dt *dt);

/* => whether there is a console, with or without ports. */
bool console_found(void);

/* => the port of that name, or NULL. */
struct stream *console_port(const char *name);

/* => the line to the machine's terminal, or NULL: it has none. */
struct ttyport *console_tty_port(void);

#endif
