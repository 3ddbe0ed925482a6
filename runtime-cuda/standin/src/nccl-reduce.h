// Reductions of what ranks contribute, in the order of ranks and rounded at every hop, as rings of NCCL do.
#pragma once

#include <nccl.h>

#include <cstddef>

namespace standin {

std::size_t sizeOfNccl(ncclDataType_t type);
bool canReduce(ncclDataType_t type, ncclRedOp_t op);
/** Rank r's `count` values begin at `came + r stride`. */
void reduceInto(void* to, const char* came, std::size_t stride, int ranks, std::size_t count, ncclDataType_t type,
                ncclRedOp_t op);

}  // namespace standin
