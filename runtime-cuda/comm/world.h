// All ranks of a run. One rank alone needs no MPI and starts none.
#pragma once

#include <functional>
#include <memory>

#include "dream/program.h"

namespace dream {

/** What the launcher says before MPI starts; a program that nobody launched is rank 0 of 1. */
struct Launch {
  int rank = 0, size = 1;
  int localRank = 0, localSize = 1;
  bool isLaunched = false;
};
/** From the variables of Open MPI, MPICH's Hydra and Slurm. */
Launch readLaunch();

class World {
 public:
  virtual ~World() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /** Ranks on this machine, and which of them this one is. */
  virtual int localRank() const = 0;
  virtual int localSize() const = 0;
  /** The sum of the numbers of all ranks on this machine, which call it together. */
  virtual std::int64_t sumOnMachine(std::int64_t number) = 0;
  /**
   * The communicator of the ranks with the same group, in the order of their ranks. All ranks call it together.
   * `hasTransfers`: whether single ranks of it send to each other.
   */
  virtual std::unique_ptr<Communicator> split(int group, bool hasTransfers = false) = 0;
  /**
   * Whether any rank has asked, as of the call before: every rank gets the same answer at the same call. Costs no
   * waiting, since the answers travel while the step runs.
   */
  virtual bool anyAsks(bool thisOne) = 0;
  /**
   * Rank 0 sees the bytes of every rank with `takesPart`, in the order of ranks. All ranks call it together; the number
   * of bytes is the same on all.
   */
  virtual void gather(const void* bytes, std::size_t numBytes, bool takesPart,
                      const std::function<void(int rank, const void* bytes)>& see) = 0;
  /** Waits until every rank is here. */
  virtual void barrier() = 0;
  /** For messages of faults in collectives. */
  virtual void setStep(double step) = 0;
  /** Ends all ranks now. */
  [[noreturn]] virtual void abort(int exitCode) = 0;
};

/** `numCores`: of this machine, to tell whether ranks must yield to each other. */
std::unique_ptr<World> startWorld(const Launch& launch, int numCores);

/** Parts of the above, each in a file of its own. */
std::unique_ptr<World> makeSingleWorld();
std::unique_ptr<World> makeMpiWorld(bool yields);

}  // namespace dream
