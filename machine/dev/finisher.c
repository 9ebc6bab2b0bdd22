/*
 * The finisher: one register that ends the run ("sifive,test1").
 *
 * A 32-bit store of PASS, FAIL | code << 16 or RESET to offset 0 takes effect before the hart's
 * next step. Other values and offsets do nothing; loads read as zero.
 */
#include "machine/machine_state.h"

static bool finisher_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	*out = 0;
	return true;
}

static bool finisher_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	struct machine *m = self;

	if (offset != 0)
		return true;
	switch (value & 0xffff) {
	case FINISHER_PASS: machine_finish(m, 0); break;
	case FINISHER_FAIL: machine_finish(m, (value >> 16) & 0xffff); break;
	case FINISHER_RESET: machine_reset_request(m); break;
	}
	return true;
}

static void finisher_hash(void *self, uint64_t *h)
{
	const struct machine *m = self;
	uint64_t state[] = {m->finished, m->reset_requested, m->finish_code};

	machine_hash_bytes(h, state, sizeof(state));
}

bool finisher_create(struct machine *m)
{
	bus_attach(m, &(struct bus_device){
			  .name = "finisher",
			  .base = BOARD_FINISHER_BASE,
			  .size = BOARD_FINISHER_SIZE,
			  .self = m,
			  .load = finisher_load,
			  .store = finisher_store,
			  .hash = finisher_hash,
		      });
	return true;
}
