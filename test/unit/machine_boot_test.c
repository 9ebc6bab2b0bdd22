/*
 * What `limpid boot` needs of the machine: input of the serial port, idle time with a host that
 * waits, and the ways to start: firmware from a file, or none.
 */
#include "test/unit/machine_board.h"

#include <libfdt.h>

#define RAM_SIZE  (8u << 20)
#define LSR       (BOARD_UART_BASE + 5)
#define POLL      100000u
#define MAX_CALLS 64

static const uint32_t spin[] = {0x0000006f};             /* j . */
static const uint32_t doze[] = {0x10500073, 0xffdff06f}; /* wfi; j .-4 */

static struct {
	struct board b;
	/* Input: what each call is to give; calls made, and when. */
	const char *gives[MAX_CALLS]; /* NULL: nothing now; "": the end */
	uint64_t when[MAX_CALLS];
	unsigned ncalls;
	/* Idling: how long each call is to last, and what it was asked. */
	uint64_t lasts, asked_ns;
	bool asked_input;
	unsigned nidles;
} t;

static long input(void *ctx, void *buf, size_t len)
{
	const char *text;

	assert_int_equal(len, 16);
	assert_true(t.ncalls < MAX_CALLS);
	t.when[t.ncalls] = machine_clock(t.b.m, 0);
	text = t.gives[t.ncalls++];
	if (!text)
		return 0;
	memcpy(buf, text, strlen(text));
	return *text ? (long)strlen(text) : -1;
}

static uint64_t idle(void *ctx, uint64_t ns, bool wants_input)
{
	t.nidles++;
	t.asked_ns = ns;
	t.asked_input = wants_input;
	if (t.nidles == MAX_CALLS)
		machine_request_stop(t.b.m);
	return t.lasts;
}

static void start(const uint32_t *code, size_t len, bool with_idle, unsigned harts)
{
	struct machine_host host = {.ctx = &t.b,
				    .mem_alloc = board_alloc,
				    .mem_free = board_free,
				    .stream_read = board_read,
				    .stream_write = board_write,
				    .uart_read = input,
				    .idle = with_idle ? idle : NULL};
	const char *why;

	memset(&t, 0, sizeof(t));
	machine_config_init(&t.b.cfg);
	t.b.cfg.memory_size = RAM_SIZE;
	t.b.cfg.harts = harts;
	t.b.m = machine_create(&t.b.cfg, &host, &why);
	assert_non_null(t.b.m);
	if (!code)
		return;
	assert_true(machine_ram_write(t.b.m, paddr(BOARD_RAM_BASE), code, len));
	machine_start_bare(t.b.m, paddr(BOARD_RAM_BASE));
}

static void stop(void)
{
	board_fini(&t.b);
}

static void listen(bool on)
{
	board_put(&t.b, BOARD_UART_BASE + 1, 1, on);
}

static void run(uint64_t limit)
{
	assert_int_equal(machine_run(t.b.m, limit), STOP_LIMIT);
}

/* -- input -------------------------------------------------------------------------------- */

static void asks_when_the_guest_listens(void **state)
{
	start(spin, sizeof(spin), false, 1);
	run(10 * POLL + 500);
	assert_int_equal(t.ncalls, 0);
	listen(true);
	t.gives[2] = "ab";
	run(12 * POLL + 500);
	assert_int_equal(t.ncalls, 2);
	assert_int_equal(t.when[0], 11 * POLL);
	assert_int_equal(t.when[1], 12 * POLL);
	assert_int_equal(board_get(&t.b, LSR, 1) & 1, 0);
	run(20 * POLL);
	assert_int_equal(t.ncalls, 3); /* until it is taken */
	assert_int_equal(board_get(&t.b, LSR, 1) & 1, 1);
	assert_int_equal(board_get(&t.b, BOARD_UART_BASE, 1), 'a');
	run(21 * POLL);
	assert_int_equal(t.ncalls, 3);
	assert_int_equal(board_get(&t.b, BOARD_UART_BASE, 1), 'b');
	t.gives[3] = ""; /* the end */
	run(30 * POLL);
	assert_int_equal(t.ncalls, 4);
	assert_int_equal(t.when[3], 22 * POLL);
	stop();
}

/* A program without interrupts waits for a key by reading LSR, and prints in between. */
static void asks_when_the_guest_polls(void **state)
{
	start(spin, sizeof(spin), false, 1);
	for (unsigned i = 0; i < 100; i++) {
		board_get(&t.b, LSR, 1);
		board_put(&t.b, BOARD_UART_BASE, 1, 'x');
	}
	run(5 * POLL);
	assert_int_equal(t.ncalls, 0);
	for (unsigned i = 0; i < 16; i++)
		board_get(&t.b, LSR, 1);
	run(6 * POLL + 1);
	assert_int_equal(t.ncalls, 1);
	board_put(&t.b, BOARD_UART_BASE, 1, 'x'); /* it does something else now */
	run(9 * POLL);
	assert_int_equal(t.ncalls, 1);
	stop();
}

/* The moments do not depend on how a run is cut into parts, nor on how many harts there are. */
static void moments_are_the_machine_s(void **state)
{
	for (unsigned harts = 1; harts <= 3; harts += 2) {
		uint64_t whole[8], hash;

		start(spin, sizeof(spin), false, harts);
		listen(true);
		run(7 * POLL + 10);
		assert_int_equal(t.ncalls, 7);
		memcpy(whole, t.when, sizeof(whole));
		hash = machine_state_hash(t.b.m);
		stop();
		start(spin, sizeof(spin), false, harts);
		listen(true);
		for (uint64_t limit = 7777; limit < 7 * POLL; limit += 7777)
			run(limit);
		run(7 * POLL + 10);
		assert_memory_equal(t.when, whole, sizeof(whole));
		assert_true(machine_state_hash(t.b.m) == hash);
		stop();
	}
}

/* -- idle time ---------------------------------------------------------------------------- */

static void skips_to_input(void **state)
{
	start(doze, sizeof(doze), false, 1);
	assert_int_equal(machine_run(t.b.m, 1ull << 40), STOP_STUCK);
	listen(true);
	t.gives[2] = "k";
	assert_int_equal(machine_run(t.b.m, 1ull << 40), STOP_STUCK); /* for it masks interrupts */
	assert_int_equal(t.ncalls, 3);
	assert_int_equal(machine_clock(t.b.m, 0), 3 * POLL);
	assert_int_equal(board_get(&t.b, BOARD_UART_BASE, 1), 'k');
	stop();
}

static void waits_with_the_host(void **state)
{
	uint64_t clock;

	start(doze, sizeof(doze), true, 1);
	assert_int_equal(machine_run(t.b.m, 1ull << 40), STOP_STUCK);
	assert_int_equal(t.nidles, 0); /* nothing can come */
	listen(true);
	clock = machine_clock(t.b.m, 0);
	t.lasts = 1234;
	t.gives[0] = "k";
	assert_int_equal(machine_run(t.b.m, 1ull << 40), STOP_STUCK);
	assert_int_equal(t.nidles, 1);
	assert_true(t.asked_input);
	assert_int_equal(t.asked_ns, UINT64_MAX); /* nothing else can come */
	assert_int_equal(t.ncalls, 1);
	assert_int_equal(t.when[0], clock + 1234);
	assert_int_equal(board_get(&t.b, BOARD_UART_BASE, 1), 'k');

	/* Never longer than it was asked to, and a stop is noticed. */
	t.lasts = UINT64_MAX;
	run(1ull << 40);
	assert_int_equal(machine_clock(t.b.m, 0), 1ull << 40);
	t.lasts = 0;
	run(1ull << 41);
	assert_int_equal(t.nidles, MAX_CALLS);
	assert_int_equal(machine_clock(t.b.m, 0), 1ull << 40);
	stop();
}

/* -- firmware ----------------------------------------------------------------------------- */

struct dynamic {
	uint64_t magic, version, next_address, next_mode, options, boot_hart;
};

static void enters_firmware(void **state)
{
	static uint8_t kernel[5000], initrd[100];
	struct machine_images images = {.firmware = FIRMWARE_IMAGE,
					.bios = spin,
					.bios_len = sizeof(spin),
					.kernel = kernel,
					.kernel_len = sizeof(kernel),
					.initrd = initrd,
					.initrd_len = sizeof(initrd),
					.append = "hello"};
	struct dynamic info;
	struct hart_regs regs;
	uint32_t word, size;

	memset(kernel, 0x5a, sizeof(kernel));
	start(NULL, 0, false, 2);
	assert_null(machine_load_images(t.b.m, &images));
	assert_true(machine_ram_read(t.b.m, paddr(BOARD_RAM_BASE), &word, 4));
	assert_int_equal(word, spin[0]);
	assert_true(machine_ram_read(t.b.m, paddr(BOARD_RAM_BASE + BOARD_KERNEL_OFFSET), &word, 4));
	assert_int_equal(word, 0x5a5a5a5a);
	for (unsigned i = 0; i < 2; i++) {
		machine_regs(t.b.m, i, &regs);
		assert_int_equal(regs.prv, PRV_M);
		assert_int_equal(regs.pc, BOARD_RAM_BASE);
		assert_int_equal(regs.x[10], i);
	}
	assert_true(machine_ram_read(t.b.m, paddr(regs.x[12]), &info, sizeof(info)));
	assert_int_equal(info.magic, 0x4942534f);
	assert_int_equal(info.version, 2);
	assert_int_equal(info.next_address, BOARD_RAM_BASE + BOARD_KERNEL_OFFSET);
	assert_int_equal(info.next_mode, 1);
	/* Firmware may make the tree larger: there is room behind it. */
	assert_int_equal(fdt_check_header(machine_ram_at(t.b.m, paddr(regs.x[11]), 40)), 0);
	size = fdt_totalsize(machine_ram_at(t.b.m, paddr(regs.x[11]), 40));
	assert_true(regs.x[12] - (regs.x[11] + size) > 32768);
	run(1000);
	stop();
}

static void enters_without_firmware(void **state)
{
	struct machine_images images = {
	    .firmware = FIRMWARE_NONE, .kernel = spin, .kernel_len = sizeof(spin)};
	struct hart_regs regs;
	uint32_t word;

	start(NULL, 0, false, 1);
	assert_null(machine_load_images(t.b.m, &images));
	assert_true(machine_ram_read(t.b.m, paddr(BOARD_RAM_BASE), &word, 4));
	assert_int_equal(word, spin[0]);
	machine_regs(t.b.m, 0, &regs);
	assert_int_equal(regs.prv, PRV_M);
	assert_int_equal(regs.pc, BOARD_RAM_BASE);
	assert_int_equal(fdt_check_header(machine_ram_at(t.b.m, paddr(regs.x[11]), 40)), 0);
	run(1000);
	stop();
}

static void refuses_wrong_firmware(void **state)
{
	static uint8_t large[BOARD_KERNEL_OFFSET + 1], huge[RAM_SIZE];
	struct machine_images images = {.firmware = FIRMWARE_IMAGE,
					.bios = large,
					.bios_len = sizeof(large),
					.kernel = spin,
					.kernel_len = sizeof(spin)};

	start(NULL, 0, false, 1);
	assert_string_equal(machine_load_images(t.b.m, &images),
			    "the firmware and the kernel lie in the same memory");
	images.bios_len = 0;
	assert_string_equal(machine_load_images(t.b.m, &images), "the firmware file is empty");
	images.bios = "\177ELF";
	images.bios_len = 4;
	assert_string_equal(machine_load_images(t.b.m, &images), "the firmware file is truncated");
	images.bios = huge;
	images.bios_len = sizeof(huge);
	assert_non_null(machine_load_images(t.b.m, &images));
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asks_when_the_guest_listens),
	    cmocka_unit_test(asks_when_the_guest_polls),
	    cmocka_unit_test(moments_are_the_machine_s),
	    cmocka_unit_test(skips_to_input),
	    cmocka_unit_test(waits_with_the_host),
	    cmocka_unit_test(enters_firmware),
	    cmocka_unit_test(enters_without_firmware),
	    cmocka_unit_test(refuses_wrong_firmware),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
