// The two areas of a rank's memory, as one mapping: planned at build time, touched once, never given back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace dream {

class Memory {
 public:
  /** Zeros. */
  Memory(std::int64_t stateBytes, std::int64_t arenaBytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  std::byte* states() const { return start_; }
  std::byte* arena() const { return start_ + arenaOffset_; }

 private:
  std::byte* start_ = nullptr;
  std::size_t numBytes_ = 0, arenaOffset_ = 0;
};

/** Throws a `Fault` where the machine has less than its `localSize` ranks need together. Before one of them takes any. */
void checkAvailable(std::int64_t neededBytes, int localSize);

/** Most memory that this process has had, and how much it has of files, in bytes (from /proc). */
struct MemoryUse {
  std::int64_t peak = 0, files = 0;
};
MemoryUse measureMemory();

/** `2.31 GB`. */
std::string describeBytes(std::int64_t numBytes);

}  // namespace dream
