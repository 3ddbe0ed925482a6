// Events of a run: lines of JSON in the metrics file, lines on the console, the progress bar; and the speed, measured
// between events.
#pragma once

#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <string>

#include "dream/program.h"
#include "log/console.h"

namespace dream {

class Reporter {
 public:
  /** Only the first rank reports. Throws a `Fault` where the metrics file cannot be written. `unit`: tokens or samples. */
  Reporter(bool isFirstRank, const std::string& metricsPath, const char* unit, double maxSteps);
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  Console& console() { return console_; }
  /** Work that counts for the speed begins: a step, or a batch. */
  void startClock();
  void log(LogEvent event, double step, double epoch, std::initializer_list<Metric> metrics, double tokens,
           bool console);
  void progress(double done, double total);
  void checkpoint(double step, const std::string& path);
  void end(double step, double seconds, std::int64_t peakBytes);

 private:
  using Clock = std::chrono::steady_clock;
  void writeLine(const std::string& line);
  void showStep(LogEvent event, double step, double epoch, std::initializer_list<Metric> metrics);

  Console console_;
  std::FILE* file_ = nullptr;
  std::string path_;
  const char* unit_;
  double maxSteps_;
  bool isClockRunning_ = false;
  Clock::time_point mark_, firstMark_, lastBar_;
  double lastStep_ = 0.0, firstDone_ = -1.0;
  double tokensPerSecond_ = 0.0, stepSeconds_ = 0.0, loss_ = 0.0;
  bool hasLoss_ = false;
};

}  // namespace dream
