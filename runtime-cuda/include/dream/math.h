// Functions of float32 that g++ turns into vector code: no branches, no calls, no tables; about 2 units in the last
// place, right for zeros, subnormal numbers, infinities and NaN. Coefficients are minimax fits of our own (Remez
// 1934). Integer overloads are for indices, which kernels compute in int64. Always inlined: a call in a loop would keep
// it from being vectorized, and -O2 compiles a program in half the time of -O3.
#pragma once

#include <cstdint>

#include "dream/bf16.h"

namespace dream::math {

namespace detail {
#if defined(__FMA__)
[[gnu::always_inline]] inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
[[gnu::always_inline]] inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
[[gnu::always_inline]] inline float fma(float a, float b, float c) { return a * b + c; }
[[gnu::always_inline]] inline double fma(double a, double b, double c) { return a * b + c; }
#endif

template <class T>
[[gnu::always_inline]] inline T horner(T, T last) {
  return last;
}
/** c0 + x (c1 + x (c2 + ...)). */
template <class T, class... Rest>
[[gnu::always_inline]] inline T horner(T x, T first, T second, Rest... rest) {
  return fma(x, horner(x, second, rest...), first);
}

inline constexpr float infinity = __builtin_inff();
inline constexpr float notANumber = __builtin_nanf("");
/** Adding and taking it away rounds to an integer, which stands in the low bits between the two. */
inline constexpr float roundingShift = 12582912.0f;  // 1.5 * 2^23
inline constexpr std::uint32_t roundingShiftBits = 0x4b400000u;

/** 2^n for n in [-126, 127], given as the word of a signed integer. */
[[gnu::always_inline]] inline float powerOfTwo(std::uint32_t n) { return bits::toFloat((n + 127u) << 23); }
}  // namespace detail

[[gnu::always_inline]] inline float sqrt(float x) { return __builtin_sqrtf(x); }
[[gnu::always_inline]] inline float rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
[[gnu::always_inline]] inline float floor(float x) { return __builtin_floorf(x); }
[[gnu::always_inline]] inline float abs(float x) { return __builtin_fabsf(x); }
[[gnu::always_inline]] inline std::int64_t abs(std::int64_t x) { return x < 0 ? -x : x; }

/** The quotient rounded down, also of negative numbers; 0 where the divisor is 0. */
[[gnu::always_inline]] inline std::int64_t floorDivide(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  const std::int64_t quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/** `then` where the mask holds, else `otherwise`: both are there, and no branch that would keep a loop from being vectorized. */
[[gnu::always_inline]] inline float choose(bool mask, float then, float otherwise) {
  const std::uint32_t all = 0u - static_cast<std::uint32_t>(mask);
  return bits::toFloat((bits::ofFloat(then) & all) | (bits::ofFloat(otherwise) & ~all));
}

/** -1, 0 or 1; NaN and signed zeros stay themselves. */
[[gnu::always_inline]] inline float sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }
[[gnu::always_inline]] inline std::int64_t sign(std::int64_t x) { return (x > 0) - (x < 0); }

/** The larger one; NaN if either is, as in PyTorch. */
[[gnu::always_inline]] inline float maximum(float a, float b) {
  const float larger = a > b ? a : b;
  return a != a ? a : larger;
}
[[gnu::always_inline]] inline float minimum(float a, float b) {
  const float smaller = a < b ? a : b;
  return a != a ? a : smaller;
}
[[gnu::always_inline]] inline std::int64_t maximum(std::int64_t a, std::int64_t b) { return a > b ? a : b; }
[[gnu::always_inline]] inline std::int64_t minimum(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

[[gnu::always_inline]] inline float roundToBf16(float x) { return bf16(x); }
/** Towards zero. What no int32 holds becomes one of its ends, NaN becomes 0. */
[[gnu::always_inline]] inline std::int64_t toInteger(float x) {
  const float high = x > 2147483520.0f ? 2147483520.0f : x;
  const float low = high < -2147483648.0f ? -2147483648.0f : high;
  return static_cast<std::int32_t>(low != low ? 0.0f : low);
}
[[gnu::always_inline]] inline std::int64_t toInteger(std::int64_t x) { return x; }

/** e^x: 2^n e^r with |r| <= ln(2)/2. */
[[gnu::always_inline]] inline float exp(float x) {
  const float high = x > 89.0f ? 89.0f : x;
  const float clamped = high < -104.0f ? -104.0f : high;
  const float shifted = detail::fma(clamped, 1.44269504f, detail::roundingShift);
  const float n = shifted - detail::roundingShift;
  const float r = detail::fma(n, 2.12194440e-4f, detail::fma(n, -0.693359375f, clamped));
  const float tail = detail::horner(r, 0.49999994f, 0.166665137f, 0.04166843f, 0.00836946443f, 0.00138154405f);
  const float power = 1.0f + detail::fma(r * r, tail, r);
  // Two factors, since 2^n alone may be no normal number.
  const std::uint32_t whole = bits::ofFloat(shifted) - detail::roundingShiftBits;
  const std::uint32_t half = static_cast<std::uint32_t>(static_cast<std::int32_t>(whole) >> 1);
  return power * detail::powerOfTwo(half) * detail::powerOfTwo(whole - half);
}

/** ln x: x = 2^e (1 + f) with 1 + f from sqrt(1/2) to sqrt(2). */
[[gnu::always_inline]] inline float log(float x) {
  const bool isSubnormal = x < 1.17549435e-38f;
  const float normal = isSubnormal ? x * 8388608.0f : x;
  const std::uint32_t word = bits::ofFloat(normal) - 0x3f3504f3u;
  const float e = static_cast<float>(static_cast<std::int32_t>(word) >> 23) - (isSubnormal ? 23.0f : 0.0f);
  const float f = bits::toFloat((word & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float tail = detail::horner(f, 0.333333105f, -0.250000089f, 0.200021669f, -0.166680902f, 0.142185554f,
                                    -0.124030836f, 0.118935093f, -0.116943367f, 0.0675757974f);
  const float squared = f * f;
  const float small = detail::fma(squared * f, tail, detail::fma(e, -2.12194440e-4f, -0.5f * squared));
  const float value = detail::fma(e, 0.693359375f, f + small);
  const float positive = x == detail::infinity ? x : value;
  const float other = x == 0.0f ? -detail::infinity : detail::notANumber;
  return x > 0.0f ? positive : other;
}

/** 1 / (1 + e^-x), by the exponential that cannot overflow. */
[[gnu::always_inline]] inline float sigmoid(float x) {
  const float e = exp(-abs(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

[[gnu::always_inline]] inline float tanh(float x) {
  const float size = abs(x);
  const float s = x * x;
  const float tail =
      detail::horner(s, -0.333333313f, 0.13333191f, -0.0539448895f, 0.0216901544f, -0.00815069769f, 0.00211801822f);
  const float small = detail::fma(x * s, tail, x);
  const float large = 1.0f - 2.0f / (exp(2.0f * size) + 1.0f);
  return size < 0.62f ? small : __builtin_copysignf(large, x);
}

/** 2/sqrt(pi) times the integral of e^-t² from 0 to x: a polynomial near 0, 1 - e^polynomial elsewhere. */
[[gnu::always_inline]] inline float erf(float x) {
  const float size = abs(x);
  const float s = x * x;
  const float near = detail::horner(s, 0.128379166f, -0.376126319f, 0.112836845f, -0.0268587824f, 0.00519951759f,
                                    -0.000812567945f, 8.2987819e-05f);
  const float small = detail::fma(x, near, x);
  const float t = size > 4.0f ? 4.0f : size;
  const float logarithm = detail::horner(t, 0.000169204373f, -1.12948835f, -0.633400857f, -0.108220376f, 0.0250806082f,
                                         -0.0041562519f, 0.000431392866f, -2.08285546e-05f);
  const float large = 1.0f - exp(logarithm);
  return size < 0.925f ? small : __builtin_copysignf(large, x);
}

namespace detail {
[[gnu::always_inline]] inline float sineOf(float r) {
  const float s = r * r;
  return fma(r * s, horner(s, -0.166666672f, 0.00833332911f, -0.000198392721f, 2.71774593e-06f), r);
}
[[gnu::always_inline]] inline float cosineOf(float r) {
  const float s = r * r;
  const float tail = horner(s, 0.0416666679f, -0.00138888834f, 2.47994176e-05f, -2.72022106e-07f);
  return fma(s * s, tail, fma(s, -0.5f, 1.0f));
}
/** sin(x + quarter pi/2). The angle is reduced in double precision. */
[[gnu::always_inline]] inline float sineFrom(float x, std::uint64_t quarter) {
  const double wide = x;
  const double shift = 6755399441055744.0;  // 1.5 * 2^52, see roundingShift
  const double shifted = fma(wide, 0.63661977236758138, shift);
  const double n = shifted - shift;
  const double r = fma(n, -6.1232339957367660e-17, fma(n, -1.5707963267948966, wide));
  const std::uint64_t quadrant = __builtin_bit_cast(std::uint64_t, shifted) + quarter;
  const float small = static_cast<float>(r);
  const float value = (quadrant & 1u) != 0 ? cosineOf(small) : sineOf(small);
  const float turned = (quadrant & 2u) != 0 ? -value : value;
  return abs(x) < 1.0e9f ? turned : notANumber;
}
}  // namespace detail

/** For |x| < 1e9; beyond, where neighbouring floats are many turns apart, NaN. */
[[gnu::always_inline]] inline float sin(float x) { return detail::sineFrom(x, 0); }
[[gnu::always_inline]] inline float cos(float x) { return detail::sineFrom(x, 1); }

namespace detail {
/** |x|^y for finite x > 0, in double precision: 2^(y log2 x). */
[[gnu::always_inline]] inline double positivePower(double x, double y) {
  const std::uint64_t word = __builtin_bit_cast(std::uint64_t, x) - 0x3fe6a09e667f3bcdull;
  // The exponent by a shift of bits that a double can hold: there is no vector conversion from int64 before AVX-512.
  const double e = static_cast<double>(static_cast<std::int32_t>(static_cast<std::uint32_t>(word >> 32)) >> 20);
  const double m = __builtin_bit_cast(double, (word & 0x000fffffffffffffull) + 0x3fe6a09e667f3bcdull);
  const double s = (m - 1.0) / (m + 1.0);
  const double odd = horner(s * s, 2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15);
  const double exponent = y * fma(s * odd, 1.4426950408889634, e);
  const double high = exponent > 300.0 ? 300.0 : exponent;
  const double clamped = high < -300.0 ? -300.0 : high;
  const double shifted = clamped + 6755399441055744.0;
  const double r = (clamped - (shifted - 6755399441055744.0)) * 0.69314718055994531;
  const double power = horner(r, 1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                              1.0 / 362880, 1.0 / 3628800);
  return power * __builtin_bit_cast(double, (__builtin_bit_cast(std::uint64_t, shifted) + 1023u) << 52);
}
}  // namespace detail

/** x^y with the special cases of C's pow: x^0 = 1^y = 1; a negative x has powers with whole exponents alone. */
[[gnu::always_inline]] inline float pow(float x, float y) {
  const float size = abs(x);
  const float ordinary = static_cast<float>(detail::positivePower(size, y));
  const float atZero = y < 0.0f ? detail::infinity : 0.0f;
  const float atInfinity = y < 0.0f ? 0.0f : detail::infinity;
  const float bySize = size == 0.0f ? atZero : size == detail::infinity ? atInfinity : ordinary;
  const float half = 0.5f * y;
  const bool isWhole = floor(y) == y;
  const bool isOdd = isWhole && floor(half) != half && abs(y) < 16777216.0f;
  const bool isNegative = (bits::ofFloat(x) >> 31) != 0;
  const float withSign = isNegative && isOdd ? -bySize : bySize;
  const bool hasNone = x < 0.0f && size != detail::infinity && !isWhole;
  const float value = hasNone || x != x || y != y ? detail::notANumber : withSign;
  const float largeExponent = size == 1.0f ? 1.0f : (size > 1.0f) == (y > 0.0f) ? detail::infinity : 0.0f;
  const float finite = abs(y) == detail::infinity && x == x ? largeExponent : value;
  return y == 0.0f || x == 1.0f ? 1.0f : finite;
}

}  // namespace dream::math

#include "dream/random.h"
