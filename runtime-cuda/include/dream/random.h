// Random numbers are counted, not drawn: element n of a stream at a step is a function of these and the seed alone
// (Philox4x32-10, Salmon et al. 2011). The same words as in the compiler's reference, on every mesh.
#pragma once

#include <cstdint>

#include "dream/math.h"

namespace dream::math {

struct PhiloxWords {
  std::uint32_t a, b, c, d;
};

/** Ten rounds of Philox4x32 on a counter of four words with the key (seed, 0). */
[[gnu::always_inline]] inline PhiloxWords philox(PhiloxWords counter, std::uint32_t seed) {
  std::uint32_t a = counter.a, b = counter.b, c = counter.c, d = counter.d;
  std::uint32_t k0 = seed, k1 = 0;
  // Unrolled at every level of optimization: a loop in a loop is not vectorized.
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    const std::uint64_t byA = std::uint64_t{0xd2511f53u} * a;
    const std::uint64_t byC = std::uint64_t{0xcd9e8d57u} * c;
    a = static_cast<std::uint32_t>(byC >> 32) ^ b ^ k0;
    b = static_cast<std::uint32_t>(byC);
    c = static_cast<std::uint32_t>(byA >> 32) ^ d ^ k1;
    d = static_cast<std::uint32_t>(byA);
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return {a, b, c, d};
}

/** The words of element `element`: a stream has rounds, such as the layers that share one place in the source. */
[[gnu::always_inline]] inline PhiloxWords randomWords(std::uint32_t seed, std::int64_t stream, std::int64_t step,
                                                      std::int64_t round, std::int64_t element) {
  const auto n = static_cast<std::uint64_t>(element);
  const auto own = static_cast<std::uint32_t>(stream) + static_cast<std::uint32_t>(round) * 0x9e3779b9u;
  return philox(
      {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), static_cast<std::uint32_t>(step), own},
      seed);
}

/** Uniform in [0, 1), in steps of 2^-24. */
[[gnu::always_inline]] inline float randomUniform(std::uint32_t seed, std::int64_t stream, std::int64_t step,
                                                  std::int64_t round, std::int64_t element) {
  const PhiloxWords words = randomWords(seed, stream, step, round, element);
  return static_cast<float>(static_cast<std::int32_t>(words.a >> 8)) * 0x1p-24f;
}

/** Normal with mean 0 and standard deviation 1 (Box and Muller 1958): sqrt(-2 ln u) cos(2 pi v). */
[[gnu::always_inline]] inline float randomNormal(std::uint32_t seed, std::int64_t stream, std::int64_t step,
                                                 std::int64_t round, std::int64_t element) {
  const PhiloxWords words = randomWords(seed, stream, step, round, element);
  const float u = static_cast<float>(static_cast<std::int32_t>((words.a >> 8) + 1u)) * 0x1p-24f;
  // The angle in units of a quarter turn: the nearest whole quarter, and a rest of at most half a quarter.
  const std::int32_t turns = static_cast<std::int32_t>(words.b >> 8);
  const std::int32_t quarter = (turns + (1 << 21)) >> 22;
  const float rest = static_cast<float>(turns - (quarter << 22)) * (1.57079633f * 0x1p-22f);
  const float value = (quarter & 1) != 0 ? -detail::sineOf(rest) : detail::cosineOf(rest);
  const float cosine = (quarter & 2) != 0 ? -value : value;
  return sqrt(-2.0f * log(u)) * cosine;
}

}  // namespace dream::math
