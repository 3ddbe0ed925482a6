// The table of flags, and how they are read.
#include "core/options.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "core/fault.h"
#include "core/nearest.h"

namespace dream {

namespace {

struct Flag {
  const char* name;
  /** What its value is called; null: it has none. */
  const char* value;
  const char* meaning;
  std::function<void(Options&, const std::string&)> apply;
};

std::uint64_t wholeNumber(const std::string& flag, const std::string& text, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most)
    throw UsageFault(flag + " takes a whole number from 0 to " + std::to_string(most) + ", not \"" + text + "\"");
  return number;
}

auto path(std::string Options::*field) {
  return [field](Options& options, const std::string& value) { options.*field = value; };
}
auto turnOn(bool Options::*field) {
  return [field](Options& options, const std::string&) { options.*field = true; };
}

const std::vector<Flag>& flags() {
  static const std::vector<Flag> all = {
      {"--max-steps", "N", "end after N optimizer steps",
       [](Options& options, const std::string& value) {
         options.maxSteps = static_cast<double>(wholeNumber("--max-steps", value, 1ull << 53));
       }},
      {"--seed", "N", "the seed of weights, dropout and the order of samples (42)",
       [](Options& options, const std::string& value) {
         options.seed = static_cast<std::uint32_t>(wholeNumber("--seed", value, 0xffffffffu));
       }},
      {"--set", "KEY=VALUE", "change a config value; may be given several times",
       [](Options& options, const std::string& value) { options.settings.push_back(value); }},
      {"--print-config", nullptr, "print every config value, and end", turnOn(&Options::printConfig)},
      {"--metrics", "FILE", "write every event as a line of JSON", path(&Options::metrics)},
      {"--init-from", "FILE", "take the first weights from a safetensors file", path(&Options::initFrom)},
      {"--export", "FILE", "write the weights to a safetensors file at the end", path(&Options::exportTo)},
      {"--dump-gradients", "FILE", "write the gradients of the first step to a safetensors file",
       path(&Options::dumpGradients)},
      {"--dump-steps", "N", "write those of the first N steps, as label@2 from the second on (1)",
       [](Options& options, const std::string& value) {
         options.dumpSteps = static_cast<double>(wholeNumber("--dump-steps", value, 1ull << 53));
       }},
      {"--plan", nullptr, "print the memory plan and, at the end, what was used", turnOn(&Options::plan)},
      {"--deterministic", nullptr, "bit-identical runs; always so on CPUs", turnOn(&Options::deterministic)},
      {"--help", nullptr, "print this, and end", turnOn(&Options::help)},
  };
  return all;
}

const Flag& findFlag(const std::string& name) {
  std::vector<std::string> names;
  for (const Flag& flag : flags()) {
    if (name == flag.name) return flag;
    names.emplace_back(flag.name);
  }
  if (name == "-h") return findFlag("--help");
  throw UsageFault("there is no flag " + name + didYouMean(name, names), "--help lists the flags");
}

}  // namespace

Options parseOptions(int argc, const char* const* argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string argument = argv[i];
    if (argument.empty() || argument[0] != '-')
      throw UsageFault("\"" + argument + "\" belongs to no flag", "--help lists the flags");
    const std::size_t equals = argument.find('=');
    const Flag& flag = findFlag(argument.substr(0, equals));
    std::string value;
    if (flag.value) {
      if (equals != std::string::npos)
        value = argument.substr(equals + 1);
      else if (i + 1 < argc)
        value = argv[++i];
      else
        throw UsageFault(std::string(flag.name) + " needs a value: " + flag.name + " " + flag.value);
      if (value.empty()) throw UsageFault(std::string(flag.name) + " needs a value that is not empty");
    } else if (equals != std::string::npos) {
      throw UsageFault(std::string(flag.name) + " takes no value");
    }
    flag.apply(options, value);
  }
  return options;
}

std::string helpText(const char* programName) {
  std::string text =
      "usage: " + std::string(programName) + " [flags]\n       mpirun -np RANKS " + programName + " [flags]\n\n";
  for (const Flag& flag : flags()) {
    std::string line = "  " + std::string(flag.name) + (flag.value ? std::string(" ") + flag.value : "");
    line.resize(std::max<std::size_t>(line.size() + 1, 26), ' ');
    text += line + flag.meaning + "\n";
  }
  return text;
}

}  // namespace dream
