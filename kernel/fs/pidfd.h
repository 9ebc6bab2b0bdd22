/*
 * Processes and threads as files: pidfd_open(2). Theory: pidfd.c.
 */
#ifndef KERNEL_PIDFD_H
#define KERNEL_PIDFD_H

#include "kernel/lib/types.h"

struct file;
struct pidref;
struct thread;

#define PIDFD_NONBLOCK O_NONBLOCK
#define PIDFD_THREAD   O_EXCL

/* A file that stands for a thread or, without PIDFD_THREAD, its process; takes r over.
 * => its number in the current process's table, or -errno; then r is put. */
int pidfd_install(struct pidref *r, uint32_t flags);

/* => what a file stands for, borrowed from it; NULL: it is no pidfd. */
struct pidref *pidfd_ref(const struct file *f);

/* For proc_clone(): a pidfd of the new thread t, its number written to `user`. => as above. */
int pidfd_clone(struct thread *t, bool is_thread, uint64_t user);
void pidfd_unclone(int fd);

#endif
