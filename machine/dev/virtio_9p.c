/*
 * The 9P transport: a folder of the host under a tag.
 *
 * A buffer is one request: the message is its readable run of bytes, and the answer goes to the
 * writable one. It is served while the driver rings; how the driver cuts the runs into pieces is
 * its own affair.
 *
 * I1. A message is copied before it is looked at, so the guest cannot change it meanwhile, and
 *     the answer is copied when it is complete.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, section 5, has the device's number; its one queue, its
 * feature and its configuration are those of Linux' driver and of QEMU.
 */
#include <string.h>

#include "machine/dev/p9.h"
#include "machine/dev/virtio.h"
#include "machine/machine_state.h"

#define TRANSPORT_ID          9
#define TRANSPORT_F_MOUNT_TAG 0

struct folder {
	struct virtio v;
	struct p9_server server;
	char tag[SHARE_TAG_MAX];
	uint16_t tag_len;
	struct virtio_buffer buffer; /* being served; as the next two, not state */
	uint8_t request[P9_MSIZE_MAX], answer[P9_MSIZE_MAX];
};

static void folder_notify(void *self, unsigned queue)
{
	struct folder *f = self;
	struct virtq *q = &f->v.queues[queue];

	for (unsigned n = q->num; n && virtq_pop(&f->v, q, &f->buffer); n--) {
		struct virtio_buffer *b = &f->buffer;
		uint32_t len = b->readable < P9_MSIZE_MAX ? (uint32_t)b->readable : P9_MSIZE_MAX;
		uint32_t room = b->writable < P9_MSIZE_MAX ? (uint32_t)b->writable : P9_MSIZE_MAX;

		virtio_buffer_get(&f->v, b, 0, f->request, len);
		len = p9_serve(&f->server, f->request, len, f->answer, room);
		virtq_push(&f->v, q, b->head, virtio_buffer_fill(&f->v, b, f->answer, len));
	}
}

static void folder_reset(void *self)
{
	struct folder *f = self;

	p9_end_session(&f->server);
}

/* The layout: u16 length of the tag; the tag. */
static bool folder_config_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	struct folder *f = self;
	uint8_t config[2 + SHARE_TAG_MAX + 7] = {0};

	if (offset % size)
		return false;
	memcpy(config, &f->tag_len, 2);
	memcpy(config + 2, f->tag, SHARE_TAG_MAX);
	*out = 0;
	if (offset + size <= sizeof(config))
		memcpy(out, config + offset, size);
	return true;
}

static bool folder_config_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	return offset % size == 0; /* nothing there can be set */
}

static void folder_hash(void *self, uint64_t *h)
{
	struct folder *f = self;

	machine_hash_bytes(h, f->tag, f->tag_len);
	p9_hash(&f->server, h);
}

const char *machine_attach_share(struct machine *m, const struct machine_share *share)
{
	unsigned slot = virtio_free_slot(m);
	size_t tag_len = strlen(share->tag);
	struct folder *f;

	if (slot == BOARD_VIRTIO_SLOTS)
		return "the board has no free slot for a shared folder: it has 8, the console has "
		       "one";
	if (tag_len < 1 || tag_len > SHARE_TAG_MAX)
		return "the tag of a shared folder has 1 to 31 bytes";
	f = machine_zalloc(m, sizeof(*f));
	if (!f || !p9_init(&f->server, m, share))
		return "out of memory for a shared folder";
	memcpy(f->tag, share->tag, tag_len);
	f->tag_len = (uint16_t)tag_len;
	f->v = (struct virtio){
	    .m = m,
	    .self = f,
	    .slot = slot,
	    .device_id = TRANSPORT_ID,
	    .features = 1 << TRANSPORT_F_MOUNT_TAG,
	    .nqueues = 1,
	    .notify = folder_notify,
	    .reset = folder_reset,
	    .config_load = folder_config_load,
	    .config_store = folder_config_store,
	    .hash = folder_hash,
	};
	virtio_attach(&f->v);
	return NULL;
}
_Static_assert(BOARD_VIRTIO_SLOTS == 8 && SHARE_TAG_MAX == 31, "named in machine_attach_share");
