// The language of kernels for g++: where a thread is, synchronisation, warps, atomics, arithmetic that has no name in C++.
#pragma once

#include <device_launch_parameters.h>  // threadIdx, blockIdx, blockDim, gridDim
#include <math.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <source_location>
#include <type_traits>
#include <utility>

namespace standin {

using Where = std::source_location;

enum class WarpOp { sync, shuffle, ballot };

/** Waits for the other lanes of `mask`; returns the word that lane `source` brought, or the ballot. */
std::uint32_t warp(WarpOp op, unsigned mask, std::uint32_t word, unsigned source, Where where);
unsigned lane();
enum class BlockVote { none, any, all, count };
int block(BlockVote vote, int predicate, Where where);
/** Reports the access of an atomic operation. */
void touchAtomic(const void* address, std::size_t bytes);

/** `run(call)` is what each thread does. */
cudaError_t enqueueKernel(const cudaLaunchConfig_t& config, const void* kernel, std::shared_ptr<const void> call,
                          void (*run)(const void*));

/** The word, or words, of a value that lanes exchange. */
template <class T>
T shuffle(unsigned mask, T value, unsigned source, Where where) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
  std::uint32_t words[2] = {};
  __builtin_memcpy(words, &value, sizeof(T));
  words[0] = warp(WarpOp::shuffle, mask, words[0], source, where);
  if constexpr (sizeof(T) > 4) words[1] = warp(WarpOp::shuffle, mask, words[1], source, where);
  __builtin_memcpy(&value, words, sizeof(T));
  return value;
}

template <class T, class F>
T atomic(T* address, F change) __attribute__((no_sanitize_thread));
template <class T, class F>
T atomic(T* address, F change) {
  touchAtomic(address, sizeof(T));
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace standin

template <class... Params, class... Args>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Params...), Args&&... args) {
  // The arguments lie in host memory; reading them is no access of the kernel's.
  auto call = [kernel, ... kept = Params(std::forward<Args>(args))]() __attribute__((no_sanitize_thread)) {
    kernel(kept...);
  };
  using Call = decltype(call);
  return standin::enqueueKernel(*config, reinterpret_cast<const void*>(kernel),
                                std::make_shared<Call>(std::move(call)),
                                [](const void* kept) __attribute__((no_sanitize_thread)) {
                                  (*static_cast<const Call*>(kept))();
                                });
}

// What nvcc's own part of the toolkit's header has for kernels by their types.
template <class... Params>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Params...), cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class... Params>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, void (*kernel)(Params...)) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class... Params>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void (*kernel)(Params...), int numThreads,
                                                          std::size_t dynamicBytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, reinterpret_cast<const void*>(kernel), numThreads,
                                                       dynamicBytes);
}

// -- Synchronisation ----------------------------------------------------------------------------------------------------

inline void __syncthreads(standin::Where where = standin::Where::current()) {
  standin::block(standin::BlockVote::none, 0, where);
}
inline int __syncthreads_or(int predicate, standin::Where where = standin::Where::current()) {
  return standin::block(standin::BlockVote::any, predicate, where);
}
inline int __syncthreads_and(int predicate, standin::Where where = standin::Where::current()) {
  return standin::block(standin::BlockVote::all, predicate, where);
}
inline int __syncthreads_count(int predicate, standin::Where where = standin::Where::current()) {
  return standin::block(standin::BlockVote::count, predicate, where);
}
inline void __syncwarp(unsigned mask = ~0u, standin::Where where = standin::Where::current()) {
  standin::warp(standin::WarpOp::sync, mask, 0, 0, where);
}
/** Order within a thread alone: one thread hands results to another only across a barrier. */
inline void __threadfence() {}
inline void __threadfence_block() {}

// -- Warps --------------------------------------------------------------------------------------------------------------

inline unsigned __ballot_sync(unsigned mask, int predicate, standin::Where where = standin::Where::current()) {
  return standin::warp(standin::WarpOp::ballot, mask, predicate != 0, 0, where);
}
inline int __any_sync(unsigned mask, int predicate, standin::Where where = standin::Where::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate, standin::Where where = standin::Where::current()) {
  return __ballot_sync(mask, !predicate, where) == 0;
}

// Shuffles work on segments of `width` lanes. A source outside the segment means the lane's own value.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, standin::Where where = standin::Where::current()) {
  const unsigned first = standin::lane() / unsigned(width) * unsigned(width);
  return standin::shuffle(mask, value, first + unsigned(source) % unsigned(width), where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flip, int width = 32, standin::Where where = standin::Where::current()) {
  const unsigned self = standin::lane(), end = (self / unsigned(width) + 1) * unsigned(width);
  const unsigned source = self ^ unsigned(flip);
  return standin::shuffle(mask, value, source < end ? source : self, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32,
                   standin::Where where = standin::Where::current()) {
  const unsigned self = standin::lane(), end = (self / unsigned(width) + 1) * unsigned(width), source = self + by;
  return standin::shuffle(mask, value, source < end ? source : self, where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32, standin::Where where = standin::Where::current()) {
  const unsigned self = standin::lane(), first = self / unsigned(width) * unsigned(width);
  return standin::shuffle(mask, value, self >= first + by ? self - by : self, where);
}

// -- Memory -------------------------------------------------------------------------------------------------------------

template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
void __stcs(T* address, T value) {
  *address = value;
}

template <class T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return standin::atomic(address, [=](T old) { return T(old + value); });
}
template <class T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return standin::atomic(address, [=](T old) { return old > value ? old : value; });
}
template <class T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return standin::atomic(address, [=](T old) { return old < value ? old : value; });
}
template <class T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return standin::atomic(address, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return standin::atomic(address, [=](T old) { return old == expected ? value : old; });
}

// -- Arithmetic ---------------------------------------------------------------------------------------------------------

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __float2int_rn(float x) { return int(nearbyintf(x)); }
inline int __float2int_rz(float x) { return int(x); }
inline float __int2float_rn(int x) { return float(x); }
inline unsigned __umulhi(unsigned x, unsigned y) { return unsigned(std::uint64_t{x} * y >> 32); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(unsigned(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
using std::max;
using std::min;
