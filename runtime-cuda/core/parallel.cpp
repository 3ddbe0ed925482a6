// The pool, and the loops of emitted kernels that run on it.
//
// A job is published as one word, its number and its count of pieces. A thread claims piece i by raising claimed[i] to
// the job's number: that succeeds once, and only while the job is the current one, since the publisher waits for every
// piece that was claimed. So whoever has claimed a piece may read the job's fields.
#include "pool.h"

#include <linux/futex.h>
#include <omp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "dream/kernel.h"
#include "core/signals.h"

namespace dream {

namespace pool {

namespace {

constexpr std::int64_t maxPieces = 1024;
/** About a tenth of a millisecond: longer than what lies between two loops, and nothing to a machine that has others. */
constexpr int spins = 8000;

thread_local bool isInside = false;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
void sleepWhile(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void wakeAll(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1 << 30, nullptr, nullptr, 0);
}

class Pool {
 public:
  explicit Pool(int numThreads) : numThreads_(numThreads) {
    omp_set_num_threads(1);
    for (int self = 1; self < numThreads; self++) workers_.emplace_back([this, self] { workUntilEnd(self); });
  }
  ~Pool() {
    isEnding_ = true;
    jobs_++;
    wakeAll(jobs_);
    for (std::thread& worker : workers_) worker.join();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  int numThreads() const { return numThreads_; }

  /** False: another thread has the pool. */
  bool tryRun(std::int64_t n, void (*task)(const void*, std::int64_t), const void* context) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return false;
    const std::int64_t numPieces = std::min(n, maxPieces);
    numItems_ = n;
    task_ = task;
    context_ = context;
    error_ = nullptr;
    pending_.store(static_cast<std::uint32_t>(numPieces), std::memory_order_relaxed);
    ticket_.store(++job_ << 16 | static_cast<std::uint64_t>(numPieces), std::memory_order_seq_cst);
    jobs_++;
    if (numSleeping_ > 0) wakeAll(jobs_);
    isInside = true;
    work(0);
    waitForOthers();
    isInside = false;
    if (error_) std::rethrow_exception(error_);
    return true;
  }

 private:
  void workUntilEnd(int self) {
    leaveSignalsToMain();
    omp_set_num_threads(1);
    isInside = true;
    std::uint32_t seen = 0;
    while (!isEnding_) {
      int round = 0;
      while (jobs_.load() == seen && ++round < spins) pause();
      if (jobs_.load() == seen) {
        numSleeping_++;
        sleepWhile(jobs_, seen);
        numSleeping_--;
        continue;
      }
      seen = jobs_.load();
      work(self);
    }
  }

  /** Own pieces from the first to the last, then those that others have not begun, from their last. */
  void work(int self) {
    const std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    const std::int64_t numPieces = ticket & 0xffffu;
    const auto border = [&](int thread) { return numPieces * thread / numThreads_; };
    for (std::int64_t piece = border(self); piece < border(self + 1); piece++) runPiece(piece, ticket);
    for (int step = 1; step < numThreads_; step++) {
      const int other = (self + step) % numThreads_;
      for (std::int64_t piece = border(other + 1); piece-- > border(other);) runPiece(piece, ticket);
    }
  }

  void runPiece(std::int64_t piece, std::uint64_t ticket) {
    const std::uint64_t job = ticket >> 16;
    std::atomic<std::uint64_t>& claimed = claimed_[static_cast<std::size_t>(piece)];
    std::uint64_t last = claimed.load(std::memory_order_relaxed);
    do {
      if (last >= job) return;
    } while (!claimed.compare_exchange_weak(last, job, std::memory_order_acq_rel));
    const std::int64_t numPieces = ticket & 0xffffu;
    try {
      for (std::int64_t i = numItems_ * piece / numPieces; i < numItems_ * (piece + 1) / numPieces; i++)
        task_(context_, i);
    } catch (...) {
      const std::lock_guard lock(errorMutex_);
      if (!error_) error_ = std::current_exception();
    }
    if (pending_.fetch_sub(1) == 1 && isCallerAsleep_) wakeAll(pending_);
  }

  void waitForOthers() {
    for (int round = 0; round < spins && pending_ > 0; round++) pause();
    // Whoever has the last piece may need this core.
    while (const std::uint32_t left = pending_) {
      isCallerAsleep_ = true;
      if (pending_ == left) sleepWhile(pending_, left);
      isCallerAsleep_ = false;
    }
  }

  const int numThreads_;
  std::vector<std::thread> workers_;
  std::mutex mutex_, errorMutex_;
  std::uint64_t job_ = 0;
  std::int64_t numItems_ = 0;
  void (*task_)(const void*, std::int64_t) = nullptr;
  const void* context_ = nullptr;
  std::exception_ptr error_;
  std::atomic<bool> isEnding_ = false, isCallerAsleep_ = false;
  std::atomic<int> numSleeping_ = 0;
  alignas(64) std::atomic<std::uint64_t> ticket_ = 0;
  /** Changes with every job: what sleeping threads watch. */
  alignas(64) std::atomic<std::uint32_t> jobs_ = 0;
  alignas(64) std::atomic<std::uint32_t> pending_ = 0;
  alignas(64) std::atomic<std::uint64_t> claimed_[maxPieces] = {};
};

int defaultThreads() {
  const char* chosen = std::getenv("OMP_NUM_THREADS");
  if (chosen && std::atoi(chosen) > 0) return std::atoi(chosen);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? std::max(1, CPU_COUNT(&cores)) : 1;
}

std::unique_ptr<Pool>& current() {
  static std::unique_ptr<Pool> pool = std::make_unique<Pool>(defaultThreads());
  return pool;
}

}  // namespace

void start(int numThreads) {
  if (current()->numThreads() != numThreads) current() = std::make_unique<Pool>(numThreads);
}
int numThreads() { return current()->numThreads(); }
void stayAlone() { isInside = true; }

void run(std::int64_t n, void (*task)(const void*, std::int64_t), const void* context) {
  if (n > 1 && !isInside) {
    Pool& pool = *current();
    if (pool.numThreads() > 1 && pool.tryRun(n, task, context)) return;
  }
  for (std::int64_t i = 0; i < n; i++) task(context, i);
}

}  // namespace pool

namespace detail {

void parallelFor(std::int64_t n, std::int64_t grain, void (*body)(const void* context, std::int64_t, std::int64_t),
                 const void* context) {
  if (n <= 0) return;
  // Several pieces for each thread: one that starts late or is interrupted leaves little to wait for.
  constexpr std::int64_t piecesPerThread = 4;
  const std::int64_t numThreads = pool::numThreads(), most = grain > 1 ? n / grain : n;
  const std::int64_t pieces = numThreads == 1 ? 1 : std::min(most, piecesPerThread * numThreads);
  if (pieces <= 1) {
    body(context, 0, n);
    return;
  }
  // Large pieces begin at multiples of 16 elements, so that two threads do not share a cache line.
  const std::int64_t align = n >= 1024 * pieces ? 16 : 1;
  const auto borderOf = [&](std::int64_t i) { return i == pieces ? n : n * i / pieces / align * align; };
  pool::forEach(pieces, [&](std::int64_t piece) { body(context, borderOf(piece), borderOf(piece + 1)); });
}

}  // namespace detail

}  // namespace dream
