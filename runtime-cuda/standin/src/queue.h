// Work that was issued: operations, what each must follow, and who runs next. Nothing runs sooner than a wait of the host
// demands (now and then at once, as a device may be quick); among those that may run, chance picks.
//
// The operations of a lane (a stream, or a branch of a graph that is launched) follow one another, so what comes before an
// operation is one number for each lane.
#pragma once

#include <driver_types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace standin {

struct Op;
using OpRef = std::shared_ptr<Op>;

/** By lane: how many of its operations come before. */
using Before = std::vector<std::uint32_t>;

struct Memory {
  const char* start;
  std::size_t bytes;
  bool isWritten;
  std::string name;
};

/** What the program says of an operation beside issuing it. */
struct Notes {
  /** `layer_norm at model.ts:37` */
  std::string site;
  /** Where there are any, the operation touches no other memory. */
  std::shared_ptr<const std::vector<Memory>> believed;
};

struct Op {
  std::string name;
  /** False: begun, but waits for other ranks; called again. Null: nothing to do. */
  std::function<bool()> run;
  std::vector<OpRef> after;
  /** The last operation of a communicator, whose operations run as issued. */
  std::shared_ptr<OpRef> chain;
  OpRef previousInChain;
  Notes notes;
  unsigned lane = 0;
  std::uint32_t id = 0;
  Before before;
  /** How often to ask other ranks before other streams get their turn. */
  int patience = 1000;
  bool isDone = false;
};

unsigned newLane();
/** Gives the operation its number and its place in the order. `op.after` may hold nulls. */
void issue(const OpRef& op);
/** The host waits for one operation, or for all. */
void finish(const OpRef& op);
void finishAll();
/** Lets something run; for hosts that ask again and again. */
void poll();
/** The host learns that an operation is done. */
void learnDone(const OpRef& op);

/** Is an operation ordered before the one that runs now, or known to the host if none runs? */
bool isBeforeRunning(std::uint32_t op);
const std::string& nameOf(std::uint32_t op);
std::uint32_t numIssued();
/** Null while the host runs. */
const Op* runningOp();
std::string siteOfRunning();
std::string siteOf(std::uint32_t op);

/** What the program said of what it issues next. */
Notes& nextNotes();

}  // namespace standin
