/*
 * IEEE 754 on integers, second part: comparisons, minimum and maximum, classes,
 * and conversions between the two formats and to and from integers. The core
 * (unpack, round, pack) is fpu_core.h. RISC-V Unprivileged ISA 20191213, sections
 * 11.6 to 11.9 and 12.5 to 12.7.
 */
#include "machine/hart/fpu_core.h"

/* -- comparisons ---------------------------------------------------------------------------- */

/*
 * A number's place in the order: encodings of one sign are ordered as their values are. Both
 * zeros have the key 0.
 */
FPU_INLINE int64_t order_key(struct fpu_format f, uint64_t bits)
{
	uint64_t magnitude = bits & (fpu_zero(f, true) - 1);

	return bits & fpu_zero(f, true) ? -(int64_t)magnitude : (int64_t)magnitude;
}

FPU_INLINE bool is_nan_bits(struct fpu_format f, uint64_t bits)
{
	return (bits & (fpu_zero(f, true) - 1)) > fpu_inf(f, false);
}

FPU_INLINE bool is_snan_bits(struct fpu_format f, uint64_t bits)
{
	return is_nan_bits(f, bits) && !(bits >> (f.frac - 1) & 1);
}

/* => whether a or b is a NaN; NV is raised for sNaN, and for every NaN if `signaling`. */
FPU_INLINE bool is_unordered(struct fpu_format f, uint64_t a, uint64_t b, bool signaling,
			     uint32_t *fl)
{
	if (!is_nan_bits(f, a) && !is_nan_bits(f, b))
		return false;
	if (signaling || is_snan_bits(f, a) || is_snan_bits(f, b))
		*fl |= FFLAGS_NV;
	return true;
}

FPU_INLINE uint64_t min_max_generic(struct fpu_format f, uint64_t a, uint64_t b, bool max,
				    uint32_t *fl)
{
	int64_t ka = order_key(f, a), kb = order_key(f, b);

	if (is_unordered(f, a, b, false, fl)) {
		if (!is_nan_bits(f, a))
			return a;
		return is_nan_bits(f, b) ? fpu_nan(f) : b;
	}
	if (ka == kb) /* the same number, or zeros: here -0 < +0 */
		return max ? a & b : a | b;
	return (ka < kb) != max ? a : b;
}

uint32_t fpu_min_s(uint32_t a, uint32_t b, uint32_t *fl)
{
	return (uint32_t)min_max_generic(FPU_FORMAT_S, a, b, false, fl);
}

uint32_t fpu_max_s(uint32_t a, uint32_t b, uint32_t *fl)
{
	return (uint32_t)min_max_generic(FPU_FORMAT_S, a, b, true, fl);
}

uint64_t fpu_min_d(uint64_t a, uint64_t b, uint32_t *fl)
{
	return min_max_generic(FPU_FORMAT_D, a, b, false, fl);
}

uint64_t fpu_max_d(uint64_t a, uint64_t b, uint32_t *fl)
{
	return min_max_generic(FPU_FORMAT_D, a, b, true, fl);
}

#define COMPARISON(name, fmt, type, format, op, signaling)                                         \
	bool fpu_##name##_##fmt(type a, type b, uint32_t *fl)                                      \
	{                                                                                          \
		return !is_unordered(format, a, b, signaling, fl) && order_key(format, a)          \
									 op order_key(format, b);  \
	}

COMPARISON(eq, s, uint32_t, FPU_FORMAT_S, ==, false)
COMPARISON(lt, s, uint32_t, FPU_FORMAT_S, <, true)
COMPARISON(le, s, uint32_t, FPU_FORMAT_S, <=, true)
COMPARISON(eq, d, uint64_t, FPU_FORMAT_D, ==, false)
COMPARISON(lt, d, uint64_t, FPU_FORMAT_D, <, true)
COMPARISON(le, d, uint64_t, FPU_FORMAT_D, <=, true)

/* Bits of the class: 0 to 3 are negative (infinite, normal, subnormal, zero), 4 to 7 mirror them.
 */
FPU_INLINE uint64_t class_generic(struct fpu_format f, uint64_t bits)
{
	struct fpu_num n = fpu_unpack(f, bits);
	unsigned bit = 0;

	switch (n.kind) {
	case FPU_SNAN: return 1 << 8;
	case FPU_QNAN: return 1 << 9;
	case FPU_INF: bit = 0; break;
	case FPU_FINITE: bit = n.exp < 1 - fpu_bias(f) ? 2 : 1; break;
	case FPU_ZERO: bit = 3; break;
	}
	return 1u << (n.sign ? bit : 7 - bit);
}

uint64_t fpu_class_s(uint32_t a)
{
	return class_generic(FPU_FORMAT_S, a);
}

uint64_t fpu_class_d(uint64_t a)
{
	return class_generic(FPU_FORMAT_D, a);
}

/* -- to integers ---------------------------------------------------------------------------- */

FPU_INLINE uint64_t to_int_generic(struct fpu_format f, uint64_t bits, bool is_signed,
				   unsigned width, unsigned rm, uint32_t *fl)
{
	struct fpu_num n = fpu_unpack(f, bits);
	bool sign = n.sign && !fpu_is_nan(&n);
	uint64_t max = UINT64_MAX >> (64 - width + is_signed);   /* largest positive result */
	uint64_t limit = sign ? (is_signed ? max + 1 : 0) : max; /* largest magnitude */
	uint64_t magnitude = 0, rem = 0; /* rem: the fraction, in units of 2^-64 */

	if (n.kind == FPU_FINITE) {
		if (n.exp > 63) {
			magnitude = UINT64_MAX;
			rem = 1;
		} else if (n.exp >= 0) {
			magnitude = n.sig >> (63 - n.exp);
			rem = n.exp < 63 ? n.sig << (n.exp + 1) : 0;
		} else {
			rem = n.exp == -1 ? n.sig : 1; /* below a half all round alike */
		}
	}
	if ((n.kind == FPU_FINITE && n.exp > 63) || n.kind >= FPU_INF) {
		*fl |= FFLAGS_NV;
		magnitude = limit;
	} else {
		/* here: magnitude < 2^63 if rem, so that adding one does not wrap */
		magnitude += fpu_round_up(rm, sign, magnitude & 1, rem, (uint64_t)1 << 63);
		if (magnitude > limit) {
			*fl |= FFLAGS_NV;
			magnitude = limit;
		} else if (rem) {
			*fl |= FFLAGS_NX;
		}
	}
	if (sign)
		magnitude = -magnitude;
	return width == 32 ? (uint64_t)(int64_t)(int32_t)(uint32_t)magnitude : magnitude;
}

#define TO_INTEGER(fmt, type, format)                                                              \
	uint64_t fpu_##fmt##_to_i32(type a, unsigned rm, uint32_t *fl)                             \
	{                                                                                          \
		return to_int_generic(format, a, true, 32, rm, fl);                                \
	}                                                                                          \
	uint64_t fpu_##fmt##_to_u32(type a, unsigned rm, uint32_t *fl)                             \
	{                                                                                          \
		return to_int_generic(format, a, false, 32, rm, fl);                               \
	}                                                                                          \
	uint64_t fpu_##fmt##_to_i64(type a, unsigned rm, uint32_t *fl)                             \
	{                                                                                          \
		return to_int_generic(format, a, true, 64, rm, fl);                                \
	}                                                                                          \
	uint64_t fpu_##fmt##_to_u64(type a, unsigned rm, uint32_t *fl)                             \
	{                                                                                          \
		return to_int_generic(format, a, false, 64, rm, fl);                               \
	}

TO_INTEGER(s, uint32_t, FPU_FORMAT_S)
TO_INTEGER(d, uint64_t, FPU_FORMAT_D)

/* -- from integers -------------------------------------------------------------------------- */

FPU_INLINE uint64_t from_int_generic(struct fpu_format f, bool sign, uint64_t magnitude,
				     unsigned rm, uint32_t *fl)
{
	int shift;

	if (magnitude == 0)
		return fpu_zero(f, false);
	shift = __builtin_clzll(magnitude);
	return fpu_round_pack(f, sign, 63 - shift, magnitude << shift, rm, fl);
}

/* I2 holds: an integer has no bits below bit 0, and what is shifted in is zero. */
FPU_INLINE uint64_t from_signed(struct fpu_format f, int64_t x, unsigned rm, uint32_t *fl)
{
	return from_int_generic(f, x < 0, x < 0 ? -(uint64_t)x : (uint64_t)x, rm, fl);
}

#define FROM_INTEGER(fmt, type, format)                                                            \
	type fpu_i32_to_##fmt(uint64_t x, unsigned rm, uint32_t *fl)                               \
	{                                                                                          \
		return (type)from_signed(format, (int32_t)(uint32_t)x, rm, fl);                    \
	}                                                                                          \
	type fpu_u32_to_##fmt(uint64_t x, unsigned rm, uint32_t *fl)                               \
	{                                                                                          \
		return (type)from_int_generic(format, false, (uint32_t)x, rm, fl);                 \
	}                                                                                          \
	type fpu_i64_to_##fmt(uint64_t x, unsigned rm, uint32_t *fl)                               \
	{                                                                                          \
		return (type)from_signed(format, (int64_t)x, rm, fl);                              \
	}                                                                                          \
	type fpu_u64_to_##fmt(uint64_t x, unsigned rm, uint32_t *fl)                               \
	{                                                                                          \
		return (type)from_int_generic(format, false, x, rm, fl);                           \
	}

FROM_INTEGER(s, uint32_t, FPU_FORMAT_S)
FROM_INTEGER(d, uint64_t, FPU_FORMAT_D)

/* -- between the formats -------------------------------------------------------------------- */

FPU_INLINE uint64_t reformat(struct fpu_format to, struct fpu_format from, uint64_t bits,
			     unsigned rm, uint32_t *fl)
{
	struct fpu_num n = fpu_unpack(from, bits);

	switch (n.kind) {
	case FPU_SNAN: *fl |= FFLAGS_NV; return fpu_nan(to);
	case FPU_QNAN: return fpu_nan(to);
	case FPU_INF: return fpu_inf(to, n.sign);
	case FPU_ZERO: return fpu_zero(to, n.sign);
	case FPU_FINITE: break;
	}
	return fpu_round_pack(to, n.sign, n.exp, n.sig, rm, fl);
}

/* Exact: the mode does not matter. */
uint64_t fpu_s_to_d(uint32_t a, uint32_t *fl)
{
	return reformat(FPU_FORMAT_D, FPU_FORMAT_S, a, FRM_RNE, fl);
}

uint32_t fpu_d_to_s(uint64_t a, unsigned rm, uint32_t *fl)
{
	return (uint32_t)reformat(FPU_FORMAT_S, FPU_FORMAT_D, a, rm, fl);
}
