// A safetensors file whose tensors share their first dim, one sample per row: one tensor for each field, by name.
#include <cstring>

#include "checkpoint/safetensors.h"
#include "core/element-size.h"
#include "core/fault.h"
#include "core/nearest.h"
#include "data/source.h"

namespace dream {

namespace {

std::string describe(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "[" + text + "]";
}

bool isStoredAs(DType wanted, FileDType stored) {
  if (wanted == DType::i32) return stored == FileDType::i32 || stored == FileDType::i64;
  return wanted == DType::f32 && (stored == FileDType::f32 || stored == FileDType::bf16 || stored == FileDType::f16);
}

class TensorSource final : public Source {
 public:
  TensorSource(const LoaderInfo& loader, const std::string& path) : file_(path), numSamples_(loader.numSamples) {
    std::vector<std::string> names;
    for (const FileTensor& tensor : file_.tensors()) names.push_back(tensor.name);
    for (const FieldInfo& field : loader.fields) {
      const FileTensor* tensor = file_.find(field.name);
      if (!tensor) throw Fault(path + " has no tensor " + field.name + didYouMean(field.name, names));
      std::vector<std::int64_t> wanted(field.shape.begin(), field.shape.end());
      wanted[0] = loader.numSamples;
      if (tensor->shape != wanted)
        throw Fault(path + ": tensor " + field.name + " has shape " + describe(tensor->shape) + ", the program reads " +
                    describe(wanted));
      if (!isStoredAs(field.dtype, tensor->dtype))
        throw Fault(path + ": tensor " + field.name + " is " + nameOf(tensor->dtype) + ", the program reads " +
                    (field.dtype == DType::i32 ? "I32 or I64" : "F32, F16 or BF16"));
      fields_.push_back({tensor, field.dtype});
    }
  }
  std::int64_t numSamples() const override { return numSamples_; }

  void read(int index, std::int64_t sample, const std::vector<DimSpan>& spans, std::byte* to) const override {
    const Field& field = fields_[static_cast<std::size_t>(index)];
    const std::int64_t first = sample * (field.tensor->numElements / numSamples_);
    // Row by row of the box: the last dim lies in one piece.
    const DimSpan last = spans.empty() ? DimSpan{0, 1, 1, 1, 0} : spans.back();
    std::int64_t numRows = 1;
    for (std::size_t dim = 0; dim + 1 < spans.size(); dim++) numRows *= spans[dim].count;
    for (std::int64_t row = 0; row < numRows; row++, to += last.count * 4) {
      const std::int64_t from = rowInSample(field, spans, row);
      const std::int64_t count = from < 0 ? 0 : last.valid;
      copyElements(field, first + from + last.start, count, to);
      std::memset(to + count * 4, 0, static_cast<std::size_t>((last.count - count) * 4));
    }
  }

 private:
  struct Field {
    const FileTensor* tensor;
    DType dtype;
  };

  /** Where in the whole sample a row of this rank's box begins; -1 if it does not exist. */
  static std::int64_t rowInSample(const Field& field, const std::vector<DimSpan>& spans, std::int64_t row) {
    if (spans.empty()) return 0;
    std::int64_t from = 0, stride = field.tensor->shape.back();
    for (std::size_t dim = spans.size() - 1; dim-- > 0;) {
      const std::int64_t i = row % spans[dim].count;
      row /= spans[dim].count;
      if (i >= spans[dim].valid) return -1;
      from += (spans[dim].start + i) * stride;
      stride *= field.tensor->shape[dim + 1];
    }
    return from;
  }

  void copyElements(const Field& field, std::int64_t first, std::int64_t count, std::byte* to) const {
    const std::byte* data = file_.data(*field.tensor);
    const FileDType stored = field.tensor->dtype;
    if (stored == FileDType::f32 || stored == FileDType::i32) {
      std::memcpy(to, data + first * 4, static_cast<std::size_t>(count * 4));
      return;
    }
    for (std::int64_t i = 0; i < count; i++) {
      const double value = elementAt(data, stored, first + i);
      if (field.dtype == DType::f32) {
        reinterpret_cast<float*>(to)[i] = static_cast<float>(value);
        continue;
      }
      if (!(value >= -2147483648.0 && value <= 2147483647.0))
        throw Fault(file_.path() + ": element " + std::to_string(first + i) + " of " + field.tensor->name +
                    " is no 32-bit integer");
      reinterpret_cast<std::int32_t*>(to)[i] = static_cast<std::int32_t>(value);
    }
  }

  SafetensorsFile file_;
  std::int64_t numSamples_;
  std::vector<Field> fields_;
};

}  // namespace

std::unique_ptr<Source> openTensors(const LoaderInfo& loader, const std::string& path) {
  return std::make_unique<TensorSource>(loader, path);
}

}  // namespace dream
