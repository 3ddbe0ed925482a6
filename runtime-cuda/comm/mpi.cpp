// Ranks as MPI processes: the one file that knows MPI. Ranks of one machine share memory (node.h); between machines large
// arrays travel in pieces of 1 MB, which Open MPI moves several times faster than whole ones. Waits poll, so that a
// deadline can end them.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "comm/node.h"
#include "comm/place.h"
#include "comm/world.h"
#include "core/element-size.h"
#include "core/fault.h"
#include "dream/math.h"

namespace dream {

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t pieceBytes = 1 << 20;

/** Polls until `isDone`, at full speed at first and then sparing the core. */
template <class Done>
void poll(const Place& place, const char* what, const Done& isDone) {
  const auto start = Clock::now();
  for (std::uint64_t round = 0; !isDone(); round++) {
    if (round % 64 == 63) sched_yield();
    if (round % 4096 != 4095) continue;
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    place.check(seconds, what);
    if (seconds > 1.0) usleep(200);
  }
}

/** MPI_MAX may lose NaN. */
void takeMaximum(void* from, void* to, int* count, MPI_Datatype*) {
  const auto* a = static_cast<const float*>(from);
  auto* b = static_cast<float*>(to);
  for (int i = 0; i < *count; i++) b[i] = math::maximum(a[i], b[i]);
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(MPI_Comm comm, const Place& place) : comm_(comm), place_(place) {
    MPI_Op_create(takeMaximum, 1, &maximum_);
    MPI_Comm_rank(comm, &rank_);
    MPI_Comm_size(comm, &size_);
  }
  ~MpiCommunicator() override {
    MPI_Op_free(&maximum_);
    MPI_Comm_free(&comm_);
  }
  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void allReduce(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) override {
    Pending& pending = begin(handle, "all-reduce");
    for (std::size_t i = 0; i < numParts; i++) {
      const Reduced part = startReduction(pending, parts[i], parts[i].numElements);
      for (std::int64_t at = 0; at < part.numElements; at += part.piece) {
        const int count = static_cast<int>(std::min(part.piece, part.numElements - at));
        const bool inPlace = part.source == part.target;
        MPI_Iallreduce(inPlace ? MPI_IN_PLACE : part.source + at * 4, part.target + at * 4, count, part.type,
                       operation(reduction, parts[i].dtype), comm_, next(pending));
      }
    }
  }

  void reduceScatter(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) override {
    Pending& pending = begin(handle, "reduce-scatter");
    for (std::size_t i = 0; i < numParts; i++) {
      const Reduced part = startReduction(pending, parts[i], parts[i].numElements / size_);
      const int count = static_cast<int>(part.numElements / size_);
      // A target inside the source would be overwritten while others still read it.
      const auto* first = part.source;
      if (part.target >= first && part.target < first + part.numElements * 4) {
        pending.scratch.emplace_back(first, first + part.numElements * 4);
        first = pending.scratch.back().data();
      }
      MPI_Ireduce_scatter_block(first, part.target, count, part.type, operation(reduction, parts[i].dtype), comm_,
                                next(pending));
    }
  }

  void allGather(int handle, const CollectivePart* parts, std::size_t numParts) override {
    Pending& pending = begin(handle, "all-gather");
    for (std::size_t i = 0; i < numParts; i++) {
      const auto& [dtype, source, target, numElements] = parts[i];
      const int count = static_cast<int>(numElements * static_cast<std::int64_t>(elementSize(dtype)));
      const bool inPlace = source == static_cast<std::byte*>(target) + static_cast<std::int64_t>(rank_) * count;
      MPI_Iallgather(inPlace ? MPI_IN_PLACE : source, count, MPI_BYTE, target, count, MPI_BYTE, comm_, next(pending));
    }
  }

  void allToAll(int handle, const CollectivePart* parts, std::size_t numParts) override {
    Pending& pending = begin(handle, "all-to-all");
    for (std::size_t i = 0; i < numParts; i++) {
      const auto& [dtype, source, target, numElements] = parts[i];
      const int count = static_cast<int>(numElements / size_ * static_cast<std::int64_t>(elementSize(dtype)));
      MPI_Ialltoall(source == target ? MPI_IN_PLACE : source, count, MPI_BYTE, target, count, MPI_BYTE, comm_,
                    next(pending));
    }
  }

  /** Messages between two ranks arrive in the order in which they were sent, so one tag is enough. */
  void permute(int handle, const CollectivePart* parts, std::size_t numParts) override {
    Pending& pending = begin(handle, "permute");
    const int after = (rank_ + 1) % size_, before = (rank_ + size_ - 1) % size_;
    for (std::size_t i = 0; i < numParts; i++) {
      const auto* source = static_cast<const std::byte*>(parts[i].source);
      auto* target = static_cast<std::byte*>(parts[i].target);
      const std::int64_t numBytes = parts[i].numElements * static_cast<std::int64_t>(elementSize(parts[i].dtype));
      for (std::int64_t at = 0; at < numBytes; at += pieceBytes) {
        const int count = static_cast<int>(std::min(pieceBytes, numBytes - at));
        MPI_Irecv(target + at, count, MPI_BYTE, before, 0, comm_, next(pending));
        MPI_Isend(source + at, count, MPI_BYTE, after, 0, comm_, next(pending));
      }
    }
  }

  void send(int handle, int peer, int channel, const CollectivePart* parts, std::size_t numParts) override {
    transfer(handle, "send", parts, numParts, [&](std::byte* bytes, int count, MPI_Request* request) {
      MPI_Isend(bytes, count, MPI_BYTE, peer, channel, comm_, request);
    });
  }
  void receive(int handle, int peer, int channel, const CollectivePart* parts, std::size_t numParts) override {
    transfer(handle, "receive", parts, numParts, [&](std::byte* bytes, int count, MPI_Request* request) {
      MPI_Irecv(bytes, count, MPI_BYTE, peer, channel, comm_, request);
    });
  }

  void wait(int handle) override {
    const auto found = pending_.find(handle);
    if (found == pending_.end()) return;
    Pending& pending = found->second;
    poll(place_, pending.what, [&] {
      int done = 0;
      MPI_Testall(static_cast<int>(pending.requests.size()), pending.requests.data(), &done, MPI_STATUSES_IGNORE);
      return done != 0;
    });
    for (const Narrow& narrow : pending.narrow)
      for (std::int64_t i = 0; i < narrow.numElements; i++) narrow.target[i] = narrow.wide[i];
    pending_.erase(found);
  }

 private:
  /** A bf16 result that is still in float32. */
  struct Narrow {
    const float* wide;
    bf16* target;
    std::int64_t numElements;
  };
  struct Pending {
    const char* what;
    std::vector<MPI_Request> requests;
    std::vector<std::vector<std::byte>> scratch;
    std::vector<Narrow> narrow;
  };
  struct Reduced {
    const std::byte* source;
    std::byte* target;
    std::int64_t numElements;
    MPI_Datatype type;
    std::int64_t piece;
  };

  /** Each part in pieces whose sizes MPI can count; those of one channel arrive in their order. */
  template <class Start>
  void transfer(int handle, const char* what, const CollectivePart* parts, std::size_t numParts, const Start& start) {
    Pending& pending = begin(handle, what);
    for (std::size_t i = 0; i < numParts; i++) {
      auto* bytes = static_cast<std::byte*>(parts[i].target);
      const std::int64_t numBytes = parts[i].numElements * static_cast<std::int64_t>(elementSize(parts[i].dtype));
      for (std::int64_t at = 0; at < numBytes; at += mostBytes)
        start(bytes + at, static_cast<int>(std::min(mostBytes, numBytes - at)), next(pending));
    }
  }
  static constexpr std::int64_t mostBytes = std::int64_t{1} << 28;

  Pending& begin(int handle, const char* what) {
    Pending& pending = pending_[handle];
    pending.what = what;
    return pending;
  }
  MPI_Request* next(Pending& pending) { return &pending.requests.emplace_back(MPI_REQUEST_NULL); }
  MPI_Op operation(Reduction reduction, DType dtype) const {
    if (reduction == Reduction::sum) return MPI_SUM;
    return dtype == DType::i32 ? MPI_MAX : maximum_;
  }

  /** MPI has no bf16: such a part is widened to float32 here and narrowed in `wait`. */
  Reduced startReduction(Pending& pending, const CollectivePart& part, std::int64_t numResults) {
    const auto* source = static_cast<const std::byte*>(part.source);
    auto* target = static_cast<std::byte*>(part.target);
    if (part.dtype == DType::boolean) throw Fault("booleans cannot be reduced");
    if (part.dtype != DType::bf16) {
      const MPI_Datatype type = part.dtype == DType::f32 ? MPI_FLOAT : MPI_INT32_T;
      return {source, target, part.numElements, type, pieceBytes / 4};
    }
    auto& wide = pending.scratch.emplace_back(static_cast<std::size_t>(part.numElements) * 4);
    auto* floats = reinterpret_cast<float*>(wide.data());
    const auto* narrow = static_cast<const bf16*>(part.source);
    for (std::int64_t i = 0; i < part.numElements; i++) floats[i] = narrow[i];
    pending.narrow.push_back({floats, static_cast<bf16*>(part.target), numResults});
    return {wide.data(), wide.data(), part.numElements, MPI_FLOAT, pieceBytes / 4};
  }

  MPI_Comm comm_;
  MPI_Op maximum_;
  const Place& place_;
  int rank_ = 0, size_ = 1;
  std::map<int, Pending> pending_;
};

class MpiWorld final : public World {
 public:
  explicit MpiWorld(bool yields) : yields_(yields) {
    MPI_Comm_dup(MPI_COMM_WORLD, &signals_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node_);
    MPI_Comm_rank(node_, &localRank_);
    MPI_Comm_size(node_, &localSize_);
    std::vector<RosterEntry*> roster;
    for (std::byte* entry : allocateShared(node_, sizeof(RosterEntry), roster_))
      roster.push_back(reinterpret_cast<RosterEntry*>(entry));
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    place_.enter(rank, roster, static_cast<std::size_t>(localRank_));
  }
  ~MpiWorld() override {
    if (question_ != MPI_REQUEST_NULL) MPI_Wait(&question_, MPI_STATUS_IGNORE);
    MPI_Comm_free(&signals_);
    MPI_Win_free(&roster_);
    MPI_Comm_free(&node_);
    MPI_Finalize();
  }
  int rank() const override { return place_.rank(); }
  int size() const override { return size_; }
  int localRank() const override { return localRank_; }
  int localSize() const override { return localSize_; }
  std::int64_t sumOnMachine(std::int64_t number) override {
    MPI_Request request;
    MPI_Iallreduce(MPI_IN_PLACE, &number, 1, MPI_INT64_T, MPI_SUM, node_, &request);
    finish(request, "a sum of bytes");
    return number;
  }

  std::unique_ptr<Communicator> split(int group, bool hasTransfers) override {
    MPI_Comm comm;
    MPI_Comm_split(MPI_COMM_WORLD, group, rank(), &comm);
    MPI_Comm node;
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    int size, onNode;
    MPI_Comm_size(comm, &size);
    MPI_Comm_size(node, &onNode);
    MPI_Comm_free(&node);
    if (hasTransfers) {
      place_.setProgress([] {
        int isThere;
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &isThere, MPI_STATUS_IGNORE);
      });
      return std::make_unique<MpiCommunicator>(comm, place_);
    }
    // All ranks of a group find the same.
    if (onNode == size && !std::getenv("DREAM_NO_SHARED_MEMORY")) return shareMemory(comm);
    return std::make_unique<MpiCommunicator>(comm, place_);
  }

  bool anyAsks(bool thisOne) override {
    bool answer = false;
    if (question_ != MPI_REQUEST_NULL) {
      finish(question_, "the question whether to stop");
      answer = answer_ != 0;
    }
    asked_ = thisOne ? 1 : 0;
    MPI_Iallreduce(&asked_, &answer_, 1, MPI_INT, MPI_MAX, signals_, &question_);
    return answer;
  }

  void gather(const void* bytes, std::size_t numBytes, bool takesPart,
              const std::function<void(int, const void*)>& see) override {
    std::vector<char> flags(static_cast<std::size_t>(size_));
    const char flag = takesPart ? 1 : 0;
    MPI_Request request;
    MPI_Iallgather(&flag, 1, MPI_CHAR, flags.data(), 1, MPI_CHAR, MPI_COMM_WORLD, &request);
    finish(request, "a gather");
    if (rank() == 0 && takesPart) see(0, bytes);
    std::vector<std::byte> buffer;
    for (int from = 1; from < size_; from++) {
      if (!flags[static_cast<std::size_t>(from)] || (rank() != 0 && rank() != from)) continue;
      if (rank() == 0) buffer.resize(numBytes);
      transfer(from, rank() == 0 ? buffer.data() : const_cast<void*>(bytes), numBytes);
      if (rank() == 0) see(from, buffer.data());
    }
  }

  void barrier() override {
    MPI_Request request;
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    finish(request, "a barrier");
  }
  void setStep(double step) override { place_.setStep(step); }
  void abort(int exitCode) override {
    MPI_Abort(MPI_COMM_WORLD, exitCode);
    std::_Exit(exitCode);
  }

 private:
  /** Zeroed memory of every rank of `comm`, which are on one machine. */
  static std::vector<std::byte*> allocateShared(MPI_Comm comm, std::int64_t numBytes, MPI_Win& window) {
    int size;
    MPI_Comm_size(comm, &size);
    void* mine;
    MPI_Win_allocate_shared(numBytes, 1, MPI_INFO_NULL, comm, &mine, &window);
    std::memset(mine, 0, static_cast<std::size_t>(numBytes));
    std::vector<std::byte*> segments;
    for (int other = 0; other < size; other++) {
      MPI_Aint otherBytes;
      int unit;
      void* segment;
      MPI_Win_shared_query(window, other, &otherBytes, &unit, &segment);
      segments.push_back(static_cast<std::byte*>(segment));
    }
    MPI_Barrier(comm);
    return segments;
  }
  std::unique_ptr<Communicator> shareMemory(MPI_Comm comm) {
    int rank;
    MPI_Comm_rank(comm, &rank);
    MPI_Win window;
    const auto segments = allocateShared(comm, segmentBytes, window);
    return std::make_unique<NodeCommunicator>(segments, rank, place_, yields_, [comm, window]() mutable {
      MPI_Win_free(&window);
      MPI_Comm_free(&comm);
    });
  }
  void finish(MPI_Request& request, const char* what) {
    poll(place_, what, [&] {
      int done = 0;
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      return done != 0;
    });
  }
  /** From rank `from` to rank 0, in pieces whose sizes MPI can count. */
  void transfer(int from, void* bytes, std::size_t numBytes) {
    for (std::size_t at = 0; at < numBytes; at += std::size_t{1} << 28) {
      const int count = static_cast<int>(std::min(numBytes - at, std::size_t{1} << 28));
      auto* piece = static_cast<std::byte*>(bytes) + at;
      MPI_Request request;
      if (rank() == 0)
        MPI_Irecv(piece, count, MPI_BYTE, from, 0, MPI_COMM_WORLD, &request);
      else
        MPI_Isend(piece, count, MPI_BYTE, 0, 0, MPI_COMM_WORLD, &request);
      finish(request, "a transfer");
    }
  }

  Place place_;
  bool yields_;
  int size_ = 1, localRank_ = 0, localSize_ = 1;
  MPI_Comm signals_ = MPI_COMM_NULL, node_ = MPI_COMM_NULL;
  MPI_Win roster_ = MPI_WIN_NULL;
  MPI_Request question_ = MPI_REQUEST_NULL;
  int asked_ = 0, answer_ = 0;
};

}  // namespace

std::unique_ptr<World> makeMpiWorld(bool yields) {
  // Where the user has chosen, that stays.
  if (yields) setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  setenv("OMPI_MCA_btl_vader_single_copy_mechanism", "none", 0);
  int provided = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
      provided < MPI_THREAD_FUNNELED)
    throw Fault("MPI does not start", "dreamc doctor says what is missing");
  return std::make_unique<MpiWorld>(yields);
}

}  // namespace dream
