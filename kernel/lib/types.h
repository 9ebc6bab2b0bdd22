/*
 * Addresses and numbers of the kernel.
 *
 * Each kind of address is a type of its own, so that a mix-up does not compile.
 * An 8-byte structure of one field is passed in a register: the types are free.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdarg.h>

/* clang-format off */
typedef struct { uint64_t v; } vaddr_t; /* virtual address, user's or kernel's */
typedef struct { uint64_t v; } paddr_t; /* physical address */
typedef struct { uint64_t v; } vpn_t;   /* virtual page number: vaddr >> 12 */
typedef struct { uint64_t v; } pfn_t;   /* physical frame number: paddr >> 12 */
typedef struct { uint64_t v; } pte_t;   /* one page-table entry */
/* clang-format on */

typedef int64_t ssize_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  0x1000UL
#define PAGE_MASK  (PAGE_SIZE - 1)

#define VADDR(x) ((vaddr_t){(uint64_t)(x)})
#define PADDR(x) ((paddr_t){(uint64_t)(x)})
#define VPN(x)   ((vpn_t){(uint64_t)(x)})
#define PFN(x)   ((pfn_t){(uint64_t)(x)})

static inline pfn_t paddr_pfn(paddr_t pa)
{
	return PFN(pa.v >> PAGE_SHIFT);
}

static inline paddr_t pfn_paddr(pfn_t pfn)
{
	return PADDR(pfn.v << PAGE_SHIFT);
}

static inline vpn_t vaddr_vpn(vaddr_t va)
{
	return VPN(va.v >> PAGE_SHIFT);
}

static inline vaddr_t vpn_vaddr(vpn_t vpn)
{
	return VADDR(vpn.v << PAGE_SHIFT);
}

/* Rounding to multiples of a power of two. */
#define ROUND_DOWN(x, a) ((x) & ~((uint64_t)(a)-1))
#define ROUND_UP(x, a)   (((x) + ((uint64_t)(a)-1)) & ~((uint64_t)(a)-1))

#define ARRAY_SIZE(a)                (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, field) ((type *)((char *)(p)-offsetof(type, field)))

#endif
