/*
 * What the files of kernel/arch/riscv share with each other, and nobody else
 * sees. Assembler includes it too.
 */
#ifndef KERNEL_RISCV_H
#define KERNEL_RISCV_H

/* Where the image is linked, and loaded (also in kernel.ld). */
#define KERNEL_VA 0xffffffff80200000
#define KERNEL_PA 0x80200000

#define BOOT_STACK_SIZE 0x4000
#define BOOT_HARTIDS    64 /* numbers of harts that can be used: below this */

/* Offsets in structures and bits of arch.h, checked by static assertions in trap.c. */
#define PERCPU_STACK_TOP      0
#define PERCPU_SCRATCH        8
#define PERCPU_BOOT_SATP      16
#define PERCPU_CURRENT        24
#define PERCPU_FRAME          32
#define TF_X(n)               ((n)*8)
#define TF_PC                 256
#define TF_STATUS             264
#define TF_CAUSE              272
#define TF_TVAL               280
#define TF_SIZE               288
#define THREAD_WORK           296 /* behind struct arch_thread */
#define THREAD_WORK_REGISTERS 4

#ifndef __ASSEMBLER__

#include "kernel/arch/arch.h"
#include "kernel/arch/riscv/trapframe.h"
#include "kernel/lib/fdt.h"
#include "rv/csr.h"
#include "rv/pte.h"

_Static_assert(RISCV_KERNEL_VA == KERNEL_VA && RISCV_KERNEL_PA == KERNEL_PA, "inline.h");

static inline struct percpu *percpu(void)
{
	return riscv_percpu;
}

#define csr_read(csr)                                                                              \
	({                                                                                         \
		uint64_t v_;                                                                       \
		__asm__ volatile("csrr %0, %1" : "=r"(v_) : "i"(csr) : "memory");                  \
		v_;                                                                                \
	})
#define csr_write(csr, v) __asm__ volatile("csrw %0, %1" ::"i"(csr), "rK"(v) : "memory")
#define csr_set(csr, v)   __asm__ volatile("csrs %0, %1" ::"i"(csr), "rK"(v) : "memory")
#define csr_clear(csr, v) __asm__ volatile("csrc %0, %1" ::"i"(csr), "rK"(v) : "memory")
#define csr_swap_clear(csr, v)                                                                     \
	({                                                                                         \
		uint64_t v_;                                                                       \
		__asm__ volatile("csrrc %0, %1, %2" : "=r"(v_) : "i"(csr), "rK"(v) : "memory");    \
		v_;                                                                                \
	})

/* -- pt.c -- */
extern unsigned pt_levels;      /* of tables: 3 for Sv39; chosen at boot */
extern uint64_t pt_kernel_root; /* physical address of the kernel's own root */

/* => a cleared frame for a table; 0: none. */
typedef uint64_t pt_table_alloc(void);

/* Chooses the paging mode: from here on arch_kva() and the like hold for it. */
void pt_mode_init(unsigned levels);

/*
 * Maps [va, va + len) of the kernel's half to pa with leaves of `level`, all aligned to it; `bits`
 * are PTE bits beside V, A, D and G. With len 0 makes only the tables above that level.
 * => false: no frame for a table; what was mapped until then stays.
 */
bool pt_map_kernel(uint64_t va, uint64_t pa, uint64_t len, unsigned level, uint64_t bits,
		   pt_table_alloc *alloc);

/* First address of the physical GiB that holds the image: the linear map begins there. */
#define LINEAR_PA (KERNEL_PA >> 30 << 30)

/*
 * One GiB, just below the one that holds the image: half of it is where devices are mapped, half
 * where the kernel's large buffers are.
 */
#define BUFFER_VA_END   ((uint64_t)KERNEL_VA >> 30 << 30)
#define BUFFER_VA_START (BUFFER_VA_END - (1UL << 29))
#define DEVICE_VA_END   BUFFER_VA_START
#define DEVICE_VA_START (DEVICE_VA_END - (1UL << 29))

/* satp for a root table. */
uint64_t pt_satp(uint64_t root);

/* -- entry.S, usercopy.S, page.S, fpu.S -- */
void trap_entry(void);
void secondary_start(void); /* head.S; a0: the hart's number, a1: address of its percpu */
/* => FS is not Off. */
void fpu_save(struct arch_fp *to);
void fpu_restore(const struct arch_fp *from);
extern uint64_t page_cboz_block; /* bytes that a cbo.zero zeroes; 0: do without */

/* -- thread.c -- */
/* A first use of floating point. => false: it was none, the instruction is illegal. */
bool fpu_claim(struct trapframe *tf);

/* -- sbi.c -- */
void sbi_init(void); /* learns what the firmware offers */
void sbi_timer_init(bool has_sstc, uint64_t timebase_hz);
void sbi_finisher_set(volatile uint32_t *finisher);
bool sbi_hart_start(uint64_t hartid, uint64_t pc_pa, uint64_t opaque);
/* Of harts, a set by the kernel's numbers, and one ASID; len UINT64_MAX: all addresses. */
void sbi_flush(uint64_t harts, uint64_t va, uint64_t len, uint32_t asid);
/* The same for the kernel's half, which is in all address spaces. */
void sbi_flush_kernel(uint64_t harts, uint64_t va, uint64_t len);
void sbi_fence_i(uint64_t harts);

/* -- trap.c -- */
void trap_init_hart(void);

/* -- boot.c -- */
extern unsigned boot_nharts;
extern struct percpu boot_percpus[];

#endif
#endif
