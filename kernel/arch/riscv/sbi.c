/*
 * The firmware below (RISC-V SBI 2.0), time, and the end of the run.
 *
 * An SBI call is an ECALL with the extension in a7 and the function in a6; it
 * answers with an error in a0 and a value in a1. Two extensions of version 0.1
 * have neither: the console's is used where there is no debug console.
 *
 * Time is the hart's `time` counter. The timer is the hart's own comparator
 * where it has one (Sstc), else the firmware's TIME extension.
 */
#include "kernel/arch/riscv/riscv.h"
#include "kernel/lib/lib.h"
#include "abi/board.h"

#define SBI_LEGACY_PUTCHAR 0x01
#define SBI_BASE           0x10
#define SBI_TIME           0x54494d45 /* "TIME" */
#define SBI_IPI            0x735049   /* "sPI" */
#define SBI_RFENCE         0x52464e43 /* "RFNC" */
#define SBI_HSM            0x48534d   /* "HSM" */
#define SBI_SRST           0x53525354 /* "SRST" */
#define SBI_DBCN           0x4442434e /* "DBCN" */

#define BASE_PROBE      3
#define DBCN_WRITE_BYTE 2
#define TIME_SET_TIMER  0
#define SRST_RESET      0
#define IPI_SEND        0
#define RFENCE_FENCE_I  0
#define RFENCE_VMA      1
#define RFENCE_VMA_ASID 2
#define HSM_START       0

#define NS_PER_S 1000000000UL

static bool has_dbcn, has_srst, has_sstc;
static uint64_t timebase_hz = BOARD_TIMEBASE_HZ;
static uint64_t ns_per_tick; /* 0: not a whole number */
static uint64_t boot_ticks;
static volatile uint32_t *finisher;

struct sbi_result {
	int64_t error, value;
};

static struct sbi_result sbi_call5(uint64_t extension, uint64_t function, uint64_t arg0,
				   uint64_t arg1, uint64_t arg2, uint64_t arg3, uint64_t arg4)
{
	register uint64_t a0 __asm__("a0") = arg0;
	register uint64_t a1 __asm__("a1") = arg1;
	register uint64_t a2 __asm__("a2") = arg2;
	register uint64_t a3 __asm__("a3") = arg3;
	register uint64_t a4 __asm__("a4") = arg4;
	register uint64_t a6 __asm__("a6") = function;
	register uint64_t a7 __asm__("a7") = extension;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_result){(int64_t)a0, (int64_t)a1};
}

static struct sbi_result sbi_call(uint64_t extension, uint64_t function, uint64_t arg0,
				  uint64_t arg1)
{
	return sbi_call5(extension, function, arg0, arg1, 0, 0, 0);
}

static bool sbi_has(uint64_t extension)
{
	struct sbi_result r = sbi_call(SBI_BASE, BASE_PROBE, extension, 0);

	return r.error == 0 && r.value != 0;
}

void sbi_init(void)
{
	has_dbcn = sbi_has(SBI_DBCN);
	has_srst = sbi_has(SBI_SRST);
}

void arch_putc(char c)
{
	if (has_dbcn)
		sbi_call(SBI_DBCN, DBCN_WRITE_BYTE, (uint8_t)c, 0);
	else
		sbi_call(SBI_LEGACY_PUTCHAR, 0, (uint8_t)c, 0);
}

/* -- time ---------------------------------------------------------------------------------- */

void sbi_timer_init(bool sstc, uint64_t hz)
{
	has_sstc = sstc;
	timebase_hz = hz;
	ns_per_tick = NS_PER_S % hz == 0 ? NS_PER_S / hz : 0;
	boot_ticks = csr_read(CSR_TIME);
	arch_timer_set(UINT64_MAX);
}

/* The common case is a whole number of nanoseconds in a tick. */
uint64_t arch_time_ns(void)
{
	uint64_t ticks = csr_read(CSR_TIME) - boot_ticks;

	if (ns_per_tick)
		return ticks * ns_per_tick;
	return ticks / timebase_hz * NS_PER_S + ticks % timebase_hz * NS_PER_S / timebase_hz;
}

void arch_vdso_data(struct arch_vdso_data *out)
{
	out->boot_ticks = boot_ticks;
	out->ns_per_tick = ns_per_tick;
}

void arch_timer_set(uint64_t time_ns)
{
	uint64_t seconds, rest, ticks;

	if (percpu()->timer_ns == time_ns)
		return;
	percpu()->timer_ns = time_ns;
	seconds = time_ns / NS_PER_S;
	rest = time_ns % NS_PER_S;
	ticks = boot_ticks + seconds * timebase_hz + (rest * timebase_hz + NS_PER_S - 1) / NS_PER_S;
	if (time_ns == UINT64_MAX) {
		csr_clear(CSR_SIE, 1UL << IRQ_STIP);
		ticks = UINT64_MAX;
	}
	if (has_sstc)
		csr_write(CSR_STIMECMP, ticks);
	else
		sbi_call(SBI_TIME, TIME_SET_TIMER, ticks, 0);
	if (time_ns != UINT64_MAX)
		csr_set(CSR_SIE, 1UL << IRQ_STIP);
}

/* -- other harts --------------------------------------------------------------------------- */

/* => the set, which the kernel's numbers name, in the hardware's numbers (below 64). */
static uint64_t hart_mask(uint64_t harts)
{
	uint64_t mask = 0;

	for (; harts; harts &= harts - 1)
		mask |= 1UL << boot_percpus[lowest_bit(harts)].hartid;
	return mask;
}

bool sbi_hart_start(uint64_t hartid, uint64_t pc_pa, uint64_t opaque)
{
	return sbi_call5(SBI_HSM, HSM_START, hartid, pc_pa, opaque, 0, 0).error == 0;
}

void arch_ipi(unsigned hart)
{
	sbi_call(SBI_IPI, IPI_SEND, 1UL << boot_percpus[hart].hartid, 0);
}

void sbi_flush(uint64_t harts, uint64_t va, uint64_t len, uint32_t asid)
{
	sbi_call5(SBI_RFENCE, RFENCE_VMA_ASID, hart_mask(harts), 0, len == UINT64_MAX ? 0 : va, len,
		  asid);
}

void sbi_flush_kernel(uint64_t harts, uint64_t va, uint64_t len)
{
	sbi_call5(SBI_RFENCE, RFENCE_VMA, hart_mask(harts), 0, va, len, 0);
}

void sbi_fence_i(uint64_t harts)
{
	sbi_call5(SBI_RFENCE, RFENCE_FENCE_I, hart_mask(harts), 0, 0, 0, 0);
}

/* -- the end ------------------------------------------------------------------------------- */

void sbi_finisher_set(volatile uint32_t *reg)
{
	finisher = reg;
}

_Noreturn void arch_shutdown(unsigned status)
{
	arch_irq_disable();
	if (finisher)
		*finisher = status ? status << 16 | FINISHER_FAIL : FINISHER_PASS;
	/* here: the board has no finisher; the firmware can only tell good from bad */
	if (has_srst)
		sbi_call(SBI_SRST, SRST_RESET, 0, status != 0);
	for (;;)
		__asm__ volatile("wfi");
}
