/*
 * The virtio console with several ports (virtio 1.2, section 5.3, MULTIPORT).
 *
 * Each port has two queues, one for each direction; two more carry control
 * messages about ports:
 *
 *     driver                        device
 *     DEVICE_READY  ------------>
 *                   <------------   PORT_ADD 1
 *     PORT_READY 1  ------------>
 *                   <------------   PORT_NAME 1 "stdout", PORT_OPEN 1 = 1
 *     PORT_OPEN 1 = 1 ---------->
 *                   <------------   PORT_OPEN 1 = 0     the other side has gone
 *
 * A port is known by its name; numbers are the device's own business.
 *
 * Reading. A buffer is posted only when a program reads, and it has exactly the
 * size that was asked for: the request is what makes the other side deliver. A
 * buffer that comes back empty is the end of input, and so is a port that closes
 * while nothing was delivered. Since bytes may come together with the news that
 * the port is closed, the queue of bytes is always looked at after, and obeyed
 * before, the queue of news.
 *
 * Writing. The bytes are handed over, and the call returns when the device gives
 * the buffer back: then they are the other side's. If the port was closed
 * meanwhile, nobody will read them: EPIPE.
 *
 * The port named `tty` is no stream: its bytes come and go when they like (console_tty.c).
 *
 * Waiting. Completion is polled for a moment, then waited for with the hart's
 * interrupt; whatever wakes it, the queues are polled again, so a machine without
 * an interrupt controller only waits less well.
 *
 * Locks. console.lock guards control queues and the state of ports; a stream's
 * own lock, taken before it, guards the port's two data queues.
 */
#include "kernel/dev/console.h"
#include "kernel/dev/console_port.h"
#include "kernel/arch/arch.h"
#include "kernel/dev/plic.h"
#include "kernel/dev/ttyport.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"
#include "abi/linux.h"

#define F_MULTIPORT      1 /* feature bit */
#define CONFIG_MAX_PORTS 4 /* offset of max_nr_ports */

#define TTY_NAME    "tty"
#define CONTROL_LEN 64 /* a message with a name */
#define SPINS       64 /* polls before waiting: a machine that completes at once needs one */
#define RX_QUEUE(p) ((p) == 0 ? 0u : 2 * (p) + 2)
#define TX_QUEUE(p) (RX_QUEUE(p) + 1)
#define CONTROL_RX  2
#define CONTROL_TX  3

enum event {
	DEVICE_READY,
	PORT_ADD,
	PORT_REMOVE,
	PORT_READY,
	CONSOLE_PORT,
	RESIZE,
	PORT_OPEN,
	PORT_NAME
};

struct control {
	uint32_t port;
	uint16_t event, value;
};

struct window {
	uint16_t cols, rows; /* behind a RESIZE */
};

static struct console *consoles;

/* Lock held. Sends a message and waits until the device has read it. */
static void control_send(struct console *c, uint32_t port, enum event event, uint16_t value)
{
	uint32_t len;

	*c->tx_msg = (struct control){port, (uint16_t)event, value};
	if (virtq_add(c->control_tx, c->tx_msg, sizeof *c->tx_msg, false) < 0)
		return;
	virtq_kick(&c->virtio, c->control_tx);
	while (virtq_take(c->control_tx, &len) < 0)
		;
}

static void port_added(struct console *c, uint32_t number)
{
	struct port *p;

	if (number >= c->nports || c->ports[number])
		return;
	p = kzalloc(sizeof *p);
	if (!p) {
		control_send(c, number, PORT_READY, 0);
		return;
	}
	p->console = c;
	p->number = number;
	p->rx = c->rx[number];
	p->tx = c->tx[number];
	mutex_init(&p->stream.lock);
	c->ports[number] = p;
	control_send(c, number, PORT_READY, 1);
}

/* Lock held. */
static void control_receive(struct console *c, const uint8_t *buf, uint32_t len)
{
	struct control m;
	struct port *p;

	if (len < sizeof m)
		return;
	memcpy(&m, buf, sizeof m);
	if (m.event == PORT_ADD) {
		port_added(c, m.port);
		return;
	}
	p = m.port < c->nports ? c->ports[m.port] : NULL;
	if (!p)
		return;
	switch (m.event) {
	case PORT_NAME: {
		size_t n = len - sizeof m;

		if (n < NAME_LEN) {
			memcpy(p->name, buf + sizeof m, n);
			p->name[n] = 0;
		}
		break;
	}
	case PORT_OPEN:
		p->was_closed |= p->is_open && m.value == 0;
		p->was_opened |= m.value != 0;
		p->is_open = m.value != 0;
		break;
	case PORT_REMOVE:
		p->is_open = false;
		p->was_closed = true;
		break;
	case RESIZE: {
		struct window w;

		if (len < sizeof m + sizeof w)
			break;
		memcpy(&w, buf + sizeof m, sizeof w);
		p->cols = w.cols;
		p->rows = w.rows;
		p->has_size = true;
		break;
	}
	default: break;
	}
}

/* Takes all control messages that have come, and gives their buffers back. */
static void control_poll(struct console *c)
{
	bool enabled = spin_lock_irqsave(&c->lock);
	bool kick = false;
	uint32_t len;
	int slot;

	while ((slot = virtq_take(c->control_rx, &len)) >= 0) {
		uint8_t copy[CONTROL_LEN];

		memcpy(copy, c->rx_bufs + (unsigned)slot * CONTROL_LEN, CONTROL_LEN);
		/* here: all buffers but this one are with the device, so it gets its slot again */
		int again = virtq_add(c->control_rx, c->rx_bufs + (unsigned)slot * CONTROL_LEN,
				      CONTROL_LEN, true);
		CHECK3(again, ==, slot);
		kick = true;
		control_receive(c, copy, len);
	}
	if (kick)
		virtq_kick(&c->virtio, c->control_rx);
	spin_unlock_irqrestore(&c->lock, enabled);
}

/*
 * Waits until the device gives a buffer of q back, or, with `or_closed`, until the port is closed
 * and no buffer came. => true with *len; false: closed.
 */
static bool wait_used(struct port *p, struct virtq *q, bool or_closed, uint32_t *len)
{
	struct console *c = p->console;

	for (unsigned spins = 0;; spins++) {
		if (virtq_take(q, len) >= 0)
			return true;
		control_poll(c);
		/* News before bytes would lose bytes: look once more after reading the news. */
		if (or_closed && p->was_closed)
			return virtq_take(q, len) >= 0;
		if (spins >= SPINS && c->virtio.source != 0) {
			arch_wait();
			plic_serve();
		}
	}
}

static ssize_t port_read(struct stream *s, void *buf, size_t len)
{
	struct port *p = (struct port *)s;
	uint32_t got;

	if (!p->is_posted) {
		if (virtq_add(p->rx, buf, len, true) < 0)
			return -EIO;
		p->is_posted = true;
		virtq_kick(&p->console->virtio, p->rx);
	}
	if (!wait_used(p, p->rx, true, &got))
		return 0;
	p->is_posted = false;
	return (ssize_t)got;
}

static ssize_t port_write(struct stream *s, const void *buf, size_t len)
{
	struct port *p = (struct port *)s;
	uint32_t got;

	if (p->was_closed)
		return -EPIPE;
	if (virtq_add(p->tx, (void *)buf, len, false) < 0)
		return -EIO;
	virtq_kick(&p->console->virtio, p->tx);
	wait_used(p, p->tx, false, &got);
	control_poll(p->console);
	return p->was_closed ? -EPIPE : (ssize_t)len;
}

static unsigned port_poll(struct stream *s)
{
	struct port *p = (struct port *)s;

	control_poll(p->console);
	/* A read may wait for the other side, but ready is the truest answer there is. */
	return POLLIN | POLLRDNORM | (p->was_closed ? POLLHUP : POLLOUT | POLLWRNORM);
}

static const struct stream_ops port_ops = {port_read, port_write, port_poll};

static void on_interrupt(void *ctx)
{
	struct console *c = ctx;

	virtio_ack(&c->virtio);
	control_poll(c);
	for (unsigned n = 0; n < c->nports; n++)
		if (c->ports[n] && c->ports[n]->tty)
			console_tty_serve(c->ports[n]);
}

/* => the console's memory and control queues; NULL: no memory, or not the device we know. */
static struct console *console_create(struct virtio *v)
{
	struct console *c = kzalloc(sizeof *c);

	if (!c || !virtio_negotiate(v, 1 << F_MULTIPORT)) {
		kfree(c);
		return NULL;
	}
	c->virtio = *v;
	spin_init(&c->lock);
	c->nports = virtio_config32(v, CONFIG_MAX_PORTS);
	if (c->nports > PORTS_MAX)
		c->nports = PORTS_MAX;
	/* The device takes all queues as they are when it is told that the driver is ready. */
	for (unsigned n = 0; n < c->nports; n++) {
		c->rx[n] = virtq_create(v, RX_QUEUE(n));
		c->tx[n] = virtq_create(v, TX_QUEUE(n));
	}
	c->control_rx = virtq_create(v, CONTROL_RX);
	c->control_tx = virtq_create(v, CONTROL_TX);
	c->rx_bufs = kmalloc(VIRTQ_SIZE * CONTROL_LEN);
	c->tx_msg = kmalloc(sizeof *c->tx_msg);
	if (!c->control_rx || !c->control_tx || !c->rx_bufs || !c->tx_msg)
		return NULL; /* here: memory ran out at boot, nothing will run */
	return c;
}

void port_open(struct port *p, bool is_used)
{
	struct console *c = p->console;

	spin_lock(&c->lock);
	control_send(c, p->number, PORT_OPEN, is_used);
	spin_unlock(&c->lock);
}

/* Asks for the ports, and opens those that have a name: but a terminal only when it is used. */
static void console_start(struct console *c)
{
	virtio_ready(&c->virtio);
	for (unsigned n = 0; n < c->control_rx->size; n++)
		virtq_add(c->control_rx, c->rx_bufs + n * CONTROL_LEN, CONTROL_LEN, true);
	virtq_kick(&c->virtio, c->control_rx);
	if (c->virtio.source != 0 && !plic_attach(c->virtio.source, on_interrupt, c))
		c->virtio.source = 0;

	spin_lock(&c->lock);
	control_send(c, 0, DEVICE_READY, 1);
	spin_unlock(&c->lock);
	/* A device answers while it reads a message, so each round shows what the last one asked.
	 */
	for (unsigned round = 0; round < SPINS; round++)
		control_poll(c);

	for (unsigned n = 0; n < c->nports; n++) {
		struct port *p = c->ports[n];

		if (!p || !p->name[0] || !p->rx || !p->tx)
			continue;
		/* A terminal types when it likes: without interrupts it would not be heard. */
		if (strcmp(p->name, TTY_NAME) == 0 && c->virtio.source != 0) {
			console_tty_create(p);
			continue;
		}
		p->stream.ops = &port_ops;
		p->stream.driver = p;
		port_open(p, true);
	}
}

void console_init(const struct dt *dt)
{
	struct virtio v;
	unsigned skip = 0;

	while (virtio_find(dt, VIRTIO_ID_CONSOLE, &skip, &v)) {
		struct console *c = console_create(&v);

		if (!c)
			continue;
		console_start(c);
		c->next = consoles;
		consoles = c;
	}
}

bool console_found(void)
{
	return consoles != NULL;
}

struct stream *console_port(const char *name)
{
	for (struct console *c = consoles; c; c = c->next)
		for (unsigned n = 0; n < c->nports; n++)
			if (c->ports[n] && c->ports[n]->stream.ops &&
			    strcmp(c->ports[n]->name, name) == 0)
				return &c->ports[n]->stream;
	return NULL;
}

struct ttyport *console_tty_port(void)
{
	for (struct console *c = consoles; c; c = c->next)
		for (unsigned n = 0; n < c->nports; n++)
			if (c->ports[n] && c->ports[n]->tty)
				return console_tty_line(c->ports[n]);
	return NULL;
}
