// One thread stays two batches ahead of whoever fetches.
#include "data/loader.h"

#include <algorithm>
#include <cstdlib>

#include "core/element-size.h"
#include "core/fault.h"
#include "core/signals.h"
#include "data/permutation.h"

namespace dream {

namespace {

/** The multiple of `of` next to `n`, at least one of it. */
std::int64_t nearestMultiple(std::int64_t n, std::int64_t of) {
  const std::int64_t below = n / of * of;
  return below > 0 && n - below <= of / 2 ? below : below + of;
}

}  // namespace

Loader::Loader(const LoaderInfo& info, const std::string& path, const PerAxis& degrees, const PerAxis& coordinates,
               std::uint32_t seed)
    : info_(info), seed_(seed) {
  checkBatchSize(degrees);
  source_ = info.kind == SourceKind::tokens ? openTokens(info, path) : openTensors(info, path);
  const std::int64_t numSamples = source_->numSamples();
  if (numSamples < info.batchSize)
    throw Fault(path + " (loader " + info.name + ") has " + std::to_string(numSamples) +
                    " samples, less than one batch of " + std::to_string(info.batchSize),
                "prepare more data, or build with a smaller batch");
  numBatches_ = info.dropLast ? numSamples / info.batchSize : (numSamples + info.batchSize - 1) / info.batchSize;
  for (const FieldInfo& field : info.fields) {
    std::vector<DimSpan>& spans = spans_.emplace_back();
    std::size_t numBytes = elementSize(field.dtype);
    for (std::size_t dim = 0; dim < field.shape.size; dim++) {
      spans.push_back(spanOf(field.shape[dim], field.splits[dim], degrees, coordinates));
      numBytes *= static_cast<std::size_t>(spans.back().count);
    }
    offsets_.push_back(batchBytes_);
    batchBytes_ += (numBytes + 63) / 64 * 64;
  }
}

Loader::~Loader() {
  {
    const std::lock_guard lock(mutex_);
    isEnding_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Loader::checkBatchSize(const PerAxis& degrees) const {
  for (const FieldInfo& field : info_.fields) {
    std::int64_t copies = 1;
    for (const Axis axis : field.splits[0].axes) copies *= degrees[static_cast<std::size_t>(axis)];
    if (info_.batchSize % copies == 0) continue;
    throw Fault(
        "loader " + std::string(info_.name) + " has batches of " + std::to_string(info_.batchSize) + ", which " +
            std::to_string(copies) + " data-parallel ranks do not divide",
        "the nearest batch size that they divide is " + std::to_string(nearestMultiple(info_.batchSize, copies)));
  }
}

Loader::Key Loader::after(Key key) const {
  return key.index + 1 < numBatches_ ? Key{key.epoch, key.index + 1} : Key{key.epoch + 1, 0};
}

Loader::Spare::~Spare() {
  for (std::byte* block : blocks) std::free(block);
}

std::shared_ptr<std::byte[]> Loader::takeMemory() {
  std::byte* memory = nullptr;
  {
    const std::lock_guard lock(spare_->mutex);
    if (!spare_->blocks.empty()) {
      memory = spare_->blocks.back();
      spare_->blocks.pop_back();
    }
  }
  if (!memory) memory = static_cast<std::byte*>(std::aligned_alloc(64, std::max<std::size_t>(64, batchBytes_)));
  if (!memory) throw std::bad_alloc();
  // A batch may outlive its loader.
  return {memory, [spare = spare_](std::byte* bytes) {
            const std::lock_guard lock(spare->mutex);
            spare->blocks.push_back(bytes);
          }};
}

Loader::Result Loader::readBatch(Key key) {
  Result result;
  try {
    auto memory = takeMemory();
    const Permutation order(source_->numSamples(), seed_, static_cast<std::uint64_t>(key.epoch));
    for (std::size_t field = 0; field < spans_.size(); field++) {
      std::byte* to = memory.get() + offsets_[field];
      result.batch.fields[field] = to;
      const DimSpan& rows = spans_[field][0];
      const std::vector<DimSpan> inside(spans_[field].begin() + 1, spans_[field].end());
      std::size_t rowBytes = elementSize(info_.fields[field].dtype);
      for (const DimSpan& span : inside) rowBytes *= static_cast<std::size_t>(span.count);
      for (std::int64_t row = 0; row < rows.count; row++, to += rowBytes) {
        // Behind the last sample of an epoch comes the first again.
        const std::int64_t place = (key.index * info_.batchSize + rows.start + row) % source_->numSamples();
        source_->read(static_cast<int>(field), info_.shuffle ? order[place] : place, inside, to);
      }
    }
    result.batch.owner = memory;
  } catch (...) {
    result.error = std::current_exception();
  }
  return result;
}

void Loader::readAhead() {
  leaveSignalsToMain();
  std::unique_lock lock(mutex_);
  while (!isEnding_) {
    Key wanted = next_;
    for (std::size_t i = 0; i < ahead && ready_.count(wanted) > 0; i++) wanted = after(wanted);
    if ((ready_.size() >= ahead && wanted != next_) || ready_.count(wanted) > 0) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    Result result = readBatch(wanted);
    lock.lock();
    // Somebody may have gone elsewhere meanwhile.
    if (wanted >= next_) ready_.emplace(wanted, std::move(result));
    changed_.notify_all();
  }
}

Batch Loader::fetch(std::int64_t epoch, std::int64_t index) {
  const Key key{epoch, index};
  if (epoch < 0 || index < 0 || index >= numBatches_)
    throw Fault("loader " + std::string(info_.name) + " has no batch " + std::to_string(index) + ": an epoch has " +
                std::to_string(numBatches_));
  std::unique_lock lock(mutex_);
  const bool isExpected = key == next_;
  next_ = key;
  if (!isExpected) ready_.clear();
  if (!thread_.joinable()) thread_ = std::thread([this] { readAhead(); });
  changed_.notify_all();
  changed_.wait(lock, [&] { return ready_.count(key) > 0; });
  Result result = std::move(ready_.extract(key).mapped());
  next_ = after(key);
  changed_.notify_all();
  if (result.error) std::rethrow_exception(result.error);
  return result.batch;
}

}  // namespace dream
