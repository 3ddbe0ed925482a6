// Pieces through slots: copy in, meet, reduce a share each, meet, copy out.
#include "comm/node.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "core/element-size.h"
#include "core/fault.h"
#include "core/pool.h"
#include "core/signals.h"
#include "dream/kernel.h"
#include "dream/math.h"

namespace dream {

namespace {

/** bf16 is summed in float32, so it passes through the slots as float32. */
DType slotType(DType dtype) { return dtype == DType::bf16 ? DType::f32 : dtype; }

/** Elements that a thread copies or adds at least. */
constexpr std::int64_t grain = 16 * 1024;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/** Sleeps until somebody wakes those who wait for `counter`, for `nanoseconds` at most; not at all if it is not `seen`. */
void sleepWhile(std::atomic<std::uint32_t>& counter, std::uint32_t seen, long nanoseconds) {
  const timespec most{0, nanoseconds};
  syscall(SYS_futex, &counter, FUTEX_WAIT, seen, &most, nullptr, 0);
}
void wake(std::atomic<std::uint32_t>& counter) {
  syscall(SYS_futex, &counter, FUTEX_WAKE, 1 << 30, nullptr, nullptr, 0);
}

void copyBytes(std::byte* to, const std::byte* from, std::int64_t numBytes) {
  parallelFor(numBytes, 4 * grain, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(to + begin, from + begin, static_cast<std::size_t>(end - begin));
  });
}

void toSlot(std::byte* slot, const std::byte* from, DType dtype, std::int64_t count) {
  if (dtype != DType::bf16) return copyBytes(slot, from, count * static_cast<std::int64_t>(elementSize(dtype)));
  const auto* narrow = reinterpret_cast<const bf16*>(from);
  auto* wide = reinterpret_cast<float*>(slot);
  parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) wide[i] = narrow[i];
  });
}

void fromSlot(std::byte* to, const std::byte* slot, DType dtype, std::int64_t count) {
  if (dtype != DType::bf16) return copyBytes(to, slot, count * static_cast<std::int64_t>(elementSize(dtype)));
  const auto* wide = reinterpret_cast<const float*>(slot);
  auto* narrow = reinterpret_cast<bf16*>(to);
  parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i++) narrow[i] = wide[i];
  });
}

template <class T>
T larger(T a, T b) {
  if constexpr (std::is_same_v<T, float>) return math::maximum(a, b);
  return a > b ? a : b;
}

/** to[i] = the sum (or maximum) over ranks of from[rank][i], in blocks that stay in the nearest cache. */
template <class T>
void reduceElements(T* to, const std::vector<const T*>& from, std::int64_t count, Reduction reduction) {
  parallelFor(count, grain, [&](std::int64_t begin, std::int64_t end) {
    constexpr std::int64_t block = 1024;
    T sums[block];
    for (std::int64_t first = begin; first < end; first += block) {
      const std::int64_t n = std::min(block, end - first);
      std::copy(from[0] + first, from[0] + first + n, sums);
      for (std::size_t rank = 1; rank < from.size(); rank++) {
        const T* values = from[rank] + first;
        if (reduction == Reduction::sum)
          for (std::int64_t i = 0; i < n; i++) sums[i] += values[i];
        else
          for (std::int64_t i = 0; i < n; i++) sums[i] = larger(sums[i], values[i]);
      }
      std::copy(sums, sums + n, to + first);
    }
  });
}

/** The same places of all ranks' slots, `offset` bytes in, reduced to `to`. */
template <class Slot>
void reduceSlots(std::byte* to, int size, const Slot& slotOf, std::int64_t offset, DType dtype, std::int64_t count,
                 Reduction reduction) {
  const auto reduce = [&]<class T>(T* typed) {
    std::vector<const T*> from;
    for (int rank = 0; rank < size; rank++) from.push_back(reinterpret_cast<const T*>(slotOf(rank) + offset));
    reduceElements(typed, from, count, reduction);
  };
  if (dtype == DType::i32) return reduce(reinterpret_cast<std::int32_t*>(to));
  if (dtype == DType::f32) return reduce(reinterpret_cast<float*>(to));
  throw Fault("booleans cannot be reduced");
}

/** Visits the stretches of places [from, to): the stretch, the first place inside it, how many, and how far from `from`. */
template <class Stretches, class F>
void forEachStretch(const Stretches& stretches, std::int64_t from, std::int64_t to, const F& visit) {
  auto at = std::upper_bound(stretches.begin(), stretches.end(), from,
                             [](std::int64_t place, const auto& each) { return place < each.begin; });
  for (auto each = at == stretches.begin() ? at : at - 1; each != stretches.end() && each->begin < to; ++each) {
    const std::int64_t first = std::max(from, each->begin), last = std::min(to, each->begin + each->count);
    if (first < last) visit(*each, first - each->begin, last - first, first - from);
  }
}

}  // namespace

NodeCommunicator::NodeCommunicator(std::vector<std::byte*> segments, int rank, const Place& place, bool yields,
                                   std::function<void()> release)
    : segments_(std::move(segments)), rank_(rank), place_(place), yields_(yields), release_(std::move(release)) {
  if (pool::numThreads() > 1) worker_ = std::thread([this] { workUntilEnd(); });
}

NodeCommunicator::~NodeCommunicator() {
  {
    const std::lock_guard lock(mutex_);
    isEnding_ = true;
  }
  noted_.notify_all();
  if (worker_.joinable()) worker_.join();
  release_();
}

void NodeCommunicator::allReduce(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) {
  note(handle, What::allReduce, reduction, parts, numParts);
}
void NodeCommunicator::reduceScatter(int handle, Reduction reduction, const CollectivePart* parts,
                                     std::size_t numParts) {
  note(handle, What::reduceScatter, reduction, parts, numParts);
}
void NodeCommunicator::allGather(int handle, const CollectivePart* parts, std::size_t numParts) {
  note(handle, What::allGather, Reduction::sum, parts, numParts);
}
void NodeCommunicator::allToAll(int handle, const CollectivePart* parts, std::size_t numParts) {
  note(handle, What::allToAll, Reduction::sum, parts, numParts);
}
void NodeCommunicator::permute(int handle, const CollectivePart* parts, std::size_t numParts) {
  note(handle, What::permute, Reduction::sum, parts, numParts);
}

void NodeCommunicator::note(int handle, What what, Reduction reduction, const CollectivePart* parts,
                            std::size_t numParts) {
  {
    const std::lock_guard lock(mutex_);
    operations_.push_back({handle, what, reduction, {parts, parts + numParts}});
  }
  noted_.notify_one();
}

void NodeCommunicator::workUntilEnd() {
  leaveSignalsToMain();
  pool::stayAlone();
  std::unique_lock lock(mutex_);
  for (;;) {
    noted_.wait(lock, [&] { return isEnding_ || !operations_.empty(); });
    if (isEnding_) return;
    const Operation& operation = operations_.front();  // a deque keeps its place while others are noted
    lock.unlock();
    try {
      run(operation);
    } catch (...) {
      lock.lock();
      fault_ = std::current_exception();
      done_.notify_all();
      return;
    }
    lock.lock();
    operations_.pop_front();
    done_.notify_all();
  }
}

void NodeCommunicator::wait(int handle) {
  const auto isPending = [&] {
    return std::any_of(operations_.begin(), operations_.end(),
                       [&](const Operation& operation) { return operation.handle == handle; });
  };
  std::unique_lock lock(mutex_);
  if (worker_.joinable()) {
    const auto isOver = [&] { return fault_ || !isPending(); };
    if (place_.hasProgress())
      while (!done_.wait_for(lock, std::chrono::microseconds(200), isOver)) place_.progress();
    else
      done_.wait(lock, isOver);
    if (fault_) std::rethrow_exception(fault_);
    return;
  }
  // In the order in which they began, which is the same on all ranks.
  while (isPending()) {
    run(operations_.front());
    operations_.pop_front();
  }
}

void NodeCommunicator::run(const Operation& operation) {
  const bool sharesOut = operation.what == What::reduceScatter || operation.what == What::allToAll;
  // Neighbouring parts of one type are one long array, so that a bucket of small ones costs no more than its bytes.
  for (std::size_t first = 0, last = 0; first < operation.parts.size(); first = last) {
    const DType dtype = operation.parts[first].dtype;
    std::vector<Stretch> stretches;
    std::int64_t total = 0;
    for (; last < operation.parts.size() && operation.parts[last].dtype == dtype; last++) {
      const CollectivePart& part = operation.parts[last];
      const std::int64_t count = sharesOut ? part.numElements / size() : part.numElements;
      stretches.push_back(
          {static_cast<const std::byte*>(part.source), static_cast<std::byte*>(part.target), total, count});
      total += count;
    }
    runStretches(operation, dtype, stretches, total);
  }
}

void NodeCommunicator::runStretches(const Operation& operation, DType dtype, const std::vector<Stretch>& stretches,
                                    std::int64_t total) {
  if (operation.what == What::allReduce)
    reduceAll(operation.reduction, dtype, stretches, total);
  else
    exchange(operation.what, operation.reduction, dtype, stretches, total);
}

void NodeCommunicator::reduceAll(Reduction reduction, DType dtype, const std::vector<Stretch>& stretches,
                                 std::int64_t total) {
  const auto outside = static_cast<std::int64_t>(elementSize(dtype)),
             inside = static_cast<std::int64_t>(elementSize(slotType(dtype)));
  const std::int64_t piece = slotBytes / inside;
  constexpr std::int64_t few = 1024;
  for (std::int64_t from = 0; from < total; from += piece) {
    const std::int64_t to = std::min(total, from + piece), count = to - from;
    forEachStretch(stretches, from, to, [&](const Stretch& each, std::int64_t first, std::int64_t n, std::int64_t at) {
      toSlot(slot(rank_) + at * inside, each.source + first * outside, dtype, n);
    });
    const auto slotOf = [&](int rank) { return slot(rank); };
    meet(&NodeHeader::numReady);
    std::byte sums[few * sizeof(float)];
    const auto borderOf = [&](int rank) { return count * rank / size(); };
    if (count <= few) {
      // Every rank adds up few elements for itself: one wait less.
      reduceSlots(sums, size(), slotOf, 0, slotType(dtype), count, reduction);
    } else {
      const std::int64_t begin = borderOf(rank_), end = borderOf(rank_ + 1);
      reduceSlots(slot(rank_) + begin * inside, size(), slotOf, begin * inside, slotType(dtype), end - begin,
                  reduction);
      meet(&NodeHeader::numSummed);
    }
    forEachStretch(stretches, from, to, [&](const Stretch& each, std::int64_t first, std::int64_t n, std::int64_t at) {
      std::byte* target = each.target + first * outside;
      if (count <= few) return fromSlot(target, sums + at * inside, dtype, n);
      for (int rank = 0; rank < size(); rank++) {
        const std::int64_t begin = std::max(at, borderOf(rank)), end = std::min(at + n, borderOf(rank + 1));
        if (begin < end) fromSlot(target + (begin - at) * outside, slot(rank) + begin * inside, dtype, end - begin);
      }
    });
    numPieces_++;
  }
}

void NodeCommunicator::exchange(What what, Reduction reduction, DType dtype, const std::vector<Stretch>& stretches,
                                std::int64_t total) {
  const auto outside = static_cast<std::int64_t>(elementSize(dtype));
  const bool isReduced = what == What::reduceScatter;
  const auto inside = isReduced ? static_cast<std::int64_t>(elementSize(slotType(dtype))) : outside;
  const DType slotted = isReduced ? dtype : DType::boolean;  // what only moves is bytes
  const std::int64_t unit = isReduced ? 1 : outside;
  const bool isOneShare = what == What::allGather || what == What::permute;
  const int numShares = isOneShare ? 1 : size();
  const std::int64_t piece = slotBytes / inside / numShares;
  for (std::int64_t from = 0; from < total; from += piece) {
    const std::int64_t to = std::min(total, from + piece);
    // A slot holds a share for each rank (a single one where all ranks get the same, or only one gets any), `piece` elements apart.
    forEachStretch(stretches, from, to, [&](const Stretch& each, std::int64_t first, std::int64_t n, std::int64_t at) {
      for (int share = 0; share < numShares; share++)
        toSlot(slot(rank_) + (share * piece + at) * inside, each.source + (share * each.count + first) * outside,
               slotted, n * unit);
    });
    meet(&NodeHeader::numReady);
    const int mine = isOneShare ? 0 : rank_;
    forEachStretch(stretches, from, to, [&](const Stretch& each, std::int64_t first, std::int64_t n, std::int64_t at) {
      const std::int64_t offset = (mine * piece + at) * inside;
      if (isReduced) {
        // My own share of my own slot is read by nobody else: the sums are written there first.
        std::byte* sums = slot(rank_) + offset;
        reduceSlots(sums, size(), [&](int rank) { return slot(rank); }, offset, slotType(dtype), n, reduction);
        return fromSlot(each.target + first * outside, sums, dtype, n);
      }
      if (what == What::permute)
        return copyBytes(each.target + first * outside, slot((rank_ + size() - 1) % size()) + offset, n * outside);
      for (int rank = 0; rank < size(); rank++) {
        std::byte* target = each.target + (rank * each.count + first) * outside;
        const bool isThere = what == What::allGather && rank == rank_ && target == each.source + first * outside;
        if (!isThere) copyBytes(target, slot(rank) + offset, n * outside);
      }
    });
    numPieces_++;
  }
}

void NodeCommunicator::meet(std::atomic<std::uint32_t> NodeHeader::*counter) const {
  NodeHeader& mine = header(rank_);
  const std::uint32_t count = (mine.*counter).fetch_add(1) + 1;
  if (mine.numSleepers > 0) wake(mine.*counter);
  const auto start = std::chrono::steady_clock::now();
  const bool looksAfter = place_.hasProgress() && !worker_.joinable();
  // Ranks that outnumber the cores must leave theirs at once.
  const int spins = yields_ ? 10 : 20'000;
  for (int rank = 0; rank < size(); rank++) {
    NodeHeader& other = header(rank);
    const auto isThere = [&] { return static_cast<std::int32_t>((other.*counter).load() - count) >= 0; };
    for (int round = 0; round < spins && !isThere(); round++) pause();
    while (!isThere()) {
      other.numSleepers++;
      const std::uint32_t seen = (other.*counter).load();
      if (static_cast<std::int32_t>(seen - count) < 0) sleepWhile(other.*counter, seen, looksAfter ? 200'000 : 100'000'000);
      other.numSleepers--;
      if (looksAfter) place_.progress();
      if (isEnding_) throw Fault("the run ended while a collective was under way");
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      place_.check(seconds, "waiting for rank " + std::to_string(rank) + " of a collective");
    }
  }
}

}  // namespace dream
