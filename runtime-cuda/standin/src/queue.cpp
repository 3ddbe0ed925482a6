#include "queue.h"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <unordered_set>

#include "report.h"
#include "shadow.h"

namespace standin {

namespace {

struct Known {
  unsigned lane;
  std::uint32_t index;
  const std::string* name;
  const std::string* site;
};

std::vector<std::deque<OpRef>> lanes;
std::vector<std::uint32_t> counts;  // by lane
std::vector<Known> known(1);        // by id
std::unordered_set<std::string> names;
std::size_t numPending = 0;
OpRef running;
unsigned favourite = 0;  // the lane that goes before the others, for a while
Before hostKnows;
Notes notes;

const std::string* interned(const std::string& name) { return &*names.insert(name).first; }

void merge(Before& into, const Before& other) {
  if (into.size() < other.size()) into.resize(other.size());
  for (std::size_t i = 0; i < other.size(); i++) into[i] = std::max(into[i], other[i]);
}

void learn(Before& into, const Op& op) {
  merge(into, op.before);
  if (into.size() <= op.lane) into.resize(op.lane + 1);
  into[op.lane] = std::max(into[op.lane], known[op.id].index);
}

bool isReady(const Op& op) {
  auto isDone = [](const OpRef& other) { return !other || other->isDone; };
  return std::all_of(op.after.begin(), op.after.end(), isDone) && isDone(op.previousInChain);
}

bool runOnce(const OpRef& op) {
  running = op;
  actor = {.op = op->id, .kind = Actor::one};
  const bool isDone = !op->run || op->run();
  running = nullptr;
  actor = {};
  return isDone;
}

// Runs one operation that may run. False: those that were tried wait for other ranks.
bool step() {
  if (running) return false;  // a function of the host, called by an operation, asks
  std::vector<OpRef> choice;
  for (auto& lane : lanes)
    if (!lane.empty() && isReady(*lane.front())) choice.push_back(lane.front());
  shuffle(choice);
  if (!choice.empty() && pick(16) == 0) favourite = choice[0]->lane;
  std::ranges::stable_partition(choice, [](const OpRef& op) { return op->lane == favourite; });
  for (auto& op : choice) {
    if (!runOnce(op)) {
      if (op->lane == favourite && op->patience-- > 0) return false;
      continue;
    }
    op->isDone = true;
    op->run = nullptr;
    op->after.clear();
    op->previousInChain = nullptr;
    lanes[op->lane].pop_front();
    numPending--;
    return true;
  }
  return false;
}

// Called with the interface entered once, which is left while other ranks take their time.
template <class Reached>
void stepUntil(Reached reached) {
  using Clock = std::chrono::steady_clock;
  const auto patience = std::chrono::duration<double>(setting("STANDIN_PATIENCE", 120));
  auto progress = Clock::now();
  while (!reached()) {
    if (step()) {
      progress = Clock::now();
      continue;
    }
    if (Clock::now() - progress > patience) {
      std::string list;
      for (auto& lane : lanes)
        for (auto& op : lane)
          list += (isReady(*op) ? "\n  waits for other ranks: " : "\n  comes later: ") + op->name;
      fail("deadlock: nothing could run for %.0f seconds%s", patience.count(), list.c_str());
    }
    interface().unlock();
    sched_yield();
    interface().lock();
  }
}

}  // namespace

unsigned newLane() {
  lanes.emplace_back();
  counts.push_back(0);
  return unsigned(lanes.size()) - 1;
}

void issue(const OpRef& op) {
  op->id = std::uint32_t(known.size());
  known.push_back({op->lane, ++counts[op->lane], interned(op->name), interned(op->notes.site)});
  op->before = hostKnows;
  for (auto& other : op->after)
    if (other) learn(op->before, *other);
  if (op->before.size() <= op->lane) op->before.resize(op->lane + 1);
  op->before[op->lane] = known[op->id].index - 1;
  if (op->chain) {
    op->previousInChain = *op->chain;
    *op->chain = op;
  }
  lanes[op->lane].push_back(op);
  numPending++;
  if (pick(8) == 0) step();
}

void finish(const OpRef& op) {
  if (!op) return;
  if (running) fail("%s: a function that a stream calls must not wait for the device", running->name.c_str());
  stepUntil([&] { return op->isDone; });
  learn(hostKnows, *op);
}

void finishAll() {
  if (running) fail("%s: a function that a stream calls must not wait for the device", running->name.c_str());
  stepUntil([] { return numPending == 0; });
  hostKnows = counts;
}

void poll() { step(); }

void learnDone(const OpRef& op) { learn(hostKnows, *op); }

bool isBeforeRunning(std::uint32_t op) {
  const Before& before = running ? running->before : hostKnows;
  const Known& past = known[op];
  return past.lane < before.size() && past.index <= before[past.lane];
}

const std::string& nameOf(std::uint32_t op) {
  static const std::string host = "the host";
  return op ? *known[op].name : host;
}
std::string siteOf(std::uint32_t op) { return op ? *known[op].site : ""; }

std::uint32_t numIssued() { return std::uint32_t(known.size()) - 1; }
const Op* runningOp() { return running.get(); }
std::string siteOfRunning() {
  return running && !running->notes.site.empty() ? "launched for " + running->notes.site : "";
}
Notes& nextNotes() { return notes; }

}  // namespace standin
