// Batches of one loader: this rank's share of batch `index` of `epoch`, read ahead by a thread.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "data/source.h"

namespace dream {

class Loader {
 public:
  /** Throws a `Fault` where a batch cannot be read as the table says: too few samples, degrees that do not divide it. */
  Loader(const LoaderInfo& info, const std::string& path, const PerAxis& degrees, const PerAxis& coordinates,
         std::uint32_t seed);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  std::int64_t numBatches() const { return numBatches_; }
  /** Throws what the reading thread met. */
  Batch fetch(std::int64_t epoch, std::int64_t index);

 private:
  struct Key {
    std::int64_t epoch, index;
    auto operator<=>(const Key&) const = default;
  };
  struct Result {
    Batch batch;
    std::exception_ptr error;
  };
  void checkBatchSize(const PerAxis& degrees) const;
  Key after(Key key) const;
  Result readBatch(Key key);
  std::shared_ptr<std::byte[]> takeMemory();
  void readAhead();

  const LoaderInfo& info_;
  std::uint32_t seed_;
  std::unique_ptr<Source> source_;
  std::int64_t numBatches_ = 0;
  /** By field: this rank's span of each dim, and where the field begins in a batch's memory. */
  std::vector<std::vector<DimSpan>> spans_;
  std::vector<std::size_t> offsets_;
  std::size_t batchBytes_ = 0;

  /** Memory of batches that nobody holds any more: pages that are new cost more than what is read into them. */
  struct Spare {
    std::mutex mutex;
    std::vector<std::byte*> blocks;
    ~Spare();
  };
  std::shared_ptr<Spare> spare_ = std::make_shared<Spare>();

  static constexpr std::size_t ahead = 2;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, Result> ready_;
  /** The next batch that somebody will want; `none` until one was fetched. */
  Key next_{-1, -1};
  bool isEnding_ = false;
  std::thread thread_;
};

}  // namespace dream
