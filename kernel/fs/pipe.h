/*
 * Pipes and FIFOs. Theory: pipe.c.
 */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include "kernel/lib/types.h"

struct file;

#define PIPE_BUF 4096 /* a write of at most that many bytes is never torn */

/* => both ends of a new pipe, each with one reference; 0 or -ENOMEM. flags: O_NONBLOCK, O_DIRECT */
int pipe_open(uint32_t flags, struct file **reader, struct file **writer);

bool file_is_pipe(const struct file *f);
/* => bytes that fit in. */
uint64_t pipe_capacity(struct file *f);
/* => the new capacity, at least `size`; -EINVAL, -EPERM, -EBUSY (more is in it), -ENOMEM. */
int64_t pipe_resize(struct file *f, uint64_t size);
/* => bytes that can be read now. */
uint64_t pipe_level(struct file *f);

/* For splice and tee. => bytes that can be read; 0: the end; -EAGAIN (not `wait`), -ERESTARTSYS. */
int64_t pipe_wait_data(struct file *f, bool wait);
/* => bytes that can be written without waiting; -EPIPE (and SIGPIPE), -EAGAIN, -ERESTARTSYS. */
int64_t pipe_wait_room(struct file *f, bool wait);
/* Copies bytes to kernel memory and leaves them in the pipe. => how many. */
ssize_t pipe_peek(struct file *f, void *buf, size_t len);

#endif
