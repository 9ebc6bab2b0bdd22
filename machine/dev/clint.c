/*
 * Timers and software interrupts: the CLINT's registers, and the comparators of every hart.
 *
 * A hart's time is its clock divided by BOARD_NS_PER_TICK; nothing can set it. Three comparators
 * watch it, each in ticks, and each raises its interrupt while time >= comparator:
 *
 *   mtimecmp (CLINT)      -> MTIP
 *   stimecmp (Sstc)       -> STIP, while menvcfg.STCE is set
 *   sbi_timer (firmware)  -> STIP, while STCE is clear and the SBI's set_timer armed it; STIP is
 *                            otherwise M-mode's to write, and left alone
 *
 * A comparator c is crossed at clock c * BOARD_NS_PER_TICK. Between two crossings nothing
 * changes, so a hart may run freely until hart_timer_deadline and have its bits set there.
 *
 * I1. After hart_timer_update MTIP = (time >= mtimecmp), and with STCE STIP = (time >= stimecmp).
 * I2. hart_timer_deadline > clock, always: a crossing that lies behind wants nothing more.
 *
 * Source: RISC-V Privileged Architecture 1.12, sections 3.1.9, 3.2.1; Sstc 1.0; RISC-V ACLINT
 * 1.0 (register layout).
 */
#include "machine/machine_state.h"

#define CLINT_MSIP     0x0000 /* 4 bytes a hart */
#define CLINT_MTIMECMP 0x4000 /* 8 bytes a hart */
#define CLINT_MTIME    0xbff8

/* -- comparators -------------------------------------------------------------------------- */

static uint64_t stip_comparator(const struct hart *h)
{
	return h->menvcfg & MENVCFG_STCE ? h->stimecmp : h->m->sbi_timer[h->id];
}

static uint64_t crossing(const struct hart *h, uint64_t ticks)
{
	uint64_t at;

	if (__builtin_mul_overflow(ticks, (uint64_t)BOARD_NS_PER_TICK, &at) || at <= h->clock)
		return UINT64_MAX;
	return at;
}

uint64_t hart_timer_deadline(const struct hart *h)
{
	uint64_t m = crossing(h, h->mtimecmp), s = crossing(h, stip_comparator(h));

	return m < s ? m : s;
}

static void set_bit(struct hart *h, unsigned irq, bool level)
{
	uint64_t mip = (h->mip & ~(1ull << irq)) | (uint64_t)level << irq;

	if (mip != h->mip) {
		h->mip = mip;
		h->leave = true;
	}
}

void hart_timer_update(struct hart *h)
{
	uint64_t now = hart_time(h), next;

	set_bit(h, IRQ_MTIP, now >= h->mtimecmp);
	if (h->menvcfg & MENVCFG_STCE)
		set_bit(h, IRQ_STIP, now >= h->stimecmp);
	else if (now >= h->m->sbi_timer[h->id])
		set_bit(h, IRQ_STIP, true);

	next = hart_timer_deadline(h);
	if (next < h->deadline) {
		h->deadline = next;
		h->leave = true;
	}
}

void hart_set_irq(struct hart *h, unsigned irq, bool level)
{
	struct hart *current = h->m->current;

	if (irq == IRQ_SEIP) {
		h->seip_line = level;
		level |= h->seip_written;
	}
	set_bit(h, irq, level);
	if (!level || !current || current == h || h->status != HART_WAITING || !trap_pending(h))
		return;
	/* here: the running hart ends another one's wait; nobody wakes before he is called */
	if (h->clock < current->clock)
		h->clock = current->clock;
	current->leave = true;
}

/* -- registers ---------------------------------------------------------------------------- */

/* A register of 8 bytes seen through an access of 4 or 8 at `offset` within it. */
static uint64_t part_get(uint64_t reg, uint64_t offset, unsigned size)
{
	return size == 8 ? reg : (reg >> 8 * (offset & 4)) & 0xffffffff;
}

static uint64_t part_set(uint64_t reg, uint64_t offset, unsigned size, uint64_t value)
{
	unsigned shift = 8 * (offset & 4);

	if (size == 8)
		return value;
	return (reg & ~(0xffffffffull << shift)) | (value & 0xffffffff) << shift;
}

static bool clint_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	struct machine *m = self;
	uint64_t i;

	if (size < 4 || offset % size)
		return false;
	*out = 0;
	if (offset < CLINT_MTIMECMP) {
		i = (offset - CLINT_MSIP) / 4;
		if (i < m->cfg.harts)
			*out = m->harts[i].mip >> IRQ_MSIP & 1;
	} else if (offset < CLINT_MTIME) {
		i = (offset - CLINT_MTIMECMP) / 8;
		if (i < m->cfg.harts)
			*out = part_get(m->harts[i].mtimecmp, offset, size);
	} else if (offset < CLINT_MTIME + 8) {
		*out = part_get(machine_now(m) / BOARD_NS_PER_TICK, offset, size);
	}
	return true;
}

static bool clint_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	struct machine *m = self;
	uint64_t i;

	if (size < 4 || offset % size)
		return false;
	if (offset < CLINT_MTIMECMP) {
		i = (offset - CLINT_MSIP) / 4;
		if (i < m->cfg.harts)
			hart_set_irq(&m->harts[i], IRQ_MSIP, value & 1);
	} else if (offset < CLINT_MTIME) {
		i = (offset - CLINT_MTIMECMP) / 8;
		if (i < m->cfg.harts) {
			struct hart *h = &m->harts[i];

			h->mtimecmp = part_set(h->mtimecmp, offset, size, value);
			hart_timer_update(h);
			if (m->current)
				m->current->leave = true; /* all deadlines are reckoned anew */
		}
	}
	return true; /* mtime is the count of steps and cannot be set */
}

/* msip and mtimecmp are hashed with their harts. */
static void clint_hash(void *self, uint64_t *h)
{
}

bool clint_create(struct machine *m)
{
	bus_attach(m, &(struct bus_device){
			  .name = "clint",
			  .base = BOARD_CLINT_BASE,
			  .size = BOARD_CLINT_SIZE,
			  .self = m,
			  .load = clint_load,
			  .store = clint_store,
			  .hash = clint_hash,
		      });
	return true;
}
