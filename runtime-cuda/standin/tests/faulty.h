// Programs that must be reported run in a process of their own, which the report ends.
#pragma once

#include <cuda_runtime.h>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

/** What the function's report says; empty if it ends by itself. */
template <class F>
std::string reportOf(F run, int seed = 1) {
  int ends[2];
  if (pipe(ends)) return "no pipe";
  fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 2);
    setenv("STANDIN_SEED", std::to_string(seed).c_str(), 1);
    run();
    _Exit(0);
  }
  close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) text.append(part, std::size_t(n));
  close(ends[0]);
  int status;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 99) return text;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  return "ended with status " + std::to_string(status) + ": " + text;
}

inline bool has(const std::string& text, const char* part) {
  const bool is = text.find(part) != std::string::npos;
  if (!is) MESSAGE("not in: ", text);
  return is;
}

template <class... Params, class... Args>
cudaError_t launch(void (*kernel)(Params...), unsigned grid, unsigned block, std::size_t shared, cudaStream_t stream,
                   Args... args) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(grid);
  config.blockDim = dim3(block);
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  return cudaLaunchKernelEx(&config, kernel, static_cast<Params>(args)...);
}

inline cudaStream_t newStream() {
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  return stream;
}
inline cudaEvent_t newEvent() {
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  return event;
}
template <class T>
T* onDevice(std::size_t count) {
  void* memory;
  cudaMalloc(&memory, count * sizeof(T));
  return static_cast<T*>(memory);
}
template <class T>
T* onDevice(cudaStream_t stream, const std::vector<T>& values) {
  T* memory = onDevice<T>(values.size());
  cudaMemcpyAsync(memory, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice, stream);
  return memory;
}
template <class T>
std::vector<T> onHost(cudaStream_t stream, const T* memory, std::size_t count) {
  std::vector<T> values(count);
  cudaMemcpyAsync(values.data(), memory, count * sizeof(T), cudaMemcpyDeviceToHost, stream);
  return values;
}
