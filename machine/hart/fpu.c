/*
 * IEEE 754 arithmetic on integers: add, subtract, multiply, divide, square root
 * and fused multiply-add. The core (unpack, round, pack) is fpu_core.h;
 * comparisons and conversions are fpu_convert.c; the argument for using the host's
 * own arithmetic instead is in fpu.h.
 *
 * Each operation has the same three parts: operands that are NaN, infinite or
 * zero, by case; then the significands, exactly or with a sticky bit; then
 * fpu_round_pack. How many bits each keeps, of the at least 55 that invariant I2
 * needs for binary64:
 *
 *	fma    128-bit product and sum; what is aligned away becomes sticky
 *	add    fma with a factor of one
 *	mul    128-bit product, upper 64 bits and a sticky bit
 *	div    63 or 64 bits of quotient, the remainder is sticky
 *	sqrt   64 bits of root, the remainder is sticky
 */
#include "machine/hart/fpu_core.h"

#if FPU_FAST && defined(__SSE2__)
#include <emmintrin.h>
#endif

/* What an operation on operands with a NaN gives, or an operation without a meaning. */
FPU_INLINE uint64_t nan_result(struct fpu_format f, bool invalid, uint32_t *fl)
{
	if (invalid)
		*fl |= FFLAGS_NV;
	return fpu_nan(f);
}

FPU_INLINE fpu_u128 shift_sticky_128(fpu_u128 v, int shift)
{
	if (shift == 0)
		return v;
	if (shift > 127)
		return v != 0;
	return v >> shift | (v << (128 - shift) != 0);
}

/*
 * (-1)^sp * p * 2^(ep - 126) + (-1)^sc * c * 2^(ec - 126), rounded once.
 * => p and c have bit 126 as their highest, so that their sum fits.
 *
 * Why sticky alignment is enough when the signs differ. If the smaller operand loses no bit, the
 * difference is exact. If it does, it was shifted by more than the zeros below the significands
 * (21 or more), so the difference keeps bit 125 or a higher one; its stand-in D is odd (the larger
 * operand ends in zeros) and the exact difference lies within 1 of D, thus strictly between the
 * same two even numbers: they round alike.
 */
FPU_INLINE uint64_t add_wide(struct fpu_format f, bool sp, int ep, fpu_u128 p, bool sc, int ec,
			     fpu_u128 c, unsigned rm, uint32_t *fl)
{
	fpu_u128 sum;
	bool sign = sp;
	int exp = ep, lead;
	uint64_t hi, lo;

	if (ec > ep) {
		p = shift_sticky_128(p, ec - ep);
		exp = ec;
	} else {
		c = shift_sticky_128(c, ep - ec);
	}
	if (sp == sc) {
		sum = p + c;
	} else if (p > c) {
		sum = p - c;
	} else if (c > p) {
		sum = c - p;
		sign = sc;
	} else {
		return fpu_zero(f, rm == FRM_RDN);
	}

	hi = (uint64_t)(sum >> 64);
	lead = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)sum);
	sum <<= lead;
	hi = (uint64_t)(sum >> 64);
	lo = (uint64_t)sum;
	return fpu_round_pack(f, sign, exp + 1 - lead, hi | (lo != 0), rm, fl);
}

FPU_INLINE uint64_t fma_generic(struct fpu_format f, uint64_t a_bits, uint64_t b_bits,
				uint64_t c_bits, unsigned rm, uint32_t *fl)
{
	struct fpu_num a = fpu_unpack(f, a_bits), b = fpu_unpack(f, b_bits);
	struct fpu_num c = fpu_unpack(f, c_bits);
	bool sign = a.sign != b.sign;
	bool inf_zero =
	    (a.kind == FPU_INF && b.kind == FPU_ZERO) || (a.kind == FPU_ZERO && b.kind == FPU_INF);
	fpu_u128 p;
	int exp;

	if (fpu_is_nan(&a) || fpu_is_nan(&b) || fpu_is_nan(&c) || inf_zero)
		return nan_result(
		    f, inf_zero || a.kind == FPU_SNAN || b.kind == FPU_SNAN || c.kind == FPU_SNAN,
		    fl);
	if (a.kind == FPU_INF || b.kind == FPU_INF) {
		if (c.kind == FPU_INF && c.sign != sign)
			return nan_result(f, true, fl);
		return fpu_inf(f, sign);
	}
	if (c.kind == FPU_INF)
		return fpu_inf(f, c.sign);
	if (a.kind == FPU_ZERO || b.kind == FPU_ZERO) {
		if (c.kind != FPU_ZERO)
			return c_bits;
		return fpu_zero(f, sign == c.sign ? sign : rm == FRM_RDN);
	}

	/* here: a and b finite, not zero. The product's low bits are zero: no bit is lost. */
	p = (fpu_u128)a.sig * b.sig;
	exp = a.exp + b.exp;
	if (p >> 127) {
		p >>= 1;
		exp++;
	}
	if (c.kind == FPU_ZERO)
		return fpu_round_pack(f, sign, exp, (uint64_t)(p >> 63) | ((uint64_t)p << 1 != 0),
				      rm, fl);
	return add_wide(f, sign, exp, p, c.sign, c.exp, (fpu_u128)c.sig << 63, rm, fl);
}

/* a * 1 + b: one is exact and changes neither a's sign nor its kind. */
FPU_INLINE uint64_t add_generic(struct fpu_format f, uint64_t a, uint64_t b, unsigned rm,
				uint32_t *fl)
{
	return fma_generic(f, a, (uint64_t)fpu_bias(f) << f.frac, b, rm, fl);
}

FPU_INLINE uint64_t mul_generic(struct fpu_format f, uint64_t a_bits, uint64_t b_bits, unsigned rm,
				uint32_t *fl)
{
	struct fpu_num a = fpu_unpack(f, a_bits), b = fpu_unpack(f, b_bits);
	bool sign = a.sign != b.sign;
	fpu_u128 p;
	int exp;

	if (fpu_is_nan(&a) || fpu_is_nan(&b))
		return nan_result(f, a.kind == FPU_SNAN || b.kind == FPU_SNAN, fl);
	if (a.kind == FPU_INF || b.kind == FPU_INF) {
		if (a.kind == FPU_ZERO || b.kind == FPU_ZERO)
			return nan_result(f, true, fl);
		return fpu_inf(f, sign);
	}
	if (a.kind == FPU_ZERO || b.kind == FPU_ZERO)
		return fpu_zero(f, sign);

	p = (fpu_u128)a.sig * b.sig; /* [2^126, 2^128) */
	exp = a.exp + b.exp + 1;
	if (!(p >> 127)) {
		p <<= 1;
		exp--;
	}
	return fpu_round_pack(f, sign, exp, (uint64_t)(p >> 64) | ((uint64_t)p != 0), rm, fl);
}

FPU_INLINE uint64_t div_generic(struct fpu_format f, uint64_t a_bits, uint64_t b_bits, unsigned rm,
				uint32_t *fl)
{
	struct fpu_num a = fpu_unpack(f, a_bits), b = fpu_unpack(f, b_bits);
	bool sign = a.sign != b.sign;
	fpu_u128 n;
	uint64_t q;
	int exp;

	if (fpu_is_nan(&a) || fpu_is_nan(&b))
		return nan_result(f, a.kind == FPU_SNAN || b.kind == FPU_SNAN, fl);
	if (a.kind == b.kind && a.kind != FPU_FINITE) /* 0 / 0, inf / inf */
		return nan_result(f, true, fl);
	if (a.kind == FPU_INF || b.kind == FPU_ZERO) {
		if (a.kind != FPU_INF)
			*fl |= FFLAGS_DZ;
		return fpu_inf(f, sign);
	}
	if (a.kind == FPU_ZERO || b.kind == FPU_INF)
		return fpu_zero(f, sign);

	n = (fpu_u128)a.sig << 63;
	q = (uint64_t)(n / b.sig); /* (2^62, 2^64), as a.sig / b.sig is within (1/2, 2) */
	exp = a.exp - b.exp;
	n -= (fpu_u128)q * b.sig;
	if (!(q >> 63)) {
		q <<= 1;
		exp--;
	}
	return fpu_round_pack(f, sign, exp, q | (n != 0), rm, fl);
}

FPU_INLINE uint64_t sqrt_generic(struct fpu_format f, uint64_t bits, unsigned rm, uint32_t *fl)
{
	struct fpu_num a = fpu_unpack(f, bits);
	fpu_u128 x;
	uint64_t root = 0;

	if (fpu_is_nan(&a))
		return nan_result(f, a.kind == FPU_SNAN, fl);
	if (a.kind == FPU_ZERO)
		return bits;
	if (a.sign)
		return nan_result(f, true, fl);
	if (a.kind == FPU_INF)
		return fpu_inf(f, false);

	/*
	 * x is a.sig * 2^63, doubled if the exponent is odd: within [2^126, 2^128), so that its
	 * root has bit 63 as its highest. Bit by bit, from the top: root^2 <= x always.
	 */
	x = (fpu_u128)a.sig << (63 + (a.exp & 1));
	for (int i = 63; i >= 0; i--) {
		uint64_t next = root | (uint64_t)1 << i;

		if ((fpu_u128)next * next <= x)
			root = next;
	}
	x -= (fpu_u128)root * root;
	return fpu_round_pack(f, false, (a.exp - (a.exp & 1)) / 2, root | (x != 0), rm, fl);
}

/* -- both formats --------------------------------------------------------------------------- */

uint32_t fpu_soft_add_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl)
{
	return (uint32_t)add_generic(FPU_FORMAT_S, a, b, rm, fl);
}

uint64_t fpu_soft_add_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl)
{
	return add_generic(FPU_FORMAT_D, a, b, rm, fl);
}

/* A NaN's sign does not matter: results are canonical. */
uint32_t fpu_soft_sub_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl)
{
	return (uint32_t)add_generic(FPU_FORMAT_S, a, b ^ fpu_zero(FPU_FORMAT_S, true), rm, fl);
}

uint64_t fpu_soft_sub_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl)
{
	return add_generic(FPU_FORMAT_D, a, b ^ fpu_zero(FPU_FORMAT_D, true), rm, fl);
}

uint32_t fpu_soft_mul_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl)
{
	return (uint32_t)mul_generic(FPU_FORMAT_S, a, b, rm, fl);
}

uint64_t fpu_soft_mul_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl)
{
	return mul_generic(FPU_FORMAT_D, a, b, rm, fl);
}

uint32_t fpu_soft_div_s(uint32_t a, uint32_t b, unsigned rm, uint32_t *fl)
{
	return (uint32_t)div_generic(FPU_FORMAT_S, a, b, rm, fl);
}

uint64_t fpu_soft_div_d(uint64_t a, uint64_t b, unsigned rm, uint32_t *fl)
{
	return div_generic(FPU_FORMAT_D, a, b, rm, fl);
}

uint32_t fpu_soft_sqrt_s(uint32_t a, unsigned rm, uint32_t *fl)
{
	return (uint32_t)sqrt_generic(FPU_FORMAT_S, a, rm, fl);
}

uint64_t fpu_soft_sqrt_d(uint64_t a, unsigned rm, uint32_t *fl)
{
	return sqrt_generic(FPU_FORMAT_D, a, rm, fl);
}

uint32_t fpu_soft_fma_s(uint32_t a, uint32_t b, uint32_t c, unsigned rm, uint32_t *fl)
{
	return (uint32_t)fma_generic(FPU_FORMAT_S, a, b, c, rm, fl);
}

uint64_t fpu_soft_fma_d(uint64_t a, uint64_t b, uint64_t c, unsigned rm, uint32_t *fl)
{
	return fma_generic(FPU_FORMAT_D, a, b, c, rm, fl);
}

/* -- the host's instruction, where there is one for certain ---------------------------------- */

/*
 * By E1 and E2 of fpu.h: a NaN, an infinity or a zero falls out of E2, and the root of any other
 * number lies far from both ends of the range. The intrinsic is the instruction itself: neither
 * errno nor a library has a part in it.
 */
uint32_t fpu_sqrt_s(uint32_t a, unsigned rm, uint32_t *fl)
{
#if FPU_FAST && defined(__SSE2__)
	if (fpu_may_use_host(rm, *fl)) {
		uint32_t r = fpu_bits_s(_mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(fpu_value_s(a)))));

		if (fpu_is_midrange_s(r))
			return r;
	}
#endif
	return fpu_soft_sqrt_s(a, rm, fl);
}

uint64_t fpu_sqrt_d(uint64_t a, unsigned rm, uint32_t *fl)
{
#if FPU_FAST && defined(__SSE2__)
	if (fpu_may_use_host(rm, *fl)) {
		__m128d v = _mm_set_sd(fpu_value_d(a));
		uint64_t r = fpu_bits_d(_mm_cvtsd_f64(_mm_sqrt_sd(v, v)));

		if (fpu_is_midrange_d(r))
			return r;
	}
#endif
	return fpu_soft_sqrt_d(a, rm, fl);
}

/* Only where the compiler emits the instruction: a library's fma may round twice. */
#if FPU_FAST && (defined(__FMA__) || defined(__ARM_FEATURE_FMA))
#define HAVE_FMA 1
#else
#define HAVE_FMA 0
#endif

uint32_t fpu_fma_s(uint32_t a, uint32_t b, uint32_t c, unsigned rm, uint32_t *fl)
{
#if HAVE_FMA
	if (fpu_may_use_host(rm, *fl)) {
		uint32_t r =
		    fpu_bits_s(__builtin_fmaf(fpu_value_s(a), fpu_value_s(b), fpu_value_s(c)));

		if (fpu_is_midrange_s(r))
			return r;
	}
#endif
	if (FPU_FAST && rm == FRM_RNE && fpu_is_normal_s(a) && fpu_is_normal_s(b)) {
		uint32_t product = fpu_bits_s(fpu_value_s(a) * fpu_value_s(b));

		if (fpu_is_midrange_s(product) && fpu_mul_exact_s(a, b, product))
			return fpu_add_s(product, c, rm, fl);
	}
	return fpu_soft_fma_s(a, b, c, rm, fl);
}

uint64_t fpu_fma_d(uint64_t a, uint64_t b, uint64_t c, unsigned rm, uint32_t *fl)
{
#if HAVE_FMA
	if (fpu_may_use_host(rm, *fl)) {
		uint64_t r =
		    fpu_bits_d(__builtin_fma(fpu_value_d(a), fpu_value_d(b), fpu_value_d(c)));

		if (fpu_is_midrange_d(r))
			return r;
	}
#endif
	/* An exact product leaves one rounding: that of the sum. */
	if (FPU_FAST && rm == FRM_RNE && fpu_is_normal_d(a) && fpu_is_normal_d(b)) {
		uint64_t product = fpu_bits_d(fpu_value_d(a) * fpu_value_d(b));

		if (fpu_is_midrange_d(product) && fpu_mul_exact_d(a, b, product))
			return fpu_add_d(product, c, rm, fl);
	}
	return fpu_soft_fma_d(a, b, c, rm, fl);
}
