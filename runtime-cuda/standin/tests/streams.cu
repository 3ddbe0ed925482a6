// Streams, events, graphs, pinned memory, lives of buffers and beliefs.
#include "dream/checks.h"
#include "faulty.h"

__global__ void put(float* x, float value) { x[threadIdx.x] = value; }
__global__ void add(const float* x, float* y) { y[threadIdx.x] += x[threadIdx.x]; }
__global__ void copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }

namespace {
struct Memory {
  cudaStream_t a = newStream(), b = newStream();
  float *x = onDevice<float>(32), *y = onDevice<float>(32);
};
}  // namespace

TEST_SUITE("standin-streams") {
  TEST_CASE("an event puts two streams in order, and none is a race for every seed") {
    for (int seed = 1; seed <= 6; seed++) {
      auto run = [=](bool waits) {
        return reportOf([=] {
          Memory m;
          launch(put, 1, 32, 0, m.a, m.x, 1);
          cudaEvent_t ready = newEvent();
          cudaEventRecord(ready, m.a);
          if (waits) cudaStreamWaitEvent(m.b, ready, 0);
          launch(copy, 1, 32, 0, m.b, m.x, m.y);
          auto values = onHost(m.b, m.y, 32);
          if (values[31] != 1) _Exit(3);
          cudaDeviceSynchronize();
        }, seed);
      };
      CHECK(run(true) == "");
      const std::string text = run(false);
      CHECK((has(text, "race") || has(text, "never written")));
      CHECK((has(text, "copy, block 0, thread")));
    }
  }
  TEST_CASE("a write behind a read that nothing puts in order") {
    const std::string text = reportOf([] {
      Memory m;
      launch(put, 1, 32, 0, m.a, m.x, 1);
      cudaStreamSynchronize(m.a);
      standinSite("relu", "model.ts:7");
      launch(copy, 1, 32, 0, m.a, m.x, m.y);
      standinSite(nullptr, nullptr);
      launch(put, 1, 32, 0, m.b, m.x, 2);
      cudaDeviceSynchronize();
    });
    CHECK(has(text, "race"));
    CHECK(has(text, "copy (relu, model.ts:7), block 0, thread"));
  }
  TEST_CASE("the host keeps off pinned memory until a copy is over") {
    auto run = [](bool waits, bool writes) {
      return reportOf([=] {
        Memory m;
        void* memory;
        cudaMallocHost(&memory, 128);
        auto* pinned = static_cast<float*>(memory);
        for (int i = 0; i < 32; i++) pinned[i] = float(i);
        cudaMemcpyAsync(m.x, pinned, 128, cudaMemcpyHostToDevice, m.a);
        if (waits) cudaStreamSynchronize(m.a);
        if (writes) pinned[3] = 7;
        else {
          cudaMemcpyAsync(pinned, m.x, 128, cudaMemcpyDeviceToHost, m.a);
          if (waits) cudaStreamSynchronize(m.a);
          if (pinned[5] != 5.0f) _Exit(3);
        }
        cudaStreamSynchronize(m.a);
      });
    };
    CHECK(run(true, true) == "");
    CHECK(run(true, false) == "");
    std::string text = run(false, true);
    CHECK(has(text, "race"));
    CHECK(has(text, "the host, writes at streams.cu:"));
    CHECK(run(false, false) != "");
  }
  TEST_CASE("a stream calls functions of the host in its order") {
    CHECK(reportOf([] {
            Memory m;
            static std::vector<int> calls;
            for (int i = 0; i < 3; i++)
              cudaLaunchHostFunc(m.a, [](void* n) { calls.push_back(int(reinterpret_cast<std::intptr_t>(n))); },
                                 reinterpret_cast<void*>(std::intptr_t{i}));
            cudaStreamSynchronize(m.a);
            if (calls != std::vector<int>{0, 1, 2}) _Exit(3);
          }) == "");
    CHECK(has(reportOf([] {
                Memory m;
                cudaLaunchHostFunc(m.a, [](void*) { cudaDeviceSynchronize(); }, nullptr);
                cudaStreamSynchronize(m.a);
              }),
              "must not wait for the device"));
  }
  TEST_CASE("the default stream is a fault") {
    CHECK(has(reportOf([] { launch(put, 1, 32, 0, nullptr, onDevice<float>(32), 1); }), "put uses the default stream"));
  }
}

TEST_SUITE("standin-graphs") {
  static cudaGraphExec_t record(Memory & m, bool isOrdered, bool joins, cudaError_t* error) {
    cudaEvent_t forked = newEvent(), done = newEvent();
    cudaStreamBeginCapture(m.a, cudaStreamCaptureModeThreadLocal);
    launch(put, 1, 32, 0, m.a, m.x, 1);
    cudaEventRecord(forked, m.a);
    cudaStreamWaitEvent(m.b, forked, 0);
    launch(add, 1, 32, 0, m.b, m.x, m.y);
    cudaEventRecord(done, m.b);
    if (isOrdered && joins) cudaStreamWaitEvent(m.a, done, 0);
    launch(put, 1, 32, 0, m.a, m.x, 2);
    if (!isOrdered && joins) cudaStreamWaitEvent(m.a, done, 0);
    cudaGraph_t graph;
    *error = cudaStreamEndCapture(m.a, &graph);
    if (*error != cudaSuccess) return nullptr;
    cudaGraphExec_t exec;
    cudaGraphInstantiate(&exec, graph, 0);
    cudaGraphDestroy(graph);
    return exec;
  }
  TEST_CASE("a graph is launched again and again") {
    for (int seed = 1; seed <= 5; seed++)
      CHECK(reportOf([] {
              Memory m;
              cudaMemsetAsync(m.y, 0, 128, m.a);
              cudaError_t error;
              cudaGraphExec_t exec = record(m, true, true, &error);
              for (int i = 0; i < 3; i++) cudaGraphLaunch(exec, m.a);
              auto values = onHost(m.a, m.y, 32);
              if (values[7] != 3) _Exit(3);
            }, seed) == "");
  }
  TEST_CASE("branches without an order race; streams that never join are an error") {
    CHECK(has(reportOf([] {
                Memory m;
                cudaMemsetAsync(m.y, 0, 128, m.a);
                cudaError_t error;
                cudaGraphLaunch(record(m, false, true, &error), m.a);
                cudaStreamSynchronize(m.a);
              }),
              "race"));
    Memory m;
    cudaError_t error;
    record(m, true, false, &error);
    CHECK(error == cudaErrorStreamCaptureUnjoined);
    cudaStreamBeginCapture(m.a, cudaStreamCaptureModeGlobal);
    CHECK(cudaStreamSynchronize(m.a) == cudaErrorStreamCaptureUnsupported);
    cudaGraph_t graph;
    CHECK(cudaStreamEndCapture(m.a, &graph) == cudaErrorStreamCaptureInvalidated);
  }
  TEST_CASE("a graph does not come behind what another stream has") {
    CHECK(reportOf([] {
            Memory m;
            cudaMemsetAsync(m.y, 0, 128, m.b);
            cudaError_t error;
            cudaGraphLaunch(record(m, true, true, &error), m.a);
            cudaDeviceSynchronize();
          }) != "");
  }
}

TEST_SUITE("standin-lives") {
  static std::string twoLives(bool readsOld, bool writesNew, bool waits = true) {
    return reportOf([=] {
      Memory m;
      float* z = onDevice<float>(32);
      standinLifeBegins(m.a, m.x, 128);
      launch(put, 1, 32, 0, m.a, m.x, 1);
      launch(copy, 1, 32, 0, m.a, m.x, m.y);
      if (!waits) {
        cudaEvent_t written = newEvent();
        cudaEventRecord(written, m.a);
        cudaStreamWaitEvent(m.b, written, 0);
        launch(copy, 1, 32, 0, m.b, m.x, z);
      }
      standinLifeBegins(m.a, m.x, 128);
      if (writesNew) launch(put, 1, 32, 0, m.a, m.x, 2);
      if (readsOld) launch(copy, 1, 32, 0, m.a, m.x, m.y);
      cudaDeviceSynchronize();
    });
  }
  TEST_CASE("bytes that are used again") {
    CHECK(twoLives(true, true) == "");
    CHECK(has(twoLives(true, false), "read of memory that nobody has written since a buffer began to live in it"));
    CHECK(has(twoLives(false, true, false), "race"));
  }
  TEST_CASE("what the compiler believes is compared with what is touched") {
    auto run = [](std::size_t bytes, bool isWritten) {
      return reportOf([=] {
        Memory m;
        launch(put, 1, 32, 0, m.a, m.x, 1);
        const StandinMemory believed[] = {{m.x, 128, false, "hidden"}, {m.y, bytes, isWritten, "result"}};
        standinBelieve(believed, 2);
        launch(copy, 1, 32, 0, m.a, m.x, m.y);
        standinBelieve(nullptr, 0);
        launch(put, 1, 32, 0, m.a, m.x, 1);
        cudaDeviceSynchronize();
      });
    };
    CHECK(run(128, true) == "");
    CHECK(has(run(124, true), "the compiler does not believe that this is written\n  copy, block 0, thread 31"));
    CHECK(has(run(128, false), "of result"));
  }
}

TEST_SUITE("standin-device") {
  TEST_CASE("facts of the device are set by variables") {
    auto with = [](const char* name, const char* value, auto run) {
      return reportOf([=] {
        setenv(name, value, 1);
        run();
      });
    };
    CHECK(with("STANDIN_DEVICES", "2", [] {
            int n;
            if (cudaGetDeviceCount(&n) != cudaSuccess || n != 2 || cudaSetDevice(2) != cudaErrorInvalidDevice) _Exit(3);
          }) == "");
    CHECK(with("STANDIN_DEVICES", "0", [] {
            int n;
            if (cudaGetDeviceCount(&n) != cudaErrorNoDevice) _Exit(3);
          }) == "");
    CHECK(with("STANDIN_DRIVER", "12040", [] {
            int n;
            if (cudaGetDeviceCount(&n) != cudaErrorInsufficientDriver) _Exit(3);
          }) == "");
    CHECK(with("STANDIN_MEMORY", "1M", [] {
            void* p;
            size_t free, total;
            cudaMemGetInfo(&free, &total);
            if (total != 1 << 20 || cudaMalloc(&p, 2 << 20) != cudaErrorMemoryAllocation) _Exit(3);
          }) == "");
    CHECK(with("STANDIN_CAPABILITY", "7.5", [] {
            cudaDeviceProp p;
            cudaGetDeviceProperties(&p, 0);
            if (p.major != 7 || p.minor != 5) _Exit(3);
          }) == "");
    CHECK(with("STANDIN_FAULT", "copy", [] {
            Memory m;
            launch(put, 1, 32, 0, m.a, m.x, 1);
            if (cudaStreamSynchronize(m.a) != cudaSuccess) _Exit(3);
            launch(copy, 1, 32, 0, m.a, m.x, m.y);
            if (cudaStreamSynchronize(m.a) != cudaErrorIllegalAddress) _Exit(4);
            if (cudaGetLastError() != cudaErrorIllegalAddress) _Exit(5);
          }) == "");
  }
}
