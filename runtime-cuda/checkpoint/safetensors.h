// Safetensors files: 8 bytes with the length of a JSON header, the header (name to dtype, shape and range of bytes), the
// data. Reading trusts nothing: ranges must be in the file, fit their shapes and fill the data without overlap or gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace dream {

enum class FileDType : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };
const char* nameOf(FileDType dtype);
std::int64_t elementSize(FileDType dtype);

struct FileTensor {
  std::string name;
  FileDType dtype;
  std::vector<std::int64_t> shape;
  std::int64_t numElements;
  /** From the start of the data. */
  std::int64_t begin, end;
};

/** A file mapped into memory. */
class SafetensorsFile {
 public:
  /** Throws a `Fault` that names the file and, where there is one, the offset. */
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::vector<FileTensor>& tensors() const { return tensors_; }
  const FileTensor* find(const std::string& name) const;
  const std::byte* data(const FileTensor& tensor) const { return data_ + tensor.begin; }
  const std::string& path() const { return path_; }

 private:
  void readHeader();
  std::string path_;
  std::byte* mapping_ = nullptr;
  std::size_t numBytes_ = 0;
  const std::byte* data_ = nullptr;
  std::vector<FileTensor> tensors_;
};

/** Element i as a double. */
double elementAt(const std::byte* data, FileDType dtype, std::int64_t i);

/** Tensors to be written: names, types and shapes; ranges follow from their order. */
struct TensorToWrite {
  std::string name;
  FileDType dtype;
  std::vector<std::int64_t> shape;
};

/** Writes one file front to back under another name; `finish` gives it its own. Nothing is left if it is not reached. */
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::string& path, const std::vector<TensorToWrite>& tensors);
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;
  /** The next bytes of the data. */
  void append(const void* bytes, std::size_t numBytes);
  void finish();

 private:
  [[noreturn]] void fail() const;
  std::string path_, unfinished_;
  std::FILE* file_ = nullptr;
  std::size_t numBytesLeft_ = 0;
};

/** Throws a `Fault` if a file of this path cannot be written. Leaves nothing behind. */
void checkWritable(const std::string& path);

}  // namespace dream
