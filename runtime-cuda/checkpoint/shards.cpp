// Runs of neighbouring elements, here and in the whole tensor.
#include "checkpoint/shards.h"

#include <algorithm>

namespace dream {

std::vector<DimSpan> spansOf(Span<std::int64_t> shape, Span<DimSplit> splits, const PerAxis& degrees,
                             const PerAxis& coordinates) {
  std::vector<DimSpan> spans;
  for (std::size_t dim = 0; dim < shape.size; dim++)
    spans.push_back(spanOf(shape[dim], splits[dim], degrees, coordinates));
  return spans;
}

std::vector<std::int64_t> localStrides(const std::vector<DimSpan>& spans) {
  std::vector<std::int64_t> strides(spans.size(), 1);
  for (std::size_t dim = spans.size(); dim-- > 1;) strides[dim - 1] = strides[dim] * spans[dim].count;
  return strides;
}

bool isFirstHolder(Span<DimSplit> splits, const PerAxis& coordinates, std::int64_t place) {
  for (std::size_t axis = 0; axis < coordinates.size(); axis++) {
    const bool isSplit = std::any_of(splits.begin(), splits.end(), [&](const DimSplit& split) {
      return std::any_of(split.axes.begin(), split.axes.end(),
                         [&](Axis each) { return static_cast<std::size_t>(each) == axis; });
    });
    const bool isStage = static_cast<Axis>(axis) == Axis::pp && place >= 0;
    if (!isSplit && coordinates[axis] != (isStage ? place : 0)) return false;
  }
  return true;
}

void forEachRun(Span<std::int64_t> shape, const std::vector<DimSpan>& spans, const std::vector<std::int64_t>& strides,
                const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& visit) {
  if (shape.size == 0) return visit(0, 0, 1, 1);
  if (std::any_of(spans.begin(), spans.end(), [](const DimSpan& span) { return span.valid == 0; })) return;
  const std::size_t last = shape.size - 1;
  std::vector<std::int64_t> at(shape.size, 0);
  const std::int64_t head = std::min(spans[last].cut, spans[last].valid), tail = spans[last].valid - head;
  while (true) {
    std::int64_t whole = 0, local = 0;
    for (std::size_t dim = 0; dim <= last; dim++) {
      const DimSpan& span = spans[dim];
      whole = whole * shape[dim] + span.start + at[dim] + (dim < last && at[dim] >= span.cut ? span.jump : 0);
      local += at[dim] * strides[dim];
    }
    if (head > 0) visit(whole, local, strides[last], head);
    if (tail > 0) visit(whole + head + spans[last].jump, local + head * strides[last], strides[last], tail);
    std::size_t dim = last;
    while (dim > 0 && ++at[dim - 1] == spans[dim - 1].valid) at[--dim] = 0;
    if (dim == 0) return;
  }
}

}  // namespace dream
