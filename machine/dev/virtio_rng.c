/*
 * The source of entropy, which is none: its bytes follow from the machine's seed.
 *
 * A buffer that the driver makes available is filled with the next bytes of the generator, at
 * most REQUEST_MAX of them; the specification lets a device give fewer than were asked for, but
 * at least one.
 *
 * I1. The bytes are a function of the seed and of how many were taken before, across resets of
 *     the device: no two requests see the same ones.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, section 5.4. The generator is splitmix64 (Steele, Lea,
 * Flood 2014): a counter whose values are mixed.
 */
#include <string.h>

#include "machine/dev/virtio.h"
#include "machine/machine_state.h"

#define ENTROPY_ID  4
#define REQUEST_MAX 4096 /* Linux asks for 64 at once */

/* So that these bytes are not those of the device tree's rng-seed. */
#define STREAM 0x656e74726f707921 /* any number */

struct entropy {
	struct virtio v;
	uint64_t counter;
	struct virtio_buffer buffer; /* being served; not state */
};

static uint64_t next(struct entropy *e)
{
	uint64_t z = e->counter += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void entropy_notify(void *self, unsigned queue)
{
	struct entropy *e = self;
	struct virtq *q = &e->v.queues[queue];

	for (unsigned n = q->num; n && virtq_pop(&e->v, q, &e->buffer); n--) {
		struct virtio_buffer *b = &e->buffer;
		uint32_t len = b->writable < REQUEST_MAX ? (uint32_t)b->writable : REQUEST_MAX;
		uint64_t words[REQUEST_MAX / sizeof(uint64_t)];

		if (b->readable || !len) {
			virtio_broken(&e->v);
			return;
		}
		for (uint32_t i = 0; i < (len + 7) / 8; i++)
			words[i] = next(e);
		virtq_push(&e->v, q, b->head, virtio_buffer_fill(&e->v, b, words, len));
	}
}

static void entropy_reset(void *self)
{
}

static bool entropy_config_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	*out = 0; /* the device has no configuration */
	return offset % size == 0;
}

static bool entropy_config_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	return offset % size == 0;
}

static void entropy_hash(void *self, uint64_t *h)
{
	struct entropy *e = self;

	machine_hash_bytes(h, &e->counter, sizeof(e->counter));
}

const char *machine_attach_entropy(struct machine *m)
{
	unsigned slot = virtio_free_slot(m);
	struct entropy *e;

	if (slot == BOARD_VIRTIO_SLOTS)
		return "the board has no free slot for a source of entropy";
	e = machine_zalloc(m, sizeof(*e));
	if (!e)
		return "out of memory for a source of entropy";
	e->counter = m->cfg.seed ^ STREAM;
	e->v = (struct virtio){
	    .m = m,
	    .self = e,
	    .slot = slot,
	    .device_id = ENTROPY_ID,
	    .nqueues = 1,
	    .notify = entropy_notify,
	    .reset = entropy_reset,
	    .config_load = entropy_config_load,
	    .config_store = entropy_config_store,
	    .hash = entropy_hash,
	};
	virtio_attach(&e->v);
	return NULL;
}
