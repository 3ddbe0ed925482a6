// NCCL's communicators: how ranks find each other, part ways and are counted.
#include "nccl-communicator.h"

#include <unistd.h>

#include <cstring>
#include <vector>

#include "report.h"

using namespace standin;

namespace {

// A unique id names the world rank that made it and the how-manieth it is.
struct Id {
  int root, number;
};
constexpr int firstTag = 20000;

void startMpi() {
  int isStarted;
  MPI_Initialized(&isStarted);
  if (isStarted) return;
  int provided;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  atexit([] { MPI_Finalize(); });
}

}  // namespace

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int number = 0;
  Id made{0, ++number};
  int isStarted;
  MPI_Initialized(&isStarted);
  if (isStarted) MPI_Comm_rank(MPI_COMM_WORLD, &made.root);
  memset(id, 0, sizeof *id);
  memcpy(id, &made, sizeof made);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId uniqueId, int rank) {
  Entered entered;
  if (rank < 0 || rank >= ranks) return ncclInvalidArgument;
  finishAll();  // this call waits for other ranks, which may wait for work queued here
  auto* made = new ncclComm{.rank = rank, .ranks = ranks};
  *comm = made;
  if (ranks == 1) return ncclSuccess;
  startMpi();
  Id id;
  memcpy(&id, &uniqueId, sizeof id);
  struct Member {
    int rank, world, device;
    long host;
  } own{rank, 0, 0, gethostid()};
  MPI_Comm_rank(MPI_COMM_WORLD, &own.world);
  cudaGetDevice(&own.device);
  std::vector<Member> members(static_cast<size_t>(ranks));  // by the root
  const int tag = firstTag + id.number * 2, size = int(sizeof(Member));
  if (own.world == id.root) {
    members[size_t(rank)] = own;
    for (int i = 1; i < ranks; i++) {
      Member other;
      MPI_Recv(&other, size, MPI_BYTE, MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      members[size_t(other.rank)] = other;
    }
    for (auto& member : members)
      if (member.world != own.world) MPI_Send(members.data(), ranks * size, MPI_BYTE, member.world, tag + 1, MPI_COMM_WORLD);
  } else {
    MPI_Send(&own, size, MPI_BYTE, id.root, tag, MPI_COMM_WORLD);
    MPI_Recv(members.data(), ranks * size, MPI_BYTE, id.root, tag + 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  std::vector<int> worldRanks;
  for (auto& member : members) {
    worldRanks.push_back(member.world);
    for (auto& other : members)  // NCCL does not let two ranks share a device
      if (&other != &member && other.host == member.host && other.device == member.device) return ncclInvalidUsage;
  }
  MPI_Group world, part;
  MPI_Comm_group(MPI_COMM_WORLD, &world);
  MPI_Group_incl(world, ranks, worldRanks.data(), &part);
  MPI_Comm_create_group(MPI_COMM_WORLD, part, tag, &made->mpi);
  MPI_Group_free(&part);
  MPI_Group_free(&world);
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t*) {
  return ncclCommInitRank(comm, ranks, id, rank);
}
ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* split, ncclConfig_t*) {
  Entered entered;
  finishAll();
  *split = nullptr;
  if (comm->ranks == 1) {
    if (color != NCCL_SPLIT_NOCOLOR) *split = new ncclComm{.rank = 0, .ranks = 1};
    return ncclSuccess;
  }
  MPI_Comm made;
  MPI_Comm_split(comm->mpi, color == NCCL_SPLIT_NOCOLOR ? MPI_UNDEFINED : color, key, &made);
  if (made == MPI_COMM_NULL) return ncclSuccess;
  *split = new ncclComm{.mpi = made, .rank = 0, .ranks = 0};
  MPI_Comm_rank(made, &(*split)->rank);
  MPI_Comm_size(made, &(*split)->ranks);
  return ncclSuccess;
}
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  Entered entered;
  if (!comm) return ncclSuccess;
  if (!comm->isAborted) finish(*comm->last);
  return ncclSuccess;  // graphs may still hold it
}
ncclResult_t ncclCommFinalize(ncclComm_t comm) { return ncclCommDestroy(comm); }
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  Entered entered;
  if (comm) comm->isAborted = true;  // what waits in it ends
  return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  *error = comm ? ncclSuccess : ncclInvalidArgument;
  return ncclSuccess;
}
ncclResult_t ncclCommCount(const ncclComm_t comm, int* count) {
  *count = comm->ranks;
  return ncclSuccess;
}
ncclResult_t ncclCommUserRank(const ncclComm_t comm, int* rank) {
  *rank = comm->rank;
  return ncclSuccess;
}
