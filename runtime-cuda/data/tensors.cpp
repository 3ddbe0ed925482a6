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
        throw Fault(path + ": tensor " + field.name + " has shape " + describe(tensor->shape) + ", the program reads " + describe(wanted));
      if (!isStoredAs(field.dtype, tensor->dtype))
        throw Fault(path + ": tensor " + field.name + " is " + nameOf(tensor->dtype) + ", the program reads " +
                    (field.dtype == DType::i32 ? "I32 or I64" : "F32, F16 or BF16"));
      fields_.push_back({tensor, field.dtype});
    }
  }
  std::int64_t numSamples() const override { return numSamples_; }

  void read(int index, std::int64_t sample, const std::vector<DimSpan>& spans, std::byte* to) const override {
    const Field& field = fields_[static_cast<std::size_t>(index)];
    const std::int64_t rowElements = field.tensor->numElements / numSamples_;
    std::int64_t numPlaces = 1;
    for (const DimSpan& span : spans) numPlaces *= span.count;
    for (std::int64_t place = 0; place < numPlaces; place++) {
      const std::int64_t from = placeInSample(field, spans, place);
      auto* element = to + place * 4;
      if (from < 0) std::memset(element, 0, 4);
      else copyElement(field, sample * rowElements + from, element);
    }
  }

 private:
  struct Field {
    const FileTensor* tensor;
    DType dtype;
  };

  /** Where in the whole sample a place of this rank's box is; -1 if it does not exist. */
  static std::int64_t placeInSample(const Field& field, const std::vector<DimSpan>& spans, std::int64_t place) {
    std::int64_t from = 0, stride = 1;
    for (std::size_t dim = spans.size(); dim-- > 0;) {
      const std::int64_t i = place % spans[dim].count;
      place /= spans[dim].count;
      if (i >= spans[dim].valid) return -1;
      from += (spans[dim].start + i) * stride;
      stride *= field.tensor->shape[dim + 1];
    }
    return from;
  }

  void copyElement(const Field& field, std::int64_t at, std::byte* to) const {
    const std::byte* data = file_.data(*field.tensor);
    const FileDType stored = field.tensor->dtype;
    if (stored == FileDType::f32 || stored == FileDType::i32) {
      std::memcpy(to, data + at * 4, 4);
    } else if (field.dtype == DType::i32) {
      const double value = elementAt(data, stored, at);
      if (!(value >= -2147483648.0 && value <= 2147483647.0))
        throw Fault(file_.path() + ": element " + std::to_string(at) + " of " + field.tensor->name + " is no 32-bit integer");
      const auto integer = static_cast<std::int32_t>(value);
      std::memcpy(to, &integer, 4);
    } else {
      const auto number = static_cast<float>(elementAt(data, stored, at));
      std::memcpy(to, &number, 4);
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
