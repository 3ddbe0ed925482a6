// What messages about a rank say of it.
#pragma once

#include <string>

namespace dream {

struct Place {
  int rank = 0;
  double step = 0;
  double deadlineSeconds = 600;
};

inline std::string describe(int rank, double step) { return "rank " + std::to_string(rank) + ", step " + std::to_string(static_cast<long long>(step)); }

}  // namespace dream
