// Token folders as `dreamc data prepare` writes them: manifest.json, and for each split a file with a header of 64 bytes
// and the tokens, 2 or 4 bytes each.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/fault.h"
#include "core/json.h"
#include "core/nearest.h"
#include "data/source.h"

namespace dream {

namespace {

constexpr std::int64_t headerBytes = 64;
constexpr char magic[] = "DREAMTOK";

struct Split {
  std::string file;
  std::int64_t numTokens, bytesPerToken, vocabSize;
};

std::string prepareHint() { return "make it with dreamc data prepare FILES... -o FOLDER"; }

Split readManifest(const std::string& folder, const std::string& split) {
  const std::string path = folder + "/manifest.json";
  std::ifstream file(path);
  if (!file) throw Fault("there is no token folder " + folder + " (no file " + path + ")", prepareHint());
  std::stringstream text;
  text << file.rdbuf();
  json::Value manifest;
  try {
    manifest = json::parse(text.str());
  } catch (const Fault& fault) {
    throw Fault(path + " is damaged: " + fault.what(), prepareHint());
  }
  const json::Value* format = manifest.find("format");
  const std::string* formatName = format ? format->as<std::string>() : nullptr;
  if (!formatName || *formatName != "dreamc-tokens")
    throw Fault(path + " is no manifest of a token folder", prepareHint());
  const json::Value* version = manifest.find("version");
  if (!version || version->count() != 1)
    throw Fault(path + " has a version that this program does not read (it reads 1)", prepareHint());
  const json::Value* splits = manifest.find("splits");
  const json::Value* found = splits ? splits->find(split) : nullptr;
  if (!found) {
    std::vector<std::string> names;
    if (const json::Object* all = splits ? splits->as<json::Object>() : nullptr)
      for (const auto& [name, value] : *all) names.push_back(name);
    throw Fault(path + " has no split " + split + didYouMean(split, names));
  }
  const json::Value* dtype = manifest.find("dtype");
  const std::string* dtypeName = dtype ? dtype->as<std::string>() : nullptr;
  const json::Value* name = found->find("file");
  const std::string* fileName = name ? name->as<std::string>() : nullptr;
  const json::Value* count = found->find("numTokens");
  const json::Value* vocabulary = manifest.find("vocabSize");
  const bool isWide = dtypeName && *dtypeName == "u32";
  if (!fileName || !count || count->count() < 0 || !vocabulary || vocabulary->count() < 1 ||
      !(isWide || (dtypeName && *dtypeName == "u16")) || fileName->find('/') != std::string::npos)
    throw Fault(path + " lacks the dtype, vocabSize, file or numTokens of split " + split, prepareHint());
  return {folder + "/" + *fileName, count->count(), isWide ? 4 : 2, vocabulary->count()};
}

class TokenSource final : public Source {
 public:
  TokenSource(const LoaderInfo& loader, const std::string& folder)
      : split_(readManifest(folder, loader.split)), length_(loader.sequenceLength) {
    vocabSize_ = loader.vocabSize > 0 ? loader.vocabSize : split_.vocabSize;
    map();
  }
  ~TokenSource() override { munmap(mapping_, numBytes_); }
  std::int64_t numSamples() const override { return split_.numTokens / length_; }

  void read(int, std::int64_t index, const std::vector<DimSpan>& spans, std::byte* to) const override {
    const DimSpan& span = spans[0];
    auto* out = reinterpret_cast<std::int32_t*>(to);
    const std::int64_t first = index * length_ + span.start;
    if (split_.bytesPerToken == 2)
      copy<std::uint16_t>(first, span.valid, out);
    else
      copy<std::uint32_t>(first, span.valid, out);
    for (std::int64_t i = span.valid; i < span.count; i++) out[i] = 0;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const { throw Fault(split_.file + ": " + what, prepareHint()); }

  void map() {
    const int file = open(split_.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) refuse(std::string("the manifest names it, but it cannot be read: ") + std::strerror(errno));
    struct stat about;
    const bool isFile = fstat(file, &about) == 0 && S_ISREG(about.st_mode);
    numBytes_ = isFile ? static_cast<std::size_t>(about.st_size) : 0;
    const bool hasHeader = numBytes_ >= static_cast<std::size_t>(headerBytes);
    void* mapping = hasHeader ? mmap(nullptr, numBytes_, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    close(file);
    if (!hasHeader) refuse("it has " + std::to_string(numBytes_) + " bytes, less than a header of 64");
    if (mapping == MAP_FAILED) refuse(std::string("it cannot be mapped: ") + std::strerror(errno));
    mapping_ = static_cast<std::byte*>(mapping);
    try {
      checkHeader();
    } catch (...) {
      munmap(mapping_, numBytes_);
      throw;
    }
  }

  void checkHeader() const {
    std::uint32_t version, bytesPerToken;
    std::uint64_t numTokens;
    std::memcpy(&version, mapping_ + 8, 4);
    std::memcpy(&bytesPerToken, mapping_ + 12, 4);
    std::memcpy(&numTokens, mapping_ + 16, 8);
    if (std::memcmp(mapping_, magic, 8) != 0) refuse("offset 0: no token file begins like this");
    if (version != 1) refuse("offset 8: version " + std::to_string(version) + ", this program reads 1");
    if (bytesPerToken != split_.bytesPerToken)
      refuse("offset 12: " + std::to_string(bytesPerToken) + " bytes per token, the manifest says " +
             std::to_string(split_.bytesPerToken));
    if (numTokens != static_cast<std::uint64_t>(split_.numTokens))
      refuse("offset 16: " + std::to_string(numTokens) + " tokens, the manifest says " +
             std::to_string(split_.numTokens));
    const std::int64_t most = (static_cast<std::int64_t>(numBytes_) - headerBytes) / split_.bytesPerToken;
    if (split_.numTokens > most)
      refuse("truncated: " + std::to_string(split_.numTokens) + " tokens need " +
             std::to_string(headerBytes + split_.numTokens * split_.bytesPerToken) + " bytes, it has " +
             std::to_string(numBytes_));
  }

  template <class Token>
  void copy(std::int64_t first, std::int64_t count, std::int32_t* out) const {
    const auto* tokens = reinterpret_cast<const Token*>(mapping_ + headerBytes) + first;
    std::uint32_t largest = 0;
    for (std::int64_t i = 0; i < count; i++) {
      const std::uint32_t token = tokens[i];
      largest = token > largest ? token : largest;
      out[i] = static_cast<std::int32_t>(token);
    }
    if (largest < static_cast<std::uint64_t>(vocabSize_)) return;
    for (std::int64_t i = 0; i < count; i++) {
      if (tokens[i] < static_cast<std::uint64_t>(vocabSize_)) continue;
      const std::int64_t offset = headerBytes + (first + i) * split_.bytesPerToken;
      throw Fault(split_.file + ": offset " + std::to_string(offset) + ": token " + std::to_string(tokens[i]) +
                      " is outside the vocabulary of " + std::to_string(vocabSize_),
                  "was it made with another tokenizer than the model is built for?");
    }
  }

  Split split_;
  std::int64_t length_, vocabSize_ = 0;
  std::byte* mapping_ = nullptr;
  std::size_t numBytes_ = 0;
};

}  // namespace

std::unique_ptr<Source> openTokens(const LoaderInfo& loader, const std::string& path) {
  auto source = std::make_unique<TokenSource>(loader, path);
  if (source->numSamples() == 0)
    throw Fault(path + ": split " + loader.split + " is shorter than one sample of " +
                    std::to_string(loader.sequenceLength) + " tokens",
                "prepare more text, or build with a shorter sequence");
  return source;
}

}  // namespace dream
