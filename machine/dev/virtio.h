/*
 * Virtio over MMIO, the device's side: what every kind of device shares.
 *
 * A device embeds a struct virtio, fills in the constants and the calls, and hands it to
 * virtio_attach. When the driver rings, `notify` runs; it takes buffers off the queue with
 * virtq_pop and gives each one back with virtq_push.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include "machine/machine.h"

#define VIRTIO_MAX_QUEUES 16
#define VIRTQ_MAX_SIZE    128 /* as QEMU's console offers */

#define VIRTIO_F_VERSION_1 32

/* Device status (virtio 1.2, section 2.1). */
#define VIRTIO_ACKNOWLEDGE 0x01
#define VIRTIO_DRIVER      0x02
#define VIRTIO_DRIVER_OK   0x04
#define VIRTIO_FEATURES_OK 0x08
#define VIRTIO_NEEDS_RESET 0x40
#define VIRTIO_FAILED      0x80

struct virtq {
	uint16_t num; /* size that the driver chose; a power of two */
	bool ready;
	uint64_t desc, driver, device; /* physical addresses of the three parts */
	uint16_t avail;                /* index of the next buffer to take */
	uint16_t used;                 /* index of the next used element to fill */
};

struct virtio {
	struct machine *m;
	void *self; /* the device around this, for the calls */
	unsigned slot, irq;
	uint32_t device_id;
	uint64_t features; /* offered, VERSION_1 included */
	unsigned nqueues;

	/* The driver made buffers available in queue `q`. Only while DRIVER_OK and no reset needed.
	 */
	void (*notify)(void *self, unsigned q);
	/* The driver reset the device. */
	void (*reset)(void *self);
	/* Device-specific configuration; => false: access fault. */
	bool (*config_load)(void *self, uint64_t offset, unsigned size, uint64_t *out);
	bool (*config_store)(void *self, uint64_t offset, unsigned size, uint64_t value);
	void (*hash)(void *self, uint64_t *h);

	uint32_t status, interrupt;
	uint64_t driver_features;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	struct virtq queues[VIRTIO_MAX_QUEUES];
};

/* One piece of a buffer, in guest RAM. */
struct virtio_piece {
	uint64_t pa;
	uint32_t len;
	bool writable; /* by the device */
};

/* A buffer that the driver made available: its pieces in order, all of them within RAM. */
struct virtio_buffer {
	uint16_t head;
	unsigned npieces;
	uint64_t readable, writable; /* bytes in all */
	struct virtio_piece pieces[VIRTQ_MAX_SIZE];
};

/* Attaches the device to the bus, in its slot. */
void virtio_attach(struct virtio *v);

/* Every slot that is still free answers as one without a device; none can be attached later. */
void virtio_fill_slots(struct machine *m);

/* => the first slot without a device; BOARD_VIRTIO_SLOTS if there is none. */
unsigned virtio_free_slot(const struct machine *m);

/*
 * Takes the next buffer off a queue.
 * => false: there is none, or the driver broke the rules, and the device now needs a reset.
 */
bool virtq_pop(struct virtio *v, struct virtq *q, struct virtio_buffer *out);

/* The buffer that was taken last stays in the queue after all. */
static inline void virtq_unpop(struct virtq *q)
{
	q->avail--;
}

/* Gives a buffer back with `len` bytes written into it, and interrupts the driver if it wants. */
void virtq_push(struct virtio *v, struct virtq *q, uint16_t head, uint32_t len);

/*
 * Writes bytes into the buffer's writable pieces, from the beginning.
 * => how many fitted.
 */
uint32_t virtio_buffer_fill(struct virtio *v, const struct virtio_buffer *b, const void *buf,
			    uint32_t len);

/*
 * The bytes of a buffer, wherever the driver cut it into pieces: those to be read, and those to
 * be written, are each one run of bytes, counted from 0.
 * => host pointer to the bytes at `at` of the one run or the other, and *len of them that lie
 *    together (at least 1); NULL behind the end.
 */
void *virtio_buffer_span(struct virtio *v, const struct virtio_buffer *b, bool writable,
			 uint64_t at, uint64_t *len);

/* Copies `len` bytes out of the readable run, or into the writable one. => false: too few. */
bool virtio_buffer_get(struct virtio *v, const struct virtio_buffer *b, uint64_t at, void *out,
		       uint64_t len);
bool virtio_buffer_put(struct virtio *v, const struct virtio_buffer *b, uint64_t at, const void *in,
		       uint64_t len);

/* The driver broke a rule: stops the device until it is reset. */
void virtio_broken(struct virtio *v);

/* Whether the device may serve its queues. */
static inline bool virtio_live(const struct virtio *v)
{
	return (v->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;
}

#endif
