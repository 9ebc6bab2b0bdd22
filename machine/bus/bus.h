/*
 * The physical address space: RAM, and devices that answer loads and stores.
 *
 * Devices are objects with a window of addresses. A device never touches a
 * hart's memory but through `bus_dma`, so that decoded code notices.
 */
#ifndef BUS_H
#define BUS_H

#include "machine/machine.h"

struct bus_device {
	const char *name;
	uint64_t base, size;
	void *self;
	/* `size` is 1, 2, 4 or 8. => false: access fault. */
	bool (*load)(void *self, uint64_t offset, unsigned size, uint64_t *out);
	bool (*store)(void *self, uint64_t offset, unsigned size, uint64_t value);
	/* Folds the device's whole state into a hash (machine_hash_bytes). */
	void (*hash)(void *self, uint64_t *h);
};

/* => NULL if no device has all of [pa, pa + size). */
struct bus_device *bus_find(struct machine *m, uint64_t pa, unsigned size);

/* For devices. `dev` must outlive the machine. */
void bus_attach(struct machine *m, const struct bus_device *dev);

/*
 * Device access to RAM: host pointer to [pa, pa + len), or NULL if that is not all RAM.
 * `write` drops decoded code and reservations of the range.
 */
void *bus_dma(struct machine *m, uint64_t pa, uint64_t len, bool write);

/* The machine's memory, for devices: zeroed; freed when the machine is destroyed. */
void *machine_zalloc(struct machine *m, size_t len);

/* FNV-1a style mixing of bytes into *h, for state hashes. */
void machine_hash_bytes(uint64_t *h, const void *buf, size_t len);

#endif
