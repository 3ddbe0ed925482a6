// Where samples come from. A source knows how many there are and copies a box of one field of one sample.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/mesh.h"
#include "dream/program.h"

namespace dream {

class Source {
 public:
  virtual ~Source() = default;
  virtual std::int64_t numSamples() const = 0;
  /**
   * Writes this rank's part of a field of sample `index`: `spans` for each dim of the sample, row-major with their
   * counts; what does not exist is 0. Throws a `Fault` that names file and offset on data that is not fit.
   */
  virtual void read(int field, std::int64_t index, const std::vector<DimSpan>& spans, std::byte* to) const = 0;
};

/** `path`: from the loader's table or the config. Throws a `Fault` on files that do not fit the table. */
std::unique_ptr<Source> openTokens(const LoaderInfo& loader, const std::string& path);
std::unique_ptr<Source> openTensors(const LoaderInfo& loader, const std::string& path);

}  // namespace dream
