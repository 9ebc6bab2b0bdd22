/*
 * A UART of the 16550 family, as a byte stream for all three standard streams.
 */
#ifndef KERNEL_UART_H
#define KERNEL_UART_H

#include "kernel/lib/fdt.h"

struct stream;

/* => the stream, or NULL: the device tree has no such device. */
struct stream *uart_init(const struct dt *dt);

#endif
