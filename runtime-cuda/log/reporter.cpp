// How events are written, for machines and for people.
#include "log/reporter.h"

#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/fault.h"
#include "core/json.h"

namespace dream {

namespace {

double secondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/** Five significant digits. */
std::string brief(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

/** 51234.5 as 51,235. */
std::string grouped(double value) {
  if (!(value < 1e15)) return brief(value);
  std::string text = std::to_string(std::llround(value));
  for (std::size_t at = text.size(); at > 3; at -= 3) text.insert(at - 3, ",");
  return text;
}

std::string clockText(double seconds) {
  if (!(seconds < 1e8)) return "-";
  const long long total = std::llround(seconds);
  char text[32];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
  return text;
}

}  // namespace

Reporter::Reporter(bool isFirstRank, const std::string& metricsPath, const char* unit, double maxSteps)
    : console_(isFirstRank), path_(metricsPath), unit_(unit), maxSteps_(maxSteps) {
  if (!isFirstRank || metricsPath.empty()) return;
  file_ = std::fopen(metricsPath.c_str(), "w");
  if (!file_) throw Fault("cannot write the metrics file " + metricsPath + ": " + std::strerror(errno));
}

Reporter::~Reporter() {
  if (file_) std::fclose(file_);
}

void Reporter::startClock() {
  if (isClockRunning_) return;
  isClockRunning_ = true;
  mark_ = Clock::now();
}

void Reporter::writeLine(const std::string& line) {
  if (!file_) return;
  std::fprintf(file_, "%s\n", line.c_str());
  if (std::fflush(file_) != 0) throw Fault("cannot write the metrics file " + path_ + ": " + std::strerror(errno));
}

void Reporter::log(LogEvent event, double step, double epoch, std::initializer_list<Metric> metrics, double tokens,
                   bool console) {
  const bool isTrain = event == LogEvent::train;
  if (isTrain && isClockRunning_) {
    const double seconds = secondsBetween(mark_, Clock::now());
    const double steps = step > lastStep_ ? step - lastStep_ : 1.0;
    stepSeconds_ = seconds / steps;
    tokensPerSecond_ = seconds > 0.0 ? tokens / seconds : 0.0;
  }
  std::string line = std::string("{\"event\":\"") + (isTrain ? "train" : "validation") +
                     "\",\"step\":" + json::number(step) + ",\"epoch\":" + json::number(epoch) + ",\"metrics\":{";
  bool isFirst = true;
  for (const auto& [name, value] : metrics) {
    line += (isFirst ? "" : ",") + json::quote(name) + ":" + json::number(value);
    isFirst = false;
    if (isTrain && std::strcmp(name, "loss") == 0) {
      loss_ = value;
      hasLoss_ = true;
    }
  }
  line += "}";
  if (isTrain)
    line += ",\"tokens\":" + json::number(tokens) +
            ",\"tokensPerSecond\":" + json::number(std::round(tokensPerSecond_ * 10.0) / 10.0) +
            ",\"stepSeconds\":" + json::number(std::round(stepSeconds_ * 1e6) / 1e6);
  writeLine(line + "}");
  if (console) showStep(event, step, epoch, metrics);
  if (isTrain) lastStep_ = step;
  isClockRunning_ = false;
}

void Reporter::showStep(LogEvent event, double step, double epoch, std::initializer_list<Metric> metrics) {
  const bool isTrain = event == LogEvent::train;
  std::string line =
      std::string(isTrain ? "step " : "validation at step ") + json::number(step) + "  epoch " + json::number(epoch);
  for (const auto& [name, value] : metrics) line += std::string("  ") + name + " " + brief(value);
  if (isTrain && tokensPerSecond_ > 0.0)
    line += "  " + grouped(tokensPerSecond_) + " " + unit_ + "/s  " + brief(stepSeconds_) + " s/step";
  console_.line(line);
}

void Reporter::progress(double done, double total) {
  const auto now = Clock::now();
  if (firstDone_ < 0.0) {
    firstDone_ = done;
    firstMark_ = now;
  }
  total = std::fmin(total, maxSteps_);
  if (!console_.hasBar() || (done < total && secondsBetween(lastBar_, now) < 0.1)) return;
  lastBar_ = now;
  const double perStep = done > firstDone_ ? secondsBetween(firstMark_, now) / (done - firstDone_) : NAN;
  console_.setBar(done / total, json::number(done) + "/" + json::number(total) +
                                    (hasLoss_ ? "  loss " + brief(loss_) : "") + "  " + grouped(tokensPerSecond_) +
                                    " " + unit_ + "/s  " + clockText(perStep * (total - done)) + " left");
}

void Reporter::checkpoint(double step, const std::string& path) {
  writeLine("{\"event\":\"checkpoint\",\"step\":" + json::number(step) + ",\"path\":" + json::quote(path) + "}");
  console_.line("wrote " + path);
}

void Reporter::end(double step, double seconds, std::int64_t peakBytes) {
  writeLine("{\"event\":\"end\",\"step\":" + json::number(step) +
            ",\"seconds\":" + json::number(std::round(seconds * 1e3) / 1e3) +
            ",\"peakBytes\":" + json::number(static_cast<double>(peakBytes)) + "}");
}

}  // namespace dream
