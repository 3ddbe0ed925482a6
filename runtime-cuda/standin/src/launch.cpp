// Launches: the blocks of a kernel, one after another in random order.
#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include <cuda_runtime.h>

#include "block.h"
#include "report.h"
#include "shadow.h"
#include "streams.h"

using namespace standin;

namespace {

constexpr std::size_t usualShared = 48 << 10;
std::map<const void*, std::size_t> allowedShared;  // by kernel, where it is more

bool isToFail(const std::string& name) {
  const char* fault = getenv("STANDIN_FAULT");
  return fault && *fault && name.find(fault) != std::string::npos;
}

}  // namespace

cudaError_t standin::enqueueKernel(const cudaLaunchConfig_t& launch, const void* kernel,
                                   std::shared_ptr<const void> call, void (*run)(const void*)) {
  Entered entered;
  const dim3 grid = launch.gridDim, block = launch.blockDim;
  const std::size_t numThreads = std::size_t{block.x} * block.y * block.z;
  const std::size_t numBlocks = std::size_t{grid.x} * grid.y * grid.z;
  const auto allowed = allowedShared.find(kernel);
  if (!numThreads || numThreads > maxThreads || block.z > 64 || !numBlocks || grid.y > 65535 || grid.z > 65535)
    return failed(cudaErrorInvalidConfiguration);
  if (launch.dynamicSmemBytes > (allowed == allowedShared.end() ? usualShared : allowed->second))
    return failed(cudaErrorInvalidValue);
  if (deviceError() != cudaSuccess) return failed(deviceError());
  const std::string name = symbolOf(kernel);
  enqueue(launch.stream, name, [=, dynamicBytes = launch.dynamicSmemBytes] {
    if (isToFail(name)) setDeviceError(cudaErrorIllegalAddress);
    if (deviceError() != cudaSuccess) return true;  // nothing runs behind a fault
    std::vector<unsigned> order(numBlocks);
    std::iota(order.begin(), order.end(), 0u);
    shuffle(order);
    for (unsigned index : order) runBlock(name, grid, block, index, dynamicBytes, run, call.get());
    return true;
  });
  return cudaSuccess;
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void* kernel, void**) {
  fail("%s launched without the types of its arguments\n  the stand-in has cudaLaunchKernelEx(config, kernel, args...)",
       symbolOf(kernel).c_str());
}
cudaError_t cudaLaunchKernel(const void* kernel, dim3, dim3, void**, size_t, cudaStream_t) {
  return cudaLaunchKernelExC(nullptr, kernel, nullptr);
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  Entered entered;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || std::size_t(value) > maxShared) return failed(cudaErrorInvalidValue);
  allowedShared[kernel] = std::max(usualShared, std::size_t(value));
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  Entered entered;
  *attributes = {};
  const auto allowed = allowedShared.find(kernel);
  attributes->maxThreadsPerBlock = int(maxThreads);
  attributes->numRegs = 32;
  attributes->maxDynamicSharedSizeBytes = int(allowed == allowedShared.end() ? usualShared : allowed->second);
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int numThreads, size_t dynamicBytes) {
  const std::size_t byThreads = 2048 / std::size_t(std::max(numThreads, 1));
  const std::size_t byShared = (228 << 10) / (dynamicBytes + 1024);
  *blocks = int(std::min({std::size_t{32}, byThreads, byShared}));
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* kernel, int numThreads,
                                                                   size_t dynamicBytes, unsigned) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(blocks, kernel, numThreads, dynamicBytes);
}
