#include "streams.h"

#include <set>

#include "report.h"
#include "shadow.h"

using namespace standin;

struct CUevent_st {
  OpRef op;
  cudaGraph_t capture = nullptr;
  bool isRecorded = false;
};

namespace standin {

namespace {
std::set<cudaStream_t> streams;
}

void checkStream(cudaStream_t stream, const char* call) {
  if (!stream || stream == cudaStreamLegacy || stream == cudaStreamPerThread)
    fail("%s uses the default stream\n  work goes through streams that the program makes", call);
  if (!streams.contains(stream)) fail("%s uses what is no stream", call);
  if (stream->isDestroyed) fail("%s uses a stream that was destroyed", call);
}

OpRef enqueue(cudaStream_t stream, std::string name, std::function<bool()> run, std::shared_ptr<OpRef> chain,
              std::vector<OpRef> after) {
  checkStream(stream, name.c_str());
  if (runningOp()) fail("%s issued by a function that a stream calls", name.c_str());
  after.push_back(stream->last);
  auto op = std::make_shared<Op>();
  op->name = std::move(name), op->run = std::move(run), op->after = std::move(after), op->chain = std::move(chain);
  op->notes = nextNotes();
  op->lane = stream->lane;
  if (stream->capture) recordInCapture(stream, op);
  stream->last = op;
  if (!stream->capture) issue(op);
  return op;
}

}  // namespace standin

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  Entered entered;
  if (flags != cudaStreamNonBlocking) fail("cudaStreamCreateWithFlags: a stream that waits for the default stream");
  *stream = new CUstream_st{.lane = newLane()};
  streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0, *greatest = -5;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  Entered entered;
  checkStream(stream, "cudaStreamDestroy");
  stream->isDestroyed = true;  // what it was given still runs
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  Entered entered;
  checkStream(stream, "cudaStreamSynchronize");
  if (stream->capture) return breakCaptures(cudaErrorStreamCaptureUnsupported);
  finish(stream->last);
  return failed(deviceError());
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  Entered entered;
  checkStream(stream, "cudaStreamQuery");
  if (stream->capture) return breakCaptures(cudaErrorStreamCaptureUnsupported);
  poll();
  if (deviceError() != cudaSuccess) return failed(deviceError());
  if (stream->last && !stream->last->isDone) return cudaErrorNotReady;
  if (stream->last) learnDone(stream->last);
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  Entered entered;
  if (isAnyCaptured()) return breakCaptures(cudaErrorStreamCaptureUnsupported);
  finishAll();
  return failed(deviceError());
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  Entered entered;
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  Entered entered;
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  Entered entered;
  checkStream(stream, "cudaEventRecord");
  *event = {stream->last, stream->capture, true};
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  Entered entered;
  if (event->capture) return breakCaptures(cudaErrorCapturedEvent);
  finish(event->op);
  return failed(deviceError());
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  Entered entered;
  if (event->capture) return breakCaptures(cudaErrorCapturedEvent);
  poll();
  if (deviceError() != cudaSuccess) return failed(deviceError());
  if (event->op && !event->op->isDone) return cudaErrorNotReady;
  if (event->op) learnDone(event->op);
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 1;
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  Entered entered;
  checkStream(stream, "cudaStreamWaitEvent");
  if (!event->isRecorded) return cudaSuccess;  // no wait, as the runtime has it
  if (event->capture && !stream->capture) joinCapture(stream, event->capture);
  if (event->capture != stream->capture) return failed(breakCaptures(cudaErrorStreamCaptureIsolation));
  if (event->op) enqueue(stream, "a wait for an event", nullptr, nullptr, {event->op});
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  Entered entered;
  enqueue(stream, "a function of the host", [=] {
    function(data);
    return true;
  });
  return cudaSuccess;
}

// -- What a program says of its launches (dream/checks.h) ----------------------------------------------------------------

extern "C" {

void standinSite(const char* op, const char* source) {
  Entered entered;
  nextNotes().site = !op ? "" : source ? std::string(op) + ", " + source : op;
}

void standinLifeBegins(cudaStream_t stream, const void* start, std::size_t bytes) {
  Entered entered;
  if (!bytes) return;
  auto believed = std::exchange(nextNotes().believed, nullptr);
  enqueue(stream, "the begin of a buffer's life", [=] {
    beginLife(start, bytes);
    return true;
  });
  nextNotes().believed = std::move(believed);
}

struct StandinMemory {
  const void* start;
  std::size_t bytes;
  bool isWritten;
  const char* name;
};
void standinBelieve(const StandinMemory* memory, std::size_t count) {
  Entered entered;
  auto believed = std::make_shared<std::vector<Memory>>();
  for (std::size_t i = 0; i < count; i++)
    believed->push_back({static_cast<const char*>(memory[i].start), memory[i].bytes, memory[i].isWritten,
                         memory[i].name ? memory[i].name : "a buffer"});
  nextNotes().believed = count ? std::move(believed) : nullptr;
}
}
