// The threads of one block, as fibers.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace standin {

inline constexpr unsigned maxThreads = 1024;

/** `run(call)` once for each thread of block `index`. */
void runBlock(const std::string& name, dim3 grid, dim3 block, unsigned index, std::size_t dynamicBytes,
              void (*run)(const void*), const void* call);

}  // namespace standin
