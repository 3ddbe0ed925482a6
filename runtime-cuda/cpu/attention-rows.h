// What attention's two directions share: blocks of rows in float32, products of such blocks, and loops over heads.
//
// A tile is a block of queries against a block of keys; only tiles of scores exist, in scratch memory of the thread that
// works on them. Tiles that no query sees (right of the diagonal of a causal mask, or of later positions) are never made.
#pragma once

#include <dnnl.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/pool.h"
#include "dream/bf16.h"

namespace dream::attentions {

/** A block of keys is a multiple of a block of queries: then without positions every row of a tile sees its first key. */
inline constexpr std::int64_t queryBlock = 64, keyBlock = 256;

/** Rows of a tile have room for whole vectors, so that loops over them have no rest: a rest costs as much as the row. */
inline constexpr std::int64_t vector = 16;
inline std::int64_t wholeVectors(std::int64_t n) { return (n + vector - 1) / vector * vector; }

/** Row i begins at `data + i * stride`; its elements are neighbours. */
struct Rows {
  const float* data;
  std::int64_t stride;
  Rows from(std::int64_t row) const { return {data + row * stride, stride}; }
};

/** float32 rows are used where they are, if they are apart; all others are copied to `space`. */
template <class T>
Rows readRows(const T* first, std::int64_t rowStride, std::int64_t featureStride, std::int64_t count,
              std::int64_t feature, float* space) {
  if constexpr (sizeof(T) == sizeof(float))
    if ((featureStride == 1 || feature == 1) && rowStride >= feature) return {first, rowStride};
  for (std::int64_t row = 0; row < count; row++)
    for (std::int64_t d = 0; d < feature; d++) space[row * feature + d] = first[row * rowStride + d * featureStride];
  return {space, feature};
}

template <class T>
void writeRows(const float* from, T* first, std::int64_t rowStride, std::int64_t featureStride, std::int64_t count,
               std::int64_t feature) {
  for (std::int64_t row = 0; row < count; row++)
    for (std::int64_t d = 0; d < feature; d++) first[row * rowStride + d * featureStride] = from[row * feature + d];
}

/** c[m, n] = factor a b, or added to c: `a` by rows [m, k] or columns, `b` by rows [k, n] or columns; in this thread. */
enum class Order : char { rows = 'N', columns = 'T' };
inline void multiply(Order orderA, Order orderB, std::int64_t m, std::int64_t n, std::int64_t k, float factor, Rows a,
                     Rows b, bool isAdded, float* c, std::int64_t cStride) {
  dnnl_sgemm(static_cast<char>(orderA), static_cast<char>(orderB), m, n, k, factor, a.data, a.stride, b.data, b.stride,
             isAdded ? 1.0f : 0.0f, c, cStride);
}

/** Whether queries and keys say where they are. */
template <class Args>
concept HasPositions = requires(const Args& args) { args.keyAt; };

/** How much of a tile its queries see. */
enum class Sight { none, some, all };

/** The positions of a tile: query row t sees key s where keyAt(s) <= queryAt(t). */
template <HasPositions Args>
class TilePositions {
 public:
  TilePositions(const Args& args, std::int64_t first, std::int64_t rows, std::int64_t key, std::int64_t keys)
      : queries_(static_cast<const std::int32_t*>(args.queryAt) + first * args.queryAtQuery),
        queryStride_(args.queryAtQuery),
        rows_(rows),
        keys_(static_cast<const std::int32_t*>(args.keyAt) + key * args.keyAtKey),
        keyStride_(args.keyAtKey),
        numKeys_(keys) {}
  bool sees(std::int64_t row, std::int64_t key) const {
    return keys_[key * keyStride_] <= queries_[row * queryStride_];
  }
  Sight sight() const {
    const auto [firstKey, lastKey] = range(keys_, keyStride_, numKeys_);
    const auto [firstQuery, lastQuery] = range(queries_, queryStride_, rows_);
    return firstKey > lastQuery ? Sight::none : lastKey <= firstQuery ? Sight::all : Sight::some;
  }

 private:
  static std::pair<std::int32_t, std::int32_t> range(const std::int32_t* at, std::int64_t stride, std::int64_t count) {
    std::int32_t least = at[0], most = at[0];
    for (std::int64_t i = 1; i < count; i++) {
      least = std::min(least, at[i * stride]);
      most = std::max(most, at[i * stride]);
    }
    return {least, most};
  }
  const std::int32_t* queries_;
  std::int64_t queryStride_, rows_;
  const std::int32_t* keys_;
  std::int64_t keyStride_, numKeys_;
};

template <class Args>
Sight sightOf(const Args& a, std::int64_t first, std::int64_t rows, std::int64_t key, std::int64_t keys) {
  if constexpr (HasPositions<Args>) return TilePositions(a, first, rows, key, keys).sight();
  return Sight::some;
}

/** Behind the last key that `rows` queries from `first` may see. */
template <class Args>
std::int64_t lastKeyOf(const Args& a, std::int64_t first, std::int64_t rows) {
  if constexpr (HasPositions<Args>) return a.key;
  else return a.isCausal ? std::min(a.key, first + rows) : a.key;
}

/** How many of `keys` keys from `key` query `row` may see: with positions the others are among them. */
template <class Args>
std::int64_t validKeys(const Args& a, std::int64_t row, std::int64_t key, std::int64_t keys) {
  if constexpr (HasPositions<Args>) return keys;
  else return a.isCausal ? std::min(keys, row + 1 - key) : keys;
}

/** Scratch memory of one thread, handed out piece by piece. */
class Scratch {
 public:
  explicit Scratch(std::int64_t numFloats) : memory_(memoryOfThread()) {
    if (static_cast<std::int64_t>(memory_.size()) < numFloats + 64)
      memory_.resize(static_cast<std::size_t>(numFloats + 64));
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    next_ = memory_.data() + (64 - address % 64) % 64 / sizeof(float);
  }
  float* take(std::int64_t numFloats) {
    float* piece = next_;
    next_ += (numFloats + 15) / 16 * 16;
    return piece;
  }

 private:
  static std::vector<float>& memoryOfThread() {
    thread_local std::vector<float> memory;
    return memory;
  }
  std::vector<float>& memory_;
  float* next_;
};

/** Whether `numHeads` alone keep every thread busy. */
inline bool isEnough(std::int64_t numHeads) {
  return numHeads >= 2 * pool::numThreads() || numHeads % pool::numThreads() == 0;
}

}  // namespace dream::attentions
