/*
 * --gdb: a debugger on the other end of a TCP connection.
 *
 * A verb that runs a machine opens a server, calls gdb_serve where it would have called
 * machine_run, and closes the server before the machine is destroyed.
 */
#ifndef TOOL_GDB_H
#define TOOL_GDB_H

#include "machine/machine.h"

struct gdb_server;

/*
 * Listens at `where`, [ADDR:]PORT: at 127.0.0.1 if no address is given, at a free port if it is 0.
 * Prints one line that says where.
 * => NULL: one line was printed that says what is wrong.
 */
struct gdb_server *gdb_open(const char *verb, const char *where);

/*
 * machine_run as gdb wants it: not at all, until a first gdb has come and said so.
 * => as machine_run, but never STOP_BREAK, and STOP_LIMIT every now and then too, so that the
 *    caller can look after its own input. `m` is the same machine in all calls.
 */
enum machine_stop gdb_serve(struct gdb_server *s, struct machine *m, uint64_t limit);

/* gdb killed the machine: gdb_serve said STOP_FINISHED, though the guest did not end it. */
bool gdb_killed(const struct gdb_server *s);

/* A gdb that still waits is told that the program exited with this status. s may be NULL. */
void gdb_close(struct gdb_server *s, unsigned status);

#endif
