// The flags of a program.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace dream {

struct Options {
  double maxSteps = std::numeric_limits<double>::infinity();
  std::uint32_t seed = 42;
  /** `key=value`, in order. */
  std::vector<std::string> settings;
  /** Steps whose gradients are dumped. */
  double dumpSteps = 1;
  /** Paths; empty: not asked for. */
  std::string metrics, initFrom, exportTo, dumpGradients;
  bool printConfig = false, plan = false, deterministic = false, help = false;
};

/** Throws a `UsageFault` on a flag that there is not (with the nearest one), or a value that does not fit. */
Options parseOptions(int argc, const char* const* argv);

/** What `--help` prints. */
std::string helpText(const char* programName);

}  // namespace dream
