// Ranks of a mesh, and what each holds of a dim: every axis of a split cuts in turn, in whole units, and rounds up.
#pragma once

#include <array>
#include <string>

#include "dream/program.h"

namespace dream {

using PerAxis = std::array<std::int64_t, numAxes>;

DimSpan spanOf(std::int64_t size, const DimSplit& split, const PerAxis& degrees, const PerAxis& coordinates);

const char* nameOf(Axis axis);
PerAxis degreesOf(const VariantInfo& variant);
std::int64_t numRanks(const PerAxis& degrees);
/** Row-major over the axes: neighbours on `tp` are neighbours in rank. */
PerAxis coordinatesOf(std::int64_t rank, const PerAxis& degrees);
/** Ranks that differ on `axis` alone have the same one. */
std::int64_t groupOf(std::int64_t rank, Axis axis, const PerAxis& degrees);

/** The variant that a world of this size runs. Throws a `Fault` that says which sizes fit. */
int chooseVariant(const ProgramInfo& program, std::int64_t worldSize);

}  // namespace dream
