/*
 * The decoder: one instruction word to one `struct insn`.
 *
 * Source: RISC-V Unprivileged ISA 20191213, chapter 24 (tables of RV64IMAFD),
 * chapter 16 (C), and Privileged Architecture 1.12 for SYSTEM; Zba, Zbb, Zbs 1.0,
 * Zicond 1.0, Zicbom, Zicbop and Zicboz 1.0, Svinval 1.0. What is not
 * defined there, or reserved, decodes to OP_illegal with the raw bits, which
 * the trap reports in tval.
 *
 * A jump whose target lies in the same page becomes an operation on slots
 * (imm = distance in bytes of slots); one that leaves the page keeps its byte
 * offset (`_far`). That depends on the offset in the page alone.
 */
#include "machine/hart/code.h"
#include "machine/hart/hart.h"
#include "machine/hart/ops.h"

static int32_t bits(uint32_t raw, unsigned hi, unsigned lo)
{
	return (int32_t)((raw >> lo) & ((2u << (hi - lo)) - 1));
}

static int32_t sext(uint32_t v, unsigned width)
{
	return (int32_t)(v << (32 - width)) >> (32 - width);
}

static uint8_t dest(unsigned rd)
{
	return rd ? (uint8_t)rd : REG_SINK;
}

static enum op illegal(uint32_t raw, struct insn *in)
{
	in->imm32 = (int32_t)raw;
	return OP_illegal;
}

/* Chooses between the in-page and the far form of a jump by `disp` bytes. */
static bool is_near(unsigned offset, int32_t disp)
{
	int32_t target = (int32_t)offset + disp;

	return target >= 0 && target < CODE_SLOTS * 2;
}

static int16_t slot_distance(int32_t disp)
{
	return (int16_t)(disp / 2 * (int32_t)sizeof(struct insn));
}

/* A branch: near and far operation, displacement. */
static enum op branch(enum op near_op, enum op far_op, unsigned offset, int32_t disp,
		      struct insn *in)
{
	if (is_near(offset, disp)) {
		in->imm = slot_distance(disp);
		return near_op;
	}
	in->imm = (int16_t)disp;
	return far_op;
}

static enum op jump(unsigned offset, int32_t disp, unsigned rd, struct insn *in)
{
	in->rd = dest(rd);
	if (is_near(offset, disp)) {
		in->imm = slot_distance(disp);
		return rd ? OP_jal : OP_j;
	}
	in->imm32 = disp;
	return rd ? OP_jal_far : OP_j_far;
}

static enum op add_immediate(unsigned rd, unsigned rs1, int32_t imm, struct insn *in)
{
	in->imm = (int16_t)imm;
	in->rd = dest(rd);
	in->rs1 = (uint8_t)rs1;
	if (!rd)
		return OP_nop;
	if (!rs1)
		return OP_li;
	return imm ? OP_addi : OP_mv;
}

/* -- 4-byte instructions ---------------------------------------------------------------------- */

static enum op decode_op_imm(uint32_t raw, struct insn *in)
{
	unsigned funct3 = (unsigned)bits(raw, 14, 12), top6 = raw >> 26;
	int32_t imm = (int32_t)raw >> 20;

	in->imm = (int16_t)imm;
	switch (funct3) {
	case 0: return add_immediate((raw >> 7) & 31, in->rs1, imm, in);
	case 2: return OP_slti;
	case 3: return OP_sltiu;
	case 4: return OP_xori;
	case 6: return OP_ori;
	case 7: return OP_andi;
	default: break;
	}
	in->imm = (int16_t)(imm & 63);
	if (funct3 == 1) {
		switch (top6) {
		case 0x00: return OP_slli;
		case 0x0a: return OP_bseti;
		case 0x12: return OP_bclri;
		case 0x1a: return OP_binvi;
		default: break;
		}
		switch (raw >> 20) {
		case 0x600: return OP_clz;
		case 0x601: return OP_ctz;
		case 0x602: return OP_cpop;
		case 0x604: return OP_sext_b;
		case 0x605: return OP_sext_h;
		default: return illegal(raw, in);
		}
	}
	switch (top6) {
	case 0x00: return OP_srli;
	case 0x10: return OP_srai;
	case 0x12: return OP_bexti;
	case 0x18: return OP_rori;
	default: break;
	}
	if (raw >> 20 == 0x287)
		return OP_orc_b;
	return raw >> 20 == 0x6b8 ? OP_rev8 : illegal(raw, in);
}

static enum op decode_op_imm32(uint32_t raw, struct insn *in)
{
	unsigned funct3 = (unsigned)bits(raw, 14, 12), funct7 = raw >> 25;

	in->imm = (int16_t)((int32_t)raw >> 20);
	if (funct3 == 0)
		return OP_addiw;
	if (funct3 == 1 && funct7 >> 1 == 2) {
		in->imm &= 63;
		return OP_slli_uw;
	}
	in->imm &= 31;
	if (funct3 == 5 && funct7 == 0x30)
		return OP_roriw;
	if (funct3 == 1 && funct7 == 0x30)
		switch (in->rs2) {
		case 0: return OP_clzw;
		case 1: return OP_ctzw;
		case 2: return OP_cpopw;
		default: return illegal(raw, in);
		}
	if (funct3 == 1 && funct7 == 0)
		return OP_slliw;
	if (funct3 == 5 && funct7 == 0)
		return OP_srliw;
	if (funct3 == 5 && funct7 == 0x20)
		return OP_sraiw;
	return illegal(raw, in);
}

static enum op decode_op(uint32_t raw, struct insn *in)
{
	static const uint16_t base[8] = {OP_add, OP_sll, OP_slt, OP_sltu,
					 OP_xor, OP_srl, OP_or,  OP_and};
	static const uint16_t muldiv[8] = {OP_mul, OP_mulh, OP_mulhsu, OP_mulhu,
					   OP_div, OP_divu, OP_rem,    OP_remu};
	unsigned funct3 = (unsigned)bits(raw, 14, 12);

	switch (raw >> 25) {
	case 0x00: return base[funct3];
	case 0x01: return muldiv[funct3];
	default: break;
	}
	switch ((raw >> 25) << 3 | funct3) {
	case 0x20 << 3 | 0: return OP_sub;
	case 0x20 << 3 | 5: return OP_sra;
	case 0x20 << 3 | 4: return OP_xnor;
	case 0x20 << 3 | 6: return OP_orn;
	case 0x20 << 3 | 7: return OP_andn;
	case 0x10 << 3 | 2: return OP_sh1add;
	case 0x10 << 3 | 4: return OP_sh2add;
	case 0x10 << 3 | 6: return OP_sh3add;
	case 0x05 << 3 | 4: return OP_min;
	case 0x05 << 3 | 5: return OP_minu;
	case 0x05 << 3 | 6: return OP_max;
	case 0x05 << 3 | 7: return OP_maxu;
	case 0x30 << 3 | 1: return OP_rol;
	case 0x30 << 3 | 5: return OP_ror;
	case 0x24 << 3 | 1: return OP_bclr;
	case 0x24 << 3 | 5: return OP_bext;
	case 0x34 << 3 | 1: return OP_binv;
	case 0x14 << 3 | 1: return OP_bset;
	case 0x07 << 3 | 5: return OP_czero_eqz;
	case 0x07 << 3 | 7: return OP_czero_nez;
	default: return illegal(raw, in);
	}
}

static enum op decode_op32(uint32_t raw, struct insn *in)
{
	switch ((raw >> 25) << 3 | (unsigned)bits(raw, 14, 12)) {
	case 0x00 << 3 | 0: return OP_addw;
	case 0x00 << 3 | 1: return OP_sllw;
	case 0x00 << 3 | 5: return OP_srlw;
	case 0x20 << 3 | 0: return OP_subw;
	case 0x20 << 3 | 5: return OP_sraw;
	case 0x01 << 3 | 0: return OP_mulw;
	case 0x01 << 3 | 4: return OP_divw;
	case 0x01 << 3 | 5: return OP_divuw;
	case 0x01 << 3 | 6: return OP_remw;
	case 0x01 << 3 | 7: return OP_remuw;
	case 0x04 << 3 | 0: return OP_add_uw;
	case 0x04 << 3 | 4: return in->rs2 ? illegal(raw, in) : OP_zext_h;
	case 0x10 << 3 | 2: return OP_sh1add_uw;
	case 0x10 << 3 | 4: return OP_sh2add_uw;
	case 0x10 << 3 | 6: return OP_sh3add_uw;
	case 0x30 << 3 | 1: return OP_rolw;
	case 0x30 << 3 | 5: return OP_rorw;
	default: return illegal(raw, in);
	}
}

static enum op decode_amo(uint32_t raw, struct insn *in)
{
	unsigned funct3 = (unsigned)bits(raw, 14, 12);
	bool d = funct3 == 3;

	if (funct3 != 2 && funct3 != 3)
		return illegal(raw, in);
	switch (raw >> 27) {
	case 0x02:
		if (in->rs2)
			return illegal(raw, in);
		return d ? OP_lr_d : OP_lr_w;
	case 0x03: return d ? OP_sc_d : OP_sc_w;
	case 0x01: return d ? OP_amoswap_d : OP_amoswap_w;
	case 0x00: return d ? OP_amoadd_d : OP_amoadd_w;
	case 0x04: return d ? OP_amoxor_d : OP_amoxor_w;
	case 0x0c: return d ? OP_amoand_d : OP_amoand_w;
	case 0x08: return d ? OP_amoor_d : OP_amoor_w;
	case 0x10: return d ? OP_amomin_d : OP_amomin_w;
	case 0x14: return d ? OP_amomax_d : OP_amomax_w;
	case 0x18: return d ? OP_amominu_d : OP_amominu_w;
	case 0x1c: return d ? OP_amomaxu_d : OP_amomaxu_w;
	default: return illegal(raw, in);
	}
}

static enum op decode_system(uint32_t raw, struct insn *in)
{
	unsigned funct3 = (unsigned)bits(raw, 14, 12);

	if (funct3 == 0) {
		switch (raw) {
		case 0x00000073: return OP_ecall;
		case 0x00100073: return OP_ebreak;
		case 0x10200073: in->imm32 = (int32_t)raw; return OP_sret;
		case 0x30200073: in->imm32 = (int32_t)raw; return OP_mret;
		case 0x10500073: in->imm32 = (int32_t)raw; return OP_wfi;
		default: break;
		}
		if ((raw & 0xfe007fff) == 0x12000073) {
			in->rd = in->rs2; /* rd: the ASID's register; imm32 is needed for traps */
			in->imm32 = (int32_t)raw;
			return OP_sfence_vma;
		}
		if ((raw & 0xfe007fff) == 0x16000073) {
			in->rd = in->rs2;
			return OP_sinval_vma;
		}
		if (raw == 0x18000073 || raw == 0x18100073)
			return OP_sfence_inval;
		return illegal(raw, in);
	}
	if (funct3 == 4)
		return illegal(raw, in);
	/* The whole word: CSR number, and the raw bits should the access be illegal. */
	in->imm32 = (int32_t)raw;
	switch (funct3) {
	case 1: return OP_csrrw;
	case 2: return OP_csrrs;
	case 3: return OP_csrrc;
	case 5: return OP_csrrwi;
	case 6: return OP_csrrsi;
	default: return OP_csrrci;
	}
}

/* OP-FP: rounding mode in aux; 5 and 6 are reserved. */
static enum op decode_fp(uint32_t raw, struct insn *in)
{
	unsigned rm = (unsigned)bits(raw, 14, 12), rs2 = in->rs2;
	bool bad_rm = rm == 5 || rm == 6;

	in->aux = (uint8_t)rm;
	in->rd = (uint8_t)bits(raw, 11, 7); /* an f register unless said otherwise below */

#define ROUNDED(op) (bad_rm ? illegal(raw, in) : (op))
#define TO_X(op)    (in->rd = dest(in->rd), (op))
	switch (raw >> 25) {
	case 0x00: return ROUNDED(OP_fadd_s);
	case 0x01: return ROUNDED(OP_fadd_d);
	case 0x04: return ROUNDED(OP_fsub_s);
	case 0x05: return ROUNDED(OP_fsub_d);
	case 0x08: return ROUNDED(OP_fmul_s);
	case 0x09: return ROUNDED(OP_fmul_d);
	case 0x0c: return ROUNDED(OP_fdiv_s);
	case 0x0d: return ROUNDED(OP_fdiv_d);
	case 0x2c: return rs2 ? illegal(raw, in) : ROUNDED(OP_fsqrt_s);
	case 0x2d: return rs2 ? illegal(raw, in) : ROUNDED(OP_fsqrt_d);
	case 0x10: return rm > 2 ? illegal(raw, in) : (enum op)(OP_fsgnj_s + rm);
	case 0x11: return rm > 2 ? illegal(raw, in) : (enum op)(OP_fsgnj_d + rm);
	case 0x14: return rm > 1 ? illegal(raw, in) : (enum op)(OP_fmin_s + rm);
	case 0x15: return rm > 1 ? illegal(raw, in) : (enum op)(OP_fmin_d + rm);
	case 0x20: return rs2 != 1 ? illegal(raw, in) : ROUNDED(OP_fcvt_s_d);
	case 0x21: return rs2 != 0 ? illegal(raw, in) : ROUNDED(OP_fcvt_d_s);
	case 0x50:
		if (rm > 2)
			break;
		return TO_X(rm == 2 ? OP_feq_s : rm == 1 ? OP_flt_s : OP_fle_s);
	case 0x51:
		if (rm > 2)
			break;
		return TO_X(rm == 2 ? OP_feq_d : rm == 1 ? OP_flt_d : OP_fle_d);
	case 0x60: return rs2 > 3 ? illegal(raw, in) : ROUNDED(TO_X((enum op)(OP_fcvt_w_s + rs2)));
	case 0x61: return rs2 > 3 ? illegal(raw, in) : ROUNDED(TO_X((enum op)(OP_fcvt_w_d + rs2)));
	case 0x68: return rs2 > 3 ? illegal(raw, in) : ROUNDED((enum op)(OP_fcvt_s_w + rs2));
	case 0x69: return rs2 > 3 ? illegal(raw, in) : ROUNDED((enum op)(OP_fcvt_d_w + rs2));
	case 0x70:
		if (rs2 || rm > 1)
			break;
		return TO_X(rm ? OP_fclass_s : OP_fmv_x_w);
	case 0x71:
		if (rs2 || rm > 1)
			break;
		return TO_X(rm ? OP_fclass_d : OP_fmv_x_d);
	case 0x78:
		if (rs2 || rm)
			break;
		return OP_fmv_w_x;
	case 0x79:
		if (rs2 || rm)
			break;
		return OP_fmv_d_x;
	default: break;
	}
	return illegal(raw, in);
#undef ROUNDED
#undef TO_X
}

/* Fused multiply-add: rs3 in aux, rounding mode in the low bits of imm. */
static enum op decode_fma(uint32_t raw, struct insn *in, enum op single, enum op dbl)
{
	unsigned fmt = (unsigned)bits(raw, 26, 25), rm = (unsigned)bits(raw, 14, 12);

	if (fmt > 1 || rm == 5 || rm == 6)
		return illegal(raw, in);
	in->rd = (uint8_t)bits(raw, 11, 7);
	in->aux = (uint8_t)(raw >> 27);
	in->imm = (int16_t)rm;
	return fmt ? dbl : single;
}

static enum op decode_wide(uint32_t raw, unsigned offset, struct insn *in)
{
	unsigned rd = (raw >> 7) & 31, funct3 = (raw >> 12) & 7;
	int32_t i_imm = (int32_t)raw >> 20;
	int32_t s_imm = (((int32_t)raw >> 25) * 32) | (int32_t)rd;

	in->rd = dest(rd);
	in->rs1 = (raw >> 15) & 31;
	in->rs2 = (raw >> 20) & 31;
	in->imm = 0;

	switch (raw & 0x7f) {
	case 0x37: in->imm32 = (int32_t)(raw & 0xfffff000); return rd ? OP_lui : OP_nop;
	case 0x17: in->imm32 = (int32_t)(raw & 0xfffff000); return OP_auipc;
	case 0x6f:
		return jump(offset,
			    sext((uint32_t)(bits(raw, 31, 31) << 20 | bits(raw, 19, 12) << 12 |
					    bits(raw, 20, 20) << 11 | bits(raw, 30, 21) << 1),
				 21),
			    rd, in);
	case 0x67:
		if (funct3)
			break;
		in->imm = (int16_t)i_imm;
		return rd ? OP_jalr : OP_jr;
	case 0x63: {
		int32_t disp = sext((uint32_t)(bits(raw, 31, 31) << 12 | bits(raw, 7, 7) << 11 |
					       bits(raw, 30, 25) << 5 | bits(raw, 11, 8) << 1),
				    13);
		switch (funct3) {
		case 0: return branch(OP_beq, OP_beq_far, offset, disp, in);
		case 1: return branch(OP_bne, OP_bne_far, offset, disp, in);
		case 4: return branch(OP_blt, OP_blt_far, offset, disp, in);
		case 5: return branch(OP_bge, OP_bge_far, offset, disp, in);
		case 6: return branch(OP_bltu, OP_bltu_far, offset, disp, in);
		case 7: return branch(OP_bgeu, OP_bgeu_far, offset, disp, in);
		default: break;
		}
		break;
	}
	case 0x03: {
		static const uint16_t loads[8] = {OP_lb,  OP_lh,  OP_lw,  OP_ld,
						  OP_lbu, OP_lhu, OP_lwu, OP_illegal};
		if (funct3 == 7)
			break;
		in->imm = (int16_t)i_imm;
		return loads[funct3];
	}
	case 0x23: {
		static const uint16_t stores[4] = {OP_sb, OP_sh, OP_sw, OP_sd};
		if (funct3 > 3)
			break;
		in->imm = (int16_t)s_imm;
		return stores[funct3];
	}
	case 0x07:
		if (funct3 != 2 && funct3 != 3)
			break;
		in->rd = (uint8_t)rd;
		in->imm = (int16_t)i_imm;
		return funct3 == 2 ? OP_flw : OP_fld;
	case 0x27:
		if (funct3 != 2 && funct3 != 3)
			break;
		in->imm = (int16_t)s_imm;
		return funct3 == 2 ? OP_fsw : OP_fsd;
	case 0x13:
		if (funct3 == 2 && rd == 0 && in->rs1 == 0 && i_imm > 0) {
			in->imm = (int16_t)i_imm;
			return OP_trace;
		}
		return decode_op_imm(raw, in);
	case 0x1b: return decode_op_imm32(raw, in);
	case 0x33: return decode_op(raw, in);
	case 0x3b: return decode_op32(raw, in);
	case 0x2f: return decode_amo(raw, in);
	case 0x0f:
		if (funct3 == 0)
			return OP_nop; /* one step at a time: every order is kept */
		if (funct3 == 1)
			return OP_fence_i;
		if (funct3 == 2 && rd == 0 && i_imm >= 0 && i_imm <= 2) {
			in->imm = (int16_t)i_imm;
			return OP_cbo;
		}
		if (funct3 == 2 && rd == 0 && i_imm == 4)
			return OP_cbo_zero;
		break;
	case 0x73: return decode_system(raw, in);
	case 0x53: return decode_fp(raw, in);
	case 0x43: return decode_fma(raw, in, OP_fmadd_s, OP_fmadd_d);
	case 0x47: return decode_fma(raw, in, OP_fmsub_s, OP_fmsub_d);
	case 0x4b: return decode_fma(raw, in, OP_fnmsub_s, OP_fnmsub_d);
	case 0x4f: return decode_fma(raw, in, OP_fnmadd_s, OP_fnmadd_d);
	default: break;
	}
	return illegal(raw, in);
}

/* -- 2-byte instructions ---------------------------------------------------------------------- */

static enum op decode_quadrant0(uint32_t raw, struct insn *in)
{
	unsigned low = 8 + (unsigned)bits(raw, 4, 2), high = 8 + (unsigned)bits(raw, 9, 7);
	int32_t off_w = bits(raw, 12, 10) << 3 | bits(raw, 6, 6) << 2 | bits(raw, 5, 5) << 6;
	int32_t off_d = bits(raw, 12, 10) << 3 | bits(raw, 6, 5) << 6;

	in->rs1 = (uint8_t)high;
	in->rd = in->rs2 = (uint8_t)low;
	switch (raw >> 13) {
	case 0: {
		int32_t imm = bits(raw, 12, 11) << 4 | bits(raw, 10, 7) << 6 |
			      bits(raw, 6, 6) << 2 | bits(raw, 5, 5) << 3;
		return imm ? add_immediate(low, 2, imm, in) : illegal(raw, in);
	}
	case 1: in->imm = (int16_t)off_d; return OP_fld;
	case 2: in->imm = (int16_t)off_w; return OP_lw;
	case 3: in->imm = (int16_t)off_d; return OP_ld;
	case 5: in->imm = (int16_t)off_d; return OP_fsd;
	case 6: in->imm = (int16_t)off_w; return OP_sw;
	case 7: in->imm = (int16_t)off_d; return OP_sd;
	default: return illegal(raw, in);
	}
}

static enum op decode_quadrant1(uint32_t raw, unsigned offset, struct insn *in)
{
	unsigned rd = (unsigned)bits(raw, 11, 7), low = 8 + (unsigned)bits(raw, 9, 7);
	int32_t imm6 = sext((uint32_t)(bits(raw, 12, 12) << 5 | bits(raw, 6, 2)), 6);

	in->rd = dest(rd);
	in->rs1 = (uint8_t)rd;
	in->imm = (int16_t)imm6;
	switch (raw >> 13) {
	case 0: return add_immediate(rd, rd, imm6, in);
	case 1: return rd ? OP_addiw : illegal(raw, in);
	case 2: return add_immediate(rd, 0, imm6, in);
	case 3:
		if (imm6 == 0)
			return illegal(raw, in);
		if (rd == 2) {
			int32_t imm = sext((uint32_t)(bits(raw, 12, 12) << 9 |
						      bits(raw, 6, 6) << 4 | bits(raw, 5, 5) << 6 |
						      bits(raw, 4, 3) << 7 | bits(raw, 2, 2) << 5),
					   10);
			return add_immediate(2, 2, imm, in);
		}
		in->imm32 = imm6 * 4096;
		return rd ? OP_lui : OP_nop;
	case 4: {
		static const uint16_t alu[8] = {OP_sub,  OP_xor,  OP_or,      OP_and,
						OP_subw, OP_addw, OP_illegal, OP_illegal};
		in->rd = in->rs1 = (uint8_t)low;
		in->imm = (int16_t)(imm6 & 63);
		switch (bits(raw, 11, 10)) {
		case 0: return OP_srli;
		case 1: return OP_srai;
		case 2: in->imm = (int16_t)imm6; return OP_andi;
		default: break;
		}
		unsigned which = (unsigned)(bits(raw, 12, 12) << 2 | bits(raw, 6, 5));
		in->imm = 0;
		in->rs2 = (uint8_t)(8 + bits(raw, 4, 2));
		return alu[which] == OP_illegal ? illegal(raw, in) : (enum op)alu[which];
	}
	case 5:
		return jump(offset,
			    sext((uint32_t)(bits(raw, 12, 12) << 11 | bits(raw, 11, 11) << 4 |
					    bits(raw, 10, 9) << 8 | bits(raw, 8, 8) << 10 |
					    bits(raw, 7, 7) << 6 | bits(raw, 6, 6) << 7 |
					    bits(raw, 5, 3) << 1 | bits(raw, 2, 2) << 5),
				 12),
			    0, in);
	default: {
		int32_t disp = sext((uint32_t)(bits(raw, 12, 12) << 8 | bits(raw, 11, 10) << 3 |
					       bits(raw, 6, 5) << 6 | bits(raw, 4, 3) << 1 |
					       bits(raw, 2, 2) << 5),
				    9);
		bool ne = raw >> 13 == 7;
		in->rs1 = (uint8_t)low;
		in->rs2 = 0;
		return branch(ne ? OP_bnez : OP_beqz, ne ? OP_bne_far : OP_beq_far, offset, disp,
			      in);
	}
	}
}

static enum op decode_quadrant2(uint32_t raw, struct insn *in)
{
	unsigned rd = (unsigned)bits(raw, 11, 7), rs2 = (unsigned)bits(raw, 6, 2);
	bool bit12 = bits(raw, 12, 12);

	in->rd = dest(rd);
	in->rs1 = 2;
	switch (raw >> 13) {
	case 0:
		in->rs1 = (uint8_t)rd;
		in->imm = (int16_t)(bits(raw, 12, 12) << 5 | (int32_t)rs2);
		return rd ? OP_slli : OP_nop;
	case 1:
		in->rd = (uint8_t)rd;
		in->imm =
		    (int16_t)(bits(raw, 12, 12) << 5 | bits(raw, 6, 5) << 3 | bits(raw, 4, 2) << 6);
		return OP_fld;
	case 2:
		in->imm =
		    (int16_t)(bits(raw, 12, 12) << 5 | bits(raw, 6, 4) << 2 | bits(raw, 3, 2) << 6);
		return rd ? OP_lw : illegal(raw, in);
	case 3:
		in->imm =
		    (int16_t)(bits(raw, 12, 12) << 5 | bits(raw, 6, 5) << 3 | bits(raw, 4, 2) << 6);
		return rd ? OP_ld : illegal(raw, in);
	case 4:
		in->rs1 = (uint8_t)rd;
		in->rs2 = (uint8_t)rs2;
		if (rs2 == 0) {
			if (rd == 0)
				return bit12 ? OP_ebreak : illegal(raw, in);
			if (bit12)
				in->rd = 1;
			return bit12 ? OP_jalr : OP_jr;
		}
		if (!bit12)
			in->rs1 = (uint8_t)rs2;
		if (rd == 0)
			return OP_nop;
		return bit12 ? OP_add : OP_mv;
	case 5: in->imm = (int16_t)(bits(raw, 12, 10) << 3 | bits(raw, 9, 7) << 6); break;
	case 6: in->imm = (int16_t)(bits(raw, 12, 9) << 2 | bits(raw, 8, 7) << 6); break;
	default: in->imm = (int16_t)(bits(raw, 12, 10) << 3 | bits(raw, 9, 7) << 6); break;
	}
	in->rs2 = (uint8_t)rs2;
	return raw >> 13 == 5 ? OP_fsd : raw >> 13 == 6 ? OP_sw : OP_sd;
}

/* The 2-byte form's number of an operation of OPS_BOTH. */
static enum op compressed(enum op op)
{
	return (enum op)(op - OP_nop + OP_c_nop);
}

enum op decode(uint32_t raw, unsigned offset, struct insn *in)
{
	in->imm32 = 0;
	in->rd = REG_SINK;
	in->rs1 = 0;
	if ((raw & 3) == 3)
		return decode_wide(raw, offset, in);
	raw &= 0xffff;
	switch (raw & 3) {
	case 0: return compressed(decode_quadrant0(raw, in));
	case 1: return compressed(decode_quadrant1(raw, offset, in));
	default: return compressed(decode_quadrant2(raw, in));
	}
}

bool op_ends_run(enum op op)
{
	switch (op) {
	case OP_j:
	case OP_j_far:
	case OP_jr:
	case OP_jalr:
	case OP_beq:
	case OP_bne:
	case OP_beq_far:
	case OP_bne_far:
	case OP_beqz:
	case OP_bnez:
	case OP_ebreak:
	case OP_illegal:
	case OP_c_j:
	case OP_c_j_far:
	case OP_c_jr:
	case OP_c_jalr:
	case OP_c_beq_far:
	case OP_c_bne_far:
	case OP_c_beqz:
	case OP_c_bnez:
	case OP_c_ebreak:
	case OP_c_illegal:
	case OP_jal:
	case OP_jal_far:
	case OP_blt:
	case OP_bge:
	case OP_bltu:
	case OP_bgeu:
	case OP_blt_far:
	case OP_bge_far:
	case OP_bltu_far:
	case OP_bgeu_far:
	case OP_ecall:
	case OP_sret:
	case OP_mret: return true;
	default: return false;
	}
}
