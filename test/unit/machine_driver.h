/*
 * A virtio driver for one queue of one device, in as few lines as will do: the queue's three
 * parts at the start of RAM, a request at a time, cut into pieces as a test likes.
 */
#ifndef MACHINE_DRIVER_H
#define MACHINE_DRIVER_H

#include "machine/dev/virtio.h"
#include "test/unit/machine_board.h"

#define DRIVER_NUM    16u
#define DRIVER_DESC   BOARD_RAM_BASE
#define DRIVER_AVAIL  (BOARD_RAM_BASE + 0x400)
#define DRIVER_USED   (BOARD_RAM_BASE + 0x800)
#define DRIVER_BUFFER (BOARD_RAM_BASE + 0x1000) /* from here on, RAM is the test's */
#define DRIVER_RAM    (1u << 20)

struct driver {
	struct board b;
	uint64_t mmio;
	uint16_t avail, used;
	unsigned npieces; /* of the chain under construction */
};

static inline void driver_put(struct driver *d, uint64_t pa, const void *buf, size_t len)
{
	assert_true(machine_ram_write(d->b.m, paddr(pa), buf, len));
}

static inline uint64_t driver_get(struct driver *d, uint64_t pa, unsigned size)
{
	uint64_t value = 0;

	assert_true(machine_ram_read(d->b.m, paddr(pa), &value, size));
	return value;
}

/* Resets the device, accepts `features`, and sets its queue 0 up. */
static inline void driver_start(struct driver *d, unsigned slot, uint32_t features)
{
	static const uint8_t zero[0x1000];

	d->mmio = BOARD_VIRTIO_BASE + (uint64_t)slot * BOARD_VIRTIO_SIZE;
	d->avail = d->used = 0;
	d->npieces = 0;
	driver_put(d, DRIVER_DESC, zero, sizeof(zero));
	board_put(&d->b, d->mmio + 0x70, 4, 0);
	board_put(&d->b, d->mmio + 0x70, 4, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	board_put(&d->b, d->mmio + 0x24, 4, 0);
	board_put(&d->b, d->mmio + 0x20, 4, features);
	board_put(&d->b, d->mmio + 0x24, 4, 1);
	board_put(&d->b, d->mmio + 0x20, 4, 1);
	board_put(&d->b, d->mmio + 0x70, 4,
		  VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	assert_true(board_get(&d->b, d->mmio + 0x70, 4) & VIRTIO_FEATURES_OK);
	board_put(&d->b, d->mmio + 0x30, 4, 0);
	board_put(&d->b, d->mmio + 0x38, 4, DRIVER_NUM);
	board_put(&d->b, d->mmio + 0x80, 4, (uint32_t)DRIVER_DESC);
	board_put(&d->b, d->mmio + 0x90, 4, (uint32_t)DRIVER_AVAIL);
	board_put(&d->b, d->mmio + 0xa0, 4, (uint32_t)DRIVER_USED);
	board_put(&d->b, d->mmio + 0x44, 4, 1);
	board_put(&d->b, d->mmio + 0x70, 4, 15);
}

static inline void driver_piece(struct driver *d, uint64_t pa, uint32_t len, bool writable)
{
	struct {
		uint64_t pa;
		uint32_t len;
		uint16_t flags, next;
	} desc = {pa, len, writable ? 2 : 0, 0};
	uint64_t at = DRIVER_DESC + 16 * d->npieces;

	assert_true(d->npieces < DRIVER_NUM);
	driver_put(d, at, &desc, sizeof(desc));
	if (d->npieces) {
		uint16_t flags = (uint16_t)(driver_get(d, at - 4, 2) | 1);
		uint16_t next = (uint16_t)d->npieces;

		driver_put(d, at - 4, &flags, 2);
		driver_put(d, at - 2, &next, 2);
	}
	d->npieces++;
}

static inline bool driver_broken(struct driver *d)
{
	return board_get(&d->b, d->mmio + 0x70, 4) & VIRTIO_NEEDS_RESET;
}

/* Offers the chain and rings. => bytes written by the device; -1: the buffer did not come back. */
static inline long driver_ring(struct driver *d)
{
	uint16_t head = 0, idx = ++d->avail;
	uint64_t element = DRIVER_USED + 4 + 8 * (d->used % DRIVER_NUM);

	driver_put(d, DRIVER_AVAIL + 4 + 2 * ((idx - 1u) % DRIVER_NUM), &head, 2);
	driver_put(d, DRIVER_AVAIL + 2, &idx, 2);
	d->npieces = 0;
	board_put(&d->b, d->mmio + 0x50, 4, 0);
	if ((uint16_t)driver_get(d, DRIVER_USED + 2, 2) == d->used)
		return -1;
	d->used++;
	assert_int_equal(driver_get(d, element, 4), 0);
	return (long)driver_get(d, element + 4, 4);
}

static uint32_t driver_random_state = 1;

static inline uint32_t driver_random(void)
{
	driver_random_state ^= driver_random_state << 13;
	driver_random_state ^= driver_random_state >> 17;
	driver_random_state ^= driver_random_state << 5;
	return driver_random_state;
}

/*
 * Fills the rings with nonsense: half plausible, half random bytes; a third of the rounds with
 * what `prepare` put into the buffers. What is asked: no crash, no hang, no access outside RAM.
 */
static inline void driver_nonsense(struct driver *d, unsigned slot, uint32_t features,
				   void (*prepare)(uint8_t *buffers, size_t len))
{
	uint8_t *ram = machine_ram_at(d->b.m, paddr(BOARD_RAM_BASE), DRIVER_RAM);

	driver_start(d, slot, features);
	for (unsigned i = 0; i < 0xa00; i++)
		ram[i] = (uint8_t)driver_random();
	if (driver_random() % 3)
		prepare(ram + 0x1000, DRIVER_RAM - 0x1000);
	for (unsigned i = 0; i < DRIVER_NUM; i++) {
		uint64_t pa = DRIVER_BUFFER + (driver_random() % 64) * 0x100;
		uint32_t len =
		    driver_random() % 8 ? driver_random() % 700 : driver_random() % DRIVER_RAM;
		uint16_t flags = driver_random() & 3, next = driver_random() % (DRIVER_NUM + 1);

		if (driver_random() % 16 == 0)
			pa = BOARD_RAM_BASE + driver_random() % (DRIVER_RAM + 64);
		if (driver_random() % 8) {
			memcpy(ram + 16 * i, &pa, 8);
			memcpy(ram + 16 * i + 8, &len, 4);
			memcpy(ram + 16 * i + 12, &flags, 2);
			memcpy(ram + 16 * i + 14, &next, 2);
		}
		if (driver_random() % 8)
			memcpy(ram + 0x404 + 2 * i, &(uint16_t){driver_random() % DRIVER_NUM}, 2);
	}
	memcpy(ram + 0x402, &(uint16_t){driver_random() % (DRIVER_NUM + 1)}, 2);
	for (unsigned i = 0; i < 8; i++) {
		if (driver_random() % 4)
			board_put(&d->b, d->mmio + 0x50, 4, driver_random() % 2);
		else
			board_put(&d->b, d->mmio + 4 * (driver_random() % 80), 4, driver_random());
	}
}

#endif
