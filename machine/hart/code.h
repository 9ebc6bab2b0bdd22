/*
 * Decoded instructions, kept by physical page.
 *
 * A code page has one slot for each halfword of a 4 KiB frame, plus two at the
 * end that lead out of it. Slot i describes the instruction at offset 2i; a
 * 4-byte instruction leaves the slot after its own unused. A jump within the
 * page is an addition to the slot pointer. Nothing in a slot depends on the
 * virtual address of the page, so every mapping of the frame shares it, and
 * sfence.vma or a change of address space leaves it alone.
 *
 *   offset     0      2      4      6           0xffe
 *   slot    [addi ][ c.li][ lw  ][  -  ] ...  [last  ][end][end]
 *   run        3      2      1  (a run ends at a jump)
 *
 * I1. slot.run is the number of instructions from here to the end of the run,
 *     this one included; 0 in a slot that has not been decoded.
 * I2. A frame with a code page has no store tag in any lookaside: every store
 *     to it goes through mmu_store, which drops the code page.
 */
#ifndef HART_CODE_H
#define HART_CODE_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct hart;

#define CODE_SLOTS 2048

struct insn {
	const void *op; /* handler: label, or its number without computed goto */
	union {
		struct {
			int16_t imm; /* I, S, B types; in-page jumps: bytes between slots */
			uint8_t rs2;
			uint8_t aux; /* rs3, or rounding mode */
		};
		int32_t imm32; /* U, J types, CSR number, raw bits of what is illegal */
	};
	uint16_t run;
	uint8_t rd; /* x0 is REG_SINK */
	uint8_t rs1;
};
_Static_assert(sizeof(struct insn) == 16, "slot addresses are computed by shifts");

struct code_page {
	_Alignas(16) struct insn slots[CODE_SLOTS + 2];
	uint64_t pa;          /* of the frame */
	const uint8_t *bytes; /* the frame in host memory */
	unsigned index;       /* in the pool */
	bool used;
};

/* => false: no memory. */
bool code_init(struct machine *m);

/* The code page of the frame at pa (RAM, page-aligned); made if there is none. Never NULL. */
struct code_page *code_get(struct machine *m, uint64_t pa);

/* Decodes the run that begins at slot `index`; the slot's run is > 0 after it. */
void code_decode(struct code_page *page, unsigned index, bool single);

/* Whether the frame that holds pa (RAM) has a code page. */
bool code_has(const struct machine *m, uint64_t pa);

/* Bytes of RAM changed: their decoded code goes, and harts that execute it look up. */
void code_invalidate(struct machine *m, uint64_t pa, uint64_t len);

/* fence.i: decoded code always agrees with memory (I2), so nothing is left to do. */
void code_flush(struct machine *m);

static inline uint64_t code_offset(const struct code_page *page, const struct insn *ip)
{
	return (uint64_t)(ip - page->slots) * 2;
}

#endif
