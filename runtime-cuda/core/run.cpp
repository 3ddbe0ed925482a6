// What graphs and host code ask of a run.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "checkpoint/weights.h"
#include "core/element-size.h"
#include "core/fault.h"
#include "core/services.h"
#include "core/signals.h"
#include "dream/bf16.h"

namespace dream {

void RunAccess::bind(Run& run, Run::Services& services, int variant, std::uint32_t seed) {
  run.services_ = &services;
  run.states_ = services.memory->states();
  run.arena_ = services.memory->arena();
  run.variant_ = variant;
  run.seed_ = seed;
  for (int axis = 0; axis < numAxes; axis++) {
    run.degrees_[axis] = services.degrees[static_cast<std::size_t>(axis)];
    run.coordinates_[axis] = services.coordinates[static_cast<std::size_t>(axis)];
  }
}

// -- Tensors ----------------------------------------------------------------------------------------------------------

Tensor::Tensor(DType dtype, std::shared_ptr<std::byte[]> memory, std::int64_t numElements)
    : dtype_(dtype), memory_(std::move(memory)), numElements_(numElements) {}

double Tensor::item() const {
  if (numElements_ != 1) throw Fault("a tensor of " + std::to_string(numElements_) + " elements is no single number");
  switch (dtype_) {
    case DType::f32:
      return *data<float>();
    case DType::bf16:
      return *data<bf16>();
    case DType::i32:
      return *data<std::int32_t>();
    case DType::boolean:
      return *data<std::uint8_t>() != 0 ? 1.0 : 0.0;
  }
  throw Fault("a tensor has no dtype");
}

Tensor Run::newTensor(DType dtype, std::int64_t numElements) {
  const std::size_t numBytes = (static_cast<std::size_t>(numElements) * elementSize(dtype) + 63) / 64 * 64;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(64, numBytes == 0 ? 64 : numBytes));
  if (!memory) throw Fault("no memory for a tensor of " + std::to_string(numBytes) + " bytes");
  return {dtype, std::shared_ptr<std::byte[]>(memory, [](std::byte* bytes) { std::free(bytes); }), numElements};
}

// -- For graphs -------------------------------------------------------------------------------------------------------

DimSpan Run::span(std::int64_t size, std::initializer_list<Axis> axes, std::int64_t unit, std::int64_t extent,
                  bool isHeadTail) const {
  const DimSplit split{{axes.begin(), axes.size()}, unit, extent, isHeadTail};
  return spanOf(size, split, services_->degrees, services_->coordinates);
}

DimSpan Run::turnedSpan(Axis around, std::int64_t by, std::int64_t size, std::initializer_list<Axis> axes,
                        std::int64_t unit, std::int64_t extent, bool isHeadTail) const {
  PerAxis at = services_->coordinates;
  at[static_cast<std::size_t>(around)] = coordinate(around, by);
  return spanOf(size, {{axes.begin(), axes.size()}, unit, extent, isHeadTail}, services_->degrees, at);
}

Communicator& Run::communicator(Axis axis) { return *services_->communicators[static_cast<std::size_t>(axis)]; }

void Run::observe(const Observed& observed) {
  if (isObserving_)
    services_->gradients->observe(observed, services_->degrees, services_->coordinates);
}

// -- For host code ----------------------------------------------------------------------------------------------------

double Run::configNumber(const char* path) const { return services_->config.number(path); }
bool Run::configBoolean(const char* path) const { return services_->config.boolean(path); }
std::string Run::configText(const char* path) const { return services_->config.text(path); }

Batch Run::fetch(int loader, double epoch, double index) {
  services_->reporter->startClock();
  return services_->loaders[static_cast<std::size_t>(loader)]->fetch(std::llround(epoch), std::llround(index));
}

double Run::numBatches(int loader) const {
  return static_cast<double>(services_->loaders[static_cast<std::size_t>(loader)]->numBatches());
}

void Run::print(std::string_view text) { services_->reporter->console().line(text); }
void Run::write(std::string_view text) { services_->reporter->console().write(text); }

void Run::log(LogEvent event, double step, double epoch, std::initializer_list<Metric> metrics, double tokens,
              bool console) {
  services_->reporter->log(event, step, epoch, metrics, tokens, console);
  if (event != LogEvent::train) return;
  services_->step = step;
  services_->world.setStep(step);
  if (!isObserving_) return;
  services_->gradients->gather(services_->program, services_->world, services_->degrees, services_->coordinates);
  if (!services_->gradients->endStep()) return;
  isObserving_ = false;
  if (services_->world.rank() == 0) services_->gradients->write();
}

void Run::progress(double done, double total) { services_->reporter->progress(done, total); }

void Run::initialized() {
  const std::string& path = services_->options.initFrom;
  if (path.empty()) return;
  loadWeights({services_->program, variant_, services_->degrees, services_->coordinates, states_}, path);
}

bool Run::shouldStop(double step) {
  services_->reporter->startClock();
  // Every rank asks at the same steps, so that all hear of a signal at the same one.
  const bool isAsked = services_->world.anyAsks(wasSignalled());
  return isAsked || !(step < services_->options.maxSteps);
}

double Run::worldSize() const { return services_->world.size(); }

double Run::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - services_->start).count();
}

}  // namespace dream
