/*
 * Physical memory protection: RISC-V Privileged Architecture 1.12, section 3.7.
 *
 * Sixteen entries of any grain (G = 0). Of an access, the lowest-numbered entry that
 * matches any byte decides, and must match all of its bytes. What holds for a page
 * taken as one access therefore holds for every access within it; the lookaside has
 * only such pages, and all others are asked about access by access (mmu.c).
 *
 *   pmpcfg byte   | L | 0 0 | A A | X | W | R |     A: 0 OFF, 1 TOR, 2 NA4, 3 NAPOT
 *   pmpaddr       address bits 55..2
 *
 * I1. A locked entry's cfg and addr change only at reset; nor does the addr
 *     below a locked TOR entry.
 * I2. Lookaside slots were filled under the present entries: every write drops them.
 */
#include "machine/mmu/pmp.h"
#include "rv/pte.h"

#define CFG_R     0x01
#define CFG_W     0x02
#define CFG_X     0x04
#define CFG_A     0x18
#define CFG_TOR   0x08
#define CFG_NA4   0x10
#define CFG_NAPOT 0x18
#define CFG_L     0x80

#define ADDR_BITS 54 /* of pmpaddr: a physical address has 56 */
#define ADDR_MASK ((1ULL << ADDR_BITS) - 1)

/* [*start, *end) in units of 4 bytes. => false: the entry is off. */
static bool entry_range(const struct hart *h, unsigned i, uint64_t *start, uint64_t *end)
{
	uint64_t addr = h->pmpaddr[i];

	switch (h->pmpcfg[i] & CFG_A) {
	case CFG_TOR:
		*start = i ? h->pmpaddr[i - 1] : 0;
		*end = addr;
		return true;
	case CFG_NA4:
		*start = addr;
		*end = addr + 1;
		return true;
	case CFG_NAPOT:
		/* 2^(n + 3) bytes for n trailing ones. */
		*start = addr & (addr + 1);
		*end = (addr | (addr + 1)) + 1;
		return true;
	default: return false;
	}
}

bool pmp_allows(const struct hart *h, uint64_t pa, uint64_t len, enum access access, unsigned prv)
{
	static const uint8_t need[ACCESS_KINDS] = {CFG_X, CFG_R, CFG_W};
	uint64_t first = pa >> 2, last = (pa + len - 1) >> 2;

	if (h->pmp_open)
		return true;
	for (unsigned i = 0; i < PMP_ENTRIES; i++) {
		uint64_t start, end;
		if (!entry_range(h, i, &start, &end) || start > last || end <= first)
			continue;
		if (start > first || end <= last)
			return false;
		if (prv == PRV_M && !(h->pmpcfg[i] & CFG_L))
			return true;
		return h->pmpcfg[i] & need[access];
	}
	return prv == PRV_M;
}

/* I2, and pmp_open: whether no access can be refused. */
static void changed(struct hart *h)
{
	uint64_t start, end;

	h->pmp_open = entry_range(h, 0, &start, &end) && start == 0 && end > ADDR_MASK &&
		      (h->pmpcfg[0] & (CFG_R | CFG_W | CFG_X)) == (CFG_R | CFG_W | CFG_X);
	mmu_slots_drop(h);
}

uint64_t pmp_cfg_read(const struct hart *h, unsigned which)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)h->pmpcfg[which * 8 + i] << (8 * i);
	return value;
}

void pmp_cfg_write(struct hart *h, unsigned which, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++) {
		uint8_t *cfg = &h->pmpcfg[which * 8 + i];
		uint8_t v = (uint8_t)(value >> (8 * i)) & (CFG_L | CFG_A | CFG_X | CFG_W | CFG_R);

		if (*cfg & CFG_L)
			continue;
		if ((v & (CFG_R | CFG_W)) == CFG_W) /* reserved: R and W keep theirs */
			v = (uint8_t)((v & ~(CFG_R | CFG_W)) | (*cfg & (CFG_R | CFG_W)));
		*cfg = v;
	}
	changed(h);
}

uint64_t pmp_addr_read(const struct hart *h, unsigned entry)
{
	return h->pmpaddr[entry];
}

void pmp_addr_write(struct hart *h, unsigned entry, uint64_t value)
{
	if (h->pmpcfg[entry] & CFG_L)
		return;
	if (entry + 1 < PMP_ENTRIES && (h->pmpcfg[entry + 1] & CFG_L) &&
	    (h->pmpcfg[entry + 1] & CFG_A) == CFG_TOR)
		return;
	h->pmpaddr[entry] = value & ADDR_MASK;
	changed(h);
}

void pmp_open(struct hart *h)
{
	h->pmpaddr[0] = ADDR_MASK;
	h->pmpcfg[0] = CFG_NAPOT | CFG_R | CFG_W | CFG_X;
	changed(h);
}
