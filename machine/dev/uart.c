/*
 * The serial port: an NS16550A with its registers one byte apart.
 *
 * Transmission takes no time: a byte stored to THR is on the host's UART stream at once, so THR
 * is always empty. Reception is a 16-byte FIFO. Baud rate, line format and modem lines are
 * registers without effect.
 *
 * Input is asked of the host when the guest *listens*: its FIFO is empty, and either the interrupt
 * for received data is enabled, or LSR was read LISTEN_READS times in a row and nothing else
 * done, as a program does that waits for a key, or the firmware was asked for input in vain. Then
 * the host is asked at the next multiple of UART_POLL_NS, and at each one after that until
 * something comes; so what is typed or piped before the guest is ready is not lost, and when it
 * arrives does not depend on the host's speed if the host waits for it, as it does with a file or a
 * pipe.
 *
 *   offset  read        write       with LCR.DLAB
 *     0     RBR         THR         DLL
 *     1     IER         IER         DLM
 *     2     IIR         FCR
 *     3     LCR         LCR
 *     4     MCR         MCR
 *     5     LSR         -
 *     6     MSR         -
 *     7     SCR         SCR
 *
 * I1. The interrupt line is high exactly while an enabled cause is pending: data received, or
 *     THR empty. The latter is an event: it is pending after IER enables it and after each
 *     byte sent, until IIR is read and shows it.
 * I2. next_poll is UINT64_MAX exactly while the guest does not listen, or the host has no input.
 *
 * Source: National Semiconductor PC16550D data sheet, section 8.
 */
#include <string.h>

#include "machine/machine_state.h"

#define UART_FIFO 16

/*
 * A FIFO every 100 us is ten times what 115200 baud carries; at some 300 steps a microsecond of the
 * host, asking costs nothing that could be measured.
 */
#define UART_POLL_NS 100000
#define LISTEN_READS 16

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX        0x01
#define IER_TX        0x02
#define IIR_NONE      0x01
#define IIR_TX        0x02
#define IIR_RX        0x04
#define IIR_FIFOS     0xc0
#define FCR_ENABLE    0x01
#define FCR_CLEAR_RX  0x02
#define LCR_DLAB      0x80
#define LSR_READY     0x01
#define LSR_TX_EMPTY  0x60 /* THR and transmitter */
#define MSR_CONNECTED 0xb0 /* carrier, data set ready, clear to send */

struct uart {
	struct machine *m;
	uint8_t ier, lcr, mcr, scr, fcr, dll, dlm;
	bool tx_event; /* "THR empty" is pending */
	uint8_t rx[UART_FIFO];
	unsigned rx_head, rx_count;
	unsigned lsr_reads; /* in a row, up to LISTEN_READS */
	bool wanted;        /* uart_take found nothing, and nothing has come since */
	bool ended;         /* the host has no more input */
	uint64_t next_poll; /* clock */
};

static uint8_t uart_cause(const struct uart *u)
{
	if ((u->ier & IER_RX) && u->rx_count)
		return IIR_RX;
	if ((u->ier & IER_TX) && u->tx_event)
		return IIR_TX;
	return IIR_NONE;
}

static bool listens(const struct uart *u)
{
	return u->m->host.uart_read && !u->ended && !u->rx_count &&
	       ((u->ier & IER_RX) || u->lsr_reads == LISTEN_READS || u->wanted);
}

/* The first moment after `clock` at which the host is asked. */
static uint64_t poll_after(uint64_t clock)
{
	return (clock / UART_POLL_NS + 1) * UART_POLL_NS;
}

/* What follows from the registers: the interrupt line, and whether the host is to be asked. */
static void uart_update(struct uart *u)
{
	plic_set_level(u->m, BOARD_IRQ_UART, uart_cause(u) != IIR_NONE);
	if (!listens(u)) {
		u->next_poll = UINT64_MAX;
	} else if (u->next_poll == UINT64_MAX) {
		u->next_poll = poll_after(machine_now(u->m));
		if (u->m->current)
			u->m->current->leave = true; /* its turn may have to end earlier */
	}
}

uint64_t uart_deadline(const struct machine *m)
{
	return m->uart->next_poll;
}

void uart_poll(struct machine *m, uint64_t clock)
{
	struct uart *u = m->uart;
	uint8_t bytes[UART_FIFO];
	long n;

	if (u->next_poll == UINT64_MAX)
		return;
	n = m->host.uart_read(m->host.ctx, bytes, sizeof(bytes));
	if (n < 0)
		u->ended = true;
	u->next_poll = poll_after(clock);
	uart_input(m, bytes, n > 0 ? (size_t)n : 0);
}

static uint8_t uart_receive(struct uart *u)
{
	uint8_t byte;

	if (!u->rx_count)
		return 0;
	byte = u->rx[u->rx_head];
	u->rx_head = (u->rx_head + 1) % UART_FIFO;
	u->rx_count--;
	return byte;
}

size_t uart_take(struct machine *m, void *buf, size_t len)
{
	struct uart *u = m->uart;
	uint8_t *to = buf;
	size_t n = 0;

	u->wanted = len && !u->rx_count;
	while (n < len && u->rx_count)
		to[n++] = uart_receive(u);
	uart_update(u);
	return n;
}

static bool uart_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	struct uart *u = self;
	uint8_t value = 0;

	if (offset != REG_LSR)
		u->lsr_reads = 0;
	else if (u->lsr_reads < LISTEN_READS)
		u->lsr_reads++;
	switch (offset) {
	case REG_DATA: value = u->lcr & LCR_DLAB ? u->dll : uart_receive(u); break;
	case REG_IER: value = u->lcr & LCR_DLAB ? u->dlm : u->ier; break;
	case REG_IIR:
		value = uart_cause(u);
		if (value == IIR_TX)
			u->tx_event = false;
		if (u->fcr & FCR_ENABLE)
			value |= IIR_FIFOS;
		break;
	case REG_LCR: value = u->lcr; break;
	case REG_MCR: value = u->mcr; break;
	case REG_LSR: value = LSR_TX_EMPTY | (u->rx_count ? LSR_READY : 0); break;
	case REG_MSR: value = MSR_CONNECTED; break;
	case REG_SCR: value = u->scr; break;
	}
	uart_update(u);
	*out = value;
	return true;
}

static bool uart_store(void *self, uint64_t offset, unsigned size, uint64_t wide)
{
	struct uart *u = self;
	uint8_t value = (uint8_t)wide;

	u->lsr_reads = 0;
	switch (offset) {
	case REG_DATA:
		if (u->lcr & LCR_DLAB) {
			u->dll = value;
			break;
		}
		machine_emit(u->m, STREAM_UART, &value, 1);
		u->tx_event = true;
		break;
	case REG_IER:
		if (u->lcr & LCR_DLAB) {
			u->dlm = value;
			break;
		}
		if ((value & IER_TX) && !(u->ier & IER_TX))
			u->tx_event = true;
		u->ier = value & 0x0f;
		break;
	case REG_IIR:
		u->fcr = value & 0xc9;
		if (value & FCR_CLEAR_RX)
			u->rx_count = 0;
		break;
	case REG_LCR: u->lcr = value; break;
	case REG_MCR: u->mcr = value & 0x1f; break;
	case REG_SCR: u->scr = value; break;
	}
	uart_update(u);
	return true;
}

static void uart_hash(void *self, uint64_t *h)
{
	const struct uart *u = self;
	uint64_t state[] = {u->ier,    u->lcr,   u->mcr,      u->scr,      u->fcr,
			    u->dll,    u->dlm,   u->tx_event, u->rx_count, u->lsr_reads,
			    u->wanted, u->ended, u->next_poll};

	machine_hash_bytes(h, state, sizeof(state));
	for (unsigned i = 0; i < u->rx_count; i++)
		machine_hash_bytes(h, &u->rx[(u->rx_head + i) % UART_FIFO], 1);
}

size_t uart_input(struct machine *m, const void *buf, size_t len)
{
	struct uart *u = m->uart;
	const uint8_t *p = buf;
	size_t taken = 0;

	u->wanted &= len == 0;
	while (taken < len && u->rx_count < UART_FIFO)
		u->rx[(u->rx_head + u->rx_count++) % UART_FIFO] = p[taken++];
	uart_update(u);
	return taken;
}

bool uart_create(struct machine *m)
{
	struct uart *u = machine_zalloc(m, sizeof(*u));

	if (!u)
		return false;
	u->m = m;
	u->next_poll = UINT64_MAX;
	m->uart = u;
	bus_attach(m, &(struct bus_device){
			  .name = "uart",
			  .base = BOARD_UART_BASE,
			  .size = BOARD_UART_SIZE,
			  .self = u,
			  .load = uart_load,
			  .store = uart_store,
			  .hash = uart_hash,
		      });
	return true;
}
