/*
 * The 9P transport over virtio: a request goes out, an answer comes back. Theory: virtio_9p.c.
 */
#ifndef KERNEL_VIRTIO_9P_H
#define KERNEL_VIRTIO_9P_H

#include "kernel/lib/fdt.h"

struct p9_device;

/* Finds all devices. */
void p9_devices_init(const struct dt *dt);

/* => the device of that tag, or NULL. */
struct p9_device *p9_device_find(const char *tag, size_t len);

/*
 * Sends a message and waits for its answer; one at a time: the caller sees to it. Both buffers are
 * in the linear map. => bytes of the answer; -EIO.
 */
ssize_t p9_device_exchange(struct p9_device *d, const void *out, size_t out_len, void *in,
			   size_t in_len);

#endif
