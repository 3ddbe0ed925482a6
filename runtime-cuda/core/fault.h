// A fault of the run that its user can do something about: a message and the way out.
#pragma once

#include <stdexcept>
#include <string>

namespace dream {

class Fault : public std::runtime_error {
 public:
  /** `wayOut`: what to do about it; may be empty. */
  explicit Fault(const std::string& message, std::string wayOut = "")
      : std::runtime_error(message), wayOut_(std::move(wayOut)) {}
  const std::string& wayOut() const { return wayOut_; }

 private:
  std::string wayOut_;
};

/** Wrong flags: exit code 2. */
class UsageFault : public Fault {
 public:
  using Fault::Fault;
};

}  // namespace dream
