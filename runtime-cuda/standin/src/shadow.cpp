#include "shadow.h"

#include <link.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <cuda_runtime_api.h>

#include "queue.h"
#include "report.h"

/** The dynamic array of kernels: `extern __shared__ T simt_dynamic[];` */
alignas(16) thread_local char simt_dynamic[standin::maxShared];

namespace standin {

Actor actor;
thread_local bool isInKernel = false;
char* stackLow = nullptr;
char* stackHigh = nullptr;

namespace {

struct Cell {
  Actor write = {}, read = {};
};

// Cells of a piece of memory, each for 4, 2 or 1 bytes: as fine as the finest access so far.
struct Page {
  static constexpr std::size_t bytes = 1024;
  unsigned shift = 2;
  std::unique_ptr<Cell[]> cells;

  void begin(unsigned newShift) {
    shift = newShift;
    cells.reset(new Cell[bytes >> shift]);
  }
  void refine(unsigned newShift) {
    std::unique_ptr<Cell[]> finer(new Cell[bytes >> newShift]);
    for (std::size_t i = 0; i < bytes >> newShift; i++) finer[i] = cells[i >> (shift - newShift)];
    cells = std::move(finer);
    shift = newShift;
  }
};

struct Region {
  enum Kind { device, pinned, shared } kind;
  char* start;
  std::size_t size;
  bool isLive = true;
  unsigned number = 0;
  std::vector<Page> pages = {};
};

const bool checks = setting("STANDIN_CHECKS", 1) != 0;
std::map<const char*, Region> regions;
unsigned numAllocations = 0;
std::size_t bytesInUse = 0;
std::size_t dynamicSize = 0;
bool isKernels = false;  // the access that is checked is a kernel's

// Addresses of device memory and of pinned memory are of one stretch each, and never given twice.
struct Stretch {
  static constexpr std::size_t size = std::size_t{1} << 42;
  char* const start = static_cast<char*>(
      mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  std::size_t used = 4096;
  bool has(const void* address) const {
    return std::size_t(static_cast<const char*>(address) - start) < size;
  }
};
Stretch& stretch(Area area) {
  static Stretch device, pinned;
  return area == Area::device ? device : pinned;
}

// The program's own thread-local storage, in which shared variables lie.
Region& sharedRegion() {
  static Region region = [] {
    Region found{.kind = Region::shared, .start = nullptr, .size = 0};
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* result) {
          for (int i = 0; i < info->dlpi_phnum; i++) {
            if (info->dlpi_phdr[i].p_type != PT_TLS) continue;
            static_cast<Region*>(result)->start = static_cast<char*>(info->dlpi_tls_data);
            static_cast<Region*>(result)->size = info->dlpi_phdr[i].p_memsz;
          }
          return 1;  // the program comes first
        },
        &found);
    found.pages.resize(found.size / Page::bytes + 2);
    return found;
  }();
  return region;
}

bool isIn(const Region& region, const void* address) {
  return std::size_t(static_cast<const char*>(address) - region.start) < region.size;
}

Region* find(const void* address) {
  static Region* last = nullptr;
  if (last && isIn(*last, address)) return last;
  if (isKernels && isIn(sharedRegion(), address)) return &sharedRegion();
  auto next = regions.upper_bound(static_cast<const char*>(address));
  if (next == regions.begin()) return nullptr;
  Region* region = &std::prev(next)->second;
  return isIn(*region, address) ? last = region : nullptr;
}

// Has nothing ordered the recorded access before the actor's?
bool isUnordered(const Actor& past) {
  if (past.op != actor.op) {
    if (!past.op) return past.block >= actor.op;  // the host, and the operation was issued before
    return !isBeforeRunning(past.op);
  }
  if (!past.op) return false;
  if (past.kind == Actor::manyBlocks || past.block != actor.block) return !past.isLife;
  if (past.isLife || past.phase != actor.phase) return false;
  if (past.kind == Actor::manyInBlock || past.thread / 32 != actor.thread / 32) return true;
  if (past.warpPhase != actor.warpPhase) return false;
  return past.kind == Actor::manyInWarp || past.thread != actor.thread;
}

void recordRead(Actor& past) {
  if (past.kind == Actor::none || !isUnordered(past)) {
    past = actor;
  } else if (past.op != actor.op) {
    if (pick(2)) past = actor;  // several streams read
  } else if (past.block != actor.block) {
    past.kind = Actor::manyBlocks;
  } else if (past.kind == Actor::manyBlocks) {
  } else if (past.thread / 32 != actor.thread / 32) {
    past.kind = Actor::manyInBlock;
  } else if (past.kind == Actor::one) {
    past.kind = Actor::manyInWarp;
  }
}

std::string describe(const Actor& who, const char* verb) {
  std::string text = nameOf(who.op);
  if (who.op && who.code) {
    const std::string site = siteOf(who.op);
    if (!site.empty()) text += " (" + site + ")";
    if (who.kind == Actor::manyBlocks) text += ", several blocks, one of them block " + std::to_string(who.block);
    else text += ", block " + std::to_string(who.block);
    text += ", thread " + std::to_string(who.thread);
  } else if (who.op) {
    const std::string site = siteOf(who.op);
    if (!site.empty()) text += " (" + site + ")";
  }
  text += std::string(", ") + verb;
  const std::string place = placeOf(who.code);
  return place.empty() ? text : text + " at " + place;
}

std::string describe(const void* address, std::size_t bytes) {
  const auto at = static_cast<const char*>(address);
  if (at >= simt_dynamic && at < simt_dynamic + sizeof simt_dynamic)
    return "byte " + std::to_string(at - simt_dynamic) + " of " + std::to_string(dynamicSize) +
           " of dynamic shared memory";
  Region* region = find(address);
  if (region && region->kind == Region::shared) return "shared memory";
  std::string text;
  if (const Op* op = runningOp(); op && op->notes.believed)
    for (const Memory& memory : *op->notes.believed)
      if (at < memory.start + memory.bytes && at + bytes > memory.start)
        text += "byte " + std::to_string(at - memory.start) + " of " + std::to_string(memory.bytes) + " of " +
                memory.name + "; ";
  for (auto& [start, other] : regions) {
    const auto offset = at - start;
    if (other.kind == Region::shared || offset < -4096 || offset >= std::ptrdiff_t(other.size) + 4096) continue;
    const char* where = other.kind == Region::device ? "of allocation " : "of pinned allocation ";
    if (!region || region == &other)
      return text + "byte " + std::to_string(offset) + " of " + std::to_string(other.size) + " " + where +
             std::to_string(other.number) + (other.isLive ? "" : ", which is freed");
  }
  char number[32];
  snprintf(number, sizeof number, "%p", address);
  return text + "address " + number + ", which is no device memory";
}

const char* verbOf(Access access) {
  return access == Access::read ? "reads" : access == Access::write ? "writes" : "changes atomically";
}

[[noreturn]] void report(const char* what, const void* address, std::size_t bytes, Access access, const Actor* other,
                         const char* otherVerb) {
  std::string text = std::string(what) + "\n  " + describe(actor, verbOf(access)) + "\n  ";
  if (other) text += describe(*other, other->isLife ? "began a buffer's life here" : otherVerb) + "\n  ";
  text += std::to_string(bytes) + (bytes == 1 ? " byte, " : " bytes, ") + describe(address, bytes);
  fail("%s", text.c_str());
}

void checkBelief(const char* address, std::size_t bytes, Access access) {
  const Op* op = runningOp();
  if (!op || !op->notes.believed) return;
  for (const Memory& memory : *op->notes.believed)
    if (address >= memory.start && address + bytes <= memory.start + memory.bytes &&
        (access == Access::read || memory.isWritten))
      return;
  report(access == Access::read ? "the compiler does not believe that this is read"
                                : "the compiler does not believe that this is written",
         address, bytes, access, nullptr, nullptr);
}

void checkCell(Cell& cell, const char* address, std::size_t bytes, Access access) {
  if (access != Access::write && (cell.write.kind == Actor::none || cell.write.isLife))
    report(cell.write.isLife ? "read of memory that nobody has written since a buffer began to live in it"
                             : "read of memory never written",
           address, bytes, access, cell.write.isLife ? &cell.write : nullptr, "");
  const bool areAtomic = access == Access::atomic && cell.write.kind == Actor::atomic;
  if (cell.write.kind != Actor::none && !areAtomic && isUnordered(cell.write))
    report(access == Access::read ? "race: a read and a write that nothing puts in order"
                                  : "race: two writes that nothing puts in order",
           address, bytes, access, &cell.write, "writes");
  if (access == Access::read) return recordRead(cell.read);
  if (cell.read.kind != Actor::none && isUnordered(cell.read))
    report("race: a write and a read that nothing puts in order", address, bytes, access, &cell.read, "reads");
  cell.write = actor;
  if (access == Access::atomic) cell.write.kind = Actor::atomic;
}

// The cells of a range, each with its address.
template <class See>
void eachCell(Region& region, const char* address, std::size_t bytes, See see) {
  const std::size_t low = std::size_t(address - region.start), high = low + bytes;
  // Thread-local storage may begin anywhere.
  const std::size_t skew = reinterpret_cast<std::uintptr_t>(region.start) & 3;
  const std::size_t mix = (low + skew) | bytes;
  const unsigned shift = !(mix & 3) ? 2 : !(mix & 1) ? 1 : 0;
  for (std::size_t at = low + skew; at < high + skew;) {
    Page& page = region.pages[at / Page::bytes];
    if (!page.cells) page.begin(shift);
    else if (page.shift > shift) page.refine(shift);
    const std::size_t end = std::min(high + skew, (at / Page::bytes + 1) * Page::bytes);
    for (; at < end; at += std::size_t{1} << page.shift)
      see(page.cells[(at % Page::bytes) >> page.shift], region.start + at - skew);
  }
}

void check(const char* address, std::size_t bytes, Access access, std::uint32_t code) {
  actor.code = code;
  Region* region = find(address);
  if (!region && isKernels)
    report(stretch(Area::device).has(address) ? "access outside device memory" : "a kernel touches memory of the host",
           address, bytes, access, nullptr, nullptr);
  const std::size_t offset = region ? std::size_t(address - region->start) : 0;
  std::size_t end = region ? region->size : 0;
  if (region && region->kind == Region::shared) {
    if (address >= simt_dynamic && address < simt_dynamic + sizeof simt_dynamic)
      end = std::size_t(simt_dynamic - region->start) + dynamicSize;
    if (offset + bytes > end) report("access outside shared memory", address, bytes, access, nullptr, nullptr);
  }
  if (!region || offset + bytes > end)
    report("access outside device memory", address, bytes, access, nullptr, nullptr);
  if (!region->isLive) report("access to freed memory", address, bytes, access, nullptr, nullptr);
  if (isKernels && reinterpret_cast<std::uintptr_t>(address) % bytes)
    report("misaligned access", address, bytes, access, nullptr, nullptr);
  if (region->kind == Region::device && actor.op) checkBelief(address, bytes, access);
  eachCell(*region, address, bytes, [&](Cell& cell, const char*) { checkCell(cell, address, bytes, access); });
}

extern "C" const dim3 blockDim, gridDim;  // no memory of the device, though g++ reads them as if it were

bool isBuiltIn(const void* address) {
  auto within = [&](const dim3& variable) {
    return std::size_t(static_cast<const char*>(address) - reinterpret_cast<const char*>(&variable)) < sizeof(dim3);
  };
  return within(blockDim) || within(gridDim);
}

}  // namespace

void instrumented(const void* pointer, std::size_t bytes, Access access, const void* code) {
  if (!checks) return;
  const auto address = static_cast<const char*>(pointer);
  if (isInKernel) {
    if (address >= stackLow && address < stackHigh) return;
    if (isBuiltIn(address)) return;
    // The linker may have taken templates of the standard library from instrumented files, for what runs here too.
    isInKernel = false;
    isKernels = true;
    check(address, bytes, access, offsetOf(code));
    isKernels = false;
    isInKernel = true;
    return;
  }
  const bool onDevice = stretch(Area::device).has(address);
  if (!onDevice && !stretch(Area::pinned).has(address)) return;
  Entered entered;
  const Actor before = actor;
  if (!runningOp()) actor = {.block = numIssued(), .kind = Actor::one};
  if (onDevice) {
    actor.code = offsetOf(code);
    report("the host touches device memory", address, bytes, access, nullptr, nullptr);
  }
  check(address, bytes, access, offsetOf(code));
  actor = before;
}

void touch(const void* address, std::size_t bytes, Access access) {
  if (checks && bytes) check(static_cast<const char*>(address), bytes, access, 0);
}

void reportMisaligned(const void* address, const char* file, unsigned line, std::size_t alignment) {
  isInKernel = false;
  const std::string who = runningOp() ? nameOf(actor.op) + ", block " + std::to_string(actor.block) + ", thread " +
                                            std::to_string(actor.thread)
                                      : "the host";
  const char* name = strrchr(file, '/');
  fail("misaligned access\n  %s, at %s:%u\n  %p is no multiple of %zu", who.c_str(), name ? name + 1 : file, line,
       address, alignment);
}

void* allocate(Area area, std::size_t bytes) {
  constexpr std::size_t page = 4096;
  Stretch& in = stretch(area);
  // What lies behind ends with the page's end, and an untouchable page follows.
  const std::size_t whole = (bytes + page - 1) / page * page;
  char* start = in.start + in.used;
  in.used += whole + page;
  if (in.used > Stretch::size || mprotect(start, whole, PROT_READ | PROT_WRITE)) return nullptr;
  memset(start, 0xFF, whole);  // NaN as f32 and as bf16
  Region& region = regions[start] = {.kind = area == Area::device ? Region::device : Region::pinned,
                                     .start = start,
                                     .size = bytes,
                                     .number = ++numAllocations};
  region.pages.resize(bytes / Page::bytes + 2);
  if (area == Area::device) bytesInUse += bytes;
  return start;
}

bool release(Area area, void* start) {
  auto found = regions.find(static_cast<char*>(start));
  const auto kind = area == Area::device ? Region::device : Region::pinned;
  if (found == regions.end() || !found->second.isLive || found->second.kind != kind) return false;
  Region& region = found->second;
  region.isLive = false;
  region.pages.clear();
  madvise(start, (region.size + 4095) / 4096 * 4096, MADV_DONTNEED);
  if (area == Area::device) bytesInUse -= region.size;
  return true;
}

bool isDevice(const void* address) { return stretch(Area::device).has(address); }
bool isPinned(const void* address) { return stretch(Area::pinned).has(address); }
std::size_t deviceBytesInUse() { return bytesInUse; }

void beginLife(const void* pointer, std::size_t bytes) {
  if (!checks || !bytes) return;
  touch(pointer, bytes, Access::write);
  Region& region = *find(pointer);
  Actor life = actor;
  life.isLife = true;
  eachCell(region, static_cast<const char*>(pointer), bytes, [&](Cell& cell, const char*) { cell = {.write = life}; });
}

void renewShared(std::size_t dynamicBytes) {
  Region& region = sharedRegion();
  for (Page& page : region.pages)
    if (page.cells) page.begin(page.shift);
  memset(simt_dynamic, 0xFF, dynamicBytes);
  dynamicSize = dynamicBytes;
}

}  // namespace standin
