// bf16: the upper half of a float32. Arithmetic happens in float32; storing rounds to the nearest, ties to even.
#pragma once

#include <cstdint>

namespace dream {

namespace bits {
inline float toFloat(std::uint32_t word) { return __builtin_bit_cast(float, word); }
inline std::uint32_t ofFloat(float value) { return __builtin_bit_cast(std::uint32_t, value); }
}  // namespace bits

/** Two bytes that convert to and from float. NaN stays NaN, what is too large becomes infinity. */
class bf16 {
 public:
  bf16() = default;
  bf16(float value) : word_(round(value)) {}
  /** Not through a copy of an object, which g++ does not vectorize. */
  bf16& operator=(float value) {
    word_ = round(value);
    return *this;
  }
  operator float() const { return bits::toFloat(static_cast<std::uint32_t>(word_) << 16); }

 private:
  static std::uint16_t round(float value) {
    const std::uint32_t word = bits::ofFloat(value);
    const std::uint32_t rounded = (word + 0x7fffu + ((word >> 16) & 1u)) >> 16;
    const std::uint32_t quiet = (word >> 16) | 0x40u;
    return static_cast<std::uint16_t>((word & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
  std::uint16_t word_;
};
static_assert(sizeof(bf16) == 2);

}  // namespace dream
