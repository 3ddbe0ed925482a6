// Reading with every number checked before it is used; writing under a name that is given at the end.
#include "checkpoint/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/fault.h"
#include "core/json.h"
#include "core/signals.h"
#include "dream/bf16.h"

namespace dream {

namespace {

struct Type {
  const char* name;
  FileDType dtype;
  std::int64_t size;
};
constexpr Type types[] = {
    {"F64", FileDType::f64, 8},      {"F32", FileDType::f32, 4}, {"F16", FileDType::f16, 2},
    {"BF16", FileDType::bf16, 2},    {"I64", FileDType::i64, 8}, {"I32", FileDType::i32, 4},
    {"I16", FileDType::i16, 2},      {"I8", FileDType::i8, 1},   {"U8", FileDType::u8, 1},
    {"BOOL", FileDType::boolean, 1},
};
const Type& typeOf(FileDType dtype) { return types[static_cast<std::size_t>(dtype)]; }

constexpr std::int64_t maxHeaderBytes = 100'000'000;

/** The product of a shape, or -1 where it is more than a file can have. */
std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t size : shape)
    if (__builtin_mul_overflow(n, size, &n)) return -1;
  return n;
}

FileTensor parseTensor(const std::string& path, const std::string& name, const json::Value& value) {
  const auto refuse = [&](const char* what) -> void { throw Fault(path + ": tensor " + name + " " + what); };
  const json::Value* dtype = value.find("dtype");
  const json::Value* shape = value.find("shape");
  const json::Value* offsets = value.find("data_offsets");
  const std::string* dtypeName = dtype ? dtype->as<std::string>() : nullptr;
  const json::Array* sizes = shape ? shape->as<json::Array>() : nullptr;
  const json::Array* range = offsets ? offsets->as<json::Array>() : nullptr;
  if (!dtypeName || !sizes || !range || range->size() != 2) refuse("lacks its dtype, shape or data_offsets");
  const Type* type =
      std::find_if(std::begin(types), std::end(types), [&](const Type& each) { return *dtypeName == each.name; });
  if (type == std::end(types)) refuse("has a dtype that is not known here");
  FileTensor tensor{name, type->dtype, {}, 0, (*range)[0].count(), (*range)[1].count()};
  for (const json::Value& size : *sizes) {
    tensor.shape.push_back(size.count());
    if (tensor.shape.back() < 0) refuse("has a size that is no whole number");
  }
  tensor.numElements = product(tensor.shape);
  std::int64_t numBytes = 0;
  if (tensor.numElements < 0 || __builtin_mul_overflow(tensor.numElements, type->size, &numBytes))
    refuse("is too large");
  if (tensor.begin < 0 || tensor.end < tensor.begin || tensor.end - tensor.begin != numBytes)
    refuse("has a range of bytes that does not fit its shape");
  return tensor;
}

}  // namespace

const char* nameOf(FileDType dtype) { return typeOf(dtype).name; }
std::int64_t elementSize(FileDType dtype) { return typeOf(dtype).size; }

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw Fault("cannot read " + path + ": " + std::strerror(errno));
  struct stat about;
  const bool isFile = fstat(file, &about) == 0 && S_ISREG(about.st_mode);
  numBytes_ = isFile ? static_cast<std::size_t>(about.st_size) : 0;
  void* mapping = numBytes_ >= 8 ? mmap(nullptr, numBytes_, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
  close(file);
  if (!isFile || numBytes_ < 8)
    throw Fault(path + " is no safetensors file: it has " + std::to_string(numBytes_) + " bytes");
  if (mapping == MAP_FAILED) throw Fault("cannot map " + path + ": " + std::strerror(errno));
  mapping_ = static_cast<std::byte*>(mapping);
  try {
    readHeader();
  } catch (...) {
    munmap(mapping_, numBytes_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() { munmap(mapping_, numBytes_); }

void SafetensorsFile::readHeader() {
  std::uint64_t length = 0;
  std::memcpy(&length, mapping_, 8);
  if (length > static_cast<std::uint64_t>(maxHeaderBytes) || length > numBytes_ - 8)
    throw Fault(path_ + " is no safetensors file: its first 8 bytes promise a header of " + std::to_string(length) +
                " bytes, and it has " + std::to_string(numBytes_) + " bytes");
  const std::string_view text(reinterpret_cast<const char*>(mapping_) + 8, length);
  json::Value header;
  try {
    header = json::parse(text);
  } catch (const Fault& fault) {
    throw Fault(path_ + ": its header is " + fault.what() + " (behind the first 8)");
  }
  const json::Object* entries = header.as<json::Object>();
  if (!entries) throw Fault(path_ + ": its header is no JSON object");
  for (const auto& [name, value] : *entries)
    if (name != "__metadata__") tensors_.push_back(parseTensor(path_, name, value));
  data_ = mapping_ + 8 + length;
  std::vector<const FileTensor*> inOrder;
  for (const FileTensor& tensor : tensors_) inOrder.push_back(&tensor);
  std::sort(inOrder.begin(), inOrder.end(), [](const FileTensor* a, const FileTensor* b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
  });
  std::int64_t at = 0;
  const std::int64_t dataBytes = static_cast<std::int64_t>(numBytes_ - 8 - length);
  for (const FileTensor* tensor : inOrder) {
    if (tensor->end > dataBytes)
      throw Fault(path_ + " is truncated: tensor " + tensor->name + " ends at byte " + std::to_string(tensor->end) +
                  " of the data, which has " + std::to_string(dataBytes));
    if (tensor->begin != at)
      throw Fault(path_ + ": tensor " + tensor->name + " overlaps another or leaves a gap before it");
    at = tensor->end;
  }
  if (at != dataBytes)
    throw Fault(path_ + ": " + std::to_string(dataBytes - at) + " bytes at its end belong to no tensor");
}

const FileTensor* SafetensorsFile::find(const std::string& name) const {
  for (const FileTensor& tensor : tensors_)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

namespace {

float fromHalf(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31u, fraction = half & 1023u;
  if (exponent == 0) {
    const float size = static_cast<float>(fraction) * 0x1p-24f;
    return sign ? -size : size;
  }
  return bits::toFloat(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112u) << 23) | (fraction << 13));
}

template <class T>
T read(const std::byte* data, std::int64_t i) {
  T value;
  std::memcpy(&value, data + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

}  // namespace

double elementAt(const std::byte* data, FileDType dtype, std::int64_t i) {
  switch (dtype) {
    case FileDType::f64:
      return read<double>(data, i);
    case FileDType::f32:
      return read<float>(data, i);
    case FileDType::f16:
      return fromHalf(read<std::uint16_t>(data, i));
    case FileDType::bf16:
      return read<bf16>(data, i);
    case FileDType::i64:
      return static_cast<double>(read<std::int64_t>(data, i));
    case FileDType::i32:
      return read<std::int32_t>(data, i);
    case FileDType::i16:
      return read<std::int16_t>(data, i);
    case FileDType::i8:
      return read<std::int8_t>(data, i);
    case FileDType::u8:
    case FileDType::boolean:
      return read<std::uint8_t>(data, i);
  }
  return NAN;
}

// ---------------------------------------------------------------------------------------------------------------------

namespace {

std::string unfinishedName(const std::string& path) { return path + ".unfinished-" + std::to_string(getpid()); }

std::string folderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::string& path, const std::vector<TensorToWrite>& tensors)
    : path_(path), unfinished_(unfinishedName(path)) {
  std::string header = "{";
  for (const TensorToWrite& tensor : tensors) {
    const std::size_t begin = numBytesLeft_;
    numBytesLeft_ += static_cast<std::size_t>(product(tensor.shape) * elementSize(tensor.dtype));
    header += (header.size() > 1 ? "," : "") + json::quote(tensor.name) + ":{\"dtype\":\"" + nameOf(tensor.dtype) +
              "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); i++)
      header += (i > 0 ? "," : "") + std::to_string(tensor.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(numBytesLeft_) + "]}";
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  watchUnfinished(unfinished_.c_str());
  file_ = std::fopen(unfinished_.c_str(), "wb");
  if (!file_) fail();
  const std::uint64_t length = header.size();
  if (std::fwrite(&length, 8, 1, file_) != 1 || std::fwrite(header.data(), 1, header.size(), file_) != header.size()) {
    std::fclose(file_);
    std::remove(unfinished_.c_str());
    fail();
  }
}

SafetensorsWriter::~SafetensorsWriter() {
  if (file_) {
    std::fclose(file_);
    std::remove(unfinished_.c_str());
  }
  watchUnfinished(nullptr);
}

void SafetensorsWriter::fail() const { throw Fault("cannot write " + path_ + ": " + std::strerror(errno)); }

void SafetensorsWriter::append(const void* bytes, std::size_t numBytes) {
  if (numBytes > numBytesLeft_) throw Fault(path_ + ": more data than its header says");
  if (std::fwrite(bytes, 1, numBytes, file_) != numBytes) fail();
  numBytesLeft_ -= numBytes;
}

void SafetensorsWriter::finish() {
  if (numBytesLeft_ != 0) throw Fault(path_ + ": less data than its header says");
  if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) fail();
  const bool isClosed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (!isClosed || std::rename(unfinished_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    std::remove(unfinished_.c_str());
    errno = error;
    fail();
  }
  // The new name is on the disk only once its folder is.
  const int folder = open(folderOf(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  fsync(folder);
  close(folder);
}

void checkWritable(const std::string& path) {
  struct stat about;
  const std::string name = unfinishedName(path);
  if (stat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode))
    throw Fault("cannot write " + path + ": it is a folder");
  watchUnfinished(name.c_str());
  std::FILE* file = std::fopen(name.c_str(), "wb");
  if (!file) throw Fault("cannot write " + path + ": " + std::strerror(errno));
  std::fclose(file);
  std::remove(name.c_str());
  watchUnfinished(nullptr);
}

}  // namespace dream
