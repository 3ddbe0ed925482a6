// Softmax attention by rows: the scores of one query row at a time.
#include <vector>

#include "core/fault.h"
#include "dream/calls.h"
#include "dream/kernel.h"
#include "dream/math.h"

namespace dream {

namespace {

template <class T>
void attend(const AttentionArgs& a) {
  const auto* q = static_cast<const T*>(a.q);
  const auto* k = static_cast<const T*>(a.k);
  const auto* v = static_cast<const T*>(a.v);
  auto* out = static_cast<T*>(a.out);
  auto* lse = static_cast<float*>(a.lse);
  const auto scale = static_cast<float>(a.scale);
  parallelFor(a.batch * a.group * a.share * a.query, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scores(static_cast<std::size_t>(a.key)), sum(static_cast<std::size_t>(a.feature));
    for (std::int64_t row = begin; row < end; row++) {
      const std::int64_t t = row % a.query, r = row / a.query % a.share, g = row / a.query / a.share % a.group, b = row / a.query / a.share / a.group;
      const T* qRow = q + b * a.qBatch + g * a.qGroup + r * a.qShare + t * a.qQuery;
      const T* kHead = k + b * a.kBatch + g * a.kGroup;
      const T* vHead = v + b * a.vBatch + g * a.vGroup;
      const std::int64_t numKeys = a.isCausal && t + 1 < a.key ? t + 1 : a.key;
      float top = -math::detail::infinity;
      for (std::int64_t s = 0; s < numKeys; s++) {
        float dot = 0.0f;
        for (std::int64_t d = 0; d < a.feature; d++) dot += float(qRow[d * a.qFeature]) * float(kHead[s * a.kKey + d * a.kFeature]);
        scores[s] = dot * scale;
        top = math::maximum(top, scores[s]);
      }
      float total = 0.0f;
      for (std::int64_t d = 0; d < a.feature; d++) sum[d] = 0.0f;
      for (std::int64_t s = 0; s < numKeys; s++) {
        const float weight = math::exp(scores[s] - top);
        total += weight;
        for (std::int64_t d = 0; d < a.feature; d++) sum[d] += weight * float(vHead[s * a.vKey + d * a.vFeature]);
      }
      T* to = out + b * a.outBatch + g * a.outGroup + r * a.outShare + t * a.outQuery;
      for (std::int64_t d = 0; d < a.feature; d++) to[d * a.outFeature] = sum[d] / total;
      lse[b * a.lseBatch + g * a.lseGroup + r * a.lseShare + t * a.lseQuery] = top + math::log(total);
    }
  });
}

template <class T>
void attendBack(const AttentionGradientArgs& a) {
  const auto scale = static_cast<float>(a.scale);
  parallelFor(a.batch * a.group, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> dq(a.feature), dk(a.key * a.feature), dv(a.key * a.feature);
    for (std::int64_t head = begin; head < end; head++) {
      const std::int64_t b = head / a.group, g = head % a.group;
      std::fill(dk.begin(), dk.end(), 0.0f);
      std::fill(dv.begin(), dv.end(), 0.0f);
      const T* kHead = static_cast<const T*>(a.k) + b * a.kBatch + g * a.kGroup;
      const T* vHead = static_cast<const T*>(a.v) + b * a.vBatch + g * a.vGroup;
      for (std::int64_t r = 0; r < a.share; r++)
        for (std::int64_t t = 0; t < a.query; t++) {
          const T* q = static_cast<const T*>(a.q) + b * a.qBatch + g * a.qGroup + r * a.qShare + t * a.qQuery;
          const T* o = static_cast<const T*>(a.out) + b * a.outBatch + g * a.outGroup + r * a.outShare + t * a.outQuery;
          const T* go = static_cast<const T*>(a.gradOut) + b * a.gradOutBatch + g * a.gradOutGroup + r * a.gradOutShare + t * a.gradOutQuery;
          T* dqRow = static_cast<T*>(a.dq) + b * a.dqBatch + g * a.dqGroup + r * a.dqShare + t * a.dqQuery;
          const float lse = static_cast<const float*>(a.lse)[b * a.lseBatch + g * a.lseGroup + r * a.lseShare + t * a.lseQuery];
          float along = 0.0f;
          for (std::int64_t d = 0; d < a.feature; d++) along += float(o[d * a.outFeature]) * float(go[d * a.gradOutFeature]);
          std::fill(dq.begin(), dq.end(), 0.0f);
          const std::int64_t numKeys = a.isCausal && t + 1 < a.key ? t + 1 : a.key;
          for (std::int64_t s = 0; s < numKeys; s++) {
            float dot = 0.0f, slope = 0.0f;
            for (std::int64_t d = 0; d < a.feature; d++) {
              dot += float(q[d * a.qFeature]) * float(kHead[s * a.kKey + d * a.kFeature]);
              slope += float(go[d * a.gradOutFeature]) * float(vHead[s * a.vKey + d * a.vFeature]);
            }
            const float weight = math::exp(dot * scale - lse);
            const float ds = weight * (slope - along) * scale;
            for (std::int64_t d = 0; d < a.feature; d++) {
              dv[s * a.feature + d] += weight * float(go[d * a.gradOutFeature]);
              dq[d] += ds * float(kHead[s * a.kKey + d * a.kFeature]);
              dk[s * a.feature + d] += ds * float(q[d * a.qFeature]);
            }
          }
          for (std::int64_t d = 0; d < a.feature; d++) dqRow[d * a.dqFeature] = dq[d];
        }
      T* dkHead = static_cast<T*>(a.dk) + b * a.dkBatch + g * a.dkGroup;
      T* dvHead = static_cast<T*>(a.dv) + b * a.dvBatch + g * a.dvGroup;
      for (std::int64_t s = 0; s < a.key; s++)
        for (std::int64_t d = 0; d < a.feature; d++) {
          dkHead[s * a.dkKey + d * a.dkFeature] = dk[s * a.feature + d];
          dvHead[s * a.dvKey + d * a.dvFeature] = dv[s * a.feature + d];
        }
    }
  });
}

}  // namespace

void attention(Run&, const AttentionArgs& args) {
  if (args.dtype == DType::f32) return attend<float>(args);
  if (args.dtype == DType::bf16) return attend<bf16>(args);
  throw Fault("attention takes floats");
}

void attentionGradient(Run&, const AttentionGradientArgs& args) {
  if (args.dtype == DType::f32) return attendBack<float>(args);
  if (args.dtype == DType::bf16) return attendBack<bf16>(args);
  throw Fault("attention takes floats");
}

}  // namespace dream
