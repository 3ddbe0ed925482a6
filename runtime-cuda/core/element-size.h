// Bytes of one element.
#pragma once

#include <cstddef>

#include "dream/program.h"

namespace dream {

inline std::size_t elementSize(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::boolean:
      return 1;
  }
  return 0;
}

}  // namespace dream
