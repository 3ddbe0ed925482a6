// Four rounds, each mixed by Philox.
#include "data/permutation.h"

#include "dream/random.h"

namespace dream {

namespace {
constexpr int rounds = 4;
}

Permutation::Permutation(std::int64_t n, std::uint32_t seed, std::uint64_t epoch)
    : n_(n), halfBits_(1), seed_(seed), epoch_(epoch) {
  while ((std::uint64_t{1} << (2 * halfBits_)) < static_cast<std::uint64_t>(n)) halfBits_++;
}

std::uint64_t Permutation::encrypt(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << halfBits_) - 1;
  std::uint64_t left = value >> halfBits_, right = value & mask;
  for (std::uint32_t round = 0; round < rounds; round++) {
    const auto words = math::philox({static_cast<std::uint32_t>(right), round, static_cast<std::uint32_t>(epoch_),
                                     static_cast<std::uint32_t>(epoch_ >> 32)},
                                    seed_);
    const std::uint64_t mixed = left ^ (words.a & mask);
    left = right;
    right = mixed;
  }
  return (left << halfBits_) | right;
}

std::int64_t Permutation::operator[](std::int64_t i) const {
  auto value = static_cast<std::uint64_t>(i);
  do value = encrypt(value);
  while (value >= static_cast<std::uint64_t>(n_));
  return static_cast<std::int64_t>(value);
}

}  // namespace dream
