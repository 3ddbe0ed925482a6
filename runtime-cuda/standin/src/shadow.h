// Device, shared and pinned memory, and for each byte of it who wrote and who read it last. What counts is the order that
// the program declared, never the order in which things happened to run.
#pragma once

#include <cstddef>
#include <cstdint>

namespace standin {

/** Who touches memory: an operation and, in a kernel, a thread between two synchronisations; or the host. */
struct Actor {
  std::uint32_t op = 0;     // 0: the host
  std::uint32_t block = 0;  // of the host: how many operations it had issued
  std::uint32_t code = 0;   // offset in the program
  std::uint16_t thread = 0;
  std::uint16_t phase = 0;      // barriers the block has passed
  std::uint16_t warpPhase = 0;  // __syncwarps the thread has passed
  enum Kind : std::uint8_t { none, one, atomic, manyInWarp, manyInBlock, manyBlocks } kind = none;
  bool isLife = false;  // no access: here a buffer began to live
};

extern Actor actor;  // who runs now, on the thread that runs operations
/** A kernel's thread runs now, on this thread of the host; and its stack. */
extern thread_local bool isInKernel;
extern char* stackLow;
extern char* stackHigh;

enum class Access { read, write, atomic };

/** For each range that an operation which is no kernel reads or writes. */
void touch(const void* address, std::size_t bytes, Access access);
/** Access of instrumented code; `code` is where. */
void instrumented(const void* address, std::size_t bytes, Access access, const void* code);
[[noreturn]] void reportMisaligned(const void* address, const char* file, unsigned line, std::size_t alignment);

enum class Area { device, pinned };
/** Filled with NaN. Null if the device has too little left. */
void* allocate(Area area, std::size_t bytes);
bool release(Area area, void* start);
bool isDevice(const void* address);
bool isPinned(const void* address);
std::size_t deviceBytesInUse();

/** What was written in these bytes is lost, and they are written by the operation that runs. */
void beginLife(const void* address, std::size_t bytes);

/** Shared memory: fresh for each block. `dynamicBytes` of the dynamic array can be used. */
void renewShared(std::size_t dynamicBytes);
inline constexpr std::size_t maxShared = 227 << 10;

}  // namespace standin
