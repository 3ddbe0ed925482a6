// The device: like an H100, with facts that variables change so that programs can meet others. And errors.
//   STANDIN_DEVICES=8  STANDIN_MEMORY=80G  STANDIN_CAPABILITY=9.0  STANDIN_DRIVER=13020
//   STANDIN_FAULT=name   a kernel whose name has this in it fails as if it had touched what is not there
#include <cstdio>
#include <cstring>
#include <string>

#include "report.h"
#include "shadow.h"
#include "streams.h"

using namespace standin;

namespace {

cudaError_t lastError = cudaSuccess;
cudaError_t kept = cudaSuccess;
thread_local int current = 0;

int numDevices() { return int(setting("STANDIN_DEVICES", 8)); }
int driver() { return int(setting("STANDIN_DRIVER", CUDART_VERSION)); }
std::size_t memory() { return std::size_t(setting("STANDIN_MEMORY", 80.0 * (1 << 30))); }
int major() { return int(setting("STANDIN_CAPABILITY", 9.0)); }
int minor() { return int(setting("STANDIN_CAPABILITY", 9.0) * 10 + 0.5) % 10; }

}  // namespace

namespace standin {

cudaError_t failed(cudaError_t error) {
  if (error != cudaSuccess) lastError = error;
  return error;
}
cudaError_t deviceError() { return kept; }
void setDeviceError(cudaError_t error) { kept = error; }
bool fits(std::size_t bytes) { return deviceBytesInUse() + bytes <= memory(); }

cudaError_t deviceState() {
  if (driver() == 0) return cudaErrorInsufficientDriver;  // as where there is none
  if (driver() / 1000 < CUDART_VERSION / 1000) return cudaErrorInsufficientDriver;
  return numDevices() ? kept : cudaErrorNoDevice;
}

}  // namespace standin

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  if (deviceState() != cudaSuccess) return failed(deviceState());
  *count = numDevices();
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (deviceState() != cudaSuccess) return failed(deviceState());
  if (device < 0 || device >= numDevices()) return failed(cudaErrorInvalidDevice);
  current = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current;
  return failed(deviceState());
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver();
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  Entered entered;
  if (deviceState() != cudaSuccess) return failed(deviceState());
  *total = memory();
  *free = memory() - std::min(memory(), deviceBytesInUse());
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (deviceState() != cudaSuccess) return failed(deviceState());
  if (device < 0 || device >= numDevices()) return failed(cudaErrorInvalidDevice);
  switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: *value = major(); break;
    case cudaDevAttrComputeCapabilityMinor: *value = minor(); break;
    case cudaDevAttrMultiProcessorCount: *value = 132; break;
    case cudaDevAttrMaxThreadsPerBlock: *value = 1024; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = 2048; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = 48 << 10; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(maxShared); break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = 228 << 10; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    case cudaDevAttrMaxGridDimX: *value = 0x7fffffff; break;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ: *value = 65535; break;
    case cudaDevAttrL2CacheSize: *value = 50 << 20; break;
    case cudaDevAttrMemoryPoolsSupported: *value = 0; break;
    default: fail("cudaDeviceGetAttribute: the stand-in does not know attribute %d", int(attribute));
  }
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (deviceState() != cudaSuccess) return failed(deviceState());
  if (device < 0 || device >= numDevices()) return failed(cudaErrorInvalidDevice);
  *properties = {};
  snprintf(properties->name, sizeof properties->name, "Stand-in %d", device);
  properties->totalGlobalMem = memory();
  properties->major = major(), properties->minor = minor();
  properties->multiProcessorCount = 132;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->sharedMemPerBlock = 48 << 10;
  properties->sharedMemPerBlockOptin = maxShared;
  properties->sharedMemPerMultiprocessor = 228 << 10;
  properties->maxGridSize[0] = 0x7fffffff, properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->l2CacheSize = 50 << 20;
  properties->asyncEngineCount = 3;
  properties->concurrentKernels = 1;
  properties->pciBusID = device + 1;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  snprintf(text, size_t(length), "0000:%02x:00.0", device + 1);
  return cudaSuccess;
}
cudaError_t cudaDeviceReset() { return cudaSuccess; }
cudaError_t cudaSetDeviceFlags(unsigned) { return cudaSuccess; }

cudaError_t cudaGetLastError() { return kept != cudaSuccess ? kept : std::exchange(lastError, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return kept != cudaSuccess ? kept : lastError; }

namespace {

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorText errorTexts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorIllegalState, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched", "capture was not initiated in this stream"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined",
     "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
};

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
  for (const ErrorText& known : errorTexts)
    if (known.error == error) return known.name;
  return "cudaErrorUnknown";
}
const char* cudaGetErrorString(cudaError_t error) {
  for (const ErrorText& known : errorTexts)
    if (known.error == error) return known.text;
  return "an error that the stand-in has no words for";
}
