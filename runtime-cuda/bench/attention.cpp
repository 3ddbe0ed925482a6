// Attention at GPT-2's shapes (batch 4, 12 heads, 256 places, 64 features) and longer ones, heads inside rows as the
// projection leaves them. Counted: the products that a causal mask leaves, 2 forward and 5 backward (half of the square).
#include <string>
#include <vector>

#include "bench/measure.h"
#include "dream/calls.h"
#include "dream/random.h"

using namespace dream;

namespace {

template <class T>
void measureAttention(std::int64_t batch, std::int64_t heads, std::int64_t places, std::int64_t feature) {
  const std::int64_t row = heads * feature, size = batch * places * row;
  std::vector<T> q(size), k(size), v(size), out(size), gradOut(size), dq(size), dk(size), dv(size);
  for (std::int64_t i = 0; i < size; i++) {
    q[i] = math::randomNormal(1, 1, 0, 0, i);
    k[i] = math::randomNormal(1, 2, 0, 0, i);
    v[i] = math::randomNormal(1, 3, 0, 0, i);
    gradOut[i] = math::randomNormal(1, 4, 0, 0, i);
  }
  std::vector<float> lse(batch * heads * places), workspace(lse.size());
  const DType dtype = sizeof(T) == 2 ? DType::bf16 : DType::f32;
  Run run;
  // clang-format off
  const AttentionArgs forward{.batch = batch, .group = heads, .share = 1, .query = places, .key = places,
      .feature = feature,
      .q = q.data(), .qBatch = places * row, .qGroup = feature, .qShare = 0, .qQuery = row, .qFeature = 1,
      .k = k.data(), .kBatch = places * row, .kGroup = feature, .kKey = row, .kFeature = 1,
      .v = v.data(), .vBatch = places * row, .vGroup = feature, .vKey = row, .vFeature = 1,
      .out = out.data(), .outBatch = places * row, .outGroup = feature, .outShare = 0, .outQuery = row, .outFeature = 1,
      .lse = lse.data(), .lseBatch = heads * places, .lseGroup = places, .lseShare = 0, .lseQuery = 1,
      .scale = 0.125, .isCausal = true, .dtype = dtype, .workspace = nullptr};
  const AttentionGradientArgs backward{.batch = batch, .group = heads, .share = 1, .query = places, .key = places,
      .feature = feature,
      .gradOut = gradOut.data(), .gradOutBatch = places * row, .gradOutGroup = feature, .gradOutShare = 0,
      .gradOutQuery = row, .gradOutFeature = 1,
      .q = q.data(), .qBatch = places * row, .qGroup = feature, .qShare = 0, .qQuery = row, .qFeature = 1,
      .k = k.data(), .kBatch = places * row, .kGroup = feature, .kKey = row, .kFeature = 1,
      .v = v.data(), .vBatch = places * row, .vGroup = feature, .vKey = row, .vFeature = 1,
      .out = out.data(), .outBatch = places * row, .outGroup = feature, .outShare = 0, .outQuery = row, .outFeature = 1,
      .lse = lse.data(), .lseBatch = heads * places, .lseGroup = places, .lseShare = 0, .lseQuery = 1,
      .dq = dq.data(), .dqBatch = places * row, .dqGroup = feature, .dqShare = 0, .dqQuery = row, .dqFeature = 1,
      .dk = dk.data(), .dkBatch = places * row, .dkGroup = feature, .dkKey = row, .dkFeature = 1,
      .dv = dv.data(), .dvBatch = places * row, .dvGroup = feature, .dvKey = row, .dvFeature = 1,
      .scale = 0.125, .isCausal = true, .dtype = dtype, .workspace = workspace.data()};
  // clang-format on
  const double flops = static_cast<double>(batch * heads * places * places * feature);
  char name[96];
  std::snprintf(name, sizeof name, "%s B%ld H%ld T%ld D%ld", sizeof(T) == 2 ? "bf16" : "f32", static_cast<long>(batch),
                static_cast<long>(heads), static_cast<long>(places), static_cast<long>(feature));
  bench::print((std::string(name) + " forward").c_str(), 2.0 * flops, bench::measure([&] { attention(run, forward); }));
  bench::print((std::string(name) + " backward").c_str(), 5.0 * flops,
               bench::measure([&] { attentionGradient(run, backward); }));
}

}  // namespace

int main() {
  measureAttention<float>(4, 12, 256, 64);
  measureAttention<bf16>(4, 12, 256, 64);
  measureAttention<float>(12, 4, 64, 32);
  measureAttention<float>(1, 12, 1024, 64);
  measureAttention<float>(1, 8, 4096, 128);
  measureAttention<bf16>(1, 8, 4096, 128);
}
