// What cuBLASLt's handles hold.
#pragma once

#include <cublasLt.h>

#include <cstdint>

namespace standin {

struct MatrixLayout {
  cudaDataType type;
  std::uint64_t rows, cols;
  std::int64_t ld;
  std::int32_t order = CUBLASLT_ORDER_COL;
  std::int32_t batches = 1;
  std::int64_t stride = 0;

  std::int64_t at(std::uint64_t row, std::uint64_t col, int batch) const {
    return batch * stride + (order == CUBLASLT_ORDER_COL ? std::int64_t(row) + std::int64_t(col) * ld
                                                         : std::int64_t(row) * ld + std::int64_t(col));
  }
};

struct MatmulDescription {
  cublasComputeType_t compute;
  std::int32_t transposeA = CUBLAS_OP_N, transposeB = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
  std::int32_t biasType = -1;
  std::int64_t biasStride = 0;
  void* aux = nullptr;
  std::int64_t auxLd = 0, auxStride = 0;
  std::int32_t auxType = -1;
  const void *scaleA = nullptr, *scaleB = nullptr, *scaleD = nullptr;
  void* amaxD = nullptr;
};

struct Preference {
  std::uint64_t maxWorkspace = 0;
  std::uint32_t alignA = 256, alignB = 256, alignC = 256, alignD = 256;
};

/** What an algorithm of ours holds in the library's opaque struct. */
struct Algorithm {
  std::uint64_t magic, problem, workspace;
  std::uint32_t alignA, alignB, alignC, alignD;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

inline MatrixLayout& of(cublasLtMatrixLayout_t layout) { return *reinterpret_cast<MatrixLayout*>(layout); }
inline MatmulDescription& of(cublasLtMatmulDesc_t matmul) { return *reinterpret_cast<MatmulDescription*>(matmul); }
inline Preference& of(cublasLtMatmulPreference_t preference) { return *reinterpret_cast<Preference*>(preference); }

std::size_t sizeOf(int type);
/** Reads and writes of device memory that are declared elsewhere. */
float loadNumber(const void* base, int type, std::int64_t i);
void storeNumber(void* base, int type, std::int64_t i, float value);

/** Whether the library has an algorithm for this. */
cublasStatus_t checkMatmul(const MatmulDescription& matmul, const MatrixLayout& a, const MatrixLayout& b,
                           const MatrixLayout& c, const MatrixLayout& d);
std::uint64_t problemOf(const MatmulDescription& matmul, const MatrixLayout& a, const MatrixLayout& b,
                        const MatrixLayout& d);

}  // namespace standin
