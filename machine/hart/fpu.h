/*
 * IEEE 754 arithmetic of the F and D extensions, as pure functions of bits.
 *
 * Values are raw encodings: `_s` a binary32 in uint32_t, `_d` a binary64 in
 * uint64_t. NaN-boxing is the caller's. Source: RISC-V Unprivileged ISA
 * 20191213, chapters 11 and 12.
 *
 * Conventions. `rm` is a resolved rounding mode, FRM_RNE to FRM_RMM. Flags
 * (FFLAGS_*) are OR-ed into *fl, never cleared. A NaN result is the canonical
 * one. Tininess is detected after rounding.
 *
 * Two ways to one result. The soft functions (fpu_core.h) compute with integers
 * and are the reference: they hold for every mode, operand and host. The
 * wrappers below first try the host's own addition, subtraction, multiplication
 * and division, and keep the result only where the following holds:
 *
 *	E1  the rounding mode is RNE, and NX is set in *fl already or can be decided (below);
 *	E2  the result r is normal, at least twice the smallest normal number,
 *	    and below the topmost binade; or r is a zero of which the operands
 *	    show that it is exact.
 *
 * Then r and the flags are what the soft function gives:
 *	- The host conforms to IEEE 754 and evaluates in the operands' format
 *	  (checked below, at compile time); its floating-point environment is the
 *	  default one: RNE, no flushing of subnormals. So r is correctly rounded.
 *	- NV: the operation would give a NaN; r is none.
 *	- DZ: the quotient would be infinite; r is not.
 *	- OF: the result rounded to RNE would be infinite; r is not.
 *	- UF: the result rounded as if the exponent had no bound would be below the
 *	  smallest normal number; it is r itself. A zero r is exact.
 *	- NX is due exactly if r differs from the true result. If it is not set already:
 *	    a + b: the error of a rounded sum is a number of the format, and Knuth's
 *	      TwoSum gives it (no step can overflow when r is below the topmost binade);
 *	    a * b, both normal: the product of the significands has 2p - 1 or 2p bits, as
 *	      the exponent of r tells, and ctz(a) + ctz(b) zeros at its end; it fits into p
 *	      bits or it does not. (If rounding made r's exponent larger, it does not
 *	      fit, and the count says so for either length.)
 *	    a / b: exact if r * b is, and equals a.
 *	- A NaN operand would make r a NaN, so no payload is seen.
 * The zeros: a sum of two numbers is zero only if it is exact (a difference of
 * numbers that are multiples of one ulp is one, too, and does not underflow);
 * its sign under RNE is IEEE 754's. A product or a quotient is exactly zero if an
 * operand, or the dividend, is zero and the result is not a NaN.
 */
#ifndef FPU_H
#define FPU_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "rv/csr.h"

#define FPU_NAN_S 0x7fc00000u
#define FPU_NAN_D 0x7ff8000000000000u

/* The host's arithmetic is usable (may be set to 0 to have the soft functions only). */
#ifndef FPU_FAST
#if FLT_RADIX == 2 && FLT_MANT_DIG == 24 && DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024 &&           \
    defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD == 0 && !defined(__FAST_MATH__)
#define FPU_FAST 1
#else
#define FPU_FAST 0
#endif
#endif

/* -- the soft functions: fpu.c, fpu_convert.c ---------------------------------------------- */

uint32_t fpu_soft_add_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl);
uint32_t fpu_soft_sub_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl);
uint32_t fpu_soft_mul_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl);
uint32_t fpu_soft_div_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl);
uint32_t fpu_soft_sqrt_s(uint32_t a, unsigned rm, uint32_t *fl);
uint32_t fpu_soft_fma_s(uint32_t a, uint32_t b, uint32_t c, unsigned rm, uint32_t *fl);

uint64_t fpu_soft_add_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl);
uint64_t fpu_soft_sub_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl);
uint64_t fpu_soft_mul_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl);
uint64_t fpu_soft_div_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl);
uint64_t fpu_soft_sqrt_d(uint64_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_soft_fma_d(uint64_t a, uint64_t b, uint64_t c, unsigned rm, uint32_t *fl);

/*
 * Square root, and a * b + c rounded once. The caller negates operands for FMSUB, FNMADD, FNMSUB.
 * => fma of an infinity and a zero raises NV, whatever c is.
 */
uint32_t fpu_sqrt_s(uint32_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_sqrt_d(uint64_t a, unsigned rm, uint32_t *fl);
uint32_t fpu_fma_s(uint32_t a, uint32_t b, uint32_t c, unsigned rm, uint32_t *fl);
uint64_t fpu_fma_d(uint64_t a, uint64_t b, uint64_t c, unsigned rm, uint32_t *fl);

/* minimumNumber, maximumNumber: the other operand if one is a NaN. => NV only for sNaN. */
uint32_t fpu_min_s(uint32_t a, uint32_t b, uint32_t *fl);
uint32_t fpu_max_s(uint32_t a, uint32_t b, uint32_t *fl);
uint64_t fpu_min_d(uint64_t a, uint64_t b, uint32_t *fl);
uint64_t fpu_max_d(uint64_t a, uint64_t b, uint32_t *fl);

/* => false if an operand is a NaN; NV then: eq only for sNaN, lt and le for every NaN. */
bool fpu_eq_s(uint32_t a, uint32_t b, uint32_t *fl);
bool fpu_lt_s(uint32_t a, uint32_t b, uint32_t *fl);
bool fpu_le_s(uint32_t a, uint32_t b, uint32_t *fl);
bool fpu_eq_d(uint64_t a, uint64_t b, uint32_t *fl);
bool fpu_lt_d(uint64_t a, uint64_t b, uint32_t *fl);
bool fpu_le_d(uint64_t a, uint64_t b, uint32_t *fl);

/* => one bit of ten, table 11.5. */
uint64_t fpu_class_s(uint32_t a);
uint64_t fpu_class_d(uint64_t a);

/*
 * To integers.
 * => as it goes into an x register: 32-bit results are sign-extended, the unsigned ones too. Out
 *    of range: the nearest value (NaN: the largest) and NV, without NX. Else NX if not exact.
 */
uint64_t fpu_s_to_i32(uint32_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_s_to_u32(uint32_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_s_to_i64(uint32_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_s_to_u64(uint32_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_d_to_i32(uint64_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_d_to_u32(uint64_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_d_to_i64(uint64_t a, unsigned rm, uint32_t *fl);
uint64_t fpu_d_to_u64(uint64_t a, unsigned rm, uint32_t *fl);

/* From an x register; the 32-bit ones read its low half. */
uint32_t fpu_i32_to_s(uint64_t x, unsigned rm, uint32_t *fl);
uint32_t fpu_u32_to_s(uint64_t x, unsigned rm, uint32_t *fl);
uint32_t fpu_i64_to_s(uint64_t x, unsigned rm, uint32_t *fl);
uint32_t fpu_u64_to_s(uint64_t x, unsigned rm, uint32_t *fl);
uint64_t fpu_i32_to_d(uint64_t x, unsigned rm, uint32_t *fl);
uint64_t fpu_u32_to_d(uint64_t x, unsigned rm, uint32_t *fl);
uint64_t fpu_i64_to_d(uint64_t x, unsigned rm, uint32_t *fl);
uint64_t fpu_u64_to_d(uint64_t x, unsigned rm, uint32_t *fl);

/* Between the formats. */
uint64_t fpu_s_to_d(uint32_t a, uint32_t *fl);
uint32_t fpu_d_to_s(uint64_t a, unsigned rm, uint32_t *fl);

/* -- the host's arithmetic ------------------------------------------------------------------ */

static inline float fpu_value_s(uint32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline uint32_t fpu_bits_s(float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static inline double fpu_value_d(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline uint64_t fpu_bits_d(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

/* E1, when NX need not be decided. */
static inline bool fpu_may_use_host(unsigned rm, uint32_t fl)
{
	return FPU_FAST && rm == FRM_RNE && (fl & FFLAGS_NX);
}

/* E2, normal results: the biased exponent is within [2, top finite - 1]. */
static inline bool fpu_is_midrange_s(uint32_t r)
{
	return (r >> 23 & 0xff) - 2 <= 0xfd - 2;
}

static inline bool fpu_is_midrange_d(uint64_t r)
{
	return (uint32_t)(r >> 52 & 0x7ff) - 2 <= 0x7fd - 2;
}

static inline bool fpu_is_zero_s(uint32_t a)
{
	return (uint32_t)(a << 1) == 0;
}

static inline bool fpu_is_zero_d(uint64_t a)
{
	return a << 1 == 0;
}

static inline bool fpu_is_normal_s(uint32_t a)
{
	return (a >> 23 & 0xff) - 1 < 0xfe;
}

static inline bool fpu_is_normal_d(uint64_t a)
{
	return (a >> 52 & 0x7ff) - 1 < 0x7fe;
}

/* E1: whether r, in mid-range, is exactly a + b. */
static inline bool fpu_add_exact_s(uint32_t a, uint32_t b, uint32_t r)
{
	float x = fpu_value_s(a), y = fpu_value_s(b), sum = fpu_value_s(r), part = sum - x;

	return (x - (sum - part)) + (y - part) == 0;
}

static inline bool fpu_add_exact_d(uint64_t a, uint64_t b, uint64_t r)
{
	double x = fpu_value_d(a), y = fpu_value_d(b), sum = fpu_value_d(r), part = sum - x;

	return (x - (sum - part)) + (y - part) == 0;
}

static inline bool fpu_sub_exact_s(uint32_t a, uint32_t b, uint32_t r)
{
	return fpu_add_exact_s(a, b ^ 0x80000000u, r);
}

static inline bool fpu_sub_exact_d(uint64_t a, uint64_t b, uint64_t r)
{
	return fpu_add_exact_d(a, b ^ 0x8000000000000000u, r);
}

/* E1: whether r, in mid-range, is exactly a * b; both are normal. */
static inline bool fpu_mul_exact_s(uint32_t a, uint32_t b, uint32_t r)
{
	int zeros = __builtin_ctz(a | 0x800000) + __builtin_ctz(b | 0x800000);
	int carry = (int)(r >> 23 & 0xff) - (int)(a >> 23 & 0xff) - (int)(b >> 23 & 0xff) + 127;

	return zeros >= 23 + carry;
}

static inline bool fpu_mul_exact_d(uint64_t a, uint64_t b, uint64_t r)
{
	int zeros = __builtin_ctzll(a | 1ull << 52) + __builtin_ctzll(b | 1ull << 52);
	int carry = (int)(r >> 52 & 0x7ff) - (int)(a >> 52 & 0x7ff) - (int)(b >> 52 & 0x7ff) + 1023;

	return zeros >= 52 + carry;
}

static inline bool fpu_div_exact_s(uint32_t a, uint32_t b, uint32_t r)
{
	return fpu_mul_exact_s(r, b, a) && fpu_value_s(r) * fpu_value_s(b) == fpu_value_s(a);
}

static inline bool fpu_div_exact_d(uint64_t a, uint64_t b, uint64_t r)
{
	return fpu_mul_exact_d(r, b, a) && fpu_value_d(r) * fpu_value_d(b) == fpu_value_d(a);
}

/*
 * The four operations. `exact_zero` says, of operands a and b, whether a result that is zero is
 * exact (E2); `decidable`, whether name##_exact may be asked (E1).
 */
#define FPU_WRAPPER(name, fmt, type, op, exact_zero, decidable)                                    \
	static inline type fpu_##name##_##fmt(type a, type b, unsigned rm, uint32_t *fl)           \
	{                                                                                          \
		if (FPU_FAST && rm == FRM_RNE && ((*fl & FFLAGS_NX) || (decidable))) {             \
			type r = fpu_bits_##fmt(fpu_value_##fmt(a) op fpu_value_##fmt(b));         \
                                                                                                   \
			if (__builtin_expect(fpu_is_midrange_##fmt(r), 1)) {                       \
				if (!(*fl & FFLAGS_NX) && !fpu_##name##_exact_##fmt(a, b, r))      \
					*fl |= FFLAGS_NX;                                          \
				return r;                                                          \
			}                                                                          \
			if (fpu_is_zero_##fmt(r) && (exact_zero))                                  \
				return r;                                                          \
		}                                                                                  \
		return fpu_soft_##name##_##fmt(a, b, rm, fl);                                      \
	}
#define NORMAL_S (fpu_is_normal_s(a) && fpu_is_normal_s(b))
#define NORMAL_D (fpu_is_normal_d(a) && fpu_is_normal_d(b))

FPU_WRAPPER(add, s, uint32_t, +, true, true)
FPU_WRAPPER(sub, s, uint32_t, -, true, true)
FPU_WRAPPER(mul, s, uint32_t, *, fpu_is_zero_s(a) || fpu_is_zero_s(b), NORMAL_S)
FPU_WRAPPER(div, s, uint32_t, /, fpu_is_zero_s(a), NORMAL_S)
FPU_WRAPPER(add, d, uint64_t, +, true, true)
FPU_WRAPPER(sub, d, uint64_t, -, true, true)
FPU_WRAPPER(mul, d, uint64_t, *, fpu_is_zero_d(a) || fpu_is_zero_d(b), NORMAL_D)
FPU_WRAPPER(div, d, uint64_t, /, fpu_is_zero_d(a), NORMAL_D)

#undef NORMAL_S
#undef NORMAL_D
#undef FPU_WRAPPER

#endif
