/* Handlers of the integer operations of OPS_WIDE: included by exec.c. */
/* clang-format off */
OP(auipc) X(ip->rd) = PC + (uint64_t)(int64_t)ip->imm32; NEXT();
OP(jal)	  X(ip->rd) = PC + 4; JUMP_NEAR();
OP(jal_far) {
	target = PC + (uint64_t)(int64_t)ip->imm32;
	X(ip->rd) = PC + 4;
	goto jump;
}
OP(blt)	 BRANCH((int64_t)RS1 < (int64_t)RS2);
OP(bge)	 BRANCH((int64_t)RS1 >= (int64_t)RS2);
OP(bltu) BRANCH(RS1 < RS2);
OP(bgeu) BRANCH(RS1 >= RS2);
OP(blt_far)  BRANCH_FAR((int64_t)RS1 < (int64_t)RS2);
OP(bge_far)  BRANCH_FAR((int64_t)RS1 >= (int64_t)RS2);
OP(bltu_far) BRANCH_FAR(RS1 < RS2);
OP(bgeu_far) BRANCH_FAR(RS1 >= RS2);
OP(lb)	LOAD(int8_t, TO_RD, (int64_t));
OP(lh)	LOAD(int16_t, TO_RD, (int64_t));
OP(lbu) LOAD(uint8_t, TO_RD, KEEP);
OP(lhu) LOAD(uint16_t, TO_RD, KEEP);
OP(lwu) LOAD(uint32_t, TO_RD, KEEP);
OP(sb)	STORE(uint8_t, RS2);
OP(sh)	STORE(uint16_t, RS2);
OP(slti)  X(ip->rd) = (int64_t)RS1 < (int64_t)ip->imm; NEXT();
OP(sltiu) X(ip->rd) = RS1 < (uint64_t)(int64_t)ip->imm; NEXT();
OP(xori)  X(ip->rd) = RS1 ^ (uint64_t)(int64_t)ip->imm; NEXT();
OP(ori)	  X(ip->rd) = RS1 | (uint64_t)(int64_t)ip->imm; NEXT();
OP(slliw) X(ip->rd) = SEXT32((uint32_t)RS1 << ip->imm); NEXT();
OP(srliw) X(ip->rd) = SEXT32((uint32_t)RS1 >> ip->imm); NEXT();
OP(sraiw) X(ip->rd) = SEXT32((int32_t)RS1 >> ip->imm); NEXT();
OP(sll)	  X(ip->rd) = RS1 << (RS2 & 63); NEXT();
OP(slt)	  X(ip->rd) = (int64_t)RS1 < (int64_t)RS2; NEXT();
OP(sltu)  X(ip->rd) = RS1 < RS2; NEXT();
OP(srl)	  X(ip->rd) = RS1 >> (RS2 & 63); NEXT();
OP(sra)	  X(ip->rd) = (uint64_t)((int64_t)RS1 >> (RS2 & 63)); NEXT();
OP(sllw)  X(ip->rd) = SEXT32((uint32_t)RS1 << (RS2 & 31)); NEXT();
OP(srlw)  X(ip->rd) = SEXT32((uint32_t)RS1 >> (RS2 & 31)); NEXT();
OP(sraw)  X(ip->rd) = SEXT32((int32_t)RS1 >> (RS2 & 31)); NEXT();
OP(mul)	  X(ip->rd) = RS1 * RS2; NEXT();
OP(mulh)  X(ip->rd) = mul_high((int64_t)RS1, (int64_t)RS2); NEXT();
OP(mulhsu) X(ip->rd) = mul_high_su((int64_t)RS1, RS2); NEXT();
OP(mulhu) X(ip->rd) = mul_high_u(RS1, RS2); NEXT();
OP(div)	  X(ip->rd) = (uint64_t)divide((int64_t)RS1, (int64_t)RS2); NEXT();
OP(divu)  X(ip->rd) = RS2 ? RS1 / RS2 : ~0ULL; NEXT();
OP(rem)	  X(ip->rd) = (uint64_t)remainder_of((int64_t)RS1, (int64_t)RS2); NEXT();
OP(remu)  X(ip->rd) = RS2 ? RS1 % RS2 : RS1; NEXT();
OP(mulw)  X(ip->rd) = SEXT32(RS1 * RS2); NEXT();
OP(divw)  X(ip->rd) = SEXT32(divide_w((int32_t)RS1, (int32_t)RS2)); NEXT();
OP(divuw) X(ip->rd) = (uint32_t)RS2 ? SEXT32((uint32_t)RS1 / (uint32_t)RS2) : ~0ULL; NEXT();
OP(remw)  X(ip->rd) = SEXT32(remainder_w((int32_t)RS1, (int32_t)RS2)); NEXT();
OP(remuw) X(ip->rd) = (uint32_t)RS2 ? SEXT32((uint32_t)RS1 % (uint32_t)RS2) : SEXT32(RS1); NEXT();

/* Zba, Zbb, Zbs, Zicond. */
OP(add_uw)    X(ip->rd) = (uint32_t)RS1 + RS2; NEXT();
OP(sh1add)    X(ip->rd) = (RS1 << 1) + RS2; NEXT();
OP(sh2add)    X(ip->rd) = (RS1 << 2) + RS2; NEXT();
OP(sh3add)    X(ip->rd) = (RS1 << 3) + RS2; NEXT();
OP(sh1add_uw) X(ip->rd) = ((uint64_t)(uint32_t)RS1 << 1) + RS2; NEXT();
OP(sh2add_uw) X(ip->rd) = ((uint64_t)(uint32_t)RS1 << 2) + RS2; NEXT();
OP(sh3add_uw) X(ip->rd) = ((uint64_t)(uint32_t)RS1 << 3) + RS2; NEXT();
OP(slli_uw)   X(ip->rd) = (uint64_t)(uint32_t)RS1 << ip->imm; NEXT();
OP(andn)  X(ip->rd) = RS1 & ~RS2; NEXT();
OP(orn)	  X(ip->rd) = RS1 | ~RS2; NEXT();
OP(xnor)  X(ip->rd) = ~(RS1 ^ RS2); NEXT();
OP(clz)	  X(ip->rd) = RS1 ? (uint64_t)__builtin_clzll(RS1) : 64; NEXT();
OP(ctz)	  X(ip->rd) = RS1 ? (uint64_t)__builtin_ctzll(RS1) : 64; NEXT();
OP(cpop)  X(ip->rd) = (uint64_t)__builtin_popcountll(RS1); NEXT();
OP(clzw)  X(ip->rd) = (uint32_t)RS1 ? (uint64_t)__builtin_clz((uint32_t)RS1) : 32; NEXT();
OP(ctzw)  X(ip->rd) = (uint32_t)RS1 ? (uint64_t)__builtin_ctz((uint32_t)RS1) : 32; NEXT();
OP(cpopw) X(ip->rd) = (uint64_t)__builtin_popcount((uint32_t)RS1); NEXT();
OP(max)	  X(ip->rd) = (int64_t)RS1 > (int64_t)RS2 ? RS1 : RS2; NEXT();
OP(maxu)  X(ip->rd) = RS1 > RS2 ? RS1 : RS2; NEXT();
OP(min)	  X(ip->rd) = (int64_t)RS1 < (int64_t)RS2 ? RS1 : RS2; NEXT();
OP(minu)  X(ip->rd) = RS1 < RS2 ? RS1 : RS2; NEXT();
OP(sext_b) X(ip->rd) = (uint64_t)(int64_t)(int8_t)RS1; NEXT();
OP(sext_h) X(ip->rd) = (uint64_t)(int64_t)(int16_t)RS1; NEXT();
OP(zext_h) X(ip->rd) = (uint16_t)RS1; NEXT();
OP(rol)	  X(ip->rd) = rotate_right(RS1, 0 - RS2); NEXT();
OP(ror)	  X(ip->rd) = rotate_right(RS1, RS2); NEXT();
OP(rori)  X(ip->rd) = rotate_right(RS1, (uint64_t)ip->imm); NEXT();
OP(rolw)  X(ip->rd) = rotate_right_w(RS1, 0 - RS2); NEXT();
OP(rorw)  X(ip->rd) = rotate_right_w(RS1, RS2); NEXT();
OP(roriw) X(ip->rd) = rotate_right_w(RS1, (uint64_t)ip->imm); NEXT();
OP(orc_b) X(ip->rd) = or_combine(RS1); NEXT();
OP(rev8)  X(ip->rd) = __builtin_bswap64(RS1); NEXT();
OP(bclr)  X(ip->rd) = RS1 & ~(1ULL << (RS2 & 63)); NEXT();
OP(bclri) X(ip->rd) = RS1 & ~(1ULL << ip->imm); NEXT();
OP(bext)  X(ip->rd) = RS1 >> (RS2 & 63) & 1; NEXT();
OP(bexti) X(ip->rd) = RS1 >> ip->imm & 1; NEXT();
OP(binv)  X(ip->rd) = RS1 ^ 1ULL << (RS2 & 63); NEXT();
OP(binvi) X(ip->rd) = RS1 ^ 1ULL << ip->imm; NEXT();
OP(bset)  X(ip->rd) = RS1 | 1ULL << (RS2 & 63); NEXT();
OP(bseti) X(ip->rd) = RS1 | 1ULL << ip->imm; NEXT();
OP(czero_eqz) X(ip->rd) = RS2 ? RS1 : 0; NEXT();
OP(czero_nez) X(ip->rd) = RS2 ? 0 : RS1; NEXT();

/* Zicbom: there is no cache to manage, so only the permission is checked. */
OP(cbo)
	SYNC();
	if (!cbo_allowed(h, (unsigned)ip->imm))
		goto illegal;
	if (!mmu_cbo(h, RS1))
		goto trapped;
	NEXT_SLOW();
OP(cbo_zero) {
	SYNC();
	if (!cbo_allowed(h, CBO_ZERO))
		goto illegal;
	if (!mmu_cbo_zero(h, RS1))
		goto trapped;
	NEXT_SLOW();
}

#define LOAD_RESERVED(type, convert)                                                               \
	do {                                                                                       \
		uint64_t pa_;                                                                      \
		SYNC();                                                                            \
		type *p_ = mmu_atomic(h, RS1, sizeof(type), ACCESS_LOAD, &pa_);                    \
		if (!p_)                                                                           \
			goto trapped;                                                              \
		hart_reserve(h, pa_);                                                              \
		X(ip->rd) = (uint64_t)convert(*p_);                                                \
		NEXT_SLOW();                                                                       \
	} while (0)
/* An SC without a reservation fails before it translates. */
#define STORE_CONDITIONAL(type)                                                                    \
	do {                                                                                       \
		uint64_t pa_;                                                                      \
		SYNC();                                                                            \
		if (RS1 & (sizeof(type) - 1)) {                                                    \
			trap_raise(h, CAUSE_STORE_MISALIGNED, RS1);                                \
			goto trapped;                                                              \
		}                                                                                  \
		if (!h->reservation_valid) {                                                       \
			X(ip->rd) = 1;                                                             \
			NEXT();                                                                    \
		}                                                                                  \
		type *p_ = mmu_atomic(h, RS1, sizeof(type), ACCESS_STORE, &pa_);                   \
		if (!p_)                                                                           \
			goto trapped;                                                              \
		bool held_ = h->reservation_pa == pa_;                                             \
		h->reservation_valid = false;                                                      \
		if (held_) {                                                                       \
			*p_ = (type)RS2;                                                           \
			hart_stored(h, pa_, sizeof(type));                                         \
		}                                                                                  \
		X(ip->rd) = !held_;                                                                \
		NEXT_SLOW();                                                                       \
	} while (0)
#define AMO(type, convert, expr)                                                                   \
	do {                                                                                       \
		uint64_t pa_;                                                                      \
		SYNC();                                                                            \
		type *p_ = mmu_atomic(h, RS1, sizeof(type), ACCESS_STORE, &pa_);                   \
		if (!p_)                                                                           \
			goto trapped;                                                              \
		type old = *p_, val = (type)RS2;                                                   \
		*p_ = (type)(expr);                                                                \
		hart_stored(h, pa_, sizeof(type));                                                 \
		X(ip->rd) = (uint64_t)convert(old);                                                \
		NEXT_SLOW();                                                                       \
	} while (0)
OP(lr_w) LOAD_RESERVED(int32_t, (int64_t));
OP(lr_d) LOAD_RESERVED(uint64_t, KEEP);
OP(sc_w) STORE_CONDITIONAL(uint32_t);
OP(sc_d) STORE_CONDITIONAL(uint64_t);
OP(amoswap_w) AMO(uint32_t, SEXT32, val);
OP(amoadd_w)  AMO(uint32_t, SEXT32, old + val);
OP(amoxor_w)  AMO(uint32_t, SEXT32, old ^ val);
OP(amoand_w)  AMO(uint32_t, SEXT32, old & val);
OP(amoor_w)   AMO(uint32_t, SEXT32, old | val);
OP(amomin_w)  AMO(int32_t, SEXT32, old < val ? old : val);
OP(amomax_w)  AMO(int32_t, SEXT32, old > val ? old : val);
OP(amominu_w) AMO(uint32_t, SEXT32, old < val ? old : val);
OP(amomaxu_w) AMO(uint32_t, SEXT32, old > val ? old : val);
OP(amoswap_d) AMO(uint64_t, KEEP, val);
OP(amoadd_d)  AMO(uint64_t, KEEP, old + val);
OP(amoxor_d)  AMO(uint64_t, KEEP, old ^ val);
OP(amoand_d)  AMO(uint64_t, KEEP, old & val);
OP(amoor_d)   AMO(uint64_t, KEEP, old | val);
OP(amomin_d)  AMO(int64_t, KEEP, old < val ? old : val);
OP(amomax_d)  AMO(int64_t, KEEP, old > val ? old : val);
OP(amominu_d) AMO(uint64_t, KEEP, old < val ? old : val);
OP(amomaxu_d) AMO(uint64_t, KEEP, old > val ? old : val);

/* What is below leaves exec(), unless it is cheap not to. */
OP(fence_i)
	SYNC();
	code_flush(h->m);
	h->pc += 4;
	h->clock++;
	goto out;
OP(ecall)
	SYNC();
	if (h->prv == PRV_S && h->m->builtin_sbi) {
		h->pc += 4;
		h->clock++;
		h->leave = true;
		*h->mmu.cur->stamp = h->clock - 1;
		sbi_call(h);
		goto out;
	}
	trap_raise(h, CAUSE_ECALL_U + h->prv, 0);
	goto trapped;
OP(sret)
	SYNC();
	if (!trap_sret(h))
		goto illegal;
	h->clock++;
	goto out;
OP(mret)
	SYNC();
	if (!trap_mret(h))
		goto illegal;
	h->clock++;
	goto out;
OP(wfi)
	SYNC();
	if (h->prv == PRV_U || (h->prv == PRV_S && (h->mstatus & MSTATUS_TW)))
		goto illegal;
	h->pc += 4;
	h->clock++;
	if (!trap_pending(h))
		h->status = HART_WAITING;
	goto out;
OP(sfence_vma)
	SYNC();
	mmu_leave_page(&h->mmu, h->clock);
	if (!sfence_vma(h, ip))
		goto illegal;
	h->pc += 4;
	h->clock++;
	goto out;
/* Svinval: invalidation happens at once; the fences that order it have nothing left to do. */
OP(sinval_vma)
	SYNC();
	mmu_leave_page(&h->mmu, h->clock);
	if (!sfence_vma(h, ip))
		goto illegal;
	h->pc += 4;
	h->clock++;
	goto out;
OP(sfence_inval)
	if (h->prv == PRV_U) {
		SYNC();
		goto illegal;
	}
	NEXT();
OP(trace) {
	SYNC();
	if (h->m->host.on_trace) {
		uint64_t args[6];
		/* The listener may read the counters: what has been executed is in them. */
		account(h, since, prv, paged, nloads, nstores);
		h->exec_since = since = h->clock;
		nloads = nstores = 0;
		*h->mmu.cur->stamp = h->clock;
		memcpy(args, &X(10), sizeof(args));
		h->m->host.on_trace(h->m->host.ctx, h->m, h->id, (unsigned)ip->imm, args);
	}
	NEXT_SLOW();
}
OP(csrrw)
OP(csrrs)
OP(csrrc)
OP(csrrwi)
OP(csrrsi)
OP(csrrci) {
	bool leaves;
	SYNC();
	*h->mmu.cur->stamp = h->clock;
	if (!csr_instruction(h, (uint32_t)ip->imm32, &leaves))
		goto illegal;
	if (!leaves)
		NEXT();
	h->pc += 4;
	h->clock++;
	goto out;
}
