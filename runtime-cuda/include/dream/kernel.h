// What emitted kernels stand on: loops over an index space, shared among the threads of this rank.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dream/bf16.h"

namespace dream {

namespace detail {
/** `parallelFor` of any body: one copy of the threading for all kernels keeps programs small and quick to compile. */
void parallelFor(std::int64_t n, std::int64_t grain, void (*body)(const void* context, std::int64_t, std::int64_t),
                 const void* context);
}  // namespace detail

/**
 * Calls `body(begin, end)` for contiguous pieces that cover [0, n), each of at least `grain` where n allows it. In this
 * thread alone where n <= grain, where there is one thread, and inside another parallel loop. Pieces must be
 * independent: then the result does not depend on the number of threads.
 */
template <class F>
inline void parallelFor(std::int64_t n, std::int64_t grain, const F& body) {
  // A copy, and the body inlined: what it captured is then in registers, which loops need to be vectorized.
  const auto call = [](const void* context, std::int64_t begin, std::int64_t end) __attribute__((flatten)) {
    const F own = *static_cast<const F*>(context);
    own(begin, end);
  };
  detail::parallelFor(n, grain, call, &body);
}

/** The memory at a place of an area, counted in bytes. */
template <class T>
inline T* at(std::byte* area, std::int64_t offset) {
  return reinterpret_cast<T*>(area + offset);
}

}  // namespace dream
