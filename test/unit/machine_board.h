/*
 * A board to test devices on: a machine whose host is this program. Streams are
 * captured; input is a string; a stream may be made to refuse.
 */
#ifndef MACHINE_BOARD_H
#define MACHINE_BOARD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/machine_state.h"

struct board {
	struct machine *m;
	struct machine_config cfg;
	char out[STREAM_COUNT][4096];
	size_t out_len[STREAM_COUNT];
	uint64_t out_total;
	bool refuse[STREAM_COUNT];
	const char *in;
	size_t in_len, in_pos;
	size_t last_request; /* size of the latest stream_read */
	unsigned nreads;
};

static void *board_alloc(void *ctx, size_t len)
{
	return calloc(1, len);
}

static void board_free(void *ctx, void *mem, size_t len)
{
	free(mem);
}

static long board_read(void *ctx, enum machine_stream s, void *buf, size_t len)
{
	struct board *b = ctx;
	size_t left = b->in_len - b->in_pos, n = len < left ? len : left;

	b->nreads++;
	b->last_request = len;
	if (n)
		memcpy(buf, b->in + b->in_pos, n);
	b->in_pos += n;
	return (long)n;
}

static long board_write(void *ctx, enum machine_stream s, const void *buf, size_t len)
{
	struct board *b = ctx;
	const volatile uint8_t *p = buf;
	size_t room = sizeof(b->out[s]) - b->out_len[s];

	if (b->refuse[s])
		return -1;
	if (len) { /* both ends are looked at: what is not the guest's RAM shows */
		(void)p[0];
		(void)p[len - 1];
	}
	b->out_total += len;
	memcpy(b->out[s] + b->out_len[s], buf, len < room ? len : room);
	b->out_len[s] += len < room ? len : room;
	return (long)len;
}

static inline void board_init(struct board *b, uint64_t memory, unsigned harts)
{
	struct machine_host host = {
	    .ctx = b,
	    .mem_alloc = board_alloc,
	    .mem_free = board_free,
	    .stream_read = board_read,
	    .stream_write = board_write,
	};
	const char *why;

	memset(b, 0, sizeof(*b));
	machine_config_init(&b->cfg);
	b->cfg.memory_size = memory;
	b->cfg.harts = harts;
	b->m = machine_create(&b->cfg, &host, &why);
	assert_null(why);
	assert_non_null(b->m);
}

static inline void board_fini(struct board *b)
{
	machine_destroy(b->m);
}

/* A hart's view of the bus; the access must not fault. */
static inline uint64_t board_get(struct board *b, uint64_t pa, unsigned size)
{
	struct bus_device *dev = bus_find(b->m, pa, size);
	uint64_t value;

	assert_non_null(dev);
	assert_true(dev->load(dev->self, pa - dev->base, size, &value));
	return value;
}

static inline void board_put(struct board *b, uint64_t pa, unsigned size, uint64_t value)
{
	struct bus_device *dev = bus_find(b->m, pa, size);

	assert_non_null(dev);
	assert_true(dev->store(dev->self, pa - dev->base, size, value));
}

static inline bool board_irq(struct board *b, unsigned hart, unsigned irq)
{
	return b->m->harts[hart].mip >> irq & 1;
}

#endif
