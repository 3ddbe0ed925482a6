// The functions of the runtime that graphs call, and the structs that they take: sizes of groups of dims, then each
// operand's pointer and strides (in elements) by group, then options. A group of size 1 may have any stride.
#pragma once

#include <cstdint>

#include "dream/program.h"

namespace dream {

/** c[batch, m, n] = sum over k of a[batch, m, k] b[batch, k, n]; a, b, c have stride 1 on m or k, k or n, m or n. */
struct MatmulArgs {
  std::int64_t batch, m, n, k;
  const void* a;
  std::int64_t aBatch, aM, aK;
  const void* b;
  std::int64_t bBatch, bK, bN;
  void* c;
  std::int64_t cBatch, cM, cN;
  DType inputs, output;
  void* workspace;
};
/** Sums in float32, whatever the types. */
void matmul(Run& run, const MatmulArgs& args);

/**
 * out = softmax(q kᵀ scale) v for each (batch, group, share): query head (group, share) has key head `group`. `lse`, in
 * float32, is the logarithm of each row's sum of exp. Causal: query t sees keys s <= t. `feature` has stride 1.
 */
struct AttentionArgs {
  std::int64_t batch, group, share, query, key, feature;
  const void* q;
  std::int64_t qBatch, qGroup, qShare, qQuery, qFeature;
  const void* k;
  std::int64_t kBatch, kGroup, kKey, kFeature;
  const void* v;
  std::int64_t vBatch, vGroup, vKey, vFeature;
  void* out;
  std::int64_t outBatch, outGroup, outShare, outQuery, outFeature;
  void* lse;
  std::int64_t lseBatch, lseGroup, lseShare, lseQuery;
  double scale;
  bool isCausal;
  DType dtype;
  void* workspace;
};
void attention(Run& run, const AttentionArgs& args);

/** As attention; a query sees the keys whose position (int32) is not greater than its own. Without any: out 0, lse -inf. */
struct AttentionAtArgs {
  std::int64_t batch, group, share, query, key, feature;
  const void* q;
  std::int64_t qBatch, qGroup, qShare, qQuery, qFeature;
  const void* k;
  std::int64_t kBatch, kGroup, kKey, kFeature;
  const void* v;
  std::int64_t vBatch, vGroup, vKey, vFeature;
  const void* queryAt;
  std::int64_t queryAtQuery;
  const void* keyAt;
  std::int64_t keyAtKey;
  void* out;
  std::int64_t outBatch, outGroup, outShare, outQuery, outFeature;
  void* lse;
  std::int64_t lseBatch, lseGroup, lseShare, lseQuery;
  double scale;
  DType dtype;
  void* workspace;
};
void attentionAt(Run& run, const AttentionAtArgs& args);

/**
 * With P = exp(q kᵀ scale - lse): dv = Pᵀ g, dS = P (g vᵀ - rowsum(g out)) scale, dq = dS k, dk = dSᵀ q. `workspace`
 * holds one float32 for each query row.
 */
struct AttentionGradientArgs {
  std::int64_t batch, group, share, query, key, feature;
  const void* gradOut;
  std::int64_t gradOutBatch, gradOutGroup, gradOutShare, gradOutQuery, gradOutFeature;
  const void* q;
  std::int64_t qBatch, qGroup, qShare, qQuery, qFeature;
  const void* k;
  std::int64_t kBatch, kGroup, kKey, kFeature;
  const void* v;
  std::int64_t vBatch, vGroup, vKey, vFeature;
  const void* out;
  std::int64_t outBatch, outGroup, outShare, outQuery, outFeature;
  const void* lse;
  std::int64_t lseBatch, lseGroup, lseShare, lseQuery;
  void* dq;
  std::int64_t dqBatch, dqGroup, dqShare, dqQuery, dqFeature;
  void* dk;
  std::int64_t dkBatch, dkGroup, dkKey, dkFeature;
  void* dv;
  std::int64_t dvBatch, dvGroup, dvKey, dvFeature;
  double scale;
  bool isCausal;
  DType dtype;
  void* workspace;
};
void attentionGradient(Run& run, const AttentionGradientArgs& args);

/** As attentionGradient, over the keys that each query sees; `lse` and `out` may be of more keys than there are here. */
struct AttentionAtGradientArgs {
  std::int64_t batch, group, share, query, key, feature;
  const void* gradOut;
  std::int64_t gradOutBatch, gradOutGroup, gradOutShare, gradOutQuery, gradOutFeature;
  const void* q;
  std::int64_t qBatch, qGroup, qShare, qQuery, qFeature;
  const void* k;
  std::int64_t kBatch, kGroup, kKey, kFeature;
  const void* v;
  std::int64_t vBatch, vGroup, vKey, vFeature;
  const void* out;
  std::int64_t outBatch, outGroup, outShare, outQuery, outFeature;
  const void* lse;
  std::int64_t lseBatch, lseGroup, lseShare, lseQuery;
  const void* queryAt;
  std::int64_t queryAtQuery;
  const void* keyAt;
  std::int64_t keyAtKey;
  void* dq;
  std::int64_t dqBatch, dqGroup, dqShare, dqQuery, dqFeature;
  void* dk;
  std::int64_t dkBatch, dkGroup, dkKey, dkFeature;
  void* dv;
  std::int64_t dvBatch, dvGroup, dvKey, dvFeature;
  double scale;
  DType dtype;
  void* workspace;
};
void attentionAtGradient(Run& run, const AttentionAtGradientArgs& args);

/** result[v, feature] = sum of gradient[row, feature] over the rows with indices[row] = start + v. Others are skipped. */
struct TakeGradientArgs {
  std::int64_t rows, vocab, feature;
  const void* indices;
  std::int64_t indicesRows;
  const void* gradient;
  std::int64_t gradientRows, gradientFeature;
  void* result;
  std::int64_t resultVocab, resultFeature;
  std::int64_t start;
  DType dtype;
  void* workspace;
};
void takeGradient(Run& run, const TakeGradientArgs& args);

}  // namespace dream
