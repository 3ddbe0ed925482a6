// Collectives of ranks that share memory. An operation is noted when it begins. Where a rank has several threads, one
// more does the operations in their order while the others go on computing; a rank of one thread does them in the first
// `wait` that needs them, since its core has work of its own until then.
//
// Arrays pass through small slots that stay in the caches. Each rank copies a piece into its slot, says so, waits until
// all have, and takes from all slots what it needs. Sums are in the order of ranks, so they are the same on all.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "comm/place.h"
#include "dream/program.h"

namespace dream {

/** At the start of each rank's shared memory; behind it its slots. */
struct NodeHeader {
  /** Pieces that lie in the slots, and pieces whose sums do; they may run over. */
  alignas(64) std::atomic<std::uint32_t> numReady;
  alignas(64) std::atomic<std::uint32_t> numSummed;
  /** Ranks that sleep until one of the two changes. */
  std::atomic<int> numSleepers;
};

/** Two slots: while one piece is read, the next is written. */
inline constexpr std::int64_t slotBytes = 512 * 1024;
inline constexpr std::int64_t segmentBytes = 256 + 2 * slotBytes;
static_assert(sizeof(NodeHeader) <= 256);

class NodeCommunicator final : public Communicator {
 public:
  /** `segments`: zeroed memory of `segmentBytes` by rank. `yields`: ranks outnumber cores. `release` frees the memory. */
  NodeCommunicator(std::vector<std::byte*> segments, int rank, const Place& place, bool yields,
                   std::function<void()> release);
  ~NodeCommunicator() override;
  NodeCommunicator(const NodeCommunicator&) = delete;
  NodeCommunicator& operator=(const NodeCommunicator&) = delete;
  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(segments_.size()); }
  void allReduce(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) override;
  void reduceScatter(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) override;
  void allGather(int handle, const CollectivePart* parts, std::size_t numParts) override;
  void allToAll(int handle, const CollectivePart* parts, std::size_t numParts) override;
  void permute(int handle, const CollectivePart* parts, std::size_t numParts) override;
  void wait(int handle) override;

 private:
  enum class What { allReduce, reduceScatter, allGather, allToAll, permute };
  struct Operation {
    int handle;
    What what;
    Reduction reduction;
    std::vector<CollectivePart> parts;
  };
  /** One array of a run of parts of one type: `count` elements for each rank, from `begin` of the run on. */
  struct Stretch {
    const std::byte* source;
    std::byte* target;
    std::int64_t begin, count;
  };

  void note(int handle, What what, Reduction reduction, const CollectivePart* parts, std::size_t numParts);
  /** What the thread of this communicator does: operations in their order, until the end or a fault. */
  void workUntilEnd();
  void run(const Operation& operation);
  void runStretches(const Operation& operation, DType dtype, const std::vector<Stretch>& stretches, std::int64_t total);
  void reduceAll(Reduction reduction, DType dtype, const std::vector<Stretch>& stretches, std::int64_t total);
  void exchange(What what, Reduction reduction, DType dtype, const std::vector<Stretch>& stretches, std::int64_t total);

  NodeHeader& header(int rank) const {
    return *reinterpret_cast<NodeHeader*>(segments_[static_cast<std::size_t>(rank)]);
  }
  std::byte* slot(int rank) const {
    return segments_[static_cast<std::size_t>(rank)] + 256 + static_cast<std::int64_t>(numPieces_ % 2) * slotBytes;
  }
  /** Counts one piece more and waits until every rank has. Throws what `Place::check` does. */
  void meet(std::atomic<std::uint32_t> NodeHeader::*counter) const;

  std::vector<std::byte*> segments_;
  int rank_;
  const Place& place_;
  bool yields_;
  std::function<void()> release_;
  std::mutex mutex_;
  std::condition_variable noted_, done_;
  /** Those that are not done, the one that is being done in front. */
  std::deque<Operation> operations_;
  std::exception_ptr fault_;
  std::atomic<bool> isEnding_ = false;
  std::uint64_t numPieces_ = 0;
  /** Not running where the rank has one thread. */
  std::thread worker_;
};

}  // namespace dream
