/*
 * The soft-float core: what all operations and both formats share.
 *
 * A number is taken apart into kind, sign, exponent and a 64-bit significand
 * (`struct fpu_num`), the operation is done on integers, and fpu_round_pack puts
 * the exact result, or a stand-in for it, into the format:
 *
 *	    63 62                                 drop          0
 *	   | 1 .  f f f f f f f f f f f f f f f f | g s s s s s s |
 *	   '--------- frac + 1 bits kept --------' '- rounded off -'
 *
 * I1  A finite number that is not zero has bit 63 of `sig` set, and its value is
 *     (-1)^sign * sig * 2^(exp - 63). Subnormal operands are normalised so too.
 * I2  Bit 0 of a result's significand is *sticky*: it is 1 if anything below it was
 *     not zero. At least two bits are rounded off in either format, so that below
 *     half, half and above half stay apart: rounding the stand-in is rounding the
 *     exact value, in every mode.
 *
 * The format is an argument of compile-time constants to functions that are
 * always inlined; the compiler makes the two copies.
 */
#ifndef FPU_CORE_H
#define FPU_CORE_H

#include "machine/hart/fpu.h"

#define FPU_INLINE static inline __attribute__((always_inline))

typedef unsigned __int128 fpu_u128;

struct fpu_format {
	unsigned frac; /* bits of the fraction field */
	unsigned exp;  /* bits of the exponent field */
};

#define FPU_FORMAT_S ((struct fpu_format){23, 8})
#define FPU_FORMAT_D ((struct fpu_format){52, 11})

enum fpu_kind { FPU_ZERO, FPU_FINITE, FPU_INF, FPU_QNAN, FPU_SNAN };

struct fpu_num {
	enum fpu_kind kind;
	bool sign;
	int exp;
	uint64_t sig; /* I1; of FPU_FINITE only, as exp */
};

/* The exponent field of infinities and NaNs, and the bias of all others. */
FPU_INLINE int fpu_exp_max(struct fpu_format f)
{
	return (1 << f.exp) - 1;
}

FPU_INLINE int fpu_bias(struct fpu_format f)
{
	return (1 << (f.exp - 1)) - 1;
}

FPU_INLINE uint64_t fpu_inf(struct fpu_format f, bool sign)
{
	return (uint64_t)sign << (f.frac + f.exp) | (uint64_t)fpu_exp_max(f) << f.frac;
}

FPU_INLINE uint64_t fpu_zero(struct fpu_format f, bool sign)
{
	return (uint64_t)sign << (f.frac + f.exp);
}

/* The canonical NaN. */
FPU_INLINE uint64_t fpu_nan(struct fpu_format f)
{
	return fpu_inf(f, false) | (uint64_t)1 << (f.frac - 1);
}

FPU_INLINE bool fpu_is_nan(const struct fpu_num *n)
{
	return n->kind >= FPU_QNAN;
}

/* => n satisfies I1. */
FPU_INLINE struct fpu_num fpu_unpack(struct fpu_format f, uint64_t bits)
{
	int e = (int)(bits >> f.frac) & fpu_exp_max(f);
	uint64_t m = bits & (((uint64_t)1 << f.frac) - 1);
	struct fpu_num n = {.kind = FPU_FINITE, .sign = bits >> (f.frac + f.exp) & 1};

	if (e == fpu_exp_max(f)) {
		if (m == 0)
			n.kind = FPU_INF;
		else
			n.kind = m >> (f.frac - 1) ? FPU_QNAN : FPU_SNAN;
	} else if (e != 0) {
		n.exp = e - fpu_bias(f);
		n.sig = (m | (uint64_t)1 << f.frac) << (63 - f.frac);
	} else if (m != 0) {
		int shift = __builtin_clzll(m);

		/* m * 2^(1 - bias - frac), by I1 */
		n.exp = 64 - fpu_bias(f) - (int)f.frac - shift;
		n.sig = m << shift;
	} else {
		n.kind = FPU_ZERO;
	}
	return n;
}

/* => sig / 2^shift, with a sticky bit 0. shift >= 0. */
FPU_INLINE uint64_t fpu_shift_sticky(uint64_t sig, int shift)
{
	if (shift == 0)
		return sig;
	if (shift > 63)
		return sig != 0;
	return sig >> shift | (sig << (64 - shift) != 0);
}

/*
 * Whether to round away from zero: `rem` is what is rounded off, in units where one unit in the
 * last place that is kept is 2 * half; `odd` is that place.
 */
FPU_INLINE bool fpu_round_up(unsigned rm, bool sign, bool odd, uint64_t rem, uint64_t half)
{
	switch (rm) {
	case FRM_RNE: return rem > half || (rem == half && odd);
	case FRM_RDN: return sign && rem != 0;
	case FRM_RUP: return !sign && rem != 0;
	case FRM_RMM: return rem >= half;
	default: return false; /* FRM_RTZ */
	}
}

/*
 * Rounds (-1)^sign * sig * 2^(exp - 63) to the format, once.
 * => its encoding; OF, UF and NX as due. sig satisfies I1 and I2.
 */
FPU_INLINE uint64_t fpu_round_pack(struct fpu_format f, bool sign, int exp, uint64_t sig,
				   unsigned rm, uint32_t *fl)
{
	unsigned drop = 63 - f.frac;
	uint64_t half = (uint64_t)1 << (drop - 1), mask = 2 * half - 1, m;
	int e = exp + fpu_bias(f);
	bool tiny = false, up;

	up = fpu_round_up(rm, sign, sig >> drop & 1, sig & mask, half);
	if (e < 1) {
		/*
		 * Tiny after rounding: with an unbounded exponent the result stays below 2^(1 -
		 * bias). From one binade below, rounding may reach it: all bits kept are ones.
		 */
		tiny = e < 0 || !up || sig >> drop != ((uint64_t)2 << f.frac) - 1;
		sig = fpu_shift_sticky(sig, 1 - e);
		e = 1;
		up = fpu_round_up(rm, sign, sig >> drop & 1, sig & mask, half);
	}
	if (sig & mask)
		*fl |= tiny ? FFLAGS_NX | FFLAGS_UF : FFLAGS_NX;

	/*
	 * The hidden bit, if there is one, adds 1 to the exponent field, and so does a carry out
	 * of the fraction: subnormal to normal, or to the next binade, without a special case.
	 */
	m = ((uint64_t)(e - 1) << f.frac) + (sig >> drop) + up;
	if (m >= fpu_inf(f, false)) {
		*fl |= FFLAGS_OF | FFLAGS_NX;
		m = fpu_inf(f, false);
		if (rm == FRM_RTZ || (rm == FRM_RDN && !sign) || (rm == FRM_RUP && sign))
			m--; /* the largest finite number */
	}
	return fpu_zero(f, sign) | m;
}

#endif
