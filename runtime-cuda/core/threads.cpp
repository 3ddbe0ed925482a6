// Affinity masks and control groups, asked of the system.
#include "core/threads.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/pool.h"

namespace dream {

namespace {

/** The cores that the kernel would let this process have: asked by asking for all. */
std::vector<int> possibleCores() {
  cpu_set_t before, all, after;
  CPU_ZERO(&before);
  sched_getaffinity(0, sizeof before, &before);
  CPU_ZERO(&all);
  for (int core = 0; core < CPU_SETSIZE; core++) CPU_SET(core, &all);
  const bool couldWiden = sched_setaffinity(0, sizeof all, &all) == 0;
  CPU_ZERO(&after);
  sched_getaffinity(0, sizeof after, &after);
  if (couldWiden) sched_setaffinity(0, sizeof before, &before);
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; core++)
    if (CPU_ISSET(core, &after)) cores.push_back(core);
  return cores;
}

/** Whole cores' worth of time that the control group grants; a large number if it sets no limit. */
int quotaCores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0.0;
  if (!(file >> quota >> period) || quota == "max" || !(period > 0.0)) return 1 << 20;
  return std::max(1, static_cast<int>(std::atof(quota.c_str()) / period + 0.5));
}

}  // namespace

int countCores() { return std::min(static_cast<int>(possibleCores().size()), quotaCores()); }

int setUpThreads(int localRank, int localSize) {
  const std::vector<int> cores = possibleCores();
  const int share = std::max(1, std::min(static_cast<int>(cores.size()), quotaCores()) / localSize);
  const char* chosen = std::getenv("OMP_NUM_THREADS");
  const int numThreads = chosen && std::atoi(chosen) > 0 ? std::atoi(chosen) : share;
  cpu_set_t mine;
  CPU_ZERO(&mine);
  sched_getaffinity(0, sizeof mine, &mine);
  if (CPU_COUNT(&mine) < numThreads && numThreads <= share) {
    CPU_ZERO(&mine);
    for (int i = 0; i < share; i++)
      CPU_SET(cores[static_cast<std::size_t>(localRank * share + i) % cores.size()], &mine);
    sched_setaffinity(0, sizeof mine, &mine);
  }
  pool::start(numThreads);
  return numThreads;
}

}  // namespace dream
