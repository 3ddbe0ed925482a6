#include "nccl-reduce.h"

#include <cuda_bf16.h>

#include <cstdint>

#include "report.h"

namespace standin {

namespace {

template <class T>
struct Wide {
  using type = T;
};
template <>
struct Wide<__nv_bfloat16> {
  using type = float;
};

template <class T>
void reduceAs(void* to, const char* came, std::size_t stride, int ranks, std::size_t count, ncclRedOp_t op) {
  using W = typename Wide<T>::type;
  for (std::size_t i = 0; i < count; i++) {
    T total = reinterpret_cast<const T*>(came)[i];
    for (int r = 1; r < ranks; r++) {
      const W a = W(total), b = W(reinterpret_cast<const T*>(came + std::size_t(r) * stride)[i]);
      if (op == ncclSum) total = T(a + b);
      else if (op == ncclMax) total = T(a < b || b != b ? b : a);
      else total = T(b < a || b != b ? b : a);
    }
    static_cast<T*>(to)[i] = total;
  }
}

}  // namespace

std::size_t sizeOfNccl(ncclDataType_t type) {
  switch (type) {
    case ncclInt8: case ncclUint8: return 1;
    case ncclFloat16: case ncclBfloat16: return 2;
    case ncclInt32: case ncclUint32: case ncclFloat32: return 4;
    case ncclInt64: case ncclUint64: case ncclFloat64: return 8;
    default: fail("NCCL data type %d", int(type));
  }
}

bool canReduce(ncclDataType_t type, ncclRedOp_t op) {
  const bool isOp = op == ncclSum || op == ncclMax || op == ncclMin;
  return isOp && (type == ncclFloat32 || type == ncclBfloat16 || type == ncclInt32 || type == ncclInt64 ||
                  type == ncclFloat64);
}

void reduceInto(void* to, const char* came, std::size_t stride, int ranks, std::size_t count, ncclDataType_t type,
                ncclRedOp_t op) {
  switch (type) {
    case ncclFloat32: return reduceAs<float>(to, came, stride, ranks, count, op);
    case ncclBfloat16: return reduceAs<__nv_bfloat16>(to, came, stride, ranks, count, op);
    case ncclInt32: return reduceAs<std::int32_t>(to, came, stride, ranks, count, op);
    case ncclInt64: return reduceAs<std::int64_t>(to, came, stride, ranks, count, op);
    default: return reduceAs<double>(to, came, stride, ranks, count, op);
  }
}

}  // namespace standin
