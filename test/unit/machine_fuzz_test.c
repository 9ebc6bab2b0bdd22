/*
 * Guests without sense, under ASan and UBSan: whatever a guest executes and whatever it writes to
 * whichever device, the machine neither crashes nor hangs nor touches memory that is not the
 * guest's; and it is the same however it is run.
 *
 * FUZZ_ROUNDS in the environment makes the tests that many times longer (test/run-soak).
 */
#include "test/unit/machine_driver.h"

#include "rv/pte.h"

#define RAM_SIZE (1u << 20)
#define SECTORS  16u

static unsigned rounds(unsigned n)
{
	const char *times = getenv("FUZZ_ROUNDS");

	return n * (times ? (unsigned)atoi(times) : 1);
}

static uint64_t random64(void)
{
	return (uint64_t)driver_random() << 32 | driver_random();
}

/* -- a board with one of everything -------------------------------------------------------- */

static uint8_t sectors[512 * SECTORS];

static bool disk_read(void *ctx, uint64_t at, void *buf, size_t len)
{
	assert_true(at <= sizeof(sectors) && len <= sizeof(sectors) - at);
	memcpy(buf, sectors + at, len);
	return true;
}

static bool disk_write(void *ctx, uint64_t at, const void *buf, size_t len)
{
	assert_true(at <= sizeof(sectors) && len <= sizeof(sectors) - at);
	memcpy(sectors + at, buf, len);
	return true;
}

static bool disk_flush(void *ctx)
{
	return true;
}

/* A folder in which nothing is to be found; machine_share_test.c has a real one. */
static int no_info(void *ctx, const char *path, struct share_info *out)
{
	if (*path)
		return 2;
	*out = (struct share_info){.id = {1, 1}, .mode = 040755, .links = 2};
	return 0;
}

static int no_names(void *ctx, const char *path, bool (*each)(void *arg, const char *name),
		    void *arg)
{
	return 0;
}

static int nothing_opens(void *ctx, const char *path, unsigned how, uint64_t now, int64_t *handle)
{
	return 2;
}

static const struct share_ops no_files = {.info = no_info, .list = no_names, .open = nothing_opens};

static long typed(void *ctx, void *buf, size_t len)
{
	memset(buf, 'x', len);
	return (long)(driver_random() % (len + 1));
}

static void full_board(struct board *b, unsigned harts)
{
	struct machine_disk disk = {.size = sizeof(sectors),
				    .mode = DISK_READ_WRITE,
				    .read = disk_read,
				    .write = disk_write,
				    .flush = disk_flush};
	struct machine_share share = {.tag = "share", .ops = &no_files};

	memset(sectors, 0, sizeof(sectors));
	board_init(b, RAM_SIZE, harts);
	for (int s = 0; s < STREAM_COUNT; s++)
		b->m->cfg.has_stream[s] = true;
	b->m->cfg.turn = 50;
	assert_null(machine_attach_disk(b->m, &disk));
	disk.mode = DISK_READ_ONLY;
	assert_null(machine_attach_disk(b->m, &disk));
	disk.mode = DISK_SNAPSHOT;
	assert_null(machine_attach_disk(b->m, &disk));
	assert_null(machine_attach_share(b->m, &share));
	assert_null(machine_attach_entropy(b->m));
}

/* -- registers ------------------------------------------------------------------------------ */

static const struct {
	uint64_t base, size;
} places[] = {
    {BOARD_FINISHER_BASE, BOARD_FINISHER_SIZE},
    {BOARD_RTC_BASE, BOARD_RTC_SIZE},
    {BOARD_CLINT_BASE, BOARD_CLINT_SIZE},
    {BOARD_PLIC_BASE, BOARD_PLIC_SIZE},
    {BOARD_PLIC_BASE + 0x2000, 0x800},
    {BOARD_PLIC_BASE + 0x200000, 0x4000},
    {BOARD_UART_BASE, BOARD_UART_SIZE},
    {BOARD_VIRTIO_BASE, BOARD_VIRTIO_SIZE *BOARD_VIRTIO_SLOTS},
    {BOARD_VIRTIO_BASE, BOARD_VIRTIO_SIZE *BOARD_VIRTIO_SLOTS},
};

static uint64_t a_register(void)
{
	unsigned i = driver_random() % (sizeof(places) / sizeof(places[0]));
	uint64_t offset = random64() % places[i].size;

	if (driver_random() % 2)
		offset %= 0x140;
	if (driver_random() % 4)
		offset &= ~3ull;
	if (driver_random() % 64 == 0)
		offset = places[i].size - driver_random() % 8;
	return places[i].base + offset;
}

/* What a driver might write, or anything. */
static uint64_t a_value(void)
{
	switch (driver_random() % 6) {
	case 0: return driver_random() % 16;
	case 1: return BOARD_RAM_BASE + (driver_random() % RAM_SIZE & ~15u);
	case 2: return 1ull << driver_random() % 64;
	case 3: return UINT64_MAX;
	default: return random64();
	}
}

static void any_register_takes_anything(void **state)
{
	for (unsigned round = 0; round < rounds(4); round++) {
		struct board b;
		struct hart *h;
		uint8_t *ram;

		full_board(&b, 2);
		b.m->host.uart_read = typed;
		machine_start_bare(b.m, paddr(BOARD_RAM_BASE));
		ram = machine_ram_at(b.m, paddr(BOARD_RAM_BASE), RAM_SIZE);
		for (unsigned i = 0; i < RAM_SIZE / 16; i++)
			ram[driver_random() % RAM_SIZE] = (uint8_t)driver_random();
		for (unsigned i = 0; i < 10000; i++) {
			unsigned size = 1u << driver_random() % 4;
			uint64_t at = a_register(), value;

			h = &b.m->harts[driver_random() % 2];
			h->prv = PRV_M;
			mmu_mode_changed(h);
			b.m->current = h;
			if (driver_random() % 3)
				mmu_store(h, at, size, a_value());
			else
				mmu_load(h, at, size, &value);
			b.m->current = NULL;
			/* The machine would end here; this guest goes on. */
			b.m->finished = b.m->reset_requested = b.m->stop_requested = false;
			if (driver_random() % 64 == 0)
				machine_run(b.m, machine_clock(b.m, 0) + driver_random() % 200);
		}
		board_fini(&b);
	}
}

/* -- instructions --------------------------------------------------------------------------- */

/* Mostly instructions that exist, on a few registers. */
static uint32_t an_instruction(void)
{
	static const uint8_t opcodes[] = {0x03, 0x03, 0x07, 0x0f, 0x13, 0x13, 0x17, 0x1b,
					  0x23, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b, 0x43,
					  0x53, 0x63, 0x63, 0x67, 0x6f, 0x73, 0x73};
	static const uint32_t system[] = {0x00000073, 0x00100073, 0x10200073, 0x30200073,
					  0x10500073, 0x12000073, 0x18000073, 0x0000100f};
	static const uint16_t csrs[] = {0x100, 0x104, 0x105, 0x141, 0x144, 0x14d, 0x180, 0x300,
					0x303, 0x304, 0x306, 0x30a, 0x320, 0x341, 0x344, 0xb00,
					0xb02, 0x001, 0x003, 0xc00, 0xc01, 0xc02, 0x3b0, 0x3b1};
	uint32_t raw = driver_random();

	if (driver_random() % 4) /* funct7 of most operations; small offsets */
		raw &= ~0xfe000000u;
	switch (driver_random() % 16) {
	case 0: return raw;
	case 1: return system[driver_random() % (sizeof(system) / sizeof(system[0]))];
	case 2:
		return (uint32_t)csrs[driver_random() % (sizeof(csrs) / sizeof(csrs[0]))] << 20 |
		       (raw & 0xff000) | 0x73 | (1 + driver_random() % 7) << 12;
	default: return (raw & ~0x7fu) | opcodes[driver_random() % sizeof(opcodes)];
	}
}

#define TABLES  (BOARD_RAM_BASE + 0x40000) /* eight frames of tables, at all levels */
#define HANDLER (BOARD_RAM_BASE + 0x70000)

/*
 * M-mode's handler goes on somewhere else, in another mode and address space, as a generator in
 * mscratch says: xorshift; satp from four at +0x80; bits of mstatus under the mask at +0xa0; mepc
 * in the first 256 KiB of RAM.
 */
static const uint32_t handler[] = {
    0x340022f3, 0x00d29313, 0x0062c2b3, 0x0072d313, 0x0062c2b3, 0x01129313, 0x0062c2b3,
    0x34029073, 0x00000397, 0x0282d313, 0x01837313, 0x006383b3, 0x0603b303, 0x18031073,
    0x00000317, 0x06833303, 0x0182d393, 0x0063f3b3, 0x30033073, 0x3003a073, 0x00040337,
    0xffe30313, 0x00537333, 0x00100393, 0x01f39393, 0x00730333, 0x34131073, 0x30200073,
};

static void make_handler(uint8_t *ram)
{
	uint64_t root = TABLES >> RV_PAGE_SHIFT,
		 data[] = {0, 8ull << 60 | 1ull << 44 | root, 8ull << 60 | 2ull << 44 | (root + 1),
			   9ull << 60 | 3ull << 44 | (root + 2),
			   MSTATUS_MPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_SPP | MSTATUS_SPIE |
			       MSTATUS_SIE | MSTATUS_FS | MSTATUS_MPIE | MSTATUS_TVM | MSTATUS_TW |
			       MSTATUS_TSR};

	memcpy(ram + (HANDLER - BOARD_RAM_BASE), handler, sizeof(handler));
	memcpy(ram + (HANDLER - BOARD_RAM_BASE) + 0x80, data, sizeof(data));
}

/* Tables that map RAM and devices, for the most part; some entries are anything. */
static void make_tables(uint8_t *ram)
{
	uint64_t *pte = (uint64_t *)(ram + (TABLES - BOARD_RAM_BASE));

	for (unsigned i = 0; i < 8 * RV_PAGE_SIZE / 8; i++) {
		uint64_t pa = driver_random() % 2
				  ? TABLES + driver_random() % 8 * RV_PAGE_SIZE
				  : BOARD_RAM_BASE + (driver_random() % RAM_SIZE & ~0xfffu);

		if (driver_random() % 16 == 0)
			pa = a_register() & ~0xfffull;
		pte[i] = pa >> RV_PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V;
		if (pa < TABLES || driver_random() % 2)
			pte[i] |= (driver_random() & 0xfe) | PTE_R | PTE_A;
		if (driver_random() % 32 == 0)
			pte[i] = random64();
	}
	/* RAM where it is, for S in the first table, for U in the second. */
	for (unsigned n = 0; n < 2; n++)
		pte[n * 512 + 2] = (uint64_t)BOARD_RAM_BASE >> RV_PAGE_SHIFT << PTE_PPN_SHIFT |
				   PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | (n ? PTE_U : 0);
}

/* The same nonsense for each way to run: all follows from the seed. */
static void make_guest(struct board *b, uint32_t seed)
{
	uint8_t *ram;

	driver_random_state = seed;
	full_board(b, 1 + driver_random() % 2);
	ram = machine_ram_at(b->m, paddr(BOARD_RAM_BASE), RAM_SIZE);
	for (unsigned i = 0; i < 0x40000 / 4; i++) {
		uint32_t raw = an_instruction();
		memcpy(ram + 4 * i, &raw, 4);
	}
	make_tables(ram);
	make_handler(ram);
	machine_start_bare(b->m, paddr(HANDLER));
	for (unsigned n = 0; n < b->m->cfg.harts; n++) {
		struct hart *h = &b->m->harts[n];

		for (unsigned r = 1; r < 32; r++) {
			h->x[r] = driver_random() % 4 ? BOARD_RAM_BASE + (driver_random() & 0xffff8)
				  : driver_random() % 2 ? a_value()
							: a_register();
			h->f[r] = driver_random() % 2 ? random64() : UINT64_MAX << 32 | r;
		}
		/* Some frames of which parts are protected; all else is open. */
		for (unsigned i = 0; i < 6; i++)
			h->pmpaddr[i] = (BOARD_RAM_BASE + (driver_random() & 0x3ffff)) >> 2;
		h->pmpaddr[7] = ~0ull >> 10;
		csr_write(h, CSR_PMPCFG0,
			  0x1f00000000000000 |
			      (driver_random() % 2 ? random64() & 0x1f1f1f1f1f1f & random64() : 0));
		csr_write(h, CSR_MTVEC, HANDLER);
		csr_write(h, CSR_MSCRATCH, random64() | 1);
		csr_write(h, CSR_STVEC, BOARD_RAM_BASE + (driver_random() & 0x3fffc));
		/* No fault of a fetch: its handler might be nowhere, and the rest dull. */
		csr_write(h, CSR_MEDELEG, random64() & random64() & ~0x1002ull);
		csr_write(h, CSR_MIDELEG, random64());
		csr_write(h, CSR_MIE, random64());
		csr_write(h, CSR_MCOUNTEREN, random64());
		mmu_mode_changed(h);
		space_settle(h);
	}
}

#define STEPS 4000

static void any_code_is_the_same_in_every_way(void **state)
{
	for (uint32_t seed = 1; seed <= rounds(25); seed++) {
		uint64_t hash[4];

		for (unsigned way = 0; way < 4; way++) {
			uint64_t limit = way == 3 ? 1 : STEPS;
			struct board b;

			make_guest(&b, seed * 2654435761u);
			b.m->cfg.no_lookaside = way == 1;
			b.m->cfg.single_blocks = way == 2;
			for (unsigned n = 0; n < b.m->cfg.harts; n++)
				mmu_mode_changed(&b.m->harts[n]);
			while (machine_run(b.m, limit) == STOP_LIMIT && limit < STEPS) {
				limit += 1 + limit % 7;
				limit = limit < STEPS ? limit : STEPS;
			}
			hash[way] = machine_state_hash(b.m);
			if (hash[way] != hash[0])
				fail_msg("seed %u: way %u ends elsewhere", seed, way);
			board_fini(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(any_register_takes_anything),
	    cmocka_unit_test(any_code_is_the_same_in_every_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
