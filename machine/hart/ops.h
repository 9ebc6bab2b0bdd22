/*
 * The operations that the decoder produces and exec.c carries out.
 *
 * OPS_BOTH exist in two sizes: the handler must know how far the next
 * instruction is. OPS_WIDE are 4 bytes long only; OPS_SPECIAL are no
 * instructions of the guest.
 */
#ifndef HART_OPS_H
#define HART_OPS_H

#include <stdbool.h>
#include <stdint.h>

struct insn;

/* clang-format off */
#define OPS_SPECIAL(X) X(decode) X(page_end) X(straddle) X(stop)

#define OPS_BOTH(X) \
	X(nop) X(li) X(mv) X(addi) X(addiw) X(lui) X(andi) X(slli) X(srli) X(srai) \
	X(add) X(sub) X(xor) X(or) X(and) X(addw) X(subw) \
	X(lw) X(ld) X(sw) X(sd) X(fld) X(fsd) \
	X(j) X(j_far) X(jr) X(jalr) X(beq) X(bne) X(beq_far) X(bne_far) \
	X(beqz) X(bnez) X(ebreak) X(illegal)

#define OPS_WIDE(X) \
	X(auipc) X(jal) X(jal_far) \
	X(blt) X(bge) X(bltu) X(bgeu) X(blt_far) X(bge_far) X(bltu_far) X(bgeu_far) \
	X(lb) X(lh) X(lbu) X(lhu) X(lwu) X(sb) X(sh) \
	X(slti) X(sltiu) X(xori) X(ori) X(slliw) X(srliw) X(sraiw) \
	X(sll) X(slt) X(sltu) X(srl) X(sra) X(sllw) X(srlw) X(sraw) \
	X(mul) X(mulh) X(mulhsu) X(mulhu) X(div) X(divu) X(rem) X(remu) \
	X(mulw) X(divw) X(divuw) X(remw) X(remuw) \
	X(lr_w) X(sc_w) X(lr_d) X(sc_d) \
	X(amoswap_w) X(amoadd_w) X(amoxor_w) X(amoand_w) X(amoor_w) \
	X(amomin_w) X(amomax_w) X(amominu_w) X(amomaxu_w) \
	X(amoswap_d) X(amoadd_d) X(amoxor_d) X(amoand_d) X(amoor_d) \
	X(amomin_d) X(amomax_d) X(amominu_d) X(amomaxu_d) \
	X(add_uw) X(sh1add) X(sh2add) X(sh3add) X(sh1add_uw) X(sh2add_uw) X(sh3add_uw) X(slli_uw) \
	X(andn) X(orn) X(xnor) X(clz) X(ctz) X(cpop) X(clzw) X(ctzw) X(cpopw) \
	X(max) X(maxu) X(min) X(minu) X(sext_b) X(sext_h) X(zext_h) \
	X(rol) X(ror) X(rori) X(rolw) X(rorw) X(roriw) X(orc_b) X(rev8) \
	X(bclr) X(bclri) X(bext) X(bexti) X(binv) X(binvi) X(bset) X(bseti) \
	X(czero_eqz) X(czero_nez) X(cbo) X(cbo_zero) X(sinval_vma) X(sfence_inval) \
	X(fence_i) X(ecall) X(sret) X(mret) X(wfi) X(sfence_vma) X(trace) \
	X(csrrw) X(csrrs) X(csrrc) X(csrrwi) X(csrrsi) X(csrrci) \
	X(flw) X(fsw) \
	X(fmadd_s) X(fmsub_s) X(fnmsub_s) X(fnmadd_s) \
	X(fmadd_d) X(fmsub_d) X(fnmsub_d) X(fnmadd_d) \
	X(fadd_s) X(fsub_s) X(fmul_s) X(fdiv_s) X(fsqrt_s) \
	X(fadd_d) X(fsub_d) X(fmul_d) X(fdiv_d) X(fsqrt_d) \
	X(fsgnj_s) X(fsgnjn_s) X(fsgnjx_s) X(fmin_s) X(fmax_s) X(feq_s) X(flt_s) X(fle_s) \
	X(fsgnj_d) X(fsgnjn_d) X(fsgnjx_d) X(fmin_d) X(fmax_d) X(feq_d) X(flt_d) X(fle_d) \
	X(fclass_s) X(fclass_d) X(fmv_x_w) X(fmv_w_x) X(fmv_x_d) X(fmv_d_x) \
	X(fcvt_w_s) X(fcvt_wu_s) X(fcvt_l_s) X(fcvt_lu_s) \
	X(fcvt_s_w) X(fcvt_s_wu) X(fcvt_s_l) X(fcvt_s_lu) \
	X(fcvt_w_d) X(fcvt_wu_d) X(fcvt_l_d) X(fcvt_lu_d) \
	X(fcvt_d_w) X(fcvt_d_wu) X(fcvt_d_l) X(fcvt_d_lu) X(fcvt_s_d) X(fcvt_d_s)

enum op {
#define X(name) OP_##name,
	OPS_SPECIAL(X) OPS_BOTH(X) OPS_WIDE(X)
#undef X
#define X(name) OP_c_##name,
	OPS_BOTH(X)
#undef X
	OP_COUNT
};
/* clang-format on */

/* Handlers by number, from exec.c. */
extern const void *const *hart_labels;
void hart_labels_init(void);

/*
 * Decodes the instruction `raw` (16 bits used if its low two bits are not 3) that lies at
 * `offset` in its page. Fills all of *in but op and run.
 * => the operation; OP_illegal with in->imm32 = raw where there is none.
 */
enum op decode(uint32_t raw, unsigned offset, struct insn *in);

/* Whether control never, or not always, goes on to the next instruction: a run ends here. */
bool op_ends_run(enum op op);

#endif
