// Safetensors: what is written reads back; what is damaged is refused by name, and never read out of bounds.
#include "checkpoint/safetensors.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "core/fault.h"
#include "dream/random.h"
#include "files.h"

using namespace dream;

namespace {

void writeSample(const std::string& path) {
  const float a[] = {1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f};
  const std::int32_t b[] = {7, -8};
  SafetensorsWriter writer(path, {{"layer.weight", FileDType::f32, {2, 3}},
                                  {"count", FileDType::i32, {2}},
                                  {"empty", FileDType::f32, {0, 4}},
                                  {"scalar", FileDType::f32, {}}});
  writer.append(a, sizeof a);
  writer.append(b, sizeof b);
  writer.append(a, 4);
  writer.finish();
}

std::string withHeader(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

std::string messageOf(const std::string& path) {
  try {
    const SafetensorsFile file(path);
  } catch (const Fault& fault) {
    return fault.what();
  }
  return "nothing is wrong";
}

}  // namespace

TEST_SUITE("safetensors") {
  TEST_CASE("a file reads back") {
    const TestFolder folder;
    writeSample(folder / "a");
    CHECK(folder.numFiles() == 1);
    const SafetensorsFile file(folder / "a");
    const FileTensor* weight = file.find("layer.weight");
    REQUIRE(weight);
    CHECK(weight->shape == std::vector<std::int64_t>{2, 3});
    CHECK(elementAt(file.data(*weight), weight->dtype, 5) == 6.0);
    CHECK(elementAt(file.data(*file.find("count")), FileDType::i32, 1) == -8.0);
    CHECK(file.find("empty")->numElements == 0);
    CHECK(file.find("scalar")->numElements == 1);
    CHECK(file.find("none") == nullptr);
  }

  TEST_CASE("elements of every type become numbers") {
    const double f64 = 0.1;
    CHECK(elementAt(reinterpret_cast<const std::byte*>(&f64), FileDType::f64, 0) == 0.1);
    const std::uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00, 0x3555};
    const auto* bytes = reinterpret_cast<const std::byte*>(halves);
    CHECK(elementAt(bytes, FileDType::f16, 0) == 1.0);
    CHECK(elementAt(bytes, FileDType::f16, 1) == -2.0);
    CHECK(elementAt(bytes, FileDType::f16, 2) == std::ldexp(1.0, -24));
    CHECK(std::isinf(elementAt(bytes, FileDType::f16, 3)));
    CHECK(std::isnan(elementAt(bytes, FileDType::f16, 4)));
    CHECK(elementAt(bytes, FileDType::f16, 5) == doctest::Approx(1.0 / 3).epsilon(1e-3));
    CHECK(elementAt(bytes, FileDType::bf16, 0) == 0.0078125);
  }

  TEST_CASE("nothing is left of a file that was not finished") {
    const TestFolder folder;
    {
      SafetensorsWriter writer(folder / "a", {{"x", FileDType::f32, {2}}});
      const float x = 1.0f;
      writer.append(&x, 4);
      CHECK_THROWS_AS(writer.finish(), Fault);
    }
    CHECK(folder.numFiles() == 0);
    CHECK_THROWS_AS(SafetensorsWriter(folder / "no/such/folder/a", {}), Fault);
    CHECK_THROWS_AS(checkWritable(folder / "no/such"), Fault);
    CHECK_THROWS_AS(checkWritable(folder.path()), Fault);
    checkWritable(folder / "b");
    CHECK(folder.numFiles() == 0);
  }

  TEST_CASE("damage is named") {
    const TestFolder folder;
    const std::string path = folder / "a";
    const auto of = [&](const std::string& header, std::size_t numBytes) {
      writeFile(path, withHeader(header, std::string(numBytes, 'x')));
      return messageOf(path).substr(path.size());
    };
    CHECK(messageOf(folder / "none") == "cannot read " + (folder / "none") + ": No such file or directory");
    writeFile(path, "abc");
    CHECK(messageOf(path) == path + " is no safetensors file: it has 3 bytes");
    writeFile(path, "12345678901234567890");
    CHECK(messageOf(path).find("is no safetensors file: its first 8 bytes promise") != std::string::npos);
    CHECK(of("[]", 0) == ": its header is no JSON object");
    CHECK(of("{\"x\"", 0) == ": its header is no valid JSON at byte 4: it ends too early (behind the first 8)");
    CHECK(of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4) ==
          " is truncated: tensor x ends at byte 8 of the data, which has 4");
    CHECK(of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9) ==
          ": 1 bytes at its end belong to no tensor");
    CHECK(of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4) ==
          ": tensor x has a range of bytes that does not fit its shape");
    CHECK(of(R"({"x":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8) ==
          ": tensor x has a dtype that is not known here");
    CHECK(of(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8) ==
          ": tensor x has a size that is no whole number");
    CHECK(of(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}})", 8) ==
          ": tensor x is too large");
    CHECK(of(R"({"x":{"dtype":"F32","data_offsets":[0,8]}})", 8) ==
          ": tensor x lacks its dtype, shape or data_offsets");
    CHECK(
        of(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
           8) == ": tensor y overlaps another or leaves a gap before it");
  }

  TEST_CASE("thousands of mutations: read in bounds, or refused") {
    const TestFolder folder;
    const std::string path = folder / "a";
    writeSample(path);
    const std::string whole = readFile(path);
    int numRefused = 0;
    for (std::uint32_t round = 0; round < 4000; round++) {
      std::string bytes = whole;
      const auto words = math::philox({round, 1, 2, 3}, 99);
      INFO("round ", round);
      const std::size_t at = words.a % bytes.size();
      switch (words.b % 4) {
        case 0:
          bytes[at] = static_cast<char>(words.c);
          break;
        case 1:
          bytes.resize(at);
          break;
        case 2:
          bytes.erase(at, 1 + words.c % 8);
          break;
        default:
          bytes.insert(at, std::string(1 + words.c % 8, "0123456789\"[]{},:"[words.d % 17]));
      }
      writeFile(path, bytes);
      try {
        const SafetensorsFile file(path);
        double sum = 0.0;
        for (const FileTensor& tensor : file.tensors())
          for (std::int64_t i = 0; i < tensor.numElements; i++) sum += elementAt(file.data(tensor), tensor.dtype, i);
        CHECK(!(sum == 1234567.0));
      } catch (const Fault&) {
        numRefused++;
      }
    }
    CHECK(numRefused > 1000);
  }
}
