// Where this rank stands, and what is known of the ranks on its machine: enough to name one that has died.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace dream {

/** One rank's entry in memory that all ranks of a machine share. */
struct RosterEntry {
  std::atomic<int> process, rank;
  std::atomic<double> step;
};

class Place {
 public:
  /** `roster`: zeroed entries of the ranks on this machine; `mine` is this one's place in it. */
  void enter(int rank, std::vector<RosterEntry*> roster, std::size_t mine);
  void setStep(double step);
  int rank() const { return rank_; }
  /** `rank 2, step 17`. */
  std::string describe() const;
  /**
   * For whoever has waited for `seconds`: throws a `Fault` where a rank of this machine has died, or at the deadline.
   * `what`: the subject of the message.
   */
  void check(double seconds, const std::string& what) const;
  /**
   * Messages between single ranks move on only while both ends look after them: whoever waits for something else calls
   * `progress` now and then, on the main thread. False where there are none.
   */
  void setProgress(std::function<void()> progress) { progress_ = std::move(progress); }
  bool hasProgress() const { return static_cast<bool>(progress_); }
  void progress() const {
    if (progress_) progress_();
  }

 private:
  int rank_ = 0;
  std::atomic<double> step_ = 0;
  std::vector<RosterEntry*> roster_;
  std::size_t mine_ = 0;
  std::function<void()> progress_;
};

}  // namespace dream
