// Streams and events: where operations are issued.
#pragma once

#include <cuda_runtime_api.h>

#include "queue.h"

struct CUstream_st {
  unsigned lane;
  standin::OpRef last = nullptr;
  cudaGraph_t capture = nullptr;
  /** The how-manieth stream of the capture it is. */
  unsigned branch = 0;
  bool isDestroyed = false;
};

namespace standin {

/** Issues an operation behind all that the stream has, or records it where the stream is captured. */
OpRef enqueue(cudaStream_t stream, std::string name, std::function<bool()> run, std::shared_ptr<OpRef> chain = nullptr,
              std::vector<OpRef> after = {});
/** Ends the program where the stream is none that the program made. */
void checkStream(cudaStream_t stream, const char* call);

/** What the last failed call said; kept until asked for. */
cudaError_t failed(cudaError_t error);
/** An error that a kernel left behind: every call that waits says it again. */
cudaError_t deviceError();
void setDeviceError(cudaError_t error);

/** Calls that no stream may see while it is captured make the capture worthless. */
bool isAnyCaptured();
cudaError_t breakCaptures(cudaError_t error);
void recordInCapture(cudaStream_t stream, const OpRef& op);
void joinCapture(cudaStream_t stream, cudaGraph_t capture);

}  // namespace standin
