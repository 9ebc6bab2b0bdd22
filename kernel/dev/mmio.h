/*
 * Registers of devices. Each access is one load or store of that width, in program order with
 * all other device accesses and with the memory that a device reads or writes.
 */
#ifndef KERNEL_MMIO_H
#define KERNEL_MMIO_H

#include "kernel/lib/types.h"

/* Everything before is seen by devices and other harts before anything after. */
static inline void mmio_fence(void)
{
#ifdef __riscv
	__asm__ volatile("fence iorw, iorw" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

static inline uint32_t mmio_read32(const volatile void *reg)
{
	uint32_t v = *(const volatile uint32_t *)reg;

	mmio_fence();
	return v;
}

static inline void mmio_write32(volatile void *reg, uint32_t v)
{
	mmio_fence();
	*(volatile uint32_t *)reg = v;
}

static inline uint8_t mmio_read8(const volatile void *reg)
{
	uint8_t v = *(const volatile uint8_t *)reg;

	mmio_fence();
	return v;
}

static inline void mmio_write8(volatile void *reg, uint8_t v)
{
	mmio_fence();
	*(volatile uint8_t *)reg = v;
}

#endif
