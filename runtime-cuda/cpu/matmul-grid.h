// How a matrix product is cut into pieces that threads compute independently of each other.
#pragma once

#include <cstdint>

namespace dream {

/** Pieces of nearly equal size: `rows` x `columns` of them. */
struct Grid {
  std::int64_t rows, columns;
};

/**
 * The grid of an m x n result in `batch` matrices for a number of threads. Pieces are at least 128 x 128, from where on
 * oneDNN adds the products of an element in one order whatever the piece; small results are cut by their shape alone. So
 * no result depends on the number of threads.
 */
Grid chooseGrid(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t numThreads);

/** The same for a library that has other code for a whole product than for a piece of one: never the whole where it can be cut. */
Grid chooseProperGrid(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t numThreads);

/** Pieces of whole rows. */
Grid chooseRows(std::int64_t m, std::int64_t numThreads);

/** First place of piece i of n places in `count` pieces: at multiples of 16, so that vectors are whole. */
inline std::int64_t pieceBegin(std::int64_t n, std::int64_t count, std::int64_t i) {
  return i == count ? n : n * i / count / 16 * 16;
}

}  // namespace dream
