/*
 * The one stream of random bytes behind /dev/random, /dev/urandom and getrandom().
 */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "kernel/fs/uio.h"

void random_fill(void *buf, size_t len);
/* Fills all that is left of u. => bytes or -EFAULT. */
ssize_t random_read(struct uio *u);

#endif
