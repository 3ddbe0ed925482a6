// The sizes of pieces, as measured.
#include "cpu/matmul-grid.h"

#include <algorithm>

namespace dream {

namespace {

constexpr std::int64_t least = 144;  // 128, and what rounding to 16 may take away
constexpr std::int64_t smallResult = 256 * 256;
/** On the processors that were measured pieces of 512 x 768 reach 95 % of what whole products do, smaller ones less. */
constexpr std::int64_t wantedRows = 512, wantedColumns = 768;

std::int64_t roundUp(std::int64_t n, std::int64_t to) { return (n + to - 1) / to; }

}  // namespace

Grid chooseGrid(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t numThreads) {
  if (m * n < smallResult) return {std::max<std::int64_t>(1, m / 64), std::max<std::int64_t>(1, n / 256)};
  if (numThreads == 1) return {1, 1};
  return chooseProperGrid(batch, m, n, numThreads);
}

Grid chooseProperGrid(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t numThreads) {
  if (m * n < smallResult) return {std::max<std::int64_t>(1, m / 64), std::max<std::int64_t>(1, n / 256)};
  const std::int64_t mostRows = std::max<std::int64_t>(1, m / least),
                     mostColumns = std::max<std::int64_t>(1, n / least);
  Grid grid{std::min(mostRows, roundUp(m, wantedRows)), std::min(mostColumns, roundUp(n, wantedColumns))};
  if (grid.rows == 1 && grid.columns == 1)
    (mostRows > 1 ? grid.rows : grid.columns) = std::min<std::int64_t>(2, std::max(mostRows, mostColumns));
  // Each thread gets as many pieces as the others: more are cut, of the longer side first, until that is so.
  while (batch * grid.rows * grid.columns % numThreads != 0 && batch * grid.rows * grid.columns < 8 * numThreads) {
    const bool canRows = grid.rows < mostRows, canColumns = grid.columns < mostColumns;
    if (!canRows && !canColumns) break;
    const bool isTall = m / grid.rows >= n / grid.columns;
    if (canRows && (isTall || !canColumns))
      grid.rows++;
    else
      grid.columns++;
  }
  return grid;
}

Grid chooseRows(std::int64_t m, std::int64_t numThreads) {
  constexpr std::int64_t leastRows = 64, wantedPieces = 2;
  return {std::clamp<std::int64_t>(m / leastRows, 1, numThreads == 1 ? 1 : wantedPieces * numThreads), 1};
}

}  // namespace dream
