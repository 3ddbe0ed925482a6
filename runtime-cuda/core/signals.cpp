// Counts signals; a handler may do little more.
#include "core/signals.h"

#include <unistd.h>
#include <csignal>
#include <cstring>

namespace dream {

namespace {

volatile std::sig_atomic_t count = 0;
volatile std::sig_atomic_t speaks = 0;
volatile std::sig_atomic_t hasUnfinished = 0;
char unfinished[4096];

void onSignal(int signal) {
  count = count + 1;
  // Only functions that are safe in a handler.
  if (count > 1) {
    if (hasUnfinished) unlink(unfinished);
    _exit(128 + signal);
  }
  if (!speaks) return;
  const char message[] = "\nending after this step (again to end at once)\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, message, sizeof message - 1);
}

}  // namespace

void watchSignals(bool isFirstRank) {
  speaks = isFirstRank;
  struct sigaction action = {};
  action.sa_handler = onSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

bool wasSignalled() { return count > 0; }

void leaveSignalsToMain() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void watchUnfinished(const char* path) {
  hasUnfinished = 0;
  if (!path || std::strlen(path) >= sizeof unfinished) return;
  std::strcpy(unfinished, path);
  hasUnfinished = 1;
}

}  // namespace dream
