// NCCL over MPI, such that ranks cannot wait for each other in a circle although each picks its own order: an operation is
// begun when its turn comes and then polled, so that the rank goes on with other streams; those of one communicator are
// begun as they were issued, and different communicators, of which each has an MPI communicator, do not wait for each other.
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "nccl-communicator.h"
#include "nccl-reduce.h"
#include "report.h"
#include "shadow.h"
#include "streams.h"

using namespace standin;

namespace {

// What ranks must agree on.
struct Header {
  char call[24];
  unsigned long long count;
  int type, op, root;
};
bool operator==(const Header& a, const Header& b) { return memcmp(&a, &b, sizeof a) == 0; }
Header headerOf(const char* call, size_t count, int type, int op = -1, int root = -1) {
  Header header;
  memset(&header, 0, sizeof header);
  strncpy(header.call, call, sizeof header.call - 1);
  header.count = count, header.type = type, header.op = op, header.root = root;
  return header;
}
std::string describe(const Header& header) {
  return std::string(header.call) + " of " + std::to_string(header.count) + " elements of type " +
         std::to_string(header.type) + (header.op >= 0 ? ", operation " + std::to_string(header.op) : "") +
         (header.root >= 0 ? ", root " + std::to_string(header.root) : "");
}

// One communication on its way.
struct Transfer {
  std::vector<char> sent, came;
  std::vector<Header> headers;
  std::vector<MPI_Request> requests;
  int stage = 0;
};

bool areDone(Transfer& transfer) {
  int isDone = 0;
  MPI_Testall(int(transfer.requests.size()), transfer.requests.data(), &isDone, MPI_STATUSES_IGNORE);
  if (isDone) transfer.requests.clear();
  return isDone;
}

std::vector<std::function<void()>> group;  // what NCCL calls in a group are to issue at its end
int groupDepth = 0;

void issueOrKeep(std::function<void()> issues) {
  if (groupDepth) group.push_back(std::move(issues));
  else issues();
}

// All ranks' contributions go to all; each makes of them what it needs. Only ranks with `sends` read their source.
ncclResult_t collective(ncclComm_t comm, cudaStream_t stream, Header header, const void* from, size_t bytes, bool sends,
                        std::function<void(const char*)> end) {
  Entered entered;
  if (!comm || comm->isAborted) return ncclInvalidArgument;
  checkStream(stream, header.call);
  issueOrKeep([=] {
    auto transfer = std::make_shared<Transfer>();
    enqueue(
        stream, header.call,
        [=] {
          if (comm->isAborted) return true;
          Transfer& t = *transfer;
          if (t.stage == 0) {
            if (sends) touch(from, bytes, Access::read);
            t.sent.resize(bytes);
            if (sends) memcpy(t.sent.data(), from, bytes);
            t.came.resize(bytes * size_t(comm->ranks));
            if (comm->ranks == 1) {
              end(t.sent.data());
              *transfer = {};
              return true;
            }
            t.headers.resize(size_t(comm->ranks) + 1);
            t.headers.back() = header;
            MPI_Iallgather(&t.headers.back(), sizeof(Header), MPI_BYTE, t.headers.data(), sizeof(Header), MPI_BYTE,
                           comm->mpi, &t.requests.emplace_back());
            t.stage = 1;
          }
          if (t.stage == 1) {
            if (!areDone(t)) return false;
            for (int r = 0; r < comm->ranks; r++)
              if (!(t.headers[size_t(r)] == header))
                fail("ranks disagree on a collective\n  this one, %d of %d, has %s\n  rank %d of them has %s", comm->rank,
                     comm->ranks, describe(header).c_str(), r, describe(t.headers[size_t(r)]).c_str());
            MPI_Iallgather(t.sent.data(), int(bytes), MPI_BYTE, t.came.data(), int(bytes), MPI_BYTE, comm->mpi,
                           &t.requests.emplace_back());
            t.stage = 2;
          }
          if (!areDone(t)) return false;
          end(t.came.data());
          *transfer = {};
          return true;
        },
        comm->last);
  });
  return ncclSuccess;
}

void checkOverlap(const char* call, const void* from, size_t fromBytes, const void* to, size_t toBytes,
                  const void* inPlace) {
  const auto a = static_cast<const char*>(from), b = static_cast<const char*>(to);
  if (a < b + toBytes && b < a + fromBytes && inPlace != (fromBytes < toBytes ? from : to))
    fail("%s: source and target overlap, but not as in place", call);
}

struct Message {
  void* data;
  size_t bytes;
  int peer;
  bool sends;
};
struct Messages {
  ncclComm_t comm;
  cudaStream_t stream;
  std::vector<Message> list;
};
std::vector<Messages> messages;  // of the group, by communicator and stream

// The messages of a group are one operation, as none may wait for another.
void exchange(const Messages& all) {
  auto transfer = std::make_shared<Transfer>();
  ncclComm_t comm = all.comm;
  enqueue(
      all.stream, "ncclSend/ncclRecv",
      [comm, transfer, list = all.list] {
        if (comm->isAborted) return true;
        Transfer& t = *transfer;
        if (t.stage == 0) {
          size_t total = 0, place = 0;
          for (auto& m : list) total += m.bytes;
          t.sent.resize(total);
          t.headers.resize(list.size());
          // To itself a rank hands things over in order.
          std::vector<size_t> own;
          for (size_t i = 0; i < list.size(); place += list[i++].bytes) {
            const Message& m = list[i];
            if (!m.sends) continue;
            touch(m.data, m.bytes, Access::read);
            memcpy(t.sent.data() + place, m.data, m.bytes);
            if (m.peer == comm->rank) own.push_back(place);
            else t.headers[i] = headerOf("ncclSend", m.bytes, 0);
          }
          place = 0;
          size_t next = 0;
          for (size_t i = 0; i < list.size(); place += list[i++].bytes) {
            const Message& m = list[i];
            char* part = t.sent.data() + place;
            if (m.peer == comm->rank) {
              if (m.sends) continue;
              if (next == own.size()) fail("ncclRecv from the rank itself, which sends nothing to it in this group");
              memcpy(part, t.sent.data() + own[next++], m.bytes);
            } else if (m.sends) {
              MPI_Isend(&t.headers[i], sizeof(Header), MPI_BYTE, m.peer, 0, comm->mpi, &t.requests.emplace_back());
              MPI_Isend(part, int(m.bytes), MPI_BYTE, m.peer, 1, comm->mpi, &t.requests.emplace_back());
            } else {
              MPI_Irecv(&t.headers[i], sizeof(Header), MPI_BYTE, m.peer, 0, comm->mpi, &t.requests.emplace_back());
            }
          }
          t.stage = 1;
        }
        if (t.stage == 1) {  // headers have come; of data that is sent not yet
          // Data can be received only once its size is known to be right.
          std::vector<MPI_Request> rest;
          bool isWaiting = false;
          for (auto& request : t.requests) {
            int isDone = 0;
            MPI_Test(&request, &isDone, MPI_STATUS_IGNORE);
            if (!isDone) rest.push_back(request);
          }
          t.requests = rest;
          for (size_t i = 0; i < list.size(); i++)
            isWaiting |= !list[i].sends && list[i].peer != comm->rank && !t.headers[i].call[0];
          if (isWaiting) return false;
          size_t place = 0;
          for (size_t i = 0; i < list.size(); place += list[i++].bytes) {
            const Message& m = list[i];
            if (m.sends || m.peer == comm->rank) continue;
            if (t.headers[i].count != m.bytes)
              fail("ranks disagree on a message: ncclRecv of %zu bytes from rank %d of %d, which sends %llu", m.bytes,
                   m.peer, comm->ranks, t.headers[i].count);
            MPI_Irecv(t.sent.data() + place, int(m.bytes), MPI_BYTE, m.peer, 1, comm->mpi, &t.requests.emplace_back());
          }
          t.stage = 2;
        }
        if (!areDone(t)) return false;
        size_t place = 0;
        for (auto& m : list) {
          if (!m.sends) {
            touch(m.data, m.bytes, Access::write);
            memcpy(m.data, t.sent.data() + place, m.bytes);
          }
          place += m.bytes;
        }
        *transfer = {};
        return true;
      },
      comm->last);
}

void endGroup() {
  for (auto& issues : std::exchange(group, {})) issues();
  for (auto& all : std::exchange(messages, {})) exchange(all);
}

ncclResult_t message(ncclComm_t comm, cudaStream_t stream, Message m) {
  Entered entered;
  if (!comm || comm->isAborted || m.peer < 0 || m.peer >= comm->ranks) return ncclInvalidArgument;
  checkStream(stream, "ncclSend/ncclRecv");
  auto found = messages.begin();
  while (found != messages.end() && (found->comm != comm || found->stream != stream)) ++found;
  if (found == messages.end()) found = messages.insert(found, {comm, stream, {}});
  found->list.push_back(m);
  if (!groupDepth) endGroup();
  return ncclSuccess;
}

// `parts` is how often the result's `count` values fit into a contribution.
ncclResult_t reduce(const char* call, const void* from, void* to, size_t count, int parts, ncclDataType_t type,
                    ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (!comm || !canReduce(type, op)) return ncclInvalidArgument;
  const size_t bytes = count * sizeOfNccl(type);
  checkOverlap(call, from, bytes * size_t(parts), to, bytes,
               parts == 1 ? from : static_cast<const char*>(from) + size_t(comm->rank) * bytes);
  return collective(comm, stream, headerOf(call, count, type, op), from, bytes * size_t(parts), true,
                    [=](const char* came) {
                      touch(to, bytes, Access::write);
                      reduceInto(to, came + (parts > 1 ? size_t(comm->rank) * bytes : 0), bytes * size_t(parts),
                                 comm->ranks, count, type, op);
                    });
}

}  // namespace

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t op,
                           ncclComm_t comm, cudaStream_t stream) {
  return reduce("ncclAllReduce", from, to, count, 1, type, op, comm, stream);
}
ncclResult_t ncclReduceScatter(const void* from, void* to, size_t count, ncclDataType_t type, ncclRedOp_t op,
                               ncclComm_t comm, cudaStream_t stream) {
  return reduce("ncclReduceScatter", from, to, count, comm ? comm->ranks : 1, type, op, comm, stream);
}
ncclResult_t ncclAllGather(const void* from, void* to, size_t count, ncclDataType_t type, ncclComm_t comm,
                           cudaStream_t stream) {
  if (!comm) return ncclInvalidArgument;
  const size_t bytes = count * sizeOfNccl(type), all = bytes * size_t(comm->ranks);
  checkOverlap("ncclAllGather", from, bytes, to, all, static_cast<char*>(to) + size_t(comm->rank) * bytes);
  return collective(comm, stream, headerOf("ncclAllGather", count, type), from, bytes, true, [=](const char* came) {
    touch(to, all, Access::write);
    memcpy(to, came, all);
  });
}
ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root, ncclComm_t comm,
                           cudaStream_t stream) {
  if (!comm || root < 0 || root >= comm->ranks) return ncclInvalidArgument;
  const size_t bytes = count * sizeOfNccl(type);
  return collective(comm, stream, headerOf("ncclBroadcast", count, type, -1, root), from, bytes, comm->rank == root,
                    [=](const char* came) {
                      touch(to, bytes, Access::write);
                      memcpy(to, came + size_t(root) * bytes, bytes);
                    });
}
ncclResult_t ncclSend(const void* from, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return message(comm, stream, {const_cast<void*>(from), count * sizeOfNccl(type), peer, true});
}
ncclResult_t ncclRecv(void* to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm, cudaStream_t stream) {
  return message(comm, stream, {to, count * sizeOfNccl(type), peer, false});
}
ncclResult_t ncclGroupStart() {
  Entered entered;
  groupDepth++;
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  Entered entered;
  if (!groupDepth) return ncclInvalidUsage;
  if (--groupDepth == 0) endGroup();
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess: return "no error";
    case ncclInvalidArgument: return "invalid argument";
    case ncclInvalidUsage: return "invalid usage";
    default: return "an error of NCCL that the stand-in has no words for";
  }
}
const char* ncclGetLastError(ncclComm_t) { return ""; }
