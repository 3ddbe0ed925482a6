// Matrix products in pieces, each by one call of oneDNN in the thread that takes it. float32: its sgemm, which packs its
// operands itself and runs at the processor's peak for every layout (its matmul primitive does not). bf16: the primitive.
#include <dnnl.h>

#include <string>

#include "core/element-size.h"
#include "core/fault.h"
#include "core/pool.h"
#include "cpu/matmul-grid.h"
#include "cpu/matmul-primitive.h"
#include "dream/calls.h"
#include "dream/kernel.h"

namespace dream {

namespace {

/** Below this many multiplications a call of a library costs more than the work. */
constexpr std::int64_t tinyWork = 20'000;
/** Below this many, one thread is as fast as several. */
constexpr std::int64_t smallWork = 200'000;

/** cᵀ = bᵀ aᵀ: a result that is written by columns is the other product, written by rows. */
MatmulArgs swapped(const MatmulArgs& x) {
  // clang-format off
  return {.batch = x.batch, .m = x.n, .n = x.m, .k = x.k,
      .a = x.b, .aBatch = x.bBatch, .aM = x.bN, .aK = x.bK,
      .b = x.a, .bBatch = x.aBatch, .bK = x.aK, .bN = x.aM,
      .c = x.c, .cBatch = x.cBatch, .cM = x.cN, .cN = x.cM,
      .inputs = x.inputs, .output = x.output, .workspace = x.workspace};
  // clang-format on
}

/** A stride of a group of one element says nothing; libraries want one that fits the others. */
MatmulArgs tidied(MatmulArgs x) {
  const auto tidyPair = [](std::int64_t rows, std::int64_t& rowStride, std::int64_t columns,
                           std::int64_t& columnStride) {
    if (columns == 1 && rows == 1)
      rowStride = columnStride = 1;
    else if (columns == 1)
      columnStride = rowStride == 1 ? rows : 1;
    else if (rows == 1)
      rowStride = columnStride == 1 ? columns : 1;
  };
  tidyPair(x.m, x.aM, x.k, x.aK);
  tidyPair(x.k, x.bK, x.n, x.bN);
  tidyPair(x.m, x.cM, x.n, x.cN);
  if (x.batch == 1) x.aBatch = x.bBatch = x.cBatch = 0;
  return x;
}

/** Whether rows (or columns) lie one behind the other without overlap, as libraries want them. */
bool isPlain(std::int64_t rows, std::int64_t rowStride, std::int64_t columns, std::int64_t columnStride) {
  return (columnStride == 1 && rowStride >= columns) || (rowStride == 1 && columnStride >= rows);
}

/** Rows [begin, end) of all matrices by loops: for what is tiny, and for views that overlap themselves. */
template <class In, class Out>
void multiplyRows(const MatmulArgs& x, std::int64_t begin, std::int64_t end) {
  for (std::int64_t i = begin; i < end; i++) {
    const std::int64_t batch = i / x.m, row = i % x.m;
    const In* a = static_cast<const In*>(x.a) + batch * x.aBatch + row * x.aM;
    const In* b = static_cast<const In*>(x.b) + batch * x.bBatch;
    Out* c = static_cast<Out*>(x.c) + batch * x.cBatch + row * x.cM;
    for (std::int64_t first = 0; first < x.n; first += 64) {
      const std::int64_t count = x.n - first < 64 ? x.n - first : 64;
      float sums[64] = {};
      for (std::int64_t l = 0; l < x.k; l++) {
        const float factor = a[l * x.aK];
        const In* from = b + l * x.bK + first * x.bN;
        for (std::int64_t j = 0; j < count; j++) sums[j] += factor * static_cast<float>(from[j * x.bN]);
      }
      for (std::int64_t j = 0; j < count; j++) c[(first + j) * x.cN] = sums[j];
    }
  }
}

void multiplyByLoops(const MatmulArgs& x) {
  const std::int64_t grain = 1 + smallWork / (1 + x.n * x.k);
  parallelFor(x.batch * x.m, grain, [&](std::int64_t begin, std::int64_t end) {
    if (x.inputs == DType::f32) return multiplyRows<float, float>(x, begin, end);
    if (x.output == DType::f32) return multiplyRows<bf16, float>(x, begin, end);
    multiplyRows<bf16, bf16>(x, begin, end);
  });
}

/** The piece (i, j) of the grid in one matrix of the batch. */
MatmulArgs pieceOf(const MatmulArgs& x, Grid grid, std::int64_t piece) {
  const std::int64_t j = piece % grid.columns, i = piece / grid.columns % grid.rows,
                     batch = piece / grid.columns / grid.rows;
  const std::int64_t row = pieceBegin(x.m, grid.rows, i), column = pieceBegin(x.n, grid.columns, j);
  const auto in = static_cast<std::int64_t>(elementSize(x.inputs)),
             out = static_cast<std::int64_t>(elementSize(x.output));
  MatmulArgs part = x;
  part.batch = 1;
  part.m = pieceBegin(x.m, grid.rows, i + 1) - row;
  part.n = pieceBegin(x.n, grid.columns, j + 1) - column;
  part.a = static_cast<const std::byte*>(x.a) + (batch * x.aBatch + row * x.aM) * in;
  part.b = static_cast<const std::byte*>(x.b) + (batch * x.bBatch + column * x.bN) * in;
  part.c = static_cast<std::byte*>(x.c) + (batch * x.cBatch + row * x.cM + column * x.cN) * out;
  part.aBatch = part.bBatch = part.cBatch = 0;
  return part;
}

void runPiece(const MatmulArgs& x) {
  if (x.inputs != DType::f32) return runPrimitive(tidied(x));
  const MatmulArgs piece = tidied(x);
  const bool aByRows = piece.aK == 1, bByRows = piece.bN == 1;
  const dnnl_status_t status =
      dnnl_sgemm(aByRows ? 'N' : 'T', bByRows ? 'N' : 'T', piece.m, piece.n, piece.k, 1.0f,
                 static_cast<const float*>(piece.a), aByRows ? piece.aM : piece.aK, static_cast<const float*>(piece.b),
                 bByRows ? piece.bK : piece.bN, 0.0f, static_cast<float*>(piece.c), piece.cM);
  if (status != dnnl_success) throw Fault("oneDNN refuses a matrix product: status " + std::to_string(status));
}

/** Without gaps, and `a` by rows: what oneDNN's best code for bf16 takes, also for some of the rows. */
bool isDenseByRows(const MatmulArgs& x) {
  return x.batch == 1 && x.aK == 1 && x.aM == x.k && (x.bN == 1 ? x.bK == x.n : x.bN == x.k) && x.cM == x.n;
}

/** From here on the code for whole rows reads its second operand too often; pieces of columns get the other code. */
constexpr std::int64_t longSum = 8192;

Grid gridOf(const MatmulArgs& x) {
  const int numThreads = pool::numThreads();
  if (x.inputs == DType::f32) return chooseGrid(x.batch, x.m, x.n, numThreads);
  if (!isDenseByRows(x)) return chooseProperGrid(x.batch, x.m, x.n, numThreads);
  if (x.k < longSum || x.n < 512) return chooseRows(x.m, numThreads);
  Grid grid = chooseProperGrid(x.batch, x.m, x.n, numThreads);
  if (grid.columns == 1) grid = {(grid.rows + 1) / 2, 2};
  return grid;
}

void multiplyByPieces(const MatmulArgs& x) {
  const Grid grid = gridOf(x);
  const std::int64_t numPieces = x.batch * grid.rows * grid.columns;
  if (x.batch * x.m * x.n * x.k < smallWork) {
    for (std::int64_t piece = 0; piece < numPieces; piece++) runPiece(pieceOf(x, grid, piece));
    return;
  }
  pool::forEach(numPieces, [&](std::int64_t piece) { runPiece(pieceOf(x, grid, piece)); });
}

}  // namespace

void matmul(Run& run, const MatmulArgs& given) {
  if (given.batch == 0 || given.m == 0 || given.n == 0) return;
  if (given.n > 1 && given.cN != 1) {
    if (given.m > 1 && given.cM != 1) return multiplyByLoops(given);
    return matmul(run, swapped(given));
  }
  const MatmulArgs args = tidied(given);
  const bool isTiny = args.batch * args.m * args.n * args.k < tinyWork;
  if (isTiny || !isPlain(args.m, args.aM, args.k, args.aK) || !isPlain(args.k, args.bK, args.n, args.bN))
    return multiplyByLoops(args);
  multiplyByPieces(args);
}

}  // namespace dream
