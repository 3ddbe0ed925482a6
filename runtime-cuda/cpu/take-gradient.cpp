// The sum of rows by index: the rows are put in the order of their indices first (a counting sort), so that each row of
// the result is summed in float32 and written once, by one thread, in an order that no number of threads changes.
#include <algorithm>
#include <vector>

#include "core/fault.h"
#include "dream/calls.h"
#include "dream/kernel.h"

namespace dream {

namespace {

/** Rows of one index lie in `rows` from `first[index]` to `first[index + 1]`, in their own order. */
struct Order {
  std::vector<std::int32_t> first, rows;
};

const Order& sortRows(const TakeGradientArgs& args) {
  thread_local Order order;  // kept, since its size is the same at every step
  const auto* indices = static_cast<const std::int32_t*>(args.indices);
  const auto isInside = [&](std::int64_t index) { return index >= 0 && index < args.vocab; };
  order.first.assign(static_cast<std::size_t>(args.vocab + 2), 0);
  order.rows.resize(static_cast<std::size_t>(args.rows));
  // Counted two places further on, the ends of the counts become the places where the next pass writes.
  for (std::int64_t row = 0; row < args.rows; row++)
    if (const std::int64_t index = indices[row * args.indicesRows] - args.start; isInside(index))
      order.first[static_cast<std::size_t>(index + 2)]++;
  for (std::size_t i = 2; i < order.first.size(); i++) order.first[i] += order.first[i - 1];
  for (std::int64_t row = 0; row < args.rows; row++)
    if (const std::int64_t index = indices[row * args.indicesRows] - args.start; isInside(index))
      order.rows[static_cast<std::size_t>(order.first[static_cast<std::size_t>(index + 1)]++)] =
          static_cast<std::int32_t>(row);
  return order;
}

template <class T>
void sumRows(const TakeGradientArgs& args) {
  const Order& order = sortRows(args);
  const auto* gradient = static_cast<const T*>(args.gradient);
  auto* result = static_cast<T*>(args.result);
  // Few indices have most of the rows, so the shares are small.
  const std::int64_t share = std::max<std::int64_t>(1, args.vocab / 256),
                     grain = 1 + 65536 / (share * args.feature + 1);
  parallelFor((args.vocab + share - 1) / share, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> sums(static_cast<std::size_t>(args.feature));
    for (std::int64_t index = begin * share; index < std::min(end * share, args.vocab); index++) {
      T* to = result + index * args.resultVocab;
      const std::int32_t first = order.first[static_cast<std::size_t>(index)],
                         last = order.first[static_cast<std::size_t>(index + 1)];
      if (first == last) {
        std::fill(to, to + args.feature, T(0.0f));
        continue;
      }
      std::fill(sums.begin(), sums.end(), 0.0f);
      for (std::int32_t i = first; i < last; i++) {
        const T* from = gradient + order.rows[static_cast<std::size_t>(i)] * args.gradientRows;
        for (std::int64_t d = 0; d < args.feature; d++) sums[static_cast<std::size_t>(d)] += from[d];
      }
      for (std::int64_t d = 0; d < args.feature; d++) to[d] = sums[static_cast<std::size_t>(d)];
    }
  });
}

}  // namespace

void takeGradient(Run&, const TakeGradientArgs& args) {
  // A group of one element may have any stride.
  if (args.feature > 1 && (args.gradientFeature != 1 || args.resultFeature != 1))
    throw Fault("takeGradient takes rows without gaps between elements");
  if (args.dtype == DType::f32) return sumRows<float>(args);
  if (args.dtype == DType::bf16) return sumRows<bf16>(args);
  throw Fault("takeGradient takes floats");
}

}  // namespace dream
