// Lines, and a bar that is taken away before each and drawn again behind it.
#include "log/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "comm/world.h"

namespace dream {

namespace {

/**
 * DREAM_PROGRESS=bar or lines decides; else whether standard output is a terminal. Under a launcher that says nothing:
 * Open MPI gives every rank a terminal, whatever its own output is.
 */
bool wantsBar() {
  const char* chosen = std::getenv("DREAM_PROGRESS");
  if (chosen) return std::string_view(chosen) == "bar";
  return !readLaunch().isLaunched && isatty(STDOUT_FILENO) != 0;
}

/** Behind mpirun only whoever started it knows. */
int terminalWidth() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const int width = columns ? std::atoi(columns) : 0;
  return width > 0 ? width : 80;
}

}  // namespace

Console::Console(bool isFirstRank) : isFirstRank_(isFirstRank), hasBar_(isFirstRank && wantsBar()) {}

Console::~Console() { hideBar(); }

void Console::line(std::string_view text) { write(std::string(text) + "\n"); }

void Console::write(std::string_view text) {
  if (!isFirstRank_ || text.empty()) return;
  hideBar();
  std::fwrite(text.data(), 1, text.size(), stdout);
  isInsideLine_ = text.back() != '\n';
  if (isInsideLine_ && !hasBar_) return;
  std::fflush(stdout);
  showBar();
}

void Console::setBar(double share, const std::string& text) {
  if (!hasBar_) return;
  constexpr int cells = 20;
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * cells);
  bar_ = "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(cells - full), '.') + "] " + text;
  bar_.resize(std::min(bar_.size(), static_cast<std::size_t>(std::max(1, terminalWidth() - 1))));
  showBar();
}

void Console::hideBar() {
  if (!isBarVisible_) return;
  std::fputs("\r\033[K", stdout);
  std::fflush(stdout);
  isBarVisible_ = false;
}

void Console::showBar() {
  // A line of output that has begun must be able to go on.
  if (!hasBar_ || isInsideLine_ || bar_.empty()) return;
  // On the stream of the lines: mpirun keeps no order between two.
  std::fprintf(stdout, "\r%s\033[K", bar_.c_str());
  std::fflush(stdout);
  isBarVisible_ = true;
}

}  // namespace dream
