// oneDNN's primitives for matrix products, made once for each shape, layout, type and number of threads.
#pragma once

#include <cstddef>

#include "dream/calls.h"

namespace dream {

/** Runs the product by one primitive, by the threads that OpenMP gives this one. */
void runPrimitive(const MatmulArgs& args);

}  // namespace dream
