/*
 * A machine of the test's own: a little RAM, counters and registers that the
 * test sets, and a walk that reads the RAM. Enough for the lens, and under the
 * test's control where a real machine would never lie.
 */
#ifndef MACHINE_LENS_FAKE_H
#define MACHINE_LENS_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "abi/board.h"
#include "lens/lens.h"
#include "machine/machine.h"
#include "rv/csr.h"
#include "rv/pte.h"

#define FAKE_FRAMES 64
#define FIRST_PFN   (BOARD_RAM_BASE >> RV_PAGE_SHIFT)

/* Frames with a part to play. */
#define PFN_KERNEL_ROOT (FIRST_PFN + 1)
#define PFN_ROOT        (FIRST_PFN + 2)
#define PFN_TABLE1      (FIRST_PFN + 3)
#define PFN_TABLE0      (FIRST_PFN + 4)
#define PFN_ANON        (FIRST_PFN + 8)
#define PFN_FILE        (FIRST_PFN + 9)

struct machine {
	uint64_t ram[FAKE_FRAMES][RV_PTE_PER_PAGE];
	struct hart_counters count;
	struct hart_regs regs;
	struct fault_record fault;
};

uint64_t machine_ram_size(const struct machine *m)
{
	return FAKE_FRAMES * RV_PAGE_SIZE;
}

bool machine_ram_read(const struct machine *m, paddr_t pa, void *buf, size_t len)
{
	if (pa.v < BOARD_RAM_BASE || pa.v + len > BOARD_RAM_BASE + sizeof m->ram)
		return false;
	memcpy(buf, (const char *)m->ram + (pa.v - BOARD_RAM_BASE), len);
	return true;
}

unsigned machine_harts(const struct machine *m)
{
	return 1;
}

void machine_counters(const struct machine *m, unsigned hart, struct hart_counters *out)
{
	*out = m->count;
}

void machine_regs(const struct machine *m, unsigned hart, struct hart_regs *out)
{
	*out = m->regs;
}

void machine_last_fault(const struct machine *m, unsigned hart, struct fault_record *out)
{
	*out = m->fault;
}

void machine_walk_view(const struct machine *m, uint64_t satp, vaddr_t va, struct walk_view *out)
{
	uint64_t table = (satp & SATP_PPN_MASK) << RV_PAGE_SHIFT;

	*out = (struct walk_view){.levels = SV39_LEVELS};
	for (unsigned level = SV39_LEVELS; level-- > 0;) {
		struct walk_step *s = &out->steps[out->nsteps];

		*s = (struct walk_step){.level = level, .index = (unsigned)RV_VPN(va.v, level)};
		s->pte_pa = table + s->index * 8;
		if (!machine_ram_read(m, paddr(s->pte_pa), &s->pte, 8))
			return;
		out->nsteps++;
		if (!(s->pte & PTE_V))
			return;
		table = (s->pte & PTE_PPN_MASK) >> PTE_PPN_SHIFT << RV_PAGE_SHIFT;
		if (s->pte & (PTE_R | PTE_W | PTE_X)) {
			uint64_t mask = (1ULL << RV_LEVEL_SHIFT(level)) - 1;

			out->leaf = true;
			out->page_shift = RV_LEVEL_SHIFT(level);
			out->pa = (table & ~mask) | (va.v & mask);
			return;
		}
	}
}

static inline uint64_t pte_of(uint64_t pfn, unsigned bits)
{
	return pfn << PTE_PPN_SHIFT | bits | PTE_V;
}

static inline void event(struct lens *l, struct machine *m, unsigned number, uint64_t a0,
			 uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	uint64_t args[6] = {a0, a1, a2, a3, a4, a5};

	lens_trace(l, m, 0, number, args);
}

/* Sets a PTE in RAM and tells of it. */
static inline void pte_set(struct lens *l, struct machine *m, uint64_t table, uint64_t va,
			   unsigned level, uint64_t pte)
{
	uint64_t *at = &m->ram[table - FIRST_PFN][RV_VPN(va, level)], old = *at;

	*at = pte;
	event(l, m, TRACE_PTE_SET, 1, va, level, pte, old, table);
}

static inline uint64_t word(const char *s)
{
	uint64_t w = 0;

	strncpy((char *)&w, s, 8);
	return w;
}

/*
 * A program as a kernel would tell of it: text (r-x) at 0x10000, data (rw-) at 0x12000, a stack
 * near the top; one page of each of the first two is resident.
 */
static inline void start_program(struct lens *l, struct machine *m)
{
	m->regs.prv = PRV_S;
	m->regs.satp = (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | PFN_KERNEL_ROOT;
	event(l, m, TRACE_HELLO, TRACE_VERSION, FIRST_PFN, FAKE_FRAMES, 0, 0, 0);
	event(l, m, TRACE_FRAME_SET, PFN_KERNEL_ROOT, 1, TF_PAGETABLE, 0, 0, 0);
	event(l, m, TRACE_PROC_START, 1, 0, 0, 0, 0, 0);
	event(l, m, TRACE_FRAME_SET, PFN_ROOT, 3, TF_PAGETABLE, 0, 0, 0);
	event(l, m, TRACE_AS_CREATE, 1, PFN_ROOT, 0, 0, 0, 0);
	event(l, m, TRACE_PROC_EXEC, 1, 1, word("prog"), 0, 0, 0);
	event(l, m, TRACE_VMA_ADD, 1, 0x10000, 0x12000, 5, TV_FILE, 0);
	event(l, m, TRACE_VMA_NAME, 1, 0x10000, word("prog"), 0, 0, 0);
	event(l, m, TRACE_VMA_ADD, 1, 0x12000, 0x14000, 3, TV_ANON, 0);
	event(l, m, TRACE_VMA_ADD, 1, 0x3ffff00000, 0x3fffff0000, 3, TV_STACK, 0);
	event(l, m, TRACE_FRAME_SET, PFN_ANON, 1, TF_ANON, 0, 0, 0);
	event(l, m, TRACE_FRAME_SET, PFN_FILE, 1, TF_FILE, 0, 0, 0);
	event(l, m, TRACE_FRAME_PIN, PFN_FILE, 1, 0, 0, 0, 0);
	m->regs.satp = (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | PFN_ROOT;
	pte_set(l, m, PFN_ROOT, 0x10000, 2, pte_of(PFN_TABLE1, 0));
	pte_set(l, m, PFN_TABLE1, 0x10000, 1, pte_of(PFN_TABLE0, 0));
	pte_set(l, m, PFN_TABLE0, 0x10000, 0, pte_of(PFN_FILE, PTE_R | PTE_X | PTE_U | PTE_A));
	pte_set(l, m, PFN_TABLE0, 0x12000, 0,
		pte_of(PFN_ANON, PTE_R | PTE_W | PTE_U | PTE_A | PTE_D));
	event(l, m, TRACE_USER_ENTER, 1, 0x10100, 0x3fffff0000, 0, 0, 0);
}

#endif
