// What this machine can do at least in theory of one training step: oneDNN's matrix products of given shapes, and memory
// bandwidth. Reads lines `BATCH M K N STORAGE` from standard input (STORAGE: how the two operands lie and what the result
// is, as in `forward`, `input-gradient`, `weight-gradient`), writes one line of JSON for each: seconds of one product,
// operands as they lie, and with the weights packed as oneDNN likes them best. Before that, one line with the bandwidth.
//
//   floor f32|bf16 THREADS REPEATS
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "dnnl.hpp"

using dnnl::memory;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

/** a += b over arrays that no cache holds: two reads and a write, in bytes per second. */
double bandwidth(int repeats) {
  const std::size_t n = std::size_t{1} << 27;
  std::vector<float> a(n), b(n);
#pragma omp parallel for
  for (std::size_t i = 0; i < n; i++) a[i] = b[i] = 1.0f;
  std::vector<double> seconds;
  for (int r = 0; r < repeats; r++) {
    const double start = now();
    float *x = a.data(), *y = b.data();
#pragma omp parallel for
    for (std::size_t i = 0; i < n; i++) x[i] += y[i];
    seconds.push_back(now() - start);
  }
  return 3.0 * 4.0 * static_cast<double>(n) / median(seconds);
}

struct Shape {
  memory::dim batch, m, k, n;
  std::string storage;
};

/** `[batch, rows, columns]`, or its transpose as it lies in memory. */
memory::desc matrix(memory::dim batch, memory::dim rows, memory::dim columns, memory::data_type type, bool isTransposed) {
  const memory::dims strides = isTransposed ? memory::dims{rows * columns, 1, rows} : memory::dims{rows * columns, columns, 1};
  return {{batch, rows, columns}, type, strides};
}

class Product {
 public:
  Product(const dnnl::engine& engine, const Shape& s, memory::data_type type, bool isPacked) : engine_(engine) {
    // forward: x [m, k] times weight [n, k] transposed. input gradient: dy [m, k] times weight [k, n].
    // weight gradient: dy [k, m] transposed times x [k, n], summed over all k places, into float32.
    const bool isForward = s.storage == "forward", isWeightGradient = s.storage == "weight-gradient";
    if (!isForward && !isWeightGradient && s.storage != "input-gradient") throw std::runtime_error("no storage " + s.storage);
    const auto a = matrix(s.batch, s.m, s.k, type, isWeightGradient);
    auto b = matrix(s.batch, s.k, s.n, type, isForward);
    if (isPacked) b = {{s.batch, s.k, s.n}, type, memory::format_tag::any};
    const auto c = matrix(s.batch, s.m, s.n, isWeightGradient ? memory::data_type::f32 : type, false);
    const dnnl::matmul::primitive_desc description{dnnl::matmul::desc{a, b, c}, engine};
    product_ = dnnl::matmul(description);
    a_ = description.src_desc();
    b_ = description.weights_desc();
    c_ = description.dst_desc();
  }

  /** Operands take turns, so that no cache holds what a step would have pushed out. */
  double seconds(dnnl::stream& stream, int repeats) {
    const std::size_t bytes = a_.get_size() + b_.get_size() + c_.get_size();
    const std::size_t copies = std::clamp<std::size_t>((std::size_t{96} << 20) / bytes + 1, 2, 32);
    std::vector<std::unordered_map<int, memory>> operands;
    for (std::size_t i = 0; i < copies; i++)
      operands.push_back({{DNNL_ARG_SRC, filled(a_)}, {DNNL_ARG_WEIGHTS, filled(b_)}, {DNNL_ARG_DST, filled(c_)}});
    std::vector<double> seconds;
    for (std::size_t r = 0; r < copies + static_cast<std::size_t>(repeats); r++) {
      const double start = now();
      product_.execute(stream, operands[r % copies]);
      stream.wait();
      if (r >= copies) seconds.push_back(now() - start);
    }
    return median(seconds);
  }

 private:
  /** Small numbers everywhere: zeros and subnormals would be cheaper or dearer than real ones. */
  memory filled(const memory::desc& description) {
    memory made(description, engine_);
    auto* bytes = static_cast<unsigned char*>(made.get_data_handle());
    const bool isFloat = description.data_type() == memory::data_type::f32;
    for (std::size_t i = 0; i < description.get_size(); i++) bytes[i] = (i % (isFloat ? 4 : 2)) == (isFloat ? 3 : 1) ? 0x3c : static_cast<unsigned char>(i * 37);
    return made;
  }

  const dnnl::engine& engine_;
  dnnl::matmul product_;
  memory::desc a_, b_, c_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "floor f32|bf16 THREADS REPEATS\n");
    return 2;
  }
  const auto type = std::string(argv[1]) == "bf16" ? memory::data_type::bf16 : memory::data_type::f32;
  omp_set_num_threads(std::atoi(argv[2]));
  const int repeats = std::atoi(argv[3]);
  const dnnl_version_t* version = dnnl_version();
  std::printf("{\"oneDNN\":\"%d.%d.%d\",\"bytesPerSecond\":%.6g}\n", version->major, version->minor, version->patch, bandwidth(repeats));
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  for (std::string line; std::getline(std::cin, line);) {
    Shape shape;
    std::istringstream(line) >> shape.batch >> shape.m >> shape.k >> shape.n >> shape.storage;
    const double plain = Product(engine, shape, type, false).seconds(stream, repeats);
    const double packed = Product(engine, shape, type, true).seconds(stream, repeats);
    std::printf("{\"plainSeconds\":%.6g,\"packedSeconds\":%.6g}\n", plain, packed);
    std::fflush(stdout);
  }
  return 0;
}
