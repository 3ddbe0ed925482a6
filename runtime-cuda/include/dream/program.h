// What an emitted program and the runtime say to each other. The program describes itself by one `ProgramInfo` of
// constant tables and hands it to `dream::main`; its host code and graphs then use a `Run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace dream {

enum class DType : std::uint8_t { f32, bf16, i32, boolean };
enum class Axis : std::uint8_t { pp, dpReplicate, dpShard, cp, tp };
inline constexpr int numAxes = 5;
enum class Reduction : std::uint8_t { sum, max };
enum class LogEvent : std::uint8_t { train, validation };

// ---------------------------------------------------------------------------------------------------------------------
// Constant tables. Texts are UTF-8 and live as long as the program.

template <class T>
struct Span {
  const T* data = nullptr;
  std::size_t size = 0;
  const T* begin() const { return data; }
  const T* end() const { return data + size; }
  const T& operator[](std::size_t i) const { return data[i]; }
};
/** `spanOf(array)` of a constant array. */
template <class T, std::size_t N>
constexpr Span<T> spanOf(const T (&array)[N]) {
  return {array, N};
}

enum class ConfigType : std::uint8_t { number, integer, boolean, string };

/** One leaf of the config: `--set path=value` changes it unless it is fixed. Bounds that do not apply are NaN. */
struct ConfigEntry {
  const char* path;
  ConfigType type;
  /** As JSON: `0.001`, `true`, `"data/corpus"`, `null`. */
  const char* value;
  bool isFixed;
  double minimum, exclusiveMinimum, maximum, exclusiveMaximum;
  /** JSON values that it may have; empty: any. */
  Span<const char*> choices;
};

/**
 * The axes that split one dim, outermost first; each cuts in whole units and rounds up. An extent that is not 0 is the
 * size that is cut instead of the dim's own. In head and tail order the outermost axis deals each rank two pieces.
 */
struct DimSplit {
  Span<Axis> axes;
  std::int64_t unit;
  std::int64_t extent = 0;
  bool isHeadTail = false;
};

/**
 * `count` places, of which the first `valid` exist. Place i is place `start + i` of the whole dim, and from `cut` on
 * `start + i + jump`.
 */
struct DimSpan {
  std::int64_t start, count, valid, cut, jump;
};

/** Part `index` of a span that is cut evenly into `count`, such as that of a microbatch. */
constexpr DimSpan partOf(const DimSpan& span, std::int64_t count, std::int64_t index) {
  const std::int64_t size = span.count / count, valid = span.valid - index * size;
  return {span.start + index * size, size, valid < 0 ? 0 : valid < size ? valid : size, size, 0};
}

enum class StateKind : std::uint8_t { parameter, buffer, gradient, optimizer };

/** One logical tensor that the program keeps. */
struct StateInfo {
  const char* name;
  /** Further module paths of the same tensor (tied weights). */
  Span<const char*> otherPaths;
  StateKind kind;
  DType dtype;
  /** The whole shape, and how it is split while it rests. */
  Span<std::int64_t> shape;
  Span<DimSplit> splits;
  /** Over these axes it rests as an unreduced sum (gradients between microbatches). */
  Span<Axis> partial;
  /** Bytes from the start of the area of state, by variant. */
  Span<std::int64_t> offset;
  /** The place on axis pp whose ranks alone hold it; -1: all do. */
  std::int64_t place = -1;
};

struct FieldInfo {
  const char* name;
  DType dtype;
  /** Of the whole batch; the first dim is the batch size. */
  Span<std::int64_t> shape;
  Span<DimSplit> splits;
};

enum class SourceKind : std::uint8_t { tokens, tensors };

struct LoaderInfo {
  const char* name;
  SourceKind kind;
  /** The config entry that holds the path; null: `path` is the path itself. */
  const char* pathConfig;
  const char* path;
  /** tokens: the split of the token folder, the length of a sample, the bound of tokens (0: the manifest's). */
  const char* split;
  std::int64_t sequenceLength;
  std::int64_t vocabSize;
  /** tensors: how many rows the file must have. */
  std::int64_t numSamples;
  std::int64_t batchSize;
  bool shuffle;
  bool dropLast;
  Span<FieldInfo> fields;
};

/** The two areas of memory of a rank. */
struct AreaBytes {
  std::int64_t stateBytes;
  std::int64_t arenaBytes;
};

/** A mesh with every degree known, and by place on axis pp the memory that each rank needs in it. */
struct VariantInfo {
  std::int64_t degrees[numAxes];
  Span<AreaBytes> areas;
};

/** One entry of the memory plan, for `--plan`: largest first. */
struct PlanEntry {
  const char* what;
  Span<std::int64_t> bytes;  // by variant
  /** The place on axis pp whose ranks need it. */
  std::int64_t place = 0;
};

/** A value that graphs let be observed: its whole shape, how its dims are split, and the place on axis pp that has it, or -1. */
struct ObservedInfo {
  const char* label;
  Span<std::int64_t> shape;
  Span<DimSplit> splits;
  std::int64_t place = -1;
};

class Run;

struct ProgramInfo {
  const char* name;
  const char* sourceFile;
  const char* dreamcVersion;
  /** Degrees as the config has them; 0: taken from the world size. */
  std::int64_t degrees[numAxes];
  Span<VariantInfo> variants;
  Span<ConfigEntry> config;
  Span<StateInfo> states;
  Span<LoaderInfo> loaders;
  Span<PlanEntry> plan;
  Span<ObservedInfo> observed;
  /** Parameters of the model, tied ones once. */
  std::int64_t numParameters;
  void (*runHost)(Run& run);
};

/** Everything behind `main`: flags, MPI, memory, data; runs the host code; returns the exit code. */
int main(int argc, char** argv, const ProgramInfo& program);

// ---------------------------------------------------------------------------------------------------------------------
// What host code holds.

/** A tensor between graphs: contiguous memory of its own, shared by copies of the handle. */
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, std::shared_ptr<std::byte[]> memory, std::int64_t numElements);
  /** The number in a tensor of one element. */
  double item() const;
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(memory_.get());
  }
  std::int64_t numElements() const { return numElements_; }
  DType dtype() const { return dtype_; }

 private:
  DType dtype_ = DType::f32;
  std::shared_ptr<std::byte[]> memory_;
  std::int64_t numElements_ = 0;
};

/** This rank's share of a batch. Fields in the order of the loader's table. */
class Batch {
 public:
  template <class T>
  const T* field(int index) const {
    return static_cast<const T*>(fields[index]);
  }
  static constexpr int maxFields = 16;
  const void* fields[maxFields] = {};
  /** Keeps the memory until the last copy is gone. */
  std::shared_ptr<void> owner;
};

// ---------------------------------------------------------------------------------------------------------------------
// Collectives of one axis. `Part`s are contiguous; begun in the order of the program, the same on all ranks.

struct CollectivePart {
  DType dtype;
  const void* source;
  void* target;
  /** Elements of the source. */
  std::int64_t numElements;
};

class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  /**
   * Begin; memory of the parts must not be touched before `wait(handle)`. One rank alone copies, or does nothing in
   * place. bf16 is reduced in float32.
   */
  virtual void allReduce(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) = 0;
  virtual void reduceScatter(int handle, Reduction reduction, const CollectivePart* parts, std::size_t numParts) = 0;
  virtual void allGather(int handle, const CollectivePart* parts, std::size_t numParts) = 0;
  virtual void allToAll(int handle, const CollectivePart* parts, std::size_t numParts) = 0;
  /** Every rank's source goes to the next rank's target, around the ring. Sources and targets are apart. */
  virtual void permute(int handle, const CollectivePart* parts, std::size_t numParts) = 0;
  /**
   * From this rank to rank `peer` of this communicator, which receives it under the same channel; source and target of
   * each part are the same memory. Only on the axis of a pipeline.
   */
  virtual void send(int handle, int peer, int channel, const CollectivePart* parts, std::size_t numParts);
  virtual void receive(int handle, int peer, int channel, const CollectivePart* parts, std::size_t numParts);
  /**
   * Ends all that was begun under this handle: behind a loop, that of all rounds. Ends the run with a named error if a
   * peer is dead or the deadline passes.
   */
  virtual void wait(int handle) = 0;

  using Parts = std::initializer_list<CollectivePart>;
  void allReduce(int handle, Reduction reduction, Parts parts) {
    allReduce(handle, reduction, parts.begin(), parts.size());
  }
  void reduceScatter(int handle, Reduction reduction, Parts parts) {
    reduceScatter(handle, reduction, parts.begin(), parts.size());
  }
  void allGather(int handle, Parts parts) { allGather(handle, parts.begin(), parts.size()); }
  void allToAll(int handle, Parts parts) { allToAll(handle, parts.begin(), parts.size()); }
  void permute(int handle, Parts parts) { permute(handle, parts.begin(), parts.size()); }
};

// ---------------------------------------------------------------------------------------------------------------------
// The running program.

/** A named number of a log event. */
struct Metric {
  const char* name;
  double value;
};

class Run {
 public:
  // -- for graphs
  std::byte* states() const { return states_; }
  std::byte* arena() const { return arena_; }
  int variant() const { return variant_; }
  std::int64_t degree(Axis axis) const { return degrees_[static_cast<int>(axis)]; }
  std::int64_t coordinate(Axis axis) const { return coordinates_[static_cast<int>(axis)]; }
  /** Of the rank `by` places before this one on the axis, around the ring. */
  std::int64_t coordinate(Axis axis, std::int64_t by) const {
    return (coordinate(axis) - by + degree(axis)) % degree(axis);
  }
  /** This rank's span of a dim of `size`. */
  DimSpan span(std::int64_t size, std::initializer_list<Axis> axes, std::int64_t unit, std::int64_t extent = 0,
               bool isHeadTail = false) const;
  /** That of the rank `by` places before this one on the axis `around`. */
  DimSpan turnedSpan(Axis around, std::int64_t by, std::int64_t size, std::initializer_list<Axis> axes,
                     std::int64_t unit, std::int64_t extent = 0, bool isHeadTail = false) const;
  std::uint32_t seed() const { return seed_; }
  Communicator& communicator(Axis axis);
  Tensor newTensor(DType dtype, std::int64_t numElements);
  /** Whether somebody wants observed values now. */
  bool isObserving() const { return isObserving_; }
  struct Observed {
    const char* label;
    DType dtype;
    const void* data;
    /** Whole shape, this rank's strides in elements, and how the dims are split. */
    Span<std::int64_t> shape;
    Span<std::int64_t> strides;
    Span<DimSplit> splits;
  };
  void observe(const Observed& observed);

  // -- for host code
  double configNumber(const char* path) const;
  bool configBoolean(const char* path) const;
  std::string configText(const char* path) const;
  /** Batch `index` of `epoch`, this rank's share; read ahead by a thread. */
  Batch fetch(int loader, double epoch, double index);
  /** Batches in one epoch of a loader. */
  double numBatches(int loader) const;
  /** On the first rank: a line, or text without a line's end. */
  void print(std::string_view text);
  void write(std::string_view text);
  void log(LogEvent event, double step, double epoch, std::initializer_list<Metric> metrics, double tokens,
           bool console);
  void progress(double done, double total);
  /** Weights given by `--init-from` replace the first values now. */
  void initialized();
  bool shouldStop(double step);
  double worldSize() const;
  double seconds() const;

  struct Services;

 private:
  friend struct RunAccess;
  std::byte* states_ = nullptr;
  std::byte* arena_ = nullptr;
  int variant_ = 0;
  std::int64_t degrees_[numAxes] = {1, 1, 1, 1, 1};
  std::int64_t coordinates_[numAxes] = {};
  std::uint32_t seed_ = 42;
  bool isObserving_ = false;
  Services* services_ = nullptr;
};

}  // namespace dream
