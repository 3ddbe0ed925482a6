// Which cores this rank may use, and how many threads that makes.
#pragma once

namespace dream {

/** Cores that processes of this machine may use: its affinity without what a launcher took away, and its quota. */
int countCores();

/**
 * Starts as many threads as this rank's share of the cores, unless OMP_NUM_THREADS is set, and gives it these cores
 * where a launcher pinned it to fewer. Returns the number of threads.
 */
int setUpThreads(int localRank, int localSize);

}  // namespace dream
