// Values of the config table, and what --set makes of them.
#include "core/config.h"

#include <charconv>
#include <cmath>

#include "core/fault.h"
#include "core/nearest.h"
#include "dream/host.h"

namespace dream {

namespace {

std::string textOf(const json::Value& value) {
  if (const double* number = value.as<double>()) return json::number(*number);
  if (const bool* boolean = value.as<bool>()) return *boolean ? "true" : "false";
  if (const std::string* text = value.as<std::string>()) return json::quote(*text);
  return "null";
}

json::Value parseNumber(const std::string& path, const std::string& text, bool isInteger) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool isNumber = error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  if (!isNumber || (isInteger && value != std::floor(value)))
    throw UsageFault(path + " takes " + (isInteger ? "a whole number" : "a number") + ", not \"" + text + "\"");
  return json::Value(value);
}

json::Value parseSetting(const ConfigEntry& entry, const std::string& text) {
  switch (entry.type) {
    case ConfigType::number:
    case ConfigType::integer:
      return parseNumber(entry.path, text, entry.type == ConfigType::integer);
    case ConfigType::boolean:
      if (text != "true" && text != "false")
        throw UsageFault(std::string(entry.path) + " is true or false, not \"" + text + "\"");
      return json::Value(text == "true");
    case ConfigType::string:
      return json::Value(text);
  }
  throw UsageFault(std::string(entry.path) + " has no type");
}

/** Bounds that do not apply are NaN and fail no comparison here. */
void checkBounds(const ConfigEntry& entry, double value) {
  const auto refuse = [&](const char* relation, double bound) {
    throw UsageFault(std::string(entry.path) + " must be " + relation + " " + host::text(bound) + ", not " +
                     host::text(value));
  };
  if (value < entry.minimum) refuse("at least", entry.minimum);
  if (value <= entry.exclusiveMinimum) refuse("greater than", entry.exclusiveMinimum);
  if (value > entry.maximum) refuse("at most", entry.maximum);
  if (value >= entry.exclusiveMaximum) refuse("less than", entry.exclusiveMaximum);
}

void checkChoices(const ConfigEntry& entry, const json::Value& value) {
  if (entry.choices.size == 0) return;
  std::string all;
  for (const char* choice : entry.choices) {
    const std::string text = textOf(json::parse(choice));
    if (text == textOf(value)) return;
    all += (all.empty() ? "" : ", ") + text;
  }
  throw UsageFault(std::string(entry.path) + " is one of " + all + ", not " + textOf(value));
}

}  // namespace

Config::Config(Span<ConfigEntry> entries, const std::vector<std::string>& settings) : entries_(entries) {
  for (const ConfigEntry& entry : entries) values_.push_back(json::parse(entry.value));
  for (const std::string& setting : settings) set(setting);
}

void Config::set(const std::string& setting) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos) throw UsageFault("--set takes KEY=VALUE, not \"" + setting + "\"");
  const std::string path = setting.substr(0, equals);
  const std::size_t index = indexOf(path);
  if (index == entries_.size) {
    std::vector<std::string> names;
    for (const ConfigEntry& entry : entries_) names.emplace_back(entry.path);
    throw UsageFault("the config has no " + path + didYouMean(path, names), "--print-config lists the config");
  }
  const ConfigEntry& entry = entries_[index];
  if (entry.isFixed)
    throw UsageFault(path + " shapes the program and is fixed at " + entry.value,
                     "change it in the trainer and build the program again");
  json::Value value = parseSetting(entry, setting.substr(equals + 1));
  if (const double* number = value.as<double>()) checkBounds(entry, *number);
  checkChoices(entry, value);
  values_[index] = std::move(value);
}

std::size_t Config::indexOf(const std::string& path) const {
  std::size_t index = 0;
  while (index < entries_.size && entries_[index].path != path) index++;
  return index;
}

double Config::number(const std::string& path) const {
  const std::size_t index = indexOf(path);
  const double* number = index < values_.size() ? values_[index].as<double>() : nullptr;
  if (!number) throw Fault("the config has no number " + path);
  return *number;
}

bool Config::boolean(const std::string& path) const {
  const std::size_t index = indexOf(path);
  const bool* boolean = index < values_.size() ? values_[index].as<bool>() : nullptr;
  if (!boolean) throw Fault("the config has no boolean " + path);
  return *boolean;
}

std::string Config::text(const std::string& path) const {
  const std::size_t index = indexOf(path);
  const std::string* text = index < values_.size() ? values_[index].as<std::string>() : nullptr;
  if (!text) throw Fault("the config has no text " + path);
  return *text;
}

std::string Config::print() const {
  std::string lines;
  for (std::size_t i = 0; i < values_.size(); i++)
    lines +=
        std::string(entries_[i].path) + " = " + textOf(values_[i]) + (entries_[i].isFixed ? "  (fixed)" : "") + "\n";
  return lines;
}

}  // namespace dream
