// `--dump-gradients`: the values that graphs let be observed during the first steps, whole and in float32.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "comm/world.h"
#include "core/mesh.h"
#include "dream/program.h"

namespace dream {

class GradientDump {
 public:
  GradientDump(std::string path, double numSteps) : path_(std::move(path)), numSteps_(numSteps) {}
  /**
   * Keeps this rank's part. Of one step, a later value of the same label replaces an earlier one; those of step 2 are
   * called `label@2`.
   */
  void observe(const Run::Observed& observed, const PerAxis& degrees, const PerAxis& coordinates);
  /** Brings the parts of a step to the first rank, whichever ranks saw them. All call it together. */
  void gather(const ProgramInfo& program, World& world, const PerAxis& degrees, const PerAxis& coordinates);
  /** Whether it was the last step to be seen. */
  bool endStep() { return ++stepsDone_ >= numSteps_; }
  double stepsDone() const { return stepsDone_; }
  /** On the first rank. */
  void write() const;

 private:
  struct Value {
    std::vector<std::int64_t> shape;
    std::vector<float> elements;
  };
  std::string path_;
  double numSteps_;
  double stepsDone_ = 0;
  std::map<std::string, Value> values_;
  /** Of this step and rank, by label. */
  std::map<std::string, std::vector<float>> parts_;
};

}  // namespace dream
