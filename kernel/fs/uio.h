/*
 * A transfer in progress between the kernel and a list of buffers, a program's
 * or the kernel's: how read, readv, pread, sendfile and their opposites all look
 * to a file.
 */
#ifndef KERNEL_UIO_H
#define KERNEL_UIO_H

#include "kernel/lib/types.h"
#include "abi/linux.h"

struct uio {
	const struct linux_iovec *iov; /* what is left begins `done` bytes into iov[0] */
	unsigned niov;
	uint64_t done;
	uint64_t left;  /* bytes of all buffers not yet moved */
	bool is_kernel; /* the addresses are the kernel's own */
	bool at_end,
	    not_at_end; /* a write is made at the file's end, or not, whatever O_APPEND says */
};

/* One buffer; `iov` is the caller's, to be kept as long as u. */
void uio_init(struct uio *u, struct linux_iovec *iov, vaddr_t base, uint64_t len);
void uio_init_kernel(struct uio *u, struct linux_iovec *iov, void *buf, uint64_t len);

/*
 * Move up to len bytes to, or from, the buffers. => bytes moved: less than the smaller of len and
 * u->left only when user memory could not be reached.
 */
size_t uio_put(struct uio *u, const void *from, size_t len);
size_t uio_take(struct uio *u, void *to, size_t len);
size_t uio_put_zeroes(struct uio *u, size_t len);

#endif
