// Collectives between processes: started by mpirun on 2 and 4 ranks. Every rank checks its own results.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <thread>
#include <vector>

#include "comm/world.h"
#include "core/fault.h"
#include "core/threads.h"
#include "dream/bf16.h"

using namespace dream;

namespace {

World* world = nullptr;
Communicator* ranks = nullptr;

/** A whole number that is exact in every type, by rank and place. */
float valueAt(int rank, std::int64_t i) { return static_cast<float>((rank + 1) * (i % 13)) - 6.0f; }

template <class T>
std::vector<T> valuesOf(int rank, std::int64_t n) {
  std::vector<T> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; i++) values[static_cast<std::size_t>(i)] = T(valueAt(rank, i));
  return values;
}
float sumAt(std::int64_t i) {
  float sum = 0.0f;
  for (int rank = 0; rank < world->size(); rank++) sum += valueAt(rank, i);
  return sum;
}
float mostAt(std::int64_t i) {
  float most = -1e30f;
  for (int rank = 0; rank < world->size(); rank++) most = std::fmax(most, valueAt(rank, i));
  return most;
}

}  // namespace

TEST_CASE("all-reduce: sizes, types, in place and not, several parts and handles at once") {
  for (const std::int64_t n : {0, 1, 7, 1000, 262144, 1000003}) {
    auto inPlace = valuesOf<float>(world->rank(), n);
    const auto source = valuesOf<float>(world->rank(), n);
    std::vector<float> target(source.size());
    auto narrow = valuesOf<bf16>(world->rank(), n);
    std::vector<std::int32_t> whole(source.begin(), source.end());
    std::vector<float> most(source.size());
    ranks->allReduce(1, Reduction::sum,
                     {{DType::f32, inPlace.data(), inPlace.data(), n}, {DType::f32, source.data(), target.data(), n}});
    ranks->allReduce(2, Reduction::sum,
                     {{DType::bf16, narrow.data(), narrow.data(), n}, {DType::i32, whole.data(), whole.data(), n}});
    ranks->allReduce(3, Reduction::max, {{DType::f32, source.data(), most.data(), n}});
    ranks->wait(3);
    ranks->wait(1);
    ranks->wait(2);
    for (std::int64_t i = 0; i < n; i++) {
      const auto at = static_cast<std::size_t>(i);
      REQUIRE(inPlace[at] == sumAt(i));
      REQUIRE(target[at] == sumAt(i));
      REQUIRE(float(narrow[at]) == sumAt(i));
      REQUIRE(static_cast<float>(whole[at]) == sumAt(i));
      REQUIRE(most[at] == mostAt(i));
    }
  }
}

TEST_CASE("a bucket of many small parts, of several types") {
  std::vector<std::vector<float>> wide;
  std::vector<std::vector<bf16>> narrow;
  std::vector<CollectivePart> parts;
  for (std::int64_t n = 0; n < 200; n++) {
    wide.push_back(valuesOf<float>(world->rank(), n * 7));
    narrow.push_back(valuesOf<bf16>(world->rank(), n * 3));
  }
  for (std::size_t i = 0; i < wide.size(); i++) {
    parts.push_back({DType::f32, wide[i].data(), wide[i].data(), static_cast<std::int64_t>(wide[i].size())});
    if (i % 5 == 0)
      parts.push_back({DType::bf16, narrow[i].data(), narrow[i].data(), static_cast<std::int64_t>(narrow[i].size())});
  }
  ranks->allReduce(9, Reduction::sum, parts.data(), parts.size());
  ranks->wait(9);
  for (std::size_t i = 0; i < wide.size(); i++) {
    for (std::size_t at = 0; at < wide[i].size(); at++) REQUIRE(wide[i][at] == sumAt(static_cast<std::int64_t>(at)));
    for (std::size_t at = 0; at < narrow[i].size(); at++)
      REQUIRE(float(narrow[i][at]) == (i % 5 == 0 ? sumAt(static_cast<std::int64_t>(at))
                                                  : valueAt(world->rank(), static_cast<std::int64_t>(at))));
  }
}

TEST_CASE("bf16 is summed in float32") {
  // 256 + 1 is no bf16: sums in bf16 would lose every 1.
  std::vector<bf16> x{world->rank() == 0 ? 256.0f : 1.0f};
  ranks->allReduce(1, Reduction::sum, {{DType::bf16, x.data(), x.data(), 1}});
  ranks->wait(1);
  CHECK(float(x[0]) == float(bf16(256.0f + static_cast<float>(world->size() - 1))));
}

TEST_CASE("not-a-number reaches every rank, in sums and in maxima") {
  for (const Reduction reduction : {Reduction::sum, Reduction::max}) {
    for (const std::int64_t n : {5, 300000}) {
      for (int source = 0; source < world->size(); source++) {
        std::vector<float> x(static_cast<std::size_t>(n), 1.0f);
        if (world->rank() == source) x[3] = NAN;
        ranks->allReduce(1, reduction, {{DType::f32, x.data(), x.data(), n}});
        ranks->wait(1);
        CHECK(std::isnan(x[3]));
        CHECK_FALSE(std::isnan(x[4]));
      }
    }
  }
}

TEST_CASE("reduce-scatter gives each rank its part, also inside the source") {
  const int size = world->size(), rank = world->rank();
  for (const std::int64_t part : {1, 5, 1000, 400001}) {
    auto source = valuesOf<float>(rank, part * size);
    std::vector<float> target(static_cast<std::size_t>(part));
    ranks->reduceScatter(1, Reduction::sum, {{DType::f32, source.data(), target.data(), part * size}});
    ranks->wait(1);
    auto inside = valuesOf<float>(rank, part * size);
    ranks->reduceScatter(2, Reduction::sum, {{DType::f32, inside.data(), inside.data() + rank * part, part * size}});
    ranks->wait(2);
    auto narrow = valuesOf<bf16>(rank, part * size);
    ranks->reduceScatter(3, Reduction::sum, {{DType::bf16, narrow.data(), narrow.data(), part * size}});
    ranks->wait(3);
    for (std::int64_t i = 0; i < part; i++) {
      REQUIRE(target[static_cast<std::size_t>(i)] == sumAt(rank * part + i));
      REQUIRE(inside[static_cast<std::size_t>(rank * part + i)] == sumAt(rank * part + i));
      REQUIRE(float(narrow[static_cast<std::size_t>(i)]) == sumAt(rank * part + i));
    }
  }
}

TEST_CASE("all-gather and all-to-all move what belongs to whom") {
  const int size = world->size(), rank = world->rank();
  for (const std::int64_t part : {1, 5, 1000, 400001}) {
    const auto mine = valuesOf<float>(rank, part);
    std::vector<float> all(static_cast<std::size_t>(part * size));
    ranks->allGather(1, {{DType::f32, mine.data(), all.data(), part}});
    ranks->wait(1);
    std::vector<bf16> inside(static_cast<std::size_t>(part * size));
    for (std::int64_t i = 0; i < part; i++) inside[static_cast<std::size_t>(rank * part + i)] = valueAt(rank, i);
    ranks->allGather(2, {{DType::bf16, inside.data() + rank * part, inside.data(), part}});
    ranks->wait(2);
    auto exchanged = valuesOf<float>(rank, part * size);
    std::vector<float> received(exchanged.size());
    ranks->allToAll(3, {{DType::f32, exchanged.data(), received.data(), part * size}});
    ranks->wait(3);
    ranks->allToAll(4, {{DType::f32, exchanged.data(), exchanged.data(), part * size}});
    ranks->wait(4);
    for (int from = 0; from < size; from++)
      for (std::int64_t i = 0; i < part; i++) {
        const auto at = static_cast<std::size_t>(from * part + i);
        REQUIRE(all[at] == valueAt(from, i));
        REQUIRE(float(inside[at]) == valueAt(from, i));
        REQUIRE(received[at] == valueAt(from, rank * part + i));
        REQUIRE(exchanged[at] == received[at]);
      }
  }
}

TEST_CASE("permute hands each rank's parts to the next, several at once and one behind the other") {
  const int size = world->size(), rank = world->rank(), before = (rank + size - 1) % size;
  for (const std::int64_t n : {0, 1, 5, 1000, 700001}) {
    const auto mine = valuesOf<float>(rank, n);
    const auto narrow = valuesOf<bf16>(rank, n / 2);
    std::vector<float> first(mine.size()), second(mine.size()), home(mine.size());
    std::vector<bf16> third(narrow.size());
    ranks->permute(1, {{DType::f32, mine.data(), first.data(), n}, {DType::bf16, narrow.data(), third.data(), n / 2}});
    std::vector<float> sum = mine;
    ranks->allReduce(2, Reduction::sum, {{DType::f32, sum.data(), sum.data(), n}});
    ranks->wait(1);
    ranks->permute(3, {{DType::f32, first.data(), second.data(), n}});
    ranks->wait(3);
    ranks->wait(2);
    // All the way around.
    std::vector<float> now = second, next(mine.size());
    for (int step = 2; step < size; step++) {
      ranks->permute(4, {{DType::f32, now.data(), next.data(), n}});
      ranks->wait(4);
      now.swap(next);
    }
    for (std::int64_t i = 0; i < n; i++) {
      const auto at = static_cast<std::size_t>(i);
      REQUIRE(first[at] == valueAt(before, i));
      REQUIRE(second[at] == valueAt((before + size - 1) % size, i));
      REQUIRE(sum[at] == sumAt(i));
      if (size > 1) REQUIRE(now[at] == mine[at]);
    }
    for (std::int64_t i = 0; i < n / 2; i++) REQUIRE(float(third[static_cast<std::size_t>(i)]) == valueAt(before, i));
  }
}

TEST_CASE("a part of the ranks has a communicator of its own") {
  const auto half = world->split(world->rank() % 2);
  CHECK(half->size() == world->size() / 2);
  float x = 1.0f;
  half->allReduce(1, Reduction::sum, {{DType::f32, &x, &x, 1}});
  half->wait(1);
  CHECK(x == static_cast<float>(world->size() / 2));
}

TEST_CASE("all ranks hear at the same question that one asks") {
  for (int round = 0; round < 4; round++) {
    const bool answer = world->anyAsks(round == 2 && world->rank() == world->size() - 1);
    // One rank alone knows at once.
    CHECK(answer == (round == (world->size() == 1 ? 2 : 3)));
  }
}

TEST_CASE("the first rank gathers") {
  const int mine = 10 + world->rank();
  std::vector<int> seen;
  world->gather(&mine, sizeof mine, world->rank() % 2 == 0, [&](int rank, const void* bytes) {
    CHECK(*static_cast<const int*>(bytes) == 10 + rank);
    seen.push_back(rank);
  });
  CHECK(seen.size() == (world->rank() == 0 ? static_cast<std::size_t>((world->size() + 1) / 2) : 0));
}

TEST_CASE("a rank that does not come is named at the deadline" *
          doctest::skip(std::getenv("DREAM_DEADLINE") == nullptr)) {
  // Run on its own with DREAM_DEADLINE=1 on two ranks.
  world->setStep(7);
  if (world->rank() == 0) {
    float x = 1.0f;
    ranks->allReduce(1, Reduction::sum, {{DType::f32, &x, &x, 1}});
    CHECK_THROWS_WITH_AS(
        ranks->wait(1),
        "rank 0, step 7: waiting for rank 1 of a collective did not end within 1 seconds: another rank is stuck",
        Fault);
  } else {
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  }
}

int main(int argc, char** argv) {
  const auto started = startWorld(readLaunch(), countCores());
  world = started.get();
  setUpThreads(world->localRank(), world->localSize());
  const auto communicator = world->split(0);
  ranks = communicator.get();
  doctest::Context context(argc, argv);
  context.setOption("minimal", true);
  const int failed = context.run();
  world->barrier();
  return failed;
}
