/*
 * The interpreter: direct-threaded over decoded slots (code.h).
 *
 * Terms. `ip` is the slot being executed. `end` is what the hart's clock will
 * be when the run that ip belongs to has ended, so the clock before the
 * instruction at ip is  NOW = end - ip->run,  and no instruction counts by
 * itself. The program counter is not kept either: a slot is 16 bytes for 2 bytes
 * of code, so  pc = pc_bias + (address of slot) / 8,  pc_bias being set when a
 * page is entered.
 *
 *     ENTER (a jump's target):  end += ip->run;  past the deadline? -> run_over
 *     NEXT  (within a run):     ip += size of the instruction / 2
 *
 * Deadlines are exact. When the deadline lies within a run, a `stop` is put into
 * the slot before which it falls, and the run is executed as always; the slot is
 * restored on the way out, whatever the reason for leaving was.
 *
 * Leaving. Whatever may change privilege, translation or pending interrupts
 * leaves exec() with h->pc and h->clock set; hart_run looks at interrupts and
 * enters again. A trap takes one step like an instruction.
 *
 * Fetches. The page being executed is h->mmu.cur. Fetching within it looks
 * nothing up; the stamp of the last fetch is written when the page is left
 * (mmu.c, I2). Lookups of fetches are not counted one by one: there is one per
 * step under paging, and one more for each instruction that lies in two pages.
 *
 * I1. On entry of a handler, NOW and pc are those of the instruction at ip.
 * I2. SYNC() has stored both before anything is called that may trap.
 */
#include "machine/hart/code.h"
#include "machine/hart/fpu.h"
#include "machine/hart/hart.h"
#include "machine/hart/ops.h"
#include "machine/machine_state.h"
#include "rv/pte.h"

#include <string.h>

/* Merging subexpressions across handlers costs registers: 7 % slower with it (gcc's manual, too).
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-gcse")
#endif

const void *const *hart_labels;

static void exec(struct hart *h);

void hart_labels_init(void)
{
	if (!hart_labels)
		exec(NULL);
}

/* Accesses to RAM through a slot of the lookaside; host order is little-endian, as the guest's. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "guest RAM is read as it lies");

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define X(r)       h->x[r]
#define RS1        X(ip->rs1)
#define RS2        X(ip->rs2)
#define SEXT32(v)  ((uint64_t)(int64_t)(int32_t)(v))
#define NOW        (end - ip->run)
#define PC         (h->pc_bias + ((uint64_t)(uintptr_t)ip >> 3))
#define SYNC()     (h->pc = PC, h->clock = NOW)
#define TAG_OF(va) ((va) & ~(uint64_t)(RV_PAGE_SIZE - 1))

#define DISPATCH() goto * ip->op
#define NEXT()                                                                                     \
	do {                                                                                       \
		ip += ADVANCE;                                                                     \
		DISPATCH();                                                                        \
	} while (0)
#define ENTER()                                                                                    \
	do {                                                                                       \
		end += ip->run;                                                                    \
		if (UNLIKELY(end > h->deadline))                                                   \
			goto run_over;                                                             \
		DISPATCH();                                                                        \
	} while (0)
#define JUMP_NEAR()                                                                                \
	do {                                                                                       \
		ip = (const struct insn *)((const char *)ip + ip->imm);                            \
		ENTER();                                                                           \
	} while (0)
#define JUMP(target_pc)                                                                            \
	do {                                                                                       \
		target = (target_pc);                                                              \
		goto jump;                                                                         \
	} while (0)
#define BRANCH(taken)                                                                              \
	do {                                                                                       \
		if (taken)                                                                         \
			JUMP_NEAR();                                                               \
		ip += ADVANCE;                                                                     \
		ENTER();                                                                           \
	} while (0)
#define BRANCH_FAR(taken)                                                                          \
	do {                                                                                       \
		if (taken)                                                                         \
			JUMP(PC + (uint64_t)(int64_t)ip->imm);                                     \
		ip += ADVANCE;                                                                     \
		ENTER();                                                                           \
	} while (0)
/* After a call that may have asked to look up. */
#define NEXT_SLOW()                                                                                \
	do {                                                                                       \
		if (UNLIKELY(h->leave)) {                                                          \
			h->pc += ADVANCE * 2;                                                      \
			h->clock++;                                                                \
			goto out;                                                                  \
		}                                                                                  \
		NEXT();                                                                            \
	} while (0)

/*
 * What the TLB model costs on a hit: the time of use, and a count. Built with LIMPID_NO_TLB_MODEL
 * (machine_config_init then chooses large direct-mapped arrays), only to measure that cost.
 */
#ifdef LIMPID_NO_TLB_MODEL
#define MODEL_HIT(slot, count) ((void)(count))
#else
#define MODEL_HIT(slot, count) (*(slot)->stamp = NOW, (count)++)
#endif

#define LOAD(type, into, convert)                                                                  \
	do {                                                                                       \
		uint64_t va_ = RS1 + (uint64_t)(int64_t)ip->imm, v_;                               \
		struct data_slot *s_ = &h->mmu.data[data_index(va_)];                              \
		if (LIKELY((va_ & (~(uint64_t)(RV_PAGE_SIZE - 1) | (sizeof(type) - 1))) ==         \
			   s_->load_tag)) {                                                        \
			MODEL_HIT(s_, nloads);                                                     \
			into(convert(*(const type *)(uintptr_t)(va_ + s_->addend)));               \
			NEXT();                                                                    \
		}                                                                                  \
		SYNC();                                                                            \
		if (!mmu_load(h, va_, sizeof(type), &v_))                                          \
			goto trapped;                                                              \
		into(convert((type)v_));                                                           \
		NEXT_SLOW();                                                                       \
	} while (0)
#define STORE(type, value)                                                                         \
	do {                                                                                       \
		uint64_t va_ = RS1 + (uint64_t)(int64_t)ip->imm;                                   \
		struct data_slot *s_ = &h->mmu.data[data_index(va_)];                              \
		if (LIKELY((va_ & (~(uint64_t)(RV_PAGE_SIZE - 1) | (sizeof(type) - 1))) ==         \
			   s_->store_tag)) {                                                       \
			MODEL_HIT(s_, nstores);                                                    \
			*(type *)(uintptr_t)(va_ + s_->addend) = (type)(value);                    \
			NEXT();                                                                    \
		}                                                                                  \
		SYNC();                                                                            \
		if (!mmu_store(h, va_, sizeof(type), (type)(value)))                               \
			goto trapped;                                                              \
		NEXT_SLOW();                                                                       \
	} while (0)
#define TO_RD(v) X(ip->rd) = (uint64_t)(v)
#define KEEP(v)  (v)

/* Floating point: off is illegal; any use makes the state dirty. */
#define FP_ON()                                                                                    \
	do {                                                                                       \
		if (UNLIKELY((h->mstatus & MSTATUS_FS) != MSTATUS_FS)) {                           \
			if (!(h->mstatus & MSTATUS_FS))                                            \
				goto fp_off;                                                       \
			h->mstatus |= MSTATUS_FS | MSTATUS_SD;                                     \
		}                                                                                  \
	} while (0)
#define FP_ON_READ()                                                                               \
	do {                                                                                       \
		if (UNLIKELY(!(h->mstatus & MSTATUS_FS)))                                          \
			goto fp_off;                                                               \
	} while (0)
#define F(r)     h->f[r]
#define BOX(v)   (0xffffffff00000000u | (uint32_t)(v))
#define UNBOX(v) ((v) >> 32 == 0xffffffff ? (uint32_t)(v) : FPU_NAN_S)
#define TO_FD(v) F(ip->rd) = (v)
#define TO_FS(v) F(ip->rd) = BOX(v)
/* A load that traps leaves the state as it was. */
#define DIRTY_FS()      (h->mstatus |= MSTATUS_FS | MSTATUS_SD)
#define TO_FD_LOADED(v) (DIRTY_FS(), TO_FD(v))
#define TO_FS_LOADED(v) (DIRTY_FS(), TO_FS(v))
#define ROUND(mode)                                                                                \
	unsigned rm = (mode);                                                                      \
	if (rm == FRM_DYN) {                                                                       \
		rm = (h->fcsr >> 5) & 7;                                                           \
		if (UNLIKELY(rm > FRM_RMM))                                                        \
			goto fp_off;                                                               \
	}

static uint64_t mul_high(int64_t a, int64_t b)
{
	return (uint64_t)(((__int128)a * b) >> 64);
}

static uint64_t mul_high_su(int64_t a, uint64_t b)
{
	return (uint64_t)(((__int128)a * (__int128)b) >> 64);
}

static uint64_t mul_high_u(uint64_t a, uint64_t b)
{
	return (uint64_t)(((unsigned __int128)a * b) >> 64);
}

/* Division by the specification's table 7.1: no traps. */
static int64_t divide(int64_t a, int64_t b)
{
	if (b == 0)
		return -1;
	if (b == -1)
		return (int64_t)(0 - (uint64_t)a);
	return a / b;
}

static int64_t remainder_of(int64_t a, int64_t b)
{
	if (b == 0)
		return a;
	return b == -1 ? 0 : a % b;
}

static int32_t divide_w(int32_t a, int32_t b)
{
	if (b == 0)
		return -1;
	if (b == -1)
		return (int32_t)(0 - (uint32_t)a);
	return a / b;
}

static int32_t remainder_w(int32_t a, int32_t b)
{
	if (b == 0)
		return a;
	return b == -1 ? 0 : a % b;
}

static uint64_t rotate_right(uint64_t v, uint64_t by)
{
	return v >> (by & 63) | v << (-by & 63);
}

static uint64_t rotate_right_w(uint64_t v, uint64_t by)
{
	uint32_t w = (uint32_t)v;

	return SEXT32(w >> (by & 31) | w << (-by & 31));
}

/* Each byte that is not zero becomes 0xff (orc.b). */
static uint64_t or_combine(uint64_t v)
{
	uint64_t low = 0x7f7f7f7f7f7f7f7f;
	uint64_t top = (((v & low) + low) | v) & ~low; /* bit 7 of each byte that is not zero */

	return (top >> 7) * 0xff;
}

/* Whether a cache-block operation may be executed here (Zicbom, section 2.5: envcfg). */
static bool cbo_allowed(const struct hart *h, unsigned operation)
{
	uint64_t mask = operation == CBO_ZERO    ? ENVCFG_CBZE
			: operation == CBO_INVAL ? ENVCFG_CBIE
						 : ENVCFG_CBCFE;

	if (h->prv < PRV_M && !(h->menvcfg & mask))
		return false;
	return h->prv != PRV_U || (h->senvcfg & mask);
}

/*
 * The raw bits of the instruction at ip, for a trap's tval. => 2 or 4 bytes' worth.
 */
static uint32_t raw_bits(const struct hart *h, const struct insn *ip)
{
	uint64_t off = code_offset(h->code, ip);
	uint16_t half[2] = {0, 0};

	memcpy(half, h->code->bytes + off, 2);
	if ((half[0] & 3) == 3 && off + 4 <= RV_PAGE_SIZE)
		memcpy(&half[1], h->code->bytes + off + 2, 2);
	else if ((half[0] & 3) == 3)
		half[1] = h->straddle_half;
	return (uint32_t)half[1] << 16 | half[0];
}

/* A CSR instruction. => false: illegal. *leaves: the run loop must look up after it. */
static bool csr_instruction(struct hart *h, uint32_t raw, bool *leaves)
{
	unsigned csr = raw >> 20, funct3 = (raw >> 12) & 7, rs1 = (raw >> 15) & 31;
	unsigned rd = (raw >> 7) & 31;
	uint64_t operand = funct3 & 4 ? rs1 : h->x[rs1], old = 0;
	bool writes = (funct3 & 3) == 1 || rs1 != 0;

	/* CSRRW to x0 does not read; nothing here has an effect on reading. */
	if (!csr_read(h, csr, &old, writes))
		return false;
	if ((funct3 & 3) == 2)
		operand |= csr_base(h, csr, old);
	else if ((funct3 & 3) == 3)
		operand = csr_base(h, csr, old) & ~operand;
	if (writes && !csr_write(h, csr, operand))
		return false;
	if (rd)
		h->x[rd] = old;
	*leaves = writes && csr > CSR_FCSR;
	return true;
}

static bool sfence_vma(struct hart *h, const struct insn *ip)
{
	if (h->prv == PRV_U || (h->prv == PRV_S && (h->mstatus & MSTATUS_TVM)))
		return false;
	unsigned asid = (unsigned)h->x[ip->rd] & SATP_ASID_MASK;
	if (ip->rs1 && ip->rd)
		mmu_flush_page_asid(h, h->x[ip->rs1], asid);
	else if (ip->rs1)
		mmu_flush_page(h, h->x[ip->rs1]);
	else if (ip->rd)
		mmu_flush_asid(h, asid);
	else
		mmu_flush_all(h);
	return true;
}

/* The end of what exec() did from clock `since` in privilege `prv`. */
static void account(struct hart *h, uint64_t since, unsigned prv, bool paged, uint64_t nloads,
		    uint64_t nstores)
{
	uint64_t steps = h->clock - since;

	h->count.steps += steps;
	h->count.retired_by_prv[prv] += steps;
	if (paged) {
		h->count.paged_steps += steps;
		if (prv == PRV_U) {
			h->paged_user_steps += steps;
			h->count.lookups_user[ACCESS_LOAD] += nloads;
			h->count.lookups_user[ACCESS_STORE] += nstores;
		}
		h->count.lookups[ACCESS_LOAD] += nloads;
		h->count.lookups[ACCESS_STORE] += nstores;
	}
}

static void exec(struct hart *h)
{
	static const void *const labels[OP_COUNT] = {
#define X_(name) [OP_##name] = &&op_##name,
	    OPS_SPECIAL(X_) OPS_BOTH(X_) OPS_WIDE(X_)
#undef X_
#define X_(name) [OP_c_##name] = &&op_c_##name,
		OPS_BOTH(X_)
#undef X_
	};
	if (!h) {
		hart_labels = labels;
		return;
	}

	const unsigned prv = h->prv;
	const bool paged = h->mmu.paged_fetch;
	const bool single = h->m->cfg.single_blocks || h->m->cfg.no_lookaside || h->m->breaks.nexec;
	uint64_t since = h->clock; /* what was executed before it is counted */
	uint64_t end = since, target, nloads = 0, nstores = 0;
	uint64_t single_clock = since; /* single blocks: steps are counted one by one */
	bool looked_up = true;         /* the next fetch has been looked up */
	const struct insn *ip;
	struct insn *stop_slot = NULL;
	const void *stopped_op = NULL;

	h->leave = false;
	h->exec_since = since;
	h->mmu.fetch_once = false;
	{
		struct fetch_slot *s = &h->mmu.fetch[fetch_index(h->pc)];
		if (s->tag == TAG_OF(h->pc)) {
			h->mmu.cur = s;
			h->code = s->page;
			looked_up = false;
		} else {
			h->code = mmu_fetch_page(h, h->pc);
		}
	}
	if (!h->code) {
		h->clock++;
		goto left;
	}
	if (UNLIKELY(h->mmu.fetch_once))
		h->deadline = since + 1; /* hart_run returns, and it is reckoned anew */
	ip = h->code->slots + (h->pc & (RV_PAGE_SIZE - 1)) / 2;
	h->pc_bias = TAG_OF(h->pc) - ((uint64_t)(uintptr_t)h->code->slots >> 3);
	ENTER();

jump:
	/* To `target`, which may lie in another page. end: clock after the jump. */
	{
		const struct fetch_slot *s = &h->mmu.fetch[fetch_index(target)];
		if (UNLIKELY(s->tag != TAG_OF(target) || end >= h->deadline)) {
			h->pc = target;
			h->clock = end;
			goto out;
		}
		*h->mmu.cur->stamp = end - 1;
		h->mmu.cur = (struct fetch_slot *)s;
		h->code = s->page;
		ip = s->page->slots + (target & (RV_PAGE_SIZE - 1)) / 2;
		h->pc_bias = TAG_OF(target) - ((uint64_t)(uintptr_t)s->page->slots >> 3);
		ENTER();
	}

run_over:
	/* The deadline falls before or within the run at ip: execute up to it. */
	{
		uint64_t left = h->deadline - (end - ip->run);
		if (!left) {
			end -= ip->run;
			h->pc = PC;
			h->clock = end;
			goto out;
		}
		if (single || stop_slot)
			DISPATCH();
		const struct insn *at = ip;
		for (; left; left--)
			at += (h->code->bytes[code_offset(h->code, at)] & 3) == 3 ? 2 : 1;
		stop_slot = (struct insn *)at;
		stopped_op = at->op;
		stop_slot->op = labels[OP_stop];
		DISPATCH();
	}

op_stop:
	end -= ip->run;
	h->pc = PC;
	h->clock = end;
	goto out;

op_decode:
	/* Reached with end = clock before it (its run was 0 when that was added). */
	if (single) {
		if (single_clock == h->deadline) {
			h->pc = PC;
			h->clock = single_clock;
			goto out;
		}
		if (h->m->breaks.nexec && break_exec(h, PC, single_clock)) {
			h->pc = PC;
			h->clock = single_clock;
			goto out;
		}
		struct insn *slot = (struct insn *)ip;
		code_decode(h->code, (unsigned)(ip - h->code->slots), true);
		const void *op = slot->op;
		slot->op = labels[OP_decode];
		end = ++single_clock;
		if (h->m->cfg.no_lookaside && paged && !looked_up) {
			SYNC();
			if (!mmu_fetch_again(h, h->pc))
				goto trapped;
		}
		looked_up = false;
		goto *op;
	}
	code_decode(h->code, (unsigned)(ip - h->code->slots), false);
	ENTER();

op_page_end:
	/* The slots past the end stand for the first addresses of the next page. */
	JUMP(PC);

op_straddle:
	/* The second half comes from the next page, looked up on its own. */
	SYNC();
	*h->mmu.cur->stamp = h->clock;
	if (paged) {
		h->count.straddles++;
		h->user_straddles += prv == PRV_U;
	}
	if (!mmu_fetch_half(h, h->pc + 2, &h->straddle_half))
		goto trapped;
	{
		uint16_t low;
		memcpy(&low, h->code->bytes + RV_PAGE_SIZE - 2, 2);
		/* An offset outside any page: jumps take the far form and look up. */
		goto *labels[decode((uint32_t)h->straddle_half << 16 | low, 1u << 30,
				    (struct insn *)ip)];
	}

#define ADVANCE  2
#define OP(name) op_##name:
#include "machine/hart/exec_both.h"
#include "machine/hart/exec_wide.h"
#include "machine/hart/exec_fp.h"
#undef OP
#undef ADVANCE
#define ADVANCE  1
#define OP(name) op_c_##name:
#include "machine/hart/exec_both.h"
#undef OP
#undef ADVANCE

fp_off:
	SYNC();
illegal:
	trap_raise(h, CAUSE_ILLEGAL, raw_bits(h, ip));
trapped:
	h->clock++;
out:
	mmu_leave_page(&h->mmu, h->clock - 1);
left:
	if (stop_slot && stop_slot->op == labels[OP_stop])
		stop_slot->op = stopped_op;
	h->code = NULL;
	account(h, since, prv, paged, nloads, nstores);
}

void hart_run(struct hart *h)
{
	while (h->clock < h->deadline && h->status == HART_RUNNING && !h->m->stop_requested) {
		if ((h->mip & h->mie) && trap_take_interrupt(h))
			continue;
		exec(h);
		if (h->satp != h->space_satp)
			space_settle(h);
		if (h->leave || h->mmu.fetch_once)
			return; /* a timer, a line or the deadline may have changed */
	}
}

void hart_counters_get(const struct hart *h, struct hart_counters *out)
{
	*out = h->count;
	out->retired = out->steps - out->exceptions;
	if (h->m->cfg.no_lookaside)
		return;
	/* What the lookaside answered were hits; fetches are counted by the step. */
	out->lookups[ACCESS_FETCH] = out->paged_steps + out->straddles;
	out->lookups_user[ACCESS_FETCH] = h->paged_user_steps + h->user_straddles;
	out->hits[TLB_L1_FETCH] = out->lookups[ACCESS_FETCH] - out->misses[TLB_L1_FETCH];
	out->hits[TLB_L1_DATA] =
	    out->lookups[ACCESS_LOAD] + out->lookups[ACCESS_STORE] - out->misses[TLB_L1_DATA];
}
