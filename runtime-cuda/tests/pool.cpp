// The threads: every item once, whatever their number; faults reach the caller; loops in loops run in place.
#include "core/pool.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "dream/kernel.h"

using namespace dream;

TEST_SUITE("pool") {
  TEST_CASE("every item is done once") {
    const int before = pool::numThreads();
    for (const int threads : {1, 2, 3, 8}) {
      pool::start(threads);
      CHECK(pool::numThreads() == threads);
      for (int round = 0; round < 300; round++) {
        const std::int64_t n = round < 20 ? round : 7 * round;
        std::vector<std::atomic<int>> times(static_cast<std::size_t>(n));
        pool::forEach(n, [&](std::int64_t i) { times[static_cast<std::size_t>(i)]++; });
        for (const auto& each : times) REQUIRE(each == 1);
      }
    }
    pool::start(before);
  }

  TEST_CASE("loops cover their range in pieces of the grain at least") {
    const int before = pool::numThreads();
    for (const int threads : {1, 3}) {
      pool::start(threads);
      for (const std::int64_t n : {0, 1, 5, 100, 4096, 1000003})
        for (const std::int64_t grain : {1, 64, 100000}) {
          std::vector<std::atomic<int>> times(static_cast<std::size_t>(n));
          std::atomic<bool> isSmall = false;
          parallelFor(n, grain, [&](std::int64_t begin, std::int64_t end) {
            // Borders are moved to multiples of 16 at most.
            if (end - begin < grain - 16 && end - begin < n) isSmall = true;
            for (std::int64_t i = begin; i < end; i++) times[static_cast<std::size_t>(i)]++;
          });
          CHECK_FALSE(isSmall);
          bool isOnce = true;
          for (const auto& each : times) isOnce = isOnce && each == 1;
          CHECK(isOnce);
        }
    }
    pool::start(before);
  }

  TEST_CASE("what an item throws, the caller gets, and the pool goes on") {
    const int before = pool::numThreads();
    pool::start(3);
    for (int round = 0; round < 50; round++) {
      CHECK_THROWS_AS(pool::forEach(40,
                                    [](std::int64_t i) {
                                      if (i == 17) throw std::runtime_error("no");
                                    }),
                      std::runtime_error);
      std::atomic<std::int64_t> sum = 0;
      pool::forEach(40, [&](std::int64_t i) { sum += i; });
      CHECK(sum == 780);
    }
    pool::start(before);
  }

  TEST_CASE("loops inside loops, and from other threads, run where they are") {
    const int before = pool::numThreads();
    pool::start(3);
    std::atomic<std::int64_t> sum = 0;
    const auto work = [&] {
      for (int round = 0; round < 100; round++)
        pool::forEach(10, [&](std::int64_t) { pool::forEach(10, [&](std::int64_t i) { sum += i; }); });
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(sum == 2 * 100 * 10 * 45);
    pool::start(before);
  }
}
