// Matrix products by oneDNN. A primitive is made once for each shape, layout and type, and kept.
#include <dnnl.hpp>

#include <array>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "core/element-size.h"
#include "core/fault.h"
#include "dream/calls.h"
#include "dream/kernel.h"

namespace dream {

namespace {

using dnnl::memory;
constexpr int numKeys = 15;
/** Everything that a primitive depends on. */
using Key = std::array<std::int64_t, numKeys>;
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = 0xcbf29ce484222325ull;
    for (const std::int64_t value : key) hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001b3ull;
    return hash;
  }
};

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

memory::data_type typeOf(DType dtype) {
  if (dtype == DType::f32) return memory::data_type::f32;
  if (dtype == DType::bf16) return memory::data_type::bf16;
  throw Fault("a matrix product takes floats");
}

struct Product {
  dnnl::matmul primitive;
  memory::desc a, b, c, scratch;
};

Product make(const MatmulArgs& args) {
  const auto describe = [&](std::int64_t rows, std::int64_t columns, DType dtype, std::int64_t batchStride, std::int64_t rowStride,
                            std::int64_t columnStride) {
    if (args.batch == 1) return memory::desc({rows, columns}, typeOf(dtype), memory::dims{rowStride, columnStride});
    return memory::desc({args.batch, rows, columns}, typeOf(dtype), memory::dims{batchStride, rowStride, columnStride});
  };
  Product product;
  product.a = describe(args.m, args.k, args.inputs, args.aBatch, args.aM, args.aK);
  product.b = describe(args.k, args.n, args.inputs, args.bBatch, args.bK, args.bN);
  product.c = describe(args.m, args.n, args.output, args.cBatch, args.cM, args.cN);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc description({product.a, product.b, product.c}, attributes, engine());
  product.primitive = dnnl::matmul(description);
  product.scratch = description.scratchpad_desc();
  return product;
}

/** Entries of an unordered_map stay where they are. */
const Product& productFor(const MatmulArgs& args) {
  static std::mutex mutex;
  static std::unordered_map<Key, Product, KeyHash> products;
  const Key key{args.batch, args.m, args.n, args.k, args.aBatch, args.aM, args.aK, args.bBatch, args.bK, args.bN,
                args.cBatch, args.cM, args.cN, static_cast<std::int64_t>(args.inputs), static_cast<std::int64_t>(args.output)};
  const std::lock_guard lock(mutex);
  const auto found = products.find(key);
  return found != products.end() ? found->second : products.emplace(key, make(args)).first->second;
}

/** Scratch memory that grows to the largest product and stays. */
std::byte* scratch(std::size_t numBytes) {
  thread_local std::unique_ptr<std::byte[]> memory;
  thread_local std::size_t size = 0;
  if (numBytes > size) {
    memory.reset(new std::byte[numBytes]);
    size = numBytes;
  }
  return memory.get();
}

/** A stride of a group of one element says nothing; oneDNN wants one that fits the others. */
MatmulArgs tidied(const MatmulArgs& args) {
  MatmulArgs tidy = args;
  const auto tidyPair = [](std::int64_t rows, std::int64_t& rowStride, std::int64_t columns, std::int64_t& columnStride) {
    if (columns == 1 && rows == 1) rowStride = columnStride = 1;
    else if (columns == 1) columnStride = rowStride == 1 ? rows : 1;
    else if (rows == 1) rowStride = columnStride == 1 ? columns : 1;
  };
  tidyPair(tidy.m, tidy.aM, tidy.k, tidy.aK);
  tidyPair(tidy.k, tidy.bK, tidy.n, tidy.bN);
  tidyPair(tidy.m, tidy.cM, tidy.n, tidy.cN);
  if (tidy.batch == 1) tidy.aBatch = tidy.bBatch = tidy.cBatch = 0;
  return tidy;
}

void clear(const MatmulArgs& args) {
  const auto size = static_cast<std::int64_t>(elementSize(args.output));
  for (std::int64_t batch = 0; batch < args.batch; batch++)
    for (std::int64_t row = 0; row < args.m; row++)
      for (std::int64_t column = 0; column < args.n; column++)
        std::memset(static_cast<std::byte*>(args.c) + (batch * args.cBatch + row * args.cM + column * args.cN) * size, 0,
                    static_cast<std::size_t>(size));
}

}  // namespace

void matmul(Run&, const MatmulArgs& given) {
  if (given.batch == 0 || given.m == 0 || given.n == 0) return;
  if (given.k == 0) return clear(given);
  const MatmulArgs args = tidied(given);
  static dnnl::stream stream(engine());
  const Product& product = productFor(args);
  const memory a(product.a, engine(), const_cast<void*>(args.a));
  const memory b(product.b, engine(), const_cast<void*>(args.b));
  const memory c(product.c, engine(), args.c);
  const memory space(product.scratch, engine(), scratch(product.scratch.get_size()));
  product.primitive.execute(stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}, {DNNL_ARG_SCRATCHPAD, space}});
}

}  // namespace dream
