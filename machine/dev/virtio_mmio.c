/*
 * Virtio over MMIO, version 2: registers, and split virtqueues.
 *
 * A queue is three arrays in guest RAM:
 *
 *   descriptors  num * { u64 pa; u32 len; u16 flags; u16 next; }
 *   driver area  u16 flags, idx, ring[num]                what the driver makes available
 *   device area  u16 flags, idx, { u32 head; u32 len; }[num]    what the device gives back
 *
 * A buffer is a chain of descriptors, linked by NEXT. Everything in these arrays is the
 * driver's word, and a driver may be broken or hostile:
 *
 * I1. Every address is looked at through bus_dma, which knows RAM's bounds; nothing is cached.
 * I2. A chain has at most num descriptors, of 4 GiB in all: a loop ends.
 * I3. At most num buffers are outstanding: an index that is further ahead is refused.
 * I4. A rule broken sets DEVICE_NEEDS_RESET, and the queues are dead until the driver writes 0
 *     to Status.
 *
 * Between a device's look at a descriptor and its use no hart runs, so nothing changes.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, sections 2.7 (split virtqueues), 4.2 (MMIO).
 */
#include "machine/dev/virtio.h"

#include <string.h>

#include "machine/machine_state.h"

#define MMIO_MAGIC   0x74726976 /* "virt" */
#define MMIO_VERSION 2
#define MMIO_VENDOR  0x44504d4c /* "LMPD" */

enum {
	REG_MAGIC = 0x000,
	REG_VERSION = 0x004,
	REG_DEVICE_ID = 0x008,
	REG_VENDOR_ID = 0x00c,
	REG_DEVICE_FEATURES = 0x010,
	REG_DEVICE_FEATURES_SEL = 0x014,
	REG_DRIVER_FEATURES = 0x020,
	REG_DRIVER_FEATURES_SEL = 0x024,
	REG_QUEUE_SEL = 0x030,
	REG_QUEUE_NUM_MAX = 0x034,
	REG_QUEUE_NUM = 0x038,
	REG_QUEUE_READY = 0x044,
	REG_QUEUE_NOTIFY = 0x050,
	REG_INTERRUPT_STATUS = 0x060,
	REG_INTERRUPT_ACK = 0x064,
	REG_STATUS = 0x070,
	REG_QUEUE_DESC_LOW = 0x080,
	REG_QUEUE_DESC_HIGH = 0x084,
	REG_QUEUE_DRIVER_LOW = 0x090,
	REG_QUEUE_DRIVER_HIGH = 0x094,
	REG_QUEUE_DEVICE_LOW = 0x0a0,
	REG_QUEUE_DEVICE_HIGH = 0x0a4,
	REG_SHM_LEN_LOW = 0x0b0,
	REG_SHM_LEN_HIGH = 0x0b4,
	REG_SHM_BASE_LOW = 0x0b8,
	REG_SHM_BASE_HIGH = 0x0bc,
	REG_CONFIG_GENERATION = 0x0fc,
	REG_CONFIG = 0x100,
};

#define INTERRUPT_USED   1
#define INTERRUPT_CONFIG 2

#define DESC_SIZE          16
#define DESC_NEXT          1
#define DESC_WRITE         2
#define DESC_INDIRECT      4
#define AVAIL_NO_INTERRUPT 1

struct desc {
	uint64_t pa;
	uint32_t len;
	uint16_t flags, next;
};
_Static_assert(sizeof(struct desc) == DESC_SIZE, "as it lies in guest memory");

/* -- interrupts and rules ----------------------------------------------------------------- */

static void raise_interrupt(struct virtio *v, uint32_t bits)
{
	v->interrupt |= bits;
	plic_set_level(v->m, v->irq, v->interrupt != 0);
}

void virtio_broken(struct virtio *v)
{
	if (v->status & VIRTIO_NEEDS_RESET)
		return;
	v->status |= VIRTIO_NEEDS_RESET;
	if (v->status & VIRTIO_DRIVER_OK)
		raise_interrupt(v, INTERRUPT_CONFIG);
}

/* -- queues ------------------------------------------------------------------------------- */

static bool ram_get(struct virtio *v, uint64_t pa, void *out, size_t len)
{
	const void *p = bus_dma(v->m, pa, len, false);

	if (!p)
		return false;
	memcpy(out, p, len);
	return true;
}

static bool ram_put(struct virtio *v, uint64_t pa, const void *in, size_t len)
{
	void *p = bus_dma(v->m, pa, len, true);

	if (!p)
		return false;
	memcpy(p, in, len);
	return true;
}

/* Follows the chain at `head`. => false: it breaks a rule. */
static bool chain_read(struct virtio *v, const struct virtq *q, uint16_t head,
		       struct virtio_buffer *b)
{
	uint16_t index = head;

	b->head = head;
	b->npieces = 0;
	b->readable = b->writable = 0;
	for (;;) {
		struct virtio_piece *piece = &b->pieces[b->npieces];
		struct desc d;

		if (b->npieces == q->num || index >= q->num)
			return false;
		if (!ram_get(v, q->desc + (uint64_t)index * DESC_SIZE, &d, sizeof(d)))
			return false;
		if ((d.flags & DESC_INDIRECT) || !bus_dma(v->m, d.pa, d.len, false))
			return false;
		piece->pa = d.pa;
		piece->len = d.len;
		piece->writable = d.flags & DESC_WRITE;
		if (piece->writable)
			b->writable += d.len;
		else if (b->writable)
			return false; /* what the device reads comes first */
		else
			b->readable += d.len;
		if (b->readable + b->writable > UINT32_MAX)
			return false;
		b->npieces++;
		if (!(d.flags & DESC_NEXT))
			return true;
		index = d.next;
	}
}

bool virtq_pop(struct virtio *v, struct virtq *q, struct virtio_buffer *out)
{
	uint16_t idx, head;

	if (!virtio_live(v) || !q->ready)
		return false;
	if (!ram_get(v, q->driver + 2, &idx, 2))
		goto broken;
	if (idx == q->avail)
		return false;
	if ((uint16_t)(idx - q->avail) > q->num)
		goto broken;
	if (!ram_get(v, q->driver + 4 + 2ull * (q->avail % q->num), &head, 2) ||
	    !chain_read(v, q, head, out))
		goto broken;
	q->avail++;
	return true;
broken:
	virtio_broken(v);
	return false;
}

void virtq_push(struct virtio *v, struct virtq *q, uint16_t head, uint32_t len)
{
	uint32_t element[2] = {head, len};
	uint16_t next = q->used + 1, flags;

	if (!ram_put(v, q->device + 4 + 8ull * (q->used % q->num), element, sizeof(element)) ||
	    !ram_put(v, q->device + 2, &next, 2) || !ram_get(v, q->driver, &flags, 2)) {
		virtio_broken(v);
		return;
	}
	q->used = next;
	if (!(flags & AVAIL_NO_INTERRUPT))
		raise_interrupt(v, INTERRUPT_USED);
}

uint32_t virtio_buffer_fill(struct virtio *v, const struct virtio_buffer *b, const void *buf,
			    uint32_t len)
{
	const uint8_t *from = buf;
	uint32_t done = 0;

	for (unsigned i = 0; i < b->npieces && done < len; i++) {
		uint32_t n = b->pieces[i].len < len - done ? b->pieces[i].len : len - done;

		if (!b->pieces[i].writable)
			continue;
		if (!ram_put(v, b->pieces[i].pa, from + done, n))
			break;
		done += n;
	}
	return done;
}

void *virtio_buffer_span(struct virtio *v, const struct virtio_buffer *b, bool writable,
			 uint64_t at, uint64_t *len)
{
	for (unsigned i = 0; i < b->npieces; i++) {
		const struct virtio_piece *piece = &b->pieces[i];

		if (piece->writable != writable)
			continue;
		if (at < piece->len) {
			*len = piece->len - at;
			return bus_dma(v->m, piece->pa + at, *len, writable);
		}
		at -= piece->len;
	}
	return NULL;
}

bool virtio_buffer_get(struct virtio *v, const struct virtio_buffer *b, uint64_t at, void *out,
		       uint64_t len)
{
	uint8_t *to = out;

	while (len) {
		uint64_t n;
		const void *from = virtio_buffer_span(v, b, false, at, &n);

		if (!from)
			return false;
		n = n < len ? n : len;
		memcpy(to, from, n);
		to += n;
		at += n;
		len -= n;
	}
	return true;
}

bool virtio_buffer_put(struct virtio *v, const struct virtio_buffer *b, uint64_t at, const void *in,
		       uint64_t len)
{
	const uint8_t *from = in;

	while (len) {
		uint64_t n;
		void *to = virtio_buffer_span(v, b, true, at, &n);

		if (!to)
			return false;
		n = n < len ? n : len;
		memcpy(to, from, n);
		from += n;
		at += n;
		len -= n;
	}
	return true;
}

/* -- registers ---------------------------------------------------------------------------- */

static struct virtq *selected(struct virtio *v)
{
	return v->queue_sel < v->nqueues ? &v->queues[v->queue_sel] : NULL;
}

static void device_reset(struct virtio *v)
{
	v->status = 0;
	v->driver_features = 0;
	v->device_features_sel = v->driver_features_sel = v->queue_sel = 0;
	memset(v->queues, 0, sizeof(v->queues));
	v->interrupt = 0;
	plic_set_level(v->m, v->irq, false);
	v->reset(v->self);
}

static void status_write(struct virtio *v, uint32_t value)
{
	if (value == 0) {
		device_reset(v);
		return;
	}
	/* Features that were not offered, or a driver from before 1.0: FEATURES_OK stays clear. */
	if ((value & VIRTIO_FEATURES_OK) && ((v->driver_features & ~v->features) ||
					     !(v->driver_features >> VIRTIO_F_VERSION_1 & 1)))
		value &= ~VIRTIO_FEATURES_OK;
	v->status = (value & ~VIRTIO_NEEDS_RESET & 0xff) | (v->status & VIRTIO_NEEDS_RESET);
}

static void queue_ready_write(struct virtio *v, struct virtq *q, uint32_t value)
{
	if (!(value & 1)) {
		q->ready = false;
		return;
	}
	if (q->ready)
		return;
	if (!bus_dma(v->m, q->desc, (uint64_t)DESC_SIZE * q->num, false) ||
	    !bus_dma(v->m, q->driver, 4 + 2ull * q->num, false) ||
	    !bus_dma(v->m, q->device, 4 + 8ull * q->num, false) || q->num == 0 || q->desc % 16 ||
	    q->driver % 2 || q->device % 4) {
		virtio_broken(v);
		return;
	}
	q->avail = q->used = 0;
	q->ready = true;
}

static void half_set(uint64_t *reg, bool high, uint32_t value)
{
	unsigned shift = high ? 32 : 0;

	*reg = (*reg & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

static bool mmio_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	struct virtio *v = self;
	struct virtq *q = selected(v);

	if (offset >= REG_CONFIG)
		return v->config_load(v->self, offset - REG_CONFIG, size, out);
	if (size != 4 || offset % 4)
		return false; /* section 4.2.2.2: only aligned 32-bit accesses */
	*out = 0;
	switch (offset) {
	case REG_MAGIC: *out = MMIO_MAGIC; break;
	case REG_VERSION: *out = MMIO_VERSION; break;
	case REG_DEVICE_ID: *out = v->device_id; break;
	case REG_VENDOR_ID: *out = MMIO_VENDOR; break;
	case REG_DEVICE_FEATURES:
		if (v->device_features_sel < 2)
			*out = (uint32_t)(v->features >> 32 * v->device_features_sel);
		break;
	case REG_QUEUE_NUM_MAX: *out = q ? VIRTQ_MAX_SIZE : 0; break;
	case REG_QUEUE_READY: *out = q && q->ready; break;
	case REG_INTERRUPT_STATUS: *out = v->interrupt; break;
	case REG_STATUS: *out = v->status; break;
	case REG_SHM_LEN_LOW:
	case REG_SHM_LEN_HIGH:
	case REG_SHM_BASE_LOW:
	case REG_SHM_BASE_HIGH: *out = 0xffffffff; break; /* there is no shared memory */
	}
	return true;
}

static void queue_store(struct virtio *v, struct virtq *q, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case REG_QUEUE_READY: queue_ready_write(v, q, value); return;
	case REG_QUEUE_NUM:
		if (value == 0 || value > VIRTQ_MAX_SIZE || (value & (value - 1)) || q->ready)
			virtio_broken(v);
		else
			q->num = (uint16_t)value;
		return;
	}
	if (q->ready) {
		virtio_broken(v); /* a queue in use does not move */
		return;
	}
	switch (offset) {
	case REG_QUEUE_DESC_LOW: half_set(&q->desc, false, value); break;
	case REG_QUEUE_DESC_HIGH: half_set(&q->desc, true, value); break;
	case REG_QUEUE_DRIVER_LOW: half_set(&q->driver, false, value); break;
	case REG_QUEUE_DRIVER_HIGH: half_set(&q->driver, true, value); break;
	case REG_QUEUE_DEVICE_LOW: half_set(&q->device, false, value); break;
	case REG_QUEUE_DEVICE_HIGH: half_set(&q->device, true, value); break;
	}
}

static bool mmio_store(void *self, uint64_t offset, unsigned size, uint64_t wide)
{
	struct virtio *v = self;
	struct virtq *q = selected(v);
	uint32_t value = (uint32_t)wide;

	if (offset >= REG_CONFIG)
		return v->config_store(v->self, offset - REG_CONFIG, size, wide);
	if (size != 4 || offset % 4)
		return false;
	switch (offset) {
	case REG_DEVICE_FEATURES_SEL: v->device_features_sel = value; break;
	case REG_DRIVER_FEATURES_SEL: v->driver_features_sel = value; break;
	case REG_DRIVER_FEATURES:
		if (v->driver_features_sel < 2 && !(v->status & VIRTIO_FEATURES_OK))
			half_set(&v->driver_features, v->driver_features_sel, value);
		break;
	case REG_QUEUE_SEL: v->queue_sel = value; break;
	case REG_QUEUE_NOTIFY:
		if (value < v->nqueues && virtio_live(v) && v->queues[value].ready)
			v->notify(v->self, value);
		break;
	case REG_INTERRUPT_ACK:
		v->interrupt &= ~value;
		plic_set_level(v->m, v->irq, v->interrupt != 0);
		break;
	case REG_STATUS: status_write(v, value); break;
	case REG_QUEUE_NUM:
	case REG_QUEUE_READY:
	case REG_QUEUE_DESC_LOW:
	case REG_QUEUE_DESC_HIGH:
	case REG_QUEUE_DRIVER_LOW:
	case REG_QUEUE_DRIVER_HIGH:
	case REG_QUEUE_DEVICE_LOW:
	case REG_QUEUE_DEVICE_HIGH:
		if (q)
			queue_store(v, q, offset, value);
		break;
	}
	return true;
}

static void mmio_hash(void *self, uint64_t *h)
{
	struct virtio *v = self;
	uint64_t state[] = {v->status,
			    v->interrupt,
			    v->driver_features,
			    v->device_features_sel,
			    v->driver_features_sel,
			    v->queue_sel};

	machine_hash_bytes(h, state, sizeof(state));
	for (unsigned i = 0; i < v->nqueues; i++) {
		const struct virtq *q = &v->queues[i];
		uint64_t queue[] = {q->num,    q->ready, q->desc, q->driver,
				    q->device, q->avail, q->used};

		machine_hash_bytes(h, queue, sizeof(queue));
	}
	v->hash(v->self, h);
}

unsigned virtio_free_slot(const struct machine *m)
{
	unsigned slot = 0;

	while (slot < BOARD_VIRTIO_SLOTS && (m->virtio_slots >> slot & 1))
		slot++;
	return slot;
}

void virtio_attach(struct virtio *v)
{
	v->m->virtio_slots |= 1u << v->slot;
	v->irq = BOARD_IRQ_VIRTIO + v->slot;
	v->features |= 1ull << VIRTIO_F_VERSION_1;
	bus_attach(v->m, &(struct bus_device){
			     .name = "virtio",
			     .base = BOARD_VIRTIO_BASE + (uint64_t)v->slot * BOARD_VIRTIO_SIZE,
			     .size = BOARD_VIRTIO_SIZE,
			     .self = v,
			     .load = mmio_load,
			     .store = mmio_store,
			     .hash = mmio_hash,
			 });
}

/* -- slots without a device (section 4.2.3.1.1: device ID 0, for which drivers do nothing) -- */

static bool empty_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	if (size != 4)
		return false;
	*out = offset == REG_MAGIC       ? MMIO_MAGIC
	       : offset == REG_VERSION   ? MMIO_VERSION
	       : offset == REG_VENDOR_ID ? MMIO_VENDOR
					 : 0;
	return true;
}

static bool empty_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	return size == 4;
}

static void empty_hash(void *self, uint64_t *h)
{
}

void virtio_fill_slots(struct machine *m)
{
	for (unsigned slot = virtio_free_slot(m); slot < BOARD_VIRTIO_SLOTS;
	     slot = virtio_free_slot(m)) {
		m->virtio_slots |= 1u << slot;
		bus_attach(m, &(struct bus_device){
				  .name = "virtio, empty",
				  .base = BOARD_VIRTIO_BASE + (uint64_t)slot * BOARD_VIRTIO_SIZE,
				  .size = BOARD_VIRTIO_SIZE,
				  .load = empty_load,
				  .store = empty_store,
				  .hash = empty_hash,
			      });
	}
}
