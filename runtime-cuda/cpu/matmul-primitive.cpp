// A table of primitives that all threads share.
#include "cpu/matmul-primitive.h"

#include <dnnl.hpp>

#include <array>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "core/fault.h"

namespace dream {

namespace {

using dnnl::memory;
/** Everything that a primitive depends on. */
using Key = std::array<std::int64_t, 15>;
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

/** oneDNN 3 has another way of saying it than 2. */
#if DNNL_VERSION_MAJOR >= 3
dnnl::matmul::primitive_desc describeProduct(const Product& product, const dnnl::primitive_attr& attributes) {
  return {engine(), product.a, product.b, product.c, attributes};
}
#else
dnnl::matmul::primitive_desc describeProduct(const Product& product, const dnnl::primitive_attr& attributes) {
  return {{product.a, product.b, product.c}, attributes, engine()};
}
#endif

Product make(const MatmulArgs& args) {
  const auto describe = [&](std::int64_t rows, std::int64_t columns, DType dtype, std::int64_t batchStride,
                            std::int64_t rowStride, std::int64_t columnStride) {
    if (args.batch == 1) return memory::desc({rows, columns}, typeOf(dtype), memory::dims{rowStride, columnStride});
    return memory::desc({args.batch, rows, columns}, typeOf(dtype), memory::dims{batchStride, rowStride, columnStride});
  };
  Product product;
  product.a = describe(args.m, args.k, args.inputs, args.aBatch, args.aM, args.aK);
  product.b = describe(args.k, args.n, args.inputs, args.bBatch, args.bK, args.bN);
  product.c = describe(args.m, args.n, args.output, args.cBatch, args.cM, args.cN);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc description = describeProduct(product, attributes);
  product.primitive = dnnl::matmul(description);
  product.scratch = description.scratchpad_desc();
  return product;
}

/** Entries of an unordered_map stay where they are. */
const Product& productFor(const MatmulArgs& args) {
  static std::shared_mutex mutex;
  static std::unordered_map<Key, Product, KeyHash> products;
  const Key key{args.batch,
                args.m,
                args.n,
                args.k,
                args.aBatch,
                args.aM,
                args.aK,
                args.bBatch,
                args.bK,
                args.bN,
                args.cBatch,
                args.cM,
                args.cN,
                static_cast<std::int64_t>(args.inputs),
                static_cast<std::int64_t>(args.output)};
  {
    const std::shared_lock lock(mutex);
    const auto found = products.find(key);
    if (found != products.end()) return found->second;
  }
  const std::unique_lock lock(mutex);
  const auto found = products.find(key);
  return found != products.end() ? found->second : products.emplace(key, make(args)).first->second;
}

/** Scratch memory of this thread, which grows to the largest product and stays. */
std::byte* scratch(std::size_t numBytes) {
  thread_local std::unique_ptr<std::byte[]> memory;
  thread_local std::size_t size = 0;
  if (numBytes > size) {
    memory.reset(new std::byte[numBytes]);
    size = numBytes;
  }
  return memory.get();
}

}  // namespace

void runPrimitive(const MatmulArgs& args) {
  thread_local dnnl::stream stream(engine());
  const Product& product = productFor(args);
  const memory a(product.a, engine(), const_cast<void*>(args.a));
  const memory b(product.b, engine(), const_cast<void*>(args.b));
  const memory c(product.c, engine(), args.c);
  const memory space(product.scratch, engine(), scratch(product.scratch.get_size()));
  product.primitive.execute(
      stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}, {DNNL_ARG_SCRATCHPAD, space}});
}

}  // namespace dream
