// One mapping on huge pages, touched by the threads that will use it; memory figures from /proc.
#include "core/memory.h"

#include <sys/mman.h>

#include <cstdio>
#include <fstream>
#include <limits>

#include "core/fault.h"
#include "dream/kernel.h"

namespace dream {

namespace {

constexpr std::size_t hugePage = std::size_t{2} << 20;
std::size_t roundUp(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

/** The number of kB behind a name in a file of /proc; -1 if it is not there. */
std::int64_t kilobytes(const char* file, const std::string& name) {
  std::ifstream lines(file);
  for (std::string word; lines >> word;) {
    std::int64_t value = -1;
    if (word == name && lines >> value) return value * 1024;
  }
  return -1;
}

std::int64_t availableBytes() {
  const std::int64_t machine = kilobytes("/proc/meminfo", "MemAvailable:");
  std::int64_t limit = -1, used = 0;
  std::ifstream("/sys/fs/cgroup/memory.max") >> limit;
  std::ifstream("/sys/fs/cgroup/memory.current") >> used;
  const std::int64_t group = limit > 0 ? limit - used : -1;
  if (machine < 0 || group < 0) return machine < 0 ? group : machine;
  return machine < group ? machine : group;
}

}  // namespace

void checkAvailable(std::int64_t neededBytes, int localSize) {
  const std::int64_t available = availableBytes();
  if (available < 0 || neededBytes <= available) return;
  const std::string ranks =
      localSize == 1 ? "this run needs " : std::to_string(localSize) + " ranks on this machine need ";
  throw Fault(ranks + describeBytes(neededBytes) + " of memory and " + describeBytes(available) + " are available",
              "--plan says what takes it; a smaller batch or more machines need less");
}

Memory::Memory(std::int64_t stateBytes, std::int64_t arenaBytes) {
  arenaOffset_ = roundUp(static_cast<std::size_t>(stateBytes), hugePage);
  numBytes_ = arenaOffset_ + roundUp(static_cast<std::size_t>(arenaBytes), hugePage);
  if (numBytes_ == 0) numBytes_ = hugePage;
  // One huge page more, so that the start can be at the border of one.
  void* mapping =
      mmap(nullptr, numBytes_ + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw Fault("the system gives no " + describeBytes(static_cast<std::int64_t>(numBytes_)) + " of memory");
  const auto address = reinterpret_cast<std::uintptr_t>(mapping);
  const std::size_t before = roundUp(address, hugePage) - address;
  start_ = static_cast<std::byte*>(mapping) + before;
  if (before > 0) munmap(mapping, before);
  if (before < hugePage) munmap(start_ + numBytes_, hugePage - before);
  madvise(start_, numBytes_, MADV_HUGEPAGE);
  // First touch is slow and decides on which node a page lies: the threads do it together, once. Only what is planned.
  const auto touch = [](std::byte* first, std::int64_t count) {
    parallelFor((count + 4095) / 4096, 512, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t page = begin; page < end; page++)
        *reinterpret_cast<volatile std::byte*>(first + page * 4096) = std::byte{0};
    });
  };
  touch(states(), stateBytes);
  touch(arena(), arenaBytes);
}

Memory::~Memory() { munmap(start_, numBytes_); }

MemoryUse measureMemory() {
  return {kilobytes("/proc/self/status", "VmHWM:"), kilobytes("/proc/self/status", "RssFile:")};
}

std::string describeBytes(std::int64_t numBytes) {
  const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(numBytes);
  int unit = 0;
  for (; value >= 1000.0 && unit < 4; unit++) value /= 1000.0;
  char text[32];
  std::snprintf(text, sizeof text,
                unit == 0       ? "%.0f %s"
                : value < 10.0  ? "%.2f %s"
                : value < 100.0 ? "%.1f %s"
                                : "%.0f %s",
                value, units[unit]);
  return text;
}

}  // namespace dream
