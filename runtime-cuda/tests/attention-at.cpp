// Attention at positions against loops in double precision: any order of queries and keys, keys that nobody sees, rows
// that see nothing, tiles that are skipped, and a piece of the keys with the normaliser of all of them.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/pool.h"
#include "dream/calls.h"
#include "reference.h"

using namespace dream;

namespace {

struct Sizes {
  std::int64_t batch, group, share, query, key, feature;
  std::int64_t heads() const { return batch * group * share; }
};
using Positions = std::vector<std::int32_t>;

/** All operands have rows of features, by [batch, group, share, place]. */
template <class T>
struct Operands {
  explicit Operands(const Sizes& s)
      : q(reference::normal<T>(s.heads() * s.query * s.feature, 1)),
        k(reference::normal<T>(s.batch * s.group * s.key * s.feature, 2)),
        v(reference::normal<T>(s.batch * s.group * s.key * s.feature, 3)),
        gradOut(reference::normal<T>(s.heads() * s.query * s.feature, 4)) {}
  std::vector<T> q, k, v, gradOut;
};
template <class T>
struct Results {
  explicit Results(const Sizes& s)
      : out(static_cast<std::size_t>(s.heads() * s.query * s.feature), T(NAN)),
        dq(out),
        dk(static_cast<std::size_t>(s.batch * s.group * s.key * s.feature), T(NAN)),
        dv(dk),
        lse(static_cast<std::size_t>(s.heads() * s.query), NAN) {}
  std::vector<T> out, dq, dk, dv;
  std::vector<float> lse;
};

constexpr double scale = 0.37;
template <class T>
constexpr DType dtypeOf = sizeof(T) == 2 ? DType::bf16 : DType::f32;

template <class T>
void forward(Run& run, const Sizes& s, const Operands<T>& x, const Positions& queryAt, const Positions& keyAt,
             Results<T>& y) {
  const std::int64_t row = s.feature, qHead = s.query * row, kHead = s.key * row;
  // clang-format off
  attentionAt(run, {.batch = s.batch, .group = s.group, .share = s.share, .query = s.query, .key = s.key,
      .feature = s.feature,
      .q = x.q.data(), .qBatch = s.group * s.share * qHead, .qGroup = s.share * qHead, .qShare = qHead, .qQuery = row, .qFeature = 1,
      .k = x.k.data(), .kBatch = s.group * kHead, .kGroup = kHead, .kKey = row, .kFeature = 1,
      .v = x.v.data(), .vBatch = s.group * kHead, .vGroup = kHead, .vKey = row, .vFeature = 1,
      .queryAt = queryAt.data(), .queryAtQuery = 1, .keyAt = keyAt.data(), .keyAtKey = 1,
      .out = y.out.data(), .outBatch = s.group * s.share * qHead, .outGroup = s.share * qHead, .outShare = qHead, .outQuery = row, .outFeature = 1,
      .lse = y.lse.data(), .lseBatch = s.group * s.share * s.query, .lseGroup = s.share * s.query, .lseShare = s.query, .lseQuery = 1,
      .scale = scale, .dtype = dtypeOf<T>, .workspace = nullptr});
  // clang-format on
}

template <class T>
void backward(Run& run, const Sizes& s, const Operands<T>& x, const Positions& queryAt, const Positions& keyAt,
              Results<T>& y) {
  const std::int64_t row = s.feature, qHead = s.query * row, kHead = s.key * row;
  const std::int64_t qBatch = s.group * s.share * qHead, qGroup = s.share * qHead;
  // clang-format off
  attentionAtGradient(run, {.batch = s.batch, .group = s.group, .share = s.share, .query = s.query, .key = s.key,
      .feature = s.feature,
      .gradOut = x.gradOut.data(), .gradOutBatch = qBatch, .gradOutGroup = qGroup, .gradOutShare = qHead, .gradOutQuery = row, .gradOutFeature = 1,
      .q = x.q.data(), .qBatch = qBatch, .qGroup = qGroup, .qShare = qHead, .qQuery = row, .qFeature = 1,
      .k = x.k.data(), .kBatch = s.group * kHead, .kGroup = kHead, .kKey = row, .kFeature = 1,
      .v = x.v.data(), .vBatch = s.group * kHead, .vGroup = kHead, .vKey = row, .vFeature = 1,
      .out = y.out.data(), .outBatch = qBatch, .outGroup = qGroup, .outShare = qHead, .outQuery = row, .outFeature = 1,
      .lse = y.lse.data(), .lseBatch = s.group * s.share * s.query, .lseGroup = s.share * s.query, .lseShare = s.query, .lseQuery = 1,
      .queryAt = queryAt.data(), .queryAtQuery = 1, .keyAt = keyAt.data(), .keyAtKey = 1,
      .dq = y.dq.data(), .dqBatch = qBatch, .dqGroup = qGroup, .dqShare = qHead, .dqQuery = row, .dqFeature = 1,
      .dk = y.dk.data(), .dkBatch = s.group * kHead, .dkGroup = kHead, .dkKey = row, .dkFeature = 1,
      .dv = y.dv.data(), .dvBatch = s.group * kHead, .dvGroup = kHead, .dvKey = row, .dvFeature = 1,
      .scale = scale, .dtype = dtypeOf<T>, .workspace = nullptr});
  // clang-format on
}

/** Loops over every pair; `lse` and `out` of the result are compared before they are used for gradients. */
template <class T>
void compare(const Sizes& s, const Operands<T>& x, const Positions& queryAt, const Positions& keyAt,
             const Results<T>& y) {
  reference::Comparison outs, lses, dqs, dks, dvs;
  std::vector<double> dk(x.k.size()), dv(x.v.size());
  const auto dot = [&](const std::vector<T>& a, std::int64_t i, const std::vector<T>& b, std::int64_t j) {
    double sum = 0.0;
    for (std::int64_t d = 0; d < s.feature; d++)
      sum += static_cast<double>(float(a[i * s.feature + d])) * static_cast<double>(float(b[j * s.feature + d]));
    return sum;
  };
  for (std::int64_t row = 0; row < s.heads() * s.query; row++) {
    const std::int64_t t = row % s.query, firstKey = row / s.query / s.share * s.key;
    std::vector<double> weights(static_cast<std::size_t>(s.key)), out(static_cast<std::size_t>(s.feature)), dq(out);
    double total = 0.0;
    for (std::int64_t key = 0; key < s.key; key++) {
      if (keyAt[key] <= queryAt[t]) weights[key] = std::exp(dot(x.q, row, x.k, firstKey + key) * scale);
      total += weights[key];
    }
    if (total == 0.0) {
      CHECK(y.lse[row] == -std::numeric_limits<float>::infinity());
      for (std::int64_t d = 0; d < s.feature; d++) {
        CHECK(float(y.out[row * s.feature + d]) == 0.0f);
        CHECK(float(y.dq[row * s.feature + d]) == 0.0f);
      }
      continue;
    }
    lses.add(y.lse[row], std::log(total));
    double along = 0.0;
    for (std::int64_t d = 0; d < s.feature; d++) {
      for (std::int64_t key = 0; key < s.key; key++)
        out[d] += weights[key] / total * float(x.v[(firstKey + key) * s.feature + d]);
      along += out[d] * float(x.gradOut[row * s.feature + d]);
      outs.add(float(y.out[row * s.feature + d]), out[d]);
    }
    for (std::int64_t key = 0; key < s.key; key++) {
      const double weight = weights[key] / total;
      const double slope = weight * (dot(x.gradOut, row, x.v, firstKey + key) - along) * scale;
      for (std::int64_t d = 0; d < s.feature; d++) {
        const std::int64_t there = (firstKey + key) * s.feature + d;
        dq[d] += slope * float(x.k[there]);
        dk[there] += slope * float(x.q[row * s.feature + d]);
        dv[there] += weight * float(x.gradOut[row * s.feature + d]);
      }
    }
    for (std::int64_t d = 0; d < s.feature; d++) dqs.add(float(y.dq[row * s.feature + d]), dq[d]);
  }
  for (std::size_t i = 0; i < dk.size(); i++) {
    dks.add(float(y.dk[i]), dk[i]);
    dvs.add(float(y.dv[i]), dv[i]);
  }
  INFO("query ", s.query, " key ", s.key, " feature ", s.feature, " share ", s.share, " bytes ", sizeof(T));
  // bf16: eight bits in the operands of every product and in the results.
  const double tolerance = sizeof(T) == 2 ? 1e-2 : 5e-6;
  CHECK(outs.relative() <= tolerance);
  CHECK(lses.relative() <= tolerance);
  CHECK(dqs.relative() <= tolerance);
  CHECK(dks.relative() <= tolerance);
  CHECK(dvs.relative() <= tolerance);
}

template <class T>
void check(Run& run, const Sizes& s, const Positions& queryAt, const Positions& keyAt) {
  const Operands<T> x(s);
  Results<T> y(s);
  forward(run, s, x, queryAt, keyAt, y);
  backward(run, s, x, queryAt, keyAt, y);
  compare(s, x, queryAt, keyAt, y);
}

Positions places(std::int64_t first, std::int64_t count) {
  Positions at(static_cast<std::size_t>(count));
  std::iota(at.begin(), at.end(), static_cast<std::int32_t>(first));
  return at;
}
/** A piece from the head and one from the tail, as balanced ranks have them. */
Positions headAndTail(std::int64_t count, std::int64_t tail) {
  Positions at = places(0, count);
  for (std::int64_t i = count / 2; i < count; i++) at[i] += static_cast<std::int32_t>(tail);
  return at;
}
constexpr std::int32_t unseen = std::numeric_limits<std::int32_t>::max();

}  // namespace

TEST_SUITE("attention-at") {
  TEST_CASE("forward and backward, any order of positions") {
    Run run;
    for (const Sizes& s : {Sizes{1, 1, 1, 1, 1, 1}, Sizes{2, 2, 1, 7, 7, 8}, Sizes{1, 2, 3, 33, 20, 16},
                           Sizes{2, 1, 2, 130, 300, 24}, Sizes{1, 1, 1, 70, 520, 64}}) {
      const Positions reversed = [&] {
        Positions at = places(0, s.key);
        std::reverse(at.begin(), at.end());
        return at;
      }();
      Positions padded = places(0, s.key);
      std::fill(padded.begin() + s.key / 2, padded.end(), unseen);
      // In order; behind all keys; before all keys; keys in reverse; keys that nobody sees; dealt in two pieces.
      const std::pair<Positions, Positions> cases[] = {
          {places(0, s.query), places(0, s.key)},
          {places(s.key, s.query), places(0, s.key)},
          {places(0, s.query), places(s.query, s.key)},
          {places(3, s.query), reversed},
          {places(0, s.query), padded},
          {headAndTail(s.query, 200), headAndTail(s.key, 150)},
      };
      for (const auto& [queryAt, keyAt] : cases) {
        check<float>(run, s, queryAt, keyAt);
        check<bf16>(run, s, queryAt, keyAt);
      }
    }
  }

  TEST_CASE("with places as positions it is causal attention, and no bit depends on the number of threads") {
    Run run;
    const Sizes s{1, 1, 1, 300, 300, 24};
    const Operands<float> x(s);
    const int before = pool::numThreads();
    for (const int threads : {1, 3}) {
      pool::start(threads);
      Results<float> y(s), causal(s);
      forward(run, s, x, places(0, s.query), places(0, s.key), y);
      const std::int64_t row = s.feature;
      // clang-format off
      attention(run, {.batch = 1, .group = 1, .share = 1, .query = s.query, .key = s.key, .feature = s.feature,
          .q = x.q.data(), .qBatch = 0, .qGroup = 0, .qShare = 0, .qQuery = row, .qFeature = 1,
          .k = x.k.data(), .kBatch = 0, .kGroup = 0, .kKey = row, .kFeature = 1,
          .v = x.v.data(), .vBatch = 0, .vGroup = 0, .vKey = row, .vFeature = 1,
          .out = causal.out.data(), .outBatch = 0, .outGroup = 0, .outShare = 0, .outQuery = row, .outFeature = 1,
          .lse = causal.lse.data(), .lseBatch = 0, .lseGroup = 0, .lseShare = 0, .lseQuery = 1,
          .scale = scale, .isCausal = true, .dtype = DType::f32, .workspace = nullptr});
      // clang-format on
      reference::Comparison outs;
      for (std::size_t i = 0; i < y.out.size(); i++) outs.add(y.out[i], causal.out[i]);
      CHECK(outs.relative() <= 1e-6);
      Results<float> again(s);
      pool::start(1);
      forward(run, s, x, places(0, s.query), places(0, s.key), again);
      CHECK(again.out == y.out);
    }
    pool::start(before);
  }

  TEST_CASE("gradients are zero where nothing is seen, though the normaliser is of keys elsewhere") {
    Run run;
    const Sizes s{1, 1, 1, 5, 6, 4};
    const Operands<float> x(s);
    Results<float> y(s);
    forward(run, s, x, places(9, s.query), places(0, s.key), y);
    backward(run, s, x, places(0, s.query), places(5, s.key), y);
    for (const auto* each : {&y.dq, &y.dk, &y.dv})
      CHECK(std::all_of(each->begin(), each->end(), [](float value) { return value == 0.0f; }));
  }

  TEST_CASE("NaN stays") {
    Run run;
    const Sizes s{1, 1, 1, 2, 2, 1};
    Operands<float> x(s);
    x.q[1] = NAN;
    Results<float> y(s);
    forward(run, s, x, {5, 5}, {0, 1}, y);
    CHECK_FALSE(std::isnan(y.out[0]));
    CHECK(std::isnan(y.out[1]));
    CHECK(std::isnan(y.lse[1]));
  }
}
