// A program from its first to its last line: flags, ranks, memory, data, the host code, what is written at the end.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "checkpoint/safetensors.h"
#include "checkpoint/weights.h"
#include "core/fault.h"
#include "core/plan.h"
#include "core/services.h"
#include "core/signals.h"
#include "core/threads.h"

namespace dream {

namespace {

/** mpirun ends all ranks once one has failed; one that fails before the first rank has spoken would take its words from it. */
void letFirstRankSpeak() {
  const timespec second{1, 0};
  nanosleep(&second, nullptr);
}

/** The first rank speaks; another one only if it has not ended the run within a second, since most faults are common. */
void report(const std::exception& error, int rank, double step) {
  if (rank > 0) letFirstRankSpeak();
  std::fflush(stdout);
  const auto* fault = dynamic_cast<const Fault*>(&error);
  std::string text = "error: ";
  if (rank > 0)
    text += "rank " + std::to_string(rank) +
            (step > 0.0 ? ", step " + std::to_string(static_cast<long long>(step)) : "") + ": ";
  text += std::string(error.what()) + "\n";
  if (fault && !fault->wayOut().empty()) text += "help: " + fault->wayOut() + "\n";
  std::fputs(text.c_str(), stderr);
}

std::string pathOf(const LoaderInfo& loader, const Config& config) {
  return loader.pathConfig ? config.text(loader.pathConfig) : loader.path;
}

const char* unitOf(const ProgramInfo& program) {
  for (const LoaderInfo& loader : program.loaders)
    if (loader.kind == SourceKind::tokens) return "tokens";
  return "samples";
}

/** Everything that can be wrong before the first step is found here. */
void setUp(Run::Services& services, int variant) {
  const ProgramInfo& program = services.program;
  const Options& options = services.options;
  World& world = services.world;
  if (world.rank() == 0)
    for (const std::string* path : {&options.exportTo, &options.dumpGradients})
      if (!path->empty()) checkWritable(*path);
  services.reporter = std::make_unique<Reporter>(world.rank() == 0, options.metrics, unitOf(program), options.maxSteps);
  for (const LoaderInfo& loader : program.loaders)
    services.loaders.push_back(std::make_unique<Loader>(loader, pathOf(loader, services.config), services.degrees,
                                                        services.coordinates, options.seed));
  if (options.plan) services.reporter->console().write(describePlan(program, variant));
  const auto place = static_cast<std::size_t>(services.coordinates[static_cast<std::size_t>(Axis::pp)]);
  const auto [stateBytes, arenaBytes] = program.variants[static_cast<std::size_t>(variant)].areas[place];
  checkAvailable(world.sumOnMachine(stateBytes + arenaBytes), world.localSize());
  world.barrier();
  services.memory = std::make_unique<Memory>(stateBytes, arenaBytes);
  for (int axis = 0; axis < numAxes; axis++) {
    const bool isAlone = services.degrees[static_cast<std::size_t>(axis)] == 1;
    const auto group = static_cast<int>(groupOf(world.rank(), static_cast<Axis>(axis), services.degrees));
    services.communicators[static_cast<std::size_t>(axis)] = isAlone ? makeSingleWorld()->split(0) : world.split(group, static_cast<Axis>(axis) == Axis::pp);
  }
  if (!options.dumpGradients.empty()) services.gradients.emplace(options.dumpGradients, options.dumpSteps);
}

void finish(Run& run, Run::Services& services, int variant) {
  const Options& options = services.options;
  if (run.isObserving()) {
    if (services.gradients->stepsDone() == 0)
      throw Fault("--dump-gradients: the program ended before its first step, so there are no gradients");
    if (services.world.rank() == 0) services.gradients->write();
  }
  if (!options.exportTo.empty()) {
    exportWeights({services.program, variant, services.degrees, services.coordinates, services.memory->states()},
                  services.world, options.exportTo);
    services.reporter->checkpoint(services.step, options.exportTo);
  }
  services.reporter->end(services.step, run.seconds(), measureMemory().peak);
  if (options.plan) services.reporter->console().write(describeUse(services.program, variant));
}

/** A rank's fault is reported, and ends the others, before its communicators go: their end would wait for all ranks. */
void runProgram(const ProgramInfo& program, const Options& options, const Config& config, World& world) {
  Run::Services services(program, options, config, world);
  try {
    const int variant = chooseVariant(program, world.size());
    services.degrees = degreesOf(program.variants[static_cast<std::size_t>(variant)]);
    services.coordinates = coordinatesOf(world.rank(), services.degrees);
    setUp(services, variant);
    Run run;
    RunAccess::bind(run, services, variant, options.seed);
    RunAccess::setObserving(run, services.gradients.has_value());
    watchSignals(world.rank() == 0);
    program.runHost(run);
    finish(run, services, variant);
    world.barrier();
  } catch (const std::exception& error) {
    report(error, world.rank(), services.step);
    world.abort(1);
  }
}

}  // namespace

int main(int argc, char** argv, const ProgramInfo& program) {
  const Launch launch = readLaunch();
  try {
    const Options options = parseOptions(argc, argv);
    if (options.help) {
      if (launch.rank == 0) std::fputs(helpText(program.name).c_str(), stdout);
      return 0;
    }
    const Config config(program.config, options.settings);
    if (options.printConfig) {
      if (launch.rank == 0) std::fputs(config.print().c_str(), stdout);
      return 0;
    }
    chooseVariant(program, launch.size);
    const std::unique_ptr<World> world = startWorld(launch, countCores());
    setUpThreads(world->localRank(), world->localSize());
    runProgram(program, options, config, *world);
    return 0;
  } catch (const std::exception& error) {
    // All ranks meet the same faults here.
    if (launch.rank == 0)
      report(error, 0, 0.0);
    else
      letFirstRankSpeak();
    return dynamic_cast<const UsageFault*>(&error) ? 2 : 1;
  }
}

}  // namespace dream
