// The sum of rows by index: each thread has columns of its own and adds the rows in their order, so that the result does
// not depend on the number of threads.
#include <algorithm>
#include <vector>

#include "core/fault.h"
#include "dream/calls.h"
#include "dream/kernel.h"

namespace dream {

namespace {

constexpr std::int64_t columnGrain = 64;

/** Adds in float32, straight into the result. */
void takeGradientF32(const TakeGradientArgs& args) {
  const auto* indices = static_cast<const std::int32_t*>(args.indices);
  const auto* gradient = static_cast<const float*>(args.gradient);
  auto* result = static_cast<float*>(args.result);
  parallelFor(args.feature, columnGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = 0; row < args.vocab; row++)
      for (std::int64_t i = begin; i < end; i++) result[row * args.resultVocab + i * args.resultFeature] = 0.0f;
    for (std::int64_t row = 0; row < args.rows; row++) {
      const std::int64_t place = indices[row * args.indicesRows];
      if (place < 0 || place >= args.vocab) continue;
      float* to = result + place * args.resultVocab;
      const float* from = gradient + row * args.gradientRows;
      for (std::int64_t i = begin; i < end; i++) to[i * args.resultFeature] += from[i * args.gradientFeature];
    }
  });
}

/** bf16 results are summed in float32, one column block of the table at a time. */
void takeGradientBf16(const TakeGradientArgs& args) {
  const auto* indices = static_cast<const std::int32_t*>(args.indices);
  const auto* gradient = static_cast<const bf16*>(args.gradient);
  auto* result = static_cast<bf16*>(args.result);
  parallelFor((args.feature + columnGrain - 1) / columnGrain, 1, [&](std::int64_t firstBlock, std::int64_t lastBlock) {
    std::vector<float> sums(static_cast<std::size_t>(args.vocab * columnGrain));
    for (std::int64_t block = firstBlock; block < lastBlock; block++) {
      const std::int64_t begin = block * columnGrain;
      const std::int64_t width = begin + columnGrain < args.feature ? columnGrain : args.feature - begin;
      std::fill(sums.begin(), sums.end(), 0.0f);
      for (std::int64_t row = 0; row < args.rows; row++) {
        const std::int64_t place = indices[row * args.indicesRows];
        if (place < 0 || place >= args.vocab) continue;
        float* to = sums.data() + place * columnGrain;
        const bf16* from = gradient + row * args.gradientRows + begin * args.gradientFeature;
        for (std::int64_t i = 0; i < width; i++) to[i] += from[i * args.gradientFeature];
      }
      for (std::int64_t row = 0; row < args.vocab; row++)
        for (std::int64_t i = 0; i < width; i++)
          result[row * args.resultVocab + (begin + i) * args.resultFeature] = sums[static_cast<std::size_t>(row * columnGrain + i)];
    }
  });
}

}  // namespace

void takeGradient(Run&, const TakeGradientArgs& args) {
  if (args.dtype == DType::f32) return takeGradientF32(args);
  if (args.dtype == DType::bf16) return takeGradientBf16(args);
  throw Fault("takeGradient takes floats");
}

}  // namespace dream
