/*
 * virtio 1.2 over MMIO (sections 4.2 and 2.7 of the specification).
 *
 * A *virtqueue* is memory that driver and device share:
 *
 *     descriptors    where a buffer is, how long, who writes it
 *     avail ring     driver -> device: numbers of descriptors, avail.idx counts them
 *     used ring      device -> driver: numbers given back, used.idx counts them
 *
 * Here a buffer is one descriptor, or two in a chain (a request and room for its
 * answer), and the number of its first descriptor names it in the rings. Both
 * counters only grow, modulo 2^16; their difference is what is under way.
 *
 *   I1  a descriptor is free, or with the device, or given back and not yet taken
 *   I2  avail.idx is written after the ring entry, and the entry after the
 *       descriptor: fences stand between
 *
 * What a device writes into the used ring is not trusted: a number that is not
 * with the device is ignored.
 */
#include "kernel/dev/virtio.h"
#include "kernel/arch/arch.h"
#include "kernel/dev/mmio.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"

#define REG_MAGIC            0x000
#define REG_VERSION          0x004
#define REG_DEVICE_ID        0x008
#define REG_DEV_FEATURES     0x010
#define REG_DEV_FEATURES_SEL 0x014
#define REG_DRV_FEATURES     0x020
#define REG_DRV_FEATURES_SEL 0x024
#define REG_QUEUE_SEL        0x030
#define REG_QUEUE_NUM_MAX    0x034
#define REG_QUEUE_NUM        0x038
#define REG_QUEUE_READY      0x044
#define REG_QUEUE_NOTIFY     0x050
#define REG_INT_STATUS       0x060
#define REG_INT_ACK          0x064
#define REG_STATUS           0x070
#define REG_QUEUE_DESC       0x080
#define REG_QUEUE_DRIVER     0x090
#define REG_QUEUE_DEVICE     0x0a0
#define REG_CONFIG           0x100

#define MAGIC       0x74726976 /* "virt" */
#define VERSION     2
#define REGS_SIZE   0x200
#define F_VERSION_1 32 /* feature bit: not a legacy device */

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8

#define DESC_NEXT  1
#define DESC_WRITE 2
#define DESC_ALIGN 16 /* section 2.7: of the descriptor table, which begins a virtq */

static struct cache *virtq_cache;

static uint32_t get(const struct virtio *v, unsigned reg)
{
	return mmio_read32(v->regs + reg);
}

static void set(struct virtio *v, unsigned reg, uint32_t value)
{
	mmio_write32(v->regs + reg, value);
}

bool virtio_find(const struct dt *dt, uint32_t id, unsigned *skip, struct virtio *out)
{
	struct dt_walk w;
	struct dt_node n;
	uint64_t base, size, source;
	unsigned count = 0;

	dt_walk_init(&w, dt, NULL);
	while (dt_walk_next(&w, &n)) {
		if (!dt_is_compatible(dt, &n, "virtio,mmio") || !dt_reg(dt, &n, 0, &base, &size) ||
		    size < REGS_SIZE || count++ < *skip)
			continue;
		*skip = count;
		*out = (struct virtio){.regs = arch_map_device(PADDR(base), REGS_SIZE)};
		if (!out->regs)
			return false;
		if (get(out, REG_MAGIC) != MAGIC || get(out, REG_VERSION) != VERSION ||
		    get(out, REG_DEVICE_ID) != id)
			continue;
		out->id = id;
		if (dt_prop_number(dt, &n, "interrupts", &source))
			out->source = (unsigned)source;
		return true;
	}
	return false;
}

bool virtio_negotiate(struct virtio *v, uint64_t wanted)
{
	wanted |= 1UL << F_VERSION_1;
	set(v, REG_STATUS, 0);
	set(v, REG_STATUS, STATUS_ACKNOWLEDGE);
	set(v, REG_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	for (unsigned half = 0; half < 2; half++) {
		uint32_t want = (uint32_t)(wanted >> 32 * half);

		set(v, REG_DEV_FEATURES_SEL, half);
		if ((get(v, REG_DEV_FEATURES) & want) != want)
			return false;
		set(v, REG_DRV_FEATURES_SEL, half);
		set(v, REG_DRV_FEATURES, want);
	}
	set(v, REG_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	return (get(v, REG_STATUS) & STATUS_FEATURES_OK) != 0;
}

void virtio_ready(struct virtio *v)
{
	set(v, REG_STATUS, get(v, REG_STATUS) | STATUS_DRIVER_OK);
}

uint32_t virtio_config32(const struct virtio *v, unsigned offset)
{
	return get(v, REG_CONFIG + offset);
}

uint8_t virtio_config8(const struct virtio *v, unsigned offset)
{
	return mmio_read8(v->regs + REG_CONFIG + offset);
}

void virtio_ack(struct virtio *v)
{
	set(v, REG_INT_ACK, get(v, REG_INT_STATUS));
}

static void set_address(struct virtio *v, unsigned reg, const void *p)
{
	uint64_t pa = arch_pa(p).v;

	set(v, reg, (uint32_t)pa);
	set(v, reg + 4, (uint32_t)(pa >> 32));
}

struct virtq *virtq_create(struct virtio *v, unsigned index)
{
	struct virtq *q;

	if (!virtq_cache)
		virtq_cache = cache_create("virtq", sizeof *q, DESC_ALIGN);
	q = virtq_cache ? cache_alloc(virtq_cache) : NULL;
	if (!q)
		return NULL;
	memset(q, 0, sizeof *q);
	set(v, REG_QUEUE_SEL, index);
	uint32_t max = get(v, REG_QUEUE_NUM_MAX);
	if (max == 0 || get(v, REG_QUEUE_READY) != 0) {
		cache_free(virtq_cache, q);
		return NULL;
	}
	q->index = index;
	q->size = VIRTQ_SIZE;
	while (q->size > max)
		q->size /= 2;
	q->free = (1u << q->size) - 1;
	set(v, REG_QUEUE_NUM, q->size);
	set_address(v, REG_QUEUE_DESC, q->desc);
	set_address(v, REG_QUEUE_DRIVER, &q->avail);
	set_address(v, REG_QUEUE_DEVICE, &q->used);
	set(v, REG_QUEUE_READY, 1);
	return q;
}

/* => a descriptor that was free. */
static unsigned take_desc(struct virtq *q, const void *buf, size_t len, bool device_writes)
{
	unsigned slot = lowest_bit(q->free);

	q->free &= q->free - 1;
	q->desc[slot] = (struct virtq_desc){
	    .addr = arch_pa(buf).v, .len = (uint32_t)len, .flags = device_writes ? DESC_WRITE : 0};
	return slot;
}

static int offer(struct virtq *q, unsigned slot)
{
	q->avail.ring[q->avail.idx & (q->size - 1)] = (uint16_t)slot;
	mmio_fence();
	*(volatile uint16_t *)&q->avail.idx = (uint16_t)(q->avail.idx + 1);
	return (int)slot;
}

int virtq_add(struct virtq *q, void *buf, size_t len, bool device_writes)
{
	return q->free ? offer(q, take_desc(q, buf, len, device_writes)) : -1;
}

int virtq_add_pair(struct virtq *q, const void *out, size_t out_len, void *in, size_t in_len)
{
	if (!(q->free & (q->free - 1)))
		return -1; /* here: fewer than two */
	unsigned first = take_desc(q, out, out_len, false);
	unsigned second = take_desc(q, in, in_len, true);
	q->desc[first].flags |= DESC_NEXT;
	q->desc[first].next = (uint16_t)second;
	return offer(q, first);
}

void virtq_kick(struct virtio *v, struct virtq *q)
{
	set(v, REG_QUEUE_NOTIFY, q->index);
}

int virtq_take(struct virtq *q, uint32_t *len)
{
	while (*(volatile uint16_t *)&q->used.idx != q->seen) {
		mmio_fence();
		uint32_t slot = q->used.ring[q->seen & (q->size - 1)].id;

		*len = q->used.ring[q->seen & (q->size - 1)].len;
		q->seen++;
		if (slot >= q->size || (q->free & 1u << slot))
			continue;
		unsigned last = q->desc[slot].flags & DESC_NEXT ? q->desc[slot].next : slot;

		if (*len > q->desc[last].len)
			*len = q->desc[last].len;
		q->free |= 1u << slot | 1u << last;
		return (int)slot;
	}
	return -1;
}
