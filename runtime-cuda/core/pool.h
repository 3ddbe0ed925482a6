// The threads of this rank. OpenMP would make every thread arrive at every loop; here a thread that the system has given
// to somebody else is not waited for, unless it has begun a piece. On a machine that others use too this is worth a
// factor. A thread takes its own pieces first, so that on a quiet machine it works where its caches are warm.
#pragma once

#include <cstdint>

namespace dream::pool {

/** From now on this many threads, the calling one included. Before the first call: OMP_NUM_THREADS, or every core. */
void start(int numThreads);
int numThreads();

/** Loops that this thread begins run in it alone: for threads that work beside the pool. */
void stayAlone();

/**
 * Calls `task(context, i)` once for each i in [0, n), shared among the threads; in this one alone when called from inside
 * a task. What a task throws, the caller gets. Libraries called in tasks have one OpenMP thread.
 */
void run(std::int64_t n, void (*task)(const void* context, std::int64_t i), const void* context);

template <class F>
void forEach(std::int64_t n, const F& body) {
  run(n, [](const void* context, std::int64_t i) { (*static_cast<const F*>(context))(i); }, &body);
}

}  // namespace dream::pool
