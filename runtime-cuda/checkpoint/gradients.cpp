// Observed values are gathered whole on the first rank and written together.
#include "checkpoint/gradients.h"

#include "checkpoint/safetensors.h"
#include "checkpoint/shards.h"
#include "dream/bf16.h"

namespace dream {

namespace {

float elementOf(const void* data, DType dtype, std::int64_t i) {
  switch (dtype) {
    case DType::f32:
      return static_cast<const float*>(data)[i];
    case DType::bf16:
      return static_cast<const bf16*>(data)[i];
    case DType::i32:
      return static_cast<float>(static_cast<const std::int32_t*>(data)[i]);
    case DType::boolean:
      return static_cast<const std::uint8_t*>(data)[i] != 0 ? 1.0f : 0.0f;
  }
  return __builtin_nanf("");
}

}  // namespace

void GradientDump::observe(const Run::Observed& observed, const PerAxis& degrees, const PerAxis& coordinates) {
  const auto spans = spansOf(observed.shape, observed.splits, degrees, coordinates);
  const std::vector<std::int64_t> strides(observed.strides.begin(), observed.strides.end());
  std::int64_t localElements = 1;
  for (const DimSpan& span : spans) localElements *= span.count;
  // The view becomes contiguous float32 first: strides of other ranks are their own business.
  std::vector<float> local(static_cast<std::size_t>(localElements), 0.0f);
  std::vector<DimSpan> here = spans;
  for (DimSpan& span : here) span = {0, span.count, span.valid, span.count, 0};
  std::vector<std::int64_t> localShape;
  for (const DimSpan& span : spans) localShape.push_back(span.count);
  forEachRun({localShape.data(), localShape.size()}, here, strides,
             [&](std::int64_t to, std::int64_t from, std::int64_t stride, std::int64_t count) {
               for (std::int64_t i = 0; i < count; i++)
                 local[static_cast<std::size_t>(to + i)] = elementOf(observed.data, observed.dtype, from + i * stride);
             });
  parts_[observed.label] = std::move(local);
}

void GradientDump::gather(const ProgramInfo& program, World& world, const PerAxis& degrees,
                          const PerAxis& coordinates) {
  for (const ObservedInfo& observed : program.observed) {
    std::size_t wholeElements = 1, localElements = 1;
    for (const std::int64_t size : observed.shape) wholeElements *= static_cast<std::size_t>(size);
    for (const DimSpan& span : spansOf(observed.shape, observed.splits, degrees, coordinates))
      localElements *= static_cast<std::size_t>(span.count);
    const auto mine = parts_.find(observed.label);
    const bool takesPart =
        mine != parts_.end() && isFirstHolder(observed.splits, coordinates, observed.place) &&
        mine->second.size() == localElements;
    std::vector<float> whole(world.rank() == 0 ? wholeElements : 0);
    bool isSeen = false;
    world.gather(takesPart ? mine->second.data() : nullptr, localElements * sizeof(float), takesPart,
                 [&](int rank, const void* bytes) {
                   const auto theirs = spansOf(observed.shape, observed.splits, degrees, coordinatesOf(rank, degrees));
                   const auto* from = static_cast<const float*>(bytes);
                   isSeen = true;
                   forEachRun(observed.shape, theirs, localStrides(theirs),
                              [&](std::int64_t at, std::int64_t place, std::int64_t, std::int64_t count) {
                                for (std::int64_t i = 0; i < count; i++)
                                  whole[static_cast<std::size_t>(at + i)] = from[place + i];
                              });
                 });
    if (!isSeen) continue;
    std::string name = observed.label;
    if (stepsDone_ > 0) name += "@" + std::to_string(static_cast<long long>(stepsDone_) + 1);
    values_[name] = {{observed.shape.begin(), observed.shape.end()}, std::move(whole)};
  }
  parts_.clear();
}

void GradientDump::write() const {
  std::vector<TensorToWrite> tensors;
  for (const auto& [label, value] : values_) tensors.push_back({label, FileDType::f32, value.shape});
  SafetensorsWriter writer(path_, tensors);
  for (const auto& [label, value] : values_)
    writer.append(value.elements.data(), value.elements.size() * sizeof(float));
  writer.finish();
}

}  // namespace dream
