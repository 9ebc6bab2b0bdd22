/*
 * virtio over memory-mapped registers, as far as a driver sees it. Theory: virtio.c.
 */
#ifndef KERNEL_VIRTIO_H
#define KERNEL_VIRTIO_H

#include "kernel/lib/fdt.h"

#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_9P      9

#define VIRTQ_SIZE 16 /* descriptors of a queue, as long as the device allows as many */

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct virtq_avail {
	uint16_t flags, idx, ring[VIRTQ_SIZE], used_event;
};

struct virtq_used {
	uint16_t flags, idx;
	struct {
		uint32_t id, len;
	} ring[VIRTQ_SIZE];
	uint16_t avail_event;
};

/* A split virtqueue. A slot is the number of a buffer's first descriptor. */
struct virtq {
	struct virtq_desc desc[VIRTQ_SIZE];
	struct virtq_used used;
	struct virtq_avail avail;
	unsigned index; /* the queue's number on the device */
	unsigned size;  /* a power of two, at most VIRTQ_SIZE */
	uint16_t seen;  /* used.idx up to which completions were taken */
	uint32_t free;  /* bit n: descriptor n is free */
};

struct virtio {
	volatile uint8_t *regs;
	unsigned source; /* of interrupts; 0: none */
	uint32_t id;     /* VIRTIO_ID_*; 0: no device in this slot */
};

/*
 * The next device of that kind, after `*skip` ones; *skip is advanced.
 * => false: there is no further one.
 */
bool virtio_find(const struct dt *dt, uint32_t id, unsigned *skip, struct virtio *out);

/* Resets the device and agrees on features. => false: it does not offer all that is wanted. */
bool virtio_negotiate(struct virtio *v, uint64_t wanted);
void virtio_ready(struct virtio *v); /* all queues are set up: the device may run */

uint32_t virtio_config32(const struct virtio *v, unsigned offset);
uint8_t virtio_config8(const struct virtio *v, unsigned offset);
/* Acknowledges the device's interrupt. */
void virtio_ack(struct virtio *v);

/* => the queue, of memory of its own; NULL: no memory, or the device has no such queue. */
struct virtq *virtq_create(struct virtio *v, unsigned index);

/*
 * Gives the device a buffer of the linear map to read from, or to write into.
 * => its slot; -1: the queue is full. The device may look only after virtq_kick().
 */
int virtq_add(struct virtq *q, void *buf, size_t len, bool device_writes);
/* The same with two buffers as one: `out` to read from and `in` to write into. */
int virtq_add_pair(struct virtq *q, const void *out, size_t out_len, void *in, size_t in_len);
void virtq_kick(struct virtio *v, struct virtq *q);

/* => the slot of a buffer that the device is done with, now free, with *len bytes written; -1. */
int virtq_take(struct virtq *q, uint32_t *len);

#endif
