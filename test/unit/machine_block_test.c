/* The disk: requests in every cut, the three modes, and drivers that break the rules. */
#include "test/unit/machine_driver.h"

#define SECTORS 40u
#define SLOT    1
#define HEADER  DRIVER_BUFFER
#define STATUS  (DRIVER_BUFFER + 0x20)
#define DATA    (DRIVER_BUFFER + 0x1000)

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8 };
enum { OK = 0, IOERR = 1, UNSUPP = 2 };
enum { F_SEG_MAX = 1 << 2, F_RO = 1 << 5, F_BLK_SIZE = 1 << 6, F_FLUSH = 1 << 9 };

static struct {
	struct driver d;
	uint8_t file[SECTORS * 512];
	unsigned nreads, nwrites, nflushes;
	bool fail;
} t;

static bool file_read(void *ctx, uint64_t at, void *buf, size_t len)
{
	assert_true(at <= sizeof(t.file) && len <= sizeof(t.file) - at);
	t.nreads++;
	if (t.fail)
		return false;
	memcpy(buf, t.file + at, len);
	return true;
}

static bool file_write(void *ctx, uint64_t at, const void *buf, size_t len)
{
	assert_true(at <= sizeof(t.file) && len <= sizeof(t.file) - at);
	t.nwrites++;
	if (t.fail)
		return false;
	memcpy(t.file + at, buf, len);
	return true;
}

static bool file_flush(void *ctx)
{
	t.nflushes++;
	return !t.fail;
}

static void start(enum disk_mode mode, uint32_t features)
{
	struct machine_disk disk = {.size = sizeof(t.file),
				    .mode = mode,
				    .id = "disk.img",
				    .read = file_read,
				    .write = file_write,
				    .flush = file_flush};

	memset(&t, 0, sizeof(t));
	for (unsigned i = 0; i < sizeof(t.file); i++)
		t.file[i] = (uint8_t)(i / 512 * 3 + i % 7);
	board_init(&t.d.b, DRIVER_RAM, 1);
	assert_null(machine_attach_disk(t.d.b.m, &disk));
	driver_start(&t.d, SLOT, features);
}

static void stop(void)
{
	board_fini(&t.d.b);
}

static void header(uint32_t type, uint64_t sector)
{
	uint32_t words[2] = {type, 0};

	driver_put(&t.d, HEADER, words, 8);
	driver_put(&t.d, HEADER + 8, &sector, 8);
	driver_put(&t.d, STATUS, &(uint8_t){0xee}, 1);
}

/* A request as Linux makes it: a piece each for header, data, status. => the status. */
static unsigned request(uint32_t type, uint64_t sector, uint32_t len)
{
	long written;

	header(type, sector);
	driver_piece(&t.d, HEADER, 16, false);
	if (len)
		driver_piece(&t.d, DATA, len, type != OUT);
	driver_piece(&t.d, STATUS, 1, true);
	written = driver_ring(&t.d);
	assert_int_equal(written, type == OUT ? 1 : len + 1);
	assert_false(driver_broken(&t.d));
	return (unsigned)driver_get(&t.d, STATUS, 1);
}

static const uint8_t *data(void)
{
	return machine_ram_at(t.d.b.m, paddr(DATA), 0x8000);
}

static void fill(uint8_t value, size_t len)
{
	memset(machine_ram_at(t.d.b.m, paddr(DATA), len), value, len);
}

static void tells_what_it_is(void **state)
{
	start(DISK_READ_WRITE, F_FLUSH);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 8, 4), 2);
	board_put(&t.d.b, t.d.mmio + 0x14, 4, 0);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 0x10, 4), F_SEG_MAX | F_BLK_SIZE | F_FLUSH);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 0x100, 8), SECTORS);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 0x100, 4), SECTORS);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 0x10c, 4), VIRTQ_MAX_SIZE - 2);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 0x114, 4), 512);
	assert_int_equal(board_get(&t.d.b, t.d.mmio + 0x118, 4), 0);
	assert_int_equal(request(GET_ID, 0, 20), OK);
	assert_string_equal((const char *)data(), "disk.img");
	assert_int_equal(request(99, 0, 0), UNSUPP);
	stop();
}

static void reads_and_writes(void **state)
{
	start(DISK_READ_WRITE, F_FLUSH);
	assert_int_equal(request(IN, 5, 1024), OK);
	assert_memory_equal(data(), t.file + 5 * 512, 1024);
	fill(0xab, 1536);
	assert_int_equal(request(OUT, 37, 1536), OK);
	assert_int_equal(t.file[37 * 512 - 1], 36 * 3 + (37 * 512 - 1) % 7);
	assert_memory_equal(data(), t.file + 37 * 512, 1536);
	assert_int_equal(t.nflushes, 0);
	assert_int_equal(request(FLUSH, 0, 0), OK);
	assert_int_equal(t.nflushes, 1);
	t.fail = true;
	assert_int_equal(request(IN, 0, 512), IOERR);
	assert_int_equal(request(OUT, 0, 512), IOERR);
	assert_int_equal(request(FLUSH, 0, 0), IOERR);
	stop();

	/* A driver without FLUSH cannot ask: each write is durable. */
	start(DISK_READ_WRITE, 0);
	assert_int_equal(request(OUT, 0, 512), OK);
	assert_int_equal(t.nflushes, 1);
	stop();
}

static void keeps_to_its_bounds(void **state)
{
	start(DISK_READ_WRITE, F_FLUSH);
	assert_int_equal(request(IN, SECTORS - 1, 512), OK);
	assert_int_equal(request(IN, SECTORS, 0), OK);
	assert_int_equal(request(IN, SECTORS, 512), IOERR);
	assert_int_equal(request(IN, SECTORS - 1, 1024), IOERR);
	assert_int_equal(request(IN, SECTORS + 1, 0), IOERR);
	assert_int_equal(request(IN, UINT64_MAX, 512), IOERR);
	assert_int_equal(request(IN, UINT64_MAX / 512, 512), IOERR);
	assert_int_equal(request(IN, 1ull << 55, 512), IOERR);
	assert_int_equal(request(IN, 0, 100), IOERR);
	assert_int_equal(t.nreads, 1);
	fill(1, 2048);
	assert_int_equal(request(OUT, SECTORS - 1, 1024), IOERR);
	assert_int_equal(request(OUT, 0, 511), IOERR);
	assert_int_equal(t.nwrites, 0);
	stop();
}

static void any_cut_will_do(void **state)
{
	start(DISK_READ_WRITE, F_FLUSH);
	header(OUT, 3);
	fill(0x5a, 1024);
	driver_piece(&t.d, HEADER, 3, false);
	driver_piece(&t.d, HEADER + 3, 13, false);
	driver_piece(&t.d, DATA, 100, false);
	driver_piece(&t.d, DATA + 100, 0, false);
	driver_piece(&t.d, DATA + 100, 924, false);
	driver_piece(&t.d, STATUS, 1, true);
	assert_int_equal(driver_ring(&t.d), 1);
	assert_int_equal(driver_get(&t.d, STATUS, 1), OK);
	assert_memory_equal(t.file + 3 * 512, data(), 1024);

	header(IN, 3); /* header and data in one piece; the status lies behind the data */
	driver_piece(&t.d, HEADER, 16, false);
	driver_piece(&t.d, DATA + 0x2000, 7, true);
	driver_piece(&t.d, DATA + 0x2007, 1018, true);
	assert_int_equal(driver_ring(&t.d), 1025);
	assert_memory_equal(data() + 0x2000, data(), 1024);
	assert_int_equal(driver_get(&t.d, DATA + 0x2000 + 1024, 1), OK);
	stop();
}

static void read_only_is_that(void **state)
{
	start(DISK_READ_ONLY, F_RO);
	board_put(&t.d.b, t.d.mmio + 0x14, 4, 0);
	assert_true(board_get(&t.d.b, t.d.mmio + 0x10, 4) & F_RO);
	assert_int_equal(request(OUT, 0, 512), IOERR);
	assert_int_equal(request(IN, 0, 512), OK);
	assert_int_equal(request(FLUSH, 0, 0), OK);
	assert_int_equal(t.nwrites + t.nflushes, 0);
	stop();
}

/* Random reads and writes of a snapshot, beside a copy that is written plainly. */
static void snapshot_leaves_the_file_alone(void **state)
{
	static uint8_t model[SECTORS * 512], original[SECTORS * 512];
	uint64_t hash;

	start(DISK_SNAPSHOT, 0);
	memcpy(model, t.file, sizeof(model));
	memcpy(original, t.file, sizeof(model));
	hash = machine_state_hash(t.d.b.m);
	for (unsigned i = 0; i < 400; i++) {
		uint32_t sector = driver_random() % SECTORS;
		uint32_t len = (driver_random() % (SECTORS - sector) + 1) * 512;

		if (len > 0x4000)
			len = 0x4000;
		if (driver_random() % 2) {
			assert_int_equal(request(IN, sector, len), OK);
			assert_memory_equal(data(), model + sector * 512, len);
			continue;
		}
		len = len > 1024 && driver_random() % 4 ? 512 : len;
		fill((uint8_t)driver_random(), len);
		memcpy(model + sector * 512, data(), len);
		assert_int_equal(request(OUT, sector, len), OK);
	}
	assert_int_equal(request(FLUSH, 0, 0), OK);
	assert_memory_equal(t.file, original, sizeof(original));
	assert_int_equal(t.nwrites + t.nflushes, 0);
	assert_int_not_equal(machine_state_hash(t.d.b.m), hash);
	stop();
}

static void refuses_what_is_no_disk(void **state)
{
	struct machine_disk disk = {.size = 1000, .read = file_read};
	struct board b;

	board_init(&b, DRIVER_RAM, 1);
	assert_non_null(machine_attach_disk(b.m, &disk));
	disk.size = 0;
	for (unsigned slot = 1; slot < BOARD_VIRTIO_SLOTS; slot++)
		assert_null(machine_attach_disk(b.m, &disk));
	assert_non_null(machine_attach_disk(b.m, &disk));
	assert_non_null(machine_attach_entropy(b.m));
	board_fini(&b);
}

static void broken_requests_stop_it(void **state)
{
	start(DISK_READ_WRITE, F_FLUSH);
	header(IN, 0);
	driver_piece(&t.d, HEADER, 15, false); /* the header is too short */
	driver_piece(&t.d, STATUS, 1, true);
	assert_int_equal(driver_ring(&t.d), -1);
	assert_true(driver_broken(&t.d));

	driver_start(&t.d, SLOT, 0);
	header(OUT, 0);
	driver_piece(&t.d, HEADER, 16, false); /* no place for the status */
	assert_int_equal(driver_ring(&t.d), -1);
	assert_true(driver_broken(&t.d));

	driver_start(&t.d, SLOT, 0); /* more than RAM has: the same bytes again and again */
	header(IN, 0);
	driver_piece(&t.d, HEADER, 16, false);
	for (unsigned i = 0; i < 3; i++)
		driver_piece(&t.d, BOARD_RAM_BASE, DRIVER_RAM / 2, true);
	assert_int_equal(driver_ring(&t.d), -1);
	assert_true(driver_broken(&t.d));
	stop();
}

static void plausible(uint8_t *buffers, size_t len)
{
	for (unsigned i = 0; i < 64; i++) {
		uint32_t types[] = {IN, OUT, FLUSH, GET_ID, 77};
		uint64_t sector = driver_random() % (SECTORS + 2);

		memcpy(buffers + 0x100 * i, &types[driver_random() % 5], 4);
		memcpy(buffers + 0x100 * i + 8, &sector, 8);
	}
}

static void survives_nonsense(void **state)
{
	for (unsigned mode = DISK_READ_ONLY; mode <= DISK_SNAPSHOT; mode++) {
		start(mode, 0);
		for (unsigned round = 0; round < 3000; round++)
			driver_nonsense(&t.d, SLOT, driver_random() % 2 ? F_FLUSH : 0, plausible);
		machine_state_hash(t.d.b.m);
		stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tells_what_it_is),
	    cmocka_unit_test(reads_and_writes),
	    cmocka_unit_test(keeps_to_its_bounds),
	    cmocka_unit_test(any_cut_will_do),
	    cmocka_unit_test(read_only_is_that),
	    cmocka_unit_test(snapshot_leaves_the_file_alone),
	    cmocka_unit_test(refuses_what_is_no_disk),
	    cmocka_unit_test(broken_requests_stop_it),
	    cmocka_unit_test(survives_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
