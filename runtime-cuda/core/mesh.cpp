// Spans and coordinates, the same arithmetic as the compiler's (src/ir/local-size.ts, src/ir/mesh.ts).
#include "core/mesh.h"

#include <algorithm>

#include "core/fault.h"

namespace dream {

DimSpan spanOf(std::int64_t size, const Axis* axes, std::size_t count, std::int64_t unit, const PerAxis& degrees,
               const PerAxis& coordinates) {
  DimSpan span{0, size, size};
  std::int64_t units = (size + unit - 1) / unit;
  for (std::size_t i = 0; i < count; i++) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    units = (units + degrees[axis] - 1) / degrees[axis];
    span.count = units * unit;
    const std::int64_t before = coordinates[axis] * span.count;
    span.start += before;
    span.valid = std::max<std::int64_t>(0, std::min(span.count, span.valid - before));
  }
  return span;
}

DimSpan spanOf(std::int64_t size, const DimSplit& split, const PerAxis& degrees, const PerAxis& coordinates) {
  return spanOf(size, split.axes.data, split.axes.size, split.unit, degrees, coordinates);
}

const char* nameOf(Axis axis) {
  static constexpr const char* names[numAxes] = {"pp", "dpReplicate", "dpShard", "cp", "tp"};
  return names[static_cast<int>(axis)];
}

PerAxis degreesOf(const VariantInfo& variant) {
  PerAxis degrees;
  std::copy(variant.degrees, variant.degrees + numAxes, degrees.begin());
  return degrees;
}

std::int64_t numRanks(const PerAxis& degrees) {
  std::int64_t product = 1;
  for (const std::int64_t degree : degrees) product *= degree;
  return product;
}

PerAxis coordinatesOf(std::int64_t rank, const PerAxis& degrees) {
  PerAxis at{};
  for (std::size_t axis = numAxes; axis-- > 0;) {
    at[axis] = rank % degrees[axis];
    rank /= degrees[axis];
  }
  return at;
}

std::int64_t groupOf(std::int64_t rank, Axis axis, const PerAxis& degrees) {
  std::int64_t stride = 1;
  for (int inner = numAxes - 1; inner > static_cast<int>(axis); inner--) stride *= degrees[inner];
  return rank - coordinatesOf(rank, degrees)[static_cast<int>(axis)] * stride;
}

namespace {

std::string describe(const ProgramInfo& program) {
  std::string text;
  for (int axis = 0; axis < numAxes; axis++) {
    const std::int64_t degree = program.degrees[axis];
    if (degree == 1) continue;
    text += (text.empty() ? "" : " x ") + std::string(nameOf(static_cast<Axis>(axis))) + " " +
            (degree == 0 ? "auto" : std::to_string(degree));
  }
  return text.empty() ? "one rank" : text;
}

}  // namespace

int chooseVariant(const ProgramInfo& program, std::int64_t worldSize) {
  std::string sizes;
  for (std::size_t i = 0; i < program.variants.size; i++) {
    const std::int64_t size = numRanks(degreesOf(program.variants[i]));
    if (size == worldSize) return static_cast<int>(i);
    sizes += (i == 0 ? "" : i + 1 == program.variants.size ? " or " : ", ") + std::to_string(size);
  }
  const std::string needed = sizes + (sizes == "1" ? " rank" : " ranks");
  throw Fault(std::string(program.name) + " is built for " + needed + " (" + describe(program) +
                  ") and was started on " + std::to_string(worldSize),
              sizes == "1" ? "start it without mpirun"
                           : "start it with mpirun -np " + sizes + ", or change deviceParameters and build it again");
}

}  // namespace dream
