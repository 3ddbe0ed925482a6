// JavaScript's operators and texts of numbers (ECMAScript: Number::toString, toFixed, Math.*).
#include "dream/host.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "core/fault.h"

namespace dream::host {

namespace {

/** The shortest digits d1 d2 ... that read back as `value`, which is 0.d1d2... times 10^point. */
struct Decimal {
  std::string digits;
  int point;
};

Decimal shortest(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string text(buffer, end);
  const std::size_t e = text.find('e');
  std::string digits = text.substr(0, 1);
  if (e > 2) digits += text.substr(2, e - 2);
  return {digits, std::stoi(text.substr(e + 1)) + 1};
}

/** All digits of a double below 1e21: it has at most 1074 behind the point. */
std::string exactDigits(double value) {
  char buffer[1120];
  const int length = std::snprintf(buffer, sizeof buffer, "%.1074f", value);
  return {buffer, static_cast<std::size_t>(length)};
}

/** Adds one to the last place of a decimal number. */
void increment(std::string& digits) {
  for (std::size_t i = digits.size(); i-- > 0;) {
    if (digits[i] == '.') continue;
    if (digits[i] != '9') {
      digits[i]++;
      return;
    }
    digits[i] = '0';
  }
  digits.insert(digits.begin(), '1');
}

}  // namespace

std::string text(double value) {
  if (std::isnan(value)) return "NaN";
  if (value == 0.0) return "0";
  if (value < 0.0) return "-" + text(-value);
  if (std::isinf(value)) return "Infinity";
  const auto [digits, point] = shortest(value);
  const int count = static_cast<int>(digits.size());
  if (count <= point && point <= 21) return digits + std::string(point - count, '0');
  if (0 < point && point <= 21) return digits.substr(0, point) + "." + digits.substr(point);
  if (-6 < point && point <= 0) return "0." + std::string(-point, '0') + digits;
  const int exponent = point - 1;
  const std::string power = (exponent < 0 ? "e-" : "e+") + std::to_string(exponent < 0 ? -exponent : exponent);
  return digits.substr(0, 1) + (count > 1 ? "." + digits.substr(1) : "") + power;
}

std::string text(bool value) { return value ? "true" : "false"; }

std::string toFixed(double value, int digits) {
  if (digits < 0 || digits > 100) fail("toFixed() digits argument must be between 0 and 100");
  if (!(std::fabs(value) < 1e21)) return text(value);
  if (value < 0.0) return "-" + toFixed(-value, digits);
  const std::string exact = exactDigits(std::fabs(value));
  const std::size_t end = exact.find('.') + 1 + static_cast<std::size_t>(digits);
  std::string rounded = exact.substr(0, digits == 0 ? end - 1 : end);
  if (exact[end] >= '5') increment(rounded);
  return rounded;
}

std::string character(double code) {
  return std::string(1, static_cast<char>(static_cast<unsigned char>(static_cast<std::int64_t>(code))));
}

double remainder(double left, double right) { return std::fmod(left, right); }

double power(double base, double exponent) {
  if (std::isnan(exponent) || (std::fabs(base) == 1.0 && std::isinf(exponent)))
    return std::numeric_limits<double>::quiet_NaN();
  return std::pow(base, exponent);
}

double round(double value) {
  const double below = std::floor(value);
  return std::copysign(value - below >= 0.5 ? below + 1.0 : below, value);
}

double sign(double value) { return value > 0.0 ? 1.0 : value < 0.0 ? -1.0 : value; }

double max(std::initializer_list<double> values) {
  double most = -std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (std::isnan(value)) return value;
    if (value > most || (value == most && !std::signbit(value))) most = value;
  }
  return most;
}

double min(std::initializer_list<double> values) {
  double least = std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (std::isnan(value)) return value;
    if (value < least || (value == least && std::signbit(value))) least = value;
  }
  return least;
}

void fail(const std::string& message) { throw Fault(message); }

}  // namespace dream::host
