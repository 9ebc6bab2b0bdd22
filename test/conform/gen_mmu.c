/*
 * Writes a random program about translation: gen_mmu SEED COUNT.
 *
 * Each of COUNT steps may change a page-table entry (and fences as the specification
 * asks for), may change the address space, and then makes one access in U or S, or
 * from M through MPRV, with random SUM and MXR. What it did is folded into a hash and
 * printed: cause, pc, address, the value read, all tables with their A and D bits,
 * and the data. The fixed part is runtime_mmu.S.
 *
 * Tables, by number. The entries named are random; [0] of 0 to 3 lead down to the
 * routines of runtime_mmu.S and stay.
 *
 *	0, 1	roots of the two spaces	[1] [2] [511]	leaf, or pointer to 6
 *	2, 3	level 1			[1] to [4]	leaf, or pointer to 7
 *	4, 5	level 0			[16] to [23]	leaf
 *	6	level 1, shared		[0] to [4]	leaf, or pointer to 7
 *	7	level 0, shared		[0] to [3]	leaf
 *
 * Leaves map the data frames. What is stored are halfwords that are no instructions,
 * so that fetching from a data frame ends at once. Programs with even seeds use both
 * spaces; those with odd seeds one, with global mappings.
 *
 * Left out, as the specification or its reading leaves a choice: accesses that lie in
 * two pages, and tables outside RAM.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PTE_V 0x01
#define PTE_R 0x02
#define PTE_W 0x04
#define PTE_X 0x08
#define PTE_U 0x10
#define PTE_G 0x20
#define PTE_A 0x40
#define PTE_D 0x80

#define DATA 0x80200000u
#define RAM  0x80000000u

/* Routines of runtime_mmu.S: instruction for MPRV, bytes accessed. */
static const struct {
	const char *insn;
	unsigned size;
} routines[] = {{"lh a2, 0(a0)", 2},
		{"lw a2, 0(a0)", 4},
		{"ld a2, 0(a0)", 8},
		{"sh a1, 0(a0)", 2},
		{"sw a1, 0(a0)", 4},
		{"sd a1, 0(a0)", 8},
		{"amoswap.w a2, a1, (a0)", 4},
		{"amoswap.d a2, a1, (a0)", 8},
		{"lr.w a2, (a0)", 4},
		{"lr.d a2, (a0)", 8},
		{NULL, 2}}; /* a fetch */

#define NROUTINES (sizeof(routines) / sizeof(routines[0]))

static uint64_t state;
static bool two_spaces;

/* SplitMix64 */
static uint64_t bits(void)
{
	uint64_t z = state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)(bits() >> 33) % n;
}

__attribute__((format(printf, 1, 2))) static void emit(const char *fmt, ...)
{
	va_list ap;

	putchar('\t');
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Flags of a leaf: mostly sensible, sometimes anything. */
static uint64_t leaf_flags(void)
{
	static const uint64_t rights[] = {
	    PTE_R,         PTE_R | PTE_W,         PTE_R | PTE_W,        PTE_X,
	    PTE_R | PTE_X, PTE_R | PTE_W | PTE_X, PTE_R | PTE_W | PTE_X};
	uint64_t flags = PTE_V | rights[below(7)];

	if (below(10) == 0)
		flags = bits() & 0xff;
	flags |= bits() & (PTE_U | PTE_A | PTE_D);
	return two_spaces ? flags & ~(uint64_t)PTE_G : flags;
}

static uint64_t leaf(unsigned level)
{
	uint64_t pa, reserved = 0;

	switch (level) {
	case 0: pa = DATA + below(4) * 0x200000u + below(4) * 0x1000u; break;
	case 1: pa = DATA + below(4) * 0x200000u + (below(6) ? 0 : below(4) * 0x1000u); break;
	default: pa = RAM + (below(6) ? 0 : 0x200000u); break;
	}
	if (below(24) == 0)
		reserved = (uint64_t)1 << (54 + below(10));
	return reserved | pa >> 2 | leaf_flags();
}

static void emit_change(void)
{
	unsigned space = two_spaces ? below(2) : 0, table, index, level, target = 0;
	uint64_t va = 0;

	switch (below(8)) {
	case 0:
		table = space, index = below(3), level = 2, target = 6;
		index = index == 2 ? 511 : index + 1;
		break;
	case 1: table = 2 + space, index = 1 + below(4), level = 1, target = 7; break;
	case 2: table = 6, index = below(5), level = 1, target = 7; break;
	case 3: table = 7, index = below(4), level = 0; break;
	default:
		table = 4 + space, index = 16 + below(8), level = 0;
		va = (uint64_t)index << 12;
		break;
	}
	if (target && below(2)) {
		unsigned flags = PTE_V;

		if (below(12) == 0) /* U, A or D, which are reserved here; or G */
			flags |= 1u << (4 + below(4));
		if (two_spaces)
			flags &= ~(unsigned)PTE_G;
		emit("set_entry %u, %u, tables + 4096 * %u, %#x", table, index, target, flags);
	} else {
		emit("set_leaf %u, %u, %#" PRIx64, table, index, leaf(level));
	}

	/* The narrowest fence that is sure to cover the change, or a wider one. */
	emit("li x5, %#" PRIx64, va);
	emit("li x6, %u", space + 1);
	if (va && below(3))
		emit(two_spaces && below(2) ? "sfence.vma x5, x6" : "sfence.vma x5, x0");
	else if (table < 6 && two_spaces && below(2))
		emit("sfence.vma x0, x6");
	else
		emit("sfence.vma");
}

static uint64_t address(unsigned size)
{
	uint64_t va, inner = (uint64_t)below(5) << 21 | (uint64_t)below(4) << 12;

	switch (below(8)) {
	case 0: va = (uint64_t)(1 + below(2)) << 30 | inner; break;
	case 1: va = ((uint64_t)-1 << 30) | inner; break;
	case 2:
	case 3: va = (uint64_t)(1 + below(4)) << 21 | (uint64_t)below(4) << 12; break;
	default: va = (uint64_t)(16 + below(8)) << 12; break;
	}
	/* A gigapage holds the program in its first 2 MiB: not there. */
	if (va >> 30 && !(va >> 21 & 511))
		va += 1u << 21;
	if (below(40) == 0)
		va ^= (uint64_t)1 << (38 + below(26));
	va += below(128 / size) * size;
	if (size > 2 && below(16) == 0)
		va ^= 2;
	return va;
}

static uint64_t value(void)
{
	static const uint16_t halves[] = {0, 0x8002, 0x6002, 0x4002, 0x6081};
	uint64_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v = v << 16 | halves[below(5)];
	return v;
}

static void emit_access(void)
{
	unsigned n = below(NROUTINES), user = below(2);
	unsigned mstatus = (user ? 0 : 0x800) | (below(2) ? 0x40000 : 0) | (below(3) ? 0 : 0x80000);
	uint64_t va = address(routines[n].size);

	if (routines[n].insn && below(4) == 0)
		emit("access_mprv %#x, %#" PRIx64 ", %#" PRIx64 ", %s", mstatus | 0x20000, va,
		     value(), routines[n].insn);
	else
		emit("access %#x, %#x, %#" PRIx64 ", %#" PRIx64, mstatus,
		     (user ? 0x2000 : 0x1000) + 16 * n, va, value());
}

int main(int argc, char **argv)
{
	unsigned long count;

	if (argc != 3) {
		fprintf(stderr, "usage: gen_mmu SEED COUNT\n");
		return 2;
	}
	state = strtoull(argv[1], NULL, 0);
	two_spaces = !(state & 1);
	count = strtoul(argv[2], NULL, 0);

	puts("#include \"test/conform/runtime_mmu.S\"");
	for (unsigned i = 0; i < 40; i++)
		emit_change();
	for (unsigned long b = 0; b < count; b++) {
		printf("block_%lu:\n", b);
		if (below(3) == 0)
			emit_change();
		if (two_spaces && below(8) == 0)
			emit("use_space %u", below(2));
		emit_access();
	}
	emit("tail finish");
	return 0;
}
