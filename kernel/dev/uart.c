/*
 * The 16550 UART, polled: where the machine has no virtio console, it serves as
 * standard input and output. Bytes pass as they are; there is no end of input
 * and no line editing.
 */
#include "kernel/dev/uart.h"
#include "kernel/arch/arch.h"
#include "kernel/dev/mmio.h"
#include "kernel/dev/stream.h"
#include "kernel/lib/lib.h"
#include "abi/linux.h"

#define REG_DATA 0
#define REG_LSR  5
#define LSR_DR   0x01 /* a byte has come */
#define LSR_THRE 0x20 /* a byte may be sent */

static volatile uint8_t *regs;
static struct stream stream;

static ssize_t uart_read(struct stream *s, void *buf, size_t len)
{
	uint8_t *to = buf;
	size_t n = 0;

	(void)s;
	while (n == 0)
		while (n < len && (mmio_read8(regs + REG_LSR) & LSR_DR))
			to[n++] = mmio_read8(regs + REG_DATA);
	return (ssize_t)n;
}

static ssize_t uart_write(struct stream *s, const void *buf, size_t len)
{
	const uint8_t *from = buf;

	(void)s;
	for (size_t n = 0; n < len; n++) {
		while (!(mmio_read8(regs + REG_LSR) & LSR_THRE))
			;
		mmio_write8(regs + REG_DATA, from[n]);
	}
	return (ssize_t)len;
}

static unsigned uart_poll(struct stream *s)
{
	(void)s;
	return POLLOUT | POLLWRNORM |
	       (mmio_read8(regs + REG_LSR) & LSR_DR ? POLLIN | POLLRDNORM : 0);
}

static const struct stream_ops uart_ops = {uart_read, uart_write, uart_poll};

struct stream *uart_init(const struct dt *dt)
{
	struct dt_node node;
	uint64_t base, size;

	if (!dt_find_compatible(dt, "ns16550a", &node) || !dt_reg(dt, &node, 0, &base, &size))
		return NULL;
	regs = arch_map_device(PADDR(base), size);
	if (!regs)
		return NULL;
	stream.ops = &uart_ops;
	mutex_init(&stream.lock);
	return &stream;
}
