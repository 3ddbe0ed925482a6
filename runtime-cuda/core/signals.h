// SIGINT and SIGTERM: the first one asks the run to end after its step, the second one ends it at once.
#pragma once

namespace dream {

/** From now on signals are counted. */
void watchSignals();
bool wasSignalled();

}  // namespace dream
