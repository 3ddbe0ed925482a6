// Whether the processes of other ranks still live, asked of the system.
#include "comm/place.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/fault.h"

namespace dream {

namespace {

double deadlineSeconds() {
  const char* chosen = std::getenv("DREAM_DEADLINE");
  return chosen && std::atof(chosen) > 0.0 ? std::atof(chosen) : 600.0;
}

std::string describeRank(int rank, double step) {
  return "rank " + std::to_string(rank) + ", step " + std::to_string(static_cast<long long>(step));
}

}  // namespace

void Place::enter(int rank, std::vector<RosterEntry*> roster, std::size_t mine) {
  rank_ = rank;
  roster_ = std::move(roster);
  mine_ = mine;
  roster_[mine]->rank = rank;
  roster_[mine]->process = getpid();
}

void Place::setStep(double step) {
  step_ = step;
  roster_[mine_]->step = step;
}

std::string Place::describe() const { return describeRank(rank_, step_); }

void Place::check(double seconds, const std::string& what) const {
  for (const RosterEntry* other : roster_)
    if (other->process != 0 && kill(other->process, 0) != 0 && errno == ESRCH)
      throw Fault(describe() + ": " + describeRank(other->rank, other->step) + " has died");
  const double deadline = deadlineSeconds();
  if (seconds <= deadline) return;
  throw Fault(describe() + ": " + what + " did not end within " + std::to_string(static_cast<int>(deadline)) +
                  " seconds: another rank is stuck",
              "DREAM_DEADLINE sets the number of seconds");
}

}  // namespace dream
