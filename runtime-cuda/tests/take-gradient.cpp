// Sums of rows by index against a loop in double precision.
#include <doctest/doctest.h>

#include "dream/calls.h"
#include "reference.h"

using namespace dream;

namespace {

template <class T>
void check(Run& run, std::int64_t rows, std::int64_t vocab, std::int64_t feature, std::int64_t gap,
           std::int32_t start = 0) {
  std::vector<std::int32_t> indices;
  for (std::int64_t row = 0; row < rows; row++)
    indices.push_back(static_cast<std::int32_t>(math::randomWords(3, 1, 0, 0, row).a % (vocab + 2)) - 1 + start);
  const auto gradient = reference::normal<T>(rows * (feature + gap), 5);
  std::vector<T> result(static_cast<std::size_t>(vocab * (feature + gap)), T(-77.0f));
  // clang-format off
  takeGradient(run, {.rows = rows, .vocab = vocab, .feature = feature,
      .indices = indices.data(), .indicesRows = 1,
      .gradient = gradient.data(), .gradientRows = feature + gap, .gradientFeature = 1,
      .result = result.data(), .resultVocab = feature + gap, .resultFeature = 1,
      .start = start, .dtype = sizeof(T) == 2 ? DType::bf16 : DType::f32, .workspace = nullptr});
  // clang-format on
  std::vector<double> right(result.size());
  for (std::int64_t row = 0; row < rows; row++)
    if (indices[row] >= start && indices[row] < start + vocab)
      for (std::int64_t i = 0; i < feature; i++)
        right[(indices[row] - start) * (feature + gap) + i] += float(gradient[row * (feature + gap) + i]);
  reference::Comparison comparison;
  for (std::int64_t place = 0; place < vocab; place++)
    for (std::int64_t i = 0; i < feature + gap; i++) {
      const float value = result[place * (feature + gap) + i];
      if (i < feature)
        comparison.add(value, right[place * (feature + gap) + i]);
      else
        REQUIRE(value == -77.0f);
    }
  INFO("rows ", rows, " vocab ", vocab, " feature ", feature, " bytes ", sizeof(T));
  CHECK(comparison.relative() <= (sizeof(T) == 2 ? 3e-3 : 1e-6));
}

}  // namespace

TEST_SUITE("take-gradient") {
  TEST_CASE("every size and type; indices outside are skipped") {
    Run run;
    const std::int64_t sizes[][3] = {{1, 1, 1}, {0, 3, 4}, {7, 3, 5}, {200, 50, 768}, {1000, 3, 130}, {300, 5000, 64}};
    for (const auto& [rows, vocab, feature] : sizes)
      for (const std::int64_t gap : {0, 3}) {
        check<float>(run, rows, vocab, feature, gap);
        check<bf16>(run, rows, vocab, feature, gap);
        check<float>(run, rows, vocab, feature, gap, 11);
      }
  }
}
