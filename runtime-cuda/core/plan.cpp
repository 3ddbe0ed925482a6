// The tables that --plan prints.
#include "core/plan.h"

#include "core/memory.h"

namespace dream {

namespace {

constexpr std::size_t mostEntries = 16;

std::string row(const std::string& what, std::int64_t numBytes) {
  std::string bytes = describeBytes(numBytes);
  bytes.insert(0, bytes.size() < 9 ? 9 - bytes.size() : 0, ' ');
  return "  " + bytes + "  " + what + "\n";
}

}  // namespace

std::string describePlan(const ProgramInfo& program, int variant) {
  const auto index = static_cast<std::size_t>(variant);
  const VariantInfo& chosen = program.variants[index];
  std::string text = "memory of each rank:\n" + row("planned", chosen.stateBytes + chosen.arenaBytes) +
                     row("of it state: parameters, gradients, optimizer", chosen.stateBytes) +
                     row("of it the arena: activations and scratch", chosen.arenaBytes);
  if (program.plan.size == 0) return text;
  text += "largest:\n";
  for (std::size_t i = 0; i < program.plan.size && i < mostEntries; i++)
    text += row(program.plan[i].what, program.plan[i].bytes[index]);
  return text;
}

std::string describeUse(const ProgramInfo& program, int variant) {
  const VariantInfo& chosen = program.variants[static_cast<std::size_t>(variant)];
  const MemoryUse use = measureMemory();
  return "memory of the first rank:\n" + row("planned", chosen.stateBytes + chosen.arenaBytes) +
         row("measured at most", use.peak) + row("of it files (programs, libraries, data)", use.files);
}

}  // namespace dream
