// Matrix products against loops in double precision: odd sizes, both orders of every operand, views with gaps.
#include <doctest/doctest.h>

#include "core/pool.h"
#include "dream/calls.h"
#include "reference.h"

using namespace dream;

namespace {

struct Layout {
  std::int64_t batch, first, second, size;
};
/** Strides of [batch, rows, columns] with `gap` unused elements behind each run. */
Layout layoutOf(std::int64_t batch, std::int64_t rows, std::int64_t columns, bool isTransposed, std::int64_t gap) {
  if (isTransposed) return {columns * (rows + gap), 1, rows + gap, batch * columns * (rows + gap)};
  return {rows * (columns + gap), columns + gap, 1, batch * rows * (columns + gap)};
}

template <class In, class Out>
void check(Run& run, std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k, bool aTransposed,
           bool bTransposed, bool cTransposed, std::int64_t gap) {
  const Layout a = layoutOf(batch, m, k, aTransposed, gap), b = layoutOf(batch, k, n, bTransposed, gap),
               c = layoutOf(batch, m, n, cTransposed, gap);
  const auto aValues = reference::normal<In>(a.size, 1), bValues = reference::normal<In>(b.size, 2);
  std::vector<Out> cValues(static_cast<std::size_t>(c.size), Out(-77.0f));
  const DType in = sizeof(In) == 2 ? DType::bf16 : DType::f32, out = sizeof(Out) == 2 ? DType::bf16 : DType::f32;
  // clang-format off
  matmul(run, {.batch = batch, .m = m, .n = n, .k = k,
      .a = aValues.data(), .aBatch = a.batch, .aM = a.first, .aK = a.second,
      .b = bValues.data(), .bBatch = b.batch, .bK = b.first, .bN = b.second,
      .c = cValues.data(), .cBatch = c.batch, .cM = c.first, .cN = c.second,
      .inputs = in, .output = out, .workspace = nullptr});
  // clang-format on
  reference::Comparison comparison;
  std::vector<bool> isWritten(cValues.size(), false);
  for (std::int64_t x = 0; x < batch; x++)
    for (std::int64_t i = 0; i < m; i++)
      for (std::int64_t j = 0; j < n; j++) {
        double sum = 0.0;
        for (std::int64_t l = 0; l < k; l++)
          sum += static_cast<double>(float(aValues[x * a.batch + i * a.first + l * a.second])) *
                 static_cast<double>(float(bValues[x * b.batch + l * b.first + j * b.second]));
        const std::int64_t at = x * c.batch + i * c.first + j * c.second;
        comparison.add(float(cValues[at]), sum);
        isWritten[static_cast<std::size_t>(at)] = true;
      }
  INFO("batch ", batch, " m ", m, " n ", n, " k ", k, " transposed ", aTransposed, bTransposed, cTransposed, " gap ",
       gap, " bytes ", sizeof(In), sizeof(Out));
  // Rounding of the sums in float32, or of the results to eight bits.
  CHECK(comparison.relative() <= (sizeof(Out) == 2 ? 3e-3 : 2e-6));
  for (std::size_t i = 0; i < cValues.size(); i++)
    if (!isWritten[i]) REQUIRE(float(cValues[i]) == -77.0f);
}

}  // namespace

TEST_SUITE("matmul") {
  TEST_CASE("every layout, size and type") {
    Run run;
    const std::int64_t sizes[][4] = {{1, 1, 1, 1},    {1, 1, 7, 5},   {1, 7, 1, 5},    {1, 5, 7, 1},     {3, 1, 1, 4},
                                     {1, 17, 33, 65}, {3, 9, 31, 13}, {2, 64, 96, 48}, {1, 130, 70, 257}};
    for (const auto& [batch, m, n, k] : sizes)
      for (const bool aTransposed : {false, true})
        for (const bool bTransposed : {false, true})
          for (const bool cTransposed : {false, true})
            for (const std::int64_t gap : {0, 3, 32}) {
              check<float, float>(run, batch, m, n, k, aTransposed, bTransposed, cTransposed, gap);
              check<bf16, float>(run, batch, m, n, k, aTransposed, bTransposed, cTransposed, gap);
              check<bf16, bf16>(run, batch, m, n, k, aTransposed, bTransposed, cTransposed, gap);
            }
  }

  TEST_CASE("no bit depends on the number of threads") {
    Run run;
    const int before = pool::numThreads();
    const std::int64_t sizes[][4] = {{1, 512, 768, 768},  {1, 768, 768, 1024}, {1, 300, 2000, 128},
                                     {1, 128, 128, 3000}, {1, 333, 777, 501},  {6, 65, 64, 65},
                                     {1, 50, 60, 70},     {1, 16, 3000, 300},  {1, 70, 600, 9001}};
    for (const auto& [batch, m, n, k] : sizes)
      for (const bool aTransposed : {false, true})
        for (const bool bTransposed : {false, true})
          for (const DType dtype : {DType::f32, DType::bf16}) {
            const Layout a = layoutOf(batch, m, k, aTransposed, 0), b = layoutOf(batch, k, n, bTransposed, 0),
                         c = layoutOf(batch, m, n, false, 0);
            const auto aWide = reference::normal<float>(a.size, 1), bWide = reference::normal<float>(b.size, 2);
            const auto aNarrow = reference::normal<bf16>(a.size, 1), bNarrow = reference::normal<bf16>(b.size, 2);
            std::vector<float> first;
            for (const int threads : {1, 2, 3, 5}) {
              pool::start(threads);
              std::vector<float> values(static_cast<std::size_t>(c.size));
              const void* aData = dtype == DType::f32 ? static_cast<const void*>(aWide.data()) : aNarrow.data();
              const void* bData = dtype == DType::f32 ? static_cast<const void*>(bWide.data()) : bNarrow.data();
              // clang-format off
              matmul(run, {.batch = batch, .m = m, .n = n, .k = k,
                  .a = aData, .aBatch = a.batch, .aM = a.first, .aK = a.second,
                  .b = bData, .bBatch = b.batch, .bK = b.first, .bN = b.second,
                  .c = values.data(), .cBatch = c.batch, .cM = c.first, .cN = c.second,
                  .inputs = dtype, .output = DType::f32, .workspace = nullptr});
              // clang-format on
              INFO("batch ", batch, " m ", m, " n ", n, " k ", k, " transposed ", aTransposed, bTransposed, " threads ",
                   threads, " type ", static_cast<int>(dtype));
              if (first.empty()) first = values;
              CHECK(values == first);
            }
          }
    pool::start(before);
  }

  TEST_CASE("groups of one element may have any stride, sums of nothing are zero") {
    Run run;
    const float a[] = {2.0f, 3.0f}, b[] = {5.0f, 7.0f};
    float c[] = {-1.0f, -1.0f};
    // clang-format off
    MatmulArgs args{.batch = 1, .m = 1, .n = 1, .k = 2,
        .a = a, .aBatch = 999, .aM = 12345, .aK = 1,
        .b = b, .bBatch = 0, .bK = 1, .bN = 54321,
        .c = c, .cBatch = 3, .cM = 0, .cN = 0,
        .inputs = DType::f32, .output = DType::f32, .workspace = nullptr};
    // clang-format on
    matmul(run, args);
    CHECK(c[0] == 31.0f);
    CHECK(c[1] == -1.0f);
    args.k = 0;
    matmul(run, args);
    CHECK(c[0] == 0.0f);
    args.m = 0;
    args.k = 2;
    c[0] = -5.0f;
    matmul(run, args);
    CHECK(c[0] == -5.0f);
  }

  TEST_CASE("one operand may serve the whole batch") {
    Run run;
    const auto a = reference::normal<float>(2 * 3 * 4, 1), b = reference::normal<float>(4 * 5, 2);
    std::vector<float> c(2 * 3 * 5);
    // clang-format off
    matmul(run, {.batch = 2, .m = 3, .n = 5, .k = 4,
        .a = a.data(), .aBatch = 12, .aM = 4, .aK = 1,
        .b = b.data(), .bBatch = 0, .bK = 5, .bN = 1,
        .c = c.data(), .cBatch = 15, .cM = 5, .cN = 1,
        .inputs = DType::f32, .output = DType::f32, .workspace = nullptr});
    // clang-format on
    for (int x = 0; x < 2; x++)
      for (int i = 0; i < 3; i++)
        for (int j = 0; j < 5; j++) {
          double sum = 0.0;
          for (int l = 0; l < 4; l++) sum += static_cast<double>(a[x * 12 + i * 4 + l]) * b[l * 5 + j];
          CHECK(c[x * 15 + i * 5 + j] == doctest::Approx(sum).epsilon(1e-5));
        }
  }
}
