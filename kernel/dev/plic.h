/*
 * The platform-level interrupt controller. Theory: plic.c.
 */
#ifndef KERNEL_PLIC_H
#define KERNEL_PLIC_H

#include "kernel/lib/fdt.h"

/* Finds the controller in the device tree; without one, devices are polled. */
void plic_init(const struct dt *dt);

/*
 * Has `handler(ctx)` called for a source's interrupts, on the boot hart.
 * => false: no controller, or too many handlers; the device must be polled.
 */
bool plic_attach(unsigned source, void (*handler)(void *ctx), void *ctx);

/* Serves all interrupts that are pending for this hart. */
void plic_serve(void);

#endif
