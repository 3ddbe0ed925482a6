// How the program was started, by the variables that launchers set.
#include <cstdlib>

#include "comm/world.h"

namespace dream {

namespace {

struct Names {
  const char *rank, *size, *localRank, *localSize;
};
constexpr Names launchers[] = {
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"},
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"},
};

/** The number that a variable begins with (Slurm writes `4(x2)`); `otherwise` where there is none. */
int numberOf(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text && *text >= '0' && *text <= '9' ? std::atoi(text) : otherwise;
}

}  // namespace

Launch readLaunch() {
  for (const Names& names : launchers) {
    const int size = numberOf(names.size, 0);
    if (size > 0)
      return {numberOf(names.rank, 0), size, numberOf(names.localRank, 0), numberOf(names.localSize, 1), true};
  }
  return {};
}

std::unique_ptr<World> startWorld(const Launch& launch, int numCores) {
  if (launch.size == 1) return makeSingleWorld();
  return makeMpiWorld(launch.localSize > numCores);
}

}  // namespace dream
