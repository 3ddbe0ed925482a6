// The name that somebody probably meant.
#pragma once

#include <string>
#include <vector>

namespace dream {

/** The candidate with the fewest edits, if these are few enough to be a slip; else empty. */
std::string nearestName(const std::string& name, const std::vector<std::string>& candidates);

/** `; did you mean X?`, or nothing. */
std::string didYouMean(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace dream
