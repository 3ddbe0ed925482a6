// Spans and coordinates, the same arithmetic as the compiler's (src/ir/local-size.ts, src/ir/mesh.ts).
#include "core/mesh.h"

#include <algorithm>

#include "core/fault.h"

namespace dream {

DimSpan spanOf(std::int64_t size, const DimSplit& split, const PerAxis& degrees, const PerAxis& coordinates) {
  const auto quotient = [](std::int64_t a, std::int64_t b) { return (a + b - 1) / b; };
  const auto clamp = [](std::int64_t value, std::int64_t high) { return std::clamp<std::int64_t>(value, 0, high); };
  DimSpan span{0, size, size, 0, 0};
  std::int64_t units = quotient(split.extent == 0 ? size : split.extent, split.unit);
  for (std::size_t i = 0; i < split.axes.size; i++) {
    const auto axis = static_cast<std::size_t>(split.axes[i]);
    const std::int64_t n = degrees[axis], at = coordinates[axis];
    if (i == 0 && split.isHeadTail && n > 1) {
      units = 2 * quotient(units, 2 * n);
      span.count = units * split.unit;
      const std::int64_t half = span.count / 2, tail = (2 * n - 1 - at) * half;
      span.start = at * half;
      span.cut = half;
      span.jump = tail - span.start - half;
      span.valid = clamp(size - span.start, half) + clamp(size - tail, half);
    } else {
      units = quotient(units, n);
      span.count = units * split.unit;
      const std::int64_t before = at * span.count;
      span.start += before;
      span.cut -= before;
      span.valid = clamp(span.valid - before, span.count);
    }
  }
  span.cut = span.jump == 0 ? span.count : clamp(span.cut, span.count);
  return span;
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
