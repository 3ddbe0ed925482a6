// `--plan`: what takes the memory of a rank, and what was used.
#pragma once

#include <string>

#include "dream/program.h"

namespace dream {

std::string describePlan(const ProgramInfo& program, int variant);
std::string describeUse(const ProgramInfo& program, int variant);

}  // namespace dream
