// Collectives and messages on 1 to 4 ranks: two communicators in opposite orders, in graphs, in groups; and what ranks get
// wrong. Started by mpirun; the number of ranks is a test's argument.
#include <cuda_bf16.h>
#include <doctest/doctest.h>
#include <mpi.h>
#include <nccl.h>

#include <cmath>

#include "faulty.h"

__global__ void fill(float* x, float value, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) x[i] = value + float(i);
}

namespace {

struct World {
  int rank = 0, ranks = 1;
  World() {
    int isStarted;
    MPI_Initialized(&isStarted);
    int provided;
    if (!isStarted) {
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
      atexit([] { MPI_Finalize(); });
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    cudaSetDevice(rank);
  }
  ncclComm_t communicator(ncclResult_t* result = nullptr) const {
    ncclUniqueId id;
    if (rank == 0) ncclGetUniqueId(&id);
    MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD);
    ncclComm_t comm;
    const ncclResult_t status = ncclCommInitRank(&comm, ranks, id, rank);
    if (result) *result = status;
    return comm;
  }
};

}  // namespace

TEST_SUITE("standin-nccl") {
  TEST_CASE("two communicators, issued in opposite orders on odd ranks, arrive") {
    World world;
    const int rank = world.rank, ranks = world.ranks;
    ncclComm_t comms[2] = {world.communicator(), world.communicator()};
    cudaStream_t streams[2] = {newStream(), newStream()};
    constexpr int n = 10;
    const size_t all = size_t(n * ranks);
    float *own[2], *sum[2], *part[2], *ring[2], *root[2];
    for (int c = 0; c < 2; c++) own[c] = onDevice<float>(all), sum[c] = onDevice<float>(all), part[c] = onDevice<float>(n), ring[c] = onDevice<float>(n), root[c] = onDevice<float>(n);
    auto issue = [&](int c) {
      launch(fill, unsigned(all + 63) / 64, 64, 0, streams[c], own[c], 1000.0f * float(rank) + float(c), int(all));
      CHECK(ncclAllReduce(own[c], sum[c], all, ncclFloat32, ncclSum, comms[c], streams[c]) == ncclSuccess);
      CHECK(ncclReduceScatter(sum[c], part[c], n, ncclFloat32, ncclSum, comms[c], streams[c]) == ncclSuccess);
      CHECK(ncclGroupStart() == ncclSuccess);
      CHECK(ncclSend(part[c], n, ncclFloat32, (rank + 1) % ranks, comms[c], streams[c]) == ncclSuccess);
      CHECK(ncclRecv(ring[c], n, ncclFloat32, (rank + ranks - 1) % ranks, comms[c], streams[c]) == ncclSuccess);
      CHECK(ncclGroupEnd() == ncclSuccess);
      CHECK(ncclAllGather(ring[c], sum[c], n, ncclFloat32, comms[c], streams[c]) == ncclSuccess);
      CHECK(ncclBroadcast(ring[c], root[c], n, ncclFloat32, ranks - 1, comms[c], streams[c]) == ncclSuccess);
    };
    auto isRight = [&](int c) {
      auto got = onHost(streams[c], sum[c], all);
      auto roots = onHost(streams[c], root[c], n);
      bool right = true;
      for (int i = 0; i < int(all); i++) {
        // Part r of the sum was rank r's, then rank r + 1's.
        const int index = (i / n + ranks - 1) % ranks * n + i % n;
        const float expected = float(ranks) * (500.0f * float(ranks * (ranks - 1)) + float(ranks * (c + index)));
        right &= std::abs(got[size_t(i)] - expected) <= 1e-6f * expected + 1e-6f;
        if (i / n == ranks - 1) right &= roots[size_t(i % n)] == got[size_t(i)];
      }
      return right;
    };
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 2; i++) issue(rank % 2 ? 1 - i : i);
      for (int c = 0; c < 2; c++) CHECK(isRight(c));
    }
    cudaGraphExec_t graphs[2];
    for (int c = 0; c < 2; c++) {
      cudaGraph_t graph;
      cudaStreamBeginCapture(streams[c], cudaStreamCaptureModeThreadLocal);
      issue(c);
      REQUIRE(cudaStreamEndCapture(streams[c], &graph) == cudaSuccess);
      cudaGraphInstantiate(&graphs[c], graph, 0);
    }
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 2; i++) cudaGraphLaunch(graphs[rank % 2 ? 1 - i : i], streams[rank % 2 ? 1 - i : i]);
      for (int c = 0; c < 2; c++) CHECK(isRight(c));
    }
    float* extreme = onDevice<float>(n);
    launch(fill, 1, 64, 0, streams[0], extreme, float(rank), n);
    ncclAllReduce(extreme, extreme, n, ncclFloat32, ncclMax, comms[0], streams[0]);
    CHECK(onHost(streams[0], extreme, n)[3] == float(ranks - 1 + 3));
    cudaDeviceSynchronize();
    for (auto comm : comms) CHECK(ncclCommDestroy(comm) == ncclSuccess);
    MPI_Barrier(MPI_COMM_WORLD);
  }
  TEST_CASE("an aborted communicator lets the stream go on") {
    World world;
    ncclComm_t comm = world.communicator();
    cudaStream_t s = newStream();
    float* x = onDevice<float>(8);
    cudaMemsetAsync(x, 0, 32, s);
    if (world.rank == 0) {
      ncclAllReduce(x, x, 8, ncclFloat32, ncclSum, comm, s);
      for (int i = 0; i < 50; i++) {
        const cudaError_t state = cudaStreamQuery(s);
        CHECK((state == cudaErrorNotReady || (state == cudaSuccess && world.ranks == 1)));
      }
      CHECK(ncclCommAbort(comm) == ncclSuccess);
      CHECK(cudaStreamSynchronize(s) == cudaSuccess);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  TEST_CASE("two ranks on one device are refused") {
    World world;
    cudaSetDevice(0);
    ncclResult_t result;
    world.communicator(&result);
    CHECK(result == (world.ranks == 1 ? ncclSuccess : ncclInvalidUsage));
    cudaSetDevice(world.rank);
    MPI_Barrier(MPI_COMM_WORLD);
  }
}

TEST_SUITE("standin-nccl-faults") {
  // Each ends the program: the test that starts it expects the report.
  TEST_CASE("sizes differ") {
    World world;
    ncclComm_t comm = world.communicator();
    cudaStream_t s = newStream();
    float* x = onDevice<float>(8);
    cudaMemsetAsync(x, 0, 32, s);
    ncclAllReduce(x, x, size_t(8 - world.rank), ncclFloat32, ncclSum, comm, s);
    cudaStreamSynchronize(s);
  }
  TEST_CASE("a collective does not wait for what it sends") {
    World world;
    ncclComm_t comm = world.communicator();
    cudaStream_t s = newStream(), network = newStream();
    float *x = onDevice<float>(8), *y = onDevice<float>(size_t(8 * world.ranks));
    launch(fill, 1, 32, 0, s, x, 1, 8);
    ncclAllGather(x, y, 8, ncclFloat32, comm, network);
    cudaDeviceSynchronize();
  }
  TEST_CASE("a source is written while it is sent") {
    World world;
    ncclComm_t comm = world.communicator();
    cudaStream_t s = newStream(), network = newStream();
    float *x = onDevice<float>(8), *y = onDevice<float>(size_t(8 * world.ranks));
    cudaMemsetAsync(x, 0, 32, network);
    cudaStreamSynchronize(network);
    ncclAllGather(x, y, 8, ncclFloat32, comm, network);
    launch(fill, 1, 32, 0, s, x, 1, 8);
    cudaDeviceSynchronize();
  }
  TEST_CASE("a message nobody sends") {
    World world;
    ncclComm_t comm = world.communicator();
    cudaStream_t s = newStream();
    float* x = onDevice<float>(8);
    if (world.rank == 0) ncclRecv(x, 8, ncclFloat32, 1, comm, s);
    cudaStreamSynchronize(s);
    MPI_Barrier(MPI_COMM_WORLD);
  }
}
