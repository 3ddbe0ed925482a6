// oneDNN's primitives for matrix products, made once for each shape, layout and type.
#pragma once

#include <cstddef>

#include "dream/calls.h"

namespace dream {

/** Runs the product by one primitive, in this thread (OpenMP must have one). */
void runPrimitive(const MatmulArgs& args);

}  // namespace dream
