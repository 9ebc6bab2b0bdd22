/*
 * Byte streams: what drivers of consoles offer to the file system.
 */
#ifndef KERNEL_STREAM_H
#define KERNEL_STREAM_H

#include "kernel/lib/types.h"
#include "kernel/lib/lock.h"

struct stream;

/*
 * Buffers are in the linear map, so that a device can reach them. The stream's lock is held.
 */
struct stream_ops {
	/* Waits for input. => 1 to len bytes; 0 at the end of input; -EIO. */
	ssize_t (*read)(struct stream *s, void *buf, size_t len);
	/* Waits until all is handed over. => len; -EPIPE: nobody will ever read it; -EIO. */
	ssize_t (*write)(struct stream *s, const void *buf, size_t len);
	/* => POLL* bits that hold now. */
	unsigned (*poll)(struct stream *s);
};

#define STREAM_CHUNK (64UL << 10) /* bytes that one read or write moves at most */

struct stream {
	const struct stream_ops *ops;
	void *driver;      /* the driver's own */
	struct mutex lock; /* one reader or writer at a time; guards what follows */
	bool at_end;       /* the end of input has been seen: it stays */
	uint8_t *buf;      /* chunk bytes; allocated at first use */
	size_t chunk;
	size_t have_at, have; /* input that is read but not yet delivered: buf[have_at, +have) */
};

#endif
