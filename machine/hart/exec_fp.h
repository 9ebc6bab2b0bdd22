/* Handlers of F and D: included by exec.c. Arithmetic is fpu.h's; NaN-boxing is done here. */
/* clang-format off */
#define S1 UNBOX(F(ip->rs1))
#define S2 UNBOX(F(ip->rs2))
#define S3 UNBOX(F(ip->aux))
#define D1 F(ip->rs1)
#define D2 F(ip->rs2)
#define D3 F(ip->aux)
#define SIGN_S 0x80000000u
#define SIGN_D 0x8000000000000000u

/* `fl` is fcsr itself: its low five bits are the flags. */
#define FP(into, expr)                                                                             \
	do {                                                                                       \
		FP_ON();                                                                           \
		into(expr);                                                                        \
		NEXT();                                                                            \
	} while (0)
#define FP_ROUNDED(mode, into, expr)                                                               \
	do {                                                                                       \
		FP_ON();                                                                           \
		ROUND(mode);                                                                       \
		into(expr);                                                                        \
		NEXT();                                                                            \
	} while (0)
#define fl (&h->fcsr)

OP(flw) FP_ON_READ(); LOAD(uint32_t, TO_FS_LOADED, KEEP);
OP(fsw) FP_ON_READ(); STORE(uint32_t, F(ip->rs2));

OP(fmadd_s)  FP_ROUNDED((unsigned)ip->imm, TO_FS, fpu_fma_s(S1, S2, S3, rm, fl));
OP(fmsub_s)  FP_ROUNDED((unsigned)ip->imm, TO_FS, fpu_fma_s(S1, S2, S3 ^ SIGN_S, rm, fl));
OP(fnmsub_s) FP_ROUNDED((unsigned)ip->imm, TO_FS, fpu_fma_s(S1 ^ SIGN_S, S2, S3, rm, fl));
OP(fnmadd_s) FP_ROUNDED((unsigned)ip->imm, TO_FS, fpu_fma_s(S1 ^ SIGN_S, S2, S3 ^ SIGN_S, rm, fl));
OP(fmadd_d)  FP_ROUNDED((unsigned)ip->imm, TO_FD, fpu_fma_d(D1, D2, D3, rm, fl));
OP(fmsub_d)  FP_ROUNDED((unsigned)ip->imm, TO_FD, fpu_fma_d(D1, D2, D3 ^ SIGN_D, rm, fl));
OP(fnmsub_d) FP_ROUNDED((unsigned)ip->imm, TO_FD, fpu_fma_d(D1 ^ SIGN_D, D2, D3, rm, fl));
OP(fnmadd_d) FP_ROUNDED((unsigned)ip->imm, TO_FD, fpu_fma_d(D1 ^ SIGN_D, D2, D3 ^ SIGN_D, rm, fl));

OP(fadd_s)  FP_ROUNDED(ip->aux, TO_FS, fpu_add_s(S1, S2, rm, fl));
OP(fsub_s)  FP_ROUNDED(ip->aux, TO_FS, fpu_sub_s(S1, S2, rm, fl));
OP(fmul_s)  FP_ROUNDED(ip->aux, TO_FS, fpu_mul_s(S1, S2, rm, fl));
OP(fdiv_s)  FP_ROUNDED(ip->aux, TO_FS, fpu_div_s(S1, S2, rm, fl));
OP(fsqrt_s) FP_ROUNDED(ip->aux, TO_FS, fpu_sqrt_s(S1, rm, fl));
OP(fadd_d)  FP_ROUNDED(ip->aux, TO_FD, fpu_add_d(D1, D2, rm, fl));
OP(fsub_d)  FP_ROUNDED(ip->aux, TO_FD, fpu_sub_d(D1, D2, rm, fl));
OP(fmul_d)  FP_ROUNDED(ip->aux, TO_FD, fpu_mul_d(D1, D2, rm, fl));
OP(fdiv_d)  FP_ROUNDED(ip->aux, TO_FD, fpu_div_d(D1, D2, rm, fl));
OP(fsqrt_d) FP_ROUNDED(ip->aux, TO_FD, fpu_sqrt_d(D1, rm, fl));

OP(fsgnj_s)  FP(TO_FS, (S1 & ~SIGN_S) | (S2 & SIGN_S));
OP(fsgnjn_s) FP(TO_FS, (S1 & ~SIGN_S) | (~S2 & SIGN_S));
OP(fsgnjx_s) FP(TO_FS, S1 ^ (S2 & SIGN_S));
OP(fmin_s)   FP(TO_FS, fpu_min_s(S1, S2, fl));
OP(fmax_s)   FP(TO_FS, fpu_max_s(S1, S2, fl));
OP(feq_s)    FP(TO_RD, fpu_eq_s(S1, S2, fl));
OP(flt_s)    FP(TO_RD, fpu_lt_s(S1, S2, fl));
OP(fle_s)    FP(TO_RD, fpu_le_s(S1, S2, fl));
OP(fsgnj_d)  FP(TO_FD, (D1 & ~SIGN_D) | (D2 & SIGN_D));
OP(fsgnjn_d) FP(TO_FD, (D1 & ~SIGN_D) | (~D2 & SIGN_D));
OP(fsgnjx_d) FP(TO_FD, D1 ^ (D2 & SIGN_D));
OP(fmin_d)   FP(TO_FD, fpu_min_d(D1, D2, fl));
OP(fmax_d)   FP(TO_FD, fpu_max_d(D1, D2, fl));
OP(feq_d)    FP(TO_RD, fpu_eq_d(D1, D2, fl));
OP(flt_d)    FP(TO_RD, fpu_lt_d(D1, D2, fl));
OP(fle_d)    FP(TO_RD, fpu_le_d(D1, D2, fl));
OP(fclass_s) FP(TO_RD, fpu_class_s(S1));
OP(fclass_d) FP(TO_RD, fpu_class_d(D1));
OP(fmv_x_w)  FP(TO_RD, SEXT32(D1));
OP(fmv_w_x)  FP(TO_FS, RS1);
OP(fmv_x_d)  FP(TO_RD, D1);
OP(fmv_d_x)  FP(TO_FD, RS1);

OP(fcvt_w_s)  FP_ROUNDED(ip->aux, TO_RD, fpu_s_to_i32(S1, rm, fl));
OP(fcvt_wu_s) FP_ROUNDED(ip->aux, TO_RD, fpu_s_to_u32(S1, rm, fl));
OP(fcvt_l_s)  FP_ROUNDED(ip->aux, TO_RD, fpu_s_to_i64(S1, rm, fl));
OP(fcvt_lu_s) FP_ROUNDED(ip->aux, TO_RD, fpu_s_to_u64(S1, rm, fl));
OP(fcvt_s_w)  FP_ROUNDED(ip->aux, TO_FS, fpu_i32_to_s(RS1, rm, fl));
OP(fcvt_s_wu) FP_ROUNDED(ip->aux, TO_FS, fpu_u32_to_s(RS1, rm, fl));
OP(fcvt_s_l)  FP_ROUNDED(ip->aux, TO_FS, fpu_i64_to_s(RS1, rm, fl));
OP(fcvt_s_lu) FP_ROUNDED(ip->aux, TO_FS, fpu_u64_to_s(RS1, rm, fl));
OP(fcvt_w_d)  FP_ROUNDED(ip->aux, TO_RD, fpu_d_to_i32(D1, rm, fl));
OP(fcvt_wu_d) FP_ROUNDED(ip->aux, TO_RD, fpu_d_to_u32(D1, rm, fl));
OP(fcvt_l_d)  FP_ROUNDED(ip->aux, TO_RD, fpu_d_to_i64(D1, rm, fl));
OP(fcvt_lu_d) FP_ROUNDED(ip->aux, TO_RD, fpu_d_to_u64(D1, rm, fl));
OP(fcvt_d_w)  FP_ROUNDED(ip->aux, TO_FD, fpu_i32_to_d(RS1, rm, fl));
OP(fcvt_d_wu) FP_ROUNDED(ip->aux, TO_FD, fpu_u32_to_d(RS1, rm, fl));
OP(fcvt_d_l)  FP_ROUNDED(ip->aux, TO_FD, fpu_i64_to_d(RS1, rm, fl));
OP(fcvt_d_lu) FP_ROUNDED(ip->aux, TO_FD, fpu_u64_to_d(RS1, rm, fl));
OP(fcvt_s_d)  FP_ROUNDED(ip->aux, TO_FS, fpu_d_to_s(D1, rm, fl));
OP(fcvt_d_s)  FP_ROUNDED(ip->aux, TO_FD, fpu_s_to_d(S1, fl));
#undef fl
