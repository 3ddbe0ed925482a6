// What a communicator of NCCL is here: an MPI communicator of its own, and the last operation that was issued in it.
#pragma once

#include <nccl.h>

#include <mpi.h>

#include <memory>

#include "streams.h"

struct ncclComm {
  MPI_Comm mpi = MPI_COMM_NULL;
  int rank, ranks;
  std::shared_ptr<standin::OpRef> last = std::make_shared<standin::OpRef>();
  bool isAborted = false;
};
