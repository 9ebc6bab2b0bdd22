/*
 * The console's port `tty`: the line to a terminal (ttyport.h).
 *
 * Input comes when it is typed, not when a program asks: buffers are always with the
 * device, and an interrupt tells that some came back.
 *
 *     buffers with the device --> used --> being taken in --> with the device again
 *                                          rx_slot, rx_at
 *
 * A buffer that the terminal has not taken whole is kept until it has room (resume);
 * those behind it wait in the queue, and the other side sees that there are no more.
 *
 * The port is opened, in the words of the specification, when somebody wants what is
 * typed; that may be when a program first reads. Before, our machine keeps its hands
 * off the user's terminal, and only sends what cannot wait: the characters that mean
 * a signal. (QEMU sends nothing then.) When the programs have stopped it is closed, and
 * the other side opens it anew when they are to go on.
 *
 * Output is copied into buffers that are handed over at once. The device interrupts
 * for them only when all are on their way and somebody waits.
 *
 * Locks. rx_lock is held while input is taken in, so while signals are sent: it comes
 * before the tree's lock. Output is under the lock of the terminal that sends.
 */
#include "kernel/dev/console_port.h"
#include "kernel/dev/ttyport.h"
#include "kernel/lib/lib.h"
#include "kernel/mm/frame/slab.h"

#define RX_LEN       64   /* bytes of a buffer: what is typed, or a piece of what is pasted */
#define TX_LEN       1024 /* of output */
#define NO_INTERRUPT 1    /* in avail.flags */

struct console_tty {
	struct ttyport line; /* first: a line of ours is its console_tty */
	struct port *port;
	bool is_attached, has_hung_up;
	uint32_t is_wanted, is_released; /* 0 or 1; atomic */

	struct spinlock rx_lock;
	uint8_t *rx_bufs; /* VIRTQ_SIZE of RX_LEN: slot n's is the n-th */
	int rx_slot;      /* being taken in; -1: none */
	uint32_t rx_at, rx_len;

	uint8_t *tx_bufs; /* likewise, of TX_LEN */
	bool is_full;     /* `ready` is due */
};

static struct console_tty *tty_of(struct ttyport *line)
{
	return (struct console_tty *)line;
}

/* -- input --------------------------------------------------------------------------------- */

static void post(struct console_tty *c, unsigned slot)
{
	/* here: all other buffers are with the device, or come later: this slot is the lowest free
	 */
	int got = virtq_add(c->port->rx, c->rx_bufs + slot * RX_LEN, RX_LEN, true);

	CHECK3(got, ==, (int)slot);
}

/* Takes in what came, as far as there is room. */
static void receive(struct console_tty *c)
{
	struct virtq *q = c->port->rx;
	bool kick = false;

	spin_lock(&c->rx_lock);
	for (;;) {
		if (c->rx_slot < 0) {
			c->rx_slot = virtq_take(q, &c->rx_len);
			c->rx_at = 0;
		}
		if (c->rx_slot < 0)
			break;
		const uint8_t *from = c->rx_bufs + (unsigned)c->rx_slot * RX_LEN;
		c->rx_at += (uint32_t)c->line.calls->input(c->line.tty, from + c->rx_at,
							   c->rx_len - c->rx_at);
		if (c->rx_at < c->rx_len)
			break;
		post(c, (unsigned)c->rx_slot);
		c->rx_slot = -1;
		kick = true;
	}
	if (kick)
		virtq_kick(&c->port->console->virtio, q);
	spin_unlock(&c->rx_lock);
}

static void tty_resume(struct ttyport *line)
{
	receive(tty_of(line));
}

static void tty_want(struct ttyport *line)
{
	struct console_tty *c = tty_of(line);

	if (__atomic_load_n(&c->is_wanted, __ATOMIC_RELAXED) ||
	    __atomic_exchange_n(&c->is_wanted, 1, __ATOMIC_RELAXED))
		return;
	port_open(c->port, true);
}

static void tty_release(struct ttyport *line)
{
	struct console_tty *c = tty_of(line);

	c->port->was_opened = false;
	__atomic_store_n(&c->is_released, 1, __ATOMIC_RELEASE);
	port_open(c->port, false);
}

/* -- output -------------------------------------------------------------------------------- */

static void take_back(struct virtq *q)
{
	uint32_t len;

	while (virtq_take(q, &len) >= 0)
		;
}

static size_t tty_send(struct ttyport *line, const uint8_t *bytes, size_t n)
{
	struct console_tty *c = tty_of(line);
	struct virtq *q = c->port->tx;
	size_t done = 0;

	take_back(q);
	while (done < n) {
		size_t len = n - done < TX_LEN ? n - done : TX_LEN;

		if (!q->free) {
			/* From now on it interrupts; but what came just before did not. */
			__atomic_store_n(&c->is_full, true, __ATOMIC_RELAXED);
			q->avail.flags = 0;
			__atomic_thread_fence(__ATOMIC_SEQ_CST);
			take_back(q);
			if (!q->free)
				break;
		}
		uint8_t *buf = c->tx_bufs + lowest_bit(q->free) * TX_LEN;
		memcpy(buf, bytes + done, len);
		virtq_add(q, buf, len, false);
		done += len;
		virtq_kick(&c->port->console->virtio, q);
	}
	if (done == n) {
		__atomic_store_n(&c->is_full, false, __ATOMIC_RELAXED);
		q->avail.flags = NO_INTERRUPT;
	}
	return done;
}

/* -- news ---------------------------------------------------------------------------------- */

void console_tty_serve(struct port *p)
{
	struct console_tty *c = p->tty;

	if (!c->is_attached)
		return;
	if (p->has_size) {
		p->has_size = false;
		c->line.calls->resize(c->line.tty, p->rows, p->cols);
	}
	if (p->was_opened && __atomic_exchange_n(&c->is_released, 0, __ATOMIC_ACQUIRE)) {
		if (__atomic_load_n(&c->is_wanted, __ATOMIC_RELAXED))
			port_open(p, true);
		c->line.calls->goes_on(c->line.tty);
	}
	receive(c);
	if (__atomic_load_n(&c->is_full, __ATOMIC_RELAXED))
		c->line.calls->ready(c->line.tty);
	if (p->was_closed && !c->has_hung_up) {
		c->has_hung_up = true;
		c->line.calls->hangup(c->line.tty);
	}
}

static void tty_attach(struct ttyport *line)
{
	struct console_tty *c = tty_of(line);

	for (unsigned slot = 0; slot < c->port->rx->size; slot++)
		post(c, slot);
	c->is_attached = true;
	virtq_kick(&c->port->console->virtio, c->port->rx);
	console_tty_serve(c->port);
}

static const struct ttyport_ops line_ops = {tty_attach, tty_want, tty_send, tty_release,
					    tty_resume};

bool console_tty_create(struct port *p)
{
	struct console_tty *c = kzalloc(sizeof *c);

	if (!c)
		return false;
	c->line.ops = &line_ops;
	c->port = p;
	c->rx_slot = -1;
	spin_init(&c->rx_lock);
	c->rx_bufs = kmalloc(VIRTQ_SIZE * RX_LEN);
	c->tx_bufs = kmalloc(VIRTQ_SIZE * TX_LEN);
	if (!c->rx_bufs || !c->tx_bufs)
		return false; /* here: memory ran out at boot, nothing will run */
	p->tx->avail.flags = NO_INTERRUPT;
	p->tty = c;
	return true;
}

struct ttyport *console_tty_line(struct port *p)
{
	return &p->tty->line;
}
