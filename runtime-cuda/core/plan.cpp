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
  const Span<AreaBytes> areas = program.variants[index].areas;
  std::string text;
  for (std::size_t place = 0; place < areas.size; place++) {
    const auto [stateBytes, arenaBytes] = areas[place];
    text += "memory of each rank" + (areas.size == 1 ? "" : " at place " + std::to_string(place) + " of pp") + ":\n" +
            row("planned", stateBytes + arenaBytes) +
            row("of it state: parameters, gradients, optimizer", stateBytes) +
            row("of it the arena: activations and scratch", arenaBytes);
    std::size_t shown = 0;
    for (const PlanEntry& entry : program.plan) {
      if (entry.place != static_cast<std::int64_t>(place) || shown == mostEntries) continue;
      if (shown++ == 0) text += "largest:\n";
      text += row(entry.what, entry.bytes[index]);
    }
  }
  return text;
}

std::string describeUse(const ProgramInfo& program, int variant) {
  const auto [stateBytes, arenaBytes] = program.variants[static_cast<std::size_t>(variant)].areas[0];
  const MemoryUse use = measureMemory();
  return "memory of the first rank:\n" + row("planned", stateBytes + arenaBytes) +
         row("measured at most", use.peak) + row("of it files (programs, libraries, data)", use.files);
}

}  // namespace dream
