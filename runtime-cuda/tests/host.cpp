// Host functions against what JavaScript gives.
#include "dream/host.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "core/fault.h"

namespace host = dream::host;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();
const double notANumber = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_SUITE("host") {
  TEST_CASE("numbers become text as in JavaScript") {
    const std::pair<double, const char*> cases[] = {
        {0.1, "0.1"},
        {1.0 / 3, "0.3333333333333333"},
        {1e21, "1e+21"},
        {1e-7, "1e-7"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e300, "1e+300"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {-0.0, "0"},
        {100.0, "100"},
        {0.000001, "0.000001"},
        {1.5e-7, "1.5e-7"},
        {123456.789, "123456.789"},
        {4.35, "4.35"},
        {0.5, "0.5"},
        {9007199254740992.0, "9007199254740992"},
        {1e22, "1e+22"},
        {-1e-10, "-1e-10"},
        {1e5, "100000"},
        {notANumber, "NaN"},
        {inf, "Infinity"},
        {-inf, "-Infinity"},
        {-42.0, "-42"},
    };
    for (const auto& [value, text] : cases) CHECK(host::text(value) == text);
    CHECK(host::text(true) == "true");
  }

  TEST_CASE("toFixed rounds the exact value, halves away from zero") {
    const std::tuple<double, int, const char*> cases[] = {
        {0.5, 0, "1"},
        {1.5, 0, "2"},
        {2.5, 0, "3"},
        {-0.5, 0, "-1"},
        {1.005, 2, "1.00"},
        {1.45, 1, "1.4"},
        {8.345, 2, "8.35"},
        {0.000001, 7, "0.0000010"},
        {123.456, 2, "123.46"},
        {1e21, 2, "1e+21"},
        {-1.5, 0, "-2"},
        {0, 2, "0.00"},
        {-0.0, 2, "0.00"},
        {-0.0001, 2, "-0.00"},
        {1.25, 1, "1.3"},
        {99.995, 2, "100.00"},
        {1e20, 2, "100000000000000000000.00"},
        {0.1, 20, "0.10000000000000000555"},
        {9.999, 2, "10.00"},
        {1234.5678, 3, "1234.568"},
        {notANumber, 2, "NaN"},
        {-inf, 2, "-Infinity"},
    };
    for (const auto& [value, digits, text] : cases) CHECK(host::toFixed(value, digits) == text);
    CHECK_THROWS_AS(host::toFixed(1.0, 101), dream::Fault);
  }

  TEST_CASE("operators and Math functions") {
    CHECK(host::remainder(-7, 3) == -1);
    CHECK(host::remainder(7, -3) == 1);
    CHECK(host::remainder(5.5, 2) == 1.5);
    CHECK(std::signbit(host::remainder(-1, 1)));
    CHECK(std::isnan(host::remainder(1, 0)));
    CHECK(std::isnan(host::power(1, notANumber)));
    CHECK(host::power(notANumber, 0) == 1);
    CHECK(std::isnan(host::power(-1, inf)));
    CHECK(host::power(2, 10) == 1024);
    CHECK(std::isnan(host::power(-8, 1.0 / 3)));
    CHECK(host::round(2.5) == 3);
    CHECK(host::round(-2.5) == -2);
    CHECK(host::round(0.49999999999999994) == 0);
    CHECK(std::signbit(host::round(-0.2)));
    CHECK(host::round(4503599627370495.5) == 4503599627370496.0);
    CHECK(std::isnan(host::round(notANumber)));
    CHECK(std::signbit(host::sign(-0.0)));
    CHECK(std::isnan(host::sign(notANumber)));
    CHECK(host::max({}) == -inf);
    CHECK(host::min({}) == inf);
    CHECK(host::max({1, 3, 2}) == 3);
    CHECK(std::isnan(host::max({1, notANumber, 2})));
    CHECK_FALSE(std::signbit(host::max({-0.0, 0.0})));
    CHECK(std::signbit(host::min({0.0, -0.0})));
    CHECK_FALSE(host::truthy(notANumber));
    CHECK_FALSE(host::truthy(-0.0));
    CHECK(host::truthy(-inf));
    CHECK_FALSE(host::truthy(std::string()));
    CHECK(host::character(65.0) == "A");
    CHECK(host::character(195.0) == "\xc3");
    CHECK_THROWS_WITH_AS(host::fail("no"), "no", dream::Fault);
  }
}
