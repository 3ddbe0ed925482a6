// The vector functions against C's in double precision, over all exponents and both signs.
#include "dream/math.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace dream;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const float notANumber = std::numeric_limits<float>::quiet_NaN();

/** Distance in units in the last place of the right answer; the spacing of subnormal numbers near zero. */
double ulps(float value, double right) {
  if (std::isnan(right)) return std::isnan(value) ? 0.0 : 1e30;
  const auto rounded = static_cast<float>(right);
  if (std::isinf(rounded) || std::isinf(value)) return rounded == value ? 0.0 : 1e30;
  const float size = std::fabs(rounded);
  const double unit = static_cast<double>(std::nextafter(size, inf)) - size;
  return std::fabs(value - right) / unit;
}

/** Floats of both signs and every exponent, zeros, infinities and NaN among them. */
std::vector<float> sweep(float from, float to) {
  std::vector<float> values{0.0f, -0.0f, inf, -inf, notANumber, 1.0f, -1.0f};
  for (std::uint64_t word = 0; word < 0x100000000ull; word += 4099) {
    const float value = bits::toFloat(static_cast<std::uint32_t>(word));
    if (value >= from && value <= to) values.push_back(value);
  }
  return values;
}

/** The arguments go through an array, so that the loop is the vector code that kernels have. */
template <class F, class Right>
double worst(float from, float to, const F& function, const Right& right) {
  const std::vector<float> x = sweep(from, to);
  std::vector<float> y(x.size());
  for (std::size_t i = 0; i < x.size(); i++) y[i] = function(x[i]);
  double most = 0.0;
  for (std::size_t i = 0; i < x.size(); i++) {
    const bool isListed = i < 7;
    if (isListed && !(x[i] >= from && x[i] <= to) && from > -inf) continue;
    const double error = ulps(y[i], right(static_cast<double>(x[i])));
    if (!(error <= most)) {
      most = error;
      INFO("x = ", x[i], " y = ", y[i], " right = ", right(static_cast<double>(x[i])));
      CHECK(error <= 4.0);
    }
  }
  return most;
}

}  // namespace

TEST_SUITE("math") {
  TEST_CASE("functions of one number are within two or three units in the last place, everywhere") {
    CHECK(worst(-inf, inf, [](float x) { return math::exp(x); }, [](double x) { return std::exp(x); }) <= 1.5);
    CHECK(worst(-inf, inf, [](float x) { return math::log(x); }, [](double x) { return std::log(x); }) <= 1.5);
    CHECK(worst(-inf, inf, [](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); }) <= 2.0);
    CHECK(worst(-inf, inf, [](float x) { return math::erf(x); }, [](double x) { return std::erf(x); }) <= 2.0);
    CHECK(worst(
              -inf, inf, [](float x) { return math::sigmoid(x); },
              [](double x) { return 1.0 / (1.0 + std::exp(-x)); }) <= 2.5);
    CHECK(worst(-inf, inf, [](float x) { return math::sqrt(x); }, [](double x) { return std::sqrt(x); }) <= 0.51);
    CHECK(worst(-inf, inf, [](float x) { return math::rsqrt(x); }, [](double x) { return 1.0 / std::sqrt(x); }) <= 1.5);
    CHECK(worst(-inf, inf, [](float x) { return math::floor(x); }, [](double x) { return std::floor(x); }) == 0.0);
    CHECK(worst(-1e6f, 1e6f, [](float x) { return math::sin(x); }, [](double x) { return std::sin(x); }) <= 2.0);
    CHECK(worst(-1e6f, 1e6f, [](float x) { return math::cos(x); }, [](double x) { return std::cos(x); }) <= 2.0);
    CHECK(std::isnan(math::sin(inf)));
    CHECK(std::isnan(math::cos(notANumber)));
  }

  TEST_CASE("pow has C's special cases and is right elsewhere") {
    const float bases[] = {0.0f,   -0.0f,  1.0f,  -1.0f, 0.5f, 2.0f, -2.0f,      3.7f,      -3.7f,
                           1e-40f, 1e-20f, 1e20f, 3e38f, inf,  -inf, notANumber, 0.999999f, 1.000001f};
    const float exponents[] = {0.0f, -0.0f,  1.0f,    -1.0f, 2.0f,        3.0f, -3.0f, 0.5f,      -0.5f,
                               1.7f, 100.0f, -100.0f, 1e10f, 16777217.0f, inf,  -inf,  notANumber};
    for (const float base : bases) {
      for (const float exponent : exponents) {
        const float value = math::pow(base, exponent);
        INFO(base, " to ", exponent, " is ", value);
        CHECK(ulps(value, std::pow(static_cast<double>(base), static_cast<double>(exponent))) <= 1.0);
      }
    }
    for (const float exponent : {2.0f, 3.0f, 0.3f, -1.9f})
      CHECK(worst(
                0.0f, inf, [&](float x) { return math::pow(x, exponent); },
                [&](double x) { return std::pow(x, static_cast<double>(exponent)); }) <= 1.0);
  }

  TEST_CASE("maximum and minimum keep NaN, sign keeps it too") {
    CHECK(std::isnan(math::maximum(notANumber, 1.0f)));
    CHECK(std::isnan(math::maximum(1.0f, notANumber)));
    CHECK(std::isnan(math::minimum(notANumber, 1.0f)));
    CHECK(std::isnan(math::minimum(1.0f, notANumber)));
    CHECK(math::maximum(-inf, 2.0f) == 2.0f);
    CHECK(math::minimum(-inf, 2.0f) == -inf);
    CHECK(std::isnan(math::sign(notANumber)));
    CHECK(math::sign(-3.0f) == -1.0f);
    CHECK(math::maximum(std::int64_t{3}, std::int64_t{-4}) == 3);
    CHECK(math::sign(std::int64_t{-4}) == -1);
  }

  TEST_CASE("toInteger cuts towards zero and ends at the ends of int32") {
    CHECK(math::toInteger(2.9f) == 2);
    CHECK(math::toInteger(-2.9f) == -2);
    CHECK(math::toInteger(1e20f) == 2147483520);
    CHECK(math::toInteger(-1e20f) == -2147483648ll);
    CHECK(math::toInteger(notANumber) == 0);
  }

  TEST_CASE("bf16 rounds to the nearest, ties to even") {
    CHECK(math::roundToBf16(1.0f) == 1.0f);
    CHECK(math::roundToBf16(1.00390625f) == 1.0f);        // halfway, down to even
    CHECK(math::roundToBf16(1.01171875f) == 1.015625f);   // halfway, up to even
    CHECK(math::roundToBf16(1.00390637f) == 1.0078125f);  // just above halfway
    CHECK(math::roundToBf16(3.4e38f) == inf);
    CHECK(math::roundToBf16(-inf) == -inf);
    CHECK(std::isnan(math::roundToBf16(notANumber)));
    CHECK(std::isnan(math::roundToBf16(bits::toFloat(0x7f800001u))));
    CHECK(math::roundToBf16(1e-40f) == doctest::Approx(1e-40f).epsilon(0.01));
  }
}
