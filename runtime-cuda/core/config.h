// The config of a run: the table's values with what `--set` changes.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "dream/program.h"

namespace dream {

class Config {
 public:
  /** Throws a `UsageFault` on a setting that does not fit its entry. */
  Config(Span<ConfigEntry> entries, const std::vector<std::string>& settings);

  double number(const std::string& path) const;
  bool boolean(const std::string& path) const;
  std::string text(const std::string& path) const;
  /** One line for each entry: `path = value`. */
  std::string print() const;

 private:
  void set(const std::string& setting);
  std::size_t indexOf(const std::string& path) const;
  Span<ConfigEntry> entries_;
  std::vector<json::Value> values_;
};

}  // namespace dream
