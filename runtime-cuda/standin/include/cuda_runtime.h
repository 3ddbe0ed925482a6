// Stands in front of the toolkit's <cuda_runtime.h> where g++ builds CUDA source for CPUs.
//
// All declarations stay the toolkit's own; ../src defines the functions. Added is what nvcc itself knows: the language of
// kernels (standin/device-language.h), and a launch that keeps the types of its arguments.
#pragma once

// A block's threads are fibers of one thread, whose storage is fresh for every block as far as the checks see.
#undef __shared__
#define __shared__ thread_local

#define cudaLaunchKernelEx toolkitLaunchKernelEx
#include_next <cuda_runtime.h>
#undef cudaLaunchKernelEx

#undef __launch_bounds__
#define __launch_bounds__(...)

#include "standin/device-language.h"
