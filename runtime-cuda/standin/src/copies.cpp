// Memory of the device and pinned memory of the host, copies and sets.
//
// Pinned memory is read and written when the copy's turn comes, so the host must keep off until then. A copy from or to
// other memory of the host is over, as far as that memory goes, when the call returns.
#include <cstring>
#include <vector>

#include "report.h"
#include "shadow.h"
#include "streams.h"

using namespace standin;

namespace standin {
bool fits(std::size_t bytes);
cudaError_t deviceState();
}  // namespace standin

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  Entered entered;
  *pointer = nullptr;
  if (deviceState() != cudaSuccess) return failed(deviceState());
  if (isAnyCaptured()) return breakCaptures(cudaErrorStreamCaptureUnsupported);
  if (!bytes) return cudaSuccess;
  if (!fits(bytes)) return failed(cudaErrorMemoryAllocation);
  *pointer = allocate(Area::device, bytes);
  return *pointer ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* pointer) {
  Entered entered;
  if (isAnyCaptured()) return breakCaptures(cudaErrorStreamCaptureUnsupported);
  finishAll();
  return !pointer || release(Area::device, pointer) ? cudaSuccess : failed(cudaErrorInvalidValue);
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  Entered entered;
  if (isAnyCaptured()) return breakCaptures(cudaErrorStreamCaptureUnsupported);
  *pointer = allocate(Area::pinned, bytes ? bytes : 1);
  return *pointer ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) { return cudaMallocHost(pointer, bytes); }
cudaError_t cudaFreeHost(void* pointer) {
  Entered entered;
  finishAll();
  return !pointer || release(Area::pinned, pointer) ? cudaSuccess : failed(cudaErrorInvalidValue);
}

namespace {

bool isPageable(const void* address) { return !isDevice(address) && !isPinned(address); }

void declare(const void* address, std::size_t bytes, Access access) {
  if (!isPageable(address)) touch(address, bytes, access);
}

}  // namespace

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  Entered entered;
  checkStream(stream, "cudaMemcpyAsync");
  const bool toDevice = kind == cudaMemcpyDefault ? isDevice(to) : kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool fromDevice = kind == cudaMemcpyDefault ? isDevice(from) : kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (!bytes) return cudaSuccess;
  if (isDevice(to) != toDevice || isDevice(from) != fromDevice) {
    const char* words[] = {"the host", "the device"};
    fail("cudaMemcpyAsync: from %s to %s, but the pointers are of %s and %s", words[fromDevice], words[toDevice],
         words[isDevice(from)], words[isDevice(to)]);
  }
  if (stream->capture && (isPageable(to) || isPageable(from)))
    fail("cudaMemcpyAsync in a capture with host memory that is not pinned: who knows what is there at a launch");
  auto copy = [=](const char* source) {
    declare(from, bytes, Access::read);
    declare(to, bytes, Access::write);
    memmove(to, source, bytes);
    return true;
  };
  const auto* source = static_cast<const char*>(from);
  if (isPageable(from)) {
    auto kept = std::make_shared<std::vector<char>>(source, source + bytes);
    enqueue(stream, "cudaMemcpyAsync", [=] { return copy(kept->data()); });
  } else {
    enqueue(stream, "cudaMemcpyAsync", [=] { return copy(source); });
    if (isPageable(to)) finish(stream->last);
  }
  return failed(deviceError());
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind) {
  fail("cudaMemcpy(%p, %p, %zu) uses the default stream\n  copies go through streams that the program makes", to, from,
       bytes);
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t toPitch, const void* from, size_t fromPitch, size_t width, size_t height,
                              cudaMemcpyKind kind, cudaStream_t stream) {
  for (size_t row = 0; row < height; row++) {
    const cudaError_t error = cudaMemcpyAsync(static_cast<char*>(to) + row * toPitch,
                                              static_cast<const char*>(from) + row * fromPitch, width, kind, stream);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  Entered entered;
  if (!bytes) return cudaSuccess;
  if (isPageable(to)) fail("cudaMemsetAsync of memory that is not the device's");
  enqueue(stream, "cudaMemsetAsync", [=] {
    touch(to, bytes, Access::write);
    memset(to, value, bytes);
    return true;
  });
  return cudaSuccess;
}
cudaError_t cudaMemset(void*, int, size_t) { fail("cudaMemset uses the default stream"); }
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  *attributes = {};
  attributes->type = isDevice(pointer)   ? cudaMemoryTypeDevice
                     : isPinned(pointer) ? cudaMemoryTypeHost
                                         : cudaMemoryTypeUnregistered;
  return cudaSuccess;
}
