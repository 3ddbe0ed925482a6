// Random words and numbers against the compiler's reference (src/ops/random.ts), computed once, and their distribution.
#include "dream/random.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace dream;

TEST_SUITE("random") {
  TEST_CASE("the words are those of the reference") {
    const auto zero = math::philox({0, 0, 0, 0}, 0);  // Random123's known answers
    CHECK(zero.a == 1713891541u);
    CHECK(zero.b == 3781805453u);
    CHECK(zero.c == 3159862348u);
    CHECK(zero.d == 2600524760u);
    const auto ones = math::philox({0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}, 42);
    CHECK(ones.a == 2988320109u);
    CHECK(ones.b == 2086022806u);
    CHECK(ones.c == 3576519719u);
    CHECK(ones.d == 1990666863u);
  }

  TEST_CASE("the numbers are those of the reference") {
    struct Golden {
      std::int64_t element, step, stream, round;
      double uniform, normal;
    };
    const Golden goldens[] = {
        {0, 0, 0, 0, 0.6129598617553711, -0.970189708191932},
        {1, 2, 3, 4, 0.2340097427368164, -1.6908949813319285},
        {1000000, 17, 123456789, 11, 0.6729284524917603, -0.7687964014661104},
        {5000000000, 3, 4000000000, 2, 0.7015936970710754, 0.6331940265640671},
        {12345, -1, 7, 0, 0.2506232261657715, -1.3372202094461794},
    };
    for (const auto& [element, step, stream, round, uniform, normal] : goldens) {
      CHECK(math::randomUniform(42, stream, step, round, element) == static_cast<float>(uniform));
      CHECK(math::randomNormal(42, stream, step, round, element) == doctest::Approx(normal).epsilon(1e-6));
    }
  }

  TEST_CASE("the normal distribution has its moments, and no number that is not finite") {
    double sum = 0.0, squares = 0.0, fourths = 0.0;
    constexpr int n = 1 << 20;
    for (int i = 0; i < n; i++) {
      const double x = math::randomNormal(7, 1, 0, 0, i);
      REQUIRE(std::isfinite(x));
      sum += x;
      squares += x * x;
      fourths += x * x * x * x;
    }
    // Five standard errors.
    CHECK(std::fabs(sum / n) < 5.0 / 1024);
    CHECK(std::fabs(squares / n - 1.0) < 5.0 * std::sqrt(2.0) / 1024);
    CHECK(std::fabs(fourths / n - 3.0) < 5.0 * std::sqrt(96.0) / 1024);
  }
}
