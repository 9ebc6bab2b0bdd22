/*
 * The platform-level interrupt controller (RISC-V PLIC specification 1.0).
 *
 * Devices raise *sources*, numbered from 1. A *context* is a hart in a privilege
 * mode; for each there are enable bits, a threshold and a claim register. Reading
 * claim gives the most urgent pending source and takes it; writing its number
 * back completes it.
 *
 *     offset 4 * source                        priority; 0 is never delivered
 *     0x2000   + 0x80 * context + source / 8   enable bits
 *     0x200000 + 0x1000 * context              threshold, + 4 claim and complete
 *
 * Which context is a hart's supervisor mode is told by the device tree: the n-th
 * pair of `interrupts-extended` is context n, and its second word is the cause
 * number, 9 for supervisor external interrupts.
 */
#include "kernel/dev/plic.h"
#include "kernel/arch/arch.h"
#include "kernel/dev/mmio.h"
#include "kernel/lib/lib.h"

#define MAX_HANDLERS         16
#define CAUSE_SUPERVISOR_EXT 9
#define ENABLE_BASE          0x2000
#define ENABLE_STRIDE        0x80
#define CONTEXT_BASE         0x200000
#define CONTEXT_STRIDE       0x1000
#define CLAIM                4      /* in a context's registers */
#define MAX_SOURCES          1024   /* the specification's */
#define PRIORITY_SIZE        0x1000 /* 4 bytes each */

/* The three pages of registers in use; claim NULL: there is no controller. */
static volatile uint8_t *priority, *enable, *claim;

static struct {
	unsigned source;
	void (*handler)(void *ctx);
	void *ctx;
} handlers[MAX_HANDLERS];
static unsigned nhandlers;

/* => the number of the first supervisor context after `skip` others; -1: none. */
static int supervisor_context(const uint8_t *pairs, uint32_t len, unsigned skip)
{
	for (uint32_t n = 0; (n + 1) * 8 <= len; n++) {
		const uint8_t *cause = pairs + n * 8 + 4;

		if (cause[0] || cause[1] || cause[2] || cause[3] != CAUSE_SUPERVISOR_EXT)
			continue;
		if (skip-- == 0)
			return (int)n;
	}
	return -1;
}

void plic_init(const struct dt *dt)
{
	struct dt_node node;
	uint64_t base, size;
	uint32_t len;

	if (!dt_find_compatible(dt, "riscv,plic0", &node) &&
	    !dt_find_compatible(dt, "sifive,plic-1.0.0", &node))
		return;
	const uint8_t *pairs = dt_prop(dt, &node, "interrupts-extended", &len);
	if (!pairs || !dt_reg(dt, &node, 0, &base, &size))
		return;
	int n = supervisor_context(pairs, len, arch_hart());
	if (n < 0 || size < CONTEXT_BASE + ((unsigned)n + 1) * CONTEXT_STRIDE)
		return;
	uint64_t enable_at = base + ENABLE_BASE + (unsigned)n * ENABLE_STRIDE;
	priority = arch_map_device(PADDR(base), PRIORITY_SIZE);
	enable = arch_map_device(PADDR(enable_at), ENABLE_STRIDE);
	claim = arch_map_device(PADDR(base + CONTEXT_BASE + (unsigned)n * CONTEXT_STRIDE),
				CONTEXT_STRIDE);
	if (!priority || !enable)
		claim = NULL;
	if (claim)
		mmio_write32(claim, 0);
}

bool plic_attach(unsigned source, void (*handler)(void *ctx), void *ctx)
{
	volatile uint8_t *word = enable + source / 32 * 4;

	if (!claim || source >= MAX_SOURCES || nhandlers == MAX_HANDLERS)
		return false;
	handlers[nhandlers].source = source;
	handlers[nhandlers].handler = handler;
	handlers[nhandlers++].ctx = ctx;
	mmio_write32(priority + 4 * source, 1);
	mmio_write32(word, mmio_read32(word) | 1u << source % 32);
	return true;
}

void plic_serve(void)
{
	uint32_t source;

	if (!claim)
		return;
	while ((source = mmio_read32(claim + CLAIM)) != 0) {
		for (unsigned n = 0; n < nhandlers; n++)
			if (handlers[n].source == source)
				handlers[n].handler(handlers[n].ctx);
		mmio_write32(claim + CLAIM, source);
	}
}
