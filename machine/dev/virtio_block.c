/*
 * The disk.
 *
 * A request is a run of bytes to be read, and one to be written; the driver may cut either into
 * pieces as it likes:
 *
 *            read by the device                          written by the device
 *   IN       u32 type, u32 0, u64 sector                 data                    u8 status
 *   OUT      u32 type, u32 0, u64 sector, data                                   u8 status
 *   FLUSH    u32 type, u32 0, u64 0                                              u8 status
 *   GET_ID   u32 type, u32 0, u64 0                      up to 20 bytes of text  u8 status
 *
 * A request is carried out while the driver rings: it takes no time, and is done when the store
 * to QueueNotify is.
 *
 * A snapshot leaves the host's file alone. What the guest writes goes to `over`, memory as large
 * as the disk that is reserved and not touched; a bit for each block says where the truth is:
 *
 *   changed[block]   0: in the host's file    1: in over
 *
 * I1. A write is all or nothing as far as bounds go: it begins when all of it is known to lie on
 *     the disk.
 * I2. Of a snapshot, a block in `over` is whole: a write of part of it fetches the rest first.
 * I3. If the driver did not accept FLUSH, it has no way to ask for what was written to be made
 *     durable: each write then ends with a flush.
 * I4. A buffer of more bytes than RAM has cannot come of a sane driver: the device is broken.
 *     Else the data's pieces could name the same RAM again and again.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, section 5.2.
 */
#include <string.h>

#include "machine/dev/virtio.h"
#include "machine/machine_state.h"

#define BLOCK_ID         2
#define BLOCK_F_SEG_MAX  2
#define BLOCK_F_RO       5
#define BLOCK_F_BLK_SIZE 6
#define BLOCK_F_FLUSH    9

#define SECTOR      512u
#define HEADER_SIZE 16
#define ID_SIZE     20

/* Of a snapshot: as large as the file systems' usual blocks. */
#define OVER_BLOCK 4096u

enum { REQUEST_IN = 0, REQUEST_OUT = 1, REQUEST_FLUSH = 4, REQUEST_GET_ID = 8 };
enum { STATUS_OK = 0, STATUS_IOERR = 1, STATUS_UNSUPP = 2 };

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};
_Static_assert(sizeof(struct header) == HEADER_SIZE, "as it lies in guest memory");

struct disk {
	struct virtio v;
	struct machine_disk host;
	uint8_t *over;    /* of a snapshot, else NULL */
	uint8_t *changed; /* a bit per block of `over` */
	uint64_t nblocks;
	struct virtio_buffer buffer; /* being served; not state */
};

_Static_assert(sizeof(((struct machine_disk *)0)->id) == ID_SIZE, "as GET_ID answers");

/* -- the bytes of the disk ---------------------------------------------------------------- */

static bool is_changed(const struct disk *d, uint64_t block)
{
	return d->changed[block / 8] >> block % 8 & 1;
}

/* Bytes of `len` from `at` on that lie in one block. */
static uint64_t in_block(uint64_t at, uint64_t len)
{
	uint64_t left = OVER_BLOCK - at % OVER_BLOCK;

	return len < left ? len : left;
}

static bool disk_read(struct disk *d, uint64_t at, uint8_t *buf, uint64_t len)
{
	if (!d->over)
		return d->host.read(d->host.ctx, at, buf, len);
	while (len) {
		bool changed = is_changed(d, at / OVER_BLOCK);
		uint64_t n = in_block(at, len);

		/* A run of blocks of one kind is one read. */
		while (n < len && is_changed(d, (at + n) / OVER_BLOCK) == changed)
			n += in_block(at + n, len - n);
		if (changed)
			memcpy(buf, d->over + at, n);
		else if (!d->host.read(d->host.ctx, at, buf, n))
			return false;
		buf += n;
		at += n;
		len -= n;
	}
	return true;
}

/* Makes I2 true of the block, part of which is about to be written. */
static bool over_fetch(struct disk *d, uint64_t block)
{
	uint64_t start = block * OVER_BLOCK;

	if (is_changed(d, block))
		return true;
	if (!d->host.read(d->host.ctx, start, d->over + start,
			  in_block(start, d->host.size - start)))
		return false;
	d->changed[block / 8] |= (uint8_t)(1 << block % 8);
	return true;
}

static bool disk_write(struct disk *d, uint64_t at, const uint8_t *buf, uint64_t len)
{
	if (!d->over)
		return d->host.write(d->host.ctx, at, buf, len);
	while (len) {
		uint64_t block = at / OVER_BLOCK, n = in_block(at, len);

		if (n == OVER_BLOCK)
			d->changed[block / 8] |= (uint8_t)(1 << block % 8);
		else if (!over_fetch(d, block))
			return false;
		memcpy(d->over + at, buf, n);
		buf += n;
		at += n;
		len -= n;
	}
	return true;
}

static bool disk_flush(struct disk *d)
{
	return d->host.mode != DISK_READ_WRITE || d->host.flush(d->host.ctx);
}

/* -- requests ----------------------------------------------------------------------------- */

/* Moves `len` bytes between the disk and the buffer's run, which has them from `from` on. */
static unsigned transfer(struct disk *d, bool in, uint64_t sector, uint64_t from, uint64_t len)
{
	uint64_t sectors = d->host.size / SECTOR, at = sector * SECTOR;

	if (len % SECTOR || sector > sectors || len / SECTOR > sectors - sector)
		return STATUS_IOERR;
	while (len) {
		uint64_t n;
		uint8_t *ram = virtio_buffer_span(&d->v, &d->buffer, in, from, &n);

		n = n < len ? n : len;
		if (!ram || !(in ? disk_read(d, at, ram, n) : disk_write(d, at, ram, n)))
			return STATUS_IOERR;
		from += n;
		at += n;
		len -= n;
	}
	return STATUS_OK;
}

static unsigned out(struct disk *d, uint64_t sector)
{
	unsigned status;

	if (d->host.mode == DISK_READ_ONLY)
		return STATUS_IOERR;
	status = transfer(d, false, sector, HEADER_SIZE, d->buffer.readable - HEADER_SIZE);
	if (status == STATUS_OK && !(d->v.driver_features >> BLOCK_F_FLUSH & 1) && !disk_flush(d))
		status = STATUS_IOERR;
	return status;
}

/* => the status; bytes [0, room) of the writable run are the answer's. */
static unsigned request(struct disk *d, const struct header *h, uint64_t room)
{
	switch (h->type) {
	case REQUEST_IN: return transfer(d, true, h->sector, 0, room);
	case REQUEST_OUT: return out(d, h->sector);
	case REQUEST_FLUSH: return disk_flush(d) ? STATUS_OK : STATUS_IOERR;
	case REQUEST_GET_ID:
		virtio_buffer_put(&d->v, &d->buffer, 0, d->host.id,
				  room < ID_SIZE ? room : ID_SIZE);
		return STATUS_OK;
	}
	return STATUS_UNSUPP;
}

static void disk_notify(void *self, unsigned queue)
{
	struct disk *d = self;
	struct virtq *q = &d->v.queues[queue];

	for (unsigned n = q->num; n && virtq_pop(&d->v, q, &d->buffer); n--) {
		struct virtio_buffer *b = &d->buffer;
		struct header h;
		uint8_t status;

		/* Without a place for the status nothing can be said but this. */
		if (!b->writable || b->readable + b->writable > d->v.m->ram_size ||
		    !virtio_buffer_get(&d->v, b, 0, &h, sizeof(h))) {
			virtio_broken(&d->v);
			return;
		}
		status = (uint8_t)request(d, &h, b->writable - 1);
		virtio_buffer_put(&d->v, b, b->writable - 1, &status, 1);
		virtq_push(&d->v, q, b->head, (uint32_t)b->writable);
	}
}

/* -- the device --------------------------------------------------------------------------- */

static void disk_reset(void *self)
{
}

/* The layout: u64 capacity; u32 size_max, seg_max; geometry in 4 bytes; u32 blk_size. */
static bool disk_config_load(void *self, uint64_t offset, unsigned size, uint64_t *out_value)
{
	struct disk *d = self;
	uint64_t sectors = d->host.size / SECTOR;
	/* A descriptor each for header and status; the rest are the data's. */
	const uint32_t config[6] = {
	    (uint32_t)sectors, (uint32_t)(sectors >> 32), 0, VIRTQ_MAX_SIZE - 2, 0, SECTOR,
	};

	if (offset % size)
		return false;
	*out_value = 0;
	if (offset + size <= sizeof(config))
		memcpy(out_value, (const uint8_t *)config + offset, size);
	return true;
}

static bool disk_config_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	return offset % size == 0; /* nothing there can be set */
}

static void disk_hash(void *self, uint64_t *h)
{
	struct disk *d = self;
	uint64_t state[] = {d->host.size, d->host.mode};

	machine_hash_bytes(h, state, sizeof(state));
	for (uint64_t block = 0; d->over && block < d->nblocks; block++) {
		uint64_t start = block * OVER_BLOCK;

		if (!is_changed(d, block))
			continue;
		machine_hash_bytes(h, &block, sizeof(block));
		machine_hash_bytes(h, d->over + start, in_block(start, d->host.size - start));
	}
}

const char *machine_attach_disk(struct machine *m, const struct machine_disk *disk)
{
	unsigned slot = virtio_free_slot(m);
	struct disk *d;

	if (slot == BOARD_VIRTIO_SLOTS)
		return "the board has no free slot for a disk: it has 8, the console has one";
	if (disk->size % SECTOR)
		return "the disk's size is no multiple of 512 bytes";
	if (disk->size > SIZE_MAX / 2)
		return "the disk is larger than the machine can address";
	d = machine_zalloc(m, sizeof(*d));
	if (!d)
		return "out of memory for a disk";
	d->host = *disk;
	if (disk->mode == DISK_SNAPSHOT && disk->size) {
		d->nblocks = (disk->size + OVER_BLOCK - 1) / OVER_BLOCK;
		d->over = machine_zalloc(m, disk->size);
		d->changed = machine_zalloc(m, (d->nblocks + 7) / 8);
		if (!d->over || !d->changed)
			return "out of memory for what a snapshot keeps of the disk";
	}
	d->v = (struct virtio){
	    .m = m,
	    .self = d,
	    .slot = slot,
	    .device_id = BLOCK_ID,
	    .features = 1 << BLOCK_F_SEG_MAX | 1 << BLOCK_F_BLK_SIZE | 1 << BLOCK_F_FLUSH |
			(disk->mode == DISK_READ_ONLY) << BLOCK_F_RO,
	    .nqueues = 1,
	    .notify = disk_notify,
	    .reset = disk_reset,
	    .config_load = disk_config_load,
	    .config_store = disk_config_store,
	    .hash = disk_hash,
	};
	virtio_attach(&d->v);
	return NULL;
}
_Static_assert(BOARD_VIRTIO_SLOTS == 8, "named in machine_attach_disk");
