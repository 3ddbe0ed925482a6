// The calls that g++ -fsanitize=thread and -fsanitize=alignment,bounds put into code: the stand-in takes the place of the
// sanitizers' libraries. Atomic operations of the host do what they say.
#include <cstddef>
#include <cstdint>
#include <utility>

#include "queue.h"
#include "report.h"
#include "shadow.h"

using standin::Access;
using standin::instrumented;

#define HERE __builtin_return_address(0)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}

#define ACCESS(bytes)                                                                           \
  void __tsan_read##bytes(void* p) { instrumented(p, bytes, Access::read, HERE); }              \
  void __tsan_write##bytes(void* p) { instrumented(p, bytes, Access::write, HERE); }            \
  void __tsan_volatile_read##bytes(void* p) { instrumented(p, bytes, Access::read, HERE); }     \
  void __tsan_volatile_write##bytes(void* p) { instrumented(p, bytes, Access::write, HERE); }
ACCESS(1) ACCESS(2) ACCESS(4) ACCESS(8) ACCESS(16)
#undef ACCESS
#define UNALIGNED(bytes)                                                                        \
  void __tsan_unaligned_read##bytes(void* p) { instrumented(p, bytes, Access::read, HERE); }    \
  void __tsan_unaligned_write##bytes(void* p) { instrumented(p, bytes, Access::write, HERE); }
UNALIGNED(2) UNALIGNED(4) UNALIGNED(8) UNALIGNED(16)
#undef UNALIGNED

void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* p, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) instrumented(static_cast<char*>(p) + i, 1, Access::read, HERE);
}
void __tsan_write_range(void* p, std::size_t n) {
  for (std::size_t i = 0; i < n; i++) instrumented(static_cast<char*>(p) + i, 1, Access::write, HERE);
}

#define ATOMIC(bits, T)                                                                                              \
  T __tsan_atomic##bits##_load(const volatile T* p, int) { return __atomic_load_n(p, __ATOMIC_SEQ_CST); }            \
  void __tsan_atomic##bits##_store(volatile T* p, T v, int) { __atomic_store_n(p, v, __ATOMIC_SEQ_CST); }            \
  T __tsan_atomic##bits##_exchange(volatile T* p, T v, int) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }  \
  T __tsan_atomic##bits##_fetch_add(volatile T* p, T v, int) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }  \
  T __tsan_atomic##bits##_fetch_sub(volatile T* p, T v, int) { return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST); }  \
  T __tsan_atomic##bits##_fetch_and(volatile T* p, T v, int) { return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST); }  \
  T __tsan_atomic##bits##_fetch_or(volatile T* p, T v, int) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }    \
  T __tsan_atomic##bits##_fetch_xor(volatile T* p, T v, int) { return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST); }  \
  T __tsan_atomic##bits##_fetch_nand(volatile T* p, T v, int) { return __atomic_fetch_nand(p, v, __ATOMIC_SEQ_CST); }\
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* p, T* e, T v, int, int) {                            \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                          \
  }                                                                                                                  \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile T* p, T* e, T v, int, int) {                              \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                          \
  }                                                                                                                  \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* p, T e, T v, int, int) {                                  \
    __atomic_compare_exchange_n(p, &e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                \
    return e;                                                                                                        \
  }
ATOMIC(8, char) ATOMIC(16, short) ATOMIC(32, int) ATOMIC(64, long)
#undef ATOMIC
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

struct SourcePlace {
  const char* file;
  std::uint32_t line, column;
};
struct Misaligned {
  SourcePlace place;
  void* type;
  unsigned char logAlignment, kind;
};
void __ubsan_handle_type_mismatch_v1(Misaligned* data, void* address) {
  // g++ writes a place once and marks it reported by the column; the place of an address outside what is checked stays.
  if (!standin::isInKernel && !standin::isDevice(address)) return;
  standin::reportMisaligned(address, data->place.file, data->place.line, std::size_t{1} << data->logAlignment);
}
struct OutOfBounds {
  SourcePlace place;
  void *arrayType, *indexType;
};
void __ubsan_handle_out_of_bounds(OutOfBounds* data, void* index) {
  const char* who = std::exchange(standin::isInKernel, false) ? standin::nameOf(standin::actor.op).c_str() : "the host";
  standin::fail("index outside an array: index %td\n  %s, block %u, thread %u, at %s:%u",
                reinterpret_cast<std::intptr_t>(index), who, standin::actor.block, standin::actor.thread,
                data->place.file, data->place.line);
}
}
