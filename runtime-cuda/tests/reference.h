// What tests of numeric functions share: seeded numbers and a comparison in which NaN fails.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "dream/bf16.h"
#include "dream/random.h"

namespace dream::reference {

/** Normal numbers, with a gap of NaN behind each row if the layout leaves one. */
template <class T>
std::vector<T> normal(std::int64_t n, std::int64_t stream) {
  std::vector<T> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; i++) values[static_cast<std::size_t>(i)] = T(math::randomNormal(1, stream, 0, 0, i));
  return values;
}

/** Norm of the difference over the norm. */
class Comparison {
 public:
  void add(double value, double right) {
    difference_ += (value - right) * (value - right);
    norm_ += right * right;
  }
  double relative() const { return std::sqrt(difference_ / norm_); }

 private:
  double difference_ = 0.0, norm_ = 1e-30;
};

}  // namespace dream::reference
