// Attention and its gradients against loops in double precision: odd lengths, shared heads, heads inside rows.
#include <doctest/doctest.h>

#include "core/pool.h"
#include "dream/calls.h"
#include "reference.h"

using namespace dream;

namespace {

struct Sizes {
  std::int64_t batch, group, share, query, key, feature;
  bool isCausal;
};
/** Strides of [batch, group, share, place, feature]. */
struct Strides {
  std::int64_t batch, group, share, place;
};
/** Heads outside places, or places outside heads as a projection leaves them (with a gap behind each). */
Strides stridesOf(bool isInterleaved, std::int64_t groups, std::int64_t share, std::int64_t places,
                  std::int64_t feature) {
  if (isInterleaved) {
    const std::int64_t row = groups * share * feature + 5;
    return {places * row, share * feature, feature, row};
  }
  return {groups * share * places * feature, share * places * feature, places * feature, feature};
}
std::int64_t sizeOf(const Sizes& s, bool ofKeys) {
  return s.batch * (ofKeys ? s.key : s.query) * (s.group * (ofKeys ? 1 : s.share) * s.feature + 5);
}

template <class T>
void check(Run& run, const Sizes& s, bool isInterleaved, std::vector<T>* results = nullptr) {
  const Strides at = stridesOf(isInterleaved, s.group, s.share, s.query, s.feature),
                atKeys = stridesOf(isInterleaved, s.group, 1, s.key, s.feature);
  const auto q = reference::normal<T>(sizeOf(s, false), 1), k = reference::normal<T>(sizeOf(s, true), 2),
             v = reference::normal<T>(sizeOf(s, true), 3), gradOut = reference::normal<T>(sizeOf(s, false), 4);
  std::vector<T> out(q.size()), dq(q.size()), dk(k.size()), dv(k.size());
  const std::int64_t numRows = s.batch * s.group * s.share * s.query;
  std::vector<float> lse(static_cast<std::size_t>(numRows)), workspace(lse.size());
  const double scale = 0.37;
  const DType dtype = sizeof(T) == 2 ? DType::bf16 : DType::f32;
  const std::int64_t lseShare = s.query, lseGroup = s.share * lseShare, lseBatch = s.group * lseGroup;
  // clang-format off
  attention(run, {.batch = s.batch, .group = s.group, .share = s.share, .query = s.query, .key = s.key,
      .feature = s.feature,
      .q = q.data(), .qBatch = at.batch, .qGroup = at.group, .qShare = at.share, .qQuery = at.place, .qFeature = 1,
      .k = k.data(), .kBatch = atKeys.batch, .kGroup = atKeys.group, .kKey = atKeys.place, .kFeature = 1,
      .v = v.data(), .vBatch = atKeys.batch, .vGroup = atKeys.group, .vKey = atKeys.place, .vFeature = 1,
      .out = out.data(), .outBatch = at.batch, .outGroup = at.group, .outShare = at.share, .outQuery = at.place,
      .outFeature = 1,
      .lse = lse.data(), .lseBatch = lseBatch, .lseGroup = lseGroup, .lseShare = lseShare, .lseQuery = 1,
      .scale = scale, .isCausal = s.isCausal, .dtype = dtype, .workspace = nullptr});
  attentionGradient(run, {.batch = s.batch, .group = s.group, .share = s.share, .query = s.query, .key = s.key,
      .feature = s.feature,
      .gradOut = gradOut.data(), .gradOutBatch = at.batch, .gradOutGroup = at.group, .gradOutShare = at.share,
      .gradOutQuery = at.place, .gradOutFeature = 1,
      .q = q.data(), .qBatch = at.batch, .qGroup = at.group, .qShare = at.share, .qQuery = at.place, .qFeature = 1,
      .k = k.data(), .kBatch = atKeys.batch, .kGroup = atKeys.group, .kKey = atKeys.place, .kFeature = 1,
      .v = v.data(), .vBatch = atKeys.batch, .vGroup = atKeys.group, .vKey = atKeys.place, .vFeature = 1,
      .out = out.data(), .outBatch = at.batch, .outGroup = at.group, .outShare = at.share, .outQuery = at.place,
      .outFeature = 1,
      .lse = lse.data(), .lseBatch = lseBatch, .lseGroup = lseGroup, .lseShare = lseShare, .lseQuery = 1,
      .dq = dq.data(), .dqBatch = at.batch, .dqGroup = at.group, .dqShare = at.share, .dqQuery = at.place,
      .dqFeature = 1,
      .dk = dk.data(), .dkBatch = atKeys.batch, .dkGroup = atKeys.group, .dkKey = atKeys.place, .dkFeature = 1,
      .dv = dv.data(), .dvBatch = atKeys.batch, .dvGroup = atKeys.group, .dvKey = atKeys.place, .dvFeature = 1,
      .scale = scale, .isCausal = s.isCausal, .dtype = dtype, .workspace = workspace.data()});
  // clang-format on
  if (results) {
    for (const auto* each : {&out, &dq, &dk, &dv}) results->insert(results->end(), each->begin(), each->end());
    return;
  }
  std::vector<double> dkRight(k.size()), dvRight(k.size());
  reference::Comparison outs, lses, dqs, dks, dvs;
  for (std::int64_t row = 0; row < numRows; row++) {
    const std::int64_t t = row % s.query, r = row / s.query % s.share, g = row / s.query / s.share % s.group,
                       b = row / s.query / s.share / s.group;
    const std::int64_t mine = b * at.batch + g * at.group + r * at.share + t * at.place,
                       keys = b * atKeys.batch + g * atKeys.group;
    const std::int64_t numKeys = s.isCausal ? std::min(t + 1, s.key) : s.key;
    const auto dot = [&](const std::vector<T>& x, std::int64_t i, const std::vector<T>& y, std::int64_t j) {
      double sum = 0.0;
      for (std::int64_t d = 0; d < s.feature; d++)
        sum += static_cast<double>(float(x[i + d])) * static_cast<double>(float(y[j + d]));
      return sum;
    };
    std::vector<double> weights;
    double total = 0.0;
    for (std::int64_t key = 0; key < numKeys; key++)
      total += weights.emplace_back(std::exp(dot(q, mine, k, keys + key * atKeys.place) * scale));
    lses.add(lse[static_cast<std::size_t>(row)], std::log(total));
    std::vector<double> outRow(static_cast<std::size_t>(s.feature)), dqRow(outRow.size());
    for (std::int64_t key = 0; key < numKeys; key++)
      for (std::int64_t d = 0; d < s.feature; d++)
        outRow[d] += weights[key] / total * float(v[keys + key * atKeys.place + d]);
    double along = 0.0;
    for (std::int64_t d = 0; d < s.feature; d++) {
      outs.add(float(out[mine + d]), outRow[d]);
      along += outRow[d] * float(gradOut[mine + d]);
    }
    for (std::int64_t key = 0; key < numKeys; key++) {
      const std::int64_t there = keys + key * atKeys.place;
      const double weight = weights[key] / total, slope = weight * (dot(gradOut, mine, v, there) - along) * scale;
      for (std::int64_t d = 0; d < s.feature; d++) {
        dqRow[d] += slope * float(k[there + d]);
        dkRight[there + d] += slope * float(q[mine + d]);
        dvRight[there + d] += weight * float(gradOut[mine + d]);
      }
    }
    for (std::int64_t d = 0; d < s.feature; d++) dqs.add(float(dq[mine + d]), dqRow[d]);
  }
  for (std::int64_t b = 0; b < s.batch; b++)
    for (std::int64_t g = 0; g < s.group; g++)
      for (std::int64_t key = 0; key < s.key; key++)
        for (std::int64_t d = 0; d < s.feature; d++) {
          const std::int64_t there = b * atKeys.batch + g * atKeys.group + key * atKeys.place + d;
          dks.add(float(dk[there]), dkRight[there]);
          dvs.add(float(dv[there]), dvRight[there]);
        }
  INFO("batch ", s.batch, " group ", s.group, " share ", s.share, " query ", s.query, " key ", s.key, " feature ",
       s.feature, " causal ", s.isCausal, " interleaved ", isInterleaved, " bytes ", sizeof(T));
  // bf16: eight bits in the operands of every product and in the results.
  const double tolerance = sizeof(T) == 2 ? 1e-2 : 5e-6;
  CHECK(outs.relative() <= tolerance);
  CHECK(lses.relative() <= tolerance);
  CHECK(dqs.relative() <= tolerance);
  CHECK(dks.relative() <= tolerance);
  CHECK(dvs.relative() <= tolerance);
}

}  // namespace

TEST_SUITE("attention") {
  TEST_CASE("forward and backward, every layout and size") {
    Run run;
    const Sizes sizes[] = {
        {1, 1, 1, 1, 1, 1, true},      {1, 1, 1, 2, 3, 2, false},      {2, 2, 1, 7, 7, 8, true},
        {1, 2, 3, 33, 33, 16, true},   {2, 1, 2, 65, 65, 64, true},    {1, 1, 1, 130, 70, 64, true},
        {1, 1, 1, 70, 130, 64, true},  {1, 2, 1, 100, 257, 40, false}, {1, 1, 4, 64, 128, 128, false},
        {1, 1, 1, 300, 300, 80, true}, {2, 3, 1, 17, 5, 12, false},
    };
    for (const Sizes& each : sizes)
      for (const bool isInterleaved : {false, true}) {
        check<float>(run, each, isInterleaved);
        check<bf16>(run, each, isInterleaved);
      }
  }

  TEST_CASE("no bit depends on the number of threads") {
    Run run;
    const int before = pool::numThreads();
    for (const Sizes& each :
         {Sizes{1, 1, 2, 300, 300, 24, true}, Sizes{1, 3, 1, 130, 600, 64, false}, Sizes{2, 2, 1, 64, 64, 32, true}}) {
      std::vector<float> first;
      for (const int threads : {1, 2, 3, 7}) {
        pool::start(threads);
        std::vector<float> values;
        check<float>(run, each, true, &values);
        if (first.empty()) first = values;
        INFO("query ", each.query, " key ", each.key, " threads ", threads);
        CHECK(values == first);
      }
    }
    pool::start(before);
  }

  TEST_CASE("large scores do not overflow") {
    Run run;
    const float q[] = {300.0f}, k[] = {1.0f, -1.0f}, v[] = {2.0f, 4.0f};
    float out[1], lse[1];
    // clang-format off
    attention(run, {.batch = 1, .group = 1, .share = 1, .query = 1, .key = 2, .feature = 1,
        .q = q, .qBatch = 0, .qGroup = 0, .qShare = 0, .qQuery = 1, .qFeature = 1,
        .k = k, .kBatch = 0, .kGroup = 0, .kKey = 1, .kFeature = 1,
        .v = v, .vBatch = 0, .vGroup = 0, .vKey = 1, .vFeature = 1,
        .out = out, .outBatch = 0, .outGroup = 0, .outShare = 0, .outQuery = 1, .outFeature = 1,
        .lse = lse, .lseBatch = 0, .lseGroup = 0, .lseShare = 0, .lseQuery = 1,
        .scale = 1.0, .isCausal = false, .dtype = DType::f32, .workspace = nullptr});
    // clang-format on
    CHECK(out[0] == 2.0f);
    CHECK(lse[0] == 300.0f);
  }

  TEST_CASE("NaN stays") {
    Run run;
    const float q[] = {1.0f, NAN}, k[] = {1.0f, 1.0f}, v[] = {2.0f, 4.0f};
    float out[2], lse[2];
    // clang-format off
    attention(run, {.batch = 1, .group = 1, .share = 1, .query = 2, .key = 2, .feature = 1,
        .q = q, .qBatch = 0, .qGroup = 0, .qShare = 0, .qQuery = 1, .qFeature = 1,
        .k = k, .kBatch = 0, .kGroup = 0, .kKey = 1, .kFeature = 1,
        .v = v, .vBatch = 0, .vGroup = 0, .vKey = 1, .vFeature = 1,
        .out = out, .outBatch = 0, .outGroup = 0, .outShare = 0, .outQuery = 1, .outFeature = 1,
        .lse = lse, .lseBatch = 0, .lseGroup = 0, .lseShare = 0, .lseQuery = 1,
        .scale = 1.0, .isCausal = false, .dtype = DType::f32, .workspace = nullptr});
    // clang-format on
    CHECK(out[0] == 3.0f);
    CHECK(std::isnan(out[1]));
    CHECK(std::isnan(lse[1]));
  }
}
