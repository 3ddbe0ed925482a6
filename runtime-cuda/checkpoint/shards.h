// Between a whole tensor and the part of it that a rank holds.
#pragma once

#include <functional>
#include <vector>

#include "core/mesh.h"
#include "dream/program.h"

namespace dream {

/** This rank's span of each dim. */
std::vector<DimSpan> spansOf(Span<std::int64_t> shape, Span<DimSplit> splits, const PerAxis& degrees,
                             const PerAxis& coordinates);

/** Row-major strides of what a rank holds. */
std::vector<std::int64_t> localStrides(const std::vector<DimSpan>& spans);

/** Whether this rank is the first of those that hold the same part. */
bool isFirstHolder(Span<DimSplit> splits, const PerAxis& coordinates, std::int64_t place = -1);

/** Visits runs of neighbouring elements that exist: first place in the whole, first place here, stride here, how many. */
void forEachRun(
    Span<std::int64_t> shape, const std::vector<DimSpan>& spans, const std::vector<std::int64_t>& strides,
    const std::function<void(std::int64_t whole, std::int64_t local, std::int64_t stride, std::int64_t count)>& visit);

}  // namespace dream
