// Flags and settings: what they change, and what is said where they do not fit.
#include "core/config.h"

#include <doctest/doctest.h>

#include "core/fault.h"
#include "core/mesh.h"
#include "core/nearest.h"
#include "core/options.h"

using namespace dream;

namespace {

const double none = __builtin_nan("");
const char* const sizes[] = {"\"small\"", "\"large\""};
const ConfigEntry entries[] = {
    {"optimizer.rate", ConfigType::number, "0.001", false, none, 0.0, 1.0, none, {}},
    {"epochs", ConfigType::integer, "5", false, 1.0, none, none, 100.0, {}},
    {"path", ConfigType::string, "\"data\"", false, none, none, none, none, {}},
    {"size", ConfigType::string, "\"small\"", false, none, none, none, none, spanOf(sizes)},
    {"verbose", ConfigType::boolean, "false", false, none, none, none, none, {}},
    {"hiddenSize", ConfigType::integer, "64", true, none, none, none, none, {}},
};

std::string messageOf(const std::vector<std::string>& settings) {
  try {
    const Config config(spanOf(entries), settings);
  } catch (const UsageFault& fault) {
    return fault.what();
  }
  return "nothing is wrong";
}

std::string messageOfFlags(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "program");
  try {
    parseOptions(static_cast<int>(flags.size()), flags.data());
  } catch (const UsageFault& fault) {
    return fault.what();
  }
  return "nothing is wrong";
}

}  // namespace

TEST_SUITE("config") {
  TEST_CASE("settings change values") {
    const Config config(spanOf(entries), {"optimizer.rate=2e-4", "epochs=7", "path=a=b", "size=large", "verbose=true"});
    CHECK(config.number("optimizer.rate") == 2e-4);
    CHECK(config.number("epochs") == 7.0);
    CHECK(config.text("path") == "a=b");
    CHECK(config.text("size") == "large");
    CHECK(config.boolean("verbose"));
    CHECK(config.print() ==
          "optimizer.rate = 0.0002\nepochs = 7\npath = \"a=b\"\nsize = \"large\"\nverbose = true\nhiddenSize = 64  "
          "(fixed)\n");
  }

  TEST_CASE("what does not fit is refused, by what it is") {
    CHECK(messageOf({"epoch=3"}) == "the config has no epoch; did you mean epochs?");
    CHECK(messageOf({"rate=3"}) == "the config has no rate; did you mean optimizer.rate?");
    CHECK(messageOf({"hiddenSize=3"}) == "hiddenSize shapes the program and is fixed at 64");
    CHECK(messageOf({"epochs=0"}) == "epochs must be at least 1, not 0");
    CHECK(messageOf({"epochs=100"}) == "epochs must be less than 100, not 100");
    CHECK(messageOf({"epochs=1.5"}) == "epochs takes a whole number, not \"1.5\"");
    CHECK(messageOf({"optimizer.rate=0"}) == "optimizer.rate must be greater than 0, not 0");
    CHECK(messageOf({"optimizer.rate=2"}) == "optimizer.rate must be at most 1, not 2");
    CHECK(messageOf({"optimizer.rate=nan"}) == "optimizer.rate takes a number, not \"nan\"");
    CHECK(messageOf({"size=huge"}) == "size is one of \"small\", \"large\", not \"huge\"");
    CHECK(messageOf({"verbose=yes"}) == "verbose is true or false, not \"yes\"");
    CHECK(messageOf({"verbose"}) == "--set takes KEY=VALUE, not \"verbose\"");
  }

  TEST_CASE("flags are read in both ways of writing them") {
    const char* flags[] = {"program",          "--max-steps", "12",     "--seed=7",       "--set",    "a=1",
                           "--set=b=2",        "--metrics",   "m",      "--init-from=w",  "--export", "e",
                           "--dump-gradients", "g",           "--dump-steps", "3",
                           "--plan", "--deterministic"};
    const Options options = parseOptions(18, flags);
    CHECK(options.maxSteps == 12.0);
    CHECK(options.seed == 7u);
    CHECK(options.settings == std::vector<std::string>{"a=1", "b=2"});
    CHECK(options.metrics == "m");
    CHECK(options.initFrom == "w");
    CHECK(options.exportTo == "e");
    CHECK(options.dumpGradients == "g");
    CHECK(options.dumpSteps == 3.0);
    CHECK(options.plan);
    CHECK(options.deterministic);
  }

  TEST_CASE("wrong flags name the nearest") {
    CHECK(messageOfFlags({"--maxsteps", "3"}) == "there is no flag --maxsteps; did you mean --max-steps?");
    CHECK(messageOfFlags({"--max-steps"}) == "--max-steps needs a value: --max-steps N");
    CHECK(messageOfFlags({"--max-steps", "many"}) ==
          "--max-steps takes a whole number from 0 to 9007199254740992, not \"many\"");
    CHECK(messageOfFlags({"--seed", "4294967296"}) ==
          "--seed takes a whole number from 0 to 4294967295, not \"4294967296\"");
    CHECK(messageOfFlags({"--plan=yes"}) == "--plan takes no value");
    CHECK(messageOfFlags({"train"}) == "\"train\" belongs to no flag");
    CHECK(messageOfFlags({"--zzzzzzzzzzzz"}) == "there is no flag --zzzzzzzzzzzz");
  }

  TEST_CASE("a world must fit a variant of the mesh") {
    const VariantInfo variants[] = {{{1, 1, 1, 1, 2}, {}}, {{1, 2, 1, 1, 2}, {}}};
    ProgramInfo program{};
    program.name = "gpt";
    program.degrees[0] = program.degrees[2] = program.degrees[3] = 1;
    program.degrees[4] = 2;
    program.variants = spanOf(variants);
    CHECK(chooseVariant(program, 2) == 0);
    CHECK(chooseVariant(program, 4) == 1);
    CHECK_THROWS_WITH_AS(chooseVariant(program, 3),
                         "gpt is built for 2 or 4 ranks (dpReplicate auto x tp 2) and was started on 3", Fault);
  }

  TEST_CASE("every axis of a split cuts in turn and rounds up") {
    const Axis axes[] = {Axis::dpShard, Axis::tp};
    const DimSplit split{spanOf(axes), 2};
    const PerAxis degrees{1, 1, 2, 1, 3};
    std::vector<std::int64_t> covered(13, 0);
    for (std::int64_t rank = 0; rank < 6; rank++) {
      const PerAxis at = coordinatesOf(rank, degrees);
      CHECK(at[2] == rank / 3);
      CHECK(at[4] == rank % 3);
      const DimSpan span = spanOf(13, split, degrees, at);
      CHECK(span.count == 4);  // ceil(ceil(7 units / 2) / 3) = 2 units
      for (std::int64_t i = 0; i < span.valid; i++) covered[static_cast<std::size_t>(span.start + i)]++;
    }
    for (const std::int64_t times : covered) CHECK(times == 1);
  }

  TEST_CASE("in head and tail order the outermost axis deals two pieces to each rank") {
    const Axis axes[] = {Axis::cp, Axis::tp};
    const PerAxis degrees{1, 1, 1, 2, 2};
    for (const std::int64_t size : {1, 3, 5, 8, 11, 12}) {
      const DimSplit split{spanOf(axes), 1, 12, true};
      std::vector<std::int64_t> covered(static_cast<std::size_t>(size), 0);
      for (std::int64_t rank = 0; rank < 4; rank++) {
        const DimSpan span = spanOf(size, split, degrees, coordinatesOf(rank, degrees));
        CHECK(span.count == 3);  // of 12: four pieces of 3, two to each cp rank, halved by tp
        for (std::int64_t i = 0; i < span.valid; i++)
          covered[static_cast<std::size_t>(span.start + i + (i >= span.cut ? span.jump : 0))]++;
      }
      for (const std::int64_t times : covered) CHECK(times == 1);
    }
  }
}
