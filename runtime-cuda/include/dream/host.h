// What host code means by JavaScript's operators and functions, where C++ means something else.
#pragma once

#include <initializer_list>
#include <string>

namespace dream::host {

/** As String(value) gives it: the shortest decimal that reads back as the same double. */
std::string text(double value);
std::string text(bool value);
std::string text(const char*) = delete;
/** As value.toFixed(digits): rounded half away from zero, on the exact value. */
std::string toFixed(double value, int digits);
/** One byte of text, by its code. */
std::string character(double code);

/** `left % right`: the sign of the left side. */
double remainder(double left, double right);
/** `base ** exponent`: unlike C's pow, NaN for a NaN exponent and for 1 to an infinite power. */
double power(double base, double exponent);
/** Math.round: halves go up. */
double round(double value);
double sign(double value);
/** NaN if any is; of two zeros the positive (max) or negative one (min); of none: -Infinity or Infinity. */
double max(std::initializer_list<double> values);
double min(std::initializer_list<double> values);

inline bool truthy(double value) { return value < 0.0 || value > 0.0; }
inline bool truthy(bool value) { return value; }
inline bool truthy(const std::string& value) { return !value.empty(); }

/** Ends the run with this message: what `throw new Error(message)` does. */
[[noreturn]] void fail(const std::string& message);

}  // namespace dream::host
