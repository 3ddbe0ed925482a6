// SIGINT, SIGTERM and SIGUSR1: the first one asks the run to end after its step, the second one ends it at once. mpirun
// hands SIGUSR1 on to the ranks; on the other two it kills them after a second.
#pragma once

namespace dream {

/** From now on signals are counted; the first rank says so. */
void watchSignals(bool isFirstRank);
bool wasSignalled();
/** Called by every other thread: only the main one takes signals, so that they are handled one after the other. */
void leaveSignalsToMain();

/** The file that is being written: a signal that ends the run at once removes it. Null: none is. */
void watchUnfinished(const char* path);

}  // namespace dream
