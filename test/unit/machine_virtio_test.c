/* The console's streams through its rings; and drivers that break the rules. */
#include "test/unit/machine_board.h"

#include "machine/dev/virtio.h"

#define MMIO     BOARD_VIRTIO_BASE
#define NUM      8u
#define RAM_SIZE (256u << 10)

/* Queue q's parts, and its buffers, at fixed places in RAM. */
#define QUEUE_PA(q)  (BOARD_RAM_BASE + 0x1000 * (uint64_t)(q))
#define DESC(q)      QUEUE_PA(q)
#define AVAIL(q)     (QUEUE_PA(q) + 0x400)
#define USED(q)      (QUEUE_PA(q) + 0x800)
#define BUFFER(q, i) (BOARD_RAM_BASE + 0x10000 + 0x1000 * (uint64_t)(q) + 0x100 * (i))

enum {
	CONTROL_RX = 2,
	CONTROL_TX,
	STDIN_RX,
	STDIN_TX,
	STDOUT_RX,
	STDOUT_TX,
	STDERR_RX,
	STDERR_TX,
	TTY_RX,
	TTY_TX,
	QUEUES
};

struct driver {
	struct board b;
	uint16_t avail[QUEUES], used[QUEUES];
};

static void ram_put(struct board *b, uint64_t pa, const void *buf, size_t len)
{
	assert_true(machine_ram_write(b->m, paddr(pa), buf, len));
}

static uint64_t ram_get(struct board *b, uint64_t pa, unsigned size)
{
	uint64_t value = 0;

	assert_true(machine_ram_read(b->m, paddr(pa), &value, size));
	return value;
}

static void descriptor(struct driver *d, unsigned q, unsigned i, uint64_t pa, uint32_t len,
		       uint16_t flags, uint16_t next)
{
	ram_put(&d->b, DESC(q) + 16 * i, &pa, 8);
	ram_put(&d->b, DESC(q) + 16 * i + 8, &len, 4);
	ram_put(&d->b, DESC(q) + 16 * i + 12, &flags, 2);
	ram_put(&d->b, DESC(q) + 16 * i + 14, &next, 2);
}

/* Makes the chain at `head` available, without ringing. */
static void offer(struct driver *d, unsigned q, uint16_t head)
{
	uint16_t idx;

	ram_put(&d->b, AVAIL(q) + 4 + 2 * (d->avail[q] % NUM), &head, 2);
	idx = ++d->avail[q];
	ram_put(&d->b, AVAIL(q) + 2, &idx, 2);
}

static void ring(struct driver *d, unsigned q)
{
	board_put(&d->b, MMIO + 0x50, 4, q);
}

/* Takes the next used element. => its head; *len: bytes written. */
static unsigned used(struct driver *d, unsigned q, uint32_t *len)
{
	uint64_t element = USED(q) + 4 + 8 * (d->used[q] % NUM);

	assert_int_not_equal((uint16_t)ram_get(&d->b, USED(q) + 2, 2), d->used[q]);
	d->used[q]++;
	*len = (uint32_t)ram_get(&d->b, element + 4, 4);
	return (unsigned)ram_get(&d->b, element, 4);
}

static bool idle(struct driver *d, unsigned q)
{
	return (uint16_t)ram_get(&d->b, USED(q) + 2, 2) == d->used[q];
}

static void queue_setup(struct board *b, unsigned q)
{
	board_put(b, MMIO + 0x30, 4, q);
	assert_int_equal(board_get(b, MMIO + 0x34, 4), VIRTQ_MAX_SIZE);
	board_put(b, MMIO + 0x38, 4, NUM);
	board_put(b, MMIO + 0x80, 4, (uint32_t)DESC(q));
	board_put(b, MMIO + 0x84, 4, 0);
	board_put(b, MMIO + 0x90, 4, (uint32_t)AVAIL(q));
	board_put(b, MMIO + 0x94, 4, 0);
	board_put(b, MMIO + 0xa0, 4, (uint32_t)USED(q));
	board_put(b, MMIO + 0xa4, 4, 0);
	board_put(b, MMIO + 0x44, 4, 1);
	assert_int_equal(board_get(b, MMIO + 0x44, 4), 1);
}

/* The driver's way to DRIVER_OK. */
static void negotiate(struct board *b)
{
	board_put(b, MMIO + 0x70, 4, 0);
	board_put(b, MMIO + 0x70, 4, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
	board_put(b, MMIO + 0x24, 4, 0);
	board_put(b, MMIO + 0x20, 4, 2);
	board_put(b, MMIO + 0x24, 4, 1);
	board_put(b, MMIO + 0x20, 4, 1);
	board_put(b, MMIO + 0x70, 4, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
	assert_true(board_get(b, MMIO + 0x70, 4) & VIRTIO_FEATURES_OK);
	for (unsigned q = 0; q < QUEUES; q++)
		queue_setup(b, q);
	board_put(b, MMIO + 0x70, 4, 15);
}

static void control(struct driver *d, uint32_t id, uint16_t event, uint16_t value)
{
	uint32_t len;

	ram_put(&d->b, BUFFER(CONTROL_TX, 0), &id, 4);
	ram_put(&d->b, BUFFER(CONTROL_TX, 0) + 4, &event, 2);
	ram_put(&d->b, BUFFER(CONTROL_TX, 0) + 6, &value, 2);
	descriptor(d, CONTROL_TX, 0, BUFFER(CONTROL_TX, 0), 8, 0, 0);
	offer(d, CONTROL_TX, 0);
	ring(d, CONTROL_TX);
	assert_int_equal(used(d, CONTROL_TX, &len), 0);
}

/* The next control message from the device, or event 0xffff if there is none; with its text. */
static unsigned message(struct driver *d, uint32_t *id, uint16_t *value, char text[16])
{
	uint32_t len;
	uint64_t pa;
	unsigned head;

	if (idle(d, CONTROL_RX))
		return 0xffff;
	head = used(d, CONTROL_RX, &len);
	pa = BUFFER(CONTROL_RX, head);
	assert_in_range(len, 8, 15);
	*id = (uint32_t)ram_get(&d->b, pa, 4);
	*value = (uint16_t)ram_get(&d->b, pa + 6, 2);
	memset(text, 0, 16);
	assert_true(machine_ram_read(d->b.m, paddr(pa + 8), text, len - 8));
	offer(d, CONTROL_RX, (uint16_t)head);
	return (unsigned)ram_get(&d->b, pa + 4, 2);
}

static void start_board(struct driver *d)
{
	negotiate(&d->b);
	for (unsigned i = 0; i < NUM; i++) {
		descriptor(d, CONTROL_RX, i, BUFFER(CONTROL_RX, i), 64, 2, 0);
		offer(d, CONTROL_RX, (uint16_t)i);
	}
	ring(d, CONTROL_RX);
}

static void start(struct driver *d)
{
	memset(d, 0, sizeof(*d));
	board_init(&d->b, RAM_SIZE, 1);
	start_board(d);
}

static void write_port(struct driver *d, unsigned q, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);

	ram_put(&d->b, BUFFER(q, 0), text, len);
	descriptor(d, q, 0, BUFFER(q, 0), len, 0, 0);
	offer(d, q, 0);
	ring(d, q);
	assert_int_equal(used(d, q, &len), 0);
}

static bool needs_reset(struct board *b)
{
	return board_get(b, MMIO + 0x70, 4) & VIRTIO_NEEDS_RESET;
}

/* -- the transport ------------------------------------------------------------------------ */

static void identifies_itself(void **state)
{
	struct board b;
	struct bus_device *dev;
	uint64_t value;

	board_init(&b, RAM_SIZE, 1);
	assert_int_equal(board_get(&b, MMIO, 4), 0x74726976);
	assert_int_equal(board_get(&b, MMIO + 4, 4), 2);
	assert_int_equal(board_get(&b, MMIO + 8, 4), 3);
	board_put(&b, MMIO + 0x14, 4, 1);
	assert_int_equal(board_get(&b, MMIO + 0x10, 4), 1);
	board_put(&b, MMIO + 0x14, 4, 0);
	assert_int_equal(board_get(&b, MMIO + 0x10, 4), 6);
	assert_int_equal(board_get(&b, MMIO + 0x104, 4), 5); /* max_nr_ports */
	assert_int_equal(board_get(&b, MMIO + 0x100, 2), 0);
	board_put(&b, MMIO + 0x30, 4, 12);
	assert_int_equal(board_get(&b, MMIO + 0x34, 4), 0); /* there is no queue 12 */
	board_put(&b, MMIO + 0x108, 4, '!');
	assert_int_equal(b.out[STREAM_UART][0], '!');
	dev = bus_find(b.m, MMIO, 4);
	assert_false(dev->load(dev->self, 0, 1, &value));
	assert_false(dev->load(dev->self, 0, 8, &value));
	assert_false(dev->store(dev->self, 0x70, 2, 0));
	board_fini(&b);
}

static void refuses_wrong_features(void **state)
{
	struct board b;

	board_init(&b, RAM_SIZE, 1);
	board_put(&b, MMIO + 0x70, 4, 3);
	board_put(&b, MMIO + 0x70, 4, 11); /* without VERSION_1 */
	assert_int_equal(board_get(&b, MMIO + 0x70, 4), 3);
	board_put(&b, MMIO + 0x24, 4, 1);
	board_put(&b, MMIO + 0x20, 4, 3); /* bit 33 was not offered */
	board_put(&b, MMIO + 0x70, 4, 11);
	assert_int_equal(board_get(&b, MMIO + 0x70, 4), 3);
	board_fini(&b);
}

static void interrupts_and_acknowledges(void **state)
{
	static struct driver d;

	start(&d);
	board_put(&d.b, BOARD_PLIC_BASE + 4 * BOARD_IRQ_VIRTIO, 4, 1);
	board_put(&d.b, BOARD_PLIC_BASE + 0x2080, 4, 1 << BOARD_IRQ_VIRTIO);
	write_port(&d, STDOUT_TX, "x");
	assert_int_equal(board_get(&d.b, MMIO + 0x60, 4), 1);
	assert_true(board_irq(&d.b, 0, IRQ_SEIP));
	board_put(&d.b, MMIO + 0x64, 4, 1);
	assert_int_equal(board_get(&d.b, MMIO + 0x60, 4), 0);
	ram_put(&d.b, AVAIL(STDOUT_TX), &(uint16_t){1}, 2); /* NO_INTERRUPT */
	write_port(&d, STDOUT_TX, "y");
	assert_int_equal(board_get(&d.b, MMIO + 0x60, 4), 0);
	board_put(&d.b, MMIO + 0x70, 4, 0);
	assert_int_equal(board_get(&d.b, MMIO + 0x70, 4), 0);
	assert_int_equal(board_get(&d.b, MMIO + 0x44, 4), 0);
	board_fini(&d.b);
}

/* -- the console -------------------------------------------------------------------------- */

static void announces_its_ports(void **state)
{
	static struct driver d;
	char text[16];
	uint32_t id;
	uint16_t value;

	start(&d);
	control(&d, 0, 0, 1); /* DEVICE_READY */
	for (unsigned port = 1; port <= 3; port++) {
		assert_int_equal(message(&d, &id, &value, text), 1); /* PORT_ADD */
		assert_int_equal(id, port);
	}
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	for (unsigned port = 1; port <= 3; port++) {
		static const char *const names[] = {"", "stdin", "stdout", "stderr"};

		control(&d, port, 3, 1);                             /* PORT_READY */
		assert_int_equal(message(&d, &id, &value, text), 7); /* PORT_NAME */
		assert_int_equal(id, port);
		assert_string_equal(text, names[port]);
		assert_int_equal(message(&d, &id, &value, text), 6); /* PORT_OPEN */
		assert_int_equal(value, 1);
	}
	control(&d, 77, 3, 1); /* to nobody */
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	board_fini(&d.b);
}

static void writes_gather(void **state)
{
	static struct driver d;
	uint32_t len;

	start(&d);
	write_port(&d, STDOUT_TX, "out");
	write_port(&d, STDERR_TX, "err");
	ram_put(&d.b, BUFFER(STDOUT_TX, 0), "abcdefgh", 8);
	descriptor(&d, STDOUT_TX, 5, BUFFER(STDOUT_TX, 0) + 4, 3, 1, 2);
	descriptor(&d, STDOUT_TX, 2, BUFFER(STDOUT_TX, 0), 0, 1, 7);
	descriptor(&d, STDOUT_TX, 7, BUFFER(STDOUT_TX, 0), 2, 0, 0);
	offer(&d, STDOUT_TX, 5);
	ring(&d, STDOUT_TX);
	assert_int_equal(used(&d, STDOUT_TX, &len), 5);
	assert_int_equal(len, 0);
	assert_int_equal(d.b.out_len[STREAM_STDOUT], 8);
	assert_memory_equal(d.b.out[STREAM_STDOUT], "outefgab", 8);
	assert_memory_equal(d.b.out[STREAM_STDERR], "err", 3);
	assert_false(needs_reset(&d.b));
	board_fini(&d.b);
}

static void input_is_pulled(void **state)
{
	static struct driver d;
	uint32_t id, len;
	uint16_t value;
	char text[16];

	start(&d);
	d.b.in = "hello, world";
	d.b.in_len = 12;
	descriptor(&d, STDIN_RX, 0, BUFFER(STDIN_RX, 0), 5, 2, 0);
	offer(&d, STDIN_RX, 0);
	ring(&d, STDIN_RX);
	assert_int_equal(d.b.nreads, 0); /* the guest has not opened the port */
	control(&d, 1, 6, 1);
	assert_int_equal(d.b.nreads, 1);
	assert_int_equal(d.b.last_request, 5);
	used(&d, STDIN_RX, &len);
	assert_int_equal(len, 5);
	assert_int_equal(ram_get(&d.b, BUFFER(STDIN_RX, 0), 5), 0x6f6c6c6568);

	descriptor(&d, STDIN_RX, 0, BUFFER(STDIN_RX, 0), 100, 2, 0);
	offer(&d, STDIN_RX, 0);
	ring(&d, STDIN_RX);
	used(&d, STDIN_RX, &len);
	assert_int_equal(len, 7);

	/* The end: an empty buffer, a closed port, and all later buffers empty at once. */
	offer(&d, STDIN_RX, 0);
	ring(&d, STDIN_RX);
	used(&d, STDIN_RX, &len);
	assert_int_equal(len, 0);
	assert_int_equal(message(&d, &id, &value, text), 6);
	assert_int_equal(id, 1);
	assert_int_equal(value, 0);
	assert_int_equal(d.b.nreads, 3);
	offer(&d, STDIN_RX, 0);
	ring(&d, STDIN_RX);
	used(&d, STDIN_RX, &len);
	assert_int_equal(len, 0);
	assert_int_equal(d.b.nreads, 3);
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	board_fini(&d.b);
}

/* -- the terminal ------------------------------------------------------------------------- */

/* A terminal that somebody sits at; a machine's ctx is its board, so it is the only one. */
static struct {
	uint16_t cols, rows;
	const char *typed; /* NULL: hung up */
	unsigned asked, released;
	bool wanted;
} user;

static long user_read(void *ctx, void *buf, size_t len, enum tty_use use)
{
	size_t n = user.typed ? strlen(user.typed) : 0;

	if (use == TTY_RELEASED) {
		user.released++;
		return 0;
	}
	user.asked++;
	user.wanted = use == TTY_WANTED;
	if (!user.typed)
		return -1;
	n = n < len ? n : len;
	memcpy(buf, user.typed, n);
	user.typed += n;
	return (long)n;
}

static void user_size(void *ctx, uint16_t *cols, uint16_t *rows)
{
	*cols = user.cols;
	*rows = user.rows;
}

static void start_terminal(struct driver *d)
{
	struct machine_host host = {.ctx = &d->b,
				    .mem_alloc = board_alloc,
				    .mem_free = board_free,
				    .stream_read = board_read,
				    .stream_write = board_write,
				    .tty_read = user_read,
				    .tty_size = user_size};
	/* A hart that waits for ever, and so lets time pass: wfi; j -4 */
	static const uint32_t wait[] = {0x10500073, 0xffdff06f};
	struct board *b = &d->b;
	const char *why;

	memset(d, 0, sizeof(*d));
	memset(&user, 0, sizeof(user));
	user.cols = 80;
	user.rows = 24;
	user.typed = "";
	machine_config_init(&b->cfg);
	b->cfg.memory_size = RAM_SIZE;
	for (int s = STREAM_STDIN; s <= STREAM_STDERR; s++)
		b->cfg.has_stream[s] = false;
	b->cfg.has_stream[STREAM_TTY] = true;
	b->m = machine_create(&b->cfg, &host, &why);
	assert_non_null(b->m);
	assert_true(machine_ram_write(b->m, paddr(BOARD_RAM_BASE + 0x3f000), wait, sizeof(wait)));
	machine_start_bare(b->m, paddr(BOARD_RAM_BASE + 0x3f000));
	start_board(d);
}

/* Gives the terminal's queue `n` buffers of `len` bytes. */
static void give(struct driver *d, unsigned n, uint32_t len)
{
	for (unsigned i = 0; i < n; i++) {
		descriptor(d, TTY_RX, i, BUFFER(TTY_RX, i), len, 2, 0);
		offer(d, TTY_RX, (uint16_t)i);
	}
	ring(d, TTY_RX);
}

#define MS UINT64_C(1000000)

/* Lets time pass to the n-th millisecond. */
static void reach_ms(struct driver *d, uint64_t n)
{
	machine_run(d->b.m, n * MS + MS / 2);
}

static void terminal_is_announced(void **state)
{
	static struct driver d;
	char text[16];
	uint32_t id;
	uint16_t value, size[2];

	start_terminal(&d);
	assert_int_equal(board_get(&d.b, MMIO + 0x100, 4), 24 << 16 | 80);
	control(&d, 0, 0, 1);
	assert_int_equal(message(&d, &id, &value, text), 1);
	assert_int_equal(id, 4); /* the only port */
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	control(&d, 4, 3, 1);
	assert_int_equal(message(&d, &id, &value, text), 7);
	assert_string_equal(text, "tty");
	assert_int_equal(message(&d, &id, &value, text), 4); /* it is a console */
	assert_int_equal(value, 1);
	assert_int_equal(message(&d, &id, &value, text), 5);
	memcpy(size, text, sizeof(size));
	assert_int_equal(size[0], 80);
	assert_int_equal(size[1], 24);
	assert_int_equal(message(&d, &id, &value, text), 6);
	assert_int_equal(value, 1);
	board_fini(&d.b);
}

static void keys_are_pushed(void **state)
{
	static struct driver d;
	uint32_t len;

	start_terminal(&d);
	user.typed = "early";
	reach_ms(&d, 5);
	assert_int_equal(user.asked, 0); /* there is nothing to put it in, nor a reason to go on */
	give(&d, 2, 4);
	reach_ms(&d, 1);
	assert_int_equal(user.asked, 1);
	assert_false(user.wanted);
	control(&d, 4, 6, 1);
	reach_ms(&d, 2);
	assert_true(user.wanted);
	assert_int_equal(used(&d, TTY_RX, &len), 0);
	assert_int_equal(len, 4);
	assert_int_equal(used(&d, TTY_RX, &len), 1);
	assert_int_equal(len, 1);
	assert_int_equal(ram_get(&d.b, BUFFER(TTY_RX, 1), 1), 'y');
	/* Both buffers are used, so it is not asked any more; and with one, until something comes.
	 */
	reach_ms(&d, 4);
	assert_int_equal(user.asked, 2);
	give(&d, 1, 4);
	reach_ms(&d, 5);
	assert_int_equal(user.asked, 4);
	assert_true(idle(&d, TTY_RX));
	user.typed = "x";
	reach_ms(&d, 6);
	assert_int_equal(used(&d, TTY_RX, &len), 0);
	assert_int_equal(len, 1);
	assert_true(board_get(&d.b, MMIO + 0x60, 4) & 1); /* with an interrupt */
	board_fini(&d.b);
}

/* The guest closes the port: the host hears of it once, and the guest that it is open again. */
static void release_is_told(void **state)
{
	static struct driver d;
	char text[16];
	uint32_t id;
	uint16_t value;

	start_terminal(&d);
	control(&d, 4, 3, 1);
	give(&d, 1, 4);
	control(&d, 4, 6, 1);
	reach_ms(&d, 1);
	while (message(&d, &id, &value, text) != 0xffff)
		;
	assert_true(user.wanted);
	control(&d, 4, 6, 0);
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	reach_ms(&d, 2);
	assert_int_equal(user.released, 1);
	assert_false(user.wanted);
	assert_int_equal(message(&d, &id, &value, text), 6);
	assert_int_equal(id, 4);
	assert_int_equal(value, 1);
	reach_ms(&d, 4);
	assert_int_equal(user.released, 1);
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	board_fini(&d.b);
}

static void window_and_hangup_are_told(void **state)
{
	static struct driver d;
	char text[16];
	uint32_t id, len;
	uint16_t value, size[2];

	start_terminal(&d);
	control(&d, 4, 3, 1);
	while (message(&d, &id, &value, text) != 0xffff)
		;
	give(&d, 2, 4);
	reach_ms(&d, 1);
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	user.cols = 132;
	reach_ms(&d, 2);
	assert_int_equal(message(&d, &id, &value, text), 5);
	memcpy(size, text, sizeof(size));
	assert_int_equal(id, 4);
	assert_int_equal(size[0], 132);
	assert_int_equal(size[1], 24);
	reach_ms(&d, 3);
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	user.typed = NULL;
	reach_ms(&d, 4);
	assert_int_equal(message(&d, &id, &value, text), 6);
	assert_int_equal(value, 0);
	assert_int_equal(used(&d, TTY_RX, &len), 0);
	assert_int_equal(len, 0);
	user.asked = 0;
	reach_ms(&d, 9);
	assert_int_equal(user.asked, 0);
	board_fini(&d.b);
}

static void gone_reader_closes_the_port(void **state)
{
	static struct driver d;
	uint32_t id;
	uint16_t value;
	char text[16];

	start(&d);
	d.b.refuse[STREAM_STDOUT] = true;
	write_port(&d, STDOUT_TX, "lost");
	assert_int_equal(message(&d, &id, &value, text), 6);
	assert_int_equal(id, 2);
	assert_int_equal(value, 0);
	d.b.refuse[STREAM_STDOUT] = false;
	write_port(&d, STDOUT_TX, "lost too");
	write_port(&d, STDERR_TX, "kept");
	assert_int_equal(d.b.out_len[STREAM_STDOUT], 0);
	assert_int_equal(d.b.out_len[STREAM_STDERR], 4);
	assert_int_equal(message(&d, &id, &value, text), 0xffff);
	board_fini(&d.b);
}

static void control_messages_wait_for_buffers(void **state)
{
	static struct driver d;

	memset(&d, 0, sizeof(d));
	board_init(&d.b, RAM_SIZE, 1);
	negotiate(&d.b);
	for (unsigned i = 0; i < 10; i++)
		control(&d, 0, 0, 1);
	assert_false(needs_reset(&d.b));
	for (unsigned i = 0; i < NUM; i++) {
		descriptor(&d, CONTROL_RX, i, BUFFER(CONTROL_RX, i), 64, 2, 0);
		offer(&d, CONTROL_RX, (uint16_t)i);
	}
	ring(&d, CONTROL_RX);
	assert_int_equal(ram_get(&d.b, USED(CONTROL_RX) + 2, 2), NUM);
	assert_int_equal(ram_get(&d.b, BUFFER(CONTROL_RX, 4), 4), 2);

	/* One that never takes its messages is broken. */
	for (unsigned i = 0; i < 100 && !needs_reset(&d.b); i++) {
		descriptor(&d, CONTROL_TX, 0, BUFFER(CONTROL_TX, 0), 8, 0, 0);
		offer(&d, CONTROL_TX, 0);
		ring(&d, CONTROL_TX);
	}
	assert_true(needs_reset(&d.b));
	board_fini(&d.b);
}

/* -- drivers that break the rules --------------------------------------------------------- */

/* Offers the chain at 0 of stdout's transmit queue. => it was refused, and nothing was written. */
static bool refused(struct driver *d)
{
	size_t before = d->b.out_len[STREAM_STDOUT];
	bool yes;

	offer(d, STDOUT_TX, 0);
	ring(d, STDOUT_TX);
	yes = needs_reset(&d->b) && idle(d, STDOUT_TX) && d->b.out_len[STREAM_STDOUT] == before &&
	      (board_get(&d->b, MMIO + 0x60, 4) & 2);
	board_fini(&d->b);
	return yes;
}

static void refuses_broken_chains(void **state)
{
	static struct driver d;
	uint64_t end = BOARD_RAM_BASE + RAM_SIZE;

	start(&d); /* a loop */
	descriptor(&d, STDOUT_TX, 0, BUFFER(STDOUT_TX, 0), 1, 1, 1);
	descriptor(&d, STDOUT_TX, 1, BUFFER(STDOUT_TX, 0), 1, 1, 0);
	assert_true(refused(&d));
	start(&d); /* a next beyond the table */
	descriptor(&d, STDOUT_TX, 0, BUFFER(STDOUT_TX, 0), 1, 1, NUM);
	assert_true(refused(&d));
	start(&d); /* memory that is none */
	descriptor(&d, STDOUT_TX, 0, 0x1000, 1, 0, 0);
	assert_true(refused(&d));
	start(&d);
	descriptor(&d, STDOUT_TX, 0, end - 1, 2, 0, 0);
	assert_true(refused(&d));
	start(&d);
	descriptor(&d, STDOUT_TX, 0, UINT64_MAX, 0xffffffff, 0, 0);
	assert_true(refused(&d));
	start(&d); /* to be written by the device, in a transmit queue */
	descriptor(&d, STDOUT_TX, 0, BUFFER(STDOUT_TX, 0), 1, 2, 0);
	assert_true(refused(&d));
	start(&d); /* an indirect table, which was not offered */
	descriptor(&d, STDOUT_TX, 0, BUFFER(STDOUT_TX, 0), 16, 4, 0);
	assert_true(refused(&d));
	start(&d); /* more buffers than there is room for */
	d.avail[STDOUT_TX] = 100;
	assert_true(refused(&d));
}

static void refuses_broken_queues(void **state)
{
	struct board b;

	board_init(&b, RAM_SIZE, 1);
	board_put(&b, MMIO + 0x38, 4, 3); /* no power of two */
	assert_true(needs_reset(&b));
	board_put(&b, MMIO + 0x70, 4, 0);
	assert_false(needs_reset(&b));
	board_put(&b, MMIO + 0x44, 4, 1); /* no size, no place */
	assert_true(needs_reset(&b));
	board_put(&b, MMIO + 0x70, 4, 0);
	board_put(&b, MMIO + 0x38, 4, 128);
	board_put(&b, MMIO + 0x80, 4, BOARD_RAM_BASE);
	board_put(&b, MMIO + 0x90, 4, BOARD_RAM_BASE + 4096);
	board_put(&b, MMIO + 0xa0, 4, BOARD_RAM_BASE + RAM_SIZE - 64); /* too near the end */
	board_put(&b, MMIO + 0x44, 4, 1);
	assert_true(needs_reset(&b));
	assert_int_equal(board_get(&b, MMIO + 0x44, 4), 0);
	board_fini(&b);
}

static uint64_t seed = 88172645463325252;

static uint32_t random32(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/*
 * Random bytes in the rings, sometimes nearly right ones, queues that overlap each other, and
 * random stores to registers. What is asked: no crash, no hang, no access outside RAM (ASan).
 */
static void survives_nonsense(void **state)
{
	static struct driver d;

	for (unsigned round = 0; round < 3000; round++) {
		uint8_t *ram;

		if (round % 100 == 0) {
			if (round) {
				machine_state_hash(d.b.m);
				board_fini(&d.b);
			}
			start(&d);
			d.b.in = (const char *)&d; /* any bytes */
			d.b.in_len = 4096;
		}
		negotiate(&d.b);
		ram = machine_ram_at(d.b.m, paddr(BOARD_RAM_BASE), RAM_SIZE);
		for (unsigned q = 0; q < 10; q++) {
			uint8_t *at = ram + 0x1000 * q;

			for (unsigned i = 0; i < 0xc00; i++)
				at[i] = (uint8_t)random32();
			for (unsigned i = 0; i < NUM; i++) {
				uint64_t pa = BOARD_RAM_BASE + random32() % (RAM_SIZE + 64);
				uint32_t len = random32() % 512;
				uint16_t flags = random32() & 3, next = random32() % (NUM + 1);

				if (random32() % 8) {
					memcpy(at + 16 * i, &pa, 8);
					memcpy(at + 16 * i + 8, &len, 4);
					memcpy(at + 16 * i + 12, &flags, 2);
					memcpy(at + 16 * i + 14, &next, 2);
				}
				if (random32() % 8)
					memcpy(at + 0x404 + 2 * i, &(uint16_t){random32() % NUM},
					       2);
			}
			memcpy(at + 0x402, &(uint16_t){random32() % (NUM + 1)}, 2);
		}
		for (unsigned i = 0; i < 40; i++) {
			if (random32() % 4)
				ring(&d, random32() % 11);
			else
				board_put(&d.b, MMIO + 4 * (random32() % 72), 4,
					  random32() % 2 ? random32()
							 : BOARD_RAM_BASE + random32() % RAM_SIZE);
			if (random32() % 16 == 0)
				negotiate(&d.b);
		}
	}
	board_fini(&d.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(identifies_itself),
	    cmocka_unit_test(refuses_wrong_features),
	    cmocka_unit_test(interrupts_and_acknowledges),
	    cmocka_unit_test(announces_its_ports),
	    cmocka_unit_test(writes_gather),
	    cmocka_unit_test(input_is_pulled),
	    cmocka_unit_test(terminal_is_announced),
	    cmocka_unit_test(keys_are_pushed),
	    cmocka_unit_test(release_is_told),
	    cmocka_unit_test(window_and_hangup_are_told),
	    cmocka_unit_test(gone_reader_closes_the_port),
	    cmocka_unit_test(control_messages_wait_for_buffers),
	    cmocka_unit_test(refuses_broken_chains),
	    cmocka_unit_test(refuses_broken_queues),
	    cmocka_unit_test(survives_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
