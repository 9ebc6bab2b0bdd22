/*
 * Registers as gdb numbers them, and the description of them that it asks for.
 *
 *       0 .. 31   x0 to x31       65 .. 4160   CSR number + 65 (fflags, frm, fcsr too)
 *      32         pc              4161         priv: the privilege, 0 U, 1 S, 3 M
 *      33 .. 64   f0 to f31
 *
 * These are gdb's own numbers, so that it would find its way without the description too. The
 * description lists the CSRs that the machine has: those that csr_read knows. Reading one for
 * gdb asks with the rights of M-mode and changes nothing; a write does what the CSR instruction
 * would do in M-mode. All is told in 64 bits, which is more than some have.
 */
#include <string.h>

#include "machine/debug/gdb.h"
#include "rv/csr.h"

#define CSRS 4096

/* -- by number ---------------------------------------------------------------------------- */

static bool is_fp_csr(unsigned csr)
{
	return csr >= CSR_FFLAGS && csr <= CSR_FCSR;
}

/*
 * csr_read with the rights of M-mode, between two steps.
 * => h is as it was: but for exec_since, which the next exec() sets anyway.
 */
static bool csr_look(struct hart *h, unsigned csr, uint64_t *out)
{
	unsigned prv = h->prv;
	uint64_t mstatus = h->mstatus;

	h->exec_since = h->clock; /* all steps are in h->count by now */
	h->prv = PRV_M;
	h->mstatus |= MSTATUS_FS; /* fcsr is there, be it off */
	bool ok = csr_read(h, csr, out, false);
	h->prv = prv;
	h->mstatus = mstatus;
	if (csr == CSR_MSTATUS || csr == CSR_SSTATUS) /* without what was put in above */
		*out = (*out & ~(uint64_t)MSTATUS_FS) | (mstatus & MSTATUS_FS);
	return ok;
}

static bool csr_put(struct hart *h, unsigned csr, uint64_t value)
{
	unsigned prv = h->prv;
	uint64_t old;

	if (csr >> 10 == 3 || !csr_look(h, csr, &old)) /* read-only, or there is none */
		return false;
	/* A counter's write takes the place of its instruction's own increment: there is none. */
	if (csr == CSR_MCYCLE || csr == CSR_MINSTRET)
		value++;
	h->prv = PRV_M;
	bool ok = csr_write(h, csr, value);
	h->prv = prv;
	mmu_mode_changed(h);
	return ok;
}

bool gdb_reg_read(struct gdb *g, uint64_t number, uint64_t *out)
{
	struct hart *h = &g->m->harts[g->hart];

	if (number < GDB_REG_PC)
		*out = h->x[number];
	else if (number == GDB_REG_PC)
		*out = h->pc;
	else if (number < GDB_REG_CSR0)
		*out = h->f[number - GDB_REG_F0];
	else if (number < GDB_REG_PRV)
		return csr_look(h, (unsigned)number - GDB_REG_CSR0, out);
	else if (number == GDB_REG_PRV)
		*out = h->prv;
	else
		return false;
	return true;
}

bool gdb_reg_write(struct gdb *g, uint64_t number, uint64_t value)
{
	struct hart *h = &g->m->harts[g->hart];

	if (number == 0)
		return value == 0;
	if (number < GDB_REG_PC) {
		h->x[number] = value;
	} else if (number == GDB_REG_PC) {
		h->pc = value & ~1ull;
	} else if (number < GDB_REG_CSR0) {
		h->f[number - GDB_REG_F0] = value;
		if (h->mstatus & MSTATUS_FS) /* so that the guest's kernel keeps it */
			h->mstatus |= MSTATUS_FS | MSTATUS_SD;
	} else if (number < GDB_REG_PRV) {
		return csr_put(h, (unsigned)number - GDB_REG_CSR0, value);
	} else if (number == GDB_REG_PRV) {
		if (value != PRV_U && value != PRV_S && value != PRV_M)
			return false;
		h->prv = (unsigned)value;
		mmu_mode_changed(h);
	} else {
		return false;
	}
	return true;
}

/* -- the description ---------------------------------------------------------------------- */

/* Names of the specification; a run of registers has its first number behind its name. */
static const struct csr_name {
	uint16_t csr, count;
	const char *name;
} csr_names[] = {
    {0x015, 1, "seed"},          {0x100, 1, "sstatus"},       {0x104, 1, "sie"},
    {0x105, 1, "stvec"},         {0x106, 1, "scounteren"},    {0x10a, 1, "senvcfg"},
    {0x120, 1, "scountinhibit"}, {0x140, 1, "sscratch"},      {0x141, 1, "sepc"},
    {0x142, 1, "scause"},        {0x143, 1, "stval"},         {0x144, 1, "sip"},
    {0x14d, 1, "stimecmp"},      {0x180, 1, "satp"},          {0x300, 1, "mstatus"},
    {0x301, 1, "misa"},          {0x302, 1, "medeleg"},       {0x303, 1, "mideleg"},
    {0x304, 1, "mie"},           {0x305, 1, "mtvec"},         {0x306, 1, "mcounteren"},
    {0x30a, 1, "menvcfg"},       {0x320, 1, "mcountinhibit"}, {0x323, 29, "mhpmevent3"},
    {0x340, 1, "mscratch"},      {0x341, 1, "mepc"},          {0x342, 1, "mcause"},
    {0x343, 1, "mtval"},         {0x344, 1, "mip"},           {0x3a0, 16, "pmpcfg0"},
    {0x3b0, 64, "pmpaddr0"},     {0x747, 1, "mseccfg"},       {0x7a0, 1, "tselect"},
    {0x7a1, 1, "tdata1"},        {0x7a2, 1, "tdata2"},        {0x7a3, 1, "tdata3"},
    {0xb00, 1, "mcycle"},        {0xb02, 1, "minstret"},      {0xb03, 29, "mhpmcounter3"},
    {0xc00, 1, "cycle"},         {0xc01, 1, "time"},          {0xc02, 1, "instret"},
    {0xc03, 29, "hpmcounter3"},  {0xda0, 1, "scountovf"},     {0xf11, 1, "mvendorid"},
    {0xf12, 1, "marchid"},       {0xf13, 1, "mimpid"},        {0xf14, 1, "mhartid"},
    {0xf15, 1, "mconfigptr"},
};

static void put_csr_name(struct gdb_text *t, unsigned csr)
{
	for (size_t i = 0; i < sizeof(csr_names) / sizeof(csr_names[0]); i++) {
		const struct csr_name *n = &csr_names[i];
		unsigned at = csr - n->csr;
		size_t len = strlen(n->name);
		unsigned first = (unsigned)(n->name[len - 1] - '0');

		if (at >= n->count)
			continue;
		if (n->count == 1) {
			gdb_put(t, n->name);
		} else {
			gdb_put_bytes(t, n->name, len - 1);
			gdb_put_dec(t, first + at, 0);
		}
		return;
	}
	gdb_put(t, "csr"); /* a number without a name here */
	gdb_put_hex(t, csr, 3);
}

static void put_reg(struct gdb_text *t, unsigned number, const char *name, const char *more)
{
	gdb_put(t, "<reg name=\"");
	if (name)
		gdb_put(t, name);
	else
		put_csr_name(t, number - GDB_REG_CSR0);
	gdb_put(t, "\" bitsize=\"64\" regnum=\"");
	gdb_put_dec(t, number, 0);
	gdb_put(t, "\"");
	gdb_put(t, more);
	gdb_put(t, "/>\n");
}

static void put_feature(struct gdb_text *t, const char *name)
{
	gdb_put(t, "<feature name=\"org.gnu.gdb.riscv.");
	gdb_put(t, name);
	gdb_put(t, "\">\n");
}

static void describe(struct gdb *g, struct gdb_text *t)
{
	static const char *const x[] = {
	    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "fp", "s1", "a0",
	    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
	    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
	};
	static const char *const f[] = {
	    "ft0", "ft1", "ft2", "ft3", "ft4",  "ft5",  "ft6", "ft7", "fs0",  "fs1",  "fa0",
	    "fa1", "fa2", "fa3", "fa4", "fa5",  "fa6",  "fa7", "fs2", "fs3",  "fs4",  "fs5",
	    "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
	};
	uint64_t ignored;

	gdb_put(t, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
		   "<target version=\"1.0\">\n<architecture>riscv:rv64</architecture>\n");
	put_feature(t, "cpu");
	for (unsigned i = 0; i < 32; i++)
		put_reg(t, i, x[i],
			i == 1                       ? " type=\"code_ptr\""
			: i == 2 || i == 3 || i == 4 ? " type=\"data_ptr\""
						     : "");
	put_reg(t, GDB_REG_PC, "pc", " type=\"code_ptr\"");
	gdb_put(t, "</feature>\n");

	put_feature(t, "fpu");
	gdb_put(t, "<union id=\"riscv_double\">\n<field name=\"float\" type=\"ieee_single\"/>\n"
		   "<field name=\"double\" type=\"ieee_double\"/>\n</union>\n");
	for (unsigned i = 0; i < 32; i++)
		put_reg(t, GDB_REG_F0 + i, f[i], " type=\"riscv_double\"");
	put_reg(t, GDB_REG_CSR0 + CSR_FFLAGS, "fflags", "");
	put_reg(t, GDB_REG_CSR0 + CSR_FRM, "frm", "");
	put_reg(t, GDB_REG_CSR0 + CSR_FCSR, "fcsr", "");
	gdb_put(t, "</feature>\n");

	put_feature(t, "csr");
	for (unsigned csr = 0; csr < CSRS; csr++)
		if (!is_fp_csr(csr) && csr_look(&g->m->harts[0], csr, &ignored))
			put_reg(t, GDB_REG_CSR0 + csr, NULL, " group=\"csr\"");
	gdb_put(t, "</feature>\n");

	put_feature(t, "virtual");
	put_reg(t, GDB_REG_PRV, "priv", "");
	gdb_put(t, "</feature>\n</target>\n");
}

const struct gdb_text *gdb_target_xml(struct gdb *g)
{
	if (!g->xml.len)
		describe(g, &g->xml);
	if (g->xml.full)
		__builtin_trap(); /* a bug: xml_buf is too small for the CSRs that there are */
	return &g->xml;
}
