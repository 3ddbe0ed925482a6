// All-reduce in place between ranks of this machine: mpirun -np 2 bench-all-reduce; once more with
// DREAM_NO_SHARED_MEMORY=1 for the way between machines.
#include <vector>

#include "bench/measure.h"
#include "comm/world.h"
#include "core/threads.h"

using namespace dream;

int main() {
  const auto world = startWorld(readLaunch(), countCores());
  setUpThreads(world->localRank(), world->localSize());
  const auto ranks = world->split(0);
  for (const std::int64_t n : {1, 1000, 100000, 1000000, 16000000}) {
    std::vector<float> x(static_cast<std::size_t>(n), 1.0f);
    std::vector<double> seconds;
    const int rounds = n > 100000 ? 20 : 300;
    for (int round = 0; round < rounds; round++) {
      world->barrier();
      const double before = bench::secondsOf(CLOCK_MONOTONIC);
      ranks->allReduce(1, Reduction::max, {{DType::f32, x.data(), x.data(), n}});
      ranks->wait(1);
      seconds.push_back(bench::secondsOf(CLOCK_MONOTONIC) - before);
    }
    std::sort(seconds.begin(), seconds.end());
    if (world->rank() == 0)
      std::printf("%10ld floats: median %10.1f us, best %10.1f us, %6.2f GB/s\n", static_cast<long>(n),
                  seconds[seconds.size() / 2] * 1e6, seconds[0] * 1e6,
                  static_cast<double>(n) * 4e-9 / seconds[seconds.size() / 2]);
  }
  world->barrier();
}
