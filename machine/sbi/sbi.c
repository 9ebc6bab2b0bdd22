/*
 * The firmware below a supervisor: SBI 2.0, answered by the machine itself.
 *
 * There is no M-mode code. An ECALL from S-mode is a call of sbi_call, which reads a7
 * (extension), a6 (function) and a0 to a5, and leaves an error in a0 and a value in a1. It takes
 * one step, like any instruction that traps.
 *
 *   base      what there is                  HSM       start, stop and suspend harts
 *   TIME      set_timer                      SRST      shut down, reset
 *   IPI       send_ipi                       DBCN      a console for first lines and panics
 *   RFENCE    fences on other harts          legacy    0 to 8, as in SBI 0.1
 *
 * The console is the serial port: its stream, and what its receiver holds.
 *
 * Fences take effect at once: only one hart runs at a time, and the others are between two
 * instructions.
 *
 * A set of harts is (mask, base): bit i stands for hart base + i; base = -1 means all.
 *
 * Source: RISC-V Supervisor Binary Interface Specification 2.0.
 */
#include <string.h>

#include "machine/hart/code.h"
#include "machine/machine_state.h"
#include "machine/mmu/pmp.h"
#include "rv/pte.h"

#define SBI_VERSION                0x02000000 /* 2.0 */
#define SBI_IMPLEMENTATION         0x44504d4c /* "LMPD": no number of the specification's list */
#define SBI_IMPLEMENTATION_VERSION 1

/* The machine's exit status after a shutdown for a failure: env's and nohup's for their own. */
#define FAILURE_STATUS 125

/* A fence of more pages than this flushes the whole address space; the effect is a superset. */
#define FENCE_MAX_PAGES 64

enum sbi_error {
	SBI_SUCCESS = 0,
	SBI_FAILED = -1,
	SBI_NOT_SUPPORTED = -2,
	SBI_INVALID_PARAM = -3,
	SBI_INVALID_ADDRESS = -5,
	SBI_ALREADY_AVAILABLE = -6,
};

enum sbi_extension {
	EXT_LEGACY_SET_TIMER = 0,
	EXT_LEGACY_PUTCHAR = 1,
	EXT_LEGACY_GETCHAR = 2,
	EXT_LEGACY_CLEAR_IPI = 3,
	EXT_LEGACY_SEND_IPI = 4,
	EXT_LEGACY_FENCE_I = 5,
	EXT_LEGACY_SFENCE_VMA = 6,
	EXT_LEGACY_SFENCE_VMA_ASID = 7,
	EXT_LEGACY_SHUTDOWN = 8,
	EXT_BASE = 0x10,
	EXT_TIME = 0x54494d45,
	EXT_IPI = 0x735049,
	EXT_RFENCE = 0x52464e43,
	EXT_HSM = 0x48534d,
	EXT_SRST = 0x53525354,
	EXT_DBCN = 0x4442434e,
};

enum { HSM_STARTED = 0, HSM_STOPPED = 1, HSM_SUSPENDED = 4 };

struct sbi_result {
	long error;
	uint64_t value;
};

static struct sbi_result error(enum sbi_error e)
{
	return (struct sbi_result){e, 0};
}

static struct sbi_result success(uint64_t value)
{
	return (struct sbi_result){SBI_SUCCESS, value};
}

/* -- sets of harts ------------------------------------------------------------------------ */

static uint64_t all_harts(const struct machine *m)
{
	return (1ull << m->cfg.harts) - 1;
}

/* => false: the set names a hart that does not exist. Else bit i of *out is hart i. */
static bool hart_set(const struct machine *m, uint64_t mask, uint64_t base, uint64_t *out)
{
	if (base == UINT64_MAX) {
		*out = all_harts(m);
		return true;
	}
	if (mask == 0) {
		*out = 0;
		return base < m->cfg.harts;
	}
	if (base >= m->cfg.harts || mask > all_harts(m) >> base)
		return false;
	*out = mask << base;
	return true;
}

/* Of the legacy calls: the mask lies in memory, at a virtual address; NULL means all. */
static uint64_t legacy_hart_set(const struct hart *h, uint64_t va)
{
	struct walk_view view;
	uint64_t mask, pa = va;

	if (va == 0)
		return all_harts(h->m);
	machine_walk_view(h->m, h->satp, vaddr(va), &view);
	if (view.levels) {
		if (!view.leaf)
			return 0;
		pa = view.pa;
	}
	if (!machine_ram_read(h->m, paddr(pa), &mask, sizeof(mask)))
		return 0;
	return mask & all_harts(h->m);
}

#define for_each_hart(m, h, set)                                                                   \
	for (struct hart *h = (m)->harts; h < (m)->harts + (m)->cfg.harts; h++)                    \
		if ((set) >> h->id & 1)

/* -- timer, interrupts, fences ------------------------------------------------------------ */

static void set_timer(struct hart *h, uint64_t ticks)
{
	if (h->menvcfg & MENVCFG_STCE) {
		h->stimecmp = ticks;
	} else {
		h->m->sbi_timer[h->id] = ticks;
		hart_set_irq(h, IRQ_STIP, false);
	}
	hart_timer_update(h);
	h->leave = true; /* the deadline may have moved */
}

static void send_ipi(struct machine *m, uint64_t set)
{
	for_each_hart(m, t, set) hart_set_irq(t, IRQ_SSIP, true);
}

/* `asid` is NULL for all address spaces. */
static void fence_hart(struct hart *t, uint64_t start, uint64_t size, const uint64_t *asid)
{
	uint64_t first = start & ~(uint64_t)(RV_PAGE_SIZE - 1), npages;

	npages = (start - first + size + RV_PAGE_SIZE - 1) / RV_PAGE_SIZE;
	if ((start == 0 && size == 0) || size > (uint64_t)FENCE_MAX_PAGES * RV_PAGE_SIZE) {
		if (asid)
			mmu_flush_asid(t, (unsigned)(*asid & SATP_ASID_MASK));
		else
			mmu_flush_all(t);
		return;
	}
	for (uint64_t i = 0; i < npages; i++) {
		if (asid)
			mmu_flush_page_asid(t, first + i * RV_PAGE_SIZE,
					    (unsigned)(*asid & SATP_ASID_MASK));
		else
			mmu_flush_page(t, first + i * RV_PAGE_SIZE);
	}
}

static void fence(struct machine *m, uint64_t set, uint64_t start, uint64_t size,
		  const uint64_t *asid)
{
	for_each_hart(m, t, set) fence_hart(t, start, size, asid);
}

static struct sbi_result call_rfence(struct hart *h, uint64_t fid, const uint64_t *a)
{
	uint64_t set, end;

	if (fid > 2)
		return error(SBI_NOT_SUPPORTED); /* the hypervisor's */
	if (!hart_set(h->m, a[0], a[1], &set))
		return error(SBI_INVALID_PARAM);
	if (fid == 0) {
		code_flush(h->m);
		return success(0);
	}
	if (a[3] != UINT64_MAX && __builtin_add_overflow(a[2], a[3], &end) && end != 0)
		return error(SBI_INVALID_ADDRESS);
	fence(h->m, set, a[2], a[3], fid == 2 ? &a[4] : NULL);
	return success(0);
}

/* -- harts -------------------------------------------------------------------------------- */

void sbi_enter_supervisor(struct hart *h, uint64_t pc, uint64_t a1)
{
	hart_reset(h); /* its clock and counters go on */
	h->pc = pc;
	h->prv = PRV_S;
	h->x[10] = h->id;
	h->x[11] = a1;
	/* All that a supervisor can serve is its own; its calls come here. */
	h->medeleg = 1 << CAUSE_FETCH_MISALIGNED | 1 << CAUSE_FETCH_ACCESS | 1 << CAUSE_ILLEGAL |
		     1 << CAUSE_BREAKPOINT | 1 << CAUSE_LOAD_MISALIGNED | 1 << CAUSE_LOAD_ACCESS |
		     1 << CAUSE_STORE_MISALIGNED | 1 << CAUSE_STORE_ACCESS | 1 << CAUSE_ECALL_U |
		     1 << CAUSE_FETCH_PAGE | 1 << CAUSE_LOAD_PAGE | 1 << CAUSE_STORE_PAGE;
	h->mideleg = 1 << IRQ_SSIP | 1 << IRQ_STIP | 1 << IRQ_SEIP;
	h->mcounteren = h->scounteren = COUNTEREN_CY | COUNTEREN_TM | COUNTEREN_IR;
	h->menvcfg = MENVCFG_STCE | ENVCFG_CBIE | ENVCFG_CBCFE | ENVCFG_CBZE;
	if (!h->m->cfg.no_svadu)
		h->menvcfg |= MENVCFG_ADUE;
	h->mtimecmp = h->stimecmp = h->m->sbi_timer[h->id] = UINT64_MAX;
	h->m->sbi_suspended[h->id] = false;
	h->status = HART_RUNNING;
	pmp_open(h);
	mmu_mode_changed(h);
	hart_timer_update(h);
}

static struct sbi_result hart_start(struct hart *h, uint64_t id, uint64_t pc, uint64_t opaque)
{
	struct hart *t;

	if (id >= h->m->cfg.harts)
		return error(SBI_INVALID_PARAM);
	t = &h->m->harts[id];
	if (t->status != HART_STOPPED)
		return error(SBI_ALREADY_AVAILABLE);
	if (pc % 2 || !bus_dma(h->m, pc, 2, false))
		return error(SBI_INVALID_ADDRESS);
	if (t->clock < h->clock)
		t->clock = h->clock;
	sbi_enter_supervisor(t, pc, opaque);
	h->leave = true; /* from now on there are turns to take */
	return success(0);
}

static struct sbi_result hart_status(const struct machine *m, uint64_t id)
{
	if (id >= m->cfg.harts)
		return error(SBI_INVALID_PARAM);
	if (m->harts[id].status == HART_STOPPED)
		return success(HSM_STOPPED);
	return success(m->sbi_suspended[id] ? HSM_SUSPENDED : HSM_STARTED);
}

static struct sbi_result hart_suspend(struct hart *h, uint64_t type)
{
	type &= 0xffffffff;
	if (type == 0x80000000)
		return error(SBI_NOT_SUPPORTED); /* non-retentive */
	if (type != 0)
		return error(SBI_INVALID_PARAM);
	h->status = HART_WAITING;
	h->m->sbi_suspended[h->id] = true;
	h->leave = true;
	return success(0);
}

static struct sbi_result call_hsm(struct hart *h, uint64_t fid, const uint64_t *a)
{
	switch (fid) {
	case 0: return hart_start(h, a[0], a[1], a[2]);
	case 1:
		h->status = HART_STOPPED;
		h->leave = true;
		return success(0);
	case 2: return hart_status(h->m, a[0]);
	case 3: return hart_suspend(h, a[0]);
	}
	return error(SBI_NOT_SUPPORTED);
}

/* -- the rest ----------------------------------------------------------------------------- */

static struct sbi_result call_base(uint64_t fid, uint64_t arg)
{
	switch (fid) {
	case 0: return success(SBI_VERSION);
	case 1: return success(SBI_IMPLEMENTATION);
	case 2: return success(SBI_IMPLEMENTATION_VERSION);
	case 3:
		return success(arg <= EXT_LEGACY_SHUTDOWN || arg == EXT_BASE || arg == EXT_TIME ||
			       arg == EXT_IPI || arg == EXT_RFENCE || arg == EXT_HSM ||
			       arg == EXT_SRST || arg == EXT_DBCN);
	case 4: /* mvendorid, marchid, mimpid: as the CSRs say */
	case 5:
	case 6: return success(0);
	}
	return error(SBI_NOT_SUPPORTED);
}

static struct sbi_result call_srst(struct hart *h, uint64_t fid, const uint64_t *a)
{
	uint64_t type = a[0] & 0xffffffff, reason = a[1] & 0xffffffff;

	if (fid != 0)
		return error(SBI_NOT_SUPPORTED);
	if (type > 2 || reason > 1)
		return error(SBI_INVALID_PARAM);
	if (type == 0)
		machine_finish(h->m, reason ? FAILURE_STATUS : 0);
	else
		machine_reset_request(h->m);
	return success(0); /* never seen: the machine ends before the next step */
}

static struct sbi_result call_dbcn(struct hart *h, uint64_t fid, const uint64_t *a)
{
	uint8_t byte = (uint8_t)a[0];
	void *text;

	if (fid > 2)
		return error(SBI_NOT_SUPPORTED);
	if (fid == 2)
		return machine_emit(h->m, STREAM_UART, &byte, 1) ? success(0) : error(SBI_FAILED);
	if (a[0] == 0)
		return success(0);
	text = a[2] == 0 ? bus_dma(h->m, a[1], a[0], fid == 1) : NULL;
	if (!text)
		return error(SBI_INVALID_PARAM);
	if (fid == 1)
		return success(uart_take(h->m, text, a[0]));
	return machine_emit(h->m, STREAM_UART, text, a[0]) ? success(a[0]) : error(SBI_FAILED);
}

/* SBI 0.1: the result is in a0 alone. */
static uint64_t call_legacy(struct hart *h, uint64_t eid, const uint64_t *a)
{
	uint8_t byte = (uint8_t)a[0];

	switch (eid) {
	case EXT_LEGACY_SET_TIMER: set_timer(h, a[0]); break;
	case EXT_LEGACY_PUTCHAR: machine_emit(h->m, STREAM_UART, &byte, 1); break;
	case EXT_LEGACY_GETCHAR: return uart_take(h->m, &byte, 1) ? byte : UINT64_MAX;
	case EXT_LEGACY_CLEAR_IPI: hart_set_irq(h, IRQ_SSIP, false); break;
	case EXT_LEGACY_SEND_IPI: send_ipi(h->m, legacy_hart_set(h, a[0])); break;
	case EXT_LEGACY_FENCE_I: code_flush(h->m); break;
	case EXT_LEGACY_SFENCE_VMA: fence(h->m, legacy_hart_set(h, a[0]), a[1], a[2], NULL); break;
	case EXT_LEGACY_SFENCE_VMA_ASID:
		fence(h->m, legacy_hart_set(h, a[0]), a[1], a[2], &a[3]);
		break;
	case EXT_LEGACY_SHUTDOWN: machine_finish(h->m, 0); break;
	}
	return 0;
}

static struct sbi_result dispatch(struct hart *h, uint64_t eid, uint64_t fid, const uint64_t *a)
{
	uint64_t set;

	switch (eid) {
	case EXT_BASE: return call_base(fid, a[0]);
	case EXT_TIME:
		if (fid != 0)
			break;
		set_timer(h, a[0]);
		return success(0);
	case EXT_IPI:
		if (fid != 0)
			break;
		if (!hart_set(h->m, a[0], a[1], &set))
			return error(SBI_INVALID_PARAM);
		send_ipi(h->m, set);
		return success(0);
	case EXT_RFENCE: return call_rfence(h, fid, a);
	case EXT_HSM: return call_hsm(h, fid, a);
	case EXT_SRST: return call_srst(h, fid, a);
	case EXT_DBCN: return call_dbcn(h, fid, a);
	}
	return error(SBI_NOT_SUPPORTED);
}

void sbi_call(struct hart *h)
{
	uint64_t a[6], eid = h->x[17], fid = h->x[16];
	struct sbi_result r;

	memcpy(a, &h->x[10], sizeof(a));
	if (eid <= EXT_LEGACY_SHUTDOWN) {
		h->x[10] = call_legacy(h, eid, a);
		return;
	}
	r = dispatch(h, eid, fid, a);
	h->x[10] = (uint64_t)r.error;
	h->x[11] = r.value;
}
