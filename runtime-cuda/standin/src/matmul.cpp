// cublasLtMatmul in plain loops: D = epilogue(scale op(A) op(B) + beta C), sums in float32.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "cublaslt.h"
#include "queue.h"
#include "report.h"
#include "shadow.h"
#include "streams.h"

namespace standin {

namespace {

bool isFp8(int type) { return type == CUDA_R_8F_E4M3 || type == CUDA_R_8F_E5M2; }
bool isInput(int type) { return type == CUDA_R_32F || type == CUDA_R_16BF || type == CUDA_R_16F || isFp8(type); }
bool isOutput(int type) { return type == CUDA_R_32F || type == CUDA_R_16BF || type == CUDA_R_16F; }

// The parts of an epilogue.
struct Parts {
  bool bias = false, gelu = false, relu = false, saves = false, geluGradient = false, biasGradient = false,
       biasGradientA = false, biasGradientB = false, isKnown = true;
};
Parts partsOf(cublasLtEpilogue_t epilogue) {
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT: return {};
    case CUBLASLT_EPILOGUE_BIAS: return {.bias = true};
    case CUBLASLT_EPILOGUE_RELU: return {.relu = true};
    case CUBLASLT_EPILOGUE_RELU_BIAS: return {.bias = true, .relu = true};
    case CUBLASLT_EPILOGUE_GELU: return {.gelu = true};
    case CUBLASLT_EPILOGUE_GELU_BIAS: return {.bias = true, .gelu = true};
    case CUBLASLT_EPILOGUE_GELU_AUX: return {.gelu = true, .saves = true};
    case CUBLASLT_EPILOGUE_GELU_AUX_BIAS: return {.bias = true, .gelu = true, .saves = true};
    case CUBLASLT_EPILOGUE_DGELU: return {.geluGradient = true};
    case CUBLASLT_EPILOGUE_DGELU_BGRAD: return {.geluGradient = true, .biasGradient = true};
    case CUBLASLT_EPILOGUE_BGRADA: return {.biasGradientA = true};
    case CUBLASLT_EPILOGUE_BGRADB: return {.biasGradientB = true};
    default: return {.isKnown = false};
  }
}

// With tanh, as the library has it.
constexpr float geluFactor = 0.7978845608028654f, geluCube = 0.044715f;
float gelu(float x) { return 0.5f * x * (1 + std::tanh(geluFactor * (x + geluCube * x * x * x))); }
float geluGradient(float x) {
  const float t = std::tanh(geluFactor * (x + geluCube * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * geluFactor * (1 + 3 * geluCube * x * x);
}

float tf32(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  return std::bit_cast<float>((bits + 0x0FFFu + (bits >> 13 & 1)) & ~0x1FFFu);
}

void touchMatrix(const void* base, const MatrixLayout& layout, int batch, Access access) {
  const bool byCols = layout.order == CUBLASLT_ORDER_COL;
  const std::uint64_t lines = byCols ? layout.cols : layout.rows, length = byCols ? layout.rows : layout.cols;
  const std::size_t size = sizeOf(layout.type);
  for (std::uint64_t i = 0; i < lines; i++)
    touch(static_cast<const char*>(base) + (byCols ? layout.at(0, i, batch) : layout.at(i, 0, batch)) * std::int64_t(size),
          length * size, access);
}

// op(matrix), row by row.
std::vector<float> gathered(const void* base, const MatrixLayout& layout, bool isTransposed, int batch, bool isTf32) {
  touchMatrix(base, layout, batch, Access::read);
  const std::uint64_t rows = isTransposed ? layout.cols : layout.rows, cols = isTransposed ? layout.rows : layout.cols;
  std::vector<float> values(rows * cols);
  for (std::uint64_t i = 0; i < rows; i++)
    for (std::uint64_t j = 0; j < cols; j++) {
      const float value = loadNumber(base, layout.type, isTransposed ? layout.at(j, i, batch) : layout.at(i, j, batch));
      values[i * cols + j] = isTf32 ? tf32(value) : value;
    }
  return values;
}

float scaleAt(const void* pointer) {
  if (!pointer) return 1;
  touch(pointer, sizeof(float), Access::read);
  return *static_cast<const float*>(pointer);
}

bool isAligned(const void* pointer, std::size_t to) { return reinterpret_cast<std::uintptr_t>(pointer) % to == 0; }

}  // namespace

std::size_t sizeOf(int type) { return type == CUDA_R_32F ? 4 : isFp8(type) ? 1 : 2; }

float loadNumber(const void* base, int type, std::int64_t i) {
  switch (type) {
    case CUDA_R_32F: return static_cast<const float*>(base)[i];
    case CUDA_R_16BF: return __bfloat162float(static_cast<const __nv_bfloat16*>(base)[i]);
    case CUDA_R_16F: return __half2float(static_cast<const __half*>(base)[i]);
    case CUDA_R_8F_E4M3: return float(static_cast<const __nv_fp8_e4m3*>(base)[i]);
    default: return float(static_cast<const __nv_fp8_e5m2*>(base)[i]);
  }
}
void storeNumber(void* base, int type, std::int64_t i, float value) {
  switch (type) {
    case CUDA_R_32F: static_cast<float*>(base)[i] = value; break;
    case CUDA_R_16BF: static_cast<__nv_bfloat16*>(base)[i] = __float2bfloat16(value); break;
    case CUDA_R_16F: static_cast<__half*>(base)[i] = __float2half(value); break;
    case CUDA_R_8F_E4M3: static_cast<__nv_fp8_e4m3*>(base)[i] = __nv_fp8_e4m3(value); break;
    default: static_cast<__nv_fp8_e5m2*>(base)[i] = __nv_fp8_e5m2(value);
  }
}

cublasStatus_t checkMatmul(const MatmulDescription& matmul, const MatrixLayout& a, const MatrixLayout& b,
                           const MatrixLayout& c, const MatrixLayout& d) {
  const bool ta = matmul.transposeA == CUBLAS_OP_T, tb = matmul.transposeB == CUBLAS_OP_T;
  const std::uint64_t m = d.rows, n = d.cols, k = ta ? a.rows : a.cols;
  bool fits = (ta ? a.cols : a.rows) == m && (tb ? b.rows : b.cols) == n && (tb ? b.cols : b.rows) == k &&
              c.rows == m && c.cols == n && a.batches == d.batches && b.batches == d.batches &&
              c.batches == d.batches && m && n && k && d.batches > 0;
  for (const MatrixLayout* l : {&a, &b, &c, &d})
    fits &= std::uint64_t(l->ld) >= (l->order == CUBLASLT_ORDER_COL ? l->rows : l->cols);
  if (d.batches > 1 && d.stride == 0) fits = false;
  if (!fits) return CUBLAS_STATUS_INVALID_VALUE;
  const Parts parts = partsOf(matmul.epilogue);
  const bool isCompute = matmul.compute == CUBLAS_COMPUTE_32F ||
                         (matmul.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a.type == CUDA_R_32F);
  if (!parts.isKnown || !isCompute || !isInput(a.type) || !isOutput(d.type) || c.type != d.type)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (isFp8(a.type)) {
    // Only this form, in whole units of 16 bytes; not twice the type with the wider range.
    const bool areTwoWide = a.type == CUDA_R_8F_E5M2 && b.type == CUDA_R_8F_E5M2;
    if (!isFp8(b.type) || areTwoWide || !ta || tb || a.ld % 16 || b.ld % 16 || d.ld * std::int64_t(sizeOf(d.type)) % 16)
      return CUBLAS_STATUS_NOT_SUPPORTED;
  } else if (a.type != b.type) {
    return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  if (a.type == CUDA_R_32F && d.type != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  const bool hasAux = parts.saves || parts.geluGradient;
  if (hasAux && (matmul.auxLd < std::int64_t(m) || matmul.auxLd % 8)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (hasAux && d.batches > 1 && matmul.auxStride == 0) return CUBLAS_STATUS_NOT_SUPPORTED;
  if ((parts.biasGradientA || parts.biasGradientB || parts.biasGradient) && d.batches > 1)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  return CUBLAS_STATUS_SUCCESS;
}

std::uint64_t problemOf(const MatmulDescription& matmul, const MatrixLayout& a, const MatrixLayout& b,
                        const MatrixLayout& d) {
  std::uint64_t hash = 14695981039346656037u;
  for (std::uint64_t part : {std::uint64_t(matmul.epilogue), std::uint64_t(matmul.transposeA),
                             std::uint64_t(matmul.transposeB), std::uint64_t(a.type), std::uint64_t(b.type),
                             std::uint64_t(d.type), a.rows, a.cols, std::uint64_t(a.ld), b.rows, b.cols,
                             std::uint64_t(b.ld), d.rows, d.cols, std::uint64_t(d.ld), std::uint64_t(d.batches)})
    hash = (hash ^ part) * 1099511628211u;
  return hash;
}

}  // namespace standin

using namespace standin;

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t descriptor, const void* alphaPointer,
                              const void* A, cublasLtMatrixLayout_t aLayout, const void* B,
                              cublasLtMatrixLayout_t bLayout, const void* betaPointer, const void* C,
                              cublasLtMatrixLayout_t cLayout, void* D, cublasLtMatrixLayout_t dLayout,
                              const cublasLtMatmulAlgo_t* algo, void* workspace, size_t workspaceBytes,
                              cudaStream_t stream) {
  Entered entered;
  const MatmulDescription matmul = of(descriptor);
  const MatrixLayout a = of(aLayout), b = of(bLayout), c = of(cLayout), d = of(dLayout);
  const float alpha = *static_cast<const float*>(alphaPointer), beta = *static_cast<const float*>(betaPointer);
  const cublasStatus_t status = checkMatmul(matmul, a, b, c, d);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const Parts parts = partsOf(matmul.epilogue);
  const bool usesBias = parts.bias || parts.biasGradient || parts.biasGradientA || parts.biasGradientB;
  const bool usesAux = parts.saves || parts.geluGradient;
  if ((usesBias && !matmul.bias) || (usesAux && !matmul.aux)) return CUBLAS_STATUS_INVALID_VALUE;
  if (!isAligned(A, sizeOf(a.type)) || !isAligned(B, sizeOf(b.type)) || !isAligned(D, sizeOf(d.type)))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (isFp8(a.type) && (!isAligned(A, 16) || !isAligned(B, 16) || !isAligned(D, 16)))
    return CUBLAS_STATUS_NOT_SUPPORTED;
  Algorithm algorithm{};
  if (algo) {
    memcpy(&algorithm, algo, sizeof algorithm);
    if (algorithm.problem != problemOf(matmul, a, b, d)) return CUBLAS_STATUS_INVALID_VALUE;
    if (algorithm.workspace > workspaceBytes) return CUBLAS_STATUS_INVALID_VALUE;
    const struct { const char* name; const void* pointer; std::uint32_t asked; } operands[] = {
        {"A", A, algorithm.alignA}, {"B", B, algorithm.alignB}, {"C", beta != 0 ? C : nullptr, algorithm.alignC},
        {"D", D, algorithm.alignD}};
    for (const auto& operand : operands)
      if (!isAligned(operand.pointer, operand.asked))
        fail("cublasLtMatmul: %s at %p is no multiple of the %u bytes that its algorithm was asked for", operand.name,
             operand.pointer, operand.asked);
  }
  if (algorithm.workspace && !isAligned(workspace, 256))
    fail("cublasLtMatmul: the workspace at %p is no multiple of 256 bytes", workspace);
  const int biasType = matmul.biasType < 0 ? int(d.type) : matmul.biasType;
  const int auxType = matmul.auxType < 0 ? int(d.type) : matmul.auxType;

  enqueue(stream, "cublasLtMatmul", [=] {
    const bool ta = matmul.transposeA == CUBLAS_OP_T, tb = matmul.transposeB == CUBLAS_OP_T;
    const bool isTf32 = matmul.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
    const std::uint64_t m = d.rows, n = d.cols, k = ta ? a.rows : a.cols;
    if (algorithm.workspace) {
      touch(workspace, algorithm.workspace, Access::write);
      memset(workspace, 0xFF, algorithm.workspace);
    }
    const float scale = alpha * scaleAt(matmul.scaleA) * scaleAt(matmul.scaleB);
    const MatrixLayout aux{cudaDataType(auxType), m, n, matmul.auxLd, CUBLASLT_ORDER_COL, d.batches, matmul.auxStride};
    const auto biasSize = std::int64_t(sizeOf(biasType));
    for (int batch = 0; batch < d.batches; batch++) {
      const auto left = gathered(A, a, ta, batch, isTf32), right = gathered(B, b, tb, batch, isTf32);
      std::vector<float> sums(m * n);
      for (std::uint64_t i = 0; i < m; i++)
        for (std::uint64_t l = 0; l < k; l++) {
          const float factor = left[i * k + l];
          for (std::uint64_t j = 0; j < n; j++) sums[i * n + j] += factor * right[l * n + j];
        }
      if (beta != 0) touchMatrix(C, c, batch, Access::read);
      const auto* bias = static_cast<const char*>(matmul.bias) + batch * matmul.biasStride * biasSize;
      if (parts.bias) touch(bias, m * std::size_t(biasSize), Access::read);
      if (parts.geluGradient) touchMatrix(matmul.aux, aux, batch, Access::read);
      if (parts.saves) touchMatrix(matmul.aux, aux, batch, Access::write);
      std::vector<float> byRow(m), byCol(n);
      for (std::uint64_t i = 0; i < m; i++)
        for (std::uint64_t j = 0; j < n; j++) {
          float value = sums[i * n + j] * scale;
          if (beta != 0) value += beta * loadNumber(C, c.type, c.at(i, j, batch));
          if (parts.bias) value += loadNumber(bias, biasType, std::int64_t(i));
          if (parts.saves) storeNumber(matmul.aux, auxType, aux.at(i, j, batch), value);
          if (parts.gelu) value = gelu(value);
          if (parts.relu) value = value < 0 ? 0 : value;
          if (parts.geluGradient) value *= geluGradient(loadNumber(matmul.aux, auxType, aux.at(i, j, batch)));
          byRow[i] += value;
          sums[i * n + j] = value;
        }
      touchMatrix(D, d, batch, Access::write);
      for (std::uint64_t i = 0; i < m; i++)
        for (std::uint64_t j = 0; j < n; j++) storeNumber(D, d.type, d.at(i, j, batch), sums[i * n + j]);
      if (parts.biasGradientA || parts.biasGradientB) {
        std::fill(byRow.begin(), byRow.end(), 0.0f);
        for (std::uint64_t l = 0; l < k; l++) {
          for (std::uint64_t i = 0; i < m; i++) byRow[i] += left[i * k + l];
          for (std::uint64_t j = 0; j < n; j++) byCol[j] += right[l * n + j];
        }
      }
      const auto& gradient = parts.biasGradientB ? byCol : byRow;
      if (parts.biasGradient || parts.biasGradientA || parts.biasGradientB) {
        touch(matmul.bias, gradient.size() * std::size_t(biasSize), Access::write);
        for (std::size_t i = 0; i < gradient.size(); i++)
          storeNumber(const_cast<void*>(matmul.bias), biasType, std::int64_t(i), gradient[i]);
      }
    }
    return true;
  });
  return CUBLAS_STATUS_SUCCESS;
}
