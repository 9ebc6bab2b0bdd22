/*
 * Handlers of OPS_BOTH: included by exec.c once for each size of instruction,
 * with OP(name) giving the label and ADVANCE the slots to the next one.
 */
/* clang-format off */
OP(nop)	 NEXT();
OP(li)	 X(ip->rd) = (uint64_t)(int64_t)ip->imm; NEXT();
OP(mv)	 X(ip->rd) = RS1; NEXT();
OP(addi) X(ip->rd) = RS1 + (uint64_t)(int64_t)ip->imm; NEXT();
OP(addiw) X(ip->rd) = SEXT32(RS1 + (uint64_t)(int64_t)ip->imm); NEXT();
OP(lui)	 X(ip->rd) = (uint64_t)(int64_t)ip->imm32; NEXT();
OP(andi) X(ip->rd) = RS1 & (uint64_t)(int64_t)ip->imm; NEXT();
OP(slli) X(ip->rd) = RS1 << ip->imm; NEXT();
OP(srli) X(ip->rd) = RS1 >> ip->imm; NEXT();
OP(srai) X(ip->rd) = (uint64_t)((int64_t)RS1 >> ip->imm); NEXT();
OP(add)	 X(ip->rd) = RS1 + RS2; NEXT();
OP(sub)	 X(ip->rd) = RS1 - RS2; NEXT();
OP(xor)	 X(ip->rd) = RS1 ^ RS2; NEXT();
OP(or)	 X(ip->rd) = RS1 | RS2; NEXT();
OP(and)	 X(ip->rd) = RS1 & RS2; NEXT();
OP(addw) X(ip->rd) = SEXT32(RS1 + RS2); NEXT();
OP(subw) X(ip->rd) = SEXT32(RS1 - RS2); NEXT();
OP(lw)	 LOAD(int32_t, TO_RD, (int64_t));
OP(ld)	 LOAD(uint64_t, TO_RD, KEEP);
OP(sw)	 STORE(uint32_t, RS2);
OP(sd)	 STORE(uint64_t, RS2);
OP(fld)	 FP_ON_READ(); LOAD(uint64_t, TO_FD_LOADED, KEEP);
OP(fsd)	 FP_ON_READ(); STORE(uint64_t, F(ip->rs2));
OP(j)	 JUMP_NEAR();
OP(j_far) JUMP(PC + (uint64_t)(int64_t)ip->imm32);
OP(jr)	 JUMP((RS1 + (uint64_t)(int64_t)ip->imm) & ~1ULL);
OP(jalr) {
	target = (RS1 + (uint64_t)(int64_t)ip->imm) & ~1ULL;
	X(ip->rd) = PC + ADVANCE * 2;
	goto jump;
}
OP(beq)	 BRANCH(RS1 == RS2);
OP(bne)	 BRANCH(RS1 != RS2);
OP(beqz) BRANCH(RS1 == 0);
OP(bnez) BRANCH(RS1 != 0);
OP(beq_far) BRANCH_FAR(RS1 == RS2);
OP(bne_far) BRANCH_FAR(RS1 != RS2);
OP(ebreak) SYNC(); trap_raise(h, CAUSE_BREAKPOINT, h->pc); goto trapped;
OP(illegal) SYNC(); goto illegal;
