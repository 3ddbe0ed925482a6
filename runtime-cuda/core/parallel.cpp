// Loops shared among the threads of this rank.
#include <omp.h>

#include "dream/kernel.h"

namespace dream::detail {

void parallelFor(std::int64_t n, std::int64_t grain, void (*body)(const void* context, std::int64_t, std::int64_t),
                 const void* context) {
  if (n <= 0) return;
  const std::int64_t threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  const std::int64_t most = grain > 1 ? n / grain : n;
  const std::int64_t pieces = most < threads ? most : threads;
  if (pieces <= 1) {
    body(context, 0, n);
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
      body(context, borderOf(piece), borderOf(piece + 1));
    }
  }
}

}  // namespace dream::detail
