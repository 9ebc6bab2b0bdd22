/*
 * Interrupts of devices, as a bare program (bare.h): what the PLIC makes of two sources, and who
 * is interrupted.
 *
 * A case sets priorities, enables and thresholds of both contexts of hart 0 at random, lets the
 * serial port (transmitter empty) and the clock (an alarm long past) raise their lines or not,
 * writes mip.SEIP by any instruction, and runs nothing in a mode until the interrupt is taken.
 * Then all is claimed, acknowledged and completed, one after the other.
 *
 * Devices are acknowledged between claim and completion, as drivers do, and claims are made with
 * the threshold at 0: README.md says why.
 */
#include "rv/csr.h"
#include "test/conform/bare.h"

#define PLIC           0xc000000ul
#define REG(at)        (*(volatile uint32_t *)(at))
#define PRIORITY(s)    REG(PLIC + 4 * (s))
#define PENDING        REG(PLIC + 0x1000)
#define ENABLE(ctx)    REG(PLIC + 0x2000 + 0x80 * (ctx))
#define THRESHOLD(ctx) REG(PLIC + 0x200000 + 0x1000 * (ctx))
#define CLAIM(ctx)     REG(PLIC + 0x200004 + 0x1000 * (ctx))

#define UART      ((volatile uint8_t *)0x10000000)
#define UART_IER  1
#define UART_IIR  2
#define RTC       0x101000ul
#define RTC_ALARM 0x08 /* low half, arms; the high half is behind it */
#define RTC_IRQ   0x10
#define RTC_CLEAR 0x1c

enum { SOURCE_UART = 10, SOURCE_RTC = 11 };

#define EXTERNAL (1 << IRQ_SEIP | 1 << IRQ_MEIP)

static void quiet(unsigned source)
{
	if (source == SOURCE_UART) {
		(void)UART[UART_IIR];
		UART[UART_IER] = 0;
	} else if (source == SOURCE_RTC) {
		REG(RTC + RTC_IRQ) = 0;
		REG(RTC + RTC_CLEAR) = 1;
	}
}

static void raise(unsigned source)
{
	if (source == SOURCE_UART) {
		UART[UART_IER] = 2;
	} else {
		REG(RTC + RTC_ALARM + 4) = 0;
		REG(RTC + RTC_ALARM) = 1;
		REG(RTC + RTC_IRQ) = 1;
	}
}

/* Claims of one context until there is nothing: which, in which order, and what stays pending. */
static void serve(unsigned ctx)
{
	THRESHOLD(ctx) = 0;
	for (unsigned i = 0; i < 3; i++) {
		uint32_t source = CLAIM(ctx);

		fold("claimed", source);
		fold("pending", PENDING);
		fold("mip", csr_get(CSR_MIP) & EXTERNAL);
		quiet(source);
		CLAIM(ctx) = source;
		fold("mip", csr_get(CSR_MIP) & EXTERNAL);
		if (!source)
			break;
	}
}

/* mip.SEIP by any instruction: the line of the PLIC is not written back. */
static void write_mip(void)
{
	uint64_t v = bits() & (1 << IRQ_SEIP | 1 << IRQ_SSIP);

	switch (below(4)) {
	case 0: csr_put(CSR_MIP, v); break;
	case 1: csr_set(CSR_MIP, v | 1 << IRQ_SSIP); break;
	case 2: csr_clear(CSR_MIP, v | 1 << IRQ_SSIP); break;
	default: break;
	}
	fold("written", csr_get(CSR_MIP) & (EXTERNAL | 1 << IRQ_SSIP));
}

void run_setup(void)
{
	*(volatile uint64_t *)0x2004000 = UINT64_MAX; /* CLINT: mtimecmp of hart 0 */
	csr_put(CSR_MIP, 0);
}

void run_case(uint64_t number)
{
	static const uint8_t modes[] = {PRV_U, PRV_S, PRV_M};
	uint64_t fields = MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_MPIE;
	unsigned prv = PICK(modes);
	struct probe p = {.pc = (uint64_t)routines + 16 * R_NOPS,
			  .ra = (uint64_t)return_stub,
			  .exit = EXIT_ECALL,
			  .jump = prv == PRV_M,
			  .mie = bits() & (EXTERNAL | 1 << IRQ_SSIP)};
	unsigned first = below(2);

	(void)number;
	csr_put(CSR_STVEC, (uint64_t)s_table | below(2));
	csr_put(CSR_MTVEC, (uint64_t)m_table | below(2));
	csr_put(CSR_MIDELEG, bits() & (1 << IRQ_SEIP | 1 << IRQ_SSIP));
	PRIORITY(SOURCE_UART) = below(16);
	PRIORITY(SOURCE_RTC) = below(3) ? below(8) : PRIORITY(SOURCE_UART);
	for (unsigned ctx = 0; ctx < 2; ctx++) {
		ENABLE(ctx) = below(4) << SOURCE_UART;
		THRESHOLD(ctx) = below(3) ? 0 : below(8);
		note("enable", ENABLE(ctx));
		note("threshold", THRESHOLD(ctx));
	}
	note("priority", PRIORITY(SOURCE_UART) << 4 | PRIORITY(SOURCE_RTC));
	for (unsigned source = SOURCE_UART; source <= SOURCE_RTC; source++)
		if (below(3))
			raise(source);
	fold("pending", PENDING);
	fold("mip", csr_get(CSR_MIP) & EXTERNAL);
	write_mip();

	p.mstatus = (bits() & fields) | (uint64_t)prv << MSTATUS_MPP_SHIFT |
		    (uint64_t)2 << MSTATUS_UXL_SHIFT;
	if (prv == PRV_M)
		p.mstatus |= below(2) ? MSTATUS_MIE : 0;
	note("prv", prv);
	note("mstatus", p.mstatus);
	note("mie", p.mie);
	probe(&p);
	fold("cause", p.m_cause);
	fold("epc", p.m_epc);
	fold("slot", p.m_slot);
	fold("ip", p.m_ip & (EXTERNAL | 1 << IRQ_SSIP));
	fold("in_s", p.in_s);
	if (p.in_s) {
		fold("s_cause", p.s_cause);
		fold("s_slot", p.s_slot);
	}

	serve(first);
	write_mip();
	serve(!first);
	quiet(SOURCE_UART);
	quiet(SOURCE_RTC);
	/* What was enabled nowhere is still pending: it goes, so that the next case begins anew. */
	for (unsigned source = SOURCE_UART; source <= SOURCE_RTC; source++)
		PRIORITY(source) = 1;
	ENABLE(0) = 3 << SOURCE_UART;
	serve(0);
	csr_put(CSR_MIP, 0);
	csr_put(CSR_MIDELEG, 0);
}
