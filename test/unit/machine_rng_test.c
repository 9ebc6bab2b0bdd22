/* The source of entropy: the same seed, the same bytes; and drivers that break the rules. */
#include "test/unit/machine_driver.h"

#define SLOT 1

static void start(struct driver *d, uint64_t seed)
{
	struct machine_host host = {.ctx = &d->b,
				    .mem_alloc = board_alloc,
				    .mem_free = board_free,
				    .stream_read = board_read,
				    .stream_write = board_write};
	const char *why;

	memset(d, 0, sizeof(*d));
	machine_config_init(&d->b.cfg);
	d->b.cfg.memory_size = DRIVER_RAM;
	d->b.cfg.seed = seed;
	d->b.m = machine_create(&d->b.cfg, &host, &why);
	assert_non_null(d->b.m);
	assert_null(machine_attach_entropy(d->b.m));
	driver_start(d, SLOT, 0);
}

/* Takes `len` bytes, in two pieces. */
static void take(struct driver *d, uint8_t *out, uint32_t len)
{
	driver_piece(d, DRIVER_BUFFER, len / 2, true);
	driver_piece(d, DRIVER_BUFFER + len / 2, len - len / 2, true);
	assert_int_equal(driver_ring(d), len);
	assert_true(machine_ram_read(d->b.m, paddr(DRIVER_BUFFER), out, len));
}

static void bytes_follow_from_the_seed(void **state)
{
	static struct driver d;
	uint8_t a[64], again[64], other[64], later[64];

	start(&d, 7);
	assert_int_equal(board_get(&d.b, d.mmio + 8, 4), 4);
	take(&d, a, 64);
	take(&d, later, 64);
	assert_memory_not_equal(a, later, 64);
	driver_start(&d, SLOT, 0); /* a reset does not begin again */
	take(&d, later, 64);
	assert_memory_not_equal(a, later, 64);
	board_fini(&d.b);

	start(&d, 7);
	take(&d, again, 64);
	assert_memory_equal(a, again, 64);
	board_fini(&d.b);

	start(&d, 8);
	take(&d, other, 64);
	assert_memory_not_equal(a, other, 64);
	board_fini(&d.b);
}

/* No bit is always the same, and about half are set. */
static void bytes_look_random(void **state)
{
	static struct driver d;
	static uint8_t bytes[4096];
	unsigned ones = 0, any = 0, all = 0xff;

	start(&d, 1);
	take(&d, bytes, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++) {
		ones += (unsigned)__builtin_popcount(bytes[i]);
		any |= bytes[i];
		all &= bytes[i];
	}
	assert_in_range(ones, 4096 * 4 - 512, 4096 * 4 + 512);
	assert_int_equal(any, 0xff);
	assert_int_equal(all, 0);
	board_fini(&d.b);
}

static void gives_at_most_a_page(void **state)
{
	static struct driver d;

	start(&d, 1);
	driver_piece(&d, DRIVER_BUFFER, 100000, true);
	assert_int_equal(driver_ring(&d), 4096);
	assert_int_equal(driver_get(&d, DRIVER_BUFFER + 4096, 8), 0);
	assert_int_equal(board_get(&d.b, d.mmio + 0x100, 4), 0);
	driver_piece(&d, DRIVER_BUFFER, 8, false);
	assert_int_equal(driver_ring(&d), -1);
	assert_true(driver_broken(&d));
	board_fini(&d.b);
}

static void nothing(uint8_t *buffers, size_t len)
{
}

static void survives_nonsense(void **state)
{
	static struct driver d;

	start(&d, 1);
	for (unsigned round = 0; round < 5000; round++)
		driver_nonsense(&d, SLOT, 0, nothing);
	machine_state_hash(d.b.m);
	board_fini(&d.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_follow_from_the_seed),
	    cmocka_unit_test(bytes_look_random),
	    cmocka_unit_test(gives_at_most_a_page),
	    cmocka_unit_test(survives_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
