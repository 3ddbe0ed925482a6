// CUDA graphs: what captured streams were given, issued anew at every launch. The streams of a capture are branches of the
// graph, which only the dependencies in it keep in order.
#include <algorithm>
#include <map>
#include <utility>

#include "report.h"
#include "streams.h"

using namespace standin;

struct CUgraph_st {
  std::vector<OpRef> ops = {};  // `lane` is the branch
  OpRef last = nullptr;
  std::vector<std::pair<cudaStream_t, OpRef>> streams = {};  // taken in, and where each stood before
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  bool isBroken = false;
};
struct CUgraphExec_st {
  std::vector<OpRef> ops;
  OpRef last = nullptr;
  std::vector<unsigned> lanes;
  OpRef previousLaunch;
};

namespace {

std::vector<cudaGraph_t> captures;

void restore(CUgraph_st& graph) {
  for (auto& [stream, last] : graph.streams) {
    stream->last = last;
    stream->capture = nullptr;
  }
  std::erase(captures, &graph);
}

}  // namespace

namespace standin {

bool isAnyCaptured() {
  return std::any_of(captures.begin(), captures.end(),
                     [](cudaGraph_t graph) { return graph->mode != cudaStreamCaptureModeRelaxed; });
}
cudaError_t breakCaptures(cudaError_t error) {
  for (auto* graph : captures) graph->isBroken = true;
  return failed(error);
}

void joinCapture(cudaStream_t stream, cudaGraph_t capture) {
  stream->branch = unsigned(capture->streams.size());
  capture->streams.push_back({stream, std::exchange(stream->last, nullptr)});
  stream->capture = capture;
}
void recordInCapture(cudaStream_t stream, const OpRef& op) {
  op->lane = stream->branch;
  stream->capture->ops.push_back(op);
}

}  // namespace standin

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  Entered entered;
  checkStream(stream, "cudaStreamBeginCapture");
  if (stream->capture) return failed(cudaErrorIllegalState);
  auto* graph = new CUgraph_st{.mode = mode};
  captures.push_back(graph);
  joinCapture(stream, graph);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* result) {
  Entered entered;
  checkStream(stream, "cudaStreamEndCapture");
  cudaGraph_t graph = stream->capture;
  *result = nullptr;
  if (!graph) return failed(cudaErrorIllegalState);
  if (graph->streams.front().first != stream) return failed(breakCaptures(cudaErrorStreamCaptureUnmatched));
  graph->last = stream->last;
  restore(*graph);
  if (graph->isBroken) return failed(cudaErrorStreamCaptureInvalidated);
  std::vector<OpRef> joined;  // what the last operation comes after; work outside it was never joined
  if (graph->last) joined.push_back(graph->last);
  std::map<const Op*, bool> isJoined;
  for (std::size_t i = 0; i < joined.size(); i++)
    for (auto& op : joined[i]->after)
      if (op && !std::exchange(isJoined[op.get()], true)) joined.push_back(op);
  if (joined.size() != graph->ops.size()) return failed(cudaErrorStreamCaptureUnjoined);
  *result = graph;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  Entered entered;
  checkStream(stream, "cudaStreamIsCapturing");
  *status = !stream->capture            ? cudaStreamCaptureStatusNone
            : stream->capture->isBroken ? cudaStreamCaptureStatusInvalidated
                                        : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  static cudaStreamCaptureMode current = cudaStreamCaptureModeGlobal;
  std::swap(current, *mode);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  Entered entered;
  *exec = new CUgraphExec_st{.ops = graph->ops, .last = graph->last, .lanes = {}, .previousLaunch = nullptr};
  for (std::size_t i = 0; i < graph->streams.size(); i++) (*exec)->lanes.push_back(newLane());
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  return cudaGraphInstantiate(exec, graph, flags);
}
cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* count) {
  *count = graph->ops.size();
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  Entered entered;
  checkStream(stream, "cudaGraphLaunch");
  if (stream->capture) fail("cudaGraphLaunch in a capture: the stand-in has no graphs in graphs");
  // One launch of a graph comes behind the launch before it.
  const OpRef before[] = {stream->last, exec->previousLaunch};
  std::map<OpRef, OpRef> copies;
  std::vector<OpRef> ordered;
  for (auto& op : exec->ops) {
    auto copy = std::make_shared<Op>(*op);
    copy->lane = exec->lanes[op->lane];
    copy->after.clear();
    bool isFirst = true;
    for (auto& other : op->after) {
      if (!other) continue;
      copy->after.push_back(copies.at(other));
      isFirst = false;
    }
    if (isFirst) copy->after.assign(std::begin(before), std::end(before));
    copies[op] = copy;
    ordered.push_back(copy);
  }
  if (ordered.empty()) return cudaSuccess;
  const OpRef last = copies.at(exec->last);
  for (auto& op : ordered) issue(op);
  auto join = std::make_shared<Op>();
  join->name = "a graph", join->lane = stream->lane, join->after = {stream->last, last};
  issue(join);
  stream->last = exec->previousLaunch = join;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  Entered entered;
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  Entered entered;
  delete exec;
  return cudaSuccess;
}
