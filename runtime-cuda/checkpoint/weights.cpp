// Names and shapes are matched first, all of them; then elements move between file and shards.
#include "checkpoint/weights.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "checkpoint/safetensors.h"
#include "checkpoint/shards.h"
#include "core/element-size.h"
#include "core/fault.h"
#include "core/nearest.h"
#include "dream/bf16.h"

namespace dream {

namespace {

constexpr std::size_t mostFaults = 20;

std::string describe(Span<std::int64_t> shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}
std::string describe(const std::vector<std::int64_t>& shape) {
  return describe(Span<std::int64_t>{shape.data(), shape.size()});
}

bool isWeight(const StateInfo& state) { return state.kind == StateKind::parameter || state.kind == StateKind::buffer; }

FileDType fileDType(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return FileDType::f32;
    case DType::bf16:
      return FileDType::bf16;
    case DType::i32:
      return FileDType::i32;
    case DType::boolean:
      return FileDType::boolean;
  }
  throw Fault("a state has no dtype");
}

bool isFloat(FileDType dtype) {
  return dtype == FileDType::f64 || dtype == FileDType::f32 || dtype == FileDType::f16 || dtype == FileDType::bf16;
}

std::vector<std::string> pathsOf(const StateInfo& state) {
  std::vector<std::string> paths{state.name};
  for (const char* path : state.otherPaths) paths.emplace_back(path);
  return paths;
}

/** What the file holds for each state, in the order of the table; null: nothing. Lists what does not fit. */
std::vector<const FileTensor*> match(const ProgramInfo& program, const SafetensorsFile& file,
                                     std::vector<std::string>& faults) {
  std::vector<const FileTensor*> matches;
  std::set<const FileTensor*> used;
  std::vector<std::string> fileNames;
  for (const FileTensor& tensor : file.tensors()) fileNames.push_back(tensor.name);
  for (const StateInfo& state : program.states) {
    const FileTensor* found = nullptr;
    if (isWeight(state)) {
      for (const std::string& path : pathsOf(state)) {
        const FileTensor* tensor = file.find(path);
        if (!tensor) continue;
        used.insert(tensor);
        if (tensor->shape != std::vector<std::int64_t>(state.shape.begin(), state.shape.end()))
          faults.push_back(path + " has shape " + describe(tensor->shape) + ", the program has " +
                           describe(state.shape));
        else if (isFloat(tensor->dtype) != isFloat(fileDType(state.dtype)))
          faults.push_back(path + " is " + nameOf(tensor->dtype) + ", the program has " +
                           nameOf(fileDType(state.dtype)));
        else if (!found)
          found = tensor;
        else if (tensor->dtype != found->dtype || tensor->end - tensor->begin != found->end - found->begin ||
                 std::memcmp(file.data(*tensor), file.data(*found),
                             static_cast<std::size_t>(found->end - found->begin)) != 0)
          faults.push_back(found->name + " and " + path + " are one tensor in the program and differ here");
      }
      const bool hasFault = !found && std::any_of(faults.begin(), faults.end(), [&](const std::string& fault) {
        return fault.rfind(std::string(state.name) + " ", 0) == 0;
      });
      if (!found && !hasFault && state.kind == StateKind::parameter)
        faults.push_back(std::string(state.name) + " is missing" + didYouMean(state.name, fileNames));
    }
    matches.push_back(found);
  }
  std::vector<std::string> names;
  for (const StateInfo& state : program.states)
    if (isWeight(state))
      for (const std::string& path : pathsOf(state)) names.push_back(path);
  for (const FileTensor& tensor : file.tensors())
    if (used.count(&tensor) == 0)
      faults.push_back(tensor.name + " belongs to nothing in the program" + didYouMean(tensor.name, names));
  return matches;
}

void store(std::byte* to, DType dtype, std::int64_t i, double value) {
  switch (dtype) {
    case DType::f32:
      reinterpret_cast<float*>(to)[i] = static_cast<float>(value);
      return;
    case DType::bf16:
      reinterpret_cast<bf16*>(to)[i] = static_cast<float>(value);
      return;
    case DType::i32:
      reinterpret_cast<std::int32_t*>(to)[i] = static_cast<std::int32_t>(value);
      return;
    case DType::boolean:
      reinterpret_cast<std::uint8_t*>(to)[i] = value != 0.0;
      return;
  }
}

}  // namespace

void loadWeights(const StateArea& area, const std::string& path) {
  const SafetensorsFile file(path);
  std::vector<std::string> faults;
  const std::vector<const FileTensor*> matches = match(area.program, file, faults);
  if (!faults.empty()) {
    std::string message = path + " does not fit " + area.program.name + ":";
    for (std::size_t i = 0; i < faults.size() && i < mostFaults; i++) message += "\n  " + faults[i];
    if (faults.size() > mostFaults) message += "\n  and " + std::to_string(faults.size() - mostFaults) + " more";
    throw Fault(message);
  }
  for (std::size_t i = 0; i < matches.size(); i++) {
    if (!matches[i]) continue;
    const FileTensor& tensor = *matches[i];
    const StateInfo& state = area.program.states[i];
    if (state.place >= 0 && state.place != area.coordinates[static_cast<std::size_t>(Axis::pp)]) continue;
    const auto spans = spansOf(state.shape, state.splits, area.degrees, area.coordinates);
    std::byte* to = area.states + state.offset[static_cast<std::size_t>(area.variant)];
    const std::byte* from = file.data(tensor);
    const bool isSame = tensor.dtype == fileDType(state.dtype);
    const auto size = static_cast<std::int64_t>(elementSize(state.dtype));
    forEachRun(state.shape, spans, localStrides(spans),
               [&](std::int64_t whole, std::int64_t local, std::int64_t, std::int64_t count) {
                 if (isSame)
                   std::memcpy(to + local * size, from + whole * size, static_cast<std::size_t>(count * size));
                 else
                   for (std::int64_t k = 0; k < count; k++)
                     store(to, state.dtype, local + k, elementAt(from, tensor.dtype, whole + k));
               });
  }
}

void exportWeights(const StateArea& area, World& world, const std::string& path) {
  std::vector<TensorToWrite> tensors;
  std::vector<const StateInfo*> states;
  for (const StateInfo& state : area.program.states) {
    if (!isWeight(state)) continue;
    states.push_back(&state);
    tensors.push_back({state.name, fileDType(state.dtype), {state.shape.begin(), state.shape.end()}});
  }
  std::unique_ptr<SafetensorsWriter> writer;
  if (world.rank() == 0) writer = std::make_unique<SafetensorsWriter>(path, tensors);
  std::vector<std::byte> whole;
  for (const StateInfo* state : states) {
    const auto spans = spansOf(state->shape, state->splits, area.degrees, area.coordinates);
    const auto size = elementSize(state->dtype);
    std::size_t localBytes = size, wholeBytes = size;
    for (const DimSpan& span : spans) localBytes *= static_cast<std::size_t>(span.count);
    for (const std::int64_t extent : state->shape) wholeBytes *= static_cast<std::size_t>(extent);
    if (writer) whole.assign(wholeBytes, std::byte{0});
    const std::byte* mine = area.states + state->offset[static_cast<std::size_t>(area.variant)];
    world.gather(mine, localBytes, isFirstHolder(state->splits, area.coordinates, state->place), [&](int rank, const void* bytes) {
      const auto theirs = spansOf(state->shape, state->splits, area.degrees, coordinatesOf(rank, area.degrees));
      const auto* from = static_cast<const std::byte*>(bytes);
      forEachRun(state->shape, theirs, localStrides(theirs),
                 [&](std::int64_t at, std::int64_t local, std::int64_t, std::int64_t count) {
                   std::memcpy(whole.data() + static_cast<std::size_t>(at) * size,
                               from + static_cast<std::size_t>(local) * size, static_cast<std::size_t>(count) * size);
                 });
    });
    if (writer) writer->append(whole.data(), wholeBytes);
  }
  if (writer) writer->finish();
}

}  // namespace dream
