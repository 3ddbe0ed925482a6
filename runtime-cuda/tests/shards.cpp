// Between whole tensors and what ranks hold: weights written whole are read back by any mesh, uneven splits included.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "checkpoint/safetensors.h"
#include "checkpoint/weights.h"
#include "core/fault.h"
#include "core/memory.h"
#include "files.h"

using namespace dream;

namespace {

const Axis rowAxes[] = {Axis::dpShard}, columnAxes[] = {Axis::tp};
const DimSplit splits[] = {{spanOf(rowAxes), 1}, {spanOf(columnAxes), 2}};
const std::int64_t shape[] = {5, 7}, vectorShape[] = {3};
const DimSplit notSplit[] = {{{}, 1}};
const char* const again[] = {"again"};
const std::int64_t offsets[][1] = {{0}, {256}, {512}};
const StateInfo states[] = {
    {"weight", spanOf(again), StateKind::parameter, DType::f32, spanOf(shape), spanOf(splits), {}, spanOf(offsets[0])},
    {"count", {}, StateKind::buffer, DType::i32, spanOf(vectorShape), spanOf(notSplit), {}, spanOf(offsets[1])},
    {"moment", {}, StateKind::optimizer, DType::f32, spanOf(vectorShape), spanOf(notSplit), {}, spanOf(offsets[2])},
};
const AreaBytes areas[] = {{768, 0}};
const VariantInfo variants[] = {{{1, 1, 2, 1, 3}, spanOf(areas)}};

ProgramInfo makeProgram() {
  ProgramInfo program{};
  program.name = "test";
  program.variants = spanOf(variants);
  program.states = spanOf(states);
  return program;
}

/** A world that hands the first rank what a function says of the others. */
class PretendedWorld final : public World {
 public:
  PretendedWorld(int size, std::function<const std::byte*(int)> bytesOf) : size_(size), bytesOf_(std::move(bytesOf)) {}
  int rank() const override { return 0; }
  int size() const override { return size_; }
  int localRank() const override { return 0; }
  int localSize() const override { return size_; }
  std::int64_t sumOnMachine(std::int64_t number) override { return number * size_; }
  std::unique_ptr<Communicator> split(int, bool) override { return nullptr; }
  bool anyAsks(bool) override { return false; }
  void gather(const void*, std::size_t, bool, const std::function<void(int, const void*)>& see) override {
    for (int rank = 0; rank < size_; rank++) see(rank, bytesOf_(rank));
  }
  void barrier() override {}
  void setStep(double) override {}
  void abort(int code) override { std::_Exit(code); }

 private:
  int size_;
  std::function<const std::byte*(int)> bytesOf_;
};

std::string messageOf(const std::string& path) {
  const ProgramInfo program = makeProgram();
  const PerAxis degrees{1, 1, 1, 1, 1}, at{};
  std::vector<std::byte> memory(768, std::byte{7});
  try {
    loadWeights({program, 0, degrees, at, memory.data()}, path);
  } catch (const Fault& fault) {
    for (const std::byte each : memory) CHECK(each == std::byte{7});
    return std::string(fault.what()).substr(path.size());
  }
  return "nothing is wrong";
}

}  // namespace

TEST_SUITE("shards") {
  TEST_CASE("what six ranks read, they write") {
    const TestFolder folder;
    const ProgramInfo program = makeProgram();
    std::vector<float> weight(35);
    std::iota(weight.begin(), weight.end(), 1.0f);
    const std::int32_t count[] = {3, 4, 5};
    {
      SafetensorsWriter writer(folder / "in", {{"weight", FileDType::f32, {5, 7}}, {"count", FileDType::i32, {3}}});
      writer.append(weight.data(), 140);
      writer.append(count, 12);
      writer.finish();
    }
    const PerAxis degrees = degreesOf(variants[0]);
    std::vector<std::vector<std::byte>> memories;
    for (std::int64_t rank = 0; rank < 6; rank++) {
      auto& memory = memories.emplace_back(768);
      const PerAxis at = coordinatesOf(rank, degrees);
      loadWeights({program, 0, degrees, at, memory.data()}, folder / "in");
    }
    // Rows 3 and 4 and one that does not exist, columns 4 to 7 of whole units of two: 7 = 4 units, 2 for each rank.
    const auto* last = reinterpret_cast<const float*>(memories[4].data());
    CHECK(last[0] == weight[3 * 7 + 4]);
    CHECK(last[4] == weight[4 * 7 + 4]);
    int asked = 0;
    PretendedWorld world(
        6, [&](int rank) { return memories[static_cast<std::size_t>(rank)].data() + (asked++ / 6 == 0 ? 0 : 256); });
    const PerAxis first{};
    exportWeights({program, 0, degrees, first, memories[0].data()}, world, folder / "out");
    CHECK(readFile(folder / "out") == readFile(folder / "in"));
  }

  TEST_CASE("everything that does not fit is listed, and nothing is taken") {
    const TestFolder folder;
    const std::string path = folder / "w";
    const auto write = [&](const std::vector<TensorToWrite>& tensors) {
      SafetensorsWriter writer(path, tensors);
      for (const TensorToWrite& tensor : tensors) {
        std::int64_t n = elementSize(tensor.dtype);
        for (const std::int64_t size : tensor.shape) n *= size;
        writer.append(std::vector<char>(static_cast<std::size_t>(n), tensor.name == "again" ? 'a' : 'w').data(),
                      static_cast<std::size_t>(n));
      }
      writer.finish();
    };
    write({{"wieght", FileDType::f32, {5, 7}}, {"x.y.z", FileDType::f32, {1}}});
    CHECK(messageOf(path) ==
          " does not fit test:\n  weight is missing; did you mean wieght?\n  wieght belongs to nothing in the program; "
          "did you mean weight?\n"
          "  x.y.z belongs to nothing in the program");
    write({{"weight", FileDType::f32, {7, 5}}});
    CHECK(messageOf(path) == " does not fit test:\n  weight has shape [7, 5], the program has [5, 7]");
    write({{"weight", FileDType::i32, {5, 7}}});
    CHECK(messageOf(path) == " does not fit test:\n  weight is I32, the program has F32");
    write({{"weight", FileDType::f32, {5, 7}}, {"again", FileDType::f32, {5, 7}}});
    CHECK(messageOf(path) == " does not fit test:\n  weight and again are one tensor in the program and differ here");
    write({{"moment", FileDType::f32, {3}}, {"again", FileDType::f32, {5, 7}}});
    CHECK(messageOf(path) == " does not fit test:\n  moment belongs to nothing in the program");
  }

  TEST_CASE("weights may come in other types, and under any path of a tied state") {
    const TestFolder folder;
    {
      SafetensorsWriter writer(folder / "w", {{"again", FileDType::f64, {5, 7}}});
      std::vector<double> values(35, 0.25);
      writer.append(values.data(), 280);
      writer.finish();
    }
    const ProgramInfo program = makeProgram();
    const PerAxis degrees{1, 1, 1, 1, 1}, at{};
    std::vector<std::byte> memory(768);
    loadWeights({program, 0, degrees, at, memory.data()}, folder / "w");
    CHECK(reinterpret_cast<const float*>(memory.data())[34] == 0.25f);
  }

  TEST_CASE("memory that the machine does not have is refused with both numbers") {
    CHECK_THROWS_AS(checkAvailable(std::int64_t{1} << 50, 1), Fault);
    CHECK_NOTHROW(checkAvailable(6000, 2));
    const Memory memory(1000, 5000);
    CHECK(reinterpret_cast<std::uintptr_t>(memory.states()) % 4096 == 0);
    CHECK(memory.arena() >= memory.states() + 1000);
    CHECK(std::all_of(memory.arena(), memory.arena() + 5000, [](std::byte each) { return each == std::byte{0}; }));
    CHECK(describeBytes(2'310'000'000) == "2.31 GB");
  }
}
