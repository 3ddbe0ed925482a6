// What emitted kernels stand on: loops over an index space, shared among the threads of this rank.
#pragma once

#include <omp.h>

#include <cstdint>

#include "dream/bf16.h"

namespace dream {

/**
 * Calls `body(begin, end)` for contiguous pieces that cover [0, n), each of at least `grain` where n allows it. In this
 * thread alone where n <= grain, where there is one thread, and inside another parallel loop. Pieces must be
 * independent: then the result does not depend on the number of threads.
 */
template <class F>
inline void parallelFor(std::int64_t n, std::int64_t grain, const F& body) {
  if (n <= 0) return;
  const std::int64_t threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  const std::int64_t most = grain > 1 ? n / grain : n;
  const std::int64_t pieces = most < threads ? most : threads;
  if (pieces <= 1) {
    body(std::int64_t{0}, n);
    return;
  }
  // Always the whole team: libgomp ends threads that a smaller team would leave over.
#pragma omp parallel
  {
    const std::int64_t piece = omp_get_thread_num();
    if (piece < pieces) {
      // Large pieces begin at multiples of 16 elements, so that two threads do not share a cache line.
      const std::int64_t align = n >= 1024 * pieces ? 16 : 1;
      const auto borderOf = [&](std::int64_t i) { return i == pieces ? n : n * i / pieces / align * align; };
      body(borderOf(piece), borderOf(piece + 1));
    }
  }
}

}  // namespace dream
