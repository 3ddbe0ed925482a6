// What a program says of its launches where somebody listens: the library under runtime-cuda/standin, which runs CUDA's
// source on CPUs and checks it. On a GPU these functions are null. All are called in the order of launches, also inside
// a capture.
#pragma once

#include <driver_types.h>

#include <cstddef>

extern "C" {

/** What launches and calls of libraries are for, from here to the next call: an op and its line in the source, or nulls. */
[[gnu::weak]] void standinSite(const char* op, const char* source);

/** A buffer begins to live in these bytes: what was in them means nothing, and everything before must be done with them. */
[[gnu::weak]] void standinLifeBegins(cudaStream_t stream, const void* start, std::size_t bytes);

struct StandinMemory {
  const void* start;
  std::size_t bytes;
  bool isWritten;
  const char* name;
};
/**
 * All that launches and calls of libraries read and write in device memory, from here to the next call, as the compiler
 * believes. None: nothing is known.
 */
[[gnu::weak]] void standinBelieve(const StandinMemory* memory, std::size_t count);
}
