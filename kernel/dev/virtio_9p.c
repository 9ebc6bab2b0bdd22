/*
 * The 9P transport over virtio (virtio device 9; its one queue and its
 * configuration - u16 length of the tag, the tag - are those of Linux and QEMU).
 *
 * A request is a chain of two buffers: the message, and room for the answer. A
 * machine that answers while it is told finishes before the first look; otherwise
 * the thread sleeps until the device's interrupt.
 */
#include "kernel/dev/virtio_9p.h"
#include "kernel/arch/arch.h"
#include "kernel/dev/plic.h"
#include "kernel/dev/virtio.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "abi/linux.h"

#define F_MOUNT_TAG 1 /* feature bit 0 */
#define TAG_MAX     255
#define SPINS       64 /* looks before sleeping */

struct p9_device {
	struct virtio virtio;
	struct virtq *q;
	char tag[TAG_MAX + 1];
	struct p9_device *next;
};

static struct p9_device *devices;

static void on_interrupt(void *ctx)
{
	struct p9_device *d = ctx;

	virtio_ack(&d->virtio);
}

/* By bytes: a device answers no read that goes beyond its configuration's end. */
static void read_tag(struct p9_device *d)
{
	size_t len = virtio_config8(&d->virtio, 0) | (size_t)virtio_config8(&d->virtio, 1) << 8;

	for (size_t i = 0; i < len && i < TAG_MAX; i++)
		d->tag[i] = (char)virtio_config8(&d->virtio, (unsigned)i + 2);
}

void p9_devices_init(const struct dt *dt)
{
	struct virtio v;
	unsigned skip = 0;

	while (virtio_find(dt, VIRTIO_ID_9P, &skip, &v)) {
		struct p9_device *d = kzalloc(sizeof *d);

		if (!d || !virtio_negotiate(&v, F_MOUNT_TAG)) {
			kfree(d);
			continue;
		}
		d->virtio = v;
		d->q = virtq_create(&d->virtio, 0);
		if (!d->q) {
			kfree(d);
			continue;
		}
		virtio_ready(&d->virtio);
		if (d->virtio.source != 0 && !plic_attach(d->virtio.source, on_interrupt, d))
			d->virtio.source = 0;
		read_tag(d);
		d->next = devices;
		devices = d;
	}
}

struct p9_device *p9_device_find(const char *tag, size_t len)
{
	for (struct p9_device *d = devices; d; d = d->next)
		if (strlen(d->tag) == len && memcmp(d->tag, tag, len) == 0)
			return d;
	return NULL;
}

ssize_t p9_device_exchange(struct p9_device *d, const void *out, size_t out_len, void *in,
			   size_t in_len)
{
	uint32_t len;

	if (virtq_add_pair(d->q, out, out_len, in, in_len) < 0)
		return -EIO;
	virtq_kick(&d->virtio, d->q);
	for (unsigned spins = 0; virtq_take(d->q, &len) < 0; spins++) {
		if (spins >= SPINS && d->virtio.source != 0) {
			arch_wait();
			plic_serve();
		}
	}
	return (ssize_t)len;
}
