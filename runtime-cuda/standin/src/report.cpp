#include "report.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <random>

#include "queue.h"

namespace standin {

namespace {

const char* rankText() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (const char* text = getenv(name)) return text;
  return nullptr;
}

const char* programStart() {
  Dl_info info{};
  dladdr(reinterpret_cast<const void*>(&rankText), &info);
  return static_cast<const char*>(info.dli_fbase);
}

}  // namespace

void fail(const char* format, ...) {
  char text[4096];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  std::string end = siteOfRunning();
  const char* rank = rankText();
  fprintf(stderr, "stand-in: %s%s%s\n  (%s%sSTANDIN_SEED=%d)\n", text, end.empty() ? "" : "\n  ", end.c_str(),
          rank ? "rank " : "", rank ? (std::string(rank) + ", ").c_str() : "", int(setting("STANDIN_SEED", 0)));
  fflush(nullptr);
  _Exit(exitCode);
}

std::uint32_t offsetOf(const void* code) {
  static const char* const start = programStart();
  return code ? std::uint32_t(static_cast<const char*>(code) - start) : 0;
}

std::string placeOf(std::uint32_t code) {
  if (!code) return "";
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length < 0) return "";
  path[length] = 0;
  char command[4400];
  snprintf(command, sizeof command, "addr2line -i -s -e '%s' 0x%x 2>/dev/null", path, code - 1);
  FILE* pipe = popen(command, "r");
  if (!pipe) return "";
  std::string place;
  char line[512];
  for (int i = 0; fgets(line, sizeof line, pipe);) {
    line[strcspn(line, "\n")] = 0;
    if (char* more = strstr(line, " (discriminator")) *more = 0;
    if (strstr(line, "device-language.h") || strstr(line, "cuda_bf16.hpp") || line[0] == '?') continue;
    if (i++ == 0) place = line;
    else if (i == 2) place += std::string(", inlined at ") + line;
  }
  pclose(pipe);
  return place;
}

std::string symbolOf(const void* code) {
  Dl_info info{};
  if (!dladdr(code, &info) || !info.dli_sname) return "a kernel";
  int status = 0;
  char* text = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  std::string name = text ? text : info.dli_sname;
  free(text);
  if (name.starts_with("void ")) name = name.substr(5);
  return name.substr(0, name.find('('));
}

unsigned pick(unsigned n) {
  static std::mt19937 random([] {
    const char* rank = rankText();
    return unsigned(setting("STANDIN_SEED", 0)) * 64 + unsigned(rank ? atoi(rank) : 0);
  }());
  return random() % n;
}

double setting(const char* name, double otherwise) {
  const char* text = getenv(name);
  if (!text || !*text) return otherwise;
  char* end;
  const double value = strtod(text, &end);
  switch (*end) {
    case 'G': return value * (1 << 30);
    case 'M': return value * (1 << 20);
    case 'K': return value * (1 << 10);
    case 0: return value;
    default:
      fprintf(stderr, "stand-in: %s=%s is no number\n", name, text);
      _Exit(2);
  }
}

std::recursive_mutex& interface() {
  static std::recursive_mutex mutex;
  return mutex;
}

}  // namespace standin
