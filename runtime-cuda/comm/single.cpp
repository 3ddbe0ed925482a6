// One rank alone: collectives copy, or do nothing where source and target are the same memory.
#include <cstdlib>
#include <cstring>

#include "comm/world.h"
#include "core/element-size.h"
#include "core/fault.h"

namespace dream {

namespace {

class SingleCommunicator final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void allReduce(int, Reduction, const CollectivePart* parts, std::size_t numParts) override { copy(parts, numParts); }
  void reduceScatter(int, Reduction, const CollectivePart* parts, std::size_t numParts) override {
    copy(parts, numParts);
  }
  void allGather(int, const CollectivePart* parts, std::size_t numParts) override { copy(parts, numParts); }
  void allToAll(int, const CollectivePart* parts, std::size_t numParts) override { copy(parts, numParts); }
  void permute(int, const CollectivePart* parts, std::size_t numParts) override { copy(parts, numParts); }
  void wait(int) override {}

 private:
  static void copy(const CollectivePart* parts, std::size_t numParts) {
    for (std::size_t i = 0; i < numParts; i++) {
      const auto& [dtype, source, target, numElements] = parts[i];
      if (source != target) std::memcpy(target, source, static_cast<std::size_t>(numElements) * elementSize(dtype));
    }
  }
};

class SingleWorld final : public World {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int localRank() const override { return 0; }
  int localSize() const override { return 1; }
  std::int64_t sumOnMachine(std::int64_t number) override { return number; }
  std::unique_ptr<Communicator> split(int, bool) override { return std::make_unique<SingleCommunicator>(); }
  bool anyAsks(bool thisOne) override { return thisOne; }
  void gather(const void* bytes, std::size_t, bool takesPart,
              const std::function<void(int, const void*)>& see) override {
    if (takesPart) see(0, bytes);
  }
  void barrier() override {}
  void setStep(double) override {}
  void abort(int exitCode) override { std::_Exit(exitCode); }
};

}  // namespace

void Communicator::send(int, int, int, const CollectivePart*, std::size_t) {
  throw Fault("ranks of this axis pass nothing to each other alone");
}
void Communicator::receive(int, int, int, const CollectivePart*, std::size_t) {
  throw Fault("ranks of this axis pass nothing to each other alone");
}

std::unique_ptr<World> makeSingleWorld() { return std::make_unique<SingleWorld>(); }

}  // namespace dream
