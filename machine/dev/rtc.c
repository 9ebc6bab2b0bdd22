/*
 * The real-time clock ("google,goldfish-rtc"): nanoseconds since 1970, and one alarm.
 *
 *   0x00 TIME_LOW (latches the high half)   0x10 IRQ_ENABLED      0x18 ALARM_STATUS
 *   0x04 TIME_HIGH                          0x14 CLEAR_ALARM      0x1c CLEAR_INTERRUPT
 *   0x08 ALARM_LOW (arms)  0x0c ALARM_HIGH
 *
 * Time is cfg.epoch_ns at reset and goes on with virtual time; the guest may set it.
 *
 * I1. time = now + offset, in wrapping arithmetic.
 * I2. While armed, the alarm is not yet due: it is disarmed when it rings.
 */
#include "machine/machine_state.h"

enum {
	RTC_TIME_LOW = 0x00,
	RTC_TIME_HIGH = 0x04,
	RTC_ALARM_LOW = 0x08,
	RTC_ALARM_HIGH = 0x0c,
	RTC_IRQ_ENABLED = 0x10,
	RTC_CLEAR_ALARM = 0x14,
	RTC_ALARM_STATUS = 0x18,
	RTC_CLEAR_INTERRUPT = 0x1c,
};

struct rtc {
	struct machine *m;
	uint64_t offset; /* ns */
	uint32_t time_high, alarm_high;
	uint64_t alarm; /* ns since 1970 */
	bool armed, irq_enabled, irq;
};

static void rtc_line(struct rtc *r)
{
	plic_set_level(r->m, BOARD_IRQ_RTC, r->irq && r->irq_enabled);
}

uint64_t rtc_deadline(const struct machine *m)
{
	const struct rtc *r = m->rtc;

	if (!r->armed)
		return UINT64_MAX;
	return r->alarm < r->offset ? 0 : r->alarm - r->offset;
}

void rtc_update(struct machine *m, uint64_t clock)
{
	struct rtc *r = m->rtc;

	if (clock < rtc_deadline(m))
		return;
	r->armed = false;
	r->irq = true;
	rtc_line(r);
}

static bool rtc_load(void *self, uint64_t offset, unsigned size, uint64_t *out)
{
	struct rtc *r = self;
	uint64_t now = machine_now(r->m) + r->offset;

	if (size != 4 || offset % 4)
		return false;
	*out = 0;
	switch (offset) {
	case RTC_TIME_LOW:
		r->time_high = (uint32_t)(now >> 32);
		*out = (uint32_t)now;
		break;
	case RTC_TIME_HIGH: *out = r->time_high; break;
	case RTC_ALARM_LOW: *out = (uint32_t)r->alarm; break;
	case RTC_ALARM_HIGH: *out = (uint32_t)(r->alarm >> 32); break;
	case RTC_IRQ_ENABLED: *out = r->irq_enabled; break;
	case RTC_ALARM_STATUS: *out = r->armed; break;
	}
	return true;
}

static bool rtc_store(void *self, uint64_t offset, unsigned size, uint64_t value)
{
	struct rtc *r = self;
	uint64_t now = machine_now(r->m) + r->offset;
	uint32_t word = (uint32_t)value;

	if (size != 4 || offset % 4)
		return false;
	switch (offset) {
	case RTC_TIME_LOW: r->offset += ((now & ~0xffffffffull) | word) - now; break;
	case RTC_TIME_HIGH: r->offset += ((now & 0xffffffff) | (uint64_t)word << 32) - now; break;
	case RTC_ALARM_LOW:
		r->alarm = (uint64_t)r->alarm_high << 32 | word;
		r->armed = true;
		break;
	case RTC_ALARM_HIGH: r->alarm_high = word; break;
	case RTC_IRQ_ENABLED: r->irq_enabled = word & 1; break;
	case RTC_CLEAR_ALARM: r->armed = false; break;
	case RTC_CLEAR_INTERRUPT: r->irq = false; break;
	}
	rtc_line(r);
	rtc_update(r->m, machine_now(r->m));
	if (r->m->current)
		r->m->current->leave = true; /* the alarm may have moved */
	return true;
}

static void rtc_hash(void *self, uint64_t *h)
{
	const struct rtc *r = self;
	uint64_t state[] = {r->offset, r->time_high,   r->alarm_high, r->alarm,
			    r->armed,  r->irq_enabled, r->irq};

	machine_hash_bytes(h, state, sizeof(state));
}

bool rtc_create(struct machine *m)
{
	struct rtc *r = machine_zalloc(m, sizeof(*r));

	if (!r)
		return false;
	r->m = m;
	r->offset = m->cfg.epoch_ns;
	m->rtc = r;
	bus_attach(m, &(struct bus_device){
			  .name = "rtc",
			  .base = BOARD_RTC_BASE,
			  .size = BOARD_RTC_SIZE,
			  .self = r,
			  .load = rtc_load,
			  .store = rtc_store,
			  .hash = rtc_hash,
		      });
	return true;
}
