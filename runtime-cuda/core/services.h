// Everything behind a `Run` that emitted code does not see.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "checkpoint/gradients.h"
#include "comm/world.h"
#include "core/config.h"
#include "core/memory.h"
#include "core/mesh.h"
#include "core/options.h"
#include "data/loader.h"
#include "dream/program.h"
#include "log/reporter.h"

namespace dream {

struct Run::Services {
  Services(const ProgramInfo& ofProgram, const Options& withOptions, const Config& withConfig, World& inWorld)
      : program(ofProgram), options(withOptions), config(withConfig), world(inWorld) {}

  const ProgramInfo& program;
  const Options& options;
  const Config& config;
  World& world;
  PerAxis degrees{}, coordinates{};
  std::array<std::unique_ptr<Communicator>, numAxes> communicators;
  std::unique_ptr<Memory> memory;
  std::vector<std::unique_ptr<Loader>> loaders;
  std::unique_ptr<Reporter> reporter;
  std::optional<GradientDump> gradients;
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  double step = 0.0;
};

/** Sets what graphs read directly. */
struct RunAccess {
  static void bind(Run& run, Run::Services& services, int variant, std::uint32_t seed);
  static void setObserving(Run& run, bool isObserving) { run.isObserving_ = isObserving; }
};

}  // namespace dream
