// An order of [0, n) that the seed and the epoch give, computed place by place: a Feistel network over the next power of
// four, walked until it lands inside (Black and Rogaway 2002). No table, however large the data.
#pragma once

#include <cstdint>

namespace dream {

class Permutation {
 public:
  Permutation(std::int64_t n, std::uint32_t seed, std::uint64_t epoch);
  /** What stands at place i of the order. */
  std::int64_t operator[](std::int64_t i) const;

 private:
  std::uint64_t encrypt(std::uint64_t value) const;
  std::int64_t n_;
  int halfBits_;
  std::uint32_t seed_;
  std::uint64_t epoch_;
};

}  // namespace dream
