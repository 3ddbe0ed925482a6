// Times of a repeated piece of work. Wall time is what counts; the processor time of this thread says the same where
// others use the machine too, with OMP_NUM_THREADS=1.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace dream::bench {

struct Times {
  double bestSeconds, medianSeconds, bestCpuSeconds;
};

inline double secondsOf(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/** Runs it once to warm up, then for about `seconds`, five times at least. */
template <class F>
Times measure(const F& work, double seconds = 0.5) {
  work();
  std::vector<double> wall;
  double cpu = 1e30;
  const double begin = secondsOf(CLOCK_MONOTONIC);
  while (wall.size() < 5 || secondsOf(CLOCK_MONOTONIC) - begin < seconds) {
    const double wallBefore = secondsOf(CLOCK_MONOTONIC), cpuBefore = secondsOf(CLOCK_THREAD_CPUTIME_ID);
    work();
    cpu = std::min(cpu, secondsOf(CLOCK_THREAD_CPUTIME_ID) - cpuBefore);
    wall.push_back(secondsOf(CLOCK_MONOTONIC) - wallBefore);
  }
  std::sort(wall.begin(), wall.end());
  return {wall.front(), wall[wall.size() / 2], cpu};
}

inline void print(const char* what, double flops, const Times& times) {
  std::printf("%-44s %8.3f ms  %7.1f GFLOP/s best  %7.1f median  %7.1f by processor time\n", what,
              times.medianSeconds * 1e3, flops / times.bestSeconds * 1e-9, flops / times.medianSeconds * 1e-9,
              flops / times.bestCpuSeconds * 1e-9);
  std::fflush(stdout);
}

}  // namespace dream::bench
