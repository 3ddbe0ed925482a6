// What a program did wrong, said so that its author finds the place; and chance, all of which comes from STANDIN_SEED.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <utility>

namespace standin {

/** The status of a program that did something CUDA leaves undefined. */
inline constexpr int exitCode = 99;

/** Prints the fault, with what there is to say of the operation that runs, and ends the program. */
[[noreturn]] void fail(const char* format, ...) __attribute__((format(printf, 1, 2)));

/** `file:line` of code, with the function that it is inlined in. `code` is an offset from the program's start. */
std::string placeOf(std::uint32_t code);
std::uint32_t offsetOf(const void* code);
/** The name of a function of the program, without its arguments. */
std::string symbolOf(const void* code);

/** 0 … n-1 */
unsigned pick(unsigned n);

template <class List>
void shuffle(List& list) {
  for (std::size_t i = list.size(); i > 1; i--) std::swap(list[i - 1], list[pick(unsigned(i))]);
}

/** The number in an environment variable: `8`, `80G`, `512M`. */
double setting(const char* name, double otherwise);

/** One call of the interface at a time; accesses of host threads wait too. */
std::recursive_mutex& interface();
struct Entered {
  std::lock_guard<std::recursive_mutex> lock{interface()};
};

}  // namespace standin
