/*
 * Writes a random program for a bare RV64IMAFDC hart with Zba, Zbb and Zbs:
 * gen SEED COUNT [BLOCK [zicond]].
 *
 * The program starts in M-mode at 0x80000000 on the `virt` board and needs
 * nothing else, so that Limpid's machine and QEMU can run the same image. It has
 * about COUNT random instructions in blocks of about BLOCK (32). After each block
 * it folds x5 to x31, f0 to f31, fcsr and the data page into a hash, and prints
 * the block's number and the hash on the UART: the first line in which two
 * machines differ names the block, and a smaller BLOCK the instruction. At the end
 * it writes PASS to the finisher.
 *
 * Registers with a fixed use:
 *
 *	x1 ra  scratch of the runtime (runtime_hart.S) x3 gp  multiplier of the hash
 *	x2 sp  middle of the data page                 x4 tp  the hash
 *
 * The data page, as offsets from sp:
 *
 *	-2048 ..    0   doubles with special values, then 64-bit integers: read only
 *	    0 .. 1024   written and read; within reach of compressed stores
 *	 1024 .. 2048   singles with special values: read only
 *
 * What must not depend on the machine is kept so: no counter is read, no address but
 * of the program's own, LR and SC stand close together, and a trap folds its cause
 * and pc only (mtval may be zero by the specification).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PICK(array) (array)[below(sizeof(array) / sizeof((array)[0]))]

static uint64_t state;
static unsigned labels;
static bool has_zicond;

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

static int between(int low, int high)
{
	return low + (int)below((unsigned)(high - low + 1));
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

/* -- registers and values --------------------------------------------------------------------- */

/* A register that a random instruction may write: half of them have compressed forms. */
static unsigned dest(void)
{
	if (below(24) == 0)
		return 0;
	return below(2) ? 8 + below(8) : 5 + below(27);
}

static unsigned source(void)
{
	return below(16) == 0 ? below(5) : dest();
}

/* Not x0: it will hold an address. */
static unsigned base(void)
{
	return below(2) ? 8 + below(8) : 5 + below(27);
}

static unsigned freg(void)
{
	return below(2) ? 8 + below(8) : below(32);
}

static uint64_t integer(void)
{
	static const uint64_t corners[] = {0,           1,
					   2,           UINT64_MAX,
					   INT64_MAX,   (uint64_t)INT64_MIN,
					   INT32_MAX,   (uint64_t)INT32_MIN,
					   0x80000000,  UINT32_MAX,
					   0x100000000, 0xff,
					   0x8000};

	switch (below(4)) {
	case 0: return PICK(corners);
	case 1: return PICK(corners) + below(5) - 2;
	case 2: return bits() >> below(64);
	default: return (uint64_t)((int64_t)bits() >> below(64));
	}
}

/* A number's encoding: zeros, subnormals, infinities, NaNs, powers of two +-1 ulp, near 1. */
static uint64_t number(unsigned frac, unsigned exp)
{
	uint64_t emax = ((uint64_t)1 << exp) - 1, e, m;

	switch (below(6)) {
	case 0: e = below(2); break;
	case 1: e = emax - below(3); break;
	case 2: e = bits(); break;
	case 3: e = emax / 2 + below(2 * frac) - frac; break;
	default: e = emax / 2 + below(5) - 2; break;
	}
	switch (below(5)) {
	case 0: m = 0; break;
	case 1: m = below(3) - 1u; break;
	case 2: m = (uint64_t)1 << (frac - 1); break;
	case 3: m = bits() << below(frac); break;
	default: m = bits(); break;
	}
	return (bits() & 1) << (frac + exp) | (e & emax) << frac |
	       (m & (((uint64_t)1 << frac) - 1));
}

static const char *rounding(void)
{
	static const char *const modes[] = {"rne", "rtz", "rdn", "rup", "rmm", "dyn", "dyn", "dyn"};

	return PICK(modes);
}

/* -- kinds of instruction: each emits one of its kind, and what that needs before it ----------- */

static void emit_op(void)
{
	static const char *const ops[] = {"add",  "sub",  "sll",  "slt",  "sltu",
					  "xor",  "srl",  "sra",  "or",   "and",
					  "addw", "subw", "sllw", "srlw", "sraw"};
	static const char *const c_ops[] = {"sub", "xor", "or", "and", "subw", "addw", "add"};
	unsigned rd = dest();

	if (below(3) == 0) {
		rd = 8 + below(8);
		emit("%s x%u, x%u, x%u", PICK(c_ops), rd, rd, 8 + below(8));
	} else {
		emit("%s x%u, x%u, x%u", PICK(ops), rd, source(), source());
	}
}

static void emit_op_imm(void)
{
	static const char *const ops[] = {"addi", "slti", "sltiu", "xori", "ori", "andi", "addiw"};
	static const char *const shifts[] = {"slli", "srli", "srai"};
	static const char *const shifts_w[] = {"slliw", "srliw", "sraiw"};
	unsigned rd = dest(), rs = below(2) ? rd : source();

	switch (below(8)) {
	case 0: emit("%s x%u, x%u, %u", PICK(shifts), rd, rs, below(64)); break;
	case 1: emit("%s x%u, x%u, %u", PICK(shifts_w), rd, rs, below(32)); break;
	case 2: emit("lui x%u, %u", rd, below(2) ? below(32) : below(1 << 20)); break;
	case 3: emit("auipc x%u, %u", rd, below(1 << 20)); break;
	case 4: emit("addi x%u, sp, %u", 8 + below(8), 4 * below(256)); break;
	case 5: emit("%s x%u, x%u, %d", PICK(ops), rd, rs, between(-32, 31)); break;
	default: emit("%s x%u, x%u, %d", PICK(ops), rd, rs, between(-2048, 2047)); break;
	}
}

static void emit_load_immediate(void)
{
	emit("li x%u, %" PRId64, base(), (int64_t)integer());
}

/* Zba, Zbb, Zbs; and Zicond by number, as the assembler may not know it. */
static void emit_bits(void)
{
	static const char *const ops[] = {
	    "add.uw", "sh1add", "sh2add", "sh3add", "sh1add.uw", "sh2add.uw", "sh3add.uw", "andn",
	    "orn",    "xnor",   "max",    "maxu",   "min",       "minu",      "rol",       "ror",
	    "rolw",   "rorw",   "bclr",   "bext",   "binv",      "bset"};
	static const char *const ops_imm[] = {"slli.uw", "rori",  "bclri",
					      "bexti",   "binvi", "bseti"};
	static const char *const unary[] = {"clz",    "ctz",    "cpop",   "clzw",  "cpopw",
					    "sext.b", "sext.h", "zext.h", "orc.b", "rev8"};

	if (below(3) == 0)
		emit_load_immediate();
	switch (below(has_zicond ? 5 : 4)) {
	case 0: emit("%s x%u, x%u, %u", PICK(ops_imm), dest(), source(), below(64)); break;
	case 1:
		if (has_zicond && below(8) == 0) /* QEMU 7 counts into the upper half */
			emit("ctzw x%u, x%u", dest(), source());
		else if (below(8) == 0)
			emit("roriw x%u, x%u, %u", dest(), source(), below(32));
		else
			emit("%s x%u, x%u", PICK(unary), dest(), source());
		break;
	case 4: /* czero.eqz, czero.nez; the condition is x0 now and then */
		emit(".insn r 0x33, %u, 7, x%u, x%u, x%u", 5 + 2 * below(2), dest(), source(),
		     below(3) ? source() : 0);
		break;
	default: emit("%s x%u, x%u, x%u", PICK(ops), dest(), source(), source()); break;
	}
}

static void emit_muldiv(void)
{
	static const char *const ops[] = {"mul",  "mulh", "mulhsu", "mulhu", "div",  "divu", "rem",
					  "remu", "mulw", "divw",   "divuw", "remw", "remuw"};

	if (below(2))
		emit_load_immediate();
	if (below(4) == 0)
		emit_load_immediate();
	emit("%s x%u, x%u, x%u", PICK(ops), dest(), source(), source());
}

/* An offset from sp, aligned, in [low, high). */
static int offset(int low, int high, int size)
{
	return low + (int)below((unsigned)((high - low) / size)) * size;
}

static void emit_memory(void)
{
	static const struct {
		const char *load, *store;
		int size;
	} ops[] = {{"lb", "sb", 1},  {"lbu", "sb", 1}, {"lh", "sh", 2},
		   {"lhu", "sh", 2}, {"lw", "sw", 4},  {"lw", "sw", 4},
		   {"lwu", "sw", 4}, {"ld", "sd", 8},  {"ld", "sd", 8}};
	unsigned i = below(sizeof(ops) / sizeof(ops[0])), rb = base();
	int size = ops[i].size, split;
	bool store = below(2);
	int at = store ? offset(0, 1024, size) : offset(-2048, 2040, size);

	if (size > 1 && below(8) == 0)
		at = store ? between(0, 1016) : between(-2048, 2032); /* maybe misaligned */
	switch (below(3)) {
	case 0:
		emit("%s x%u, %d(sp)", store ? ops[i].store : ops[i].load,
		     store ? source() : dest(), at);
		break;
	case 1: /* the compressed form's range */
		rb = 8 + below(8);
		split = (int)below(16) * size;
		emit("addi x%u, sp, %d", rb, store ? at - split : at);
		if (!store)
			split = 0;
		emit("%s x%u, %d(x%u)", store ? ops[i].store : ops[i].load, 8 + below(8), split,
		     rb);
		break;
	default:
		split = between(-1000, 1000);
		emit("li x%u, %d", rb, at - split);
		emit("add x%u, x%u, sp", rb, rb);
		emit("%s x%u, %d(x%u)", store ? ops[i].store : ops[i].load,
		     store ? source() : dest(), split, rb);
		break;
	}
}

static void emit_fp_memory(void)
{
	switch (below(4)) {
	case 0: emit("flw f%u, %d(sp)", freg(), offset(0, 2044, 4)); break;
	case 1: emit("fld f%u, %d(sp)", freg(), offset(-2048, 2040, 8)); break;
	case 2: emit("fsw f%u, %d(sp)", freg(), offset(0, 1024, 4)); break;
	default: emit("fsd f%u, %d(sp)", freg(), offset(0, 1024, 8)); break;
	}
}

static void emit_atomic(void)
{
	static const char *const ops[] = {"swap", "add", "xor",  "and", "or",
					  "min",  "max", "minu", "maxu"};
	static const char *const orders[] = {"", ".aq", ".rl", ".aqrl"};
	bool wide = below(2);
	unsigned rb = base();
	int size = wide ? 8 : 4, at = offset(0, 1024, size);
	const char *suffix = wide ? "d" : "w";

	emit("addi x%u, sp, %d", rb, at);
	switch (below(4)) {
	case 0: { /* SC that succeeds, or finds another address, or finds no reservation */
		unsigned r2;

		do
			r2 = base();
		while (r2 == rb);
		if (below(4))
			emit("lr.%s%s x%u, (x%u)", suffix, PICK(orders), r2, rb);
		if (below(2))
			emit("addi x%u, x%u, %d", r2, r2, between(-9, 9));
		if (below(4) == 0)
			emit("addi x%u, sp, %d", rb, offset(0, 1024, size));
		for (unsigned n = 1 + below(3) / 2; n > 0; n--) {
			do
				r2 = dest();
			while (r2 == rb);
			emit("sc.%s%s x%u, x%u, (x%u)", suffix, PICK(orders), r2, source(), rb);
		}
		break;
	}
	default:
		emit("amo%s.%s%s x%u, x%u, (x%u)", PICK(ops), suffix, PICK(orders), dest(),
		     source(), rb);
		break;
	}
}

/* Forward over at most a few instructions that stand in one line each; or a counted loop. */
static void emit_jump(void)
{
	static const char *const conditions[] = {"beq", "bne", "blt", "bge", "bltu", "bgeu"};
	unsigned label = labels++, r = base(), other;

	switch (below(6)) {
	case 0: emit("j L%u", label); break;
	case 1: emit("jal x%u, L%u", dest(), label); break;
	case 2:
		emit("la x%u, L%u", r, label);
		emit("jalr x%u, %d(x%u)", dest(), 0, r);
		break;
	case 3: emit("%s x%u, L%u", below(2) ? "beqz" : "bnez", 8 + below(8), label); break;
	case 4: {
		do
			other = base();
		while (other == r);
		emit("li x%u, %u", r, 1 + below(9));
		printf("L%u:", label);
		emit("addi x%u, x%u, %d", other, other, between(-2048, 2047));
		emit("xor x%u, x%u, x%u", other, other, r);
		emit("addi x%u, x%u, -1", r, r);
		emit("bnez x%u, L%u", r, label);
		return;
	}
	default: emit("%s x%u, x%u, L%u", PICK(conditions), source(), source(), label); break;
	}
	for (unsigned n = below(4); n > 0; n--)
		emit_op();
	printf("L%u:", label);
}

static void emit_fp(void)
{
	static const char *const binary[] = {"fadd", "fsub", "fmul", "fdiv"};
	static const char *const fused[] = {"fmadd", "fmsub", "fnmadd", "fnmsub"};
	static const char *const plain[] = {"fsgnj", "fsgnjn", "fsgnjx", "fmin", "fmax"};
	static const char *const compare[] = {"feq", "flt", "fle"};
	static const char *const ints[] = {"w", "wu", "l", "lu"};
	unsigned a = freg(), b = freg(), c = freg();
	bool wide = below(2);
	const char *fmt = wide ? "d" : "s", *to;

	/* Fresh operands, most of the time: results of results are NaNs before long. */
	for (unsigned i = 0; i < 3; i++) {
		unsigned r = i == 0 ? a : i == 1 ? b : c;

		if (below(4) == 0)
			continue;
		if (wide)
			emit("fld f%u, %d(sp)", r, offset(-2048, -512, 8));
		else
			emit("flw f%u, %d(sp)", r, offset(1024, 2044, 4));
	}
	switch (below(12)) {
	case 0:
	case 1:
	case 2: emit("%s.%s f%u, f%u, f%u, %s", PICK(binary), fmt, freg(), a, b, rounding()); break;
	case 3:
	case 4:
		emit("%s.%s f%u, f%u, f%u, f%u, %s", PICK(fused), fmt, freg(), a, b, c, rounding());
		break;
	case 5: emit("fsqrt.%s f%u, f%u, %s", fmt, freg(), a, rounding()); break;
	case 6: emit("%s.%s f%u, f%u, f%u", PICK(plain), fmt, freg(), a, b); break;
	case 7: emit("%s.%s x%u, f%u, f%u", PICK(compare), fmt, dest(), a, b); break;
	case 8:
		to = PICK(ints);
		emit("fcvt.%s.%s x%u, f%u, %s", to, fmt, dest(), a, rounding());
		break;
	case 9:
		to = PICK(ints);
		if (below(2))
			emit_load_immediate();
		if (wide && to[0] == 'w') /* exact: the assembler knows no mode for it */
			emit("fcvt.d.%s f%u, x%u", to, freg(), source());
		else
			emit("fcvt.%s.%s f%u, x%u, %s", fmt, to, freg(), source(), rounding());
		break;
	case 10:
		if (below(2))
			emit("fcvt.s.d f%u, f%u, %s", freg(), a, rounding());
		else
			emit("fcvt.d.s f%u, f%u", freg(), a);
		break;
	default:
		switch (below(5)) {
		case 0: emit("fclass.%s x%u, f%u", fmt, dest(), a); break;
		case 1: emit("fmv.x.w x%u, f%u", dest(), a); break;
		case 2: emit("fmv.w.x f%u, x%u", freg(), source()); break;
		case 3: emit("fmv.x.d x%u, f%u", dest(), a); break;
		default: emit("fmv.d.x f%u, x%u", freg(), source()); break;
		}
	}
}

static void emit_csr(void)
{
	static const char *const names[] = {"fflags", "frm", "fcsr", "mscratch"};
	static const char *const ops[] = {"csrrw", "csrrs", "csrrc"};
	static const char *const ops_imm[] = {"csrrwi", "csrrsi", "csrrci"};

	switch (below(6)) {
	case 0: emit("%s x%u, %s, x%u", PICK(ops), dest(), PICK(names), source()); break;
	case 1: emit("%s x%u, %s, %u", PICK(ops_imm), dest(), PICK(names), below(32)); break;
	case 2: emit("frcsr x%u", dest()); break;
	case 3: emit("fsflagsi x%u, %u", dest(), below(2) ? 0 : below(32)); break;
	default: emit("fsrmi x%u, %u", dest(), below(16) ? below(5) : below(8)); break;
	}
}

/* Exceptions, and instructions without an effect of their own. */
static void emit_odd(void)
{
	/* All ones; all zeros; c.addi4spn and c.lui of 0; c.lwsp and c.ldsp to x0; c.jr x0. */
	static const char *const reserved[] = {
	    ".4byte 0xffffffff", ".2byte 0",      ".2byte 0x0004", ".2byte 0x6081",
	    ".2byte 0x4002",     ".2byte 0x6002", ".2byte 0x8002"};
	unsigned label = labels++, r = base();

	switch (below(10)) {
	case 0: emit("ecall"); break;
	case 1: emit("ebreak"); break;
	case 2: emit("%s", PICK(reserved)); break;
	case 3: emit("fence"); break;
	case 4: emit("fence.i"); break;
	case 5: emit("slti x0, x%u, %d", below(2) ? 0 : source(), between(0, 2047)); break;
	case 6: emit("csrrw x%u, 0x7c0, x%u", dest(), source()); break; /* no such CSR */
	case 7:                                                         /* read-only CSR written */
		emit("csrrw x%u, mhartid, x%u", dest(), source());
		break;
	case 8: /* reserved rounding mode: fadd.d, rm 5 or 6 */
		emit(".4byte %#x",
		     0x02000053 | freg() << 7 | (5 + below(2)) << 12 | freg() << 15 | freg() << 20);
		break;
	default: /* code that is written and then run: addi r, r, n */
		emit("la x%u, L%u", r, label);
		emit("li x1, %#x", 0x13 | r << 7 | r << 15 | below(2048) << 20);
		emit("sw x1, 0(x%u)", r);
		emit("fence.i");
		emit(".option push\n\t.option norvc\n\t.balign 4\nL%u:\tnop\n\t.option pop", label);
		break;
	}
}

static void emit_random(void)
{
	unsigned n = below(100);

	if (n < 14)
		emit_op();
	else if (n < 21)
		emit_op_imm();
	else if (n < 28)
		emit_bits();
	else if (n < 32)
		emit_load_immediate();
	else if (n < 40)
		emit_muldiv();
	else if (n < 52)
		emit_memory();
	else if (n < 56)
		emit_fp_memory();
	else if (n < 61)
		emit_atomic();
	else if (n < 69)
		emit_jump();
	else if (n < 94)
		emit_fp();
	else if (n < 98)
		emit_csr();
	else
		emit_odd();
}

static void emit_data(void)
{
	puts("\t.balign 4096\ndata_page:");
	for (unsigned i = 0; i < 192; i++)
		emit(".8byte %#" PRIx64, number(52, 11));
	for (unsigned i = 0; i < 64 + 128; i++)
		emit(".8byte %#" PRIx64, integer());
	for (unsigned i = 0; i < 256; i++)
		emit(".4byte %#" PRIx64, number(23, 8));
}

int main(int argc, char **argv)
{
	unsigned long count, block = 32, nblocks;

	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: gen SEED COUNT [BLOCK [zicond]]\n");
		return 2;
	}
	state = strtoull(argv[1], NULL, 0);
	count = strtoul(argv[2], NULL, 0);
	if (argc > 3)
		block = strtoul(argv[3], NULL, 0);
	if (block == 0)
		block = 1;
	has_zicond = argc > 4;

	puts("#include \"test/conform/runtime_hart.S\"");
	for (unsigned i = 5; i < 32; i++)
		emit("li x%u, %" PRId64, i, (int64_t)integer());
	for (unsigned i = 0; i < 32; i++)
		emit("fld f%u, %d(sp)", i, offset(-2048, -512, 8));
	nblocks = (count + block - 1) / block;
	for (unsigned long b = 0; b < nblocks; b++) {
		printf("block_%lu:\n", b);
		for (unsigned long i = 0; i < block; i++)
			emit_random();
		emit("call fold");
	}
	emit("tail finish");
	emit_data();
	return 0;
}
