// Softmax attention, forward: for each block of queries the blocks of keys one after the other, with the largest score
// and the sum of exponentials so far (Milakov and Gimelshein 2018; Dao et al. 2022).
#include <limits>

#include "core/fault.h"
#include "cpu/attention-rows.h"
#include "dream/calls.h"
#include "dream/math.h"

namespace dream {

namespace {

using namespace attentions;

/** What a block of queries knows of the keys so far. */
struct Running {
  float* top;
  float* total;
  float* sum;  // [queries, feature]
};

/** Scores become exp(score - largest so far) in place, 0 behind `valid`; what was summed before shrinks accordingly. */
void softenRow(float* scores, std::int64_t valid, std::int64_t width, std::int64_t row, std::int64_t feature,
               Running running) {
  const std::int64_t numVectors = (valid + vector - 1) / vector;
  std::fill(scores + valid, scores + width, -std::numeric_limits<float>::infinity());
  float top = running.top[row];
  // NaN is no maximum; it reaches the sum through its own exponential.
#pragma omp simd reduction(max : top)
  for (std::int64_t s = 0; s < numVectors * vector; s++) top = scores[s] > top ? scores[s] : top;
  // A row that has seen nothing yet takes no difference of infinities; what is NaN stays so.
  const float base = top == -std::numeric_limits<float>::infinity() ? 0.0f : top;
  float total = 0.0f;
#pragma omp simd reduction(+ : total)
  for (std::int64_t s = 0; s < numVectors * vector; s++) {
    scores[s] = math::exp(scores[s] - base);
    total += scores[s];
  }
  for (std::int64_t s = numVectors * vector; s < width; s++) scores[s] = 0.0f;
  if (running.top[row] != -std::numeric_limits<float>::infinity()) {
    const float shrink = math::exp(running.top[row] - top);
    total += running.total[row] * shrink;
    for (std::int64_t d = 0; d < feature; d++) running.sum[row * feature + d] *= shrink;
  } else {
    total += running.total[row];
  }
  running.top[row] = top;
  running.total[row] = total;
}

/** Scores of keys that a row does not see, by positions, become -inf. */
template <class Args>
void hideKeys(const Args& a, std::int64_t first, std::int64_t rows, std::int64_t key, std::int64_t keys, float* scores,
              std::int64_t stride) {
  if constexpr (HasPositions<Args>) {
    const TilePositions at(a, first, rows, key, keys);
    if (at.sight() == Sight::all) return;
    for (std::int64_t row = 0; row < rows; row++)
      for (std::int64_t s = 0; s < keys; s++)
        if (!at.sees(row, s)) scores[row * stride + s] = -std::numeric_limits<float>::infinity();
  }
}

template <class T, class Args>
void attend(const Args& a) {
  const std::int64_t numBlocks = (a.query + queryBlock - 1) / queryBlock, numHeads = a.batch * a.group * a.share;
  const std::int64_t width = wholeVectors(std::min(keyBlock, a.key));
  const auto scale = static_cast<float>(a.scale);
  pool::forEach(numHeads * numBlocks, [&](std::int64_t item) {
    // The longest blocks first.
    const std::int64_t block = numBlocks - 1 - item % numBlocks, head = item / numBlocks;
    const std::int64_t r = head % a.share, g = head / a.share % a.group, b = head / a.share / a.group;
    const std::int64_t first = block * queryBlock, rows = std::min(queryBlock, a.query - first);
    Scratch scratch(queryBlock * (width + 2 * a.feature + 2) + 2 * width * a.feature + 128);
    float* scores = scratch.take(rows * width);
    const Running running{scratch.take(rows), scratch.take(rows), scratch.take(rows * a.feature)};
    float *qSpace = scratch.take(rows * a.feature), *kSpace = scratch.take(width * a.feature),
          *vSpace = scratch.take(width * a.feature);
    const Rows q = readRows(static_cast<const T*>(a.q) + b * a.qBatch + g * a.qGroup + r * a.qShare + first * a.qQuery,
                            a.qQuery, a.qFeature, rows, a.feature, qSpace);
    std::fill(running.top, running.top + rows, -std::numeric_limits<float>::infinity());
    std::fill(running.total, running.total + rows, 0.0f);
    const std::int64_t lastKey = lastKeyOf(a, first, rows);
    bool hasSeen = false;
    for (std::int64_t key = 0; key < lastKey; key += keyBlock) {
      const std::int64_t keys = std::min(keyBlock, lastKey - key);
      if (sightOf(a, first, rows, key, keys) == Sight::none) continue;
      const Rows k = readRows(static_cast<const T*>(a.k) + b * a.kBatch + g * a.kGroup + key * a.kKey, a.kKey,
                              a.kFeature, keys, a.feature, kSpace);
      const Rows v = readRows(static_cast<const T*>(a.v) + b * a.vBatch + g * a.vGroup + key * a.vKey, a.vKey,
                              a.vFeature, keys, a.feature, vSpace);
      const std::int64_t stride = wholeVectors(keys);
      multiply(Order::rows, Order::columns, rows, keys, a.feature, scale, q, k, false, scores, stride);
      hideKeys(a, first, rows, key, keys, scores, stride);
      for (std::int64_t row = 0; row < rows; row++)
        softenRow(scores + row * stride, validKeys(a, first + row, key, keys), stride, row, a.feature, running);
      multiply(Order::rows, Order::rows, rows, a.feature, keys, 1.0f, {scores, stride}, v, hasSeen, running.sum,
               a.feature);
      hasSeen = true;
    }
    if (!hasSeen) std::fill(running.sum, running.sum + rows * a.feature, 0.0f);
    float* lse = static_cast<float*>(a.lse) + b * a.lseBatch + g * a.lseGroup + r * a.lseShare + first * a.lseQuery;
    for (std::int64_t row = 0; row < rows; row++) {
      const float share = running.total[row] == 0.0f ? 0.0f : 1.0f / running.total[row];
      for (std::int64_t d = 0; d < a.feature; d++) running.sum[row * a.feature + d] *= share;
      lse[row * a.lseQuery] = running.top[row] + math::log(running.total[row]);
    }
    writeRows(running.sum,
              static_cast<T*>(a.out) + b * a.outBatch + g * a.outGroup + r * a.outShare + first * a.outQuery,
              a.outQuery, a.outFeature, rows, a.feature);
  });
}

template <class Args>
void attendAs(const Args& args) {
  if (args.dtype == DType::f32) return attend<float>(args);
  if (args.dtype == DType::bf16) return attend<bf16>(args);
  throw Fault("attention takes floats");
}

}  // namespace

void attention(Run&, const AttentionArgs& args) { attendAs(args); }
void attentionAt(Run&, const AttentionAtArgs& args) { attendAs(args); }

}  // namespace dream
