// Kernels: the language, and every fault that a kernel alone can have.
#include <cuda_bf16.h>

#include "faulty.h"

extern __shared__ float simt_dynamic[];

__device__ float warpSum(float v) {
  for (int by = 16; by > 0; by /= 2) v += __shfl_xor_sync(~0u, v, by);
  return v;
}
template <int Warps>
__device__ float blockSum(float v) {
  __shared__ float parts[Warps];
  v = warpSum(v);
  __syncthreads();
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = v;
  __syncthreads();
  float sum = 0;
  for (float part : parts) sum += part;
  return sum;
}

// y = (x - its mean over the row) in bf16, a block of 96 for each row
__global__ void centre(const float* x, __nv_bfloat16* y, int width) {
  float sum = 0;
  for (int i = int(threadIdx.x); i < width; i += 96) sum += x[blockIdx.x * width + i];
  const float mean = blockSum<3>(sum) / width;
  for (int i = int(threadIdx.x); i < width; i += 96)
    y[blockIdx.x * width + i] = __float2bfloat16(x[blockIdx.x * width + i] - mean);
}
__global__ void reversed(const float* x, float* y) {
  simt_dynamic[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  y[threadIdx.x] = simt_dynamic[blockDim.x - 1 - threadIdx.x];
}
__global__ void packed(const float* x, float* y) {
  float4 v = *reinterpret_cast<const float4*>(x + threadIdx.x * 4);
  v.x += v.w;
  *reinterpret_cast<float4*>(y + threadIdx.x * 4) = v;
}
__global__ void warps(unsigned* out) {
  const unsigned lane = threadIdx.x;
  out[lane] = __ballot_sync(~0u, lane % 3 == 0);
  out[32 + lane] = __shfl_down_sync(~0u, lane, 4, 16);
  out[64 + lane] = __shfl_up_sync(~0u, lane, 1);
  out[96 + lane] = unsigned(__shfl_sync(~0u, double(lane), 5));
  out[128 + lane] = unsigned(__syncthreads_count(lane < 7));
}

TEST_SUITE("standin-kernels") {
  TEST_CASE("kernels compute, for many orders") {
    for (int seed = 1; seed <= 5; seed++)
      CHECK(reportOf([] {
              cudaStream_t s = newStream();
              std::vector<float> x(2 * 130);
              for (int i = 0; i < 260; i++) x[i] = float(i % 7);
              auto* y = onDevice<__nv_bfloat16>(260);
              launch(centre, 2, 96, 0, s, onDevice(s, x), y, 130);
              auto values = onHost(s, y, 260);
              cudaStreamSynchronize(s);
              for (int row = 0; row < 2; row++) {
                float sum = 0;
                for (int i = 0; i < 130; i++) sum += x[row * 130 + i];
                for (int i = 0; i < 130; i++)
                  if (float(values[row * 130 + i]) != float(__float2bfloat16(x[row * 130 + i] - sum / 130))) _Exit(3);
              }
              float* z = onDevice<float>(64);
              launch(reversed, 1, 64, 256, s, onDevice(s, x), z);
              auto back = onHost(s, z, 64);
              for (int i = 0; i < 64; i++)
                if (back[i] != x[63 - i]) _Exit(4);
              auto* out = onDevice<unsigned>(160);
              launch(warps, 1, 32, 0, s, out);
              auto w = onHost(s, out, 160);
              for (unsigned i = 0; i < 32; i++)
                if (w[i] != 0x49249249u || w[32 + i] != (i % 16 < 12 ? i + 4 : i) || w[64 + i] != (i ? i - 1 : 0) ||
                    w[96 + i] != 5 || w[128 + i] != 7)
                  _Exit(5);
            }, seed) == "");
  }

  TEST_CASE("vector accesses are of aligned addresses") {
    auto run = [](int from, int to) {
      return reportOf([=] {
        cudaStream_t s = newStream();
        launch(packed, 1, 4, 0, s, onDevice(s, std::vector<float>(20)) + from, onDevice<float>(20) + to);
        cudaStreamSynchronize(s);
      });
    };
    CHECK(run(0, 4) == "");
    CHECK(has(run(1, 0), "misaligned access"));
    CHECK(has(run(0, 2), "kernels.cu:"));
    CHECK(has(run(8, 0), "access outside device memory"));
  }
}

// One fault each: what the report says, and that it names the place and the other access.
__global__ void pastTheEnd(float* x, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i <= n) x[i] = 1;
}
__global__ void neverWritten(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
__global__ void noBarrier(float* y) {
  __shared__ float v[64];
  v[threadIdx.x] = float(threadIdx.x);
  y[threadIdx.x] = v[63 - threadIdx.x];
}
__global__ void noBarrierBeforeReuse(float* y) {
  __shared__ float v;
  for (int i = 0; i < 3; i++) {
    if (threadIdx.x == 0) v = float(i);
    __syncthreads();
    y[threadIdx.x * 3 + unsigned(i)] = v;
  }
}
__global__ void noSyncwarp(float* y) {
  __shared__ float v[32];
  v[threadIdx.x] = 1;
  y[threadIdx.x] = v[threadIdx.x ^ 1];
}
__global__ void lostUpdate(float* y) { y[0] += 1; }
__global__ void sameByBlocks(float* y) {
  if (threadIdx.x == 0) y[0] = 2;
}
__global__ void barrierInBranch(float* y) {
  if (threadIdx.x < 32) __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void leavesEarly(float* y, int n) {
  if (int(threadIdx.x) >= n) return;
  __syncthreads();
  y[threadIdx.x] = 1;
}
__global__ void halfMask(float* y) { y[threadIdx.x] = __shfl_xor_sync(0xFFFFu, 1.0f, 1); }
__global__ void stack(float* y, int i) {
  volatile float v[4] = {1, 2, 3, 4};
  y[0] = v[i];
}
__global__ void neighbours(float* y, int i) {
  __shared__ float v[4];
  __shared__ float w[4];
  v[i] = 1;
  w[0] = 1;
  y[0] = w[0] + v[i];
}
__global__ void halves(__nv_bfloat16* y, int i) { y[threadIdx.x] = __float2bfloat16(float(i)); }

TEST_SUITE("standin-faults") {
  template <class K, class... Args>
  static std::string fault(K kernel, unsigned grid, unsigned block, std::size_t shared, Args... args) {
    return reportOf([=] {
      cudaStream_t s = newStream();
      launch(kernel, grid, block, shared, s, onDevice<float>(64), args...);
      cudaStreamSynchronize(s);
    });
  }
  TEST_CASE("accesses") {
    std::string text = fault(pastTheEnd, 3, 32, 0, 64);
    CHECK(has(text, "access outside device memory\n  pastTheEnd, block 2, thread 0, writes at kernels.cu:"));
    CHECK(has(text, "4 bytes, byte 256 of 256 of allocation 1"));
    text = reportOf([] {
      cudaStream_t s = newStream();
      float* x = onDevice<float>(64);
      launch(neverWritten, 1, 64, 0, s, x, onDevice<float>(64));
      cudaStreamSynchronize(s);
    });
    CHECK(has(text, "read of memory never written\n  neverWritten, block 0, thread "));
    CHECK(has(text, "reads at kernels.cu:"));
    text = reportOf([] {
      cudaStream_t s = newStream();
      float* x = onDevice(s, std::vector<float>(64));
      cudaFree(x);
      launch(neverWritten, 1, 64, 0, s, x, onDevice<float>(64));
      cudaStreamSynchronize(s);
    });
    CHECK(has(text, "access to freed memory"));
    text = reportOf([] {
      cudaStream_t s = newStream();
      std::vector<float> x(64);
      launch(neverWritten, 1, 64, 0, s, x.data(), onDevice<float>(64));
      cudaStreamSynchronize(s);
    });
    CHECK(has(text, "a kernel touches memory of the host"));
    text = reportOf([] {
      float* x = onDevice<float>(64);
      x[3] = 1;
    });
    CHECK(has(text, "the host touches device memory\n  the host, writes at kernels.cu:"));
    text = reportOf([] {
      cudaStream_t s = newStream();
      launch(reversed, 1, 64, 128, s, onDevice(s, std::vector<float>(64)), onDevice<float>(64));
      cudaStreamSynchronize(s);
    });
    CHECK(has(text, "access outside shared memory"));
    CHECK(has(text, " of 128 of dynamic shared memory"));
    CHECK(has(fault(neighbours, 1, 1, 0, 5), "index outside an array: index 5"));
    CHECK(fault(neighbours, 1, 1, 0, 3) == "");
    CHECK(fault(stack, 1, 1, 0, 3) == "");
  }
  TEST_CASE("threads") {
    for (int seed = 1; seed < 4; seed++) {
      std::string text = fault(noBarrier, 1, 64, 0);
      CHECK((has(text, "race") || has(text, "never written")));
    }
    CHECK(has(fault(noBarrierBeforeReuse, 1, 21, 0), "race"));
    std::string text = fault(lostUpdate, 1, 2, 0);
    CHECK((has(text, "race") || has(text, "never written")));
    text = fault(sameByBlocks, 2, 32, 0);
    CHECK(has(text, "race: two writes that nothing puts in order\n  sameByBlocks, block "));
    CHECK(has(text, ", writes at kernels.cu:"));
    CHECK(has(fault(noSyncwarp, 1, 32, 0), "read of memory never written"));
    CHECK(has(fault(barrierInBranch, 1, 64, 0), "a synchronisation that not all threads reach"));
    CHECK(has(fault(leavesEarly, 1, 64, 0, 40), "has returned"));
    CHECK(fault(leavesEarly, 1, 64, 0, 64) == "");
    CHECK(has(fault(halfMask, 1, 32, 0), "a warp's mask leaves out the thread itself"));
  }
  TEST_CASE("halves of a word are memory of their own") {
    CHECK(reportOf([] {
            cudaStream_t s = newStream();
            auto* x = onDevice<__nv_bfloat16>(64);
            launch(halves, 1, 64, 0, s, x, 3);
            auto values = onHost(s, x, 64);
            if (float(values[5]) != 3.0f) _Exit(3);
          }) == "");
    CHECK(has(reportOf([] {
                cudaStream_t s = newStream();
                auto* x = onDevice<__nv_bfloat16>(64);
                launch(halves, 1, 33, 0, s, x, 3);
                launch(neverWritten, 1, 17, 0, s, reinterpret_cast<float*>(x), onDevice<float>(64));
                cudaStreamSynchronize(s);
              }),
              "read of memory never written"));
  }
  TEST_CASE("launches that no device takes are errors") {
    CHECK(fault(sameByBlocks, 1, 2000, 0) == "");
    cudaStream_t s = newStream();
    CHECK(launch(sameByBlocks, 1, 1025, 0, s, nullptr) == cudaErrorInvalidConfiguration);
    CHECK(launch(sameByBlocks, 0, 32, 0, s, nullptr) == cudaErrorInvalidConfiguration);
    CHECK(launch(reversed, 1, 32, 50000, s, nullptr, nullptr) == cudaErrorInvalidValue);
    CHECK(cudaFuncSetAttribute(reversed, cudaFuncAttributeMaxDynamicSharedMemorySize, 300 << 10) == cudaErrorInvalidValue);
    CHECK(cudaGetLastError() == cudaErrorInvalidValue);
    CHECK(cudaGetLastError() == cudaSuccess);
  }
}
