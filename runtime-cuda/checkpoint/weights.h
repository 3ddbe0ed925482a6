// Weights by name: `--init-from` and `--export`.
#pragma once

#include <string>

#include "comm/world.h"
#include "core/mesh.h"
#include "dream/program.h"

namespace dream {

/** Where this rank stands, and its states. */
struct StateArea {
  const ProgramInfo& program;
  int variant;
  const PerAxis& degrees;
  const PerAxis& coordinates;
  std::byte* states;
};

/** Checks the whole file before the first element is taken. Throws a `Fault` that lists everything that does not fit. */
void loadWeights(const StateArea& area, const std::string& path);

/** Parameters and buffers, whole, each under its first name. All ranks call it; the first one writes. */
void exportWeights(const StateArea& area, World& world, const std::string& path);

}  // namespace dream
