/*
 * The physical address space.
 *
 *     0x0000_0000  +--------------------+
 *                  | windows of devices |  bus_find: load and store are calls
 *     0x8000_0000  +--------------------+
 *                  | RAM                |  bus_dma: plain host memory
 *     + ram_size   +--------------------+
 *                  | nothing            |  access faults
 *                  +--------------------+
 *
 * I1. Windows do not overlap each other, nor RAM.
 * I2. Whoever writes to RAM without being a hart's store goes through bus_dma with `write`, so
 *     that decoded code of those bytes is dropped and load reservations on them are lost.
 *
 * All values are little-endian, as the guest's; so must be the host.
 */
#include "machine/bus/bus.h"

#include <string.h>

#include "machine/hart/code.h"
#include "machine/machine_state.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "guest memory is read in place");

struct bus_device *bus_find(struct machine *m, uint64_t pa, unsigned size)
{
	for (unsigned i = 0; i < m->ndevices; i++) {
		struct bus_device *dev = &m->devices[i];
		uint64_t offset = pa - dev->base;

		if (offset < dev->size && size <= dev->size - offset)
			return dev;
	}
	return NULL;
}

void bus_attach(struct machine *m, const struct bus_device *dev)
{
	if (m->ndevices == BUS_MAX_DEVICES)
		__builtin_trap(); /* a bug: the board has fewer devices */
	m->devices[m->ndevices++] = *dev;
}

void *bus_dma(struct machine *m, uint64_t pa, uint64_t len, bool write)
{
	uint64_t offset = pa - BOARD_RAM_BASE;

	if (offset >= m->ram_size || len > m->ram_size - offset)
		return NULL;
	if (write && len) {
		code_invalidate(m, pa, len);
		hart_break_reservations(m, NULL, pa, len);
	}
	return m->ram + offset;
}

void *machine_zalloc(struct machine *m, size_t len)
{
	void *mem;

	if (m->nblocks == MACHINE_MAX_MEM)
		return NULL;
	mem = m->host.mem_alloc(m->host.ctx, len);
	if (!mem)
		return NULL;
	m->blocks[m->nblocks].mem = mem;
	m->blocks[m->nblocks++].len = len;
	return mem;
}

/*
 * FNV-1a's step taken a word at a time, with a shift that brings the high bits down again: a
 * multiplication alone never lets a high bit reach a lower one.
 */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15;
	return h ^ (h >> 29);
}

void machine_hash_bytes(uint64_t *h, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t acc = *h, word;

	for (size_t n = len; n >= sizeof(word); n -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		acc = mix(acc, word);
	}
	word = 0;
	memcpy(&word, p, len % sizeof(word));
	*h = mix(mix(acc, word), len);
}
