// Softmax attention, backward. The weights P of a tile are made again from the log-sum-exp of its rows:
//   dv += Pᵀ g,  dS = P (g vᵀ - rowsum(g out)) scale,  dq += dS k,  dk += dSᵀ q.
// Where there are enough heads a thread has whole ones. Else it has a block of keys (for dk and dv) or a block of queries
// (for dq) and makes its tiles for itself. Either way each sum is over the same tiles in the same order.
#include "core/fault.h"
#include "cpu/attention-rows.h"
#include "dream/calls.h"
#include "dream/math.h"

namespace dream {

namespace {

using namespace attentions;

/** One (batch, group): the pointers of its first row of queries and keys. Query heads that share it follow by strides. */
template <class T, class Args>
class Head {
 public:
  Head(const Args& args, std::int64_t index) : a(args), b(index / args.group), g(index % args.group) {}
  Rows keys(std::int64_t first, std::int64_t count, float* space) const {
    return readRows(static_cast<const T*>(a.k) + b * a.kBatch + g * a.kGroup + first * a.kKey, a.kKey, a.kFeature,
                    count, a.feature, space);
  }
  Rows values(std::int64_t first, std::int64_t count, float* space) const {
    return readRows(static_cast<const T*>(a.v) + b * a.vBatch + g * a.vGroup + first * a.vKey, a.vKey, a.vFeature,
                    count, a.feature, space);
  }
  Rows queries(std::int64_t r, std::int64_t first, std::int64_t count, float* space) const {
    return readRows(static_cast<const T*>(a.q) + b * a.qBatch + g * a.qGroup + r * a.qShare + first * a.qQuery,
                    a.qQuery, a.qFeature, count, a.feature, space);
  }
  Rows gradients(std::int64_t r, std::int64_t first, std::int64_t count, float* space) const {
    return readRows(static_cast<const T*>(a.gradOut) + b * a.gradOutBatch + g * a.gradOutGroup + r * a.gradOutShare +
                        first * a.gradOutQuery,
                    a.gradOutQuery, a.gradOutFeature, count, a.feature, space);
  }
  Rows outs(std::int64_t r, std::int64_t first, std::int64_t count, float* space) const {
    return readRows(
        static_cast<const T*>(a.out) + b * a.outBatch + g * a.outGroup + r * a.outShare + first * a.outQuery,
        a.outQuery, a.outFeature, count, a.feature, space);
  }
  float lse(std::int64_t r, std::int64_t row) const {
    return static_cast<const float*>(a.lse)[b * a.lseBatch + g * a.lseGroup + r * a.lseShare + row * a.lseQuery];
  }
  void writeQueries(const float* from, std::int64_t r, std::int64_t first, std::int64_t count) const {
    writeRows(from, static_cast<T*>(a.dq) + b * a.dqBatch + g * a.dqGroup + r * a.dqShare + first * a.dqQuery,
              a.dqQuery, a.dqFeature, count, a.feature);
  }
  void writeKeys(const float* dk, const float* dv, std::int64_t first, std::int64_t count) const {
    writeRows(dk, static_cast<T*>(a.dk) + b * a.dkBatch + g * a.dkGroup + first * a.dkKey, a.dkKey, a.dkFeature, count,
              a.feature);
    writeRows(dv, static_cast<T*>(a.dv) + b * a.dvBatch + g * a.dvGroup + first * a.dvKey, a.dvKey, a.dvFeature, count,
              a.feature);
  }

 private:
  const Args& a;
  std::int64_t b, g;
};

/** A block of queries of one query head, as all its tiles need it. */
struct QueryBlock {
  std::int64_t first, count;
  Rows q, g;
  float* lse;
  /** rowsum(g out). */
  float* along;
};

/** The tile of a block of queries and `keys` keys from `key`: P and dS, by rows of whole vectors. */
struct Tile {
  float *p, *ds;
};

/** Scratch memory for what one thread works on at a time. */
struct Spaces {
  Spaces(Scratch& scratch, std::int64_t feature, std::int64_t width)
      : q(scratch.take(queryBlock * feature)),
        g(scratch.take(queryBlock * feature)),
        out(scratch.take(queryBlock * feature)),
        k(scratch.take(width * feature)),
        v(scratch.take(width * feature)),
        lse(scratch.take(queryBlock)),
        along(scratch.take(queryBlock)),
        tile{scratch.take(queryBlock * width), scratch.take(queryBlock * width)} {}
  static std::int64_t numFloats(std::int64_t feature, std::int64_t width) {
    return 3 * queryBlock * feature + 2 * width * feature + 2 * queryBlock * width + 2 * queryBlock + 16 * 9;
  }
  float *q, *g, *out, *k, *v, *lse, *along;
  Tile tile;
};

template <class T, class Args>
QueryBlock readQueries(const Args& a, const Head<T, Args>& head, std::int64_t r, std::int64_t first,
                       const Spaces& spaces) {
  const std::int64_t count = std::min(queryBlock, a.query - first);
  const QueryBlock block{
      first,      count,       head.queries(r, first, count, spaces.q), head.gradients(r, first, count, spaces.g),
      spaces.lse, spaces.along};
  const Rows out = head.outs(r, first, count, spaces.out);
  for (std::int64_t row = 0; row < count; row++) {
    const float *x = block.g.from(row).data, *y = out.from(row).data;
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t d = 0; d < a.feature; d++) sum += x[d] * y[d];
    block.along[row] = sum;
    block.lse[row] = head.lse(r, first + row);
  }
  return block;
}

/** P and dS of keys that a row does not see, by positions, become 0, whatever they were. */
template <class Args>
void hideKeys(const Args& a, const QueryBlock& block, std::int64_t key, std::int64_t keys, Tile tile,
              std::int64_t stride) {
  if constexpr (HasPositions<Args>) {
    const TilePositions at(a, block.first, block.count, key, keys);
    if (at.sight() == Sight::all) return;
    for (std::int64_t row = 0; row < block.count; row++)
      for (std::int64_t s = 0; s < keys; s++)
        if (!at.sees(row, s)) tile.p[row * stride + s] = tile.ds[row * stride + s] = 0.0f;
  }
}

template <class Args>
void makeTile(const Args& a, const QueryBlock& block, std::int64_t key, std::int64_t keys, Rows k,
              Rows v, Tile tile) {
  const auto scale = static_cast<float>(a.scale);
  const std::int64_t stride = wholeVectors(keys);
  multiply(Order::rows, Order::columns, block.count, keys, a.feature, scale, block.q, k, false, tile.p, stride);
  multiply(Order::rows, Order::columns, block.count, keys, a.feature, 1.0f, block.g, v, false, tile.ds, stride);
  for (std::int64_t row = 0; row < block.count; row++) {
    const std::int64_t valid = validKeys(a, block.first + row, key, keys);
    float *p = tile.p + row * stride, *ds = tile.ds + row * stride;
    const std::int64_t numVectors = (valid + vector - 1) / vector;
    const float lse = block.lse[row], along = block.along[row];
#pragma omp simd
    for (std::int64_t s = 0; s < numVectors * vector; s++) {
      p[s] = math::exp(p[s] - lse);
      ds[s] = p[s] * (ds[s] - along) * scale;
    }
    std::fill(p + valid, p + stride, 0.0f);
    std::fill(ds + valid, ds + stride, 0.0f);
  }
  hideKeys(a, block, key, keys, tile, stride);
}

/** How many keys from `key` on a block of queries sees in one tile. */
template <class Args>
std::int64_t keysOf(const Args& a, std::int64_t first, std::int64_t key) {
  return std::min(keyBlock, lastKeyOf(a, first, std::min(queryBlock, a.query - first)) - key);
}

/** The first block of queries that may see keys from `key` on. */
template <class Args>
std::int64_t firstQueryOf(const Args& a, std::int64_t key) {
  if constexpr (HasPositions<Args>) return 0;
  else return a.isCausal ? key / queryBlock * queryBlock : 0;
}

/** Whether no query of the block at `first` sees any of these keys. */
template <class Args>
bool isHidden(const Args& a, std::int64_t first, std::int64_t key, std::int64_t keys) {
  return sightOf(a, first, std::min(queryBlock, a.query - first), key, keys) == Sight::none;
}

template <class Args>
void addToKeys(const Args& a, const QueryBlock& block, std::int64_t keys, Tile tile, float* dk,
               float* dv) {
  multiply(Order::columns, Order::rows, keys, a.feature, block.count, 1.0f, {tile.p, wholeVectors(keys)}, block.g, true,
           dv, a.feature);
  multiply(Order::columns, Order::rows, keys, a.feature, block.count, 1.0f, {tile.ds, wholeVectors(keys)}, block.q,
           true, dk, a.feature);
}

template <class Args>
void addToQueries(const Args& a, const QueryBlock& block, std::int64_t keys, Tile tile, Rows k,
                  float* dq) {
  multiply(Order::rows, Order::rows, block.count, a.feature, keys, 1.0f, {tile.ds, wholeVectors(keys)}, k, true, dq,
           a.feature);
}

/** All gradients of one key head; sums of all its keys are kept in scratch. */
template <class T, class Args>
void wholeHead(const Args& a, std::int64_t index) {
  const Head<T, Args> head(a, index);
  const std::int64_t width = wholeVectors(std::min(keyBlock, a.key));
  Scratch scratch(Spaces::numFloats(a.feature, width) + queryBlock * a.feature + 2 * a.key * a.feature + 64);
  const Spaces spaces(scratch, a.feature, width);
  float *dq = scratch.take(queryBlock * a.feature), *dk = scratch.take(a.key * a.feature),
        *dv = scratch.take(a.key * a.feature);
  std::fill(dk, dk + a.key * a.feature, 0.0f);
  std::fill(dv, dv + a.key * a.feature, 0.0f);
  for (std::int64_t r = 0; r < a.share; r++) {
    for (std::int64_t first = 0; first < a.query; first += queryBlock) {
      const QueryBlock block = readQueries(a, head, r, first, spaces);
      std::fill(dq, dq + block.count * a.feature, 0.0f);
      for (std::int64_t key = 0, keys; (keys = keysOf(a, first, key)) > 0; key += keyBlock) {
        if (isHidden(a, first, key, keys)) continue;
        const Rows k = head.keys(key, keys, spaces.k), v = head.values(key, keys, spaces.v);
        makeTile(a, block, key, keys, k, v, spaces.tile);
        addToKeys(a, block, keys, spaces.tile, dk + key * a.feature, dv + key * a.feature);
        addToQueries(a, block, keys, spaces.tile, k, dq);
      }
      head.writeQueries(dq, r, first, block.count);
    }
  }
  head.writeKeys(dk, dv, 0, a.key);
}

template <class T, class Args>
void keyBlockOfHead(const Args& a, std::int64_t index, std::int64_t key) {
  const Head<T, Args> head(a, index);
  const std::int64_t width = std::min(keyBlock, a.key - key);
  Scratch scratch(Spaces::numFloats(a.feature, wholeVectors(width)) + 2 * width * a.feature + 64);
  const Spaces spaces(scratch, a.feature, wholeVectors(width));
  float *dk = scratch.take(width * a.feature), *dv = scratch.take(width * a.feature);
  std::fill(dk, dk + width * a.feature, 0.0f);
  std::fill(dv, dv + width * a.feature, 0.0f);
  const Rows k = head.keys(key, width, spaces.k), v = head.values(key, width, spaces.v);
  for (std::int64_t r = 0; r < a.share; r++) {
    for (std::int64_t first = firstQueryOf(a, key); first < a.query; first += queryBlock) {
      const std::int64_t keys = keysOf(a, first, key);
      if (keys <= 0 || isHidden(a, first, key, keys)) continue;
      const QueryBlock block = readQueries(a, head, r, first, spaces);
      makeTile(a, block, key, keys, k, v, spaces.tile);
      addToKeys(a, block, keys, spaces.tile, dk, dv);
    }
  }
  head.writeKeys(dk, dv, key, width);
}

template <class T, class Args>
void queryBlockOfHead(const Args& a, std::int64_t index, std::int64_t r, std::int64_t first) {
  const Head<T, Args> head(a, index);
  const std::int64_t width = wholeVectors(std::min(keyBlock, a.key));
  Scratch scratch(Spaces::numFloats(a.feature, width) + queryBlock * a.feature + 64);
  const Spaces spaces(scratch, a.feature, width);
  float* dq = scratch.take(queryBlock * a.feature);
  const QueryBlock block = readQueries(a, head, r, first, spaces);
  std::fill(dq, dq + block.count * a.feature, 0.0f);
  for (std::int64_t key = 0, keys; (keys = keysOf(a, first, key)) > 0; key += keyBlock) {
    if (isHidden(a, first, key, keys)) continue;
    const Rows k = head.keys(key, keys, spaces.k), v = head.values(key, keys, spaces.v);
    makeTile(a, block, key, keys, k, v, spaces.tile);
    addToQueries(a, block, keys, spaces.tile, k, dq);
  }
  head.writeQueries(dq, r, first, block.count);
}

template <class T, class Args>
void attendBack(const Args& a) {
  const std::int64_t numHeads = a.batch * a.group;
  if (isEnough(numHeads)) return pool::forEach(numHeads, [&](std::int64_t head) { wholeHead<T>(a, head); });
  const std::int64_t keyBlocks = (a.key + keyBlock - 1) / keyBlock,
                     queryBlocks = a.share * ((a.query + queryBlock - 1) / queryBlock);
  pool::forEach(numHeads * (keyBlocks + queryBlocks), [&](std::int64_t item) {
    const std::int64_t head = item / (keyBlocks + queryBlocks), part = item % (keyBlocks + queryBlocks);
    if (part < keyBlocks) return keyBlockOfHead<T>(a, head, part * keyBlock);
    const std::int64_t block = part - keyBlocks;
    queryBlockOfHead<T>(a, head, block % a.share, block / a.share * queryBlock);
  });
}

template <class Args>
void attendBackAs(const Args& args) {
  if (args.dtype == DType::f32) return attendBack<float>(args);
  if (args.dtype == DType::bf16) return attendBack<bf16>(args);
  throw Fault("attention takes floats");
}

}  // namespace

void attentionGradient(Run&, const AttentionGradientArgs& args) { attendBackAs(args); }
void attentionAtGradient(Run&, const AttentionAtGradientArgs& args) { attendBackAs(args); }

}  // namespace dream
