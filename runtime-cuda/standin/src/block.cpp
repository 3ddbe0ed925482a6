// At every synchronisation a thread gives way, and chance picks the next: at random, or so that one warp runs as far ahead
// of the others as it can, which is what shows a missing barrier before memory is used again.
#include "block.h"

#include <sys/mman.h>

#include <algorithm>
#include <boost/context/fiber.hpp>
#include <numeric>
#include <string>
#include <vector>

#include <cuda_runtime.h>

#include "report.h"
#include "shadow.h"

// The built-in variables. The toolkit declares them constant, as they are for each thread; here is who changes them.
uint3 threadIndex asm("threadIdx"), blockIndex asm("blockIdx");
dim3 blockShape asm("blockDim"), gridShape asm("gridDim");
int warpWidth asm("warpSize") = 32;

namespace standin {

namespace {

using boost::context::fiber;

constexpr std::size_t stackSize = 64 << 10;
constexpr std::size_t stackStride = stackSize + 4096 + 192;  // stacks do not meet in one set of the cache

struct Thread {
  enum State { ready, atBarrier, inWarp, exited } state = ready;
  fiber context;
  Where where;  // of the synchronisation it waits at
  WarpOp op;
  BlockVote vote;
  int predicate;
  unsigned mask, source;
  std::uint32_t word, result;
  std::uint16_t warpPhase = 0;
};

struct KeepStack {
  void deallocate(boost::context::stack_context&) {}
};

char* const stacks = static_cast<char*>(mmap(nullptr, stackStride * maxThreads, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
Thread threads[maxThreads];
unsigned count;    // of threads in the block
unsigned current;  // the thread that runs
std::vector<unsigned> runnable;
bool isGreedy;
fiber scheduler;
const char* kernelName;

void letAllRun() {
  std::vector<unsigned> warps((count + 31) / 32);
  std::iota(warps.begin(), warps.end(), 0u);
  shuffle(warps);
  for (unsigned warp : warps) {
    std::vector<unsigned> lanes(std::min(32u, count - warp * 32));
    std::iota(lanes.begin(), lanes.end(), warp * 32);
    shuffle(lanes);
    runnable.insert(runnable.end(), lanes.begin(), lanes.end());
  }
  for (unsigned i : runnable) threads[i].state = Thread::ready;
  isGreedy = pick(2);
}

void giveWay() { scheduler = std::move(scheduler).resume(); }

bool isSamePlace(const Where& a, const Where& b) {
  return a.line() == b.line() && a.column() == b.column() && a.file_name() == b.file_name();
}

// Lets a waiting lane and its partners go on, once all have come to the same operation.
void releaseLanes(unsigned self) {
  const Thread& thread = threads[self];
  const unsigned first = self / 32 * 32, end = std::min(first + 32, count);
  unsigned group = 0, ballot = 0;
  auto isNamed = [&](unsigned lanes, unsigned i) { return (lanes >> (i - first) & 1) != 0; };
  for (unsigned i = first; i < end; i++) {
    const Thread& other = threads[i];
    if (!isNamed(thread.mask, i) || other.state == Thread::exited) continue;
    const bool isSame = other.mask == thread.mask && other.op == thread.op && isSamePlace(other.where, thread.where);
    if (other.state != Thread::inWarp || !isSame) return;
    group |= 1u << (i - first);
    ballot |= other.word << (i - first);
  }
  for (unsigned i = first; i < end; i++) {
    if (!isNamed(group, i)) continue;
    Thread& lane = threads[i];
    // What a lane outside the mask would bring is undefined: NaN.
    lane.result = lane.op == WarpOp::ballot                                ? ballot
                  : first + lane.source < end && isNamed(group, first + lane.source) ? threads[first + lane.source].word
                                                                           : ~0u;
    if (lane.op == WarpOp::sync) lane.warpPhase++;
    lane.state = Thread::ready;
    runnable.push_back(i);
  }
}

std::string describe(unsigned i) {
  const Thread& thread = threads[i];
  const std::string text = "thread " + std::to_string(i);
  if (thread.state == Thread::exited) return text + " has returned";
  const std::string path = thread.where.file_name();
  return text + (thread.state == Thread::atBarrier ? " waits for its block at " : " waits for its warp at ") +
         path.substr(path.rfind('/') + 1) + ":" + std::to_string(thread.where.line()) + " in " +
         thread.where.function_name();
}

void releaseBlock() {
  int any = 0, all = 1, sum = 0;
  for (unsigned i = 0; i < count; i++) {
    const bool isSame = threads[i].state == threads[0].state && isSamePlace(threads[i].where, threads[0].where);
    if (isSame && threads[0].state == Thread::atBarrier) {
      any |= threads[i].predicate != 0;
      all &= threads[i].predicate != 0;
      sum += threads[i].predicate != 0;
      continue;
    }
    fail("a synchronisation that not all threads reach\n  %s, block %u\n  %s\n  %s", kernelName, actor.block,
         describe(0).c_str(), describe(isSame ? 0 : i).c_str());
  }
  for (unsigned i = 0; i < count; i++)
    threads[i].result = std::uint32_t(threads[i].vote == BlockVote::any   ? any
                                      : threads[i].vote == BlockVote::all ? all
                                                                          : sum);
  letAllRun();
  actor.phase++;
}

void runThread(unsigned i) {
  current = i;
  threadIndex = {i % blockShape.x, i / blockShape.x % blockShape.y, i / blockShape.x / blockShape.y};
  actor.thread = std::uint16_t(i);
  actor.warpPhase = threads[i].warpPhase;
  stackLow = stacks + i * stackStride;
  stackHigh = stackLow + stackSize;
  threads[i].context = std::move(threads[i].context).resume();
  if (threads[i].state != Thread::exited) return;
  for (unsigned j = i / 32 * 32; j < std::min(i / 32 * 32 + 32, count); j++)  // who waited only for this thread
    if (threads[j].state == Thread::inWarp) releaseLanes(j);
}

}  // namespace

void runBlock(const std::string& name, dim3 grid, dim3 block, unsigned index, std::size_t dynamicBytes,
              void (*run)(const void*), const void* call) {
  kernelName = name.c_str();
  count = block.x * block.y * block.z;
  blockShape = block;
  gridShape = grid;
  blockIndex = {index % grid.x, index / grid.x % grid.y, index / grid.x / grid.y};
  actor.block = index;
  actor.phase = 0;
  renewShared(dynamicBytes);
  letAllRun();
  for (unsigned i = 0; i < count; i++) {
    boost::context::stack_context stack;
    stack.size = stackSize;
    stack.sp = stacks + i * stackStride + stackSize;
    threads[i].warpPhase = 0;
    threads[i].context = fiber(std::allocator_arg, boost::context::preallocated(stack.sp, stackSize, stack),
                               KeepStack{}, [run, call, i](fiber&& caller) {
                                 scheduler = std::move(caller);
                                 isInKernel = true;
                                 run(call);
                                 isInKernel = false;
                                 threads[i].state = Thread::exited;
                                 return std::move(scheduler);
                               });
  }
  for (;;) {
    while (!runnable.empty()) {
      if (!isGreedy) std::swap(runnable[pick(unsigned(runnable.size()))], runnable.back());
      const unsigned next = runnable.back();
      runnable.pop_back();
      runThread(next);
    }
    if (std::all_of(threads, threads + count, [](const Thread& thread) { return thread.state == Thread::exited; }))
      return;
    releaseBlock();
  }
}

unsigned lane() { return current % 32; }

int block(BlockVote vote, int predicate, Where where) {
  if (!isInKernel) fail("__syncthreads outside a kernel");
  isInKernel = false;  // until the thread goes on
  Thread& thread = threads[current];
  thread.state = Thread::atBarrier;
  thread.where = where, thread.vote = vote, thread.predicate = predicate;
  giveWay();
  const int result = int(thread.result);
  isInKernel = true;
  return result;
}

std::uint32_t warp(WarpOp op, unsigned mask, std::uint32_t word, unsigned source, Where where) {
  if (!isInKernel) fail("an operation of a warp outside a kernel");
  isInKernel = false;
  Thread& thread = threads[current];
  if (!(mask >> lane() & 1))
    fail("a warp's mask leaves out the thread itself\n  %s, block %u, thread %u, mask %#x, at %s:%u", kernelName,
         actor.block, current, mask, where.file_name(), where.line());
  thread.state = Thread::inWarp;
  thread.where = where, thread.op = op, thread.mask = mask, thread.word = word, thread.source = source;
  releaseLanes(current);
  giveWay();
  const std::uint32_t result = thread.result;
  isInKernel = true;
  return result;
}

void touchAtomic(const void* address, std::size_t bytes) {
  instrumented(address, bytes, Access::atomic, __builtin_return_address(0));
}

}  // namespace standin
