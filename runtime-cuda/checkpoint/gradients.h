// `--dump-gradients`: the values that graphs let be observed during the first step, whole and in float32.
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
  explicit GradientDump(std::string path) : path_(std::move(path)) {}
  /** A later value of the same label replaces an earlier one. All ranks call it together. */
  void observe(const Run::Observed& observed, World& world, const PerAxis& degrees, const PerAxis& coordinates);
  /** On the first rank. */
  void write() const;
  bool isEmpty() const { return values_.empty(); }

 private:
  struct Value {
    std::vector<std::int64_t> shape;
    std::vector<float> elements;
  };
  std::string path_;
  std::map<std::string, Value> values_;
};

}  // namespace dream
