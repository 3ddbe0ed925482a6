// Matrix products of GPT-2 124M (1,024 tokens): ours beside oneDNN's matmul primitive with operands as they are and with
// weights in the layout that it likes best (packing not counted). usage: bench-matmul [f32|bf16]
#include <sys/mman.h>
#include <dnnl.hpp>

#include <cstring>
#include <string>

#include "bench/measure.h"
#include "dream/calls.h"
#include "dream/random.h"

using namespace dream;
using dnnl::memory;

namespace {

struct Shape {
  const char* name;
  std::int64_t tokens, out, in;
};
constexpr Shape shapes[] = {{"attention in", 1024, 2304, 768},
                            {"attention out", 1024, 768, 768},
                            {"mlp up", 1024, 3072, 768},
                            {"mlp down", 1024, 768, 3072},
                            {"head", 1024, 50257, 768}};

/** A product with operands by rows or columns, without gaps. */
struct Product {
  const char* name;
  std::int64_t m, n, k;
  bool aByColumns, bByColumns;
};

std::byte* space(std::size_t numBytes) {
  void* memory = mmap(nullptr, numBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  madvise(memory, numBytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(memory);
}

void fill(std::byte* to, std::int64_t n, DType dtype) {
  for (std::int64_t i = 0; i < n; i++) {
    const float value = math::randomUniform(1, 1, 0, 0, i) - 0.5f;
    if (dtype == DType::f32)
      reinterpret_cast<float*>(to)[i] = value;
    else
      reinterpret_cast<bf16*>(to)[i] = value;
  }
}

dnnl::engine engine(dnnl::engine::kind::cpu, 0);
dnnl::stream stream(engine);

bench::Times measurePrimitive(const Product& p, DType dtype, DType output, bool isPacked, std::byte* a, std::byte* b,
                              std::byte* c) {
  const auto type = dtype == DType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
  const auto outputType = output == DType::f32 ? memory::data_type::f32 : memory::data_type::bf16;
  const memory::desc aDesc({p.m, p.k}, type, p.aByColumns ? memory::dims{1, p.m} : memory::dims{p.k, 1});
  const memory::desc bPlain({p.k, p.n}, type, p.bByColumns ? memory::dims{1, p.k} : memory::dims{p.n, 1});
  const memory::desc bDesc = isPacked ? memory::desc({p.k, p.n}, type, memory::format_tag::any) : bPlain;
  const dnnl::matmul::primitive_desc description(
      {aDesc, bDesc, memory::desc({p.m, p.n}, outputType, memory::dims{p.n, 1})}, engine);
  dnnl::matmul primitive(description);
  memory aMemory(description.src_desc(), engine, a), bMemory(description.weights_desc(), engine),
      cMemory(description.dst_desc(), engine, c);
  memory bGiven(bPlain, engine, b);
  dnnl::reorder(bGiven, bMemory).execute(stream, bGiven, bMemory);
  return bench::measure([&] {
    primitive.execute(stream, {{DNNL_ARG_SRC, aMemory}, {DNNL_ARG_WEIGHTS, bMemory}, {DNNL_ARG_DST, cMemory}});
  });
}

void compare(const Shape& shape, const Product& p, DType dtype, std::byte* a, std::byte* b, std::byte* c, double& ours,
             double& best) {
  // Gradients of weights are summed in float32.
  const DType output = dtype == DType::bf16 && !p.aByColumns ? DType::bf16 : DType::f32;
  const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  const std::string name = std::string(shape.name) + " " + p.name;
  Run run;
  // clang-format off
  const MatmulArgs args{.batch = 1, .m = p.m, .n = p.n, .k = p.k,
      .a = a, .aBatch = 0, .aM = p.aByColumns ? 1 : p.k, .aK = p.aByColumns ? p.m : 1,
      .b = b, .bBatch = 0, .bK = p.bByColumns ? 1 : p.n, .bN = p.bByColumns ? p.k : 1,
      .c = c, .cBatch = 0, .cM = p.n, .cN = 1,
      .inputs = dtype, .output = output, .workspace = nullptr};
  // clang-format on
  const bench::Times mine = bench::measure([&] { matmul(run, args); });
  const bench::Times plain = measurePrimitive(p, dtype, output, false, a, b, c);
  const bench::Times packed = measurePrimitive(p, dtype, output, true, a, b, c);
  bench::print((name + ", ours").c_str(), flops, mine);
  bench::print((name + ", oneDNN plain").c_str(), flops, plain);
  bench::print((name + ", oneDNN packed").c_str(), flops, packed);
  ours += mine.medianSeconds;
  best += std::min(plain.medianSeconds, packed.medianSeconds);
}

}  // namespace

int main(int argc, char** argv) {
  const DType dtype = argc > 1 && std::strcmp(argv[1], "bf16") == 0 ? DType::bf16 : DType::f32;
  std::byte *a = space(std::size_t{50304} * 1024 * 4), *b = space(std::size_t{50304} * 1024 * 4),
            *c = space(std::size_t{50304} * 1024 * 4);
  fill(a, 50304 * 1024, dtype);
  fill(b, 50304 * 1024, dtype);
  double ours = 0.0, best = 0.0;
  for (const Shape& s : shapes) {
    compare(s, {"forward", s.tokens, s.out, s.in, false, true}, dtype, a, b, c, ours, best);
    compare(s, {"input gradient", s.tokens, s.in, s.out, false, false}, dtype, a, b, c, ours, best);
    compare(s, {"weight gradient", s.out, s.in, s.tokens, true, false}, dtype, a, b, c, ours, best);
  }
  std::printf("all together: ours %.1f ms, the best of oneDNN's two %.1f ms\n", ours * 1e3, best * 1e3);
}
