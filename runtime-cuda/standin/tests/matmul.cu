// cuBLASLt's products: sizes, layouts, epilogues, and what is refused.
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <cmath>

#include "faulty.h"

namespace {

struct Problem {
  int m = 5, n = 7, k = 9, batches = 1;
  bool ta = false, tb = false;
  cudaDataType in = CUDA_R_32F, out = CUDA_R_32F;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
  void* aux = nullptr;
  std::int64_t auxLd = 8;
  float beta = 0;
  const void* scaleA = nullptr;
  std::uint32_t align = 4;
  bool keepsAlgorithm = true;
};

cublasStatus_t run(cudaStream_t s, const Problem& p, const void* a, const void* b, void* d, void* workspace = nullptr,
                   std::size_t workspaceBytes = 0) {
  cublasLtHandle_t handle;
  cublasLtCreate(&handle);
  cublasLtMatmulDesc_t matmul;
  cublasLtMatmulDescCreate(&matmul, CUBLAS_COMPUTE_32F, CUDA_R_32F);
  auto set = [&](cublasLtMatmulDescAttributes_t name, auto value) {
    REQUIRE(cublasLtMatmulDescSetAttribute(matmul, name, &value, sizeof value) == CUBLAS_STATUS_SUCCESS);
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, p.ta ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB, p.tb ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, p.epilogue);
  if (p.bias) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, p.bias);
  if (p.aux) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, p.aux);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, p.auxLd);
  }
  if (p.scaleA) set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, p.scaleA);
  auto layout = [&](cudaDataType type, int rows, int cols) {
    cublasLtMatrixLayout_t made;
    cublasLtMatrixLayoutCreate(&made, type, std::uint64_t(rows), std::uint64_t(cols), rows);
    const std::int32_t batches = p.batches;
    const std::int64_t stride = rows * cols;
    cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batches, sizeof batches);
    cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride);
    return made;
  };
  auto la = layout(p.in, p.ta ? p.k : p.m, p.ta ? p.m : p.k), lb = layout(p.in, p.tb ? p.n : p.k, p.tb ? p.k : p.n),
       ld = layout(p.out, p.m, p.n);
  cublasLtMatmulPreference_t preference;
  cublasLtMatmulPreferenceCreate(&preference);
  const std::uint64_t most = workspaceBytes;
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most);
  for (auto name : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                    CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    cublasLtMatmulPreferenceSetAttribute(preference, name, &p.align, sizeof p.align);
  cublasLtMatmulHeuristicResult_t result;
  int found;
  const auto status =
      cublasLtMatmulAlgoGetHeuristic(handle, matmul, la, lb, ld, ld, preference, 1, &result, &found);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const float one = 1;
  return cublasLtMatmul(handle, matmul, &one, a, la, b, lb, &p.beta, d, ld, d, ld,
                        p.keepsAlgorithm ? &result.algo : nullptr, workspace, workspaceBytes, s);
}

template <class T>
std::vector<T> numbers(int count, int seed) {
  std::vector<T> values;
  for (int i = 0; i < count; i++) values.push_back(T(float((i * 7 + seed * 13) % 17 - 8) / 4));
  return values;
}

// The product in double, of all batches, by columns.
template <class T>
std::vector<double> product(const Problem& p, const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<double> d;
  for (int batch = 0; batch < p.batches; batch++)
    for (int j = 0; j < p.n; j++)
      for (int i = 0; i < p.m; i++) {
        double sum = 0;
        for (int l = 0; l < p.k; l++)
          sum += double(float(a[batch * p.m * p.k + (p.ta ? l + i * p.k : i + l * p.m)])) *
                 double(float(b[batch * p.n * p.k + (p.tb ? j + l * p.n : l + j * p.k)]));
        d.push_back(sum);
      }
  return d;
}

template <class T, class U>
bool isNear(const std::vector<T>& got, const std::vector<U>& expected, double tolerance) {
  for (std::size_t i = 0; i < expected.size(); i++)
    if (!(std::abs(double(float(got[i])) - double(expected[i])) <= tolerance)) return false;
  return got.size() >= expected.size();
}

double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

}  // namespace

TEST_SUITE("standin-matmul") {
  TEST_CASE("every transposition, of one and of several, in float32 and bf16") {
    cudaStream_t s = newStream();
    for (int form = 0; form < 8; form++) {
      Problem p{.batches = form & 4 ? 3 : 1, .ta = (form & 1) != 0, .tb = (form & 2) != 0};
      auto a = numbers<float>(3 * 45, 1), b = numbers<float>(3 * 63, 2);
      float* d = onDevice<float>(3 * 35);
      CHECK(run(s, p, onDevice(s, a), onDevice(s, b), d) == CUBLAS_STATUS_SUCCESS);
      const auto expected = product(p, a, b);
      CHECK(isNear(onHost(s, d, expected.size()), expected, 1e-5));
      p.in = CUDA_R_16BF, p.out = form & 1 ? CUDA_R_16BF : CUDA_R_32F, p.align = 2;
      auto a16 = numbers<__nv_bfloat16>(3 * 45, 1), b16 = numbers<__nv_bfloat16>(3 * 63, 2);
      if (form & 1) {
        auto* d16 = onDevice<__nv_bfloat16>(3 * 35);
        CHECK(run(s, p, onDevice(s, a16), onDevice(s, b16), d16) == CUBLAS_STATUS_SUCCESS);
        CHECK(isNear(onHost(s, d16, expected.size()), expected, 0.25));
      } else {
        CHECK(run(s, p, onDevice(s, a16), onDevice(s, b16), d) == CUBLAS_STATUS_SUCCESS);
        CHECK(isNear(onHost(s, d, expected.size()), expected, 1e-5));
      }
    }
  }

  TEST_CASE("epilogues") {
    cudaStream_t s = newStream();
    Problem p;
    auto a = numbers<float>(45, 1), b = numbers<float>(63, 2), bias = numbers<float>(7, 3);
    float *d = onDevice<float>(35), *aux = onDevice<float>(56);
    const float *deviceA = onDevice(s, a), *deviceB = onDevice(s, b), *deviceBias = onDevice(s, bias);
    const auto plain = product(p, a, b);
    p.epilogue = CUBLASLT_EPILOGUE_GELU_AUX_BIAS, p.bias = deviceBias, p.aux = aux;
    CHECK(run(s, p, deviceA, deviceB, d) == CUBLAS_STATUS_SUCCESS);
    std::vector<double> expected, before;
    for (int i = 0; i < 35; i++) {
      before.push_back(plain[i] + bias[i % 5]);
      expected.push_back(gelu(before[i]));
    }
    CHECK(isNear(onHost(s, d, 35), expected, 1e-5));
    cudaMemsetAsync(aux, 0, 56 * 4, s);  // rows up to the leading dimension
    CHECK(run(s, p, deviceA, deviceB, d) == CUBLAS_STATUS_SUCCESS);
    const auto saved = onHost(s, aux, 56);
    for (int i = 0; i < 35; i++) CHECK(std::abs(saved[i / 5 * 8 + i % 5] - before[i]) <= 1e-5);
    p.epilogue = CUBLASLT_EPILOGUE_DGELU_BGRAD;
    float* gradient = onDevice<float>(5);
    p.bias = gradient;
    CHECK(run(s, p, deviceA, deviceB, d) == CUBLAS_STATUS_SUCCESS);
    std::vector<double> sums(5);
    for (int i = 0; i < 35; i++) {
      expected[i] = plain[i] * (gelu(before[i] + 1e-4) - gelu(before[i] - 1e-4)) / 2e-4;
      sums[i % 5] += expected[i];
    }
    CHECK(isNear(onHost(s, d, 35), expected, 1e-4));
    CHECK(isNear(onHost(s, gradient, 5), sums, 1e-3));
    p.epilogue = CUBLASLT_EPILOGUE_BGRADB;
    float* byCol = onDevice<float>(7);
    p.bias = byCol;
    CHECK(run(s, p, deviceA, deviceB, d) == CUBLAS_STATUS_SUCCESS);
    std::vector<double> cols(7);
    for (int i = 0; i < 63; i++) cols[i / 9] += b[i];
    CHECK(isNear(onHost(s, byCol, 7), cols, 1e-5));
  }

  TEST_CASE("fp8 has one form and scales") {
    cudaStream_t s = newStream();
    Problem p{.m = 16, .n = 16, .k = 32, .ta = true, .in = CUDA_R_8F_E4M3, .out = CUDA_R_16BF, .align = 16};
    auto a = numbers<__nv_fp8_e4m3>(512, 1), b = numbers<__nv_fp8_e4m3>(512, 2);
    auto* d = onDevice<__nv_bfloat16>(256);
    p.scaleA = onDevice(s, std::vector<float>{0.5f});
    CHECK(run(s, p, onDevice(s, a), onDevice(s, b), d) == CUBLAS_STATUS_SUCCESS);
    auto expected = product(p, a, b);
    for (auto& value : expected) value *= 0.5;
    CHECK(isNear(onHost(s, d, 256), expected, 0.25));
    p.ta = false;
    CHECK(run(s, p, onDevice(s, a), onDevice(s, b), d) == CUBLAS_STATUS_NOT_SUPPORTED);
  }

  TEST_CASE("faults") {
    auto fault = [](Problem p, int missing, bool hasWorkspace = false) {
      return reportOf([=] {
        cudaStream_t s = newStream(), other = newStream();
        float* b = onDevice<float>(63 - std::size_t(missing));
        cudaMemsetAsync(b, 0, (63 - std::size_t(missing)) * 4, s);
        const float* a = onDevice(s, numbers<float>(46, 1));
        float* workspace = hasWorkspace ? onDevice<float>(1 << 14) : nullptr;
        float* d = onDevice<float>(36);
        for (int i = 0; i < 4; i++) {
          run(s, p, a + (p.align == 4 ? 0 : 1), b, d, workspace, hasWorkspace ? 1 << 16 : 0);
          if (hasWorkspace) run(other, p, a, a, onDevice<float>(36), workspace, 1 << 16);
        }
        cudaDeviceSynchronize();
      });
    };
    CHECK(fault({}, 0) == "");
    CHECK(has(fault({}, 1), "access outside device memory\n  cublasLtMatmul, reads"));
    CHECK(has(fault({.beta = 1}, 0), "read of memory never written"));
    CHECK(has(fault({.align = 16}, 0), "is no multiple of the 16 bytes"));
    CHECK(has(fault({.k = 7}, 0, true), "race"));
  }
}
