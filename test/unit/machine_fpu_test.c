/*
 * The machine's floating point against two witnesses.
 *
 * The host's FPU, reached through <fenv.h>, computes the same operation in the
 * same rounding mode, and result and flags must be equal; operands are drawn from
 * patterns in which the edges are frequent (see draw()). RMM, which the host lacks,
 * is checked against an exact argument in a wider format and by cases worked out
 * by hand. Last, the wrappers, which may use the host's arithmetic, must equal the
 * soft functions, which never do.
 */
#include <fenv.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "machine/hart/fpu.h"

#define ROUNDS 120000

/* Where the host detects tininess before rounding, its UF says nothing about ours. */
#if defined(__x86_64__)
#define FLAGS_COMPARED 0x1f
#else
#define FLAGS_COMPARED (0x1f & ~FFLAGS_UF)
#endif

#define SIGN_D ((uint64_t)1 << 63)
#define SIGN_S ((uint32_t)1 << 31)
#define INF_D  0x7ff0000000000000u
#define INF_S  0x7f800000u

static uint64_t random_state = 0x1234567;

/* SplitMix64 */
static uint64_t draw_bits(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned draw_below(unsigned n)
{
	return (unsigned)(draw_bits() >> 33) % n;
}

/*
 * An operand of a format with `frac` and `exp` bits: all kinds of numbers, with fractions of few
 * bits or next to a power of two, and exponents at the ends, at one, or near that of `near`.
 */
static uint64_t draw(unsigned frac, unsigned exp, uint64_t near)
{
	uint64_t fmask = ((uint64_t)1 << frac) - 1, emax = ((uint64_t)1 << exp) - 1;
	uint64_t e, m, sign = draw_bits() & 1;

	switch (draw_below(8)) {
	case 0: e = draw_below(3); break;
	case 1: e = emax - draw_below(3); break;
	case 2: e = emax / 2 - 2 + draw_below(5); break;
	case 3:
	case 4: e = (near >> frac) + draw_below(2 * frac + 8) - frac - 4; break;
	case 5: e = (near >> frac) + draw_below(3) - 1; break;
	case 6: e = emax / 2 - frac / 2 + draw_below(2 * frac); break;
	default: e = draw_bits(); break;
	}
	switch (draw_below(8)) {
	case 0: m = 0; break;
	case 1: m = draw_below(3); break;
	case 2: m = fmask - draw_below(3); break;
	case 3: m = (uint64_t)1 << draw_below(frac); break;
	case 4: m = near + draw_below(3) - 1; break;
	case 5: m = fmask << draw_below(frac); break;
	case 6: m = draw_bits() << draw_below(frac); break;
	default: m = draw_bits(); break;
	}
	return sign << (frac + exp) | (e & emax) << frac | (m & fmask);
}

static uint32_t draw_s(uint32_t near)
{
	return (uint32_t)draw(23, 8, near);
}

static uint64_t draw_d(uint64_t near)
{
	return draw(52, 11, near);
}

/* -- the host's arithmetic, mode and flags --------------------------------------------------- */

enum op { ADD, SUB, MUL, DIV, SQRT, FMA, NARROW, WIDEN, OPS };
static const char *const op_names[] = {"add", "sub", "mul", "div", "sqrt", "fma", "d->s", "s->d"};

static const int host_modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

static void host_enter(unsigned rm)
{
	fesetround(host_modes[rm]);
	feclearexcept(FE_ALL_EXCEPT);
}

static uint32_t host_leave(void)
{
	int x = fetestexcept(FE_ALL_EXCEPT);

	fesetround(FE_TONEAREST);
	return (x & FE_INEXACT ? FFLAGS_NX : 0) | (x & FE_UNDERFLOW ? FFLAGS_UF : 0) |
	       (x & FE_OVERFLOW ? FFLAGS_OF : 0) | (x & FE_DIVBYZERO ? FFLAGS_DZ : 0) |
	       (x & FE_INVALID ? FFLAGS_NV : 0);
}

/* Volatile keeps the operation between host_enter and host_leave. */
static uint64_t host_d(enum op op, uint64_t a, uint64_t b, uint64_t c, unsigned rm, uint32_t *fl)
{
	volatile double x = fpu_value_d(a), y = fpu_value_d(b), z = fpu_value_d(c), r = 0;

	host_enter(rm);
	switch (op) {
	case ADD: r = x + y; break;
	case SUB: r = x - y; break;
	case MUL: r = x * y; break;
	case DIV: r = x / y; break;
	case SQRT: r = sqrt(x); break;
	default: r = fma(x, y, z); break;
	}
	*fl = host_leave();
	return isnan(r) ? FPU_NAN_D : fpu_bits_d(r);
}

static uint32_t host_s(enum op op, uint32_t a, uint32_t b, uint32_t c, unsigned rm, uint32_t *fl)
{
	volatile float x = fpu_value_s(a), y = fpu_value_s(b), z = fpu_value_s(c), r = 0;

	host_enter(rm);
	switch (op) {
	case ADD: r = x + y; break;
	case SUB: r = x - y; break;
	case MUL: r = x * y; break;
	case DIV: r = x / y; break;
	case SQRT: r = sqrtf(x); break;
	default: r = fmaf(x, y, z); break;
	}
	*fl = host_leave();
	return isnan(r) ? FPU_NAN_S : fpu_bits_s(r);
}

/* soft_: integers only. hart_: what the hart calls. */
#define DISPATCH(name, prefix, fmt, type)                                                          \
	static type name##_##fmt(enum op op, type a, type b, type c, unsigned rm, uint32_t *fl)    \
	{                                                                                          \
		switch (op) {                                                                      \
		case ADD: return prefix##_add_##fmt(a, b, rm, fl);                                 \
		case SUB: return prefix##_sub_##fmt(a, b, rm, fl);                                 \
		case MUL: return prefix##_mul_##fmt(a, b, rm, fl);                                 \
		case DIV: return prefix##_div_##fmt(a, b, rm, fl);                                 \
		case SQRT: return prefix##_sqrt_##fmt(a, rm, fl);                                  \
		default: return prefix##_fma_##fmt(a, b, c, rm, fl);                               \
		}                                                                                  \
	}

DISPATCH(soft, fpu_soft, d, uint64_t)
DISPATCH(soft, fpu_soft, s, uint32_t)
DISPATCH(hart, fpu, d, uint64_t)
DISPATCH(hart, fpu, s, uint32_t)

/* got_fl is a pointer so that it is read after the call that makes `got`, among the arguments. */
static void expect(const char *what, unsigned rm, const uint64_t in[3], uint64_t got,
		   const uint32_t *got_fl, uint64_t want, uint32_t want_fl)
{
	if (got == want && ((*got_fl ^ want_fl) & FLAGS_COMPARED) == 0)
		return;
	fail_msg("%s, rm %u, of %#llx %#llx %#llx: %#llx flags %#x, expected %#llx flags %#x", what,
		 rm, (unsigned long long)in[0], (unsigned long long)in[1],
		 (unsigned long long)in[2], (unsigned long long)got, *got_fl,
		 (unsigned long long)want, want_fl);
}

/*
 * A NaN as addend hides from the host, on some of them, that infinity times zero is invalid; here
 * it must show.
 */
static bool is_inf_zero_d(uint64_t a, uint64_t b)
{
	return (a << 1 == INF_D << 1 && b << 1 == 0) || (b << 1 == INF_D << 1 && a << 1 == 0);
}

static bool is_inf_zero_s(uint32_t a, uint32_t b)
{
	uint32_t ma = a & ~SIGN_S, mb = b & ~SIGN_S;

	return (ma == INF_S && mb == 0) || (mb == INF_S && ma == 0);
}

static void test_arithmetic_d(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t a = draw_d(draw_bits()), b = draw_d(a), c = draw_d(i & 1 ? a : b);

		for (enum op op = ADD; op <= FMA; op++) {
			unsigned rm = draw_below(4);
			uint32_t fl = 0, host_fl;
			uint64_t r, host;

			if (op == FMA && i % 4 == 0) { /* addend near the product */
				uint32_t ignored = 0;

				c = draw_d(fpu_soft_mul_d(a, b, FRM_RNE, &ignored));
			}
			r = soft_d(op, a, b, c, rm, &fl);
			host = host_d(op, a, b, c, rm, &host_fl);
			if (op == FMA && is_inf_zero_d(a, b))
				host_fl |= FFLAGS_NV;
			expect(op_names[op], rm, (uint64_t[]){a, b, c}, r, &fl, host, host_fl);
		}
	}
}

static void test_arithmetic_s(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t a = draw_s((uint32_t)draw_bits()), b = draw_s(a),
			 c = draw_s(i & 1 ? a : b);

		for (enum op op = ADD; op <= FMA; op++) {
			unsigned rm = draw_below(4);
			uint32_t fl = 0, host_fl, r, host;

			if (op == FMA && i % 4 == 0) {
				uint32_t ignored = 0;

				c = draw_s(fpu_soft_mul_s(a, b, FRM_RNE, &ignored));
			}
			r = soft_s(op, a, b, c, rm, &fl);
			host = host_s(op, a, b, c, rm, &host_fl);
			if (op == FMA && is_inf_zero_s(a, b))
				host_fl |= FFLAGS_NV;
			expect(op_names[op], rm, (uint64_t[]){a, b, c}, r, &fl, host, host_fl);
		}
	}
}

static void test_wrappers_equal_soft(void **state)
{
	(void)state;
	for (int i = 0; i < 4 * ROUNDS; i++) {
		uint64_t a = draw_d(draw_bits()), b = draw_d(a), c = draw_d(b);
		uint32_t as = draw_s((uint32_t)draw_bits()), bs = draw_s(as), cs = draw_s(bs);
		enum op op = (enum op)draw_below(SQRT + 2);
		unsigned rm = draw_below(4) ? FRM_RNE : draw_below(5);
		uint32_t before = draw_below(4) ? FFLAGS_NX : draw_below(32);
		uint32_t fl = before, soft_fl = before;
		uint64_t r = hart_d(op, a, b, c, rm, &fl), soft = soft_d(op, a, b, c, rm, &soft_fl);

		expect(op_names[op], rm, (uint64_t[]){a, b, c}, r, &fl, soft, soft_fl);
		fl = soft_fl = before;
		r = hart_s(op, as, bs, cs, rm, &fl);
		soft = soft_s(op, as, bs, cs, rm, &soft_fl);
		expect(op_names[op], rm, (uint64_t[]){as, bs, cs}, r, &fl, soft, soft_fl);
	}
}

static void test_between_formats(void **state)
{
	(void)state;
	for (int i = 0; i < 4 * ROUNDS; i++) {
		uint64_t a = draw_d(draw_bits());
		uint32_t s = draw_s((uint32_t)draw_bits()), fl = 0, host_fl;
		unsigned rm = draw_below(4);
		volatile double x;
		volatile float y;

		if (i & 1) /* binary64 numbers around the range of binary32 */
			a = (a & ~((uint64_t)0x7ff << 52)) |
			    (uint64_t)(1023 - 152 + draw_below(290)) << 52;
		x = fpu_value_d(a);
		host_enter(rm);
		y = (float)x;
		host_fl = host_leave();
		expect(op_names[NARROW], rm, (uint64_t[]){a, 0, 0}, fpu_d_to_s(a, rm, &fl), &fl,
		       isnan(y) ? FPU_NAN_S : fpu_bits_s(y), host_fl);

		y = fpu_value_s(s);
		fl = 0;
		host_enter(rm);
		x = (double)y;
		host_fl = host_leave();
		expect(op_names[WIDEN], rm, (uint64_t[]){s, 0, 0}, fpu_s_to_d(s, &fl), &fl,
		       isnan(x) ? FPU_NAN_D : fpu_bits_d(x), host_fl);
	}
}

/* -- integers -------------------------------------------------------------------------------- */

/* Rounding to an integral value is exact in the format itself; ranges are compared in it, too. */
static uint64_t reference_to_int(double v, double lowest, double above, uint64_t min, uint64_t max,
				 unsigned rm, uint32_t *fl)
{
	volatile double x = v, r;

	*fl = FFLAGS_NV;
	if (isnan(v))
		return max;
	if (rm == FRM_RMM) {
		r = round(x);
	} else {
		host_enter(rm);
		r = nearbyint(x);
		host_leave();
	}
	if (r < lowest)
		return min;
	if (r >= above)
		return max;
	*fl = r != v ? FFLAGS_NX : 0;
	return lowest == 0 ? (uint64_t)r : (uint64_t)(int64_t)r;
}

static void check_to_int(double v, uint64_t bits, bool is_d, unsigned rm)
{
	static const struct {
		const char *name;
		uint64_t (*from_d)(uint64_t, unsigned, uint32_t *);
		uint64_t (*from_s)(uint32_t, unsigned, uint32_t *);
		double lowest, above;
		uint64_t min, max;
		bool narrow;
	} kinds[] = {
	    {"i32", fpu_d_to_i32, fpu_s_to_i32, -0x1p31, 0x1p31, (uint64_t)INT32_MIN, INT32_MAX, 1},
	    {"u32", fpu_d_to_u32, fpu_s_to_u32, 0, 0x1p32, 0, UINT32_MAX, 1},
	    {"i64", fpu_d_to_i64, fpu_s_to_i64, -0x1p63, 0x1p63, (uint64_t)INT64_MIN, INT64_MAX, 0},
	    {"u64", fpu_d_to_u64, fpu_s_to_u64, 0, 0x1p64, 0, UINT64_MAX, 0},
	};

	for (unsigned k = 0; k < 4; k++) {
		uint32_t fl = 0, want_fl;
		uint64_t want = reference_to_int(v, kinds[k].lowest, kinds[k].above, kinds[k].min,
						 kinds[k].max, rm, &want_fl);
		uint64_t got = is_d ? kinds[k].from_d(bits, rm, &fl)
				    : kinds[k].from_s((uint32_t)bits, rm, &fl);

		if (kinds[k].narrow)
			want = (uint64_t)(int64_t)(int32_t)(uint32_t)want;
		expect(kinds[k].name, rm, (uint64_t[]){bits, is_d, 0}, got, &fl, want, want_fl);
	}
}

static void test_to_integers(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t d = draw_d(draw_bits());
		uint32_t s = draw_s((uint32_t)draw_bits());

		if (i & 1) { /* around the ranges of the integers, halves among them */
			d = (d & ~((uint64_t)0x7ff << 52)) | (uint64_t)(1021 + draw_below(68))
								 << 52;
			s = (s & ~INF_S) | (125 + draw_below(68)) << 23;
		}
		check_to_int(fpu_value_d(d), d, true, draw_below(5));
		check_to_int((double)fpu_value_s(s), s, false, draw_below(5));
	}
}

/* The host's long double holds every 64-bit integer; from there one rounding is left. */
static void test_from_integers(void **state)
{
	(void)state;
	if (LDBL_MANT_DIG < 64)
		skip();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t x = draw_bits() >> draw_below(64) << draw_below(64);
		volatile long double v[4];
		unsigned rm = draw_below(4);

		x += draw_below(3) - 1u;
		v[0] = (int32_t)(uint32_t)x;
		v[1] = (uint32_t)x;
		v[2] = (int64_t)x;
		v[3] = x;
		for (unsigned k = 0; k < 4; k++) {
			static const char *const names[] = {"from i32", "from u32", "from i64",
							    "from u64"};
			static uint64_t (*const to_d[])(uint64_t, unsigned, uint32_t *) = {
			    fpu_i32_to_d, fpu_u32_to_d, fpu_i64_to_d, fpu_u64_to_d};
			static uint32_t (*const to_s[])(uint64_t, unsigned, uint32_t *) = {
			    fpu_i32_to_s, fpu_u32_to_s, fpu_i64_to_s, fpu_u64_to_s};
			volatile double d;
			volatile float s;
			uint32_t fl = 0, host_fl;

			host_enter(rm);
			d = (double)v[k];
			host_fl = host_leave();
			expect(names[k], rm, (uint64_t[]){x, 0, 0}, to_d[k](x, rm, &fl), &fl,
			       fpu_bits_d(d), host_fl);
			fl = 0;
			host_enter(rm);
			s = (float)v[k];
			host_fl = host_leave();
			expect(names[k], rm, (uint64_t[]){x, 0, 0}, to_s[k](x, rm, &fl), &fl,
			       fpu_bits_s(s), host_fl);
		}
	}
}

/* -- comparisons, classes -------------------------------------------------------------------- */

static bool is_snan_d(uint64_t a)
{
	return (a & ~SIGN_D) > INF_D && !(a >> 51 & 1);
}

static bool is_snan_s(uint32_t a)
{
	return (a & ~SIGN_S) > INF_S && !(a >> 22 & 1);
}

static void test_comparisons(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t a = draw_d(draw_bits()), b = draw_below(8) ? draw_d(a) : a;
		uint32_t as = draw_s((uint32_t)draw_bits()), bs = draw_below(8) ? draw_s(as) : as;
		double x = fpu_value_d(a), y = fpu_value_d(b);
		float xs = fpu_value_s(as), ys = fpu_value_s(bs);
		uint32_t loud = isunordered(x, y) ? FFLAGS_NV : 0;
		uint32_t quiet = is_snan_d(a) || is_snan_d(b) ? FFLAGS_NV : 0;
		uint32_t loud_s = isunordered(xs, ys) ? FFLAGS_NV : 0;
		uint32_t quiet_s = is_snan_s(as) || is_snan_s(bs) ? FFLAGS_NV : 0, fl;
		uint64_t in[3] = {a, b, 0}, in_s[3] = {as, bs, 0}, min, max;

		fl = 0, expect("eq.d", 0, in, fpu_eq_d(a, b, &fl), &fl, x == y, quiet);
		fl = 0, expect("lt.d", 0, in, fpu_lt_d(a, b, &fl), &fl, isless(x, y), loud);
		fl = 0, expect("le.d", 0, in, fpu_le_d(a, b, &fl), &fl, islessequal(x, y), loud);
		fl = 0, expect("eq.s", 0, in_s, fpu_eq_s(as, bs, &fl), &fl, xs == ys, quiet_s);
		fl = 0, expect("lt.s", 0, in_s, fpu_lt_s(as, bs, &fl), &fl, isless(xs, ys), loud_s);
		fl = 0,
		expect("le.s", 0, in_s, fpu_le_s(as, bs, &fl), &fl, islessequal(xs, ys), loud_s);

		if (isnan(x) || isnan(y))
			min = max = isnan(x) ? (isnan(y) ? FPU_NAN_D : b) : a;
		else if (x == y)
			min = a | b, max = a & b;
		else
			min = x < y ? a : b, max = x < y ? b : a;
		fl = 0, expect("min.d", 0, in, fpu_min_d(a, b, &fl), &fl, min, quiet);
		fl = 0, expect("max.d", 0, in, fpu_max_d(a, b, &fl), &fl, max, quiet);

		if (isnan(xs) || isnan(ys))
			min = max = isnan(xs) ? (isnan(ys) ? FPU_NAN_S : bs) : as;
		else if (xs == ys)
			min = as | bs, max = as & bs;
		else
			min = xs < ys ? as : bs, max = xs < ys ? bs : as;
		fl = 0, expect("min.s", 0, in_s, fpu_min_s(as, bs, &fl), &fl, min, quiet_s);
		fl = 0, expect("max.s", 0, in_s, fpu_max_s(as, bs, &fl), &fl, max, quiet_s);
	}
}

static void test_classes(void **state)
{
	(void)state;
	/* clang-format off */
	static const uint64_t d[] = {
	    INF_D | SIGN_D, 0xbff0000000000000, SIGN_D | 1, SIGN_D, 0, 0x000fffffffffffff,
	    0x0010000000000000, INF_D, 0x7ff0000000000001, FPU_NAN_D | SIGN_D};
	static const uint32_t s[] = {
	    INF_S | SIGN_S, 0xff7fffff, 0x807fffff, SIGN_S, 0, 1,
	    0x00800000, INF_S, 0xffbfffff, 0x7fffffff};
	/* clang-format on */

	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(fpu_class_d(d[i]), 1u << i);
		assert_int_equal(fpu_class_s(s[i]), 1u << i);
	}
}

/* -- RMM -------------------------------------------------------------------------------------- */

/*
 * Products of two binary32 numbers are exact in binary64, and so are the distances to the two
 * neighbours in binary32: the nearer one wins, of a tie the outer one.
 */
static void test_rmm_of_products(void **state)
{
	unsigned ties = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t a = (uint32_t)draw_bits() & 0x807fffff,
			 b = (uint32_t)draw_bits() & 0x807fffff;
		uint32_t fl = 0, r, inner, want;
		double exact, to_inner, to_outer;

		a = (a & (uint32_t)-1 << draw_below(20)) | (100 + draw_below(50)) << 23;
		b = (b & (uint32_t)-1 << draw_below(20)) | (100 + draw_below(50)) << 23;
		exact = (double)fpu_value_s(a) * (double)fpu_value_s(b);
		r = fpu_soft_mul_s(a, b, FRM_RMM, &fl);
		inner = fpu_bits_s((float)exact);
		if (fabs((double)fpu_value_s(inner)) > fabs(exact))
			inner--;
		to_inner = fabs(exact - (double)fpu_value_s(inner));
		to_outer = fabs((double)fpu_value_s(inner + 1) - exact);
		want = to_inner < to_outer ? inner : inner + 1;
		ties += to_inner == to_outer;
		expect("mul.s", FRM_RMM, (uint64_t[]){a, b, 0}, r, &fl, want,
		       to_inner != 0 ? FFLAGS_NX : 0);
	}
	assert_true(ties > 100);
}

static void test_rmm_by_hand(void **state)
{
	uint64_t one = 0x3ff0000000000000, half_ulp = 0x3ca0000000000000; /* 2^-53 */
	uint32_t fl = 0;

	(void)state;
	assert_int_equal(fpu_soft_add_d(one, half_ulp, FRM_RNE, &fl), one);
	assert_int_equal(fpu_soft_add_d(one, half_ulp, FRM_RMM, &fl), one + 1);
	assert_int_equal(fpu_soft_sub_d(one | SIGN_D, half_ulp, FRM_RMM, &fl), (one + 1) | SIGN_D);
	assert_int_equal(fpu_soft_add_d(one, half_ulp - 1, FRM_RMM, &fl), one);
	assert_int_equal(fl, FFLAGS_NX);

	/* overflow goes to infinity; half the smallest subnormal comes up to it */
	fl = 0;
	assert_int_equal(fpu_soft_add_d(INF_D - 1, INF_D - 1, FRM_RMM, &fl), INF_D);
	assert_int_equal(fl, FFLAGS_OF | FFLAGS_NX);
	fl = 0;
	assert_int_equal(fpu_soft_mul_d(1, 0x3fe0000000000000, FRM_RMM, &fl), 1);
	assert_int_equal(fl, FFLAGS_UF | FFLAGS_NX);
	fl = 0;
	assert_int_equal(fpu_soft_mul_d(1, 0x3fe0000000000000, FRM_RNE, &fl), 0);
	assert_int_equal(fl, FFLAGS_UF | FFLAGS_NX);

	/* 0.5, 1.5 and -2.5 to integers; x - x is +0 */
	fl = 0;
	assert_int_equal(fpu_d_to_i32(0x3fe0000000000000, FRM_RMM, &fl), 1);
	assert_int_equal(fpu_d_to_i32(0x3ff8000000000000, FRM_RMM, &fl), 2);
	assert_int_equal(fpu_d_to_i64(0xc004000000000000, FRM_RMM, &fl), -3);
	assert_int_equal(fpu_d_to_u32(0xbfe0000000000000, FRM_RNE, &fl), 0);
	assert_int_equal(fl, FFLAGS_NX);
	assert_int_equal(fpu_d_to_u32(0xbfe0000000000000, FRM_RMM, &fl), 0);
	assert_int_equal(fl, FFLAGS_NX | FFLAGS_NV);
	assert_int_equal(fpu_soft_sub_d(one, one, FRM_RMM, &fl), 0);
}

/* The cases in which RISC-V says more than IEEE 754. */
static void test_riscv_by_hand(void **state)
{
	uint32_t fl = 0;

	(void)state;
	/* infinity times zero is invalid even when a quiet NaN is added */
	assert_int_equal(fpu_fma_d(INF_D, 0, FPU_NAN_D, FRM_RNE, &fl), FPU_NAN_D);
	assert_int_equal(fl, FFLAGS_NV);
	fl = 0;
	assert_int_equal(fpu_fma_s(SIGN_S, INF_S, FPU_NAN_S, FRM_RNE, &fl), FPU_NAN_S);
	assert_int_equal(fl, FFLAGS_NV);

	/* 0 / 0 is invalid, not a division by zero; payloads and signs of NaNs are dropped */
	fl = 0;
	assert_int_equal(fpu_div_s(0, SIGN_S, FRM_RNE, &fl), FPU_NAN_S);
	assert_int_equal(fl, FFLAGS_NV);
	fl = 0;
	assert_int_equal(fpu_add_s(0xffc12345, 0, FRM_RNE, &fl), FPU_NAN_S);
	assert_int_equal(fl, 0);
	assert_int_equal(fpu_min_s(0xff812345, 0x3f800000, &fl), 0x3f800000);
	assert_int_equal(fl, FFLAGS_NV);

	/*
	 * Tininess after rounding: (1 + 2^-23) * (2^-126 - 2^-149) = 2^-126 - 2^-172 rounds, with
	 * an unbounded exponent, to 2^-126: inexact, but no underflow.
	 */
	fl = 0;
	assert_int_equal(fpu_soft_mul_s(0x3f800001, 0x007fffff, FRM_RNE, &fl), 0x00800000);
	assert_int_equal(fl, FFLAGS_NX);
	/* (1 - 2^-24) * 2^-126 needs no rounding there, and is tiny */
	fl = 0;
	assert_int_equal(fpu_soft_mul_s(0x3f7fffff, 0x00800000, FRM_RNE, &fl), 0x00800000);
	assert_int_equal(fl, FFLAGS_NX | FFLAGS_UF);

	/* NV excludes NX; 32-bit results are sign-extended */
	fl = 0;
	assert_int_equal(fpu_d_to_u32(0x41f0000000080000, FRM_RTZ, &fl), UINT64_MAX);
	assert_int_equal(fl, FFLAGS_NV);
	fl = 0;
	assert_int_equal(fpu_s_to_i32(FPU_NAN_S | SIGN_S, FRM_RTZ, &fl), INT32_MAX);
	assert_int_equal(fpu_s_to_i32(INF_S | SIGN_S, FRM_RTZ, &fl), (uint64_t)INT32_MIN);
	assert_int_equal(fpu_s_to_u64(INF_S | SIGN_S, FRM_RTZ, &fl), 0);
	assert_int_equal(fl, FFLAGS_NV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_arithmetic_d),        cmocka_unit_test(test_arithmetic_s),
	    cmocka_unit_test(test_wrappers_equal_soft), cmocka_unit_test(test_between_formats),
	    cmocka_unit_test(test_to_integers),         cmocka_unit_test(test_from_integers),
	    cmocka_unit_test(test_comparisons),         cmocka_unit_test(test_classes),
	    cmocka_unit_test(test_rmm_of_products),     cmocka_unit_test(test_rmm_by_hand),
	    cmocka_unit_test(test_riscv_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
