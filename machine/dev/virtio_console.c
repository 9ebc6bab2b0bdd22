/*
 * The console whose ports are a program's standard streams.
 *
 *   port  name     queues (receive, transmit)   stream of the host
 *     0   -        0, 1                         UART (output only; for drivers without MULTIPORT)
 *     -   control  2, 3
 *     1   stdin    4, 5                         stdin
 *     2   stdout   6, 7                         stdout
 *     3   stderr   8, 9                         stderr
 *     4   tty      10, 11                       tty
 *
 * Driver and device come to know each other by control messages:
 *
 *   driver: DEVICE_READY 1             device: PORT_ADD for each port that exists
 *   driver: PORT_READY p               device: PORT_NAME p, then PORT_OPEN p if the stream is open;
 *                                              before, if it is a terminal, CONSOLE_PORT and RESIZE
 *   driver: PORT_OPEN p 1, p 0         device: PORT_OPEN p 0 when the stream has ended
 *
 * Input is pulled. A buffer in stdin's receive queue, once the guest has opened the port, is
 * the request: its size, and nothing else, says how much is read, and time stands still until
 * that much or the end of input is there. So what a program reads does not depend on how fast
 * the host's pipe is filled. At the end of input the buffer comes back empty, PORT_OPEN 0 is
 * sent, and all later buffers come back empty at once.
 *
 * The terminal's input is pushed. While the driver has buffers in its receive queue, the host is
 * asked at each multiple of TTY_POLL_NS, also for the size of the window, whose changes are told by
 * RESIZE. The host learns whether the guest has opened the port: until a program wants what is
 * typed, a terminal is better left alone. When the guest closes it, its programs have stopped: the
 * host hears of it once, may take its time, and is then told to have opened the port again, which
 * has the programs go on.
 *
 * Output that the host refuses (its reader is gone) closes the port: PORT_OPEN 0 is sent, and
 * all later output is swallowed. The driver makes that an EPIPE.
 *
 * I1. A stream once ended stays ended, across resets of the device.
 * I2. A notification serves at most as many buffers as the queue has room for: no hart runs
 *     meanwhile, so more can only come of arrays that overlap.
 * I3. Control messages leave in order; at most CONTROL_MAX wait for a buffer, and a driver that
 *     lets more pile up is broken.
 * I4. next_poll is UINT64_MAX exactly while the terminal is not to be asked.
 *
 * Source: Virtual I/O Device (VIRTIO) 1.2, section 5.3.
 */
#include <string.h>

#include "machine/dev/virtio.h"
#include "machine/machine_state.h"

#define CONSOLE_ID          3
#define CONSOLE_PORTS       5
#define CONSOLE_F_SIZE      0
#define CONSOLE_F_MULTIPORT 1
#define CONSOLE_F_EMERG     2
#define CONTROL_MAX         64 /* at start 3 messages a port are sent; the rest is room */
#define NAME_MAX            8
#define TTY_PORT            4

/* A millisecond is less than a hand or an eye can tell, and some 300,000 steps: asking is free. */
#define TTY_POLL_NS 1000000

enum {
	QUEUE_RX0,
	QUEUE_TX0,
	QUEUE_CONTROL_RX,
	QUEUE_CONTROL_TX,
	QUEUE_PORT1,
	QUEUE_COUNT = QUEUE_PORT1 + 2 * (CONSOLE_PORTS - 1),
};
_Static_assert(QUEUE_COUNT <= VIRTIO_MAX_QUEUES, "");

enum control_event {
	CONTROL_DEVICE_READY,
	CONTROL_DEVICE_ADD,
	CONTROL_DEVICE_REMOVE,
	CONTROL_PORT_READY,
	CONTROL_CONSOLE_PORT,
	CONTROL_RESIZE,
	CONTROL_PORT_OPEN,
	CONTROL_PORT_NAME,
};

struct control {
	uint32_t id;
	uint16_t event, value;
};
_Static_assert(sizeof(struct control) == 8, "as it lies in guest memory");

struct window {
	uint16_t cols, rows;
};

struct port {
	bool exists;
	bool guest_open; /* the guest's program has it open */
	bool ended;      /* end of input, or the host refused output */
};

struct console {
	struct virtio v;
	struct port ports[CONSOLE_PORTS];
	struct control pending[CONTROL_MAX];
	unsigned pending_head, pending_count;
	struct window window;        /* of the terminal; 0, 0: not known */
	uint64_t next_poll;          /* clock: when the terminal is asked */
	bool released;               /* the terminal's port was closed; the host is to hear of it */
	struct virtio_buffer buffer; /* being served; not state */
};

static const enum machine_stream port_stream[CONSOLE_PORTS] = {
    STREAM_UART, STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR, STREAM_TTY,
};
static const char port_name[CONSOLE_PORTS][NAME_MAX] = {"", "stdin", "stdout", "stderr", "tty"};

static bool multiport(const struct console *c)
{
	return c->v.driver_features >> CONSOLE_F_MULTIPORT & 1;
}

static struct virtq *port_rx(struct console *c, unsigned port)
{
	return &c->v.queues[port == 0 ? QUEUE_RX0 : QUEUE_PORT1 + 2 * (port - 1)];
}

static struct virtq *port_tx(struct console *c, unsigned port)
{
	return &c->v.queues[port == 0 ? QUEUE_TX0 : QUEUE_PORT1 + 2 * (port - 1) + 1];
}

/* -- control messages --------------------------------------------------------------------- */

/* Sends what waits, as far as the driver gave buffers for it. */
static void control_flush(struct console *c)
{
	struct virtq *q = &c->v.queues[QUEUE_CONTROL_RX];

	for (unsigned n = q->num; n && c->pending_count && virtq_pop(&c->v, q, &c->buffer); n--) {
		struct control msg = c->pending[c->pending_head];
		uint8_t bytes[sizeof(msg) + NAME_MAX];
		uint32_t len = sizeof(msg);

		memcpy(bytes, &msg, sizeof(msg));
		if (msg.event == CONTROL_PORT_NAME) {
			memcpy(bytes + len, port_name[msg.id], NAME_MAX);
			len += (uint32_t)strlen(port_name[msg.id]);
		} else if (msg.event == CONTROL_RESIZE) {
			memcpy(bytes + len, &c->window, sizeof(c->window));
			len += sizeof(c->window);
		}
		c->pending_head = (c->pending_head + 1) % CONTROL_MAX;
		c->pending_count--;
		len = virtio_buffer_fill(&c->v, &c->buffer, bytes, len);
		virtq_push(&c->v, q, c->buffer.head, len);
	}
}

static void control_send(struct console *c, unsigned port, enum control_event event, unsigned value)
{
	unsigned tail = (c->pending_head + c->pending_count) % CONTROL_MAX;

	if (!multiport(c))
		return;
	if (c->pending_count == CONTROL_MAX) {
		virtio_broken(&c->v);
		return;
	}
	c->pending[tail] = (struct control){port, (uint16_t)event, (uint16_t)value};
	c->pending_count++;
	control_flush(c);
}

static void port_end(struct console *c, unsigned port)
{
	if (c->ports[port].ended)
		return;
	c->ports[port].ended = true;
	control_send(c, port, CONTROL_PORT_OPEN, 0);
}

static void port_receive(struct console *c, unsigned port);
static void tty_listen(struct console *c);

static void control_handle(struct console *c, const struct control *msg)
{
	struct port *p;

	if (msg->event == CONTROL_DEVICE_READY) {
		for (unsigned i = 0; msg->value && i < CONSOLE_PORTS; i++) {
			if (c->ports[i].exists)
				control_send(c, i, CONTROL_DEVICE_ADD, 1);
		}
		return;
	}
	if (msg->id >= CONSOLE_PORTS || !c->ports[msg->id].exists)
		return; /* a message to nobody */
	p = &c->ports[msg->id];
	switch (msg->event) {
	case CONTROL_PORT_READY:
		if (!msg->value)
			break;
		control_send(c, msg->id, CONTROL_PORT_NAME, 1);
		if (msg->id == TTY_PORT) {
			control_send(c, msg->id, CONTROL_CONSOLE_PORT, 1);
			if (c->window.rows)
				control_send(c, msg->id, CONTROL_RESIZE, 0);
		}
		if (!p->ended)
			control_send(c, msg->id, CONTROL_PORT_OPEN, 1);
		break;
	case CONTROL_PORT_OPEN:
		p->guest_open = msg->value != 0;
		if (msg->id == TTY_PORT)
			c->released = !p->guest_open;
		port_receive(c, msg->id);
		break;
	}
}

static void control_receive(struct console *c)
{
	struct virtq *q = &c->v.queues[QUEUE_CONTROL_TX];

	for (unsigned n = q->num; n && virtq_pop(&c->v, q, &c->buffer); n--) {
		const struct virtio_piece *piece = &c->buffer.pieces[0];
		struct control msg;
		bool whole = c->buffer.readable >= sizeof(msg) && piece->len >= sizeof(msg);

		/* Drivers send a message in one piece; shorter ones mean nothing. */
		if (whole)
			memcpy(&msg, bus_dma(c->v.m, piece->pa, sizeof(msg), false), sizeof(msg));
		virtq_push(&c->v, q, c->buffer.head, 0);
		if (whole)
			control_handle(c, &msg);
	}
}

/* -- ports -------------------------------------------------------------------------------- */

/*
 * Fills the buffer from the host's stream: one read of exactly its size; a buffer in several
 * pieces, which no driver that we know uses, takes a read for each until one comes back short.
 * => bytes delivered; 0 is the end.
 */
static uint32_t buffer_read(struct console *c, enum machine_stream s)
{
	struct machine *m = c->v.m;
	uint32_t done = 0;

	for (unsigned i = 0; i < c->buffer.npieces; i++) {
		const struct virtio_piece *piece = &c->buffer.pieces[i];
		long n;

		if (!piece->writable || !piece->len)
			continue;
		n = m->host.stream_read(m->host.ctx, s, bus_dma(m, piece->pa, piece->len, true),
					piece->len);
		if (n > 0)
			done += (uint32_t)n;
		if (n < (long)piece->len)
			break;
	}
	return done;
}

static void port_receive(struct console *c, unsigned port)
{
	struct virtq *q = port_rx(c, port);
	struct port *p = &c->ports[port];

	if (port == TTY_PORT)
		tty_listen(c);
	if (port_stream[port] != STREAM_STDIN)
		return; /* the others have nothing to say; their buffers stay where they are */
	if (!p->exists || !p->guest_open)
		return;
	for (unsigned n = q->num; n && virtq_pop(&c->v, q, &c->buffer); n--) {
		uint16_t head = c->buffer.head;
		uint32_t len = 0;

		if (c->buffer.readable) {
			virtio_broken(&c->v);
			return;
		}
		if (!p->ended)
			len = buffer_read(c, port_stream[port]);
		virtq_push(&c->v, q, head, len);
		if (!len && c->buffer.writable)
			port_end(c, port);
	}
}

/* The terminal is to be asked: from the next multiple of TTY_POLL_NS on. */
static void tty_listen(struct console *c)
{
	struct machine *m = c->v.m;
	const struct port *p = &c->ports[TTY_PORT];

	if (!p->exists || p->ended || c->next_poll != UINT64_MAX)
		return;
	c->next_poll = (machine_now(m) / TTY_POLL_NS + 1) * TTY_POLL_NS;
	if (m->current)
		m->current->leave = true; /* its turn may have to end earlier */
}

uint64_t tty_deadline(const struct machine *m)
{
	return m->console->next_poll;
}

/* Tells the guest if the window has another size than before. */
static void tty_measure(struct console *c)
{
	struct machine *m = c->v.m;
	struct window now = c->window;

	if (!m->host.tty_size)
		return;
	m->host.tty_size(m->host.ctx, &now.cols, &now.rows);
	if (now.cols == c->window.cols && now.rows == c->window.rows)
		return;
	c->window = now;
	control_send(c, TTY_PORT, CONTROL_RESIZE, 0);
}

void tty_poll(struct machine *m, uint64_t clock)
{
	struct console *c = m->console;
	struct virtq *q = port_rx(c, TTY_PORT);
	struct port *p = &c->ports[TTY_PORT];
	uint8_t bytes[64];
	uint16_t head;
	long n = 0;

	if (c->next_poll == UINT64_MAX)
		return;
	c->next_poll = UINT64_MAX;
	if (c->released) {
		c->released = false;
		if (m->host.tty_read)
			m->host.tty_read(m->host.ctx, bytes, 0, TTY_RELEASED);
		control_send(c, TTY_PORT, CONTROL_PORT_OPEN, 1);
	}
	tty_measure(c);
	if (!virtq_pop(&c->v, q, &c->buffer))
		return; /* here: the driver will say when there are buffers again */
	head = c->buffer.head;
	if (c->buffer.readable || !c->buffer.writable) {
		virtio_broken(&c->v);
		return;
	}
	if (m->host.tty_read)
		n = m->host.tty_read(m->host.ctx, bytes,
				     c->buffer.writable < sizeof(bytes) ? c->buffer.writable
									: sizeof(bytes),
				     p->guest_open ? TTY_WANTED : TTY_UNUSED);
	if (n == 0) {
		virtq_unpop(q);
	} else {
		uint32_t len = n > 0 ? (uint32_t)n : 0;

		virtq_push(&c->v, q, head, virtio_buffer_fill(&c->v, &c->buffer, bytes, len));
	}
	if (n < 0)
		port_end(c, TTY_PORT);
	else
		c->next_poll = (clock / TTY_POLL_NS + 1) * TTY_POLL_NS;
}

static void port_transmit(struct console *c, unsigned port)
{
	struct virtq *q = port_tx(c, port);
	struct machine *m = c->v.m;

	for (unsigned n = q->num; n && virtq_pop(&c->v, q, &c->buffer); n--) {
		const struct virtio_buffer *b = &c->buffer;
		bool taken = true;

		if (b->writable) {
			virtio_broken(&c->v);
			return;
		}
		for (unsigned i = 0; i < b->npieces && taken && !c->ports[port].ended; i++) {
			const struct virtio_piece *piece = &b->pieces[i];

			taken = machine_emit(m, port_stream[port],
					     bus_dma(m, piece->pa, piece->len, false), piece->len);
		}
		virtq_push(&c->v, q, b->head, 0);
		if (!taken && c->ports[port].exists)
			port_end(c, port);
	}
}

/* -- the device --------------------------------------------------------------------------- */

static void console_notify(void *self, unsigned q)
{
	struct console *c = self;

	switch (q) {
	case QUEUE_RX0: break;
	case QUEUE_TX0: port_transmit(c, 0); break;
	case QUEUE_CONTROL_RX: control_flush(c); break;
	case QUEUE_CONTROL_TX: control_receive(c); break;
	default:
		if ((q - QUEUE_PORT1) % 2)
			port_transmit(c, (q - QUEUE_PORT1) / 2 + 1);
		else
			port_receive(c, (q - QUEUE_PORT1) / 2 + 1);
	}
}

static void console_reset(void *self)
{
	struct console *c = self;

	for (unsigned i = 0; i < CONSOLE_PORTS; i++)
		c->ports[i].guest_open = false;
	c->pending_head = c->pending_count = 0;
	c->next_poll = UINT64_MAX;
	c->released = false;
}

/* The layout: u16 cols, rows; u32 max_nr_ports; u32 emerg_wr. */
static bool console_config_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	const struct console *c = self;
	uint32_t window = c->window.cols | (uint32_t)c->window.rows << 16;
	const uint32_t config[3] = {window, CONSOLE_PORTS, 0};

	if (size > 4 || offset % size)
		return false;
	*out = 0;
	if (offset < sizeof(config))
		memcpy(out, (const uint8_t *)config + offset, size);
	return true;
}

static bool console_config_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	struct console *c = self;
	uint8_t byte = (uint8_t)value;

	if (size > 4 || offset % size)
		return false;
	if (offset == 8)
		machine_emit(c->v.m, STREAM_UART, &byte, 1);
	return true;
}

static void console_hash(void *self, uint64_t *h)
{
	struct console *c = self;

	for (unsigned i = 0; i < CONSOLE_PORTS; i++) {
		uint64_t state[] = {c->ports[i].exists, c->ports[i].guest_open, c->ports[i].ended};

		machine_hash_bytes(h, state, sizeof(state));
	}
	if (c->ports[TTY_PORT].exists) {
		uint64_t state[] = {c->window.cols, c->window.rows, c->next_poll, c->released};

		machine_hash_bytes(h, state, sizeof(state));
	}
	for (unsigned i = 0; i < c->pending_count; i++)
		machine_hash_bytes(h, &c->pending[(c->pending_head + i) % CONTROL_MAX],
				   sizeof(struct control));
}

bool virtio_console_create(struct machine *m, unsigned slot)
{
	struct console *c = machine_zalloc(m, sizeof(*c));

	if (!c)
		return false;
	for (unsigned i = 1; i < CONSOLE_PORTS; i++)
		c->ports[i].exists = m->cfg.has_stream[port_stream[i]];
	c->next_poll = UINT64_MAX;
	if (c->ports[TTY_PORT].exists && m->host.tty_size)
		m->host.tty_size(m->host.ctx, &c->window.cols, &c->window.rows);
	m->console = c;
	c->v = (struct virtio){
	    .m = m,
	    .self = c,
	    .slot = slot,
	    .device_id = CONSOLE_ID,
	    .features = 1 << CONSOLE_F_MULTIPORT | 1 << CONSOLE_F_EMERG |
			(c->window.rows ? 1 << CONSOLE_F_SIZE : 0),
	    .nqueues = QUEUE_COUNT,
	    .notify = console_notify,
	    .reset = console_reset,
	    .config_load = console_config_load,
	    .config_store = console_config_store,
	    .hash = console_hash,
	};
	virtio_attach(&c->v);
	return true;
}
