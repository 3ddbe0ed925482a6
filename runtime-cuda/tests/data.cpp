// Data: the order of samples, each rank's share, and every fault of a file by name and offset.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "checkpoint/safetensors.h"
#include "core/fault.h"
#include "data/loader.h"
#include "data/permutation.h"
#include "files.h"

using namespace dream;

namespace {

const PerAxis alone{1, 1, 1, 1, 1}, first{0, 0, 0, 0, 0};
const Axis dataAxes[] = {Axis::dpReplicate, Axis::dpShard};
const DimSplit splits[] = {{spanOf(dataAxes), 1}, {{}, 1}};
const std::int64_t tokenShape[] = {4, 8};
const FieldInfo tokenFields[] = {{"inputIds", DType::i32, spanOf(tokenShape), spanOf(splits)}};

LoaderInfo tokenLoader(bool shuffle, bool dropLast = true) {
  return {"train", SourceKind::tokens, nullptr, "", "train", 8, 100, 0, 4, shuffle, dropLast, spanOf(tokenFields)};
}

std::string header(std::uint32_t version, std::uint32_t bytesPerToken, std::uint64_t numTokens) {
  std::string bytes(64, '\0');
  std::memcpy(bytes.data(), "DREAMTOK", 8);
  std::memcpy(bytes.data() + 8, &version, 4);
  std::memcpy(bytes.data() + 12, &bytesPerToken, 4);
  std::memcpy(bytes.data() + 16, &numTokens, 8);
  return bytes;
}

std::string manifest(std::size_t numTokens, const std::string& dtype = "u16") {
  return R"({"format":"dreamc-tokens","version":1,"tokenizer":"bytes","vocabSize":256,"dtype":")" + dtype +
         R"(","splits":{"train":{"file":"train.bin","numTokens":)" + std::to_string(numTokens) + "}}}";
}

/** Token i is i modulo 100. */
void writeTokens(const TestFolder& folder, std::size_t numTokens) {
  std::vector<std::uint16_t> tokens(numTokens);
  for (std::size_t i = 0; i < numTokens; i++) tokens[i] = static_cast<std::uint16_t>(i % 100);
  writeFile(folder / "train.bin",
            header(1, 2, numTokens) + std::string(reinterpret_cast<const char*>(tokens.data()), numTokens * 2));
  writeFile(folder / "manifest.json", manifest(numTokens));
}

std::string messageOf(const TestFolder& folder, const LoaderInfo& info, const PerAxis& degrees = alone) {
  try {
    Loader loader(info, folder.path(), degrees, first, 42);
    loader.fetch(0, 0);
  } catch (const Fault& fault) {
    std::string text = fault.what();
    for (std::size_t at; (at = text.find(folder.path())) != std::string::npos;)
      text.replace(at, folder.path().size(), "FOLDER");
    return text;
  }
  return "nothing is wrong";
}

}  // namespace

TEST_SUITE("data") {
  TEST_CASE("a permutation takes every place once, and differs by seed and epoch") {
    for (const std::int64_t n : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097}) {
      const Permutation order(n, 7, 3), other(n, 7, 4), third(n, 8, 3);
      std::vector<int> seen(static_cast<std::size_t>(n));
      std::int64_t same = 0, sameThird = 0;
      for (std::int64_t i = 0; i < n; i++) {
        REQUIRE(order[i] >= 0);
        REQUIRE(order[i] < n);
        seen[static_cast<std::size_t>(order[i])]++;
        same += order[i] == other[i];
        sameThird += order[i] == third[i];
      }
      for (const int times : seen) REQUIRE(times == 1);
      if (n >= 100) CHECK(same < n / 4);
      if (n >= 100) CHECK(sameThird < n / 4);
    }
  }

  TEST_CASE("a permutation leaves no trace of the order") {
    const std::int64_t n = 10000;
    const Permutation order(n, 1, 0);
    double correlation = 0.0, neighbours = 0.0;
    for (std::int64_t i = 0; i < n; i++) correlation += (i - n / 2.0) * (order[i] - n / 2.0);
    for (std::int64_t i = 1; i < n; i++) neighbours += std::abs(order[i] - order[i - 1]);
    CHECK(std::fabs(correlation / (n / 12.0 * n * n)) < 0.05);
    CHECK(neighbours / n == doctest::Approx(n / 3.0).epsilon(0.05));
  }

  TEST_CASE("samples lie one behind the other; batches are addressed") {
    const TestFolder folder;
    writeTokens(folder, 100);
    const LoaderInfo info = tokenLoader(false);
    Loader loader(info, folder.path(), alone, first, 42);
    CHECK(loader.numBatches() == 3);
    for (const std::int64_t index : {0, 1, 2, 1, 0, 2}) {
      const Batch batch = loader.fetch(0, index);
      for (int i = 0; i < 32; i++) CHECK(batch.field<std::int32_t>(0)[i] == index * 32 + i);
    }
    CHECK_THROWS_AS(loader.fetch(0, 3), Fault);
  }

  TEST_CASE("the last batch of an epoch is filled from its start") {
    const TestFolder folder;
    writeTokens(folder, 48);
    const LoaderInfo info = tokenLoader(false, false);
    Loader loader(info, folder.path(), alone, first, 42);
    CHECK(loader.numBatches() == 2);
    const Batch batch = loader.fetch(0, 1);
    const int starts[] = {32, 40, 0, 8};
    for (int row = 0; row < 4; row++) CHECK(batch.field<std::int32_t>(0)[row * 8] == starts[row]);
  }

  TEST_CASE("ranks share out a batch, the same samples on every mesh") {
    const TestFolder folder;
    writeTokens(folder, 800);
    const LoaderInfo info = tokenLoader(true);
    Loader whole(info, folder.path(), alone, first, 42);
    const PerAxis degrees{1, 2, 2, 1, 1};
    std::vector<std::vector<std::int32_t>> parts;
    for (std::int64_t rank = 0; rank < 4; rank++) {
      Loader part(info, folder.path(), degrees, coordinatesOf(rank, degrees), 42);
      const Batch batch = part.fetch(5, 2);
      parts.emplace_back(batch.field<std::int32_t>(0), batch.field<std::int32_t>(0) + 8);
    }
    const Batch batch = whole.fetch(5, 2);
    for (int row = 0; row < 4; row++)
      for (int i = 0; i < 8; i++) CHECK(parts[row][i] == batch.field<std::int32_t>(0)[row * 8 + i]);
  }

  TEST_CASE("an epoch has every sample once") {
    const TestFolder folder;
    writeTokens(folder, 96);  // 12 samples
    const LoaderInfo info = tokenLoader(true);
    Loader loader(info, folder.path(), alone, first, 42);
    for (const std::int64_t epoch : {0, 1}) {
      std::vector<int> seen(12);
      for (std::int64_t index = 0; index < 3; index++) {
        const Batch batch = loader.fetch(epoch, index);
        for (int row = 0; row < 4; row++) seen[static_cast<std::size_t>(batch.field<std::int32_t>(0)[row * 8] / 8)]++;
      }
      for (const int times : seen) CHECK(times == 1);
    }
  }

  TEST_CASE("faults of token folders are named") {
    const TestFolder folder;
    const LoaderInfo info = tokenLoader(false);
    CHECK(messageOf(folder, info) == "there is no token folder FOLDER (no file FOLDER/manifest.json)");
    writeFile(folder / "manifest.json", "{\"format\":");
    CHECK(messageOf(folder, info) == "FOLDER/manifest.json is damaged: no valid JSON at byte 10: it ends too early");
    writeFile(folder / "manifest.json", "{}");
    CHECK(messageOf(folder, info) == "FOLDER/manifest.json is no manifest of a token folder");
    writeFile(folder / "manifest.json", R"({"format":"dreamc-tokens","version":2})");
    CHECK(messageOf(folder, info) == "FOLDER/manifest.json has a version that this program does not read (it reads 1)");
    writeFile(folder / "manifest.json", R"({"format":"dreamc-tokens","version":1,"splits":{"trian":{}}})");
    CHECK(messageOf(folder, info) == "FOLDER/manifest.json has no split train; did you mean trian?");
    writeFile(folder / "manifest.json", manifest(100));
    CHECK(messageOf(folder, info) ==
          "FOLDER/train.bin: the manifest names it, but it cannot be read: No such file or directory");
    writeFile(folder / "train.bin", "DREAMTOK");
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: it has 8 bytes, less than a header of 64");
    writeFile(folder / "train.bin", std::string(300, 'x'));
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: offset 0: no token file begins like this");
    writeFile(folder / "train.bin", header(2, 2, 100) + std::string(200, '\0'));
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: offset 8: version 2, this program reads 1");
    writeFile(folder / "train.bin", header(1, 4, 100) + std::string(200, '\0'));
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: offset 12: 4 bytes per token, the manifest says 2");
    writeFile(folder / "train.bin", header(1, 2, 99) + std::string(200, '\0'));
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: offset 16: 99 tokens, the manifest says 100");
    writeFile(folder / "train.bin", header(1, 2, 100) + std::string(199, '\0'));
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: truncated: 100 tokens need 264 bytes, it has 263");
    std::string tokens(200, '\0');
    tokens[21] = 1;  // token 10 is 256
    writeFile(folder / "train.bin", header(1, 2, 100) + tokens);
    CHECK(messageOf(folder, info) == "FOLDER/train.bin: offset 84: token 256 is outside the vocabulary of 100");
    writeTokens(folder, 31);
    CHECK(messageOf(folder, info) == "FOLDER (loader train) has 3 samples, less than one batch of 4");
    writeTokens(folder, 7);
    CHECK(messageOf(folder, info) == "FOLDER: split train is shorter than one sample of 8 tokens");
    CHECK(messageOf(folder, info, {1, 3, 1, 1, 1}) ==
          "loader train has batches of 4, which 3 data-parallel ranks do not divide");
  }

  TEST_CASE("tensor files give rows, and each rank its box of them") {
    const TestFolder folder;
    const std::int64_t shape[] = {4, 2, 3}, labelShape[] = {4};
    const Axis rows[] = {Axis::dpShard}, columns[] = {Axis::tp};
    const DimSplit boxes[] = {{spanOf(rows), 1}, {{}, 1}, {spanOf(columns), 1}};
    const FieldInfo fields[] = {{"x", DType::f32, spanOf(shape), spanOf(boxes)},
                                {"label", DType::i32, spanOf(labelShape), {boxes, 1}}};
    const LoaderInfo info{"data", SourceKind::tensors, nullptr, "", nullptr, 0, 0, 10, 4, false, true, spanOf(fields)};
    std::vector<float> x(60);
    std::iota(x.begin(), x.end(), 0.0f);
    std::vector<std::int64_t> labels(10);
    std::iota(labels.begin(), labels.end(), 100);
    {
      SafetensorsWriter writer(folder / "d", {{"x", FileDType::f32, {10, 2, 3}}, {"label", FileDType::i64, {10}}});
      writer.append(x.data(), 240);
      writer.append(labels.data(), 80);
      writer.finish();
    }
    const PerAxis degrees{1, 1, 2, 1, 2};
    Loader loader(info, folder / "d", degrees, {0, 0, 1, 0, 1}, 42);
    const Batch batch = loader.fetch(0, 1);  // samples 6 and 7; column 2, and padding behind it
    for (int row = 0; row < 2; row++) {
      CHECK(batch.field<std::int32_t>(1)[row] == 106 + row);
      for (int i = 0; i < 2; i++) {
        CHECK(batch.field<float>(0)[row * 4 + i * 2] == (6 + row) * 6 + i * 3 + 2);
        CHECK(batch.field<float>(0)[row * 4 + i * 2 + 1] == 0.0f);
      }
    }
  }
}
